//! Twenty thousand random things that a person, a cat or a bug could do to the window. The same seed does the same: see
//! [`Monkey::quiet`].

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use eframe::egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, Vec2, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::NodeT;
use podium::engine::cache::Cache;
use podium::engine::device::DeviceChoice;
use podium::gui::Podium;
use podium::link::JobId;
use podium::project::{Canvas, Project, file};
use podium::studio::places::Places;
use podium::studio::renders::runs::{Run, State};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::looks::Dropped;
use crate::studio::{InStep, small};

const ACTIONS: usize = 20_000;
const SIZE: Vec2 = Vec2::new(1280.0, 800.0);
/// The height of the top bar. There the memory in use stands, as wide as its number: what is there is pressed by name, not
/// by place.
const TOP: f32 = 48.0;
/// Longer than anything that the window waits for.
const PATIENCE: Duration = Duration::from_secs(180);

const KEYS: [Key; 29] = [
    Key::ArrowLeft,
    Key::ArrowRight,
    Key::ArrowUp,
    Key::ArrowDown,
    Key::Delete,
    Key::Backspace,
    Key::Escape,
    Key::Enter,
    Key::Tab,
    Key::Space,
    Key::Home,
    Key::End,
    Key::Num0,
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Z,
    Key::Y,
    Key::D,
    Key::H,
    Key::X,
    Key::OpenBracket,
    Key::CloseBracket,
    Key::N,
    Key::S,
    Key::Backslash,
    Key::O,
    Key::A,
    Key::G,
];

const WORDS: [&str; 8] = ["cat", "dog", " on the beach", "", "0.7", "999999", "ä€😀", "-1e30"];

/// Files to drop: copies, since a project that is dropped may be saved to.
fn files(scratch: &Path) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in
        ["tests/data/pictures", "assets/projects", "assets/cutouts", "assets/miniature/concepts", "assets/scenes"]
    {
        for entry in
            std::fs::read_dir(root.join(folder)).expect("a folder").flatten().filter(|entry| entry.path().is_file())
        {
            let copy = scratch.join(entry.file_name());
            std::fs::copy(entry.path(), &copy).expect("copied");
            found.push(copy);
        }
    }
    found.push(root.join("assets"));
    found.push(scratch.join("nothing/here.png"));
    found.sort();
    found
}

/// An example made tiny: a pass of the network takes milliseconds.
fn tiny() -> Project {
    let mut project = small("beach", 2);
    project.canvas = Canvas { width: 64, height: 64 };
    for layer in project.layers_mut().expect("a collage") {
        (layer.x, layer.y, layer.scale) = (layer.x / 2.0, layer.y / 2.0, layer.scale / 2.0);
    }
    project
}

struct Monkey {
    /// Lets the engine go on; before the window, whose engine ends only when it waits for nobody.
    looked: Sender<()>,
    harness: Harness<'static, Podium>,
    random: ChaCha8Rng,
    seed: u64,
    actions: usize,
    files: Vec<PathBuf>,
    start: Project,
    most_steps: usize,
    /// Jobs that the engine has ended.
    ended: u64,
    /// Whether the engine waits until its last event was looked at.
    holding: bool,
    /// Everything done so far and what it led to, in a number.
    trace: DefaultHasher,
}

/// Says how to do the same again where a test fails.
impl Drop for Monkey {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (seed, actions) = (self.seed, self.actions);
            eprintln!("again: PODIUM_MONKEY_SEED={seed} PODIUM_MONKEY_ACTIONS={actions}");
        }
    }
}

