//! The layout loss over the steps.

use eframe::egui::{Label, Rect, Role, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::axis::{Axis, clear_of};
use crate::gui::views::number;
use crate::gui::{icons, theme};
use crate::studio::Run;

/// The steps with a layout loss, and the loss.
pub fn losses(run: &Run) -> Vec<(usize, f32)> {
    let loss = |(step, view): (usize, &Option<std::sync::Arc<crate::link::StepView>>)| {
        let loss = view.as_ref()?.loss?;
        loss.is_finite().then_some((step, loss))
    };
    run.steps.iter().enumerate().filter_map(loss).collect()
}

/// Where the loss began and where it is, in words.
pub fn in_words(losses: &[(usize, f32)]) -> Option<String> {
    match losses {
        [] => None,
        [(_, only)] => Some(format!("layout loss {}", number(*only))),
        [(_, first), .., (_, last)] => Some(format!("layout loss {} → {}", number(*first), number(*last))),
    }
}

/// Draws the curve of a run, its words beside its end and not where the playhead stands.
pub fn draw(ui: &mut Ui, row: Rect, axis: Axis, run: &Run, playhead: Option<f32>) {
    let losses = losses(run);
    let Some(words) = in_words(&losses) else { return };
    let colors = theme::colors(ui);
    let all = losses.iter().map(|(_, loss)| *loss);
    let (low, high) = all.fold((f32::MAX, f32::MIN), |(low, high), loss| (low.min(loss), high.max(loss)));
    let inside = row.shrink2(vec2(0.0, 3.0));
    let point = |(step, loss): &(usize, f32)| {
        let up = if high > low { (loss - low) / (high - low) } else { 0.5 };
        pos2(axis.middle(*step), inside.bottom() - up * inside.height())
    };
    let points: Vec<_> = losses.iter().map(point).collect();
    let last = points.last().copied().unwrap_or(inside.center());
    let color = theme::ink_of(colors.align, colors);
    if let [only] = points[..] {
        ui.painter().circle_filled(only, 2.0, color);
    }
    ui.painter().line(points, Stroke::new(1.5, color));
    // Beside the curve's end, where it has fallen; before it, where the end leaves no room.
    // The words' font has no arrow, the icons' has.
    let drawn = theme::note(ui, words.replace('→', icons::ARROW_RIGHT));
    let width = 160.0_f32.min(row.width());
    let height = 16.0_f32.min(row.height());
    let (left, top) = if last.x + 8.0 + width <= row.right() {
        (last.x + 8.0, (last.y - height / 2.0).clamp(row.top(), row.bottom() - height))
    } else {
        (row.right() - width, row.top())
    };
    let left = clear_of(left, width, playhead, row.x_range());
    let place = Rect::from_min_size(pos2(left, top), vec2(width, height));
    ui.scope_builder(eframe::egui::UiBuilder::new().max_rect(place), |ui| {
        let label = ui.add(Label::new(drawn).selectable(false).truncate());
        label.widget_info(|| WidgetInfo::labeled(Role::Label, true, &words));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_said_from_first_to_last() {
        assert_eq!(in_words(&[]), None);
        assert_eq!(in_words(&[(0, 1.07)]).as_deref(), Some("layout loss 1.07"));
        assert_eq!(in_words(&[(0, 1.07), (1, 2.0), (2, 0.6)]).as_deref(), Some("layout loss 1.07 → 0.60"));
    }
}
