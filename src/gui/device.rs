//! The panel of model and device: which model, what it is, where to compute, how much memory is in use.

use eframe::egui::{self, Align2, Context, Label, RadioButton, ScrollArea, Ui, Window};

use super::asks::Purpose;
use super::background::Asked;
use super::fields::small;
use super::look::Look;
use super::{icons, theme, widgets};
use crate::engine::device::{Adapter, AdapterKind, DeviceChoice, DeviceReport, NO_ADAPTER, adapters};
use crate::engine::inspect::{Demand, ModelReport};
use crate::engine::memory as bytes;
use crate::project::files::name_of;
use crate::studio::session::config::Config;
use crate::studio::{Studio, Target};

/// How high the panel's contents are, in points; where the window is lower, they scroll.
const HEIGHT: f32 = 560.0;

/// What the panel knows.
#[derive(Default)]
pub struct DeviceLook {
    /// Whether it is open.
    pub open: bool,
    adapters: Asked<Vec<Adapter>>,
}

/// Draws the panel, if it is open.
pub fn show(ctx: &Context, studio: &mut Studio, look: &mut Look, device: &mut DeviceLook) {
    if !device.open {
        return;
    }
    let mut open = true;
    Window::new("Model and device")
        .open(&mut open)
        .default_width(440.0)
        .anchor(Align2::CENTER_CENTER, [0.0, 0.0])
        .collapsible(false)
        .show(ctx, |ui| {
            // Always as high: what is said of a model comes later, and must not move what somebody is about to press.
            let room = (ui.ctx().content_rect().height() - 96.0).clamp(160.0, HEIGHT);
            ScrollArea::vertical().max_height(room).min_scrolled_height(room).auto_shrink(false).show(ui, |ui| {
                model(ui, studio, look);
                ui.add_space(12.0);
                where_to_compute(ui, studio, look, device);
                ui.add_space(12.0);
                memory(ui, studio, look);
            });
        });
    device.open &= open;
}

fn heading(ui: &mut Ui, words: &str) {
    ui.label(theme::strong(words).color(theme::colors(ui).weak));
}

fn model(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    heading(ui, "Model");
    let chosen = studio.project().model.clone();
    let built_in = ui.add(RadioButton::new(chosen.is_none(), "Built-in miniature"));
    let hover = "A small model that comes with Podium: its pictures are simple, and it needs no download";
    if built_in.on_hover_text(hover).clicked() && chosen.is_some() {
        studio.set_model(None);
    }
    let mut folders = studio.session.config.recent_models.clone();
    if let Some(folder) = chosen.clone().filter(|folder| !folders.contains(folder)) {
        folders.insert(0, folder);
    }
    for folder in folders {
        let on = chosen.as_ref() == Some(&folder);
        let hover = folder.display().to_string();
        if ui.add(RadioButton::new(on, name_of(&folder))).on_hover_text(hover).clicked() && !on {
            studio.take_in(folder, Target::Model);
        }
    }
    ui.horizontal_wrapped(|ui| {
        let words = format!("{} Choose a folder...", icons::FOLDER_OPEN);
        let hover = "A model of the kind of Stable Diffusion 1.5 in diffusers' layout: a folder with unet, vae, text_encoder and tokenizer";
        if ui.button(words).on_hover_text(hover).clicked() {
            look.choose(Purpose::ModelFolder);
        }
        let hover = "Stable Diffusion 1.5, or a model made from it, in one file: .safetensors or .ckpt";
        if ui.button("Choose a file...").on_hover_text(hover).clicked() {
            look.choose(Purpose::ModelFile);
        }
    });
    autoencoder(ui, studio, look);
    ui.add_space(4.0);
    let total = look.machine.memory(ui.ctx()).total;
    let demand = studio.demand();
    match studio.model_report() {
        Some(Ok(report)) => {
            model_lines(&report, demand).iter().for_each(|line| {
                small(ui, line);
            });
            report.notes.iter().for_each(|note| {
                small(ui, &format!("Note: {note}."));
            });
            // A GPU does not say how much memory it has.
            let shortage = total.filter(|_| studio.renders.device == DeviceChoice::Flex);
            if let Some(words) = shortage.and_then(|total| report.shortage(demand, total)) {
                widgets::amber(ui, &format!("{words}."));
            }
        }
        Some(Err(words)) => {
            widgets::amber(ui, &words);
        }
        None => {
            small(ui, "Reading its configuration");
        }
    }
}

