//! `podium cut`: somebody cut out of a photo, by the tools that the studio has.

use std::path::{Path, PathBuf};

use clap::Args;
use crossbeam_channel::Receiver;
use image::{GrayImage, RgbaImage};

use super::networks::{Networks, networks};
use super::progress::Progress;
use super::written::put_picture;
use super::{Outcome, interrupt};
use crate::cut::{
    Edge, Hints, Mode, Patch, Scribble, Stop, Subject, Wand, combine, cutout, polygon, rectangle, refine, wand,
};
use crate::project::{DiskFiles, picture};
use crate::segment::{self, Prompt, Sam, Words};
use crate::studio::cut::open_tensors;
use crate::studio::places::Places;

/// Which photo, what of it is chosen, and what becomes of the edge. Choices add up.
#[derive(Debug, Args)]
pub struct Cut {
    /// The photo
    photo: PathBuf,

    /// The cutout to write (PNG), cropped to what is chosen
    #[arg(long, short)]
    out: PathBuf,

    /// Choose a rectangle: left, top, width and height in pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = frame, allow_hyphen_values = true)]
    rect: Vec<[f32; 4]>,

    /// Choose what a line of straight pieces goes round
    #[arg(long, value_name = "X,Y,X,Y,...", value_parser = line, allow_hyphen_values = true)]
    polygon: Vec<Line>,

    /// Choose all that hangs together with a pixel and has its colour, within a tolerance of 0 to 255
    #[arg(long, value_name = "X,Y,TOLERANCE", value_parser = touch)]
    wand: Vec<(u32, u32, u8)>,

    /// Find the subject in a rectangle: left, top, width and height in pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = frame, allow_hyphen_values = true)]
    within: Option<[f32; 4]>,

    /// Find the subject: a scribble over what belongs to it, and half its width in pixels
    #[arg(long, value_name = "X,Y[,X,Y...]:RADIUS", value_parser = scribble, allow_hyphen_values = true)]
    keep: Vec<(Line, f32)>,

    /// Find the subject: a scribble over what does not belong to it
    #[arg(long, value_name = "X,Y[,X,Y...]:RADIUS", value_parser = scribble, allow_hyphen_values = true)]
    remove: Vec<(Line, f32)>,

    /// Segment Anything: choose what is at this place of the photo
    #[arg(long, value_name = "X,Y", value_parser = place, allow_hyphen_values = true)]
    click: Vec<[f32; 2]>,

    /// Segment Anything: what is at this place does not belong to it
    #[arg(long, value_name = "X,Y", value_parser = place, allow_hyphen_values = true)]
    not: Vec<[f32; 2]>,

    /// Segment Anything: which of the masks that can be meant, the likeliest being 1
    #[arg(long, value_name = "1..4", value_parser = clap::value_parser!(u8).range(1..=4))]
    choose: Option<u8>,

    /// Segment Anything: choose what these words name, such as "a dog"; takes Grounding DINO too
    #[arg(long, conflicts_with = "within")]
    words: Option<String>,

    /// Grounding DINO's file (ONNX), its vocab.txt beside it. Without it, the one in Podium's folder
    #[arg(long, value_name = "FILE.onnx", requires = "words")]
    dino: Option<PathBuf>,

    /// Segment Anything: its weights (safetensors, pth, pt), their folder, or two files (ONNX), such as MobileSAM's; --within is its
    /// frame then. Without it, those in Podium's folder
    #[arg(long, value_name = "WEIGHTS|ENCODER.onnx,DECODER.onnx", value_parser = networks)]
    sam: Option<Networks>,

    /// Round off what is smaller than so many pixels
    #[arg(long, default_value_t = 0.0, value_parser = pixels, allow_hyphen_values = true)]
    smooth: f32,

    /// Move the edge outwards by so many pixels, or inwards by a number below 0
    #[arg(long, default_value_t = 0.0, value_parser = signed_pixels, allow_hyphen_values = true)]
    grow: f32,

