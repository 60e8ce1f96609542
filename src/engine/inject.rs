//! Concept injection: all branches in lockstep, their adapters' terms per branch, their features fused by masks
//! in the decoder (Eq. 4).
//!
//! Rows of a lockstep batch are branch-major: branch × half (unconditional, conditional) × picture; in layout
//! alignment branch × picture. Branch 0 is the base model.

use std::collections::HashMap;

use burn::tensor::{Bool, Device, Tensor, TensorData};

use super::concept::Adapter;
use super::nets::layers::{Conv2d, Linear};
use super::nets::tap::{Kind, Layer, Site, Tap};
use super::refine::SubjectMasks;
use super::terms::{ConvTerm, LinearTerm};

/// Rows of each picture of a branch: without and with the prompt, as guidance needs both.
pub const HALVES: usize = 2;

/// What the adapters of several branches, and the styles of all of them, add to the layers of the UNet.
#[derive(Clone, Debug, Default)]
pub struct Stacked {
    branches: usize,
    linears: HashMap<Layer, Linears>,
    convs: HashMap<Layer, Apart<ConvTerm>>,
}

/// The terms of a linear layer.
#[derive(Clone, Debug)]
struct Linears {
    /// The low-rank terms of all branches, stacked so that one batched product serves them all: `A` `[branches, in, rank]`,
    /// `B` `[branches, rank, out]`; zero for the base and for branches that leave the layer alone. None of great ranks.
    stacked: Option<(Tensor<3>, Tensor<3>)>,
    apart: Apart<LinearTerm>,
}

/// Terms that are computed one by one.
#[derive(Clone, Debug)]
struct Apart<T> {
    /// Of every row: the styles'.
    all: Vec<T>,
    /// Of one branch's rows.
    own: Vec<(usize, T)>,
}

impl<T: Clone> Apart<T> {
    fn new<'a>(
        branches: &[Option<&'a Adapter>],
        styles: Option<&'a Adapter>,
        of: impl Fn(&'a Adapter) -> &'a [T],
    ) -> Self
    where
        T: 'a,
    {
        let own = branches.iter().enumerate().filter_map(|(branch, adapter)| Some((branch, (*adapter)?)));
        let own = own.flat_map(|(branch, adapter)| of(adapter).iter().map(move |term| (branch, term.clone())));
        Self { all: styles.map_or_else(Vec::new, |styles| of(styles).to_vec()), own: own.collect() }
    }
}

impl<T> Apart<T> {
    fn is_empty(&self) -> bool {
        self.all.is_empty() && self.own.is_empty()
    }

    /// Adds what `of` makes of each term to the rows that it is for.
    fn add<const D: usize>(
        &self,
        branches: usize,
        output: Tensor<D>,
        of: impl Fn(&T, Option<(usize, usize)>) -> Tensor<D>,
    ) -> Tensor<D> {
        let mut output = output;
        for term in &self.all {
            output = output + of(term, None);
        }
        if self.own.is_empty() {
            return output;
        }
        let rows = output.dims()[0] / branches;
        let parts = (0..branches).map(|branch| {
            let mut part = if branches == 1 { output.clone() } else { output.clone().narrow(0, branch * rows, rows) };
            for (_, term) in self.own.iter().filter(|(owner, _)| *owner == branch) {
                part = part + of(term, (branches > 1).then_some((branch * rows, rows)));
            }
            part
        });
        let mut parts: Vec<Tensor<D>> = parts.collect();
        match parts.len() {
            1 => parts.remove(0),
            _ => Tensor::cat(parts, 0),
        }
    }
}

/// The given rows: where they begin and how many; None is all.
fn rows_of<const D: usize>(x: &Tensor<D>, rows: Option<(usize, usize)>) -> Tensor<D> {
    match rows {
        Some((first, count)) => x.clone().narrow(0, first, count),
        None => x.clone(),
    }
}

impl Linears {
    fn new(branches: &[Option<&Adapter>], styles: Option<&Adapter>, layer: Layer) -> Self {
        let mut apart = Apart::new(branches, styles, |adapter| adapter.linear(layer));
        let stacked = stack(branches, layer);
        if stacked.is_some() {
            apart.own.retain(|(_, term)| !matches!(term, LinearTerm::LowRank(..)));
        }
        Self { stacked, apart }
    }

