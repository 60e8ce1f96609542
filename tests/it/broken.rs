//! Every broken input gives its own error: what, where, what to do. None panics or hangs.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use podium::engine::adapters;
use podium::engine::device::DeviceChoice;
use podium::engine::models::Models;
use podium::engine::weights::ModelFiles;
use podium::link::Watch;
use podium::project::{Layout, MaskSource, Placement, Project, PromptReading, file};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::studio::{Told, engine, frozen, small, wait};

fn concept_bytes() -> &'static [u8] {
    include_bytes!("../data/golden/concepts/mint_cat.pth")
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("temporary")
}

/// Renders a project whose paths start from `folder`.
fn render_in(folder: &Path, project: Project) -> Told {
    let engine = engine();
    let job = engine.render(project, folder.to_owned(), DeviceChoice::Flex, Watch::default());
    wait(&engine, job, |_| ())
}

pub fn assert_says(words: &str, parts: &[&str]) {
    for part in parts {
        assert!(words.contains(part), "\"{part}\" is not in: {words}");
    }
}

#[test]
fn a_truncated_pickle() {
    let folder = folder();
    let whole = concept_bytes();
    for length in [1, 100, whole.len() / 2, whole.len() - 1] {
        let path = write(&folder, "cut.pth", &whole[..length]);
        let error = adapters::read(&path).expect_err("cut short").to_string();
        assert_says(&error, &["cut.pth", "cannot be read as a torch file", "nothing in it was executed"]);
    }
    let data = [0_u8; 400];
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![100], &data).expect("a view");
    let whole = safetensors::serialize([("weight", view)], None).expect("serialized");
    for (length, how) in [
        (1, "not a safetensors file"),
        (20, "not a safetensors file"),
        (whole.len() - 100, "cut short by 100 bytes"),
        (whole.len() - 1, "cut short by 1 bytes"),
    ] {
        let path = write(&folder, "cut.safetensors", &whole[..length]);
        let error = adapters::read(&path).expect_err("cut short").to_string();
        assert_says(&error, &["cut.safetensors", how]);
    }
    let error = adapters::read(&write(&folder, "empty.pth", &[])).expect_err("empty").to_string();
    assert_says(&error, &["empty.pth", "is empty"]);
}

#[test]
fn a_malicious_pickle_is_refused_and_not_executed() {
    let folder = folder();
    let proof = folder.path().join("executed");
    let command = format!("cposix\nsystem\n(S'touch {}'\ntR.", proof.display());
    let plain = write(&folder, "evil.pth", command.as_bytes());
    let error = adapters::read(&plain).expect_err("refused").to_string();
    assert_says(&error, &["evil.pth", "cannot be read as a torch file", "nothing in it was executed"]);
    assert!(!proof.exists());

    // The same inside a torch archive.
    let mut archive = Vec::new();
    archive_with_pickle(&mut archive, command.as_bytes());
    let error = adapters::read(&write(&folder, "zipped.pth", &archive)).expect_err("refused").to_string();
    assert_says(&error, &["zipped.pth", "cannot be read as a torch file", "nothing in it was executed"]);
    assert!(!proof.exists());
}

/// A torch archive, which is a zip file: one stored entry, `evil/data.pkl`.
fn archive_with_pickle(into: &mut Vec<u8>, pickle: &[u8]) {
    let mut archive = ZipWriter::new(Cursor::new(into));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("evil/data.pkl", stored).expect("begun");
    archive.write_all(pickle).expect("written");
    archive.finish().expect("finished");
}

#[test]
fn a_concept_of_another_model_names_both_widths() {
    // The reference data's concepts are half as wide as the miniature's.
    let mut project = small("beach", 1);
    project.concepts[0].file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden/concepts/mint_cat.pth").into();
    let told = render_in(Path::new("."), project);
    assert_says(told.failure(), &["does not fit", "32 wide", "64 wide"]);
}

#[test]
fn a_picture_instead_of_a_concept() {
    let mut project = small("beach", 1);
    project.concepts[0].file = "assets:cutouts/orange_cat.png".into();
    assert_says(render_in(Path::new("."), project).failure(), &["orange_cat.png", "cannot be read as a torch file"]);
    let mut project = small("beach", 1);
    project.concepts[0].file = "no/such.pth".into();
    assert_says(render_in(Path::new("."), project).failure(), &["no/such.pth"]);
}

