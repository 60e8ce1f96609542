//! Where files come from and go to, by the variables that other programs of the hub read too.
//!
//! | variable | says |
//! |-|-|
//! | `HF_HUB_CACHE` (older: `HUGGINGFACE_HUB_CACHE`) | the cache's folder |
//! | `HF_HOME` | a folder that holds the cache as `hub`, and the token as `token` |
//! | `XDG_CACHE_HOME` | where `huggingface` lies if `HF_HOME` is not set; else `~/.cache` |
//! | `HF_ENDPOINT` | a mirror in place of `https://huggingface.co` |
//! | `HF_TOKEN` (older: `HUGGING_FACE_HUB_TOKEN`), `HF_TOKEN_PATH` | the token, or the file that it is in |
//! | `HF_HUB_OFFLINE` | 1: the network is not used |
//! | `CIVITAI_API_TOKEN` (also `CIVITAI_TOKEN`) | Civitai's token |
//! | `SSL_CERT_FILE` | certificates to trust in place of the built-in ones, as a PEM file |
//! | `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` | a proxy (read by `ureq`) |

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::room;

/// The hub itself.
const HUGGING_FACE: &str = "https://huggingface.co";
/// The other place that people get models from.
const CIVITAI: &str = "https://civitai.com";

/// The most bytes of a token's file.
const MAX_TOKEN: u64 = 4096;

/// A secret that is sent to one server only. It never shows in a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token as somebody wrote it; None where it cannot be one.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        plain.then(|| Self(text.to_owned()))
    }

    /// As a header says it.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

/// How patient and how generous it is. Each bound has its words where it is met.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a server may say nothing.
    pub silence: Duration,
    /// How long a connection may take.
    pub connect: Duration,
    /// So many bytes at least must come in `pace_time`.
    pub pace_bytes: u64,
    /// See `pace_bytes`.
    pub pace_time: Duration,
    /// Tries in a row that bring nothing, before it is given up.
    pub tries: u32,
    /// The rest before the second try; it doubles with each.
    pub rest: Duration,
    /// The longest rest that a server may ask for.
    pub longest_rest: Duration,
    /// The largest file, bytes.
    pub largest: u64,
    /// The most bytes of a repository's list.
    pub list: u64,
    /// The most redirects of one request.
    pub redirects: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(60),
            connect: Duration::from_secs(20),
            pace_bytes: 32 << 10,
            pace_time: Duration::from_secs(60),
            tries: 5,
            rest: Duration::from_secs(1),
            longest_rest: Duration::from_secs(120),
            largest: 32 << 30,
            list: 16 << 20,
            redirects: 10,
        }
    }
}

/// Where files come from and go to.
#[derive(Clone, Debug)]
pub struct Hub {
    /// The cache's folder, in which every repository has its own.
    pub cache: PathBuf,
    /// The hub's address.
    pub endpoint: Url,
    /// Civitai's address.
    pub civitai: Url,
    /// The hub's token.
    pub token: Option<Token>,
    /// Civitai's token.
    pub civitai_token: Option<Token>,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// Certificates to trust in place of the built-in ones.
    pub certificates: Option<PathBuf>,
    /// How patient it is.
    pub limits: Limits,
    /// How many bytes there is room for at a place; None where the system does not say.
    pub free: fn(&Path) -> Option<u64>,
}

impl Hub {
    /// As this process's environment says. Reads a token's file, if there is one.
    ///
    /// # Errors
    /// In words, when a variable says something that cannot be followed.
    pub fn standard() -> Result<Self, String> {
        let home = directories::UserDirs::new().map(|user| user.home_dir().to_owned());
        Self::from_variables(|name| std::env::var_os(name), home)
    }

