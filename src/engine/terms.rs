//! What an adapter adds to a layer's output, on the device: one kind of term for each kind of change, its strength
//! multiplied in. Weights are never changed, so that every branch of a batch can have terms of its own.

use burn::tensor::{Device, Tensor};

use super::adapters::Change;
use super::adapters::change::Array;
use super::kernels;
use super::nets::layers::{Conv2d, Linear, Sizes, convolve, upload};
use super::pictures::host;

/// What is added to a linear layer's output.
#[derive(Clone, Debug)]
pub enum LinearTerm {
    /// `x A B`: `A` `[in, rank]`, `B` `[rank, out]`.
    LowRank(Tensor<2>, Tensor<2>),
    /// Kronecker's product, turned: `[b, a]` and `[d, c]` for in = b · d and out = a · c.
    Kronecker(Tensor<2>, Tensor<2>),
    /// `(x ⊙ w) W`: `w` `[in]`.
    ScaledInput(Tensor<1>),
    /// `(x W) ⊙ w`: `w` `[out]`.
    ScaledOutput(Tensor<1>),
    /// `x ((A B) ⊙ (A' B'))`: `A`, `A'` `[in, rank]`, `B`, `B'` `[rank, out]`, in the order A, B, A', B'.
    Hadamard(Box<[Tensor<2>; 4]>),
    /// `x D`: a whole difference `[in, out]`. No file holds one; what several files were fused into is one.
    Whole(Tensor<2>),
}

/// What is added to a convolution's output.
#[derive(Clone, Debug)]
pub enum ConvTerm {
    /// A convolution down to the rank on the layer's own grid, `[rank, in, k, k]`, and one up from it, `[out, rank, 1, 1]`.
    LowRank(Tensor<4>, Tensor<4>),
    /// Tucker's form: down `[rank, in, 1, 1]`, the core `[rank, rank, k, k]` on the layer's grid, up `[out, rank, 1, 1]`.
    Tucker(Box<[Tensor<4>; 3]>),
    /// Kronecker's product of `[a, b]` and `[c, d, k, k]`.
    Kronecker(Tensor<2>, Tensor<4>),
    /// Scaled channels in: `[in]`.
    ScaledInput(Tensor<1>),
    /// Scaled channels out: `[out]`.
    ScaledOutput(Tensor<1>),
    /// Another kernel, the product of two, multiplied out in every pass.
    Hadamard(Box<Kernel>),
}

/// A kernel `(B A) ⊙ (B' A')` of a convolution.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// `B`, `B'` `[out, rank]`; `A`, `A'` `[rank, in · k · k]`, in the order B, A, B', A'.
    factors: [Tensor<2>; 4],
    /// `[out, in, k, k]`
    shape: [usize; 4],
}

impl Kernel {
    fn multiplied_out(&self) -> Tensor<4> {
        hadamard(&self.factors).reshape(self.shape)
    }
}

/// `(A B) ⊙ (A' B')`. It is let go of after its layer: kept, those of a LoHa of all layers are as large as the UNet.
fn hadamard([a, b, a2, b2]: &[Tensor<2>; 4]) -> Tensor<2> {
    kernels::linear(a.clone(), b.clone(), None) * kernels::linear(a2.clone(), b2.clone(), None)
}

/// Why a change does not belong to a layer, as the rest of a sentence that begins with its module.
type Misfit = String;

impl LinearTerm {
    /// A change of a linear layer at a strength.
    ///
    /// # Errors
    /// When it is not as wide as the layer.
    pub fn new(change: &Change, strength: f32, sizes: Sizes, device: &Device) -> Result<Self, Misfit> {
        check(change, sizes)?;
        let turned = |array: &Array, factor: f32| -> Result<Tensor<2>, Misfit> {
            let [rows, columns] = matrix(array)?;
            Ok(upload(transposed(&array.values, rows, columns, factor), [columns, rows], device))
        };
        Ok(match change {
            // `check` has seen that a linear layer's has no core.
            Change::LowRank { down, up, scale, .. } => Self::LowRank(turned(down, 1.0)?, turned(up, strength * scale)?),
            Change::Kronecker { left, right, scale } => {
                Self::Kronecker(turned(left, strength * scale)?, turned(right, 1.0)?)
            }
            Change::Scaled { weight, on_input } => {
                let weight = scaled(weight, strength, device);
                if *on_input { Self::ScaledInput(weight) } else { Self::ScaledOutput(weight) }
            }
            Change::Hadamard { up: [up, up2], down: [down, down2], scale } => Self::Hadamard(Box::new([
                turned(down, 1.0)?,
                turned(up, strength * scale)?,
                turned(down2, 1.0)?,
                turned(up2, 1.0)?,
            ])),
        })
    }

