//! Strip, lanes and curve as one thing that can be scrubbed.

use eframe::egui::{
    Align2, CornerRadius, CursorIcon, EventFilter, Id, Key, Label, Modifiers, Rect, Response, RichText, Sense, Stroke,
    TextStyle, Ui, UiBuilder, WidgetInfo,
    accesskit::{Action, ActionData},
    pos2, vec2,
};

use super::axis::Axis;
use super::lanes::{self, Plan};
use super::{curve, ends, notes, strip};
use crate::gui::look::Look;
use crate::gui::theme;
use crate::gui::views::number;
use crate::studio::renders::runs::State;
use crate::studio::{Playhead, Run, Studio};

/// Between strip, lanes and curve.
const GAP: f32 = 4.0;
/// One lane.
const LANE: f32 = 15.0;
/// From one lane to the next.
const LANE_GAP: f32 = 2.0;
/// Steps that Shift and an arrow go.
const LEAP: isize = 10;

/// How high the rows are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Heights {
    strip: f32,
    curve: f32,
}

/// What a height leaves for strip and curve: in a low panel the curve goes first, the lanes never.
fn heights(all: f32) -> Heights {
    let rest = all - 3.0 * LANE - 2.0 * LANE_GAP - 2.0 * GAP;
    if rest < 48.0 {
        return Heights { strip: (rest + GAP).max(20.0), curve: 0.0 };
    }
    let strip = (rest * 0.6).min(96.0);
    Heights { strip, curve: rest - strip }
}

/// Where the playhead stands, in points; none without a step.
fn playhead_at(run: &Run, playhead: Playhead, axis: Axis) -> Option<f32> {
    let newest = run.newest()?;
    Some(match playhead {
        Playhead::At(step) => axis.middle(step.min(axis.steps.saturating_sub(1))),
        Playhead::Live => axis.edge(newest + 1),
    })
}

/// Draws everything below the header.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let size = ui.available_size().max(vec2(80.0, 3.0 * LANE + 2.0 * LANE_GAP + GAP + 20.0));
    let (_, rect) = ui.allocate_space(size);
    let heights = heights(rect.height());
    let project = studio.renders.runs.shown().map_or(studio.project(), |run| &*run.project);
    let aspect = project.canvas.width as f32 / project.canvas.height.max(1) as f32;
    let plans = lanes::plans(project);
    let steps = studio.renders.runs.shown().map_or(project.settings.steps as usize, |run| run.steps.len());
    let axis = Axis { left: rect.left(), width: rect.width(), steps };

    let row = |top: f32, height: f32| Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), height));
    let strip_row = row(rect.top(), heights.strip);
    let lane_row = |lane: usize| row(strip_row.bottom() + GAP + lane as f32 * (LANE + LANE_GAP), LANE);

    let response = ui.interact(rect, Id::unique("timeline steps"), Sense::click_and_drag());
    scrub(ui, &response, studio, axis);
    let rows = Rows {
        strip: strip_row,
        lanes: [0, 1, 2].map(lane_row),
        curve: row(lane_row(2).bottom() + GAP, heights.curve),
    };
    draw(ui, studio, look, (axis, aspect), &rows, &plans, response);
    // After the rest, so that they lie over it.
    ends::show(ui, studio, axis, lane_row);
}

/// Where what is drawn.
struct Rows {
    strip: Rect,
    lanes: [Rect; 3],
    curve: Rect,
}

fn draw(
    ui: &mut Ui,
    studio: &Studio,
    look: &mut Look,
    (axis, aspect): (Axis, f32),
    rows: &Rows,
    plans: &[Plan; 3],
    response: Response,
) {
    let rect = response.rect;
    let run = studio.renders.runs.shown();
    strip::draw(ui, rows.strip, axis, aspect, run, studio.renders.runs.picture, &mut look.textures);
    let colors = theme::colors(ui);
    let stands = run.and_then(|run| playhead_at(run, studio.renders.runs.playhead, axis));
    let done = run.and_then(Run::newest).map_or(0, |newest| newest + 1);
    let colored = plans.iter().zip([colors.align, colors.inject, colors.refine]);
    for (row, (plan, color)) in rows.lanes.iter().zip(colored) {
        lanes::draw(ui, *row, axis, plan, color, done, stands);
    }
    if let Some(run) = run
        && rows.curve.height() > 0.0
    {
        curve::draw(ui, rows.curve, axis, run, stands);
    }
    waiting(ui, rows.strip, run);
    let Some(run) = run else { return };
    playhead(ui, rect, run, studio.renders.runs.playhead, axis);
    notes::draw(ui, rows.strip, axis, &run.notes);
    if response.has_focus() {
        let stroke = Stroke::new(1.0, colors.accent);
        ui.painter().rect_stroke(rect.expand(2.0), CornerRadius::same(4), stroke, eframe::egui::StrokeKind::Outside);
    }
    if run.newest().is_some() && !response.is_pointer_button_down_on() {
        let at = ui.ctx().pointer_hover_pos().map_or(0, |at| axis.step_at(at.x));
        response.on_hover_ui_at_pointer(|ui| {
            ui.label(about(run, plans, at));
        });
    }
}

