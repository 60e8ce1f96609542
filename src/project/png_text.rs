//! Pictures that remember how they were made.
//!
//! A result is a PNG with two texts before its pixels: `parameters`, which other programs show, and
//! `podium_project`, the whole project, which opens again as what made exactly this picture.

use std::io::Cursor;
use std::path::Path;

use image::RgbImage;
use png::text_metadata::{ITXtChunk, TEXtChunk};
use png::{BitDepth, ColorType, Decoder, Encoder};

use super::disk::write_atomically;
use super::error::ProjectError;
use super::files::read_file;
use super::parameters::parameters;
use super::{Canvas, Project, file, foreign};

/// The keyword that image tools look for.
const PARAMETERS: &str = "parameters";
/// The keyword of the compressed project.
const PROJECT: &str = "podium_project";
/// The most bytes of a project once unpacked: a small chunk can claim to hold gigabytes.
const MAX_TEXT: usize = 16 << 20;
/// The most bytes of a PNG that is looked into.
const MAX_BYTES: u64 = 1 << 30;
/// The eight bytes that every PNG begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Writes one result, wholly or not at all.
///
/// `seed` is this picture's own, and `base` the folder that the project's relative paths start
/// from. The embedded project has that seed, makes one picture, and names its files by absolute
/// paths (built-in ones as they are), so that it means the same wherever the PNG is taken on this
/// computer.
pub fn write_png(
    path: &Path,
    picture: &RgbImage,
    project: &Project,
    base: &Path,
    seed: u64,
) -> Result<(), ProjectError> {
    let made = Project { seed, pictures: 1, ..project.with_absolute_paths(base)? };
    let bytes = encode(picture, &made).map_err(|problem| match problem {
        Problem::Project(error) => error,
        Problem::Png(error) => ProjectError::writing(path, error),
    })?;
    write_atomically(path, &bytes)
}

/// Whether a result of this project can be written with the project inside, asked before it is rendered.
///
/// # Errors
/// When a path in it, or the folder that they start from, cannot be written down: such as a name that is not UTF-8.
pub fn check(project: &Project, base: &Path) -> Result<(), ProjectError> {
    file::to_string(&project.with_absolute_paths(base)?).map(drop)
}

/// The project that a picture was made from; None when it is not a PNG or holds none.
pub fn read_project(path: &Path) -> Result<Option<Project>, ProjectError> {
    of_bytes(path, &read_file(path, MAX_BYTES)?)
}

/// The project in the bytes of a picture, which messages call `path`.
fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Option<Project>, ProjectError> {
    if !bytes.starts_with(SIGNATURE) {
        return Ok(None);
    }
    let damaged = |error: png::DecodingError| {
        let problem = format!("the file is damaged or cut short ({error})");
        ProjectError::picture(path, problem, "copy or download it again")
    };
    let reader = Decoder::new(Cursor::new(bytes)).read_info().map_err(damaged)?;
    let chunk = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == PROJECT);
    let Some(chunk) = chunk else { return Ok(None) };
    let mut chunk = chunk.clone();
    chunk.decompress_text_with_limit(MAX_TEXT).map_err(damaged)?;
    let text = chunk.get_text().map_err(damaged)?;
    file::from_str(&text).map(Some).map_err(|error| error.in_file(path))
}

/// The project of a picture that is given in a project's place; None where the file is no picture, and so perhaps a project
/// file.
///
/// # Errors
/// When it is a picture that holds no project, or a damaged one.
pub fn in_a_project_s_place(path: &Path) -> Result<Option<Project>, ProjectError> {
    let bytes = read_file(path, MAX_BYTES)?;
    let project = of_bytes(path, &bytes)?;
    if project.is_some() {
        return Ok(project);
    }
    if let Some(found) = foreign::read(&bytes) {
        // Its words say nothing of layers, concepts and masks: rendering them alone would make some other picture.
        let problem = format!("it was made by {} and holds no Podium project", found.program);
        let advice = "drop it onto the window to take over its prompt and settings, or see them by podium inspect";
        return Err(ProjectError::picture(path, problem, advice));
    }
    if bytes.starts_with(SIGNATURE) {
        let advice = "choose one that Podium wrote and nobody has edited since, or a project (.ron)";
        return Err(ProjectError::picture(path, "it holds no Podium project", advice));
    }
    Ok(project)
}

/// The texts that a picture remembers how it was made by.
pub(crate) struct Texts {
    parameters: String,
    project: String,
}

impl Texts {
    /// Those of a project's picture, as [`write_png`] writes them.
    ///
    /// # Errors
    /// When a path in the project, or the folder that they start from, cannot be written down.
    pub fn new(project: &Project, base: &Path, seed: u64) -> Result<Self, ProjectError> {
        Self::of(&Project { seed, pictures: 1, ..project.with_absolute_paths(base)? }, project.canvas)
    }

    /// `size` is that of what was rendered.
    fn of(made: &Project, size: Canvas) -> Result<Self, ProjectError> {
        Ok(Self { parameters: parameters(made, size, made.seed), project: file::to_string(made)? })
    }

