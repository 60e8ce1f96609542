//! What the lanes' ends are dragged by: until when the layout is aligned, from when to when masks are refined. They stand where
//! the present project has them, which the next render goes by; the lanes are those of the run that is shown.

use std::ops::RangeInclusive;

use eframe::egui::{CornerRadius, CursorIcon, Id, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::axis::Axis;
use crate::gui::{theme, widgets};
use crate::project::{Project, Settings};
use crate::studio::Studio;

/// The scale that steps are counted on in the settings.
const SCALE: f32 = 200.0;
/// How wide a grip is taken hold of, in points.
const GRIP: f32 = 9.0;

/// An end of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The last aligned step.
    Align,
    /// The first refined step.
    RefineFrom,
    /// The last refined step.
    RefineTo,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Align, Self::RefineFrom, Self::RefineTo];

    /// The lane that it is of, from the upper one.
    fn lane(self) -> usize {
        match self {
            Self::Align => 0,
            Self::RefineFrom | Self::RefineTo => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Align => "End of layout alignment",
            Self::RefineFrom => "Start of mask refinement",
            Self::RefineTo => "End of mask refinement",
        }
    }

    /// Whether the project has such an end: the method has that part and it is on.
    fn is_there(self, settings: &Settings) -> bool {
        let on = match self {
            Self::Align => settings.layout_alignment.enabled,
            Self::RefineFrom | Self::RefineTo => settings.mask_refinement.enabled,
        };
        on && settings.method.is_conductor()
    }

    /// What it is set to, on the scale of the settings. A file may hold any number.
    fn mark(self, settings: &Settings) -> f32 {
        let mark = match self {
            Self::Align => settings.layout_alignment.end,
            Self::RefineFrom => settings.mask_refinement.start,
            Self::RefineTo => settings.mask_refinement.end,
        };
        if mark.is_finite() { mark.clamp(0.0, SCALE) } else { 0.0 }
    }

    /// Within what it stays: the two ends of one lane never pass each other.
    fn range(self, settings: &Settings) -> RangeInclusive<f32> {
        match self {
            Self::Align => 0.0..=SCALE,
            Self::RefineFrom => 0.0..=Self::RefineTo.mark(settings),
            Self::RefineTo => Self::RefineFrom.mark(settings)..=SCALE,
        }
    }

    fn set(self, project: &mut Project, mark: f32) {
        let settings = &mut project.settings;
        match self {
            Self::Align => settings.layout_alignment.end = mark,
            Self::RefineFrom => settings.mask_refinement.start = mark,
            Self::RefineTo => settings.mask_refinement.end = mark,
        }
    }

    /// Where it stands, as a part of all steps: a start at its step's beginning, an end at its step's end.
    fn share(self, settings: &Settings) -> f32 {
        let steps = settings.steps.max(1) as f32;
        let step = (self.mark(settings) * steps / SCALE).round();
        let edge = if self == Self::RefineFrom { step } else { step + 1.0 };
        (edge / steps).clamp(0.0, 1.0)
    }

    /// The mark whose end stands nearest to a part of all steps, a whole step of the settings'.
    fn mark_at(self, share: f32, settings: &Settings) -> f32 {
        let steps = settings.steps.max(1) as f32;
        let edge = (share * steps).round();
        let step = if self == Self::RefineFrom { edge } else { edge - 1.0 };
        let range = self.range(settings);
        // A tenth of a mark, as the fields of the settings have it.
        let mark = (step * SCALE / steps * 10.0).round() / 10.0;
        if mark.is_finite() { mark.clamp(*range.start(), *range.end()) } else { self.mark(settings) }
    }
}

