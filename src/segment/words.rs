//! Boxes by words ("a dog"): Grounding DINO from a file of people's own, with the list of its words beside it.

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbaImage;
use rten::Value;

use super::error::Error;
use super::frames::Resized;
use super::network::{Network, told};
use super::onnx::{Port, Told};
use super::prepare::normal;
use super::stages::{Stages, WIDE};
use crate::bert::{BadList, LIST, WordPieces};

/// The sides of the picture that it looks at: the shorter one becomes the first, unless the longer one passes the second.
const SIDES: [u32; 2] = [800, 1333];
/// The most words and parts of words.
const MOST_TOKENS: usize = 256;
/// What is less sure than this is no find.
const LEAST: f32 = 0.3;

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Find {
    /// How sure it is, 0 to 1.
    pub score: f32,
    /// Two corners, in the photo's pixels.
    pub within: [[f32; 2]; 2],
}

/// The names of its inputs and outputs, of which exporters have two sorts.
#[derive(Debug, Clone, Copy)]
struct Names {
    pixels: &'static str,
    boxes: &'static str,
}

const NAMES: [Names; 2] =
    [Names { pixels: "pixel_values", boxes: "pred_boxes" }, Names { pixels: "img", boxes: "boxes" }];

/// A network that finds boxes by words.
pub struct Words {
    network: Network,
    pieces: WordPieces,
    stages: Stages,
    names: Names,
    told: Told,
    /// The marks of a text's beginning and end, and those that end a phrase.
    marks: Vec<u32>,
}

fn names(told: &Told) -> Option<Names> {
    let fits = |names: &&Names| {
        [names.pixels, "input_ids"].iter().all(|name| told.input(name).is_some())
            && ["logits", names.boxes].iter().all(|name| told.output(name).is_some())
    };
    NAMES.iter().find(fits).copied()
}

/// The first file of a folder that finds boxes by words and has its list of words beside it.
pub fn find_words(folder: &Path) -> Option<PathBuf> {
    if !folder.join(LIST).is_file() {
        return None;
    }
    let mut files: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")));
    files.sort_unstable();
    files.into_iter().take(64).find(|path| told(path).is_ok_and(|told| names(&told).is_some()))
}