    fn add(&self, branches: usize, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let alone = self.stacked.is_none() && self.apart.own.is_empty();
        // One row for the whole batch, as the time embedding has it: from here on one a branch.
        let spread = |x: Tensor<3>| if alone || x.dims()[0] >= branches { x } else { x.repeat_dim(0, branches) };
        let (input, mut output) = (spread(input.clone()), spread(output));
        let plain = (!self.apart.is_empty()).then(|| output.clone());
        if let Some((a, b)) = &self.stacked {
            let ([rows, tokens, width], [.., channels]) = (input.dims(), output.dims());
            let per_branch = input.clone().reshape([branches, rows / branches * tokens, width]);
            output = output + per_branch.matmul(a.clone()).matmul(b.clone()).reshape([rows, tokens, channels]);
        }
        let Some(plain) = plain else { return output };
        self.apart.add(branches, output, |term, rows| term.of(of, &rows_of(&input, rows), &rows_of(&plain, rows)))
    }
}

impl Stacked {
    /// Puts the branches' adapters side by side; `None` is the base model. `styles` act on all of them.
    pub fn new(branches: &[Option<&Adapter>], styles: Option<&Adapter>) -> Self {
        let adapters = || branches.iter().copied().flatten().chain(styles);
        let mut linears = HashMap::new();
        for layer in adapters().flat_map(Adapter::changed_linears) {
            linears.entry(layer).or_insert_with(|| Linears::new(branches, styles, layer));
        }
        let mut convs = HashMap::new();
        for layer in adapters().flat_map(Adapter::changed_convs) {
            convs.entry(layer).or_insert_with(|| Apart::new(branches, styles, |adapter| adapter.conv(layer)));
        }
        Self { branches: branches.len(), linears, convs }
    }

    /// Numbers held beside those of the adapters.
    pub fn len(&self) -> usize {
        let stacked = self.linears.values().filter_map(|terms| terms.stacked.as_ref());
        stacked.map(|(a, b)| a.shape().num_elements() + b.shape().num_elements()).sum()
    }

    /// Whether no branch changes any layer.
    pub fn is_empty(&self) -> bool {
        self.linears.is_empty() && self.convs.is_empty()
    }
}

/// How many times as large as the factors themselves a stack of them may be, of which smaller ranks are filled with zeros.
const PADDING: f32 = 1.5;

/// The greatest rank that is stacked. Of greater ones three products at once are hardly quicker than one after another, and
/// the stack would be a second copy of files that are large already, and zeros for the base beside it.
const STACKED: usize = 64;

/// The low-rank terms of a layer side by side; none where no branch has one, or ranks are great or too far apart.
fn stack(branches: &[Option<&Adapter>], layer: Layer) -> Option<(Tensor<3>, Tensor<3>)> {
    // An adapter has one such term at a layer at most: files that add up were joined.
    let of = |adapter: &Option<&Adapter>| {
        (*adapter)?.linear(layer).iter().find_map(|term| match term {
            LinearTerm::LowRank(a, b) => Some((a.clone(), b.clone())),
            _ => None,
        })
    };
    let each: Vec<Option<(Tensor<2>, Tensor<2>)>> = branches.iter().map(of).collect();
    let (a, b) = each.iter().flatten().next()?;
    let ([input, _], [_, output], device) = (a.dims(), b.dims(), a.device());
    let ranks: Vec<usize> = each.iter().flatten().map(|(a, _)| a.dims()[1]).collect();
    let rank = ranks.iter().copied().max()?;
    if rank > STACKED || (rank * ranks.len()) as f32 > PADDING * ranks.iter().sum::<usize>() as f32 {
        return None;
    }
    let zeros = |rows: usize, columns: usize| Tensor::<2>::zeros([rows, columns], (&device, a.dtype()));
    // Concepts of a smaller rank are padded with zeros.
    let wide = |a: &Tensor<2>| match rank - a.dims()[1] {
        0 => a.clone(),
        missing => Tensor::cat(vec![a.clone(), zeros(input, missing)], 1),
    };
    let tall = |b: &Tensor<2>| match rank - b.dims()[0] {
        0 => b.clone(),
        missing => Tensor::cat(vec![b.clone(), zeros(missing, output)], 0),
    };
    let downs = each.iter().map(|pair| pair.as_ref().map_or_else(|| zeros(input, rank), |(a, _)| wide(a)));
    let ups = each.iter().map(|pair| pair.as_ref().map_or_else(|| zeros(rank, output), |(_, b)| tall(b)));
    Some((Tensor::stack(downs.collect(), 0), Tensor::stack(ups.collect(), 0)))
}

/// Adds each branch's terms to its own rows, and the styles' to all.
pub struct Terms<'a>(pub &'a Stacked);

impl Tap for Terms<'_> {
    fn linear(&mut self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        match self.0.linears.get(&layer) {
            Some(terms) => terms.add(self.0.branches, of, input, output),
            None => output,
        }
    }

    fn conv(&mut self, layer: Layer, of: &Conv2d, input: &Tensor<4>, output: Tensor<4>) -> Tensor<4> {
        let Some(terms) = self.0.convs.get(&layer) else { return output };
        let plain = output.clone();
        terms.add(self.0.branches, output, |term, rows| term.of(of, &rows_of(input, rows), &rows_of(&plain, rows)))
    }
}

