//! The settings of the method in the paper's groups, and of sampling: every field of [`Settings`], and the canvas.

use eframe::egui::{ComboBox, Ui};

use super::fields::{
    Fold, Number, advanced, anchored, choice, line, name_node, row, small, switch_row, together, turn,
};
use super::{canvas_size, preset, theme, widgets};
use crate::project::settings::{
    ClusterCounts, EVERY_RANGE, Execution, Fusion, Inversion, LayoutAlignment, LayoutLoss, MaskRefinement, Method,
    Prediction, PromptReading, STEP_RANGE, Spacing,
};
use crate::project::{Project, Settings};
use crate::studio::{Place, Studio};

/// What stands after a step's number: the scale that it is counted on.
const OF_SCALE: &str = " of 200";

/// Draws all groups.
pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let defaults = preset::defaults(studio);
    line(ui);
    let conducted = method(ui, studio);
    // Other methods have none of these parts.
    ui.add_enabled_ui(conducted, |ui| {
        line(ui);
        layout_alignment(ui, studio, &defaults);
        line(ui);
        concept_injection(ui, studio, &defaults);
        line(ui);
        mask_refinement(ui, studio, &defaults);
    });
    line(ui);
    sampling(ui, studio, &defaults);
}

/// The method, of those that work with the concepts at hand. Gives whether it is Concept Conductor.
fn method(ui: &mut Ui, studio: &mut Studio) -> bool {
    let now = studio.project().settings.method;
    let hovers = Method::ALL.map(|method| format!("{}\n{}", method.about(), method.source()));
    row(ui, "Method", "Method", &hovers[Method::ALL.iter().position(|other| *other == now).unwrap_or(0)], |ui| {
        // As tall as all of them, so that none has to be scrolled to.
        let list = ComboBox::from_id_salt("method").selected_text(now.title()).width(176.0).height(320.0);
        let shown = list.show_ui(ui, |ui| {
            for (method, hover) in Method::ALL.into_iter().zip(&hovers) {
                if ui.selectable_label(method == now, method.title()).on_hover_text(hover).clicked() && method != now {
                    studio.edit(format!("Method: {}", method.title()), |project| project.settings.method = method);
                }
            }
        });
        name_node(ui, &shown.response, "Method");
    });
    anchored(ui, "method note", |ui| {
        small(ui, now.about());
        if !now.is_conductor() {
            small(
                ui,
                &format!(
                    "{} Layout alignment, concept injection and mask refinement are not part of it.",
                    now.source()
                ),
            );
        }
    });
    now.is_conductor()
}

/// On which sampling steps something acts, in words.
fn acts_on(steps: &[bool]) -> String {
    let of = steps.len();
    let on: Vec<usize> = (1..=of).filter(|step| steps[step - 1]).collect();
    match (on.first(), on.last()) {
        (Some(first), Some(last)) if first == last => format!("acts on step {first} of {of}"),
        (Some(first), Some(last)) if last - first + 1 == on.len() => format!("acts on steps {first}–{last} of {of}"),
        (Some(_), Some(_)) if on.len() <= 8 => {
            let all: Vec<String> = on.iter().map(usize::to_string).collect();
            format!("acts on steps {} of {of}", all.join(", "))
        }
        (Some(first), Some(last)) => format!("acts on {} steps between {first} and {last} of {of}", on.len()),
        _ => format!("acts on none of {of} steps"),
    }
}

/// From one time that something acts to the next.
fn every(name: &'static str, explanation: &'static str, default: f32) -> Number<f32> {
    Number::new("Every", explanation, EVERY_RANGE, default).named(name).unit(OF_SCALE).by(0.1, 1)
}

/// A group of the method: title, switch, one sentence, values, and what is to be said about it.
fn group(
    ui: &mut Ui,
    studio: &mut Studio,
    (title, explanation, place): (&'static str, &str, &'static str),
    on: bool,
    set: impl FnOnce(&mut Project, bool),
    body: impl FnOnce(&mut Ui, &mut Studio),
) {
    let words = theme::strong(title);
    Fold { title: words, name: title, open: true }.show(
        ui,
        studio,
        |ui, studio| {
            turn(ui, studio, title, explanation, on, set);
        },
        |ui, _| {
            small(ui, explanation);
        },
        body,
    );
    widgets::said_ui(ui, studio, &Place::Setting(place));
}

