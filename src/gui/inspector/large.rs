//! The inspector's window: one view of the step under the playhead, large, with a read-out.

use std::sync::Arc;

use eframe::egui::{
    self, Align, Button, Color32, Context, Label, Pos2, Rect, RichText, Role, Sense, Slider, Stroke, StrokeKind, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use super::memory::{InspectorLook, Tile};
use super::{find, masks, window};
use crate::gui::look::Look;
use crate::gui::paint::{self, ColorMap, Sampling, Source};
use crate::gui::theme;
use crate::gui::views::{self, number, preview};
use crate::gui::widgets::{self, segmented};
use crate::link::{Lane, StepView};
use crate::project::Project;
use crate::studio::Studio;

/// Below the picture: the legend and the read-out.
const FOOT: f32 = 76.0;
/// The picture is at least this high, and the window scrolls where that is too much.
const LEAST: f32 = 160.0;

/// What is looked at.
struct Subject<'a> {
    step: &'a Arc<StepView>,
    project: &'a Project,
    job: u64,
    picture: usize,
}

impl Subject<'_> {
    fn aspect(&self) -> f32 {
        self.project.canvas.width as f32 / self.project.canvas.height.max(1) as f32
    }
}

/// Draws the window, if it is open.
pub fn show(ctx: &Context, studio: &mut Studio, look: &mut Look, inspector: &mut InspectorLook) {
    let Some(mut tile) = inspector.large else { return };
    let open = window::show(ctx, "Inspector", vec2(480.0, 620.0), Align::Max, |ui, whole| {
        let top = ui.cursor().top();
        ui.horizontal_wrapped(|ui| segmented(ui, &mut tile, &Tile::ALL));
        let (step, run) = (studio.renders.runs.step(), studio.renders.runs.shown());
        let (Some(step), Some(run)) = (step, run) else {
            ui.label("There is no step yet. Press Render: views appear with the first step.");
            return;
        };
        let subject = Subject { step, project: &run.project, job: run.job.0, picture: studio.renders.runs.picture };
        controls(ui, look, inspector, tile, &subject);
        let caption = caption(tile, &subject, look);
        ui.label(theme::note(ui, caption));
        if tile == Tile::Masks && inspector.side_by_side {
            masks::grid(ui, look, subject.project, step, subject.picture, subject.aspect());
            return;
        }
        let room = whole.y - (ui.cursor().top() - top) - foot(tile, &subject);
        picture(ui, look, inspector, tile, &subject, room.max(LEAST));
    });
    inspector.large = open.then_some(tile);
}

fn foot(tile: Tile, subject: &Subject<'_>) -> f32 {
    match tile {
        Tile::Masks => 56.0 + 28.0 * masks::of(subject.step, subject.picture).len() as f32,
        _ => FOOT,
    }
}

fn caption(tile: Tile, subject: &Subject<'_>, look: &Look) -> String {
    let step = subject.step;
    let lane = find::lane(step, &look.lane);
    let what = match tile {
        Tile::Clusters => views::clusters(step, &lane, subject.picture)
            .and_then(|index| step.clusters.get(index))
            .map(|view| find::clusters_caption(&lane, &view.labels)),
        Tile::Attention => views::attention(step, &lane, &look.word, subject.picture)
            .and_then(|index| step.attention.get(index))
            .map(find::attention_caption),
        Tile::Masks if masks::of(step, subject.picture).is_empty() => {
            Some("No concept is on any layer, so there are no masks".into())
        }
        Tile::Masks if step.refined => Some("Masks after this step, which refined them".into()),
        Tile::Masks => Some("Masks after this step".into()),
        Tile::Preview => Some("The clean picture that this step's latent implies".into()),
    };
    let what = what.unwrap_or_else(|| "Nothing was recorded here".into());
    format!("Step {} of {} · t = {} · {what}", step.step + 1, step.steps, step.timestep)
}

