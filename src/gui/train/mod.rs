//! The Train page: a concept from a handful of photos.
//!
//! - What is the concept called, which words are learnt, with which settings? `side.rs`, with `values.rs`.
//! - Which photos, with which captions? `photos.rs`. Where is the subject? `brush.rs`.
//! - What stands in the way, what runs? `run.rs`. What does it look like on the way? `watch.rs`.
//! - What is remembered? `memory.rs`.

use eframe::egui::{CentralPanel, Context, Frame, Id, Margin, Panel, ScrollArea, Ui};

mod brush;
mod memory;
mod photos;
mod run;
mod side;
mod values;
mod watch;

pub use memory::{TrainLook, View};
pub use side::save_training as save;

use super::look::Look;
use super::{theme, widgets};
use crate::studio::Studio;
use crate::studio::train::PLACE;

/// Takes photos, folders and trainings dropped on the Train page.
pub fn take_dropped(ctx: &Context, studio: &mut Studio, train: &mut TrainLook) {
    let dropped = ctx.input(|input| input.raw.dropped_files.clone());
    if !dropped.is_empty() {
        studio.train.add(dropped.iter().map(|file| file.path().to_owned()).collect());
        (train.view, train.painted) = (View::Photos, None);
    }
}

/// Draws the Train page.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, train: &mut TrainLook) {
    let panel = || Frame::new().inner_margin(Margin::same(12));
    let fill = theme::colors(ui).panel;
    let room = ui.available_width();
    let narrow = room < 1100.0;
    let (left, right) = if narrow { (216.0, 216.0) } else { (272.0, 288.0) };
    let most = (room * 0.35).max(96.0);
    let named = |name: &str| Id::unique((name, narrow));
    Panel::left(named("train left"))
        .frame(panel().fill(fill))
        .resizable(true)
        .default_size(f32::min(left, most))
        .size_range(f32::min(180.0, most)..=f32::min(420.0, most))
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| side::show(ui, studio, look));
        });
    Panel::right(named("train right"))
        .frame(panel().fill(fill))
        .resizable(true)
        .default_size(f32::min(right, most))
        .size_range(f32::min(180.0, most)..=f32::min(420.0, most))
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| run::show(ui, studio, look, train));
        });
    let middle = panel().fill(theme::colors(ui).ground);
    CentralPanel::default().frame(middle).show(ui, |ui| {
        widgets::said_ui(ui, studio, &PLACE);
        if studio.train.runs.shown().is_some() {
            let views = [(View::Photos, "Photos"), (View::Progress, "Progress")];
            widgets::segmented(ui, &mut train.view, &views);
            ui.add_space(8.0);
        } else {
            train.view = View::Photos;
        }
        if train.painted.is_some_and(|at| at >= studio.train.training().photos.len()) {
            train.painted = None;
        }
        match (train.view, train.painted) {
            (View::Progress, _) => watch::show(ui, studio, train),
            (View::Photos, Some(at)) => brush::show(ui, studio, train, at),
            (View::Photos, None) => photos::show(ui, studio, look, train),
        }
    });
}