impl Monkey {
    /// A monkey whose window keeps everything below a folder. The folder's name is shown in messages, and how wide it is
    /// moves what stands beside, so it must be the same for the same seed.
    fn new(name: &str, seed: u64) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("monkey").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let scratch = folder.join("files");
        std::fs::create_dir_all(&scratch).expect("a folder");
        let start = tiny();
        let engine = InStep::start(Cache::none());
        // The model is loaded, which is told of in hundreds of events.
        assert_eq!(engine.render_unwatched(&start).finished().pictures.len(), 1);
        let (looked, engine) = engine.into_parts();
        let (project, place, places) = (start.clone(), scratch.clone(), Places::in_folder(folder.join("home")));
        let harness = Harness::builder().with_size(SIZE).allow_missing_glyphs().build_eframe(move |context| {
            let ctx = &context.egui_ctx;
            let podium = Podium::kept(ctx, engine, project, place, DeviceChoice::Flex, Some(places));
            let mut podium = podium.expect("threads");
            podium.panels.files.native = false;
            // What it shows is looked up on threads of its own.
            podium.panels.device.open = true;
            podium
        });
        let files = files(&scratch);
        let random = ChaCha8Rng::seed_from_u64(seed);
        let trace = DefaultHasher::new();
        let mut monkey = Self {
            looked,
            harness,
            random,
            seed,
            actions: 0,
            files,
            start,
            most_steps: 0,
            ended: 1,
            holding: false,
            trace,
        };
        let begun = Instant::now();
        while !monkey.harness.state().studio.results.store.is_listed() || monkey.is_looking() {
            assert!(begun.elapsed() < PATIENCE, "the window does not come to rest");
            monkey.frame([]);
        }
        monkey.harness.state_mut().panels.device.open = false;
        monkey
    }

    /// Draws one frame with these events.
    fn frame(&mut self, events: impl IntoIterator<Item = Event>) {
        self.harness.input_mut().events.extend(events);
        self.harness.step();
        self.quiet();
        let begun = Instant::now();
        while self.harness.state().panels.device.open && self.is_looking() {
            assert!(begun.elapsed() < PATIENCE, "no answer came");
            std::thread::sleep(Duration::from_millis(1));
            self.harness.step();
            self.quiet();
        }
    }

    /// Whether the panel of model and device waits for what it shows.
    fn is_looking(&self) -> bool {
        let words = crate::story::says(&self.harness);
        words.contains("Looking for adapters") || words.contains("Reading its configuration")
    }

    /// Waits until nothing is under way in other threads, so that what the window shows next depends on nothing but what
    /// was done before: the same seed leads to the same states, whatever the machine does beside. The engine has told one
    /// thing of a job in hand, and waits until [`Monkey::listen`] lets it tell the next.
    fn quiet(&mut self) {
        if !self.holding {
            self.hear(false);
        }
        let begun = Instant::now();
        let studio = &mut self.harness.state_mut().studio;
        while studio.is_busy() || studio.results.store.is_writing() || studio.results.store.is_reading() {
            assert!(begun.elapsed() < PATIENCE, "files are read or written for ever");
            std::thread::sleep(Duration::from_micros(100));
            studio.poll();
        }
    }

    /// Lets the engine tell one thing more, where it has a job.
    fn listen(&mut self) {
        if self.has_job() {
            if std::mem::take(&mut self.holding) {
                self.looked.send(()).expect("the engine waits");
            }
            self.hear(true);
        }
    }

    fn has_job(&self) -> bool {
        self.harness.state().studio.renders.runs.iter().any(|run| run.job.0 > self.ended)
    }

    /// Waits for what the engine tells of its job, and takes it in. A frame that was drawn in two passes has taken in
    /// already what is told of a job that has just begun.
    fn hear(&mut self, for_certain: bool) {
        if !self.has_job() {
            return;
        }
        let current = JobId(self.ended + 1);
        let studio = &mut self.harness.state_mut().studio;
        let begun = Instant::now();
        let begins = |run: &Run| matches!(run.state, State::Queued);
        while studio.renders.engine().events().is_empty()
            && (for_certain || studio.renders.runs.get(current).is_some_and(begins))
        {
            assert!(begun.elapsed() < PATIENCE, "the engine says nothing");
            std::thread::sleep(Duration::from_micros(50));
        }
        studio.poll();
        self.holding = true;
        if !studio.renders.runs.get(current).is_some_and(|run| run.state.is_active()) {
            self.ended += 1;
        }
    }

    fn point(&mut self) -> Pos2 {
        pos2(self.random.random_range(0.0..SIZE.x), self.random.random_range(TOP..SIZE.y))
    }

    fn modifiers(&mut self) -> Modifiers {
        match self.random.random_range(0..8) {
            0 => Modifiers::SHIFT,
            1 => Modifiers::ALT,
            2 | 3 => Modifiers::COMMAND,
            4 => Modifiers::COMMAND.plus(Modifiers::SHIFT),
            _ => Modifiers::NONE,
        }
    }

    /// Presses a button in one frame and lets it go in the next.
    fn click(&mut self, at: Pos2, button: PointerButton, modifiers: Modifiers) {
        let event = |pressed| Event::PointerButton { pos: at, button, pressed, modifiers };
        self.frame([Event::ModifiersChanged(modifiers), Event::PointerMoved(at), event(true)]);
        self.frame([event(false)]);
    }

    fn drag(&mut self) {
        let (from, modifiers) = (self.point(), self.modifiers());
        let event = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
        let way = [self.point(), self.point(), self.point()];
        let escape = self.random.random_ratio(1, 8);
        self.frame([Event::ModifiersChanged(modifiers), Event::PointerMoved(from), event(from, true)]);
        self.frame([Event::PointerMoved(way[0])]);
        let key = escape.then(|| key(Key::Escape, true, modifiers));
        self.frame([Event::PointerMoved(way[1])].into_iter().chain(key));
        self.frame([Event::PointerMoved(way[2]), event(way[2], false)]);
    }

    /// Does one thing.
    fn act(&mut self) {
        self.actions += 1;
        let what = self.random.random_range(0..100);
        what.hash(&mut self.trace);
        match what {
            0..30 => {
                let (at, modifiers) = (self.point(), self.modifiers());
                let secondary = self.random.random_ratio(1, 6);
                self.click(at, if secondary { PointerButton::Secondary } else { PointerButton::Primary }, modifiers);
            }
            30..50 => self.drag(),
            50..70 => self.click_something(),
            70..82 => {
                let modifiers = self.modifiers();
                let pressed = *KEYS.choose(&mut self.random).expect("some");
                self.frame([Event::ModifiersChanged(modifiers), key(pressed, true, modifiers)]);
                self.frame([key(pressed, false, modifiers)]);
            }
            82..88 => {
                let words = *WORDS.choose(&mut self.random).expect("some");
                self.frame([Event::ModifiersChanged(Modifiers::NONE), Event::Text(words.into())]);
            }
            88..93 => {
                let (at, modifiers) = (self.point(), self.modifiers());
                let delta = Vec2::new(0.0, self.random.random_range(-400.0..400.0));
                let wheel = Event::MouseWheel {
                    source: eframe::egui::MouseWheelSource::Wheel,
                    unit: MouseWheelUnit::Point,
                    delta,
                    phase: eframe::egui::TouchPhase::Move,
                    modifiers,
                };
                self.frame([Event::ModifiersChanged(modifiers), Event::PointerMoved(at), wheel]);
            }
            93..97 => {
                let at = self.point();
                let file = self.files.choose(&mut self.random).expect("some").clone();
                self.frame([Event::ModifiersChanged(Modifiers::NONE), Event::PointerMoved(at)]);
                self.harness.input_mut().dropped_files.push(Arc::new(Dropped(file)));
                self.frame([]);
            }
            97..99 => {
                self.harness.state_mut().studio.document.undo();
                self.frame([]);
            }
            _ => {
                self.harness.state_mut().studio.document.redo();
                self.frame([]);
            }
        }
        self.tidy_up();
        self.listen();
    }

    /// Presses something that has a name.
    fn click_something(&mut self) {
        let places: Vec<Pos2> = {
            let nodes = self.harness.root().children_recursive();
            nodes.filter(|node| node.accesskit_node().label().is_some()).map(|node| node.rect().center()).collect()
        };
        if let Some(at) = places.choose(&mut self.random).copied() {
            self.click(at, PointerButton::Primary, Modifiers::NONE);
        }
    }

    /// What would keep the machine busy, end the session, or be another thing the next time.
    fn tidy_up(&mut self) {
        // Drawn in any case, so that what comes after stays the same.
        let (stop, begin_anew) = (self.random.random_ratio(1, 150), self.random.random_ratio(1, 1500));
        let seed = self.random.random_range(0..1_000_000);
        self.harness.input_mut().dropped_files.clear();
        let studio = &mut self.harness.state_mut().studio;
        studio.session.closing = false;
        studio.renders.device = DeviceChoice::Flex;
        if studio.document.history.undo_name() == Some("Roll the seed") {
            // Rolled by chance; the monkey's own chance comes again.
            studio.document.undo();
            studio.edit("Roll a seed", |project| project.seed = seed);
        }
        let too_much = |run: &Run| {
            let Project { canvas, pictures, .. } = &*run.project;
            canvas.width * canvas.height > 128 * 128 || *pictures > 2
        };
        let active: Vec<_> = studio.renders.runs.active().map(|run| (run.job, too_much(run))).collect();
        let all = active.len() > 1 || stop;
        active.into_iter().filter(|(_, too_much)| all || *too_much).for_each(|(job, _)| studio.renders.stop(job));
        if studio.project().layers().len() > 30 || begin_anew {
            let start = self.start.clone();
            let folder = studio.document.folder.clone();
            studio.replace_project(start, None, folder);
        }
    }

    fn check(&mut self) {
        let number = self.actions;
        self.most_steps = self.most_steps.max(self.harness.state().studio.document.history.steps().0.count());
        let project = self.harness.state().studio.project();
        let text = file::to_string(project).expect("every state can be saved");
        let again = file::from_str_as_it_is(&text).unwrap_or_else(|error| panic!("action {number}: {error}\n{text}"));
        assert_eq!(again, *project, "action {number}: what was saved does not load back equal");
        text.hash(&mut self.trace);
    }

    fn do_some(&mut self, actions: usize) {
        for number in 0..actions {
            self.act();
            if number % 10 == 0 {
                self.check();
            }
        }
        self.check();
    }
}

