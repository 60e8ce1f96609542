//! The Compare page: two settings of the open project side by side over several seeds, with what their pictures score.
//!
//! - What do A and B render with? `sides.rs`. Which pictures are there? `pictures.rs`; one
//!   of them large? `large.rs`. How many seeds, how far is it?
//!   `drive.rs`. What do the pictures say? `summary.rs`. Which encoders measure them? `encoders.rs`.

use eframe::egui::{CentralPanel, Frame, Margin, Panel, RichText, ScrollArea, Ui};

mod drive;
mod encoders;
mod large;
mod memory;
mod pictures;
mod sides;
mod summary;

pub use memory::CompareLook;

use super::look::Look;
use super::{icons, theme, widgets};
use crate::studio::Studio;
use crate::studio::compare::PLACE;

/// Between parts of the page.
const GAP: f32 = 12.0;

/// Draws the Compare page.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, compare: &mut CompareLook) {
    let side = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::same(12));
    let half = (ui.available_width() * 0.45).max(96.0);
    Panel::right("compare side")
        .frame(side)
        .resizable(true)
        .default_size(304.0_f32.min(half))
        .size_range(200.0_f32.min(half)..=420.0_f32.min(half))
        .show(ui, |ui| {
            widgets::scrolled(ui, |ui| {
                drive::show(ui, studio);
                ui.add_space(GAP);
                summary::show(ui, studio);
                ui.add_space(GAP);
                encoders::show(ui, studio, look);
            });
        });
    let ground = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(12));
    CentralPanel::default().frame(ground).show(ui, |ui| {
        if large::show(ui, studio, look, compare) {
            return;
        }
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            widgets::said_ui(ui, studio, &PLACE);
            sides::show(ui, studio);
            ui.add_space(GAP);
            if studio.compare.begun().is_some() {
                pictures::show(ui, studio, look, compare);
            } else {
                empty(ui);
            }
        });
    });
}

fn empty(ui: &mut Ui) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.ctx().content_rect().height() * 0.15).clamp(16.0, 120.0));
        ui.label(RichText::new(icons::IMAGES).size(32.0).color(theme::colors(ui).weak));
        let words = "Choose what A and B render with, and press Compare: both make a picture of each seed, and what the \
                     pictures score tells which settings are better, or that nothing can be told.";
        widgets::centered_words(ui, words, 460.0);
    });
}
