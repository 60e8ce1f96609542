//! The Place page: a photo, where it may change, and what came of it.

use std::sync::Arc;

use eframe::egui::{
    self, Button, Context, CursorIcon, Id, Key, Modifiers, PointerButton, Pos2, Rect, RichText, Role, ScrollArea,
    Sense, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use image::{GrayImage, RgbImage};

use crate::gui::asks::{PICTURES, Purpose};
use crate::gui::look::Look;
use crate::gui::paint::{self, MaskStyle, Outline, Pixels, Sampling, Source};
use crate::gui::{icons, theme, widgets};
use crate::link::{Finished, JobId, StepView};
use crate::project::PlaceBackground;
use crate::studio::place::{self, Known, MARGIN, PLACE};
use crate::studio::{Studio, Target};

mod piece;

/// A stroke in the making.
#[derive(Debug)]
struct Painting {
    mask: Arc<GrayImage>,
    /// Where the pointer was last, in canvas pixels.
    last: (f32, f32),
}

/// What the Place page remembers between frames.
#[derive(Debug)]
pub struct PlaceLook {
    stroke: Option<Painting>,
    /// The brush's radius, in canvas pixels.
    radius: f32,
    erase: bool,
    /// Where the line between photo and result stands, 0..1.
    split: f32,
    /// Whether the picture is shown, where there is no room for it beside the photo.
    shows_result: bool,
    /// The run whose picture was there in the last frame.
    job: Option<JobId>,
}

impl Default for PlaceLook {
    fn default() -> Self {
        Self { stroke: None, radius: 24.0, erase: false, split: 0.5, shows_result: false, job: None }
    }
}

/// The width of the tools beside the photo, in points.
const TOOLS: f32 = 224.0;

/// Narrower than this no photo is worked on, in points.
const PANE: f32 = 280.0;

/// The brush's radius in canvas pixels.
const RADIUS: std::ops::RangeInclusive<f32> = 2.0..=192.0;

/// Takes pictures dropped on the Place page as the photo, and leaves everything else to the window.
pub fn take_dropped(ctx: &Context, studio: &mut Studio) {
    let dropped = ctx.input(|input| input.raw.dropped_files.clone());
    for file in dropped {
        let path = file.path().to_owned();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        let is_picture = PICTURES.contains(&ending.as_str());
        let target = if is_picture { Target::Photo } else { Target::Anywhere { at: None, layer: None } };
        studio.take_in(path, target);
    }
}

/// Draws the middle of the Place page, above the prompt.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, place: &mut PlaceLook) {
    egui::Frame::new().inner_margin(egui::Margin::same(12)).show(ui, |ui| {
        widgets::said_ui(ui, studio, &PLACE);
        if studio.project().place.is_none() {
            place.stroke = None;
            return invite(ui, look);
        }
        let photo = studio.placed_photo();
        let mask = studio.edit_mask();
        if ui.available_width() >= TOOLS + PANE {
            // Beside the photo, which is as high as there is room for.
            let tools_at = egui::Panel::left(Id::unique("place side")).resizable(false).exact_size(TOOLS);
            tools_at.show_separator_line(false).frame(egui::Frame::NONE).show(ui, |ui| {
                ScrollArea::vertical().id_salt("place tools").auto_shrink([false, false]).show(ui, |ui| {
                    tools(ui, studio, look, place, &photo, &mask);
                });
            });
            let middle = egui::Frame::new().inner_margin(egui::Margin { left: 12, ..egui::Margin::ZERO });
            egui::CentralPanel::default().frame(middle).show(ui, |ui| panes(ui, studio, look, place, &photo, &mask));
        } else {
            let room = (ui.available_height() * 0.45).max(96.0);
            let above = ScrollArea::vertical().id_salt("place tools").max_height(room).auto_shrink([false, true]);
            above.show(ui, |ui| tools(ui, studio, look, place, &photo, &mask));
            ui.add_space(8.0);
            panes(ui, studio, look, place, &photo, &mask);
        }
    });
}

/// What may be done about photo and mask.
fn tools(
    ui: &mut Ui,
    studio: &mut Studio,
    look: &mut Look,
    place: &mut PlaceLook,
    photo: &Known<RgbImage>,
    mask: &Known<GrayImage>,
) {
    widgets::section(ui, "Where it may change", |_| ());
    brush_bar(ui, studio, look, place, mask);
    piece::follow(ui, studio);
    ui.add_space(8.0);
    widgets::section(ui, "Photo", |_| ());
    piece::frame(ui, studio, look);
    photo_bar(ui, studio, look);
    ui.add_space(8.0);
    widgets::section(ui, "Into the photo", |_| ());
    background(ui, studio);
    piece::pasted(ui, studio);
    // Last, so that nothing moves under the pointer when it goes; beside Render it stands too.
    say_state(ui, studio, photo, mask);
}

