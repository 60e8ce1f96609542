//! Small things that several panels draw: named icon buttons, segmented switches, rows of values, advice.

use std::ops::RangeInclusive;

use eframe::egui::{
    self, Align, Button, Color32, CornerRadius, CursorIcon, Frame, Image, Key, Layout, Margin, Mesh, Modifiers,
    Painter, Pos2, Rect, Response, RichText, Role, ScrollArea, Sense, Shape, Stroke, TextureHandle, Ui, UiBuilder,
    Vec2, WidgetInfo,
};

use super::{icons, theme};
use crate::project::ConceptFile;
use crate::project::files::name_of;
use crate::studio::{Place, Studio, Target};

/// How near the line between two pictures a press takes hold of it, in points.
const GRIP: f32 = 10.0;

/// A button with an icon for a face and a name for screen readers and the pointer.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str) -> Response {
    named(ui.add(Button::new(RichText::new(icon).size(16.0)).frame_when_inactive(false)), name)
}

/// An icon button that is on or off.
pub fn icon_toggle(ui: &mut Ui, icon: &str, on: bool, name: &str) -> Response {
    let response = ui.add(Button::new(RichText::new(icon).size(16.0)).frame_when_inactive(false).selected(on));
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, on, name));
    response.on_hover_text(name)
}

/// A filled star; the icons' font has outlines only.
pub fn star(painter: &Painter, center: Pos2, radius: f32, color: Color32) {
    let point = |index: usize| {
        let angle = std::f32::consts::PI * (index as f32 / 5.0 - 0.5);
        let away = if index.is_multiple_of(2) { radius } else { radius * 0.45 };
        center + Vec2::angled(angle) * away
    };
    let mut mesh = Mesh::default();
    mesh.colored_vertex(center, color);
    (0..10).for_each(|index| mesh.colored_vertex(point(index), color));
    (0..10).for_each(|index| mesh.add_triangle(0, 1 + index, 1 + (index + 1) % 10));
    painter.add(mesh);
    // Its edge, smoothed.
    painter.add(Shape::closed_line((0..10).map(point).collect(), Stroke::new(1.0, color)));
}

/// Gives a widget its name, for screen readers and under the pointer.
pub fn named(response: Response, name: &str) -> Response {
    name_button(&response, name);
    response.on_hover_text(name)
}

/// Gives a button its name for screen readers.
pub fn name_button(response: &Response, name: &str) {
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
}

/// Gives a drop-down list its name with what is chosen, for screen readers, and words under the pointer.
pub fn name_list(list: Response, name: &str, hover: &str) {
    list.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, name));
    list.on_hover_text(hover);
}

/// Gives a field of one line its name for screen readers.
pub fn name_field(field: &Response, name: &str, text: &str) {
    let enabled = field.enabled();
    field.widget_info(|| {
        let mut info = WidgetInfo::text_edit(enabled, text, text, "");
        info.label = Some(name.to_owned());
        info
    });
}

/// Where something of this size is, as large as fits, in the middle of an area.
pub fn fitted(area: Rect, size: Vec2) -> Rect {
    let scale = (area.width() / size.x).min(area.height() / size.y).max(0.0);
    Rect::from_center_size(area.center(), size * scale)
}

/// The largest place of a picture's shape in an area.
pub fn fit(area: Rect, size: Vec2) -> Rect {
    fitted(area, size.max(Vec2::splat(1.0)))
}

/// Paints a texture into the middle of an area, as large as fits.
pub fn paint_fitted(ui: &Ui, texture: &TextureHandle, area: Rect) {
    Image::new(texture).paint_at(ui, fitted(area, texture.size_vec2()));
}

/// A switch of a few words of which one is on. Says whether it changed.
pub fn segmented<T: PartialEq + Clone>(ui: &mut Ui, chosen: &mut T, choices: &[(T, &str)]) -> bool {
    let mut changed = false;
    switch_ground(ui).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            for (value, words) in choices {
                let on = value == chosen;
                if switch_word(ui, words, on).clicked() && !on {
                    *chosen = value.clone();
                    changed = true;
                }
            }
        });
    });
    changed
}

/// What the words of a switch stand on.
pub fn switch_ground(ui: &Ui) -> Frame {
    Frame::new().fill(theme::colors(ui).raised).corner_radius(CornerRadius::same(6)).inner_margin(Margin::same(2))
}

