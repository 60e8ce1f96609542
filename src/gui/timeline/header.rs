//! The row over the timeline: which run, where to, and what can be done from there.

use eframe::egui::{
    self, Align, Button, ComboBox, CornerRadius, Label, Layout, Rect, Response, RichText, Role, Shape, Stroke, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};

use super::play::Playing;
use crate::gui::asks::{Ask, Sheet};
use crate::gui::look::Look;
use crate::gui::widgets::{icon_button, name_button, name_list, named};
use crate::gui::{icons, theme};
use crate::link::JobId;
use crate::studio::renders::runs::{Origin, State};
use crate::studio::{Playhead, Run, Studio};

/// Below this width, in points, buttons are icons.
const WORDS_FROM: f32 = 720.0;

/// Below this width, in points, what is not needed makes room.
const ROOM: f32 = 560.0;

/// The height of the words over the last row's end, where there is something to say.
const SAY: f32 = 16.0;

const BRANCH: &str = "Branch from here...";
const EDIT_MASKS: &str = "Edit masks here...";

/// What the timeline remembers between frames.
#[derive(Debug, Default)]
pub struct TimelineLook {
    /// How wide the header's buttons were in the frame before, in points.
    header_width: f32,
    /// What is played, step by step.
    pub(super) playing: Option<Playing>,
}

/// What became of a run, in few words.
pub fn state_words(run: &Run) -> String {
    match &run.state {
        State::Queued => "waiting".into(),
        State::Running => format!("running, {:.0} %", run.part() * 100.0),
        State::Pausing => "pausing".into(),
        State::Paused => format!("paused after step {} of {}", run.next_step(), run.steps.len()),
        State::Done(finished) => format!("{:.1} s", finished.elapsed.as_secs_f64()),
        State::Stopping => "stopping".into(),
        State::Stopped => "stopped".into(),
        State::Failed(_) => "failed".into(),
    }
}

/// Draws the row. `inspector`: whether the tiles have room beside it; where not, it has their buttons.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, timeline: &mut TimelineLook, inspector: bool) {
    let width = ui.available_width();
    let words = width >= WORDS_FROM;
    ui.horizontal(|ui| {
        if width >= ROOM {
            ui.label(theme::strong("Timeline").color(theme::colors(ui).weak));
            which(ui, studio, if words { 200.0 } else { 120.0 });
        } else {
            ui.spacing_mut().item_spacing.x = 2.0;
            which(ui, studio, 80.0);
        }
        // The rest stands at the right end: as far as it was wide in the frame before.
        let before = timeline.header_width;
        let space = (ui.available_width() - before).max(0.0);
        ui.add_space(space);
        let left = ui.cursor().left();
        transport(ui, studio, timeline);
        actions(ui, studio, words);
        if !inspector {
            if icon_button(ui, icons::MAGNIFYING_GLASS, "Inspect masks and attention...").clicked() {
                look.ask(Ask::Open(Sheet::Views));
            }
            if icon_button(ui, icons::CHART_LINE, "Curves...").clicked() {
                look.ask(Ask::Open(Sheet::Curves));
            }
        }
        let width = (ui.min_rect().right() - left).ceil();
        if (width - before).abs() > 0.5 {
            timeline.header_width = width;
            ui.ctx().request_discard("the timeline's buttons changed their width");
        }
    });
}

fn which(ui: &mut Ui, studio: &mut Studio, width: f32) {
    let Some(shown) = studio.renders.runs.shown() else { return };
    let (job, title) = (shown.job, format!("{} · {}", shown.name, state_words(shown)));
    let mut chosen: Option<JobId> = None;
    let combo = ComboBox::from_id_salt("timeline run").selected_text(&title).width(width).truncate();
    let shown = combo.show_ui(ui, |ui| {
        for run in studio.renders.runs.iter().rev() {
            let words = format!("{} · {}", run.name, state_words(run));
            if ui.selectable_label(run.job == job, words).clicked() {
                chosen = Some(run.job);
            }
        }
    });
    let hover = format!("The run shown: {title}. Choose another one of this session.");
    name_list(shown.response, &format!("Run: {title}"), &hover);
    if let Some(chosen) = chosen {
        studio.renders.runs.show(chosen);
    }
}

