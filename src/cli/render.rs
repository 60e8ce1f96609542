//! `podium render`

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;

use super::Outcome;
use super::key_value::key_value;
use super::moved::open;
use super::progress::Progress;
use super::record::Record;
use super::say::{self, aside};
use crate::engine::cache::Cache;
use crate::engine::device::is_cpu;
use crate::engine::inspect::{Demand, inspect_model};
use crate::engine::worker::{Engine, model_files};
use crate::engine::{concept_files, fit, memory};
use crate::link::{DeviceChoice, Event, Finished, Watch};
use crate::photo::Format;
use crate::project::{DiskFiles, Preset, Project, png_text};
use crate::studio::export::photo::{self, Which};

/// What `podium render` is told.
#[derive(Debug, Args)]
pub struct Render {
    /// The project (.ron), or a PNG that Podium wrote
    project: PathBuf,

    /// The picture to write: PNG, or also JPEG where the project places into a piece of a photo; several seeds are
    /// numbered: out-1.png, out-2.png
    #[arg(short, long)]
    output: PathBuf,

    /// Settings to begin with in place of the project's: draft, standard or paper, with the values for the project's model
    #[arg(long)]
    preset: Option<Preset>,

    /// Sampling steps
    #[arg(long)]
    steps: Option<u32>,

    /// The first seed
    #[arg(long)]
    seed: Option<u64>,

    /// Where to compute: auto (a real GPU, else the CPU), flex (the CPU) or wgpu (a GPU)
    #[arg(long, default_value_t)]
    device: DeviceChoice,

    /// Change a setting, such as mask_refinement.enabled=false; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Write every step's preview, masks and attention maps and a JSON-lines log into this folder
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Fail at the first note: a setting without effect, a concept that will not appear, a prompt that is cut, a file that has
    /// moved or is another, memory that may not suffice
    #[arg(long)]
    strict: bool,

    /// Keep where the photo was taken, if it says so and the project places into a piece of it
    #[arg(long)]
    keep_gps: bool,
}

impl Render {
    /// Renders and writes.
    pub fn run(&self) -> Outcome {
        let (project, folder) = self.project()?;
        check_output(&self.output, photo::placement(&project).is_some())?;
        png_text::check(&project, &folder)?;
        let mut record = self.record.as_deref().map(Record::create).transpose()?;
        let finished = render(&project, &folder, self.device, record.as_mut(), self.strict)?;
        write_pictures(&self.output, &finished, &project, &folder, self.keep_gps)?;
        say::line(format_args!("rendered in {:.1} s", finished.elapsed.as_secs_f64()));
        Ok(())
    }

    fn project(&self) -> Result<(Project, PathBuf), Box<dyn std::error::Error>> {
        let (mut project, folder) = open(&self.project, self.strict)?;
        if let Some(preset) = self.preset {
            preset.apply(&mut project);
        }
        if let Some(steps) = self.steps {
            project.settings.set("steps", &steps.to_string())?;
        }
        project.seed = self.seed.unwrap_or(project.seed);
        for setting in &self.settings {
            let (key, value) = key_value(setting)?;
            project.settings.set(key, value)?;
        }
        Ok((project, folder))
    }
}

/// Renders a project whose paths start from `folder`, and shows how far it is.
pub(super) fn render(
    project: &Project,
    folder: &Path,
    device: DeviceChoice,
    record: Option<&mut Record>,
    strict: bool,
) -> Result<Arc<Finished>, Box<dyn std::error::Error>> {
    let watch = if record.is_some() { Watch::ALL } else { Watch::default() };
    check_all([project], folder, device, watch, strict.then_some("the render"))?;
    let engine = Engine::start(Cache::standard(), || ())?;
    engine.render(project.clone(), folder.to_owned(), device, watch);
    follow(&engine, record, strict)
}

