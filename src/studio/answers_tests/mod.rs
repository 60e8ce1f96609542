//! Every answer that another thread gives comes late: after the person has gone on, after another project is open, after the
//! window was told to close; and then once more. Nothing may panic, be lost, change another project, or be told twice.
//!
//! Which kinds of answers there are, say the lines that they come through (`tasks/line_tests.rs`); one that no scene here
//! holds back makes the test fail.

mod scenes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{GrayImage, Luma, Rgba, RgbaImage};

use super::cut::Shape;
use super::places::Places;
use super::renders::runs::State;
use super::results::store::Meta;
use super::tasks::{Pool, Tap, Way};
use super::train::Trainings;
use super::*;
use crate::cut::Mode;
use crate::engine::cache::Cache;
use crate::engine::device::DeviceChoice;
use crate::engine::worker::Engine;
use crate::hub::Hub;
use crate::project::{Canvas, Follow, Placement, Project, file};

/// What a person does before the answers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// Goes on: another seed, layers in another order.
    Edit,
    /// Begins a new project, and a new training.
    New,
    /// Opens another project.
    Open,
    /// Tells the window to close.
    Close,
    /// Ends the program, without order.
    Drop,
}

const ALL: [Meanwhile; 5] = [Meanwhile::Edit, Meanwhile::New, Meanwhile::Open, Meanwhile::Close, Meanwhile::Drop];

/// Something that is asked of other threads.
struct Scene {
    /// The kinds of answers that are held back: what their names contain.
    kinds: &'static [&'static str],
    /// What is there before.
    before: fn(&mut Bench),
    ask: fn(&mut Bench),
    /// What holds in the end where nobody left the project.
    came: fn(&mut Bench) -> bool,
    /// Whether it is said where it came too late for its project or training.
    told: bool,
    whiles: &'static [Meanwhile],
}

impl Scene {
    const fn new(kinds: &'static [&'static str], ask: fn(&mut Bench), came: fn(&mut Bench) -> bool) -> Self {
        Self { kinds, before: |_| (), ask, came, told: false, whiles: &ALL }
    }

    const fn after(self, before: fn(&mut Bench)) -> Self {
        Self { before, ..self }
    }

    /// Its answers change the project or the training that is open.
    const fn told(self) -> Self {
        Self { told: true, ..self }
    }

    const fn only(self, whiles: &'static [Meanwhile]) -> Self {
        Self { whiles, ..self }
    }
}

/// A studio whose answers are held back.
struct Bench {
    studio: Studio,
    tap: Tap,
    folder: tempfile::TempDir,
    results: Vec<ResultId>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::in_folder(folder.path().join("home"));
        // A session before it left a training.
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let mut left = Trainings::new(&pool, places.clone());
        left.draft.edit("Rename", |training| training.name = "left_over".into());
        left.close();
        drop((left, pool));
        let engine = Engine::start(Cache::none(), || ()).unwrap();
        let (project, folder_of) = (super::tests::project(), folder.path().to_owned());
        let places = Some(places);
        let studio = Studio::new(engine, project, None, folder_of, DeviceChoice::Flex, places, Arc::new(|| ()));
        let mut studio = studio.unwrap();
        studio.weigher.room = |_| None;
        let tap = studio.weigher.models.tap();
        Self { studio, tap, folder, results: Vec::new() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A picture of one colour.
    fn picture(&self, name: &str, side: u32) -> PathBuf {
        let path = self.at(name);
        RgbaImage::from_pixel(side, side, Rgba([200, 30, 40, 255])).save(&path).unwrap();
        path
    }

    fn until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        loop {
            self.studio.poll();
            if so(self) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(300), "{what} did not come: {:#?}", self.state());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn rest(&mut self) {
        self.until("quiet", |bench| !bench.studio.is_busy() && !bench.studio.library.is_working());
    }

    /// Rests until nothing is rendered or trained any more, either.
    fn quiet(&mut self) {
        self.until("the end of all work", |bench| {
            let studio = &bench.studio;
            let compares = studio.compare.begun().is_some_and(|begun| begun.going == compare::Going::On);
            studio.renders.runs.active().next().is_none() && studio.train.runs.active().next().is_none() && !compares
        });
        self.rest();
    }

    /// A result in the gallery, written.
    fn result(&mut self, project: &Project) -> ResultId {
        let white = image::RgbImage::from_pixel(64, 64, image::Rgb([255; 3]));
        let folder = self.folder.path().to_owned();
        let id = self.studio.results.store.add(&white, project, &folder, 41, Meta::default());
        self.until("a result on the disk", |bench| !bench.studio.results.store.is_writing());
        self.results.push(id.clone());
        id
    }

    fn mask() -> Arc<GrayImage> {
        Arc::new(GrayImage::from_pixel(128, 128, Luma([255])))
    }

    /// A photo to place into, which is read.
    fn photo(&mut self) {
        self.studio.document.set_photo("assets:photos/meadow.png".into());
        self.until("the photo", |bench| bench.studio.placed_photo().ready().is_some());
    }

    fn collage(&mut self) {
        self.until("the collage", |bench| bench.studio.collage_now().is_some());
    }

    /// A picture that is opened to be cut, with its middle chosen.
    fn cut(&mut self) {
        let photo = self.picture("square.png", 96);
        self.studio.cut_out_of(photo);
        self.until("the photo to be cut", |bench| {
            bench.studio.cut.open().is_some_and(|open| open.subject().is_some() && !open.is_behind())
        });
        self.studio.cut.draw(Shape::Rectangle([[20.0, 20.0], [60.0, 60.0]]), Mode::Add);
        self.until("the shape", |bench| bench.studio.cut.open().unwrap().can_finish());
    }

    fn networks(&self, name: &str) -> PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment").join(name)
    }

