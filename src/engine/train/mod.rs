//! Trains a concept: an ED-LoRA, from a handful of photos (method: "Training an ED-LoRA", after Mix-of-Show's trainer, which
//! the authors' release uses).
//!
//! | file              | what                                                                |
//! |-------------------|---------------------------------------------------------------------|
//! | `mod.rs`          | a training from its photos to its files                             |
//! | `photos.rs`       | photos and masks as they are read, and what is found about them     |
//! | `cut.rs`          | squares of photos                                                   |
//! | `batch.rs`        | what each step sees                                                 |
//! | `parameters.rs`   | what is learnt                                                      |
//! | `loss.rs`         | the loss of a step and its gradients                                |
//! | `regularise.rs`   | the part of it that looks at attention                              |
//! | `adam.rs`         | the optimiser                                                       |
//! | `checkpoint.rs`   | a training at one moment, on the disk                               |
//! | `draw.rs`         | pictures of the concept alone                                       |
//! | `heed.rs`         | where in them the subject is                                        |
//! | `likeness.rs`     | how much of the subject's colours they show                         |
//! | `judge.rs`        | how alike they and the photos are by an encoder that the user has   |
//! | `sheet.rs`        | those of the end side by side                                       |
//! | `concept_file.rs` | the files of a concept                                              |
//! | `torch_file.rs`   | torch's own kind of file                                            |
//!
//! The model's weights are shared with whatever else uses them and never change. They have no gradients, and nothing below
//! the first layer that is trained has a graph.

pub mod adam;
mod batch;
pub mod checkpoint;
pub mod concept_file;
mod cut;
pub mod draw;
mod heed;
pub mod judge;
pub mod likeness;
pub mod loss;
pub mod parameters;
pub mod photos;
pub mod regularise;
mod sheet;
pub mod torch_file;

use std::io::Cursor;
use std::sync::Arc;
use std::time::Instant;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};

use self::batch::{Pool, bind};
use self::checkpoint::State;
use self::concept_file::Places;
use self::concept_file::Seen;
use self::draw::Wish;
use self::judge::Judge;
use self::likeness::Palette;
use self::loss::{Counts, slope};
use self::parameters::{Group, Parameters, Place};
use self::photos::ReadPhoto;
use super::concept_files;
use super::error::{EngineError, Result};
use super::models::{Models, picture_side};
use super::pictures::host;
use super::report::Reporter;
use crate::link::{Alike, Event, Stage, Trained, TrainingEvent, TrainingJob, TrainingPicture, TrainingStep, Warning};
use crate::project::DiskFiles;
use crate::project::training::{PLACE, Training, captions};

/// Strengths of the validation pictures.
const STRENGTHS: [f32; 3] = [0.0, 0.7, 1.0];
/// The strength of the test sheet, at which the method uses an ED-LoRA.
const STRENGTH: f32 = 0.7;
/// Sampling steps of validation pictures and of the test sheet.
const QUICK_STEPS: usize = 20;
const SHEET_STEPS: usize = 30;
/// Seeds of each prompt on the test sheet.
const SEEDS: u64 = 2;
/// The most prompts on it.
const PROMPTS: usize = 6;
/// Prompts that say on the way whether the subject is known well enough.
const ASKED: usize = 4;
/// The longer side of the picture inside of a concept's file, in pixels, and its quality as a JPEG, of 100.
const THUMBNAIL: u32 = 128;
const THUMBNAIL_QUALITY: u8 = 85;
/// Guidance scale of all these pictures.
const GUIDANCE: f64 = 5.0;

