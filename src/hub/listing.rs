//! Which files a repository has: the hub's list, checked.

use serde::Deserialize;

use super::client::{Ask, Client, Of};
use super::digest::Sum;
use super::error::HubError;
use super::names;

/// The most files of a repository that are looked at.
const MOST_FILES: usize = 20_000;

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its path in the repository, checked.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// What its bytes add up to; it names the blob in the cache.
    pub sum: Sum,
}

/// What a repository has at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The commit: forty hexadecimal digits.
    pub commit: String,
    /// Its files.
    pub files: Vec<Remote>,
}

#[derive(Deserialize)]
struct Told {
    sha: Option<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    // Older answers call it so.
    oid: Option<String>,
    size: Option<u64>,
}

/// Asks the hub what a repository has at a revision.
///
/// # Errors
/// In words: no such repository or revision, private or gated, no network, an answer that makes no sense.
pub fn ask(client: &Client, id: &str, revision: &str, resting: &mut dyn FnMut()) -> Result<Listing, HubError> {
    let (org, name) = id.split_once('/').unwrap_or((id, ""));
    let mut url = client.hub.below(&["api", "models", org, name, "revision", revision]);
    url.set_query(Some("blobs=true"));
    let what = if revision == "main" { id.to_owned() } else { format!("{id}@{revision}") };
    let of = Of::Hub(id.to_owned());
    let ask = Ask { url: &url, token: client.hub.token.as_ref(), of: &of, what: &what, from: 0, tag: None };
    let text = client.text(&ask, resting)?;
    read(&text).map_err(|problem| HubError::nonsense(&super::client::host(&url), problem))
}

/// Reads the hub's answer.
fn read(text: &str) -> Result<Listing, String> {
    let told: Told = serde_json::from_str(text).map_err(|error| format!("its list cannot be read ({error})"))?;
    let commit = told.sha.filter(|sha| names::is_commit(sha)).ok_or("its list names no commit")?;
    if told.siblings.len() > MOST_FILES {
        return Err(format!("its list has {} files", told.siblings.len()));
    }
    let files = told.siblings.into_iter().map(|sibling| {
        let path = sibling.rfilename;
        if !names::is_inside(&path) {
            let plain: String = path.chars().filter(|c| !c.is_control()).take(80).collect();
            return Err(format!("it lists a file named \"{plain}\", which could lie anywhere on this computer"));
        }
        let large = sibling.lfs.as_ref();
        let sha256 = large.and_then(|lfs| lfs.sha256.as_deref().or(lfs.oid.as_deref()));
        let sum = match sha256 {
            Some(hex) => Sum::sha256(hex.trim_start_matches("sha256:")),
            None => sibling.blob_id.as_deref().and_then(Sum::git),
        };
        let size = large.and_then(|lfs| lfs.size).or(sibling.size);
        match (sum, size) {
            (Some(sum), Some(size)) => Ok(Some(Remote { path, size, sum })),
            // Without a checksum nothing can be verified: the file is as good as not there.
            _ => Ok(None),
        }
    });
    let files: Vec<Option<Remote>> = files.collect::<Result<_, String>>()?;
    Ok(Listing { commit, files: files.into_iter().flatten().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hub_s_list_is_read_with_sizes_and_checksums() {
        let text = r#"{"id":"a/b","sha":"451f4fe16113bff5a5d2269ed5ad43b0592e9a14","gated":false,"siblings":[
            {"rfilename":"unet/config.json","size":743,"blobId":"ce013625030ba8dba906f756967f9e9ca394464a"},
            {"rfilename":"unet/x.safetensors","size":9,"blobId":"ce013625030ba8dba906f756967f9e9ca394464a",
             "lfs":{"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":9,"pointerSize":135}},
            {"rfilename":"unsized.txt"}]}"#;
        let listing = read(text).unwrap();
        assert_eq!(listing.commit, "451f4fe16113bff5a5d2269ed5ad43b0592e9a14");
        let seen: Vec<_> = listing.files.iter().map(|f| (f.path.as_str(), f.size, f.sum.kind())).collect();
        assert_eq!(seen, [("unet/config.json", 743, "git checksum"), ("unet/x.safetensors", 9, "SHA-256")]);
    }

    #[test]
    fn a_hostile_list_is_refused_in_words() {
        let list = |sha: &str, name: &str| {
            let name = serde_json::to_string(name).unwrap();
            let file =
                format!(r#"{{"rfilename":{name},"size":1,"blobId":"ce013625030ba8dba906f756967f9e9ca394464a"}}"#);
            read(&format!(r#"{{"sha":"{sha}","siblings":[{file}]}}"#))
        };
        let good = "0".repeat(40);
        assert_eq!(list(&good, "a/b.txt").unwrap().files.len(), 1);
        for name in ["../../.bashrc", "/etc/passwd", "C:\\x", "a/./b", "a/\u{0}"] {
            assert!(list(&good, name).unwrap_err().contains("could lie anywhere"), "{name}");
        }
        assert!(list("../../x", "a").unwrap_err().contains("no commit"));
        assert!(read("<html>").unwrap_err().contains("cannot be read"));
        assert!(read("{}").unwrap_err().contains("no commit"));
    }
}
