//! A unit as the project that is rendered: layout, prompts and settings. Every method gets the same layout and the same noise.

use std::ops::Range;
use std::path::{Path, PathBuf};

use image::{GrayImage, RgbImage};

use super::methods::Shape;
use super::suite::{ALL, Case, OwnPrompts, Place, Prompt, Subject, Suite, Unit};
use crate::photo::plan;
use crate::project::frame::{Frame, Stand, box_around};
use crate::project::picture::{cover_gray, load_gray};
use crate::project::prompt::TOKEN_MARK;
use crate::project::{
    Background, Color, Concept, ConceptFile, Crop, Files, Layer, Layout, MaskSource, Project, ProjectError, composite,
    picture,
};

/// The reference picture of a case's prompt, with where each concept stands in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The picture, of the canvas's size.
    pub picture: RgbImage,
    /// One for each concept, in their order: more than 127 is inside.
    pub masks: Vec<GrayImage>,
    /// Which rows of what is behind the concepts it shows, as shares of its height: of a photo, those of a piece.
    pub rows: Range<f64>,
}

/// What marks concepts on screen, should somebody open a picture's project.
const COLORS: [[u8; 3]; 4] = [[45, 212, 191], [192, 132, 252], [251, 113, 133], [163, 230, 53]];

/// What lies behind cutouts where a prompt names no background.
const GREY: [u8; 3] = [160; 3];

/// The project of a unit. `tokens` says which words a concept's file brings, `<cat_1> <cat_2>`.
///
/// # Errors
/// In words, where the prompt has no place for what the method wants to say, or a file cannot be read.
pub fn project(
    suite: &Suite,
    unit: &Unit<'_>,
    files: &dyn Files,
    tokens: &dyn Fn(&Path) -> Result<String, String>,
) -> Result<Project, String> {
    on_layout(suite, unit, layout(suite, unit.case, unit.prompt, files)?, tokens)
}

/// Likewise, on the [`layout`] of its case and prompt.
pub(super) fn on_layout(
    suite: &Suite,
    unit: &Unit<'_>,
    layout: Project,
    tokens: &dyn Fn(&Path) -> Result<String, String>,
) -> Result<Project, String> {
    let Unit { case, prompt, method, seed } = *unit;
    let settings = method.settings(&suite.settings)?;
    let mut project = Project { settings, seed, prompt: words(suite, case, prompt)?, ..layout };
    if let (Some(place), Some(background)) = (&mut project.place, method.background) {
        place.background = background;
    }
    let subjects: Vec<&Subject> = suite.concepts_of(case).collect();
    match method.shape {
        Shape::Suite | Shape::Release => {
            let named =
                |subject: &Subject| !project.class_word_spans(&project.prompt, &[&subject.class_word]).is_empty();
            if let Some(lost) = subjects.iter().find(|subject| !named(subject)) {
                let (words, class_word) = (&project.prompt, &lost.class_word);
                return Err(format!(
                    "the prompt \"{words}\" does not mention \"{class_word}\", the class word of {}; put it there, or {ALL}",
                    lost.name
                ));
            }
            if method.shape == Shape::Release {
                for concept in &mut project.concepts {
                    concept.strength = Concept::STRENGTH_OF_ED_LORA;
                    concept.prompt = None;
                }
            }
        }
        Shape::Sum => {
            let brought = subjects.iter().map(|subject| {
                let words = tokens(&subject.file)?;
                Ok(if words.is_empty() { subject.class_word.clone() } else { words })
            });
            let brought = brought.collect::<Result<Vec<_>, String>>()?;
            project.prompt = each(prompt)?.replace(ALL, &listed(&brought));
            let file =
                |subject: &&Subject| ConceptFile { strength: subject.strength, ..ConceptFile::new(&subject.file) };
            project.styles = subjects.iter().map(file).collect();
            project.concepts.clear();
        }
        Shape::Base => project.concepts.clear(),
        Shape::OnePrompt => {
            let named: Vec<String> = subjects.iter().map(|subject| a(&subject.class_word)).collect();
            project.prompt = each(prompt)?.replace(ALL, &listed(&named));
            project.concepts.iter_mut().for_each(|concept| concept.prompt = None);
        }
        Shape::Regions => {
            let own = each(prompt)?.replace(ALL, TOKEN_MARK);
            project.concepts.iter_mut().for_each(|concept| concept.prompt = Some(own.clone()));
        }
    }
    if project.concepts.is_empty() {
        // A layer that names no concept of the project would be refused.
        project.layers_mut().into_iter().flatten().for_each(|layer| layer.concept = None);
    }
    project.validate().map_err(|error| error.to_string())?;
    Ok(project)
}

