//! What somebody typed or pasted: a repository, one of its files, a page of Civitai, or the address of a file.

use url::{Host, Url};

use super::error::HubError;
use super::names;

/// The most bytes that are looked at.
const LONGEST: usize = 4096;

/// Addresses of the hub that mean the hub, whatever mirror is used.
const HUBS: [&str; 3] = ["huggingface.co", "www.huggingface.co", "hf.co"];

/// What is to be got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What Podium needs of a repository.
    Repository {
        /// `org/name`.
        id: String,
        /// A branch, tag or commit; `main` where None.
        revision: Option<String>,
    },
    /// One file of a repository.
    File {
        /// `org/name`.
        id: String,
        /// A branch, tag or commit; `main` where None.
        revision: Option<String>,
        /// Its path in the repository.
        path: String,
    },
    /// A model on Civitai: its newest version, or this one.
    Civitai {
        /// The model's number.
        model: Option<u64>,
        /// The version's number.
        version: Option<u64>,
    },
    /// A file at any address.
    Web(Url),
}

impl Wanted {
    /// Reads what was typed. `endpoint` is the mirror in use, whose addresses are understood as the hub's own.
    ///
    /// # Errors
    /// In words, with what can be typed.
    pub fn parse(text: &str, endpoint: &Url) -> Result<Self, HubError> {
        let text = text.trim().trim_matches(['"', '\'', '<', '>']);
        if text.is_empty() || text.len() > LONGEST {
            return Err(unknown(text));
        }
        let known = HUBS.iter().chain(&["civitai.com", "www.civitai.com"]);
        let bare = known.into_iter().any(|host| text.strip_prefix(host).is_some_and(|rest| rest.starts_with('/')));
        if bare {
            return Self::of_address(&format!("https://{text}"), endpoint);
        }
        if text.contains("://") {
            return Self::of_address(text, endpoint);
        }
        let (path, revision) = match text.split_once('@') {
            Some((path, revision)) => (path, Some(revision.to_owned())),
            None => (text, None),
        };
        Self::of_path(path, revision).ok_or_else(|| unknown(text))
    }

    /// `org/name`, or `org/name/path/of/file.safetensors`.
    fn of_path(path: &str, revision: Option<String>) -> Option<Self> {
        if revision.as_deref().is_some_and(|revision| !names::is_revision(revision)) {
            return None;
        }
        let mut parts = path.splitn(3, '/');
        let id = format!("{}/{}", parts.next()?, parts.next()?);
        if !names::is_repository(&id) {
            return None;
        }
        match parts.next() {
            None | Some("") => Some(Self::Repository { id, revision }),
            Some(file) => (names::is_inside(file) && names::is_weights(file)).then(|| Self::File {
                id,
                revision,
                path: file.to_owned(),
            }),
        }
    }

    fn of_address(text: &str, endpoint: &Url) -> Result<Self, HubError> {
        let url = Url::parse(text).map_err(|error| {
            HubError::Address(format!("{} is no address: {error}; copy it again from the browser", shortened(text)))
        })?;
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let is_mirror = url.origin() == endpoint.origin();
        if is_mirror || HUBS.contains(&host.as_str()) {
            return Self::of_hub(&url, if is_mirror { endpoint.path() } else { "" }).ok_or_else(|| {
                HubError::Address(format!(
                    "{}: Podium takes models from the hub; write org/name, or copy the address of a model's page or of one of its files",
                    shortened(text)
                ))
            });
        }
        if matches!(host.as_str(), "civitai.com" | "www.civitai.com")
            && let Some(page) = Self::of_civitai(&url)
        {
            return Ok(page);
        }
        if !is_safe(&url) {
            return Err(HubError::Address(format!(
                "{}: only addresses that begin with https:// are taken, since on others anybody on the way can change the file",
                shortened(text)
            )));
        }
        Ok(Self::Web(url))
    }

