//! The built-in miniature and its example projects, made anew: `.ci/remake FOLDER` runs these in turn.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use podium::evaluate::compare::ruler;
use podium::evaluate::metrics::Ruler;
use podium::plush;
use podium::project::{DiskFiles, Preset, Project, Settings};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::studio::{engine, example, render};

/// The example projects, in the order of the README.
pub const EXAMPLES: [&str; 4] = ["beach", "meadow", "snow", "point"];

/// Seeds that a sheet shows with the project's own settings, counted from 0: nobody chose them.
const SEEDS: u64 = 8;
/// Seeds that it shows with the release's settings, at the project's number of steps.
const RELEASE_SEEDS: u64 = 2;
/// Pictures in a row of a sheet: the project's own settings fill two rows, the release's are a column to the right.
const ROW: u64 = 4;

fn home(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A tensor's name, shape, kind of number and bytes.
type Kept = (String, Vec<usize>, Dtype, Vec<u8>);

/// A checkpoint in half precision: every f32 tensor becomes f16, all else stays.
fn halved(checkpoint: &[u8]) -> Vec<u8> {
    let tensors = SafeTensors::deserialize(checkpoint).expect("a safetensors file");
    let halve = |(name, view): (&str, TensorView<'_>)| -> Kept {
        let (dtype, data) = match view.dtype() {
            Dtype::F32 => {
                let values = view.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four")));
                (Dtype::F16, values.flat_map(|value| half::f16::from_f32(value).to_le_bytes()).collect())
            }
            other => (other, view.data().to_vec()),
        };
        (name.to_owned(), view.shape().to_vec(), dtype, data)
    };
    let kept: Vec<Kept> = tensors.iter().map(halve).collect();
    let views = kept.iter().map(|(name, shape, dtype, data)| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), data).expect("as long as its shape says"))
    });
    let says = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(says)).expect("it serializes")
}

#[test]
fn halving_keeps_names_and_shapes_and_rounds_values() {
    let values = [1.0_f32, -2.5, 1.0 / 3.0, 65504.0];
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let whole = TensorView::new(Dtype::F32, vec![2, 2], &bytes).expect("a tensor");
    let ids = TensorView::new(Dtype::I64, vec![1], &[7, 0, 0, 0, 0, 0, 0, 0]).expect("a tensor");
    let file = halved(&safetensors::serialize([("weight", whole), ("ids", ids)], None).expect("it serializes"));
    let read = SafeTensors::deserialize(&file).expect("a safetensors file");
    let weight = read.tensor("weight").expect("it is there");
    assert_eq!((weight.dtype(), weight.shape()), (Dtype::F16, &[2, 2][..]));
    let back: Vec<f32> = weight
        .data()
        .chunks_exact(2)
        .map(|two| half::f16::from_le_bytes(two.try_into().expect("two")).to_f32())
        .collect();
    assert_eq!(back, [1.0, -2.5, half::f16::from_f32(1.0 / 3.0).to_f32(), 65504.0]);
    assert_eq!(read.tensor("ids").expect("it is there").dtype(), Dtype::I64);
}

/// Takes newly trained weights into `assets/miniature`, from the folder that `PODIUM_MINIATURE` names.
#[test]
#[ignore = "writes assets/miniature; .ci/remake runs it"]
fn take_in_the_miniature() {
    let from = PathBuf::from(std::env::var_os("PODIUM_MINIATURE").expect("PODIUM_MINIATURE names the kit's folder"));
    let to = home("assets/miniature");
    for part in ["text_encoder", "unet", "vae"] {
        let stem = if part == "text_encoder" { "model" } else { "diffusion_pytorch_model" };
        let file = format!("{part}/{stem}.safetensors");
        let whole = std::fs::read(from.join("model").join(&file)).expect("the kit has weights");
        std::fs::write(to.join(&file), halved(&whole)).expect("written");
    }
    for file in ["text_encoder/config.json", "unet/config.json", "vae/config.json", "scheduler/scheduler_config.json"] {
        std::fs::copy(from.join("model").join(file), to.join(file)).expect("copied");
    }
    for file in ["vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"] {
        let file = format!("tokenizer/{file}");
        std::fs::copy(from.join("model").join(&file), to.join(&file)).expect("copied");
    }
}