    /// Let the edge follow the photo's own, such as fur, within so many pixels
    #[arg(long, default_value_t = 0.0, value_parser = pixels, allow_hyphen_values = true)]
    follow: f32,

    /// Soften the edge over so many pixels to either side
    #[arg(long, default_value_t = 0.0, value_parser = pixels, allow_hyphen_values = true)]
    feather: f32,

    /// Take the ground's colours out of the rim
    #[arg(long)]
    decontaminate: bool,

    /// Write what is chosen too, as a mask of the photo's size (PNG): white is inside
    #[arg(long, value_name = "MASK.png")]
    mask: Option<PathBuf>,
}

/// The places that a line goes through.
#[derive(Debug, Clone)]
struct Line(Vec<[f32; 2]>);

fn numbers(words: &str) -> Result<Vec<f32>, String> {
    let number = |word: &str| match word.trim().parse::<f32>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("{word:?} is no number")),
    };
    words.split(',').map(number).collect()
}

fn frame(words: &str) -> Result<[f32; 4], String> {
    let numbers = numbers(words)?;
    match numbers[..] {
        [x, y, width, height] if width > 0.0 && height > 0.0 => Ok([x, y, width, height]),
        [_, _, _, _] => Err("width and height must be more than 0".into()),
        _ => Err(format!("{} numbers, and it takes four: left, top, width, height", numbers.len())),
    }
}

fn line(words: &str) -> Result<Line, String> {
    let points = places(words)?;
    if points.0.len() < 3 { Err("a line round something needs three places at least".into()) } else { Ok(points) }
}

fn places(words: &str) -> Result<Line, String> {
    let numbers = numbers(words)?;
    match numbers.as_chunks::<2>() {
        (points, []) => Ok(Line(points.to_vec())),
        _ => Err(format!("{} numbers, and places come in pairs: x,y,x,y", numbers.len())),
    }
}

fn place(words: &str) -> Result<[f32; 2], String> {
    let numbers = numbers(words)?;
    match numbers[..] {
        [x, y] => Ok([x, y]),
        _ => Err(format!("{} numbers, and a place has two: x,y", numbers.len())),
    }
}

fn touch(words: &str) -> Result<(u32, u32, u8), String> {
    let parts: Vec<&str> = words.split(',').map(str::trim).collect();
    let [x, y, tolerance] = parts[..] else { return Err("it takes three whole numbers: x, y, tolerance".into()) };
    let place = |word: &str| word.parse::<u32>().map_err(|_| format!("{word:?} is no place of a pixel"));
    let tolerance = tolerance.parse::<u8>().map_err(|_| format!("{tolerance:?} is not between 0 and 255"))?;
    Ok((place(x)?, place(y)?, tolerance))
}

fn scribble(words: &str) -> Result<(Line, f32), String> {
    let (line, radius) = words.rsplit_once(':').ok_or("it ends with a colon and a radius: x,y,x,y:8")?;
    match numbers(radius)?[..] {
        [radius] if radius > 0.0 && radius <= 10_000.0 => Ok((places(line)?, radius)),
        _ => Err(format!("the radius is {radius:?}; give one between 0 and 10000 pixels")),
    }
}

fn pixels(words: &str) -> Result<f32, String> {
    let pixels = signed_pixels(words)?;
    if pixels < 0.0 { Err("it cannot be below 0".into()) } else { Ok(pixels) }
}

fn signed_pixels(words: &str) -> Result<f32, String> {
    match numbers(words)?[..] {
        [pixels] if pixels.abs() <= Edge::MOST => Ok(pixels),
        _ => Err(format!("give one number of at most {} pixels", Edge::MOST)),
    }
}