/// A group whose values are there while it is on.
fn optional(
    ui: &mut Ui,
    studio: &mut Studio,
    words: (&'static str, &str, &'static str),
    on: bool,
    set: impl FnOnce(&mut Project, bool),
    values: impl FnOnce(&mut Ui, &mut Studio),
) {
    group(ui, studio, words, on, set, |ui, studio| {
        if on {
            values(ui, studio);
        }
    });
}

fn layout_alignment(ui: &mut Ui, studio: &mut Studio, defaults: &Settings) {
    let now = studio.project().settings.layout_alignment.clone();
    let words = ("Layout alignment", "Pulls each subject to where the collage has it.", "layout_alignment");
    let set = |project: &mut Project, on| project.settings.layout_alignment.enabled = on;
    let values = |ui: &mut Ui, studio: &mut Studio| layout_values(ui, studio, &now, &defaults.layout_alignment);
    optional(ui, studio, words, now.enabled, set, values);
}

fn layout_values(ui: &mut Ui, studio: &mut Studio, group: &LayoutAlignment, defaults: &LayoutAlignment) {
    let about = "The last step that is aligned, on the paper's scale of 200 steps. Early steps lay a picture out, late ones draw it.";
    let until = Number::new("Until step", about, STEP_RANGE, defaults.end).unit(OF_SCALE).by(0.5, 1);
    until.row(ui, studio, group.end, |project, end| project.settings.layout_alignment.end = end);
    small(ui, &acts_on(&studio.project().settings.guided_steps()));
    let about =
        "How far each step moves the latent down the gradient of the layout loss. 10 suits Stable Diffusion 1.5.";
    let weight = Number::new("Step size λ", about, LayoutAlignment::WEIGHT, defaults.weight).by(0.1, 3);
    weight.row(ui, studio, group.weight, |project, weight| project.settings.layout_alignment.weight = weight);
    advanced(ui, studio, "Advanced layout alignment", |ui, studio| {
        let every =
            every("Align every", "From one alignment to the next, on the paper's scale of 200 steps.", defaults.every);
        every.row(ui, studio, group.every, |project, every| project.settings.layout_alignment.every = every);
        let about = "Weight of the concepts' branches in the layout loss beside the base branch's; 0 aligns by the base branch alone.";
        let alpha = Number::new("Concepts' share α", about, LayoutAlignment::ALPHA, defaults.alpha).by(0.02, 3);
        alpha.row(ui, studio, group.alpha, |project, alpha| project.settings.layout_alignment.alpha = alpha);
        choice(
            ui,
            studio,
            "Layout loss",
            (group.loss, defaults.loss),
            &[
                (LayoutLoss::Mse, "Mean square", "Compares keys by their mean square distance, as the release does."),
                (LayoutLoss::Norm, "2-norm", "Compares keys by the 2-norm of their distance, as the paper writes it."),
            ],
            |project, loss| project.settings.layout_alignment.loss = loss,
        );
        switch_row(
            ui,
            studio,
            "Foreground only",
            "Weighs the layout loss by the subjects' masks, which leaves the background free.",
            group.foreground_only,
            |project, on| project.settings.layout_alignment.foreground_only = on,
        );
    });
}

fn concept_injection(ui: &mut Ui, studio: &mut Studio, defaults: &Settings) {
    let now = studio.project().settings.concept_injection.clone();
    let defaults = defaults.concept_injection.clone();
    // Noise fusion looks at neither switch: it injects whatever they say.
    let on = now.self_attention || now.cross_attention || now.fusion == Fusion::Noise;
    group(
        ui,
        studio,
        ("Concept injection", "Paints each concept inside its mask.", "concept_injection"),
        on,
        |project, on| {
            let injection = &mut project.settings.concept_injection;
            (injection.self_attention, injection.cross_attention) = (on, on);
            if !on {
                injection.fusion = Fusion::Features;
            }
        },
        |ui, studio| {
            switch_row(
                ui,
                studio,
                "Self-attention",
                "Takes the outputs of self-attention, which carry shape and texture, from each concept's branch inside its mask.",
                now.self_attention,
                |project, on| project.settings.concept_injection.self_attention = on,
            );
            switch_row(
                ui,
                studio,
                "Cross-attention",
                "Takes the outputs of cross-attention, which carry what the words mean, from each concept's branch inside its mask.",
                now.cross_attention,
                |project, on| project.settings.concept_injection.cross_attention = on,
            );
            let steps = studio.project().settings.steps;
            small(ui, &if on { acts_on(&vec![true; steps as usize]) } else { "acts on no step".into() });
            advanced(ui, studio, "Advanced concept injection", |ui, studio| {
                choice(
                    ui,
                    studio,
                    "Fusion",
                    (now.fusion, defaults.fusion),
                    &[
                        (Fusion::Features, "Features", "Blends the outputs of attention layers, the paper's method."),
                        (
                            Fusion::Noise,
                            "Noise",
                            "Blends the predicted noises, the naive way that the paper compares with.",
                        ),
                    ],
                    |project, fusion| project.settings.concept_injection.fusion = fusion,
                );
            });
        },
    );
}

