//! What a dropped, pasted or opened file is, by its contents and never by its name.
//!
//! Everything here may take seconds and much memory for a large picture: it belongs on a thread of its own.

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ColorType, DynamicImage, ImageFormat, RgbaImage};

use crate::engine::EngineError;
use crate::engine::family::{self, Family};
use crate::engine::tensors::{self as stored, TensorFile};
use crate::project::foreign::{self, Parameters};
use crate::project::{DiskFiles, Files, Project, ProjectError, file, picture, png_text};
use crate::studio::places::{Places, WriteError, write_whole};

/// How much of a file is looked at to tell what it is.
const HEAD: usize = 64 << 10;
/// How the names of files end that hold tensors.
const TENSORS: &[&str] = &["pth", "pt", "ckpt", "bin", "safetensors"];

/// What the configuration of an autoencoder's folder says.
const AUTOENCODER: &[u8] = b"AutoencoderKL";

/// What a file is, and what came of looking at it. Paths are absolute.
#[derive(Clone, Debug, PartialEq)]
pub enum Intake {
    /// A picture that decodes.
    Picture {
        /// The file.
        path: PathBuf,
        /// Width and height in pixels, upright.
        size: (u32, u32),
        /// What its user should know of it, as a sentence: that it is an animation, has 16 bits, is cut short.
        note: Option<String>,
    },
    /// A picture that Podium wrote, to open as its project or to use as a picture.
    PodiumPicture {
        /// The file.
        path: PathBuf,
        /// What it was made from.
        project: Box<Project>,
        /// The folder that the file is in; the project's own paths are absolute.
        folder: PathBuf,
        /// Width and height in pixels.
        size: (u32, u32),
    },
    /// A picture in which another program wrote how it was made.
    OthersPicture {
        /// The file.
        path: PathBuf,
        /// Width and height in pixels, upright.
        size: (u32, u32),
        /// As [`Intake::Picture`]'s.
        note: Option<String>,
        /// What it says.
        parameters: Box<Parameters>,
    },
    /// A project file.
    Project {
        /// The file.
        path: PathBuf,
        /// The project, checked.
        project: Box<Project>,
        /// The folder that the project's relative paths start from.
        folder: PathBuf,
    },
    /// A file or folder that looks like a concept's; whether it is one, and fits the model, is seen when it is read.
    Concept {
        /// The file or folder.
        path: PathBuf,
    },
    /// A model: a folder in the diffusers layout, or one file in that of Stable Diffusion's own code.
    Model {
        /// The folder or file.
        path: PathBuf,
    },
    /// An autoencoder (VAE) alone, to be used in place of a model's own.
    Autoencoder {
        /// The folder or file.
        path: PathBuf,
    },
}

/// Why a file cannot be used, in words for people.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum IntakeError {
    /// It was meant as a picture or a project, and what is wrong with it is known.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// It is something else, or cannot be read.
    #[error("cannot use {}: {problem}; {advice}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, or what it is.
        problem: String,
        /// What to do.
        advice: String,
    },
    /// It was meant as a model or a concept, and what is wrong with it is known.
    #[error("{0}")]
    Tensors(String),
    /// A pasted picture could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn refuse(path: &Path, problem: impl Into<String>, advice: impl Into<String>) -> IntakeError {
    IntakeError::File { path: path.to_owned(), problem: problem.into(), advice: advice.into() }
}

/// Finds out what a file or folder is. Pictures are decoded as a whole, so that one accepted can be shown.
///
/// # Errors
/// In words, when it cannot be read, is broken, too large, or of no kind that Podium uses.
pub fn classify(path: &Path) -> Result<Intake, IntakeError> {
    let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let unread = |error: std::io::Error| {
        let (problem, advice) = match error.kind() {
            std::io::ErrorKind::NotFound => ("there is no such file".into(), "it may have been moved: choose it again"),
            std::io::ErrorKind::PermissionDenied => {
                ("permission was denied".into(), "change its permissions, or copy it to a folder of yours")
            }
            _ => (error.to_string(), "check the disk, then try again"),
        };
        refuse(path, problem, advice)
    };
    let about = fs::metadata(path).map_err(unread)?;
    if about.is_dir() {
        return folder(path);
    }
    // A pipe or a device could keep the reader waiting, or fed, for ever.
    if !about.is_file() {
        return Err(refuse(path, "it is not an ordinary file", "choose another file"));
    }
    let mut file = File::open(path).map_err(unread)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(unread)?;

    if head.is_empty() {
        // Its words for an empty file.
        picture::decode(&head, path)?;
    }
    if picture::may_be_picture(&head) {
        // Whatever a decoder may do at a file made to break it, the others can still be dropped.
        return catch_unwind(|| picture_file(path)).unwrap_or_else(|_| {
            Err(refuse(path, "the decoder stumbles over it", "export it again as an ordinary PNG"))
        });
    }
    if stored::may_be(&head) {
        return tensors(path);
    }
    if is_project(path, &head) {
        let project = Box::new(file::load_as_it_is(path)?);
        return Ok(Intake::Project { path: path.to_owned(), project, folder: parent(path) });
    }
    if has_ending(path, TENSORS) {
        let problem = "its contents are not those of a concept or a model, or it is cut short";
        return Err(refuse(path, problem, "copy or download it again"));
    }
    // Knows the words for drawings, documents, photos of other kinds and text, and refuses them all.
    picture::decode(&head, path)?;
    Err(refuse(path, "it is of no kind that Podium uses", "choose a picture, a project or a concept"))
}

