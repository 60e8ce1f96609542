//! Weights alone, as transformers, SAM's authors and MobileSAM write them, against the masks that PyTorch gives
//! (tests/data/segment/make_weights.py).

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use image::RgbaImage;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::*;
use crate::studio::cut::open_tensors;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment").join(name)
}

/// A photo of the tests, or the one that is drawn by whole numbers: `large` of make_weights.py.
fn photo(name: &str) -> RgbaImage {
    if name != "large" {
        return image::open(data(name)).unwrap().to_rgba8();
    }
    RgbaImage::from_fn(1024, 700, |x, y| {
        let inside = x.abs_diff(400).pow(2) + y.abs_diff(300).pow(2) < 160 * 160;
        let [red, green] = if inside { [200, 90] } else { [x / 8, y / 4] };
        image::Rgba([red as u8, green as u8, ((x + y) / 8) as u8, 255])
    })
}

fn always(_: f32) -> bool {
    true
}

#[test]
fn masks_of_weights_alone_are_pytorch_s_own() {
    let told: serde_json::Value = serde_json::from_slice(&fs::read(data("weights.json")).unwrap()).unwrap();
    let bytes = fs::read(data("weights-logits.safetensors")).unwrap();
    let logits = SafeTensors::deserialize(&bytes).unwrap();
    let cases = told.as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let [name, file, picture] = ["name", "file", "photo"].map(|part| case[part].as_str().unwrap());
        let number = |value: &serde_json::Value| value.as_f64().unwrap() as f32;
        let places = |part: &str| -> Vec<[f32; 2]> {
            let all = case[part].as_array().into_iter().flatten();
            all.map(|place| [number(&place[0]), number(&place[1])]).collect()
        };
        let within = case["within"].as_array().map(|side| {
            let [x, y, w, h] = [0, 1, 2, 3].map(|at| number(&side[at]));
            [[x, y], [x + w, y + h]]
        });
        let prompt = Prompt { clicks: places("click"), not: places("not"), within };
        let scores: Vec<f32> = case["scores"].as_array().unwrap().iter().map(number).collect();
        let sam = Sam::of_weights(&data(file), &open_tensors).unwrap_or_else(|error| panic!("{name}: {error}"));
        let seen = sam.look(&photo(picture), &always).unwrap_or_else(|error| panic!("{name}: {error}"));
        let guesses = sam.masks(&seen, &prompt).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(guesses.len(), 4, "{name}");
        let tensor = logits.tensor(name).unwrap();
        let [_, high, wide] = *tensor.shape() else { panic!("{name}: {:?}", tensor.shape()) };
        let numbers: Vec<f32> = tensor.data().as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let all = image::open(data(&format!("weights-{name}.png"))).unwrap().to_luma8();
        let range = numbers.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
        let mut met = Vec::new();
        for guess in guesses {
            // Which of PyTorch's it is.
            let far = |score: f32| (score - guess.score).abs();
            let at = (0..4).min_by(|one, other| far(scores[*one]).total_cmp(&far(scores[*other]))).unwrap();
            assert!(far(scores[at]) < 1e-4, "{name}: {} is none of {scores:?}", guess.score);
            met.push(at);
            // MobileSAM's are kept every so many.
            let [own_wide, own_high] = guess.latent.0;
            let step = own_high / high;
            assert_eq!([own_wide, own_high], [wide * step, high * step], "{name}");
            let apart = (0..high * wide).fold(0.0_f32, |most, cell| {
                let own = guess.logits[cell / wide * step * own_wide + cell % wide * step];
                most.max((own - numbers[at * high * wide + cell]).abs())
            });
            let mask = guess.mask();
            let rows = mask.height();
            let truth = image::imageops::crop_imm(&all, 0, at as u32 * rows, mask.width(), rows).to_image();
            let other = mask.iter().zip(truth.iter()).filter(|(one, other)| one != other).count();
            println!(
                "{name} {at}: logits differ by {apart:.7} of {range:.3}, masks in {other} pixels of {}",
                mask.len()
            );
            assert!(apart < 1e-4 * range, "{name} {at}: {apart} of {range}");
            // A pixel whose number is nearly 0 may fall on either side.
            assert!(other <= mask.len() / 10_000, "{name} {at}: {other} pixels");
        }
        met.sort_unstable();
        assert_eq!(met, [0, 1, 2, 3], "{name}");
    }
}

