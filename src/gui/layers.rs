//! The list of layers, front first, and the background under them.

use eframe::egui::{self, Align, Color32, Id, Layout as Arrange, RichText, Sense, Ui, UiBuilder, Vec2};

use super::asks::Purpose;
use super::look::{DraggedConcept, Look};
use super::{icons, layer_menu, textures, theme, widgets};
use crate::project::{Background, Layer, Layout};
use crate::studio::files::pictures::Loaded;
use crate::studio::{Place, Studio};

/// A layer that is dragged to another place in the list.
struct DraggedLayer(usize);

/// What the list remembers between frames.
#[derive(Debug, Default)]
pub struct LayersLook {
    /// The layer whose name is being typed, by its number.
    renaming: Option<u32>,
}

/// The side of a thumbnail, in points.
const THUMBNAIL: f32 = 36.0;
/// Rows with less room than this for words and buttons, in points, show a lock only where it is closed.
const ROOMY: f32 = 150.0;

/// Draws the list.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, layers: &mut LayersLook) {
    widgets::section(ui, "Layers", |ui| add_menu(ui, studio, look));
    ui.add_space(4.0);
    let count = studio.project().layers().len();
    for index in (0..count).rev() {
        layer_row(ui, studio, look, layers, index);
        ui.add_space(4.0);
    }
    if count == 0 && matches!(studio.project().layout, Layout::Collage { .. }) {
        let words = match look.drops {
            true => "No cutouts yet. Add one, or drop a picture with a transparent ground on the canvas.",
            false => "No cutouts yet. Add one, or copy a picture with a transparent ground and paste it here (Ctrl+V).",
        };
        ui.label(theme::note(ui, words));
        ui.add_space(4.0);
    }
    background_row(ui, studio, look);
}

fn add_menu(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    ui.menu_button(format!("{} Add cutout...", icons::PLUS), |ui| {
        if ui.button(format!("{} Choose files...", icons::FOLDER_OPEN)).clicked() {
            look.choose(Purpose::Cutouts);
            ui.close();
        }
        if ui.button(format!("{} Cut out of a photo...", icons::SCISSORS)).clicked() {
            look.choose(Purpose::CutOut);
            ui.close();
        }
        ui.separator();
        if let Some(chosen) = built_in_grid(ui, studio, look, "cutouts/") {
            studio.add_layer(chosen, (256, 256), None);
            ui.close();
        }
    })
    .response
    .on_hover_text("Add a picture with a transparent ground");
}

/// A grid of the built-in pictures in a folder of the assets; gives the one that was pressed.
fn built_in_grid(ui: &mut Ui, studio: &mut Studio, look: &mut Look, folder: &str) -> Option<std::path::PathBuf> {
    let mut chosen = None;
    ui.set_max_width(264.0);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(4.0);
        for (name, _) in crate::assets::FILES.iter().filter(|(name, _)| name.starts_with(folder)) {
            let path = std::path::PathBuf::from(format!("assets:{name}"));
            let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().replace('_', " "));
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(40.0), Sense::click());
            let fill = if response.hovered() { theme::colors(ui).selected } else { theme::colors(ui).raised };
            ui.painter().rect_filled(rect, 4.0, fill);
            thumbnail_at(ui, studio, look, &path, rect.shrink(2.0));
            if widgets::named(response, &stem).clicked() {
                chosen = Some(path);
            }
        }
    });
    chosen
}

/// Paints a picture of the project small into a rectangle, keeping its shape.
fn thumbnail_at(ui: &mut Ui, studio: &mut Studio, look: &mut Look, path: &std::path::Path, rect: egui::Rect) {
    match studio.picture(path) {
        Loaded::Ready(picture) => {
            let key = ("thumbnail", std::sync::Arc::as_ptr(&picture) as usize, path);
            let texture = look.textures.get(ui.ctx(), key, || textures::transparent(&picture.thumbnail));
            widgets::paint_fitted(ui, &texture, rect);
        }
        Loaded::Loading => {
            ui.painter().rect_filled(rect, 4.0, theme::colors(ui).line);
        }
        Loaded::Failed(_) => {
            let amber = theme::colors(ui).amber;
            ui.painter().text(
                rect.center(),
                egui::Align2::CENTER_CENTER,
                icons::WARNING,
                egui::FontId::proportional(18.0),
                amber,
            );
        }
    }
}

