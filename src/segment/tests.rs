//! Small networks with random weights, as people export them, against the masks that PyTorch gives (tests/data/segment).

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, RgbaImage};

use super::*;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment").join(name)
}

fn photo(name: &str) -> RgbaImage {
    image::open(data(name)).unwrap().to_rgba8()
}

fn always(_: f32) -> bool {
    true
}

/// Opens no file of tensors.
fn none(path: &Path) -> Result<Box<dyn Tensors>, String> {
    Err(format!("{} is not opened here", path.display()))
}

/// A case of cases.json.
struct Case {
    name: String,
    photo: String,
    files: [PathBuf; 2],
    prompt: Prompt,
    scores: Vec<f32>,
}

fn cases() -> Vec<Case> {
    let told: serde_json::Value = serde_json::from_slice(&fs::read(data("cases.json")).unwrap()).unwrap();
    let number = |value: &serde_json::Value| value.as_f64().unwrap() as f32;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let places = |value: &serde_json::Value| -> Vec<[f32; 2]> {
        let place = |place: &serde_json::Value| [number(&place[0]), number(&place[1])];
        value.as_array().map(|places| places.iter().map(place).collect()).unwrap_or_default()
    };
    let case = |case: &serde_json::Value| {
        let within = case["within"].as_array().map(|side| {
            let [x, y, w, h] = [0, 1, 2, 3].map(|at| number(&side[at]));
            [[x, y], [x + w, y + h]]
        });
        Case {
            name: text(&case["name"]),
            photo: text(&case["photo"]),
            files: [data(&text(&case["encoder"])), data(&text(&case["decoder"]))],
            prompt: Prompt { clicks: places(&case["click"]), not: places(&case["not"]), within },
            scores: case["scores"].as_array().unwrap().iter().map(number).collect(),
        }
    };
    told.as_array().unwrap().iter().map(case).collect()
}

/// PyTorch's masks of a case, in its order.
fn truth(name: &str, count: usize) -> Vec<GrayImage> {
    let all = image::open(data(&format!("{name}.png"))).unwrap().to_luma8();
    let high = all.height() / count as u32;
    let part = |at: usize| image::imageops::crop_imm(&all, 0, at as u32 * high, all.width(), high).to_image();
    (0..count).map(part).collect()
}

