//! Segment Anything's own weights, without their network: by which names whose file has them, and each tensor checked before
//! it is taken. `vit.rs`, `tiny.rs` and `answering.rs` make the networks that they belong to.
//!
//! Whoever opens files of tensors is somebody else, and hands them in as [`Tensors`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::Error;

/// A file of tensors that was opened.
pub trait Tensors {
    /// Names and shapes of all.
    fn list(&self) -> Vec<(String, Vec<usize>)>;

    /// A tensor's numbers, row by row: as many as its shape says, all finite.
    ///
    /// # Errors
    /// In words that name file and tensor.
    fn values(&self, name: &str) -> Result<Vec<f32>, String>;
}

/// Opens a file of tensors, or says in words why it cannot: what it is instead, with the file's name.
pub type Open<'a> = &'a dyn Fn(&Path) -> Result<Box<dyn Tensors>, String>;

/// What to get, in a line.
const WANTED: &str = "choose SAM's own weights (model.safetensors of facebook/sam-vit-base with its config.json, or \
                      sam_vit_b_01ec64.pth), MobileSAM's (mobile_sam.pt), or two ONNX files";
/// What helps against a file that is not whole.
const ANEW: &str = "get the file anew, as its makers published it";
/// A tensor that every network of this family has.
const SURE: &str = "mask_decoder.iou_token.weight";
/// The largest configuration, bytes; a real one has 6 kB.
const MOST_CONFIG: u64 = 1 << 20;
/// The most numbers of a table that is made of a file's: the largest network's has a million.
pub const MOST_TABLE: usize = 1 << 26;

/// Whose names a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// The authors'.
    Authors,
    /// Those of transformers.
    Transformers,
}

/// Which network looks at the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// SAM's: a plain transformer over patches.
    Vit,
    /// MobileSAM's: TinyViT.
    Tiny,
}

/// The authors' names, and what transformers calls the same, in the order in which they are replaced.
const RENAMED: [(&str, &str); 12] = [
    ("image_encoder.patch_embed.proj.", "image_encoder.patch_embed.projection."),
    ("image_encoder.blocks.", "image_encoder.layers."),
    ("image_encoder.neck.0.", "image_encoder.neck.conv1."),
    ("image_encoder.neck.1.", "image_encoder.neck.norm1."),
    ("image_encoder.neck.2.", "image_encoder.neck.conv2."),
    ("image_encoder.neck.3.", "image_encoder.neck.norm2."),
    ("image_encoder.", "vision_encoder."),
    ("prompt_encoder.point_embeddings.", "prompt_encoder.point_embed."),
    ("mask_decoder.output_upscaling.0.", "mask_decoder.upscale_conv1."),
    ("mask_decoder.output_upscaling.1.", "mask_decoder.upscale_layer_norm."),
    ("mask_decoder.output_upscaling.3.", "mask_decoder.upscale_conv2."),
    (".norm", ".layer_norm"),
];
/// The frequencies of places, which transformers has in two places.
pub const FREQUENCIES: &str = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix";
const THEIR_FREQUENCIES: [&str; 2] =
    ["shared_image_embedding.positional_embedding", "prompt_encoder.shared_embedding.positional_embedding"];
/// What a file may have that is not asked for: the way in for an earlier mask, and what training leaves behind.
const UNASKED: [&str; 7] = [
    "prompt_encoder.mask_downscaling.",
    "prompt_encoder.mask_embed.",
    "prompt_encoder.shared_embedding.",
    "image_encoder.norm_head.",
    "image_encoder.head.",
    ".num_batches_tracked",
    ".attention_bias_idxs",
];

/// What `config.json` beside the weights says that no tensor's shape does.
#[derive(Debug, Clone, Default)]
pub struct Config {
    path: PathBuf,
    told: serde_json::Value,
}

