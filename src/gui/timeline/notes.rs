//! Warnings as small signs at the steps where they were told.

use eframe::egui::{Align2, CornerRadius, Id, Label, Popup, Rect, Role, Sense, Ui, Vec2, WidgetInfo, pos2};

use super::axis::Axis;
use crate::gui::{icons, theme};
use crate::studio::renders::runs::Note;

/// The side of a sign, in points.
const SIDE: f32 = 16.0;

/// A sign: what was told at a step, and at those whose signs would lie over this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign {
    /// The first step; none before all steps.
    pub step: Option<usize>,
    /// The sign's middle.
    pub x: f32,
    /// What it says, one paragraph a warning.
    pub words: String,
}

/// The signs of some notes, from left to right.
pub fn signs(notes: &[Note], axis: Axis) -> Vec<Sign> {
    let mut notes: Vec<&Note> = notes.iter().collect();
    notes.sort_by_key(|note| note.step);
    let mut signs: Vec<Sign> = Vec::new();
    for note in notes {
        let middle = note.step.map_or(axis.left, |step| axis.middle(step));
        let most = (axis.left + axis.width - SIDE / 2.0).max(axis.left + SIDE / 2.0);
        let x = middle.clamp(axis.left + SIDE / 2.0, most);
        let words = match note.step {
            Some(step) => format!("Step {}: {}", step + 1, note.words),
            None => format!("Before the first step: {}", note.words),
        };
        match signs.last_mut() {
            Some(sign) if x - sign.x < SIDE => sign.words = format!("{}\n{words}", sign.words),
            _ => signs.push(Sign { step: note.step, x, words }),
        }
    }
    signs
}

/// Draws the signs along the lower edge of a row. Each is a button that opens its words.
pub fn draw(ui: &Ui, row: Rect, axis: Axis, notes: &[Note]) {
    let colors = theme::colors(ui);
    for (index, sign) in signs(notes, axis).into_iter().enumerate() {
        let place = Rect::from_center_size(pos2(sign.x, row.bottom() - SIDE / 2.0 - 1.0), Vec2::splat(SIDE));
        let response = ui.interact(place, Id::unique("timeline warning").with(index), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Warning. {}", sign.words)));
        let ground = if response.hovered() || response.has_focus() { colors.selected } else { colors.panel };
        ui.painter().rect_filled(place, CornerRadius::same(4), ground);
        let font = eframe::egui::FontId::new(13.0, theme::icons());
        ui.painter().text(place.center(), Align2::CENTER_CENTER, icons::WARNING, font, colors.amber);
        Popup::from_toggle_button_response(&response).width(320.0).show(|ui| {
            ui.set_max_width(320.0);
            ui.add(Label::new(&sign.words).wrap());
        });
        response.on_hover_text(&sign.words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_at_their_steps_and_those_that_would_overlap_are_one() {
        let note = |step, words: &str| Note { step, words: words.into() };
        let axis = Axis { left: 0.0, width: 500.0, steps: 50 };
        let notes = [note(Some(30), "late"), note(None, "first"), note(Some(31), "later"), note(Some(5), "early")];
        let signs = signs(&notes, axis);
        let words: Vec<&str> = signs.iter().map(|sign| sign.words.as_str()).collect();
        assert_eq!(words, ["Before the first step: first", "Step 6: early", "Step 31: late\nStep 32: later"]);
        assert_eq!((signs[0].x, signs[1].x, signs[2].x), (8.0, 55.0, 305.0));
        assert_eq!(signs[2].step, Some(30));
    }

    #[test]
    fn a_line_narrower_than_a_sign_harms_nothing() {
        let note = Note { step: Some(998), words: "no room".into() };
        assert_eq!(signs(&[note], Axis { left: 4.0, width: 1.0, steps: 999 }).len(), 1);
    }
}