fn key(key: Key, pressed: bool, modifiers: Modifiers) -> Event {
    Event::Key { key, physical_key: None, pressed, repeat: false, modifiers }
}

#[test]
fn twenty_thousand_random_actions_do_no_harm() {
    // Another seed for another path: PODIUM_MONKEY_SEED=7 cargo test --release monkey
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let mut monkey = Monkey::new("all", number("PODIUM_MONKEY_SEED").unwrap_or(1));
    monkey.do_some(number("PODIUM_MONKEY_ACTIONS").map_or(ACTIONS, |actions| actions as usize));
    let ended = monkey.ended;
    println!("{ended} renders, at most {} steps of history, trace {:016x}", monkey.most_steps, monkey.trace.finish());
    assert!(monkey.most_steps > 20, "the monkey changed next to nothing: {} steps", monkey.most_steps);
    assert!(ended > 20, "the monkey rendered next to nothing: {ended} times");
}

#[test]
fn the_same_seed_does_the_same_and_another_something_else() {
    let traces = [3, 3, 4].map(|seed| {
        let mut monkey = Monkey::new("again", seed);
        monkey.do_some(400);
        (monkey.trace.finish(), monkey.ended)
    });
    assert_eq!(traces[0], traces[1]);
    assert_ne!(traces[0], traces[2]);
}
