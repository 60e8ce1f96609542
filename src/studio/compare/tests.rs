use std::time::{Duration, Instant};

use super::*;
use crate::engine::cache::Cache;
use crate::engine::device::DeviceChoice;
use crate::engine::worker::Engine;
use crate::project::files::name_of;
use crate::project::{Canvas, file};
use crate::studio::renders;

struct Room {
    document: Document,
    renders: Renders,
    comparing: Comparing,
    looks: Looks,
    told: Vec<Outcome>,
}

impl Room {
    /// The beach, small and in two steps.
    fn new() -> Self {
        let text = crate::assets::find("projects/beach.ron").unwrap();
        let mut project = file::from_str(std::str::from_utf8(text).unwrap()).unwrap();
        project.canvas = Canvas { width: 128, height: 128 };
        for layer in project.layers_mut().unwrap() {
            (layer.x, layer.y, layer.scale) = (layer.x / 2.0, layer.y / 2.0, layer.scale / 2.0);
        }
        project.settings.steps = 2;
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let engine = Engine::start(Cache::none(), || ()).unwrap();
        Self {
            document: Document::new(project, None, ".".into()),
            renders: Renders::new(engine, DeviceChoice::Flex, pool.tap()),
            comparing: Comparing::new(&pool).unwrap(),
            looks: Looks::default(),
            told: Vec::new(),
        }
    }

    fn begin(&mut self, seeds: u32) {
        self.comparing.draft.seeds = seeds;
        self.comparing.begin(&self.document, self.looks.clone()).unwrap();
    }

    /// What the studio does at each poll; results are called by their job.
    fn poll(&mut self) {
        for outcome in self.renders.poll() {
            if let renders::Outcome::Finished(job) = outcome {
                self.comparing.take(self.renders.runs.get(job).unwrap(), &[format!("result {}", job.0)]);
            }
        }
        self.told.extend(self.comparing.poll());
        self.comparing.advance(&mut self.renders, false);
    }