/// A copy of the built-in model in a folder, with one part's weights replaced.
fn model_with(part: &str, file: &str, bytes: &[u8]) -> TempDir {
    let folder = folder();
    for (path, content) in podium::assets::FILES {
        let Some(path) = path.strip_prefix("miniature/") else { continue };
        let target = folder.path().join(path);
        std::fs::create_dir_all(target.parent().expect("has one")).expect("created");
        std::fs::write(target, content).expect("written");
    }
    std::fs::File::create(folder.path().join(part).join(file)).and_then(|mut f| f.write_all(bytes)).expect("written");
    folder
}

fn load(folder: &TempDir) -> String {
    let files = ModelFiles::Folder(folder.path().to_owned());
    let device = burn::tensor::Device::flex();
    Models::load(&files, &device, &mut |_| Ok(())).err().expect("it cannot load").to_string()
}

/// The text encoder's weights with their header and data changed.
fn altered_text_encoder(change: impl Fn(&mut serde_json::Value, &mut Vec<u8>)) -> Vec<u8> {
    let bytes = podium::assets::find("miniature/text_encoder/model.safetensors").expect("built in");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).expect("JSON");
    let mut data = bytes[8 + length..].to_vec();
    change(&mut header, &mut data);
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

const NORM: &str = "text_model.final_layer_norm.weight";

#[test]
fn a_missing_a_surplus_a_misshapen_and_a_nan_tensor_name_file_tensor_and_shapes() {
    let weights = "model.safetensors";
    let renamed = altered_text_encoder(|header, _| {
        let entry = header.as_object_mut().and_then(|map| map.remove(NORM)).expect("there");
        header["text_model.final_layer_norm.wait"] = entry;
    });
    assert_says(&load(&model_with("text_encoder", weights, &renamed)), &[weights, NORM, "missing", "[64]"]);

    let surplus = altered_text_encoder(|header, data| {
        let end = data.len();
        data.extend([0; 8]);
        header["extra.weight"] = serde_json::json!({"dtype": "F32", "shape": [2], "data_offsets": [end, end + 8]});
    });
    assert_says(&load(&model_with("text_encoder", weights, &surplus)), &[weights, "extra.weight", "[2]", "no place"]);

    let misshapen = altered_text_encoder(|header, _| header[NORM]["shape"] = serde_json::json!([8, 8]));
    assert_says(&load(&model_with("text_encoder", weights, &misshapen)), &[weights, NORM, "[8, 8]", "[64]"]);

    let nan = altered_text_encoder(|header, data| {
        let at = header[NORM]["data_offsets"][0].as_u64().expect("an offset") as usize;
        data[at..at + 2].copy_from_slice(&half::f16::NAN.to_le_bytes());
    });
    assert_says(&load(&model_with("text_encoder", weights, &nan)), &[weights, NORM, "NaN"]);

    let whole = podium::assets::find("miniature/text_encoder/model.safetensors").expect("built in");
    assert_says(
        &load(&model_with("text_encoder", weights, &whole[..whole.len() - 10])),
        &[weights, "cut short by 10 bytes"],
    );
    assert_says(&load(&model_with("text_encoder", weights, b"<html>not found</html>")), &[weights, "is a web page"]);
    assert_says(&load(&model_with("text_encoder", "config.json", b"{}")), &["config.json", "hidden_size"]);
    let other = br#"{"prediction_type": "sample", "beta_start": 0.1, "beta_end": 0.2, "beta_schedule": "linear"}"#;
    assert_says(
        &load(&model_with("scheduler", "scheduler_config.json", other)),
        &["scheduler_config.json", "prediction_type sample"],
    );
    assert_says(&load(&folder()), &["text_encoder/config.json", "a model is a folder"]);
}

