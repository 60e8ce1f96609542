//! `podium train`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use crossbeam_channel::{Receiver, select};
use indicatif::ProgressBar;

use super::key_value::key_value;
use super::progress::Progress;
use super::say::aside;
use super::written::{put, unwritten};
use super::{Outcome, interrupt};
use crate::engine::cache::Cache;
use crate::engine::device::{holds_half, is_cpu};
use crate::engine::inspect::{ModelReport, inspect_model};
use crate::engine::train::concept_file::sheet_of;
use crate::engine::train::photos::{self, Facts, Severity};
use crate::engine::worker::{Engine, training_files};
use crate::engine::{fit, memory};
use crate::link::{DeviceChoice, Event, JobId, Stage, Trained, TrainingEvent, TrainingJob, TrainingStep};
use crate::project::DiskFiles;
use crate::project::training::folder::{Said, read_folder};
use crate::project::training::{Training, TrainingPreset, captions, file};
use crate::studio::places::folder_of;

/// Lines about steps where no bar is seen.
const LINES: usize = 10;
/// How much a step's loss counts in what is shown: single steps are a matter of chance.
const NEW: f32 = 0.1;

/// What `podium train` is told.
#[derive(Debug, Args)]
pub struct Train {
    /// A training (.ron), or a folder of photos: captions in NAME.txt beside them, masks in NAME.mask.png or in a folder
    /// masks/, or as kohya's users have it (10_token class/)
    training: PathBuf,

    /// The kind of the subject, such as cat (else what the training or the folder's name says)
    #[arg(long, value_name = "WORD")]
    class_word: Option<String>,

    /// What the concept is called
    #[arg(long)]
    name: Option<String>,

    /// Settings to begin with: quick (for small machines) or paper
    #[arg(long)]
    preset: Option<TrainingPreset>,

    /// Steps of the optimiser
    #[arg(long)]
    steps: Option<usize>,

    /// The seed of everything that is random
    #[arg(long)]
    seed: Option<u64>,

    /// Change a setting, such as unet_rate=2e-3; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// The model to train on: a folder or a file (else the built-in miniature)
    #[arg(long)]
    model: Option<PathBuf>,

    /// An ED-LoRA to go on from, in place of fresh numbers: of as many tokens and of the same rank
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,

    /// A folder with CLIP or DINOv2 as Hugging Face has it, which says how alike the test sheet and the photos are
    #[arg(long, value_name = "FOLDER")]
    encoder: Option<PathBuf>,

    /// A prompt of the test sheet, with <TOK> where the concept stands; may be given several times
    #[arg(long = "prompt", value_name = "WORDS")]
    prompts: Vec<String>,

    /// Put <TOK> into captions that do not have it: in place of a token or the class word, else at their beginning
    #[arg(long)]
    mend_captions: bool,

    /// Where the concept goes as well (.safetensors or .pth); it lies in the run's folder in any case
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,

    /// The folder of its checkpoints and of the concept; NAME.training beside the photos where none is given
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,

    /// Where to compute: auto (a real GPU, else the CPU), flex (the CPU) or wgpu (a GPU)
    #[arg(long, default_value_t)]
    device: DeviceChoice,

    /// Only say what is found about the photos, and end
    #[arg(long)]
    check: bool,

    /// Do not begin while anything is found
    #[arg(long)]
    strict: bool,
}

impl Train {
    /// Inspects, trains and writes.
    pub fn run(&self) -> Outcome {
        // Before any thread begins.
        let interrupts = interrupt::listen()?;
        let (training, beside) = self.training()?;
        training.validate()?;
        self.check_out()?;
        let files = training_files(&training, &beside);
        let report = inspect_model(&files)?;
        let side = photos::side(&training.settings, report.picture_side, &files)?;
        self.inspect(&training, &beside, side)?;
        let stored = report.total_bytes;
        let report = if holds_half(self.device) { report.with_half_weights() } else { report };
        let needed = memory::words(report.training_bytes(&training.settings, side));
        let weights = if report.total_bytes < stored { ", with weights in half precision" } else { "" };
        aside(&ProgressBar::hidden(), format_args!("a step needs about {needed} of memory{weights}"));
        if let Some(shortage) = self.shortage(&report, &training, side) {
            aside(&ProgressBar::hidden(), format_args!("note: {shortage}"));
            if self.strict {
                return Err("with --strict the notes above stop the training".into());
            }
        }
        if self.check {
            let count = training.photos.len();
            say!("{count} photos of \"{}\" for a concept of {side} x {side} pixels", training.class_word);
            return Ok(());
        }
        let run = self.run.clone().unwrap_or_else(|| training.run_folder(&beside));
        std::fs::create_dir_all(&run).map_err(|error| format!("{}: cannot be made ({error})", run.display()))?;
        // So that the studio opens it, and it can be gone on with when the photos' folder has changed.
        file::save(&run.join(format!("{}.ron", training.name)), &training)?;
        let engine = Engine::start(Cache::standard(), || ())?;
        let (job, folder) = (JobId(0), beside);
        let job = TrainingJob { id: job, training: training.clone(), folder, run: run.clone(), device: self.device };
        let id = engine.train(job);
        let Some(trained) = follow(&engine, id, &interrupts)? else {
            say!("stopped; the same command goes on from its checkpoint in {}", run.display());
            return Ok(());
        };
        self.keep(&trained, &training)
    }

