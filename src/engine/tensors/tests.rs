use safetensors::tensor::TensorView;

use super::*;

#[path = "../../../tests/it/torch_files.rs"]
mod torch_files;

use torch_files::{Py, Tensor, stream, tensor, text, zip_archive};

/// The file of a pickled value as zip archive and as stream.
fn both(value: &Py) -> [TensorFile; 2] {
    [("new.pt", zip_archive(value)), ("old.pt", stream(value))]
        .map(|(name, bytes)| TensorFile::from_owned(name, bytes).unwrap_or_else(|error| panic!("{error}")))
}

fn names(file: &TensorFile) -> Vec<&str> {
    file.tensors().map(|(name, ..)| name).collect()
}

fn dict(pairs: &[(&str, Py)]) -> Py {
    Py::Dict(pairs.iter().map(|(key, value)| (text(key), value.clone())).collect())
}

#[test]
fn a_lightning_checkpoint_with_its_classes_as_keys_gives_its_state_dict() {
    // As CompVis's and runwayml's files are: callbacks by class, a foreign class's dictionary, a numpy number.
    let weight = Py::Tensor(tensor(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let callback = Py::Class("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint");
    let scalar = Py::Made("numpy.core.multiarray", "scalar", vec![]);
    let value = dict(&[
        ("epoch", Py::Whole(12)),
        ("pytorch-lightning_version", text("1.4.2")),
        ("state_dict", Py::Ordered(vec![(text("model.weight"), weight.clone())])),
        ("optimizer_states", Py::List(vec![dict(&[("state", dict(&[("0", weight.clone()), ("1", weight)]))])])),
        ("callbacks", Py::Dict(vec![(callback, dict(&[("best_model_score", scalar)]))])),
        (
            "hyper_parameters",
            Py::Made("pytorch_lightning.utilities.parsing", "AttributeDict", vec![(text("lr"), Py::None)]),
        ),
    ]);
    for file in both(&value) {
        assert_eq!(names(&file), ["model.weight"], "{}", file.name());
        assert_eq!(file.values("model.weight").expect("there"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let others = ["epoch (12)", "pytorch-lightning_version (1.4.2)", "optimizer_states (2 tensors)", "callbacks"];
        assert_eq!(file.others()[..4], others);
        assert_eq!(file.others()[4], "hyper_parameters");
    }
}

#[test]
fn state_dicts_in_state_dicts_modules_parameters_and_lists_are_unwrapped() {
    let one = |value: f32| Py::Parameter(tensor(&[1], &[value]));
    let inner = Py::Ordered(vec![
        (text("a"), one(1.0)),
        (text("list"), Py::List(vec![one(2.0), one(3.0)])),
        (
            text("net"),
            Py::Module(
                vec![(text("w"), one(4.0))],
                vec![(text("sub"), Py::Module(vec![(text("w"), one(5.0))], vec![]))],
            ),
        ),
        (text("made"), Py::Made("addict", "Dict", vec![(Py::Whole(7), one(6.0))])),
        (Py::Class("some", "Key"), one(8.0)),
    ]);
    let value = dict(&[("state_dict", dict(&[("state_dict", inner), ("step", Py::Whole(3))]))]);
    for file in both(&value) {
        let expected =
            [("a", 1.0), ("list.0", 2.0), ("list.1", 3.0), ("made.7", 6.0), ("net.sub.w", 5.0), ("net.w", 4.0)];
        assert_eq!(names(&file), expected.map(|(name, _)| name));
        for (name, value) in expected {
            assert_eq!(file.values(name).expect("there"), [value], "{name}");
        }
        assert_eq!(file.others(), ["step (3)", "some.Key (1 tensors)"]);
    }
}

#[test]
fn views_of_storages_are_gathered_by_stride_and_offset() {
    let base = tensor(&[12], &(0..12).map(|value| value as f32).collect::<Vec<_>>());
    let view = |shape: &[usize], strides: &[usize], offset| {
        Py::Tensor(Tensor { shape: shape.into(), strides: Some(strides.into()), offset, ..base.clone() })
    };
    let value = dict(&[
        ("turned", view(&[3, 2], &[1, 3], 2)),
        ("part", view(&[2, 2], &[2, 1], 8)),
        ("repeated", view(&[2, 3], &[0, 1], 1)),
        ("ones", view(&[1, 4], &[99, 1], 4)),
        ("none", view(&[0, 4], &[4, 1], 0)),
        ("scalar", view(&[], &[], 11)),
    ]);
    for file in both(&value) {
        for (name, values) in [
            ("turned", &[2.0, 5.0, 3.0, 6.0, 4.0, 7.0][..]),
            ("part", &[8.0, 9.0, 10.0, 11.0]),
            ("repeated", &[1.0, 2.0, 3.0, 1.0, 2.0, 3.0]),
            ("ones", &[4.0, 5.0, 6.0, 7.0]),
            ("none", &[]),
            ("scalar", &[11.0]),
        ] {
            assert_eq!(file.values(name).expect("there"), values, "{name}");
        }
    }
}

#[test]
fn views_that_reach_past_their_storage_are_refused() {
    let base = tensor(&[4], &[0.0; 4]);
    let huge = (1 << 31) - 1;
    for (shape, strides, offset) in [
        (vec![5], vec![1], 0),
        (vec![4], vec![1], 1),
        (vec![2, 2], vec![3, 1], 0),
        (vec![huge, huge, huge], vec![0, 0, 0], 0),
        (vec![huge, huge, 2], vec![huge, huge, huge], 0),
        (vec![1 << 29], vec![0], 0),
        (vec![1; 17], vec![1; 17], 0),
        (vec![2], vec![1, 1], 0),
    ] {
        let view = Tensor { shape: shape.clone(), strides: Some(strides), offset, ..base.clone() };
        let value = dict(&[("bad", Py::Tensor(view))]);
        for bytes in [zip_archive(&value), stream(&value)] {
            let error = TensorFile::from_owned("bad.pt", bytes).expect_err("refused").to_string();
            assert!(error.starts_with("bad.pt: cannot be read as a torch file: tensor `bad`: "), "{shape:?}: {error}");
        }
    }
}

fn safetensors_of(tensors: Vec<(&str, Vec<usize>, Vec<u8>)>) -> Vec<u8> {
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (*name, TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).expect("a view"))
    });
    safetensors::serialize(views, Some([("ss_network_dim".into(), "32".into())].into())).expect("serialized")
}

#[test]
fn a_large_tensor_is_read_in_blocks_and_its_hash_says_what_is_stored() {
    let values: Vec<f32> = (0..BLOCK as u32 * 3 + 5).map(|index| index as f32).collect();
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let file = |values: &[f32]| {
        let whole = safetensors_of(vec![("first", vec![1], bytes(&[7.0])), ("w", vec![values.len()], bytes(values))]);
        TensorFile::from_owned("w.safetensors", whole).expect("a file")
    };
    let (found, hash) = file(&values).values_and_hash("w").expect("there");
    assert_eq!(found, values);
    let mut other = values.clone();
    other[BLOCK * 2 + 9] = 0.5;
    assert_ne!(file(&other).values_and_hash("w").expect("there").1, hash);
    // The same bytes from another container.
    let pickled = dict(&[("w", Py::Tensor(tensor(&[values.len()], &values)))]);
    for file in both(&pickled) {
        assert_eq!(file.values_and_hash("w").expect("there").1, hash);
    }
    other[values.len() - 1] = f32::NAN;
    let error = file(&other).values("w").expect_err("not finite").to_string();
    assert!(error.contains("tensor `w` holds NaN"), "{error}");
    assert_eq!(file(&values).metadata()["ss_network_dim"], "32");
    assert_eq!(file(&values).tensor("w"), Some((&[values.len()][..], StoredType::F32)));
}

#[test]
fn what_a_file_is_shows_in_its_contents_whatever_its_name() {
    let zipped = zip_archive(&dict(&[("w", Py::Tensor(tensor(&[1], &[1.0])))]));
    let file = TensorFile::from_owned("renamed.safetensors", zipped).expect("a torch file");
    assert_eq!((file.format(), names(&file)), (Format::Torch, vec!["w"]));
    let plain = safetensors_of(vec![("w", vec![1], vec![0; 4])]);
    assert_eq!(TensorFile::from_owned("renamed.ckpt", plain).expect("a file").format(), Format::Safetensors);

    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4265380512\n".to_vec();
    for (name, bytes, words) in [
        ("sd.safetensors", pointer.clone(), "git lfs pull"),
        ("sd.ckpt", pointer, "git lfs pull"),
        ("sd.safetensors", b"<!DOCTYPE html>\n<html><head>".to_vec(), "web page"),
        ("sd.safetensors", b"\n <html lang=en>".to_vec(), "web page"),
        ("sd.safetensors", br#"{"error": "Unauthorized"}"#.to_vec(), "a JSON text"),
        ("sd.ckpt", b"not found".to_vec(), "a text"),
        ("sd.ckpt", vec![0; 4096], "zeros"),
        ("sd.ckpt", b"GGUF\x03\0\0\0".to_vec(), "GGUF"),
        ("sd.pt", b"\x1f\x8b\x08\0".to_vec(), "unpack it"),
        ("sd.pt", b"\x89PNG\r\n\x1a\n".to_vec(), "a picture"),
        ("sd.pt", Vec::new(), "is empty"),
        ("sd.pt", b"\x80\x02}.".to_vec(), "of an unknown kind"),
        ("sd.safetensors", [&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "longer than the file"),
        ("sd.pt", zip_with("other.txt"), "without torch's data.pkl"),
    ] {
        let error = TensorFile::from_owned(name, bytes).expect_err("refused").to_string();
        assert!(error.starts_with(name) && error.contains(words), "{words}: {error}");
    }
}

fn zip_with(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(&mut bytes));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("begun");
    archive.finish().expect("finished");
    bytes
}

#[test]
fn a_header_whose_sizes_do_not_agree_is_refused_before_anything_is_allocated() {
    for tensors in [
        r#"{"a":{"dtype":"F32","shape":[18446744073709551615,18446744073709551615],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}"#,
        r#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"__metadata__":{"a":1}}"#,
        r#"{"a":"#,
    ] {
        let bytes = [&(tensors.len() as u64).to_le_bytes()[..], tensors.as_bytes(), &[0; 4]].concat();
        let error = TensorFile::from_owned("odd.safetensors", bytes).expect_err("refused").to_string();
        assert!(error.contains("not a safetensors file") || error.contains("cut short"), "{tensors}: {error}");
    }
}

#[test]
fn a_cut_file_says_so_wherever_it_was_cut() {
    let value =
        dict(&[("state_dict", dict(&[("w", Py::Tensor(tensor(&[3], &[1.0, 2.0, 3.0])))])), ("epoch", Py::Whole(3))]);
    for whole in [zip_archive(&value), stream(&value)] {
        for length in 1..whole.len() {
            let error = TensorFile::from_owned("cut.pt", whole[..length].to_vec()).expect_err("cut short").to_string();
            assert!(error.contains("cannot be read as a torch file"), "at {length}: {error}");
        }
    }
    let whole = safetensors_of(vec![("w", vec![3], vec![0; 12])]);
    for length in 1..whole.len() {
        let error = TensorFile::from_owned("cut.safetensors", whole[..length].to_vec()).expect_err("cut").to_string();
        assert!(error.contains("not a safetensors file") || error.contains("cut short"), "at {length}: {error}");
    }
}

/// Opens changed bytes, and reads what they still hold; whatever they are, that ends in time, in words or numbers.
fn survives(name: &str, bytes: Vec<u8>) {
    let Ok(file) = TensorFile::from_owned(name, bytes) else { return };
    let limit = file.bytes() as usize * 4;
    for (tensor, shape, kind) in file.tensors() {
        let values = shape.iter().product::<usize>();
        // What is only repeated is bounded by itself; here it would take its time.
        if kind != StoredType::Other && values < limit + 1000 {
            drop(file.values(tensor));
        }
    }
}

/// Changes files in which `wanted` is in the name, round for round `until` it is enough, and opens them.
fn fuzz(wanted: &str, seed: u64, until: impl Fn(u64) -> bool) {
    use rand::{Rng as _, SeedableRng as _};
    let some = Py::Tensor(tensor(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let module = Py::Module(vec![(text("w"), some.clone())], vec![]);
    let value = dict(&[
        (
            "state_dict",
            Py::Ordered(vec![
                (text("w"), some.clone()),
                (text("p"), Py::Parameter(tensor(&[2], &[0.5, 0.25]))),
                (text("m"), module),
            ]),
        ),
        ("callbacks", Py::Dict(vec![(Py::Class("some", "Class"), Py::List(vec![some]))])),
    ]);
    let list = safetensors_of(vec![("a", vec![2, 2], vec![0; 16]), ("b", vec![3], vec![0; 12])]);
    let seeds = [("a.pt", zip_archive(&value)), ("b.pt", stream(&value)), ("c.safetensors", list)];
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut round = 0;
    while until(round) {
        round += 1;
        for (name, seed) in seeds.iter().filter(|(name, _)| name.contains(wanted)) {
            let mut bytes = seed.clone();
            for _ in 0..random.random_range(1..6) {
                let at = random.random_range(0..bytes.len());
                match random.random_range(0..6) {
                    0 => bytes[at] = random.random(),
                    1 => bytes[at] ^= 1 << random.random_range(0..8),
                    2 => bytes.insert(at, random.random()),
                    3 => drop(bytes.remove(at)),
                    4 => {
                        let end = (at + random.random_range(1..40)).min(bytes.len());
                        let part = bytes[at..end].to_vec();
                        let to = random.random_range(0..bytes.len());
                        bytes.splice(to..to, part);
                    }
                    _ => {
                        let huge = [0xff_u8, 0x7f, 0x00, 0x80][random.random_range(0..4)];
                        let end = (at + 8).min(bytes.len());
                        bytes[at..end].fill(huge);
                    }
                }
            }
            let kept = bytes.clone();
            let outcome = std::panic::catch_unwind(|| survives(name, bytes));
            assert!(outcome.is_ok(), "round {round}, {name}: {kept:?}");
        }
    }
}

#[test]
fn changed_bytes_end_in_words_or_numbers() {
    fuzz("", 16, |round| round < 3000);
}

fn twenty_minutes(wanted: &str) {
    let begun = std::time::Instant::now();
    fuzz(wanted, std::process::id().into(), |_| begun.elapsed() < std::time::Duration::from_secs(20 * 60));
}

#[test]
#[ignore = "takes twenty minutes"]
fn changed_bytes_of_safetensors_end_in_words_or_numbers_in_twenty_minutes() {
    twenty_minutes(".safetensors");
}

#[test]
#[ignore = "takes twenty minutes"]
fn changed_bytes_of_torch_end_in_words_or_numbers_in_twenty_minutes() {
    twenty_minutes(".pt");
}