#[test]
fn a_network_made_of_weights_looks_by_stages_and_is_named() {
    let sam = Sam::of_weights(&data("weights/model.safetensors"), &open_tensors).unwrap();
    assert_eq!(sam.name(), "SAM");
    let told = RefCell::new(Vec::new());
    let watch = |done| {
        told.borrow_mut().push(done);
        true
    };
    sam.look(&photo("small.png"), &watch).unwrap();
    let told = told.into_inner();
    assert!(told.len() > 5 && told.is_sorted() && told[0] == 0.0 && told[told.len() - 1] == 1.0, "{told:?}");
    assert_eq!(sam.look(&photo("small.png"), &|done| done < told[2]).err(), Some(Error::Stopped));
    assert_eq!(Sam::of_weights(&data("mobile.pt"), &open_tensors).unwrap().name(), "MobileSAM");
}

/// The tensors of transformers' file: names, shapes, bytes in half precision.
fn tensors() -> Vec<(String, Vec<usize>, Vec<u8>)> {
    let bytes = fs::read(data("weights/model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec(), view.data().to_vec())).collect()
}

/// Writes a file of these tensors with the configuration beside it.
fn written(folder: &Path, tensors: &[(String, Vec<usize>, Vec<u8>)]) -> PathBuf {
    let mut views = Vec::new();
    for (name, shape, bytes) in tensors {
        views.push((name, TensorView::new(Dtype::F16, shape.clone(), bytes).unwrap()));
    }
    let path = folder.join("model.safetensors");
    fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    fs::copy(data("weights/config.json"), folder.join("config.json")).unwrap();
    path
}

fn refused(path: &Path) -> String {
    let words = Sam::of_weights(path, &open_tensors).err().expect("it is refused").to_string();
    assert!(words.contains(&*path.parent().unwrap().to_string_lossy()), "no file: {words}");
    assert!(words.contains("; "), "no advice: {words}");
    words
}

#[test]
fn every_tensor_that_is_missing_or_of_another_shape_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let all = tensors();
    let mut asked = 0;
    for (at, (name, shape, bytes)) in all.iter().enumerate() {
        let mut less = all.clone();
        less.remove(at);
        let path = written(folder.path(), &less);
        // For an earlier mask, which there never is, or the same numbers in a second place.
        if name.starts_with("prompt_encoder.mask_embed.") || name.starts_with("prompt_encoder.shared_embedding.") {
            Sam::of_weights(&path, &open_tensors).unwrap_or_else(|error| panic!("without {name}: {error}"));
            continue;
        }
        asked += 1;
        let said = refused(&path);
        // Without the one by which it is told it is no Segment Anything; without a first layer it has none.
        let known = name == "mask_decoder.iou_token.weight" && said.contains("has no weights of Segment Anything");
        assert!(known || said.contains(&format!("`{name}`")), "without {name}: {said}");
        // One row more.
        let mut other = all.clone();
        let row = bytes.len() / shape[0];
        other[at] = (name.clone(), [&[shape[0] + 1], &shape[1..]].concat(), [&bytes[..], &bytes[..row]].concat());
        let said = refused(&written(folder.path(), &other));
        // By the patches' numbers all others are measured.
        assert!(said.contains('`') || name.contains("patch_embed"), "{name} is longer: {said}");
    }
    assert!(asked > 100, "{asked}");
}

#[test]
fn what_is_too_many_of_another_shape_or_contradicted_is_refused_with_both_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = tensors();
    all.push(("mask_decoder.another.weight".into(), vec![2, 3], vec![0; 12]));
    let said = refused(&written(folder.path(), &all));
    assert!(said.contains("`mask_decoder.another.weight` of 2 x 3 that SAM does not have"), "{said}");
    all.pop();
    let name = "vision_encoder.layers.2.mlp.lin2.weight";
    let at = all.iter().position(|(own, ..)| own == name).unwrap();
    let whole = all[at].clone();
    all[at] = (name.into(), vec![64, 32], whole.2.clone());
    let said = refused(&written(folder.path(), &all));
    assert!(said.contains(&format!("`{name}` of 64 x 32, and 32 x 64 fits the others")), "{said}");
    all[at] = whole;
    let path = written(folder.path(), &all);
    let config = fs::read_to_string(data("weights/config.json")).unwrap();
    let beside = folder.path().join("config.json");
    for (from, to, words) in [
        ("\"image_size\": 128", "\"image_size\": 1024", "says image_size 1024"),
        ("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 12", "says num_hidden_layers 12"),
        ("\"hidden_act\": \"relu\"", "\"hidden_act\": \"gelu\"", "says hidden_act gelu"),
        ("{", "", "is no configuration"),
    ] {
        let other = config.replacen(from, to, if from == "{" { 1 } else { usize::MAX });
        assert_ne!(other, config, "{from}");
        fs::write(&beside, other).unwrap();
        let said = refused(&path);
        assert!(said.contains(words) && said.contains("config.json"), "{said}");
    }
    // Without one, sizes are the tensors'.
    fs::remove_file(&beside).unwrap();
    let alone = Sam::of_weights(&path, &open_tensors).unwrap();
    let with = Sam::of_weights(&data("weights/model.safetensors"), &open_tensors).unwrap();
    let prompt = Prompt { clicks: vec![[54.5, 45.0]], ..Prompt::default() };
    let first =
        |sam: &Sam| sam.masks(&sam.look(&photo("small.png"), &always).unwrap(), &prompt).unwrap().swap_remove(0);
    assert_eq!(first(&alone).mask(), first(&with).mask());
}

