//! The right panel's first part: Render, progress and the queue, what a render takes. The method's settings follow it.

use std::time::{Duration, Instant};

use eframe::egui::{
    self, Align, Align2, Button, Id, Label, Layout, ProgressBar, RichText, Role, Stroke, TextEdit, Ui, Vec2, WidgetInfo,
};

use super::fields::{FIELD, Number, anchored, name_node, row, segments, small, together};
use super::look::Look;
use super::preset::{self, base};
use super::{export, icons, theme, widgets};
use crate::link::JobId;
use crate::project::{BaseModel, Preset, Project, Settings};
use crate::studio::renders::clock;
use crate::studio::renders::runs::{Note, Run, State};
use crate::studio::{Place, Studio};

/// Height of the buttons that start and stop.
const TALL: f32 = 36.0;
/// Width of the button that stops.
const STOP: f32 = 52.0;
/// How often the time left is drawn anew.
const TICK: Duration = Duration::from_millis(500);
/// Notes of a render that are always shown; the others are folded.
const NOTES: usize = 2;
/// The width of two icon buttons with what stands beside them, in points.
const TWO_ICONS: f32 = 72.0;
/// What the settings are called that a project came with.
const OPENED: &str = "As opened";
/// Width that the buttons need for all of their words.
const ROOM_FOR_WORDS: f32 = 248.0;

/// Draws it.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let now = pick(studio).map(|run| Now::of(run, studio.project()));
    anchored(ui, "render", |ui| {
        buttons(ui, studio, now.as_ref());
        said(ui, studio);
        if let Some(now) = &now {
            progress(ui, studio, now);
            queue(ui, studio, now.job);
        }
    });
    if now.is_some_and(|now| now.phase == Phase::Done) {
        export::menu(ui, studio, look);
    }
    ui.add_space(8.0);
    what_is_made(ui, studio);
}

/// What the panel shows of a run.
struct Now {
    job: JobId,
    name: String,
    phase: Phase,
    words: String,
    part: f32,
    left: Option<f64>,
    device: String,
    warming_up: bool,
    notes: Vec<Note>,
    /// Whether the project is not the run's any more.
    moved_on: bool,
    /// The step, counted from 0, that it can go on from although it failed.
    after_failure: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Queued,
    Running,
    Pausing,
    Paused,
    Done,
    Stopping,
    Stopped,
    Failed,
}

impl Phase {
    fn of(state: &State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Running => Self::Running,
            State::Pausing => Self::Pausing,
            State::Paused => Self::Paused,
            State::Done(_) => Self::Done,
            State::Stopping => Self::Stopping,
            State::Stopped => Self::Stopped,
            State::Failed(_) => Self::Failed,
        }
    }

    fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Pausing | Self::Stopping)
    }
}

impl Now {
    fn of(run: &Run, project: &Project) -> Self {
        Self {
            job: run.job,
            name: run.name.clone(),
            phase: Phase::of(&run.state),
            words: run.words(),
            part: run.part(),
            left: run.left(Instant::now()),
            device: run.device.clone(),
            warming_up: run.warming_up,
            notes: run.notes.clone(),
            moved_on: *run.project != *project,
            after_failure: run.newest().filter(|_| matches!(run.state, State::Failed(_))).map(|newest| newest + 1),
        }
    }
}

/// The run that the buttons are about: the one that runs, or else the one shown if it is paused, or else the first that
/// waits, or else the one shown.
fn pick(studio: &Studio) -> Option<&Run> {
    let is = |phases: &'static [Phase]| move |run: &&Run| phases.contains(&Phase::of(&run.state));
    let runs = &studio.renders.runs;
    runs.active()
        .find(is(&[Phase::Running, Phase::Pausing, Phase::Stopping]))
        .or_else(|| runs.shown().filter(is(&[Phase::Paused])))
        .or_else(|| runs.active().next())
        .or_else(|| runs.iter().rev().find(is(&[Phase::Paused])))
        .or_else(|| runs.shown())
}