fn mask_refinement(ui: &mut Ui, studio: &mut Studio, defaults: &Settings) {
    let now = studio.project().settings.mask_refinement.clone();
    let words = ("Mask refinement", "Lets masks follow the subjects as they form.", "mask_refinement");
    let set = |project: &mut Project, on| project.settings.mask_refinement.enabled = on;
    let values = |ui: &mut Ui, studio: &mut Studio| refinement_values(ui, studio, &now, &defaults.mask_refinement);
    optional(ui, studio, words, now.enabled, set, values);
}

fn refinement_values(ui: &mut Ui, studio: &mut Studio, group: &MaskRefinement, defaults: &MaskRefinement) {
    let step =
        |name, explanation, default| Number::new("Steps", explanation, STEP_RANGE, default).named(name).by(0.5, 1);
    let first = step(
        "First refined step",
        "The first step that refines masks, on the paper's scale of 200 steps: shapes must have begun to show.",
        defaults.start,
    );
    let last = step(
        "Last refined step",
        "The last step that may refine masks, on the paper's scale of 200 steps: afterwards shapes stay.",
        defaults.end,
    );
    let hover = "Between which steps masks are refined, on the paper's scale of 200 steps.";
    row(ui, "Refined steps", "Steps", hover, |ui| {
        let to_start = |project: &mut Project, start| project.settings.mask_refinement.start = start;
        let to_end = |project: &mut Project, end| project.settings.mask_refinement.end = end;
        together(ui, 128.0, |ui| {
            first.field(ui, studio, group.start, to_start);
            ui.label("–");
            last.field(ui, studio, group.end, to_end);
        });
        if group.start != defaults.start {
            first.reset(ui, studio, group.start, to_start);
        } else {
            last.reset(ui, studio, group.end, to_end);
        }
    });
    let every =
        every("Refine every", "From one refinement to the next, on the paper's scale of 200 steps.", defaults.every);
    every.row(ui, studio, group.every, |project, every| project.settings.mask_refinement.every = every);
    small(ui, &acts_on(&studio.project().settings.refined_steps()));
    advanced(ui, studio, "Advanced mask refinement", |ui, studio| {
        let count = studio.project().concepts.len();
        let words = |counts: ClusterCounts, whose: &str| {
            let range = counts.range(count);
            format!("{whose}: {} to {} clusters for this project's {count} concepts.", range.start(), range.end())
        };
        choice(
            ui,
            studio,
            "Clusters",
            (group.clusters, defaults.clusters),
            &[
                (
                    ClusterCounts::Release,
                    "K to 2K − 1",
                    &words(ClusterCounts::Release, "As the release, with K = N + 1"),
                ),
                (ClusterCounts::Paper, "N to 2N", &words(ClusterCounts::Paper, "As the paper says")),
            ],
            |project, clusters| project.settings.mask_refinement.clusters = clusters,
        );
        let about = "Random starts of each clustering, of which the best is kept; the release makes 100.";
        let starts = Number::new("Starts", about, MaskRefinement::STARTS, defaults.starts);
        starts.row(ui, studio, group.starts, |project, starts| project.settings.mask_refinement.starts = starts);
        let about = "The least share that a cluster and the old mask must have in common; below it the old mask's rectangle is taken.";
        let threshold =
            Number::new("Overlap threshold", about, MaskRefinement::OVERLAP_THRESHOLD, defaults.overlap_threshold)
                .by(0.005, 3);
        threshold.row(ui, studio, group.overlap_threshold, |project, threshold| {
            project.settings.mask_refinement.overlap_threshold = threshold;
        });
    });
}

