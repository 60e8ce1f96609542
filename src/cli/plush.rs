//! `podium plush`: pictures of the Plush World with their truth, and what its recogniser says of a picture.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use image::{GrayImage, RgbImage};

use super::Outcome;
use super::written::{put, put_picture};
use crate::plush::looks::{Kind, natural};
use crate::plush::recognise::{self, Verdict};
use crate::plush::{Asked, CONCEPTS, Concept, Picture, Setting, chance, concept, cutout, draw, empty, judge, sight};
use crate::project::{DiskFiles, Files, picture};

/// What `podium plush` is told.
#[derive(Debug, Subcommand)]
pub enum Plush {
    /// List kinds, colours, scenes and concepts
    List,
    /// Draw photos of a concept to train on: N.png, its mask N.mask.png and its caption N.txt, which calls it <TOK>
    Photos {
        /// mint_cat, plum_dog, coral_bear, lime_robot, jade_cat or grape_dog
        #[arg(value_parser = named)]
        concept: Concept,

        /// The folder to write into
        folder: PathBuf,

        #[command(flatten)]
        many: Many,
    },
    /// Draw pictures with their truth: N.png, a mask N.mask-I.png for each figure, its caption N.txt and all it is drawn from, N.json
    Pictures {
        /// The folder to write into
        folder: PathBuf,

        /// Only these concepts, side by side: mint_cat,plum_dog; without it, what the miniature was trained with
        #[arg(long, value_delimiter = ',', value_parser = named)]
        of: Vec<Concept>,

        #[command(flatten)]
        many: Many,
    },
    /// Draw every concept and every ordinary figure on a transparent ground
    Cutouts {
        /// The folder to write into
        folder: PathBuf,

        /// Width and height that a figure is drawn in, before it is cropped
        #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=2048))]
        side: u32,
    },
    /// Draw each scene with nobody in it
    Scenes {
        /// The folder to write into
        folder: PathBuf,

        /// Another seed, other scenes
        #[arg(long, default_value_t = 0)]
        seed: u64,

        /// Width and height
        #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=2048))]
        side: u32,
    },
    /// Draw a picture again from what it is drawn from, N.json
    Draw {
        /// The description
        description: PathBuf,

        /// The picture to write (PNG)
        output: PathBuf,

        /// Width and height
        #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..=2048))]
        side: u32,
    },
    /// Say whether each concept of a description is recognised in a picture, and whether the picture is right
    Score {
        /// The picture, square
        picture: PathBuf,

        /// What it was asked for, as `pictures` writes it: N.json
        description: PathBuf,
    },
    /// Look for a concept in a picture, and say whether it is recognised
    Find {
        /// mint_cat, plum_dog, coral_bear, lime_robot, jade_cat or grape_dog
        #[arg(value_parser = named)]
        concept: Concept,

        /// The picture
        picture: PathBuf,
    },
}

/// How many, which, and how large.
#[derive(Debug, Args)]
pub struct Many {
    /// How many pictures
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,

    /// Another seed, other pictures
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Width and height
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..=2048))]
    side: u32,
}

impl Plush {
    /// Draws, or says.
    pub fn run(&self) -> Outcome {
        match self {
            Self::List => {
                list();
                Ok(())
            }
            Self::Photos { concept, folder, many } => photos(concept, folder, many),
            Self::Pictures { folder, of, many } => pictures(folder, of, many),
            Self::Cutouts { folder, side } => cutouts(folder, *side),
            Self::Scenes { folder, seed, side } => scenes(folder, *seed, *side),
            Self::Draw { description, output, side } => {
                let drawn = draw(&described(description)?, *side)?;
                put_picture(output, drawn.picture)?;
                say!("{} ({side} x {side})", output.display());
                Ok(())
            }
            Self::Score { picture, description } => score(picture, description),
            Self::Find { concept, picture } => find(concept, picture),
        }
    }
}

