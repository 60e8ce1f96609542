//! Numbers over all steps: layout loss and gradient norm, the masks' areas, and what took how long.

use std::collections::BTreeSet;

use eframe::egui::{Align, Button, Color32, Context, Id, Label, Role, Sense, Shape, Stroke, Ui, WidgetInfo, vec2};
use egui_plot::{GridMark, HoverPosition, Line, LineStyle, Plot, PlotPoints, VLine};

use super::memory::InspectorLook;
use super::{find, window};
use crate::gui::theme;
use crate::gui::views::number;
use crate::link::StepView;
use crate::studio::{Playhead, Run, Studio};

/// One plot's height, in points.
const HEIGHT: f32 = 120.0;
/// All plots share their steps under this name.
const LINK: &str = "curves over steps";
/// The playhead's line.
const PLAYHEAD: &str = "Playhead";

/// A named curve.
struct Curve {
    name: String,
    color: Color32,
    style: LineStyle,
    points: Vec<[f64; 2]>,
}

/// Draws the window, if it is open.
pub fn show(ctx: &Context, studio: &mut Studio, inspector: &mut InspectorLook) {
    if !inspector.curves {
        return;
    }
    let open = window::show(ctx, "Curves", vec2(560.0, 580.0), Align::Min, |ui, _| match studio.renders.runs.shown() {
        Some(run) if run.newest().is_some() => {
            let at = match studio.renders.runs.playhead {
                Playhead::At(step) => Some(step),
                Playhead::Live => run.newest(),
            };
            all(ui, run, studio.renders.runs.picture, at, inspector);
        }
        _ => {
            ui.label("There is no step yet. Press Render: curves begin with the first step.");
        }
    });
    inspector.curves = open;
}

fn all(ui: &mut Ui, run: &Run, picture: usize, at: Option<usize>, inspector: &mut InspectorLook) {
    let colors = theme::colors(ui);
    heading(ui, "Layout loss and gradient norm");
    ui.checkbox(&mut inspector.log, "Logarithmic scale").on_hover_text("Shows small values as well as large ones");
    let log = inspector.log;
    let loss = values(run, |step| step.loss.map(f64::from));
    if loss.is_empty() {
        ui.add(Label::new("Layout alignment has acted on no step so far.").wrap());
    } else {
        let gradient = values(run, |step| step.gradient_norm.map(f64::from));
        let curves = vec![
            curve("Layout loss", theme::ink_of(colors.align, colors), loss),
            Curve {
                style: LineStyle::dashed_dense(),
                ..curve("Gradient norm", theme::ink_of(colors.inject, colors), gradient)
            },
        ];
        plot(ui, "loss", curves, (at, run.steps.len()), &mut inspector.hidden_curves, (log, ""));
    }

    heading(ui, "Area of the combined masks, % of the picture");
    if !inspector.areas.follow(run, picture) {
        ui.ctx().request_repaint();
    }
    let names = run.steps.iter().flatten().find_map(|step| step.masks.get(picture)).map_or(&[][..], Vec::as_slice);
    if names.is_empty() {
        ui.add(Label::new("No concept is on any layer, so there are no masks.").wrap());
    } else {
        let curves = names.iter().enumerate().map(|(subject, masks)| {
            let color = find::color(&run.project, &masks.concept).unwrap_or(colors.accent);
            let points = inspector.areas.of(subject).map(|(step, share)| [step as f64 + 1.0, f64::from(share) * 100.0]);
            let again = names[..subject].iter().filter(|other| other.concept == masks.concept).count();
            let name = if again == 0 { masks.concept.clone() } else { format!("{} {}", masks.concept, again + 1) };
            Curve { style: style(again), ..curve(&name, theme::ink_of(color, colors), points.collect()) }
        });
        let curves = curves.collect();
        plot(ui, "areas", curves, (at, run.steps.len()), &mut inspector.hidden_curves, (false, " %"));
    }

    heading(ui, "Time a step, seconds");
    let seconds = |part: fn(&StepView) -> std::time::Duration| values(run, move |step| Some(part(step).as_secs_f64()));
    let curves = vec![
        curve("Alignment", theme::ink_of(colors.align, colors), seconds(|step| step.times.align)),
        curve("Injection", theme::ink_of(colors.inject, colors), seconds(|step| step.times.inject)),
        curve("Refinement", theme::ink_of(colors.refine, colors), seconds(|step| step.times.refine)),
        curve("Views", colors.weak, seconds(|step| step.times.views)),
    ];
    plot(ui, "times", curves, (at, run.steps.len()), &mut inspector.hidden_curves, (false, " s"));
}

fn heading(ui: &mut Ui, words: &str) {
    ui.add_space(4.0);
    ui.add(Label::new(theme::strong(words)).wrap());
}

/// A second subject of the same concept has its colour, so it has another line.
fn style(again: usize) -> LineStyle {
    match again {
        0 => LineStyle::Solid,
        1 => LineStyle::dashed_dense(),
        _ => LineStyle::dotted_dense(),
    }
}

