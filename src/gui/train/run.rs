//! What stands in the way of a training, starting it, and how far those are that run.

use std::time::{Duration, Instant};

use eframe::egui::{Button, Label, OpenUrl, ProgressBar, Ui, Vec2};

use super::{TrainLook, View};
use crate::engine::train::photos::{Finding, Kind, Severity};
use crate::gui::export::address;
use crate::gui::fields::{line, name_node, small};
use crate::gui::look::{Look, Page};
use crate::gui::{icons, theme, widgets};
use crate::project::files::name_of;
use crate::studio::Studio;
use crate::studio::renders::clock;
use crate::studio::train::runs::{Run, State};

/// Height of the button that starts.
const TALL: f32 = 36.0;
/// The time left counts down between two steps too.
const TICK: Duration = Duration::from_millis(500);

/// Draws it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, train: &mut TrainLook) {
    start(ui, studio, train);
    let shown = studio.train.runs.shown().cloned();
    if let Some(run) = &shown {
        line(ui);
        one(ui, studio, look, train, run);
        others(ui, studio, run.id);
    }
    line(ui);
    findings(ui, studio, train);
}

/// The button that starts, with the reason beside it where it cannot.
fn start(ui: &mut Ui, studio: &mut Studio, train: &mut TrainLook) {
    let colors = theme::colors(ui);
    let obstacle = studio.train.obstacle();
    let words = theme::strong(format!("{} Train", icons::PLAY)).color(colors.on_accent);
    let button = Button::new(words).fill(colors.accent).min_size(Vec2::new(ui.available_width(), TALL));
    let button = ui.add(button);
    widgets::name_button(&button, "Start training");
    let settings = &studio.train.training().settings;
    let hover = format!("{} steps of {} photos each", settings.steps, settings.batch);
    if button.on_hover_text(hover).clicked() && studio.train().is_some() {
        (train.view, train.painted) = (View::Progress, None);
    }
    match obstacle {
        Some(words) => {
            widgets::amber(ui, &words);
        }
        None if studio.renders.runs.active().next().is_some() => {
            small(ui, "It begins when the renders before it are done.");
        }
        None => {}
    }
}

/// A training, how far it is and what can be done with it.
fn one(ui: &mut Ui, studio: &mut Studio, look: &mut Look, train: &mut TrainLook, run: &Run) {
    let colors = theme::colors(ui);
    ui.horizontal(|ui| {
        ui.add(Label::new(theme::strong(&run.training.name)).truncate());
        if !run.device.is_empty() {
            ui.add(Label::new(theme::note(ui, format!("on {}", run.device))).truncate());
        }
    });
    if run.state.is_active() || matches!(run.state, State::Paused) {
        let fill = if run.state.is_active() { colors.accent } else { colors.weak };
        let bar = ui.add(ProgressBar::new(run.part()).desired_height(6.0).corner_radius(3).fill(fill));
        name_node(ui, &bar, "Progress of the training");
        ui.ctx().request_repaint_after(TICK);
    }
    let mut words = run.words();
    if let Some(left) = run.left(Instant::now()) {
        words.push_str(&format!(" · {} left", clock::words(left)));
    }
    match &run.state {
        State::Failed(_) => {
            widgets::amber(ui, &words);
        }
        _ => {
            small(ui, &words);
        }
    }
    if let Some(step) = run.step {
        let [one, other] = step.norms;
        small(ui, &format!("Loss {:.4} · norms {one:.2} and {other:.2}", step.denoising));
    }
    if let Some(step) = run.checkpoint.filter(|_| run.trained().is_none()) {
        small(ui, &format!("Checkpoint after step {step}"));
    }
    run.notes.iter().for_each(|note| {
        widgets::amber(ui, note);
    });
    buttons(ui, studio, run);
    if run.trained().is_some() {
        done(ui, studio, look, run);
    }
    if train.view == View::Photos && ui.small_button("Show its progress").clicked() {
        train.view = View::Progress;
    }
}

fn buttons(ui: &mut Ui, studio: &mut Studio, run: &Run) {
    ui.horizontal_wrapped(|ui| {
        match run.state {
            State::Queued | State::Running => {
                if ui.button("Pause").on_hover_text("Writes a checkpoint and waits").clicked() {
                    studio.pause_training(run.id);
                }
            }
            State::Paused | State::Failed(_) => {
                if ui.button("Go on").on_hover_text("From its last checkpoint").clicked() {
                    studio.go_on_training(run.id);
                }
            }
            State::Pausing | State::Finishing | State::Done(_) => {}
        }
        if matches!(run.state, State::Queued | State::Running | State::Paused) {
            let keep = ui.button("Stop and keep");
            if keep.on_hover_text("Ends here; the concept is kept as it is").clicked() {
                studio.finish_training(run.id);
            }
        }
        if !run.state.is_active() {
            let hover = "Takes it out of this list; its files stay";
            if ui.button("Put away").on_hover_text(hover).clicked() {
                studio.train.runs.dismiss(run.id);
            }
        }
    });
}

