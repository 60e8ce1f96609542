//! A small server on this machine, which behaves as badly as it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::digest::{Adder, Sum};

/// What somebody asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Path with query.
    pub path: String,
    /// By small letters.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Where the wished range begins.
    pub fn from(&self) -> u64 {
        let range = self.header("range").and_then(|range| range.strip_prefix("bytes="));
        range.and_then(|range| range.trim_end_matches('-').parse().ok()).unwrap_or(0)
    }
}

/// A server that ends with the test.
#[derive(Clone)]
pub struct Server {
    pub base: String,
    pub seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers every request by `answer`, each on a thread of its own; a connection serves one.
    pub fn start(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (noted, answer) = (seen.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, answer) = (noted.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut stream = stream;
                    if let Some(request) = read(&stream) {
                        noted.lock().unwrap().push(request.clone());
                        answer(&request, &mut stream);
                    }
                });
            }
        });
        Self { base, seen }
    }

    /// What was asked for so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Request { path, headers })
}

/// Writes the head of an answer.
pub fn head(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)]) {
    let mut text = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    // Whoever asked may be gone.
    let _ = stream.write_all((text + "\r\n").as_bytes());
}

/// Writes a whole answer.
pub fn reply(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)], body: &[u8]) {
    let length = body.len().to_string();
    let mut all = vec![("Content-Length", length.as_str())];
    all.extend_from_slice(headers);
    head(stream, status, &all);
    let _ = stream.write_all(body);
}

/// How a file is given.
#[derive(Clone, Debug)]
pub enum Mood {
    /// As it should be.
    Well,
    /// Not at all.
    Status(u16, Vec<(&'static str, &'static str)>),
    /// The connection breaks after so many bytes.
    Break(usize),
    /// From the beginning, whatever was asked for.
    Whole,
    /// With one wrong byte.
    Wrong,
    /// One byte at a time, with so long between.
    Drip(Duration),
    /// The head and so many bytes, then nothing.
    Stall(usize),
    /// Somewhere else.
    Elsewhere(String),
    /// More than announced, without saying how much.
    Endless,
}

/// Gives bytes by a mood.
pub fn give(request: &Request, stream: &mut TcpStream, bytes: &[u8], mood: &Mood, headers: &[(&str, &str)]) {
    let from = usize::try_from(request.from()).unwrap();
    let from = if matches!(mood, Mood::Whole) { 0 } else { from };
    let changed = request.header("if-range").is_some_and(|tag| !headers.contains(&("ETag", tag)));
    let from = if changed { 0 } else { from };
    if from > bytes.len() {
        return reply(stream, 416, &[], b"");
    }
    let rest = &bytes[from..];
    let (length, range) =
        (rest.len().to_string(), format!("bytes {from}-{}/{}", bytes.len().saturating_sub(1), bytes.len()));
    let mut all = vec![("Content-Length", length.as_str())];
    if from > 0 {
        all.push(("Content-Range", &range));
    }
    all.extend_from_slice(headers);
    let status = if from > 0 { 206 } else { 200 };
    match mood {
        Mood::Status(status, headers) => reply(stream, *status, headers, b"no"),
        Mood::Elsewhere(to) => reply(stream, 302, &[("Location", to)], b""),
        Mood::Well | Mood::Whole => {
            head(stream, status, &all);
            let _ = stream.write_all(rest);
        }
        Mood::Wrong => {
            head(stream, status, &all);
            let mut rest = rest.to_vec();
            if let Some(last) = rest.last_mut() {
                *last ^= 1;
            }
            let _ = stream.write_all(&rest);
        }
        Mood::Break(count) => {
            head(stream, status, &all);
            let _ = stream.write_all(&rest[..rest.len().min(*count)]);
        }
        Mood::Drip(rest_time) => {
            head(stream, status, &all);
            for byte in rest {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::sleep(*rest_time);
            }
        }
        Mood::Stall(count) => {
            head(stream, status, &all);
            let _ = stream.write_all(&rest[..rest.len().min(*count)]);
            std::thread::sleep(Duration::from_secs(20));
        }
        Mood::Endless => {
            head(stream, 200, &[]);
            for _ in 0..64 {
                if stream.write_all(bytes).is_err() {
                    return;
                }
            }
        }
    }
}

/// The commit of every repository here.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The names and bytes of a repository's files, and whether each is a large one.
pub type Files = Vec<(&'static str, Vec<u8>, bool)>;

/// A hub with one repository, `ada/model`; `mood` says how the nth request for a file is answered.
pub fn hub(files: Files, mood: impl Fn(&Request, usize) -> Mood + Send + Sync + 'static) -> Server {
    let count = Mutex::new(0);
    Server::start(move |request, stream| {
        let path = request.path.split('?').next().unwrap().to_owned();
        if let Some(revision) = path.strip_prefix("/api/models/ada/model/revision/") {
            return match revision {
                "main" | "fp16" | COMMIT => reply(stream, 200, &[], list(&files).as_bytes()),
                _ => reply(stream, 404, &[("X-Error-Code", "RevisionNotFound")], b"{}"),
            };
        }
        let prefix = format!("/ada/model/resolve/{COMMIT}/");
        let file = path.strip_prefix(&prefix).and_then(|name| files.iter().find(|(known, ..)| *known == name));
        let Some((_, bytes, _)) = file else {
            return reply(stream, 404, &[("X-Error-Code", "RepoNotFound")], b"{}");
        };
        let nth = {
            let mut count = count.lock().unwrap();
            *count += 1;
            *count - 1
        };
        give(request, stream, bytes, &mood(request, nth), &[]);
    })
}

fn list(files: &Files) -> String {
    let siblings: Vec<String> = files
        .iter()
        .map(|(name, bytes, large)| {
            let (sha, git) = sums(bytes);
            let lfs = format!(r#","lfs":{{"sha256":"{sha}","size":{},"pointerSize":9}}"#, bytes.len());
            let lfs = if *large { lfs.as_str() } else { "" };
            format!(r#"{{"rfilename":{name:?},"size":{},"blobId":"{git}"{lfs}}}"#, bytes.len())
        })
        .collect();
    format!(r#"{{"id":"ada/model","sha":"{COMMIT}","siblings":[{}]}}"#, siblings.join(","))
}

/// SHA-256 and git's checksum.
pub fn sums(bytes: &[u8]) -> (String, String) {
    let sum = |sum: &Sum| {
        let mut adder = Adder::new(sum, bytes.len() as u64);
        adder.add(bytes);
        adder.end()
    };
    (sum(&Sum::Sha256(Vec::new())), sum(&Sum::Git(Vec::new())))
}
