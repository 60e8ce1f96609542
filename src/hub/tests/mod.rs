//! Getting, against a server on this machine that behaves badly.

mod server;
mod web;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use url::Url;

use super::cancel::Cancel;
use super::get::get;
use super::place::{Hub, Limits, Token};
use super::plan::Precision;
use super::progress::{Progress, Stage};
use super::{Got, HubError, Wanted};
use server::{COMMIT, Files, Mood, Server, hub, sums};

/// A person's folders, and a hub that is asked for models.
struct Desk {
    folder: tempfile::TempDir,
    hub: Hub,
}

impl Desk {
    fn new(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("hub").into_os_string();
        let named = |name: &str| match name {
            "HF_HUB_CACHE" => Some(cache.clone()),
            "HF_HOME" => Some(folder.path().join("home").into_os_string()),
            "HF_ENDPOINT" => Some(server.base.clone().into()),
            "HF_TOKEN" => Some("hf_secret".into()),
            _ => None,
        };
        let mut hub = Hub::from_variables(named, None).unwrap();
        hub.civitai = Url::parse(&server.base).unwrap();
        hub.limits = Limits {
            rest: Duration::from_millis(2),
            silence: Duration::from_millis(400),
            pace_time: Duration::from_millis(150),
            pace_bytes: 1000,
            ..Limits::default()
        };
        Self { folder, hub }
    }

    fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    fn root(&self) -> PathBuf {
        self.hub.cache.join("models--ada--model")
    }

    fn get(&self, text: &str) -> Result<Got, HubError> {
        self.get_with(text, &Cancel::default(), &mut |_| ())
    }

    fn get_with(&self, text: &str, cancel: &Cancel, tell: &mut dyn FnMut(&Progress)) -> Result<Got, HubError> {
        let wanted = Wanted::parse(text, &self.hub.endpoint)?;
        get(&self.hub, &wanted, Precision::Half, &self.downloads(), cancel, tell)
    }

    /// What went wrong, in words.
    fn fails(&self, text: &str) -> String {
        self.get(text).unwrap_err().to_string()
    }
}

/// Bytes that differ everywhere.
fn noise(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 31 + (at >> 8) * 7) as u8).collect()
}

