//! The bar above the canvas: which boards, what is laid over the picture, of which branch.

use eframe::egui::containers::menu::{MenuButton, MenuConfig};
use eframe::egui::{
    Align, Button, Color32, ComboBox, CornerRadius, Frame, Layout, Margin, PopupCloseBehavior, RichText, Role, Stroke,
    TextStyle, Ui, WidgetInfo, vec2,
};

use super::{overlay, picture};
use crate::gui::look::{Look, Mode, Overlay};
use crate::gui::paint::{ColorMap, Sampling};
use crate::gui::{icons, inspector, theme, widgets};
use crate::link::Lane;
use crate::project::Color;
use crate::studio::Studio;

/// Bars narrower than this, in points, have how overlays are drawn in a menu.
const WIDE: f32 = 1080.0;
/// Those narrower than this have a drop-down list instead of the longest switch: all must fit into one row, or the
/// canvas would jump from one overlay to the next.
pub const MIDDLE: f32 = 820.0;
/// Those narrower than this have drop-down lists instead of all switches.
pub const NARROW: f32 = 620.0;
/// Between a branch's dot and its name, in points.
const DOT_GAP: f32 = 4.0;
/// The room that the word's list and how the overlay is drawn take, in points: in a wide bar, and in others.
const AFTER_BRANCHES: [f32; 2] = [380.0, 160.0];
/// What has more letters than this is cut in a drop-down list.
const LONG: usize = 16;
/// The least height of a group.
const ROW: f32 = 28.0;

/// One of a few things to choose.
pub struct Choice<'a, T> {
    value: T,
    words: &'a str,
    explanation: &'a str,
}

impl<'a, T> Choice<'a, T> {
    pub fn new(value: T, words: &'a str, explanation: &'a str) -> Self {
        Self { value, words, explanation }
    }
}

/// Things that stay together when the bar wraps. How wide they are is known from the frame before.
pub fn group(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    let id = ui.scope_id().with(("group", name));
    let known: Option<f32> = ui.data(|data| data.get_temp(id));
    let room = vec2(known.unwrap_or(24.0).min(ui.max_rect().width()), ROW);
    let shown = ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
        add(ui);
        ui.min_rect().width()
    });
    let width = shown.inner;
    if known.is_none_or(|known| (known - width).abs() > 0.5) {
        ui.data_mut(|data| data.insert_temp(id, width));
        ui.ctx().request_discard("a group of the canvas's bar has another width");
    }
}

/// A switch of a few words of which one is on; a drop-down list where there is no room for it.
/// `width` is the bar's, in points.
pub fn switch<T: PartialEq + Clone>(ui: &mut Ui, width: f32, name: &str, chosen: &mut T, choices: &[Choice<'_, T>]) {
    if width < NARROW || (width < MIDDLE && choices.len() > 3) {
        list(ui, name, chosen, choices);
    } else {
        segments(ui, chosen, choices);
    }
}

fn segments<T: PartialEq + Clone>(ui: &mut Ui, chosen: &mut T, choices: &[Choice<'_, T>]) {
    let colors = theme::colors(ui);
    Frame::new().fill(colors.raised).corner_radius(CornerRadius::same(6)).inner_margin(Margin::same(2)).show(
        ui,
        |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                for Choice { value, words, explanation } in choices {
                    let on = value == chosen;
                    let response = ui.add(chosen_button(words, on, colors.selected));
                    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, *words));
                    if response.on_hover_text(*explanation).clicked() {
                        *chosen = value.clone();
                    }
                }
            });
        },
    );
}

/// A button that stands out where it is the chosen one of several.
pub fn chosen_button(words: &str, on: bool, fill: Color32) -> Button<'_> {
    if on { Button::new(words).fill(fill) } else { Button::new(words).frame_when_inactive(false) }
}

/// A drop-down list as wide as what is chosen, within bounds: names can be of any length, the bar is one row.
fn drop_down(name: &str, chosen: &str) -> ComboBox<'static> {
    let list = ComboBox::from_id_salt(name).selected_text(chosen.to_owned());
    if chosen.chars().count() > LONG { list.width(128.0).truncate() } else { list.width(56.0) }
}