    fn photos() -> PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/training")
    }

    /// A training that can begin, and ends after one step.
    fn training(&mut self) {
        self.studio.train.add(vec![Self::photos()]);
        self.until("the photos", |bench| bench.studio.train.training().photos.len() == 6);
        self.studio.train.draft.edit("Small", |training| {
            // The folder's name is no word of the miniature's.
            training.rename("tom", "cat");
            let settings = &mut training.settings;
            (settings.steps, settings.batch, settings.size) = (1, 1, Some(64));
            (settings.show_every, settings.enough) = (0, 0.0);
            training.prompts.truncate(1);
        });
        self.until("that it can begin", |bench| {
            bench.studio.train.findings();
            bench.studio.train.obstacle().is_none() && !bench.studio.is_busy()
        });
    }

    /// A project that renders in moments; its prompt is too long to be read.
    fn small(&mut self) {
        self.studio.edit("Small", |project| {
            project.canvas = Canvas { width: 64, height: 64 };
            project.prompt = "a cat and ".repeat(60);
            project.concepts.clear();
            project.layers_mut().unwrap().iter_mut().for_each(|layer| layer.concept = None);
            project.settings.steps = 2;
            project.settings.layout_alignment.enabled = false;
        });
    }

    fn library(&mut self) {
        let mut hub = Hub::from_variables(
            |name| match name {
                "HF_HUB_CACHE" => Some(self.at("hub").into_os_string()),
                "HF_ENDPOINT" => Some("http://127.0.0.1:1".into()),
                _ => None,
            },
            None,
        )
        .unwrap();
        hub.limits.tries = 1;
        (self.studio.library.hub, self.studio.library.usual) = (Some(hub), false);
    }

    fn act(&mut self, meanwhile: Meanwhile) {
        let studio = &mut self.studio;
        match meanwhile {
            Meanwhile::Edit => {
                studio.edit("Another seed", |project| project.seed += 1000);
                if !studio.project().layers().is_empty() {
                    studio.document.select([0]);
                    studio.document.reorder_selected(Reorder::Front);
                }
            }
            Meanwhile::New => {
                studio.go_ahead(Held::New);
                studio.new_training();
            }
            Meanwhile::Open => {
                let place =
                    Placement { follow: Some(Follow::default()), ..Placement::new("assets:photos/meadow.png", "") };
                let mut other = super::tests::project();
                (other.prompt, other.place) = ("another project".into(), Some(place));
                let file = self.folder.path().join("other.ron");
                studio.replace_project(other, Some((file, None)), self.folder.path().to_owned());
            }
            Meanwhile::Close => studio.go_ahead(Held::Close),
            Meanwhile::Drop => {}
        }
    }

    /// What a person can tell of the project.
    fn document(&self) -> String {
        let document = &self.studio.document;
        let revision = document.history.revision();
        format!("{:?} {:?} {} {revision}", document.project(), document.file, document.id())
    }

    /// What a person can tell of everything.
    fn state(&self) -> Vec<String> {
        let studio = &self.studio;
        let runs = studio.renders.runs.iter().map(|run| {
            let paused = matches!(run.state, State::Paused);
            format!("{} {} {paused} {:?} {:?}", run.name, run.finished().is_some(), run.notes, run.results)
        });
        let trainings = studio.train.runs.iter().map(|run| {
            let (pictures, points) = (run.pictures.len(), run.curves.points().len());
            format!("{} {pictures} {points} {:?} {:?}", run.words(), run.sheet, run.notes)
        });
        let cut = studio.cut.open().map(|open| (open.undo_name(), open.is_making(), open.naming().is_some()));
        let gettings = studio.library.gettings().iter().map(|getting| &getting.state);
        let mut state = vec![
            self.document(),
            format!("dirty: {}", studio.document.history.is_dirty()),
            format!("said: {:?}", studio.session.notices),
            format!("asked: {:?}", studio.session.questions),
            format!("closing: {}", studio.session.closing),
            format!("gallery: {:?}", studio.gallery().map(|entry| &entry.id).collect::<Vec<_>>()),
            format!("training: {:?} {:?}", studio.train.training(), studio.train.draft.file),
            format!("cut: {cut:?}"),
            format!("exported: {:?} {:?}", studio.export.exported, studio.export.exporting.is_some()),
            format!("collected: {:?} {}", studio.collect.ended, studio.collect.collecting.is_some()),
            format!("compared: {:?}", studio.compare.begun().map(|begun| &begun.cells)),
            format!("library: {:?} {}", studio.library.looked(), studio.library.entries().len()),
            format!("gettings: {:?}", gettings.collect::<Vec<_>>()),
        ];
        state.extend(runs);
        state.extend(trainings);
        state
    }
}