fn layer_row(ui: &mut Ui, studio: &mut Studio, look: &mut Look, layers: &mut LayersLook, index: usize) {
    let Some(layer) = studio.project().layers().get(index).cloned() else { return };
    let selected = studio.document.selection().contains(&index);
    let color =
        layer.concept.as_ref().and_then(|name| studio.project().concept(name)).map(|(_, concept)| concept.color);
    let lit = layer.concept.is_some() && layer.concept == look.pointed.lit;
    let grouped = studio.document.is_grouped(index);
    let id = Id::unique(("layer", index));
    let renames = layers.renaming == Some(layer.id);
    // While its name is typed, presses are the field's.
    let sense = if renames { Sense::hover() } else { Sense::click_and_drag() };
    // The row lies beneath its buttons: laid over them it would take their presses.
    let builder = UiBuilder::new().scope_id(id).sense(sense);
    let row = |ui: &mut Ui| {
        widgets::card(ui, selected || lit, None, |ui| {
            ui.horizontal(|ui| {
                let (rect, _) = ui.allocate_exact_size(Vec2::splat(THUMBNAIL), Sense::hover());
                thumbnail_at(ui, studio, look, &layer.picture, rect);
                ui.with_layout(Arrange::right_to_left(Align::Center), |ui| {
                    row_buttons(ui, studio, look, index, &layer);
                    ui.with_layout(Arrange::top_down(Align::Min), |ui| {
                        ui.spacing_mut().item_spacing.y = 0.0;
                        let words = RichText::new(layer.title());
                        let words = if layer.visible { words } else { words.weak() };
                        if renames {
                            rename(ui, studio, layers, index, &layer);
                        } else {
                            ui.add(egui::Label::new(words).truncate().selectable(false));
                        }
                        ui.horizontal(|ui| {
                            ui.spacing_mut().item_spacing.x = 4.0;
                            let small = |ui: &Ui, words: &str| {
                                egui::Label::new(theme::note(ui, words)).truncate().selectable(false)
                            };
                            if let Some(color) = color {
                                widgets::dot(ui, theme::mark(color));
                            }
                            if grouped {
                                ui.add(small(ui, icons::LINK));
                            }
                            let concept = layer.concept.as_deref().filter(|_| color.is_some());
                            ui.add(small(ui, concept.unwrap_or("layout only")));
                        });
                    });
                });
            });
        });
    };
    let response = ui.scope_builder(builder, row).response;
    let enabled = response.enabled();
    let mut name = format!("Layer {}", layer.title());
    if let Some(concept) = &layer.concept {
        name += &format!(", {concept}");
    }
    if grouped {
        name += ", grouped";
    }
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, enabled, selected, &name));
    if response.double_clicked() {
        layers.renaming = Some(layer.id);
    }
    if response.clicked() {
        if ui.input(|input| input.modifiers.command || input.modifiers.shift) {
            studio.document.select_toggle(index);
        } else {
            studio.document.select_only(index);
        }
    }
    if response.hovered() {
        look.pointed.concept.clone_from(&layer.concept);
    }
    let response = if grouped {
        response.on_hover_text("In a group: a click on the canvas takes all of it, a double-click this layer alone")
    } else {
        response
    };
    response.dnd_set_drag_payload(DraggedLayer(index));
    take_drop(ui, studio, &response, index);
    response.context_menu(|ui| layer_menu::show(ui, studio, look, index));
    widgets::said_ui(ui, studio, &Place::Layer(index));
}

