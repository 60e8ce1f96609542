//! The engine's thread: receives commands, guards each job, sends events. The only place that starts a thread.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

use super::cache::Cache;
use super::concept_files::Kept;
use super::device::{self, DeviceChoice, Opened, SharedGpu};
use super::error::{EngineError, Result};
use super::history::{History, Resume};
use super::inspect::inspect_model;
use super::memory;
use super::models::Models;
use super::prepare::Desk;
use super::render::render;
use super::report::{Reporter, Wishes};
use super::train::train;
use super::trouble;
use super::weights::ModelFiles;
use crate::link::{Command, Event, Finished, Job, JobId, MaskEdit, Stage, Trained, TrainingEvent, TrainingJob, Watch};
use crate::project::stamp::Stamp;
use crate::project::training::Training;
use crate::project::{self, Project};

/// Jobs whose latents are kept so that one can go on from any of their steps.
const KEPT_JOBS: usize = 8;

/// The part of the memory that latents of earlier jobs may take.
const HISTORIES: u64 = 8;

/// The part of the memory that files of concepts may take which are kept for later jobs: on a machine of 16 GB one of a
/// thousand million bytes, some ten LoRAs of rank 32.
const CONCEPTS: u64 = 16;

/// Taken for the machine's memory where the system does not say how much there is.
const UNKNOWN_MEMORY: u64 = 8 << 30;

/// Room for whatever walks the graph of a whole UNet recursively; the default of 2 MiB is tight.
const STACK: usize = 16 << 20;

/// What the listeners of all waiting and running jobs wish.
type Jobs = Arc<Mutex<HashMap<JobId, Arc<Wishes>>>>;

/// How an engine runs.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Threads that compute on the host; all that the machine has where none is given.
    pub threads: Option<usize>,
    /// Whether the computing threads give way to others, as they must where a window is drawn beside them.
    pub background: bool,
    /// A GPU that the window has opened, for [`DeviceChoice::Auto`] and [`DeviceChoice::Wgpu`]; see [`device::share`].
    pub shared: Option<SharedGpu>,
}

impl EngineOptions {
    /// For an engine beside a window.
    pub fn beside_a_window(shared: Option<SharedGpu>) -> Self {
        Self { background: true, shared, ..Self::default() }
    }
}

