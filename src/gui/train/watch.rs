//! What a training looks like on the way: its curves, what it draws, and in the end the test sheet beside the photos.

use std::sync::Arc;

use eframe::egui::{Button, Color32, Label, Role, ScrollArea, Sense, Stroke, Ui, Vec2, WidgetInfo, vec2};
use egui_plot::{GridMark, HoverPosition, Line, Plot, PlotPoints};

use super::TrainLook;
use super::photos::pictures;
use crate::gui::paint::{Pixels, Source};
use crate::gui::theme;
use crate::gui::views::number;
use crate::link::TrainingPicture;
use crate::studio::Studio;
use crate::studio::train::curves::Point;
use crate::studio::train::runs::Run;

/// A plot's height, in points.
const HEIGHT: f32 = 132.0;
/// The side of a picture, in points.
const SIDE: f32 = 148.0;
/// Pictures of the test sheet that are drawn at most.
const MOST: usize = 96;

/// A picture, its shape and its words.
type Shown = (Source<Pixels>, Vec2, String);

/// Draws the training that is shown.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, train: &mut TrainLook) {
    let Some(run) = studio.train.runs.shown().cloned() else { return };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| match run.trained() {
        Some(trained) => {
            heading(ui, &format!("Test sheet of {}", run.training.name));
            photos(ui, studio, &run);
            sheet(ui, &trained.sheet);
            heading(ui, "How it learnt");
            curves(ui, &run, train);
        }
        None => {
            curves(ui, &run, train);
            drawn(ui, &run);
            heading(ui, "Photos");
            photos(ui, studio, &run);
        }
    });
}

fn heading(ui: &mut Ui, words: &str) {
    ui.add_space(4.0);
    ui.add(Label::new(theme::strong(words)).wrap());
}

fn photos(ui: &mut Ui, studio: &Studio, run: &Run) {
    let shown: Vec<Shown> = run
        .training
        .photos
        .iter()
        .filter_map(|photo| {
            let looked = studio.train.known_photo(photo)?.ready()?;
            let (width, height) = looked.picture.dimensions();
            Some((Source::new(&looked.picture), vec2(width as f32, height as f32), photo.name()))
        })
        .collect();
    pictures(ui, SIDE * 0.7, &shown);
}

fn shown(picture: &Arc<TrainingPicture>, words: String) -> Option<Shown> {
    let (width, height) = picture.picture.dimensions();
    let source = Source::part(picture, |picture: &TrainingPicture| Some(&picture.picture));
    Some((source, vec2(width as f32, height as f32), words))
}

/// Pictures by their prompts, in the order in which the prompts came.
fn by_prompt<'a>(
    drawn: impl Iterator<Item = &'a Arc<TrainingPicture>>,
) -> Vec<(&'a str, Vec<&'a Arc<TrainingPicture>>)> {
    let mut prompts: Vec<(&str, Vec<&Arc<TrainingPicture>>)> = Vec::new();
    for picture in drawn {
        match prompts.iter_mut().find(|(prompt, _)| *prompt == picture.prompt) {
            Some((_, pictures)) => pictures.push(picture),
            None => prompts.push((&picture.prompt, vec![picture])),
        }
    }
    prompts
}

fn sheet(ui: &mut Ui, sheet: &[Arc<TrainingPicture>]) {
    for (prompt, drawn) in by_prompt(sheet.iter().take(MOST)) {
        heading(ui, prompt);
        let words = |picture: &Arc<TrainingPicture>| {
            format!("strength {}, seed {}{}", picture.strength, picture.seed, likeness(picture))
        };
        let shown: Vec<Shown> = drawn.into_iter().filter_map(|picture| shown(picture, words(picture))).collect();
        pictures(ui, SIDE, &shown);
    }
}

/// How much of the subject's own colours it shows, and how alike an encoder finds it and the photos, where that is known.
fn likeness(picture: &TrainingPicture) -> String {
    let likeness = picture.likeness.map(|likeness| format!(", likeness {likeness:.2}"));
    let alike = picture.alike.as_ref().map(|alike| format!(", {}", alike.words()));
    [likeness, alike].into_iter().flatten().collect()
}

/// The newest validation pictures, by strength.
fn drawn(ui: &mut Ui, run: &Run) {
    let newest = run.newest_pictures();
    let Some(step) = newest.first().map(|picture| picture.step) else {
        let every = run.training.settings.show_every;
        if every > 0 {
            ui.add(Label::new(theme::note(ui, format!("Pictures come every {every} steps."))).wrap());
        }
        return;
    };
    heading(ui, &format!("What it draws after step {step}"));
    for (prompt, mut drawn) in by_prompt(newest.into_iter()) {
        drawn.sort_by(|one, other| one.strength.total_cmp(&other.strength));
        ui.add(Label::new(theme::note(ui, prompt)).wrap());
        let words = |picture: &Arc<TrainingPicture>| format!("strength {}{}", picture.strength, likeness(picture));
        let shown: Vec<Shown> = drawn.into_iter().filter_map(|picture| shown(picture, words(picture))).collect();
        pictures(ui, SIDE, &shown);
    }
}