/// Keeps a picture from the clipboard as a PNG, so that a project can name it, and returns its path. The same picture
/// pasted twice is one file.
///
/// # Errors
/// When it has no pixels or too many, or the disk cannot be written.
pub fn keep_pasted(places: &Places, pasted: &RgbaImage) -> Result<PathBuf, IntakeError> {
    let folder = places.pasted_folder();
    let (width, height) = pasted.dimensions();
    if width == 0 || height == 0 || width.max(height) > picture::MAX_SIDE {
        let problem = format!("the pasted picture has {width} × {height} pixels");
        let advice = format!("copy one whose sides have 1 to {} pixels", picture::MAX_SIDE);
        return Err(refuse(&folder, problem, advice));
    }
    let mut hash = blake3::Hasher::new();
    hash.update(&width.to_le_bytes()).update(pasted.as_raw());
    let path = folder.join(format!("pasted-{}.png", hash.finalize().to_hex().get(..16).unwrap_or_default()));
    if !path.exists() {
        let mut bytes = Cursor::new(Vec::new());
        pasted.write_to(&mut bytes, ImageFormat::Png).map_err(|error| WriteError::new(&path, error))?;
        write_whole(&path, bytes.get_ref())?;
    }
    Ok(path)
}

/// Copies a picture of the gallery's to where pasted ones are kept, and returns its path there: a project that names it
/// outlives the result. The same picture copied twice is one file.
///
/// # Errors
/// When it cannot be read, or the disk cannot be written.
pub fn keep_copy(places: &Places, path: &Path) -> Result<PathBuf, IntakeError> {
    let bytes = DiskFiles { base: parent(path), assets: |_| None }.read(path)?;
    let name = format!("result-{}.png", blake3::hash(&bytes).to_hex().get(..16).unwrap_or_default());
    let copy = places.pasted_folder().join(name);
    if !copy.exists() {
        write_whole(&copy, &bytes)?;
    }
    Ok(copy)
}

