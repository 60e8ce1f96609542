//! The hints of the first minute: each one line, shown once, when it can be used.

use eframe::egui::{
    Align, Align2, CornerRadius, Label, Layout, Rect, RichText, Stroke, StrokeKind, TextStyle, Ui, UiBuilder, vec2,
};

use super::{icons, theme, widgets};
use crate::studio::Studio;

/// A hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// On the first screen.
    DragAndRender,
    /// Once a concept lies on no layer.
    DropConcept,
    /// Once a step is there.
    Scrub,
    /// Once the playhead was moved.
    Paint,
    /// Once there is a picture.
    Gallery,
}

impl Hint {
    const ALL: [Self; 5] = [Self::DragAndRender, Self::Scrub, Self::Paint, Self::DropConcept, Self::Gallery];

    fn name(self) -> &'static str {
        match self {
            Self::DragAndRender => "drag and render",
            Self::DropConcept => "drop a concept",
            Self::Scrub => "scrub",
            Self::Paint => "paint",
            Self::Gallery => "gallery",
        }
    }

    /// What it says.
    pub fn words(self) -> &'static str {
        match self {
            Self::DragAndRender => "Drag the cat, then press Render (Ctrl+Enter)",
            Self::DropConcept => "Drag a concept's card onto the layer that shall become it",
            Self::Scrub => "Drag along the timeline to see every step: masks, attention and the picture move with it",
            Self::Paint => "Press \"Edit masks here...\" to paint where a concept shall be, and go on from this step",
            Self::Gallery => "Every finished picture is kept in the Gallery; export it from there",
        }
    }

    fn usable(self, studio: &Studio) -> bool {
        let steps = studio.renders.runs.shown().is_some_and(|run| run.newest().is_some());
        match self {
            // It names the cat.
            Self::DragAndRender => !steps && studio.project().place.is_none() && has_cat(studio),
            Self::DropConcept => {
                let on_layer =
                    |name: &str| studio.project().layers().iter().any(|layer| layer.concept.as_deref() == Some(name));
                studio.project().concepts.iter().any(|concept| {
                    matches!(concept.mask, crate::project::MaskSource::Layers) && !on_layer(&concept.name)
                })
            }
            Self::Scrub => steps,
            Self::Paint => matches!(studio.renders.runs.playhead, crate::studio::Playhead::At(_)),
            Self::Gallery => studio.renders.runs.shown().is_some_and(|run| run.finished().is_some()),
        }
    }

    /// Whether what it is about was done, so that it need not be shown any more.
    fn done(self, studio: &Studio) -> bool {
        match self {
            Self::DragAndRender => studio.renders.runs.iter().next().is_some(),
            Self::DropConcept => false,
            Self::Scrub => matches!(studio.renders.runs.playhead, crate::studio::Playhead::At(_)),
            Self::Paint => studio.renders.mask_editor.is_some(),
            Self::Gallery => false,
        }
    }
}

/// Whether a cat lies on the canvas.
fn has_cat(studio: &Studio) -> bool {
    let project = studio.project();
    let is_cat = |name: &String| project.concepts.iter().any(|c| c.name == *name && c.class_word.ends_with("cat"));
    project.layers().iter().any(|layer| layer.concept.as_ref().is_some_and(is_cat))
}

/// Which hint is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    shown: Option<Hint>,
}

impl Hints {
    /// The hint shown, if any.
    pub fn shown(&self) -> Option<Hint> {
        self.shown
    }

    /// Shows all of them again, each when it can be used.
    pub fn bring_back(&mut self, studio: &mut Studio) {
        studio.session.config.hints_seen.clear();
        studio.session.save_config();
        self.shown = None;
    }
}

/// Beside a hint's words: its sign and the button that puts it away, in points.
const BESIDE: f32 = 84.0;
/// As wide a hint is at most, in points.
const WIDEST: f32 = 620.0;

/// Draws the hint that can be used now, if there is one that was not seen, over the lower end of `area`: so nothing moves when
/// one comes or goes.
pub fn show(ui: &mut Ui, studio: &mut Studio, hints: &mut Hints, area: Rect) {
    if let Some(hint) = hints.shown
        && (hint.done(studio) || !hint.usable(studio))
    {
        see(studio, hint);
        hints.shown = None;
    }
    if hints.shown.is_none() {
        hints.shown = Hint::ALL.into_iter().find(|hint| {
            !studio.session.config.hints_seen.contains(hint.name()) && hint.usable(studio) && !hint.done(studio)
        });
    }
    let Some(hint) = hints.shown else { return };
    let colors = theme::colors(ui);
    let most = (area.width() - BESIDE).clamp(80.0, WIDEST);
    let font = TextStyle::Body.resolve(ui.style());
    let words = ui.painter().layout(hint.words().to_owned(), font, colors.text, most).size();
    let place = Align2::CENTER_BOTTOM.align_size_within_rect(vec2(words.x + BESIDE, words.y.max(24.0) + 8.0), area);
    ui.painter().rect(place, CornerRadius::same(6), colors.selected, Stroke::new(1.0, colors.line), StrokeKind::Inside);
    let inside = UiBuilder::new().id_salt("hint").max_rect(place.shrink2(vec2(8.0, 4.0)));
    let mut inner = ui.new_child(inside.layout(Layout::left_to_right(Align::Center)));
    inner.label(RichText::new(icons::INFO).color(colors.accent));
    let mut dismissed = false;
    inner.with_layout(Layout::right_to_left(Align::Center), |ui| {
        dismissed = widgets::icon_button(ui, icons::X, "Dismiss this hint").clicked();
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(hint.words()).wrap());
        });
    });
    if dismissed {
        see(studio, hint);
        hints.shown = None;
    }
}

fn see(studio: &mut Studio, hint: Hint) {
    if studio.session.config.see_hint(hint.name()) {
        studio.session.save_config();
    }
}