fn sampling(ui: &mut Ui, studio: &mut Studio, defaults: &Settings) {
    let title = theme::strong("Sampling");
    let canvas = studio.project().canvas;
    let facts = format!("{} × {} px", canvas.width, canvas.height);
    Fold { title, name: "Sampling", open: false }.show(
        ui,
        studio,
        |ui, _| {
            ui.label(theme::note(ui, facts));
        },
        |_, _| (),
        |ui, studio| {
            let settings = studio.project().settings.clone();
            choice(
                ui,
                studio,
                "Inversion",
                (settings.inversion, defaults.inversion),
                &[
                    (Inversion::Exact, "Exact", "Follows the reference through all 999 timesteps, as the release does; kept for the next render."),
                    (Inversion::Coarse, "Coarse", "Visits only the timesteps that are sampled: far quicker, the layout hardly differs."),
                ],
                |project, inversion| project.settings.inversion = inversion,
            );
            widgets::said_ui(ui, studio, &Place::Setting("inversion"));
            choice(
                ui,
                studio,
                "Spacing",
                (settings.spacing, Spacing::default()),
                &[
                    (Spacing::Leading, "Leading", "Every so many timesteps from the first on, as the release does; where the steps do not divide 1000, the noisiest are left out."),
                    (Spacing::Even, "Even", "Evenly over all timesteps, from the noisiest on, whatever the number of steps."),
                ],
                |project, spacing| project.settings.spacing = spacing,
            );
            choice(
                ui,
                studio,
                "Prompt reading",
                (settings.prompt_reading, PromptReading::default()),
                &[
                    (PromptReading::Weighted, "Weighted", "Brackets and weights, such as (cat:1.3), weigh words as in AUTOMATIC1111's WebUI; longer prompts are read in chunks."),
                    (PromptReading::Plain, "Plain", "Every sign is read as it stands, and what does not fit is cut, as the paper's release does."),
                ],
                |project, reading| project.settings.prompt_reading = reading,
            );
            // One pass for all concepts has no branches to run in turn.
            let in_turn = settings.method.is_conductor();
            ui.add_enabled_ui(in_turn, |ui| choice(
                ui,
                studio,
                "Execution",
                (settings.execution, Execution::default()),
                &[
                    (Execution::Lockstep, "Lockstep", "Computes the branches of all concepts at once: faster."),
                    (Execution::Sequential, "Sequential", "Computes one branch after another: slower, in less memory."),
                ],
                |project, execution| project.settings.execution = execution,
            ));
            widgets::said_ui(ui, studio, &Place::Setting("execution"));
            how_the_model_is_used(ui, studio, &settings);
            canvas_size::rows(ui, studio);
        },
    );
}

/// What depends on the model and shows in none of its shapes.
fn how_the_model_is_used(ui: &mut Ui, studio: &mut Studio, settings: &Settings) {
    choice(
        ui,
        studio,
        "Prediction",
        (settings.prediction, Prediction::default()),
        &[
            (Prediction::Model, "As it says", "What the model's files say; noise, where they say nothing."),
            (Prediction::Noise, "Noise (ε)", "The model predicts the noise, as Stable Diffusion 1.5 does."),
            (
                Prediction::Velocity,
                "Velocity (v)",
                "The model predicts velocity (\"v-pred\"). Try this where pictures of a model are nothing but noise.",
            ),
        ],
        |project, prediction| project.settings.prediction = prediction,
    );
    let about = "Which of the text encoder's layers the prompts are taken from, counted from its last. 1 is the last; models \
                 trained on drawings often want 2.";
    let skip = Number::new("Clip skip", about, Settings::CLIP_SKIP, 1);
    skip.row(ui, studio, settings.clip_skip, |project, skip| project.settings.clip_skip = skip);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_that_something_acts_on_are_said_as_shortly_as_they_can_be() {
        let on = |of: usize, steps: &[usize]| acts_on(&(1..=of).map(|step| steps.contains(&step)).collect::<Vec<_>>());
        assert_eq!(on(50, &(1..=16).collect::<Vec<_>>()), "acts on steps 1–16 of 50");
        assert_eq!(on(10, &[3]), "acts on step 3 of 10");
        assert_eq!(on(50, &[14, 15, 17]), "acts on steps 14, 15, 17 of 50");
        assert_eq!(on(200, &(51..=81).step_by(3).collect::<Vec<_>>()), "acts on 11 steps between 51 and 81 of 200");
        assert_eq!(on(4, &[]), "acts on none of 4 steps");
        assert_eq!(acts_on(&Settings::default().guided_steps()), "acts on steps 1–16 of 50");
    }
}
