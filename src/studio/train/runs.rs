//! Trainings as the window follows them: what waits, what runs, how far it is, what it has drawn.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::curves::Curves;
use crate::link::{Event, JobId, Stage, Trained, TrainingEvent, TrainingPicture, TrainingStep};
use crate::project::training::Training;
use crate::studio::renders::clock::Countdown;

/// Trainings that are kept; the oldest that has ended goes first.
const KEPT: usize = 8;
/// Validation pictures that are kept of one.
const PICTURES: usize = 96;
/// How much the time of one step counts in what is expected of the next.
const NEW: f64 = 0.1;

/// What became of a training so far.
#[derive(Clone, Debug)]
pub enum State {
    /// It waits for those before it.
    Queued,
    /// It runs.
    Running,
    /// It was told to pause, and writes a checkpoint.
    Pausing,
    /// It goes on from its checkpoint when somebody says so.
    Paused,
    /// It was told to end with what there is.
    Finishing,
    /// Its concept is there.
    Done(Arc<Trained>),
    /// It failed, in words.
    Failed(String),
}

impl State {
    /// Whether it will tell more without being asked.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Pausing | Self::Finishing)
    }

    /// Whether it can be gone on with.
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::Paused | Self::Failed(_))
    }
}

/// One training.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its own number, which it keeps when it is paused and gone on with.
    pub id: u64,
    /// Its name in the engine; another each time that it goes on.
    pub job: JobId,
    /// What it was started with, paths absolute.
    pub training: Arc<Training>,
    /// The folder of its checkpoints and of the concept.
    pub folder: PathBuf,
    /// What became of it.
    pub state: State,
    /// The device, once it started.
    pub device: String,
    /// What it does: the stage, the steps of it done, and of how many.
    pub stage: Option<(Stage, usize, usize)>,
    /// The last step that is done.
    pub step: Option<TrainingStep>,
    /// Loss and norms of its steps.
    pub curves: Curves,
    /// What it has drawn, the newest last.
    pub pictures: VecDeque<Arc<TrainingPicture>>,
    /// The step after which it wrote its last checkpoint.
    pub checkpoint: Option<usize>,
    /// What it told.
    pub notes: Vec<String>,
    /// The page with its test sheet, once it is written.
    pub sheet: Option<PathBuf>,
    /// The last step that was told of since it was begun, or gone on with.
    told: usize,
    /// Seconds that a step takes.
    pace: Option<f64>,
    countdown: Option<Countdown>,
}

impl Run {
    /// One that was given to the engine.
    pub(super) fn new(id: u64, job: JobId, training: Arc<Training>, folder: PathBuf) -> Self {
        Self {
            id,
            job,
            training,
            folder,
            state: State::Queued,
            device: String::new(),
            stage: None,
            step: None,
            curves: Curves::default(),
            pictures: VecDeque::new(),
            checkpoint: None,
            notes: Vec::new(),
            sheet: None,
            told: 0,
            pace: None,
            countdown: None,
        }
    }

    /// It was given to the engine again; where it goes on from, that tells.
    pub(super) fn begun_again(&mut self, job: JobId) {
        (self.job, self.state, self.stage, self.told) = (job, State::Queued, None, 0);
    }

    /// The concept, once it is there.
    pub fn trained(&self) -> Option<&Arc<Trained>> {
        match &self.state {
            State::Done(trained) => Some(trained),
            _ => None,
        }
    }

    /// Steps done, of how many.
    pub fn steps(&self) -> (usize, usize) {
        let done = self.step.map_or(self.checkpoint.unwrap_or(0), |step| step.step);
        (done, self.training.settings.steps)
    }

    /// How far it is, 0..1.
    pub fn part(&self) -> f32 {
        let (done, of) = self.steps();
        match (&self.state, self.stage) {
            (State::Done(_), _) => 1.0,
            (State::Queued, _) => 0.0,
            (_, Some((Stage::Testing, drawn, all))) if done >= of => 0.95 + 0.05 * drawn as f32 / all.max(1) as f32,
            _ => 0.95 * done as f32 / of.max(1) as f32,
        }
    }

    /// Seconds left, once a step was measured.
    pub fn left(&self, now: Instant) -> Option<f64> {
        matches!(self.state, State::Running).then_some(())?;
        self.countdown.map(|countdown| countdown.left(now))
    }

