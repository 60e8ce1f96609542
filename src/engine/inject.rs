//! Concept injection: all branches in lockstep, their low-rank terms per branch, their features fused by masks
//! in the decoder (Eq. 4).
//!
//! Rows of a lockstep batch are branch-major: branch × half (unconditional, conditional) × picture; in layout
//! alignment branch × picture. Branch 0 is the base model.

use std::collections::HashMap;

use burn::tensor::{Bool, Device, Tensor, TensorData};

use super::concept::Adapter;
use super::nets::tap::{Kind, Projection, Site, Tap};
use super::refine::SubjectMasks;

/// The low-rank factors of several branches, stacked so that one batched product serves them all.
#[derive(Clone, Debug, Default)]
pub struct Stacked {
    branches: usize,
    /// `A` `[branches, in, rank]`, `B` `[branches, rank, out]`; zero for the base and for layers that a concept leaves alone.
    factors: HashMap<(Site, Projection), (Tensor<3>, Tensor<3>)>,
}

impl Stacked {
    /// Stacks the branches' factors; `None` is the base model.
    pub fn new(branches: &[Option<&Adapter>]) -> Self {
        let mut factors = HashMap::new();
        let changed = branches.iter().flatten().flat_map(|adapter| adapter.changed());
        for (site, projection) in changed {
            factors.entry((site, projection)).or_insert_with(|| stack(branches, site, projection));
        }
        let factors = factors.into_iter().filter_map(|(key, pair)| Some((key, pair?))).collect();
        Self { branches: branches.len(), factors }
    }

    /// Numbers held.
    pub fn len(&self) -> usize {
        self.factors.values().map(|(a, b)| a.shape().num_elements() + b.shape().num_elements()).sum()
    }

    /// Whether no branch changes any layer.
    pub fn is_empty(&self) -> bool {
        self.factors.is_empty()
    }
}

fn stack(branches: &[Option<&Adapter>], site: Site, projection: Projection) -> Option<(Tensor<3>, Tensor<3>)> {
    let each: Vec<_> =
        branches.iter().map(|adapter| adapter.and_then(|adapter| adapter.factors(site, projection))).collect();
    let (a, b) = each.iter().flatten().next()?;
    let ([input, _], [_, output], device) = (a.dims(), b.dims(), a.device());
    let rank = each.iter().flatten().map(|(a, _)| a.dims()[1]).max()?;
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
    let downs = each.iter().map(|pair| pair.map_or_else(|| zeros(input, rank), |(a, _)| wide(a)));
    let ups = each.iter().map(|pair| pair.map_or_else(|| zeros(rank, output), |(_, b)| tall(b)));
    Some((Tensor::stack(downs.collect(), 0), Tensor::stack(ups.collect(), 0)))
}

/// Adds each branch's low-rank terms to its own rows.
pub struct LowRank<'a>(pub &'a Stacked);

impl Tap for LowRank<'_> {
    fn project(&mut self, site: Site, which: Projection, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let Some((a, b)) = self.0.factors.get(&(site, which)) else { return output };
        let ([rows, tokens, width], [.., channels]) = (input.dims(), output.dims());
        let per_branch = input.clone().reshape([self.0.branches, rows / self.0.branches * tokens, width]);
        output + per_branch.matmul(a.clone()).matmul(b.clone()).reshape([rows, tokens, channels])
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

/// Records head-averaged attention probabilities of the conditional half at a few sites.
pub struct Record {
    /// Where.
    pub sites: Vec<Site>,
    /// Branches in the batch.
    pub branches: usize,
    /// Pictures in the batch.
    pub pictures: usize,
    /// 2 with an unconditional half before the conditional one, else 1.
    pub halves: usize,
    /// `[branches, pictures, queries, keys]` by site.
    pub maps: HashMap<Site, Tensor<4>>,
}

impl Record {
    /// Nothing recorded yet.
    pub fn new(sites: Vec<Site>, branches: usize, pictures: usize, halves: usize) -> Self {
        Self { sites, branches, pictures, halves, maps: HashMap::new() }
    }
}

impl Tap for Record {
    fn wants_probs(&self, site: Site) -> bool {
        self.sites.contains(&site)
    }

    fn probs(&mut self, site: Site, probs: &Tensor<4>) {
        let [_, _, queries, keys] = probs.dims();
        let mean = probs.clone().mean_dim(1).reshape([self.branches, self.halves, self.pictures * queries, keys]);
        let conditional = mean.narrow(1, self.halves - 1, 1);
        self.maps.insert(site, conditional.reshape([self.branches, self.pictures, queries, keys]));
    }
}
