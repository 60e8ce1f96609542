//! One picture of a comparison large, with the way to the other side and to the other seeds.

use eframe::egui::{Id, Key, Modifiers, Role, Sense, Ui, WidgetInfo, vec2};

use super::memory::{At, CompareLook};
use super::sides;
use crate::gui::look::Look;
use crate::gui::paint::{self, Sampling, Source};
use crate::gui::zoomed::View;
use crate::gui::{icons, theme, widgets};
use crate::studio::compare::{Cell, Comparison, Side};
use crate::studio::{ResultId, Studio};

/// The result at a place, where its picture is there.
pub(super) fn result(begun: &Comparison, (index, side): At) -> Option<&ResultId> {
    match begun.cells.get(index)?.get(side as usize)? {
        Cell::Made(id, _) | Cell::Measuring(id) => Some(id),
        Cell::Waiting | Cell::Rendering(_) | Cell::Failed(_) => None,
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::A => Side::B,
        Side::B => Side::A,
    }
}

/// Draws the picture that is open; says whether there is one.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &Look, compare: &mut CompareLook) -> bool {
    let (Some(at), Some(begun)) = (compare.open, studio.compare.begun().cloned()) else { return false };
    let Some(id) = result(&begun, at).cloned() else {
        compare.open = None;
        return false;
    };
    let (index, side) = at;
    let before = index.checked_sub(1).map(|index| (index, side));
    let ways = [before, Some((index + 1, side)), Some((index, other(side)))];
    let ways = ways.map(|way| way.filter(|way| result(&begun, *way).is_some()));
    let mut go = keys(ui, ways);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().interact_size.y = 28.0;
        let back = ui.button(format!("{} Both rows", icons::CARET_LEFT));
        if back.on_hover_text("Back to all pictures (Esc)").clicked() {
            compare.open = None;
        }
        let buttons = [
            (icons::CARET_LEFT, "The seed before (Left)"),
            (icons::CARET_RIGHT, "The next seed (Right)"),
            (icons::SPLIT_HORIZONTAL, "The other side, same seed (Up, Down)"),
        ];
        for ((icon, name), way) in buttons.into_iter().zip(ways) {
            ui.add_enabled_ui(way.is_some(), |ui| {
                if widgets::icon_button(ui, icon, name).clicked() {
                    go = way;
                }
            });
        }
        ui.label(theme::strong(side.letter()).color(sides::color(ui, side)));
        ui.label(theme::note(ui, format!("seed {}", begun.seeds[index])));
        compare.view.show(ui);
    });
    ui.add_space(8.0);
    picture(
        ui,
        studio,
        look.sampling,
        &mut compare.view,
        &id,
        &format!("{}, seed {}, large", side.letter(), begun.seeds[index]),
    );
    if let Some(go) = go {
        // At the same scale and place, so that two are compared by going to and fro.
        compare.open = Some(go);
    }
    if escapes(ui) {
        compare.open = None;
    }
    true
}

fn escapes(ui: &Ui) -> bool {
    !widgets::keys_are_taken(ui) && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape))
}

/// Where the arrow keys lead: before, after, to the other side.
fn keys(ui: &Ui, [before, after, other]: [Option<At>; 3]) -> Option<At> {
    if widgets::keys_are_taken(ui) {
        return None;
    }
    let ways = [(Key::ArrowLeft, before), (Key::ArrowRight, after), (Key::ArrowUp, other), (Key::ArrowDown, other)];
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    ways.into_iter().filter(|(key, _)| pressed(*key)).find_map(|(_, way)| way)
}

/// The picture as large as there is room, or what keeps it from being shown.
fn picture(ui: &mut Ui, studio: &mut Studio, sampling: Sampling, view: &mut View, id: &ResultId, name: &str) {
    let area = ui.available_rect_before_wrap();
    let response = ui.interact(area, Id::unique("compared large"), Sense::click_and_drag());
    view.take(ui, &response, true);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let Some(picture) = studio.results.store.picture(id) else {
        if let Some(words) = studio.results.store.failure(id) {
            widgets::amber(ui, words);
        }
        return;
    };
    let place = view.place(area, vec2(picture.width() as f32, picture.height() as f32));
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    // Enlarged far beyond its own pixels, one wants to see them; else not.
    let near = place.width() * ui.pixels_per_point() > 4.0 * picture.width() as f32;
    paint::picture(&painter, place, &Source::new(&picture), if near { sampling } else { Sampling::Smooth });
}