impl Cut {
    /// Cuts out.
    pub fn run(&self) -> Outcome {
        let same = |path: &Path| std::fs::canonicalize(path).ok() == std::fs::canonicalize(&self.photo).ok();
        if let Some(path) =
            [Some(&self.out), self.mask.as_ref()].into_iter().flatten().find(|path| path.exists() && same(path))
        {
            return Err(format!("{} is the photo itself; name another file", path.display()).into());
        }
        // Only networks take long enough for Ctrl+C to be answered, and others end at once by it.
        let interrupts = if self.points() { interrupt::listen()? } else { crossbeam_channel::never() };
        let photo = picture::load_rgba(&DiskFiles { base: PathBuf::new(), assets: |_| None }, &self.photo)?;
        let chosen = self.chosen(photo, &interrupts)?;
        let edge = Edge { smooth: self.smooth, grow: self.grow, follow: self.follow, feather: self.feather };
        let stopped = "it was stopped";
        let (photo, mask) = chosen;
        let mask = refine(&photo, &mask, edge, &Stop::default()).ok_or(stopped)?;
        let Some(cut) = cutout(&photo, &mask, self.decontaminate, &Stop::default()) else {
            let advice = "choose another place (x goes to the right, y down), or scribble over the subject with --keep";
            return Err(format!("nothing of {} is chosen; {advice}", self.photo.display()).into());
        };
        if !interrupts.is_empty() {
            return Err(stopped.into());
        }
        let (width, height) = cut.picture.dimensions();
        put_picture(&self.out, cut.picture)?;
        let whole = format!("{} ({} x {})", self.photo.display(), photo.width(), photo.height());
        say!("{} ({width} x {height}), from {},{} of {whole}", self.out.display(), cut.left, cut.top);
        if let Some(path) = &self.mask {
            put_picture(path, mask)?;
            say!("{} is the mask", path.display());
        }
        Ok(())
    }

    /// Whether Segment Anything is asked.
    fn points(&self) -> bool {
        let clicks = !self.click.is_empty() || !self.not.is_empty();
        clicks || self.sam.is_some() || self.choose.is_some() || self.words.is_some()
    }

    /// The photo, and what of it is chosen. Networks stop where `interrupts` has a message.
    fn chosen(
        &self,
        photo: RgbaImage,
        interrupts: &Receiver<()>,
    ) -> Result<(RgbaImage, GrayImage), Box<dyn std::error::Error>> {
        let (size, stop) = (photo.dimensions(), Stop::default());
        let points = self.points();
        let finds = (self.within.is_some() && !points) || !self.keep.is_empty();
        if self.rect.is_empty() && self.polygon.is_empty() && self.wand.is_empty() && !finds && !points {
            let advice =
                "choose with --rect, --polygon or --wand, find the subject with --within or --keep, or --click on it";
            return Err(format!("nothing says what to cut out; {advice}").into());
        }
        let mut mask = GrayImage::new(size.0, size.1);
        let corners = |[x, y, width, height]: [f32; 4]| [[x, y], [x + width, y + height]];
        for rect in &self.rect {
            combine(&mut mask, &rectangle(corners(*rect), size), Mode::Add);
        }
        for line in &self.polygon {
            combine(&mut mask, &polygon(&line.0, size), Mode::Add);
        }
        for (x, y, tolerance) in &self.wand {
            if *x >= size.0 || *y >= size.1 {
                let words = format!("--wand {x},{y} is outside {}", self.photo.display());
                return Err(format!("{words}, which is {} x {} pixels", size.0, size.1).into());
            }
            let tool = Wand { tolerance: *tolerance, ..Wand::default() };
            combine(&mut mask, &wand(&photo, (*x, *y), tool, &stop).ok_or("it was stopped")?, Mode::Add);
        }
        if points {
            combine(&mut mask, &Patch::whole(self.pointed(&photo, interrupts)?), Mode::Add);
        }
        if !finds {
            return Ok((photo, mask));
        }
        let kept = self.keep.iter().map(|scribble| (scribble, true));
        let removed = self.remove.iter().map(|scribble| (scribble, false));
        let scribble =
            |((line, radius), keep): (&(Line, f32), bool)| Scribble { points: line.0.clone(), radius: *radius, keep };
        let scribbles = kept.chain(removed).map(scribble).collect();
        let hints = Hints { within: self.within.filter(|_| !points).map(corners), scribbles };
        let subject = Subject::new(photo, &stop).ok_or("it was stopped")?;
        let found = subject.cut(&hints, None, &stop).ok_or("it was stopped")?;
        combine(&mut mask, &Patch::whole(found.mask), Mode::Add);
        Ok((subject.into_picture(), mask))
    }