/// The reference of a case's prompt, with its masks.
///
/// # Errors
/// In words, where a file cannot be read, or a mask has nothing in it.
pub fn reference(suite: &Suite, case: &Case, prompt: &Prompt, files: &dyn Files) -> Result<Reference, String> {
    let project = layout(suite, case, prompt, files)?;
    let words = |error: ProjectError| error.to_string();
    let collage = composite(&project, files).map_err(words)?;
    let masks: Vec<GrayImage> = match &prompt.layout {
        Some(_) => {
            let read = |path: &PathBuf| cover_gray(&load_gray(files, path)?, suite.canvas);
            prompt.masks.iter().map(read).collect::<Result<_, _>>().map_err(words)?
        }
        None => collage.masks.into_iter().map(|layer| layer.mask).collect(),
    };
    let lost = masks.iter().zip(&case.concepts).find(|(mask, _)| mask.pixels().all(|pixel| pixel.0[0] <= 127));
    if let Some((_, name)) = lost {
        return Err(format!(
            "the mask of {name} has nothing in it; draw its place in the layout of \"{}\"",
            prompt.name
        ));
    }
    let piece = project.place.as_ref().and_then(|place| Some((place.crop?, &place.photo)));
    let rows = match piece {
        Some((crop, photo)) => {
            let tall = f64::from(size(files, photo)?.1);
            f64::from(crop.y) / tall..(f64::from(crop.y) + f64::from(crop.height)) / tall
        }
        None => 0.0..1.0,
    };
    Ok(Reference { picture: collage.picture, masks, rows })
}

/// The project without what depends on the method.
///
/// # Errors
/// In words, where a file cannot be read, or says another thing than the suite.
pub(super) fn layout(suite: &Suite, case: &Case, prompt: &Prompt, files: &dyn Files) -> Result<Project, String> {
    let mut concepts = Vec::new();
    for (index, subject) in suite.concepts_of(case).enumerate() {
        let color = Color(COLORS[index % COLORS.len()]);
        let mut concept = Concept::new(&subject.name, &subject.file, &subject.class_word, color);
        concept.strength = subject.strength;
        concept.prompt = own_words(suite, case, prompt, subject);
        concepts.push(concept);
    }
    let base = Project { canvas: suite.canvas, model: suite.model.clone(), concepts, ..Project::new() };
    if let Some(photo) = &prompt.photo {
        return placed(base, suite, case, prompt, photo, files);
    }
    let Some(picture) = &prompt.layout else {
        return Ok(Project { layout: collage(suite, case, prompt, files)?, ..base });
    };
    let (masks, count) = (prompt.masks.len(), case.concepts.len());
    if masks != count {
        let name = &prompt.name;
        return Err(format!("\"{name}\" has {masks} masks for {count} concepts; give one mask for each concept"));
    }
    let mut project = Project { layout: Layout::Picture(picture.clone()), ..base };
    for (concept, mask) in project.concepts.iter_mut().zip(&prompt.masks) {
        concept.mask = MaskSource::Files(vec![mask.clone()]);
    }
    Ok(project)
}

/// The concepts' cutouts in a photo, as `podium place` has them stand there, in one piece of it.
fn placed(
    mut base: Project,
    suite: &Suite,
    case: &Case,
    prompt: &Prompt,
    photo: &Path,
    files: &dyn Files,
) -> Result<Project, String> {
    let canvas = suite.canvas;
    let photo_size = size(files, photo)?;
    let frame = Frame::of(None, photo_size, canvas);
    let usual = |index: usize| {
        let Place { x, y, height } = side_by_side(case.concepts.len(), index);
        let (wide, high) = (f64::from(canvas.width), f64::from(canvas.height));
        (frame.to_photo((x * wide, y * high)), height * high * frame.photo_pixels())
    };
    let told = |place: &Place| {
        let (wide, high) = (f64::from(photo_size.0), f64::from(photo_size.1));
        ((place.x * wide, place.y * high), place.height * high)
    };
    let (mut stands, mut boxes) = (Vec::new(), Vec::<Crop>::new());
    for (index, subject) in suite.concepts_of(case).enumerate() {
        let (middle, tall) = prompt.places.get(index).map_or_else(|| usual(index), told);
        let cutout = cutout(subject, prompt)?;
        let (width, height) = picture::load_rgba(files, cutout).map_err(|error| error.to_string())?.dimensions();
        let scale = tall / f64::from(height.max(1));
        let within = box_around(middle, (f64::from(width) * scale, tall), photo_size);
        boxes.push(within.ok_or_else(|| {
            format!("{} lies beside the photo of \"{}\"; give it another place", subject.name, prompt.name)
        })?);
        let (picture, concept) = (cutout.to_owned(), subject.name.clone());
        stands.push(Stand { picture, middle, scale, name: String::new(), concept });
    }
    let crop = plan::crop(&boxes, photo_size, (canvas.width, canvas.height)).ok_or_else(|| {
        let ((width, height), photo) = (photo_size, photo.display());
        format!("{photo}: has {width} x {height} pixels, too few for a piece of the canvas's shape; choose another")
    })?;
    // Those of the usual places may stand over the canvas's border, as they do without a photo.
    if !prompt.places.is_empty() && boxes.iter().any(|subject| !crop.contains(subject)) {
        return Err(format!(
            "the places of \"{}\" are in no one piece of the photo of the canvas's shape; put them nearer to each other, or \
             give the suite another canvas",
            prompt.name
        ));
    }
    base.place_into(photo, photo_size, crop, stands);
    Ok(base)
}