/// What two masks have in common, of all that either has.
fn overlap(one: &GrayImage, other: &GrayImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let pairs = || one.iter().zip(other.iter());
    let both = pairs().filter(|(one, other)| **one > 127 && **other > 127).count();
    let either = pairs().filter(|(one, other)| **one > 127 || **other > 127).count();
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

#[test]
fn masks_of_every_dialect_are_pytorch_s_own() {
    let bytes = fs::read(data("logits.safetensors")).unwrap();
    let logits = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let cases = cases();
    assert_eq!(cases.len(), 16);
    for Case { name, photo: picture, files: [encoder, decoder], prompt, scores } in cases {
        let photo = photo(&picture);
        // Scaling photos down, libraries differ by a level here and there, of which random networks make much.
        let (close, same) = if picture == "photo.png" { (0.02, 0.99) } else { (5e-4, 0.9999) };
        let sam = Sam::open(&encoder, &decoder).unwrap_or_else(|error| panic!("{name}: {error}"));
        let seen = sam.look(&photo, &always).unwrap_or_else(|error| panic!("{name}: {error}"));
        let guesses = sam.masks(&seen, &prompt).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(guesses.len(), scores.len(), "{name}");
        let truth = truth(&name, scores.len());
        let tensor = logits.tensor(&name).unwrap();
        let numbers: Vec<f32> = tensor.data().as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let area = numbers.len() / scores.len();
        let most = numbers.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
        for guess in guesses {
            // Which of PyTorch's it is.
            let far = |score: f32| (score - guess.score).abs();
            let at = (0..scores.len()).min_by(|one, other| far(scores[*one]).total_cmp(&far(scores[*other]))).unwrap();
            assert!(far(scores[at]) < 10.0 * close, "{name}: {} is none of {scores:?}", guess.score);
            let expected = &numbers[at * area..(at + 1) * area];
            assert_eq!(guess.logits.len(), area, "{name}");
            let apart =
                guess.logits.iter().zip(expected).fold(0.0_f32, |most, (own, other)| most.max((own - other).abs()));
            let alike = overlap(&guess.mask(), &truth[at]);
            println!("{name} {at}: logits differ by {apart:.6} of {most:.2}, masks overlap by {alike:.5}");
            assert!(apart < close * most.max(1.0), "{name}: {apart} of {most}");
            assert!(alike > same, "{name} {at}: {alike}");
        }
    }
}

#[test]
fn two_files_are_taken_in_either_order_and_a_picture_is_seen_by_stages() {
    fn crosses_threads<T: Send + Sync>(_: &T) {}
    let sam = Sam::open(&data("decoder.onnx"), &data("vit.onnx")).unwrap();
    crosses_threads(&sam);
    let told = RefCell::new(Vec::new());
    let seen = sam
        .look(&photo("photo.png"), &|done| {
            told.borrow_mut().push(done);
            true
        })
        .unwrap();
    crosses_threads(&seen);
    let told = told.into_inner();
    assert!(told.len() > 3 && told.is_sorted() && told[0] == 0.0 && told[told.len() - 1] == 1.0, "{told:?}");
    // Stopped at its first stage, and before any.
    for most in [0.0, told[1]] {
        let stopped = sam.look(&photo("photo.png"), &|done| done < most);
        assert_eq!(stopped.err(), Some(Error::Stopped), "{most}");
    }
}

#[test]
fn every_encoder_goes_by_stages_to_its_end() {
    let mut known = Vec::new();
    for Case { name, photo: picture, files: [encoder, decoder], .. } in cases() {
        if known.contains(&encoder) {
            continue;
        }
        let told = RefCell::new(Vec::new());
        let watch = |done| {
            told.borrow_mut().push(done);
            true
        };
        Sam::open(&encoder, &decoder).unwrap().look(&photo(&picture), &watch).unwrap();
        // Where a stage lacked a value, the rest would have been computed at once.
        let told = told.into_inner();
        assert!(told.len() > 10 && told.windows(2).all(|pair| pair[1] - pair[0] < 0.11), "{name}: {told:?}");
        known.push(encoder);
    }
    assert_eq!(known.len(), 5);
}

#[test]
fn of_four_masks_one_click_is_offered_its_three_readings_first_and_several_prompts_the_one_for_them() {
    for Case { name, photo: picture, files: [encoder, decoder], prompt, scores } in cases() {
        if !["sam-click", "sam-box"].contains(&name.as_str()) {
            continue;
        }
        let sam = Sam::open(&encoder, &decoder).unwrap();
        let seen = sam.look(&photo(&picture), &always).unwrap();
        let offered: Vec<f32> = sam.masks(&seen, &prompt).unwrap().iter().map(|guess| guess.score).collect();
        let whole = if name == "sam-click" { 3 } else { 0 };
        assert!((offered[whole] - scores[0]).abs() < 0.02, "{name}: {offered:?} {scores:?}");
        let others: Vec<f32> = (0..4).filter(|at| *at != whole).map(|at| offered[at]).collect();
        assert!(others.is_sorted_by(|one, other| one >= other), "{name}: {offered:?}");
    }
}

fn refused(one: &Path, other: &Path) -> String {
    let words = Sam::open(one, other).err().expect("it is refused").to_string();
    assert!(words.contains("; "), "no advice: {words}");
    words
}

#[test]
fn what_is_no_encoder_and_decoder_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let decoder = data("decoder.onnx");
    let encoder = data("sam.onnx");
    let whole = fs::read(&encoder).unwrap();
    for (path, words) in [
        (folder.path().join("none.onnx"), "see that it is there"),
        (folder.path().to_owned(), "is a folder"),
        (file("empty.onnx", b""), "is empty"),
        (data("photo.png"), "is a picture"),
        (data("logits.safetensors"), "weights alone (safetensors)"),
        (file("mobile_sam.pt", b"PK\x03\x04weights of torch"), "as PyTorch writes them"),
        (file("pointer.onnx", b"version https://git-lfs.github.com/spec/v1\n"), "was not downloaded"),
        (file("page.onnx", b"<!DOCTYPE html><html>"), "is a web page"),
        (file("words.onnx", b"it is only words, and many of them"), "is no ONNX file"),
        (file("half.onnx", &whole[..whole.len() / 2]), "is no ONNX file, or not all of one"),
        (decoder.clone(), "it is a decoder"),
    ] {
        let said = refused(&path, &decoder);
        assert!(said.contains(words) && said.contains(&*path.to_string_lossy()), "{said}");
    }
    assert!(refused(&encoder, &data("vit.onnx")).contains("it is an encoder"));
    let other = refused(&encoder, &data("hf.decoder.onnx"));
    assert!(other.contains("wants image_positional_embeddings") && other.contains("exported together"), "{other}");
    assert!(refused(&encoder, &data("sam2.decoder.onnx")).contains("this encoder does not give"));
}

#[test]
fn a_file_that_ends_anywhere_is_refused_and_nothing_panics() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(data("vit.onnx")).unwrap();
    let path = folder.path().join("cut.onnx");
    for part in 1..40 {
        fs::write(&path, &whole[..whole.len() * part / 40]).unwrap();
        assert!(!refused(&path, &data("decoder.onnx")).is_empty());
    }
    // What the file says of itself is read by our own code, whatever it says.
    let mut state = 7_u64;
    for _ in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] ^= (state >> 24) as u8;
        }
        fs::write(&path, &bytes).unwrap();
        let _ = onnx::Told::of_file(&path);
    }
}

