//! The three tiles of the step under the playhead.

use std::sync::Arc;

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    self, CornerRadius, FontSelection, Label, Rect, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo,
};

use super::find;
use super::memory::{InspectorLook, Tile};
use crate::gui::look::Look;
use crate::gui::paint::{self, Source};
use crate::gui::theme;
use crate::gui::views::{self, preview};
use crate::link::StepView;
use crate::studio::Studio;

/// Below this width of the panel, in points, the tiles fold away.
const ROOM: f32 = 700.0;
/// From one tile to the next.
const GAP: f32 = 8.0;
/// A column is at least this wide, for its caption.
const COLUMN: f32 = 104.0;
/// The row over the tiles, with its gap.
const HEAD: f32 = 28.0;
/// A caption of three lines, with its gap.
const CAPTION: f32 = 50.0;

/// A tile's side and its column's width in a panel of some size.
fn sizes(panel: Vec2) -> (f32, f32) {
    let most = ((panel.x * 0.42 - 2.0 * GAP) / 3.0).max(COLUMN);
    let side = (panel.y - HEAD - CAPTION).clamp(40.0, 240.0_f32.min(most));
    (side, side.max(COLUMN))
}

/// How wide the tiles are together in a panel of some size, in points; none where there is no room for them.
pub fn tiles_width(panel: Vec2) -> Option<f32> {
    (panel.x >= ROOM).then(|| 3.0 * sizes(panel).1 + 2.0 * GAP)
}

/// Draws the tiles into the rest of the panel.
pub fn tiles(ui: &mut Ui, studio: &mut Studio, look: &mut Look, inspector: &mut InspectorLook) {
    let column = (ui.available_width() - 2.0 * GAP) / 3.0;
    let side = (ui.available_height() - HEAD - CAPTION).clamp(40.0, column.max(40.0));
    let step = studio.renders.runs.step().cloned();
    head(ui, step.as_deref(), inspector);
    let run = studio.renders.runs.shown();
    let job = run.map_or(0, |run| run.job.0);
    let project = run.map_or(studio.project(), |run| &*run.project);
    let aspect = project.canvas.width as f32 / project.canvas.height.max(1) as f32;
    let picture = studio.renders.runs.picture;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        for tile in [Tile::Clusters, Tile::Attention, Tile::Preview] {
            ui.vertical(|ui| {
                ui.set_width(column);
                ui.set_max_width(column);
                one(ui, look, inspector, tile, step.as_ref(), (job, picture), (side, aspect));
            });
        }
    });
}

fn head(ui: &mut Ui, step: Option<&StepView>, inspector: &mut InspectorLook) {
    let words = match step {
        Some(step) => format!("Step {} of {} · t = {}", step.step + 1, step.steps, step.timestep),
        None => "No step yet".into(),
    };
    ui.horizontal(|ui| {
        let masks = egui::Button::new("Masks...");
        let curves = egui::Button::new("Curves...");
        // Two buttons and a gap are kept free.
        let room = (ui.available_width() - 152.0).max(40.0);
        ui.allocate_ui_with_layout(Vec2::new(room, 24.0), egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.set_min_width(room);
            let words = theme::strong(words).color(theme::colors(ui).weak);
            ui.add(Label::new(words).truncate());
        });
        if ui.add(masks).on_hover_text("Each subject's masks and how much of the picture they cover").clicked() {
            inspector.large = Some(Tile::Masks);
        }
        let hover = "Layout loss, gradient norm, mask areas and times over all steps";
        if ui.add(curves).on_hover_text(hover).clicked() {
            inspector.curves = true;
        }
    });
}

