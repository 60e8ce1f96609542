//! Segment Anything: how far it is with the photo, which of its masks is taken, and where its files come from.

use eframe::egui::{Button, Key, ProgressBar, TextEdit, Ui};

use crate::gui::asks::Purpose;
use crate::gui::fields::small;
use crate::gui::look::Look;
use crate::gui::{icons, widgets};
use crate::studio::Studio;
use crate::studio::cut::Sight;

/// What there is to do and to wait for.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, words: &mut String) {
    let Some(sight) = studio.cut.open().map(|open| open.sight().clone()) else { return };
    match sight {
        Sight::Unasked => {
            small(ui, "Segment Anything looks at the photo once; then each click is answered at once.");
            if ui.button("Look at the photo").clicked() {
                studio.look_at_cut();
            }
        }
        Sight::Looking(looking) => {
            small(ui, "Segment Anything looks at the photo. What is clicked on meanwhile is answered then.");
            progress(ui, looking.done());
            if ui.button("Stop").on_hover_text("Stop looking at the photo").clicked() {
                studio.cut.stop_looking();
            }
        }
        Sight::Seen(eyes) => {
            small(ui, "Click on what you mean; with Alt, on what it is not. Or drag a frame round it.");
            masks(ui, studio);
            by_words(ui, studio, words);
            small(ui, &format!("{}: {}", eyes.name(), eyes.files.words()));
            files_from(ui, studio, look);
        }
        Sight::Missing(words) => {
            small(ui, &words);
            files_from(ui, studio, look);
        }
        Sight::Blind(words) => {
            widgets::amber(ui, &words);
            files_from(ui, studio, look);
        }
    }
}

/// How far it is, 0 to 1.
fn progress(ui: &mut Ui, done: f32) {
    ui.add(ProgressBar::new(done).text(format!("{:.0} %", done * 100.0)).desired_width(ui.available_width()));
}

/// Which of the masks that can be meant is taken.
fn masks(ui: &mut Ui, studio: &mut Studio) {
    let Some(open) = studio.cut.open() else { return };
    let asked = !open.pointed().prompt.is_empty();
    match open.answer() {
        Some((at, count, score)) => {
            ui.horizontal(|ui| {
                if widgets::icon_button(ui, icons::CARET_LEFT, "The mask before").clicked() {
                    studio.cut.choose((at + count.saturating_sub(1)) % count.max(1));
                }
                let words = format!("{} of {count}", at + 1);
                ui.label(words)
                    .on_hover_text(format!("The likeliest is first. It thinks {score:.2} of this one is right."));
                if widgets::icon_button(ui, icons::CARET_RIGHT, "The next mask").clicked() {
                    studio.cut.choose((at + 1) % count.max(1));
                }
                let words = "Keep this one, and click on somebody else beside it";
                if ui.button("Keep it").on_hover_text(words).clicked() {
                    studio.cut.settle();
                }
            });
        }
        None if asked => {
            small(ui, "A moment");
        }
        None => {}
    }
}

/// What words name is found as a frame.
fn by_words(ui: &mut Ui, studio: &mut Studio, words: &mut String) {
    let done = studio.cut.open().and_then(|open| open.naming());
    let naming = done.is_some();
    ui.horizontal(|ui| {
        let field = TextEdit::singleline(words).hint_text("a dog").desired_width(112.0);
        let field = ui.add_enabled(!naming, field).on_hover_text("What to find, in a few words");
        widgets::name_field(&field, "What to find", words);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let some = !naming && !words.trim().is_empty();
        let hover = "Finds what these words name, where Grounding DINO's file lies beside the others";
        if ui.add_enabled(some, Button::new("Find")).on_hover_text(hover).clicked() || (entered && some) {
            studio.name_in_cut(words.trim().to_owned());
        }
    });
    if let Some(done) = done {
        small(ui, "Grounding DINO looks for it; that takes a while.");
        progress(ui, done);
        if ui.button("Stop").on_hover_text("Stop looking for what the words name").clicked() {
            studio.cut.stop_naming();
        }
    }
}

/// Where its files come from.
fn files_from(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    ui.horizontal_wrapped(|ui| {
        let words = "Its weights in one file, or its encoder and its decoder, both at once or one after the other";
        if ui.button("Choose files...").on_hover_text(words).clicked() {
            look.choose(Purpose::SegmentFile);
        }
        if ui.button("Look again").on_hover_text("Look for the files and at the photo anew").clicked() {
            studio.look_at_cut();
        }
        let chosen = !studio.session.config.segment_files.is_empty();
        let words = "Take what lies in Podium's own folder";
        if chosen && ui.button("Forget files").on_hover_text(words).clicked() {
            studio.forget_segment_files();
        }
    });
}
