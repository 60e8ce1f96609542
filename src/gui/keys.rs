//! Keys that work everywhere, files dropped on the window, and pictures pasted into it.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{Context, Event, Key, KeyboardShortcut, Modifiers};
use image::RgbaImage;
use url::Url;

use super::asks::{Ask, Purpose, Sheet};
use super::canvas::{self, CanvasLook};
use super::look::{Look, Mode, Page};
use super::{textures, topbar, train};
use crate::studio::document::clipboard;
use crate::studio::{Held, Studio, Target};

const fn command(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn shifted(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

/// Whether a picture is being cut in place of the canvas: undo and Ctrl+Enter are the cut's then.
fn cuts(studio: &Studio, look: &Look) -> bool {
    look.page == Page::Compose && studio.cut.open().is_some()
}

/// While masks are painted, undo is of strokes alone: with none left it shall not reach for the project behind them. On the
/// Train page it is of the training.
fn undo(studio: &mut Studio, look: &Look) {
    if cuts(studio, look) {
        return studio.cut.undo();
    }
    match &mut studio.renders.mask_editor {
        _ if look.page == Page::Train => {
            studio.train.draft.undo();
        }
        Some(editor) => {
            editor.undo();
        }
        None => {
            studio.document.undo();
        }
    }
}

fn redo(studio: &mut Studio, look: &Look) {
    if cuts(studio, look) {
        return studio.cut.redo();
    }
    match &mut studio.renders.mask_editor {
        _ if look.page == Page::Train => {
            studio.train.draft.redo();
        }
        Some(editor) => {
            editor.redo();
        }
        None => {
            studio.document.redo();
        }
    }
}

/// Takes the keys of this frame.
pub fn take(ctx: &Context, studio: &mut Studio, look: &mut Look) {
    // A question takes all keys until it is answered.
    if studio.session.questions.front().is_some() {
        return;
    }
    let pressed = |shortcut: KeyboardShortcut| ctx.input_mut(|input| input.consume_shortcut(&shortcut));
    // The longer ones first: without Shift they would match too.
    if pressed(shifted(Key::Z)) || pressed(command(Key::Y)) {
        redo(studio, look);
    }
    if pressed(command(Key::Z)) {
        undo(studio, look);
    }
    if pressed(shifted(Key::S)) {
        look.choose(Purpose::SaveProject(None));
    }
    if pressed(command(Key::S)) {
        match look.page {
            Page::Train => train::save(studio, look),
            _ => topbar::save(studio, look),
        }
    }
    if pressed(command(Key::O)) {
        look.choose(Purpose::OpenProject);
    }
    if pressed(command(Key::N)) {
        studio.ask_to(Held::New);
    }
    if pressed(command(Key::Enter)) {
        match look.page {
            Page::Train => {
                studio.train();
            }
            Page::Compose if studio.cut.open().is_some() => studio.finish_cut(),
            _ => {
                studio.render();
            }
        }
    }
    if pressed(command(Key::Backslash)) {
        look.folded = !look.folded;
    }
    if ctx.text_edit_focused() {
        return;
    }
    let plain = |key: Key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    for (key, mode) in [(Key::Num1, Mode::Collage), (Key::Num2, Mode::Picture), (Key::Num3, Mode::Both)] {
        if plain(key) {
            look.mode = mode;
            look.page = if look.page == Page::Place { Page::Place } else { Page::Compose };
        }
    }
    let asked = ctx.input(|input| input.events.iter().any(|event| matches!(event, Event::Text(text) if text == "?")));
    if asked {
        look.ask(Ask::Toggle(Sheet::Shortcuts));
    }
    take_clipboard(ctx, studio, look);
}

fn take_clipboard(ctx: &Context, studio: &mut Studio, look: &mut Look) {
    let composes = matches!(look.page, Page::Compose | Page::Place) && !cuts(studio, look);
    let events = ctx.input(|input| input.events.clone());
    for event in events {
        match event {
            Event::PasteImage(image) => {
                let pixels: Vec<u8> = image.pixels.iter().flat_map(|pixel| pixel.to_srgba_unmultiplied()).collect();
                if let Some(picture) = RgbaImage::from_raw(image.size[0] as u32, image.size[1] as u32, pixels) {
                    studio.paste_picture(picture, None);
                }
            }
            Event::Paste(text) if composes && clipboard::is_layers(&text) => {
                studio.document.paste_layers(&text);
            }
            Event::Paste(text) => {
                // A file manager copies paths.
                for line in text.lines() {
                    if let Some(path) = pasted_path(line.trim()) {
                        if look.page == Page::Train {
                            studio.train.add(vec![path]);
                            continue;
                        }
                        studio.take_in(path, Target::Anywhere { at: None, layer: None });
                    }
                }
            }
            Event::Cut if composes => {
                if let Some(text) = studio.document.cut_selected() {
                    ctx.copy_text(text);
                }
            }
            Event::Copy if composes && !studio.document.selection().is_empty() => {
                if let Some(text) = studio.document.copy_selected() {
                    ctx.copy_text(text);
                }
            }
            Event::Copy if look.page != Page::Gallery => {
                let picture = studio.renders.runs.shown().and_then(|run| {
                    let finished = run.finished()?;
                    finished.pictures.get(studio.renders.runs.picture)
                });
                if let Some(picture) = picture {
                    ctx.copy_image(textures::opaque(picture));
                }
            }
            _ => {}
        }
    }
}

/// The file that a line of pasted text names: a `file:` address, whose spaces and letters may be escaped, or a whole path.
fn pasted_path(line: &str) -> Option<PathBuf> {
    match Url::parse(line) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
        _ => Some(PathBuf::from(line)).filter(|path| path.is_absolute()),
    }
}

/// How long to wait for the pointer after something was dropped, in seconds.
const DROP: f64 = 0.3;

/// Takes files dropped on the window, each to where it fell. While something is dragged over a window the desktop tells nothing
/// of the pointer, so where that was last is somewhere else: the place is that of its next move, which follows at once.
pub fn take_dropped(ctx: &Context, studio: &mut Studio, canvas: &mut CanvasLook) {
    let (dropped, now) = ctx.input(|input| {
        let paths: Vec<PathBuf> = input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect();
        (paths, input.time)
    });
    if !dropped.is_empty() {
        canvas.dropped.get_or_insert_default().0.extend(dropped);
        canvas.dropped.iter_mut().for_each(|(_, since)| *since = now);
    }
    let Some((_, since)) = &canvas.dropped else { return };
    let moved = |event: &Event| match event {
        Event::PointerMoved(at) => Some(*at),
        _ => None,
    };
    let (moved, last) = ctx.input(|input| (input.events.iter().rev().find_map(moved), input.pointer.latest_pos()));
    let left = DROP - (now - since);
    if moved.is_none() && left > 0.0 {
        return ctx.request_repaint_after(std::time::Duration::from_secs_f64(left));
    }
    let at = moved.or(last);
    for path in canvas.dropped.take().unwrap_or_default().0 {
        let place = at.and_then(|at| canvas::place_at(canvas, at));
        let layer = at.and_then(|at| canvas::layer_at(studio, canvas, at));
        let layer = layer.and_then(|layer| Some(studio.project().layers().get(layer)?.id));
        studio.take_in(path, Target::Anywhere { at: place, layer });
    }
}

/// Whether files are held over the window.
pub fn files_hover(ctx: &Context) -> bool {
    ctx.input(|input| !input.raw.hovered_files.is_empty())
}

/// For other threads: a wake-up call for a context.
pub fn wake(ctx: &Context) -> Arc<dyn Fn() + Send + Sync> {
    let ctx = ctx.clone();
    Arc::new(move || ctx.request_repaint())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_manager_s_addresses_and_plain_paths_are_files_and_other_text_is_none() {
        let path = |line: &str| pasted_path(line).map(|path| path.display().to_string());
        assert_eq!(path("file:///home/me/my%20caf%C3%A9.png").as_deref(), Some("/home/me/my café.png"));
        assert_eq!(path("/home/me/100%20.png").as_deref(), Some("/home/me/100%20.png"));
        assert_eq!(path("a cat and a dog"), None);
        assert_eq!(path("https://example.org/cat.png"), None);
    }
}
