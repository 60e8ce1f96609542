//! Unsaved changes on disk, so that a crash, a kill or a power cut loses a few seconds and not an evening.
//!
//! Each running Podium has a file of its own and beside it a lock that the operating system gives back when the process
//! ends, however it ends: a file whose lock nobody holds is what a crash left.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::kept_painting::KeptPainting;
use crate::project::disk::TEMPORARY;
use crate::project::migration::Embedded1;
use crate::project::stamp::Stamp;
use crate::project::{self, Project};
use crate::studio::places::{Places, WriteError, files, remove, seconds, sweep_unfinished, write_whole};
use crate::studio::renders::painted::Painted;

/// The least time between two writes.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// The most bytes of a file that are read.
const MAX_BYTES: u64 = 64 << 20;

/// Keeps the newest unsaved state of one session on disk. Dropped without [`Autosave::clean`], it writes what it was
/// last given and leaves it there to be recovered.
pub struct Autosave {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// What was noted last, to see cheaply whether anything is new.
    last: Option<Seen>,
    /// The revision that is safe elsewhere.
    clean: Option<u64>,
    /// Whether something was noted since, so that a file may lie there.
    noted: bool,
    /// Masks that are being painted.
    painted: Option<Arc<Painted>>,
    /// How the project's file was when it was read or written last.
    stamp: Option<Stamp>,
    /// How many states were told to be written: the number of the last.
    told: u64,
}

#[derive(PartialEq)]
struct Seen {
    revision: u64,
    file: Option<PathBuf>,
    folder: PathBuf,
}

impl Seen {
    fn is(&self, revision: u64, file: Option<&Path>, folder: &Path) -> bool {
        self.revision == revision && self.file.as_deref() == file && self.folder == folder
    }
}

/// A project that an earlier session did not save.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// The project as it was; it may be one that is not valid yet, such as one with a layer that has no picture.
    pub project: Project,
    /// The file that it belongs to; None where it was never saved.
    pub file: Option<PathBuf>,
    /// How that file was when it was read or written last; None where that is not known. What was written to it since is
    /// not what this work began with.
    pub stamp: Option<Stamp>,
    /// Where the project's relative paths start; absolute.
    pub folder: PathBuf,
    /// Masks that were being painted.
    pub painted: Option<Arc<Painted>>,
    /// When it was written.
    pub when: SystemTime,
    /// The autosave file, for [`Autosave::discard`].
    pub path: PathBuf,
}

/// What is to be kept.
struct Draft {
    /// Seconds since 1970.
    when: u64,
    file: Option<PathBuf>,
    stamp: Option<Stamp>,
    folder: PathBuf,
    project: Project,
    painted: Option<Arc<Painted>>,
}

/// What an autosave file holds. The project is the text of a project file, so that one that an earlier Podium left is
/// read as its files are.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    when: u64,
    file: Option<PathBuf>,
    /// See [`Stamp::parts`].
    #[serde(default)]
    stamp: Option<(u64, Option<Duration>)>,
    folder: PathBuf,
    project: String,
    #[serde(default)]
    painted: Option<KeptPainting>,
}

/// What it held when projects had version 1.
#[derive(Deserialize)]
struct Kept1 {
    when: u64,
    file: Option<PathBuf>,
    folder: PathBuf,
    project: Embedded1,
}

impl Kept {
    fn read(text: &str) -> Result<Draft, String> {
        let Self { when, file, stamp, folder, project, painted } = match ron::from_str(text) {
            Ok(kept) => kept,
            Err(error) => {
                let Kept1 { when, file, folder, project } = ron::from_str(text).map_err(|_| error.to_string())?;
                return Ok(Draft { when, file, stamp: None, folder, project: project.0, painted: None });
            }
        };
        let project = project::file::from_str_as_it_is(&project).map_err(|error| error.to_string())?;
        // The project is worth more than the strokes: what is wrong with them must not keep it from being recovered.
        let painted = painted.and_then(|painted| {
            painted.read().inspect_err(|problem| log::warn!("painted masks cannot be recovered: {problem}")).ok()
        });
        let stamp = stamp.and_then(Stamp::of_parts);
        Ok(Draft { when, file, stamp, folder, project, painted: painted.map(Arc::new) })
    }