    /// Why it may not fit, in words: it is more than the machine has, or near to what is free of it.
    fn shortage(&self, report: &ModelReport, training: &Training, side: u32) -> Option<String> {
        let never = memory::total().and_then(|total| report.training_shortage(&training.settings, side, total));
        let words = never.or_else(|| report.training_tight(&training.settings, side, fit::room(0)?));
        // A GPU does not say how much it has.
        words.filter(|_| is_cpu(self.device))
    }

    /// The training that is asked for, with absolute paths, and the folder beside which its run lies.
    fn training(&self) -> Result<(Training, PathBuf), Box<dyn std::error::Error>> {
        let path = &self.training;
        let (mut training, beside) = if path.is_dir() {
            let said = Said { name: self.name.clone(), class_word: self.class_word.clone() };
            let whole = std::path::absolute(path)?;
            (read_folder(path, &said)?, folder_of(&whole))
        } else {
            (file::load(path)?, folder_of(&std::path::absolute(path)?))
        };
        let name = self.name.clone().unwrap_or_else(|| training.name.clone());
        let class_word = self.class_word.clone().unwrap_or_else(|| training.class_word.clone());
        training.rename(&name, &class_word);
        if let Some(model) = &self.model {
            training.model = Some(std::path::absolute(model)?);
        }
        if let Some(from) = &self.from {
            training.from = Some(std::path::absolute(from)?);
        }
        if let Some(encoder) = &self.encoder {
            training.encoder = Some(std::path::absolute(encoder)?);
        }
        if !self.prompts.is_empty() {
            training.prompts.clone_from(&self.prompts);
        }
        if let Some(preset) = self.preset {
            preset.apply(&mut training.settings);
        }
        for (key, value) in
            [("steps", self.steps.map(|steps| steps.to_string())), ("seed", self.seed.map(|seed| seed.to_string()))]
        {
            if let Some(value) = value {
                training.settings.set(key, &value)?;
            }
        }
        for setting in &self.settings {
            let (key, value) = key_value(setting)?;
            training.settings.set(key, value)?;
        }
        if self.mend_captions {
            let before = training.clone();
            for photo in &mut training.photos {
                photo.caption = captions::mend(&photo.caption, &before);
            }
        }
        Ok((training, beside))
    }

    /// A training takes a while; that its result cannot be written shall not come out at the end.
    fn check_out(&self) -> Outcome {
        let Some(path) = &self.out else { return Ok(()) };
        let folder = folder_of(path);
        if !folder.is_dir() {
            return Err(format!("{}: there is no such folder to write to", folder.display()).into());
        }
        match ending(path).as_str() {
            "safetensors" | "pth" => Ok(()),
            _ => Err(format!("{}: end its name in .safetensors or .pth", path.display()).into()),
        }
    }

    /// Says what is found about the photos.
    fn inspect(&self, training: &Training, folder: &Path, side: u32) -> Outcome {
        let files = DiskFiles { base: folder.to_owned(), assets: crate::assets::find };
        let look = |photo| photos::read(&files, photo).map(|read| Facts::of(&read)).map_err(|error| error.to_string());
        let facts: Vec<_> = training.photos.iter().map(|photo| Some(look(photo))).collect();
        let findings = photos::inspect(training, &facts, Some(side));
        let mut stops = 0;
        for finding in &findings {
            let first = if finding.kind.severity() == Severity::Stops { "stop" } else { "note" };
            stops += usize::from(first == "stop");
            aside(&ProgressBar::hidden(), format_args!("{first}: {}", finding.words));
        }
        match (stops, findings.len()) {
            (0, notes) if notes > 0 && self.strict => Err("with --strict the notes above stop the training".into()),
            (0, _) => Ok(()),
            (1, _) => Err("put right what stops the training first; see above".into()),
            (stops, _) => Err(format!("put right the {stops} things that stop the training first; see above").into()),
        }
    }