fn buttons(ui: &mut Ui, studio: &mut Studio, now: Option<&Now>) {
    let width = ui.available_width();
    let Some(now) = now.filter(|now| now.phase.is_active() || now.phase == Phase::Paused) else {
        if primary(ui, width, "Render", "Render the project as it is (Ctrl+Enter)") {
            studio.render();
        }
        if let Some((now, step)) = now.and_then(|now| Some((now, now.after_failure?))) {
            let words = format!("Continue from step {}", step + 1);
            let button = ui.add_sized(Vec2::new(width, TALL), Button::new(words));
            let hover =
                "What it had done before it failed is kept. Choose another device first if that was the reason.";
            if button.on_hover_text(hover).clicked() {
                studio.resume(now.job);
            }
        }
        return;
    };
    let (queue_words, queue_width) = if width < ROOM_FOR_WORDS { (icons::PLUS, 28.0) } else { ("Queue another", 96.0) };
    ui.horizontal(|ui| {
        let first = (width - STOP - queue_width - 2.0 * ui.spacing().item_spacing.x).max(48.0);
        if now.phase == Phase::Paused {
            if primary(ui, first, "Continue", "Go on from the step where it was paused") {
                studio.resume(now.job);
            }
        } else {
            let why = match now.phase {
                Phase::Queued => "It has not started yet",
                Phase::Pausing => "It pauses after this step",
                Phase::Stopping => "It stops after this step",
                _ => "Let it end its step and wait there",
            };
            ui.add_enabled_ui(now.phase == Phase::Running, |ui| {
                let pause = ui.add_sized(Vec2::new(first, TALL), Button::new(theme::strong("Pause")));
                if pause.on_hover_text(why).on_disabled_hover_text(why).clicked() {
                    studio.renders.pause(now.job);
                }
            });
        }
        let stop = ui.add_sized(Vec2::new(STOP, TALL), Button::new("Stop"));
        if stop.on_hover_text(format!("End {}; its steps so far stay on the timeline", now.name)).clicked() {
            studio.renders.stop(now.job);
        }
        let queue = ui.add_sized(Vec2::new(queue_width, TALL), Button::new(RichText::new(queue_words).small()));
        if named(queue, "Queue another", "Queue another render, of the project as it is now (Ctrl+Enter)").clicked() {
            studio.render();
        }
    });
}

fn named(response: egui::Response, name: &str, hover: &str) -> egui::Response {
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    response.on_hover_text(hover)
}

/// The one button that stands out.
fn primary(ui: &mut Ui, width: f32, words: &str, hover: &str) -> bool {
    let colors = theme::colors(ui);
    let button = Button::new(theme::strong(words).color(colors.on_accent)).fill(colors.accent).stroke(Stroke::NONE);
    ui.add_sized(Vec2::new(width, TALL), button).on_hover_text(hover).clicked()
}

/// Why nothing can be rendered, and what went wrong when it was tried.
fn said(ui: &mut Ui, studio: &mut Studio) {
    if let Some(words) = studio.obstacle() {
        // A press on Render has left the same words, which need not stand there twice.
        studio.session.notices.retain(|notice| notice.place != Place::Render || notice.words != words);
        widgets::amber(ui, &words);
    }
    widgets::said_ui(ui, studio, &Place::Render);
}

fn progress(ui: &mut Ui, studio: &Studio, now: &Now) {
    let colors = theme::colors(ui);
    if now.phase.is_active() || now.phase == Phase::Paused {
        let fill = if now.phase == Phase::Paused { colors.weak } else { colors.accent };
        ui.add_space(4.0);
        let bar = ui.add(ProgressBar::new(now.part).desired_height(6.0).corner_radius(3).fill(fill));
        name_node(ui, &bar, "Progress");
    }
    if now.phase.is_active() {
        // The time left counts down between two steps too.
        ui.ctx().request_repaint_after(TICK);
    }
    let mut words = now.words.clone();
    if let Some(left) = now.left {
        words.push_str(&format!(" · {} left", clock::words(left)));
    }
    let waiting =
        studio.renders.runs.active().filter(|run| run.job != now.job && matches!(run.state, State::Queued)).count();
    if waiting > 0 {
        words.push_str(&format!(" · {waiting} more queued"));
    }
    let color = if now.phase == Phase::Failed { colors.red } else { colors.text };
    ui.add(Label::new(RichText::new(words).small().color(color)).wrap()).on_hover_text(&now.name);
    if now.phase.is_active() && !now.device.is_empty() {
        small(ui, &format!("On {}", now.device));
        if now.warming_up {
            small(ui, "Its first use compiles kernels, which takes a while.");
        }
    }
    if now.moved_on && now.phase == Phase::Done {
        small(ui, "Of an earlier version of the project.");
    } else if now.moved_on && (now.phase.is_active() || now.phase == Phase::Paused) {
        small(ui, "Renders the project as it was when it started; your changes since count for the next.");
    }
    if now.phase == Phase::Paused && studio.renders.mask_editor.as_ref().is_some_and(|editor| editor.job == now.job) {
        small(ui, "Its masks are being painted; go on from the canvas to use them.");
    }
    notes(ui, &now.notes);
}