    /// `/org/name`, `/org/name/tree/REVISION`, `/org/name/blob/REVISION/path`.
    fn of_hub(url: &Url, base: &str) -> Option<Self> {
        let path = url.path().strip_prefix(base.trim_end_matches('/')).unwrap_or(url.path());
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect::<Option<_>>()?;
        let words: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (org, name, rest) = match words.as_slice() {
            ["datasets" | "spaces" | "api" | "papers" | "collections", ..] => return None,
            [org, name, rest @ ..] => (org, name, rest),
            _ => return None,
        };
        let id = format!("{org}/{name}");
        if !names::is_repository(&id) {
            return None;
        }
        match rest {
            [] | ["tree"] => Some(Self::Repository { id, revision: None }),
            // A branch may have slashes in its name (refs/pr/1); a folder of the tree cannot be told from it, and is not wanted.
            ["tree", "refs", kind, name, ..] => {
                let revision = format!("refs/{kind}/{name}");
                names::is_revision(&revision).then_some(Self::Repository { id, revision: Some(revision) })
            }
            ["tree", revision, ..] => {
                names::is_revision(revision).then(|| Self::Repository { id, revision: Some((*revision).to_owned()) })
            }
            ["blob" | "resolve" | "raw", "refs", kind, name, path @ ..] => {
                Self::of_file(id, format!("refs/{kind}/{name}"), path)
            }
            ["blob" | "resolve" | "raw", revision, path @ ..] => Self::of_file(id, (*revision).to_owned(), path),
            _ => None,
        }
    }

    fn of_file(id: String, revision: String, path: &[&str]) -> Option<Self> {
        let path = path.join("/");
        let good = names::is_revision(&revision) && names::is_inside(&path) && names::is_weights(&path);
        good.then_some(Self::File { id, revision: Some(revision), path })
    }

    /// `/models/NUMBER/name?modelVersionId=NUMBER`; the address of a download is a file like any other.
    fn of_civitai(url: &Url) -> Option<Self> {
        let mut parts = url.path_segments()?;
        if parts.next()? != "models" {
            return None;
        }
        let model = parts.next()?.parse().ok()?;
        let version = url.query_pairs().find(|(name, _)| name == "modelVersionId");
        let version = match version {
            Some((_, number)) => Some(number.parse().ok()?),
            None => None,
        };
        Some(Self::Civitai { model: Some(model), version })
    }

    /// In words, short.
    pub fn words(&self) -> String {
        match self {
            Self::Repository { id, revision: None } => id.clone(),
            Self::Repository { id, revision: Some(revision) } => format!("{id}@{revision}"),
            Self::File { id, path, .. } => format!("{id}/{path}"),
            Self::Civitai { model: Some(model), .. } => format!("Civitai's model {model}"),
            Self::Civitai { version, .. } => format!("Civitai's version {}", version.unwrap_or_default()),
            Self::Web(url) => {
                let name = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
                format!("{} of {}", shortened(name), url.host_str().unwrap_or_default())
            }
        }
    }
}

