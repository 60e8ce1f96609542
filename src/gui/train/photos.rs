//! The photos: each with its mask over it and its caption.

use eframe::egui::{
    Align, Align2, Button, ComboBox, FontId, Id, Label, Layout, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use super::TrainLook;
use super::values::text;
use crate::engine::train::photos::MaskFrom;
use crate::gui::asks::Purpose;
use crate::gui::look::Look;
use crate::gui::paint::{self, MaskStyle, Sampling, Source};
use crate::gui::{icons, theme, widgets};
use crate::project::training::Photo;
use crate::project::training::captions::{TEMPLATES, fill};
use crate::studio::Studio;
use crate::studio::train::photos;

/// Between cards, in points.
const GAP: f32 = 12.0;
/// The least width of a card.
const WIDTH: f32 = 184.0;
/// How strongly masks are laid over photos.
const FILL: f32 = 0.35;

/// Draws the photos, or how to bring some.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, train: &mut TrainLook) {
    let photos = studio.train.training().photos.clone();
    if photos.is_empty() {
        return invite(ui, look);
    }
    bar(ui, studio, look, train, photos.len());
    ui.add_space(8.0);
    let room = ui.available_width() - 12.0;
    let columns = (((room + GAP) / (WIDTH + GAP)).floor().max(1.0)) as usize;
    let width = ((room + GAP) / columns as f32 - GAP).max(64.0);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(GAP);
        let indexed: Vec<(usize, &Photo)> = photos.iter().enumerate().collect();
        for row in indexed.chunks(columns) {
            ui.horizontal_top(|ui| {
                for (at, photo) in row {
                    ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                        ui.set_width(width);
                        card(ui, studio, look, train, *at, photo);
                    });
                }
            });
        }
    });
}

fn invite(ui: &mut Ui, look: &mut Look) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.25).min(140.0));
        ui.label(theme::note(ui, icons::IMAGES).size(32.0));
        let bring = if look.drops { "Drop" } else { "Copy and paste (Ctrl+V)" };
        let words = format!(
            "{bring} 3 to 15 photos of your subject here, or a folder of them. Captions (NAME.txt) and masks \
             (NAME.mask.png, a folder masks/, transparency) are found beside them; both can be made here too."
        );
        widgets::centered_words(ui, &words, 420.0);
        ui.add_space(8.0);
        let colors = theme::colors(ui);
        let words = theme::strong("Choose photos...").color(colors.on_accent);
        if ui.add(Button::new(words).fill(colors.accent)).clicked() {
            look.choose(Purpose::TrainingPhotos);
        }
        if ui.button("Choose a folder...").clicked() {
            look.choose(Purpose::TrainingFolder);
        }
    });
}

fn bar(ui: &mut Ui, studio: &mut Studio, look: &mut Look, train: &mut TrainLook, count: usize) {
    ui.horizontal_wrapped(|ui| {
        let add = ui.button(format!("{} Add photos...", icons::PLUS));
        widgets::name_button(&add, "Add photos...");
        let or = if look.drops { "Or drop them on this page" } else { "Or paste them on this page (Ctrl+V)" };
        if add.on_hover_text(or).clicked() {
            look.choose(Purpose::TrainingPhotos);
        }
        ui.checkbox(&mut train.masks, "Show masks");
        ui.label(theme::note(ui, if count == 1 { "1 photo".to_owned() } else { format!("{count} photos") }));
        widgets::room_for(ui, 260.0);
        let chosen = TEMPLATES.get(train.template).copied().unwrap_or(TEMPLATES[0]);
        let list = ComboBox::from_id_salt("caption template").selected_text(chosen).width(168.0).show_ui(ui, |ui| {
            for (at, template) in TEMPLATES.iter().enumerate() {
                ui.selectable_value(&mut train.template, at, *template);
            }
        });
        let hover = "What captions are made of; {scene} is left to you";
        widgets::name_list(list.response, &format!("Caption template: {chosen}"), hover);
        let button = ui.button("Caption all").on_hover_text("Writes this into every caption; Ctrl+Z takes it back");
        if button.clicked() {
            studio.train.draft.edit("Caption all photos", |training| {
                training.photos.iter_mut().for_each(|photo| photo.caption = fill(chosen, ""));
            });
        }
    });
}