fn named(name: &str) -> Result<Concept, String> {
    let names = || CONCEPTS.map(|concept| concept.name).join(", ");
    concept(name).copied().ok_or_else(|| format!("there is no concept {name}; there are {}", names()))
}

fn list() {
    for kind in Kind::ALL {
        let colors = kind.natural().map(|color| color.word());
        say!("{:7} mostly {}", kind.word(), colors.join(", "));
    }
    for setting in Setting::ALL {
        say!("{:7} {}", setting.word(), setting.phrase());
    }
    for Concept { name, look } in CONCEPTS {
        let [r, g, b] = look.body;
        say!("{name:11} body {r},{g},{b}; {:?}", look.pattern);
    }
}

fn photos(concept: &Concept, folder: &Path, many: &Many) -> Outcome {
    let free = |index| ["png", "mask.png", "txt"].map(|end| format!("{index}.{end}"));
    begin(folder, (0..many.count).flat_map(free))?;
    for index in 0..many.count {
        let told = Picture::photo(concept, &mut chance::of(many.seed, u64::from(index)));
        let drawn = draw(&told, many.side)?;
        put_picture(&folder.join(format!("{index}.png")), drawn.picture)?;
        for mask in drawn.masks {
            put_picture(&folder.join(format!("{index}.mask.png")), mask)?;
        }
        put(&folder.join(format!("{index}.txt")), told.caption.as_bytes())?;
    }
    say!("{} photos of {} with masks and captions in {}", many.count, concept.words(), folder.display());
    Ok(())
}

fn pictures(folder: &Path, of: &[Concept], many: &Many) -> Outcome {
    let free = |index| ["png", "json", "txt"].map(|end| format!("{index}.{end}"));
    begin(folder, (0..many.count).flat_map(free))?;
    for index in 0..many.count {
        let rng = &mut chance::of(many.seed, u64::from(index));
        let told = if of.is_empty() { Picture::sample(rng) } else { Picture::together(of, rng) };
        let drawn = draw(&told, many.side)?;
        put_picture(&folder.join(format!("{index}.png")), drawn.picture)?;
        for (figure, mask) in drawn.masks.into_iter().enumerate() {
            put_picture(&folder.join(format!("{index}.mask-{}.png", figure + 1)), mask)?;
        }
        put(&folder.join(format!("{index}.txt")), told.caption.as_bytes())?;
        put(&folder.join(format!("{index}.json")), serde_json::to_string_pretty(&told)?.as_bytes())?;
    }
    say!("{} pictures with masks, captions and descriptions in {}", many.count, folder.display());
    Ok(())
}

fn cutouts(folder: &Path, side: u32) -> Outcome {
    let ordinary = Kind::ALL.into_iter().flat_map(|kind| kind.natural().map(|color| (kind, color)));
    let ordinary = ordinary.map(|(kind, color)| (format!("{}_{}", color.word(), kind.word()), natural(kind, color)));
    let own = CONCEPTS.into_iter().map(|concept| (concept.name.to_owned(), concept.look));
    let all: Vec<_> = own.chain(ordinary).map(|(name, look)| (format!("{name}.png"), look)).collect();
    begin(folder, all.iter().map(|(name, _)| name.clone()))?;
    for (name, look) in &all {
        put_picture(&folder.join(name), cutout(look, side))?;
    }
    say!("{} cutouts in {}", all.len(), folder.display());
    Ok(())
}

fn scenes(folder: &Path, seed: u64, side: u32) -> Outcome {
    let name = |setting: Setting| format!("{}.png", setting.word());
    begin(folder, Setting::ALL.into_iter().map(name))?;
    for (index, setting) in Setting::ALL.into_iter().enumerate() {
        let scene = setting.sample(&mut chance::of(seed, index as u64));
        put_picture(&folder.join(name(setting)), empty(&scene, side)?)?;
    }
    say!("{} scenes in {}", Setting::ALL.len(), folder.display());
    Ok(())
}

