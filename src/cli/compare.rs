//! `podium compare`

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use image::RgbImage;
use serde::Serialize;

use super::Outcome;
use super::encoders::NamedEncoders;
use super::key_value::key_value;
use super::moved::open;
use super::render::{check_all, follow};
use super::written::put;
use crate::engine::cache::Cache;
use crate::engine::worker::Engine;
use crate::evaluate::compare::{
    Looks, SEEDS, Scores, Side, Sight, Start, Summary, Variant, background, order, ruler, summarise,
};
use crate::evaluate::methods::{METHODS, Method, method};
use crate::evaluate::metrics::Ruler;
use crate::link::{DeviceChoice, Finished, Watch};
use crate::project::{DiskFiles, Preset, Project, png_text};

/// What `podium compare` is told.
#[derive(Debug, Args)]
pub struct Compare {
    /// The project (.ron), or a PNG that Podium wrote: side A as it is, side B with the changes
    project: PathBuf,

    /// The folder for pictures, scores (compare.json) and a table (compare.md)
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// What side B changes, such as mask_refinement.enabled=false; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// A preset that side B begins with in place of the project's settings: draft, standard or paper
    #[arg(long, conflicts_with = "method")]
    preset: Option<Preset>,

    /// A part of the method that side B leaves out or does another way, such as no_alignment
    #[arg(long, value_name = "NAME", value_parser = by_name)]
    method: Option<&'static Method>,

    /// How many seeds, from the project's on
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(i64::from(*SEEDS.start())..=i64::from(*SEEDS.end())))]
    seeds: u32,

    /// The first seed
    #[arg(long)]
    seed: Option<u64>,

    /// Sampling steps of both sides
    #[arg(long)]
    steps: Option<u32>,

    /// Where to compute: auto (a real GPU, else the CPU), flex (the CPU) or wgpu (a GPU)
    #[arg(long, default_value_t)]
    device: DeviceChoice,

    /// Do not begin where memory may not suffice or a file of the project has moved or is another
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    encoders: NamedEncoders,

    /// The folder of a concept's photos, their masks beside them; may be given several times. Those that the miniature draws need
    /// none
    #[arg(long, value_name = "NAME=FOLDER", value_parser = photos)]
    photos: Vec<(String, PathBuf)>,
}

/// A concept's photos.
fn photos(words: &str) -> Result<(String, PathBuf), String> {
    let parts = words.split_once('=').map(|(name, folder)| (name.trim(), folder.trim()));
    let (name, folder) = parts
        .filter(|(name, folder)| !name.is_empty() && !folder.is_empty())
        .ok_or("write NAME=FOLDER, such as \"my cat=photos/cat\"")?;
    let folder = PathBuf::from(folder);
    if folder.is_dir() { Ok((name.to_owned(), folder)) } else { Err(format!("{} is no folder", folder.display())) }
}

/// A method that is a change of settings.
fn by_name(name: &str) -> Result<&'static Method, String> {
    let all = Start::all();
    let known = method(name).filter(|method| all.contains(&Start::Method(method)));
    known.ok_or_else(|| {
        let names = METHODS.iter().filter(|method| all.contains(&Start::Method(method)));
        let names: Vec<&str> = names.map(|method| method.name).collect();
        format!("there is no such method that is a change of settings; there are {}", names.join(", "))
    })
}

/// One picture, as the scores' file has it.
#[derive(Serialize)]
struct Shot {
    seed: u64,
    side: &'static str,
    /// Its file; none where it failed.
    picture: Option<String>,
    scores: Option<Scores>,
    /// Why there is none.
    failed: Option<String>,
}

/// Everything, as the scores' file has it.
#[derive(Serialize)]
struct Report {
    project: String,
    a: String,
    b: String,
    summary: Summary,
    pictures: Vec<Shot>,
}

