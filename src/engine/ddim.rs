//! The noise schedule, DDIM and its inverse: pure functions of timesteps.

use serde::Deserialize;
use serde_json::Value;

use super::error::{EngineError, Result};
use super::told::{self, Told};
use super::weights::ModelFiles;
use crate::project::settings::Prediction;

/// `scheduler/scheduler_config.json`, as far as DDIM needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct ScheduleConfig {
    /// The sampler that the file was written for; Podium samples by DDIM whatever it is, if it is one of noise schedules.
    #[serde(default, rename = "_class_name")]
    class_name: Option<String>,
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
    #[serde(default)]
    trained_betas: Option<Value>,
    /// Whether the last timestep is noise alone (Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are
    /// Flawed", algorithm 1).
    #[serde(default)]
    rescale_betas_zero_snr: Option<bool>,
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
    prediction: Prediction,
    zero_snr: bool,
}

/// ᾱ of a last timestep that is noise alone, in place of 0, by which steps from there would divide. ComfyUI's.
const NOISE_ALONE: f64 = 4.897_345_189_085_343_5e-8;

impl Schedule {
    /// Loads the schedule of a model.
    ///
    /// # Errors
    /// When the file is missing or asks for something other than a scaled-linear or linear schedule of a network that
    /// predicts noise or velocity.
    pub fn load(files: &ModelFiles) -> Result<Self> {
        let path = "scheduler/scheduler_config.json";
        let config: ScheduleConfig = files.json(path)?;
        Self::new(&config, &told::told(files)?)
            .map_err(|what| EngineError::Unsupported { file: files.name(path), what })
    }