fn one_file(count: usize) -> Files {
    vec![("lora.safetensors", noise(count), true)]
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    let mut names: Vec<String> =
        found.iter().map(|path| path.strip_prefix(folder).unwrap().display().to_string()).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn a_model_arrives_in_the_hub_s_own_layout_and_once() {
    let files: Files = vec![
        ("model_index.json", b"{}".to_vec(), false),
        ("unet/config.json", b"{\"a\":1}".to_vec(), false),
        ("unet/diffusion_pytorch_model.safetensors", noise(700_000), true),
        ("vae/diffusion_pytorch_model.fp16.safetensors", noise(5000), true),
        ("vae/diffusion_pytorch_model.safetensors", noise(9000), true),
        ("text_encoder/model.safetensors", noise(6000), true),
        ("tokenizer/merges.txt", noise(300), false),
        ("README.md", b"no".to_vec(), false),
    ];
    let server = hub(files.clone(), |_, _| Mood::Well);
    let desk = Desk::new(&server);
    let mut told = Vec::new();
    let got = desk.get_with("ada/model", &Cancel::default(), &mut |progress| told.push(progress.clone())).unwrap();
    let snapshot = desk.root().join("snapshots").join(COMMIT);
    assert_eq!((got.path.clone(), got.files), (snapshot.clone(), 6));
    assert_eq!(got.bytes, got.fetched);
    assert_eq!(fs::read_to_string(desk.root().join("refs/main")).unwrap(), COMMIT);
    let taken: Vec<&(&str, Vec<u8>, bool)> = files
        .iter()
        .filter(|(name, ..)| !["README.md", "vae/diffusion_pytorch_model.safetensors"].contains(name))
        .collect();
    for (name, bytes, large) in &taken {
        assert_eq!(fs::read(snapshot.join(name)).unwrap(), *bytes, "{name}");
        let (sha, git) = sums(bytes);
        let link = fs::read_link(snapshot.join(name)).unwrap();
        let up = "../".repeat(name.split('/').count() + 1);
        assert_eq!(link, Path::new(&format!("{up}blobs/{}", if *large { sha } else { git })), "{name}");
    }
    assert_eq!(files_below(&desk.root().join("blobs")).len(), taken.len(), "nothing unfinished stays");
    assert_eq!(files_below(&snapshot).len(), taken.len());
    assert!(told.iter().any(|progress| progress.stage == Stage::Looking));
    let last = told.last().unwrap();
    assert_eq!((last.done, last.total), (got.bytes, Some(got.bytes)));
    assert!(told.windows(2).all(|pair| pair[0].done <= pair[1].done), "it never goes back");

    let asked = server.seen().len();
    let again = desk.get("ada/model@main").unwrap();
    assert_eq!((again.path, again.fetched), (snapshot.clone(), 0));
    assert_eq!(server.seen().len(), asked + 1, "only the list is asked for");
    assert_eq!(super::cache::at(&desk.hub.cache, "ada/model", "main"), Some(snapshot.clone()));
    let listed = super::cache::snapshots(&desk.hub.cache, 10);
    assert_eq!(listed, [super::cache::Snapshot { id: "ada/model".into(), folder: snapshot.clone() }]);

    // Another revision at the same commit has nothing to bring.
    assert_eq!(desk.get("ada/model@fp16").unwrap().fetched, 0);
    assert_eq!(fs::read_to_string(desk.root().join("refs/fp16")).unwrap(), COMMIT);

    let mut offline = Desk::new(&server);
    assert!({
        offline.hub.offline = true;
        offline.fails("ada/model").contains("HF_HUB_OFFLINE")
    });
    offline.hub.cache.clone_from(&desk.hub.cache);
    let kept = offline.get("ada/model").unwrap();
    assert_eq!((kept.path, kept.files, kept.fetched), (snapshot, 6, 0));
}

#[test]
fn what_breaks_off_goes_on_where_it_was() {
    let server = hub(one_file(900_000), |_, nth| if nth < 3 { Mood::Break(200_000) } else { Mood::Well });
    let desk = Desk::new(&server);
    let mut rests = 0;
    let got = desk.get_with("ada/model", &Cancel::default(), &mut |progress| {
        rests += usize::from(progress.stage == Stage::Resting);
    });
    let got = got.unwrap();
    assert_eq!(fs::read(&got.path).unwrap(), noise(900_000));
    assert_eq!(got.path.file_name().unwrap(), "lora.safetensors");
    assert_eq!(rests, 3);
    let starts: Vec<u64> = server.seen().iter().skip(1).map(server::Request::from).collect();
    assert_eq!(starts[0], 0);
    assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "{starts:?}");
}

#[test]
fn what_was_cancelled_goes_on_at_the_next_try() {
    let server = hub(one_file(3_000_000), |_, nth| if nth == 0 { Mood::Stall(1_000_000) } else { Mood::Well });
    let mut desk = Desk::new(&server);
    desk.hub.limits.silence = Duration::from_secs(60);
    let cancel = Cancel::default();
    let mut at = None;
    let watched = cancel.clone();
    let stopped = desk.get_with("ada/model", &cancel, &mut |progress| {
        if progress.done >= 900_000 && at.is_none() {
            at = Some(Instant::now());
            let watched = watched.clone();
            // From another thread, while the first waits for bytes that do not come.
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                watched.cancel();
            });
        }
    });
    assert!(matches!(stopped, Err(HubError::Cancelled)), "{stopped:?}");
    assert!(at.unwrap().elapsed() < Duration::from_secs(5), "it did not wait for the server");
    let got = desk.get("ada/model").unwrap();
    assert_eq!(fs::read(&got.path).unwrap(), noise(3_000_000));
    assert!(got.fetched < 2_200_000, "{} came again", got.fetched);
    assert!(server.seen().last().unwrap().from() >= 900_000);
}

#[test]
fn a_server_that_ignores_ranges_is_taken_from_the_beginning() {
    let server = hub(one_file(500_000), |_, nth| if nth == 0 { Mood::Break(300_000) } else { Mood::Whole });
    let desk = Desk::new(&server);
    let got = desk.get("ada/model").unwrap();
    assert_eq!(fs::read(&got.path).unwrap(), noise(500_000));
}