    /// What it adds to the output of `layer`, of which `plain` is the output without any term.
    ///
    /// # Shapes
    /// `input` `[rows, tokens, in]`; `plain` and what is returned `[rows, tokens, out]`.
    pub fn of(&self, layer: &Linear, input: &Tensor<3>, plain: &Tensor<3>) -> Tensor<3> {
        match self {
            Self::LowRank(a, b) => kernels::linear(kernels::linear(input.clone(), a.clone(), None), b.clone(), None),
            Self::Kronecker(left, right) => {
                let ([rows, tokens, _], [b, a], [d, c]) = (input.dims(), left.dims(), right.dims());
                let n = rows * tokens;
                let right = kernels::linear(input.clone().reshape([n * b, d]), right.clone(), None);
                let columns = right.reshape([n, b, c]).swap_dims(1, 2).reshape([n * c, b]);
                let both = kernels::linear(columns, left.clone(), None);
                both.reshape([n, c, a]).swap_dims(1, 2).reshape([rows, tokens, a * c])
            }
            Self::ScaledInput(weight) => layer.product(input.clone() * weight.clone().unsqueeze::<3>()),
            Self::ScaledOutput(weight) => {
                let bare = match layer.bias() {
                    Some(bias) => plain.clone() - bias.clone().unsqueeze::<3>(),
                    None => plain.clone(),
                };
                bare * weight.clone().unsqueeze::<3>()
            }
            Self::Hadamard(factors) => kernels::linear(input.clone(), hadamard(factors), None),
            Self::Whole(difference) => kernels::linear(input.clone(), difference.clone(), None),
        }
    }

    /// Adds its kind and all its numbers to a hash.
    pub fn add_to(&self, hasher: &mut blake3::Hasher) {
        let (kind, matrices, vector): (u8, Vec<&Tensor<2>>, Option<&Tensor<1>>) = match self {
            Self::LowRank(a, b) => (0, vec![a, b], None),
            Self::Kronecker(a, b) => (1, vec![a, b], None),
            Self::ScaledInput(weight) => (2, Vec::new(), Some(weight)),
            Self::ScaledOutput(weight) => (3, Vec::new(), Some(weight)),
            Self::Hadamard(factors) => (4, factors.iter().collect(), None),
            Self::Whole(difference) => (5, vec![difference], None),
        };
        hasher.update(&[kind]);
        matrices.into_iter().for_each(|matrix| hash(matrix, hasher));
        vector.into_iter().for_each(|vector| hash(vector, hasher));
    }

    /// This and another term of the same layer in one, where that is possible: two low-rank terms are one of both ranks.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let (Self::LowRank(a, b), Self::LowRank(a2, b2)) = (self, other) else { return None };
        let join = |one: &Tensor<2>, two: &Tensor<2>, dim| Tensor::cat(vec![one.clone(), two.clone()], dim);
        Some(Self::LowRank(join(a, a2, 1), join(b, b2, 0)))
    }

    /// Numbers held.
    pub fn numbers(&self) -> usize {
        match self {
            Self::LowRank(a, b) | Self::Kronecker(a, b) => a.shape().num_elements() + b.shape().num_elements(),
            Self::ScaledInput(weight) | Self::ScaledOutput(weight) => weight.shape().num_elements(),
            Self::Hadamard(factors) => factors.iter().map(|factor| factor.shape().num_elements()).sum(),
            Self::Whole(difference) => difference.shape().num_elements(),
        }
    }
}

/// Adds a tensor's shape and numbers to a hash.
fn hash<const D: usize>(tensor: &Tensor<D>, hasher: &mut blake3::Hasher) {
    for size in tensor.dims() {
        hasher.update(&(size as u64).to_le_bytes());
    }
    let bytes: Vec<u8> = host(tensor.clone()).into_iter().flat_map(f32::to_le_bytes).collect();
    hasher.update(&bytes);
}