/// Pointer, keys and screen readers move the playhead; the name says where it stands.
fn scrub(ui: &Ui, response: &Response, studio: &mut Studio, axis: Axis) {
    if let Some(at) = response.interact_pointer_pos()
        && response.is_pointer_button_down_on()
    {
        response.request_focus();
        studio.renders.runs.seek(axis.step_at(at.x));
    }
    let mut by = 0;
    if response.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let pressed = |modifiers, key| ui.input_mut(|input| input.count_and_consume_key(modifiers, key)) as isize;
        by += LEAP * (pressed(Modifiers::SHIFT, Key::ArrowRight) - pressed(Modifiers::SHIFT, Key::ArrowLeft));
        by += pressed(Modifiers::NONE, Key::ArrowRight) - pressed(Modifiers::NONE, Key::ArrowLeft);
        if pressed(Modifiers::NONE, Key::Home) > 0 {
            studio.renders.runs.seek(0);
        }
        if pressed(Modifiers::NONE, Key::End) > 0 {
            studio.renders.runs.playhead = Playhead::Live;
        }
    }
    let asked = |action| ui.input(|input| input.num_accesskit_action_requests(response.id, action)) as isize;
    by += asked(Action::Increment) - asked(Action::Decrement);
    if by != 0 {
        studio.renders.runs.seek_by(by);
    }
    let set = ui.input(|input| {
        let requests = input.accesskit_action_requests(response.id, Action::SetValue);
        requests.filter_map(|request| number_of(request.data.as_ref())).last()
    });
    if let Some(step) = set {
        // `as` takes NaN and what is below to 0.
        studio.renders.runs.seek((step as usize).saturating_sub(1));
    }
    let step = studio.renders.runs.step().map(|step| step.step + 1);
    let name = match step {
        Some(step) => format!("Timeline, step {step} of {}", axis.steps),
        None => "Timeline, no steps yet".into(),
    };
    response.widget_info(|| WidgetInfo::slider(step.is_some(), step.unwrap_or(0) as f64, &name));
    if step.is_some() {
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_min_numeric_value(1.0);
            node.set_max_numeric_value(axis.steps as f64);
            node.add_action(Action::Increment);
            node.add_action(Action::Decrement);
            node.add_action(Action::SetValue);
        });
    }
    if response.hovered() && step.is_some() {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
}

fn number_of(data: Option<&ActionData>) -> Option<f64> {
    match data {
        Some(ActionData::NumericValue(number)) => Some(*number),
        _ => None,
    }
}

/// What stands in the strip as long as there is no step.
fn waiting(ui: &mut Ui, row: Rect, run: Option<&Run>) {
    let colors = theme::colors(ui);
    let (words, color) = match run {
        Some(run) if run.newest().is_some() => return,
        None => ("Press Render: every step will appear here".into(), colors.weak),
        Some(run) if matches!(run.state, State::Failed(_)) => (run.words(), colors.red),
        Some(run) => (run.words(), colors.weak),
    };
    let inside = row.shrink2(vec2(8.0, 2.0));
    ui.scope_builder(UiBuilder::new().max_rect(inside), |ui| {
        ui.set_clip_rect(row.intersect(ui.clip_rect()));
        ui.centered_and_justified(|ui| {
            let label = Label::new(RichText::new(&words).color(color)).selectable(false).wrap();
            ui.add(label).on_hover_text(&words);
        });
    });
}

fn playhead(ui: &Ui, rect: Rect, run: &Run, playhead: Playhead, axis: Axis) {
    let Some(x) = playhead_at(run, playhead, axis) else { return };
    let colors = theme::colors(ui);
    let x = x.clamp(rect.left() + 1.0, (rect.right() - 1.0).max(rect.left() + 1.0));
    ui.painter().vline(x, rect.y_range(), Stroke::new(2.0, colors.playhead));
    let number = match playhead {
        Playhead::At(step) => step + 1,
        Playhead::Live => run.next_step(),
    };
    let ink = theme::on(colors.playhead);
    let font = TextStyle::Small.resolve(ui.style());
    let words = ui.painter().layout_no_wrap(number.to_string(), font.clone(), ink);
    let size = words.size() + vec2(8.0, 2.0);
    let left = if x + size.x <= rect.right() { x } else { x - size.x };
    let tag = Rect::from_min_size(pos2(left, rect.top()), size);
    ui.painter().rect_filled(tag, CornerRadius::same(3), colors.playhead);
    ui.painter().text(tag.center(), Align2::CENTER_CENTER, number, font, ink);
}

/// What there is to know about a step, for the pointer.
fn about(run: &Run, plans: &[Plan; 3], step: usize) -> String {
    let step = step.min(run.steps.len().saturating_sub(1));
    let acting: Vec<&str> = plans.iter().filter(|plan| plan.acts(step)).map(|plan| plan.name).collect();
    let mut lines = Vec::new();
    let view = run.step(step);
    lines.push(match view {
        Some(view) => format!("Step {} of {} · t = {}", step + 1, run.steps.len(), view.timestep),
        None => format!("Step {} of {}, not there yet", step + 1, run.steps.len()),
    });
    if !acting.is_empty() {
        lines.push(acting.join(", "));
    }
    if let Some(view) = view {
        let times = &view.times;
        let took = (times.align + times.inject + times.refine + times.views).as_secs_f32();
        let loss = view.loss.map(|loss| format!("layout loss {} · ", number(loss))).unwrap_or_default();
        lines.push(format!("{loss}took {} s", number(took)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fill_the_height_and_in_a_low_panel_the_curve_goes_first() {
        for all in [100.0, 118.0, 140.0, 300.0, 440.0] {
            let heights = heights(all);
            let gaps = if heights.curve > 0.0 { 2.0 * GAP } else { GAP };
            let sum = heights.strip + heights.curve + 3.0 * LANE + 2.0 * LANE_GAP + gaps;
            assert!((sum - all).abs() < 0.01, "{all}: {heights:?}");
            assert!(heights.strip >= 20.0);
        }
        assert_eq!(heights(80.0).curve, 0.0);
        assert!(heights(140.0).curve > 16.0);
    }
}
