//! What a training learns: the embeddings of the new words, and two low-rank factors of each attention projection.
//!
//! All numbers of a group lie in one flat tensor, so that the optimiser is a dozen operations whatever their number, and a
//! GPU is never asked for one of them alone.

use burn::tensor::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::engine::concept::Adapter;
use crate::engine::error::{EngineError, Result};
use crate::engine::models::Models;
use crate::engine::nets::clip::{TextLayer, TextPart};
use crate::engine::nets::layers::upload;
use crate::engine::nets::site::Layer;
use crate::engine::nets::tokenizer::Token as Id;
use crate::project::training::{Token, Training};

/// Parameters with one learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Embeddings of the new words.
    Words,
    /// Factors in the text encoder.
    Text,
    /// Factors in the UNet.
    Unet,
}

impl Group {
    /// All of them, in the order of [`Parameters::groups`].
    pub const ALL: [Group; 3] = [Self::Words, Self::Text, Self::Unet];

    /// Its name in checkpoints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Text => "text_encoder",
            Self::Unet => "unet",
        }
    }
}

/// Which factor of `x · down · up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `[in, rank]`
    Down,
    /// `[rank, out]`
    Up,
}

impl Side {
    /// What follows the module's path in a file, in Mix-of-Show's names and kohya's.
    pub fn leaf(self) -> &'static str {
        if self == Self::Down { "lora_down.weight" } else { "lora_up.weight" }
    }
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The embeddings of a word, one a cross-attention layer: `[layers, width]`.
    Word(usize),
    /// A factor in the text encoder.
    Text(TextLayer, Side),
    /// A factor in the UNet.
    Unet(Layer, Side),
}

/// One parameter: what it is and where its numbers lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// What it is.
    pub place: Place,
    /// Its shape.
    pub shape: [usize; 2],
    /// Where its numbers begin among those of its group.
    pub start: usize,
}

impl Parameter {
    /// Its group.
    pub fn group(&self) -> Group {
        match self.place {
            Place::Word(_) => Group::Words,
            Place::Text(..) => Group::Text,
            Place::Unet(..) => Group::Unet,
        }
    }

    /// The module that a factor changes, by diffusers' path, and which factor it is; none of a word.
    pub fn module(&self) -> Option<(String, Side)> {
        match self.place {
            Place::Word(_) => None,
            Place::Text(layer, side) => Some((layer.to_string(), side)),
            Place::Unet(layer, side) => Some((layer.to_string(), side)),
        }
    }

    /// Its name in a concept's file, as Mix-of-Show names it; of a word nothing, since there the word itself is the name.
    pub fn file_name(&self) -> String {
        let of_factor = |(path, side): (String, Side)| format!("{}.{path}.{}", self.group().name(), side.leaf());
        self.module().map_or_else(String::new, of_factor)
    }

    /// Numbers of its shape turned the other way round: files keep factors as `[rank, in]` and `[out, rank]`. The inverse of
    /// itself but for the shape: `numbers` are `[columns, rows]`, and `[rows, columns]` is returned.
    pub fn turned(&self, numbers: &[f32]) -> Vec<f32> {
        turned(numbers, self.shape[1], self.shape[0])
    }

    /// Numbers in it.
    pub fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Whether it holds nothing, which none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All that is learnt.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// The words, in order.
    pub words: Vec<String>,
    /// Each parameter, group by group.
    pub list: Vec<Parameter>,
    /// The numbers of each group.
    pub groups: [Tensor<1>; 3],
}

/// The projections of attention that are trained, in the text encoder.
const TEXT_PARTS: [TextPart; 4] = [TextPart::Query, TextPart::Key, TextPart::Value, TextPart::Out];

/// The longest list of words that are learnt; an ED-LoRA has two.
const MOST_WORDS: usize = 16;

impl Parameters {
    /// What a training of this model learns, with shapes and places but without numbers.
    fn list(models: &Models, words: usize, rank: usize) -> Vec<Parameter> {
        let width = models.text_encoder.config.hidden_size;
        let layers = models.unet.config.transformers().len();
        let mut list = Vec::new();
        let mut start = 0;
        let mut add = |place, shape: [usize; 2], first: bool| {
            start = if first { 0 } else { start };
            list.push(Parameter { place, shape, start });
            start += shape[0] * shape[1];
        };
        for word in 0..words {
            add(Place::Word(word), [layers, width], word == 0);
        }
        let mut first = true;
        for (layer, sizes) in models.text_encoder.config.layers() {
            if TEXT_PARTS.contains(&layer.part) {
                add(Place::Text(layer, Side::Down), [sizes.input, rank], first);
                add(Place::Text(layer, Side::Up), [rank, sizes.output], false);
                first = false;
            }
        }
        first = true;
        for (layer, sizes) in models.unet.config.layers() {
            if matches!(layer, Layer::Attention(..)) {
                add(Place::Unet(layer, Side::Down), [sizes.input, rank], first);
                add(Place::Unet(layer, Side::Up), [rank, sizes.output], false);
                first = false;
            }
        }
        list
    }