impl Compare {
    /// Renders both sides seed by seed, and writes after each picture what there is by then.
    pub fn run(&self) -> Outcome {
        let (mut project, folder) = open(&self.project, self.strict)?;
        if let Some(steps) = self.steps {
            project.settings.set("steps", &steps.to_string())?;
        }
        project.pictures = 1;
        project.seed = self.seed.unwrap_or(project.seed);
        let changes = self.settings.iter().map(|setting| {
            let (key, value) = key_value(setting)?;
            Ok((key.to_owned(), value.to_owned()))
        });
        let mut changes = changes.collect::<Result<Vec<_>, String>>()?;
        // A preset has its own number, and whoever asks for one for both sides means that one.
        if let (Some(_), Some(steps)) = (self.preset, self.steps) {
            changes.insert(0, ("steps".to_owned(), steps.to_string()));
        }
        let method = self.method.map_or(Start::Project, Start::Method);
        let sides = [Variant::default(), Variant { start: self.preset.map_or(method, Start::Preset), changes }];
        let mut projects = Vec::new();
        for side in &sides {
            projects.push(Project { settings: side.settings(&project)?, ..project.clone() });
        }
        if projects[0].settings == projects[1].settings {
            return Err("both sides are the same: say with --set, --preset or --method what side B changes".into());
        }
        png_text::check(&project, &folder)?;
        let looks = self.looks(&project)?;
        // Whoever names an encoder that cannot be used learns it before any picture.
        let sight = Sight::open(&looks.encoders, self.device)?;
        sight.words().iter().for_each(|words| say!("pictures are measured with {words}"));
        std::fs::create_dir_all(&self.out).map_err(|error| unwritable(&self.out, &error))?;
        let files = DiskFiles { base: folder.clone(), assets: crate::assets::find };
        let ruler = ruler(&project, &files)?;
        check_all(&projects, &folder, self.device, Watch::default(), self.strict.then_some("the comparison"))?;
        let mut meter = Meter { ruler, sight, looks, files, missing: None };
        let engine = Engine::start(Cache::standard(), || ())?;
        let mut report = Report {
            project: self.project.display().to_string(),
            a: sides[0].words(),
            b: sides[1].words(),
            summary: Summary::default(),
            pictures: Vec::new(),
        };
        for (index, side) in order(self.seeds as usize) {
            let seed = project.seed.wrapping_add(index as u64);
            let own = Project { seed, ..projects[side as usize].clone() };
            let shot = self.shot(&engine, &own, &folder, side, &mut meter)?;
            say!("{}", words(&shot));
            report.pictures.push(shot);
            report.summary = summarise(&pairs(&report.pictures));
            self.write(&report)?;
        }
        say!("{}", report.summary.verdict);
        for name in ["compare.md", "compare.json"] {
            say!("{}", self.out.join(name).display());
        }
        Ok(())
    }

    /// The encoders and photos that are named.
    fn looks(&self, project: &Project) -> Result<Looks, String> {
        let encoders = self.encoders.named();
        if !self.photos.is_empty() && encoders.clip.is_none() && encoders.dino.is_none() {
            return Err("--photos are compared by an encoder: name its folder with --clip or --dino".into());
        }
        let names: Vec<&str> = project.concepts.iter().map(|concept| concept.name.as_str()).collect();
        if let Some((name, _)) = self.photos.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            return Err(format!(
                "--photos {name}: the project has no such concept; its concepts are {}",
                names.join(", ")
            ));
        }
        Ok(Looks { encoders, photos: self.photos.clone() })
    }

    /// Renders, keeps and measures one picture. What fails in a render is no error.
    fn shot(
        &self,
        engine: &Engine,
        project: &Project,
        folder: &Path,
        side: Side,
        meter: &mut Meter,
    ) -> Result<Shot, Box<dyn std::error::Error>> {
        let (seed, letter) = (project.seed, side.letter());
        engine.render(project.clone(), folder.to_owned(), self.device, Watch::default());
        let finished = match follow(engine, None, false) {
            Ok(finished) => finished,
            Err(words) => {
                let failed = Some(words.to_string());
                return Ok(Shot { seed, side: letter, picture: None, scores: None, failed });
            }
        };
        let picture = finished.pictures.first().ok_or("the render made no picture")?;
        let name = format!("{seed}-{}.png", letter.to_lowercase());
        png_text::write_png(&self.out.join(&name), picture, project, folder, seed)?;
        let scores = Some(meter.scores(project, &finished, picture)?);
        Ok(Shot { seed, side: letter, picture: Some(name), scores, failed: None })
    }

    fn write(&self, report: &Report) -> Outcome {
        let json = serde_json::to_string_pretty(report)?;
        for (name, text) in [("compare.json", json), ("compare.md", markdown(report))] {
            let path = self.out.join(name);
            put(&path, text.as_bytes())?;
        }
        Ok(())
    }
}

