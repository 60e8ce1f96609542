//! What lies beside a file of a model or adapter, as the usual programs and model sites put it there: pictures that show
//! what it does, and notes of its words and of the model it is for. A picture may also be in its metadata.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::about::text;
use super::change::Base;
use crate::engine::tensors::TensorFile;

/// What is put in place of the file's ending, the likeliest first.
const ENDINGS: [&str; 9] =
    ["preview.png", "preview.jpg", "preview.jpeg", "preview.webp", "png", "jpg", "jpeg", "webp", "gif"];

/// The same of notes: what the extension "Civitai Helper" got from there, and what somebody wrote in A1111's own cards.
const NOTES: [&str; 2] = ["civitai.info", "json"];

/// The most bytes of a note; those of Civitai list all versions and pictures of a model.
const NOTE_BYTES: u64 = 4 << 20;
/// The most words of a note that are kept.
const MOST_WORDS: usize = 64;
/// Where a picture is in a file's metadata, by Stability's rule for such.
const THUMBNAIL: &str = "modelspec.thumbnail";
/// The most characters of such a picture.
const THUMBNAIL_CHARACTERS: usize = 8 << 20;

/// The picture beside a file of a model or adapter: `name.preview.png`, `name.png` and alike. Looks at the disk.
pub fn preview_picture(file: &Path) -> Option<PathBuf> {
    beside_it(file, &ENDINGS).find(|picture| picture != file && picture.is_file())
}

fn beside_it<'a>(file: &'a Path, endings: &'a [&'a str]) -> impl Iterator<Item = PathBuf> + 'a {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.into_iter().flat_map(move |stem| {
        endings.iter().map(move |ending| file.with_file_name(format!("{stem}.{ending}"))).collect::<Vec<_>>()
    })
}

/// Where the notes beside a file may be.
pub(super) fn notes(file: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    beside_it(file, &NOTES)
}

/// What notes beside a file say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Words that call it, in their order.
    pub words: Vec<String>,
    /// The kind of model that it is for.
    pub base: Option<Base>,
}

/// Reads the notes beside a file. What cannot be read or understood says nothing.
pub fn beside(file: &Path) -> Beside {
    let mut beside = Beside::default();
    for note in notes(file) {
        let Some(Value::Object(note)) = json(&note) else { continue };
        let said = |key: &str| note.get(key).and_then(Value::as_str);
        let trained = note.get("trainedWords").and_then(Value::as_array).into_iter().flatten();
        let words = trained.filter_map(Value::as_str).chain(said("activation text"));
        // People write several words as one text.
        for word in words.flat_map(|words| words.split(',')).filter_map(text) {
            if beside.words.len() < MOST_WORDS && !beside.words.contains(&word) {
                beside.words.push(word);
            }
        }
        let base = [said("baseModel"), said("sd version")].into_iter().flatten().find_map(Base::named);
        beside.base = beside.base.or(base);
    }
    beside
}

fn json(path: &Path) -> Option<Value> {
    // A pipe would keep its reader waiting for ever.
    let about = std::fs::metadata(path).ok().filter(|about| about.is_file() && about.len() <= NOTE_BYTES)?;
    let mut bytes = Vec::with_capacity(about.len() as usize);
    File::open(path).ok()?.take(NOTE_BYTES).read_to_end(&mut bytes).ok()?;
    // Windows' editors begin a text with a mark.
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).ok()
}

/// Whether a file has a picture in its metadata.
pub fn has_thumbnail(file: &TensorFile) -> bool {
    file.metadata().get(THUMBNAIL).is_some_and(|url| url.len() <= THUMBNAIL_CHARACTERS && encoded(url).is_some())
}

/// The bytes of the picture in a file's metadata, not yet decoded: a `data:` address of at most 8 MB.
pub fn thumbnail(file: &TensorFile) -> Option<Vec<u8>> {
    let url = file.metadata().get(THUMBNAIL).filter(|url| url.len() <= THUMBNAIL_CHARACTERS)?;
    base64(encoded(url)?)
}

/// A JPEG as metadata have it: the key, and a `data:` address that [`thumbnail`] reads.
pub fn thumbnail_of(jpeg: &[u8]) -> (String, String) {
    (THUMBNAIL.to_owned(), format!("data:image/jpeg;base64,{}", in_base64(jpeg)))
}

/// The characters that stand for a picture's bytes.
fn encoded(url: &str) -> Option<&str> {
    url.trim().strip_prefix("data:image/")?.split_once(";base64,").map(|(_, encoded)| encoded)
}

/// Bytes as characters, three as four of six bits each.
pub fn in_base64(bytes: &[u8]) -> String {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let held = three.iter().fold(0_u32, |held, byte| held << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let character = CHARACTERS[(held >> (18 - 6 * place) & 63) as usize];
            encoded.push(if place <= three.len() { char::from(character) } else { '=' });
        }
    }
    encoded
}