fn curve(name: &str, color: Color32, points: Vec<[f64; 2]>) -> Curve {
    Curve { name: name.into(), color, style: LineStyle::Solid, points }
}

/// A number of every step that has it, at the step as people count it.
fn values(run: &Run, value: impl Fn(&StepView) -> Option<f64>) -> Vec<[f64; 2]> {
    let point = |step: &std::sync::Arc<StepView>| {
        let value = value(step).filter(|value| value.is_finite())?;
        Some([step.step as f64 + 1.0, value])
    };
    run.steps.iter().flatten().filter_map(point).collect()
}

/// On a logarithmic scale: what is not above 0 has no place there.
fn logarithms(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.into_iter().filter(|[_, y]| *y > 0.0).map(|[x, y]| [x, y.log10()]).collect()
}

/// What is drawn how; a press hides a curve or shows it again. Over the plot it would hide the curves.
fn legend(ui: &mut Ui, curves: &[Curve], hidden: &mut BTreeSet<String>) {
    ui.horizontal_wrapped(|ui| {
        for curve in curves {
            let shown = !hidden.contains(&curve.name);
            let (line, _) = ui.allocate_exact_size(vec2(16.0, 12.0), Sense::hover());
            let points = [line.left_center(), line.right_center()];
            let stroke = Stroke::new(2.0, if shown { curve.color } else { theme::colors(ui).line });
            match curve.style {
                LineStyle::Solid => ui.painter().line_segment(points, stroke),
                _ => ui.painter().add(Shape::Vec(Shape::dashed_line(&points, stroke, 4.0, 2.0))),
            };
            let words = theme::note(ui, &curve.name);
            let words = if shown { words } else { words.strikethrough() };
            let button = ui.add(Button::new(words).frame_when_inactive(false).small());
            button.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, shown, &curve.name));
            let explanation = if shown { "Hide this curve" } else { "Show this curve" };
            if button.on_hover_text(explanation).clicked() && !hidden.remove(&curve.name) {
                hidden.insert(curve.name.clone());
            }
        }
    });
}

/// A number without places that say nothing.
fn trimmed(words: String) -> String {
    match words.contains('.') && !words.contains('e') {
        true => words.trim_end_matches('0').trim_end_matches('.').into(),
        false => words,
    }
}

/// Draws curves over all steps, with their legend above.
fn plot(
    ui: &mut Ui,
    id: &str,
    mut curves: Vec<Curve>,
    (at, steps): (Option<usize>, usize),
    hidden: &mut BTreeSet<String>,
    (log, unit): (bool, &'static str),
) {
    legend(ui, &curves, hidden);
    curves.retain(|curve| !hidden.contains(&curve.name));
    let value = move |y: f64| number(if log { 10f64.powf(y) } else { y } as f32);
    let link = Id::unique(LINK);
    let (playhead, line) = (theme::colors(ui).playhead, theme::colors(ui).line);
    Plot::new(id)
        .height(HEIGHT)
        .include_x(1.0)
        .include_x(steps.max(2) as f64)
        .grid_color(line)
        .link_axis(link, [true, false])
        .link_cursor(link, [true, false])
        .allow_scroll(false)
        .y_axis_min_width(48.0)
        .x_axis_formatter(|mark: GridMark, _| {
            if mark.value.fract() == 0.0 && mark.value >= 1.0 { format!("{}", mark.value) } else { String::new() }
        })
        .y_axis_formatter(move |mark: GridMark, _| trimmed(value(mark.value)))
        .label_formatter(move |at: &HoverPosition<'_>| match at {
            HoverPosition::NearDataPoint { plot_name, position, .. } if *plot_name != PLAYHEAD => {
                Some(format!("{plot_name}\nstep {:.0}: {}{unit}", position.x, value(position.y)))
            }
            _ => None,
        })
        .show(ui, |plot| {
            for curve in curves {
                let points = if log { logarithms(curve.points) } else { curve.points };
                let line = Line::new(curve.name, PlotPoints::from(points));
                plot.line(line.color(curve.color).style(curve.style).width(1.5));
            }
            if let Some(at) = at {
                plot.vline(VLine::new(PLAYHEAD, at as f64 + 1.0).color(playhead).width(1.5));
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_no_places_that_say_nothing() {
        let words = ["30.0", "0.10", "100", "2e-10", "0"];
        assert_eq!(words.map(|words| trimmed(words.into())), ["30", "0.1", "100", "2e-10", "0"]);
    }

    #[test]
    fn what_is_not_above_nothing_is_left_out_of_a_logarithmic_scale() {
        let points = vec![[1.0, 100.0], [2.0, 0.0], [3.0, -1.0], [4.0, 0.1]];
        assert_eq!(logarithms(points), [[1.0, 2.0], [4.0, -1.0]]);
    }
}