/// One of the words of a switch.
pub fn switch_word(ui: &mut Ui, words: &str, on: bool) -> Response {
    let colors = theme::colors(ui);
    let text = RichText::new(words).color(if on { colors.text } else { colors.weak });
    let mut button = Button::new(text).selected(on).frame_when_inactive(on);
    if on {
        button = button.fill(colors.selected).stroke(Stroke::new(1.0, colors.accent));
    }
    ui.add(button)
}

/// Begins another line where this one has no room for something that wide, in points; sliders do not wrap by themselves.
pub fn room_for(ui: &mut Ui, width: f32) {
    if ui.available_size_before_wrap().x < width {
        ui.end_row();
    }
}

/// Lets a press near the line between two pictures take hold of it. Says whether it is held.
pub fn drag_split(ui: &Ui, response: &egui::Response, place: Rect, split: &mut f32) -> bool {
    let line = place.left() + *split * place.width();
    let is_near = |at: Option<egui::Pos2>| at.is_some_and(|at| (at.x - line).abs() <= GRIP);
    let held = response.id.with("line");
    if response.drag_started() {
        let origin = ui.input(|input| input.pointer.press_origin());
        ui.data_mut(|data| data.insert_temp(held, is_near(origin)));
    }
    let drags = response.dragged() && ui.data(|data| data.get_temp::<bool>(held)).unwrap_or(false);
    if drags
        && let Some(at) = response.interact_pointer_pos()
        && place.width() > 0.0
    {
        *split = ((at.x - place.left()) / place.width()).clamp(0.0, 1.0);
    }
    if drags || is_near(response.hover_pos()) {
        ui.set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
    drags
}

/// A heading with something at its right end.
pub fn section(ui: &mut Ui, title: &str, right: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.label(theme::strong(title).color(theme::colors(ui).weak));
        ui.with_layout(Layout::right_to_left(Align::Center), right);
    });
}

/// What scrolls in a panel at a side. What is wider than the panel is cut off at its edge: by itself, egui would push the panel
/// beneath what stands beside it for that, and its margin with it.
pub fn scrolled(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let room = ui.available_rect_before_wrap();
    let mut inner = ui.new_child(UiBuilder::new().id_salt("scrolled").max_rect(room));
    ScrollArea::vertical().auto_shrink(false).show(&mut inner, add);
    ui.advance_cursor_after_rect(room);
}

/// A dot's width with the ground around it, in points.
pub const DOT: f32 = 10.0;

/// A small round mark of a concept's colour.
pub fn dot(ui: &mut Ui, color: Color32) -> Response {
    dot_in_line(ui, color, DOT)
}

/// A dot in the middle of a line so high.
pub fn dot_in_line(ui: &mut Ui, color: Color32, height: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(DOT, height), Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.5, color);
    response
}

/// A card; `edge` colours its left edge.
pub fn card<R>(
    ui: &mut Ui,
    selected: bool,
    edge: Option<Color32>,
    add: impl FnOnce(&mut Ui) -> R,
) -> egui::InnerResponse<R> {
    let colors = theme::colors(ui);
    let fill = if selected { colors.selected } else { colors.raised };
    let stroke = Stroke::new(1.0, if selected { colors.accent } else { Color32::TRANSPARENT });
    let frame =
        Frame::new().fill(fill).stroke(stroke).corner_radius(CornerRadius::same(6)).inner_margin(Margin::same(8));
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        add(ui)
    });
    if let Some(edge) = edge {
        let rect = shown.response.rect;
        let strip = egui::Rect::from_min_max(rect.left_top(), egui::pos2(rect.left() + 3.0, rect.bottom()));
        ui.painter().rect_filled(strip, CornerRadius { nw: 6, sw: 6, ne: 0, se: 0 }, edge);
    }
    shown
}

/// Weak words that explain an empty place, centred and at most `width` points wide.
pub fn centered_words(ui: &mut Ui, words: &str, width: f32) {
    ui.allocate_ui(Vec2::new(width.min(ui.available_width()), 0.0), |ui| {
        let words = RichText::new(words).color(theme::colors(ui).weak);
        ui.add(egui::Label::new(words).wrap().halign(Align::Center));
    });
}

