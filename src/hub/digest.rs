//! Checksums as the hub tells them: SHA-256 of large files, git's SHA-1 of small ones.

use std::fmt;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// What a file's bytes must add up to.
#[derive(Clone, PartialEq, Eq)]
pub enum Sum {
    /// SHA-256 of its bytes: 32.
    Sha256(Vec<u8>),
    /// SHA-1 of its bytes behind git's header `blob SIZE\0`: 20.
    Git(Vec<u8>),
}

impl Sum {
    /// A SHA-256 in 64 hexadecimal digits.
    pub fn sha256(hex: &str) -> Option<Self> {
        Some(Self::Sha256(bytes_of(hex, 32)?))
    }

    /// git's name of a blob in 40 hexadecimal digits.
    pub fn git(hex: &str) -> Option<Self> {
        Some(Self::Git(bytes_of(hex, 20)?))
    }

    /// In hexadecimal digits, as blobs in the cache are named.
    pub fn hex(&self) -> String {
        let (Self::Sha256(bytes) | Self::Git(bytes)) = self;
        hex(bytes)
    }

    /// What it is called.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Git(_) => "git checksum",
        }
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.hex())
    }
}

/// Adds bytes up.
#[derive(Clone)]
pub struct Adder(Context);

impl Adder {
    /// Begins; `size` is the whole file's, which git's checksum begins with.
    pub fn new(sum: &Sum, size: u64) -> Self {
        match sum {
            Sum::Sha256(_) => Self(Context::new(&SHA256)),
            Sum::Git(_) => {
                let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {size}\0").as_bytes());
                Self(context)
            }
        }
    }

    /// Takes bytes in.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What they add up to, in hexadecimal digits.
    pub fn end(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A short name for words, the same for the same words: the beginning of their SHA-256.
pub fn short_name(words: &str) -> String {
    hex(&ring::digest::digest(&SHA256, words.as_bytes()).as_ref()[..12])
}

fn bytes_of(hex: &str, count: usize) -> Option<Vec<u8>> {
    if hex.len() != 2 * count || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..count).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of(sum: &Sum, bytes: &[u8]) -> String {
        let mut adder = Adder::new(sum, bytes.len() as u64);
        bytes.chunks(2).for_each(|part| adder.add(part));
        adder.end()
    }

    #[test]
    fn checksums_are_those_of_sha256sum_and_git() {
        let sha = Sum::sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
        assert_eq!(sum_of(&sha, b"abc"), sha.hex());
        // git hash-object of "hello\n".
        let git = Sum::git("ce013625030ba8dba906f756967f9e9ca394464a").unwrap();
        assert_eq!(sum_of(&git, b"hello\n"), git.hex());
        assert_eq!((sha.kind(), git.kind()), ("SHA-256", "git checksum"));
    }

    #[test]
    fn what_is_no_checksum_is_none() {
        for bad in ["", "abc", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!((Sum::sha256(bad), Sum::git(bad)), (None, None));
        }
        assert_eq!(short_name("a").len(), 24);
        assert_ne!(short_name("a"), short_name("b"));
    }
}