/// The bytes that characters stand for, six bits each, in either alphabet; None where one is of neither.
fn base64(encoded: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for character in encoded.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_for_bytes_are_those_that_everybody_writes() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(in_base64(bytes.as_bytes()), text);
        }
        assert_eq!(in_base64(&[255, 254, 253]), "//79");
    }

    #[test]
    fn the_picture_beside_a_file_is_found_by_its_name() {
        let folder = tempfile::tempdir().expect("temporary");
        let file = folder.path().join("my.cat.safetensors");
        assert_eq!(preview_picture(&file), None);
        for name in ["my.png", "my.cat.webp", "my.cat.preview.png"] {
            std::fs::write(folder.path().join(name), b"").expect("written");
            let found = preview_picture(&file).map(|path| path.file_name().expect("a name").to_owned());
            assert_eq!(found, (name != "my.png").then(|| name.into()), "{name}");
        }
    }

    #[test]
    fn a_picture_in_metadata_is_read_back_whatever_its_length() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", &[255, 0, 128, 7]] {
            let (key, url) = thumbnail_of(bytes);
            assert_eq!((key.as_str(), encoded(&url).and_then(base64)), (THUMBNAIL, Some(bytes.to_vec())));
        }
        assert!(thumbnail_of(b"fo").1.ends_with(",Zm8="));
    }

    #[test]
    fn notes_beside_a_file_say_its_words_and_its_base_and_broken_ones_nothing() {
        let folder = tempfile::tempdir().expect("temporary");
        let file = folder.path().join("my.cat.safetensors");
        let note = |ending: &str, text: &[u8]| {
            std::fs::write(folder.path().join(format!("my.cat.{ending}")), text).expect("written");
            beside(&file)
        };
        assert_eq!(beside(&file), Beside::default());
        let own = br#"{"sd version": "SD1", "activation text": "mint cat, (fluffy:1.2)", "preferred weight": 0.8}"#;
        let found = note("json", own);
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(found, Beside { words: words(&["mint cat", "(fluffy:1.2)"]), base: Some(Base::Sd1) });
        let site = "\u{feff}{\"baseModel\": \"SDXL 1.0\", \"trainedWords\": [\"mintcat, mint cat\", 7, \"\"]}";
        let found = note("civitai.info", site.as_bytes());
        assert_eq!(found, Beside { words: words(&["mintcat", "mint cat", "(fluffy:1.2)"]), base: Some(Base::Sdxl) });
        for broken in
            [&b""[..], b"{", b"[1]", b"{\"trainedWords\": {}, \"baseModel\": 1}", &[b'['; 100_000], b"\xff\xfe"]
        {
            assert_eq!(note("civitai.info", broken).base, Some(Base::Sd1), "{broken:?}");
        }
        let many = format!("{{\"trainedWords\": {:?}}}", (0..500).map(|word| word.to_string()).collect::<Vec<_>>());
        assert_eq!(note("civitai.info", many.as_bytes()).words.len(), MOST_WORDS);
        let large = format!("{{\"baseModel\": \"SD 2.0\", \"description\": \"{}\"}}", " ".repeat(NOTE_BYTES as usize));
        assert_eq!(note("civitai.info", large.as_bytes()).base, Some(Base::Sd1), "too long to be one");
    }

    #[test]
    fn a_picture_in_the_metadata_is_read_and_anything_else_there_is_none() {
        let file = |url: &str| {
            let metadata = [(THUMBNAIL.to_owned(), url.to_owned())].into();
            let none = Vec::<(&str, safetensors::tensor::TensorView<'_>)>::new();
            let bytes = safetensors::serialize(none, Some(metadata)).expect("written");
            TensorFile::from_owned("x.safetensors", bytes).expect("a file")
        };
        for (url, bytes) in [
            ("data:image/png;base64,TWFueSBoYW5kcw==", Some(&b"Many hands"[..])),
            (" data:image/webp;base64,TWFu\neSBoYW5k", Some(b"Many hand")),
            ("data:image/png;base64,-_-_", Some(b"\xfb\xff\xbf")),
            ("data:image/png;base64,", Some(b"")),
            ("data:image/png;base64,TW*u", None),
            ("data:text/html;base64,TWFu", None),
            ("data:image/png,TWFu", None),
            ("https://example.org/x.png", None),
            ("", None),
        ] {
            assert_eq!(thumbnail(&file(url)).as_deref(), bytes, "{url}");
        }
        assert!(has_thumbnail(&file("data:image/png;base64,TWFu")) && !has_thumbnail(&file("None")));
        let huge = format!("data:image/png;base64,{}", "A".repeat(THUMBNAIL_CHARACTERS));
        assert!(thumbnail(&file(&huge)).is_none() && !has_thumbnail(&file(&huge)));
    }
}
