//! What each step of a training sees. All of it follows from the seed and the number of the step, so that a training that
//! goes on from a checkpoint is the one that was never interrupted.

use burn::tensor::Tensor;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use super::cut::{Square, cut};
use super::draw::{Wish, draw};
use super::loss::Batch;
use super::photos::ReadPhoto;
use crate::engine::concept::Adapter;
use crate::engine::error::Result;
use crate::engine::models::Models;
use crate::engine::nets::layers::upload;
use crate::engine::pictures::to_tensor;
use crate::engine::report::Reporter;
use crate::link::Stage;
use crate::project::training::{PLACE, Training};

/// Random squares of each photo that are encoded beforehand, where photos are cropped at random.
const CROPS: usize = 6;
/// Steps and guidance scale of the class's pictures that the base model draws.
const PRIOR_STEPS: usize = 30;
const PRIOR_GUIDANCE: f64 = 5.0;
/// The most that a timestep counts beside the first.
const MOST_EMPHASIS: f64 = 20.0;

/// What the photos are to the networks, encoded once.
pub struct Pool {
    photos: Vec<Views>,
    prior: Vec<Prior>,
}

/// One photo.
struct Views {
    caption: String,
    /// Each with its mirror image, where photos are mirrored.
    whole: Vec<View>,
    crops: Vec<View>,
}

struct View {
    /// `[1, channels, h, w]`
    latent: Tensor<4>,
    mask: Vec<f32>,
}

/// A picture of the class.
struct Prior {
    latent: Tensor<4>,
    caption: String,
}

/// Numbers of one purpose and one step, independent of all others.
fn stream(seed: u64, purpose: &str, index: u64) -> ChaCha12Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(purpose.as_bytes()).update(&index.to_le_bytes());
    ChaCha12Rng::from_seed(*hasher.finalize().as_bytes())
}

impl Pool {
    /// Encodes the photos, each cut to squares of `size` pixels, and draws the class's pictures where they are wanted.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn new(
        models: &Models,
        training: &Training,
        photos: &[ReadPhoto],
        size: u32,
        report: &Reporter,
    ) -> Result<Self> {
        let settings = &training.settings;
        let factor = models.vae.config.factor() as u32;
        let mirrors: &[bool] = if settings.mirror { &[false, true] } else { &[false] };
        let mut encoded = Vec::new();
        for (index, photo) in photos.iter().enumerate() {
            report.progress(Stage::ReadingPhotos, index, photos.len())?;
            let view = |square, mirrored| -> Result<View> {
                report.check()?;
                let cut = cut(photo, square, mirrored, size, factor);
                let latent = models.vae.encode_scaled(to_tensor(&cut.picture, &models.device));
                Ok(View { latent, mask: cut.mask })
            };
            let mut rng = stream(settings.seed, "crops", index as u64);
            let whole = mirrors.iter().map(|mirrored| view(Square::whole(photo), *mirrored)).collect::<Result<_>>()?;
            let crops = if settings.crop > 0.0 { CROPS } else { 0 };
            let crops = (0..crops).map(|_| {
                let square = Square::random(photo, &mut rng);
                view(square, settings.mirror && rng.random_bool(0.5))
            });
            let crops = crops.collect::<Result<_>>()?;
            encoded.push(Views { caption: bind(training, &photo.caption), whole, crops });
        }
        report.progress(Stage::ReadingPhotos, photos.len(), photos.len())?;
        let prior = if settings.prior > 0.0 { draw_prior(models, training, size, report)? } else { Vec::new() };
        Ok(Self { photos: encoded, prior })
    }

    /// What step `step` sees, counted from 0.
    pub fn batch(&self, models: &Models, training: &Training, step: usize) -> Batch {
        let settings = &training.settings;
        let mut rng = stream(settings.seed, "step", step as u64);
        let (mut latents, mut masks, mut captions, mut weights) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for row in 0..settings.batch {
            let photo = &self.photos[self.turn(settings.seed, step * settings.batch + row)];
            let cropped = !photo.crops.is_empty() && rng.random_bool(settings.crop.clamp(0.0, 1.0));
            let views = if cropped { &photo.crops } else { &photo.whole };
            let view = &views[rng.random_range(0..views.len())];
            latents.push(view.latent.clone());
            masks.push(view.mask.clone());
            captions.push(if settings.shuffle { shuffled(&photo.caption, &mut rng) } else { photo.caption.clone() });
            weights.push(1.0);
        }
        let cells = masks[0].len();
        for _ in 0..if self.prior.is_empty() { 0 } else { settings.batch } {
            let prior = &self.prior[rng.random_range(0..self.prior.len())];
            latents.push(prior.latent.clone());
            masks.push(vec![1.0; cells]);
            captions.push(prior.caption.clone());
            weights.push(settings.prior as f32);
        }
        let rows = latents.len();
        let latents = Tensor::cat(latents, 0);
        let [_, channels, height, width] = latents.dims();
        let normal = |rng: &mut ChaCha12Rng| Distribution::<f32>::sample(&StandardNormal, rng);
        let mut noise = Vec::with_capacity(rows * channels * height * width);
        for _ in 0..rows * channels {
            let offset = settings.noise_offset as f32 * normal(&mut rng);
            noise.extend((0..height * width).map(|_| normal(&mut rng) + offset));
        }
        let all = models.schedule.steps();
        let timesteps: Vec<usize> = (0..rows).map(|_| rng.random_range(0..all)).collect();
        for (weight, timestep) in weights.iter_mut().zip(&timesteps) {
            *weight *= emphasis(models.schedule.noised(Some(*timestep)).latent, settings.weighting);
        }
        let noise = upload(noise, [rows, channels, height, width], &models.device);
        Batch { latents, noise, timesteps, masks, captions, weights }
    }

    /// Which photo is the `nth`: all of them come once before any comes again, in another order each time.
    fn turn(&self, seed: u64, nth: usize) -> usize {
        let count = self.photos.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut stream(seed, "order", (nth / count) as u64));
        order[nth % count]
    }
}