#[test]
fn a_sharded_model_loads_like_a_whole_one() {
    let whole = podium::assets::find("miniature/text_encoder/model.safetensors").expect("built in");
    let tensors = safetensors::SafeTensors::deserialize(whole).expect("safetensors");
    let folder = model_with("text_encoder", "unused", b"");
    let part = folder.path().join("text_encoder");
    std::fs::remove_file(part.join("model.safetensors")).expect("there");
    let mut names = tensors.names();
    names.sort();
    let (first, second) = names.split_at(names.len() / 2);
    let mut map = serde_json::Map::new();
    for (file, names) in [("model-00001-of-00002.safetensors", first), ("model-00002-of-00002.safetensors", second)] {
        let views = names.iter().map(|name| (*name, tensors.tensor(name).expect("listed")));
        std::fs::write(part.join(file), safetensors::serialize(views, None).expect("serialized")).expect("written");
        map.extend(names.iter().map(|name| ((*name).to_owned(), file.into())));
    }
    let index = serde_json::json!({"weight_map": map});
    std::fs::write(part.join("model.safetensors.index.json"), index.to_string()).expect("written");
    let files = ModelFiles::Folder(folder.path().to_owned());
    let device = burn::tensor::Device::flex();
    Models::load(&files, &device, &mut |_| Ok(())).expect("it loads");
    std::fs::remove_file(part.join("model-00002-of-00002.safetensors")).expect("there");
    assert_says(&load(&folder), &["model-00002-of-00002.safetensors"]);
}

#[test]
fn a_zero_byte_png_and_a_missing_one() {
    let folder = folder();
    write(&folder, "nothing.png", &[]);
    for picture in ["nothing.png", "gone.png"] {
        let mut project = small("beach", 1);
        project.layout = Layout::Picture(picture.into());
        project.concepts.clear();
        assert_says(render_in(folder.path(), project).failure(), &[picture]);
    }
}

#[test]
fn a_mask_of_another_size_an_empty_one_and_an_empty_edit_mask() {
    let folder = folder();
    let gray = |name: &str, side: u32, value: u8| {
        image::GrayImage::from_pixel(side, side, image::Luma([value])).save(folder.path().join(name)).expect("written");
    };
    gray("large.png", 100, 255);
    gray("empty.png", 128, 0);
    for (mask, parts) in [("large.png", ["large.png", "100 x 100"]), ("empty.png", ["empty.png", "is empty"])] {
        let mut project = small("beach", 1);
        project.concepts[0].mask = MaskSource::Files(vec![mask.into()]);
        assert_says(render_in(folder.path(), project).failure(), &parts);
    }
    let mut project = small("beach", 1);
    let photo = "assets:scenes/beach.png";
    project.place = Some(Placement::new(photo, "empty.png"));
    assert_says(render_in(folder.path(), project).failure(), &["empty.png", "edit mask is empty"]);
}

#[test]
fn a_layer_that_is_covered_says_so() {
    let mut project = small("beach", 1);
    let layers = project.layers_mut().expect("a collage");
    let mut cover = layers[0].clone();
    cover.concept = None;
    cover.scale *= 1.5;
    cover.opacity = 1.0;
    layers.push(cover);
    assert_says(
        render_in(Path::new("."), project).failure(),
        &["orange cat", "is empty", "bring its layer to the front"],
    );
}

#[test]
fn a_prompt_of_ten_thousand_words_is_cut_and_says_where() {
    let mut project = small("beach", 1);
    project.settings.prompt_reading = PromptReading::Plain;
    project.prompt = format!("a cat and a dog on the beach {}", "teapot ".repeat(10_000));
    let told = render_in(Path::new("."), project);
    assert_eq!(told.finished().pictures.len(), 1);
    let cut =
        told.warnings().iter().map(ToString::to_string).find(|words| words.contains("the picture")).expect("said");
    assert_says(&cut, &["10008 tokens", "75 fit", "teapot"]);
}

#[test]
fn a_project_of_a_newer_version_and_one_with_an_unknown_field() {
    let text = file::to_string(&frozen("beach")).expect("written");
    let newer = text.replace("version: 3", "version: 9, something_new: 7");
    assert_says(&file::from_str(&newer).expect_err("newer").to_string(), &["9", "3"]);
    let unknown = text.replace("seed: ", "sead: ");
    let error = file::from_str(&unknown).expect_err("unknown").to_string();
    assert_says(&error, &["sead", "line"]);
}