fn list<T: PartialEq + Clone>(ui: &mut Ui, name: &str, chosen: &mut T, choices: &[Choice<'_, T>]) {
    let now = choices.iter().find(|choice| choice.value == *chosen).map_or("", |choice| choice.words);
    let combo = drop_down(name, now).show_ui(ui, |ui| {
        for Choice { value, words, explanation } in choices {
            ui.selectable_value(chosen, value.clone(), *words).on_hover_text(*explanation);
        }
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("{name}: {now}")));
    combo.response.on_hover_text(name);
}

/// Draws the bar.
pub fn show(ui: &mut Ui, studio: &Studio, look: &mut Look) {
    // While masks are painted there is another bar, and where there is little room it takes the place of this one.
    if studio.renders.mask_editor.is_some() && ui.available_width() < NARROW {
        return;
    }
    let colors = theme::colors(ui);
    let frame = Frame::new().fill(colors.panel).inner_margin(Margin::symmetric(12, 4));
    let shown = frame.show(ui, |ui| {
        let width = ui.available_width();
        ui.set_width(width);
        ui.horizontal_wrapped(|ui| {
            group(ui, "boards", |ui| {
                let choices = [
                    Choice::new(Mode::Collage, "Collage", "Show the collage alone (1)"),
                    Choice::new(Mode::Picture, "Picture", "Show the picture alone (2)"),
                    Choice::new(Mode::Both, "Both", "Show both side by side (3)"),
                ];
                switch(ui, width, "Boards", &mut look.mode, &choices);
            });
            // What cannot be seen is not offered: overlays lie on the picture, and painting has its own.
            if look.mode != Mode::Collage && studio.renders.mask_editor.is_none() {
                overlays(ui, width, studio, look);
            }
        });
    });
    let rect = shown.response.rect;
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, colors.line));
}

fn overlays(ui: &mut Ui, width: f32, studio: &Studio, look: &mut Look) {
    group(ui, "overlay", |ui| {
        if width >= WIDE {
            ui.label(RichText::new("Overlay").color(theme::colors(ui).weak));
        }
        let choices = [
            Choice::new(Overlay::None, "None", "Nothing over the picture"),
            Choice::new(Overlay::Masks, "Masks", "Where each subject's features are injected"),
            Choice::new(
                Overlay::Clusters,
                "Self-attention",
                "What the branch takes for one thing: clustered self-attention",
            ),
            Choice::new(Overlay::Attention, "Cross-attention", "Where the branch sees a word"),
        ];
        switch(ui, width, "Overlay", &mut look.overlay, &choices);
    });
    match look.overlay {
        Overlay::None => {}
        Overlay::Masks if width >= NARROW => {
            group(ui, "masks", |ui| masks(ui, look));
            drawing(ui, width, look);
        }
        Overlay::Masks => drawing(ui, width, look),
        Overlay::Clusters => lanes(ui, 0.0, studio, look),
        Overlay::Attention => {
            let [wide, other] = AFTER_BRANCHES;
            lanes(ui, if width >= WIDE { wide } else { other }, studio, look);
            word(ui, studio, look);
            drawing(ui, width, look);
        }
    }
}

/// Which masks are drawn.
fn masks(ui: &mut Ui, look: &mut Look) {
    let masks = &mut look.masks;
    for (on, words, explanation) in [
        (&mut masks.combined, "Combined", "Where it is injected: filled, with a solid line"),
        (&mut masks.custom, "Custom", "Where the concept's own branch has it: a dashed line"),
        (&mut masks.base, "Base", "Where the base branch has it: a faint line"),
    ] {
        ui.checkbox(on, words).on_hover_text(explanation);
    }
}

/// How the overlay is drawn: in the bar where there is room, else in a menu.
fn drawing(ui: &mut Ui, width: f32, look: &mut Look) {
    let mapped = look.overlay == Overlay::Attention;
    if width >= WIDE {
        group(ui, "sampling", |ui| sampling(ui, look));
        if mapped {
            group(ui, "colour map", |ui| color_map(ui, look));
        }
        return;
    }
    group(ui, "drawing", |ui| {
        let button = Button::new(RichText::new(icons::SLIDERS_HORIZONTAL).size(16.0)).frame_when_inactive(false);
        let stays = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        let (response, _) = MenuButton::from_button(button).config(stays).ui(ui, |ui| {
            if look.overlay == Overlay::Masks && width < NARROW {
                masks(ui, look);
            }
            sampling(ui, look);
            if mapped {
                color_map(ui, look);
            }
        });
        widgets::named(response, "How the overlay is drawn");
    });
}

