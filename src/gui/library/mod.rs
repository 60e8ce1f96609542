//! The library: models, LoRAs, embeddings and VAEs that are on this computer, and getting more of them.
//!
//! - What is looked for, where? `bar.rs`. What was found? `cards.rs`. What is known of one, and what is it used as?
//!   `side.rs`. What is being got? `gets.rs`. What is remembered? `memory.rs`.

use eframe::egui::{CentralPanel, Frame, Margin, Panel, RichText, Ui};

mod bar;
mod cards;
mod gets;
mod memory;
mod side;

pub use memory::LibraryLook;

use super::look::Look;
use super::{icons, theme, widgets};
use crate::studio::library::search::shown;
use crate::studio::{Place, Studio};

/// Draws the Library page.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, library: &mut LibraryLook) {
    let side = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::same(12));
    let half = (ui.available_width() * 0.45).max(96.0);
    Panel::right("library side")
        .frame(side)
        .resizable(true)
        .default_size(320.0_f32.min(half))
        .size_range(200.0_f32.min(half)..=480.0_f32.min(half))
        .show(ui, |ui| {
            widgets::scrolled(ui, |ui| {
                side::show(ui, studio, look, library);
                gets::show(ui, studio, library);
            });
        });
    let middle = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(12));
    CentralPanel::default().frame(middle).show(ui, |ui| {
        // What is chosen here goes onto the canvas: where it cannot, that is said here too.
        widgets::said_ui(ui, studio, &Place::Canvas);
        work_out(studio, library);
        let count = library.shown.as_ref().map_or(0, |(.., shown)| shown.len());
        bar::show(ui, studio, look, library, count);
        ui.add_space(8.0);
        if studio.library.entries().is_empty() {
            empty(ui, studio);
        } else if count == 0 {
            quiet(ui, "Nothing that was found has these words and is of this kind.", |ui| {
                if ui.button("Show everything").clicked() {
                    library.wish = Default::default();
                }
            });
        } else {
            cards::show(ui, studio, look, library);
        }
    });
}

/// Works out what is shown, where something has changed.
fn work_out(studio: &Studio, library: &mut LibraryLook) {
    let learnt = studio.library.learnt();
    if library.shown.as_ref().is_none_or(|(of, wish, _)| *of != learnt || *wish != library.wish) {
        let found = shown(studio.library.entries(), &library.wish);
        library.shown = Some((learnt, library.wish.clone(), found));
    }
}

fn empty(ui: &mut Ui, studio: &mut Studio) {
    let looked = match studio.library.looked() {
        _ if studio.library.looking().is_some() => "Looking. Whatever is found appears here.".to_owned(),
        Some(Err(words)) => format!("{words}."),
        Some(Ok(_)) => {
            "No models were found in the usual folders of A1111, ComfyUI, InvokeAI, Krita and the hub's cache. \
             Add the folder in which you keep yours, or get one at the right."
                .to_owned()
        }
        None => {
            "Podium can look for the models, LoRAs and embeddings that you have: in the folders of A1111, ComfyUI, \
             InvokeAI, Krita and the hub's cache. Nothing is copied or changed."
                .to_owned()
        }
    };
    quiet(ui, &looked, |ui| {
        if studio.library.looking().is_none() && ui.button(bar::FIND).clicked() {
            studio.look_for_files();
        }
    });
}

/// A few words in the middle of an empty place, with what to do.
fn quiet(ui: &mut Ui, words: &str, add: impl FnOnce(&mut Ui)) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.3).min(160.0));
        ui.label(RichText::new(icons::STACK).size(32.0).color(theme::colors(ui).weak));
        widgets::centered_words(ui, words, 420.0);
        ui.add_space(8.0);
        add(ui);
    });
}
