//! How many seeds, the buttons that start and stop, and how far it is.

use eframe::egui::{Button, DragValue, Label, ProgressBar, Stroke, Ui, Vec2};

use crate::gui::fields::{name_node, small};
use crate::gui::{theme, widgets};
use crate::studio::Studio;
use crate::studio::compare::{Cell, Going, SEEDS};

/// Height of the button that starts.
const TALL: f32 = 36.0;

/// Draws it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio) {
    ui.horizontal(|ui| {
        ui.label("Seeds");
        let first = studio.project().seed;
        let seeds = &mut studio.compare.draft.seeds;
        let field = ui.add(DragValue::new(seeds).range(SEEDS).speed(0.05).min_size(Vec2::new(56.0, 24.0)));
        name_node(ui, &field, "Seeds");
        let (from, to) = (SEEDS.start(), SEEDS.end());
        field.on_hover_text(format!("How many pictures each side makes, from {from} to {to}; more tell more."));
        ui.add(Label::new(theme::note(ui, format!("from {first} on"))).truncate());
    });
    ui.add_space(4.0);
    let going = studio.compare.begun().map(|begun| begun.going);
    let tall = Vec2::new(ui.available_width(), TALL);
    if going == Some(Going::On) {
        let stop = ui.add_sized(tall, Button::new(theme::strong("Stop")));
        if stop.on_hover_text("What is there stays, and it can go on").clicked() {
            studio.stop_comparing();
        }
    } else {
        let colors = theme::colors(ui);
        let words = theme::strong("Compare").color(colors.on_accent);
        let button = ui.add_sized(tall, Button::new(words).fill(colors.accent).stroke(Stroke::NONE));
        let pictures = 2 * studio.compare.draft.seeds;
        let hover = format!("Makes {pictures} pictures, A and B in turn; they are kept in the gallery like all others");
        // The page's own tab has the same words.
        widgets::name_button(&button, "Start comparing");
        if button.on_hover_text(hover).clicked() {
            studio.compare();
        }
        again(ui, studio, going);
    }
    if let Some(words) = studio.compare.obstacle(studio.project()) {
        widgets::amber(ui, &words);
    }
    progress(ui, studio);
}

/// The button that goes on with what is missing.
fn again(ui: &mut Ui, studio: &mut Studio, going: Option<Going>) {
    let Some(begun) = studio.compare.begun() else { return };
    let failed = begun.cells.iter().flatten().any(|cell| matches!(cell, Cell::Failed(_)));
    let words = match going {
        Some(Going::Stopped) => "Go on",
        Some(Going::Done) if failed => "Try again what failed",
        _ => return,
    };
    if ui.add_sized(Vec2::new(ui.available_width(), 24.0), Button::new(words)).clicked() {
        studio.compare_on();
    }
}

fn progress(ui: &mut Ui, studio: &Studio) {
    let Some(begun) = studio.compare.begun() else { return };
    let ((done, all), colors) = (begun.done(), theme::colors(ui));
    // A picture that is under way counts with its steps.
    let run = begun.rendering().and_then(|job| studio.renders.runs.get(job));
    if begun.going != Going::Done {
        let fill = if begun.going == Going::On { colors.accent } else { colors.weak };
        let share = (done as f32 + run.map_or(0.0, |run| run.part())) / all.max(1) as f32;
        let bar = ui.add(ProgressBar::new(share).desired_height(6.0).corner_radius(3).fill(fill));
        name_node(ui, &bar, "Progress of the comparison");
    }
    let words = match begun.going {
        Going::On => format!("Picture {} of {all}", (done + 1).min(all)),
        Going::Stopped => format!("Stopped; {done} of {all} pictures are there"),
        Going::Done => format!("{all} pictures"),
    };
    small(ui, &words);
    if let Some(run) = run {
        ui.add(Label::new(theme::note(ui, run.words())).truncate());
    }
}
