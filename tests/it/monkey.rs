//! Twenty thousand random things that a person, a cat or a bug could do to the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, Vec2, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::NodeT;
use podium::engine::device::DeviceChoice;
use podium::gui::Podium;
use podium::project::{Project, file};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::looks::Dropped;
use crate::studio::{engine, small};

const ACTIONS: usize = 20_000;
const SIZE: Vec2 = Vec2::new(1280.0, 800.0);

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

struct Monkey {
    harness: Harness<'static, Podium>,
    random: ChaCha8Rng,
    files: Vec<PathBuf>,
    start: Project,
    most_steps: usize,
}

impl Monkey {
    fn point(&mut self) -> Pos2 {
        pos2(self.random.random_range(0.0..SIZE.x), self.random.random_range(0.0..SIZE.y))
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

    fn press(&mut self, at: Pos2, pressed: bool, button: PointerButton, modifiers: Modifiers) {
        self.harness.event_modifiers(Event::PointerMoved(at), modifiers);
        self.harness.event_modifiers(Event::PointerButton { pos: at, button, pressed, modifiers }, modifiers);
    }

    /// Does one thing.
    fn act(&mut self) {
        match self.random.random_range(0..100) {
            0..30 => {
                let (at, modifiers) = (self.point(), self.modifiers());
                let secondary = self.random.random_ratio(1, 6);
                let button = if secondary { PointerButton::Secondary } else { PointerButton::Primary };
                self.press(at, true, button, modifiers);
                self.press(at, false, button, modifiers);
            }
            30..50 => {
                let (from, modifiers) = (self.point(), self.modifiers());
                self.press(from, true, PointerButton::Primary, modifiers);
                self.harness.step();
                for _ in 0..2 {
                    let to = self.point();
                    self.harness.event_modifiers(Event::PointerMoved(to), modifiers);
                }
                if self.random.random_ratio(1, 8) {
                    self.harness.key_press(Key::Escape);
                }
                let to = self.point();
                self.harness.step();
                self.press(to, false, PointerButton::Primary, modifiers);
            }
            50..70 => self.click_something(),
            70..82 => {
                let modifiers = self.modifiers();
                let key = *KEYS.choose(&mut self.random).expect("some");
                self.harness.key_press_modifiers(modifiers, key);
            }
            82..88 => {
                let words = *WORDS.choose(&mut self.random).expect("some");
                self.harness.event(Event::Text(words.into()));
            }
            88..93 => {
                let (at, modifiers) = (self.point(), self.modifiers());
                let delta = Vec2::new(0.0, self.random.random_range(-400.0..400.0));
                self.harness.event(Event::PointerMoved(at));
                self.harness.event(Event::MouseWheel {
                    source: eframe::egui::MouseWheelSource::Wheel,
                    unit: MouseWheelUnit::Point,
                    delta,
                    phase: eframe::egui::TouchPhase::Move,
                    modifiers,
                });
            }
            93..97 => {
                let at = self.point();
                self.harness.event(Event::PointerMoved(at));
                let file = self.files.choose(&mut self.random).expect("some").clone();
                self.harness.input_mut().dropped_files.push(Arc::new(Dropped(file)));
            }
            97..99 => {
                self.harness.state_mut().studio.document.undo();
            }
            _ => {
                self.harness.state_mut().studio.document.redo();
            }
        }
        self.harness.step();
        self.tidy_up();
    }

    /// Presses something that has a name.
    fn click_something(&mut self) {
        let places: Vec<Pos2> = {
            let nodes = self.harness.root().children_recursive();
            nodes.filter(|node| node.accesskit_node().label().is_some()).map(|node| node.rect().center()).collect()
        };
        if let Some(at) = places.choose(&mut self.random).copied() {
            self.press(at, true, PointerButton::Primary, Modifiers::NONE);
            self.press(at, false, PointerButton::Primary, Modifiers::NONE);
        }
    }

    /// What would keep the machine busy or end the session.
    fn tidy_up(&mut self) {
        self.harness.input_mut().dropped_files.clear();
        let studio = &mut self.harness.state_mut().studio;
        studio.session.closing = false;
        let active: Vec<_> = studio.renders.runs.active().map(|run| run.job).collect();
        if active.len() > 1 || self.random.random_ratio(1, 150) {
            active.into_iter().for_each(|job| studio.renders.stop(job));
        }
        if studio.project().layers().len() > 30 || self.random.random_ratio(1, 1500) {
            let start = self.start.clone();
            let folder = studio.document.folder.clone();
            studio.replace_project(start, None, folder);
        }
    }

    fn check(&mut self, number: usize) {
        self.most_steps = self.most_steps.max(self.harness.state().studio.document.history.steps().0.count());
        let project = self.harness.state().studio.project();
        let text = file::to_string(project).expect("every state can be saved");
        let again = file::from_str_as_it_is(&text).unwrap_or_else(|error| panic!("action {number}: {error}\n{text}"));
        assert_eq!(again, *project, "action {number}: what was saved does not load back equal");
    }
}

#[test]
fn twenty_thousand_random_actions_do_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = small("beach", 2);
    let (project, place) = (start.clone(), folder.path().to_owned());
    let harness = Harness::builder().with_size(SIZE).allow_missing_glyphs().build_eframe(move |context| {
        let mut podium = Podium::new(&context.egui_ctx, engine(), project, place, DeviceChoice::Flex).expect("threads");
        podium.panels.files.native = false;
        podium
    });
    // Another seed for another path: PODIUM_MONKEY_SEED=7 cargo test --release monkey
    let seed = std::env::var("PODIUM_MONKEY_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let actions = std::env::var("PODIUM_MONKEY_ACTIONS").ok().and_then(|seed| seed.parse().ok()).unwrap_or(ACTIONS);
    let mut monkey =
        Monkey { harness, random: ChaCha8Rng::seed_from_u64(seed), files: files(folder.path()), start, most_steps: 0 };
    for number in 0..actions {
        monkey.act();
        if number % 10 == 0 {
            monkey.check(number);
        }
    }
    monkey.check(actions);
    assert!(monkey.most_steps > 20, "the monkey changed next to nothing: {} steps", monkey.most_steps);
}