/// The engine, as its user holds it: commands go in, events come out, nothing here waits for the engine.
///
/// Dropping it cancels what runs and ends the thread.
pub struct Engine {
    commands: Sender<Command>,
    events: Receiver<Event>,
    jobs: Jobs,
    next: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the engine's thread, with everything the machine has. `wake` is called after every event, from that
    /// thread; give `|| ()` if nobody sleeps.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(cache: Cache, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        Self::start_with(EngineOptions::default(), cache, wake)
    }

    /// Likewise, as the options say.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start_with(
        options: EngineOptions,
        cache: Cache,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        // Unbounded: commands are few, and an event must neither be lost nor make the engine wait for a window.
        let (commands, inbox) = unbounded();
        let (outbox, events) = unbounded();
        let jobs = Jobs::default();
        let memory = memory::total().unwrap_or(UNKNOWN_MEMORY);
        let mut worker = Worker {
            pool: Arc::new(pool(&options)?),
            outbox,
            wake: Arc::new(wake),
            jobs: jobs.clone(),
            cache,
            shared: options.shared,
            devices: HashMap::new(),
            loaded: None,
            kept: VecDeque::new(),
            room: memory / HISTORIES,
            concepts: Kept::new(memory / CONCEPTS),
        };
        let thread = std::thread::Builder::new()
            .name("podium-engine".into())
            .stack_size(STACK)
            .spawn(move || worker.run(&inbox))?;
        Ok(Self { commands, events, jobs, next: AtomicU64::new(1), thread: Some(thread) })
    }

    /// Queues a render and names it.
    pub fn render(&self, project: Project, folder: PathBuf, device: DeviceChoice, watch: Watch) -> JobId {
        let id = self.register(watch);
        self.send(Command::Render(Job { id, project, folder, device, watch }));
        id
    }

    /// Queues a render that goes on from the start of step `step` of an earlier job, counted from 0; the number of steps
    /// stands for the end, where only decoding is left. Without `masks`, and with the same project, it makes the picture
    /// that the earlier job makes, bit for bit on the CPU. Seeds, prompts, strengths, settings and concepts may differ.
    ///
    /// To pause a job is to cancel it, wait for [`Event::Cancelled`], and go on from the step after the last
    /// [`Event::Step`]; a job that was stopped while it still got ready has nothing to go on from, so render it anew. The
    /// new job's steps before `step` are the earlier job's, so it can be gone on from at any step, and at `step` even
    /// where it is itself stopped before it gets there: with the masks that were painted for it.
    pub fn go_on(&self, job: Job, from: JobId, step: usize, masks: Vec<MaskEdit>) -> JobId {
        let id = self.register(job.watch);
        self.send(Command::Continue { job: Job { id, ..job }, from, step, masks });
        id
    }

    /// Queues a training and names it; [`TrainingJob::id`] is given here.
    pub fn train(&self, job: TrainingJob) -> JobId {
        let id = self.register(Watch::default());
        self.send(Command::Train(TrainingJob { id, ..job }));
        id
    }

    /// Ends a training after the step in hand and has its concept written as it is.
    pub fn finish(&self, job: JobId) {
        if let Some(wishes) = lock(&self.jobs).get(&job) {
            wishes.enough();
        }
    }

    /// Cancels a job, running or queued. It answers [`Event::Cancelled`] within one network evaluation.
    pub fn cancel(&self, job: JobId) {
        if let Some(wishes) = lock(&self.jobs).get(&job) {
            wishes.cancel();
        }
    }

    /// Changes what is watched of all jobs that run or wait, from their next step on; later jobs begin with their own
    /// [`Job::watch`]. The pictures stay the same. The layout reference's own attention is seen only where the job has
    /// inverted the reference, which it does for layout alignment, for masks from points, and where clusters or
    /// attention were watched when it began.
    pub fn watch(&self, watch: Watch) {
        lock(&self.jobs).values().for_each(|wishes| wishes.set_watch(watch));
    }

    /// What the engine tells, in order.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    fn register(&self, watch: Watch) -> JobId {
        let id = JobId(self.next.fetch_add(1, Ordering::Relaxed));
        lock(&self.jobs).insert(id, Arc::new(Wishes::new(watch)));
        id
    }

    fn send(&self, command: Command) {
        // The thread ends only when this handle is dropped, so the channel is open.
        let _ = self.commands.send(command);
    }
}

/// The threads that compute.
///
/// Jobs run inside a pool of their own: every parallel operation of burn and of our kernels then starts at once instead
/// of waking a foreign pool, which saves a tenth to a quarter of a network pass (measured).
fn pool(options: &EngineOptions) -> std::io::Result<rayon::ThreadPool> {
    let background = options.background;
    rayon::ThreadPoolBuilder::new()
        // 0 is what the machine has.
        .num_threads(options.threads.unwrap_or(0))
        .thread_name(|index| format!("podium-compute-{index}"))
        .stack_size(STACK)
        .start_handler(move |_| {
            if background {
                give_way();
            }
        })
        .build()
        .map_err(std::io::Error::other)
}

