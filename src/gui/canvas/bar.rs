//! The bar above the canvas: which boards, what is laid over the picture, of which branch.

use eframe::egui::containers::menu::{MenuButton, MenuConfig};
use eframe::egui::{
    Button, Color32, Frame, Margin, PopupCloseBehavior, RichText, Role, Stroke, TextStyle, Ui, WidgetInfo,
};

use super::overlay;
use super::shown::{Shown, shown};
use super::switches::{Choice, NARROW, chosen_button, drop_down, group, segments, switch};
use crate::gui::look::{Look, Mode, Overlay};
use crate::gui::paint::{ColorMap, Sampling};
use crate::gui::{icons, theme, views, widgets};
use crate::link::Lane;
use crate::project::Color;
use crate::studio::Studio;

/// Bars narrower than this, in points, have how overlays are drawn in a menu.
const WIDE: f32 = 1080.0;
/// Between a branch's dot and its name, in points.
const DOT_GAP: f32 = 4.0;
/// The room that the word's list and how the overlay is drawn take, in points: in a wide bar, and in others.
const AFTER_BRANCHES: [f32; 2] = [380.0, 160.0];

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
    let finished = shown(studio).filter(Shown::is_finished);
    // Over the finished picture there is nothing until somebody lays it there.
    let behind = finished.as_ref().is_some_and(|shown| overlay::is_behind(look, shown));
    let now = if behind { Overlay::None } else { look.overlay };
    let mut chosen = now;
    group(ui, "overlay", |ui| {
        if width >= WIDE {
            ui.label(RichText::new("Overlay").color(theme::colors(ui).weak));
        }
        let choices = [
            Choice::new(Overlay::None, "None", "Nothing over the picture; hold O to peek"),
            Choice::new(Overlay::Masks, "Masks", "Where each subject's features are injected; hold O to see without"),
            Choice::new(
                Overlay::Clusters,
                "Self-attention",
                "What the branch takes for one thing: clustered self-attention",
            ),
            Choice::new(Overlay::Attention, "Cross-attention", "Where the branch sees a word"),
        ];
        switch(ui, width, "Overlay", &mut chosen, &choices);
    });
    if chosen != now {
        match finished {
            Some(shown) => {
                look.over_finished = (chosen != Overlay::None).then_some(shown.job);
                if chosen != Overlay::None {
                    look.overlay = chosen;
                }
            }
            None => look.overlay = chosen,
        }
    }
    match chosen {
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
    let shown = shown(studio).map(|shown| shown.project);
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
        let words = views::lane_name(&lane).to_owned();
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
        ui.fonts_mut(|fonts| fonts.layout_no_wrap(words.to_owned(), font.clone(), Color32::PLACEHOLDER)).size().x
    };
    let chip = |(lane, color): &(Lane, Option<Color>)| {
        let dot = if color.is_some() { widgets::DOT + DOT_GAP } else { 0.0 };
        wide(views::lane_name(lane)) + 2.0 * spacing.button_padding.x + dot + spacing.item_spacing.x
    };
    wide("of") + spacing.item_spacing.x + lanes.iter().map(chip).sum::<f32>()
}

fn lane_list(ui: &mut Ui, look: &mut Look, now: &Lane, all: Vec<(Lane, Option<Color>)>) {
    let chosen = views::lane_name(now);
    let combo = drop_down("branch", chosen).show_ui(ui, |ui| {
        for (lane, color) in all {
            ui.horizontal(|ui| {
                if let Some(color) = color {
                    widgets::dot(ui, theme::mark(color));
                }
                if ui.selectable_label(lane == *now, views::lane_name(&lane)).clicked() {
                    look.lane = lane.clone();
                    ui.close();
                }
            });
        }
    });
    widgets::name_list(combo.response, &format!("Branch: {chosen}"), "Whose attention is shown");
}

/// The word whose cross-attention is shown.
fn word(ui: &mut Ui, studio: &Studio, look: &mut Look) {
    let Some(shown) = shown(studio) else { return };
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
        widgets::name_list(combo.response, &format!("Word: {chosen}"), "The word of the branch's prompt");
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
    let hover = "Viridis and cividis suit colour-blind eyes, jet is the paper's";
    widgets::name_list(combo.response, &format!("Colour map: {now}"), hover);
}
