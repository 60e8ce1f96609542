//! Constrained merge: keys and values of cross-attention that give on each concept's own words what the concept's own file gives
//! there, and change as little as can be on two hundred captions of other things. Custom Diffusion's merge (arXiv 2212.04488,
//! eq. 4 and appendix, after the authors' `composenW`) on the same files as all other methods, so that it is a variant:
//!
//! ```text
//! W' = argmin ‖(W' − W) Sᵀ‖   subject to   W' Aᵀ = (W + ΔW_i) Aᵀ   for the rows A of each concept i
//! ```
//!
//! - A: the states of the concept's words and of the end, in `photo of a <c1> <c2>` and `<c1> <c2>`, in the layer's version;
//!   those that are there twice count once.
//! - S: the states of our captions ([`super::captions`]), without the start; the authors' are not in their repository.
//! - The encoder that reads all of them, and the picture's prompt, has all concepts' changes added up: Custom Diffusion trains
//!   none there, and an ED-LoRA's words are learnt with its own. All other layers stay as they are.
//!
//! Nothing is kept on the disk: it takes a few passes of the text encoder, and one matrix is factored.

use std::collections::BTreeMap;
use std::ops::Range;

use burn::tensor::Tensor;

use super::captions;
use super::fuse::{Ingredient, positions, reads_words};
use super::gather::added;
use super::solve::Kept;
use crate::engine::concept::Adapter;
use crate::engine::error::Result;
use crate::engine::models::Models;
use crate::engine::nets::attention::Context;
use crate::engine::nets::layers::{Linear, upload};
use crate::engine::nets::tap::{Layer, Tap};
use crate::engine::noise;
use crate::engine::pictures::host;
use crate::engine::prompt::states_bare;

/// Captions that are read at once.
const AT_ONCE: usize = 20;

/// What is merged.
pub struct Merging<'a> {
    /// The model.
    pub models: &'a Models,
    /// The concepts, no two with a word of one name.
    pub concepts: &'a [Ingredient<'a>],
    /// What reads the words of all of them.
    pub reading: &'a Adapter,
}

/// What was found.
pub struct Merged {
    /// The changes of keys and values. It knows no words.
    pub adapter: Adapter,
    /// For each concept, whether any of its words gives what its file gives there; else other concepts have all of them.
    pub heard: Vec<bool>,
}

/// What a layer shall add on which inputs, row after row.
#[derive(Default)]
struct Asked {
    inputs: Vec<f32>,
    added: Vec<f32>,
    output: usize,
    /// Whose each row is.
    owners: Vec<usize>,
}

impl Merging<'_> {
    /// The merged keys and values. `advance` hears of every pass and layer `(done, of)` and may stop it by an error.
    ///
    /// # Errors
    /// What `advance` returns.
    pub fn merged(&self, advance: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<Merged> {
        let changed = self.concepts.iter().flat_map(|concept| concept.adapter.changed_linears());
        let mut asked: BTreeMap<Layer, Asked> =
            changed.filter(|layer| reads_words(*layer)).map(|layer| (layer, Asked::default())).collect();
        let prompts: usize = self.concepts.iter().map(|concept| concept.prompts().count()).sum();
        let all = captions::COUNT.div_ceil(AT_ONCE) + prompts + asked.len();
        let mut done = 0;
        let mut advance = || {
            done += 1;
            advance(done - 1, all)
        };
        let kept = self.captions(&mut advance)?;
        for (owner, concept) in self.concepts.iter().enumerate() {
            for (prompt, call) in concept.prompts() {
                advance()?;
                self.ask(owner, concept, (&prompt, &call), &mut asked);
            }
        }
        let mut heard = vec![false; self.concepts.len()];
        let mut unet = Vec::with_capacity(asked.len());
        let device = &self.models.device;
        for (layer, asked) in asked {
            advance()?;
            let change = kept.least_change(&asked.inputs, &asked.added, asked.output);
            for (owner, met) in asked.owners.iter().zip(&change.met) {
                heard[*owner] |= *met;
            }
            if change.rank > 0 {
                let down = upload(change.down, [kept.width(), change.rank], device);
                unet.push((layer, down, upload(change.up, [change.rank, asked.output], device)));
            }
        }
        Ok(Merged { adapter: Adapter::of_factors(Vec::new(), Vec::new(), unet), heard })
    }

    /// The states of all captions by the plain encoder, without their starts.
    fn captions(&self, advance: &mut dyn FnMut() -> Result<()>) -> Result<Kept> {
        let encoded: Vec<_> = captions::all().map(|caption| self.models.tokenizer.encode(&caption)).collect();
        let encoder = &self.models.text_encoder;
        let width = encoder.config.hidden_size;
        let mut states = Vec::new();
        for some in encoded.chunks(AT_ONCE) {
            advance()?;
            // As long as the longest of them, ends included; what comes after an end changes nothing before it.
            let longest = some.iter().map(|caption| caption.positions.len() + 2).max().unwrap_or(0);
            let ids: Vec<Vec<u32>> =
                some.iter().map(|caption| caption.ids().into_iter().take(longest).collect()).collect();
            let read = host(encoder.forward(encoder.embed(&ids), &()));
            for (caption, read) in some.iter().zip(read.chunks_exact(width * longest.max(1))) {
                states.extend_from_slice(&read[width..width * (caption.positions.len() + 2).min(longest)]);
            }
        }
        Ok(Kept::new(&states, width))
    }

    /// What a concept's file adds to keys and values on one of its prompts.
    fn ask(
        &self,
        owner: usize,
        concept: &Ingredient<'_>,
        (prompt, call): (&str, &Range<usize>),
        asked: &mut BTreeMap<Layer, Asked>,
    ) {
        let tokens = self.models.tokenizer.encode_with(prompt, self.reading.placeholders());
        let context = Context::layerwise(states_bare(self.models, self.reading, &tokens).split(1, 0));
        let at = positions(&tokens, call);
        // The pass only brings the states to every layer, so that the smallest picture will do.
        let config = &self.models.unet.config;
        let side = config.latent_multiple();
        let latents = noise::seeded(&[0], [config.in_channels, side, side], &self.models.device);
        let timestep = self.models.schedule.timesteps(1)[0];
        let mut tap = Ask { adapter: concept.adapter, tokens: &at, owner, asked };
        self.models.unet.predict(latents, &[timestep], &context, &mut tap);
    }
}

/// The plain UNet, which is asked what one concept would add.
struct Ask<'a> {
    adapter: &'a Adapter,
    /// Which tokens count.
    tokens: &'a [usize],
    owner: usize,
    asked: &'a mut BTreeMap<Layer, Asked>,
}

impl Tap for Ask<'_> {
    fn linear(&mut self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        if let Some(asked) = self.asked.get_mut(&layer) {
            // Where this concept leaves the layer alone, its words shall stay as they are.
            let added = added(self.adapter.linear(layer), of, input, &output).unwrap_or_else(|| output.zeros_like());
            let rows = |x: &Tensor<3>| {
                let each = self.tokens.iter().map(|token| x.clone().narrow(1, *token, 1));
                host(Tensor::cat(each.collect(), 1))
            };
            asked.output = of.output_width();
            asked.inputs.extend(rows(input));
            asked.added.extend(rows(&added));
            asked.owners.extend(std::iter::repeat_n(self.owner, self.tokens.len()));
        }
        output
    }
}
