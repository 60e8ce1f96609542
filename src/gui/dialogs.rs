//! Questions before something is lost, and about what was found: one at a time, over everything else.
//!
//! Enter presses the button that stands out, which never loses anything; Escape is Cancel.

use std::path::PathBuf;
use std::time::SystemTime;

use eframe::egui::{Button, Context, Id, Key, Modal, RichText, ScrollArea, Ui};

use super::asks::Purpose;
use super::look::Look;
use super::theme;
use super::times::ago;
use crate::project::files::name_of;
use crate::studio::document::UNTITLED;
use crate::studio::session::autosave::Recovered;
use crate::studio::{Held, Press, Question, Studio, Target};

/// Draws the question that is to be answered, if there is one.
pub fn show(ctx: &Context, studio: &mut Studio, look: &mut Look) {
    match studio.session.questions.front().cloned() {
        None => {}
        Some(Question::Unsaved(held)) => unsaved(ctx, studio, look, held),
        Some(Question::Overwrite { path, changed, then }) => {
            let title = if changed { "The file has changed" } else { "The file is there already" };
            let name = name_of(&path);
            let words = if changed {
                format!("{name} was written by another program, or another window, since you opened or saved it here.")
            } else {
                format!("{} holds a file called {name} already.", path.parent().unwrap_or(&path).display())
            };
            match ask(ctx, title, &[words], &["Save under another name...", "Save over it"]) {
                None => {}
                Some(answer) => {
                    studio.session.questions.answered();
                    match answer {
                        Answer::Button(0) => look.choose(Purpose::SaveProject(then)),
                        Answer::Button(_) => studio.save_to(path, true, then),
                        Answer::Cancel => {}
                    }
                }
            }
        }
        Some(Question::PodiumPicture { path, size, at }) => {
            let words = format!("{} holds the project it was made from.", name_of(&path));
            let buttons = ["Use it as a picture", "Open its project"];
            if let Some(answer) = ask(ctx, "A picture that Podium made", &[words], &buttons) {
                studio.session.questions.answered();
                match answer {
                    Answer::Button(0) => {
                        studio.add_layer(path, size, at);
                    }
                    Answer::Button(_) => studio.take_in(path, Target::Open),
                    Answer::Cancel => {}
                }
            }
        }
        Some(Question::OthersPicture { path, size, at, parameters, taken, left }) => {
            let lists = [("Can be taken over", taken.as_slice()), ("Cannot be, or is different here", left.as_slice())];
            let lines = format!("{} says how {} made it.", name_of(&path), parameters.program);
            match ask_with(ctx, "A picture made elsewhere", &[lines], &lists, &BUTTONS_OF_OTHERS, "Cancel") {
                None => {}
                Some(answer) => {
                    studio.session.questions.answered();
                    match answer {
                        Answer::Button(0) => studio.take_over(&parameters),
                        Answer::Button(_) => {
                            studio.add_layer(path, size, at);
                        }
                        Answer::Cancel => {}
                    }
                }
            }
        }
        Some(Question::Recover(found)) => recover(ctx, studio, look, found),
        Some(Question::Moved { found, missing }) => moved(ctx, studio, &found, &missing),
        Some(Question::Repaint { words, step }) => {
            let again = format!("Render to step {step} and paint on");
            match ask(ctx, "Masks were being painted", &[words], &[&again, "Give the masks up"]) {
                None => {}
                Some(Answer::Button(index)) => studio.paint_on(index == 0),
                // They wait: Edit masks here asks again.
                Some(Answer::Cancel) => _ = studio.session.questions.answered(),
            }
        }
        Some(Question::Tight { press, words, fits_unwatched }) => tight(ctx, studio, press, words, fits_unwatched),
    }
}

/// Takes less memory, and the picture is the same.
const UNWATCHED: &str = "Go on without recording attention";