fn controls(ui: &mut Ui, look: &mut Look, inspector: &mut InspectorLook, tile: Tile, subject: &Subject<'_>) {
    let step = subject.step;
    if matches!(tile, Tile::Clusters | Tile::Attention) {
        lane_chips(ui, look, subject);
    }
    if tile == Tile::Attention {
        let lane = find::lane(step, &look.lane);
        let words = find::words(step, &lane, subject.picture);
        let shown = views::attention(step, &lane, &look.word, subject.picture);
        let shown = shown.and_then(|index| step.attention.get(index)).map(|view| view.word.clone());
        ui.horizontal_wrapped(|ui| {
            ui.label("Word");
            for word in words {
                let on = shown.as_deref() == Some(word);
                let words = if word.is_empty() { "All together" } else { word };
                if ui.add(Button::new(words).selected(on).frame_when_inactive(true)).clicked() {
                    look.word = word.into();
                }
            }
        });
    }
    if matches!(tile, Tile::Attention | Tile::Masks) {
        ui.horizontal_wrapped(|ui| {
            segmented(ui, &mut look.sampling, &[(Sampling::Nearest, "Nearest"), (Sampling::Smooth, "Smooth")]);
            if tile == Tile::Attention {
                segmented(ui, &mut look.color_map, &ColorMap::ALL.map(|map| (map, map.name())));
            } else {
                segmented(ui, &mut inspector.side_by_side, &[(false, "Over the picture"), (true, "Side by side")]);
            }
        });
    }
    if tile == Tile::Masks && !inspector.side_by_side {
        ui.horizontal_wrapped(|ui| masks::toggles(ui, &mut look.masks));
    }
    if matches!(tile, Tile::Clusters | Tile::Attention) {
        let slider = Slider::new(&mut inspector.opacity, 0.0..=1.0)
            .custom_formatter(|value, _| format!("{:.0} %", value * 100.0))
            .custom_parser(|words| words.trim_end_matches(['%', ' ']).parse().ok().map(|value: f64| value / 100.0))
            .text("Opacity");
        ui.add(slider).on_hover_text("How much of the preview under it is covered");
    }
}

fn lane_chips(ui: &mut Ui, look: &mut Look, subject: &Subject<'_>) {
    let chosen = find::lane(subject.step, &look.lane);
    ui.horizontal_wrapped(|ui| {
        for lane in find::lanes(subject.step) {
            let name = views::lane_name(&lane);
            let about = match lane {
                Lane::Base => "The base model's branch".into(),
                Lane::Concept(_) => format!("The branch of {name}"),
                Lane::Reference => "The layout reference at this timestep".into(),
            };
            let on = lane == chosen;
            let space = if find::lane_color(subject.project, &lane).is_some() { "     " } else { "" };
            let response = ui.add(Button::new(format!("{space}{name}")).selected(on));
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, name));
            if let Some(color) = find::lane_color(subject.project, &lane) {
                let at = pos2(response.rect.left() + 14.0, response.rect.center().y);
                ui.painter().circle_filled(at, 4.5, color);
            }
            if response.on_hover_text(about).clicked() {
                look.lane = lane;
            }
        }
    });
}