    /// As these variables say; `home` is the user's folder.
    ///
    /// # Errors
    /// In words, when a variable says something that cannot be followed.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Result<Self, String> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let folder = |name: &str| set(name).map(|value| expand(Path::new(&value), home.as_deref()));
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let at_home = || {
            let caches = folder("XDG_CACHE_HOME").or_else(|| home.as_ref().map(|home| home.join(".cache")));
            caches.unwrap_or_else(std::env::temp_dir).join("huggingface")
        };
        let hf_home = folder("HF_HOME").unwrap_or_else(at_home);
        let cache = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
        let kept = folder("HF_TOKEN_PATH").unwrap_or_else(|| hf_home.join("token"));
        let told = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN"));
        let token = told.as_deref().and_then(Token::new).or_else(|| read_token(&kept));
        let civitai_token = text("CIVITAI_API_TOKEN").or_else(|| text("CIVITAI_TOKEN"));
        let endpoint = match text("HF_ENDPOINT") {
            None => address(HUGGING_FACE)?,
            Some(text) => address(&text).map_err(|why| format!("HF_ENDPOINT says {text}, which {why}"))?,
        };
        let truth = |word: String| ["1", "true", "yes", "on"].contains(&word.trim().to_ascii_lowercase().as_str());
        let cache = cache.unwrap_or_else(|| hf_home.join("hub"));
        Ok(Self {
            cache: std::path::absolute(&cache).unwrap_or(cache),
            endpoint,
            civitai: address(CIVITAI)?,
            token,
            civitai_token: civitai_token.as_deref().and_then(Token::new),
            offline: text("HF_HUB_OFFLINE").is_some_and(truth),
            certificates: folder("SSL_CERT_FILE"),
            limits: Limits::default(),
            free: room::free,
        })
    }

    /// An address below the hub's own.
    pub(super) fn below(&self, parts: &[&str]) -> Url {
        join(&self.endpoint, parts)
    }
}

/// An address below another; each part is one word between slashes, whatever is in it.
pub(super) fn join(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

/// The address of a server.
fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim().trim_end_matches('/')).map_err(|error| format!("is no address ({error})"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err("is no address of the web: write https://...".into());
    }
    Ok(url)
}

/// `~` is the user's folder.
fn expand(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

fn read_token(path: &Path) -> Option<Token> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_TOKEN).read_to_string(&mut text).ok()?;
    Token::new(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(variables: &[(&str, &str)]) -> Hub {
        let known: Vec<(String, OsString)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        let find = |name: &str| known.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        Hub::from_variables(find, Some("/home/ada".into())).unwrap()
    }

    #[test]
    fn the_cache_lies_where_other_programs_have_it() {
        let cache = |variables: &[(&str, &str)]| hub(variables).cache;
        assert_eq!(cache(&[]), Path::new("/home/ada/.cache/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/c")]), Path::new("/c/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/c"), ("HF_HOME", "~/hf")]), Path::new("/home/ada/hf/hub"));
        assert_eq!(cache(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/models")]), Path::new("/models"));
        assert_eq!(cache(&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "")]), Path::new("/old"));
    }

    #[test]
    fn mirror_token_and_offline_are_as_the_environment_says() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hf_of_file\n").unwrap();
        let home = folder.path().to_str().unwrap();
        let kept = hub(&[("HF_HOME", home)]);
        assert_eq!(kept.token, Token::new("hf_of_file"));
        assert_eq!(kept.endpoint.as_str(), "https://huggingface.co/");
        let told = hub(&[("HF_HOME", home), ("HF_TOKEN", "hf_told"), ("HF_HUB_OFFLINE", "1")]);
        assert_eq!((told.token.clone(), told.offline), (Token::new("hf_told"), true));
        assert!(!format!("{told:?}").contains("hf_told"));
        assert!(!hub(&[("HF_HUB_OFFLINE", "0")]).offline && hub(&[("HF_HUB_OFFLINE", "YES")]).offline);
        let mirror = hub(&[("HF_ENDPOINT", "https://hf-mirror.com/hub/")]);
        assert_eq!(mirror.below(&["a", "b c", "../d"]).as_str(), "https://hf-mirror.com/hub/a/b%20c/..%2Fd");
        let broken = |name: &str| (name == "HF_ENDPOINT").then(|| OsString::from("ftp://x"));
        assert!(Hub::from_variables(broken, None).unwrap_err().contains("HF_ENDPOINT says ftp://x"));
    }

    #[test]
    fn what_cannot_be_in_a_header_is_no_token() {
        assert!(Token::new("  ").is_none() && Token::new("a\r\nX: y").is_none() && Token::new("a b").is_none());
    }
}