/// What measures pictures.
struct Meter {
    ruler: Option<Ruler>,
    sight: Sight,
    looks: Looks,
    files: DiskFiles,
    /// Why there is no SegSim, once it was said.
    missing: Option<String>,
}

impl Meter {
    fn scores(&mut self, project: &Project, finished: &Finished, picture: &RgbImage) -> Result<Scores, String> {
        let measures = self.ruler.as_ref().map(|ruler| ruler.measure(picture)).transpose()?;
        let learned = self.sight.measure(project, &self.files, &self.looks, picture, self.ruler.as_ref())?;
        let missing = learned.as_ref().and_then(|learned| learned.missing.clone());
        if let Some(words) = missing.as_ref().filter(|_| missing != self.missing) {
            say!("note: no SegSim: {words}");
        }
        self.missing = missing;
        let background = background(project, &self.files, picture)?;
        Ok(Scores { background, learned: learned.map(Box::new), ..Scores::of(finished, measures) })
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be written ({error}); name another folder with --out", path.display())
}

/// A's and B's scores of each seed.
fn pairs(shots: &[Shot]) -> Vec<[Option<&Scores>; 2]> {
    // A is made before B.
    let pairs = shots.chunks(Side::BOTH.len());
    pairs.map(|pair| [0, 1].map(|side| pair.get(side).and_then(|shot: &Shot| shot.scores.as_ref()))).collect()
}

/// What became of a picture, in a line.
fn words(shot: &Shot) -> String {
    let name = format!("seed {}, {}", shot.seed, shot.side);
    match (&shot.scores, &shot.failed) {
        (Some(scores), _) => format!("{name}: {}", scores.words()),
        (None, failed) => format!("{name} failed: {}", failed.as_deref().unwrap_or_default()),
    }
}

/// The scores as tables.
fn markdown(report: &Report) -> String {
    let mut text = format!("# {}\n\n- A: {}\n- B: {}\n\n", report.project, report.a, report.b);
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "{}\n\n| score | A | B | B − A | 95 % interval | |\n|---|---|---|---|---|---|",
        report.summary.verdict
    );
    for line in &report.summary.lines {
        let [a, b, difference, interval] = line.cells();
        let _ = writeln!(text, "| {} | {a} | {b} | {difference} | {interval} | {} |", line.title, line.verdict);
    }
    text.push_str("\n| seed | A | B |\n|---|---|---|\n");
    for pair in report.pictures.chunks(Side::BOTH.len()) {
        let cell = |shot: Option<&Shot>| match shot.map(|shot| (&shot.picture, &shot.scores, &shot.failed)) {
            Some((Some(name), Some(scores), _)) => format!("![{name}]({name}) {}", scores.words()),
            Some((.., Some(failed))) => format!("failed: {}", failed.replace(['|', '\n'], " ")),
            _ => String::new(),
        };
        let _ = writeln!(text, "| {} | {} | {} |", pair[0].seed, cell(pair.first()), cell(pair.get(1)));
    }
    text
}
