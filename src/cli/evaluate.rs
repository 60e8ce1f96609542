//! `podium evaluate`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use image::RgbImage;

use super::Outcome;
use super::encoders::NamedEncoders;
use super::interrupt;
use super::key_value::key_value;
use super::networks::{Networks, networks};
use super::progress::Progress;
use super::render::check_all;
use super::say::aside;
use crate::engine::cache::Cache;
use crate::evaluate::crew::Crew;
use crate::evaluate::encoders::Encoders;
use crate::evaluate::finder::{Asked, Finder, SURE};
use crate::evaluate::merge::merge;
use crate::evaluate::methods::METHODS;
use crate::evaluate::metrics::background::Background;
use crate::evaluate::record::{self, Folder, Record};
use crate::evaluate::report;
use crate::evaluate::run::{Ending, Order, Strip, Told, measure_again, one_of_each, run};
use crate::evaluate::search::{self, Axis};
use crate::evaluate::segmenter::Segmenter;
use crate::evaluate::suite::{self, SHIPPED, Suite, Unit, shard};
use crate::link::{DeviceChoice, Finished, StepView, Watch};
use crate::project::Project;
use crate::studio::cut::open_tensors;
use crate::studio::export::{SheetOptions, Take, contact_sheet};
use crate::studio::places::Places;

/// What `podium evaluate` is told.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Evaluate {
    #[command(subcommand)]
    other: Option<Other>,

    /// A shipped suite (plush, placing, paper), or a suite's file (.ron)
    #[arg(required = true)]
    suite: Option<String>,

    /// The folder of pictures, numbers and report; the same command goes on with what is there
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,

    /// All pairs, scenes and seeds of the suite
    #[arg(long)]
    full: bool,

    /// One part of several, counted from 1, such as 3/8: parts made anywhere can be merged
    #[arg(long, value_name = "K/N", value_parser = part)]
    shard: Option<(usize, usize)>,

    /// Only these methods, with commas between; --list names all
    #[arg(long, value_delimiter = ',')]
    methods: Vec<String>,

    /// Sampling steps, in place of the suite's
    #[arg(long)]
    steps: Option<u32>,

    /// Change a setting of the suite, such as guidance_scale=6; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Where to compute: auto (a real GPU, else the CPU), flex (the CPU), wgpu (a GPU), or wgpu:1, the adapter of that number;
    /// several with commas between share the work
    #[arg(long, value_delimiter = ',', default_value = "auto")]
    device: Vec<DeviceChoice>,

    #[command(flatten)]
    encoders: Encode,

    /// Do not begin where memory may not suffice
    #[arg(long)]
    strict: bool,

    /// Keep masks and attention from step to step, as in the paper's Figures 12 and 13, of each case's prompt: of the full method with
    /// the first seed. Pictures of it that are there without are made again
    #[arg(long)]
    strips: bool,

    /// Only say which pictures would be made, and with which methods
    #[arg(long)]
    list: bool,
}

/// What measures pictures in place of what the suite names, and beside it.
#[derive(Clone, Debug, Default, Args)]
struct Encode {
    #[command(flatten)]
    encoders: NamedEncoders,

    /// Grounding DINO's file (ONNX), its vocab.txt beside it: it finds the subjects by their class words, of which too few and
    /// too many are counted, and what encoders compare
    #[arg(long, value_name = "FILE.onnx")]
    words: Option<PathBuf>,

    /// Segment Anything, which makes masks of the boxes that --words finds: its weights, their folder, or its two files (ONNX).
    /// Without it all of a box is the subject
    #[arg(long, value_name = "WEIGHTS|ENCODER.onnx,DECODER.onnx", value_parser = networks)]
    sam: Option<Networks>,

    /// How sure --words must be of what it finds
    #[arg(long, value_name = "0.3..1", value_parser = sure)]
    sure: Option<f32>,
}