fn notes(ui: &mut Ui, notes: &[Note]) {
    let words = |note: &Note| match note.step {
        Some(step) => format!("Step {}: {}", step + 1, note.words),
        None => note.words.clone(),
    };
    let (first, others) = notes.split_at(notes.len().min(NOTES));
    for note in first {
        widgets::amber(ui, &words(note));
    }
    if !others.is_empty() {
        let title = format!("{} more notes", others.len());
        egui::CollapsingHeader::new(RichText::new(title).small()).id_salt("more notes").show_unindented(ui, |ui| {
            for note in others {
                widgets::amber(ui, &words(note));
            }
        });
    }
}

/// The other renders that wait, or that were paused while another runs.
fn queue(ui: &mut Ui, studio: &mut Studio, current: JobId) {
    let others: Vec<(JobId, String, Phase)> = studio
        .renders
        .runs
        .iter()
        .filter(|run| run.job != current && matches!(run.state, State::Queued | State::Paused))
        .map(|run| (run.job, run.name.clone(), Phase::of(&run.state)))
        .collect();
    for (job, name, phase) in others {
        let words = format!("{name} · {}", if phase == Phase::Paused { "paused" } else { "queued" });
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if widgets::icon_button(ui, icons::X, &format!("Stop {name}")).clicked() {
                    studio.renders.stop(job);
                }
                if phase == Phase::Paused
                    && widgets::icon_button(ui, icons::PLAY, &format!("Continue {name}")).clicked()
                {
                    studio.resume(job);
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(theme::note(ui, words)).truncate());
                });
            });
        });
    }
}

/// Seed, number of pictures, steps, guidance, negative prompt and presets.
fn what_is_made(ui: &mut Ui, studio: &mut Studio) {
    presets(ui, studio);
    seed(ui, studio);
    let now = studio.project().settings.clone();
    let defaults = preset::defaults(studio);
    let about = "Pictures of one render, made side by side; each has the next seed. More take more memory.";
    let pictures = Number::new("Pictures", about, Project::PICTURES, 1).by(0.05, 0);
    pictures.row(ui, studio, studio.project().pictures, |project, pictures| project.pictures = pictures);
    let about = "Sampling steps: 20 show whether a composition works, 50 do for most pictures, the paper takes 200.";
    let steps = Number::new("Steps", about, Settings::STEPS, defaults.steps);
    steps.row(ui, studio, now.steps, |project, steps| project.settings.steps = steps);
    widgets::said_ui(ui, studio, &Place::Setting("steps"));
    let about = "How strongly the picture is pushed towards the prompt and away from the negative one; above about 15 colours burn out.";
    let guidance = Number::new("Guidance scale", about, Settings::GUIDANCE_SCALE, defaults.guidance_scale).by(0.05, 2);
    guidance.row(ui, studio, now.guidance_scale, |project, scale| project.settings.guidance_scale = scale);
    widgets::said_ui(ui, studio, &Place::Setting("guidance_scale"));
    negative_prompt(ui, studio);
}

fn presets(ui: &mut Ui, studio: &mut Studio) {
    let now = studio.project();
    let (matching, nearest, model) = (Preset::matching(now), base(now), BaseModel::of(now));
    let opened = preset::opened(studio);
    let is_opened = opened.as_ref().is_some_and(|opened| Preset::are(&now.settings, opened.clone()));
    // None stands for what the project came with.
    let chosen = matching.map(Some).or(is_opened.then_some(None));
    let pressed = anchored(ui, "presets", |ui| {
        ui.horizontal_wrapped(|ui| {
            let hovers = Preset::ALL.map(|preset| format!("{}\n{}", preset.about(), preset.origin(model)));
            let mut choices: Vec<(Option<Preset>, &str, &str)> = Preset::ALL
                .into_iter()
                .zip(&hovers)
                .map(|(preset, hover)| (Some(preset), preset.name(), hover.as_str()))
                .collect();
            if opened.is_some() {
                choices.push((None, OPENED, "The settings that this project came with"));
            }
            let pressed = segments(ui, "Preset", chosen, &choices);
            if chosen.is_none() {
                let words = RichText::new("changed").small().color(theme::colors(ui).amber);
                let hover = format!(
                    "These settings are no preset's any more; {} is the nearest. Press one to go back to it.",
                    nearest.name()
                );
                ui.label(words).on_hover_text(hover);
            }
            pressed
        })
        .inner
    });
    match (pressed, opened) {
        (Some(Some(preset)), _) => {
            studio.edit(format!("Preset {}", preset.name()), |project| preset.apply(project));
        }
        (Some(None), Some(opened)) => {
            let name = format!("Preset {OPENED}");
            studio.edit(name, |project| Preset::take_over(&mut project.settings, opened));
        }
        _ => {}
    }
}