    fn write(draft: &Draft) -> Result<String, String> {
        let Draft { when, file, stamp, folder, project, painted } = draft;
        let project = project::file::to_string(project).map_err(|error| error.to_string())?;
        let painted = painted.as_deref().map(KeptPainting::write).transpose()?;
        let stamp = stamp.and_then(Stamp::parts);
        let kept = Self { when: *when, file: file.clone(), stamp, folder: folder.clone(), project, painted };
        let pretty = ron::ser::PrettyConfig::new().new_line("\n");
        ron::ser::to_string_pretty(&kept, pretty).map_err(|error| error.to_string())
    }
}

impl Autosave {
    /// Starts the thread that writes. Nothing is written before there are changes.
    pub fn start(places: &Places) -> Self {
        Self::start_every(places, INTERVAL)
    }

    /// The same with another least time between two writes.
    pub fn start_every(places: &Places, interval: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let writer = Writer { shared: shared.clone(), folder: places.autosave_folder(), interval, session: None };
        let thread = std::thread::Builder::new().name("podium-autosave".into()).spawn(move || writer.run());
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                let words = format!("Unsaved changes are not kept: the system has no thread to give ({error}).");
                shared.state().message = Some(words);
                None
            }
        };
        Self { shared, thread, last: None, clean: None, noted: false, painted: None, stamp: None, told: 0 }
    }

    /// How the project's file was when it was read or written last; it is kept with what is noted next.
    pub fn read_as(&mut self, stamp: Option<Stamp>) {
        if self.stamp != stamp {
            (self.stamp, self.last) = (stamp, None);
        }
    }

    /// The masks that are being painted; they are kept with what is noted next. Says whether there were any before.
    pub fn paint(&mut self, painted: Option<Arc<Painted>>) -> bool {
        let same = match (&self.painted, &painted) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        if same {
            return painted.is_some();
        }
        self.last = None;
        std::mem::replace(&mut self.painted, painted).is_some()
    }

    /// Tells the state at hand; call it every frame. Costs a comparison unless the revision, the file or the folder is
    /// another than last time, and then a copy of the project; the disk is never waited for.
    ///
    /// `file` is the project's file, `folder` where its relative paths start, and `revision` a number that no other
    /// state of the project has.
    pub fn note(&mut self, project: &Project, file: Option<&Path>, folder: &Path, revision: u64) {
        if self.last.as_ref().is_some_and(|last| last.is(revision, file, folder)) {
            return;
        }
        self.noted = true;
        self.last = Some(Seen { revision, file: file.map(Path::to_owned), folder: folder.to_owned() });
        if self.clean == Some(revision) && self.painted.is_none() {
            self.shared.tell(Want::Remove);
            return;
        }
        let draft = Draft {
            when: seconds(SystemTime::now()),
            file: file.map(Path::to_owned),
            stamp: self.stamp,
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            project: project.clone(),
            painted: self.painted.clone(),
        };
        self.told += 1;
        self.shared.tell(Want::Write(self.told, Box::new(draft)));
    }

    /// This revision needs no keeping: it was saved, opened or made anew, or its changes were given up. A state noted
    /// afterwards with another revision is kept again. Costs a comparison where it is known, so it can be told every frame.
    pub fn saved(&mut self, revision: u64) {
        if self.clean == Some(revision) && !self.noted {
            return;
        }
        (self.clean, self.noted, self.last) = (Some(revision), false, None);
        self.shared.tell(Want::Remove);
    }

    /// Ends the session, and leaves what was noted last to be recovered. Waits until it is written.
    pub fn leave(&mut self) {
        self.end();
    }

    /// Ends the session in order: the file is removed, and waited for until it is.
    pub fn clean(&mut self) {
        self.shared.tell(Want::Remove);
        self.end();
    }

    /// How often the file was written.
    pub fn written(&self) -> u64 {
        self.shared.state().written
    }

    /// The number of the state that was noted last.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// The number of the state that was written last; those before it are on no disk any more, and those after it not yet.
    pub fn confirmed(&self) -> u64 {
        self.shared.state().confirmed
    }

    /// What keeps changes from being kept, in words; each problem is told once.
    pub fn take_message(&self) -> Option<String> {
        self.shared.state().message.take()
    }

    fn end(&mut self) {
        self.shared.state().stop = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported on standard error; nothing more can be done at the end.
            let _ = thread.join();
        }
    }

    /// What sessions left that ended without [`Autosave::clean`] and run no more, the latest first.
    ///
    /// A file that cannot be understood is renamed to end in `.broken` and left there. Reads the disk: not for every
    /// frame.
    pub fn recoverable(places: &Places) -> Vec<Recovered> {
        let folder = places.autosave_folder();
        sweep_unfinished(&folder);
        let mut found = Vec::new();
        for path in files(&folder) {
            match path.extension().and_then(OsStr::to_str) {
                Some("lock") if !path.with_extension("ron").exists() && !is_running(&path) => {
                    let _ = remove(&path);
                }
                Some("ron") if !is_running(&path.with_extension("lock")) => found.extend(recover(&path)),
                _ => {}
            }
        }
        found.sort_by_key(|recovered| std::cmp::Reverse(recovered.when));
        found
    }

    /// Removes what a session left, once it was recovered or is not wanted. To recover: open the project, mark it
    /// unsaved, note it in the own session, then discard.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn discard(path: &Path) -> Result<(), WriteError> {
        remove(path).map_err(|error| WriteError::new(path, error))?;
        // The lock says nothing without its file; one left behind is removed at the next look.
        let _ = remove(&path.with_extension("lock"));
        Ok(())
    }
}

