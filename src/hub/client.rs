//! Asking a server: redirects, tokens, patience, and what its refusals mean.

use std::io::Read;
use std::time::Duration;

use ureq::http::header::{HeaderMap, HeaderName};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Timeout};
use url::Url;

use super::address::is_safe;
use super::cancel::Cancel;
use super::error::HubError;
use super::place::{Hub, Limits, Token};

/// Whom it is asked of, for words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// The hub, for this repository.
    Hub(String),
    /// Civitai.
    Civitai,
    /// Somebody else.
    Web,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Where.
    pub url: &'a Url,
    /// For its own server only, wherever that sends us.
    pub token: Option<&'a Token>,
    /// Whom it is asked of.
    pub of: &'a Of,
    /// What it is called, for words.
    pub what: &'a str,
    /// Bytes that are there already.
    pub from: u64,
    /// The file's tag when they came: they count only while it is the same.
    pub tag: Option<&'a str>,
}

/// A good answer: status 200, 206 or 416.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where it came from in the end.
    pub url: Url,
    headers: HeaderMap,
    body: Body,
}

impl Answer {
    /// A header's words.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// How many bytes will come.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The server.
    pub fn host(&self) -> String {
        host(&self.url)
    }

    /// Its bytes.
    pub fn reader(self) -> impl Read {
        self.body.into_with_config().limit(u64::MAX).reader()
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let name: HeaderName = name.parse().ok()?;
    headers.get(name)?.to_str().ok()
}

/// The server of an address, for words.
pub fn host(url: &Url) -> String {
    url.host_str().unwrap_or("the server").to_owned()
}

/// Asks servers, for one piece of work.
pub struct Client<'a> {
    /// As the environment says.
    pub hub: &'a Hub,
    /// Stops it.
    pub cancel: &'a Cancel,
    agent: Agent,
}

