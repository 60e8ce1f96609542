//! What an adapter's file holds, in one form for all formats, before any strength.

use std::collections::{BTreeMap, BTreeSet};

/// An array of numbers with its shape, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The numbers; as many as the shape says.
    pub values: Vec<f32>,
    /// Its sizes, the slowest first.
    pub shape: Vec<usize>,
}

impl Array {
    /// Its second size; of a factor `[out, rank]` the rank.
    fn columns(&self) -> usize {
        self.shape.get(1).copied().unwrap_or(1)
    }
}

/// What a file adds to one linear layer or convolution with the weight W `[out, in]` or `[out, in, kh, kw]`, at
/// strength 1: `W' = W + s · ΔW`. The factor alpha / rank (or what the trainer uses in its place) is in `scale`.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `ΔW = scale · up · (mid ·) down`: LoRA and LoCon, and LoHa where that is less than half the numbers that ΔW has.
    LowRank {
        /// `[rank, in]`, or of a convolution `[rank, in, kh, kw]`; with `mid` `[rank, in, 1, 1]`.
        down: Array,
        /// Tucker's core of a convolution, `[rank, rank, kh, kw]`.
        mid: Option<Array>,
        /// `[out, rank]`
        up: Array,
        /// alpha / rank, unless the trainer means something else.
        scale: f32,
    },
    /// `ΔW = scale · (left ⊗ right)`, Kronecker's product: LoKr, as its two small products.
    Kronecker {
        /// `[a, b]`
        left: Array,
        /// `[c, d]`, or of a convolution `[c, d, kh, kw]`; out = a · c, in = b · d.
        right: Array,
        /// alpha / rank where one of them was split.
        scale: f32,
    },
    /// `ΔW = W ⊙ weight`, along the inputs or the outputs: IA3.
    Scaled {
        /// As long as the layer has inputs or outputs.
        weight: Vec<f32>,
        /// Along the inputs; else along the outputs.
        on_input: bool,
    },
    /// `ΔW = scale · (up₁ · down₁) ⊙ (up₂ · down₂)`: a LoHa whose rank² is past a quarter of the layer's width, about. The
    /// products are made anew in every pass: as a difference, a LoHa of all layers would be as large as the UNet.
    Hadamard {
        /// Each `[out, rank]`.
        up: [Array; 2],
        /// Each `[rank, in]`, or of a convolution `[rank, in, kh, kw]`.
        down: [Array; 2],
        /// alpha / rank.
        scale: f32,
    },
}

/// A word that a file brings, with what stands for it in place of a token's embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// The word as its file calls it: `<mint_cat_1>` of an ED-LoRA, the file's stem or the token of a textual inversion.
    pub name: String,
    /// How many tokens of a prompt it takes up.
    pub vectors: usize,
    /// Embeddings of each, one a cross-attention layer of the UNet (ED-LoRA), or 1 for all layers.
    pub layers: usize,
    /// Width of an embedding.
    pub width: usize,
    /// `[vectors, layers, width]`
    pub values: Vec<f32>,
}

/// What kind of file it is, as people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Mix-of-Show's: two layer-wise tokens with low-rank changes.
    EdLora,
    /// Low-rank changes of linear layers.
    Lora,
    /// Low-rank changes of convolutions too.
    LoCon,
    /// Products of two low-rank changes.
    LoHa,
    /// Kronecker's products.
    LoKr,
    /// Scaled weights.
    Ia3,
    /// Words only.
    TextualInversion,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::EdLora => "ED-LoRA",
            Self::Lora => "LoRA",
            Self::LoCon => "LoCon",
            Self::LoHa => "LoHa",
            Self::LoKr => "LoKr",
            Self::Ia3 => "IA3",
            Self::TextualInversion => "textual inversion",
        })
    }
}

/// The two parts of a model that adapters change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The noise predictor.
    Unet,
    /// The text encoder.
    TextEncoder,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Self::Unet { "unet" } else { "text_encoder" })
    }
}

/// What an adapter's file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterFile {
    /// The file, for messages.
    pub file: String,
    /// What kind it is.
    pub kind: Kind,
    /// Changes of the UNet by diffusers' module path, such as `down_blocks.0.resnets.0.conv1`.
    pub unet: BTreeMap<String, Change>,
    /// Changes of the text encoder by module path, such as `text_model.encoder.layers.0.mlp.fc1`.
    pub text_encoder: BTreeMap<String, Change>,
    /// The words it brings, in order.
    pub embeddings: Vec<Embedding>,
    /// Words that its pictures were captioned with, the most frequent first, with how often; from its metadata.
    pub trigger_words: Vec<(String, u32)>,
    /// What else its metadata and its tensors say.
    pub about: About,
    /// How many tensors the file holds; those that are not left aside are used.
    pub tensors: usize,
    /// Tensors (and, of a pickle, other things) that are of no use here, by name, with why.
    pub left_aside: Vec<(String, String)>,
}