fn invite(ui: &mut Ui, look: &mut Look) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.25).min(120.0));
        ui.label(RichText::new(icons::IMAGE).size(32.0).color(theme::colors(ui).weak));
        let words = "Here your subjects go into a photo of yours. Choose the photo, paint where it may change, lay the \
                     layers out on the Compose page as always, and render: outside of the paint the photo stays.";
        widgets::centered_words(ui, words, 400.0);
        ui.add_space(8.0);
        let button = Button::new(RichText::new("Choose a photo...").color(theme::colors(ui).on_accent));
        let or = if look.drops { "Or drop a picture on this page" } else { "A picture of any size" };
        if ui.add(button.fill(theme::colors(ui).accent)).on_hover_text(or).clicked() {
            look.choose(Purpose::Photo);
        }
    });
}

fn brush_bar(ui: &mut Ui, studio: &mut Studio, look: &mut Look, place: &mut PlaceLook, mask: &Known<GrayImage>) {
    widgets::brush_keys(ui, &mut place.erase, &mut place.radius, RADIUS);
    ui.horizontal_wrapped(|ui| {
        let brush = format!("{} Brush", icons::PAINT_BRUSH);
        let eraser = format!("{} Eraser", icons::ERASER);
        widgets::segmented(ui, &mut place.erase, &[(false, brush.as_str()), (true, eraser.as_str())]);
        widgets::room_for(ui, 216.0);
        let label = ui.label("Radius");
        ui.spacing_mut().slider_width = 96.0;
        let slider = egui::Slider::new(&mut place.radius, RADIUS).logarithmic(true).fixed_decimals(0).suffix(" px");
        ui.add(slider).labelled_by(label.id).on_hover_text("In pixels of the canvas; [ and ] change it too");
        let canvas = studio.project().canvas;
        let black = || GrayImage::new(canvas.width, canvas.height);
        let can_clear = mask.ready().is_some_and(|mask| mask.pixels().any(|pixel| pixel.0 != [0]));
        let clear = ui.add_enabled(can_clear, Button::new("Clear"));
        if clear.on_hover_text("Nothing of the photo may change").clicked() {
            studio.set_edit_mask("Clear the edit mask", Arc::new(black()));
        }
        let invert = ui.button("Invert").on_hover_text("What may change stays, and the other way round");
        if invert.clicked() && !matches!(mask, Known::Loading) {
            let mut inverted = mask.ready().map_or_else(black, |mask| GrayImage::clone(mask));
            inverted.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|light| 255 - light));
            studio.set_edit_mask("Invert the edit mask", Arc::new(inverted));
        }
        let outlines = ui.button("From the layers' outlines");
        let words = format!("Where layers with a concept show, and {MARGIN} pixels around");
        if outlines.on_hover_text(words).clicked() {
            studio.edit_mask_from_outlines();
        }
        if ui.button("Load a mask...").on_hover_text("A grey picture of the photo's shape: white may change").clicked()
        {
            look.choose(Purpose::EditMask);
        }
    });
}

fn background(ui: &mut Ui, studio: &mut Studio) {
    let Some(place) = &studio.project().place else { return };
    let mut chosen = place.background;
    let choices = [
        (
            PlaceBackground::Noised,
            "Noised",
            "Outside of the paint stands the photo with fresh noise, as the release does it.",
        ),
        (
            PlaceBackground::Inverted,
            "Inverted",
            "Outside of the paint stands the photo's own inversion: it keeps the photo better and takes longer.",
        ),
        (
            PlaceBackground::Evened,
            "Evened",
            "As inverted, and the colours around are taken out of its noise: so subjects on one colour, such as a meadow, \
             keep their own.",
        ),
    ];
    ui.spacing_mut().interact_size.y = 28.0;
    ui.horizontal_wrapped(|ui| {
        // Beside its name the three would not have room.
        ui.label("Background");
        ui.end_row();
        let names: Vec<(PlaceBackground, &str)> = choices.iter().map(|(value, name, _)| (*value, *name)).collect();
        if widgets::segmented(ui, &mut chosen, &names) {
            studio.edit("Background of the photo", |project| {
                if let Some(place) = &mut project.place {
                    place.background = chosen;
                }
            });
        }
        if let Some((.., words)) = choices.iter().find(|(value, ..)| *value == chosen) {
            let words = theme::note(ui, *words);
            ui.end_row();
            ui.add(egui::Label::new(words).wrap());
        }
    });
}

fn photo_bar(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    ui.horizontal_wrapped(|ui| {
        if ui.button("Choose another photo...").clicked() {
            look.choose(Purpose::Photo);
        }
        let remove = ui.button("Remove the photo");
        if remove.on_hover_text("To compose freely again; Ctrl+Z brings photo and mask back").clicked() {
            studio.document.remove_photo();
        }
    });
}