/// A seed being typed, and the seed that the text was last taken for.
#[derive(Clone)]
struct TypedSeed {
    text: String,
    of: u64,
}

/// The seed has a text field: the numbers of other fields pass through floating point, which cannot hold all of it.
fn seed(ui: &mut Ui, studio: &mut Studio) {
    const HOVER: &str = "The first picture's noise: the same seed and settings make the same picture. A whole number from 0 to 18446744073709551615.";
    let mut broken = false;
    row(ui, "Seed", "Seed", HOVER, |ui| {
        let id = Id::unique("seed field");
        let seed = studio.project().seed;
        let typed: Option<TypedSeed> = ui.data(|data| data.get_temp(id)).filter(|typed: &TypedSeed| typed.of == seed);
        let mut text = typed.map_or_else(|| seed.to_string(), |typed| typed.text);
        // As wide as the other fields, or as its digits need where there is room beside the words.
        let room = ui.available_width() - 128.0;
        let least = room.clamp(56.0, FIELD);
        let width = (text.len() as f32 * 8.0).clamp(least, room.max(least));
        // The field last, in line with the others below it.
        together(ui, width + TWO_ICONS, |ui| {
            if widgets::icon_button(ui, icons::DICE_FIVE, "Roll the seed").clicked() {
                studio.document.roll_seed();
            }
            let locked = studio.renders.seed_locked;
            let (icon, name) = if locked {
                (icons::LOCK, "Locked: every render keeps this seed")
            } else {
                (icons::LOCK_OPEN, "Unlocked: each render rolls a new one")
            };
            if widgets::icon_toggle(ui, icon, locked, name).clicked() {
                studio.renders.seed_locked = !locked;
            }
            let edit = TextEdit::singleline(&mut text)
                .id(id)
                .desired_width(width)
                .align(Align2::RIGHT_CENTER)
                .char_limit(40)
                .min_size(Vec2::new(56.0, 24.0));
            let field = ui.add(edit);
            name_node(ui, &field, "Seed");
            let read = text.trim().parse::<u64>().ok();
            broken = field.has_focus() && read.is_none();
            if field.has_focus() {
                ui.data_mut(|data| data.insert_temp(id, TypedSeed { text, of: read.unwrap_or(seed) }));
            } else {
                ui.data_mut(|data| data.remove::<TypedSeed>(id));
            }
            widgets::edit_by(studio, &field, "Seed", |project| project.seed = read.unwrap_or(seed));
            field.on_hover_text(format!("{seed}\n{HOVER}"));
        });
    });
    if broken {
        widgets::amber(
            ui,
            "A seed is a whole number from 0 to 18446744073709551615; until it is one, the old seed stays.",
        );
    }
}

fn negative_prompt(ui: &mut Ui, studio: &mut Studio) {
    let mut text = studio.project().negative_prompt.clone();
    anchored(ui, "negative prompt", |ui| {
        let label = ui.label("Negative prompt");
        let edit = TextEdit::multiline(&mut text)
            .desired_rows(2)
            .desired_width(f32::INFINITY)
            .hint_text("What the pictures shall not show, such as: blurry, cropped");
        let field = ui.add(edit).labelled_by(label.id);
        widgets::edit_by(studio, &field, "Edit the negative prompt", |project| project.negative_prompt = text);
        field.on_hover_text("What every branch is pushed away from; it has no effect with a guidance scale of 1.");
    });
    widgets::said_ui(ui, studio, &Place::Setting("negative_prompt"));
}