/// Which features are fused: the ablations of the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fused {
    /// At attn1.
    pub self_attention: bool,
    /// At attn2.
    pub cross_attention: bool,
}

impl Fused {
    fn at(self, site: Site) -> bool {
        site.in_decoder() && if site.kind == Kind::Own { self.self_attention } else { self.cross_attention }
    }
}

/// Where each subject's branch shows through, on every grid of the UNet.
pub struct FusionMasks {
    /// By token count: for each subject its branch and `[1, pictures, tokens, 1]`.
    grids: HashMap<usize, Vec<(usize, Tensor<4, Bool>)>>,
}

impl FusionMasks {
    /// Puts the combined masks on the device. `subjects` names each subject's branch, `masks` is `[picture][subject]`.
    pub fn new(subjects: &[usize], masks: &[Vec<SubjectMasks>], device: &Device) -> Self {
        let mut grids: HashMap<usize, Vec<(usize, Tensor<4, Bool>)>> = HashMap::new();
        let levels =
            masks.first().and_then(|picture| picture.first()).map_or(0, |subject| subject.combined.grids().len());
        for level in 0..levels {
            for (index, &branch) in subjects.iter().enumerate() {
                let of = |picture: &Vec<SubjectMasks>| picture[index].combined.grids()[level].on.clone();
                let values: Vec<bool> = masks.iter().flat_map(of).collect();
                let tokens = values.len() / masks.len();
                let mask = Tensor::from_data(TensorData::new(values, [1, masks.len(), tokens, 1]), device);
                grids.entry(tokens).or_default().push((branch, mask));
            }
        }
        Self { grids }
    }

    /// Lays each subject's features over the base's, subject by subject: `h ← h_i ⊙ M_i + h ⊙ (1 − M_i)`.
    ///
    /// # Shapes
    /// `base` `[halves · pictures, tokens, channels]`; `of` gives a branch's features of the same shape.
    fn fuse(&self, base: Tensor<3>, of: impl Fn(usize) -> Option<Tensor<3>>) -> Tensor<3> {
        let [rows, tokens, channels] = base.dims();
        let Some(subjects) = self.grids.get(&tokens) else { return base };
        let mut fused: Option<Tensor<4>> = None;
        for (branch, mask) in subjects {
            let Some(own) = of(*branch) else { continue };
            let pictures = mask.dims()[1];
            let shape = [rows / pictures, pictures, tokens, channels];
            let under = fused.take().unwrap_or_else(|| base.clone().reshape(shape));
            fused = Some(under.mask_where(mask.clone().expand(shape), own.reshape(shape)));
        }
        fused.map_or(base, |fused| fused.reshape([rows, tokens, channels]))
    }
}

/// Replaces the base branch's decoder features in a lockstep batch.
pub struct Fuse<'a> {
    /// Where.
    pub masks: &'a FusionMasks,
    /// At which layers.
    pub fused: Fused,
    /// Branches in the batch.
    pub branches: usize,
}

impl Tap for Fuse<'_> {
    fn output(&mut self, site: Site, output: Tensor<3>) -> Tensor<3> {
        if self.branches < 2 || !self.fused.at(site) {
            return output;
        }
        let rows = output.dims()[0] / self.branches;
        let branch = |index: usize| output.clone().narrow(0, index * rows, rows);
        let base = self.masks.fuse(branch(0), |index| Some(branch(index)));
        let others = output.clone().narrow(0, rows, rows * (self.branches - 1));
        Tensor::cat(vec![base, others], 0)
    }
}

/// Keeps a branch's decoder features for [`Replay`]: the memory-saving mode runs one branch after another.
#[derive(Default)]
pub struct Keep {
    outputs: HashMap<Site, Tensor<3>>,
}

/// Keeps what will be fused.
pub struct Keeper<'a>(pub &'a mut Keep, pub Fused);

impl Tap for Keeper<'_> {
    fn output(&mut self, site: Site, output: Tensor<3>) -> Tensor<3> {
        if self.1.at(site) {
            self.0.outputs.insert(site, output.clone());
        }
        output
    }
}

/// Replaces the base branch's decoder features by those that earlier passes kept.
pub struct Replay<'a> {
    /// Where.
    pub masks: &'a FusionMasks,
    /// At which layers.
    pub fused: Fused,
    /// What branch `i + 1` kept.
    pub kept: &'a [Keep],
}

impl Tap for Replay<'_> {
    fn output(&mut self, site: Site, output: Tensor<3>) -> Tensor<3> {
        if !self.fused.at(site) {
            return output;
        }
        self.masks.fuse(output, |branch| self.kept.get(branch.checked_sub(1)?)?.outputs.get(&site).cloned())
    }
}

#[cfg(test)]
#[path = "inject_tests.rs"]
pub(super) mod tests;
