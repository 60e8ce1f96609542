//! Twenty thousand random things that a person, a cat or a bug could do to the window. The same seed does the same: see
//! [`Monkey::quiet`]. Saving, opening, beginning anew, crashing and recovering are among them, and a plain model says after
//! every frame what the document, its file and the disk must be.

/// What the monkey does about files, what it answers, how it crashes, and what the model says of it.
mod person;

use std::collections::{BTreeMap, VecDeque};
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
use podium::gui::asks::Purpose;
use podium::link::JobId;
use podium::project::stamp::Stamp;
use podium::project::{Canvas, MaskSource, Project, file};
use podium::studio::places::Places;
use podium::studio::renders::runs::{Run, State};
use podium::studio::{Question, Studio};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::person::{Agreed, FILE_WORK, Seen};
use crate::looks::Dropped;
use crate::plain::Model;
use crate::studio::{InStep, small};

type Window = Harness<'static, Podium>;

const ACTIONS: usize = 20_000;
const SIZE: Vec2 = Vec2::new(1280.0, 800.0);
/// The height of the top bar. There the memory in use stands, as wide as its number: what is there is pressed by name, not
/// by place.
const TOP: f32 = 48.0;
/// Longer than anything that the window waits for.
const PATIENCE: Duration = Duration::from_secs(180);
/// How many of the last actions are told where something is wrong.
const TOLD: usize = 30;

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
            if copy.extension().is_some_and(|ending| ending == "ron") {
                let project = file::load_as_it_is(&copy).expect("a project");
                file::save(&copy, &made_tiny(project)).expect("written");
            }
            found.push(copy);
        }
    }
    found.push(root.join("assets"));
    found.push(scratch.join("nothing/here.png"));
    found.sort();
    found
}

/// A project made tiny: a pass of the network takes milliseconds, and so does drawing the collage.
fn made_tiny(mut project: Project) -> Project {
    let part = 64.0 / project.canvas.width as f32;
    project.canvas = Canvas { width: 64, height: 64 };
    for layer in project.layers_mut().into_iter().flatten() {
        (layer.x, layer.y, layer.scale) = (layer.x * part, layer.y * part, layer.scale * part);
    }
    for concept in &mut project.concepts {
        if let MaskSource::Points(points) = &mut concept.mask {
            points.iter_mut().for_each(|(x, y)| (*x, *y) = (*x * part, *y * part));
        }
    }
    project.settings.steps = 2;
    project
}

struct Monkey {
    /// Lets the engine go on; before the window, whose engine ends only when it waits for nobody.
    looked: Sender<()>,
    /// The window; none between a crash and the next session.
    harness: Option<Window>,
    random: ChaCha8Rng,
    seed: u64,
    actions: usize,
    /// Where Podium keeps what it keeps.
    home: PathBuf,
    /// Where a person does.
    scratch: PathBuf,
    /// What may be dropped.
    files: Vec<PathBuf>,
    start: Project,
    most_steps: usize,
    /// Jobs that the engine has ended, the first of which loaded the model.
    ended: u64,
    /// Those of the engines before it, but for the first of each.
    ended_before: u64,
    /// Whether the engine waits until its last event was looked at.
    holding: bool,
    /// Everything done so far and what it led to, in a number.
    trace: DefaultHasher,
    /// What must be.
    model: Model<Project>,
    /// The document as it was seen last.
    seen: Seen,
    /// The projects on the disk as they were seen last.
    stamps: BTreeMap<PathBuf, Stamp>,
    /// What the answer in hand allows.
    agreed: Agreed,
    /// How often what was done about files.
    done: BTreeMap<&'static str, usize>,
    /// What was done last, a line each.
    last: VecDeque<String>,
}

/// Says how to do the same again where a test fails.
impl Drop for Monkey {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.said());
        }
    }
}

