//! Disks that are full, folders that vanish, sessions that end without order: what was there stays, what is new is whole or
//! not there at all, and the words say which file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::studio::small;

/// Runs the binary on a disk that takes so many bytes a file, in blocks of 512, and no more.
fn without_room(folder: &Path, blocks: u32, arguments: &[&str]) -> Output {
    // The system's own limit: a write past it fails as on a full disk, where the signal is ignored.
    let mut command = Command::new("sh");
    command.arg("-c").arg(r#"trap "" XFSZ; ulimit -f "$0"; exec "$@""#).arg(blocks.to_string());
    command.arg(env!("CARGO_BIN_EXE_podium")).args(arguments);
    command
        .current_dir(folder)
        .env("PODIUM_CACHE_DIR", folder.join("cache"))
        .env("PODIUM_HOME", folder.join("home"))
        .output()
        .expect("a shell")
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Everything below a folder but the cache, with what it holds.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if entry.file_name() != "cache" {
                    folders.push(path);
                }
            } else {
                found.insert(path.clone(), std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// That a file is one that can be used, or begins a log of whole lines.
fn assert_whole(path: &Path, bytes: &[u8], said: &str) {
    let name = path.file_name().expect("a name").to_string_lossy();
    assert!(!name.starts_with(".podium-"), "{} was left behind\n{said}", path.display());
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("png" | "jpg") => {
            let read = image::load_from_memory(bytes);
            assert!(read.is_ok(), "{} is half a picture of {} bytes\n{said}", path.display(), bytes.len());
        }
        Some("json") => {
            let read = serde_json::from_slice::<serde_json::Value>(bytes);
            assert!(read.is_ok(), "{} is half a text\n{said}", path.display());
        }
        Some("txt" | "ron" | "md" | "html") => assert!(!bytes.is_empty(), "{} is empty\n{said}", path.display()),
        _ => {}
    }
}

#[cfg(unix)]
#[test]
fn a_command_that_finds_no_room_says_which_file_and_leaves_nothing_half() {
    let folder = tempfile::tempdir().expect("temporary");
    let at = folder.path();
    let mut project = small("beach", 2);
    project.settings.layout_alignment.enabled = false;
    podium::project::file::save(&at.join("small.ron"), &project).expect("written");
    let ready: [&[&str]; 3] = [
        &["plush", "photos", "mint_cat", "photos", "--count", "3"],
        &["plush", "pictures", "truth", "--of", "mint_cat,plum_dog", "--count", "1"],
        &["plush", "draw", "truth/0.json", "wide.png", "--side", "512"],
    ];
    for arguments in ready {
        let done = Command::new(env!("CARGO_BIN_EXE_podium")).args(arguments).current_dir(at).output();
        let done = done.expect("the binary starts");
        assert!(done.status.success(), "{}", words(&done));
    }
    // Files that stand where something is to be written: they are what a person would lose.
    for old in ["out.png", "placed.png", "cut.png", "drawn.png", "words.safetensors"] {
        std::fs::copy(at.join("photos/0.png"), at.join(old)).expect("copied");
    }
    // What is run, and the file that its words name.
    let commands: [(u32, &[&str], &str); 11] = [
        (8, &["render", "small.ron", "-o", "out.png", "--device", "flex"], "out.png"),
        (0, &["render", "small.ron", "-o", "new.png", "--record", "steps", "--device", "flex"], "steps"),
        (8, &["cut", "wide.png", "--out", "cut.png", "--rect", "10,10,400,400"], "cut.png"),
        (8, &["plush", "photos", "plum_dog", "more", "--count", "1"], "more"),
        (8, &["plush", "draw", "truth/0.json", "drawn.png"], "drawn.png"),
        (8, &["plush", "scenes", "scenes"], "scenes"),
        (8, &["plush", "cutouts", "cutouts"], "cutouts"),
        (0, &["collect", "small.ron", "--out", "all"], "all"),
        (
            8,
            &[
                "compare",
                "small.ron",
                "--set",
                "guidance_scale=2",
                "--seeds",
                "2",
                "--out",
                "sides",
                "--device",
                "flex",
            ],
            "sides",
        ),
        (
            8,
            &[
                "place",
                "photos/1.png",
                "-o",
                "placed.png",
                "-p",
                "a cat in the desert",
                "--replace",
                "photos/1.mask.png=assets:miniature/concepts/mint_cat.safetensors:cat",
                "--set",
                "steps=2",
                "--device",
                "flex",
            ],
            "pasted-",
        ),
        (
            8,
            &[
                "train",
                "photos",
                "--name",
                "words",
                "--class-word",
                "cat",
                "--steps",
                "1",
                "--set",
                "batch=1",
                "--set",
                "size=64",
                "--device",
                "flex",
                "-o",
                "words.safetensors",
            ],
            "words",
        ),
    ];
    let before = everything(at);
    for (blocks, arguments, file) in commands {
        let done = without_room(at, blocks, arguments);
        let said = format!("podium {}\n{}", arguments.join(" "), words(&done));
        assert!(!done.status.success(), "it found room: {said}");
        assert!(done.status.code().is_some_and(|code| code != 101), "it was ended, not told: {said}");
        let named = String::from_utf8_lossy(&done.stderr).lines().any(|line| line.contains(file));
        assert!(named && said.contains("too large"), "which file, and why? {said}");
        for (path, bytes) in everything(at) {
            match before.get(&path) {
                Some(old) => assert!(*old == bytes, "{} was changed: {said}", path.display()),
                None => assert_whole(&path, &bytes, &said),
            }
        }
    }
}

#[cfg(feature = "gui")]
mod sessions {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use podium::engine::device::DeviceChoice;
    use podium::project::{Canvas, Project, file};
    use podium::studio::places::Places;
    use podium::studio::session::autosave::Autosave;
    use podium::studio::{Held, Place, Question, Studio, Target};
    use rand::seq::IndexedRandom;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::plain::Model;
    use crate::studio::engine;

    const PATIENCE: Duration = Duration::from_secs(120);

    /// A project of which only the words matter.
    fn project() -> Project {
        Project { canvas: Canvas { width: 64, height: 64 }, prompt: "the first".into(), ..Project::new() }
    }

    fn begin(home: &Path, folder: &Path, project: Project) -> Studio {
        let places = Some(Places::in_folder(home.to_owned()));
        let wake = Arc::new(|| ());
        Studio::new(engine(), project, None, folder.to_owned(), DeviceChoice::Flex, places, wake).expect("threads")
    }

    fn until(studio: &mut Studio, what: &str, mut so: impl FnMut(&mut Studio) -> bool) {
        let begun = Instant::now();
        loop {
            studio.poll();
            if so(studio) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}; {:?}", studio.session.notices);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn rest(studio: &mut Studio) {
        until(studio, "files", |studio| !studio.is_busy());
    }

    /// One who changes, saves, opens, crashes and recovers, whatever comes.
    struct Person {
        studio: Option<Studio>,
        model: Model<String>,
        random: ChaCha8Rng,
        home: PathBuf,
        work: PathBuf,
        /// Where the folder of projects is while its disk is away.
        away: PathBuf,
        done: BTreeMap<&'static str, usize>,
        number: usize,
        /// What was done, for whoever has to find out.
        trace: Vec<String>,
    }

    impl Person {
        fn new(folder: &Path, seed: u64) -> Self {
            let (home, work, away) = (folder.join("home"), folder.join("work"), folder.join("away"));
            std::fs::create_dir_all(&work).expect("a folder");
            let model = Model::begin("the first".to_owned());
            let studio = Some(begin(&home, &work, project()));
            let random = ChaCha8Rng::seed_from_u64(seed);
            Self { studio, model, random, home, work, away, done: BTreeMap::new(), number: 0, trace: Vec::new() }
        }

        fn studio(&mut self) -> &mut Studio {
            self.studio.as_mut().expect("a session")
        }

        fn path(&mut self) -> PathBuf {
            self.work.join(*["a.ron", "b.ron", "c.ron"].choose(&mut self.random).expect("some"))
        }

        fn is_away(&self) -> bool {
            self.away.exists()
        }

        /// Saves, and answers what is asked about it by chance.
        fn save_to(&mut self, path: &Path) {
            self.studio().save_to(path.to_owned(), false, None);
            rest(self.studio());
            if self.is_away() {
                let words = path.display().to_string();
                let said = |studio: &Studio| {
                    studio
                        .session
                        .notices
                        .iter()
                        .any(|notice| notice.place == Place::Project && notice.words.contains(&words))
                };
                assert!(said(self.studio()), "a save that failed was not told of");
                return;
            }
            if let Some(changed) = self.model.asks(path) {
                assert!(!changed, "nobody else writes here");
                let front = self.studio().session.questions.answered();
                assert!(matches!(&front, Some(Question::Overwrite { path: asked, .. }) if asked == path), "{front:?}");
                if self.random.random_ratio(1, 2) {
                    return;
                }
                self.studio().save_to(path.to_owned(), true, None);
                rest(self.studio());
            }
            self.model.write(path);
        }

        /// Answers what is asked where something would be lost. Whether it goes on.
        fn goes_on(&mut self, opens: Option<&PathBuf>) -> bool {
            let dirty = self.model.is_dirty();
            let front = self.studio().session.questions.front().cloned();
            let Some(Question::Unsaved(held)) = front else {
                assert!(!dirty, "nothing was asked, though {:?} is not saved: {front:?}", self.model.now());
                return true;
            };
            assert!(dirty, "asked, though nothing would be lost");
            match self.random.random_range(0..3) {
                0 => {
                    self.studio().session.questions.answered();
                    false
                }
                1 => {
                    self.studio().answer_by(held);
                    true
                }
                _ => {
                    let asks = self.studio().save_and(held);
                    assert_eq!(asks.is_some(), self.model.file.is_none(), "a project with a file is saved there");
                    if asks.is_some() {
                        return false;
                    }
                    rest(self.studio());
                    if self.is_away() {
                        return false;
                    }
                    let file = self.model.file.clone().expect("it has one");
                    self.model.write(&file);
                    // What was read of that very file before is not opened: it is open.
                    opens != Some(&file)
                }
            }
        }

        fn open(&mut self) {
            let path = self.path();
            self.studio().take_in(path.clone(), Target::Open);
            rest(self.studio());
            let there = self.model.on_disk(&path).cloned().filter(|_| !self.is_away());
            let Some(words) = there else {
                assert!(self.studio().session.questions.front().is_none(), "there is nothing to open");
                return;
            };
            if self.goes_on(Some(&path)) {
                self.model.replace(words, Some(path));
            }
        }

        /// Ends without order, and comes back.
        fn crash(&mut self) {
            self.studio().poll();
            self.trace.push(format!("crash at {:?}, dirty {}", self.model.now(), self.model.is_dirty()));
            drop(self.studio.take());
            self.model.crash(false, "the first".into());
            let left = Autosave::recoverable(&Places::in_folder(self.home.clone()));
            let offered = left.iter().map(|found| (&found.project.prompt, found.file.as_deref()));
            self.model.assert_offered(offered, &self.last());
            self.studio = Some(begin(&self.home.clone(), &self.work.clone(), project()));
            let Some(found) = left.into_iter().next() else {
                assert!(self.studio().session.questions.front().is_none());
                return;
            };
            assert!(matches!(self.studio().session.questions.front(), Some(Question::Recover(_))));
            if self.random.random_ratio(1, 4) {
                self.studio().session.questions.answered();
                self.studio().session.discard_recovered(&found.path);
                rest(self.studio());
                self.model.throw_away(0);
            } else {
                let path = found.path.clone();
                self.studio().answer_by(Held::Recover(Box::new(found)));
                until(self.studio(), "the old file to go", |_| !path.exists());
                self.model.recover(0);
            }
        }

        /// What was done last, a line each.
        fn last(&self) -> String {
            self.trace[self.trace.len().saturating_sub(24)..].join("\n")
        }

        fn act(&mut self) {
            self.number += 1;
            let what = match self.random.random_range(0..100) {
                0..34 => "edit",
                34..48 => "undo",
                48..58 => "redo",
                58..68 => "save",
                68..76 => "save as",
                76..82 => "new",
                82..90 => "open",
                90..95 => "crash",
                _ => "disk",
            };
            match what {
                "edit" => {
                    let words = format!("words {}", self.number);
                    let said = words.clone();
                    self.studio().edit("Words", |project| project.prompt = said);
                    self.model.edit(words);
                }
                "undo" => {
                    self.studio().document.undo();
                    self.model.undo();
                }
                "redo" => {
                    self.studio().document.redo();
                    self.model.redo();
                }
                "save" => match self.model.file.clone() {
                    Some(path) => self.save_to(&path),
                    None => assert!(!self.studio().save(), "it has no file"),
                },
                "save as" => {
                    let path = self.path();
                    self.save_to(&path);
                }
                "new" => {
                    self.studio().ask_to(Held::New);
                    if self.goes_on(None) {
                        self.model.replace(String::new(), None);
                    }
                }
                "open" => self.open(),
                "crash" => self.crash(),
                // Its disk goes away, or comes back.
                _ if self.is_away() => std::fs::rename(&self.away, &self.work).expect("moved"),
                _ => std::fs::rename(&self.work, &self.away).expect("moved"),
            }
            *self.done.entry(what).or_default() += 1;
            let (words, dirty, file) = (self.model.now().clone(), self.model.is_dirty(), self.model.file.clone());
            self.trace.push(format!("{} {what}: {words:?}, dirty {dirty}, of {file:?}", self.number));
            rest(self.studio());
            self.check(what);
        }

        fn check(&mut self, what: &str) {
            let (number, last) = (self.number, self.last());
            let (dirty, words, file) = {
                let studio = self.studio();
                let words = studio.project().prompt.clone();
                let asked = studio.session.questions.front().cloned();
                assert!(asked.is_none(), "{number}, {what}: {asked:?} is left:\n{last}");
                (studio.document.history.is_dirty(), words, studio.document.file.clone())
            };
            assert_eq!(words, *self.model.now(), "{number}, {what}");
            assert_eq!(dirty, self.model.is_dirty(), "{number}, {what}: {words:?} of {file:?}");
            assert_eq!(file, self.model.file, "{number}, {what}");
            let there = if self.is_away() { &self.away } else { &self.work };
            let mut disk = BTreeMap::new();
            for entry in std::fs::read_dir(there).expect("a folder").flatten() {
                let project = file::load(&entry.path()).expect("every file is a whole project");
                disk.insert(self.work.join(entry.file_name()), project.prompt);
            }
            self.model.assert_disk(&disk, &format!("{number}, {what}:\n{last}"));
        }
    }

    #[test]
    fn whoever_changes_saves_opens_crashes_and_recovers_finds_what_a_plain_model_says() {
        // Another path: PODIUM_MONKEY_SEED=7 cargo test --release faults
        let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
        let seed = number("PODIUM_MONKEY_SEED").unwrap_or(1);
        let folder = tempfile::tempdir().expect("temporary");
        let mut person = Person::new(folder.path(), seed);
        for _ in 0..number("PODIUM_MONKEY_ACTIONS").unwrap_or(500) {
            person.act();
        }
        println!("seed {seed}: {:?}", person.done);
        assert!(person.done.values().all(|count| *count >= 5), "{:?}", person.done);
    }

    /// Files may grow to so many bytes from now on; nothing where there is no bound.
    #[cfg(unix)]
    fn room(bytes: Option<u64>) {
        let most = bytes.unwrap_or(libc::RLIM_INFINITY);
        // SAFETY: both calls only read what they are given, and no other thread sets this process's limits or signals.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            let limit = libc::rlimit { rlim_cur: most, rlim_max: libc::RLIM_INFINITY };
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0, "the limit was not set");
        }
    }

    /// Runs a test of this file in a process of its own, and says what it said where it failed.
    #[cfg(unix)]
    #[test]
    fn a_studio_whose_disk_is_full_keeps_everything_says_so_and_writes_it_once_there_is_room() {
        let here = std::env::current_exe().expect("this binary");
        let name = "faults::sessions::inside_a_full_disk";
        let done = Command::new(here).args([name, "--exact", "--ignored", "--nocapture"]).output().expect("it starts");
        let said = words(&done);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
    }

    #[cfg(unix)]
    #[test]
    #[ignore = "the test above runs it in a process of its own"]
    fn inside_a_full_disk() {
        let folder = tempfile::tempdir().expect("temporary");
        let (home, work) = (folder.path().join("home"), folder.path().join("work"));
        std::fs::create_dir_all(&work).expect("a folder");
        let mut tiny = small("beach", 1);
        tiny.settings.layout_alignment.enabled = false;
        let mut studio = begin(&home, &work, tiny);
        rest(&mut studio);
        room(Some(0));
        studio.edit("Words", |project| project.prompt.push_str(", precious"));
        let words = studio.project().prompt.clone();
        studio.save_to(work.join("mine.ron"), false, None);
        rest(&mut studio);
        let says =
            |studio: &Studio, part: &str| studio.session.notices.iter().any(|notice| notice.words.contains(part));
        assert!(says(&studio, "mine.ron"), "{:?}", studio.session.notices);
        assert!(studio.document.history.is_dirty() && studio.document.file.is_none());
        // What is kept by itself cannot be kept, and says so once.
        until(&mut studio, "the draft's trouble", |studio| says(studio, "Unsaved changes"));
        // A picture that cannot be written stays, and closing asks.
        let job = studio.render().expect("nothing stands in the way");
        until(&mut studio, "the picture", |studio| {
            studio.renders.runs.get(job).is_some_and(|run| !run.state.is_active())
        });
        until(&mut studio, "the store", |studio| !studio.results.store.is_writing());
        assert!(!studio.loses_by_closing().is_empty(), "a picture is nowhere but here");
        assert!(std::fs::read_dir(&work).expect("a folder").flatten().next().is_none(), "half a file was left");

        room(None);
        studio.save_to(work.join("mine.ron"), false, None);
        rest(&mut studio);
        assert_eq!(file::load(&work.join("mine.ron")).expect("whole").prompt, words);
        assert!(!studio.document.history.is_dirty());
        until(&mut studio, "the picture on the disk", |studio| studio.loses_by_closing().is_empty());
        assert_eq!(studio.gallery().count(), 1, "one picture was made");
        studio.edit("Words", |project| project.prompt.push_str(" again"));
        studio.poll();
        drop(studio);
        let left = Autosave::recoverable(&Places::in_folder(home));
        assert!(
            left.iter().any(|found| found.project.prompt.ends_with(" again")),
            "the draft is kept once there is room"
        );
    }
}
