//! What the files of a concept or style add to the model, on the device.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Device, Tensor};

use super::adapters::{self, AdapterFile, Embedding};
use super::error::{EngineError, Result};
use super::nets::clip::{ClipConfig, TextLayer, TextTap};
use super::nets::layers::{Linear, Sizes, upload};
use super::nets::site::Layer;
use super::nets::tokenizer::Placeholder;
use super::nets::unet::UnetConfig;
use super::terms::{ConvTerm, LinearTerm};

/// One of the files of a concept or style, and how strongly it acts.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// What it holds.
    pub file: &'a AdapterFile,
    /// Its strength in the UNet; 1 is as trained.
    pub strength: f32,
    /// Its strength in the text encoder. The words that it brings have none.
    pub text_strength: f32,
}

/// What the files of one concept, or all styles, add to the model, on the device and with their strengths multiplied in.
#[derive(Clone, Debug, Default)]
pub struct Adapter {
    linears: HashMap<Layer, Vec<LinearTerm>>,
    convs: HashMap<Layer, Vec<ConvTerm>>,
    text: HashMap<TextLayer, Vec<LinearTerm>>,
    placeholders: Vec<Placeholder>,
    /// Of every vector of every placeholder, in their order: `[layers or 1, width]`.
    embeddings: Vec<Tensor<2>>,
}

