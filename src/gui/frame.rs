//! The frame: which panels stand where, what each remembers, and what one asks of another.

use eframe::egui::{self, CentralPanel, Context, Frame, Margin, Panel, Rect, Ui, UiBuilder, pos2, vec2};

use super::asks::{Ask, Sheet};
use super::canvas::{self, CanvasLook};
use super::compare::{self, CompareLook};
use super::concepts::{self, ConceptsLook};
use super::cut::{self, CutLook};
use super::device::{self, DeviceLook};
use super::files::Pickers;
use super::gallery::{self, GalleryLook};
use super::hints::{self, Hints};
use super::inspector::{self, InspectorLook, Tile};
use super::layers::{self, LayersLook};
use super::library::{self, LibraryLook};
use super::look::{Look, Page};
use super::place::{self, PlaceLook};
use super::prompt::{self, PromptLook};
use super::shortcuts::{self, ShortcutsLook};
use super::timeline::{self, TimelineLook};
use super::train::{self, TrainLook};
use super::{dialogs, keys, render, selection, settings, theme, topbar, widgets};
use crate::studio::{Place, Studio};

/// What the panels remember between frames, each its own.
#[derive(Default)]
pub struct Panels {
    /// The boards in the middle.
    pub canvas: CanvasLook,
    /// Somebody being cut out of a picture.
    pub cut: CutLook,
    /// The list of layers.
    pub layers: LayersLook,
    /// The cards of concepts.
    pub concepts: ConceptsLook,
    /// The prompt.
    pub prompt: PromptLook,
    /// The steps of the shown run.
    pub timeline: TimelineLook,
    /// What the model makes of things at a step.
    pub inspector: InspectorLook,
    /// The Place page.
    pub place: PlaceLook,
    /// The Compare page.
    pub compare: CompareLook,
    /// The Train page.
    pub train: TrainLook,
    /// The Gallery page.
    pub gallery: GalleryLook,
    /// The Library page.
    pub library: LibraryLook,
    /// The hints of the first minute.
    pub hints: Hints,
    /// Files being chosen.
    pub files: Pickers,
    /// Model and device.
    pub device: DeviceLook,
    /// The sheet of shortcuts.
    pub shortcuts: ShortcutsLook,
}

/// Draws everything.
pub fn draw(ui: &mut Ui, studio: &mut Studio, look: &mut Look, panels: &mut Panels) {
    look.textures.sweep();
    let bar = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::symmetric(12, 6));
    Panel::top("bar").frame(bar).resizable(false).show(ui, |ui| topbar::show(ui, studio, look));
    match look.page {
        Page::Compose if studio.cut.open().is_some() => {
            let middle = CentralPanel::default().frame(Frame::NONE);
            middle.show(ui, |ui| cut::show(ui, studio, look, &mut panels.cut));
        }
        Page::Compose | Page::Place => compose(ui, studio, look, panels),
        Page::Compare => compare::show(ui, studio, look, &mut panels.compare),
        Page::Train => {
            let middle = CentralPanel::default().frame(Frame::NONE);
            middle.show(ui, |ui| train::show(ui, studio, look, &mut panels.train));
        }
        Page::Gallery => {
            let middle = CentralPanel::default().frame(Frame::NONE);
            middle.show(ui, |ui| gallery::show(ui, studio, look, &mut panels.gallery));
        }
        Page::Library => {
            let middle = CentralPanel::default().frame(Frame::NONE);
            middle.show(ui, |ui| library::show(ui, studio, look, &mut panels.library));
        }
    }
    carry_out(ui.ctx(), studio, look, panels);
    over(ui.ctx(), studio, look, panels);
    carry_out(ui.ctx(), studio, look, panels);
    if keys::files_hover(ui.ctx()) {
        let colors = theme::colors(ui);
        let painter = ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("files")));
        let rect = ui.ctx().content_rect();
        painter.rect_stroke(rect.shrink(2.0), 8.0, (3.0, colors.accent), egui::StrokeKind::Inside);
    }
}

/// Does what panels have asked for.
fn carry_out(ctx: &Context, studio: &mut Studio, look: &mut Look, panels: &mut Panels) {
    for ask in look.take_asks() {
        match ask {
            Ask::Choose(purpose) => panels.files.ask(ctx, purpose, studio),
            Ask::Open(sheet) => set_open(panels, sheet, |_| true),
            Ask::Toggle(sheet) => set_open(panels, sheet, |open| !open),
            Ask::HintsAgain => panels.hints.bring_back(studio),
        }
    }
}

fn set_open(panels: &mut Panels, sheet: Sheet, open: impl FnOnce(bool) -> bool) {
    match sheet {
        Sheet::Shortcuts => panels.shortcuts.open = open(panels.shortcuts.open),
        Sheet::Device => panels.device.open = open(panels.device.open),
        Sheet::Curves => panels.inspector.curves = open(panels.inspector.curves),
        Sheet::Views => {
            let large = panels.inspector.large;
            panels.inspector.large = open(large.is_some()).then(|| large.unwrap_or(Tile::Clusters));
        }
    }
}