/// What a file takes in memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Of its numbers, in f32.
    pub bytes: u64,
    /// Of the differences that a pass multiplies out, one layer after another. The gradient of layout alignment keeps them
    /// until its pass is over.
    pub anew: u64,
}

impl Held {
    /// So many numbers, and so many that are multiplied out.
    pub fn of(numbers: usize, anew: usize) -> Self {
        let bytes = |count: usize| (count as u64).saturating_mul(size_of::<f32>() as u64);
        Self { bytes: bytes(numbers), anew: bytes(anew) }
    }
}

impl std::iter::Sum for Held {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            bytes: sum.bytes.saturating_add(one.bytes),
            anew: sum.anew.saturating_add(one.anew),
        })
    }
}

impl AdapterFile {
    /// What it takes in memory.
    pub fn held(&self) -> Held {
        let changes = self.unet.values().chain(self.text_encoder.values());
        Held::of(self.parameters(), changes.map(Change::anew).sum())
    }

    /// Numbers held, all together.
    pub fn parameters(&self) -> usize {
        let changes = self.unet.values().chain(self.text_encoder.values()).map(Change::parameters);
        changes.sum::<usize>() + self.embeddings.iter().map(|embedding| embedding.values.len()).sum::<usize>()
    }

    /// The greatest rank that was trained; 0 where it has none.
    pub fn rank(&self) -> usize {
        self.about.ranks.last().copied().unwrap_or(0)
    }

    /// What may be said in a prompt to call it, the likeliest first: the words it brings, its trigger phrase, those of a
    /// note beside it, the word of the folder of its pictures, the most frequent captions, the name its trainer gave it. No
    /// word comes twice.
    pub fn suggestions(&self) -> Vec<String> {
        let about = &self.about;
        let words = (self.embeddings.iter().map(|embedding| &embedding.name))
            .chain(&about.trigger_phrase)
            .chain(&about.noted)
            .chain(&about.folder_words)
            .chain(self.trigger_words.iter().map(|(word, _)| word))
            .chain(&about.output_name);
        let mut seen = BTreeSet::new();
        words.filter(|word| seen.insert(word.to_lowercase())).cloned().collect()
    }
}

impl Change {
    /// Whether all its numbers are finite: products of finite ones need not be.
    pub fn is_finite(&self) -> bool {
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        match self {
            Self::LowRank { down, mid, up, scale } => {
                let mid = mid.as_ref().is_none_or(|mid| finite(&mid.values));
                finite(&[*scale]) && mid && finite(&down.values) && finite(&up.values)
            }
            Self::Kronecker { left, right, scale } => {
                finite(&[*scale]) && finite(&left.values) && finite(&right.values)
            }
            Self::Scaled { weight, .. } => finite(weight),
            Self::Hadamard { up, down, scale } => {
                let largest = |array: &Array| array.values.iter().fold(0_f32, |most, value| most.max(value.abs()));
                let largest = |up: &Array, down: &Array| up.columns() as f32 * largest(up) * largest(down);
                let arrays = || up.iter().chain(down);
                arrays().all(|array| finite(&array.values))
                    && finite(&[*scale * largest(&up[0], &down[0]) * largest(&up[1], &down[1])])
            }
        }
    }

    /// Numbers that each pass multiplies out.
    fn anew(&self) -> usize {
        match self {
            Self::Hadamard { up: [up, _], down: [down, _], .. } => {
                up.shape.first().unwrap_or(&0) * down.shape.iter().skip(1).product::<usize>()
            }
            _ => 0,
        }
    }

    /// Numbers held.
    pub fn parameters(&self) -> usize {
        match self {
            Self::LowRank { down, mid, up, .. } => {
                down.values.len() + mid.as_ref().map_or(0, |mid| mid.values.len()) + up.values.len()
            }
            Self::Kronecker { left, right, .. } => left.values.len() + right.values.len(),
            Self::Scaled { weight, .. } => weight.len(),
            Self::Hadamard { up, down, .. } => up.iter().chain(down).map(|array| array.values.len()).sum(),
        }
    }
}

