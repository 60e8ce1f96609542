//! Gradient fusion (Mix-of-Show, arXiv 2305.18292, after the authors' `gradient_fusion.py`): one model that gives on each
//! concept's own words what that concept's file alone gives. Each linear layer is a least-squares problem
//!
//! ```text
//! min_D  mean (X D − X ΔW_i)²   from D = 0,   the rows X of all concepts i stacked
//! ```
//!
//! found by L-BFGS, in three turns, each with what the one before has fused:
//!
//! 1. The text encoder's layers: X are the inputs of both of the concept's prompts ([`PROMPTS`]), without padding, in all of
//!    its layer-wise versions, while the encoder carries the concept's own changes.
//! 2. Keys and values of cross-attention: the fused encoder's final states, at the concept's words and the end, of both
//!    prompts, in the layer's version.
//! 3. The other linear layers of the UNet: inputs of every token of a sampled picture of the first prompt, in all steps, with
//!    fused keys and values and the concept's own other changes, without guidance.
//!
//! Where it differs from the script: DDIM samples the picture (theirs: DPM-Solver), from noise with seeds of its own (theirs
//! has none); each file has the project's strength (theirs: 1); convolutions, which an ED-LoRA does not change, are added up.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use burn::tensor::Tensor;

use super::gather::{Gather, GatherTexts, Problem};
use crate::engine::cache::Cache;
use crate::engine::concept::Adapter;
use crate::engine::error::Result;
use crate::engine::models::Models;
use crate::engine::nets::attention::Context;
use crate::engine::nets::clip::TextLayer;
use crate::engine::nets::layers::{Sizes, upload};
use crate::engine::nets::tap::{Kind, Layer, Projection};
use crate::engine::nets::tokenizer::Encoded;
use crate::engine::noise;
use crate::engine::pictures::host;
use crate::engine::prompt::{embed_bare, encode};

/// The prompts of a concept; `{}` is what calls it.
const PROMPTS: [&str; 2] = ["photo of a {}", "{}"];
/// Iterations for each layer of the text encoder, and for keys and values of cross-attention.
const WORD_ITERATIONS: usize = 500;
/// Iterations for each other layer of the UNet.
const PICTURE_ITERATIONS: usize = 50;
/// Sampling steps of the pictures.
const STEPS: usize = 20;

/// A concept to be fused.
#[derive(Clone, Copy, Debug)]
pub struct Ingredient<'a> {
    /// What its files add, and the words that they bring.
    pub adapter: &'a Adapter,
    /// What calls it.
    pub call: &'a str,
}

/// What is fused, and for which latents.
pub struct Fusing<'a> {
    /// The model.
    pub models: &'a Models,
    /// The concepts.
    pub concepts: &'a [Ingredient<'a>],
    /// Height and width of the latents that the third turn samples.
    pub size: [usize; 2],
}

/// What was found.
struct Differences {
    text: BTreeMap<TextLayer, Tensor<2>>,
    unet: BTreeMap<Layer, Tensor<2>>,
}

/// The layers of a part that any concept changes, with their widths.
type Wanted<L> = BTreeMap<L, Sizes>;