/// Draws what stands over the panels.
fn over(ctx: &Context, studio: &mut Studio, look: &mut Look, panels: &mut Panels) {
    let composes = look.page == Page::Place || (look.page == Page::Compose && studio.cut.open().is_none());
    if composes && !look.folded {
        inspector::windows(ctx, studio, look, &mut panels.inspector);
    }
    panels.files.show(ctx);
    dialogs::show(ctx, studio, look);
    device::show(ctx, studio, look, &mut panels.device);
    shortcuts::show(ctx, look, &mut panels.shortcuts);
}

/// Of the margin right of what scrolls at the sides, what the scroll bar stands in, in points.
const BAR: i8 = 10;
/// Over a canvas lower than this, in points, there are no hints.
const HINT: f32 = 200.0;
/// Below this width, in points, the panels at the sides are as narrow as they can be.
const NARROW: f32 = 900.0;

fn compose(ui: &mut Ui, studio: &mut Studio, look: &mut Look, panels: &mut Panels) {
    // The scroll bar stands in the margin, not on the values.
    let side = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin { right: 12 - BAR, ..Margin::same(12) });
    let beside_bar = Frame::new().inner_margin(Margin { right: BAR, ..Margin::ZERO });
    // At twice the size, or in the smallest window, the panels give way so that something is left for the canvas.
    let room = ui.available_size();
    let narrow = room.x < NARROW;
    let low = room.y < theme::LOW;
    let (left, right) = if narrow { (224.0, 232.0) } else { (252.0, 288.0) };
    let below = if low {
        112.0
    } else if room.y < 700.0 {
        160.0
    } else {
        184.0
    };
    // Panels remember the width that they were given, each size of window its own.
    let named = |name: &str| egui::Id::unique((name, narrow, low));
    if !look.folded {
        let bottom = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::symmetric(12, 8));
        Panel::bottom(named("timeline"))
            .frame(bottom)
            .resizable(true)
            .default_size(below)
            .size_range(112.0..=480.0)
            .show(ui, |ui| beneath(ui, studio, look, panels));
        Panel::left(named("left")).frame(side).resizable(true).default_size(left).size_range(152.0..=420.0).show(
            ui,
            |ui| {
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    beside_bar.show(ui, |ui| {
                        layers::show(ui, studio, look, &mut panels.layers);
                        ui.add_space(16.0);
                        concepts::show(ui, studio, look, &mut panels.concepts);
                        // Last, so that nothing above moves under the pointer when something is selected.
                        selection::show(ui, studio);
                    });
                });
            },
        );
        Panel::right(named("right")).frame(side).resizable(true).default_size(right).size_range(200.0..=320.0).show(
            ui,
            |ui| {
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    beside_bar.show(ui, |ui| {
                        render::show(ui, studio, look);
                        settings::show(ui, studio);
                    });
                });
            },
        );
    }
    let middle = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(0));
    CentralPanel::default().frame(middle).show(ui, |ui| {
        if !look.folded {
            let prompt =
                Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(if low { 4 } else { 12 }));
            Panel::bottom("prompt")
                .frame(prompt)
                .resizable(false)
                .show(ui, |ui| prompt::show(ui, studio, look, &mut panels.prompt));
        }
        let above = Frame::new().inner_margin(Margin::symmetric(12, 0));
        above.show(ui, |ui| {
            widgets::said_ui(ui, studio, &Place::Canvas);
        });
        match look.page {
            Page::Place => place::show(ui, studio, look, &mut panels.place),
            Page::Compose | Page::Compare | Page::Train | Page::Gallery | Page::Library => {
                let room = ui.available_rect_before_wrap();
                canvas::show(ui, studio, look, &mut panels.canvas);
                // In a low window it would hide the canvas.
                if !low && room.height() > HINT {
                    let above = room.bottom() - canvas::FOOTER - 8.0;
                    hints::show(ui, studio, &mut panels.hints, room.shrink2(vec2(12.0, 0.0)).with_max_y(above));
                }
            }
        }
    });
}

/// The timeline and, where there is room, the inspector's tiles beside it.
fn beneath(ui: &mut Ui, studio: &mut Studio, look: &mut Look, panels: &mut Panels) {
    let rect = ui.available_rect_before_wrap();
    let tiles = inspector::tiles_width(rect.size());
    let split = rect.right() - tiles.map_or(0.0, |width| width + 16.0);
    let left = Rect::from_min_max(rect.min, pos2(split, rect.bottom()));
    ui.scope_builder(UiBuilder::new().max_rect(left), |ui| {
        timeline::show(ui, studio, look, &mut panels.timeline, tiles.is_some());
    });
    if let Some(width) = tiles {
        let right = Rect::from_min_max(pos2(rect.right() - width, rect.top()), rect.max);
        ui.scope_builder(UiBuilder::new().max_rect(right), |ui| {
            inspector::tiles(ui, studio, look, &mut panels.inspector);
        });
    }
}