fn run(scene: &Scene, meanwhile: Meanwhile) -> [BTreeSet<String>; 3] {
    let what = format!("{:?}, {meanwhile:?}", scene.kinds);
    let mut bench = Bench::new();
    // The first answers of a session are asked for before anybody does anything.
    let begins = scene.kinds.iter().any(|kind| kind.contains("Left"));
    if !begins {
        bench.rest();
        (scene.before)(&mut bench);
        bench.rest();
    }
    bench.tap.hold(scene.kinds);
    (scene.ask)(&mut bench);
    bench.until(&what, |bench| bench.tap.lacks(scene.kinds).is_empty());
    bench.act(meanwhile);
    if meanwhile == Meanwhile::Drop {
        let [late, again] = bench.tap.seen();
        return [bench.tap.known(), late, again];
    }
    let (left, training) = (bench.document(), format!("{:?}", bench.studio.train.training()));
    bench.tap.set(Way::Noted);
    bench.quiet();
    match meanwhile {
        Meanwhile::Edit => bench.until(&format!("what was asked for: {what}"), |bench| (scene.came)(bench)),
        Meanwhile::New | Meanwhile::Open => {
            assert_eq!(bench.document(), left, "{what}: an answer to the last project changed this one");
            let told = !bench.studio.session.notices.is_empty();
            let of_training = scene.kinds.iter().any(|kind| kind.contains("train"));
            if scene.told && !(of_training && meanwhile == Meanwhile::Open) {
                assert!(told, "{what}: it was lost without a word");
            }
            if meanwhile == Meanwhile::New && !begins {
                let now = format!("{:?}", bench.studio.train.training());
                assert_eq!(now, training, "{what}: an answer to the last training changed this one");
                assert_eq!(bench.studio.train.draft.file, None, "{what}: this training was never saved");
            }
        }
        Meanwhile::Close | Meanwhile::Drop => {}
    }
    // What is open now is drawn, whatever came before.
    bench.collage();
    bench.quiet();
    let before = bench.state();
    bench.tap.set(Way::Again);
    bench.quiet();
    assert_eq!(bench.state(), before, "{what}: told twice, it was taken twice");
    bench.studio.close();
    let [late, again] = bench.tap.seen();
    [bench.tap.known(), late, again]
}