/// What a concept that is there can be used for.
fn done(ui: &mut Ui, studio: &mut Studio, look: &mut Look, run: &Run) {
    let Some(trained) = run.trained() else { return };
    let colors = theme::colors(ui);
    let known = studio.project().concepts.iter().find(|concept| concept.file == trained.file).cloned();
    let layer = studio.document.selected();
    let words = match layer {
        Some(layer) => format!("Use on layer {}", layer + 1),
        None => "Use in the project".to_owned(),
    };
    ui.horizontal_wrapped(|ui| {
        let button = Button::new(theme::strong(words).color(colors.on_accent)).fill(colors.accent);
        if ui.add(button).on_hover_text("Adds the concept to the project").clicked() {
            studio.use_trained(run.id);
        }
        if let Some(address) = trained.file.parent().and_then(address)
            && ui.button("Show in folder").on_hover_text(trained.file.display().to_string()).clicked()
        {
            ui.ctx().open_url(OpenUrl::new_tab(address));
        }
        if known.is_some() && ui.button("Go to Compose").clicked() {
            look.page = Page::Compose;
        }
    });
    if let Some(concept) = known {
        small(ui, &format!("It is the concept {}.", concept.name));
    } else if layer.is_none() && !studio.project().layers().is_empty() {
        small(ui, "Select a layer on the Compose page to put it there at once.");
    }
    if let Some(sheet) = &run.sheet {
        let name = name_of(sheet);
        small(ui, &format!("Its test sheet lies beside it: {name}")).on_hover_text(sheet.display().to_string());
    }
}

/// The other trainings of this session.
fn others(ui: &mut Ui, studio: &mut Studio, shown: u64) {
    let others: Vec<(u64, String)> = studio
        .train
        .runs
        .iter()
        .filter(|run| run.id != shown)
        .map(|run| (run.id, format!("{} · {}", run.training.name, run.words())))
        .collect();
    for (id, words) in others.into_iter().rev() {
        if ui.add(Button::new(theme::note(ui, words)).frame_when_inactive(false).truncate()).clicked() {
            studio.train.runs.shown = Some(id);
        }
    }
}

/// What was found about the photos, each with its cure where there is one.
fn findings(ui: &mut Ui, studio: &mut Studio, train: &mut TrainLook) {
    let findings = studio.train.findings();
    widgets::section(ui, "Findings", |_| ());
    if findings.is_empty() {
        small(ui, &format!("{} Nothing is wrong with the photos.", icons::CHECK));
    }
    for finding in findings.iter() {
        match finding.kind.severity() {
            Severity::Stops => widgets::amber(ui, &finding.words),
            Severity::Warns => small(ui, &format!("{} {}", icons::INFO, finding.words)),
        };
        if let Some(words) = cure_words(finding)
            && ui.small_button(words).clicked()
        {
            cure(studio, train, finding);
        }
        ui.add_space(4.0);
    }
}

/// What the button says that cures it; nothing where only its user can.
fn cure_words(finding: &Finding) -> Option<String> {
    let photos = |count: usize| if count == 1 { "it".to_owned() } else { format!("{count} photos") };
    match finding.kind {
        Kind::NoPlace if finding.photos.len() == 1 => Some("Put <TOK> into the caption".into()),
        Kind::NoPlace => Some(format!("Put <TOK> into {} captions", finding.photos.len())),
        Kind::Unusable => Some("Leave it out".into()),
        Kind::NearDuplicate => Some("Leave the second out".into()),
        Kind::TooSmall => Some(format!("Leave {} out", photos(finding.photos.len()))),
        Kind::EmptyMask | Kind::FullMask => Some("Paint the mask".into()),
        Kind::NoMask => Some("Paint a mask".into()),
        Kind::NoPhotos | Kind::FewPhotos | Kind::ManyPhotos | Kind::SmallSubject => None,
    }
}

fn cure(studio: &mut Studio, train: &mut TrainLook, finding: &Finding) {
    match finding.kind {
        Kind::NoPlace => studio.train.mend_captions(&finding.photos),
        Kind::Unusable | Kind::TooSmall => studio.train.leave_out(&finding.photos),
        Kind::NearDuplicate => studio.train.leave_out(finding.photos.get(1..).unwrap_or_default()),
        Kind::EmptyMask | Kind::FullMask | Kind::NoMask => {
            (train.view, train.painted) = (View::Photos, finding.photos.first().copied());
        }
        Kind::NoPhotos | Kind::FewPhotos | Kind::ManyPhotos | Kind::SmallSubject => {}
    }
}