/// Trains a concept, from the run folder's checkpoint where there is one, and writes its files there.
///
/// # Errors
/// When a photo, a caption, a setting or the model cannot be used, the disk cannot be written to, or the job is cancelled.
/// However it ends, the last checkpoint stays, and where it is cancelled one is written.
pub fn train(models: &Models, job: &TrainingJob, report: &Reporter) -> Result<Trained> {
    let begun = Instant::now();
    let training = &job.training;
    let size = size(models, training)?;
    let files = DiskFiles { base: job.folder.clone(), assets: crate::assets::find };
    let photos = read_photos(training, &files, report)?;
    let of = fingerprint(models, training, &photos, size);
    std::fs::create_dir_all(&job.run).map_err(|source| EngineError::Write { path: job.run.clone(), source })?;
    let fresh = match &training.from {
        Some(path) => concept_file::read(models, training, &concept_files::open(&files, path)?)?,
        None => Parameters::new(models, training)?,
    };
    let state = match State::read(&job.run, &of, fresh.clone(), &models.device)? {
        Some(state) => {
            report.send(Event::Training(report.job, TrainingEvent::Resumed(state.step)));
            state
        }
        None => State::new(fresh, &models.device),
    };
    let palette = Palette::of(&photos);
    let judge = training.encoder.as_ref().map(|encoder| {
        let folder = crate::project::resolve(&job.folder, encoder);
        Judge::new(&folder, &photos, &models.device)
    });
    let judge = judge.transpose()?;
    let mut run = Run { models, job, report, of, size, state, palette, judge, written: None };
    if training.settings.enough > 0.0 && run.palette.is_none() {
        let what = "it cannot end early by its likeness: no photo has a mask, or the subject has the colours of its surroundings";
        report.warn(Warning::Training(what.into()));
    }
    let pool = Pool::new(models, training, &photos, size, report)?;
    match run.learn(&pool) {
        Err(EngineError::Cancelled) => {
            run.checkpoint()?;
            return Err(EngineError::Cancelled);
        }
        outcome => outcome?,
    }
    run.finish(&photos, begun)
}

/// The side of the squares that photos are cut to, in pixels.
fn size(models: &Models, training: &Training) -> Result<u32> {
    let multiple = (models.vae.config.factor() * models.unet.config.latent_multiple()) as u32;
    let own = picture_side(&models.unet.config, &models.vae.config);
    let size = photos::side(&training.settings, own, &models.files)?;
    if size == 0 || !size.is_multiple_of(multiple) {
        return Err(EngineError::Job(format!("photos of {size} pixels; this model needs a multiple of {multiple}")));
    }
    Ok(size)
}

fn read_photos(training: &Training, files: &DiskFiles, report: &Reporter) -> Result<Vec<ReadPhoto>> {
    if training.photos.is_empty() {
        return Err(EngineError::Job("there are no photos to train from; add 3 to 15 of the subject".into()));
    }
    let mut read = Vec::with_capacity(training.photos.len());
    for photo in &training.photos {
        report.check()?;
        let photo = photos::read(files, photo)?;
        if !captions::has_place(&photo.caption) {
            let (name, caption) = (&photo.name, &photo.caption);
            let what =
                format!("{name}: its caption \"{caption}\" does not name the subject; write {PLACE} where it does");
            return Err(EngineError::Job(what));
        }
        read.push(photo);
    }
    Ok(read)
}

/// A hash of everything that decides what is learnt, but for how many steps and what is shown meanwhile: whoever asks for more
/// steps goes on.
fn fingerprint(models: &Models, training: &Training, photos: &[ReadPhoto], size: u32) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut settings = training.settings.clone();
    (settings.steps, settings.checkpoint_every, settings.show_every, settings.enough) = (0, 0, 0, 0.0);
    (settings.recompute, settings.full_at) = (false, 1.0);
    // As it was written before there was `full_at`, so that checkpoints of then go on.
    let settings_then = format!("{settings:?}").replace(", full_at: 1.0", "");
    hasher.update(models.fingerprint.as_bytes()).update(settings_then.as_bytes()).update(&size.to_le_bytes());
    hasher.update(format!("{:?} {:?}", training.tokens, training.from).as_bytes());
    if settings.prior > 0.0 {
        hasher.update(format!("{:?} {:?}", training.class_word, training.prompts).as_bytes());
    }
    for photo in photos {
        hasher.update(photo.caption.as_bytes()).update(&photo.picture.width().to_le_bytes());
        hasher.update(photo.picture.as_raw()).update(photo.mask.as_raw());
    }
    hasher.finalize()
}

/// A training while it runs.
struct Run<'a> {
    models: &'a Models,
    job: &'a TrainingJob,
    report: &'a Reporter,
    of: blake3::Hash,
    size: u32,
    state: State,
    /// The subject's own colours, where the photos tell them.
    palette: Option<Palette>,
    /// What compares pictures with the photos, where the training names an encoder.
    judge: Option<Judge>,
    /// The step of the checkpoint that is on the disk.
    written: Option<usize>,
}