impl Words {
    /// Opens a file.
    ///
    /// # Errors
    /// In words, when it is something else, or its list of words is not beside it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let advice = "choose Grounding DINO as an ONNX file";
        let told = told(path)?;
        let names = names(&told).ok_or_else(|| Error::advised(path, "does not find boxes by words", advice))?;
        let known = [
            names.pixels,
            "input_ids",
            "token_type_ids",
            "attention_mask",
            "pixel_mask",
            "position_ids",
            "text_token_mask",
        ];
        if let Some(other) = told.inputs.iter().find(|port| !known.contains(&port.name.as_str())) {
            return Err(Error::advised(path, format!("wants {}, which is not known", other.name), advice));
        }
        let list = path.with_file_name(LIST);
        let refused = |error: BadList| {
            let advice = match &error {
                BadList::Broken(_) => "take the one that comes with the network",
                BadList::Unread(_) | BadList::TooLarge => "put the list of its words there",
            };
            Error::advised(&list, error.to_string(), advice)
        };
        let pieces = WordPieces::open(&list).map_err(refused)?;
        let id = |word: &str| pieces.id(word).map_err(refused);
        let marks = vec![pieces.begins, pieces.ends, id(".")?, id("?")?];
        let network = Network::open(path, &told, None, false)?;
        let words = told.inputs.iter().map(|port| port.name.as_str()).filter(|name| *name != names.pixels);
        let inputs: Vec<&str> = [names.pixels].into_iter().chain(words).collect();
        let outputs = ["logits", names.boxes].map(str::to_owned);
        let stages = Stages::of(&told, &inputs, &outputs, WIDE, |name| network.works_out(name));
        Ok(Self { network, pieces, stages, names, told, marks })
    }

    /// What the network reads of words: phrases, each with a full stop.
    fn tokens(&self, words: &str) -> Result<Vec<u32>, Error> {
        let phrases = words.split([',', ';', '.']).map(|phrase| phrase.trim().to_lowercase());
        let text: String = phrases.filter(|phrase| !phrase.is_empty()).map(|phrase| phrase + ". ").collect();
        if text.is_empty() {
            return Err(Error::Prompt("no words say what to find; write what it is, such as: a dog".into()));
        }
        let mut tokens = vec![self.pieces.begins];
        tokens.extend(self.pieces.encode(&text).map_err(Error::Prompt)?);
        tokens.push(self.pieces.ends);
        if tokens.len() > MOST_TOKENS {
            return Err(Error::Prompt(format!("{} words are too many; name what to find in a few", tokens.len())));
        }
        Ok(tokens)
    }

    /// Which token reads which (each phrase itself alone), row by row, and each one's place in its phrase.
    fn phrases(&self, tokens: &[u32]) -> (Vec<i32>, Vec<i32>) {
        let mut phrase = 0;
        let of: Vec<usize> = tokens
            .iter()
            .map(|token| {
                let own = phrase;
                phrase += usize::from(self.marks.contains(token));
                own
            })
            .collect();
        let reads = of.iter().flat_map(|one| of.iter().map(move |other| i32::from(one == other))).collect();
        let place = |at: usize| of[..at].iter().filter(|other| **other == of[at]).count() as i32;
        (reads, (0..of.len()).map(place).collect())
    }

    /// The size at which the network looks at a photo.
    fn size(&self, (width, height): (u32, u32)) -> Resized {
        let fixed = |port: &Port| Some([port.axis(-1)?, port.axis(-2)?]);
        if let Some([wide, high]) = self.told.input(self.names.pixels).and_then(fixed) {
            return Resized([wide as u32, high as u32]);
        }
        let (short, long) = (f64::from(width.min(height).max(1)), f64::from(width.max(height).max(1)));
        let scale = (f64::from(SIDES[0]) / short).min(f64::from(SIDES[1]) / long);
        let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).clamp(1, SIDES[1]);
        Resized([scaled(width), scaled(height)])
    }

    /// Finds what words name, the surest first. Takes many seconds. `watch` is told how far it is, 0 to 1, and says whether to
    /// go on.
    ///
    /// # Errors
    /// When there are no words, when it was stopped, or the runtime gives up.
    pub fn find(&self, picture: &RgbaImage, words: &str, watch: &dyn Fn(f32) -> bool) -> Result<Vec<Find>, Error> {
        let tokens = self.tokens(words)?;
        let size = self.size(picture.dimensions());
        // Some files have one size written into them, and say that they take any.
        let square = Resized([SIDES[0]; 2]);
        let go_on = |done: f32| if watch(done) { Ok(()) } else { Err(Error::Stopped) };
        go_on(0.0)?;
        match self.find_in(picture, &tokens, size, &go_on) {
            Err(Error::Failed { .. }) if size != square => self.find_in(picture, &tokens, square, &go_on),
            found => found,
        }
    }

    fn find_in(
        &self,
        picture: &RgbaImage,
        tokens: &[u32],
        size: Resized,
        go_on: &dyn Fn(f32) -> Result<(), Error>,
    ) -> Result<Vec<Find>, Error> {
        let Resized([wide, high]) = size;
        let failed = |error: &dyn std::fmt::Display| Error::failed(self.network.path(), error);
        let pixels = normal(picture, size).ok_or_else(|| Error::Prompt("the picture has no pixels".into()))?;
        let (reads, places) = self.phrases(tokens);
        let count = tokens.len();
        let (wide, high) = (wide as usize, high as usize);
        let whole =
            |shape: &[usize], numbers: Vec<i32>| Value::from_shape(shape, numbers).map_err(|error| failed(&error));
        let mut inputs: Vec<(&str, Value)> = Vec::new();
        for port in &self.told.inputs {
            let value = match port.name.as_str() {
                "input_ids" => whole(&[1, count], tokens.iter().map(|token| *token as i32).collect())?,
                "token_type_ids" => whole(&[1, count], vec![0; count])?,
                "attention_mask" => whole(&[1, count], vec![1; count])?,
                "pixel_mask" => whole(&[1, high, wide], vec![1; high * wide])?,
                "position_ids" => whole(&[1, count], places.clone())?,
                "text_token_mask" => whole(&[1, count, count], reads.clone())?,
                _ => Value::from_shape([1, 3, high, wide], pixels.clone()).map_err(|error| failed(&error))?,
            };
            inputs.push((&port.name, value));
        }
        let mut made = self.stages.run(&self.network, &inputs, go_on)?.into_iter();
        let mut next = || made.next().and_then(|value| value.into_shape_vec::<f32, 3>().ok());
        let (Some(([_, queries, width], logits)), Some(([_, same, 4], boxes))) = (next(), next()) else {
            return Err(failed(&"its answer has a shape that is not known"));
        };
        if queries != same || width == 0 || logits.len() < queries * width || boxes.len() < queries * 4 {
            return Err(failed(&"it gives another number of boxes than of scores"));
        }
        Ok(self.finds(&logits, width, &boxes, picture.dimensions()))
    }

    /// What is sure enough.
    fn finds(&self, logits: &[f32], width: usize, boxes: &[f32], (wide, high): (u32, u32)) -> Vec<Find> {
        let (wide, high) = (wide as f32, high as f32);
        let boxes: &[[f32; 4]] = boxes.as_chunks().0;
        let find = |(logits, [x, y, w, h]): (&[f32], &[f32; 4])| {
            let most = logits.iter().copied().filter(|logit| logit.is_finite()).fold(f32::MIN, f32::max);
            let score = 1.0 / (1.0 + (-most).exp());
            let corner = |by: f32| [((x + by * w) * wide).clamp(0.0, wide), ((y + by * h) * high).clamp(0.0, high)];
            Find { score, within: [corner(-0.5), corner(0.5)] }
        };
        let mut finds: Vec<Find> = logits.chunks_exact(width).zip(boxes).map(find).collect();
        finds.retain(|find| {
            let [[left, top], [right, bottom]] = find.within;
            find.score > LEAST && right > left && bottom > top
        });
        finds.sort_by(|one, other| other.score.total_cmp(&one.score));
        finds
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    fn data(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment").join(name)
    }

    /// Numbers in any depth of lists, in their order.
    fn numbers(value: &serde_json::Value) -> Vec<f32> {
        match value {
            serde_json::Value::Array(values) => values.iter().flat_map(numbers).collect(),
            other => vec![other.as_f64().unwrap() as f32],
        }
    }

    fn always(_: f32) -> bool {
        true
    }

    #[test]
    fn words_are_looked_for_by_stages_and_the_search_can_be_stopped_between_any_two() {
        let words = Words::open(&data("dino.onnx")).unwrap();
        let picture = image::open(data("words.png")).unwrap().to_rgba8();
        let told = RefCell::new(Vec::new());
        let watch = |done: f32| {
            told.borrow_mut().push(done);
            true
        };
        assert!(words.find(&picture, "a dog", &watch).is_ok());
        let told = told.into_inner();
        // The file's whole graph is cut, and no stage is run over.
        assert!(told.len() > 10 && told.is_sorted() && told[0] == 0.0 && told[told.len() - 1] == 1.0, "{told:?}");
        assert!(told.windows(2).all(|pair| pair[1] - pair[0] < 0.11), "{told:?}");
        for most in [0.0, told[1], told[told.len() / 2]] {
            let asked = Cell::new(0);
            let stopped = words.find(&picture, "a dog", &|done| {
                asked.set(asked.get() + 1);
                done < most
            });
            assert_eq!(stopped, Err(Error::Stopped), "{most}");
            let before = told.iter().filter(|done| **done < most).count();
            assert_eq!(asked.get(), before + 1, "it went on after it was stopped at {most}");
        }
    }

    #[test]
    fn words_are_read_and_boxes_found_as_transformers_does() {
        let words = Words::open(&data("dino.onnx")).unwrap();
        let picture = image::open(data("words.png")).unwrap().to_rgba8();
        let told: serde_json::Value = serde_json::from_slice(&fs::read(data("words.json")).unwrap()).unwrap();
        for case in told.as_array().unwrap() {
            let said = case["words"].as_str().unwrap();
            let tokens = words.tokens(said).unwrap();
            let floats = |numbers: &[i32]| numbers.iter().map(|number| *number as f32).collect::<Vec<_>>();
            assert_eq!(tokens.iter().map(|token| *token as f32).collect::<Vec<_>>(), numbers(&case["ids"]), "{said}");
            let (reads, places) = words.phrases(&tokens);
            assert_eq!(
                (floats(&reads), floats(&places)),
                (numbers(&case["mask"]), numbers(&case["positions"])),
                "{said}"
            );
            let finds = words.find(&picture, said, &always).unwrap();
            let (scores, boxes) = (numbers(&case["scores"]), numbers(&case["boxes"]));
            assert!(finds.len() >= scores.len());
            for ((find, score), center) in finds.iter().zip(&scores).zip(boxes.as_chunks::<4>().0) {
                assert!((find.score - score).abs() < 1e-4, "{said}: {find:?} {score}");
                let (wide, high) = (picture.width() as f32, picture.height() as f32);
                let [x, y, w, h] = *center;
                let side = |value: f32, most: f32| (value * most).clamp(0.0, most);
                let expected = [
                    [side(x - w / 2.0, wide), side(y - h / 2.0, high)],
                    [side(x + w / 2.0, wide), side(y + h / 2.0, high)],
                ];
                for (own, other) in find.within.iter().flatten().zip(expected.iter().flatten()) {
                    assert!((own - other).abs() < 0.05, "{said}: {find:?} {expected:?}");
                }
            }
        }
        for nothing in ["", " , .", "\u{200b}"] {
            // What is no word at all is said, or found nowhere; nothing panics.
            let found = words.find(&picture, nothing, &always);
            assert!(nothing == "\u{200b}" || found.is_err(), "{nothing:?}");
        }
        assert!(words.find(&picture, &"a dog ".repeat(300), &always).unwrap_err().to_string().contains("too many"));
    }

    #[test]
    fn without_its_list_of_words_it_is_refused_by_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find_words(folder.path()), None);
        let path = folder.path().join("grounding.onnx");
        fs::copy(data("dino.onnx"), &path).unwrap();
        let said = || Words::open(&path).err().expect("it is refused").to_string();
        assert!(said().contains("vocab.txt"), "{}", said());
        assert_eq!(find_words(folder.path()), None);
        fs::write(folder.path().join("vocab.txt"), "dog\ncat\n").unwrap();
        assert!(said().contains("[CLS] is not in it"), "{}", said());
        fs::copy(data("vocab.txt"), folder.path().join("vocab.txt")).unwrap();
        assert_eq!(find_words(folder.path()), Some(path.clone()));
        assert!(Words::open(&path).is_ok());
        let other = Words::open(&data("sam.onnx")).err().expect("it is refused").to_string();
        assert!(other.contains("does not find boxes by words"), "{other}");
    }
}