impl ConvTerm {
    /// A change of a convolution at a strength.
    ///
    /// # Errors
    /// When its channels or its kernel are not the layer's.
    pub fn new(change: &Change, strength: f32, sizes: Sizes, device: &Device) -> Result<Self, Misfit> {
        check(change, sizes)?;
        let put = |array: &Array, factor: f32| -> Result<Tensor<4>, Misfit> {
            Ok(upload(array.values.iter().map(|value| value * factor).collect(), cube(array)?, device))
        };
        Ok(match change {
            Change::LowRank { down, mid: None, up, scale } => {
                Self::LowRank(put(down, 1.0)?, put(up, strength * scale)?)
            }
            Change::LowRank { down, mid: Some(mid), up, scale } => {
                Self::Tucker(Box::new([put(down, 1.0)?, put(mid, 1.0)?, put(up, strength * scale)?]))
            }
            Change::Kronecker { left, right, scale } => {
                let shape = matrix(left)?;
                let values = left.values.iter().map(|value| value * strength * scale).collect();
                Self::Kronecker(upload(values, shape, device), put(right, 1.0)?)
            }
            Change::Scaled { weight, on_input } => {
                let weight = scaled(weight, strength, device);
                if *on_input { Self::ScaledInput(weight) } else { Self::ScaledOutput(weight) }
            }
            Change::Hadamard { up: [up, up2], down: [down, down2], scale } => {
                let ([output, ..], [_, input, height, width]) = (cube(up)?, cube(down)?);
                let flat = |array: &Array, factor: f32| -> Result<Tensor<2>, Misfit> {
                    let [rows, rest @ ..] = cube(array)?;
                    Ok(put(array, factor)?.reshape([rows, rest.iter().product()]))
                };
                Self::Hadamard(Box::new(Kernel {
                    factors: [flat(up, strength * scale)?, flat(down, 1.0)?, flat(up2, 1.0)?, flat(down2, 1.0)?],
                    shape: [output, input, height, width],
                }))
            }
        })
    }

    /// What it adds to the output of `layer`, of which `plain` is the output without any term.
    ///
    /// # Shapes
    /// `input` `[rows, in, h, w]`; `plain` and what is returned `[rows, out, h', w']`.
    pub fn of(&self, layer: &Conv2d, input: &Tensor<4>, plain: &Tensor<4>) -> Tensor<4> {
        let along_channels = |weight: &Tensor<1>| {
            let [channels] = weight.dims();
            weight.clone().reshape([1, channels, 1, 1])
        };
        match self {
            Self::LowRank(down, up) => convolve(layer.slide(input.clone(), down.clone()), up.clone(), 1, 0),
            Self::Tucker(factors) => {
                let [down, core, up] = factors.as_ref();
                let low = layer.slide(convolve(input.clone(), down.clone(), 1, 0), core.clone());
                convolve(low, up.clone(), 1, 0)
            }
            Self::Kronecker(left, right) => {
                let ([rows, _, height, width], [a, b], [c, d, ..]) = (input.dims(), left.dims(), right.dims());
                let each = layer.slide(input.clone().reshape([rows * b, d, height, width]), right.clone());
                let [.., height, width] = each.dims();
                // Rows of `left` mix the b groups of channels: a 1x1 convolution in which every channel of a group, and
                // every cell, is a cell.
                let groups = each.reshape([rows, b, c * height, width]);
                let mixed = convolve(groups, left.clone().reshape([a, b, 1, 1]), 1, 0);
                mixed.reshape([rows, a * c, height, width])
            }
            Self::ScaledInput(weight) => layer.product(input.clone() * along_channels(weight)),
            Self::ScaledOutput(weight) => (plain.clone() - along_channels(layer.bias())) * along_channels(weight),
            Self::Hadamard(kernel) => layer.slide(input.clone(), kernel.multiplied_out()),
        }
    }

    /// Adds its kind and all its numbers to a hash.
    pub fn add_to(&self, hasher: &mut blake3::Hasher) {
        let mut add = |kind: u8, tensors: &[&Tensor<4>]| {
            hasher.update(&[kind]);
            tensors.iter().for_each(|tensor| hash(tensor, hasher));
        };
        match self {
            Self::LowRank(down, up) => add(0, &[down, up]),
            Self::Tucker(factors) => add(1, &factors.iter().collect::<Vec<_>>()),
            Self::Kronecker(left, right) => {
                add(2, &[right]);
                hash(left, hasher);
            }
            Self::ScaledInput(weight) => {
                add(3, &[]);
                hash(weight, hasher);
            }
            Self::ScaledOutput(weight) => {
                add(4, &[]);
                hash(weight, hasher);
            }
            Self::Hadamard(kernel) => {
                add(5, &[]);
                kernel.factors.iter().for_each(|factor| hash(factor, hasher));
            }
        }
    }

    /// This and another term of the same layer in one, where that is possible.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let (Self::LowRank(down, up), Self::LowRank(down2, up2)) = (self, other) else { return None };
        let join = |one: &Tensor<4>, two: &Tensor<4>, dim| Tensor::cat(vec![one.clone(), two.clone()], dim);
        Some(Self::LowRank(join(down, down2, 0), join(up, up2, 1)))
    }

    /// Numbers held.
    pub fn numbers(&self) -> usize {
        let count = |tensor: &Tensor<4>| tensor.shape().num_elements();
        match self {
            Self::LowRank(down, up) => count(down) + count(up),
            Self::Tucker(factors) => factors.iter().map(count).sum(),
            Self::Kronecker(left, right) => left.shape().num_elements() + count(right),
            Self::ScaledInput(weight) | Self::ScaledOutput(weight) => weight.shape().num_elements(),
            Self::Hadamard(kernel) => kernel.factors.iter().map(|factor| factor.shape().num_elements()).sum(),
        }
    }
}