/// Lowers the priority of the thread that calls it: a window's thread then runs at once whenever it has something to do,
/// and while it has nothing, the engine is as fast as without it.
///
/// The alternative, leaving a core free, was measured on two cores with `beach` at 8 steps, beside a process that plays a
/// window of 60 frames a second and 5 ms each (medians; 95 of 100 frames are ready within the time given, of 16.7 ms):
///
/// | threads           | alone | quiet machine | busy machine |
/// |-------------------|-------|---------------|--------------|
/// | 2                 | 1.5 s | 2.1 s, 9 ms   | 4.0 s, 21 ms |
/// | 2, lower priority | 1.4 s | 2.2 s, 8 ms   | 3.7 s, 11 ms |
/// | 1                 | 2.3 s | 2.4 s, 6 ms   | 3.3 s, 15 ms |
///
/// A free core draws sooner where nothing else runs, but costs a third of the engine's speed whenever the window rests, and
/// later than lower priority does as soon as another program wants that core.
fn give_way() {
    // Nice 9 on Unix: not the very lowest, which any other program's background work would starve.
    let low = ThreadPriorityValue::try_from(25).map(ThreadPriority::Crossplatform);
    if let Ok(Err(error)) = low.map(set_current_thread_priority) {
        log::info!("the engine's threads run at normal priority ({error:?})");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        lock(&self.jobs).values().for_each(|wishes| wishes.cancel());
        self.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been told as an event already.
            let _ = thread.join();
        }
    }
}

fn lock(jobs: &Jobs) -> MutexGuard<'_, HashMap<JobId, Arc<Wishes>>> {
    // The map is never left half changed, so a poisoned lock holds good data.
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Loaded {
    files: ModelFiles,
    /// How they were when they were read: a file that was written anew is another model.
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    choice: DeviceChoice,
    models: Models,
}

struct Worker {
    pool: Arc<rayon::ThreadPool>,
    outbox: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    jobs: Jobs,
    cache: Cache,
    /// Taken when it is first wanted: it must be registered once only.
    shared: Option<SharedGpu>,
    devices: HashMap<DeviceChoice, Opened>,
    loaded: Option<Loaded>,
    kept: VecDeque<(JobId, History)>,
    /// Bytes of them that are kept.
    room: u64,
    /// Concepts' files that were read.
    concepts: Kept,
}

/// Where a job begins.
enum Start {
    Fresh,
    From { job: JobId, step: usize, masks: Vec<MaskEdit> },
}

impl Worker {
    fn run(&mut self, inbox: &Receiver<Command>) {
        while let Ok(command) = inbox.recv() {
            match command {
                Command::Render(job) => self.guarded(job, Start::Fresh),
                Command::Continue { job, from, step, masks } => {
                    self.guarded(job, Start::From { job: from, step, masks })
                }
                Command::Train(job) => self.guarded_training(job),
                Command::Stop => return,
            }
        }
    }

    /// Runs a job and turns whatever comes of it into its last event. A panic ends the job, not the engine.
    fn guarded(&mut self, job: Job, start: Start) {
        let id = job.id;
        let report = self.reporter(id, job.watch);
        let pool = self.pool.clone();
        let mut history = History::default();
        let outcome = pool.install(|| catch_unwind(AssertUnwindSafe(|| self.job(&job, start, &mut history, &report))));
        // A panic, as which a GPU's full memory arrives, costs the step it came in, not the steps before.
        self.keep(id, history);
        self.ended(&report, outcome, |finished| Event::Done(id, Arc::new(finished)));
    }

    /// Likewise with a training, whose checkpoints are its history.
    fn guarded_training(&mut self, job: TrainingJob) {
        let id = job.id;
        let report = self.reporter(id, Watch::default());
        let pool = self.pool.clone();
        let outcome = pool.install(|| catch_unwind(AssertUnwindSafe(|| self.training(&job, &report))));
        self.ended(&report, outcome, |trained| Event::Training(id, TrainingEvent::Done(Arc::new(trained))));
    }

    fn reporter(&self, id: JobId, watch: Watch) -> Reporter {
        let wishes = lock(&self.jobs).get(&id).cloned().unwrap_or_else(|| Arc::new(Wishes::new(watch)));
        Reporter::new(id, self.outbox.clone(), self.wake.clone(), wishes)
    }