fn picture(ui: &mut Ui, look: &mut Look, inspector: &InspectorLook, tile: Tile, subject: &Subject<'_>, height: f32) {
    let colors = theme::colors(ui);
    let (room, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let place = find::fit(room, subject.aspect());
    ui.painter().rect_filled(place, 0, colors.ground);
    let texture = preview(ui.ctx(), &mut look.textures, subject.job, subject.step, subject.picture);
    if let Some(texture) = texture {
        egui::Image::from_texture(&texture).paint_at(ui, place);
    }
    let (step, index) = (subject.step, subject.picture);
    let lane = find::lane(step, &look.lane);
    let painter = ui.painter_at(place);
    let at = response.hover_pos();
    let mut reading = String::new();
    match tile {
        Tile::Clusters => {
            let Some(found) = views::clusters(step, &lane, index) else { return };
            let labels = Source::part(step, move |step: &StepView| step.clusters.get(found));
            paint::clusters(&painter, place, &labels, &theme::CLUSTERS, inspector.opacity);
            let Some(view) = step.clusters.get(found) else { return };
            if let Some((row, column)) = pointed(ui, place, view.grid, at)
                && let Some(label) = view.labels.get(row * view.grid.1 + column)
            {
                reading = format!("{}: cluster {}", cell_words(row, column), label + 1);
            }
            said(ui, &response, &reading, "Point at the picture to read a cell");
            cluster_legend(ui, &view.labels);
        }
        Tile::Attention => {
            let Some(found) = views::attention(step, &lane, &look.word, index) else { return };
            let values = Source::part(step, move |step: &StepView| step.attention.get(found));
            paint::heatmap(&painter, place, &values, look.color_map, look.sampling, inspector.opacity);
            let Some(view) = step.attention.get(found) else { return };
            if let Some((row, column)) = pointed(ui, place, view.grid, at)
                && let Some(value) = find::probability(view, row * view.grid.1 + column)
            {
                reading = format!("{}: {}", cell_words(row, column), number(value));
            }
            said(ui, &response, &reading, "Point at the picture to read a cell's probability");
            legend(ui, look.color_map, view.range);
        }
        Tile::Masks => {
            masks::over(ui, look, subject.project, step, index, place);
            let all = masks::of(step, index);
            let grid = all.first().map_or((0, 0), |masks| masks.combined.size());
            if let Some((row, column)) = pointed(ui, place, grid, at) {
                reading = format!("{}: {}", cell_words(row, column), masks::reading(all, (row, column)));
            }
            said(ui, &response, &reading, "Point at the picture to read which masks cover a cell");
            masks::table(ui, subject.project, all);
        }
        Tile::Preview => {
            let Some(preview) = step.previews.get(index) else { return };
            let (width, height) = preview.dimensions();
            if let Some((row, column)) = pointed(ui, place, (height as usize, width as usize), at) {
                let [red, green, blue] = preview.get_pixel(column as u32, row as u32).0;
                reading = format!("{}: red {red}, green {green}, blue {blue}", cell_words(row, column));
            }
            said(ui, &response, &reading, "Point at the picture to read a cell");
        }
    }
}

fn cell_words(row: usize, column: usize) -> String {
    format!("Row {}, column {}", row + 1, column + 1)
}

/// The cell under the pointer, with a frame around it.
fn pointed(ui: &Ui, place: Rect, grid: (usize, usize), at: Option<Pos2>) -> Option<(usize, usize)> {
    let (row, column) = find::cell_at(place, grid, at?)?;
    let cell = Vec2::new(place.width() / grid.1 as f32, place.height() / grid.0 as f32);
    let left_top = place.left_top() + cell * vec2(column as f32, row as f32);
    let frame = Rect::from_min_size(left_top, cell);
    let colors = theme::colors(ui);
    ui.painter().rect_stroke(frame, 0, Stroke::new(1.0, colors.playhead), StrokeKind::Outside);
    Some((row, column))
}

/// The read-out under the picture, and as the picture's name.
fn said(ui: &mut Ui, picture: &egui::Response, reading: &str, otherwise: &str) {
    let words = if reading.is_empty() { otherwise } else { reading };
    picture.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Inspected view"));
    let color = if reading.is_empty() { theme::colors(ui).weak } else { theme::colors(ui).text };
    ui.add(Label::new(RichText::new(words).color(color)).truncate());
}

/// The colours of a map, with the ends of the range.
fn legend(ui: &mut Ui, map: ColorMap, (low, high): (f32, f32)) {
    ui.horizontal(|ui| {
        ui.label(number(low));
        let width = (ui.available_width() - 56.0).clamp(40.0, 240.0);
        let (bar, response) = ui.allocate_exact_size(vec2(width, 12.0), Sense::hover());
        const PARTS: usize = 64;
        for part in 0..PARTS {
            let [red, green, blue] = map.at((part as f32 + 0.5) / PARTS as f32);
            let x = |part: usize| bar.left() + bar.width() * part as f32 / PARTS as f32;
            let rect = Rect::from_min_max(pos2(x(part), bar.top()), pos2(x(part + 1), bar.bottom()));
            ui.painter().rect_filled(rect, 0, Color32::from_rgb(red, green, blue));
        }
        let words = format!("Probability from {} to {}", number(low), number(high));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
        response.on_hover_text(words);
        ui.label(number(high));
    });
}

/// Each cluster's colour, number and share.
fn cluster_legend(ui: &mut Ui, labels: &[u32]) {
    ui.horizontal_wrapped(|ui| {
        for (label, share) in find::cluster_shares(labels) {
            widgets::dot(ui, theme::CLUSTERS[label as usize % theme::CLUSTERS.len()]);
            let words = format!("{} · {}", label + 1, masks::percent(share));
            ui.label(theme::note(ui, words));
        }
    });
}