#[test]
fn a_wrong_checksum_is_never_taken() {
    let server = hub(one_file(50_000), |_, _| Mood::Wrong);
    let desk = Desk::new(&server);
    let words = desk.fails("ada/model");
    assert!(
        words.contains("damaged") && words.contains("SHA-256") && words.contains(&sums(&noise(50_000)).0),
        "{words}"
    );
    assert_eq!(files_below(&desk.root().join("blobs")), [] as [String; 0]);
    assert_eq!(files_below(&desk.root().join("snapshots")), [] as [String; 0]);
    assert!(!desk.root().join("refs/main").exists());

    // A small file's is git's.
    let small: Files = vec![("lora.safetensors", noise(200), false)];
    let words = Desk::new(&hub(small, |_, _| Mood::Wrong)).fails("ada/model");
    assert!(words.contains("git checksum"), "{words}");
}

#[test]
fn a_damaged_beginning_is_got_anew_once() {
    let server = hub(one_file(50_000), |_, _| Mood::Well);
    let desk = Desk::new(&server);
    fs::create_dir_all(desk.root().join("blobs")).unwrap();
    let blob = desk.root().join("blobs").join(sums(&noise(50_000)).0);
    fs::write(blob.with_extension("incomplete"), vec![9; 20_000]).unwrap();
    let got = desk.get("ada/model").unwrap();
    assert_eq!(fs::read(&got.path).unwrap(), noise(50_000));
    let starts: Vec<u64> = server.seen().iter().skip(1).map(server::Request::from).collect();
    assert_eq!(starts, [20_000, 0]);
}

#[test]
fn another_server_gets_no_token() {
    let bytes = noise(1000);
    let kept = bytes.clone();
    let other = Server::start(move |request, stream| server::give(request, stream, &kept, &Mood::Well, &[]));
    let to = format!("{}/signed?x=1", other.base);
    let home = hub(vec![("lora.safetensors", bytes, true)], move |_, _| Mood::Elsewhere(to.clone()));
    let desk = Desk::new(&home);
    assert_eq!(desk.hub.token, Token::new("hf_secret"));
    desk.get("ada/model").unwrap();
    assert!(home.seen().iter().all(|request| request.header("authorization") == Some("Bearer hf_secret")));
    assert_eq!(home.seen().len(), 2);
    assert_eq!(other.seen().len(), 1);
    assert_eq!(other.seen()[0].header("authorization"), None);
}

#[test]
fn redirects_end_and_never_leave_what_is_safe() {
    let there: Arc<Mutex<String>> = Arc::default();
    let to = there.clone();
    let server = hub(one_file(10), move |_, _| Mood::Elsewhere(to.lock().unwrap().clone()));
    let desk = Desk::new(&server);
    for (to, expected) in [
        (format!("{}/ada/model/resolve/{COMMIT}/lora.safetensors", server.base), "on and on"),
        ("file:///etc/passwd".into(), "not safe"),
        ("http://example.invalid/x".into(), "not safe"),
        ("ftp://127.0.0.1/x".into(), "not safe"),
        ("http://[".into(), "nowhere"),
    ] {
        *there.lock().unwrap() = to;
        let words = desk.fails("ada/model");
        assert!(words.contains(expected), "{words}");
    }
    assert!(server.seen().len() < 40, "{}", server.seen().len());
}

