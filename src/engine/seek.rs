//! FreeFuse's first phase (arXiv 2510.23515, after the authors' script for SDXL): the first third of the steps is made without
//! any concept's changes of the UNet, from the same noise and the same prompt, only to see where each concept would be
//! ([`super::baselines::found`]); then the picture begins anew, with masks made of that.
//!
//! What is looked at is the first transformer of the decoder, which works on a quarter of the latent's grid in Stable
//! Diffusion 1.5 as in SDXL (there the best of several), in the last of these steps, in the half with the prompt.

use burn::tensor::Tensor;

use super::baselines::masked::Masked;
use super::baselines::{OnePass, Way, found};
use super::error::{EngineError, Result};
use super::inject::{HALVES, Terms};
use super::masks::{Mask, grid_of};
use super::models::Models;
use super::nets::tap::{Kind, Site, Tap};
use super::pictures::host;
use super::recorded::{Record, Recorded};
use super::refine::SubjectMasks;
use super::sample::{guide, stepped};
use super::scene::{Scene, tile};

/// Puts found masks in the place of the layout's, where the scene's method finds its own. `advance` hears of every step
/// `(done, of)` and may stop it by an error.
///
/// # Shapes
/// `noise` `[pictures, channels, h, w]`: what the picture begins with.
///
/// # Errors
/// What `advance` returns, and when the model has no attention in its decoder.
pub fn seek(
    models: &Models,
    scene: &mut Scene,
    noise: &Tensor<4>,
    steps: usize,
    advance: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<()> {
    let Some(OnePass { way: Way::Masked(masked), owners }) = scene.one_pass.clone() else { return Ok(()) };
    if !masked.seeks {
        return Ok(());
    }
    let Some(seen) = look(models, scene, noise, steps, advance)? else {
        return Err(EngineError::Job(
            "this model has no attention in its decoder, in which masks could be found; choose FreeFuse with given masks".into(),
        ));
    };
    let [pictures, _, height, width] = noise.dims();
    let each: Vec<Vec<Mask>> = (0..pictures).map(|picture| seen.masks(&masked, picture, (height, width))).collect();
    for (subjects, found) in scene.masks.iter_mut().zip(&each) {
        for (subject, &owner) in subjects.iter_mut().zip(&owners) {
            if let Some(mask) = found.get(owner) {
                *subject = SubjectMasks::new(enlarged(mask, (height, width)));
            }
        }
    }
    Ok(())
}

/// The same cells on a finer grid, so that masks that tile a picture still do.
fn enlarged(mask: &Mask, (height, width): (usize, usize)) -> Mask {
    let at = |y: usize, x: usize| y * mask.height / height.max(1) * mask.width + x * mask.width / width.max(1);
    Mask::from_fn(height, width, |y, x| mask.on.get(at(y, x)).copied().unwrap_or(false))
}

/// What one look shows of all pictures.
struct Seen {
    /// How much each cell heeds each token, mean over heads, of one branch.
    heeded: Recorded,
    /// What self-attention gives: `[pictures, cells, channels]`.
    features: Tensor<3>,
}

impl Seen {
    /// The masks of all concepts of a picture, on the grid that was looked at.
    fn masks(&self, masked: &Masked, picture: usize, latent: (usize, usize)) -> Vec<Mask> {
        let (map, cells) = (self.heeded.of(0, picture), self.heeded.queries());
        let tokens = map.len() / cells.max(1);
        let of = |own: &[usize]| {
            // A concept that was cut off the prompt is nowhere.
            let own: Vec<usize> = own.iter().copied().filter(|token| *token < tokens).collect();
            let mean = |cell: usize| own.iter().map(|token| map[cell * tokens + token]).sum::<f32>() / own.len() as f32;
            (!own.is_empty()).then(|| (0..cells).map(mean).collect::<Vec<f32>>())
        };
        let heeded: Vec<Option<Vec<f32>>> = masked.concepts.iter().map(|concept| of(&concept.tokens)).collect();
        let features = host(self.features.clone().narrow(0, picture, 1));
        found::masks(&heeded, &features, grid_of(cells, latent))
    }
}

/// Makes the first steps and looks at the last of them; None where there is nothing to look at.
fn look(
    models: &Models,
    scene: &Scene,
    noise: &Tensor<4>,
    steps: usize,
    advance: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<Option<Seen>> {
    let config = &models.unet.config;
    let (Some(cross), Some(own)) = (config.decoder_site(1, Kind::Cross), config.decoder_site(1, Kind::Own)) else {
        return Ok(None);
    };
    let pictures = noise.dims()[0];
    // One branch for all, of which the concepts' terms are none.
    let groups = scene.groups(pictures);
    let Some(group) = groups.first() else { return Ok(None) };
    let steps = steps.clamp(1, scene.run.steps());
    let mut latents = noise.clone();
    for (index, &timestep) in scene.run.timesteps.iter().take(steps).enumerate() {
        advance(index, steps)?;
        let rows = tile(&latents, HALVES);
        if index + 1 == steps {
            let mut record = Record::new(vec![cross], 1, pictures, HALVES);
            let mut features = Features { site: own, pictures, seen: None };
            let taps = &mut (Terms(&group.stacked), (&mut record, &mut features));
            models.unet.predict(rows, &[timestep], &group.both, taps);
            let heeded = record.maps.remove(&cross);
            return Ok(heeded.zip(features.seen).map(|(heeded, features)| Seen { heeded, features }));
        }
        let predicted = models.unet.predict(rows, &[timestep], &group.both, &mut Terms(&group.stacked));
        let noise = models.noise_of(guide(predicted, scene.run.guidance_scale), &latents, timestep);
        latents = stepped(models, scene, latents, noise, index);
    }
    Ok(None)
}

/// Keeps what a layer gives in the half with the prompt.
struct Features {
    site: Site,
    pictures: usize,
    seen: Option<Tensor<3>>,
}

impl Tap for Features {
    fn output(&mut self, site: Site, output: Tensor<3>) -> Tensor<3> {
        if site == self.site {
            self.seen = Some(output.clone().narrow(0, (HALVES - 1) * self.pictures, self.pictures));
        }
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_that_tile_a_picture_still_do_on_a_finer_grid() {
        let left = Mask { height: 2, width: 3, on: vec![true, false, false, true, true, false] };
        let right = Mask { on: left.on.iter().map(|on| !on).collect(), ..left.clone() };
        let (left, right) = (enlarged(&left, (4, 12)), enlarged(&right, (4, 12)));
        assert!((0..48).all(|cell| left.on[cell] != right.on[cell]));
        let row = |y: usize| (0..12).filter(|x| left.on[y * 12 + x]).count();
        assert_eq!([0, 1, 2, 3].map(row), [4, 4, 8, 8]);
        assert!(enlarged(&Mask::empty(0, 0), (4, 4)).is_empty());
    }

    #[test]
    fn each_concept_is_where_its_words_are_heeded() {
        use super::super::baselines::masked::MaskedConcept;
        use super::super::concept::Adapter;
        use super::super::nets::layers::upload;
        use burn::tensor::Device;
        let device = Device::flex();
        // Two pictures of 4 x 4 cells: the first token is heeded on the left, the second on the right; in the second picture
        // the other way round.
        let left = |cell: usize| cell % 4 < 2;
        let map = |picture: usize| {
            (0..16).flat_map(move |cell| if left(cell) == (picture == 0) { [0.9, 0.1] } else { [0.1, 0.9] })
        };
        let heeded = Recorded::made_up(2, 16, 2, (0..2).map(|picture| map(picture).collect()).collect());
        let features = (0..32).flat_map(|cell| if left(cell) { [2.0, 0.0] } else { [0.0, 2.0] }).collect();
        let seen = Seen { heeded, features: upload(features, [2, 16, 2], &device) };
        let concept = |tokens: &[usize]| MaskedConcept { adapter: Adapter::default(), tokens: tokens.to_vec() };
        let masked = Masked { concepts: vec![concept(&[0]), concept(&[1]), concept(&[9])], positions: 2, seeks: true };
        for picture in 0..2 {
            let found = seen.masks(&masked, picture, (16, 16));
            assert!((0..16).all(|cell| found[0].on[cell] == (left(cell) == (picture == 0))), "picture {picture}");
            assert!((0..16).all(|cell| found[1].on[cell] != found[0].on[cell]) && found[2].is_empty());
        }
    }
}