fn sure(words: &str) -> Result<f32, String> {
    let found = words.parse::<f32>().ok().filter(|sure| (SURE..=1.0).contains(sure));
    found.ok_or_else(|| format!("{words:?} is no number from {SURE} to 1"))
}

impl Encode {
    /// Reads them and those of the suite, and says which are missing, which take another's place, and which are there.
    fn open(&self, suite: &Suite, base: &Path, device: DeviceChoice) -> Result<Encoders, String> {
        let (finder, notes) = Finder::chosen(suite.segmenter.as_ref(), base, &self.asked())?;
        let (encoders, of_encoders) = Encoders::open(suite, base, &self.encoders.named(), device)?;
        let segmenter = finder.map(|finder| {
            let progress = Progress::new("{spinner} {msg}");
            progress.bar.set_message("opening the networks that find subjects");
            let opened = Segmenter::of(&finder, &Places::standard().segment_folder(), &open_tensors);
            progress.bar.finish_and_clear();
            opened
        });
        let encoders = encoders.with(segmenter.transpose()?);
        of_encoders.iter().chain(&notes).for_each(|words| say!("{words}"));
        encoders.words().iter().for_each(|words| say!("pictures are measured with {words}"));
        Ok(encoders)
    }

    fn asked(&self) -> Asked {
        let sam = self.sam.as_ref().map(Networks::paths).unwrap_or_default();
        Asked { words: self.words.clone(), sam, sure: self.sure }
    }
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Put the results of several folders together, and write their report
    Merge {
        /// The folders
        #[arg(required = true)]
        folders: Vec<PathBuf>,

        /// The folder to put them into
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Write the report of a folder anew
    Report {
        /// The folder
        folder: PathBuf,

        /// Measure its pictures anew before, where an older Podium has measured them
        #[arg(long)]
        measure: bool,

        /// The folder that the suite's own paths start from, for --measure
        #[arg(long, value_name = "DIR", default_value = ".")]
        base: PathBuf,

        #[command(flatten)]
        encoders: Encode,
    },
    /// Search the settings that give the best pictures of a suite
    Search(Search),
    /// Write a shipped suite to a file, to change it
    Suite {
        /// plush, placing or paper
        name: String,
    },
}

/// What `podium evaluate search` is told.
#[derive(Debug, Args)]
struct Search {
    /// A shipped suite (plush, placing), or a suite's file (.ron)
    suite: String,

    /// The folder of pictures, numbers and report; the same command goes on with what is there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Values to try of a setting, such as guidance_scale=4,5,6, or of all concepts' strength; may be given several times
    #[arg(long = "try", value_name = "KEY=A,B,C", required = true)]
    axes: Vec<Axis>,

    /// How many combinations are tried, the suite's own settings among them
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..=1000))]
    candidates: u16,

    /// Pictures of each in the first round; half of them make twice as many in the next
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=1000))]
    first: u16,

    /// Pictures by which the winner is compared with the suite's own settings, on seeds that the search has not seen
    #[arg(long, default_value_t = 42, value_parser = clap::value_parser!(u16).range(2..=10000))]
    last: u16,

    /// Sampling steps, in place of the suite's
    #[arg(long)]
    steps: Option<u32>,

    /// Where to compute: auto (a real GPU, else the CPU), flex (the CPU), wgpu (a GPU), or wgpu:1, the adapter of that number;
    /// several with commas between share the work
    #[arg(long, value_delimiter = ',', default_value = "auto")]
    device: Vec<DeviceChoice>,

    /// Do not begin where memory may not suffice
    #[arg(long)]
    strict: bool,
}

