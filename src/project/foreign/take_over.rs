//! What of another program's picture a project takes over, and what it cannot.

use super::{Parameters, Program, TheirLora, short};
use crate::project::syntax::{self, Part};
use crate::project::{Canvas, Project, PromptReading, Settings};

/// A project with another program's parameters, and what became of each of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenOver {
    /// The project.
    pub project: Project,
    /// What was taken over, a line each.
    pub taken: Vec<String>,
    /// What could not be, or means something else here, a sentence each.
    pub left: Vec<String>,
}

impl Parameters {
    /// A project with these parameters: prompts, seed, steps, guidance scale and size. Layers, concepts and model stay.
    pub fn take_over(&self, project: &Project) -> TakenOver {
        let mut over = TakenOver { project: project.clone(), taken: Vec::new(), left: Vec::new() };
        self.prompts(&mut over);
        self.numbers(&mut over);
        self.canvas(&mut over);
        self.what_stays(&mut over);
        over
    }

    fn prompts(&self, over: &mut TakenOver) {
        let Some(prompt) = &self.prompt else { return };
        let mut prompt = prompt.clone();
        if self.program != Program::WebUi {
            // There they are no part of the prompt.
            for tag in self.loras.iter().filter_map(tag) {
                prompt.push_str(&tag);
            }
        }
        over.taken.push(format!("Prompt: {}", short(&prompt, 80)));
        over.project.prompt = prompt;
        let negative = self.negative_prompt.clone().unwrap_or_default();
        if !negative.is_empty() || !over.project.negative_prompt.is_empty() {
            let said = if negative.is_empty() { "none".into() } else { short(&negative, 80) };
            over.taken.push(format!("Negative prompt: {said}"));
        }
        over.project.negative_prompt = negative;
        over.project.settings.prompt_reading = PromptReading::Weighted;
        let parsed = [&over.project.prompt, &over.project.negative_prompt].map(|prompt| syntax::parse(prompt, &[]));
        let weighed = parsed.iter().flat_map(|prompt| &prompt.parts).any(|part| match part {
            Part::Words(words) => words.weight != 1.0,
            Part::Break => true,
        });
        if weighed && self.program != Program::WebUi {
            over.left.push(format!(
                "Brackets and weights are computed otherwise in {}: they weigh differently here.",
                self.program
            ));
        }
        over.left.extend(parsed.iter().flat_map(|prompt| &prompt.hints).map(ToString::to_string));
        for lora in &self.loras {
            over.left
                .push(format!("The LoRA {lora}: load it as a concept, as the prompt offers where its file is found."));
        }
    }

    fn numbers(&self, over: &mut TakenOver) {
        let TakenOver { project, taken, left } = over;
        if let Some(seed) = self.seed {
            project.seed = seed;
            taken.push(format!("Seed: {seed}"));
            left.push("The same seed gives other noise here than there, so the picture is another one.".into());
        }
        if let Some(steps) = self.steps {
            let fits = steps.clamp(*Settings::STEPS.start(), *Settings::STEPS.end());
            project.settings.steps = fits;
            taken.push(format!("Steps: {fits}"));
            if fits != steps {
                left.push(format!("{steps} steps are more or fewer than Podium makes; {fits} are set."));
            }
        }
        if let Some(scale) = self.guidance_scale {
            let fits = scale.clamp(*Settings::GUIDANCE_SCALE.start(), *Settings::GUIDANCE_SCALE.end());
            if fits.is_finite() {
                project.settings.guidance_scale = fits;
                taken.push(format!("Guidance scale: {fits}"));
            }
            if fits != scale {
                left.push(format!("A guidance scale of {scale} is out of Podium's range."));
            }
        }
    }

    fn canvas(&self, over: &mut TakenOver) {
        let Some((width, height)) = self.size else { return };
        let side = |side: u32| {
            let step = Canvas::STEP;
            (side.saturating_add(step / 2) / step * step).clamp(*Canvas::SIDE.start(), *Canvas::SIDE.end())
        };
        let fits = Canvas { width: side(width), height: side(height) };
        over.taken.push(format!("Size: {} × {}", fits.width, fits.height));
        if (fits.width, fits.height) != (width, height) {
            let step = Canvas::STEP;
            over.left.push(format!("Its size is {width} × {height}; sides are rounded to multiples of {step}."));
        }
        over.project.canvas = fits;
    }

    /// What a project has not, or keeps as it is.
    fn what_stays(&self, over: &mut TakenOver) {
        let left = &mut over.left;
        if let Some(model) = &self.model {
            let own = over.project.model.as_ref().and_then(|path| path.file_stem()?.to_str().map(str::to_owned));
            if own.as_ref() != Some(model) {
                let hash = self.model_hash.as_ref().map(|hash| format!(" (hash {hash})")).unwrap_or_default();
                left.push(format!(
                    "It was made with the model {model}{hash}; the project's model stays until you choose that one."
                ));
            }
        }
        if let Some(sampler) = self.sampler.as_ref().filter(|sampler| !sampler.to_lowercase().starts_with("ddim")) {
            left.push(format!("Sampler {sampler}: Podium samples by DDIM."));
        }
        match self.clip_skip.filter(|skip| *skip > 1) {
            Some(skip) if Settings::CLIP_SKIP.contains(&skip) => {
                over.project.settings.clip_skip = skip;
                over.taken.push(format!("Clip skip: {skip}"));
            }
            Some(skip) => left.push(format!("Clip skip {skip} is more than text encoders have.")),
            None => {}
        }
        let names = self.others.iter().map(|(name, value)| format!("{name} ({})", short(value, 40)));
        let names: Vec<String> = names.take(24).collect();
        if !names.is_empty() {
            left.push(format!("Not taken over: {}.", names.join(", ")));
        }
        left.extend(self.troubles.iter().cloned());
    }
}

/// A LoRA as the WebUI's prompts name it; None where its name cannot be written so.
fn tag(lora: &TheirLora) -> Option<String> {
    let TheirLora { name, unet, text, .. } = lora;
    if name.is_empty() || name.contains(['<', '>', ':']) {
        return None;
    }
    let strength = if text == unet { unet.to_string() } else { format!("{text}:{unet}") };
    Some(format!(" <lora:{name}:{strength}>"))
}