    /// What it does, in words.
    pub fn words(&self) -> String {
        let (done, of) = self.steps();
        match &self.state {
            State::Queued => "Waiting for its turn".into(),
            State::Running => match self.stage {
                None => "Starting".into(),
                Some((Stage::Training, ..)) => format!("Training · step {done} of {of}"),
                Some((stage, done, of)) if of > 1 => format!("{} {done} of {of}", stage.words()),
                Some((stage, ..)) => stage.words().into(),
            },
            State::Pausing => "Pausing: writing a checkpoint".into(),
            State::Paused => format!("Paused after step {done} of {of}"),
            State::Finishing => "Ending with what it has learnt".into(),
            State::Done(trained) => {
                let likeness = trained.likeness.map(|likeness| format!(" · likeness {likeness:.2}"));
                let alike = trained.alike.as_ref().map(|alike| format!(" · {}", alike.words()));
                let (steps, seconds) = (trained.steps, trained.elapsed.as_secs_f64());
                let scores = [likeness, alike].into_iter().flatten().collect::<String>();
                format!("Trained {steps} steps in {seconds:.0} s{scores}")
            }
            State::Failed(words) => words.clone(),
        }
    }

    /// The newest pictures of each prompt, strength and seed, in the order in which they were drawn.
    pub fn newest_pictures(&self) -> Vec<&Arc<TrainingPicture>> {
        let newest = self.pictures.back().map_or(0, |picture| picture.step);
        self.pictures.iter().filter(|picture| picture.step == newest).collect()
    }

    /// Takes in what the engine tells of it.
    fn take(&mut self, event: &Event, now: Instant) {
        if self.trained().is_some() {
            // It has ended; nothing that comes late changes that.
            return;
        }
        match event {
            Event::Started { device, .. } => {
                self.device.clone_from(device);
                if matches!(self.state, State::Queued) {
                    self.state = State::Running;
                }
            }
            Event::Progress { stage, step, steps, .. } => self.stage = Some((*stage, *step, *steps)),
            Event::Warning(_, warning) => {
                let words = warning.to_string();
                if !self.notes.contains(&words) {
                    self.notes.push(words);
                }
            }
            Event::Training(_, told) => self.take_training(told, now),
            Event::Cancelled(_) => self.state = State::Paused,
            Event::Failed(_, words) => self.state = State::Failed(words.clone()),
            Event::Done(..) | Event::Step(..) | Event::Device(_) | Event::Model(_) | Event::Unfit(_) => {}
        }
    }

    fn take_training(&mut self, told: &TrainingEvent, now: Instant) {
        match told {
            TrainingEvent::Resumed(step) => {
                self.curves.cut(*step);
                self.pictures.retain(|picture| picture.step <= *step);
                (self.checkpoint, self.told) = (Some(*step), *step);
                self.step = self.step.filter(|last| last.step <= *step);
            }
            // It was told already.
            TrainingEvent::Step(step) if step.step <= self.told => {}
            TrainingEvent::Drawn(picture) if self.pictures.iter().any(|known| Arc::ptr_eq(known, picture)) => {}
            TrainingEvent::Step(step) => {
                self.curves.push(step);
                (self.step, self.told) = (Some(*step), step.step);
                self.stage = Some((Stage::Training, step.step, step.steps));
                let took = step.took.as_secs_f64();
                let pace = self.pace.map_or(took, |pace| pace + NEW * (took - pace));
                self.pace = Some(pace);
                let left = pace * step.steps.saturating_sub(step.step) as f64;
                match &mut self.countdown {
                    Some(countdown) => countdown.estimate(left, now),
                    None => self.countdown = Some(Countdown::new(left, now)),
                }
            }
            TrainingEvent::Drawn(picture) => {
                self.pictures.push_back(picture.clone());
                while self.pictures.len() > PICTURES {
                    self.pictures.pop_front();
                }
            }
            TrainingEvent::Checkpoint(step) => self.checkpoint = Some(*step),
            TrainingEvent::Done(trained) => self.state = State::Done(trained.clone()),
        }
    }
}

/// All trainings of a session, the newest last.
#[derive(Debug, Default)]
pub struct Runs {
    runs: VecDeque<Run>,
    /// How many there were.
    made: u64,
    /// The one that is shown; the newest where nobody chose another.
    pub shown: Option<u64>,
}

impl Runs {
    /// A training was given to the engine. It is shown.
    pub(super) fn add(&mut self, job: JobId, training: Arc<Training>, folder: PathBuf) -> u64 {
        self.made += 1;
        self.runs.push_back(Run::new(self.made, job, training, folder));
        while self.runs.len() > KEPT
            && let Some(oldest) = self.runs.iter().position(|run| !run.state.is_active())
        {
            self.runs.remove(oldest);
        }
        self.shown = Some(self.made);
        self.made
    }

    /// One by its own number.
    pub fn get(&self, id: u64) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// The one that is shown.
    pub fn shown(&self) -> Option<&Run> {
        self.shown.and_then(|id| self.get(id)).or_else(|| self.runs.back())
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.iter()
    }