/// Says where pictures of a suite may not fit into memory, before the first; with `strict` none is made then.
fn check_memory(
    suite: &Suite,
    units: &[Unit<'_>],
    base: &Path,
    devices: &[DeviceChoice],
    watch: Watch,
    strict: bool,
) -> Outcome {
    let projects = one_of_each(suite, units, base);
    for (at, device) in devices.iter().enumerate() {
        // Told once.
        if !devices[..at].contains(device) {
            check_all(&projects, base, *device, watch, strict.then_some("the evaluation"))?;
        }
    }
    Ok(())
}

fn part(words: &str) -> Result<(usize, usize), String> {
    let advice = || "write K/N, such as 3/8: part 3 of 8".to_owned();
    let (part, parts) = words.split_once('/').ok_or_else(advice)?;
    let (part, parts) = (part.parse().map_err(|_| advice())?, parts.parse().map_err(|_| advice())?);
    if part == 0 || part > parts { Err(advice()) } else { Ok((part, parts)) }
}

impl Evaluate {
    /// Makes what is missing, and writes the report.
    pub fn run(&self) -> Outcome {
        match &self.other {
            Some(Other::Merge { folders, out }) => {
                let count = merge(folders, out)?;
                say!("{count} pictures of {} folders in {}", folders.len(), out.display());
                return self.report(out);
            }
            Some(Other::Report { folder, measure, base, encoders }) => {
                if *measure {
                    let (opened, plan) = Folder::open(folder)?;
                    let device = DeviceChoice::default();
                    let encoders = encoders.open(&plan.suite, base, device)?;
                    let units = plan.suite.units(&plan.choice);
                    let order =
                        Order { suite: &plan.suite, base, units, folder: &opened, encoders: &encoders, strips: None };
                    let count = measure_again(&order)?;
                    say!("{count} pictures measured anew");
                }
                return self.report(folder);
            }
            Some(Other::Suite { name }) => {
                let text =
                    Suite::shipped(name).ok_or_else(|| format!("there is no suite {name}; there are {SHIPPED}"))?;
                say!("{}", String::from_utf8_lossy(text).trim_end());
                return Ok(());
            }
            Some(Other::Search(search)) => return search.run(),
            None => {}
        }
        // clap sees to both.
        let (Some(named), Some(out)) = (&self.suite, &self.out) else { return Err("name a suite and --out".into()) };
        // Before any thread begins.
        let interrupts = interrupt::listen()?;
        let (mut suite, base) = suite::open(named)?;
        if let Some(steps) = self.steps {
            suite.settings.set("steps", &steps.to_string())?;
        }
        for setting in &self.settings {
            let (key, value) = key_value(setting)?;
            suite.settings.set(key, value)?;
        }
        let choice = suite.choice(self.full, &self.methods)?;
        let mut units = suite.units(&choice);
        if let Some((part, parts)) = self.shard {
            units = shard(units, part, parts);
        }
        if self.list {
            list(&units);
            return Ok(());
        }
        // Whoever names an encoder that cannot be used learns it before hours of pictures.
        let encoders = self.encoders.open(&suite, &base, first(&self.device))?;
        let watch = if self.strips { Watch::ALL } else { Watch::default() };
        check_memory(&suite, &units, &base, &self.device, watch, self.strict)?;
        let folder = Folder::create(out)?;
        let plan = folder.begin(&suite, &choice)?;
        let mut crew = Crew::start(&self.device, &Cache::standard())?;
        let strips = self.strips.then_some(&strip as Strip<'_>);
        let order = Order { suite: &suite, base: &base, units, folder: &folder, encoders: &encoders, strips };
        let mut shown = Shown::new(self.device.len());
        let ending = run(&order, &mut crew, &interrupts, &mut |told| shown.take(&told));
        shown.progress.bar.finish_and_clear();
        if ending? == Ending::Stopped {
            say!("stopped; the same command goes on with what is missing");
        }
        written(&folder, &plan)
    }

    fn report(&self, folder: &Path) -> Outcome {
        let (folder, plan) = Folder::open(folder)?;
        written(&folder, &plan)
    }
}

impl Search {
    /// Searches, and says what came of it.
    fn run(&self) -> Outcome {
        // Before any thread begins.
        let interrupts = interrupt::listen()?;
        let (mut suite, base) = suite::open(&self.suite)?;
        if let Some(steps) = self.steps {
            suite.settings.set("steps", &steps.to_string())?;
        }
        let units = suite.units(&suite.choice(false, &[])?);
        check_memory(&suite, &units, &base, &self.device, Watch::default(), self.strict)?;
        let mut crew = Crew::start(&self.device, &Cache::standard())?;
        let effort =
            search::Effort { candidates: self.candidates.into(), first: self.first.into(), last: self.last.into() };
        let order = search::Search { suite: &suite, base: &base, axes: self.axes.clone(), effort };
        let (mut shown, mut asked) = (Shown::new(self.device.len()), None);
        let end = order.run(&self.out, &mut crew, &interrupts, &mut |candidate, told| {
            if matches!(told, Told::There(..)) {
                let words = candidate.words();
                aside(&shown.progress.bar, format_args!("{words}"));
                asked = Some(words);
            }
            shown.take(&told);
        });
        shown.progress.bar.finish_and_clear();
        match end? {
            None => {
                let at = asked.map_or_else(String::new, |words| format!(" at {words}"));
                say!("stopped{at}; the same command goes on with what is missing");
            }
            Some(found) => {
                say!("{}", found.words());
                say!("{}", self.out.join("search.md").display());
            }
        }
        Ok(())
    }
}

/// What the method saw of a picture, on one page.
fn strip(project: &Project, seen: &[Arc<StepView>], finished: &Arc<Finished>) -> Result<RgbImage, String> {
    let (project, finished) = (Arc::new(project.clone()), Some(finished.clone()));
    let take = Take { project, steps: seen.to_vec(), finished, picture: 0 };
    let grey = |value: f32| [(value * 255.0).round() as u8; 3];
    let font = crate::assets::find("fonts/Inter-Regular.ttf").unwrap_or_default();
    let options = SheetOptions { cell: STRIP_CELL, ..SheetOptions::new(font, &grey) };
    contact_sheet(&take, &options).map_err(|error| error.to_string())
}

/// The side of a cell of a strip, pixels.
const STRIP_CELL: u32 = 72;

/// Where encoders compute.
fn first(devices: &[DeviceChoice]) -> DeviceChoice {
    devices.first().copied().unwrap_or_default()
}

fn written(folder: &Folder, plan: &record::Plan) -> Outcome {
    for path in report::write(folder, plan)? {
        say!("{}", path.display());
    }
    Ok(())
}

fn list(units: &[Unit<'_>]) {
    for method in METHODS.iter().filter(|method| units.iter().any(|unit| unit.method.name == method.name)) {
        say!("{:20} {}", method.name, method.about);
    }
    for unit in units {
        say!("{}", unit.name().words());
    }
    say!("{} pictures", units.len());
}

/// What is shown while it runs.
struct Shown {
    progress: Progress,
    begun: Instant,
    /// In all, those that were there, and those that were made since.
    counts: (usize, usize, usize),
    unit: String,
    /// How many engines share the work.
    engines: usize,
}

impl Shown {
    fn new(engines: usize) -> Self {
        let progress = Progress::new("{wide_msg} {bar:20} {pos}/{len}");
        Self { progress, begun: Instant::now(), counts: (0, 0, 0), unit: String::new(), engines }
    }

    fn take(&mut self, told: &Told<'_>) {
        let bar = &self.progress.bar;
        match told {
            Told::There(there, of) => {
                self.counts = (*of, *there, 0);
                aside(bar, format_args!("{there} of {of} pictures are there"));
            }
            Told::Measures(number, of) => bar.set_message(format!("measuring {number} of {of} that are there")),
            Told::Begins(_, unit) => {
                self.unit = unit.name().words();
                let (of, there, made) = self.counts;
                let left = left(self.begun.elapsed(), made, of - there - made);
                bar.set_message(format!("{} of {of}: {}{left}", there + made + 1, self.unit));
                self.progress.set(there + made, of);
            }
            Told::Gone(device, words) => {
                self.engines = self.engines.saturating_sub(1);
                aside(bar, format_args!("{device} makes no more pictures, the others make its: {words}"));
            }
            // What devices and stages say of every picture would drown the rest.
            Told::Engine(_) => {}
            Told::Ended(record) => {
                self.counts.2 += 1;
                let (of, there, made) = self.counts;
                let several = self.engines > 1 && !record.cost.device.is_empty();
                let by = if several { format!(", {}", record.cost.device) } else { String::new() };
                aside(bar, format_args!("{} of {of}: {}{by}", there + made, ended(record)));
                self.progress.set(there + made, of);
            }
        }
    }
}

/// What became of a picture, in a line.
fn ended(record: &Record) -> String {
    let name = record.unit.words();
    match (&record.outcome, record.measures()) {
        (record::Outcome::Failed(words), _) => format!("{name} failed: {words}"),
        (_, None) => format!("{name}{}{} ({:.0} s)", around(record), seen(record), record.cost.seconds),
        (_, Some(measures)) => {
            let (right, seconds) = (if measures.right { ", right" } else { "" }, record.cost.seconds);
            let known = measures.recognised();
            let (all, figures, segsim) = (measures.subjects.len(), measures.figures, measures.segsim);
            format!(
                "{name}: {known} of {all} recognised, {figures} figures, SegSim {segsim:.2}{right}{}{} ({seconds:.0} s)",
                around(record),
                seen(record)
            )
        }
    }
}

/// What became of the photo that a picture was placed into, to follow what else is told of it.
fn around(record: &Record) -> String {
    let Some(Background { finished, .. }) = &record.background else { return String::new() };
    format!(", background {:.2} of 255, {:.1} % touched", finished.apart, 100.0 * finished.touched)
}

/// What encoders say of a picture, to follow what else is told of it.
fn seen(record: &Record) -> String {
    let Some(learned) = &record.learned else { return String::new() };
    let said = learned.said().map(|(title, value)| format!(", {title} {value:.2}"));
    said.chain(learned.count.iter().map(|count| format!(", {} of {} found", count.found, count.asked))).collect()
}

/// How long the rest will take, in words; nothing where nobody can know.
fn left(elapsed: Duration, made: usize, left: usize) -> String {
    if made == 0 {
        return String::new();
    }
    let minutes = elapsed.as_secs_f64() / made as f64 * left as f64 / 60.0;
    if minutes < 90.0 { format!(", {minutes:.0} minutes left") } else { format!(", {:.1} hours left", minutes / 60.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::background::Change;

    #[test]
    fn a_part_of_a_job_array_is_read_and_nonsense_is_told() {
        assert_eq!(part("3/8"), Ok((3, 8)));
        for wrong in ["3", "0/8", "9/8", "a/b", "3/", "-1/2", ""] {
            assert!(part(wrong).is_err_and(|words| words.contains("such as 3/8")), "{wrong}");
        }
    }

    #[test]
    fn what_became_of_a_photo_is_told_with_its_picture() {
        let made = record::Outcome::Made(None);
        let name =
            suite::UnitName { case: "a cat".into(), prompt: "beach".into(), method: "conductor".into(), seed: 1 };
        let cost = record::Cost { seconds: 3.0, ..record::Cost::default() };
        let mut record = Record::new(name, "hash".into(), made, Vec::new(), cost);
        assert_eq!(ended(&record), "a cat, beach, conductor, seed 1 (3 s)");
        let (finished, rendered) = (Change { apart: 1.25, touched: 0.125 }, Change { apart: 9.0, touched: 1.0 });
        record.background = Some(Background { finished, rendered });
        assert_eq!(ended(&record), "a cat, beach, conductor, seed 1, background 1.25 of 255, 12.5 % touched (3 s)");
    }

    #[test]
    fn the_time_left_is_that_of_the_pictures_so_far() {
        assert_eq!(left(Duration::from_secs(60), 0, 5), "");
        assert_eq!(left(Duration::from_secs(60), 6, 60), ", 10 minutes left");
        assert_eq!(left(Duration::from_secs(600), 10, 720), ", 12.0 hours left");
    }
}