#[test]
fn files_that_are_something_else_or_not_whole_are_refused_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let of = |name: &str, tensor: &str| {
        let bytes = [0; 8];
        let view = TensorView::new(Dtype::F32, vec![2], &bytes).unwrap();
        file(name, &safetensors::serialize([(tensor, view)], None).unwrap())
    };
    let whole = fs::read(data("weights/model.safetensors")).unwrap();
    let torch = fs::read(data("weights.pth")).unwrap();
    for (path, words) in [
        (of("sam2.safetensors", "mask_decoder.conv_s0.weight"), "is SAM 2"),
        (of("sam2.pt.safetensors", "sam_mask_decoder.iou_token.weight"), "is SAM 2"),
        (of("hq.safetensors", "mask_decoder.hf_token.weight"), "is SAM-HQ"),
        (of("dino.safetensors", "embeddings.cls_token"), "is an image encoder, such as DINOv2"),
        (of("words.safetensors", "model.text_backbone.embeddings.weight"), "Grounding DINO"),
        (of("unet.safetensors", "conv_out.weight"), "has no weights of Segment Anything: it has conv_out.weight"),
        (of("decoder.safetensors", "mask_decoder.iou_token.weight"), "no encoder that Podium knows"),
        (file("half.safetensors", &whole[..whole.len() / 2]), "cut short"),
        (file("begun.safetensors", &whole[..500]), "cut short"),
        (file("half.pth", &torch[..torch.len() / 2]), "cut short"),
        (
            file("pointer.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
            "a pointer",
        ),
        (file("page.pth", b"<!DOCTYPE html><html>"), "web page"),
        (file("empty.pt", b""), "is empty"),
    ] {
        let said = refused(&path);
        assert!(said.contains(words), "{}: {said}", path.display());
    }
    // Whatever part of a file there is.
    for part in 1..30 {
        let path = file("part.safetensors", &whole[..whole.len() * part / 30]);
        assert!(refused(&path).contains("cut short"));
        assert!(!refused(&file("part.pth", &torch[..torch.len() * part / 30])).is_empty());
    }
    // A network is no weights, and weights are no network.
    assert!(refused(&data("vit.onnx")).contains("vit.onnx"));
    let said = Sam::open(&data("weights.pth"), &data("decoder.onnx")).err().unwrap().to_string();
    assert!(said.contains("without their network") && said.contains("own weights"), "{said}");
}