/// What keeps a render from starting, in amber.
fn say_state(ui: &mut Ui, studio: &mut Studio, photo: &Known<RgbImage>, mask: &Known<GrayImage>) {
    let failed = matches!(photo, Known::Failed(_)) || matches!(mask, Known::Failed(_));
    if let Some(words) = studio.place_obstacle() {
        widgets::amber(ui, &words);
        if failed && ui.button("Look again").on_hover_text("After the file was put back").clicked() {
            studio.look_again();
        }
    }
}

/// The photo with its mask and, once there is one, the picture: beside it where there is room for both, else one of the two.
fn panes(
    ui: &mut Ui,
    studio: &mut Studio,
    look: &mut Look,
    place: &mut PlaceLook,
    photo: &Known<RgbImage>,
    mask: &Known<GrayImage>,
) {
    let result = result_of(studio);
    // A new picture is what one waits for.
    let job = result.is_some().then(|| studio.renders.runs.shown().map(|run| run.job)).flatten();
    if place.job != job {
        place.shows_result = job.is_some();
        place.job = job;
    }
    let gap = 12.0;
    let both = ui.available_width() >= PANE * 2.0 + gap;
    if result.is_some() && !both {
        let choices = [(false, "Where it may change"), (true, "Before and after")];
        widgets::segmented(ui, &mut place.shows_result, &choices);
    }
    let shows_result = result.is_some() && (both || place.shows_result);
    let shows_photo = both || !shows_result;
    if shows_result {
        piece::of_result(ui, studio, look);
    }
    let title_height = 20.0;
    let area = ui.available_rect_before_wrap();
    let width = if shows_photo && shows_result { (area.width() - gap) / 2.0 } else { area.width() };
    let size = vec2(width, area.height()).max(vec2(48.0, 48.0 + title_height));
    let canvas = studio.project().canvas;
    let shape = vec2(canvas.width as f32, canvas.height as f32);
    let pane = |index: f32| {
        let whole = Rect::from_min_size(area.min + vec2((size.x + gap) * index, 0.0), size);
        let below = Rect::from_min_max(whole.min + vec2(0.0, title_height), whole.max);
        (whole.min, widgets::fit(below, shape))
    };
    ui.allocate_rect(area, Sense::hover());
    if shows_photo {
        let (corner, rect) = pane(0.0);
        title(ui, corner, rect, "Photo · where it may change");
        photo_pane(ui, studio, place, photo, mask, rect);
    }
    if let Some(result) = result.filter(|_| shows_result) {
        let (corner, rect) = pane(if shows_photo { 1.0 } else { 0.0 });
        title(ui, corner, rect, &result.title);
        result_pane(ui, &mut place.split, photo, &result, rect);
    }
}

fn title(ui: &Ui, corner: Pos2, rect: Rect, words: &str) {
    let color = theme::colors(ui).weak;
    let at = pos2(rect.left().max(corner.x), rect.top() - 20.0);
    ui.painter().text(at, egui::Align2::LEFT_TOP, words, egui::FontId::proportional(12.0), color);
}

fn photo_pane(
    ui: &mut Ui,
    studio: &mut Studio,
    place: &mut PlaceLook,
    photo: &Known<RgbImage>,
    mask: &Known<GrayImage>,
    rect: Rect,
) {
    let colors = theme::colors(ui);
    match photo {
        Known::Ready(photo) => paint::picture(ui.painter(), rect, &Source::new(photo), Sampling::Smooth),
        _ => {
            ui.painter().rect_filled(rect, 0.0, colors.raised);
        }
    }
    let response = ui.interact(rect, Id::unique("edit mask"), Sense::click_and_drag());
    let name = "Photo with its edit mask; drag to paint where it may change";
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name));
    stroke(ui, studio, place, mask, &response, rect);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    // What follows the layers beneath what is painted.
    if studio.project().place.as_ref().is_some_and(|place| place.follow.is_some())
        && let Known::Ready(whole) = studio.edit_mask_with_layers()
    {
        let style = MaskStyle { fill: 0.25, outline: Outline::Dashed, ..MaskStyle::new(colors.accent) };
        paint::mask(&painter, rect, &Source::new(&whole), style);
    }
    let shown = place.stroke.as_ref().map(|stroke| &stroke.mask).or(mask.ready());
    if let Some(shown) = shown {
        let style = MaskStyle { fill: 0.4, outline: Outline::Solid, ..MaskStyle::new(colors.accent) };
        paint::mask(&painter, rect, &Source::new(shown), style);
    }
    if let Some(at) = response.hover_pos() {
        ui.set_cursor_icon(CursorIcon::Crosshair);
        let radius = place.radius * rect.width() / studio.project().canvas.width.max(1) as f32;
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        painter.circle_stroke(at, radius, Stroke::new(3.0, theme::HALO));
        painter.circle_stroke(at, radius, Stroke::new(1.0, colors.text));
    }
}