impl Config {
    /// Reads the one beside a file; where there is none, nothing is said.
    fn beside(path: &Path) -> Result<Self, Error> {
        let path = path.with_file_name("config.json");
        let Ok(file) = fs::File::open(&path) else { return Ok(Self::default()) };
        let mut bytes = Vec::new();
        file.take(MOST_CONFIG).read_to_end(&mut bytes).map_err(|error| Error::unread(&path, &error))?;
        let told = serde_json::from_slice(&bytes).map_err(|error| {
            Error::advised(&path, format!("is no configuration ({error})"), "take the one that comes with the weights")
        })?;
        Ok(Self { path, told })
    }

    fn value(&self, part: &str, name: &str) -> Option<&serde_json::Value> {
        self.told.get(part)?.get(name).filter(|value| !value.is_null())
    }

    /// A whole number of one of its parts.
    pub fn whole(&self, part: &str, name: &str) -> Option<usize> {
        self.value(part, name)?.as_u64().and_then(|number| usize::try_from(number).ok())
    }

    /// Several.
    pub fn wholes(&self, part: &str, name: &str) -> Option<Vec<usize>> {
        self.value(part, name)?.as_array()?.iter().map(|number| number.as_u64()?.try_into().ok()).collect()
    }

    /// A number that is added where one is divided by.
    pub fn tiny(&self, part: &str, name: &str, usual: f32) -> f32 {
        let told = self.value(part, name).and_then(serde_json::Value::as_f64).map(|number| number as f32);
        told.filter(|number| (0.0..1.0).contains(number)).unwrap_or(usual)
    }