    /// Tells how a job ended.
    fn ended<T>(&mut self, report: &Reporter, outcome: std::thread::Result<Result<T>>, done: impl FnOnce(T) -> Event) {
        let id = report.job;
        lock(&self.jobs).remove(&id);
        let failed = |error: EngineError| {
            if error.is_of_device() {
                report.send(Event::Unfit(id));
            }
            report.send(Event::Failed(id, error.to_string()));
        };
        match outcome {
            Ok(Ok(result)) => report.send(done(result)),
            Ok(Err(EngineError::Cancelled)) => report.send(Event::Cancelled(id)),
            Ok(Err(error)) => failed(error),
            Err(panic) => {
                // What was loaded may be half changed.
                self.loaded = None;
                failed(trouble::of_panic(&panic_words(&*panic)));
            }
        }
    }

    fn job(&mut self, job: &Job, start: Start, history: &mut History, report: &Reporter) -> Result<Finished> {
        let resume = match start {
            Start::Fresh => None,
            Start::From { job: earlier, step, masks } => match self.resume(earlier, step, masks) {
                Ok(resume) => Some(resume),
                Err(error) => return report.check().and(Err(error)),
            },
        };
        if let Some(resume) = &resume {
            // Until it has begun, it can be gone on from where it was to begin.
            *history = resume.clone().into_history();
        }
        let files = model_files(&job.project, &job.folder);
        let opened = self.get_ready(files, job.device, report)?;
        let Some(loaded) = &self.loaded else { unreachable!("loaded just now") };
        let files = project::DiskFiles { base: job.folder.clone(), assets: crate::assets::find };
        let models = loaded.models.as_told(&job.project)?;
        let desk = Desk { models: &models, files: &files, cache: &self.cache, kept: &self.concepts, report };
        let outcome = render(&desk, &job.project, resume, history);
        models.device.memory_cleanup();
        self.tell_device(&opened, report);
        outcome
    }

    fn training(&mut self, job: &TrainingJob, report: &Reporter) -> Result<Trained> {
        let files = training_files(&job.training, &job.folder);
        let opened = self.get_ready(files, job.device, report)?;
        let Some(loaded) = &self.loaded else { unreachable!("loaded just now") };
        let outcome = train(&loaded.models, job, report);
        loaded.models.device.memory_cleanup();
        self.tell_device(&opened, report);
        outcome
    }

    /// Opens the device and loads the model.
    fn get_ready(&mut self, files: ModelFiles, device: DeviceChoice, report: &Reporter) -> Result<Opened> {
        report.check()?;
        let first_use = !self.devices.contains_key(&device);
        let opened = self.open(device)?;
        report.send(Event::Started {
            job: report.job,
            device: opened.name.clone(),
            first_use: first_use && opened.gpu,
        });
        self.tell_device(&opened, report);
        if self.load(files, device, &opened, report)? {
            self.tell_device(&opened, report);
        }
        Ok(opened)
    }

    fn tell_device(&self, opened: &Opened, report: &Reporter) {
        report.send(Event::Device(Arc::new(device::report(opened, self.pool.current_num_threads()))));
    }

    fn keep(&mut self, job: JobId, history: History) {
        if history.is_empty() {
            return;
        }
        self.kept.push_back((job, history));
        let bytes = |kept: &VecDeque<(JobId, History)>| kept.iter().map(|(_, history)| history.bytes()).sum::<u64>();
        // The newest is kept however large it is: it is what "Continue" goes on from.
        while self.kept.len() > KEPT_JOBS || (self.kept.len() > 1 && bytes(&self.kept) > self.room) {
            self.kept.pop_front();
        }
    }

    /// Where a job goes on from.
    fn resume(&self, earlier: JobId, step: usize, masks: Vec<MaskEdit>) -> Result<Resume> {
        match self.kept.iter().find(|(id, _)| *id == earlier) {
            Some((_, history)) => history.resume(step, masks),
            None => Err(EngineError::Job(
                "the render to go on from is no longer kept, or never began to compose; render it again first".into(),
            )),
        }
    }