impl<'a> Client<'a> {
    /// Opens no connection yet.
    ///
    /// # Errors
    /// When the certificates that the environment names cannot be read.
    pub fn new(hub: &'a Hub, cancel: &'a Cancel) -> Result<Self, HubError> {
        let limits = &hub.limits;
        let mut tls = TlsConfig::builder();
        if let Some(path) = &hub.certificates {
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates(path)?));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(limits.connect))
            .timeout_resolve(Some(limits.connect))
            .timeout_send_request(Some(limits.silence))
            .timeout_recv_response(Some(limits.silence))
            .timeout_per_read(Some(limits.silence))
            .user_agent(concat!("podium/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .tls_config(tls.build())
            .build();
        let agent = Agent::new_with_config(config);
        cancel.watch(&agent);
        Ok(Self { hub, cancel, agent })
    }

    /// Asks once, following redirects.
    ///
    /// # Errors
    /// In words for whatever is no good answer.
    pub fn get(&self, ask: &Ask) -> Result<Answer, HubError> {
        let mut url = ask.url.clone();
        // Once it has left its own server, the token stays at home, even where it is sent back.
        let mut at_home = true;
        for _ in 0..=self.hub.limits.redirects {
            self.cancel.check()?;
            let mut request = self.agent.get(url.as_str());
            if let Some(token) = ask.token.filter(|_| at_home && is_safe(&url)) {
                request = request.header("authorization", token.bearer());
            }
            if ask.from > 0 {
                request = request.header("range", format!("bytes={}-", ask.from));
                if let Some(tag) = ask.tag {
                    request = request.header("if-range", tag);
                }
            }
            let response = request.call().map_err(|error| self.explain(&url, error))?;
            let (parts, body) = response.into_parts();
            let status = parts.status.as_u16();
            if matches!(status, 301 | 302 | 303 | 307 | 308) {
                let next = header(&parts.headers, "location").and_then(|to| url.join(to).ok());
                let next = next.ok_or_else(|| HubError::nonsense(&host(&url), "it points nowhere else"))?;
                let stays_safe = match (url.scheme(), next.scheme()) {
                    (_, "https") => true,
                    ("http", "http") => is_safe(&next) || !is_safe(&url),
                    _ => false,
                };
                if !stays_safe {
                    let words = format!("it points to {}, which is not safe", next.origin().ascii_serialization());
                    return Err(HubError::nonsense(&host(&url), words));
                }
                at_home &= next.origin() == url.origin();
                url = next;
                continue;
            }
            let answer = Answer { status, url, headers: parts.headers, body };
            return if matches!(status, 200 | 206 | 416) { Ok(answer) } else { Err(refusal(&answer, ask)) };
        }
        Err(HubError::nonsense(
            &host(ask.url),
            format!("it points on and on, over {} times", self.hub.limits.redirects),
        ))
    }

    /// Asks for a short text, patiently.
    ///
    /// # Errors
    /// In words; when it is longer than the limit for lists, too.
    pub fn text(&self, ask: &Ask, resting: &mut dyn FnMut()) -> Result<String, HubError> {
        let mut patience = Patience::new(&self.hub.limits);
        loop {
            match self.text_once(ask) {
                Ok(text) => return Ok(text),
                Err(error) => patience.after(error, self.cancel, resting)?,
            }
        }
    }

    fn text_once(&self, ask: &Ask) -> Result<String, HubError> {
        let answer = self.get(ask)?;
        let (url, bound) = (answer.url.clone(), self.hub.limits.list);
        let mut bytes = Vec::new();
        let mut pace = Pace::new(&self.hub.limits);
        let mut reader = answer.reader();
        let mut block = [0; 16 << 10];
        loop {
            let count = reader.read(&mut block).map_err(|error| self.explain_read(&url, error))?;
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(&block[..count]);
            if bytes.len() as u64 > bound {
                return Err(HubError::nonsense(&host(&url), format!("its list is over {} MB long", bound >> 20)));
            }
            pace.came(count, &url)?;
            self.cancel.check()?;
        }
        String::from_utf8(bytes).map_err(|_| HubError::nonsense(&host(&url), "its list is no text"))
    }

    /// What a failed read means.
    pub fn explain_read(&self, url: &Url, error: std::io::Error) -> HubError {
        let inner = error.get_ref().is_some_and(|inner| inner.is::<ureq::Error>());
        if !inner {
            return self.explain(url, ureq::Error::Io(error));
        }
        match error.into_inner().map(|inner| inner.downcast::<ureq::Error>()) {
            Some(Ok(error)) => self.explain(url, *error),
            _ => self.unreachable(url, "the connection broke"),
        }
    }

    fn unreachable(&self, url: &Url, problem: impl Into<String>) -> HubError {
        if self.cancel.is_set() {
            return HubError::Cancelled;
        }
        HubError::Unreachable { host: host(url), problem: problem.into() }
    }

    fn explain(&self, url: &Url, error: ureq::Error) -> HubError {
        if self.cancel.is_set() {
            return HubError::Cancelled;
        }
        let limits = &self.hub.limits;
        match error {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                self.unreachable(url, format!("no connection came about in {} s", limits.connect.as_secs()))
            }
            ureq::Error::Timeout(_) => {
                self.unreachable(url, format!("it said nothing for {} s", limits.silence.as_secs()))
            }
            ureq::Error::HostNotFound => self.unreachable(url, "no server of that name was found"),
            ureq::Error::Io(error) => self.unreachable(url, error.to_string()),
            ureq::Error::ConnectionFailed => self.unreachable(url, "the connection failed"),
            ureq::Error::ConnectProxyFailed(words) => self.unreachable(url, format!("the proxy refuses ({words})")),
            ureq::Error::Rustls(error) => HubError::nonsense(
                &host(url),
                format!("no safe connection came about ({error}; SSL_CERT_FILE names certificates to trust)"),
            ),
            other => HubError::nonsense(&host(url), other.to_string()),
        }
    }
}

/// Certificates of a PEM file.
fn certificates(path: &std::path::Path) -> Result<Vec<Certificate<'static>>, HubError> {
    /// The most bytes of such a file; a system's own has 200,000.
    const MOST: u64 = 16 << 20;
    let refuse = |problem: String| HubError::Unusable {
        what: path.display().to_string(),
        problem: format!("SSL_CERT_FILE names it, and {problem}; name another file, or unset it"),
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| refuse(format!("it cannot be read ({error})")))?;
    file.take(MOST).read_to_end(&mut bytes).map_err(|error| refuse(format!("it cannot be read ({error})")))?;
    let found: Vec<_> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() { Err(refuse("there is no certificate in it".into())) } else { Ok(found) }
}