    /// Refuses a number other than the weights'.
    ///
    /// # Errors
    /// When it says another one.
    pub fn agrees(&self, part: &str, name: &str, weights: usize) -> Result<(), Error> {
        match self.whole(part, name) {
            Some(told) if told != weights => {
                let words = format!("says {name} {told} of its {part}, and the weights beside it have {weights}");
                Err(Error::advised(&self.path, words, "put the config.json there that came with the weights"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a curve between layers other than this.
    ///
    /// # Errors
    /// When it says another one.
    pub fn bends(&self, part: &str, by: &str) -> Result<(), Error> {
        match self.value(part, "hidden_act").and_then(serde_json::Value::as_str) {
            Some(told) if told != by => {
                let words = format!("says hidden_act {told} of its {part}, and Podium computes {by} there");
                Err(Error::advised(&self.path, words, WANTED))
            }
            _ => Ok(()),
        }
    }
}

/// Weights of this family, named as their authors do whatever the file calls them.
pub struct Weights {
    path: PathBuf,
    file: Box<dyn Tensors>,
    shapes: BTreeMap<String, Vec<usize>>,
    naming: Naming,
    /// What stands before every name.
    before: String,
    looks: Looks,
    config: Config,
    taken: RefCell<BTreeSet<String>>,
}

/// A shape in words.
fn words(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "one number".into();
    }
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ")
}

/// What a file of other tensors is, as far as their names tell.
fn other(shapes: &BTreeMap<String, Vec<usize>>) -> Option<&'static str> {
    let any = |pieces: &[&str]| shapes.keys().any(|name| pieces.iter().any(|piece| name.contains(piece)));
    let sam2 = ["sam_mask_decoder.", "memory_attention.", "vision_encoder.backbone.", "mask_decoder.conv_s0."];
    match () {
        () if any(&["text_backbone.", "bbox_embed.", "class_embed."]) => Some("finds boxes by words (Grounding DINO)"),
        () if any(&sam2) => Some("is SAM 2, of which Podium reads ONNX files only, as samexporter writes them"),
        () if any(&["mask_decoder.hf_", "mask_decoder.hq_", "mask_decoder.compress_vit"]) => {
            Some("is SAM-HQ, which Podium does not know")
        }
        () if any(&["image_encoder.features.", "image_encoder.backbone."]) => {
            Some("is EdgeSAM or another small relative")
        }
        () if any(&["embeddings.cls_token", "embeddings.mask_token", "embeddings.class_embedding"]) => {
            Some("is an image encoder, such as DINOv2 or CLIP")
        }
        () if any(&["cls_token", "register_tokens"]) => Some("is an image encoder, such as DINOv2"),
        () if any(&["lora_"]) => Some("is a LoRA"),
        () => None,
    }
}

impl Weights {
    /// Opens a file and reads its list of tensors.
    ///
    /// # Errors
    /// In words, when it cannot be read or is something else.
    pub fn open(path: &Path, open: Open) -> Result<Self, Error> {
        let file = open(path).map_err(Error::Weights)?;
        let shapes: BTreeMap<String, Vec<usize>> = file.list().into_iter().collect();
        if let Some(what) = other(&shapes) {
            return Err(Error::advised(path, what, WANTED));
        }
        let before = shapes.keys().find_map(|name| {
            let before = name.strip_suffix(SURE)?;
            (before.is_empty() || before.ends_with('.')).then(|| before.to_owned())
        });
        let Some(before) = before else {
            let some: Vec<&str> = shapes.keys().take(4).map(String::as_str).collect();
            let some =
                if some.is_empty() { "it has no tensors".to_owned() } else { format!("it has {}", some.join(", ")) };
            return Err(Error::advised(path, format!("has no weights of Segment Anything: {some}"), WANTED));
        };
        let has = |start: &str| {
            shapes.keys().any(|name| name.strip_prefix(&before).is_some_and(|name| name.starts_with(start)))
        };
        let (naming, looks) = match () {
            () if has("vision_encoder.layers.") => (Naming::Transformers, Looks::Vit),
            () if has("image_encoder.blocks.") => (Naming::Authors, Looks::Vit),
            () if has("image_encoder.patch_embed.seq.") => (Naming::Authors, Looks::Tiny),
            () => {
                let words = "has a decoder of Segment Anything, and no encoder that Podium knows";
                return Err(Error::advised(path, words, WANTED));
            }
        };
        let config = if naming == Naming::Transformers { Config::beside(path)? } else { Config::default() };
        let taken = RefCell::default();
        Ok(Self { path: path.to_owned(), file, shapes, naming, before, looks, config, taken })
    }

    /// Which network looks at the picture.
    pub fn looks(&self) -> Looks {
        self.looks
    }

    /// Whose they are, for people.
    pub fn name(&self) -> &'static str {
        match self.looks {
            Looks::Vit => "SAM",
            Looks::Tiny => "MobileSAM",
        }
    }

    /// What is said of them beside them.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is added to a variance in the decoder's layers, which authors and transformers see differently.
    pub fn usual_tiny(&self) -> f32 {
        if self.naming == Naming::Authors { 1e-5 } else { 1e-6 }
    }

    /// What the file calls it.
    fn own(&self, name: &str) -> String {
        let before = &self.before;
        if self.naming == Naming::Authors {
            return format!("{before}{name}");
        }
        if name == FREQUENCIES {
            let [one, other] = THEIR_FREQUENCIES.map(|name| format!("{before}{name}"));
            return if self.shapes.contains_key(&other) && !self.shapes.contains_key(&one) { other } else { one };
        }
        let mut own = format!("{before}{name}");
        // Of several layers one after another, the first and the last have names of their own.
        if let Some((head, rest)) = own.split_once("_mlps.").or(own.split_once("iou_prediction_head"))
            && let Some((number, rest)) = rest.split_once("layers.")
            && let Some((at, what)) = rest.split_once('.')
            && let Ok(at) = at.parse::<usize>()
        {
            let joint = if own.contains("_mlps.") { "_mlps." } else { "iou_prediction_head" };
            let start = format!("{head}{joint}{number}");
            let inner = self.lengths(&format!("{start}layers."));
            own = match at {
                0 => format!("{start}proj_in.{what}"),
                at if at > inner => format!("{start}proj_out.{what}"),
                at => format!("{start}layers.{}.{what}", at - 1),
            };
        }
        RENAMED.iter().fold(own, |own, (from, to)| own.replace(from, to))
    }

    /// How many are numbered from 0 on behind this beginning, as the file calls it.
    fn lengths(&self, start: &str) -> usize {
        let is = |at: usize| {
            let start = format!("{start}{at}.");
            self.shapes.range(start.clone()..).next().is_some_and(|(name, _)| name.starts_with(&start))
        };
        (0..).take_while(|at| is(*at)).count()
    }

    /// How many layers are numbered from 0 on behind this beginning.
    pub fn count(&self, start: &str) -> usize {
        let first = self.own(&format!("{start}0."));
        // First and last stand beside those between.
        if self.naming == Naming::Transformers && first.ends_with("proj_in.") {
            return self.lengths(&format!("{}{start}", self.before)) + 2;
        }
        self.lengths(first.strip_suffix("0.").unwrap_or(&first))
    }

    /// A tensor's shape.
    ///
    /// # Errors
    /// When there is no such tensor, or it has another number of axes or nothing along one.
    pub fn shape<const RANK: usize>(&self, name: &str) -> Result<[usize; RANK], Error> {
        let own = self.own(name);
        let Some(shape) = self.shapes.get(&own) else { return Err(self.lacks(&own, &format!("of {RANK} axes"))) };
        let sides: Option<[usize; RANK]> = shape.as_slice().try_into().ok();
        sides.filter(|sides| sides.iter().all(|side| (1..1 << 24).contains(side))).ok_or_else(|| {
            let words = format!("has its tensor `{own}` of {}, where one of {RANK} axes is needed", words(shape));
            Error::advised(&self.path, words, ANEW)
        })
    }

    /// Whether there is such a tensor.
    pub fn has(&self, name: &str) -> bool {
        self.shapes.contains_key(&self.own(name))
    }

    fn lacks(&self, own: &str, what: &str) -> Error {
        Error::advised(&self.path, format!("lacks its tensor `{own}` {what}"), ANEW)
    }

    /// A tensor's numbers.
    ///
    /// # Errors
    /// When there is no such tensor, it has another shape, or it cannot be read.
    pub fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let own = self.own(name);
        let Some(has) = self.shapes.get(&own) else { return Err(self.lacks(&own, &format!("of {}", words(shape)))) };
        if has != shape {
            let words = format!("has its tensor `{own}` of {}, and {} fits the others", words(has), words(shape));
            return Err(Error::advised(&self.path, words, ANEW));
        }
        let values = self.file.values(&own).map_err(Error::Weights)?;
        self.taken.borrow_mut().insert(own);
        Ok(values)
    }

    /// Refuses weights whose sizes are not this family's.
    pub fn odd(&self, what: impl Into<String>) -> Error {
        Error::advised(&self.path, what, WANTED)
    }

    /// Refuses what the network has no place for.
    ///
    /// # Errors
    /// When there is such a tensor.
    pub fn all_taken(&self) -> Result<(), Error> {
        let taken = self.taken.borrow();
        let unasked = |name: &str| {
            let inner = name.strip_prefix(&self.before).unwrap_or_default();
            let theirs = THEIR_FREQUENCIES.contains(&inner);
            // What lies beside the model in a trainer's checkpoint is none of the network.
            !name.starts_with(&self.before)
                || theirs
                || UNASKED.iter().any(|piece| match piece.starts_with('.') {
                    true => inner.ends_with(piece),
                    false => inner.starts_with(piece),
                })
        };
        match self.shapes.iter().find(|(name, _)| !taken.contains(*name) && !unasked(name)) {
            None => Ok(()),
            Some((name, shape)) => {
                let words = format!("has a tensor `{name}` of {} that {} does not have", words(shape), self.name());
                Err(Error::advised(&self.path, words, WANTED))
            }
        }
    }
}
