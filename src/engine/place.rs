//! Object placement: outside the edit mask, the photo's own latent stands at every step.

use burn::tensor::Tensor;

use super::invert::Trajectory;
use super::models::Models;

/// Which latent stands outside the mask.
#[expect(clippy::large_enum_variant, reason = "there is one a render")]
pub enum Background {
    /// The photo's latent, noised with the run's own initial noise (release).
    Noised {
        /// `[1, channels, h, w]`
        latent: Tensor<4>,
        /// `[pictures, channels, h, w]`
        noise: Tensor<4>,
    },
    /// The photo's inverted latent (paper): it keeps the background better. Or that with even noise
    /// ([`Trajectory::evened`]).
    Inverted {
        /// Latents by timestep.
        trajectory: Trajectory,
        /// The photo's own latent, for the last step.
        latent: Tensor<4>,
    },
}

/// A photo and where it may change.
pub struct Placement {
    /// 1 where the picture may change: `[1, 1, h, w]`.
    pub mask: Tensor<4>,
    /// What stands elsewhere.
    pub background: Background,
}

impl Placement {
    /// `z ← (1 − m) · z_photo + m · z`, where the photo's latent is the one at the timestep that the step arrives at;
    /// `next` is `None` after the last step.
    pub fn blend(&self, models: &Models, latents: Tensor<4>, next: Option<usize>) -> Tensor<4> {
        let photo = match (&self.background, next) {
            (Background::Noised { latent, .. } | Background::Inverted { latent, .. }, None) => latent.clone(),
            (Background::Noised { latent, noise }, Some(timestep)) => {
                let mix = models.schedule.noised(Some(timestep));
                latent.clone() * mix.latent + noise.clone() * mix.noise
            }
            // The trajectory visits every sampled timestep.
            (Background::Inverted { trajectory, latent }, Some(timestep)) => {
                trajectory.at(timestep, models).unwrap_or_else(|| latent.clone())
            }
        };
        photo * (self.mask.clone() * -1.0 + 1.0) + latents * self.mask.clone()
    }
}