/// Whether nobody on the way can change what comes: https, or a server on this machine.
pub fn is_safe(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

/// `%20` and the like undone; None where that is no text.
pub fn decoded(part: &str) -> Option<String> {
    let bytes = part.as_bytes();
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let digits = (*byte == b'%').then(|| part.get(at + 1..at + 3)).flatten();
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(value.unwrap_or(*byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8(plain).ok()
}

fn shortened(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    if plain.chars().count() <= 80 { plain } else { plain.chars().take(77).chain("...".chars()).collect() }
}

fn unknown(text: &str) -> HubError {
    HubError::Address(format!(
        "\"{}\" is no address of a model; write org/name as the hub has it (such as stable-diffusion-v1-5/stable-diffusion-v1-5), \
         org/name@revision, or paste an address that begins with https://",
        shortened(text)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Wanted, String> {
        let endpoint = Url::parse("https://mirror.example/hub").unwrap();
        Wanted::parse(text, &endpoint).map_err(|error| error.to_string())
    }

    fn repository(id: &str, revision: Option<&str>) -> Wanted {
        Wanted::Repository { id: id.into(), revision: revision.map(str::to_owned) }
    }

    fn file(id: &str, revision: Option<&str>, path: &str) -> Wanted {
        Wanted::File { id: id.into(), revision: revision.map(str::to_owned), path: path.into() }
    }

    #[test]
    fn ids_are_repositories_or_their_files() {
        assert_eq!(parse(" a/b "), Ok(repository("a/b", None)));
        assert_eq!(parse("a/b@fp16"), Ok(repository("a/b", Some("fp16"))));
        assert_eq!(parse("a/b@refs/pr/3"), Ok(repository("a/b", Some("refs/pr/3"))));
        assert_eq!(parse("a/b/c/d.safetensors@v1"), Ok(file("a/b", Some("v1"), "c/d.safetensors")));
        for bad in ["", "a", "a/b/readme.md", "../b", "a/b@../x", "a/b/../../x.pt", "a b/c", &"a".repeat(5000)] {
            let words = parse(bad).unwrap_err();
            assert!(words.contains("org/name") && words.len() < 500, "{words}");
        }
    }

    #[test]
    fn addresses_of_the_hub_and_of_its_mirror_are_the_same() {
        for host in ["https://huggingface.co", "http://hf.co", "huggingface.co", "https://mirror.example/hub"] {
            let at = |rest: &str| parse(&format!("{host}/{rest}"));
            assert_eq!(at("a/b"), Ok(repository("a/b", None)), "{host}");
            assert_eq!(at("a/b/tree/fp16/unet?x=1#y"), Ok(repository("a/b", Some("fp16"))), "{host}");
            assert_eq!(at("a/b/tree/refs/pr/7"), Ok(repository("a/b", Some("refs/pr/7"))), "{host}");
            assert_eq!(at("a/b/blob/main/c%20d.ckpt"), Ok(file("a/b", Some("main"), "c d.ckpt")), "{host}");
            assert_eq!(at("a/b/resolve/v1/x/y.pt?download=true"), Ok(file("a/b", Some("v1"), "x/y.pt")), "{host}");
            for bad in ["datasets/a/b", "spaces/a/b", "a", "a/b/blob/main/readme.md", "a/b/blob/main/%2e%2e/x.pt"] {
                assert!(at(bad).is_err(), "{host} {bad}");
            }
        }
    }

    #[test]
    fn pages_of_civitai_and_files_anywhere() {
        let page = |model, version| Ok(Wanted::Civitai { model: Some(model), version });
        assert_eq!(parse("https://civitai.com/models/4384/dreamshaper"), page(4384, None));
        assert_eq!(parse("civitai.com/models/4384?modelVersionId=128713"), page(4384, Some(128_713)));
        let download = "https://civitai.com/api/download/models/128713?type=Model";
        assert_eq!(parse(download), Ok(Wanted::Web(Url::parse(download).unwrap())));
        assert!(matches!(parse("https://example.org/x.safetensors"), Ok(Wanted::Web(_))));
        assert!(matches!(parse("http://127.0.0.1:80/x.safetensors"), Ok(Wanted::Web(_))));
        assert!(parse("http://example.org/x.safetensors").unwrap_err().contains("https://"));
        for bad in ["ftp://example.org/x.pt", "file:///etc/passwd", "https://", "javascript://x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn damaged_addresses_are_refused_or_stay_inside() {
        let seeds = [
            "org/name@refs/pr/1",
            "https://huggingface.co/a/b/blob/main/c%20d.ckpt?x=1",
            "https://civitai.com/models/4384/x?modelVersionId=12",
            "a/b/c/d.safetensors",
        ];
        let pieces =
            ["%", "%2e%2e", "..", "/", "\\", "@", "\u{0}", "é", "%ff", "://", "[", " ", "#", "?modelVersionId=-1"];
        // A linear congruential generator: the same damage on every machine.
        let mut state: u64 = 1;
        let mut draw = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for round in 0..20_000 {
            let mut text: Vec<char> = seeds[round % seeds.len()].chars().collect();
            for _ in 0..=draw(3) {
                let at = draw(text.len() + 1);
                let cut = (at + draw(4)).min(text.len());
                text.splice(at..cut, pieces[draw(pieces.len())].chars());
            }
            let text: String = text.into_iter().collect();
            match parse(&text) {
                Ok(Wanted::File { id, path, .. }) => {
                    assert!(names::is_repository(&id) && names::is_inside(&path), "{text:?}");
                }
                Ok(Wanted::Repository { id, revision }) => {
                    assert!(names::is_repository(&id), "{text:?}");
                    assert!(revision.is_none_or(|revision| names::is_revision(&revision)), "{text:?}");
                }
                Ok(Wanted::Web(url)) => assert!(is_safe(&url), "{text:?}"),
                Ok(Wanted::Civitai { .. }) => {}
                Err(words) => assert!(!words.is_empty() && words.len() < 600, "{words}"),
            }
        }
    }
}