    fn open(&mut self, choice: DeviceChoice) -> Result<Opened> {
        if let Some(opened) = self.devices.get(&choice) {
            return Ok(opened.clone());
        }
        if matches!(choice, DeviceChoice::Auto | DeviceChoice::Wgpu)
            && let Some(gpu) = self.shared.take()
        {
            match device::share(gpu) {
                Ok(Some(opened)) => {
                    self.devices.insert(DeviceChoice::Auto, opened.clone());
                    self.devices.insert(DeviceChoice::Wgpu, opened.clone());
                    return Ok(opened);
                }
                Ok(None) => {}
                // A device of our own does as well, at the price of copies.
                Err(error) => log::warn!("{error}; computing on a device of its own"),
            }
        }
        let opened = device::open(choice)?;
        self.devices.insert(choice, opened.clone());
        Ok(opened)
    }

    /// Loads a model unless it is loaded already, and says whether it did.
    fn load(&mut self, files: ModelFiles, choice: DeviceChoice, opened: &Opened, report: &Reporter) -> Result<bool> {
        let stamps = stamps(&files);
        let same = |loaded: &Loaded| (&loaded.files, &loaded.stamps, loaded.choice) == (&files, &stamps, choice);
        if self.loaded.as_ref().is_some_and(same) {
            return Ok(false);
        }
        // Two models at once could be more than the device holds.
        self.loaded = None;
        let progress =
            &mut |load: super::weights::LoadProgress| report.progress(Stage::LoadingModel, load.done, load.total);
        let models = Models::load(&files, &opened.device, progress)?;
        if let Ok(model) = inspect_model(&files) {
            report.send(Event::Model(Arc::new(model)));
        }
        self.loaded = Some(Loaded { files, stamps, choice, models });
        Ok(true)
    }
}

/// How a model's files are: all that lie in its folder and in those of its parts, or the one file. A few dozen at most.
fn stamps(files: &ModelFiles) -> Vec<(PathBuf, Option<Stamp>)> {
    let inside = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let mut paths = match files.path() {
        Some(folder) if folder.is_dir() => inside(folder),
        Some(file) => vec![file.to_owned()],
        None => Vec::new(),
    };
    paths.extend(files.vae());
    paths.extend(paths.clone().iter().filter(|path| path.is_dir()).flat_map(|part| inside(part)));
    paths.retain(|path| !path.is_dir());
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), Stamp::of(&path))).collect()
}

/// The files of a project's model.
pub fn model_files(project: &Project, folder: &Path) -> ModelFiles {
    files_of(&project.model, &project.vae, folder)
}

/// The files of a training's model.
pub fn training_files(training: &Training, folder: &Path) -> ModelFiles {
    files_of(&training.model, &training.vae, folder)
}

/// The files of a model and of the autoencoder that is used in place of its own.
fn files_of(model: &Option<PathBuf>, vae: &Option<PathBuf>, folder: &Path) -> ModelFiles {
    let on_disk = |path: &PathBuf| Some(path).filter(|path| project::files::asset_name(path).is_none()).cloned();
    let on_disk = |path: &Option<PathBuf>| Some(project::resolve(folder, &on_disk(path.as_ref()?)?));
    on_disk(model).map_or(ModelFiles::BuiltIn, ModelFiles::at).with_vae(on_disk(vae))
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_beside_a_window_give_way_to_it_and_others_do_not() {
        /// The 19th field of the calling thread's state; the second, its name, may hold spaces, but not this one's.
        fn nice() -> i32 {
            let state = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            state.split_whitespace().nth(18).unwrap().parse().unwrap()
        }
        let here = nice();
        let in_pool = |options: &EngineOptions| pool(options).unwrap().broadcast(|_| nice());
        assert!(in_pool(&EngineOptions::default()).iter().all(|&found| found == here));
        let beside = in_pool(&EngineOptions { threads: Some(3), ..EngineOptions::beside_a_window(None) });
        assert_eq!(beside.len(), 3);
        assert!(beside.iter().all(|&found| found > here || here >= 9), "{beside:?}, here {here}");
        assert_eq!(nice(), here, "the thread that started them stays as it was");
    }
}