impl Run<'_> {
    /// All steps that are left, or as many as there are until it is enough.
    fn learn(&mut self, pool: &Pool) -> Result<()> {
        let settings = &self.job.training.settings;
        self.report.progress(Stage::Training, self.state.step.min(settings.steps), settings.steps)?;
        while self.state.step < settings.steps && !self.report.is_enough() {
            self.step(pool)?;
            let done = |every: usize| every > 0 && self.state.step.is_multiple_of(every);
            let (checkpoint, show) = (done(settings.checkpoint_every), done(settings.show_every));
            if checkpoint {
                // A full disk now may have room later; nothing that was learnt is lost by going on.
                if let Err(error) = self.checkpoint() {
                    self.report
                        .warn(Warning::Training(format!("no checkpoint after step {}: {error}", self.state.step)));
                }
            }
            if show && self.state.step < settings.steps && self.show()? {
                break;
            }
            self.report.progress(Stage::Training, self.state.step, settings.steps)?;
        }
        Ok(())
    }

    fn step(&mut self, pool: &Pool) -> Result<()> {
        let begun = Instant::now();
        let (training, state) = (&self.job.training, &mut self.state);
        let settings = &training.settings;
        let counts = Counts {
            background: settings.background as f32,
            attention: settings.attention,
            full_identity: settings.full_identity,
            recompute: settings.recompute,
        };
        let batch = pool.batch(self.models, training, state.step);
        let slope = slope(self.models, &state.parameters, &batch, counts);
        if !(slope.denoising.is_finite() && slope.attention.is_finite()) {
            return Err(EngineError::Job(format!(
                "the loss is no number any more after step {}: begin anew with lower learning rates",
                state.step
            )));
        }
        let part = 1.0 - state.step as f64 / settings.steps as f64;
        let rates = [settings.embedding_rate, settings.text_rate, settings.unet_rate];
        for (group, gradient) in Group::ALL.into_iter().zip(slope.gradients) {
            let rate = rates[group as usize];
            let Some(gradient) = gradient.filter(|_| rate > 0.0 && !(group == Group::Words && state.words_done)) else {
                continue;
            };
            let values = state.parameters.groups[group as usize].clone();
            let moments = &mut state.moments[group as usize];
            state.parameters.groups[group as usize] =
                moments.step(values, gradient, state.step + 1, rate * part, settings.weight_decay);
        }
        state.step += 1;
        let norms = norms(&state.parameters);
        if let Some(most) = settings.embedding_norm {
            let mean = norms.iter().sum::<f32>() / norms.len().max(1) as f32;
            state.words_done |= f64::from(mean) >= most;
        }
        let of = |index: usize| norms.get(index).copied().unwrap_or(0.0);
        let step = TrainingStep {
            step: state.step,
            steps: settings.steps,
            denoising: slope.denoising,
            attention: slope.attention,
            norms: [of(0), of(1)],
            took: begun.elapsed(),
        };
        self.report.send(Event::Training(self.report.job, TrainingEvent::Step(step)));
        Ok(())
    }

    /// Writes a checkpoint, unless the one on the disk is this very step's.
    fn checkpoint(&mut self) -> Result<()> {
        let step = self.state.step;
        if self.written == Some(step) || step == 0 {
            return Ok(());
        }
        self.state.write(&self.job.run, &self.of)?;
        self.written = Some(step);
        self.report.send(Event::Training(self.report.job, TrainingEvent::Checkpoint(step)));
        Ok(())
    }

    /// Validation pictures: one prompt and seed at several strengths. True if the subject is known well enough, which further
    /// prompts have a say in.
    fn show(&self) -> Result<bool> {
        let settings = &self.job.training.settings;
        let prompts = prompts(&self.job.training);
        let mut seen = Vec::new();
        for strength in STRENGTHS {
            let picture = self.draw(&prompts[0], strength, settings.seed, QUICK_STEPS)?;
            if strength == STRENGTH {
                seen.extend(picture.likeness);
            }
        }
        if settings.enough <= 0.0 || self.palette.is_none() {
            return Ok(false);
        }
        for prompt in prompts.iter().skip(1).take(ASKED - 1) {
            seen.extend(self.draw(prompt, STRENGTH, settings.seed, QUICK_STEPS)?.likeness);
        }
        Ok(mean(&seen).is_some_and(|mean| f64::from(mean) >= settings.enough))
    }

    fn draw(&self, prompt: &str, strength: f32, seed: u64, steps: usize) -> Result<Arc<TrainingPicture>> {
        let parameters = &self.state.parameters;
        // As the finished concept acts at this strength; at `full_at` itself that is exactly what was learnt.
        let factor = strength / self.job.training.settings.full_at as f32;
        let adapter = parameters.adapter(&parameters.tensors(), f64::from(factor));
        let bound = bind(&self.job.training, prompt);
        let wish = Wish { prompt: &bound, seed, steps, guidance: GUIDANCE, size: self.size };
        // Only an encoder asks where the subject is.
        let (picture, place) = match &self.judge {
            Some(_) => draw::placed(self.models, &adapter, wish, self.report)?,
            None => (draw::picture(self.models, &adapter, wish, self.report)?, None),
        };
        let likeness = self.palette.as_ref().map(|palette| palette.likeness(&picture));
        let alike = self.judge.as_ref().map(|judge| judge.alike(&picture, place.as_ref())).transpose();
        let alike = alike.unwrap_or_else(|error| {
            self.report.warn(Warning::Training(error.to_string()));
            None
        });
        let step = self.state.step;
        let prompt = prompt.to_owned();
        let picture = Arc::new(TrainingPicture { step, prompt, strength, seed, picture, likeness, alike });
        self.report.send(Event::Training(self.report.job, TrainingEvent::Drawn(picture.clone())));
        Ok(picture)
    }

    /// The last checkpoint, the concept's files, and the test sheet. The concept is on the disk before its sheet is drawn.
    fn finish(&mut self, photos: &[ReadPhoto], begun: Instant) -> Result<Trained> {
        let (training, run) = (&self.job.training, &self.job.run);
        if let Err(error) = self.checkpoint() {
            self.report.warn(Warning::Training(format!("no checkpoint after step {}: {error}", self.state.step)));
        }
        let places = Places::of(run, &training.name);
        let write = |seen: &Seen| {
            concept_file::write(&places, &self.state.parameters, training, self.models, self.state.step, seen)
        };
        write(&Seen::default())?;
        let prompts = prompts(training);
        let count = prompts.len() * SEEDS as usize;
        let mut pictures = Vec::with_capacity(count);
        for prompt in &prompts {
            for seed in 0..SEEDS {
                // Somebody who has seen enough has the concept all the same.
                if let Err(EngineError::Cancelled) = self.report.progress(Stage::Testing, pictures.len(), count) {
                    break;
                }
                match self.draw(prompt, STRENGTH, seed, SHEET_STEPS) {
                    Ok(picture) => pictures.push(picture),
                    Err(EngineError::Cancelled) => break,
                    Err(error) => self.report.warn(Warning::Training(format!("the test sheet is not whole: {error}"))),
                }
            }
        }
        let drawn: Vec<&TrainingPicture> = pictures.iter().map(|picture| &**picture).collect();
        let likeness = mean(&drawn.iter().filter_map(|picture| picture.likeness).collect::<Vec<_>>());
        let thumbnail = drawn.first().map(|picture| thumbnail(&picture.picture)).transpose().unwrap_or_else(|error| {
            self.report.warn(Warning::Training(error.to_string()));
            None
        });
        let seen = Seen { likeness, alike: mean_alike(&drawn), thumbnail };
        let whole = drawn.iter().filter(|picture| picture.alike.as_ref().is_some_and(|alike| alike.whole)).count();
        if whole > 0 {
            let (of, left) = (drawn.len(), if whole < drawn.len() { " and left out of the mean" } else { "" });
            let what = format!(
                "where the subject is cannot be told in {whole} of {of} pictures of the test sheet, since nothing there heeds its \
                 words more than the rest: the whole picture is compared with the photos{left}"
            );
            self.report.warn(Warning::Training(what));
        }
        // The same numbers with what the sheet says of them.
        if seen != Seen::default()
            && let Err(error) = write(&seen)
        {
            self.report.warn(Warning::Training(error.to_string()));
        }
        let whole = sheet::sheet(photos, &drawn, SEEDS as usize);
        let preview = drawn.first().map(|picture| (&places.preview, &picture.picture));
        for (path, picture) in [(&places.sheet, &whole)].into_iter().chain(preview) {
            if let Err(error) = png(picture).and_then(|bytes| concept_file::put(path, &bytes)) {
                self.report.warn(Warning::Training(error.to_string()));
            }
        }
        Ok(Trained {
            file: places.own,
            pth: places.torch,
            steps: self.state.step,
            sheet: pictures,
            likeness,
            alike: seen.alike,
            elapsed: begun.elapsed(),
        })
    }
}