/// How much a timestep counts whose latent keeps the part `latent` (√ᾱ) of the picture: ᾱ to the power of `-weighting`, and at
/// most [`MOST_EMPHASIS`].
fn emphasis(latent: f64, weighting: f64) -> f32 {
    latent.powf(-2.0 * weighting).min(MOST_EMPHASIS) as f32
}

/// A caption with the concept's words in its place.
pub fn bind(training: &Training, text: &str) -> String {
    let words: Vec<&str> = training.tokens.iter().map(|token| token.word.as_str()).collect();
    text.replace(PLACE, &words.join(" "))
}

/// The parts of a caption between commas in another order; the first stays where it is.
fn shuffled(caption: &str, rng: &mut impl Rng) -> String {
    let mut parts: Vec<&str> = caption.split(',').map(str::trim).collect();
    if let Some(rest) = parts.get_mut(1..) {
        rest.shuffle(rng);
    }
    parts.join(", ")
}

/// Pictures of the class, drawn by the model as it is.
fn draw_prior(models: &Models, training: &Training, size: u32, report: &Reporter) -> Result<Vec<Prior>> {
    let class = training.class_word.trim();
    let with_class = |prompt: &String| prompt.replace(PLACE, &format!("a {class}"));
    let mut prompts: Vec<String> = training.prompts.iter().map(with_class).collect();
    if prompts.is_empty() {
        prompts.push(format!("a photo of a {class}"));
    }
    let (count, plain) = (training.settings.prior_pictures, Adapter::default());
    let mut pictures = Vec::with_capacity(count);
    for index in 0..count {
        report.progress(Stage::Preparing, index, count)?;
        let caption = prompts[index % prompts.len()].clone();
        let seed = training.settings.seed.wrapping_add(1 + index as u64);
        let wish = Wish { prompt: &caption, seed, steps: PRIOR_STEPS, guidance: PRIOR_GUIDANCE, size };
        let latent = draw(models, &plain, wish, report)?;
        pictures.push(Prior { latent, caption });
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_photo_comes_once_before_any_comes_again() {
        let views = || Views { caption: String::new(), whole: Vec::new(), crops: Vec::new() };
        let pool = Pool { photos: (0..7).map(|_| views()).collect(), prior: Vec::new() };
        let turns: Vec<usize> = (0..21).map(|nth| pool.turn(3, nth)).collect();
        for round in turns.chunks(7) {
            let mut sorted = round.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
        }
        assert!(turns[..7] != turns[7..14] || turns[7..14] != turns[14..]);
    }

    #[test]
    fn timesteps_with_much_noise_count_more_where_that_is_wanted() {
        assert_eq!(emphasis(0.3, 0.0), 1.0);
        assert!((emphasis(0.5, 1.0) - 4.0).abs() < 1e-6 && (emphasis(0.5, 0.5) - 2.0).abs() < 1e-6);
        assert!((emphasis(1.0, 1.0) - 1.0).abs() < 1e-6);
        // Of noise alone.
        assert_eq!(emphasis(0.0, 1.0), 20.0);
        assert_eq!(emphasis(0.0, 0.0), 1.0);
    }

    #[test]
    fn shuffling_keeps_the_first_part_and_all_others() {
        let mut rng = ChaCha12Rng::seed_from_u64(5);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..40 {
            let text = shuffled("a cat, red,blue , green", &mut rng);
            assert!(text.starts_with("a cat, "));
            let mut parts: Vec<&str> = text.split(", ").collect();
            parts.sort_unstable();
            assert_eq!(parts, ["a cat", "blue", "green", "red"]);
            seen.insert(text);
        }
        assert_eq!(seen.len(), 6);
        assert_eq!(shuffled("a cat", &mut rng), "a cat");
    }
}
