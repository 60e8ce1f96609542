//! The settings of the method in the paper's groups, and of sampling: every field of [`Settings`], and the canvas.

use eframe::egui::{ComboBox, RichText, Ui};

use super::fields::{
    Fold, Number, advanced, anchored, choice, line, lower, name_node, row, small, switch, switch_row, together,
};
use super::preset::base;
use super::{theme, widgets};
use crate::project::settings::{
    ClusterCounts, EVERY_RANGE, Execution, Fusion, Inversion, LayoutAlignment, LayoutLoss, MaskRefinement, STEP_RANGE,
};
use crate::project::{Canvas, Project, Settings};
use crate::studio::{Place, Studio};

/// What stands after a step's number: the scale that it is counted on.
const OF_SCALE: &str = " of 200";

/// Sizes that are often wanted, in pixels; Stable Diffusion 1.5 learnt from the first.
const CANVASES: [(u32, u32, &str); 6] = [
    (512, 512, "square"),
    (512, 768, "portrait"),
    (768, 512, "landscape"),
    (640, 640, "square"),
    (768, 768, "square"),
    (256, 256, "small"),
];

/// Draws all groups.
pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let defaults = base(&studio.project().settings).settings();
    line(ui);
    layout_alignment(ui, studio, &defaults);
    line(ui);
    concept_injection(ui, studio, &defaults);
    line(ui);
    mask_refinement(ui, studio, &defaults);
    line(ui);
    sampling(ui, studio, &defaults);
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
            if let Some(on) = switch(ui, on, title, explanation) {
                let name = format!("Turn {} {}", lower(title), if on { "on" } else { "off" });
                studio.edit(name, |project| set(project, on));
            }
        },
        |ui, _| {
            small(ui, explanation);
        },
        body,
    );
    widgets::said_ui(ui, studio, &Place::Setting(place));
}

fn layout_alignment(ui: &mut Ui, studio: &mut Studio, defaults: &Settings) {
    let group_now = studio.project().settings.layout_alignment.clone();
    let defaults = &defaults.layout_alignment;
    group(
        ui,
        studio,
        ("Layout alignment", "Pulls each subject to where the collage has it.", "layout_alignment"),
        group_now.enabled,
        |project, on| project.settings.layout_alignment.enabled = on,
        |ui, studio| {
            if group_now.enabled {
                layout_values(ui, studio, &group_now, defaults);
            }
        },
    );
}