#[test]
fn every_answer_that_comes_late_or_twice_changes_what_it_was_asked_for_and_nothing_else() {
    let mut seen: [BTreeSet<String>; 3] = Default::default();
    // All are tried, so that a change that breaks several says so at once.
    let mut failed = Vec::new();
    for scene in scenes::LOOKING.iter().chain(scenes::CHANGING).chain(scenes::COMPUTING) {
        for &meanwhile in scene.whiles {
            match std::panic::catch_unwind(|| run(scene, meanwhile)) {
                Ok(met) => seen.iter_mut().zip(met).for_each(|(all, more)| all.extend(more)),
                Err(_) => failed.push(format!("{:?}, {meanwhile:?}", scene.kinds)),
            }
        }
    }
    assert_eq!(failed, Vec::<String>::new(), "the panics stand above");
    let [known, late, again] = seen;
    let missing = |met: &BTreeSet<String>| known.difference(met).cloned().collect::<Vec<_>>();
    assert_eq!(missing(&late), Vec::<String>::new(), "no scene lets these come late");
    assert_eq!(missing(&again), Vec::<String>::new(), "no scene lets these come twice");
    assert!(known.len() > 45, "{known:?}");
}

#[test]
fn opening_the_project_s_own_file_saves_it_first_and_leaves_it_open() {
    let mut bench = Bench::new();
    bench.rest();
    let path = bench.at("mine.ron");
    bench.studio.save_to(path.clone(), false, None);
    bench.rest();
    for words in ["changed", "changed again"] {
        bench.studio.edit("Words", |project| project.prompt = words.into());
        bench.studio.take_in(path.clone(), Target::Open);
        bench.rest();
        let Some(Question::Unsaved(held)) = bench.studio.session.questions.front().cloned() else {
            panic!("not asked: {:?}", bench.studio.session.questions)
        };
        assert_eq!(bench.studio.save_and(held), None, "it has a file");
        bench.rest();
        assert_eq!(bench.studio.project().prompt, words, "what was read before it was saved");
        assert_eq!(bench.studio.session.questions.front(), None, "nobody else wrote it");
        assert!(!bench.studio.document.history.is_dirty());
        assert_eq!(bench.studio.document.history.undo_name(), Some("Words"), "it was open already");
    }
    // Changed while it is saved: that is not lost, and not saved.
    bench.studio.edit("Words", |project| project.prompt = "saved".into());
    bench.studio.take_in(path.clone(), Target::Open);
    bench.rest();
    let Some(Question::Unsaved(held)) = bench.studio.session.questions.front().cloned() else { panic!("not asked") };
    bench.studio.save_and(held);
    bench.studio.edit("Words", |project| project.prompt = "typed meanwhile".into());
    bench.rest();
    assert_eq!(bench.studio.project().prompt, "typed meanwhile");
    assert!(bench.studio.document.history.is_dirty());
    assert_eq!(bench.studio.session.questions.front(), None);
}

#[test]
fn another_file_that_changed_while_the_project_was_saved_is_opened_as_it_is_now() {
    let mut bench = Bench::new();
    bench.rest();
    let (mine, other) = (bench.at("mine.ron"), bench.at("other.ron"));
    bench.studio.save_to(mine.clone(), false, None);
    let write = |words: &str| file::save(&other, &Project { prompt: words.into(), ..Project::new() }).unwrap();
    write("as it was");
    bench.rest();
    bench.studio.edit("Words", |project| project.prompt = "changed".into());
    bench.studio.take_in(other.clone(), Target::Open);
    bench.rest();
    let Some(Question::Unsaved(held)) = bench.studio.session.questions.front().cloned() else { panic!("not asked") };
    write("as somebody else made it");
    bench.studio.save_and(held);
    bench.rest();
    assert_eq!(bench.studio.project().prompt, "as somebody else made it");
    assert_eq!(file::load(&mine).unwrap().prompt, "changed");
    bench.studio.edit("Words", |project| project.prompt += " and more");
    assert!(bench.studio.save());
    bench.rest();
    assert_eq!(bench.studio.session.questions.front(), None, "it is known as it was read");
}

