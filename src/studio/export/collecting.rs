//! Collecting in the background: how far it is, and what came of the last one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::collect::{self, CollectError, Collected};
use crate::hub::room;
use crate::project::Project;
use crate::project::hash::Known;
use crate::studio::notice::sentence;
use crate::studio::tasks::{Desk, Pool};

#[derive(Debug, Default)]
struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    stop: AtomicBool,
}

/// What is being collected.
#[derive(Clone, Debug)]
pub struct Collecting {
    progress: Arc<Progress>,
}

impl Collecting {
    /// Tells it to end; nothing is left of it.
    pub fn stop(&self) {
        self.progress.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to end.
    pub fn is_stopping(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> (u64, u64) {
        (self.progress.done.load(Ordering::Relaxed), self.progress.total.load(Ordering::Relaxed))
    }

    /// How far it is, 0..1.
    pub fn part(&self) -> f32 {
        let (done, total) = self.bytes();
        (done as f64 / total.max(1) as f64).clamp(0.0, 1.0) as f32
    }

    /// What it does, in words.
    pub fn words(&self) -> String {
        match (self.is_stopping(), self.bytes()) {
            (true, _) => "Stopping: nothing will be collected".into(),
            (false, (_, 0)) => "Looking at the project's files".into(),
            (false, (done, total)) => format!("Collecting: {} of {}", room::words(done), room::words(total)),
        }
    }
}

/// What came of the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything is there.
    Collected(Collected),
    /// Nothing is, and why, in a sentence.
    Failed(String),
}

impl Ended {
    /// What came of it, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Collected(collected) => collected.words(),
            Self::Failed(words) => words.clone(),
        }
    }
}

/// What the other rooms shall know.
#[derive(Debug)]
pub enum Outcome {
    /// It has ended.
    Ended,
}

/// What is being collected, and what came of the last.
pub struct Collects {
    /// What is being collected.
    pub collecting: Option<Collecting>,
    /// What came of the last, until another begins or somebody has seen it.
    pub ended: Option<Ended>,
    desk: Desk<Told>,
}

/// What came of a piece of work.
#[cfg_attr(test, derive(Clone))]
struct Told {
    /// Tells it from every other.
    progress: Arc<Progress>,
    outcome: Result<Collected, CollectError>,
}

#[cfg(test)]
crate::studio::tasks::kinds!(Told);

impl Collects {
    /// Nothing is collected yet. A model takes minutes, so that threads of its own do it.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn new(pool: &Pool) -> std::io::Result<Self> {
        Ok(Self { collecting: None, ended: None, desk: pool.another("collect")?.desk() })
    }

    /// Takes in what came of it.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(Told { progress, outcome }) = self.desk.next() {
            let is_it = |collecting: &mut Collecting| Arc::ptr_eq(&collecting.progress, &progress);
            if self.collecting.take_if(is_it).is_none() {
                // It has ended already.
                continue;
            }
            self.ended = match outcome {
                Ok(collected) => Some(Ended::Collected(collected)),
                Err(CollectError::Stopped) => None,
                Err(error) => Some(Ended::Failed(sentence(&error.to_string()))),
            };
            outcomes.push(Outcome::Ended);
        }
        outcomes
    }

    /// Whether it is under way, or what came of it is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// Collects a project, whose relative paths start from `base`, into a new folder within another, called as the project
    /// is. Does nothing where another is being collected.
    pub fn start(&mut self, project: Project, base: PathBuf, within: PathBuf, title: &str, with_model: bool) {
        if self.collecting.is_some() {
            return;
        }
        self.ended = None;
        let progress = Arc::new(Progress::default());
        self.collecting = Some(Collecting { progress: progress.clone() });
        let (title, wake) = (title.to_owned(), self.desk.pool().wake());
        self.desk.run(move || {
            let mut told = |done: u64, total: u64| {
                progress.total.store(total, Ordering::Relaxed);
                progress.done.store(done, Ordering::Relaxed);
                wake();
                !progress.stop.load(Ordering::Relaxed)
            };
            let collect = || {
                let plan = collect::plan(&project, &base, with_model, &Known::default())?;
                plan.write(&free_folder(&within, &title), &mut told)
            };
            // A panic would leave the window waiting for ever.
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(collect)).unwrap_or_else(|_| {
                Err(CollectError::Write { path: within.clone(), problem: "collecting broke off".into() })
            });
            Told { progress: progress.clone(), outcome }
        });
    }
}

/// A folder that is not there yet, or is empty, within another: called by a title, and numbered where there is such a one.
fn free_folder(within: &Path, title: &str) -> PathBuf {
    let fits = |letter: char| letter.is_alphanumeric() || " -.".contains(letter);
    let name: String = title.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect();
    let name = name.trim_matches([' ', '.']);
    let name = if name.is_empty() { "project" } else { name };
    let free =
        |path: &PathBuf| fs::read_dir(path).map_or_else(|_| !path.exists(), |mut inside| inside.next().is_none());
    let numbered = (2..1000).map(|number| within.join(format!("{name} {number}")));
    // Where all are taken the last one says so.
    std::iter::once(within.join(name)).chain(numbered).find(free).unwrap_or_else(|| within.join(name))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::project::Layer;

    fn wait(collects: &mut Collects) {
        let begun = Instant::now();
        while collects.poll().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(120), "it did not end");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(collects.collecting.is_none());
    }

    #[test]
    fn a_project_is_collected_in_the_background_and_never_into_a_full_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cat.png"), "cat").unwrap();
        let mut project = Project::new();
        project.layers_mut().unwrap().push(Layer::new("cat.png", 0.0, 0.0));
        let mut collects = Collects::new(&Pool::start(Arc::new(|| ())).unwrap()).unwrap();
        let mut start = |project: &Project, title: &str| {
            collects.start(project.clone(), folder.path().into(), folder.path().into(), title, true);
            wait(&mut collects);
            collects.ended.clone().unwrap()
        };
        for name in ["my cat", "my cat 2"] {
            let ended = start(&project, "my cat");
            assert!(matches!(&ended, Ended::Collected(done) if done.folder == folder.path().join(name)), "{ended:?}");
            assert!(ended.words().starts_with("The project and 1 file (3 bytes) are in "), "{}", ended.words());
            assert!(folder.path().join(name).join("pictures/cat.png").is_file());
        }
        project.layers_mut().unwrap()[0].picture = "gone.png".into();
        let ended = start(&project, "../..");
        assert!(ended.words().starts_with("A file that the project names is missing: "), "{}", ended.words());
    }

    #[test]
    fn what_is_stopped_leaves_nothing_and_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut collects = Collects::new(&Pool::start(Arc::new(|| ())).unwrap()).unwrap();
        collects.start(Project::new(), folder.path().into(), folder.path().into(), "a", true);
        let collecting = collects.collecting.clone().unwrap();
        collecting.stop();
        assert!(collecting.is_stopping() && collecting.words().starts_with("Stopping"));
        wait(&mut collects);
        // It may have been done before it was told.
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, usize::from(collects.ended.is_some()));
    }

    #[test]
    fn a_folder_s_name_is_one_that_every_system_takes() {
        let within = Path::new("/nowhere");
        let name = |title: &str| free_folder(within, title).file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(["a/b:c", "..", "", "Tom & Rex "].map(name), ["a_b_c", "project", "project", "Tom _ Rex"]);
    }
}