fn card(ui: &mut Ui, studio: &mut Studio, look: &mut Look, train: &mut TrainLook, at: usize, photo: &Photo) {
    let name = photo.name();
    widgets::card(ui, false, None, |ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(4.0);
        let width = ui.available_width();
        let (rect, _) = ui.allocate_exact_size(vec2(width, width * 0.8), Sense::hover());
        let shown = studio.train.photo(at);
        if picture(ui, shown.as_ref(), train.masks, rect, at, &name) {
            train.painted = Some(at);
        }
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                if widgets::icon_button(ui, icons::X, &format!("Leave {name} out")).clicked() {
                    studio.train.leave_out(&[at]);
                }
                if widgets::icon_button(ui, icons::FOLDER_OPEN, &format!("Choose a mask for {name}...")).clicked() {
                    look.choose(Purpose::TrainingMask(photo.picture.clone()));
                }
                if widgets::icon_button(ui, icons::PAINT_BRUSH, &format!("Paint the mask of {name}")).clicked() {
                    train.painted = Some(at);
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let words = about(shown.as_ref(), &name);
                    ui.add(Label::new(theme::note(ui, &words)).truncate()).on_hover_text(words);
                });
            });
        });
        let field = format!("Caption of {name}");
        let response = text(ui, studio, &field, "<TOK> on the beach", &photo.caption, |training, caption| {
            training.photos.get_mut(at).into_iter().for_each(|photo| photo.caption.clone_from(&caption));
        });
        response.on_hover_text("What it shows, with <TOK> where the subject is named");
    });
}

/// What is known of a photo, in a few words.
fn about(look: Option<&photos::Look>, name: &str) -> String {
    match look {
        Some(photos::Look::Ready(looked)) => {
            let (width, height) = looked.facts.size;
            let mask = match looked.facts.mask_from {
                MaskFrom::Nothing => "no mask".to_owned(),
                _ => format!("{:.0} % masked", looked.facts.share * 100.0),
            };
            format!("{name} · {width} x {height} · {mask}")
        }
        Some(photos::Look::Failed(words)) => format!("{name} · {words}"),
        _ => name.to_owned(),
    }
}

/// Draws a photo with its mask. Says whether it was pressed.
fn picture(ui: &mut Ui, look: Option<&photos::Look>, masks: bool, rect: Rect, at: usize, name: &str) -> bool {
    let colors = theme::colors(ui);
    let response = ui.interact(rect, Id::unique(("training photo", at)), Sense::click());
    let label = format!("Photo {name}");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    match look {
        Some(photos::Look::Ready(looked)) => {
            let (width, height) = looked.picture.dimensions();
            let place = widgets::fit(rect, vec2(width as f32, height as f32));
            let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
            paint::picture(&painter, place, &Source::new(&looked.picture), Sampling::Smooth);
            if masks && looked.facts.mask_from != MaskFrom::Nothing {
                let style = MaskStyle { fill: FILL, ..MaskStyle::new(colors.accent) };
                paint::mask(&painter, place, &Source::new(&looked.mask), style);
            }
        }
        Some(photos::Look::Failed(_)) => {
            ui.painter().rect_filled(rect, 4.0, colors.line);
            let font = FontId::proportional(28.0);
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, icons::WARNING, font, colors.amber);
        }
        _ => {
            ui.painter().rect_filled(rect, 4.0, colors.line);
        }
    }
    if response.has_focus() || response.hovered() {
        ui.painter().rect_stroke(rect, 4.0, Stroke::new(2.0, colors.accent), StrokeKind::Inside);
    }
    let ready = look.is_some_and(|look| look.ready().is_some());
    response.on_hover_text(format!("{label}: press to paint where the subject is")).clicked() && ready
}

/// Pictures in rows under a heading, each with words beneath it; used for what a training draws.
pub(super) fn pictures(ui: &mut Ui, side: f32, pictures: &[(Source<paint::Pixels>, Vec2, String)]) {
    let room = ui.available_width();
    let columns = (((room + GAP) / (side + GAP)).floor().max(1.0)) as usize;
    let color = theme::colors(ui).weak;
    for row in pictures.chunks(columns) {
        let lay = |words: &String| ui.painter().layout(words.clone(), FontId::proportional(11.0), color, side);
        let laid: Vec<_> = row.iter().map(|(_, _, words)| lay(words)).collect();
        let words_high = laid.iter().map(|words| words.size().y).fold(0.0, f32::max);
        let (rect, _) = ui.allocate_exact_size(vec2(room, side + words_high + 6.0), Sense::hover());
        for (column, ((source, size, words), laid)) in row.iter().zip(laid).enumerate() {
            let left = rect.left() + column as f32 * (side + GAP);
            let place = Rect::from_min_size(pos2(left, rect.top()), Vec2::splat(side));
            let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
            let place = widgets::fit(place, *size);
            paint::picture(&painter, place, source, Sampling::Smooth);
            ui.painter().galley(pos2(left, rect.top() + side + 2.0), laid, color);
            let response =
                ui.interact(place, ui.scope_id().with((words, left as i64, rect.top() as i64)), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words));
        }
    }
}