/// A named curve.
struct Curve {
    name: String,
    color: Color32,
    points: Vec<[f64; 2]>,
}

fn curves(ui: &mut Ui, run: &Run, train: &mut TrainLook) {
    let points = run.curves.points();
    if points.is_empty() {
        ui.add(Label::new(theme::note(ui, format!("{}. Curves begin with the first step.", run.words()))).wrap());
        return;
    }
    let colors = theme::colors(ui);
    let of = |value: &dyn Fn(&Point) -> f32| -> Vec<[f64; 2]> {
        let finite = points.iter().filter(|point| value(point).is_finite());
        finite.map(|point| [point.step as f64, f64::from(value(point))]).collect()
    };
    let mut losses = vec![
        Curve {
            name: "Loss".into(),
            color: theme::ink_of(colors.align, colors).gamma_multiply(0.5),
            points: of(&|point| point.denoising),
        },
        Curve {
            name: "Loss, smoothed".into(),
            color: theme::ink_of(colors.align, colors),
            points: smoothed(&of(&|point| point.denoising)),
        },
    ];
    if points.iter().any(|point| point.attention != 0.0) {
        let points = of(&|point| point.attention);
        losses.push(Curve { name: "Attention".into(), color: theme::ink_of(colors.refine, colors), points });
    }
    heading(ui, "Loss");
    plot(ui, "training loss", losses, run.training.settings.steps, train);
    heading(ui, "Norms of the words' embeddings");
    let words = &run.training.tokens;
    let name = |at: usize| words.get(at).map_or_else(|| format!("Word {}", at + 1), |token| token.word.clone());
    let norms = vec![
        Curve { name: name(0), color: theme::ink_of(colors.inject, colors), points: of(&|point| point.norms[0]) },
        Curve { name: name(1), color: theme::ink_of(colors.refine, colors), points: of(&|point| point.norms[1]) },
    ];
    plot(ui, "training norms", norms, run.training.settings.steps, train);
}

/// Means over a twentieth of the curve, since the loss of one step is a matter of chance.
fn smoothed(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let reach = points.len() / 40;
    let mean = |at: usize| {
        let near = &points[at.saturating_sub(reach)..(at + reach + 1).min(points.len())];
        near.iter().map(|[_, y]| y).sum::<f64>() / near.len() as f64
    };
    points.iter().enumerate().map(|(at, [x, _])| [*x, mean(at)]).collect()
}

fn plot(ui: &mut Ui, id: &str, mut curves: Vec<Curve>, steps: usize, train: &mut TrainLook) {
    legend(ui, &curves, train);
    curves.retain(|curve| !train.hidden.contains(&curve.name));
    Plot::new(id)
        .height(HEIGHT)
        .include_x(1.0)
        .include_x(steps.max(2) as f64)
        .include_y(0.0)
        .grid_color(theme::colors(ui).line)
        .allow_scroll(false)
        .y_axis_min_width(48.0)
        .x_axis_formatter(|mark: GridMark, _| {
            if mark.value.fract() == 0.0 && mark.value >= 1.0 { format!("{}", mark.value) } else { String::new() }
        })
        .y_axis_formatter(|mark: GridMark, _| number(mark.value as f32))
        .label_formatter(|at: &HoverPosition<'_>| match at {
            HoverPosition::NearDataPoint { plot_name, position, .. } => {
                Some(format!("{plot_name}\nstep {:.0}: {}", position.x, number(position.y as f32)))
            }
            _ => None,
        })
        .show(ui, |plot| {
            for curve in curves {
                plot.line(Line::new(curve.name, PlotPoints::from(curve.points)).color(curve.color).width(1.5));
            }
        });
}

/// What is drawn how; a press hides a curve or shows it again.
fn legend(ui: &mut Ui, curves: &[Curve], train: &mut TrainLook) {
    ui.horizontal_wrapped(|ui| {
        for curve in curves {
            let shown = !train.hidden.contains(&curve.name);
            let (line, _) = ui.allocate_exact_size(vec2(16.0, 12.0), Sense::hover());
            let stroke = Stroke::new(2.0, if shown { curve.color } else { theme::colors(ui).line });
            ui.painter().line_segment([line.left_center(), line.right_center()], stroke);
            let words = theme::note(ui, &curve.name);
            let words = if shown { words } else { words.strikethrough() };
            let button = ui.add(Button::new(words).frame_when_inactive(false).small());
            button.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, shown, &curve.name));
            let hover = if shown { "Hide this curve" } else { "Show this curve" };
            if button.on_hover_text(hover).clicked() && !train.hidden.remove(&curve.name) {
                train.hidden.insert(curve.name.clone());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smoothed_curve_has_its_means_and_a_short_one_stays() {
        let points: Vec<[f64; 2]> = (0..80).map(|at| [f64::from(at), f64::from(at % 2)]).collect();
        let smooth = smoothed(&points);
        assert_eq!(smooth.len(), 80);
        assert!(smooth.iter().skip(2).take(70).all(|[_, y]| (0.3..0.7).contains(y)));
        assert_eq!(smoothed(&points[..3]), points[..3]);
        assert!(smoothed(&[]).is_empty());
    }
}