/// What one encoder says of all pictures; none where there is none. A picture that had to be taken whole says something else,
/// so that it counts only where all are such.
fn mean_alike(drawn: &[&TrainingPicture]) -> Option<Alike> {
    let said: Vec<&Alike> = drawn.iter().filter_map(|picture| picture.alike.as_ref()).collect();
    let whole = said.iter().all(|alike| alike.whole);
    let counted = said.iter().filter(|alike| alike.whole == whole);
    let cosine = mean(&counted.map(|alike| alike.cosine).collect::<Vec<_>>())?;
    Some(Alike { encoder: said.first()?.encoder.clone(), cosine, whole })
}

/// None where there are none.
fn mean(values: &[f32]) -> Option<f32> {
    (!values.is_empty()).then(|| values.iter().sum::<f32>() / values.len() as f32)
}

/// The prompts of validation pictures and of the test sheet; those of the captions where none are given.
fn prompts(training: &Training) -> Vec<String> {
    let with_place = |prompts: &mut dyn Iterator<Item = &String>| {
        let mut found: Vec<String> = Vec::new();
        for prompt in prompts.filter(|prompt| prompt.contains(PLACE)) {
            if !found.contains(prompt) && found.len() < PROMPTS {
                found.push(prompt.clone());
            }
        }
        found
    };
    let mut prompts = with_place(&mut training.prompts.iter());
    if prompts.is_empty() {
        prompts = with_place(&mut training.photos.iter().map(|photo| &photo.caption));
    }
    if prompts.is_empty() {
        prompts.push(PLACE.into());
    }
    prompts
}