/// Draws the grips over the lanes and lets them be dragged. `lane` gives the place of each lane.
pub fn show(ui: &Ui, studio: &mut Studio, axis: Axis, lane: impl Fn(usize) -> Rect) {
    for end in End::ALL {
        let settings = studio.project().settings.clone();
        if !end.is_there(&settings) {
            continue;
        }
        let row = lane(end.lane());
        let x = axis.left + end.share(&settings) * axis.width;
        let grip = Rect::from_center_size(pos2(x, row.center().y), vec2(GRIP, row.height()));
        // A press is the grip's too: it must not move the playhead below.
        let sense = Sense::CLICK | Sense::DRAG;
        let response = ui.interact(grip, Id::unique(("timeline end", end.name())), sense);
        let value = f64::from(end.mark(&settings));
        response.widget_info(|| WidgetInfo::slider(true, value, end.name()));
        let held = response.dragged();
        if held && let Some(at) = response.interact_pointer_pos() {
            let mark = end.mark_at((at.x - axis.left) / axis.width.max(1.0), &settings);
            let name = format!("Drag the {}", lower(end.name()));
            studio.document.edit_in_gesture(response.id.value(), name, |project| end.set(project, mark));
        }
        if widgets::is_let_go(&response) {
            studio.document.end_gesture();
        }
        if held || response.hovered() {
            ui.set_cursor_icon(CursorIcon::ResizeHorizontal);
            let colors = theme::colors(ui);
            let bar = Rect::from_center_size(grip.center(), vec2(4.0, row.height()));
            let stroke = Stroke::new(1.0, colors.panel);
            ui.painter().rect(bar, CornerRadius::same(2), colors.text, stroke, StrokeKind::Outside);
        }
        let step = (end.share(&settings) * settings.steps as f32).round();
        let words = format!("{}: {value} of 200, step {step}. Drag it; the next render goes by it.", end.name());
        response.on_hover_text(words);
    }
}

/// Words with their first letter small, as they stand inside a sentence.
fn lower(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_brought_to_where_it_is_dropped_and_the_lane_goes_that_far() {
        for steps in [20, 50, 200] {
            let mut project = crate::project::tests::example();
            project.settings.steps = steps;
            for end in End::ALL {
                for share in [0.3, 0.5, 0.35] {
                    let mark = end.mark_at(share, &project.settings);
                    let mut moved = project.clone();
                    end.set(&mut moved, mark);
                    if end.range(&project.settings).contains(&(share * SCALE)) {
                        let there = end.share(&moved.settings);
                        assert!((there - share).abs() <= 1.0 / steps as f32, "{end:?} at {share} of {steps}: {there}");
                    }
                    assert_eq!(moved.settings.validate(), Ok(()));
                }
            }
        }
    }

    #[test]
    fn the_ends_of_one_lane_do_not_pass_each_other_and_stay_on_the_scale() {
        let settings = crate::project::tests::example().settings;
        assert_eq!((settings.mask_refinement.start, settings.mask_refinement.end), (50.0, 80.0));
        assert_eq!(End::RefineFrom.mark_at(0.9, &settings), 80.0);
        assert_eq!(End::RefineTo.mark_at(-3.0, &settings), 50.0);
        assert_eq!((End::Align.mark_at(-3.0, &settings), End::Align.mark_at(9.0, &settings)), (0.0, 200.0));
        assert_eq!(End::Align.mark_at(f32::NAN, &settings), settings.layout_alignment.end);
    }

    #[test]
    fn what_another_method_or_a_switch_has_not_cannot_be_dragged() {
        let mut settings = crate::project::tests::example().settings;
        assert!(End::ALL.iter().all(|end| end.is_there(&settings)));
        settings.mask_refinement.enabled = false;
        assert_eq!(End::ALL.map(|end| end.is_there(&settings)), [true, false, false]);
        settings.method = crate::project::settings::Method::MaskedAdapters;
        assert!(!End::Align.is_there(&settings));
        settings.mask_refinement.end = f32::NAN;
        settings.mask_refinement.start = f32::INFINITY;
        assert!(End::ALL.iter().all(|end| end.share(&settings).is_finite() && end.mark_at(0.5, &settings).is_finite()));
    }
}