/// Amber words with a sign, so that colour is not the only mark.
pub fn amber(ui: &mut Ui, words: &str) -> Response {
    let color = theme::colors(ui).amber;
    ui.add(egui::Label::new(RichText::new(format!("{} {words}", icons::WARNING)).small().color(color)).wrap())
}

/// Everything to say at a place: advice, and notices with a button to put each away.
pub fn said_ui(ui: &mut Ui, studio: &mut Studio, place: &Place) {
    let advice = studio.advice();
    for advice in advice.iter().filter(|advice| advice.place == *place) {
        amber(ui, &advice.words);
        let concept = advice.mention.as_ref().and_then(|name| studio.project().concept(name));
        if let Some((_, concept)) = concept {
            let (name, words) = (concept.name.clone(), format!("Add \"{}\" to the prompt", concept.class_word));
            if ui.small_button(words).clicked() {
                studio.document.mention(&name);
            }
        }
        for ConceptFile { file, strength, text_strength } in &advice.load {
            let name = name_of(file);
            let button = ui.small_button(format!("Load {name} as a concept"));
            let at = match text_strength {
                Some(text) => format!("strength {strength}, {text} in the text encoder"),
                None => format!("strength {strength}"),
            };
            if button.on_hover_text(format!("{}\n{at}", file.display())).clicked() {
                let target = Target::AskedFor { strength: *strength, text_strength: *text_strength };
                studio.take_in(file.clone(), target);
            }
        }
    }
    let mut gone = None;
    for (index, notice) in studio.session.notices.iter().enumerate().filter(|(_, notice)| notice.place == *place) {
        ui.horizontal_top(|ui| {
            let room = ui.available_width() - 32.0;
            ui.allocate_ui(Vec2::new(room, 0.0), |ui| {
                let words = RichText::new(&notice.words).small().color(theme::colors(ui).red);
                ui.add(egui::Label::new(words).wrap());
            });
            if icon_button(ui, icons::X, "Dismiss this message").clicked() {
                gone = Some(index);
            }
        });
    }
    if let Some(gone) = gone {
        studio.session.notices.remove(gone);
    }
}

/// Lets a widget that is dragged or typed into change the project: all its changes until it is let go are one step.
pub fn edit_by(
    studio: &mut Studio,
    response: &Response,
    name: &str,
    change: impl FnOnce(&mut crate::project::Project),
) {
    if response.changed() {
        studio.document.edit_in_gesture(response.id.value(), name, change);
    }
    if is_let_go(response) {
        studio.document.end_gesture();
    }
}

/// Whether a widget that is dragged or typed into has just been let go.
pub fn is_let_go(response: &Response) -> bool {
    let clicked_away = response.clicked() && !response.has_focus() && !response.dragged();
    response.drag_stopped() || response.lost_focus() || clicked_away
}

/// Whether a question stands over everything else: all keys are for it, until it is answered.
pub fn is_asked(ui: &Ui) -> bool {
    ui.memory(|memory| memory.top_modal_layer().is_some())
}

/// Whether keys are for something else than what lies beneath: a field that somebody types into, or a question.
pub fn keys_are_taken(ui: &Ui) -> bool {
    ui.ctx().egui_wants_keyboard_input() || is_asked(ui)
}

/// Takes the keys of a brush, unless somebody types: X changes between painting and erasing, [ and ] the radius.
pub fn brush_keys(ui: &Ui, erase: &mut bool, radius: &mut f32, range: RangeInclusive<f32>) {
    if keys_are_taken(ui) {
        return;
    }
    let key = |key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if key(Key::X) {
        *erase = !*erase;
    }
    for (bracket, by) in [(Key::OpenBracket, 0.8), (Key::CloseBracket, 1.25)] {
        if key(bracket) {
            *radius = (*radius * by).clamp(*range.start(), *range.end());
        }
    }
}

/// A chip in the top bar that opens something.
pub fn chip(ui: &mut Ui, words: &str, name: &str) -> Response {
    let colors = theme::colors(ui);
    let button = Button::new(RichText::new(words).small())
        .fill(colors.raised)
        .corner_radius(CornerRadius::same(12))
        .stroke(Stroke::new(1.0, colors.line));
    let response = ui.add(button);
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, format!("{name}: {words}")));
    response.on_hover_text(name)
}
