//! ImageReward (arXiv 2304.05977): how much people would like a picture for the words that it was asked for by. BLIP reads the
//! words while it looks at the picture, and what it makes of the first token goes through linear layers with nothing between
//! them, as its authors' code has it (`ImageReward.py`, `models/BLIP`), to one number.
//!
//! Sizes are those of the file's tensors, and for BERT those of `med_config.json`, which the tensors must have.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use super::blip::{Reading, ReadingSizes, Seeing, SeeingSizes};
use super::clip::{activation, check};
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::layers::{Bias, Linear};
use crate::engine::weights::{Checkpoint, Weights};

/// Where the image encoder's tensors are.
const SEEING: &str = "blip.visual_encoder";
/// Where BERT's are.
const READING: &str = "blip.text_encoder";
/// Where the linear layers are, by numbers in which those of dropouts are left out.
const LAYERS: &str = "mlp.layers";

/// What `med_config.json` says of BERT, and what ImageReward's own code says of the rest.
#[derive(Clone, Debug, Deserialize)]
pub struct RewardConfig {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    vocab_size: usize,
    hidden_act: String,
    layer_norm_eps: f64,
    /// How wide an attention head of the image encoder is: its tensors do not tell.
    vision_head_width: usize,
    /// What its norms add to the variance.
    vision_layer_norm_eps: f64,
    /// The most tokens of a text, with both its marks; what is longer is cut.
    pub prompt_tokens: usize,
    /// What is taken from a score.
    pub reward_mean: f64,
    /// What it is divided by then.
    pub reward_std: f64,
}

/// How large ImageReward's networks are.
#[derive(Clone, Debug)]
pub struct RewardSizes {
    /// The image encoder.
    pub seeing: SeeingSizes,
    /// BERT.
    pub reading: ReadingSizes,
    /// Each linear layer's number, and its widths in and out.
    layers: Vec<(usize, [usize; 2])>,
    /// The width of what training compares pictures and words by, where the file has it.
    compared: Option<usize>,
}

/// Whether tensors are ImageReward's, by their names.
pub fn is_reward<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| name.strip_prefix(SEEING) == Some(".pos_embed"))
}

impl RewardSizes {
    /// The sizes of a file; `settings` is the name of what `config` was read from, for messages.
    ///
    /// # Errors
    /// When the file is something else, or a setting cannot be: by name.
    pub fn of(checkpoint: &Checkpoint, config: &RewardConfig, settings: &str) -> Result<Self> {
        let file = checkpoint.file_name();
        let shapes: BTreeMap<&str, &[usize]> = checkpoint.tensors().map(|(name, shape, _)| (name, shape)).collect();
        let seeing = seeing(&shapes, config, &file)?;
        let numbers = [
            ("hidden_size", config.hidden_size),
            ("intermediate_size", config.intermediate_size),
            ("num_hidden_layers", config.num_hidden_layers),
            ("num_attention_heads", config.num_attention_heads),
            ("vocab_size", config.vocab_size),
            ("max_position_embeddings", config.max_position_embeddings),
        ];
        // A picture's cells are those of the file, which were checked.
        let cells = [seeing.patch, seeing.patch, 3];
        check(settings, &numbers, [config.hidden_size, config.num_attention_heads], cells, config.layer_norm_eps)?;
        let refuse = |what: String| EngineError::Malformed { file: settings.into(), what };
        if !(3..=config.max_position_embeddings).contains(&config.prompt_tokens) {
            let (asked, most) = (config.prompt_tokens, config.max_position_embeddings);
            return Err(refuse(format!("prompt_tokens {asked}, where 3 to {most} can be (max_position_embeddings)")));
        }
        if !(config.reward_std > 0.0 && config.reward_std.is_finite() && config.reward_mean.is_finite()) {
            return Err(refuse(format!("reward_std {}, which must be above 0", config.reward_std)));
        }
        let reading = ReadingSizes {
            width: config.hidden_size,
            layers: config.num_hidden_layers,
            heads: config.num_attention_heads,
            inner: config.intermediate_size,
            vocabulary: config.vocab_size,
            positions: config.max_position_embeddings,
            seen: seeing.width,
            epsilon: config.layer_norm_eps,
            activation: activation(&config.hidden_act, settings)?,
        };
        let layers = layers(&shapes, reading.width, &file)?;
        let compared = shapes.get("blip.text_proj.weight").and_then(|shape| shape.first().copied());
        Ok(Self { seeing, reading, layers, compared })
    }

    /// In words: `24 layers, 1024 wide, patches of 16 pixels; words: 12 layers, 768 wide`.
    pub fn words(&self) -> String {
        let (seeing, reading) = (&self.seeing, &self.reading);
        format!(
            "{} layers, {} wide, patches of {} pixels; words: {} layers, {} wide",
            seeing.layers, seeing.width, seeing.patch, reading.layers, reading.width
        )
    }

    /// The side of the pictures that it reads, pixels.
    pub fn side(&self) -> usize {
        self.seeing.grid * self.seeing.patch
    }
}

/// What is said of a file that lacks something that every ImageReward has.
fn other(file: &str, name: &str) -> EngineError {
    let what = format!("holds no ImageReward: it has no `{name}`; get ImageReward.pt of THUDM/ImageReward");
    EngineError::Malformed { file: file.into(), what }
}