/// What may not fit into memory.
fn tight(ctx: &Context, studio: &mut Studio, press: Press, words: String, fits_unwatched: bool) {
    let (lost, go_on) = match press {
        Press::Render | Press::Branch | Press::Repaint => ("the render", "Render anyway"),
        Press::Resume(_) | Press::WithMasks => ("the render", "Continue anyway"),
        Press::Compare => ("the comparison", "Compare anyway"),
        Press::CompareOn => ("the comparison", "Go on anyway"),
        Press::Train => ("the training since its last checkpoint", "Train anyway"),
        Press::TrainOn(_) => ("the training since its last checkpoint", "Go on anyway"),
        Press::TrainToEnd(_) => ("the training since its last checkpoint", "End it anyway"),
    };
    let risk = format!(
        "Where memory runs out, the system ends a program without a word. Your project is kept; {lost} would be lost."
    );
    let mut buttons = vec!["Leave it"];
    buttons.extend(fits_unwatched.then_some(UNWATCHED));
    buttons.push(go_on);
    match ask(ctx, "There may be too little memory", &[words, risk], &buttons) {
        None => {}
        Some(Answer::Button(index)) if index > 0 => {
            if buttons[index] == UNWATCHED {
                studio.watch_attention(false);
            }
            studio.press_anyway(press);
        }
        Some(Answer::Button(_) | Answer::Cancel) => {
            studio.session.questions.answered();
        }
    }
}

/// Asks once about all files that are not where the project names them.
fn moved(ctx: &Context, studio: &mut Studio, found: &[(PathBuf, PathBuf)], missing: &[String]) {
    let words = match found.len() {
        1 => "A file of this project is not where it was. One with the same contents was found.".to_owned(),
        count => format!("{count} files of this project are not where they were. Their contents were found elsewhere."),
    };
    let lines: Vec<String> =
        found.iter().map(|(before, now)| format!("{} is now {}", name_of(before), now.display())).collect();
    let lists = [("Moved", lines.as_slice()), ("Not found", missing)];
    let use_them = if found.len() == 1 { "Use it" } else { "Use them" };
    match ask_with(ctx, "Files that moved", &[words], &lists, &[use_them], "Leave") {
        None => {}
        Some(Answer::Button(_)) => studio.use_moved(found),
        Some(Answer::Cancel) => {
            studio.session.questions.answered();
        }
    }
}

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Which of the buttons.
    Button(usize),
    Cancel,
}

/// Asks. The first button stands out, and Enter presses it; Cancel comes last.
fn ask(ctx: &Context, title: &str, words: &[String], buttons: &[&str]) -> Option<Answer> {
    ask_with(ctx, title, words, &[], buttons, "Cancel")
}

/// What a picture by others can be used for.
const BUTTONS_OF_OTHERS: [&str; 2] = ["Take over its prompt and settings", "Use it as a picture"];

/// Asks, with lists beneath the words, each with its heading; `cancel` is what the last button says.
fn ask_with(
    ctx: &Context,
    title: &str,
    words: &[String],
    lists: &[(&str, &[String])],
    buttons: &[&str],
    cancel: &str,
) -> Option<Answer> {
    modal(ctx, title, |ui| {
        for words in words {
            ui.label(words);
        }
        ScrollArea::vertical().max_height(280.0).show(ui, |ui| {
            for (heading, lines) in lists.iter().filter(|(_, lines)| !lines.is_empty()) {
                ui.add_space(8.0);
                ui.label(theme::strong(*heading));
                for line in *lines {
                    ui.label(theme::note(ui, line));
                }
            }
        });
        ui.add_space(8.0);
        let mut answer = None;
        ui.horizontal_wrapped(|ui| {
            for (index, words) in buttons.iter().enumerate() {
                let button = if index == 0 {
                    let colors = theme::colors(ui);
                    Button::new(RichText::new(*words).color(colors.on_accent)).fill(colors.accent)
                } else {
                    Button::new(*words)
                };
                if ui.add(button).clicked() {
                    answer = Some(Answer::Button(index));
                }
            }
            if ui.button(cancel).clicked() {
                answer = Some(Answer::Cancel);
            }
        });
        // A focused button takes Enter for itself.
        let free = ui.memory(|memory| memory.focused().is_none());
        if free && ui.input(|input| input.key_pressed(Key::Enter)) {
            answer = answer.or(Some(Answer::Button(0)));
        }
        answer
    })
}