/// Which autoencoder draws the pixels.
fn autoencoder(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let chosen = studio.project().vae.clone();
    ui.horizontal_wrapped(|ui| {
        let words = chosen.as_deref().map_or_else(|| "the model's own".into(), name_of);
        let hover =
            "The autoencoder turns the latent into pixels. Some models come without, or their makers name another.";
        ui.label(format!("VAE: {words}")).on_hover_text(hover);
        if ui.button("Choose a VAE...").on_hover_text(hover).clicked() {
            look.choose(Purpose::VaeFile);
        }
        if chosen.is_some() && ui.button("Use the model's own").clicked() {
            studio.set_vae(None);
        }
    });
}

/// What a model is and needs, in lines.
fn model_lines(report: &ModelReport, demand: Demand) -> [String; 4] {
    let list = |numbers: &[usize]| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    [
        format!("{} for this project; computes in f32.", report.words(demand)),
        format!(
            "UNet: {} channels, {} heads, a latent of {} channels.",
            list(&report.channels),
            list(&report.heads),
            report.latent_channels
        ),
        format!(
            "Text: {} wide, {} tokens. A concept fits if its embeddings are {} and as wide.",
            report.context_width, report.tokens, report.cross_attention_layers
        ),
        format!(
            "Kind: Stable Diffusion 1.x; predicts {}{}.",
            report.prediction.words(),
            if report.zero_snr { ", the last timestep is noise alone" } else { "" }
        ),
    ]
}

fn where_to_compute(ui: &mut Ui, studio: &mut Studio, look: &mut Look, device: &mut DeviceLook) {
    heading(ui, "Device");
    let threads = look.machine.threads(ui.ctx()).map_or_else(String::new, |threads| format!(" on {threads} threads"));
    let choices = [
        (DeviceChoice::Auto, "Automatic", "A GPU where there is one, else the CPU.".to_owned()),
        (DeviceChoice::Flex, "CPU (flex)", format!("Podium's own kernels{threads}.")),
        (DeviceChoice::Wgpu, "GPU (wgpu)", "The best adapter below, even one that is software.".to_owned()),
    ];
    for (choice, words, explanation) in choices {
        let on = studio.renders.device == choice;
        ui.horizontal_wrapped(|ui| {
            if ui.add(RadioButton::new(on, words)).on_hover_text(&explanation).clicked() && !on {
                studio.renders.device = choice;
                studio.session.config.device = choice.to_string();
                studio.session.save_config();
            }
            small(ui, &explanation);
        });
    }
    ui.add_space(4.0);
    match device.adapters.get(ui.ctx(), adapters) {
        None => {
            let lost = device.adapters.is_lost();
            small(ui, if lost { "Adapters could not be looked for." } else { "Looking for adapters" });
        }
        Some(found) if found.is_empty() && studio.renders.device == DeviceChoice::Wgpu => {
            widgets::amber(ui, &format!("{NO_ADAPTER}."));
        }
        Some(found) if found.is_empty() => {
            small(ui, "No graphics adapter was found, so the CPU computes.");
        }
        Some(found) => {
            for Adapter { name, kind, backend, .. } in found {
                small(ui, &format!("{} {name} · {backend} · {kind}", icons::CPU));
            }
            let only_software = found.iter().all(|adapter| adapter.kind == AdapterKind::Software);
            if only_software && studio.renders.device == DeviceChoice::Wgpu {
                widgets::amber(
                    ui,
                    "This adapter is software: its pictures are right, but the CPU (flex) is far faster.",
                );
            }
        }
    }
    if let Some(report) = &studio.renders.device_report {
        small(ui, &last_used(report));
    }
    if studio.renders.runs.active().next().is_some() {
        small(ui, "Renders that run or wait keep their device; the next one uses the one chosen here.");
    }
}

/// The device of the last render, in words.
fn last_used(report: &DeviceReport) -> String {
    let shared = if report.shared { ", shared with the window" } else { "" };
    let half = if report.half_weights { ", with weights in half precision where their file has them so" } else { "" };
    format!("The last render ran on {}, in {}{half}{shared}.", report.name, report.precision)
}