/// Width and height of a photo, upright.
fn size(files: &dyn Files, photo: &Path) -> Result<(u32, u32), String> {
    let decoded = files.read(photo).and_then(|bytes| picture::decode_as_it_is(&bytes, photo));
    decoded.map(|photo| (photo.width(), photo.height())).map_err(|error| error.to_string())
}

/// What stands for a concept.
fn cutout<'a>(subject: &'a Subject, prompt: &Prompt) -> Result<&'a PathBuf, String> {
    subject.cutout.as_ref().ok_or_else(|| {
        let name = &subject.name;
        let or = if prompt.photo.is_some() { "" } else { ", or the prompt a layout" };
        format!("{name} has no cutout to draw the layout of \"{}\" with; give it one{or}", prompt.name)
    })
}

/// Where one of so many stands, as figures of the Plush World do, in shares of the canvas's sides.
fn side_by_side(count: usize, index: usize) -> Place {
    let tall = match count {
        1 => 0.56,
        2 => 0.49,
        3 => 0.4,
        more => (1.2 / more as f32).max(0.1),
    };
    let middle = match count {
        1 => 0.5,
        2 => [0.31, 0.69][index],
        3 => [0.19, 0.5, 0.81][index],
        more => (index as f32 + 0.5) / more as f32,
    };
    // Nobody stands on one line with all others.
    let foot = 0.87 + 0.02 * (index % 2) as f32;
    Place { x: f64::from(middle), y: f64::from(foot - tall / 2.0), height: f64::from(tall) }
}

/// The concepts' cutouts side by side.
fn collage(suite: &Suite, case: &Case, prompt: &Prompt, files: &dyn Files) -> Result<Layout, String> {
    let (width, height) = (suite.canvas.width as f32, suite.canvas.height as f32);
    let mut layers = Vec::new();
    for (index, subject) in suite.concepts_of(case).enumerate() {
        let cutout = cutout(subject, prompt)?;
        let drawn = picture::load_rgba(files, cutout).map_err(|error| error.to_string())?;
        // All of them were of single precision, and come back as they were.
        let Place { x, y, height: tall } = side_by_side(case.concepts.len(), index);
        let mut layer = Layer::new(cutout, x as f32 * width, y as f32 * height);
        layer.scale = tall as f32 * height / drawn.height() as f32;
        layer.concept = Some(subject.name.clone());
        layers.push(layer);
    }
    let background = match &prompt.background {
        Some(path) => Background::Picture(path.clone()),
        None => Background::Color(GREY),
    };
    Ok(Layout::Collage { background, layers })
}

/// The base prompt.
///
/// # Errors
/// Where it has no words.
pub fn words(suite: &Suite, case: &Case, prompt: &Prompt) -> Result<String, String> {
    let class_words: Vec<String> = suite.concepts_of(case).map(|subject| a(&subject.class_word)).collect();
    let words = prompt.words.replace(ALL, &listed(&class_words));
    if words.trim().is_empty() {
        return Err(format!("the prompt \"{}\" has no words; write what the picture shows", prompt.name));
    }
    Ok(words)
}

/// The words of a prompt with a place for every concept.
fn each(prompt: &Prompt) -> Result<&str, String> {
    let words = [Some(&prompt.words), prompt.each.as_ref()].into_iter().flatten();
    words.map(String::as_str).find(|words| words.contains(ALL)).ok_or_else(|| {
        let name = &prompt.name;
        format!(
            "the prompt \"{name}\" has no place where each concept is named; give it each: \"{ALL} on a stage\", say"
        )
    })
}

/// What a concept's own branch reads; none where it is derived from the base prompt.
fn own_words(suite: &Suite, case: &Case, prompt: &Prompt, own: &Subject) -> Option<String> {
    if suite.own_prompts == OwnPrompts::Paper || !prompt.words.contains(ALL) {
        return None;
    }
    let called = |subject: &Subject| {
        if subject.name == own.name {
            return TOKEN_MARK.to_owned();
        }
        a(subject.plain_word.as_ref().unwrap_or(&subject.class_word))
    };
    let all: Vec<String> = suite.concepts_of(case).map(called).collect();
    Some(prompt.words.replace(ALL, &listed(&all)))
}

/// With its article.
pub(super) fn a(words: &str) -> String {
    let vowel = words.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']);
    format!("{} {words}", if vowel { "an" } else { "a" })
}

/// `a cat, a dog and a bear`
fn listed(all: &[String]) -> String {
    match all.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
