//! `podium place`: concepts into a photo of any size, in the place of what stands there or beside it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use image::RgbaImage;

use super::key_value::key_value;
use super::render::{check_output, numbered, render};
use super::{Outcome, say};
use crate::link::DeviceChoice;
use crate::photo::plan::{self, Group};
use crate::photo::{Crop, Format, Original};
use crate::project::frame::{Stand, box_around};
use crate::project::hash::Known;
use crate::project::picture::{decode, load_gray, load_rgba};
use crate::project::{Canvas, Concept, DiskFiles, Files, Follow, Preset, Project, file, png_text};
use crate::studio::document::palette;
use crate::studio::export::photo::{self, Which};
use crate::studio::files::intake::keep_pasted;
use crate::studio::files::knowledge::as_trained;
use crate::studio::places::{Places, folder_of, write_whole};

type Trouble = Box<dyn std::error::Error>;

/// What `podium place` is told.
#[derive(Debug, Args)]
pub struct Place {
    /// The photo: PNG, JPEG, HEIC, AVIF, WebP or TIFF of any size
    photo: PathBuf,

    /// The photo to write: PNG or JPEG, by its ending
    #[arg(short, long, visible_alias = "out")]
    output: PathBuf,

    /// What the photo shows, with a plain class word where a concept shall be. Where subjects stand so far apart that they
    /// are rendered one after another, either one for all or one for each, in order
    #[arg(short, long, required = true)]
    prompt: Vec<String>,

    /// Replace what is white in a mask of the photo's size: MASK.png=CONCEPT:CLASS WORD; may be given several times
    #[arg(long, value_name = "MASK=CONCEPT:WORD")]
    replace: Vec<Subject<Replaced>>,

    /// Add a subject in the shape of a cutout, its middle at x, y of the photo and as high as told, else as the cutout is:
    /// CUTOUT.png@X,Y[,HEIGHT]=CONCEPT:CLASS WORD; may be given several times
    #[arg(long, value_name = "CUTOUT@X,Y[,HEIGHT]=CONCEPT:WORD")]
    add: Vec<Subject<Added>>,

    /// How far the photo may change beyond a subject's old shape, in pixels of the canvas
    #[arg(long, default_value_t = Follow::default().margin)]
    margin: u32,

    /// How far beyond that the render fades into the photo, in pixels of the canvas
    #[arg(long)]
    feather: Option<u32>,

    /// Lay the photo's own grain over what is put back, where that is smoother than the photo around
    #[arg(long)]
    grain: bool,

    /// What the pictures shall not show
    #[arg(long, default_value = "")]
    negative_prompt: String,

    /// The model: a folder or a file; without one the built-in miniature
    #[arg(long)]
    model: Option<PathBuf>,

    /// The size to render at, WIDTHxHEIGHT [default: 512x512; 256x256 for the miniature]
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    canvas: Option<Size>,

    /// The concepts' strength [default: the one that its file says; else 0.7 for an ED-LoRA and 1 for others]
    #[arg(long)]
    strength: Option<f32>,

    /// The seed
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Where to compute: auto (a real GPU, else the CPU), flex (the CPU) or wgpu (a GPU)
    #[arg(long, default_value_t)]
    device: DeviceChoice,

    /// Settings to begin with, with the values for the model: draft, standard or paper
    #[arg(long, default_value = "standard")]
    preset: Preset,

    /// Change a setting, such as steps=30; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Keep where the photo was taken, if it says so
    #[arg(long)]
    keep_gps: bool,

    /// Save what was rendered as a project too; several are numbered
    #[arg(long, value_name = "PROJECT.ron")]
    save: Option<PathBuf>,

    /// Fail at the first note
    #[arg(long)]
    strict: bool,
}

/// A size of pictures, as `512x768`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size(Canvas);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text.split_once(['x', '×']).and_then(|(width, height)| {
            Some(Canvas { width: width.trim().parse().ok()?, height: height.trim().parse().ok()? })
        });
        let canvas = sides.ok_or("write two numbers of pixels, such as 512x768")?;
        canvas.validate().map_err(|error| error.to_string())?;
        Ok(Self(canvas))
    }
}

