//! The subjects' masks: over the picture or each by itself, and how much of the picture they cover.

use std::sync::Arc;

use eframe::egui::{Label, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo};

use super::areas::share;
use super::find;
use crate::engine::masks::Mask;
use crate::gui::look::{Look, MaskToggles};
use crate::gui::paint::{self, MaskStyle, Outline, Source};
use crate::gui::tables::{Column, Table};
use crate::gui::{theme, widgets};
use crate::link::{MaskView, StepView};
use crate::project::Project;

/// Characters of a name that are shown.
const LONGEST: usize = 24;

/// One of a subject's three masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Custom,
    Base,
    Combined,
}

impl Which {
    pub const ALL: [Self; 3] = [Self::Custom, Self::Base, Self::Combined];

    pub fn name(self) -> &'static str {
        match self {
            Self::Custom => "Custom",
            Self::Base => "Base",
            Self::Combined => "Combined",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Custom => "Where the concept's own branch has the subject: dashed",
            Self::Base => "Where the base branch has the subject: a line",
            Self::Combined => "Where the concept is injected: filled",
        }
    }

    pub fn of(self, masks: &MaskView) -> &Mask {
        match self {
            Self::Custom => &masks.custom,
            Self::Base => &masks.base,
            Self::Combined => &masks.combined,
        }
    }

    fn toggle(self, toggles: &mut MaskToggles) -> &mut bool {
        match self {
            Self::Custom => &mut toggles.custom,
            Self::Base => &mut toggles.base,
            Self::Combined => &mut toggles.combined,
        }
    }
}

/// The masks of one picture of a step.
pub fn of(step: &StepView, picture: usize) -> &[MaskView] {
    step.masks.get(picture).map_or(&[], Vec::as_slice)
}

/// The three toggles.
pub fn toggles(ui: &mut Ui, toggles: &mut MaskToggles) {
    for which in Which::ALL {
        ui.checkbox(which.toggle(toggles), which.name()).on_hover_text(which.about());
    }
}

/// Draws the masks that are switched on over a picture.
pub fn over(ui: &Ui, look: &mut Look, project: &Project, step: &Arc<StepView>, picture: usize, place: Rect) {
    let painter = ui.painter_at(place.expand(1.0));
    let fallback = theme::colors(ui).accent;
    for (subject, masks) in of(step, picture).iter().enumerate() {
        let color = find::color(project, &masks.concept).unwrap_or(fallback);
        for which in Which::ALL {
            if !*which.toggle(&mut look.masks) {
                continue;
            }
            let (fill, outline) = match which {
                Which::Custom => (0.0, Outline::Dashed),
                Which::Base => (0.0, Outline::Solid),
                Which::Combined => (0.4, Outline::None),
            };
            let source = source(step, picture, subject, which);
            paint::mask(&painter, place, &source, MaskStyle { color, fill, outline, sampling: look.sampling });
        }
    }
}

fn source(step: &Arc<StepView>, picture: usize, subject: usize, which: Which) -> Source<paint::Cells> {
    Source::part(step, move |step: &StepView| Some(which.of(step.masks.get(picture)?.get(subject)?)))
}

/// Each subject's share of the picture, by mask. Wide tables scroll with their window.
pub fn table(ui: &mut Ui, project: &Project, masks: &[MaskView]) {
    let head: Vec<&str> = [""].into_iter().chain(Which::ALL.map(Which::name)).collect();
    let row = ui.spacing().interact_size.y;
    let table = Table { name: "mask areas", columns: &[Column::auto(); 4], head: &head, row, scrolls: false };
    table.show(ui, masks.len(), |ui, row, column| {
        let masks = &masks[row];
        match column.checked_sub(1).and_then(|which| Which::ALL.get(which)) {
            None => subject(ui, project, &masks.concept),
            Some(which) => ui.add(Label::new(percent(share(which.of(masks)))).extend()),
        }
    });
}

fn subject(ui: &mut Ui, project: &Project, concept: &str) -> Response {
    let shown = ui.horizontal(|ui| {
        if let Some(color) = find::color(project, concept) {
            widgets::dot(ui, color);
        }
        // A name as long as a sentence must not push the numbers out of the window.
        let short: String = concept.chars().take(LONGEST).collect();
        let shown = if short.len() < concept.len() { format!("{short}…") } else { short };
        ui.add(Label::new(shown).extend()).on_hover_text(concept);
    });
    shown.response
}

/// A share in percent.
pub fn percent(share: f32) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Every mask by itself: a row a subject, a column a kind.
pub fn grid(ui: &mut Ui, look: &Look, project: &Project, step: &Arc<StepView>, picture: usize, aspect: f32) {
    let colors = theme::colors(ui);
    let side = ((ui.available_width() - 2.0 * 8.0) / 3.0).clamp(48.0, 200.0);
    let size = if aspect >= 1.0 { Vec2::new(side, side / aspect) } else { Vec2::new(side * aspect, side) };
    for (index, masks) in of(step, picture).iter().enumerate() {
        subject(ui, project, &masks.concept);
        ui.horizontal(|ui| {
            for which in Which::ALL {
                ui.vertical(|ui| {
                    let (place, response) = ui.allocate_exact_size(size, Sense::hover());
                    ui.painter().rect_filled(place, 0, colors.ground);
                    let style = MaskStyle {
                        color: find::color(project, &masks.concept).unwrap_or(colors.accent),
                        fill: 0.85,
                        outline: Outline::None,
                        sampling: look.sampling,
                    };
                    paint::mask(&ui.painter_at(place), place, &source(step, picture, index, which), style);
                    let name = format!("Inspected view: {}, {}", masks.concept, which.name());
                    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
                    response.on_hover_text(which.about());
                    let words = format!("{} · {}", which.name(), percent(share(which.of(masks))));
                    ui.label(theme::note(ui, words));
                });
            }
        });
    }
}

/// Which masks cover a cell, in words.
pub fn reading(masks: &[MaskView], (row, column): (usize, usize)) -> String {
    let on = |mask: &Mask| mask.on.get(row * mask.width + column) == Some(&true);
    let covers = |masks: &MaskView| {
        let kinds: Vec<String> = Which::ALL
            .into_iter()
            .filter(|which| on(which.of(masks)))
            .map(|which| which.name().to_lowercase())
            .collect();
        (!kinds.is_empty()).then(|| format!("{} ({})", masks.concept, kinds.join(", ")))
    };
    let all: Vec<String> = masks.iter().filter_map(covers).collect();
    if all.is_empty() { "no mask".into() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(name: &str, combined: bool) -> MaskView {
        let left = Mask::from_fn(2, 2, |_, x| x == 0);
        MaskView {
            concept: name.into(),
            custom: left.clone(),
            base: Mask::empty(2, 2),
            combined: if combined { left } else { Mask::empty(2, 2) },
        }
    }

    #[test]
    fn the_read_out_names_every_mask_over_a_cell() {
        let masks = [masks("cat", true), masks("dog", false)];
        assert_eq!(reading(&masks, (0, 0)), "cat (custom, combined), dog (custom)");
        assert_eq!(reading(&masks, (1, 1)), "no mask");
        assert_eq!(reading(&masks, (9, 9)), "no mask");
        assert_eq!(percent(share(&masks[0].custom)), "50.0 %");
    }
}