/// A window over everything else; whatever is left of `answer` when Escape is pressed is Cancel.
fn modal(ctx: &Context, title: &str, add: impl FnOnce(&mut Ui) -> Option<Answer>) -> Option<Answer> {
    let shown = Modal::new(Id::unique(("question", title))).show(ctx, |ui| {
        ui.set_max_width(460.0);
        ui.label(theme::strong(title));
        ui.add_space(6.0);
        add(ui)
    });
    let escaped = ctx.input(|input| input.key_pressed(Key::Escape));
    shown.inner.or(escaped.then_some(Answer::Cancel))
}

fn unsaved(ctx: &Context, studio: &mut Studio, look: &mut Look, held: Held) {
    let dirty = studio.document.history.is_dirty() && held != Held::DropMasks;
    let mut words = Vec::new();
    if dirty {
        words.push(format!("{} has changes that were not saved.", studio.title()));
    }
    if studio.renders.mask_editor.as_ref().is_some_and(|editor| editor.is_changed()) {
        words.push("Masks are being painted, and the strokes would be lost.".to_owned());
    }
    if studio.renders.recovered().is_some() && held != Held::DropMasks {
        words.push(
            "Masks that were painted before the last session ended wait for their render, and would be lost."
                .to_owned(),
        );
    }
    if held == Held::Close {
        words.extend(studio.loses_by_closing());
    }
    let lose = match (&held, dirty) {
        (_, true) => "Go on without saving",
        (Held::Close, false) => "Close all the same",
        (Held::DropMasks, false) => "Give up the strokes",
        (_, false) => "Go on all the same",
    };
    let keep = match (&held, dirty) {
        (_, true) => "Save and go on",
        (Held::Close, false) => "Do not close",
        (_, false) => "Keep painting",
    };
    match ask(ctx, "Before you go on", &words, &[keep, lose]) {
        None => {}
        Some(Answer::Button(0)) if dirty => {
            if let Some(held) = studio.save_and(held) {
                look.choose(Purpose::SaveProject(Some(held)));
            }
        }
        Some(Answer::Button(1)) => studio.answer_by(held),
        Some(Answer::Button(_) | Answer::Cancel) => {
            studio.session.questions.answered();
        }
    }
}

fn recover(ctx: &Context, studio: &mut Studio, look: &mut Look, found: Vec<Recovered>) {
    let (now, zone) = (SystemTime::now(), look.machine.zone(ctx));
    let (mut wanted, mut unwanted) = (None, None);
    let answer = modal(ctx, "Unsaved work was found", |ui| {
        ui.label("Podium ended without saving. What was being worked on is still here.");
        ui.add_space(8.0);
        for recovered in &found {
            let name = recovered
                .file
                .as_ref()
                .and_then(|file| file.file_stem())
                .map_or_else(|| UNTITLED.to_owned(), |stem| stem.to_string_lossy().into_owned());
            ui.horizontal(|ui| {
                let when = recovered.when.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let painted = if recovered.painted.is_some() { ", with masks being painted" } else { "" };
                ui.label(format!("{name}, {}{painted}", ago(when, now, &zone)));
                if ui.button("Recover").clicked() {
                    wanted = Some(recovered.clone());
                }
                if ui.button("Throw away").clicked() {
                    unwanted = Some(recovered.path.clone());
                }
            });
        }
        ui.add_space(8.0);
        ui.button("Decide later").clicked().then_some(Answer::Cancel)
    });
    if let Some(recovered) = wanted {
        // What else was found is asked about again at the next start; what is open now is not lost unasked.
        studio.session.questions.answered();
        studio.ask_to(Held::Recover(Box::new(recovered)));
    } else if let Some(path) = unwanted {
        studio.session.discard_recovered(&path);
        let rest: Vec<Recovered> = found.into_iter().filter(|other| other.path != path).collect();
        if rest.is_empty() {
            studio.session.questions.answered();
        } else {
            studio.session.questions.replace_front(Question::Recover(rest));
        }
    } else if answer.is_some() {
        studio.session.questions.answered();
    }
}