#[test]
fn refusals_say_what_to_do() {
    type Refusal = (u16, &'static [(&'static str, &'static str)], &'static [&'static str]);
    let cases: [Refusal; 8] = [
        (401, &[("X-Error-Code", "RepoNotFound")], &["no such repository", "HF_TOKEN"]),
        (403, &[("X-Error-Code", "GatedRepo")], &["terms", "https://huggingface.co/ada/model", "HF_TOKEN"]),
        (403, &[], &["does not accept the token (403)"]),
        (404, &[("X-Error-Code", "EntryNotFound")], &["no such repository or file"]),
        (429, &[], &["fewer requests", "try again later"]),
        (500, &[], &["does not work at the moment (500)"]),
        (503, &[("Retry-After", "86400")], &["(503)"]),
        (418, &[], &["status 418"]),
    ];
    for (status, headers, expected) in cases {
        let headers = headers.to_vec();
        let server = hub(one_file(10), move |_, _| Mood::Status(status, headers.clone()));
        let words = Desk::new(&server).fails("ada/model");
        for expected in expected {
            assert!(words.contains(expected), "{status}: {words}");
        }
        let tries = server.seen().len() - 1;
        assert_eq!(tries, if matches!(status, 429 | 500) { 5 } else { 1 }, "{status}");
    }
    let server = hub(one_file(10), |_, _| Mood::Well);
    let desk = Desk::new(&server);
    assert!(desk.fails("ada/model@nowhere").contains("no such revision"));
    assert!(desk.fails("ada/nothing").contains("no such repository"));
    assert!(desk.fails("ada/model/other.pt").contains("no such file"));
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = hub(one_file(100), |_, nth| match nth {
        0 => Mood::Status(429, vec![("Retry-After", "0")]),
        1 => Mood::Status(503, Vec::new()),
        2 => Mood::Break(0),
        _ => Mood::Well,
    });
    let desk = Desk::new(&server);
    let got = desk.get("ada/model").unwrap();
    assert_eq!(fs::read(got.path).unwrap(), noise(100));
}

#[test]
fn a_server_that_drips_or_falls_silent_is_given_up() {
    for (mood, expected) in
        [(Mood::Drip(Duration::from_millis(20)), "bytes came in"), (Mood::Stall(10), "said nothing")]
    {
        let server = hub(one_file(5000), move |_, _| mood.clone());
        let mut desk = Desk::new(&server);
        desk.hub.limits.tries = 2;
        desk.hub.limits.silence = Duration::from_millis(200);
        let begun = Instant::now();
        let words = desk.fails("ada/model");
        assert!(words.contains(expected) && words.contains("kept"), "{words}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    // Nobody is there at all.
    let mut desk = Desk::new(&hub(one_file(1), |_, _| Mood::Well));
    desk.hub.endpoint = Url::parse("http://127.0.0.1:1").unwrap();
    let words = desk.fails("ada/model");
    assert!(words.contains("cannot be reached") && words.contains("HTTPS_PROXY"), "{words}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_before_and_while_it_fills() {
    let server = hub(one_file(700_000), |_, _| Mood::Well);
    let mut desk = Desk::new(&server);
    desk.hub.free = |_| Some(1_000_000);
    let words = desk.fails("ada/model");
    assert!(words.contains("room for 1 MB") && words.contains("700 kB"), "{words}");
    assert_eq!(server.seen().len(), 1, "no byte of it was asked for");

    // Its bytes go to a device that is always full.
    desk.hub.free = |_| None;
    fs::create_dir_all(desk.root().join("blobs")).unwrap();
    let part = desk.root().join("blobs").join(format!("{}.incomplete", sums(&noise(700_000)).0));
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    let words = desk.fails("ada/model");
    assert!(words.contains("the disk is full") && words.contains("make room"), "{words}");
    assert_eq!(server.seen().len(), 3, "a full disk is not tried again");
}

#[test]
fn absurd_sizes_and_lists_are_refused() {
    let server = hub(one_file(1000), |_, _| Mood::Well);
    let mut desk = Desk::new(&server);
    desk.hub.limits.largest = 999;
    assert!(desk.fails("ada/model").contains("which no model"));
    desk.hub.limits.largest = 1 << 30;
    desk.hub.limits.list = 50;
    assert!(desk.fails("ada/model").contains("its list is over"));
    let endless = hub(one_file(1000), |_, _| Mood::Endless);
    let words = Desk::new(&endless).fails("ada/model");
    assert!(words.contains("more than"), "{words}");
    let hostile: Files = vec![("../../../evil.safetensors", noise(10), true)];
    let words = Desk::new(&hub(hostile, |_, _| Mood::Well)).fails("ada/model");
    assert!(words.contains("could lie anywhere"), "{words}");
}

#[test]
fn two_programs_on_one_cache_get_each_file_once() {
    let server = hub(one_file(400_000), |_, _| Mood::Drip(Duration::ZERO));
    let desk = Desk::new(&server);
    let both: Vec<Got> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| desk.get("ada/model").unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(both[0].path, both[1].path);
    assert_eq!(fs::read(&both[0].path).unwrap(), noise(400_000));
    assert_eq!(both[0].fetched + both[1].fetched, 400_000);
    let files = server.seen().iter().filter(|request| request.path.contains("resolve")).count();
    assert_eq!(files, 1);
}