#[test]
fn the_example_projects_have_the_settings_of_the_standard_preset() {
    // But for the one whose mask is found from a point: it lets go of the layout early (docs/examples says why).
    for name in EXAMPLES.into_iter().filter(|name| *name != "point") {
        assert_eq!(Preset::matching(&example(name)), Some(Preset::Standard), "{name}");
    }
}

/// The project with the release's settings, in as many steps as it takes itself.
fn as_released(project: &Project) -> Project {
    let mut released = project.clone();
    released.settings = Settings { steps: project.settings.steps, ..Settings::default() };
    released.concepts.iter_mut().for_each(|concept| concept.strength = 0.7);
    released
}

/// What is seen in a picture of an example, in a word.
fn seen(project: &Project, ruler: Option<&Ruler>, picture: &image::RgbImage) -> String {
    let Some(ruler) = ruler else {
        let concept = plush::concept(&project.concepts[0].name.replace(' ', "_")).expect("a plush");
        let recognised = plush::sight(picture, concept).is_some_and(|sighting| sighting.verdict.recognised);
        return if recognised { "right" } else { "0 of 1" }.to_owned();
    };
    let measures = ruler.measure(picture).expect("of the canvas's size");
    let recognised = measures.recognised();
    if measures.right { "right".to_owned() } else { format!("{recognised} of {}", measures.subjects.len()) }
}

/// Writes a sheet for each example into `docs/examples`: eight seeds with the project's settings, two with the release's; and
/// what the recogniser sees in each into a table, in place of that example's line. `PODIUM_EXAMPLES` names those that are
/// wanted, all otherwise.
#[test]
#[ignore = "half an hour on two cores; .ci/remake runs it"]
fn sheets_of_the_examples() {
    let folder = home("docs/examples");
    std::fs::create_dir_all(&folder).expect("created");
    let engine = engine();
    let wanted = std::env::var("PODIUM_EXAMPLES").unwrap_or_else(|_| EXAMPLES.join(" "));
    for name in EXAMPLES.into_iter().filter(|name| wanted.split_whitespace().any(|wanted| wanted == *name)) {
        let project = example(name);
        let released = as_released(&project);
        let (width, height) = (project.canvas.width, project.canvas.height);
        let rows = (SEEDS / ROW) as u32;
        let mut sheet = image::RgbImage::from_pixel(width * (ROW as u32 + 1) + 8, height * rows, image::Rgb([255; 3]));
        let files = DiskFiles { base: ".".into(), assets: podium::assets::find };
        // None where nobody says the place.
        let ruler = ruler(&project, &files).expect("a collage");
        let mut line = format!("| `{name}` |");
        let mut put = |project: &Project, seed: u64, at: (u32, u32)| {
            let project = Project { seed, ..project.clone() };
            let finished = render(&engine, &project, Default::default()).finished();
            image::imageops::replace(&mut sheet, &finished.pictures[0], i64::from(at.0), i64::from(at.1));
            line += &format!(" {} |", seen(&project, ruler.as_ref(), &finished.pictures[0]));
        };
        for seed in 0..SEEDS {
            put(&project, seed, ((seed % ROW) as u32 * width, (seed / ROW) as u32 * height));
        }
        for seed in 0..RELEASE_SEEDS {
            put(&released, seed, (ROW as u32 * width + 8, seed as u32 * height));
        }
        let mut file =
            std::io::BufWriter::new(std::fs::File::create(folder.join(format!("{name}.jpg"))).expect("created"));
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 88);
        sheet.write_with_encoder(encoder).expect("written");
        let readme = folder.join("README.md");
        let before = std::fs::read_to_string(&readme).expect("it is there");
        let lines =
            before.lines().map(|old| if old.starts_with(&format!("| `{name}` |")) { line.as_str() } else { old });
        std::fs::write(&readme, lines.collect::<Vec<_>>().join("\n") + "\n").expect("written");
    }
}