    /// What Segment Anything makes of clicks and a frame.
    fn pointed(&self, photo: &RgbaImage, interrupts: &Receiver<()>) -> Result<GrayImage, Box<dyn std::error::Error>> {
        let (width, height) = (photo.width() as f32, photo.height() as f32);
        for [x, y] in self.click.iter().chain(&self.not) {
            if !(0.0..width).contains(x) || !(0.0..height).contains(y) {
                let words = format!("{x},{y} is outside {}", self.photo.display());
                return Err(format!("{words}, which is {width} x {height} pixels").into());
            }
        }
        let folder = Places::standard().segment_folder();
        let files = match &self.sam {
            Some(networks) => networks.files(&folder)?,
            None => segment::find(&folder, &open_tensors),
        };
        let Some(files) = files else {
            let words = segment::get::words(&folder);
            return Err(format!("there is no Segment Anything here. {words} Name them with --sam").into());
        };
        let corners = |[x, y, width, height]: [f32; 4]| [[x, y], [x + width, y + height]];
        let mut prompt = Prompt { clicks: self.click.clone(), not: self.not.clone(), within: self.within.map(corners) };
        if let Some(words) = &self.words {
            prompt.within = Some(self.named(photo, words, &folder, interrupts)?);
        }
        if prompt.is_empty() {
            return Err("nothing says what is meant; --click on it, or draw a frame round it with --within".into());
        }
        let sam = Sam::of(&files, &open_tensors)?;
        let seen = watched(format!("{} looks at the photo", sam.name()), interrupts, |watch| sam.look(photo, watch))?;
        let guesses = sam.masks(&seen, &prompt)?;
        let (count, at) = (guesses.len(), usize::from(self.choose.unwrap_or(1)));
        let Some(guess) = guesses.get(at - 1) else {
            let words = format!("--choose {at}, and this network has {count} for these clicks");
            return Err(format!("{words}; choose 1 to {count}").into());
        };
        say!("{} takes it for mask {at} of {count}, and thinks {:.2} of it is right", sam.name(), guess.score);
        Ok(guess.mask())
    }

    /// The frame of what words name: two corners.
    fn named(
        &self,
        photo: &RgbaImage,
        words: &str,
        folder: &Path,
        interrupts: &Receiver<()>,
    ) -> Result<[[f32; 2]; 2], Box<dyn std::error::Error>> {
        let Some(file) = self.dino.clone().or_else(|| segment::find_words(folder)) else {
            let advice = segment::get::words_for_names(folder);
            return Err(format!("there is no Grounding DINO here. {advice} Or name its file with --dino").into());
        };
        let network = Words::open(&file)?;
        let finds = watched(format!("looking for {words}"), interrupts, |watch| network.find(photo, words, watch))?;
        let Some(find) = finds.first() else {
            let advice = "name it in other words, or --click on it";
            return Err(format!("nothing in {} looks like {words:?}; {advice}", self.photo.display()).into());
        };
        let [[left, top], [right, bottom]] = find.within;
        let (wide, high, others) = (right - left, bottom - top, finds.len() - 1);
        say!(
            "{words:?} is within {left:.1},{top:.1},{wide:.1},{high:.1} (sure by {:.2}); {others} others are less so",
            find.score
        );
        Ok(find.within)
    }
}

/// Shows how far a network is, and stops it where `interrupts` has a message.
fn watched<T>(
    words: String,
    interrupts: &Receiver<()>,
    work: impl FnOnce(&dyn Fn(f32) -> bool) -> Result<T, segment::Error>,
) -> Result<T, segment::Error> {
    let progress = Progress::new("{msg} {wide_bar} {percent} %");
    progress.bar.set_message(words);
    let done = work(&|done| {
        progress.set((done * 100.0) as usize, 100);
        interrupts.is_empty()
    });
    progress.bar.finish_and_clear();
    done
}