/// What becomes of what, and into which concept.
#[derive(Clone, Debug, PartialEq)]
struct Subject<T> {
    what: T,
    concept: PathBuf,
    word: String,
}

/// A mask.
#[derive(Clone, Debug, PartialEq)]
struct Replaced(PathBuf);

/// A cutout and where it goes, in pixels of the photo.
#[derive(Clone, Debug, PartialEq)]
struct Added {
    cutout: PathBuf,
    at: (f64, f64),
    height: Option<f64>,
}

impl<T: FromStr<Err = String>> FromStr for Subject<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (what, concept) = text.split_once('=').ok_or("write =CONCEPT:WORD behind it")?;
        let (file, word) =
            concept.rsplit_once(':').ok_or("write the class word behind the concept's file: CONCEPT:WORD")?;
        if file.is_empty() || word.trim().is_empty() {
            return Err("both a concept's file and its class word are needed: CONCEPT:WORD".into());
        }
        Ok(Self { what: what.parse()?, concept: file.into(), word: word.trim().into() })
    }
}

impl FromStr for Replaced {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("name the mask before the =".into()) } else { Ok(Self(text.into())) }
    }
}

impl FromStr for Added {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let how = "write CUTOUT.png@X,Y or CUTOUT.png@X,Y,HEIGHT in pixels of the photo";
        let (cutout, numbers) = text.rsplit_once('@').ok_or(how)?;
        let numbers =
            numbers.split(',').map(|number| number.trim().parse::<f64>().ok().filter(|number| number.is_finite()));
        let numbers: Vec<f64> = numbers.collect::<Option<_>>().ok_or(how)?;
        let (at, height) = match numbers[..] {
            [x, y] => ((x, y), None),
            [x, y, height] if height > 0.0 => ((x, y), Some(height)),
            _ => return Err(how.into()),
        };
        if cutout.is_empty() {
            return Err(how.into());
        }
        Ok(Self { cutout: cutout.into(), at, height })
    }
}

/// A subject, in the photo's pixels.
struct Placed<'a> {
    /// What a layer shows, as a file.
    picture: PathBuf,
    middle: (f64, f64),
    /// Photo pixels per pixel of the picture.
    scale: f64,
    within: Crop,
    concept: &'a Path,
    word: &'a str,
}

impl Place {
    /// Renders and writes.
    pub fn run(&self) -> Outcome {
        check_output(&self.output, true)?;
        if self.replace.is_empty() && self.add.is_empty() {
            return Err("nothing to place: say what to --replace or to --add".into());
        }
        let files = DiskFiles { base: PathBuf::from("."), assets: crate::assets::find };
        let bytes = files.read(&self.photo)?;
        let upright = decode(&bytes, &self.photo)?;
        let size = (upright.width(), upright.height());
        let places = Places::standard();
        let placed = self.placed(&files, &upright.to_rgba8(), &places)?;
        let canvas = self.canvas();
        let boxes: Vec<Crop> = placed.iter().map(|subject| subject.within).collect();
        let groups = plan::groups(&boxes, size, (canvas.width, canvas.height));
        if groups.is_empty() {
            let (width, height) = size;
            return Err(format!(
                "{}: has {width} x {height} pixels, too few for a piece of the canvas's shape; choose a larger photo or \
                 another --canvas",
                self.photo.display()
            )
            .into());
        }
        self.one_by_one(&groups, &placed, size, &places)
    }

    fn canvas(&self) -> Canvas {
        let usual = if self.model.is_some() { 512 } else { 256 };
        self.canvas.map_or(Canvas { width: usual, height: usual }, |Size(canvas)| canvas)
    }