/// Of a tensor with so many sides.
fn shape<const D: usize>(shapes: &BTreeMap<&str, &[usize]>, name: &str, file: &str) -> Result<[usize; D]> {
    let found = shapes.get(name).ok_or_else(|| other(file, name))?;
    (*found).try_into().map_err(|_| {
        let what = format!("tensor `{name}` has shape {found:?}, where {D} sides are needed; fetch the file again");
        EngineError::Malformed { file: file.into(), what }
    })
}

fn seeing(shapes: &BTreeMap<&str, &[usize]>, config: &RewardConfig, file: &str) -> Result<SeeingSizes> {
    let [_, tokens, width] = shape(shapes, &format!("{SEEING}.pos_embed"), file)?;
    let [_, channels, patch, _] = shape(shapes, &format!("{SEEING}.patch_embed.proj.weight"), file)?;
    let [inner, _] = shape(shapes, &format!("{SEEING}.blocks.0.mlp.fc1.weight"), file)?;
    let is_there = |index: &usize| shapes.contains_key(format!("{SEEING}.blocks.{index}.norm1.weight").as_str());
    let layers = (0..).take_while(is_there).count();
    let grid = tokens.saturating_sub(1).isqrt();
    let head = config.vision_head_width.max(1);
    if !width.is_multiple_of(head) {
        let what =
            format!("its image encoder is {width} wide, which heads of {head} (vision_head_width) do not divide");
        return Err(EngineError::Malformed { file: file.into(), what });
    }
    let heads = width / head;
    let numbers = [
        ("the width", width),
        ("the feed-forward's width", inner),
        ("the number of layers", layers),
        ("the number of heads", heads),
        ("the number of patches along a side", grid),
        ("a patch's side", patch),
        ("the picture's side", grid.saturating_mul(patch)),
    ];
    check(file, &numbers, [width, heads], [grid.saturating_mul(patch), patch, channels], config.vision_layer_norm_eps)?;
    if grid * grid + 1 != tokens {
        let what =
            format!("tensor `{SEEING}.pos_embed` has {tokens} places, which are no square of patches and one more");
        return Err(EngineError::Malformed { file: file.into(), what });
    }
    Ok(SeeingSizes { width, layers, heads, inner, grid, patch, epsilon: config.vision_layer_norm_eps })
}

/// The linear layers, from BERT's width to one number.
fn layers(shapes: &BTreeMap<&str, &[usize]>, width: usize, file: &str) -> Result<Vec<(usize, [usize; 2])>> {
    let mut layers = Vec::new();
    for name in shapes.keys() {
        let index = name.strip_prefix(LAYERS).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".weight"));
        let Some(index) = index.and_then(|index| index.parse::<usize>().ok()) else { continue };
        let [output, input] = shape(shapes, name, file)?;
        layers.push((index, [input, output]));
    }
    layers.sort_unstable();
    let mut before = width;
    for (index, [input, output]) in &layers {
        if *input != before {
            let what = format!(
                "`{LAYERS}.{index}` takes {input} numbers, and what comes before it gives {before}; the file is damaged or \
                 belongs to another med_config.json"
            );
            return Err(EngineError::Malformed { file: file.into(), what });
        }
        before = *output;
    }
    match (layers.is_empty(), before) {
        (true, _) => Err(other(file, &format!("{LAYERS}.0.weight"))),
        (false, 1) => Ok(layers),
        (false, more) => {
            let what = format!("`{LAYERS}` ends in {more} numbers, and a score is one; choose ImageReward's own file");
            Err(EngineError::Malformed { file: file.into(), what })
        }
    }
}

/// ImageReward's networks.
#[derive(Clone, Debug)]
pub struct RewardNet {
    seeing: Seeing,
    reading: Reading,
    layers: Vec<Linear>,
}

impl RewardNet {
    /// Loads the networks.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, sizes: &RewardSizes, device: &Device) -> Result<Self> {
        // What training compared pictures and words by.
        if let Some(compared) = sizes.compared {
            for (name, width) in [("vision_proj", sizes.seeing.width), ("text_proj", sizes.reading.width)] {
                let at = weights.at("blip").at(name);
                at.leave("weight", &[compared, width])?;
                at.leave("bias", &[compared])?;
            }
        }
        let layer = |(index, [input, output]): &(usize, [usize; 2])| {
            Linear::load(&weights.at(LAYERS).at(index), *input, *output, Bias::Yes)
        };
        Ok(Self {
            seeing: Seeing::load(&weights.at(SEEING), &sizes.seeing)?,
            reading: Reading::load(&weights.at(READING), &sizes.reading, device)?,
            layers: sizes.layers.iter().map(layer).collect::<Result<_>>()?,
        })
    }

    /// The score of a picture and a text, before it is standardised.
    ///
    /// # Shapes
    /// A picture's patches, row by row, `[1, patches, channels · side · side]`, and a text's ids to `[1, 1]`.
    pub fn forward(&self, patches: Tensor<3>, ids: &[u32]) -> Tensor<2> {
        let read = self.reading.forward(ids, &self.seeing.forward(patches));
        self.layers.iter().fold(read, |x, layer| layer.forward(x))
    }
}