    /// As a training begins: each word as what it starts from, `down` uniform as PyTorch's linear layers begin
    /// (Kaiming with a = √5: within 1/√in), `up` zero, so that nothing is changed yet.
    ///
    /// # Errors
    /// When a word starts from what is not one token of the model's, or there is none.
    pub fn new(models: &Models, training: &Training) -> Result<Self> {
        let tokens = &training.tokens;
        if tokens.is_empty() || tokens.len() > MOST_WORDS {
            let what = format!("the concept has {} tokens to learn; an ED-LoRA has two", tokens.len());
            return Err(EngineError::Job(what));
        }
        let list = Self::list(models, tokens.len(), training.settings.rank);
        let mut rng = ChaCha12Rng::seed_from_u64(training.settings.seed);
        let mut values: [Vec<f32>; 3] = Default::default();
        for parameter in &list {
            let values = &mut values[parameter.group() as usize];
            match parameter.place {
                Place::Word(index) => {
                    let vector = begin(models, &tokens[index], &mut rng)?;
                    values.extend((0..parameter.shape[0]).flat_map(|_| vector.iter().copied()));
                }
                Place::Text(_, Side::Down) | Place::Unet(_, Side::Down) => {
                    let bound = (parameter.shape[0] as f32).sqrt().recip();
                    values.extend((0..parameter.len()).map(|_| rng.random_range(-bound..bound)));
                }
                Place::Text(_, Side::Up) | Place::Unet(_, Side::Up) => {
                    values.extend(std::iter::repeat_n(0.0, parameter.len()));
                }
            }
        }
        let words = tokens.iter().map(|token| token.word.clone()).collect();
        Self::of(words, list, values, &models.device)
    }

    /// With numbers from elsewhere: those that `number` has for each parameter, in the parameter's own shape.
    ///
    /// # Errors
    /// What `number` says.
    pub fn from_numbers(
        models: &Models,
        words: Vec<String>,
        rank: usize,
        mut number: impl FnMut(&Parameter) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        let list = Self::list(models, words.len(), rank);
        let mut values: [Vec<f32>; 3] = Default::default();
        for parameter in &list {
            values[parameter.group() as usize].extend(number(parameter)?);
        }
        Self::of(words, list, values, &models.device)
    }

    fn of(words: Vec<String>, list: Vec<Parameter>, values: [Vec<f32>; 3], device: &Device) -> Result<Self> {
        for group in Group::ALL {
            let wanted: usize = list.iter().filter(|parameter| parameter.group() == group).map(Parameter::len).sum();
            let found = values[group as usize].len();
            if found != wanted {
                let what = format!("{} numbers for {}, where the model has {wanted}", found, group.name());
                return Err(EngineError::Job(what));
            }
        }
        let groups = values.map(|values| {
            let length = values.len();
            upload(values, [length], device)
        });
        Ok(Self { words, list, groups })
    }

    /// Each parameter as a tensor of its own shape.
    pub fn tensors(&self) -> Vec<Tensor<2>> {
        let one = |parameter: &Parameter| {
            let all = self.groups[parameter.group() as usize].clone();
            all.narrow(0, parameter.start, parameter.len()).reshape(parameter.shape)
        };
        self.list.iter().map(one).collect()
    }

    /// The adapter that these tensors, one a parameter, make at a strength (of the factors; words have none).
    pub fn adapter(&self, tensors: &[Tensor<2>], strength: f64) -> Adapter {
        let mut words = Vec::new();
        let (mut text, mut unet) = (Vec::new(), Vec::new());
        let mut pairs = self.list.iter().zip(tensors).peekable();
        while let Some((parameter, tensor)) = pairs.next() {
            let up = |up: Option<(&Parameter, &Tensor<2>)>| {
                up.map(|(_, up)| if strength == 1.0 { up.clone() } else { up.clone() * strength })
            };
            match parameter.place {
                Place::Word(index) => words.push((self.words[index].clone(), tensor.clone())),
                // Each `down` is followed by its `up`.
                Place::Text(layer, Side::Down) => text.extend(up(pairs.next()).map(|up| (layer, tensor.clone(), up))),
                Place::Unet(layer, Side::Down) => unet.extend(up(pairs.next()).map(|up| (layer, tensor.clone(), up))),
                Place::Text(_, Side::Up) | Place::Unet(_, Side::Up) => {}
            }
        }
        Adapter::of_factors(words, text, unet)
    }
}

/// `[rows, columns]` to `[columns, rows]`.
pub fn turned(numbers: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| numbers[row * columns + column])).collect()
}

/// The embedding that a word begins as.
fn begin(models: &Models, token: &Token, rng: &mut ChaCha12Rng) -> Result<Vec<f32>> {
    let width = models.text_encoder.config.hidden_size;
    let start = token.start.trim();
    let wrong =
        |what: String| EngineError::Job(format!("the token {} cannot begin as \"{start}\": {what}", token.word));
    if let Some(deviation) = start.strip_prefix("<rand-").and_then(|rest| rest.strip_suffix('>')) {
        let deviation: f32 =
            deviation.parse().ok().filter(|deviation: &f32| (0.0..=10.0).contains(deviation)).ok_or_else(|| {
                wrong("after rand- comes the deviation of random numbers, such as <rand-0.013>".into())
            })?;
        return Ok((0..width).map(|_| Distribution::<f32>::sample(&StandardNormal, rng) * deviation).collect());
    }
    let encoded = models.tokenizer.encode(start);
    if encoded.length != 1 {
        let what = match encoded.length {
            0 => "there is nothing to begin as; give a word such as the subject's kind, or <rand-0.013>".to_owned(),
            many => format!("it is {many} tokens of this model's; give a simpler word, or <rand-0.013>"),
        };
        return Err(wrong(what));
    }
    // The first token is the start of the text.
    let Some(Id::Id(id)) = encoded.tokens.get(1) else {
        return Err(wrong("it is no token of this model's".into()));
    };
    let embedding = models.text_encoder.embed(&[vec![*id]]);
    Ok(crate::engine::pictures::host(embedding))
}
