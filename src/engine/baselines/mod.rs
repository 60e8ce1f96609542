//! Methods that Concept Conductor is compared with, on the same files, noise and masks. Each is one pass for all concepts, and
//! one tap.
//!
//! | file              | what                                                                             |
//! |-------------------|----------------------------------------------------------------------------------|
//! | `mod.rs`          | which there are, and the tap of each                                             |
//! | `masked.rs`       | what each file adds, masked: FreeFuse (arXiv 2510.23515)                         |
//! | `found.rs`        | the masks that FreeFuse finds itself; `engine/seek.rs` takes the look at a picture |
//! | `regional.rs`     | cross-attention to a box's own prompt: Mix-of-Show's (arXiv 2305.18292) sampling |
//! | `fuse.rs`         | several files fused into one model by their gradients: Mix-of-Show's             |
//! | `gather.rs`       | what layers see and shall give, for that                                         |
//! | `lbfgs.rs`        | least squares as torch's L-BFGS finds them, for that                             |
//! | `merge.rs`        | keys and values merged in closed form: Custom Diffusion's (arXiv 2212.04488)     |
//! | `captions.rs`     | on what they shall stay as they are, for that                                    |
//! | `solve.rs`        | the least change that does what is wanted, for that                              |
//! | `residual.rs`     | words alone, and attention led by boxes: Cones 2's (arXiv 2305.19327)            |

pub mod captions;
pub mod found;
pub mod fuse;
mod gather;
pub mod lbfgs;
pub mod masked;
pub mod merge;
pub mod regional;
pub mod residual;
pub mod solve;

use burn::tensor::{Device, Tensor};

use self::masked::{Masked, MaskedTap};
use self::regional::{Regional, RegionalTap};
use self::residual::{Guided, GuidedTap};
use super::nets::layers::{Conv2d, Linear};
use super::nets::tap::{Layer, Mixed, Site, Tap};
use super::refine::SubjectMasks;

/// How one pass treats several concepts.
#[derive(Clone, Debug)]
pub enum Way {
    /// What each file adds is masked.
    Masked(Masked),
    /// Each box has a prompt of its own.
    Regional(Regional),
    /// Each concept's tokens are heeded in its box.
    Guided(Guided),
    /// As it comes: what there is of the method is in the model and the prompt.
    Plain,
}

/// A method with one pass, and whose each subject is.
#[derive(Clone, Debug)]
pub struct OnePass {
    /// The method.
    pub way: Way,
    /// For each subject its concept, counted among those that have one.
    pub owners: Vec<usize>,
}

impl OnePass {
    /// The method's tap where the masks (`[picture][subject]`) are so.
    pub fn tap<'a>(&'a self, masks: &[Vec<SubjectMasks>], device: &Device) -> OnePassTap<'a> {
        match &self.way {
            Way::Masked(masked) => OnePassTap::Masked(masked.tap(&self.owners, masks, device)),
            Way::Regional(regional) => OnePassTap::Regional(regional.tap(&self.owners, masks, device)),
            Way::Guided(guided) => OnePassTap::Guided(guided.tap(&self.owners, masks, device)),
            Way::Plain => OnePassTap::Plain,
        }
    }

    /// How often each step is made, with fresh noise in between.
    pub fn rounds(&self) -> usize {
        if matches!(self.way, Way::Guided(_)) { residual::ROUNDS } else { 1 }
    }

    /// How many prompts stand side by side.
    pub fn prompts(&self) -> usize {
        match &self.way {
            Way::Regional(regional) => regional.regions + 1,
            Way::Masked(_) | Way::Guided(_) | Way::Plain => 1,
        }
    }

    /// Numbers held.
    pub fn numbers(&self) -> usize {
        match &self.way {
            Way::Masked(masked) => masked.concepts.iter().map(|concept| concept.adapter.len()).sum(),
            Way::Regional(_) | Way::Guided(_) | Way::Plain => 0,
        }
    }
}

/// What a method does to the UNet.
pub enum OnePassTap<'a> {
    /// See [`Masked`].
    Masked(MaskedTap<'a>),
    /// See [`Regional`].
    Regional(RegionalTap),
    /// See [`Guided`].
    Guided(GuidedTap),
    /// Nothing.
    Plain,
}

impl OnePassTap<'_> {
    /// A step begins that has so much more noise than signal (σ²).
    pub fn begin(&mut self, noise: f64) {
        if let Self::Guided(guided) = self {
            guided.begin(noise);
        }
    }
}

impl Tap for &OnePassTap<'_> {
    fn linear(&mut self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        match self {
            OnePassTap::Masked(masked) => masked.linear(layer, of, input, output),
            _ => output,
        }
    }

    fn conv(&mut self, layer: Layer, of: &Conv2d, input: &Tensor<4>, output: Tensor<4>) -> Tensor<4> {
        match self {
            OnePassTap::Masked(masked) => masked.conv(layer, of, input, output),
            _ => output,
        }
    }

    fn wants_logits(&self, site: Site) -> bool {
        match self {
            OnePassTap::Masked(masked) => masked.wants_logits(site),
            OnePassTap::Guided(guided) => guided.wants_logits(site),
            OnePassTap::Regional(_) | OnePassTap::Plain => false,
        }
    }

    fn logits(&mut self, site: Site, logits: Tensor<4>) -> Tensor<4> {
        match self {
            OnePassTap::Masked(masked) => masked.logits(site, logits),
            OnePassTap::Guided(guided) => guided.logits(site, logits),
            OnePassTap::Regional(_) | OnePassTap::Plain => logits,
        }
    }

    fn mix(&mut self, site: Site, heads: usize, of: &Mixed) -> Option<Tensor<3>> {
        match self {
            OnePassTap::Regional(regional) => regional.mix(site, heads, of),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
