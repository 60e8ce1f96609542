//! The noise schedule, DDIM and its inverse: pure functions of timesteps.

use serde::Deserialize;

use super::error::{EngineError, Result};
use super::weights::ModelFiles;

/// `scheduler/scheduler_config.json`, as far as DDIM needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct ScheduleConfig {
    #[serde(default = "default_steps")]
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: String,
    #[serde(default = "default_offset")]
    steps_offset: usize,
    #[serde(default)]
    set_alpha_to_one: bool,
    #[serde(default)]
    prediction_type: Option<String>,
}

fn default_steps() -> usize {
    1000
}

fn default_offset() -> usize {
    1
}

/// A DDIM move: `z' = latent · z + noise · ε`. Both directions of DDIM with eta 0 have this form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    /// What the latent is multiplied by.
    pub latent: f64,
    /// What the predicted noise is multiplied by.
    pub noise: f64,
}

/// The noise schedule of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The product of `1 - beta` up to each training timestep.
    alphas: Vec<f64>,
    final_alpha: f64,
    offset: usize,
}

impl Schedule {
    /// Loads the schedule of a model.
    ///
    /// # Errors
    /// When the file is missing or asks for something other than an ε-predicting, scaled-linear or linear schedule.
    pub fn load(files: &ModelFiles) -> Result<Self> {
        let path = "scheduler/scheduler_config.json";
        let config: ScheduleConfig = files.json(path)?;
        Self::new(&config).map_err(|what| EngineError::Unsupported { file: files.name(path), what })
    }

    fn new(config: &ScheduleConfig) -> std::result::Result<Self, String> {
        if let Some(kind) = config.prediction_type.as_ref().filter(|kind| *kind != "epsilon") {
            return Err(format!("prediction_type {kind}"));
        }
        let steps = config.num_train_timesteps;
        if !(2..=100_000).contains(&steps) {
            return Err(format!("num_train_timesteps {steps}"));
        }
        let between = |from: f64, to: f64, step: usize| from + (to - from) * step as f64 / (steps - 1) as f64;
        let beta = |step| match config.beta_schedule.as_str() {
            "scaled_linear" => Ok(between(config.beta_start.sqrt(), config.beta_end.sqrt(), step).powi(2)),
            "linear" => Ok(between(config.beta_start, config.beta_end, step)),
            other => Err(format!("beta_schedule {other}")),
        };
        let mut product = 1.0;
        let mut alphas = Vec::with_capacity(steps);
        for step in 0..steps {
            product *= 1.0 - beta(step)?;
            alphas.push(product);
        }
        let final_alpha = if config.set_alpha_to_one { 1.0 } else { alphas[0] };
        Ok(Self { alphas, final_alpha, offset: config.steps_offset })
    }

    /// The sampled timesteps, the noisiest first: "leading" spacing. `steps` is at least 1.
    pub fn timesteps(&self, steps: usize) -> Vec<usize> {
        let ratio = self.stride(steps);
        (0..steps).rev().map(|step| (step * ratio + self.offset).min(self.alphas.len() - 1)).collect()
    }

    /// Training timesteps between two sampled ones.
    fn stride(&self, steps: usize) -> usize {
        (self.alphas.len() / steps.max(1)).max(1)
    }

    /// ᾱ at a timestep; below the first, the schedule's final value.
    fn alpha(&self, timestep: Option<usize>) -> f64 {
        timestep.and_then(|t| self.alphas.get(t)).copied().unwrap_or(self.final_alpha)
    }

    /// From timestep `t` of a sampling run of `steps` steps to the next less noisy one.
    pub fn denoise(&self, t: usize, steps: usize) -> Move {
        self.between(Some(t), t.checked_sub(self.stride(steps)))
    }

    /// The timestep that [`Schedule::denoise`] arrives at; none below the first.
    pub fn arrival(&self, t: usize, steps: usize) -> Option<usize> {
        t.checked_sub(self.stride(steps))
    }

    /// The inverse: from timestep `from` (none: the clean latent) up to `to`, with the noise predicted at `to`.
    pub fn invert(&self, from: Option<usize>, to: usize) -> Move {
        self.between(from, Some(to))
    }

    fn between(&self, from: Option<usize>, to: Option<usize>) -> Move {
        let (a, b) = (self.alpha(from), self.alpha(to));
        Move { latent: (b / a).sqrt(), noise: (1.0 - b).sqrt() - (b * (1.0 - a) / a).sqrt() }
    }

    /// The clean latent that a noisy one and its predicted noise imply: `x0 = latent · z + noise · ε`.
    pub fn clean(&self, t: usize) -> Move {
        let a = self.alpha(Some(t));
        Move { latent: a.powf(-0.5), noise: -((1.0 - a) / a).sqrt() }
    }

    /// A clean latent noised to timestep `t`: `latent · x0 + noise · ε`.
    pub fn noised(&self, t: Option<usize>) -> Move {
        let a = self.alpha(t);
        Move { latent: a.sqrt(), noise: (1.0 - a).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stable_diffusion() -> Schedule {
        let config =
            r#"{"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}"#;
        let config: ScheduleConfig = serde_json::from_str(config).expect("written above");
        Schedule::new(&config).expect("supported")
    }

    #[test]
    fn two_hundred_steps_are_spaced_as_the_method_says() {
        let steps = stable_diffusion().timesteps(200);
        assert_eq!((steps[0], steps[1], steps[199], steps.len()), (996, 991, 1, 200));
        assert_eq!(stable_diffusion().timesteps(999)[..2], [999, 998]);
    }

    #[test]
    fn inverting_a_step_and_taking_it_again_returns_to_the_start() {
        let schedule = stable_diffusion();
        let up = schedule.invert(Some(1), 21);
        let down = schedule.denoise(21, 50);
        let (z, noise) = (0.7, -0.3);
        let there = up.latent * z + up.noise * noise;
        assert!((down.latent * there + down.noise * noise - z).abs() < 1e-12);
    }

    #[test]
    fn an_unknown_schedule_is_refused_by_name() {
        let config = r#"{"beta_start": 0.1, "beta_end": 0.2, "beta_schedule": "cosine"}"#;
        let config: ScheduleConfig = serde_json::from_str(config).expect("written above");
        assert_eq!(Schedule::new(&config), Err("beta_schedule cosine".into()));
    }
}