impl Adapter {
    /// Puts files on the device. What several of them change adds up.
    ///
    /// # Errors
    /// [`EngineError::ConceptMisfit`] when one does not fit the model, naming the module and both sizes.
    pub fn new(parts: &[Part<'_>], unet: &UnetConfig, text: &ClipConfig, device: &Device) -> Result<Self> {
        let unet_layers: HashMap<String, (Layer, Sizes)> = by_path(unet.layers());
        let text_layers: HashMap<String, (TextLayer, Sizes)> = by_path(text.layers());
        let transformers = unet.transformers().len();
        let mut adapter = Self::default();
        for Part { file, strength, text_strength } in parts {
            let misfit = |what: String| EngineError::ConceptMisfit { file: file.file.clone(), what };
            let at = |part: &str, path: &str, what: String| misfit(format!("its module {part}.{path} {what}"));
            let unknown = || "is not a layer of this model".to_owned();
            // The words first: their width says most plainly that a file is for another model.
            for embedding in &file.embeddings {
                adapters::check_word(embedding, text.hidden_size, transformers).map_err(misfit)?;
                adapter.teach(embedding, device);
            }
            // What is turned off takes no memory and no time.
            for (path, change) in file.unet.iter().filter(|_| *strength != 0.0) {
                let (layer, sizes) = unet_layers.get(path).ok_or_else(|| at("unet", path, unknown()))?;
                let wrong = |what| at("unet", path, what);
                if sizes.kernel.is_none() {
                    let term = LinearTerm::new(change, *strength, *sizes, device).map_err(wrong)?;
                    add(adapter.linears.entry(*layer).or_default(), term, LinearTerm::joined);
                } else {
                    let term = ConvTerm::new(change, *strength, *sizes, device).map_err(wrong)?;
                    add(adapter.convs.entry(*layer).or_default(), term, ConvTerm::joined);
                }
            }
            for (path, change) in file.text_encoder.iter().filter(|_| *text_strength != 0.0) {
                let (layer, sizes) = text_layers.get(path).ok_or_else(|| at("text_encoder", path, unknown()))?;
                let term = LinearTerm::new(change, *text_strength, *sizes, device);
                let term = term.map_err(|what| at("text_encoder", path, what))?;
                add(adapter.text.entry(*layer).or_default(), term, LinearTerm::joined);
            }
        }
        Ok(adapter)
    }

    /// One of tensors on the device: words of one vector each, `[layers, width]`, and low-rank changes of linear layers,
    /// `[in, rank]` and `[rank, out]`. What is being trained is such a one.
    pub fn of_factors(
        words: Vec<(String, Tensor<2>)>,
        text: Vec<(TextLayer, Tensor<2>, Tensor<2>)>,
        unet: Vec<(Layer, Tensor<2>, Tensor<2>)>,
    ) -> Self {
        let term = |down, up| vec![LinearTerm::LowRank(down, up)];
        let (names, embeddings): (Vec<String>, Vec<Tensor<2>>) = words.into_iter().unzip();
        Self {
            linears: unet.into_iter().map(|(layer, down, up)| (layer, term(down, up))).collect(),
            convs: HashMap::new(),
            text: text.into_iter().map(|(layer, down, up)| (layer, term(down, up))).collect(),
            placeholders: names.into_iter().map(|word| Placeholder { word, vectors: 1 }).collect(),
            embeddings,
        }
    }

    /// Whole differences of linear layers, `[in, out]`, beside what `others` adds to convolutions. It knows no words.
    pub fn of_differences(
        text: BTreeMap<TextLayer, Tensor<2>>,
        unet: BTreeMap<Layer, Tensor<2>>,
        others: &[&Adapter],
    ) -> Self {
        let whole = |difference| vec![LinearTerm::Whole(difference)];
        Self {
            linears: unet.into_iter().map(|(layer, difference)| (layer, whole(difference))).collect(),
            text: text.into_iter().map(|(layer, difference)| (layer, whole(difference))).collect(),
            convs: Self::sum(others).convs,
            ..Self::default()
        }
    }

    /// What several add to the layers, added up. It knows no words.
    #[must_use]
    pub fn sum(all: &[&Adapter]) -> Self {
        let mut sum = Self::default();
        for adapter in all {
            for (layer, terms) in &adapter.linears {
                let known = sum.linears.entry(*layer).or_default();
                terms.iter().for_each(|term| add(known, term.clone(), LinearTerm::joined));
            }
            for (layer, terms) in &adapter.convs {
                let known = sum.convs.entry(*layer).or_default();
                terms.iter().for_each(|term| add(known, term.clone(), ConvTerm::joined));
            }
            for (layer, terms) in &adapter.text {
                let known = sum.text.entry(*layer).or_default();
                terms.iter().for_each(|term| add(known, term.clone(), LinearTerm::joined));
            }
        }
        sum
    }

    /// What reads a prompt with the changes of this one's text encoder and the words of others, in their order.
    #[must_use]
    pub fn speaking(&self, words: &[&Adapter]) -> Self {
        Self {
            text: self.text.clone(),
            placeholders: words.iter().flat_map(|adapter| adapter.placeholders.iter().cloned()).collect(),
            embeddings: words.iter().flat_map(|adapter| adapter.embeddings.iter().cloned()).collect(),
            ..Self::default()
        }
    }

    /// The same with words that none of `others` knows: in one prompt for all, no two may share a name. A word that is taken
    /// gets a number.
    #[must_use]
    pub fn told_apart_from(&self, others: &[Self]) -> Self {
        let mut own = self.clone();
        let is_taken = |word: &str| {
            let mut known = others.iter().flat_map(|other| &other.placeholders);
            known.any(|placeholder| placeholder.word.to_lowercase() == word.to_lowercase())
        };
        for placeholder in own.placeholders.iter_mut().filter(|placeholder| is_taken(&placeholder.word)) {
            let bare = placeholder.word.trim_matches(['<', '>']).to_owned();
            // Among more numbers than there are others one is free.
            let free = (2..others.len() + 3).map(|number| format!("<{bare}#{number}>")).find(|word| !is_taken(word));
            placeholder.word = free.unwrap_or(bare);
        }
        own
    }

    /// Adds all that it changes and knows to a hash, in an order of its own.
    pub fn add_to(&self, hasher: &mut blake3::Hasher) {
        let linears: BTreeMap<_, _> = self.linears.iter().collect();
        for (layer, terms) in linears {
            hasher.update(layer.to_string().as_bytes());
            terms.iter().for_each(|term| term.add_to(hasher));
        }
        let convs: BTreeMap<_, _> = self.convs.iter().collect();
        for (layer, terms) in convs {
            hasher.update(layer.to_string().as_bytes());
            terms.iter().for_each(|term| term.add_to(hasher));
        }
        let text: BTreeMap<_, _> = self.text.iter().collect();
        for (layer, terms) in text {
            hasher.update(layer.to_string().as_bytes());
            terms.iter().for_each(|term| term.add_to(hasher));
        }
        for (word, vectors) in self.placeholders.iter().map(|placeholder| (&placeholder.word, placeholder.vectors)) {
            hasher.update(word.as_bytes()).update(&(vectors as u64).to_le_bytes());
        }
        self.embeddings.iter().for_each(|embedding| LinearTerm::Whole(embedding.clone()).add_to(hasher));
    }

    fn teach(&mut self, embedding: &Embedding, device: &Device) {
        let Embedding { name, vectors, layers, width, values } = embedding;
        self.placeholders.push(Placeholder { word: name.clone(), vectors: *vectors });
        let each = values.chunks_exact(layers * width);
        self.embeddings.extend(each.map(|vector| upload(vector.to_vec(), [*layers, *width], device)));
    }

    /// What it adds to a linear layer of the UNet.
    pub fn linear(&self, layer: Layer) -> &[LinearTerm] {
        self.linears.get(&layer).map_or(&[], Vec::as_slice)
    }

    /// What it adds to a convolution of the UNet.
    pub fn conv(&self, layer: Layer) -> &[ConvTerm] {
        self.convs.get(&layer).map_or(&[], Vec::as_slice)
    }

    /// What it adds to a linear layer of the text encoder.
    pub fn text(&self, layer: TextLayer) -> &[LinearTerm] {
        self.text.get(&layer).map_or(&[], Vec::as_slice)
    }

    /// The linear layers of the text encoder that it changes.
    pub fn changed_texts(&self) -> impl Iterator<Item = TextLayer> + '_ {
        self.text.keys().copied()
    }

