//! A small engine for tests: the miniature, pictures of 128 x 128, a cache of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use podium::engine::cache::Cache;
use podium::engine::device::DeviceChoice;
use podium::engine::worker::Engine;
use podium::link::{Event, Finished, JobId, StepView, Warning, Watch};
use podium::project::{Canvas, Project, file};

/// Longer than any of these jobs takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// One of the built-in example projects, as it is.
pub fn example(name: &str) -> Project {
    let text = podium::assets::find(&format!("projects/{name}.ron")).expect("a built-in project");
    file::from_str(std::str::from_utf8(text).expect("UTF-8")).expect("a valid project")
}

/// An example project as it was in version 1: what is tested with it does not change when the examples are tuned.
pub fn frozen(name: &str) -> Project {
    let file = format!("{}/tests/data/projects-v1/{name}.ron", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).expect("a frozen project");
    file::from_str(&text).expect("a valid project")
}

/// A frozen example project made small: half the size, few steps.
pub fn small(name: &str, steps: u32) -> Project {
    let mut project = frozen(name);
    project.canvas = Canvas { width: 128, height: 128 };
    for layer in project.layers_mut().expect("a collage") {
        layer.x /= 2.0;
        layer.y /= 2.0;
        layer.scale /= 2.0;
    }
    for concept in &mut project.concepts {
        if let podium::project::MaskSource::Points(points) = &mut concept.mask {
            points.iter_mut().for_each(|point| *point = (point.0 / 2.0, point.1 / 2.0));
        }
    }
    project.settings.steps = steps;
    project.settings.mask_refinement.starts = 4;
    project
}

/// An engine without a cache on disk.
pub fn engine() -> Engine {
    Engine::start(Cache::none(), || ()).expect("a thread")
}

/// An engine that after each event waits until somebody has looked at it. What a test does at an event is done before
/// the engine does anything else, however busy the machine is.
pub struct InStep {
    /// Before the engine, which ends only when it waits for nobody.
    looked: Sender<()>,
    engine: Engine,
}

impl InStep {
    pub fn start(cache: Cache) -> Self {
        // Nothing is sent ahead: only an engine that waits takes it.
        let (looked, go) = bounded(0);
        // An error says that nobody looks any more.
        let wait = move || {
            let _ = go.recv();
        };
        let engine = Engine::start(cache, wait).expect("a thread");
        Self { looked, engine }
    }

    /// The engine, and what lets it go on after an event.
    #[cfg(feature = "gui")]
    pub fn into_parts(self) -> (Sender<()>, Engine) {
        (self.looked, self.engine)
    }

    /// Waits for a job to end; `watch` sees every event of it before the engine goes on.
    pub fn wait(&self, job: JobId, mut watch: impl FnMut(&Event)) -> Told {
        wait(&self.engine, job, |event| {
            watch(event);
            self.looked.send(()).expect("the engine waits");
        })
    }

    /// Renders a project that nobody watches, and waits.
    pub fn render_unwatched(&self, project: &Project) -> Told {
        let job = self.engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
        self.wait(job, |_| ())
    }
}

impl std::ops::Deref for InStep {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

/// How a job ended, and everything it told before.
pub struct Told {
    pub end: Event,
    pub events: Vec<Event>,
}

impl Told {
    pub fn finished(&self) -> Arc<Finished> {
        match &self.end {
            Event::Done(_, finished) => finished.clone(),
            other => panic!("not done: {other:?}"),
        }
    }

    pub fn failure(&self) -> &str {
        match &self.end {
            Event::Failed(_, words) => words,
            other => panic!("not failed: {other:?}"),
        }
    }

    pub fn steps(&self) -> Vec<Arc<StepView>> {
        let steps = self
            .events
            .iter()
            .filter_map(|event| if let Event::Step(_, view) = event { Some(view.clone()) } else { None });
        steps.collect()
    }

    pub fn warnings(&self) -> Vec<Warning> {
        let all = self
            .events
            .iter()
            .filter_map(|event| if let Event::Warning(_, warning) = event { Some(warning.clone()) } else { None });
        all.collect()
    }
}

/// Waits for a job to end; `watch` sees every event of it first.
pub fn wait(engine: &Engine, job: JobId, mut watch: impl FnMut(&Event)) -> Told {
    let mut events = Vec::new();
    loop {
        let event = engine.events().recv_timeout(PATIENCE).expect("the engine answers");
        watch(&event);
        let ended = match &event {
            Event::Done(id, _) | Event::Cancelled(id) | Event::Failed(id, _) => *id == job,
            _ => false,
        };
        if ended {
            return Told { end: event, events };
        }
        events.push(event);
    }
}

/// Renders a project and waits.
pub fn render(engine: &Engine, project: &Project, watch: Watch) -> Told {
    let job = engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, watch);
    wait(engine, job, |_| ())
}

/// The greatest difference of two pictures' values, of 255.
pub fn difference(a: &image::RgbImage, b: &image::RgbImage) -> u8 {
    a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(255)
}