fn score(path: &Path, description: &Path) -> Outcome {
    let (seen, told) = (opened(path)?, described(description)?);
    let (width, height) = seen.dimensions();
    if width != height || !crate::plush::draw::SIDES.contains(&width) {
        let words = "a picture of the Plush World is square, 16 to 2048 pixels a side; crop or scale it";
        return Err(format!("{} is {width} x {height} pixels: {words}", path.display()).into());
    }
    let masks = draw(&told, width)?.masks;
    let known = |look| CONCEPTS.into_iter().find(|concept| concept.look == look);
    let asked = told.figures.iter().zip(masks).filter_map(|(figure, mask)| Some((known(figure.look)?, mask)));
    let (concepts, masks): (Vec<Concept>, Vec<GrayImage>) = asked.unzip();
    if concepts.is_empty() {
        let words = "no figure in it is a concept, and only those can be recognised";
        return Err(format!("{}: {words}", description.display()).into());
    }
    let asked = Asked { concepts: &concepts, masks: &masks, setting: Some(told.scene.setting()) };
    let said = judge(&seen, asked)?;
    for (concept, verdict) in concepts.iter().zip(&said.subjects) {
        tell(concept, verdict);
    }
    say!("outside     {:.3} (of which the scene itself has {:.3})", said.outside, said.scenery);
    say!("the picture is {}", if said.right { "right" } else { "not right" });
    Ok(())
}

fn find(concept: &Concept, path: &Path) -> Outcome {
    let Some(seen) = sight(&opened(path)?, concept) else {
        say!("{:11} not there: hardly anything has its body's colour", concept.name);
        return Ok(());
    };
    tell(concept, &seen.verdict);
    let place = seen.found.place;
    let words = format!("x {:.2}, feet {:.2}, height {:.2}", place.x, place.foot, place.height);
    say!("found at    {words} of the side; fits its drawing by {:.2} (of {:.2})", seen.found.fit, recognise::FIT);
    Ok(())
}

/// What is said of one subject.
fn tell(concept: &Concept, verdict: &Verdict) {
    let score = verdict.score;
    let word = if verdict.recognised { "recognised" } else { "not recognised" };
    let presence = if score.present { "present" } else { "not present" };
    say!("{:11} {word}: identity {:.3}, {presence}", concept.name, score.identity);
    say!("            leakage {:.3}, layout {:.3}, borrowed {:.3}", score.leakage, score.layout_iou, score.borrowed);
    if let Some((rival, identity)) = verdict.rival {
        say!("            as {rival} it would have {identity:.3}");
    }
}

/// Makes the folder, and sees that nothing in it is overwritten.
fn begin(folder: &Path, mut names: impl Iterator<Item = String>) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| {
        let advice = "name another folder, or see that you may write there";
        format!("cannot make the folder {}: {error}; {advice}", folder.display())
    })?;
    match names.find(|name| folder.join(name).exists()) {
        Some(name) => Err(format!("{} is there already; name another folder", folder.join(name).display()).into()),
        None => Ok(()),
    }
}

/// A picture that somebody has.
fn opened(path: &Path) -> Result<RgbImage, Box<dyn std::error::Error>> {
    let bytes = DiskFiles { base: PathBuf::new(), assets: |_| None }.read(path)?;
    Ok(picture::decode(&bytes, path)?.into_rgb8())
}

/// A description that somebody has.
fn described(path: &Path) -> Result<Picture, Box<dyn std::error::Error>> {
    let bytes = DiskFiles { base: PathBuf::new(), assets: |_| None }.read(path)?;
    let advice = "give the .json that `podium plush pictures` wrote beside the picture";
    let read = serde_json::from_slice(&bytes);
    Ok(read.map_err(|error| format!("{} describes no picture of the Plush World: {error}; {advice}", path.display()))?)
}