fn scaled(weight: &[f32], strength: f32, device: &Device) -> Tensor<1> {
    upload(weight.iter().map(|value| value * strength).collect(), [weight.len()], device)
}

/// Rows that are turned together: so many lines of the one and of the other stay in a first-level cache.
const TURNED: usize = 16;

/// `[rows, columns]` times a factor to `[columns, rows]`.
fn transposed(values: &[f32], rows: usize, columns: usize, factor: f32) -> Vec<f32> {
    // As large as it will be from the start: one that grows while it is filled may keep twice the room.
    let mut turned = vec![0.0; rows * columns];
    for first in (0..rows).step_by(TURNED) {
        let last = rows.min(first + TURNED);
        for (column, turned) in turned.chunks_exact_mut(rows).enumerate() {
            for (row, turned) in (first..last).zip(&mut turned[first..last]) {
                *turned = values[row * columns + column] * factor;
            }
        }
    }
    turned
}

/// Four sizes, of which a matrix has two; as many numbers as they say.
fn cube(array: &Array) -> Result<[usize; 4], Misfit> {
    let shape = match *array.shape.as_slice() {
        [rows, columns] => [rows, columns, 1, 1],
        [rows, columns, height, width] => [rows, columns, height, width],
        _ => return Err(format!("has a factor of shape {:?}, where 2 or 4 sizes are needed", array.shape)),
    };
    let numbers = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    if numbers != Some(array.values.len()) || array.values.is_empty() {
        return Err(format!("has a factor of shape {:?} with {} numbers", array.shape, array.values.len()));
    }
    Ok(shape)
}

/// Two sizes: a 1x1 convolution's factor carries two trailing ones.
fn matrix(array: &Array) -> Result<[usize; 2], Misfit> {
    match cube(array)? {
        [rows, columns, 1, 1] => Ok([rows, columns]),
        _ => Err(format!("has a factor of shape {:?}, where a matrix is needed", array.shape)),
    }
}

/// Checks that a change maps as many channels to as many as a layer does, with its kernel, and that its factors fit
/// together.
///
/// # Errors
/// What is wrong, as the rest of a sentence that begins with the layer's module.
pub fn check(change: &Change, sizes: Sizes) -> Result<(), Misfit> {
    let kernel = |array: &Array, side: usize| -> Result<[usize; 2], Misfit> {
        let [rows, columns, height, width] = cube(array)?;
        if [height, width] == [side, side] {
            return Ok([rows, columns]);
        }
        Err(format!("has a kernel of {height} x {width}, where {side} x {side} is needed"))
    };
    let side = sizes.kernel.unwrap_or(1);
    let (input, output) = match change {
        Change::LowRank { mid: Some(_), .. } if sizes.kernel.is_none() => {
            return Err("has the core of a convolution, and the model's is a linear layer".into());
        }
        Change::LowRank { down, mid, up, .. } => {
            let [output, up_rank] = kernel(up, 1)?;
            let [rank, input] = kernel(down, if mid.is_some() { 1 } else { side })?;
            let core = match mid {
                Some(mid) => kernel(mid, side)?,
                None => [rank, rank],
            };
            if rank != up_rank || core != [rank, rank] {
                return Err(format!("has factors of ranks {rank} and {up_rank}, which must be equal"));
            }
            (input, output)
        }
        Change::Kronecker { left, right, .. } => {
            let ([a, b], [c, d]) = (kernel(left, 1)?, kernel(right, side)?);
            (b * d, a * c)
        }
        Change::Scaled { weight, on_input: true } => (weight.len(), sizes.output),
        Change::Scaled { weight, on_input: false } => (sizes.input, weight.len()),
        Change::Hadamard { up, down, .. } => {
            let [[output, rank], [output2, rank2]] = [kernel(&up[0], 1)?, kernel(&up[1], 1)?];
            let [[down_rank, input], [down_rank2, input2]] = [kernel(&down[0], side)?, kernel(&down[1], side)?];
            if (output, input) != (output2, input2) || [rank, rank2] != [down_rank, down_rank2] {
                return Err("has two products whose factors do not fit each other".into());
            }
            (input, output)
        }
    };
    if (input, output) == (sizes.input, sizes.output) {
        return Ok(());
    }
    Err(format!(
        "maps {input} to {output} channels, the model's maps {} to {}; it was trained on another model",
        sizes.input, sizes.output
    ))
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
