//! One result large, or two against each other with what differs in their settings.

use eframe::egui::{self, Align, Id, Label, Layout, Panel, Rect, RichText, Role, Sense, Ui, WidgetInfo, vec2};

use super::memory::GalleryLook;
use super::rows::Grid;
use super::words;
use crate::gui::look::Look;
use crate::gui::paint::{self, Sampling, Source};
use crate::gui::tables::{Column, SMALL, Table};
use crate::gui::zoomed::View;
use crate::gui::{icons, theme, widgets};
use crate::studio::{ResultId, Studio};

/// From one of two pictures beside each other to the other, in points.
const GAP: f32 = 8.0;

/// Draws a result as large as there is room.
pub fn one(ui: &mut Ui, studio: &mut Studio, look: &Look, gallery: &mut GalleryLook, grid: &Grid, id: &ResultId) {
    let order: Vec<ResultId> = grid.order(studio.results.store.entries()).into_iter().cloned().collect();
    let at = order.iter().position(|known| known == id);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().interact_size.y = 28.0;
        if ui.button(format!("{} All pictures", icons::CARET_LEFT)).on_hover_text("Back to the grid (Esc)").clicked() {
            gallery.open = None;
        }
        for (icon, name, by) in
            [(icons::CARET_LEFT, "The picture before (Left)", -1), (icons::CARET_RIGHT, "The next picture (Right)", 1)]
        {
            let other = at.and_then(|at| at.checked_add_signed(by)).and_then(|at| order.get(at));
            ui.add_enabled_ui(other.is_some(), |ui| {
                if widgets::icon_button(ui, icon, name).clicked()
                    && let Some(other) = other
                {
                    gallery.open_one(other.clone());
                }
            });
        }
        gallery.view.show(ui);
    });
    ui.add_space(8.0);
    let area = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(area, Sense::click_and_drag());
    gallery.view.take(ui, &response, true);
    let Some(entry) = studio.results.store.entry(id).cloned() else { return };
    let name = words::name(&entry, studio.is_starred(&entry));
    picture_in(ui, studio, look.sampling, gallery.view, &entry.id, area, &name);
}

/// Draws a result in an area at the zoom in use; the thumbnail's place until it is there, words where it will not be.
fn picture_in(ui: &mut Ui, studio: &mut Studio, sampling: Sampling, view: View, id: &ResultId, area: Rect, name: &str) {
    let Some(picture) = studio.results.store.picture(id) else {
        if let Some(words) = studio.results.store.failure(id) {
            let mut child = ui.new_child(egui::UiBuilder::new().max_rect(area));
            widgets::amber(&mut child, words);
        } else if let Some(entry) = studio.results.store.entry(id).cloned() {
            let size = vec2(entry.size.0 as f32, entry.size.1 as f32);
            let place = view.place(area, size);
            ui.painter().with_clip_rect(area).rect_filled(place, 0.0, theme::colors(ui).line);
        }
        return;
    };
    let place = view.place(area, vec2(picture.width() as f32, picture.height() as f32));
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    // Enlarged far beyond its own pixels, one wants to see them; else not.
    let near = place.width() * ui.pixels_per_point() > 4.0 * picture.width() as f32;
    let sampling = if near { sampling } else { Sampling::Smooth };
    paint::picture(&painter, place, &Source::new(&picture), sampling);
    image_node(ui, area, Id::unique(("large result", id)), name);
}