fn transport(ui: &mut Ui, studio: &mut Studio, timeline: &mut TimelineLook) {
    let any = studio.renders.runs.shown().is_some_and(|run| run.newest().is_some());
    let live = studio.renders.runs.playhead == Playhead::Live;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_enabled_ui(any, |ui| {
            if icon_button(ui, icons::SKIP_BACK, "First step (Home)").clicked() {
                studio.renders.runs.seek(0);
            }
            if icon_button(ui, icons::CARET_LEFT, "Previous step (Left)").clicked() {
                studio.renders.runs.seek_by(-1);
            }
            let (icon, name) = match timeline.playing {
                None => (icons::PLAY, "Play the steps"),
                Some(_) => (icons::PAUSE, "Stop playing"),
            };
            if icon_button(ui, icon, name).clicked() {
                let now = ui.input(|input| input.time);
                timeline.playing = match timeline.playing {
                    None => Playing::begin(studio, now),
                    Some(_) => None,
                };
            }
            if icon_button(ui, icons::CARET_RIGHT, "Next step (Right)").clicked() {
                studio.renders.runs.seek_by(1);
            }
            if icon_button(ui, icons::SKIP_FORWARD, "Newest step (End)").clicked() {
                studio.renders.runs.playhead = Playhead::Live;
            }
        });
    });
    let colors = theme::colors(ui);
    let (fill, ink, line) = if live && studio.renders.runs.shown().is_some() {
        (colors.accent, colors.on_accent, colors.accent)
    } else {
        (colors.raised, colors.text, colors.line)
    };
    let pill = Button::new(RichText::new("Live").color(ink))
        .fill(fill)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(CornerRadius::same(12));
    let response = ui.add_enabled(studio.renders.runs.shown().is_some(), pill);
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, live, "Live"));
    if response.on_hover_text("Follow the newest step, and the picture once it is there").clicked() {
        studio.renders.runs.playhead = Playhead::Live;
    }
}

fn button(ui: &mut Ui, enabled: bool, words: bool, icon: &str, name: &str) -> Response {
    let face = if words { RichText::new(format!("{icon} {name}")) } else { RichText::new(icon).size(16.0) };
    ui.add_enabled(enabled, Button::new(face).frame_when_inactive(words))
}

fn actions(ui: &mut Ui, studio: &mut Studio, words: bool) {
    let from = studio.renders.branch_step();
    let step = from.as_ref().map_or(0, |(_, step)| *step);
    let why = from.as_ref().err().cloned().unwrap_or_default();
    let branch = button(ui, from.is_ok(), words, icons::GIT_BRANCH, BRANCH).on_disabled_hover_text(&why).on_hover_text(
        format!("{BRANCH} Renders the project as it is now from step {} on, with the latents of this run.", step + 1),
    );
    name_button(&branch, BRANCH);
    if branch.clicked() {
        studio.branch();
    }
    let masks = button(ui, from.is_ok(), words, icons::PAINT_BRUSH, EDIT_MASKS)
        .on_disabled_hover_text(&why)
        .on_hover_text(format!(
            "{EDIT_MASKS} Paint the masks and go on from step {} with them. A running render pauses.",
            step + 1
        ));
    name_button(&masks, EDIT_MASKS);
    if masks.clicked() {
        studio.edit_masks();
    }
}

/// What there is to say about the shown run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// The run's project is not the present one.
    Earlier(JobId),
    /// The run failed.
    Failed(String),
    /// Why nothing can go on from the playhead.
    Blocked(String),
}

/// What to say about the shown run.
pub fn to_say(studio: &Studio) -> Vec<Say> {
    let Some(run) = studio.renders.runs.shown() else { return Vec::new() };
    let mut say = Vec::new();
    if let State::Failed(words) = &run.state
        && run.newest().is_some()
    {
        say.push(Say::Failed(words.clone()));
    }
    if run.origin != Origin::of(&studio.document) && *run.project != *studio.project() {
        say.push(Say::Earlier(run.job));
    }
    // A run without steps says for itself what it waits for.
    if run.newest().is_some()
        && let Err(words) = studio.renders.branch_step()
    {
        say.push(Say::Blocked(words));
    }
    say
}

/// Draws what is to be said over the lower right end of the steps.
pub fn say(ui: &mut Ui, studio: &mut Studio, say: Vec<Say>, steps: Rect) {
    let row = Rect::from_min_max(pos2(steps.center().x, steps.bottom() - SAY), steps.max);
    let layout = Layout::right_to_left(Align::Center);
    let mut inner = ui.new_child(UiBuilder::new().id_salt("timeline says").max_rect(row).layout(layout));
    let ui = &mut inner;
    let ground = ui.painter().add(Shape::Noop);
    let colors = theme::colors(ui);
    ui.spacing_mut().interact_size.y = SAY;
    ui.spacing_mut().button_padding.y = 0.0;
    // From the right end on.
    for say in say.into_iter().rev() {
        match say {
            Say::Earlier(job) => {
                let button = named(ui.add(Button::new(RichText::new("Restore").small()).small()), "Restore");
                if button.on_hover_text("Make the run's project the present one. Undo takes it back.").clicked() {
                    studio.restore(job);
                }
                let words = format!("{} Of an earlier version ·", icons::WARNING);
                line(ui, &words, colors.amber).on_hover_text(
                    "The project has changed since this run was started; the run keeps the project it was started with.",
                );
            }
            Say::Failed(words) => {
                line(ui, &words, colors.red).on_hover_text(&words);
            }
            Say::Blocked(words) => {
                line(ui, &words, colors.weak).on_hover_text(&words);
            }
        }
    }
    let under = ui.min_rect().expand2(vec2(4.0, 0.0));
    ui.painter().set(ground, Shape::rect_filled(under, CornerRadius::same(3), colors.panel.gamma_multiply(0.9)));
}

/// Words that let a press through to what they lie on.
fn line(ui: &mut Ui, words: &str, color: egui::Color32) -> Response {
    ui.add(Label::new(RichText::new(words).small().color(color)).selectable(false).truncate())
}
