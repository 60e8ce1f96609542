//! Cutting somebody out of a picture, in place of the canvas while a cut is open.
//!
//! - What is drawn and done on the picture? `board.rs`. Which tools and edges are there, what becomes of it? `side.rs`.
//! - What does Segment Anything say, and what does it lack? `click.rs`.
//! - What is remembered? Here.

use eframe::egui::{CentralPanel, Frame, Id, Key, Margin, Modifiers, Panel, Ui, Vec2};

mod board;
mod click;
mod side;

use super::look::Look;
use super::{icons, theme, widgets};
use crate::cut::shapes::Point;
use crate::cut::{Mode, Wand};
use crate::studio::Studio;
use crate::studio::cut::{PLACE, Sight};

/// What is in hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Finds the subject from a frame and scribbles.
    #[default]
    Find,
    /// Chooses what is clicked on, by Segment Anything.
    Click,
    /// Chooses a rectangle.
    Rectangle,
    /// Chooses what a line goes round.
    Lasso,
    /// Chooses by painting.
    Brush,
    /// Chooses what looks like one pixel.
    Wand,
}

impl Tool {
    /// The tools with their icons, names and keys.
    const ALL: [(Self, &'static str, &'static str, Key); 6] = [
        (Self::Find, icons::SCISSORS, "Find the subject (C)", Key::C),
        (Self::Click, icons::CURSOR_CLICK, "Click on it: Segment Anything (S)", Key::S),
        (Self::Rectangle, icons::SELECTION, "Rectangle (R)", Key::R),
        (Self::Lasso, icons::LASSO, "Lasso (L)", Key::L),
        (Self::Brush, icons::PAINT_BRUSH, "Brush (B)", Key::B),
        (Self::Wand, icons::MAGIC_WAND, "Magic wand (W)", Key::W),
    ];
}

/// What a drag means while the subject is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// The subject is within this frame.
    #[default]
    Frame,
    /// This belongs to it.
    Keep,
    /// This does not.
    Remove,
}

/// What the page remembers between frames.
#[derive(Debug)]
pub struct CutLook {
    /// What is in hand.
    pub tool: Tool,
    /// What a drag means while the subject is found.
    pub hint: Hint,
    /// Half the brush's width, in the photo's pixels.
    pub radius: f32,
    hardness: f32,
    wand: Wand,
    /// Whether what would be cut out is shown in place of the photo.
    pub preview: bool,
    /// Times as large as fits, and the place in the middle of the board, in parts of the photo.
    zoom: f32,
    center: Vec2,
    /// The drag in hand, in the photo's pixels.
    path: Vec<Point>,
    /// The corners of a lasso that is clicked together.
    corners: Vec<Point>,
    /// Whether it is asked about giving up.
    asks: bool,
    /// What is to be found by words.
    words: String,
    /// Whether Segment Anything was just taken in hand.
    begins: bool,
    /// Which cut all this is about.
    number: u64,
}

impl Default for CutLook {
    fn default() -> Self {
        Self {
            tool: Tool::default(),
            hint: Hint::default(),
            radius: 8.0,
            hardness: 0.9,
            wand: Wand::default(),
            preview: false,
            zoom: 1.0,
            center: Vec2::splat(0.5),
            path: Vec::new(),
            corners: Vec::new(),
            asks: false,
            words: String::new(),
            begins: false,
            number: 0,
        }
    }
}

/// Half the brush's width, in the photo's pixels.
const RADIUS: std::ops::RangeInclusive<f32> = 0.5..=400.0;

/// Draws the page. A cut is open.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, cut: &mut CutLook) {
    let Some(open) = studio.cut.open() else { return };
    if cut.number != open.number() {
        // Another picture: as large as fits, the brush in proportion, once it is read.
        let Some(size) = open.picture().map(|picture| picture.width().max(picture.height())) else {
            return wait(ui, studio);
        };
        let (number, radius) = (open.number(), (size as f32 / 64.0).clamp(2.0, 64.0));
        *cut = CutLook { number, radius, hardness: cut.hardness, wand: cut.wand, ..CutLook::default() };
    }
    keys(ui, cut);
    let blind = studio.cut.open().is_some_and(|open| !matches!(open.sight(), Sight::Looking(_) | Sight::Seen(_)));
    if std::mem::take(&mut cut.begins) && blind {
        studio.look_at_cut();
    }
    let fill = theme::colors(ui).panel;
    let room = ui.available_width();
    let width = 248.0_f32.min((room * 0.4).max(160.0));
    Panel::right(Id::unique("cut side"))
        .frame(Frame::new().fill(fill).inner_margin(Margin::same(12)))
        .resizable(false)
        .exact_size(width)
        .show(ui, |ui| widgets::scrolled(ui, |ui| side::show(ui, studio, look, cut)));
    let middle = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(8));
    CentralPanel::default().frame(middle).show(ui, |ui| {
        widgets::said_ui(ui, studio, &PLACE);
        board::show(ui, studio, cut);
    });
}

fn wait(ui: &mut Ui, studio: &mut Studio) {
    let middle = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(12));
    CentralPanel::default().frame(middle).show(ui, |ui| {
        widgets::said_ui(ui, studio, &PLACE);
        ui.vertical_centered(|ui| {
            ui.add_space(ui.available_height() * 0.3);
            widgets::centered_words(ui, "The photo is being read.", 320.0);
            if ui.button("Cancel").clicked() {
                studio.cut.close();
            }
        });
    });
}

/// Keys that choose tools and sizes, unless somebody types.
fn keys(ui: &Ui, cut: &mut CutLook) {
    if widgets::keys_are_taken(ui) {
        return;
    }
    for (tool, .., key) in Tool::ALL {
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
            cut.take(tool);
        }
    }
    for (bracket, by) in [(Key::OpenBracket, 0.8), (Key::CloseBracket, 1.25)] {
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, bracket)) {
            cut.radius = (cut.radius * by).clamp(*RADIUS.start(), *RADIUS.end());
        }
    }
    if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
        (cut.path, cut.corners, cut.asks) = (Vec::new(), Vec::new(), false);
    }
}

impl CutLook {
    /// Takes another tool; what was begun with the last one is given up.
    fn take(&mut self, tool: Tool) {
        self.tool = tool;
        self.begins = tool == Tool::Click;
        (self.path, self.corners) = (Vec::new(), Vec::new());
    }
}

/// What the keys that are held make of a new choice: Shift adds, Alt subtracts, both leave what both have.
fn mode(modifiers: Modifiers, otherwise: Mode) -> Mode {
    match (modifiers.shift, modifiers.alt) {
        (true, true) => Mode::Intersect,
        (true, false) => Mode::Add,
        (false, true) => Mode::Subtract,
        (false, false) => otherwise,
    }
}