impl Drop for Autosave {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the window's thread and the writing one share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The newest wish; an older one that was not come to is forgotten.
    want: Option<Want>,
    stop: bool,
    written: u64,
    confirmed: u64,
    message: Option<String>,
}

enum Want {
    /// With its number.
    Write(u64, Box<Draft>),
    Remove,
}

impl Shared {
    /// A panic elsewhere must not end the keeping of changes.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, want: Want) {
        self.state().want = Some(want);
        self.changed.notify_all();
    }

    /// Waits for the next wish, and with a write until `not_before`. None at the end.
    fn next(&self, not_before: Option<Instant>) -> Option<Want> {
        let mut state = self.state();
        loop {
            let due = match (&state.want, not_before) {
                (Some(Want::Write(..)), Some(time)) if !state.stop => time,
                (Some(_), _) => return state.want.take(),
                (None, _) if state.stop => return None,
                (None, _) => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            let rest = due.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return state.want.take();
            }
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The thread.
struct Writer {
    shared: Arc<Shared>,
    folder: PathBuf,
    interval: Duration,
    session: Option<Session>,
}

impl Writer {
    fn run(mut self) {
        let mut not_before = None;
        let mut told = None;
        while let Some(want) = self.shared.next(not_before) {
            let outcome = match &want {
                Want::Write(_, draft) => self.write(draft),
                Want::Remove => self.remove(),
            };
            not_before = matches!(want, Want::Write(..)).then(|| Instant::now() + self.interval);
            let mut state = self.shared.state();
            match outcome {
                Ok(()) => {
                    if let Want::Write(number, _) = want {
                        (state.written, state.confirmed) = (state.written + 1, number);
                    }
                    told = None;
                }
                Err(words) => {
                    // A full disk may have room again in a while.
                    if !state.stop && state.want.is_none() && matches!(want, Want::Write(..)) {
                        state.want = Some(want);
                    }
                    if told.as_ref() != Some(&words) {
                        state.message = Some(words.clone());
                        told = Some(words);
                    }
                }
            }
        }
        if let Some(session) = self.session {
            session.end();
        }
    }

    fn write(&mut self, draft: &Draft) -> Result<(), String> {
        let unkept = |problem: String| format!("Unsaved changes are not kept for a crash: {problem}");
        let text = Kept::write(draft).map_err(|error| {
            unkept(format!("the project cannot be written ({error}); rename the file or folder that it concerns"))
        })?;
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::begin(&self.folder).map_err(|error| unkept(error.to_string()))?),
        };
        write_whole(&session.path, text.as_bytes()).map_err(|error| unkept(error.to_string()))
    }

    fn remove(&self) -> Result<(), String> {
        let Some(session) = &self.session else { return Ok(()) };
        remove(&session.path).map_err(|error| {
            let path = session.path.display();
            format!("Cannot remove {path}, which keeps unsaved changes: {error}. Remove it by hand.")
        })
    }
}