    fn until(&mut self, what: &str, so: impl Fn(&Comparison) -> bool) {
        let begun = Instant::now();
        while !so(self.begun()) {
            self.poll();
            assert!(begun.elapsed() < Duration::from_secs(180), "waited in vain: {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn begun(&self) -> &Comparison {
        self.comparing.begun().unwrap()
    }
}

#[test]
fn two_seeds_are_rendered_in_turn_measured_and_summed_up() {
    let mut room = Room::new();
    room.begin(2);
    room.until("the end", |begun| begun.going == Going::Done);
    let begun = room.begun();
    assert_eq!((begun.done(), begun.seeds.as_slice()), ((4, 4), &[0, 1][..]));
    assert_eq!(begun.words, ["The project as it is", "Without layout alignment"]);
    let names: Vec<&str> = room.renders.runs.iter().map(|run| run.name.as_str()).collect();
    let expected = ["Untitled A, seed 0", "Untitled B, seed 0", "Untitled A, seed 1", "Untitled B, seed 1"];
    assert_eq!(names, expected);
    for cell in begun.cells.iter().flatten() {
        let Cell::Made(_, scores) = cell else { panic!("{cell:?}") };
        assert!(scores.followed.is_some() && scores.seconds > 0.0);
        assert_eq!(scores.measures.as_ref().unwrap().subjects.len(), 2, "the beach's truth is known");
    }
    assert_eq!((begun.summary.pairs, begun.summary.lines.len()), (2, Score::ALL.len() - 5));
    // Of the same seed and settings, whoever renders it.
    let aligned = |job: usize| room.renders.runs.iter().nth(job).unwrap().project.settings.layout_alignment.enabled;
    assert_eq!([0, 1, 2, 3].map(aligned), [true, false, true, false]);
}

#[test]
fn one_that_is_stopped_keeps_what_is_there_and_goes_on() {
    let mut room = Room::new();
    room.begin(2);
    room.until("the first picture", |begun| begun.done().0 == 1);
    room.comparing.stop(&mut room.renders);
    assert_eq!((room.begun().going, room.begun().rendering()), (Going::Stopped, None));
    let first = room.begun().cells[0][0].clone();
    (0..20).for_each(|_| {
        room.poll();
        std::thread::sleep(Duration::from_millis(2));
    });
    assert_eq!(room.begun().done().0, 1, "nothing is started");
    room.comparing.go_on();
    room.until("the end", |begun| begun.going == Going::Done);
    assert_eq!((room.begun().done().0, &room.begun().cells[0][0]), (4, &first));
}

#[test]
fn one_whose_render_somebody_stops_waits_and_one_that_fails_goes_on_to_the_next() {
    let mut room = Room::new();
    room.begin(2);
    room.poll();
    let job = room.begun().rendering().unwrap();
    room.renders.stop(job);
    room.until("that it is stopped", |begun| begun.going == Going::Stopped);
    assert!(room.begun().cells.iter().flatten().all(|cell| *cell == Cell::Waiting));

    room.document.edit("Lose a file", |project| project.concepts[0].file = "missing.pth".into());
    room.begin(2);
    room.until("the end", |begun| begun.going == Going::Done);
    let failed = |cell: &Cell| matches!(cell, Cell::Failed(words) if words.contains("missing.pth"));
    assert!(room.begun().cells.iter().flatten().all(failed), "{:?}", room.begun().cells);
    assert_eq!(room.begun().summary.pairs, 0);
    room.comparing.go_on();
    assert_eq!((room.begun().going, room.begun().done().0), (Going::On, 0), "what failed is tried again");
}

#[test]
fn what_cannot_be_compared_is_said_in_words() {
    let mut room = Room::new();
    room.comparing.draft.b = Variant::default();
    assert!(room.comparing.begin(&room.document, Looks::default()).unwrap_err().contains("the same settings"));
    room.comparing.draft.b.changes = vec![("steps".into(), "no".into())];
    let words = room.comparing.begin(&room.document, Looks::default()).unwrap_err();
    assert!(words.starts_with("B: settings.steps cannot be") && words.contains("whole number"), "{words}");
    assert!(room.comparing.begun().is_none());
    room.comparing.draft.b.changes[0].1 = "3".into();
    assert_eq!(room.comparing.begin(&room.document, Looks::default()), Ok(()));
    assert_eq!(room.begun().projects[1].settings.steps, 3);
}

/// An encoder of the tests' own.
fn encoder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders").join(name)
}

#[test]
fn encoders_measure_pictures_too_and_one_that_cannot_be_used_is_said_and_costs_no_picture() {
    let mut room = Room::new();
    room.looks.encoders.clip = Some(encoder("clip"));
    room.looks.encoders.reward = Some(encoder("reward/ImageReward.pt"));
    room.begin(2);
    // What is chosen meanwhile is the next one's.
    room.looks.encoders.clip = Some(encoder("nowhere"));
    room.until("the end", |begun| begun.going == Going::Done);
    let said = |words: &str| words.contains("CLIP-T") && words.contains("ImageReward");
    let seen = |cell: &Cell| matches!(cell, Cell::Made(_, scores) if scores.seen().is_some_and(|words| said(&words)));
    assert!(room.begun().cells.iter().flatten().all(seen), "{:?}", room.begun().cells);
    // All but DINOv2, and a photo.
    assert_eq!(room.begun().summary.lines.len(), Score::ALL.len() - 2);
    assert!(room.told.iter().all(|told| *told == Outcome::Told));
    room.begin(2);
    room.until("a picture", |begun| begun.done().0 > 0);
    let made = |cell: &Cell| matches!(cell, Cell::Made(_, scores) if scores.learned.is_none());
    assert!(room.begun().cells.iter().flatten().any(made), "{:?}", room.begun().cells);
    let said = |told: &Outcome| matches!(told, Outcome::Say(words) if words.contains("nowhere"));
    assert!(room.told.iter().any(said), "{:?}", room.told);
}

#[test]
fn what_is_chosen_says_which_encoder_it_is_or_that_it_is_none() {
    let mut room = Room::new();
    for (name, found) in [
        ("dino", Some(EncoderKind::Dino)),
        ("clip", Some(EncoderKind::Clip)),
        ("reward", Some(EncoderKind::Reward)),
        ("reward/ImageReward.pt", Some(EncoderKind::Reward)),
        ("pixels", None),
        ("clip/config.json", None),
    ] {
        room.comparing.look_at_encoder(encoder(name));
        let begun = Instant::now();
        room.told.clear();
        while room.told.is_empty() {
            room.told.extend(room.comparing.poll());
            assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain");
            std::thread::sleep(Duration::from_millis(2));
        }
        match (&room.told[0], found) {
            (Outcome::Encoder(kind, path), Some(found)) => assert!(*kind == found && *path == encoder(name)),
            (Outcome::Say(words), None) => assert!(words.contains(&name_of(name.as_ref())), "{words}"),
            other => panic!("{other:?}"),
        }
    }
}
