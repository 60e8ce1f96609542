//! The engine's thread: receives commands, guards each job, sends events. The only place that starts a thread.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::cache::Cache;
use super::device::{self, DeviceChoice, Opened};
use super::error::{EngineError, Result};
use super::masks::Mask;
use super::models::Models;
use super::prepare::Desk;
use super::render::{History, render};
use super::report::Reporter;
use super::weights::ModelFiles;
use crate::link::{Command, Event, Job, JobId, Stage, Watch};
use crate::project::{self, Project};

/// Jobs whose latents are kept so that one can go on from any of their steps.
const KEPT_JOBS: usize = 8;

/// Room for whatever walks the graph of a whole UNet recursively; the default of 2 MiB is tight.
const STACK: usize = 16 << 20;

type Cancels = Arc<Mutex<HashMap<JobId, Arc<AtomicBool>>>>;

/// The engine, as its user holds it: commands go in, events come out, nothing here waits for the engine.
///
/// Dropping it cancels what runs and ends the thread.
pub struct Engine {
    commands: Sender<Command>,
    events: Receiver<Event>,
    cancels: Cancels,
    next: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the engine's thread. `wake` is called after every event, from that thread; give `|| ()` if nobody
    /// sleeps.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(cache: Cache, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        // Unbounded: commands are few, and an event must neither be lost nor make the engine wait for a window.
        let (commands, inbox) = unbounded();
        let (outbox, events) = unbounded();
        let cancels = Cancels::default();
        // Jobs run inside a pool of their own: every parallel operation of burn and of our kernels then starts at once
        // instead of waking a foreign pool, which saves a tenth to a quarter of a network pass (measured).
        let pool = rayon::ThreadPoolBuilder::new()
            .thread_name(|index| format!("podium-compute-{index}"))
            .stack_size(STACK)
            .build()
            .map_err(std::io::Error::other)?;
        let mut worker = Worker {
            pool: Arc::new(pool),
            outbox,
            wake: Arc::new(wake),
            cancels: cancels.clone(),
            cache,
            devices: HashMap::new(),
            loaded: None,
            kept: VecDeque::new(),
        };
        let thread = std::thread::Builder::new()
            .name("podium-engine".into())
            .stack_size(STACK)
            .spawn(move || worker.run(&inbox))?;
        Ok(Self { commands, events, cancels, next: AtomicU64::new(1), thread: Some(thread) })
    }

    /// Queues a render and names it.
    pub fn render(&self, project: Project, folder: std::path::PathBuf, device: DeviceChoice, watch: Watch) -> JobId {
        let id = self.register();
        self.send(Command::Render(Job { id, project, folder, device, watch }));
        id
    }

    /// Queues a render that goes on from the start of step `step` of an earlier job. `masks` replaces every
    /// subject's masks, in the subjects' order.
    pub fn go_on(&self, job: Job, from: JobId, step: usize, masks: Option<Vec<Mask>>) -> JobId {
        let id = self.register();
        self.send(Command::Continue { job: Job { id, ..job }, from, step, masks });
        id
    }

    /// Cancels a job, running or queued. It answers [`Event::Cancelled`] within one network evaluation.
    pub fn cancel(&self, job: JobId) {
        if let Some(flag) = lock(&self.cancels).get(&job) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// What the engine tells, in order.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    fn register(&self) -> JobId {
        let id = JobId(self.next.fetch_add(1, Ordering::Relaxed));
        lock(&self.cancels).insert(id, Arc::default());
        id
    }

    fn send(&self, command: Command) {
        // The thread ends only when this handle is dropped, so the channel is open.
        let _ = self.commands.send(command);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        lock(&self.cancels).values().for_each(|flag| flag.store(true, Ordering::Relaxed));
        self.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been told as an event already.
            let _ = thread.join();
        }
    }
}

fn lock(cancels: &Cancels) -> std::sync::MutexGuard<'_, HashMap<JobId, Arc<AtomicBool>>> {
    // The map is never left half changed, so a poisoned lock holds good data.
    cancels.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Loaded {
    files: ModelFiles,
    choice: DeviceChoice,
    models: Models,
}

struct Worker {
    pool: Arc<rayon::ThreadPool>,
    outbox: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    cancels: Cancels,
    cache: Cache,
    devices: HashMap<DeviceChoice, Opened>,
    loaded: Option<Loaded>,
    kept: VecDeque<(JobId, History)>,
}