/// What a refusal means.
fn refusal(answer: &Answer, ask: &Ask) -> HubError {
    let what = ask.what.to_owned();
    let host = answer.host();
    let code = answer.header("x-error-code").unwrap_or_default();
    let missing = |kind, advice: &str| HubError::Missing { what: what.clone(), kind, advice: advice.into() };
    let denied = |problem: String, advice: String| HubError::Denied { what: what.clone(), problem, advice };
    let wait = answer.header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let busy = |problem: String| HubError::Busy { host: host.clone(), problem, wait };
    match (answer.status, ask.of) {
        (401 | 403, Of::Hub(id)) if code == "GatedRepo" => denied(
            "its owners want their terms accepted first".into(),
            format!(
                "open https://huggingface.co/{id} in a browser, accept them there, and set HF_TOKEN to a token of yours"
            ),
        ),
        (401 | 404, Of::Hub(_)) if code == "RepoNotFound" => missing(
            "repository",
            "check the spelling; if it is a private one, set HF_TOKEN to a token that may read it",
        ),
        (404, Of::Hub(_)) if code == "RevisionNotFound" => {
            missing("revision", "look at the repository's page for its branches, or leave the revision out")
        }
        (404, Of::Hub(_)) => missing("repository or file", "check the spelling on the repository's page"),
        (404 | 410, _) => missing("file", "copy its address from the browser again"),
        (401 | 403, of) => {
            let sent = if ask.token.is_some() { "does not accept the token" } else { "wants a login" };
            let advice = match of {
                Of::Hub(_) => "set HF_TOKEN to a token of yours that may read it",
                Of::Civitai => "set CIVITAI_API_TOKEN to a key from your account's page there",
                Of::Web => "get the file in a browser",
            };
            denied(format!("{host} {sent} ({})", answer.status), advice.into())
        }
        (451, _) => denied(format!("{host} may not give it here (451)"), "take another model".into()),
        (429, _) => busy("asks for fewer requests (429)".into()),
        (408 | 425 | 500..=599, _) => busy(format!("does not work at the moment ({})", answer.status)),
        (status, _) => HubError::nonsense(&host, format!("status {status} for {what}")),
    }
}

/// How often and how long to try again.
pub struct Patience<'a> {
    limits: &'a Limits,
    failures: u32,
}

impl<'a> Patience<'a> {
    /// Nothing has failed yet.
    pub fn new(limits: &'a Limits) -> Self {
        Self { limits, failures: 0 }
    }

    /// Something came: what failed before does not count any more.
    pub fn progress(&mut self) {
        self.failures = 0;
    }

    /// Rests after a failure that may pass.
    ///
    /// # Errors
    /// The failure itself where it will not pass, or patience is at its end.
    pub fn after(&mut self, error: HubError, cancel: &Cancel, resting: &mut dyn FnMut()) -> Result<(), HubError> {
        self.failures += 1;
        let asked = match &error {
            HubError::Busy { wait, .. } => wait.map(Duration::from_secs),
            _ => None,
        };
        let doubled = self.limits.rest.saturating_mul(1 << (self.failures - 1).min(16));
        let rest = asked.unwrap_or(doubled).max(doubled);
        if !error.may_pass() || self.failures >= self.limits.tries || rest > self.limits.longest_rest {
            return Err(error);
        }
        log::info!("{error}; another try in {:.1} s", rest.as_secs_f64());
        resting();
        cancel.rest(rest)
    }
}

/// Sees that bytes come fast enough.
pub struct Pace<'a> {
    limits: &'a Limits,
    since: std::time::Instant,
    bytes: u64,
}

impl<'a> Pace<'a> {
    /// Begins now.
    pub fn new(limits: &'a Limits) -> Self {
        Self { limits, since: std::time::Instant::now(), bytes: 0 }
    }

    /// So many bytes came.
    ///
    /// # Errors
    /// When too few come.
    pub fn came(&mut self, count: usize, url: &Url) -> Result<(), HubError> {
        self.bytes += count as u64;
        if self.since.elapsed() < self.limits.pace_time {
            return Ok(());
        }
        if self.bytes < self.limits.pace_bytes {
            let problem = format!("only {} bytes came in {} s", self.bytes, self.limits.pace_time.as_secs());
            return Err(HubError::Unreachable { host: host(url), problem });
        }
        (self.since, self.bytes) = (std::time::Instant::now(), 0);
        Ok(())
    }
}