#[test]
fn what_a_decoder_cannot_be_told_is_said() {
    let said = |pair: [&str; 2], prompt: Prompt| {
        let sam = Sam::open(&data(pair[0]), &data(pair[1])).unwrap();
        let seen = sam.look(&photo("small.png"), &always).unwrap();
        sam.masks(&seen, &prompt).expect_err("it is refused").to_string()
    };
    let sam = ["sam.onnx", "decoder.onnx"];
    assert!(said(sam, Prompt::default()).contains("click on it"));
    assert!(said(sam, Prompt { not: vec![[3.0, 3.0]], ..Prompt::default() }).contains("click on it"));
    let framed = Prompt { within: Some([[10.0, 10.0], [60.0, 60.0]]), ..Prompt::default() };
    assert!(said(["hf.encoder.onnx", "hf.decoder.onnx"], framed).contains("cannot be told a frame"));
    let many = Prompt { clicks: vec![[20.0, 20.0]; 7], ..Prompt::default() };
    assert!(said(["efficient.encoder.onnx", "efficient.decoder.onnx"], many).contains("6 places at the most"));
}

#[test]
fn a_folder_s_smallest_encoder_is_found_with_the_decoder_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(find(folder.path(), &none), None);
    assert_eq!(find(&folder.path().join("none"), &none), None);
    let copy = |from: &str, to: &str| fs::copy(data(from), folder.path().join(to)).map(|_| ()).unwrap();
    copy("photo.png", "a.onnx");
    copy("hf.encoder.onnx", "b.onnx");
    copy("hf.decoder.onnx", "c.onnx");
    let pair = |encoder: &str, decoder: &str| {
        Some(Files::Pair(Pair { encoder: folder.path().join(encoder), decoder: folder.path().join(decoder) }))
    };
    assert_eq!(find(folder.path(), &none), pair("b.onnx", "c.onnx"));
    copy("sam.onnx", "mobile_sam.encoder.ONNX");
    assert_eq!(find(folder.path(), &none), pair("b.onnx", "c.onnx"));
    copy("decoder.onnx", "mobile_sam.decoder.onnx");
    copy("decoder.onnx", "another.onnx");
    assert_eq!(find(folder.path(), &none), pair("mobile_sam.encoder.ONNX", "mobile_sam.decoder.onnx"));
}

#[test]
fn somebody_who_chose_one_file_means_what_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("none");
    let copy = |from: &str| {
        let path = folder.path().join(from);
        fs::copy(data(from), &path).map(|_| path).unwrap()
    };
    let pair = |encoder: &Path, decoder: &Path| {
        Ok(Some(Files::Pair(Pair { encoder: encoder.to_owned(), decoder: decoder.to_owned() })))
    };
    assert_eq!(choose(&[], &nowhere, &none), Ok(None));
    let encoder = copy("vit.onnx");
    let said = choose(std::slice::from_ref(&encoder), &nowhere, &none).unwrap_err().to_string();
    assert!(said.contains("is an encoder") && said.contains("choose its decoder too"), "{said}");
    assert!(choose(&[folder.path().to_owned()], &nowhere, &none).unwrap_err().to_string().contains("go together"));
    // The other one was chosen elsewhere.
    let elsewhere = data("decoder.onnx");
    assert_eq!(choose(&[encoder.clone(), elsewhere.clone()], &nowhere, &none), pair(&encoder, &elsewhere));
    assert_eq!(choose(&[elsewhere.clone(), encoder.clone()], &nowhere, &none), pair(&encoder, &elsewhere));
    // And now it lies beside it; what was chosen before and does not fit is passed over.
    let decoder = copy("decoder.onnx");
    assert_eq!(choose(&[encoder.clone(), data("hf.decoder.onnx")], &nowhere, &none), pair(&encoder, &decoder));
    assert_eq!(choose(std::slice::from_ref(&decoder), &nowhere, &none), pair(&encoder, &decoder));
    assert_eq!(choose(&[folder.path().to_owned()], &nowhere, &none), pair(&encoder, &decoder));
    assert_eq!(choose(&[], folder.path(), &none), pair(&encoder, &decoder));
    assert!(choose(&[data("photo.png")], &nowhere, &none).unwrap_err().to_string().contains("is a picture"));
}

#[test]
fn a_photo_of_any_size_and_one_that_is_transparent_have_masks_of_their_size() {
    let sam = Sam::open(&data("sam.onnx"), &data("decoder.onnx")).unwrap();
    for (width, height) in [(1, 1), (1, 300), (700, 3), (64, 64), (300, 300)] {
        let picture = RgbaImage::from_fn(width, height, |x, y| image::Rgba([x as u8, y as u8, 90, (x * 7) as u8]));
        let seen = sam.look(&picture, &always).unwrap();
        let prompt = Prompt { clicks: vec![[width as f32 / 2.0, height as f32 / 2.0]], ..Prompt::default() };
        for guess in sam.masks(&seen, &prompt).unwrap() {
            assert_eq!(guess.mask().dimensions(), (width, height));
        }
    }
    assert!(sam.look(&RgbaImage::new(0, 5), &always).is_err());
}