    /// Those that wait or run.
    pub fn active(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.state.is_active())
    }

    /// Takes one out of the list that is over, or waits to be gone on with; its files stay.
    pub fn dismiss(&mut self, id: u64) {
        self.runs.retain(|run| run.id != id || run.state.is_active());
    }

    /// Takes in what the engine tells. Gives the number of a training whose concept has just been written.
    pub(super) fn take(&mut self, event: &Event, now: Instant) -> Option<u64> {
        let job = event.job()?;
        let run = self.runs.iter_mut().find(|run| run.job == job)?;
        let was = run.trained().is_some();
        run.take(event, now);
        (!was && run.trained().is_some()).then_some(run.id)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use image::RgbImage;

    use super::*;

    const JOB: JobId = JobId(7);

    fn told(event: TrainingEvent) -> Event {
        Event::Training(JOB, event)
    }

    fn step(at: usize) -> Event {
        let took = Duration::from_millis(500);
        let step = TrainingStep { step: at, steps: 20, denoising: 0.5, attention: 0.0, norms: [0.4, 0.5], took };
        told(TrainingEvent::Step(step))
    }

    fn picture(step: usize, strength: f32) -> Event {
        let picture = RgbImage::new(8, 8);
        let drawn =
            TrainingPicture { step, prompt: "<TOK>".into(), strength, seed: 0, picture, likeness: None, alike: None };
        told(TrainingEvent::Drawn(Arc::new(drawn)))
    }

    fn runs() -> (Runs, u64) {
        let mut training = Training::new("tom", "cat");
        training.settings.steps = 20;
        let mut runs = Runs::default();
        let id = runs.add(JOB, Arc::new(training), "/run".into());
        (runs, id)
    }

    #[test]
    fn a_training_says_how_far_it_is_and_how_long_it_takes() {
        let (mut runs, id) = runs();
        let now = Instant::now();
        assert_eq!(runs.get(id).unwrap().words(), "Waiting for its turn");
        runs.take(&Event::Started { job: JOB, device: "CPU".into(), first_use: false }, now);
        runs.take(&Event::Progress { job: JOB, stage: Stage::ReadingPhotos, step: 2, steps: 6 }, now);
        assert_eq!(runs.get(id).unwrap().words(), "Reading the photos 2 of 6");
        (1..=10).for_each(|at| {
            runs.take(&step(at), now);
        });
        let run = runs.get(id).unwrap();
        assert_eq!((run.words().as_str(), run.steps()), ("Training · step 10 of 20", (10, 20)));
        assert!((run.part() - 0.475).abs() < 1e-6 && run.curves.points().len() == 10);
        // A first estimate of 9.5 s, and ten steps of half a second left.
        let left = run.left(now).unwrap();
        assert!((5.0..9.5).contains(&left), "{left}");
        for (at, strength) in [(5, 0.0), (5, 1.0), (10, 0.0), (10, 0.7), (10, 1.0)] {
            runs.take(&picture(at, strength), now);
        }
        let strengths: Vec<f32> =
            runs.get(id).unwrap().newest_pictures().iter().map(|picture| picture.strength).collect();
        assert_eq!(strengths, [0.0, 0.7, 1.0]);
        (0..200).for_each(|_| {
            runs.take(&picture(10, 0.5), now);
        });
        assert_eq!(runs.get(id).unwrap().pictures.len(), PICTURES);
    }

    #[test]
    fn one_that_goes_on_forgets_what_came_after_its_checkpoint_and_ends_once() {
        let (mut runs, id) = runs();
        let now = Instant::now();
        (1..=12).for_each(|at| {
            runs.take(&step(at), now);
        });
        runs.take(&told(TrainingEvent::Checkpoint(10)), now);
        runs.take(&Event::Cancelled(JOB), now);
        assert_eq!(runs.get(id).unwrap().words(), "Paused after step 12 of 20");
        assert!(runs.get(id).unwrap().state.is_waiting());
        runs.take(&told(TrainingEvent::Resumed(10)), now);
        runs.take(&step(11), now);
        assert_eq!(runs.get(id).unwrap().curves.points().len(), 11);
        let trained = Trained {
            file: "/run/tom.safetensors".into(),
            pth: "/run/tom.pth".into(),
            steps: 20,
            sheet: Vec::new(),
            likeness: Some(0.823),
            alike: Some(crate::link::Alike { encoder: "CLIP".into(), cosine: 0.714, whole: false }),
            elapsed: Duration::from_secs(9),
        };
        let done = told(TrainingEvent::Done(Arc::new(trained)));
        assert_eq!((runs.take(&done, now), runs.take(&done, now)), (Some(id), None));
        assert_eq!(
            (runs.get(id).unwrap().words().as_str(), runs.active().count()),
            ("Trained 20 steps in 9 s · likeness 0.82 · CLIP 0.71", 0)
        );
        assert_eq!(runs.take(&Event::Cancelled(JobId(99)), now), None);
        runs.dismiss(id);
        assert!(runs.shown().is_none());
    }
}