#[test]
fn weights_are_found_and_chosen_as_pairs_are() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("none");
    let weights = |path: &Path| Some(Files::Weights(path.to_owned()));
    let chosen = |paths: &[PathBuf]| choose(paths, &nowhere, &open_tensors);
    let copy = |from: &str, to: &str| {
        let path = folder.path().join(to);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(data(from), &path).map(|_| path).unwrap()
    };
    copy("logits.safetensors", "other.safetensors");
    assert_eq!(find(folder.path(), &open_tensors), None);
    // A folder as transformers writes it, in Podium's own.
    let deep = copy("weights/model.safetensors", "sam-vit-base/model.safetensors");
    copy("weights/config.json", "sam-vit-base/config.json");
    assert_eq!(find(folder.path(), &open_tensors), weights(&deep));
    assert_eq!(chosen(&[folder.path().join("sam-vit-base")]), Ok(weights(&deep)));
    assert_eq!(chosen(std::slice::from_ref(&deep)), Ok(weights(&deep)));
    assert_eq!(choose(&[], folder.path(), &open_tensors), Ok(weights(&deep)));
    // The smaller one, whatever its name; then two files whose encoder is smaller still.
    let mobile = copy("mobile.pt", "mobile_sam.PT");
    assert_eq!(find(folder.path(), &open_tensors), weights(&mobile));
    let [encoder, decoder] = ["vit.onnx", "decoder.onnx"].map(|name| copy(name, name));
    let pair = Files::Pair(Pair { encoder: encoder.clone(), decoder });
    assert_eq!(find(folder.path(), &open_tensors), Some(pair.clone()));
    assert_eq!(pair.words(), "vit.onnx and decoder.onnx");
    assert_eq!(Files::Weights(mobile.clone()).words(), "mobile_sam.PT");
    // What was chosen last is meant, and weights need nothing beside them.
    assert_eq!(chosen(&[mobile.clone(), encoder.clone()]), Ok(weights(&mobile)));
    assert_eq!(chosen(&[encoder, mobile]), Ok(Some(pair)));
    // A folder whose weights are of no use says why.
    let broken = folder.path().join("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join("model.safetensors"), &fs::read(&deep).unwrap()[..9000]).unwrap();
    let said = chosen(&[broken]).unwrap_err().to_string();
    assert!(said.contains("cut short") && said.contains("broken"), "{said}");
    assert!(chosen(&[data("logits.safetensors")]).unwrap_err().to_string().contains("has no weights of Segment"));
}

#[test]
fn weights_in_several_files_are_those_that_their_index_lists() {
    let whole = tempfile::tempdir().unwrap();
    let folder = whole.path().join("sam-vit-huge");
    fs::create_dir(&folder).unwrap();
    let all = tensors();
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let mut map = serde_json::Map::new();
    for (name, part) in names.iter().zip([&all[..all.len() / 2], &all[all.len() / 2..]]) {
        fs::rename(written(&folder, part), folder.join(name)).unwrap();
        map.extend(part.iter().map(|(tensor, ..)| (tensor.clone(), (*name).into())));
    }
    let index = folder.join("model.safetensors.index.json");
    fs::write(&index, serde_json::json!({ "metadata": {}, "weight_map": map }).to_string()).unwrap();

    // Whichever of them somebody chooses, or their folder: all are meant.
    let [first, second] = names.map(|name| folder.join(name));
    let nowhere = whole.path().join("none");
    for chosen in [&index, &first, &second, &folder] {
        let found = choose(std::slice::from_ref(chosen), &nowhere, &open_tensors);
        assert_eq!(found, Ok(Some(Files::Weights(index.clone()))), "{}", chosen.display());
    }
    assert_eq!(find(whole.path(), &open_tensors), Some(Files::Weights(index.clone())), "a folder deeper");
    assert_eq!(pieces(&index), [index.clone(), first.clone(), second.clone()]);
    assert_eq!(pieces(&first), std::slice::from_ref(&first));
    // An index is a few lines, and what it lists counts: the smaller network is taken still.
    fs::copy(data("mobile.pt"), whole.path().join("mobile_sam.pt")).unwrap();
    assert_eq!(find(whole.path(), &open_tensors), Some(Files::Weights(whole.path().join("mobile_sam.pt"))));

    let prompt = Prompt { clicks: vec![[54.5, 45.0]], ..Prompt::default() };
    let mask = |path: &Path| {
        let sam = Sam::of_weights(path, &open_tensors).unwrap();
        sam.masks(&sam.look(&photo("small.png"), &always).unwrap(), &prompt).unwrap().swap_remove(0).mask()
    };
    assert_eq!(mask(&index), mask(&data("weights/model.safetensors")));

    // What is not there is named.
    fs::remove_file(&second).unwrap();
    assert!(refused(&index).contains("model-00002-of-00002.safetensors, which is not there"));
    fs::remove_file(&index).unwrap();
    let said = choose(&[first], &nowhere, &open_tensors).unwrap_err().to_string();
    assert!(said.contains("one of several files") && said.contains("model.safetensors.index.json"), "{said}");
}
