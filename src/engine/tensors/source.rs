//! Where a file's bytes are: on disk, or in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The bytes of a file, read at any place by several threads at once.
///
/// Files are read at positions and never mapped: a mapped file that shrinks, or whose disk is taken out, would end the
/// whole process, and its pages would count beside the weights that are made of them.
#[derive(Debug)]
pub(super) enum Source {
    /// On disk, with its length when it was opened.
    File(File, u64),
    /// Built into the program.
    Static(&'static [u8]),
    /// In memory.
    Owned(Vec<u8>),
}

impl Source {
    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::File(_, length) => *length,
            Self::Static(bytes) => bytes.len() as u64,
            Self::Owned(bytes) => bytes.len() as u64,
        }
    }

    /// Fills `into` with what stands from `offset` on.
    ///
    /// # Errors
    /// When the file cannot be read or ends before.
    pub(super) fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let copy = |bytes: &[u8], into: &mut [u8]| {
            let start = usize::try_from(offset).ok();
            let part = start.and_then(|start| bytes.get(start..start.checked_add(into.len())?));
            into.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        };
        match self {
            Self::File(file, _) => read_exact_at(file, offset, into),
            Self::Static(bytes) => copy(bytes, into),
            Self::Owned(bytes) => copy(bytes, into),
        }
    }

    /// The first bytes, `most` of them where there are as many.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn head(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.len().min(most) as usize];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, into: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut into: &mut [u8]) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    // It moves the file's own cursor too, which nobody here reads by.
    while !into.is_empty() {
        match file.seek_read(into, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                into = &mut into[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A source with a cursor of its own, for readers that want one.
pub(super) struct Cursor<'a> {
    source: &'a Source,
    at: u64,
}

impl<'a> Cursor<'a> {
    /// At the beginning.
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, at: 0 }
    }
}

impl Read for Cursor<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.source.len().saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = into.len().min(left);
        if count > 0 {
            self.source.read_at(self.at, &mut into[..count])?;
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.source.len(), by),
            SeekFrom::Current(by) => (self.at, by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stops_at_the_end_and_never_before_the_start() {
        let source = Source::Owned(b"0123456789".to_vec());
        let mut cursor = Cursor::new(&source);
        assert_eq!(cursor.seek(SeekFrom::End(-3)).expect("inside"), 7);
        let mut rest = String::new();
        assert_eq!((cursor.read_to_string(&mut rest).expect("there"), rest.as_str()), (3, "789"));
        assert_eq!(cursor.seek(SeekFrom::Start(u64::MAX)).expect("a place"), u64::MAX);
        assert_eq!(cursor.read(&mut [0; 4]).expect("nothing"), 0);
        assert!(cursor.seek(SeekFrom::Current(1)).is_err() && cursor.seek(SeekFrom::End(-11)).is_err());
        assert!(source.read_at(8, &mut [0; 3]).is_err() && source.read_at(u64::MAX, &mut [0; 1]).is_err());
    }
}