    /// Writes what else was asked for, and says where everything is.
    fn keep(&self, trained: &Trained, training: &Training) -> Outcome {
        if let Some(out) = &self.out {
            let from = if ending(out) == "pth" { &trained.pth } else { &trained.file };
            let bytes = std::fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?;
            let folder = folder_of(out);
            std::fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
            put(out, &bytes)?;
            say!("{}", out.display());
        }
        say!("{}", trained.file.display());
        say!("{}", trained.pth.display());
        if let Some(sheet) = sheet_of(&trained.file) {
            say!("{} (test sheet)", sheet.display());
        }
        if let Some(likeness) = trained.likeness {
            say!("likeness {likeness:.2}: how much of the subject's own colours the test sheet shows, of 1");
        }
        if let Some(alike) = &trained.alike {
            let words = alike.words();
            let of = if alike.whole { "whole pictures" } else { "subjects, each inside its mask," };
            say!("{words}: mean cosine of the test sheet's {of} with the photos inside their masks, of 1");
        }
        let full_at = training.settings.full_at;
        if full_at != 1.0 {
            say!("full at strength {full_at}: used at that strength it acts as it was learnt");
        }
        say!("trained {} steps in {:.1} s", trained.steps, trained.elapsed.as_secs_f64());
        Ok(())
    }
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// Shows progress until the training ends; None where it was stopped and has left a checkpoint.
fn follow(
    engine: &Engine,
    job: JobId,
    interrupts: &Receiver<()>,
) -> Result<Option<Arc<Trained>>, Box<dyn std::error::Error>> {
    let mut progress = Progress::new("{msg:48} {bar:24} {pos}/{len}  {elapsed}  {eta} left");
    let bar = progress.bar.clone();
    let mut loss: Option<f32> = None;
    loop {
        let event = select! {
            recv(engine.events()) -> event => event?,
            recv(interrupts) -> told => {
                // It never closes while the program runs; a closed one would be told again and again.
                if told.is_err() {
                    return Err("nobody listens to Ctrl+C any more".into());
                }
                aside(&bar, "stopping after this step; Ctrl+C once more ends at once");
                engine.cancel(job);
                continue;
            }
        };
        progress.take(&event);
        match event {
            Event::Started { .. } | Event::Progress { .. } => {}
            Event::Warning(_, warning) => aside(&bar, format_args!("note: {warning}")),
            Event::Training(_, TrainingEvent::Resumed(step)) => {
                aside(&bar, format_args!("goes on from its checkpoint after step {step}"));
            }
            Event::Training(_, TrainingEvent::Step(step)) => {
                let shown = loss.map_or(step.denoising, |loss| loss + NEW * (step.denoising - loss));
                loss = Some(shown);
                progress.enter(Stage::Training);
                progress.set(step.step, step.steps);
                bar.set_message(words(&step, shown));
                let every = (step.steps / LINES).max(1);
                if bar.is_hidden() && (step.step % every == 0 || step.step == step.steps) {
                    aside(&bar, format_args!("step {} of {}: {}", step.step, step.steps, words(&step, shown)));
                }
            }
            Event::Training(_, TrainingEvent::Checkpoint(step)) => {
                aside(&bar, format_args!("checkpoint after step {step}"));
            }
            Event::Training(_, TrainingEvent::Drawn(_)) | Event::Device(_) | Event::Model(_) | Event::Step(..) => {}
            // Said by the failure that follows.
            Event::Unfit(_) => {}
            Event::Training(_, TrainingEvent::Done(trained)) => {
                bar.finish_and_clear();
                return Ok(Some(trained));
            }
            Event::Cancelled(_) => {
                bar.finish_and_clear();
                return Ok(None);
            }
            Event::Failed(_, words) => {
                bar.finish_and_clear();
                return Err(words.into());
            }
            Event::Done(..) => return Err("the engine rendered where it was to train; please report this".into()),
        }
    }
}

/// Loss and norms of a step.
fn words(step: &TrainingStep, loss: f32) -> String {
    let [one, other] = step.norms;
    let attention = if step.attention == 0.0 { String::new() } else { format!(", attention {:.4}", step.attention) };
    format!("loss {loss:.4}{attention}, norms {one:.2} and {other:.2}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_step_is_said_with_its_loss_and_norms() {
        let mut step = TrainingStep {
            step: 1,
            steps: 2,
            denoising: 0.5,
            attention: 0.0,
            norms: [0.414, 0.3],
            took: Duration::ZERO,
        };
        assert_eq!(words(&step, 0.123_45), "loss 0.1235, norms 0.41 and 0.30");
        step.attention = 0.01;
        assert_eq!(words(&step, 0.5), "loss 0.5000, attention 0.0100, norms 0.41 and 0.30");
    }
}