/// What a tile is of a step: words under it, and a longer word for its name.
fn caption(tile: Tile, step: Option<&StepView>, look: &Look, picture: usize) -> String {
    let Some(step) = step else {
        return match tile {
            Tile::Clusters => "Self-attention, clustered: from the first step on".into(),
            Tile::Attention => "Cross-attention to a word: from the first step on".into(),
            _ => "Decoded at this step: from the first step on".into(),
        };
    };
    let lane = find::lane(step, &look.lane);
    match tile {
        Tile::Clusters => {
            let view = views::clusters(step, &lane, picture).and_then(|index| step.clusters.get(index));
            view.map_or("Self-attention was not recorded".into(), |view| find::clusters_caption(&lane, &view.labels))
        }
        Tile::Attention => {
            let view = views::attention(step, &lane, &look.word, picture).and_then(|index| step.attention.get(index));
            view.map_or("No word of a subject is in this prompt".into(), find::attention_caption)
        }
        Tile::Masks => "Masks".into(),
        Tile::Preview => "Decoded at this step; click to look closer".into(),
    }
}

fn one(
    ui: &mut Ui,
    look: &mut Look,
    inspector: &mut InspectorLook,
    tile: Tile,
    step: Option<&Arc<StepView>>,
    (job, picture): (u64, usize),
    (side, aspect): (f32, f32),
) {
    let colors = theme::colors(ui);
    let (square, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::click());
    let place = find::fit(square, aspect);
    let words = caption(tile, step.map(|step| &**step), look, picture);
    let name = format!("Show large: {words}");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    ui.painter().rect_filled(square, CornerRadius::same(4), colors.raised);
    if let Some(step) = step {
        draw(ui, look, tile, step, (job, picture), place);
    }
    let stroke = match () {
        () if inspector.large == Some(tile) || response.has_focus() => Stroke::new(2.0, colors.accent),
        () if response.hovered() => Stroke::new(1.0, colors.accent),
        () => Stroke::new(1.0, colors.line),
    };
    ui.painter().rect_stroke(square, CornerRadius::same(4), stroke, StrokeKind::Inside);
    if response.on_hover_text(&name).clicked() {
        inspector.large = (inspector.large != Some(tile)).then_some(tile);
    }
    let mut job = LayoutJob::single_section(
        words.clone(),
        egui::TextFormat::simple(FontSelection::Style(TextStyle::Small).resolve(ui.style()), colors.weak),
    );
    job.wrap = TextWrapping { max_width: ui.available_width(), max_rows: 3, ..TextWrapping::default() };
    ui.add(Label::new(job).selectable(false)).on_hover_text(words);
}

fn draw(ui: &Ui, look: &mut Look, tile: Tile, step: &Arc<StepView>, (job, picture): (u64, usize), place: Rect) {
    let painter = ui.painter_at(place);
    let lane = find::lane(step, &look.lane);
    match tile {
        Tile::Clusters => {
            if let Some(index) = views::clusters(step, &lane, picture) {
                let labels = Source::part(step, move |step: &StepView| step.clusters.get(index));
                paint::clusters(&painter, place, &labels, &theme::CLUSTERS, 1.0);
            }
        }
        Tile::Attention => {
            if let Some(index) = views::attention(step, &lane, &look.word, picture) {
                let values = Source::part(step, move |step: &StepView| step.attention.get(index));
                paint::heatmap(&painter, place, &values, look.color_map, look.sampling, 1.0);
            }
        }
        Tile::Masks | Tile::Preview => {
            if let Some(texture) = preview(ui.ctx(), &mut look.textures, job, step, picture) {
                egui::Image::from_texture(&texture).paint_at(ui, place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_fold_away_in_a_narrow_panel_and_leave_the_timeline_most_of_a_wide_one() {
        assert_eq!(tiles_width(Vec2::new(699.0, 200.0)), None);
        for (width, height) in [(700.0, 104.0), (1000.0, 168.0), (1416.0, 168.0), (1416.0, 464.0), (2500.0, 464.0)] {
            let tiles = tiles_width(Vec2::new(width, height)).unwrap();
            assert!(tiles <= width * 0.5, "{tiles} of {width}");
        }
    }
}