    fn new(config: &ScheduleConfig, told: &Told) -> std::result::Result<Self, String> {
        let said = match config.prediction_type.as_deref() {
            None | Some("epsilon") => Prediction::Noise,
            Some("v_prediction") => Prediction::Velocity,
            Some(kind) => return Err(format!("prediction_type {kind}")),
        };
        if let Some(name) = config.class_name.as_ref().filter(|name| name.contains("FlowMatch") || name.contains("EDM"))
        {
            return Err(format!("scheduler {name}"));
        }
        if config.trained_betas.as_ref().is_some_and(|betas| !betas.is_null()) {
            return Err("trained_betas".into());
        }
        for (name, beta) in [("beta_start", config.beta_start), ("beta_end", config.beta_end)] {
            if !(beta > 0.0 && beta < 1.0) {
                return Err(format!("{name} {beta}, which must lie between 0 and 1"));
            }
        }
        let steps = config.num_train_timesteps;
        if !(2..=100_000).contains(&steps) {
            return Err(format!("num_train_timesteps {steps}"));
        }
        if config.steps_offset >= steps {
            return Err(format!("steps_offset {} of {steps} timesteps", config.steps_offset));
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
        let zero_snr = told.zero_snr || config.rescale_betas_zero_snr == Some(true);
        if zero_snr {
            end_in_noise(&mut alphas);
        }
        let final_alpha = if config.set_alpha_to_one { 1.0 } else { alphas[0] };
        let prediction = told.prediction.unwrap_or(said);
        Ok(Self { alphas, final_alpha, offset: config.steps_offset, prediction, zero_snr })
    }

    /// The schedule of a network that predicts what a project says it does.
    #[must_use]
    pub fn predicting(&self, prediction: Prediction) -> Self {
        let prediction = if prediction == Prediction::Model { self.prediction } else { prediction };
        Self { prediction, ..self.clone() }
    }

    /// What the network predicts: noise or velocity.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// How many training timesteps there are.
    pub fn steps(&self) -> usize {
        self.alphas.len()
    }

    /// Adds all that a picture depends on to a hash.
    pub fn add_to(&self, hasher: &mut blake3::Hasher) {
        self.alphas.iter().for_each(|alpha| {
            hasher.update(&alpha.to_le_bytes());
        });
        hasher.update(&self.final_alpha.to_le_bytes()).update(&(self.offset as u64).to_le_bytes());
        hasher.update(self.prediction.words().as_bytes());
    }

    /// Whether the last timestep is noise alone.
    pub fn is_zero_snr(&self) -> bool {
        self.zero_snr
    }

    /// The noise that a prediction at timestep `t` stands for: `ε = latent · z + noise · prediction`; none where the
    /// network predicts just that. The weights of guidance and of masks add up to 1, so that it makes no difference whether
    /// predictions are turned into noise before they are put together or after.
    pub fn to_noise(&self, t: usize) -> Option<Move> {
        let a = self.alpha(Some(t));
        (self.prediction == Prediction::Velocity).then(|| Move { latent: (1.0 - a).sqrt(), noise: a.sqrt() })
    }

    /// The sampled timesteps, the noisiest first: "leading" spacing. `steps` is at least 1.
    pub fn timesteps(&self, steps: usize) -> Vec<usize> {
        let ratio = self.stride(steps);
        (0..steps).rev().map(|step| (step * ratio + self.offset).min(self.alphas.len() - 1)).collect()
    }

    /// The sampled timesteps, the noisiest first, evenly over all: "trailing" spacing (Lin et al. 2023, arXiv 2305.08891, table
    /// 2). `steps` is at least 1 and at most the schedule's.
    pub fn even_timesteps(&self, steps: usize) -> Vec<usize> {
        let share = self.alphas.len() as f64 / steps.max(1) as f64;
        (1..=steps).rev().map(|step| ((step as f64 * share).round() as usize).saturating_sub(1)).collect()
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
        self.denoise_to(t, self.arrival(t, steps))
    }

    /// From timestep `t` to another that is less noisy; to the clean latent where there is none.
    pub fn denoise_to(&self, t: usize, to: Option<usize>) -> Move {
        self.between(Some(t), to)
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

    /// Back up with fresh noise from timestep `from` (none: the clean latent) to `to`: `z_to = latent · z_from + noise · ε`.
    pub fn renoise(&self, from: Option<usize>, to: usize) -> Move {
        let kept = (self.alpha(Some(to)) / self.alpha(from)).min(1.0);
        Move { latent: kept.sqrt(), noise: (1.0 - kept).sqrt() }
    }

    /// σ² at a timestep: how much more noise than signal there is, (1 − ᾱ) / ᾱ.
    pub fn noise_to_signal(&self, t: usize) -> f64 {
        let a = self.alpha(Some(t));
        (1.0 - a) / a
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

/// Shifts and scales √ᾱ so that its first value stays and its last is none.
fn end_in_noise(alphas: &mut [f64]) {
    let (Some(first), Some(last)) = (alphas.first().map(|a| a.sqrt()), alphas.last().map(|a| a.sqrt())) else { return };
    for alpha in alphas.iter_mut() {
        *alpha = ((alpha.sqrt() - last) * first / (first - last)).powi(2).max(NOISE_ALONE);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn schedule(more: &str, told: &Told) -> std::result::Result<Schedule, String> {
        let config = format!(
            r#"{{"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1{more}}}"#
        );
        Schedule::new(&serde_json::from_str(&config).expect("written above"), told)
    }

    pub(in crate::engine) fn stable_diffusion() -> Schedule {
        schedule("", &Told::default()).expect("supported")
    }

    #[test]
    fn a_velocity_stands_for_the_noise_and_the_picture_that_it_was_made_of() {
        let schedule = stable_diffusion().predicting(Prediction::Velocity);
        let (clean, noise) = (0.7, -1.3);
        for t in [1, 21, 500, 999] {
            let mix = schedule.noised(Some(t));
            let latent = mix.latent * clean + mix.noise * noise;
            // Salimans & Ho 2022, appendix D: v = α ε − σ x.
            let velocity = mix.latent * noise - mix.noise * clean;
            let to_noise = schedule.to_noise(t).expect("a velocity");
            let found = to_noise.latent * latent + to_noise.noise * velocity;
            assert!((found - noise).abs() < 1e-12, "at {t}: {found}");
            let picture = schedule.clean(t);
            assert!((picture.latent * latent + picture.noise * found - clean).abs() < 1e-9, "at {t}");
        }
        assert_eq!(stable_diffusion().to_noise(500), None);
        assert_eq!(schedule.predicting(Prediction::Noise).to_noise(500), None);
        assert_eq!(schedule.predicting(Prediction::Model), schedule);
    }

    #[test]
    fn guiding_velocities_is_guiding_the_noise_that_they_stand_for() {
        let schedule = stable_diffusion().predicting(Prediction::Velocity);
        let (latent, plain, prompted, scale) = (0.4, -0.8, 0.9, 7.5);
        let to_noise = schedule.to_noise(321).expect("a velocity");
        let noise = |velocity: f64| to_noise.latent * latent + to_noise.noise * velocity;
        let guided = |a: f64, b: f64| a + scale * (b - a);
        assert!((noise(guided(plain, prompted)) - guided(noise(plain), noise(prompted))).abs() < 1e-12);
    }

    #[test]
    fn what_a_model_says_of_itself_goes_before_its_configuration() {
        let of = |more: &str, told: Told| schedule(more, &told).map(|schedule| schedule.prediction());
        let told = |prediction| Told { prediction, ..Told::default() };
        assert_eq!(of("", told(None)), Ok(Prediction::Noise));
        assert_eq!(of(r#", "prediction_type": "v_prediction""#, told(None)), Ok(Prediction::Velocity));
        assert_eq!(of(r#", "prediction_type": "epsilon""#, told(Some(Prediction::Velocity))), Ok(Prediction::Velocity));
        assert_eq!(of(r#", "prediction_type": "sample""#, told(None)), Err("prediction_type sample".into()));
    }

    #[test]
    fn a_schedule_that_ends_in_noise_keeps_its_beginning() {
        let plain = stable_diffusion();
        let told = Told { zero_snr: true, ..Told::default() };
        for found in [schedule("", &told), schedule(r#", "rescale_betas_zero_snr": true"#, &Told::default())] {
            let found = found.expect("supported");
            assert!(found.is_zero_snr() && !plain.is_zero_snr());
            assert!((found.alphas[0] - plain.alphas[0]).abs() < 1e-12);
            assert_eq!(found.alphas[999], NOISE_ALONE);
            // By Python, from the formula of diffusers' `rescale_zero_terminal_snr`.
            assert!((found.alphas[500].sqrt() - 0.490_936_638_230_7).abs() < 1e-9, "{}", found.alphas[500].sqrt());
            assert!(found.alphas.windows(2).all(|pair| pair[1] < pair[0] || pair[1] == NOISE_ALONE));
            let step = found.denoise(999, 999);
            assert!(step.latent.is_finite() && step.noise.is_finite(), "{step:?}");
        }
    }

    #[test]
    fn numbers_that_make_no_schedule_are_refused_by_name() {
        for (more, name) in [
            (r#", "trained_betas": [0.1]"#, "trained_betas"),
            (r#", "num_train_timesteps": 0"#, "num_train_timesteps 0"),
            (r#", "num_train_timesteps": 1000000000"#, "num_train_timesteps"),
            (r#", "num_train_timesteps": 5, "_class_name": "FlowMatchEulerDiscreteScheduler""#, "FlowMatch"),
        ] {
            let error = schedule(more, &Told::default()).expect_err("refused");
            assert!(error.contains(name), "{error}");
        }
        for (start, end) in [("0", "0.01"), ("-1", "0.01"), ("0.1", "1"), ("0.1", "1e300")] {
            let config = format!(r#"{{"beta_start": {start}, "beta_end": {end}, "beta_schedule": "linear"}}"#);
            let config: ScheduleConfig = serde_json::from_str(&config).expect("written above");
            let error = Schedule::new(&config, &Told::default()).expect_err("refused");
            assert!(error.contains("must lie between 0 and 1"), "{error}");
        }
        let config = r#"{"beta_start": 0.1, "beta_end": 0.2, "beta_schedule": "linear", "steps_offset": 1000}"#;
        let config: ScheduleConfig = serde_json::from_str(config).expect("written above");
        assert_eq!(Schedule::new(&config, &Told::default()), Err("steps_offset 1000 of 1000 timesteps".into()));
    }

    #[test]
    fn two_hundred_steps_are_spaced_as_the_method_says() {
        let steps = stable_diffusion().timesteps(200);
        assert_eq!((steps[0], steps[1], steps[199], steps.len()), (996, 991, 1, 200));
        assert_eq!(stable_diffusion().timesteps(999)[..2], [999, 998]);
    }

    #[test]
    fn even_spacing_begins_with_the_noisiest_whatever_the_number_of_steps() {
        let schedule = stable_diffusion();
        // By diffusers 0.28, `timestep_spacing="trailing"`.
        assert_eq!(schedule.even_timesteps(7), [999, 856, 713, 570, 428, 285, 142]);
        assert_eq!(schedule.even_timesteps(50)[..3], [999, 979, 959]);
        for steps in [1, 2, 3, 251, 350, 501, 699, 998, 999, 1000] {
            let found = schedule.even_timesteps(steps);
            assert_eq!((found.len(), found[0]), (steps, 999));
            assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "{steps}");
        }
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
    fn what_is_noised_again_is_as_noisy_as_what_was_noised_at_once() {
        let schedule = stable_diffusion();
        for (from, to) in [(Some(1), 21), (Some(481), 501), (None, 1)] {
            let (less, back, more) = (schedule.noised(from), schedule.renoise(from, to), schedule.noised(Some(to)));
            assert!((back.latent * less.latent - more.latent).abs() < 1e-12, "the clean part, {from:?} to {to}");
            let noise = (back.latent * less.noise).powi(2) + back.noise.powi(2);
            // Noises of their own add up by their squares.
            assert!((noise.sqrt() - more.noise).abs() < 1e-12, "the noise, {from:?} to {to}");
            let ratio = (more.noise / more.latent).powi(2);
            assert!((schedule.noise_to_signal(to) - ratio).abs() < 1e-9 * ratio.max(1.0));
        }
    }

    #[test]
    fn an_unknown_schedule_is_refused_by_name() {
        let config = r#"{"beta_start": 0.1, "beta_end": 0.2, "beta_schedule": "cosine"}"#;
        let config: ScheduleConfig = serde_json::from_str(config).expect("written above");
        assert_eq!(Schedule::new(&config, &Told::default()), Err("beta_schedule cosine".into()));
    }
}