fn memory(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    heading(ui, "Memory");
    let now = look.machine.memory(ui.ctx());
    let total = now.total.map_or_else(String::new, |total| format!(" of {}", bytes::words(total)));
    if let Some(used) = now.used {
        ui.label(format!("{}{total} in use by Podium", bytes::words(used)));
    }
    if let Some(pool) = studio.renders.device_report.as_ref().and_then(|report| report.pool) {
        let (used, kept) = (bytes::words(pool.in_use), bytes::words(pool.reserved));
        ui.label(format!("{used} in use on the GPU, {kept} reserved"));
    }
    let held = [studio.renders.runs.bytes(), studio.files.picture_bytes()];
    let config = &mut studio.session.config;
    let shares = [
        ("Steps of renders", held[0], &mut config.steps_memory),
        ("Pictures in full size", held[1], &mut config.pictures_memory),
    ];
    let mut changed = false;
    for (what, held, share) in shares {
        ui.horizontal(|ui| {
            let label = ui.label(format!("{what}: {} of at most", bytes::words(held)));
            let mut percent = *share * 100.0;
            let range = (Config::MEMORY.start() * 100.0)..=(Config::MEMORY.end() * 100.0);
            let value = egui::DragValue::new(&mut percent).range(range).speed(0.2).max_decimals(0).suffix(" %");
            let hover = "Of the machine's memory. What is beyond it is let go of, the oldest first; results stay in the gallery";
            if ui.add(value).labelled_by(label.id).on_hover_text(hover).changed() {
                *share = percent / 100.0;
                changed = true;
            }
        });
    }
    if changed {
        studio.bound_memory();
        studio.session.save_config();
    }
    let mut watched = studio.renders.watched().clusters;
    let hover = "For the inspector: where words and clusters are at each step. On a large canvas it takes most of the memory; the pictures are the same without";
    if ui.checkbox(&mut watched, "Record attention while rendering").on_hover_text(hover).changed() {
        studio.watch_attention(watched);
    }
    let words = "When memory runs out, render fewer pictures at once, make the canvas smaller, or set Execution (under Sampling) to Sequential.";
    ui.add(Label::new(theme::note(ui, words)).wrap());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::adapters::Held;
    use crate::engine::inspect::inspect_model;
    use crate::engine::weights::ModelFiles;

    #[test]
    fn a_model_says_what_it_is_and_what_this_project_asks_of_it() {
        let report = inspect_model(&ModelFiles::BuiltIn).unwrap();
        let text = crate::assets::find("projects/beach.ron").unwrap();
        let mut project = crate::project::file::from_str(std::str::from_utf8(text).unwrap()).unwrap();
        let before = Demand::of(&project, Held::default());
        assert_eq!((before.concepts, before.aligned, before.sequential), (2, true, false));
        let lines = model_lines(&report, before);
        assert!(lines[0].contains(" M parameters, F16,") && lines[0].ends_with("for this project; computes in f32."));
        assert!(lines[1].contains("32, 64, 96, 128 channels") && lines[2].contains("64 wide, 77 tokens"), "{lines:?}");

        project.pictures = 8;
        project.settings.execution = crate::project::settings::Execution::Sequential;
        project.settings.layout_alignment.enabled = false;
        project.layers_mut().unwrap().iter_mut().for_each(|layer| layer.visible = false);
        let after = Demand::of(&project, Held::of(7, 0));
        assert_eq!((after.pictures, after.concepts, after.aligned, after.sequential), (8, 0, false, true));
        assert_eq!(after.adapters.bytes, 28);
    }

    #[test]
    fn the_last_device_is_said_with_whom_it_is_shared() {
        let mut report = DeviceReport {
            name: "RTX 4070 · Vulkan".into(),
            kind: Some(AdapterKind::Discrete),
            backend: "Vulkan".into(),
            shared: false,
            precision: "f32",
            half_weights: false,
            threads: 8,
            process_bytes: None,
            pool: None,
            total_bytes: None,
        };
        assert_eq!(last_used(&report), "The last render ran on RTX 4070 · Vulkan, in f32.");
        let halved = DeviceReport { half_weights: true, ..report.clone() };
        assert!(last_used(&halved).ends_with("in f32, with weights in half precision where their file has them so."));
        report.shared = true;
        assert_eq!(last_used(&report), "The last render ran on RTX 4070 · Vulkan, in f32, shared with the window.");
    }
}