/// Where a job begins.
enum Start {
    Fresh,
    From { job: JobId, step: usize, masks: Option<Vec<Mask>> },
}

impl Worker {
    fn run(&mut self, inbox: &Receiver<Command>) {
        while let Ok(command) = inbox.recv() {
            match command {
                Command::Render(job) => self.guarded(job, Start::Fresh),
                Command::Continue { job, from, step, masks } => {
                    self.guarded(job, Start::From { job: from, step, masks })
                }
                Command::Stop => return,
            }
        }
    }

    /// Runs a job and turns whatever comes of it into its last event. A panic ends the job, not the engine.
    fn guarded(&mut self, job: Job, start: Start) {
        let id = job.id;
        let cancelled = lock(&self.cancels).get(&id).cloned().unwrap_or_default();
        let report = Reporter::new(id, self.outbox.clone(), self.wake.clone(), cancelled);
        let pool = self.pool.clone();
        let outcome = pool.install(|| catch_unwind(AssertUnwindSafe(|| self.job(&job, start, &report))));
        lock(&self.cancels).remove(&id);
        match outcome {
            Ok(Ok(finished)) => report.send(Event::Done(id, Arc::new(finished))),
            Ok(Err(EngineError::Cancelled)) => report.send(Event::Cancelled(id)),
            Ok(Err(error)) => report.send(Event::Failed(id, error.to_string())),
            Err(panic) => {
                // What was loaded may be half changed.
                self.loaded = None;
                report.send(Event::Failed(id, EngineError::Panicked(panic_words(&*panic)).to_string()));
            }
        }
    }

    fn job(&mut self, job: &Job, start: Start, report: &Reporter) -> Result<crate::link::Finished> {
        report.check()?;
        let first_use = !self.devices.contains_key(&job.device);
        let opened = self.open(job.device)?;
        report.send(Event::Started { job: job.id, device: opened.name.clone(), first_use: first_use && opened.gpu });
        self.load(&job.project, &job.folder, job.device, &opened, report)?;
        let Some(loaded) = &self.loaded else { unreachable!("loaded just now") };
        let files = project::DiskFiles { base: job.folder.clone(), assets: crate::assets::find };
        let desk = Desk { models: &loaded.models, files: &files, cache: &self.cache, report, watch: job.watch };
        let from = match start {
            Start::Fresh => None,
            Start::From { job: earlier, step, masks } => {
                let history = self.kept.iter().find(|(id, _)| *id == earlier).map(|(_, history)| history);
                let history = history.ok_or_else(|| {
                    EngineError::Job("the render to go on from is no longer kept; render it again first".into())
                })?;
                Some((history.at(step)?, masks))
            }
        };
        let (outcome, history) = render(&desk, &job.project, from);
        if let Some(history) = history {
            self.kept.push_back((job.id, history));
            while self.kept.len() > KEPT_JOBS {
                self.kept.pop_front();
            }
        }
        loaded.models.device.memory_cleanup();
        outcome
    }

    fn open(&mut self, choice: DeviceChoice) -> Result<Opened> {
        if let Some(opened) = self.devices.get(&choice) {
            return Ok(opened.clone());
        }
        let opened = device::open(choice)?;
        self.devices.insert(choice, opened.clone());
        Ok(opened)
    }

    /// Loads the project's model unless it is loaded already.
    fn load(
        &mut self,
        project: &Project,
        folder: &std::path::Path,
        choice: DeviceChoice,
        opened: &Opened,
        report: &Reporter,
    ) -> Result<()> {
        let files = model_files(project, folder);
        if self.loaded.as_ref().is_some_and(|loaded| loaded.files == files && loaded.choice == choice) {
            return Ok(());
        }
        // Two models at once could be more than the device holds.
        self.loaded = None;
        let progress =
            &mut |load: super::weights::LoadProgress| report.progress(Stage::LoadingModel, load.done, load.total);
        let models = Models::load(&files, &opened.device, progress)?;
        self.loaded = Some(Loaded { files, choice, models });
        Ok(())
    }
}

/// The files of a project's model.
pub fn model_files(project: &Project, folder: &std::path::Path) -> ModelFiles {
    match &project.model {
        Some(path) if project::files::asset_name(path).is_none() => ModelFiles::Folder(project::resolve(folder, path)),
        _ => ModelFiles::BuiltIn,
    }
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