impl Fusing<'_> {
    /// The fused model's changes; it knows no words. `advance` hears of every layer and pass `(done, of)` and may stop it by an
    /// error.
    ///
    /// # Errors
    /// What `advance` returns. A cache that cannot be read or written is no error, only slower.
    pub fn fused(&self, cache: &Cache, advance: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<Adapter> {
        let (texts, linears) = self.wanted();
        let counts = || texts.values().chain(linears.values()).map(|sizes| sizes.input * sizes.output);
        let key = self.key();
        let device = &self.models.device;
        let Differences { text, unet } = if let Some(values) = cache.read(&key, counts().sum()) {
            let mut rest = values.as_slice();
            let mut next = |sizes: &Sizes| {
                let (own, others) = rest.split_at(sizes.input * sizes.output);
                rest = others;
                upload(own.to_vec(), [sizes.input, sizes.output], device)
            };
            let text = texts.iter().map(|(layer, sizes)| (*layer, next(sizes))).collect();
            Differences { text, unet: linears.iter().map(|(layer, sizes)| (*layer, next(sizes))).collect() }
        } else {
            let found = self.solve(&texts, &linears, advance)?;
            let all = found.text.values().chain(found.unet.values());
            let values: Vec<f32> = all.flat_map(|difference| host(difference.clone())).collect();
            if let Err(error) = cache.write(&key, &values) {
                log::warn!("the fused concepts cannot be kept, and will be fused again: {error}");
            }
            found
        };
        let others: Vec<&Adapter> = self.concepts.iter().map(|concept| concept.adapter).collect();
        Ok(Adapter::of_differences(text, unet, &others))
    }

    fn wanted(&self) -> (Wanted<TextLayer>, Wanted<Layer>) {
        let adapters = || self.concepts.iter().map(|concept| concept.adapter);
        let text: BTreeSet<TextLayer> = adapters().flat_map(Adapter::changed_texts).collect();
        let unet: BTreeSet<Layer> = adapters().flat_map(Adapter::changed_linears).collect();
        let texts = self.models.text_encoder.config.layers().into_iter().filter(|(layer, _)| text.contains(layer));
        let linears = self.models.unet.config.layers().into_iter().filter(|(layer, _)| unet.contains(layer));
        (texts.collect(), linears.collect())
    }

    /// Of all that the result depends on.
    fn key(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        // The version of this arithmetic; a change of it must not find older results.
        hasher.update(b"podium gradient fusion 1").update(self.models.fingerprint.as_bytes());
        let Models { unet, text_encoder, schedule, .. } = self.models;
        let rest = format!("{:?} {:?} {schedule:?} {:?}", unet.config, text_encoder.config, self.size);
        hasher.update(rest.as_bytes());
        for concept in self.concepts {
            hasher.update(&(concept.call.len() as u64).to_le_bytes()).update(concept.call.as_bytes());
            concept.adapter.add_to(&mut hasher);
        }
        hasher.finalize()
    }

    fn solve(
        &self,
        texts: &Wanted<TextLayer>,
        linears: &Wanted<Layer>,
        advance: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<Differences> {
        let all = texts.len() + linears.len() + self.concepts.len() * (1 + PROMPTS.len() + STEPS);
        let mut done = 0;
        let mut advance = || {
            done += 1;
            advance(done - 1, all)
        };
        // 1.
        let mut problems = unknown(texts.keys());
        for concept in self.concepts {
            advance()?;
            for (prompt, _) in concept.prompts() {
                let tokens = self.models.tokenizer.encode_with(&prompt, concept.adapter.placeholders());
                let embeddings = embed_bare(self.models, concept.adapter, &tokens);
                let tap = GatherTexts { adapter: concept.adapter, problems: RefCell::new(&mut problems) };
                self.models.text_encoder.forward(embeddings, &tap);
            }
        }
        let text = self.solved(problems, texts, WORD_ITERATIONS, &mut advance)?;
        let encoder = Adapter::of_differences(text.clone(), BTreeMap::new(), &[]);
        // 2.
        let (words, picture): (Vec<Layer>, Vec<Layer>) = linears.keys().partition(|layer| reads_words(**layer));
        let mut problems = unknown(&words);
        let none = BTreeMap::new();
        for concept in self.concepts {
            for (prompt, call) in concept.prompts() {
                advance()?;
                let (encoded, tokens) = self.encoded(&encoder, concept, &prompt);
                let at = positions(&tokens, &call);
                // The pass only brings the states to every layer, so that the smallest picture will do.
                let side = self.models.unet.config.latent_multiple();
                let latents = noise::seeded(&[0], [self.channels(), side, side], &self.models.device);
                let timestep = self.models.schedule.timesteps(1)[0];
                let mut tap =
                    Gather { adapter: concept.adapter, fused: &none, tokens: Some(&at), problems: &mut problems };
                self.models.unet.predict(latents, &[timestep], &encoded, &mut tap);
            }
        }
        let mut unet = self.solved(problems, linears, WORD_ITERATIONS, &mut advance)?;
        // 3.
        let mut problems = unknown(&picture);
        for (seed, concept) in (0..).zip(self.concepts) {
            let Some((prompt, _)) = concept.prompts().next() else { continue };
            let (context, _) = self.encoded(&encoder, concept, &prompt);
            let [height, width] = self.size;
            let mut latents = noise::seeded(&[seed], [self.channels(), height, width], &self.models.device);
            for timestep in self.models.schedule.timesteps(STEPS) {
                advance()?;
                let mut tap = Gather { adapter: concept.adapter, fused: &unet, tokens: None, problems: &mut problems };
                let predicted = self.models.unet.predict(latents.clone(), &[timestep], &context, &mut tap);
                let noise = self.models.noise_of(predicted, &latents, timestep);
                let step = self.models.schedule.denoise(timestep, STEPS);
                latents = latents * step.latent + noise * step.noise;
            }
        }
        unet.extend(self.solved(problems, linears, PICTURE_ITERATIONS, &mut advance)?);
        Ok(Differences { text, unet })
    }

    /// The differences of all layers; none where nothing was seen, as in those that clip skip leaves out.
    fn solved<L: Ord + Copy>(
        &self,
        problems: BTreeMap<L, Option<Problem>>,
        sizes: &Wanted<L>,
        iterations: usize,
        advance: &mut dyn FnMut() -> Result<()>,
    ) -> Result<BTreeMap<L, Tensor<2>>> {
        let mut all = BTreeMap::new();
        for (layer, problem) in problems {
            advance()?;
            // Only layers of known sizes have problems.
            let Some(Sizes { input, output, .. }) = sizes.get(&layer) else { continue };
            let none = || Tensor::zeros([*input, *output], &self.models.device);
            all.insert(layer, problem.map_or_else(none, |problem| problem.solved(iterations)));
        }
        Ok(all)
    }

    fn channels(&self) -> usize {
        self.models.unet.config.in_channels
    }

    /// A prompt of a concept by the fused encoder.
    fn encoded(&self, encoder: &Adapter, concept: &Ingredient<'_>, prompt: &str) -> (Context, Encoded) {
        let tokens = self.models.tokenizer.encode_with(prompt, concept.adapter.placeholders());
        let encoded = encode(self.models, &encoder.speaking(&[concept.adapter]), tokens);
        (encoded.context, encoded.tokens)
    }
}

impl Ingredient<'_> {
    /// Its prompts, with where in them it is called.
    pub(super) fn prompts(&self) -> impl Iterator<Item = (String, Range<usize>)> + '_ {
        PROMPTS.into_iter().map(|template| {
            let start = template.find("{}").unwrap_or(template.len());
            (template.replace("{}", self.call), start..start + self.call.len())
        })
    }
}

/// The positions of the words in a range of a prompt's bytes, and that of its end.
pub(super) fn positions(tokens: &Encoded, of: &Range<usize>) -> Vec<usize> {
    let end = tokens.positions.last().map_or(1, |last| last + 1);
    tokens.positions_in(of).chain([end]).collect()
}

/// Whether a layer reads what the prompt was encoded to.
pub(super) fn reads_words(layer: Layer) -> bool {
    matches!(layer, Layer::Attention(site, Projection::Key | Projection::Value) if site.kind == Kind::Cross)
}

fn unknown<'a, L: Copy + Ord + 'a>(layers: impl IntoIterator<Item = &'a L>) -> BTreeMap<L, Option<Problem>> {
    layers.into_iter().map(|layer| (*layer, None)).collect()
}