impl Monkey {
    /// A monkey whose window keeps everything below a folder. The folder's name is shown in messages, and how wide it is
    /// moves what stands beside, so it must be the same for the same seed.
    fn new(name: &str, seed: u64) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("monkey").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let (home, scratch) = (folder.join("home"), folder.join("files"));
        std::fs::create_dir_all(scratch.join("work")).expect("a folder");
        // As a document has it.
        let mut start = made_tiny(small("beach", 2)).with_absolute_paths(&scratch).expect("absolute paths");
        start.number_layers(&mut 0);
        let mut monkey = Self {
            looked: crossbeam_channel::bounded(0).0,
            harness: None,
            random: ChaCha8Rng::seed_from_u64(seed),
            seed,
            actions: 0,
            home,
            files: files(&scratch),
            scratch,
            model: Model::begin(start.clone()),
            start,
            most_steps: 0,
            ended: 0,
            ended_before: 0,
            holding: false,
            trace: DefaultHasher::new(),
            seen: Seen::default(),
            stamps: BTreeMap::new(),
            agreed: Agreed::default(),
            done: BTreeMap::new(),
            last: VecDeque::new(),
        };
        monkey.look_at_disk();
        monkey.begin();
        monkey
    }

    /// Begins a session on what is kept, with an engine of its own, and answers what it asks.
    fn begin(&mut self) {
        let engine = InStep::start(Cache::none());
        // The model is loaded, which is told of in hundreds of events.
        assert_eq!(engine.render_unwatched(&self.start).finished().pictures.len(), 1);
        let (looked, engine) = engine.into_parts();
        (self.looked, self.ended, self.holding) = (looked, 1, false);
        let (project, place) = (self.start.clone(), self.scratch.clone());
        let places = Places::in_folder(self.home.clone());
        let harness = Harness::builder().with_size(SIZE).allow_missing_glyphs().build_eframe(move |context| {
            let ctx = &context.egui_ctx;
            let podium = Podium::kept(ctx, engine, project, place, DeviceChoice::Flex, Some(places));
            let mut podium = podium.expect("threads");
            podium.panels.files.native = false;
            // What it shows is looked up on threads of its own.
            podium.panels.device.open = true;
            podium
        });
        self.seen = Seen::of(&harness.state().studio);
        self.harness = Some(harness);
        let begun = Instant::now();
        while !self.studio().results.store.is_listed() || self.is_looking() {
            assert!(begun.elapsed() < PATIENCE, "the window does not come to rest");
            self.frame([]);
        }
        self.window_mut().state_mut().panels.device.open = false;
        assert_eq!(self.studio().project().clone(), *self.model.now(), "it begins with something else");
        let offers = matches!(self.studio().session.questions.front(), Some(Question::Recover(_)));
        assert_eq!(offers, !self.model.left.is_empty(), "what a crash has left is offered, and nothing else");
        self.meet();
        // Whether the desktop has dialogs is looked up too, before anybody asks for one.
        self.window_mut().state_mut().look.choose(Purpose::OpenProject);
        while self.window().state().panels.files.typing().is_none() {
            assert!(begun.elapsed() < PATIENCE, "nobody asks for a path");
            self.frame([]);
        }
        self.cancel_typing();
    }

    fn window(&self) -> &Window {
        self.harness.as_ref().expect("a session")
    }

    fn window_mut(&mut self) -> &mut Window {
        self.harness.as_mut().expect("a session")
    }

    fn studio(&mut self) -> &mut Studio {
        &mut self.window_mut().state_mut().studio
    }

    /// How to come to this again, and what was done last.
    fn said(&self) -> String {
        let (seed, actions) = (self.seed, self.actions);
        let last = self.last.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        format!("{last}\nagain: PODIUM_MONKEY_SEED={seed} PODIUM_MONKEY_ACTIONS={actions}")
    }

    /// Remembers what is done, for whoever has to find out.
    fn tell(&mut self, what: String) {
        if self.last.len() == TOLD {
            self.last.pop_front();
        }
        self.last.push_back(format!("{}: {what}", self.actions));
    }

    /// Draws one frame with these events, and compares what has become of the document.
    fn frame(&mut self, events: impl IntoIterator<Item = Event>) {
        self.window_mut().input_mut().events.extend(events);
        self.step();
        let begun = Instant::now();
        while self.window().state().panels.device.open && self.is_looking() {
            assert!(begun.elapsed() < PATIENCE, "no answer came");
            std::thread::sleep(Duration::from_millis(1));
            self.step();
        }
    }

    fn step(&mut self) {
        self.window_mut().step();
        self.see_document();
        self.quiet();
        self.observe();
    }

    /// Whether the panel of model and device waits for what it shows.
    fn is_looking(&self) -> bool {
        let words = crate::story::says(self.window());
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
        let studio = self.studio();
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
        self.window().state().studio.renders.runs.iter().any(|run| run.job.0 > self.ended)
    }

    /// Waits for what the engine tells of its job, and takes it in. A frame that was drawn in two passes has taken in
    /// already what is told of a job that has just begun.
    fn hear(&mut self, for_certain: bool) {
        if !self.has_job() {
            return;
        }
        let current = JobId(self.ended + 1);
        let studio = self.studio();
        let begun = Instant::now();
        let begins = |run: &Run| matches!(run.state, State::Queued);
        while studio.renders.engine().events().is_empty()
            && (for_certain || studio.renders.runs.get(current).is_some_and(begins))
        {
            assert!(begun.elapsed() < PATIENCE, "the engine says nothing");
            std::thread::sleep(Duration::from_micros(50));
        }
        studio.poll();
        let ended = !studio.renders.runs.get(current).is_some_and(|run| run.state.is_active());
        self.holding = true;
        self.ended += u64::from(ended);
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

    /// Presses a button and lets it go: in the next frame, or in the same one, as where frames take long.
    fn click(&mut self, at: Pos2, button: PointerButton, modifiers: Modifiers) {
        let event = |pressed| Event::PointerButton { pos: at, button, pressed, modifiers };
        let press = [Event::ModifiersChanged(modifiers), Event::PointerMoved(at), event(true)];
        if self.random.random_ratio(1, 3) {
            self.frame(press);
            self.frame([event(false)]);
        } else {
            self.frame(press.into_iter().chain([event(false)]));
        }
    }

    /// Presses a key and lets it go.
    fn press(&mut self, pressed: Key, modifiers: Modifiers) {
        let (down, up) = (key(pressed, true, modifiers), key(pressed, false, modifiers));
        self.frame([Event::ModifiersChanged(modifiers), down, up]);
    }

    fn drag(&mut self) {
        let (from, modifiers) = (self.point(), self.modifiers());
        let event = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
        let way = [self.point(), self.point(), self.point()];
        let escape = self.random.random_ratio(1, 8);
        self.frame([Event::ModifiersChanged(modifiers), Event::PointerMoved(from), event(from, true)]);
        let key = escape.then(|| key(Key::Escape, true, modifiers));
        self.frame([Event::PointerMoved(way[0])].into_iter().chain(key));
        self.frame([Event::PointerMoved(way[1]), Event::PointerMoved(way[2]), event(way[2], false)]);
    }

    /// Does one thing, and answers what it led to.
    fn act(&mut self) {
        self.actions += 1;
        let what = self.random.random_range(0..1000);
        what.hash(&mut self.trace);
        match what {
            0..290 => {
                let (at, modifiers) = (self.point(), self.modifiers());
                let secondary = self.random.random_ratio(1, 6);
                self.tell(format!("click at {at:?}, secondary {secondary}"));
                self.click(at, if secondary { PointerButton::Secondary } else { PointerButton::Primary }, modifiers);
            }
            290..485 => {
                self.tell("drag".into());
                self.drag();
            }
            485..680 => self.click_something(),
            680..795 => {
                let modifiers = self.modifiers();
                let pressed = *KEYS.choose(&mut self.random).expect("some");
                self.tell(format!("{pressed:?} with {modifiers:?}"));
                self.press(pressed, modifiers);
            }
            795..855 => {
                let words = *WORDS.choose(&mut self.random).expect("some");
                self.tell(format!("words {words:?}"));
                self.frame([Event::ModifiersChanged(Modifiers::NONE), Event::Text(words.into())]);
            }
            855..905 => {
                let (at, modifiers) = (self.point(), self.modifiers());
                let delta = Vec2::new(0.0, self.random.random_range(-400.0..400.0));
                let wheel = Event::MouseWheel {
                    source: eframe::egui::MouseWheelSource::Wheel,
                    unit: MouseWheelUnit::Point,
                    delta,
                    phase: eframe::egui::TouchPhase::Move,
                    modifiers,
                };
                self.tell("wheel".into());
                self.frame([Event::ModifiersChanged(modifiers), Event::PointerMoved(at), wheel]);
            }
            905..945 => {
                let at = self.point();
                let file = self.files.choose(&mut self.random).expect("some").clone();
                self.tell(format!("drop {} at {at:?}", file.display()));
                self.window_mut().input_mut().dropped_files.push(Arc::new(Dropped(file)));
                self.frame([Event::ModifiersChanged(Modifiers::NONE), Event::PointerMoved(at)]);
            }
            945..962 => {
                self.tell("undo".into());
                self.studio().document.undo();
                self.frame([]);
            }
            962..970 => {
                self.tell("redo".into());
                self.studio().document.redo();
                self.frame([]);
            }
            _ => self.work(),
        }
        self.tidy_up();
        self.meet();
        self.listen();
    }

    /// Presses something that has a name.
    fn click_something(&mut self) {
        let places: Vec<Pos2> = {
            let nodes = self.window().root().children_recursive();
            nodes.filter(|node| node.accesskit_node().label().is_some()).map(|node| node.rect().center()).collect()
        };
        if let Some(at) = places.choose(&mut self.random).copied() {
            self.tell(format!("click what has a name at {at:?}"));
            self.click(at, PointerButton::Primary, Modifiers::NONE);
        }
    }

    /// What would keep the machine busy, end the session, or be another thing the next time.
    fn tidy_up(&mut self) {
        // Drawn in any case, so that what comes after stays the same.
        let (stop, begin_anew) = (self.random.random_ratio(1, 150), self.random.random_ratio(1, 1500));
        let seed = self.random.random_range(0..1_000_000);
        self.window_mut().input_mut().dropped_files.clear();
        let start = self.start.clone();
        let studio = self.studio();
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
            let folder = studio.document.folder.clone();
            studio.replace_project(start, None, folder);
            self.agreed = Agreed::to_lose();
            self.tell("begin anew".into());
            self.see_document();
            self.quiet();
        }
        self.observe();
    }

    fn check(&mut self) {
        let number = self.actions;
        let studio = &self.harness.as_ref().expect("a session").state().studio;
        self.most_steps = self.most_steps.max(studio.document.history.steps().0.count());
        let project = studio.project();
        let text = file::to_string(project).expect("every state can be saved");
        let again = file::from_str_as_it_is(&text).unwrap_or_else(|error| panic!("action {number}: {error}\n{text}"));
        assert_eq!(again, *project, "action {number}: what was saved does not load back equal");
        text.hash(&mut self.trace);
        for (path, stamp) in &self.stamps {
            assert_eq!(Stamp::of(path), Some(*stamp), "{} was written unasked", path.display());
        }
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
    monkey.look_at_disk();
    let (ended, done) = (monkey.ended_before + monkey.ended - 1, monkey.done.clone());
    println!("{ended} renders, at most {} steps of history, trace {:016x}", monkey.most_steps, monkey.trace.finish());
    println!("{done:?}");
    for what in FILE_WORK {
        assert!(done.contains_key(what), "the monkey never does this: {what}; {done:?}");
    }
    assert!(monkey.most_steps > 20, "the monkey changed next to nothing: {} steps", monkey.most_steps);
    assert!(ended > 20, "the monkey rendered next to nothing: {ended} times");
}

#[test]
fn the_same_seed_does_the_same_and_another_something_else() {
    let traces = [3, 3, 4].map(|seed| {
        let mut monkey = Monkey::new("again", seed);
        monkey.do_some(200);
        monkey.crash();
        monkey.do_some(200);
        (monkey.trace.finish(), monkey.ended_before + monkey.ended)
    });
    assert_eq!(traces[0], traces[1]);
    assert_ne!(traces[0], traces[2]);
}