/// A studio with unsaved words that asks before it opens `other`, which holds "as it was"; and what waits for the answer.
fn asked_about(other: &Path) -> (Bench, Held) {
    let mut bench = Bench::new();
    bench.rest();
    bench.studio.edit("Words", |project| project.prompt = "not saved".into());
    bench.studio.take_in(other.to_owned(), Target::Open);
    bench.rest();
    let Some(Question::Unsaved(held)) = bench.studio.session.questions.front().cloned() else { panic!("not asked") };
    (bench, held)
}

fn of_words(words: &str) -> Project {
    Project { prompt: words.into(), ..Project::new() }
}

#[test]
fn a_file_that_changed_while_somebody_was_asked_is_opened_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.ron");
    file::save(&other, &of_words("as it was")).unwrap();
    let (mut bench, held) = asked_about(&other);
    file::save(&other, &of_words("as somebody else made it")).unwrap();
    bench.studio.answer_by(held);
    bench.rest();
    assert_eq!(bench.studio.project().prompt, "as somebody else made it");
    assert_eq!((bench.studio.document.file.as_ref(), bench.studio.session.questions.front()), (Some(&other), None));
    bench.studio.edit("Words", |project| project.prompt += " and more");
    assert!(bench.studio.save());
    bench.rest();
    assert_eq!(bench.studio.session.questions.front(), None, "it is known as it was read");
    assert_eq!(file::load(&other).unwrap().prompt, "as somebody else made it and more");

    // A picture that holds its project: it is no project's file.
    let picture = folder.path().join("other.png");
    let write = |words: &str| {
        let white = image::RgbImage::from_pixel(8, 8, image::Rgb([255; 3]));
        crate::project::png_text::write_png(&picture, &white, &of_words(words), folder.path(), 1).unwrap();
    };
    write("as it was");
    let (mut bench, held) = asked_about(&picture);
    write("as it is");
    bench.studio.answer_by(held);
    bench.rest();
    assert_eq!((bench.studio.project().prompt.as_str(), &bench.studio.document.file), ("as it is", &None));
}

#[test]
fn a_file_that_went_while_somebody_was_asked_leaves_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.ron");
    file::save(&other, &of_words("as it was")).unwrap();
    let (mut bench, held) = asked_about(&other);
    std::fs::remove_file(&other).unwrap();
    bench.studio.answer_by(held);
    bench.rest();
    assert_eq!(bench.studio.project().prompt, "not saved");
    assert!(bench.studio.document.history.is_dirty() && bench.studio.document.file.is_none());
    let notices = &bench.studio.session.notices;
    assert!(notices.iter().any(|notice| notice.words.contains("other.ron")), "{notices:?}");
}

#[test]
fn what_is_changed_while_a_project_is_read_again_is_asked_about_again() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.ron");
    file::save(&other, &of_words("as it was")).unwrap();
    let (mut bench, held) = asked_about(&other);
    bench.tap.hold(&["files::Told TakenIn"]);
    bench.studio.answer_by(held);
    bench.until("the file", |bench| bench.tap.lacks(&["files::Told TakenIn"]).is_empty());
    bench.studio.edit("Words", |project| project.prompt = "typed meanwhile".into());
    bench.tap.set(Way::Through);
    bench.rest();
    assert_eq!(bench.studio.project().prompt, "typed meanwhile");
    assert!(matches!(bench.studio.session.questions.front(), Some(Question::Unsaved(Held::Replace { .. }))));
}

#[test]
fn of_two_projects_that_are_opened_the_last_one_counts_in_whatever_order_they_are_read() {
    for first_late in [false, true] {
        let mut bench = Bench::new();
        bench.rest();
        for words in ["one", "two"] {
            file::save(&bench.at(&format!("{words}.ron")), &Project { prompt: words.into(), ..Project::new() })
                .unwrap();
        }
        bench.tap.hold(&["files::Told TakenIn"]);
        let (one, two) = (bench.at("one.ron"), bench.at("two.ron"));
        bench.studio.take_in(one, Target::Open);
        if first_late {
            bench.until("the first", |bench| bench.tap.lacks(&["files::Told TakenIn"]).is_empty());
        }
        bench.studio.take_in(two, Target::Open);
        bench.tap.set(Way::Through);
        bench.rest();
        assert_eq!(bench.studio.project().prompt, "two");
        assert_eq!(bench.studio.session.questions.front(), None);
    }
}