/// Tells screen readers of a picture.
fn image_node(ui: &Ui, area: Rect, id: Id, name: &str) {
    let response = ui.interact(area, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
}

/// Draws two results against each other.
pub fn two(
    ui: &mut Ui,
    studio: &mut Studio,
    look: &Look,
    gallery: &mut GalleryLook,
    before: &ResultId,
    after: &ResultId,
) {
    let shapes = [before, after].map(|id| studio.results.store.entry(id).map(|entry| entry.size));
    // Pictures of two shapes cannot lie in one place.
    let same_shape = match shapes {
        [Some(before), Some(after)] => before.0 * after.1 == before.1 * after.0,
        _ => false,
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().interact_size.y = 28.0;
        if ui.button(format!("{} All pictures", icons::CARET_LEFT)).on_hover_text("Back to the grid (Esc)").clicked() {
            gallery.open = None;
        }
        if same_shape {
            let beside = &mut gallery.beside;
            widgets::segmented(ui, beside, &[(false, "Before and after"), (true, "Side by side")]);
        }
        if same_shape && !gallery.beside {
            widgets::room_for(ui, 104.0);
            ui.spacing_mut().slider_width = 96.0;
            let mut percent = gallery.split * 100.0;
            let slider = ui.add(egui::Slider::new(&mut percent, 0.0..=100.0).show_value(false));
            gallery.split = percent / 100.0;
            slider.widget_info(|| WidgetInfo::slider(true, f64::from(percent), "Line between before and after"));
            slider.on_hover_text("Line between before and after; drag it on the picture too");
        }
        gallery.view.show(ui);
    });
    let seeds = [before, after].map(|id| {
        let seed = studio.results.store.entry(id).and_then(|entry| entry.seed);
        seed.map_or_else(|| "seed unknown".to_owned(), |seed| format!("seed {seed}"))
    });
    let most = (ui.available_height() * 0.5).max(64.0);
    Panel::bottom("differences")
        .resizable(true)
        .default_size(144.0_f32.min(most))
        .size_range(48.0_f32.min(most)..=most)
        .show(ui, |ui| {
            // So that what is read in a moment has the room that it needs.
            ui.set_min_height(ui.available_height());
            differences(ui, studio, before, after, &seeds);
        });
    ui.add_space(4.0);
    let (left, right) = (format!("Before: {}", seeds[0]), format!("After: {}", seeds[1]));
    ui.horizontal(|ui| {
        ui.label(theme::note(ui, &left));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(theme::note(ui, &right));
        });
    });
    let area = ui.available_rect_before_wrap();
    if gallery.beside || !same_shape {
        let pane = vec2(((area.width() - GAP) / 2.0).max(1.0), area.height());
        for (id, corner, name) in [(before, area.min, &left), (after, area.min + vec2(pane.x + GAP, 0.0), &right)] {
            let rect = Rect::from_min_size(corner, pane);
            let response = ui.interact(rect, Id::unique(("pane", corner.x > area.min.x)), Sense::click_and_drag());
            gallery.view.take(ui, &response, true);
            picture_in(ui, studio, look.sampling, gallery.view, id, rect, name);
        }
        ui.allocate_rect(area, Sense::hover());
    } else {
        in_one_place(ui, studio, gallery, [before, after], area);
    }
}

fn in_one_place(ui: &mut Ui, studio: &mut Studio, gallery: &mut GalleryLook, pair: [&ResultId; 2], area: Rect) {
    let response = ui.allocate_rect(area, Sense::click_and_drag());
    let [Some(before), Some(after)] = pair.map(|id| studio.results.store.picture(id)) else {
        for id in pair {
            if let Some(words) = studio.results.store.failure(id) {
                widgets::amber(ui, words);
            }
        }
        return;
    };
    let size = vec2(after.width() as f32, after.height() as f32);
    let place = gallery.view.place(area, size);
    let drags_line = widgets::drag_split(ui, &response, place, &mut gallery.split);
    gallery.view.take(ui, &response, !drags_line);
    let place = gallery.view.place(area, size);
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    paint::compare(&painter, place, [&Source::new(&before), &Source::new(&after)], gallery.split, Sampling::Smooth);
    image_node(
        ui,
        area,
        Id::unique("compared results"),
        "The picture before left of the line, the one after right of it",
    );
}

fn differences(ui: &mut Ui, studio: &mut Studio, before: &ResultId, after: &ResultId, seeds: &[String; 2]) {
    let Some(compared) = studio.compare_results(before, after) else {
        ui.label(theme::note(ui, "Reading both projects"));
        return;
    };
    match compared {
        Err(words) => {
            widgets::amber(ui, words);
        }
        Ok(all) if all.is_empty() => {
            ui.label(theme::note(ui, "Both were made with the same settings."));
        }
        Ok(all) => {
            let (before, after) = (format!("Before: {}", seeds[0]), format!("After: {}", seeds[1]));
            let columns = [Column::remainder().at_least(64.0).clip(true); 3];
            let head = ["What differs", &before, &after];
            let table = Table { name: "differences", columns: &columns, head: &head, row: SMALL, scrolls: true };
            table.show(ui, all.len(), |ui, row, column| {
                let words = all.get(row).map_or("", |difference| match column {
                    0 => &difference.what,
                    1 => &difference.before,
                    _ => &difference.after,
                });
                ui.add(Label::new(RichText::new(words).small()).wrap())
            });
        }
    }
}