    /// Renders each group into what the ones before have left.
    fn one_by_one(&self, groups: &[Group], placed: &[Placed<'_>], size: (u32, u32), places: &Places) -> Outcome {
        let many = groups.len() > 1;
        if many {
            say::line(format_args!("the subjects stand far apart: {} renders, one after another", groups.len()));
        }
        let (mut path, known) = (self.photo.clone(), Known::default());
        for (index, group) in groups.iter().enumerate() {
            let project = self.project(group, placed, size, &path, groups.len(), index)?;
            let folder = Path::new(".");
            png_text::check(&project, folder)?;
            let project = project.with_hashes(folder, &known);
            let beside =
                group.boxes.iter().filter(|of| placed.get(**of).is_some_and(|one| !group.crop.contains(&one.within)));
            if beside.count() > 0 {
                say::line(format_args!("note: a subject is larger than the largest piece of the canvas's shape"));
            }
            if let Some(save) = &self.save {
                let to = if many { numbered_project(save, index + 1) } else { save.clone() };
                let absolute = project.with_absolute_paths(folder)?;
                file::save(&to, &absolute.with_relative_paths(&std::path::absolute(folder_of(&to))?))?;
                say::line(format_args!("{}", to.display()));
            }
            let finished = render(&project, folder, self.device, None, self.strict)?;
            let picture = finished.pictures.first().ok_or("the render made no picture")?;
            let photo = photo::with_render(&project, folder, picture, Which::All)?;
            if index + 1 < groups.len() {
                path = keep(places, &photo)?;
            } else {
                photo::write(&self.output, &photo, &project, folder, self.seed, self.keep_gps)?;
                say::line(format_args!("{} (seed {})", self.output.display(), self.seed));
            }
        }
        Ok(())
    }

    /// The subjects in the photo's pixels; what has no file yet gets one.
    fn placed(&self, files: &DiskFiles, photo: &RgbaImage, places: &Places) -> Result<Vec<Placed<'_>>, Trouble> {
        let mut placed = Vec::new();
        for Subject { what: Replaced(path), concept, word } in &self.replace {
            let mask = load_gray(files, path)?;
            if mask.dimensions() != photo.dimensions() {
                let ((a, b), (c, d)) = (mask.dimensions(), photo.dimensions());
                let words = format!("the mask is {a} x {b} pixels and the photo, upright, {c} x {d}; make them equal");
                return Err(format!("{}: {words}", path.display()).into());
            }
            let within = plan::bounds(&mask)
                .ok_or_else(|| format!("{}: the mask is empty: paint what to replace white", path.display()))?;
            let cutout = RgbaImage::from_fn(within.width, within.height, |x, y| {
                let at = (within.x + x, within.y + y);
                let [red, green, blue, alpha] = photo.get_pixel(at.0, at.1).0;
                let share = u32::from(mask.get_pixel(at.0, at.1).0[0]);
                // At most 255.
                image::Rgba([red, green, blue, ((u32::from(alpha) * share + 127) / 255) as u8])
            });
            let half = |from: u32, length: u32| f64::from(from) + f64::from(length) / 2.0;
            placed.push(Placed {
                picture: keep_pasted(places, &cutout)?,
                middle: (half(within.x, within.width), half(within.y, within.height)),
                scale: 1.0,
                within,
                concept,
                word,
            });
        }
        for Subject { what, concept, word } in &self.add {
            let (width, height) = load_rgba(files, &what.cutout)?.dimensions();
            let scale = what.height.map_or(1.0, |wished| wished / f64::from(height.max(1)));
            let within = box_around(what.at, (f64::from(width) * scale, f64::from(height) * scale), photo.dimensions())
                .ok_or_else(|| format!("{}: lies beside the photo; choose another place", what.cutout.display()))?;
            placed.push(Placed { picture: what.cutout.clone(), middle: what.at, scale, within, concept, word });
        }
        Ok(placed)
    }