/// Paints while the pointer is held down; letting go makes one step of it.
fn stroke(
    ui: &Ui,
    studio: &mut Studio,
    place: &mut PlaceLook,
    mask: &Known<GrayImage>,
    response: &egui::Response,
    rect: Rect,
) {
    let canvas = studio.project().canvas;
    let at = response.interact_pointer_pos().map(|at| {
        let part: Vec2 = (at - rect.min) / rect.size().max(Vec2::splat(1.0));
        (part.x * canvas.width as f32, part.y * canvas.height as f32)
    });
    let held =
        response.is_pointer_button_down_on() && ui.input(|input| input.pointer.button_down(PointerButton::Primary));
    if !widgets::is_asked(ui) && ui.input(|input| input.key_pressed(Key::Escape)) {
        // The stroke in hand is given up.
        place.stroke = None;
        return;
    }
    let begins = response.drag_started_by(PointerButton::Primary)
        || (response.clicked_by(PointerButton::Primary) && place.stroke.is_none())
        || (held && ui.input(|input| input.pointer.primary_pressed()));
    if begins
        && place.stroke.is_none()
        && let Some(at) = at
    {
        let fresh = || Arc::new(GrayImage::new(canvas.width, canvas.height));
        let fits = |mask: &Arc<GrayImage>| mask.dimensions() == (canvas.width, canvas.height);
        let begun = match mask {
            // Painting now would lose what is in the file.
            Known::Loading => return,
            other => other.ready().cloned().filter(fits).unwrap_or_else(fresh),
        };
        // A drag has gone some way before it counts as one.
        let origin = ui.input(|input| input.pointer.press_origin()).map_or(at, |origin| {
            let part: Vec2 = (origin - rect.min) / rect.size().max(Vec2::splat(1.0));
            (part.x * canvas.width as f32, part.y * canvas.height as f32)
        });
        place.stroke = Some(Painting { mask: begun, last: origin });
        dab(place, origin);
    }
    if let (Some(_), Some(at)) = (&place.stroke, at) {
        dab(place, at);
    }
    if !held && let Some(stroke) = place.stroke.take() {
        studio.set_edit_mask("Paint the edit mask", stroke.mask);
    }
}

fn dab(place: &mut PlaceLook, to: (f32, f32)) {
    if let Some(stroke) = &mut place.stroke {
        // What was handed to the painter stays as it is; the next frame draws the new one.
        let mut next = GrayImage::clone(&stroke.mask);
        place::paint(&mut next, stroke.last, to, place.radius, place.erase);
        stroke.last = to;
        if next != *stroke.mask {
            stroke.mask = Arc::new(next);
        }
    }
}

/// What the shown run has made of it so far.
struct Shown {
    title: String,
    picture: Source<Pixels>,
}

/// The shown run's picture, or the newest step's preview of a run that placed into a photo.
fn result_of(studio: &Studio) -> Option<Shown> {
    let run = studio.renders.runs.shown()?;
    run.project.place.as_ref()?;
    let index = studio.renders.runs.picture;
    if studio.renders.runs.shows_finished()
        && let Some(finished) = run.finished()
    {
        let picture = Source::part(finished, move |finished: &Finished| finished.pictures.get(index));
        return Some(Shown { title: format!("{} · before and after", run.name), picture });
    }
    let step = studio.renders.runs.step()?;
    let picture = Source::part(step, move |step: &StepView| step.previews.get(index));
    Some(Shown { title: format!("Step {} of {} · before and after", step.step + 1, step.steps), picture })
}

fn result_pane(ui: &mut Ui, split: &mut f32, photo: &Known<RgbImage>, result: &Shown, rect: Rect) {
    let response = ui.interact(rect, Id::unique("placed result"), Sense::click_and_drag());
    widgets::drag_split(ui, &response, rect, split);
    match photo {
        Known::Ready(photo) => {
            paint::compare(ui.painter(), rect, [&Source::new(photo), &result.picture], *split, Sampling::Smooth);
        }
        _ => paint::picture(ui.painter(), rect, &result.picture, Sampling::Smooth),
    }
    if response.has_focus() {
        for (key, by) in [(Key::ArrowLeft, -0.05), (Key::ArrowRight, 0.05)] {
            if ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
                *split = (*split + by).clamp(0.0, 1.0);
            }
        }
        let arrows = egui::EventFilter { horizontal_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        ui.painter().rect_stroke(rect, 0.0, (2.0, theme::colors(ui).accent), egui::StrokeKind::Outside);
    }
    let value = f64::from(*split * 100.0);
    response.widget_info(|| WidgetInfo::slider(true, value, "Line between the photo and the picture"));
    response.on_hover_text("The photo left of the line, the picture right of it; drag it");
}