/// The kinds of models that an adapter can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// Stable Diffusion 1.x, which Podium runs.
    Sd1,
    /// Stable Diffusion 2.x
    Sd2,
    /// Stable Diffusion XL
    Sdxl,
    /// Stable Diffusion 3 and 3.5
    Sd3,
    /// Flux
    Flux,
    /// One whose name is all that is known.
    Other,
}

impl Base {
    /// All of them that have a name.
    pub const ALL: [Self; 5] = [Self::Sd1, Self::Sd2, Self::Sdxl, Self::Sd3, Self::Flux];

    /// The kind of model that people, Civitai and A1111 call so: `SD 1.5`, `sdxl`, `SDXL 1.0`, `Flux.1 D`, and models that
    /// are known by names of their own. None where it is none of them.
    pub fn named(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|letter| letter.is_alphanumeric()).take(100).collect();
        let plain = plain.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| plain.contains(word));
        if has(&["flux"]) {
            return Some(Self::Flux);
        }
        if has(&["xl", "pony", "illustrious", "noobai"]) {
            return Some(Self::Sdxl);
        }
        let number = plain.strip_prefix("stablediffusion").or_else(|| plain.strip_prefix("sd")).unwrap_or(&plain);
        match number.trim_start_matches('v').chars().next() {
            Some('1') => Some(Self::Sd1),
            Some('2') => Some(Self::Sd2),
            Some('3') => Some(Self::Sd3),
            _ => None,
        }
    }
}

impl std::str::FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::named(text).ok_or_else(|| format!("\"{text}\" is no kind of model; write sd1.5, sd2, sdxl, sd3 or flux"))
    }
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sd1 => "Stable Diffusion 1.5",
            Self::Sd2 => "Stable Diffusion 2",
            Self::Sdxl => "Stable Diffusion XL",
            Self::Sd3 => "Stable Diffusion 3",
            Self::Flux => "Flux",
            Self::Other => "another kind of model",
        })
    }
}

/// What the network that it was trained with predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// The velocity.
    V,
}

/// What a file says of itself, as far as it says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The kind of model that it is for, where tensors or metadata say it.
    pub base: Option<Base>,
    /// The file of the model that it was trained on.
    pub trained_on: Option<String>,
    /// The trainer's module, such as `networks.lora` or `lycoris.kohya`.
    pub module: Option<String>,
    /// All ranks that its layers have, in rising order.
    pub ranks: Vec<usize>,
    /// All alphas of its layers, in rising order; empty where the strength is that of the factors as they are.
    pub alphas: Vec<f32>,
    /// The size of the pictures, such as `512x512`.
    pub resolution: Option<String>,
    /// How much of the subject's own colours the pictures of its test sheet show, 0..=1, where Podium trained it.
    pub likeness: Option<f32>,
    /// Which kind of image encoder compared them with the photos, and the mean cosine, -1..=1.
    pub alike: Option<(String, f32)>,
    /// The strength of use at which it acts as it was learnt, where Podium trained it for another than 1.
    pub full_at: Option<f32>,
    /// Its title.
    pub title: Option<String>,
    /// What was predicted.
    pub prediction: Option<Prediction>,
    /// The name that its trainer gave it.
    pub output_name: Option<String>,
    /// The words that call it, as its author says.
    pub trigger_phrase: Option<String>,
    /// The words of its pictures' folders: `cat` of `10_cat`.
    pub folder_words: Vec<String>,
    /// The words that call it, as a note beside the file says.
    pub noted: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_models_are_known_by_what_people_call_them() {
        for (text, base) in [
            ("SD 1.5", Base::Sd1),
            ("SD 1.5 Hyper", Base::Sd1),
            ("sd_v1", Base::Sd1),
            ("1.5", Base::Sd1),
            ("SD 2.1 768", Base::Sd2),
            ("SDXL 1.0", Base::Sdxl),
            ("Pony", Base::Sdxl),
            ("SD 3.5 Large", Base::Sd3),
            ("Flux.1 D", Base::Flux),
        ] {
            assert_eq!(text.parse(), Ok(base), "{text}");
        }
        for base in Base::ALL {
            assert_eq!(Base::named(&base.to_string()), Some(base));
        }
        assert!(["Unknown", "Other", "", "Wan Video"].iter().all(|text| Base::named(text).is_none()));
        assert!("llama".parse::<Base>().unwrap_err().contains("sdxl"));
    }
}