    /// Writes them before the pixels, where tools that read only the beginning find them.
    ///
    /// # Errors
    /// What the encoder says.
    pub fn write<W: std::io::Write>(&self, writer: &mut png::Writer<W>) -> Result<(), png::EncodingError> {
        let line = self.parameters.clone();
        if line.chars().all(|letter| u32::from(letter) < 256) {
            writer.write_text_chunk(&TEXtChunk::new(PARAMETERS, line))?;
        } else {
            writer.write_text_chunk(&ITXtChunk::new(PARAMETERS, line))?;
        }
        let mut whole = ITXtChunk::new(PROJECT, self.project.clone());
        whole.compressed = true;
        writer.write_text_chunk(&whole)
    }
}

/// Why a picture could not be encoded.
enum Problem {
    Project(ProjectError),
    Png(png::EncodingError),
}

impl From<png::EncodingError> for Problem {
    fn from(error: png::EncodingError) -> Self {
        Self::Png(error)
    }
}

fn encode(picture: &RgbImage, project: &Project) -> Result<Vec<u8>, Problem> {
    let (width, height) = picture.dimensions();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;

    let texts = Texts::of(project, Canvas { width, height }).map_err(Problem::Project)?;
    texts.write(&mut writer)?;

    writer.write_image_data(picture)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::Rgb;

    use super::super::tests::example;
    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(16, 8, |x, y| Rgb([x as u8 * 16, y as u8 * 32, 7]))
    }

    fn written(project: &Project) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.png");
        write_png(&path, &picture(), project, Path::new("/work/beach"), 44).unwrap();
        (folder, path)
    }

    fn info(path: &Path) -> png::Info<'static> {
        let reader = Decoder::new(Cursor::new(fs::read(path).unwrap())).read_info().unwrap();
        reader.info().clone()
    }

    #[test]
    fn a_result_holds_its_pixels_and_the_project_that_makes_it_again() {
        let (_folder, path) = written(&example());
        assert_eq!(image::open(&path).unwrap().into_rgb8(), picture());
        let project = read_project(&path).unwrap().unwrap();
        assert_eq!((project.seed, project.pictures), (44, 1));
        assert_eq!(project.layers()[0].picture, Path::new("/work/beach/pictures/cat.png"));
        assert_eq!(project.layers()[2].picture, Path::new("assets:cutouts/dog.png"));
        assert_eq!(project.prompt, example().prompt);
    }

    #[test]
    fn parameters_are_plain_text_where_latin_letters_suffice_and_unicode_elsewhere() {
        let (_folder, path) = written(&example());
        let latin = info(&path).uncompressed_latin1_text;
        assert_eq!(latin[0].keyword, "parameters");
        assert!(latin[0].text.contains("Seed: 44, Size: 16x8"), "{}", latin[0].text);

        let mut project = example();
        project.prompt = "猫".into();
        let (_folder, path) = written(&project);
        let info = info(&path);
        assert!(info.uncompressed_latin1_text.is_empty());
        assert!(info.utf8_text[0].get_text().unwrap().starts_with("猫\n"));
        assert_eq!(read_project(&path).unwrap().unwrap().prompt, "猫");
    }

    #[test]
    fn other_pictures_hold_no_project() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["plain.png", "plain.jpg"] {
            let path = folder.path().join(name);
            picture().save(&path).unwrap();
            assert_eq!(read_project(&path), Ok(None), "{name}");
        }
        let empty = folder.path().join("empty.png");
        fs::write(&empty, b"").unwrap();
        assert_eq!(read_project(&empty), Ok(None));
        let error = read_project(&folder.path().join("none.png")).unwrap_err().to_string();
        assert!(error.contains("none.png"), "{error}");
    }

    #[test]
    fn a_picture_made_elsewhere_is_no_project_and_says_what_it_is_good_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("theirs.png");
        let mut bytes = Vec::new();
        let mut writer = Encoder::new(&mut bytes, 1, 1).write_header().unwrap();
        let text = "a cat\nSteps: 20, Seed: 7, Size: 512x512";
        writer.write_text_chunk(&TEXtChunk::new(PARAMETERS, text)).unwrap();
        writer.write_image_data(&[0]).unwrap();
        writer.finish().unwrap();
        fs::write(&path, bytes).unwrap();
        let text = in_a_project_s_place(&path).unwrap_err().to_string();
        assert!(text.contains("WebUI") && text.contains("podium inspect"), "{text}");
    }

    #[test]
    fn a_result_cut_short_is_an_error() {
        let (_folder, path) = written(&example());
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..60]).unwrap();
        let text = read_project(&path).unwrap_err().to_string();
        assert!(text.contains("damaged or cut short"), "{text}");
    }

    #[test]
    fn a_chunk_that_unpacks_to_gigabytes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.png");
        let mut bytes = Vec::new();
        let mut writer = Encoder::new(&mut bytes, 1, 1).write_header().unwrap();
        let mut bomb = ITXtChunk::new(PROJECT, " ".repeat(MAX_TEXT + 1));
        bomb.compressed = true;
        writer.write_text_chunk(&bomb).unwrap();
        writer.write_image_data(&[0]).unwrap();
        writer.finish().unwrap();
        fs::write(&path, bytes).unwrap();
        // Unpacked, it would be refused too, as no project.
        let error = read_project(&path).unwrap_err().to_string();
        assert!(error.contains("damaged or cut short"), "{error}");
    }

    #[test]
    fn a_newer_project_in_a_picture_says_so() {
        let project = Project { version: 9, ..example() };
        let (_folder, path) = written(&project);
        let text = read_project(&path).unwrap_err().to_string();
        assert!(text.contains("result.png: this project has format version 9"), "{text}");
    }
}