/// Writes every picture of a render, and says where. One that was placed into a piece of a photo is the whole photo.
fn write_pictures(output: &Path, finished: &Finished, project: &Project, folder: &Path, keep_gps: bool) -> Outcome {
    let many = finished.pictures.len() > 1;
    for (index, (picture, seed)) in finished.pictures.iter().zip(&finished.seeds).enumerate() {
        let path = if many { numbered(output, index + 1) } else { output.to_owned() };
        if photo::placement(project).is_some() {
            let whole = photo::with_render(project, folder, picture, Which::All)?;
            photo::write(&path, &whole, project, folder, *seed, keep_gps)?;
        } else {
            png_text::write_png(&path, picture, project, folder, *seed)?;
        }
        say::line(format_args!("{} (seed {seed})", path.display()));
    }
    Ok(())
}

/// Says where renders, one after the other, may not fit into memory, before they begin: the first that may not is told of.
/// What `strict` names does not begin then.
pub(super) fn check_all<'a>(
    projects: impl IntoIterator<Item = &'a Project>,
    folder: &Path,
    device: DeviceChoice,
    watch: Watch,
    strict: Option<&str>,
) -> Outcome {
    // A GPU does not say how much memory it has.
    if !is_cpu(device) {
        return Ok(());
    }
    let Some(words) = projects.into_iter().find_map(|project| shortage(project, folder, watch)) else { return Ok(()) };
    if let Some(ended) = strict {
        return Err(format!("{words} (with --strict this ends {ended})").into());
    }
    aside(&ProgressBar::hidden(), format_args!("note: {words}"));
    Ok(())
}

/// Why a render may not fit, in words: it is more than the machine has, or near to what is free of it. None where model or
/// project cannot be looked at, which the render will say.
fn shortage(project: &Project, folder: &Path, watch: Watch) -> Option<String> {
    let model = inspect_model(&model_files(project, folder)).ok()?;
    let files = DiskFiles { base: folder.to_owned(), assets: crate::assets::find };
    let demand = Demand::of(project, concept_files::held(&files, project)).watched_by(watch);
    let never = memory::total().and_then(|total| model.shortage(demand, total));
    never.or_else(|| model.tight(demand, fit::room(0)?))
}

/// A render takes a while; that its result cannot be written shall not come out at the end.
pub(super) fn check_output(path: &Path, is_photo: bool) -> Outcome {
    if is_photo && Format::of(path).is_none() {
        return Err(
            format!("{}: photos are written as PNG or JPEG; end its name in .png or .jpg", path.display()).into()
        );
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(format!("{}: there is no such folder to write to", folder.display()).into());
    }
    if path.is_dir() {
        return Err(format!(
            "{}: is a folder; name a picture, such as {}",
            path.display(),
            path.join("out.png").display()
        )
        .into());
    }
    Ok(())
}

pub(super) fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // Whatever a picture that is no photo is called, it is a PNG.
    let ending = Format::of(path).and_then(|_| path.extension()).unwrap_or(OsStr::new("png")).to_string_lossy();
    path.with_file_name(format!("{stem}-{number}.{ending}"))
}

/// Shows progress until the job ends.
pub(super) fn follow(
    engine: &Engine,
    mut record: Option<&mut Record>,
    strict: bool,
) -> Result<Arc<Finished>, Box<dyn std::error::Error>> {
    let mut progress = Progress::new("{msg:32} {bar:30} {pos}/{len}  {elapsed}  {eta} left");
    let bar = progress.bar.clone();
    loop {
        let event = engine.events().recv()?;
        progress.take(&event);
        match event {
            Event::Started { .. } | Event::Progress { .. } | Event::Training(..) => {}
            Event::Device(_) | Event::Model(_) | Event::Unfit(_) => {}
            Event::Warning(_, warning) => {
                if let Some(record) = record.as_deref_mut() {
                    record.warning(&warning)?;
                }
                if strict {
                    bar.finish_and_clear();
                    return Err(format!("{warning} (with --strict this ends the render)").into());
                }
                aside(&bar, format!("note: {warning}"));
            }
            Event::Step(_, view) => {
                if let Some(record) = record.as_deref_mut() {
                    record.step(&view)?;
                }
            }
            Event::Done(_, finished) => {
                bar.finish_and_clear();
                return Ok(finished);
            }
            Event::Cancelled(_) => return Err("cancelled".into()),
            Event::Failed(_, words) => {
                bar.finish_and_clear();
                return Err(words.into());
            }
        }
    }
}