fn layout_values(ui: &mut Ui, studio: &mut Studio, group: &LayoutAlignment, defaults: &LayoutAlignment) {
    let until = Number {
        words: "Until step",
        name: "Until step",
        explanation: "The last step that is aligned, on the paper's scale of 200 steps. Early steps lay a picture out, late ones draw it.",
        unit: OF_SCALE,
        range: STEP_RANGE,
        speed: 0.5,
        decimals: 1,
        default: defaults.end,
    };
    until.row(ui, studio, group.end, |project, end| project.settings.layout_alignment.end = end);
    small(ui, &acts_on(&studio.project().settings.guided_steps()));
    let weight = Number {
        words: "Step size λ",
        name: "Step size λ",
        explanation: "How far each step moves the latent down the gradient of the layout loss. 10 suits Stable Diffusion 1.5.",
        unit: "",
        range: LayoutAlignment::WEIGHT,
        speed: 0.1,
        decimals: 3,
        default: defaults.weight,
    };
    weight.row(ui, studio, group.weight, |project, weight| project.settings.layout_alignment.weight = weight);
    advanced(ui, studio, "Advanced layout alignment", |ui, studio| {
        let every = Number {
            words: "Every",
            name: "Align every",
            explanation: "From one alignment to the next, on the paper's scale of 200 steps.",
            unit: OF_SCALE,
            range: EVERY_RANGE,
            speed: 0.1,
            decimals: 1,
            default: defaults.every,
        };
        every.row(ui, studio, group.every, |project, every| project.settings.layout_alignment.every = every);
        let alpha = Number {
            words: "Concepts' share α",
            name: "Concepts' share α",
            explanation: "Weight of the concepts' branches in the layout loss beside the base branch's; 0 aligns by the base branch alone.",
            unit: "",
            range: LayoutAlignment::ALPHA,
            speed: 0.02,
            decimals: 3,
            default: defaults.alpha,
        };
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
    let defaults = &defaults.mask_refinement;
    group(
        ui,
        studio,
        ("Mask refinement", "Lets masks follow the subjects as they form.", "mask_refinement"),
        now.enabled,
        |project, on| project.settings.mask_refinement.enabled = on,
        |ui, studio| {
            if now.enabled {
                refinement_values(ui, studio, &now, defaults);
            }
        },
    );
}

fn refinement_values(ui: &mut Ui, studio: &mut Studio, group: &MaskRefinement, defaults: &MaskRefinement) {
    let step = |name, explanation, default| Number {
        words: "Steps",
        name,
        explanation,
        unit: "",
        range: STEP_RANGE,
        speed: 0.5,
        decimals: 1,
        default,
    };
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
    let every = Number {
        words: "Every",
        name: "Refine every",
        explanation: "From one refinement to the next, on the paper's scale of 200 steps.",
        unit: OF_SCALE,
        range: EVERY_RANGE,
        speed: 0.1,
        decimals: 1,
        default: defaults.every,
    };
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
        let starts = Number {
            words: "Starts",
            name: "Starts",
            explanation: "Random starts of each clustering, of which the best is kept; the release makes 100.",
            unit: "",
            range: MaskRefinement::STARTS,
            speed: 0.25,
            decimals: 0,
            default: defaults.starts,
        };
        starts.row(ui, studio, group.starts, |project, starts| project.settings.mask_refinement.starts = starts);
        let threshold = Number {
            words: "Overlap threshold",
            name: "Overlap threshold",
            explanation: "The least share that a cluster and the old mask must have in common; below it the old mask's rectangle is taken.",
            unit: "",
            range: MaskRefinement::OVERLAP_THRESHOLD,
            speed: 0.005,
            decimals: 3,
            default: defaults.overlap_threshold,
        };
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
            ui.label(RichText::new(facts).small().color(theme::colors(ui).weak));
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
            choice(
                ui,
                studio,
                "Execution",
                (settings.execution, Execution::default()),
                &[
                    (Execution::Lockstep, "Lockstep", "Computes the branches of all concepts at once: faster."),
                    (Execution::Sequential, "Sequential", "Computes one branch after another: slower, in less memory."),
                ],
                |project, execution| project.settings.execution = execution,
            );
            canvas_size(ui, studio, canvas);
        },
    );
}

fn canvas_size(ui: &mut Ui, studio: &mut Studio, canvas: Canvas) {
    const HOVER: &str = "The size of the pictures. Stable Diffusion 1.5 does best near 512 pixels a side.";
    row(ui, "Canvas size", "Canvas", HOVER, |ui| {
        let words = |width: u32, height: u32| format!("{width} × {height}");
        let shown = ComboBox::from_id_salt("canvas size")
            .selected_text(words(canvas.width, canvas.height))
            .width(104.0)
            .show_ui(ui, |ui| {
                for (width, height, kind) in CANVASES {
                    let chosen = (canvas.width, canvas.height) == (width, height);
                    let words = format!("{}, {kind}", words(width, height));
                    if ui.selectable_label(chosen, words).clicked() {
                        studio.edit("Canvas size", |project| project.canvas = Canvas { width, height });
                    }
                }
            });
        name_node(ui, &shown.response, "Canvas size");
        shown.response.on_hover_text(HOVER);
    });
    let side = |words, name| Number {
        words,
        name,
        explanation: "In pixels; a multiple of 64.",
        unit: " px",
        range: Canvas::SIDE,
        speed: 4.0,
        decimals: 0,
        default: 512,
    };
    let width = side("Width", "Canvas width");
    width.row_when_typed(ui, studio, canvas.width, |project, width| project.canvas.width = whole(width));
    let height = side("Height", "Canvas height");
    height.row_when_typed(ui, studio, canvas.height, |project, height| project.canvas.height = whole(height));
    anchored(ui, "canvas note", |ui| {
        small(ui, "Layers keep their places on the canvas; those beyond its edge are cut.")
    });
}

/// The nearest length that a side may have.
fn whole(side: u32) -> u32 {
    let step = Canvas::STEP;
    (side.saturating_add(step / 2) / step * step).clamp(*Canvas::SIDE.start(), *Canvas::SIDE.end())
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

    #[test]
    fn a_side_is_always_a_multiple_that_the_model_takes() {
        for (typed, side) in
            [(0, *Canvas::SIDE.start()), (500, 512), (512, 512), (543, 512), (u32::MAX, *Canvas::SIDE.end())]
        {
            assert_eq!(whole(typed), side);
            assert_eq!(whole(typed) % Canvas::STEP, 0);
        }
    }
}