/// The field in place of a layer's name. Enter keeps what was typed, Escape the old name.
fn rename(ui: &mut Ui, studio: &mut Studio, layers: &mut LayersLook, index: usize, layer: &Layer) {
    let id = Id::unique("layer's name");
    let mut name = if studio.document.history.in_gesture() { layer.name.clone() } else { layer.title() };
    let edit = egui::TextEdit::singleline(&mut name).id(id).desired_width(f32::INFINITY);
    let field = ui.add(edit);
    widgets::name_field(&field, "Name of the layer", &name);
    if !ui.memory(|memory| memory.has_focus(id)) && !field.lost_focus() {
        field.request_focus();
    }
    if field.lost_focus() {
        layers.renaming = None;
        if ui.input(|input| input.key_pressed(egui::Key::Escape)) {
            return studio.document.cancel_gesture();
        }
    }
    widgets::edit_by(studio, &field, "Rename a layer", |project| {
        if let Some(layer) = project.layers_mut().and_then(|layers| layers.get_mut(index)) {
            layer.name = name;
        }
    });
}

/// Where a layer goes that is dropped on the upper or on the lower half of a row; both are counted from the rearmost, which
/// stands lowest.
fn dropped_at(from: usize, row: usize, upper: bool) -> usize {
    // Between which two of the others, before it is taken out of its old place.
    let between = if upper { row + 1 } else { row };
    if from < between { between - 1 } else { between }
}

fn take_drop(ui: &mut Ui, studio: &mut Studio, response: &egui::Response, index: usize) {
    let colors = theme::colors(ui);
    if response.dnd_hover_payload::<DraggedConcept>().is_some() {
        ui.painter().rect_stroke(response.rect, 6.0, (2.0, colors.accent), egui::StrokeKind::Inside);
    }
    let upper = ui.input(|input| input.pointer.latest_pos()).is_some_and(|at| at.y < response.rect.center().y);
    if let Some(layer) = response.dnd_hover_payload::<DraggedLayer>()
        && dropped_at(layer.0, index, upper) != layer.0
    {
        // A line between the two rows that it would come to stand between.
        let y = if upper { response.rect.top() - 2.0 } else { response.rect.bottom() + 2.0 };
        ui.painter().hline(response.rect.x_range(), y, (2.0, colors.accent));
    }
    // Asking for one kind takes whatever is dragged, so what it is comes first.
    if response.dnd_hover_payload::<DraggedConcept>().is_some()
        && let Some(concept) = response.dnd_release_payload::<DraggedConcept>()
    {
        studio.document.assign(index, Some(concept.0.clone()));
    } else if response.dnd_hover_payload::<DraggedLayer>().is_some()
        && let Some(layer) = response.dnd_release_payload::<DraggedLayer>()
    {
        studio.document.move_layer(layer.0, dropped_at(layer.0, index, upper));
    }
}

fn row_buttons(ui: &mut Ui, studio: &mut Studio, look: &mut Look, index: usize, layer: &Layer) {
    ui.spacing_mut().item_spacing.x = 0.0;
    let room = ui.available_width();
    ui.menu_button(icons::DOTS_THREE, |ui| layer_menu::show(ui, studio, look, index))
        .response
        .on_hover_text(format!("More about {}", layer.title()));
    let title = layer.title();
    let faint = |icon: &str, strong: bool| {
        let text = RichText::new(icon).size(15.0);
        if strong { text } else { text.weak() }
    };
    // In a narrow list the name needs the room more; the menu locks too.
    if room >= ROOMY || layer.locked {
        let (icon, words) = if layer.locked { (icons::LOCK, "Unlock") } else { (icons::LOCK_OPEN, "Lock") };
        let lock = ui.add(egui::Button::new(faint(icon, layer.locked)).frame_when_inactive(false));
        if widgets::named(lock, &format!("{words} {title}")).clicked() {
            studio.document.edit_layer(index, format!("{words} {title}"), |layer| layer.locked = !layer.locked);
        }
    }
    let (icon, words) = if layer.visible { (icons::EYE, "Hide") } else { (icons::EYE_SLASH, "Show") };
    let eye = ui.add(egui::Button::new(faint(icon, layer.visible)).frame_when_inactive(false));
    let eye = widgets::named(eye, &format!("{words} {title}"));
    if eye.clicked() && ui.input(|input| input.modifiers.alt) {
        studio.document.solo(index);
    } else if eye.clicked() {
        studio.document.edit_layer(index, format!("{words} {title}"), |layer| layer.visible = !layer.visible);
    }
}