/// A session's file and lock.
struct Session {
    path: PathBuf,
    lock: File,
}

impl Session {
    /// The lock is taken before it has its name, so that nobody ever sees it free while this process runs.
    fn begin(folder: &Path) -> Result<Self, WriteError> {
        let begin = || -> io::Result<Self> {
            fs::create_dir_all(folder)?;
            let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
            write!(file, "{}", std::process::id())?;
            // Where the file system has no locks, the number just written has to do.
            let _ = file.as_file().try_lock();
            let random = RandomState::new().hash_one(std::process::id());
            let path = folder.join(format!("{}-{random:016x}.ron", seconds(SystemTime::now())));
            let lock = file.persist_noclobber(path.with_extension("lock")).map_err(|error| error.error)?;
            Ok(Self { path, lock })
        };
        begin().map_err(|error| WriteError::new(folder, error))
    }

    fn end(self) {
        drop(self.lock);
        let _ = remove(&self.path.with_extension("lock"));
    }
}

/// Whether the process that made a lock still runs.
fn is_running(lock: &Path) -> bool {
    let Ok(mut file) = File::open(lock) else { return false };
    match file.try_lock() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => {
            let mut process = String::new();
            // Elsewhere than on Linux a running session may be offered as a crashed one: no harm, since it writes its
            // file again at its next change.
            file.read_to_string(&mut process).is_ok()
                && !process.is_empty()
                && process.bytes().all(|digit| digit.is_ascii_digit())
                && Path::new("/proc").join(process).exists()
        }
    }
}

fn recover(path: &Path) -> Option<Recovered> {
    let about = fs::metadata(path).ok()?;
    if !about.is_file() {
        return None;
    }
    let understood = if about.len() > MAX_BYTES {
        Err("it is too large".to_owned())
    } else {
        match fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => Kept::read(&text),
            Ok(Err(_)) => Err("it is not text".to_owned()),
            Err(error) => {
                log::warn!("{}: {error}", path.display());
                return None;
            }
        }
    };
    match understood {
        Ok(Draft { when, file, stamp, folder, project, painted }) => {
            let when = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(when)).or_else(|| about.modified().ok());
            let when = when.unwrap_or(SystemTime::UNIX_EPOCH);
            Some(Recovered { project, file, stamp, folder, painted, when, path: path.to_owned() })
        }
        Err(problem) => {
            let aside = path.with_extension("broken");
            log::warn!("{} cannot be recovered ({problem}) and is kept as {}", path.display(), aside.display());
            // Where it cannot be renamed, it is passed over again next time.
            let _ = fs::rename(path, aside);
            None
        }
    }
}

#[cfg(test)]
#[path = "autosave_tests.rs"]
mod tests;