/// The branches to choose from: the base, each concept of the shown render, the reference. A list where they do not fit
/// beside what is there and `after`, in points: were they to wrap, the canvas would jump.
fn lanes(ui: &mut Ui, after: f32, studio: &Studio, look: &mut Look) {
    let shown = picture::shown(studio).map(|shown| shown.project);
    let project = shown.as_deref().unwrap_or(studio.project());
    let now = overlay::lane(look, project);
    let concepts = project.concepts.iter().map(|concept| (Lane::Concept(concept.name.clone()), Some(concept.color)));
    let all: Vec<_> = [(Lane::Base, None)].into_iter().chain(concepts).chain([(Lane::Reference, None)]).collect();
    if chips_width(ui, &all) + after > ui.available_size_before_wrap().x {
        group(ui, "branch", |ui| lane_list(ui, look, &now, all));
        return;
    }
    group(ui, "of", |ui| {
        ui.label(RichText::new("of").color(theme::colors(ui).weak));
    });
    for (lane, color) in all {
        let words = inspector::lane_name(&lane).to_owned();
        group(ui, &format!("lane {words}"), |ui| {
            ui.spacing_mut().item_spacing.x = DOT_GAP;
            if let Some(color) = color {
                widgets::dot(ui, theme::mark(color));
            }
            let on = lane == now;
            let response = ui.add(chosen_button(&words, on, theme::colors(ui).selected));
            let name = format!("Branch: {words}");
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, &name));
            let explanation = match &lane {
                Lane::Base => "The base model's branch".to_owned(),
                Lane::Concept(name) => format!("The branch with {name}"),
                Lane::Reference => "The layout reference: the collage itself".to_owned(),
            };
            if response.on_hover_text(explanation).clicked() {
                look.lane = lane.clone();
            }
        });
    }
}

/// How wide the branches are as a row of buttons, "of" before them included, in points.
fn chips_width(ui: &Ui, lanes: &[(Lane, Option<Color>)]) -> f32 {
    let font = TextStyle::Button.resolve(ui.style());
    let spacing = ui.spacing();
    let wide = |words: &str| {
        ui.fonts_mut(|fonts| fonts.layout_no_wrap(words.to_owned(), font.clone(), Color32::WHITE)).size().x
    };
    let chip = |(lane, color): &(Lane, Option<Color>)| {
        let dot = if color.is_some() { widgets::DOT + DOT_GAP } else { 0.0 };
        wide(inspector::lane_name(lane)) + 2.0 * spacing.button_padding.x + dot + spacing.item_spacing.x
    };
    wide("of") + spacing.item_spacing.x + lanes.iter().map(chip).sum::<f32>()
}

fn lane_list(ui: &mut Ui, look: &mut Look, now: &Lane, all: Vec<(Lane, Option<Color>)>) {
    let chosen = inspector::lane_name(now);
    let combo = drop_down("branch", chosen).show_ui(ui, |ui| {
        for (lane, color) in all {
            ui.horizontal(|ui| {
                if let Some(color) = color {
                    widgets::dot(ui, theme::mark(color));
                }
                if ui.selectable_label(lane == *now, inspector::lane_name(&lane)).clicked() {
                    look.lane = lane.clone();
                    ui.close();
                }
            });
        }
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Branch: {chosen}")));
    combo.response.on_hover_text("Whose attention is shown");
}

/// The word whose cross-attention is shown.
fn word(ui: &mut Ui, studio: &Studio, look: &mut Look) {
    let Some(shown) = picture::shown(studio) else { return };
    let Some(step) = &shown.step else { return };
    let lane = overlay::lane(look, &shown.project);
    let words = overlay::words(step, &lane, shown.picture);
    if words.is_empty() {
        return;
    }
    let now = overlay::word(look, step, &lane, shown.picture);
    group(ui, "word", |ui| {
        let chosen = overlay::word_words(&now);
        let combo = drop_down("word", &chosen).show_ui(ui, |ui| {
            for word in words {
                let on = word == now;
                if ui.selectable_label(on, overlay::word_words(&word)).clicked() {
                    look.word = word;
                }
            }
        });
        combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Word: {chosen}")));
        combo.response.on_hover_text("The word of the branch's prompt");
    });
}

fn sampling(ui: &mut Ui, look: &mut Look) {
    let choices = [
        Choice::new(Sampling::Nearest, "Nearest", "Cells as they are"),
        Choice::new(Sampling::Smooth, "Smooth", "Blended between the cells' middles"),
    ];
    segments(ui, &mut look.sampling, &choices);
}

fn color_map(ui: &mut Ui, look: &mut Look) {
    let now = look.color_map.name();
    let combo = drop_down("colour map", now).show_ui(ui, |ui| {
        for map in ColorMap::ALL {
            ui.selectable_value(&mut look.color_map, map, map.name());
        }
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Colour map: {now}")));
    combo.response.on_hover_text("Viridis and cividis suit colour-blind eyes, jet is the paper's");
}