fn folder(path: &Path) -> Result<Intake, IntakeError> {
    let holds = |name: &str| path.join(name).is_file();
    if holds("model_index.json") || holds("unet/config.json") {
        return Ok(Intake::Model { path: path.to_owned() });
    }
    // As PEFT and diffusers write LoRAs.
    let adapter = ["adapter_config.json", "pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin"];
    if adapter.iter().any(|name| holds(name)) {
        return Ok(Intake::Concept { path: path.to_owned() });
    }
    if let Some(name) = ["learned_embeds.safetensors", "learned_embeds.bin"].into_iter().find(|name| holds(name)) {
        return Ok(Intake::Concept { path: path.join(name) });
    }
    if let Ok(config) = fs::read(path.join("config.json"))
        && config.windows(AUTOENCODER.len()).any(|window| window == AUTOENCODER)
    {
        return Ok(Intake::Autoencoder { path: path.to_owned() });
    }
    let problem = "it is a folder, and not a model's, which holds model_index.json or unet/config.json";
    Err(refuse(path, problem, "drop files one by one, or choose the model's own folder"))
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    endings.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// A text that begins as projects do, or is called one.
fn is_project(path: &Path, head: &[u8]) -> bool {
    if has_ending(path, &[file::EXTENSION]) {
        return true;
    }
    let text = String::from_utf8_lossy(head);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    start.strip_prefix("Project").unwrap_or(start).trim_start().starts_with('(') && start.contains("canvas")
}

fn picture_file(path: &Path) -> Result<Intake, IntakeError> {
    // Refuses what is too large to be read at all.
    let bytes = DiskFiles { base: parent(path), assets: |_| None }.read(path)?;
    let decoded = picture::decode(&bytes, path)?;
    let size = (decoded.width(), decoded.height());
    let mut notes = notes(&bytes, &decoded);
    let mut parameters = foreign::read(&bytes);
    let is_png = image::guess_format(&bytes).is_ok_and(|format| format == ImageFormat::Png);
    // Both may be large.
    drop((bytes, decoded));
    let path = path.to_owned();
    match if is_png { png_text::read_project(&path) } else { Ok(None) } {
        Ok(Some(project)) => {
            let folder = parent(&path);
            return Ok(Intake::PodiumPicture { path, project: Box::new(project), folder, size });
        }
        Ok(None) => {}
        // Still a picture. Its line of parameters, which Podium wrote, would hide why.
        Err(error) => {
            notes.push(format!("The project in it cannot be opened: {error}."));
            parameters = None;
        }
    }
    let note = Some(notes.join(" ")).filter(|note| !note.is_empty());
    Ok(match parameters {
        Some(parameters) => Intake::OthersPicture { path, size, note, parameters: Box::new(parameters) },
        None => Intake::Picture { path, size, note },
    })
}

/// What is lost of a picture or doubtful about it.
fn notes(bytes: &[u8], decoded: &DynamicImage) -> Vec<String> {
    let mut notes = Vec::new();
    let format = image::guess_format(bytes).ok();
    if is_animated(bytes, format) {
        notes.push("It is an animation; its first frame is used.".to_owned());
    }
    let deep = |color| !matches!(color, ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8);
    if deep(decoded.color()) {
        notes.push("It has more than 8 bits a channel; 8 are used.".to_owned());
    }
    if format == Some(ImageFormat::Jpeg) {
        let about = look_into_jpeg(bytes);
        if about.channels == Some(4) {
            notes.push("It is in print colours (CMYK); on the screen they look a little different.".to_owned());
        }
        if !about.ends {
            notes.push("It is cut short, and what is missing is grey; copy or download it again.".to_owned());
        }
    }
    notes
}

fn is_animated(bytes: &[u8], format: Option<ImageFormat>) -> bool {
    let cursor = Cursor::new(bytes);
    match format {
        // The picture was decoded before, so that its size is known to be allowed.
        Some(ImageFormat::Gif) => GifDecoder::new(cursor).is_ok_and(|gif| gif.into_frames().take(2).count() == 2),
        Some(ImageFormat::Png) => PngDecoder::new(cursor).is_ok_and(|png| png.is_apng().unwrap_or(false)),
        Some(ImageFormat::WebP) => WebPDecoder::new(cursor).is_ok_and(|webp| webp.has_animation()),
        _ => false,
    }
}

/// What the decoder does not tell of a JPEG.
#[derive(Debug, PartialEq)]
struct Jpeg {
    /// Its components; None where the frame is not found.
    channels: Option<u8>,
    /// Whether its pixels come to their end mark. The decoder fills what is missing with grey, without an error.
    ends: bool,
}

fn look_into_jpeg(bytes: &[u8]) -> Jpeg {
    let mut jpeg = Jpeg { channels: None, ends: true };
    let mut at = 2;
    // Segments before the pixels: a mark, and then the length of what follows. They are skipped as a whole, since a
    // preview in them has end marks of its own.
    while let Some(&[0xff, mark]) = bytes.get(at..at + 2) {
        match mark {
            0xff => at += 1,
            0xda => {
                let pixels = bytes.get(at + 2..).unwrap_or_default();
                jpeg.ends = pixels.windows(2).any(|pair| pair == [0xff, 0xd9]);
                return jpeg;
            }
            _ => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { break };
                // Start of frame, of any coding; the others of this range are tables.
                if matches!(mark, 0xc0..=0xcf) && !matches!(mark, 0xc4 | 0xc8 | 0xcc) {
                    jpeg.channels = bytes.get(at + 9).copied();
                }
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
            }
        }
    }
    jpeg
}

/// A file of tensors: a whole model, an autoencoder, what changes a model, or none of them.
fn tensors(path: &Path) -> Result<Intake, IntakeError> {
    let words = |error: EngineError| IntakeError::Tensors(error.to_string());
    let file = TensorFile::open(path).map_err(words)?;
    let family = family::of_file(file.tensors().map(|(name, shape, _)| (name, shape)));
    let path = path.to_owned();
    match family {
        Family::StableDiffusion1 => Ok(Intake::Model { path }),
        Family::Autoencoder => Ok(Intake::Autoencoder { path }),
        // Names of embeddings are anything.
        Family::Lora | Family::Embedding | Family::Unknown => Ok(Intake::Concept { path }),
        other => Err(other.check(file.name()).map_err(words).err().unwrap_or_else(|| {
            refuse(&path, "it is of no kind that Podium uses", "choose a model of Stable Diffusion 1.5 or a concept")
        })),
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