/// The mean norm of each word's embeddings.
fn norms(parameters: &Parameters) -> Vec<f32> {
    let numbers = host(parameters.groups[Group::Words as usize].clone());
    let words = parameters.list.iter().filter(|parameter| matches!(parameter.place, Place::Word(_)));
    let norm = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    words
        .map(|word| {
            let [layers, width] = word.shape;
            numbers[word.start..][..word.len()].chunks_exact(width).map(norm).sum::<f32>() / layers as f32
        })
        .collect()
}

/// A picture as it is kept inside of a concept's file.
fn thumbnail(picture: &RgbImage) -> Result<Vec<u8>> {
    let longest = picture.width().max(picture.height()).max(1);
    let side = |length: u32| (length * THUMBNAIL / longest).max(1);
    let (width, height) = (side(picture.width()), side(picture.height()));
    let small = image::imageops::resize(picture, width, height, image::imageops::FilterType::Triangle);
    let mut bytes = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut bytes, THUMBNAIL_QUALITY).encode_image(&small);
    written.map_err(|error| EngineError::Job(format!("a picture could not be written as JPEG ({error})")))?;
    Ok(bytes)
}

fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, ImageFormat::Png);
    written.map_err(|error| EngineError::Job(format!("a picture could not be written as PNG ({error})")))?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(cosine: f32, whole: bool) -> TrainingPicture {
        TrainingPicture {
            step: 0,
            prompt: String::new(),
            strength: STRENGTH,
            seed: 0,
            picture: RgbImage::new(1, 1),
            likeness: None,
            alike: Some(Alike { encoder: "CLIP".into(), cosine, whole }),
        }
    }

    #[test]
    fn whole_pictures_count_only_where_no_subject_s_place_is_known() {
        let mean = |pictures: &[TrainingPicture]| mean_alike(&pictures.iter().collect::<Vec<_>>());
        let some = mean(&[drawn(0.5, false), drawn(-1.0, true), drawn(0.75, false)]).expect("some");
        assert_eq!((some.cosine, some.whole, some.encoder.as_str()), (0.625, false, "CLIP"));
        let all = mean(&[drawn(0.5, true), drawn(0.25, true)]).expect("some");
        assert_eq!((all.cosine, all.whole), (0.375, true));
        assert_eq!(mean(&[TrainingPicture { alike: None, ..drawn(0.0, false) }]), None);
        assert_eq!(mean(&[]), None);
    }
}