    /// The linear layers of the UNet that it changes.
    pub fn changed_linears(&self) -> impl Iterator<Item = Layer> + '_ {
        self.linears.keys().copied()
    }

    /// The convolutions of the UNet that it changes.
    pub fn changed_convs(&self) -> impl Iterator<Item = Layer> + '_ {
        self.convs.keys().copied()
    }

    /// Numbers held.
    pub fn len(&self) -> usize {
        let linears = self.linears.values().chain(self.text.values()).flatten().map(LinearTerm::numbers);
        let convs = self.convs.values().flatten().map(ConvTerm::numbers);
        let words = self.embeddings.iter().map(|embedding| embedding.shape().num_elements());
        linears.chain(convs).chain(words).sum()
    }

    /// Whether it changes nothing and knows no words.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The words that it knows, for [`super::nets::tokenizer::Tokenizer::encode_with`].
    pub fn placeholders(&self) -> &[Placeholder] {
        &self.placeholders
    }

    /// The words that it knows, as they are written in a prompt.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.placeholders.iter().map(|placeholder| placeholder.word.as_str()).collect();
        words.join(" ")
    }

    /// What stands for vector `index` of all placeholders, counted through: `[layers, width]`, one a cross-attention layer,
    /// or `[1, width]` for all of them.
    pub fn embedding(&self, index: usize) -> Option<&Tensor<2>> {
        self.embeddings.get(index)
    }

    /// What reads a branch's prompts: this concept with all styles, whose words yield to its own where they are the same.
    /// Nothing is copied, and only what prompts need is taken.
    #[must_use]
    pub fn reading_with(&self, styles: &Self) -> Self {
        let mut text = self.text.clone();
        for (layer, terms) in &styles.text {
            text.entry(*layer).or_default().extend(terms.iter().cloned());
        }
        Self {
            text,
            placeholders: [self.placeholders.as_slice(), &styles.placeholders].concat(),
            embeddings: [self.embeddings.as_slice(), &styles.embeddings].concat(),
            ..Self::default()
        }
    }
}

/// Adds a term to those of a layer: into one that is there where that is possible, so that the layer costs no more products.
fn add<T>(terms: &mut Vec<T>, term: T, joined: impl Fn(&T, &T) -> Option<T>) {
    for known in terms.iter_mut() {
        if let Some(both) = joined(known, &term) {
            *known = both;
            return;
        }
    }
    terms.push(term);
}

fn by_path<L: ToString>(layers: Vec<(L, Sizes)>) -> HashMap<String, (L, Sizes)> {
    layers.into_iter().map(|(layer, sizes)| (layer.to_string(), (layer, sizes))).collect()
}

impl TextTap for Adapter {
    fn linear(&self, layer: TextLayer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let Some(terms) = self.text.get(&layer) else { return output };
        let plain = output.clone();
        terms.iter().fold(output, |sum, term| sum + term.of(of, input, &plain))
    }
}