fn background_row(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let (picture, color, what) = match &studio.project().layout {
        Layout::Picture(path) => (Some(path.clone()), None, "the whole layout"),
        Layout::Collage { background: Background::Picture(path), .. } => {
            (Some(path.clone()), None, "background, layout only")
        }
        Layout::Collage { background: Background::Photo, .. } => {
            (studio.project().place.as_ref().map(|place| place.photo.clone()), None, "the photo to place into")
        }
        Layout::Collage { background: Background::Color(color), .. } => (None, Some(*color), "background, layout only"),
    };
    widgets::card(ui, false, None, |ui| {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(THUMBNAIL), Sense::hover());
            let title = match (&picture, color) {
                (Some(path), _) => {
                    thumbnail_at(ui, studio, look, path, rect);
                    path.file_stem().map_or_else(|| "picture".into(), |stem| stem.to_string_lossy().into_owned())
                }
                (None, color) => {
                    let [red, green, blue] = color.unwrap_or([255; 3]);
                    ui.painter().rect_filled(rect, 4.0, Color32::from_rgb(red, green, blue));
                    "one colour".to_owned()
                }
            };
            ui.with_layout(Arrange::right_to_left(Align::Center), |ui| {
                ui.menu_button("Change", |ui| background_menu(ui, studio, look))
                    .response
                    .on_hover_text("Choose another background");
                ui.with_layout(Arrange::top_down(Align::Min), |ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    ui.add(egui::Label::new(title).truncate());
                    ui.add(egui::Label::new(theme::note(ui, what)).truncate());
                });
            });
        });
    });
}

fn background_menu(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    if ui.button(format!("{} Choose a picture...", icons::FOLDER_OPEN)).clicked() {
        look.choose(Purpose::Background);
        ui.close();
    }
    let is_picture = matches!(
        &studio.project().layout,
        Layout::Collage { background: Background::Picture(_) | Background::Photo, .. }
    );
    if is_picture && ui.button(format!("{} Cut out of it...", icons::SCISSORS)).clicked() {
        studio.cut_out_of_background();
        ui.close();
    }
    if let Layout::Collage { background, .. } = &studio.project().layout {
        let mut color = match background {
            Background::Color(color) => *color,
            Background::Picture(_) | Background::Photo => [255; 3],
        };
        ui.horizontal(|ui| {
            ui.label("One colour");
            let response = ui.color_edit_button_srgb(&mut color);
            widgets::edit_by(studio, &response, "Change the background", |project| {
                if let Layout::Collage { background, .. } = &mut project.layout {
                    *background = Background::Color(color);
                }
            });
        });
    }
    ui.separator();
    if let Some(chosen) = built_in_grid(ui, studio, look, "scenes/") {
        studio.document.set_background(Background::Picture(chosen));
        ui.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_layer_comes_to_stand_where_the_line_was_and_beside_itself_it_stays() {
        // Three rows, the front one (2) highest.
        assert_eq!(dropped_at(0, 2, true), 2, "before all others");
        assert_eq!(dropped_at(0, 2, false), 1);
        assert_eq!(dropped_at(0, 1, true), 1);
        assert_eq!(dropped_at(2, 0, false), 0, "behind all others");
        assert_eq!(dropped_at(2, 0, true), 1);
        for (row, upper) in [(1, true), (1, false), (0, true), (2, false)] {
            assert_eq!(dropped_at(1, row, upper), 1, "row {row}");
        }
    }
}