    /// The project of one group, into a photo.
    fn project(
        &self,
        group: &Group,
        placed: &[Placed<'_>],
        size: (u32, u32),
        photo: &Path,
        count: usize,
        index: usize,
    ) -> Result<Project, Trouble> {
        let prompt = match self.prompt.as_slice() {
            [one] => one,
            each if each.len() == count => &each[index],
            each => {
                let words =
                    format!("{} prompts, and {count} renders; give one prompt for all or one for each", each.len());
                return Err(words.into());
            }
        };
        let mut project = Project {
            canvas: self.canvas(),
            model: self.model.clone(),
            prompt: prompt.clone(),
            negative_prompt: self.negative_prompt.clone(),
            seed: self.seed,
            ..Project::new()
        };
        let mut stands = Vec::new();
        for subject in group.boxes.iter().filter_map(|index| placed.get(*index)) {
            stands.push(Stand {
                picture: subject.picture.clone(),
                middle: subject.middle,
                scale: subject.scale,
                name: subject.word.to_owned(),
                concept: self.concept(&mut project, subject),
            });
        }
        project.place_into(photo, size, group.crop, stands);
        if let Some(place) = &mut project.place {
            place.grain = self.grain;
            place.follow = Some(Follow { margin: self.margin });
            place.feather = self.feather.unwrap_or(place.feather);
        }
        self.preset.apply(&mut project);
        for setting in &self.settings {
            let (key, value) = key_value(setting)?;
            project.settings.set(key, value)?;
        }
        project.validate()?;
        Ok(project)
    }

    /// The name of a subject's concept in the project, which gets it unless it has it.
    fn concept(&self, project: &mut Project, subject: &Placed<'_>) -> String {
        let is = |known: &&Concept| known.file == subject.concept && known.class_word == subject.word;
        if let Some(known) = project.concepts.iter().find(is) {
            return known.name.clone();
        }
        let stem = subject.concept.file_stem().map_or_else(|| subject.word.into(), |stem| stem.to_string_lossy());
        let stem = stem.replace('_', " ");
        let free = |name: &String| project.concept(name).is_none();
        // One of so many names is free: there are fewer concepts.
        let names = std::iter::once(stem.clone()).chain((2..).map(|number| format!("{stem} {number}")));
        let name = names.take(project.concepts.len() + 2).find(free).unwrap_or(stem);
        let color = palette::free(project);
        let mut concept = Concept::new(name.clone(), subject.concept, subject.word, color);
        let files = || DiskFiles { base: PathBuf::from("."), assets: crate::assets::find };
        concept.strength = self.strength.unwrap_or_else(|| as_trained(&files(), subject.concept).strength);
        project.concepts.push(concept);
        name
    }
}

/// Keeps what has been rendered so far as a file, which the next project names. Whoever writes the end result decides whether
/// it says where it was taken.
fn keep(places: &Places, photo: &Original) -> Result<PathBuf, Trouble> {
    let bytes = photo.encode(Format::Png, true, |_| Ok(()))?;
    let hash = blake3::hash(&bytes).to_hex();
    let path = places.pasted_folder().join(format!("photo-{}.png", hash.get(..16).unwrap_or_default()));
    write_whole(&path, &bytes)?;
    Ok(path)
}

fn numbered_project(path: &Path, number: usize) -> PathBuf {
    numbered(path, number).with_extension(file::EXTENSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_what_is_read_as_it_is_typed() {
        let replaced: Subject<Replaced> =
            "mask.png=assets:miniature/concepts/plum_dog.safetensors:toy dog".parse().unwrap();
        let expected = Subject {
            what: Replaced("mask.png".into()),
            concept: "assets:miniature/concepts/plum_dog.safetensors".into(),
            word: "toy dog".into(),
        };
        assert_eq!(replaced, expected);
        let added: Subject<Added> = "a@b.png@10, 20.5,300=c.pth:cat".parse().unwrap();
        assert_eq!(added.what, Added { cutout: "a@b.png".into(), at: (10.0, 20.5), height: Some(300.0) });
        for wrong in ["mask.png", "mask.png=c.pth", "mask.png=:cat", "mask.png=c.pth: ", "=c.pth:cat"] {
            assert!(wrong.parse::<Subject<Replaced>>().is_err(), "{wrong}");
        }
        for wrong in ["a.png=c:d", "a.png@1=c:d", "a.png@1,x=c:d", "a.png@1,2,-3=c:d", "@1,2=c:d", "a.png@1,nan=c:d"] {
            assert!(wrong.parse::<Subject<Added>>().is_err(), "{wrong}");
        }
        assert_eq!("512x768".parse(), Ok(Size(Canvas { width: 512, height: 768 })));
        assert!("500x768".parse::<Size>().unwrap_err().contains("multiple of 64"));
        assert!("512".parse::<Size>().is_err());
    }
}
