//! LoHa: `ΔW = alpha / rank · (w1_a · w1_b) ⊙ (w2_a · w2_b)`, and with cores its convolutions.
//!
//! An elementwise product of matrices of ranks p and q is one of rank p q, whose factors are the products of all pairs of
//! columns and of all pairs of rows. Where that is less than half the numbers that the matrix has it is taken so: up to
//! about a quarter of the layer's width, and then it costs a pass less than the matrix would. Beyond that the factors stay
//! as they are, and each pass multiplies them out: at rank 32 that is 64 products a weight, where the layer itself takes one
//! for every pixel or word.

use super::change::{Array, Change, Held, Kind};
use super::group::{Budget, Built, Group};
use super::leaves::Leaf;
use super::modules::Op;
use super::peft::Scaling;
use crate::engine::error::Result;

/// One of the two products.
struct Half {
    /// `[out, rank]`, whatever the file has.
    up: Vec<f32>,
    output: usize,
    /// `[rank, columns]`
    down: Vec<f32>,
    columns: usize,
    rank: usize,
    /// `[rank, rank, kernel, kernel]`
    core: Option<Array>,
}

/// The change of one layer.
///
/// # Errors
/// When a factor is missing or they do not fit each other.
pub fn build(group: &Group<'_>, scaling: &Scaling, budget: &mut Budget) -> Result<Built> {
    let first = half(group, [Leaf::HadaW1A, Leaf::HadaW1B, Leaf::HadaT1], ["hada_w1_a", "hada_w1_b", "hada_t1"])?;
    let second = half(group, [Leaf::HadaW2A, Leaf::HadaW2B, Leaf::HadaT2], ["hada_w2_a", "hada_w2_b", "hada_t2"])?;
    let (output, columns) = (first.output, first.columns);
    if (output, columns) != (second.output, second.columns) || first.core.is_some() != second.core.is_some() {
        return Err(group.malformed(format!(
            "has two products, one of {output} x {columns} and one of {} x {}; they must be alike",
            second.output, second.columns
        )));
    }
    let rank = first.rank.saturating_mul(second.rank);
    let scale = group.scale(first.rank, scaling)?;
    let trained = first.rank;
    let change = if pairs(rank, output, columns, cells(group, first.core.is_some())).is_some() {
        let up_shape = vec![output, rank];
        budget.take(group, &up_shape, rank * output)?;
        let up = Array { values: pairs_in_rows(&first.up, &second.up, first.rank, second.rank), shape: up_shape };
        let down_shape = match &first.core {
            Some(_) => vec![rank, columns, 1, 1],
            None => group.unfolded("hada_w1_b", rank, columns)?,
        };
        budget.take(group, &down_shape, rank * columns)?;
        let down = Array { values: pairs_of_rows(&first.down, &second.down, columns), shape: down_shape };
        let mid = match (first.core, second.core) {
            (Some(one), Some(two)) => Some(pairs_of_cores(group, budget, &one, &two)?),
            _ => None,
        };
        Change::LowRank { down, mid, up, scale: scale.factor }
    } else {
        let mut arrays = |half: Half| -> Result<(Array, Array)> {
            let Half { up, down, rank, columns, .. } = spread(group, budget, half)?;
            let up = Array { values: up, shape: vec![output, rank] };
            Ok((up, Array { values: down, shape: group.unfolded("hada_w1_b", rank, columns)? }))
        };
        let ((up, down), (up2, down2)) = (arrays(first)?, arrays(second)?);
        Change::Hadamard { up: [up, up2], down: [down, down2], scale: scale.factor }
    };
    Ok(Built { change, kind: Kind::LoHa, rank: Some(trained), alpha: scale.alpha })
}

/// The pixels of the kernel where the halves have a core over it.
fn cells(group: &Group<'_>, cored: bool) -> Option<usize> {
    cored.then(|| group.kernel() * group.kernel())
}

/// How many numbers all pairs of columns and rows are, `rank` of them, and of their cores over `cells` pixels; none where
/// the matrix has less than twice as many.
fn pairs(rank: usize, output: usize, columns: usize, cells: Option<usize>) -> Option<usize> {
    let core = cells.map_or(0, |cells| rank.saturating_mul(rank).saturating_mul(cells));
    let whole = output.saturating_mul(columns).saturating_mul(cells.unwrap_or(1));
    let factors = rank.saturating_mul(output.saturating_add(columns)).saturating_add(core);
    (factors < whole / 2).then_some(factors)
}

/// What [`build`] would make, from shapes alone.
pub fn held(group: &Group<'_>) -> Held {
    let sizes = |a: Leaf, b: Leaf, core: Leaf| {
        let [a, b] = [group.get(a)?.matrix()?, group.get(b)?.matrix()?];
        // Output, rank, columns.
        Some(if group.get(core).is_some() { [a[1], a[0], b[1]] } else { [a[0], a[1], b[1]] })
    };
    let halves = [sizes(Leaf::HadaW1A, Leaf::HadaW1B, Leaf::HadaT1), sizes(Leaf::HadaW2A, Leaf::HadaW2B, Leaf::HadaT2)];
    let [Some([output, rank, columns]), Some([_, rank2, _])] = halves else { return Held::default() };
    let cells = cells(group, group.get(Leaf::HadaT1).is_some());
    if let Some(numbers) = pairs(rank.saturating_mul(rank2), output, columns, cells) {
        return Held::of(numbers, 0);
    }
    let columns = columns.saturating_mul(cells.unwrap_or(1));
    let factors = rank.saturating_add(rank2).saturating_mul(output.saturating_add(columns));
    Held::of(factors, output.saturating_mul(columns))
}

fn half(group: &Group<'_>, leaves: [Leaf; 3], names: [&str; 3]) -> Result<Half> {
    let (a, a_sizes) = group.need_matrix(leaves[0], names[0])?;
    let (b, [rank, columns]) = group.need_matrix(leaves[1], names[1])?;
    let core = group.get(leaves[2]);
    // Beside a core the first factor lies the other way round.
    let [output, other] = if core.is_some() { [a_sizes[1], a_sizes[0]] } else { a_sizes };
    if other != rank {
        return Err(group.malformed(format!(
            "has {} and {} of shapes {:?} and {:?}, whose ranks differ",
            names[0], names[1], a.shape, b.shape
        )));
    }
    let core = core.map(|core| group.core(core, names[2], [rank, rank])).transpose()?;
    let up = a.read()?;
    let up = if core.is_some() { transposed(&up, output) } else { up };
    Ok(Half { up, output, down: b.read()?, columns, rank, core })
}

/// `[rows, columns]` to `[columns, rows]`.
pub fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

/// Of each row all products of a number of the first and one of the second: `[n, p]` and `[n, q]` to `[n, p q]`.
fn pairs_in_rows(first: &[f32], second: &[f32], p: usize, q: usize) -> Vec<f32> {
    let rows = first.chunks_exact(p).zip(second.chunks_exact(q));
    rows.flat_map(|(one, two)| one.iter().flat_map(move |a| two.iter().map(move |b| a * b))).collect()
}

/// All products of a row of the first and one of the second: `[p, n]` and `[q, n]` to `[p q, n]`.
fn pairs_of_rows(first: &[f32], second: &[f32], n: usize) -> Vec<f32> {
    let rows = first.chunks_exact(n).flat_map(|one| second.chunks_exact(n).map(move |two| (one, two)));
    rows.flat_map(|(one, two)| one.iter().zip(two).map(|(a, b)| a * b)).collect()
}

/// `[p, p, k, k]` and `[q, q, k, k]` to `[p q, p q, k, k]`.
fn pairs_of_cores(group: &Group<'_>, budget: &mut Budget, first: &Array, second: &Array) -> Result<Array> {
    let (p, q, kernel) = (first.shape[0], second.shape[0], group.kernel());
    let shape = vec![p * q, p * q, kernel, kernel];
    budget.take(group, &shape, 0)?;
    let cells = kernel * kernel;
    let cell = |core: &Array, rank: usize, i: usize, j: usize, k: usize| core.values[(i * rank + j) * cells + k];
    let mut values = Vec::with_capacity(p * q * p * q * cells);
    for (i1, i2) in (0..p).flat_map(|i1| (0..q).map(move |i2| (i1, i2))) {
        for (j1, j2) in (0..p).flat_map(|j1| (0..q).map(move |j2| (j1, j2))) {
            values.extend((0..cells).map(|k| cell(first, p, i1, j1, k) * cell(second, q, i2, j2, k)));
        }
    }
    Ok(Array { values, shape })
}

/// The same product without a core: the core's and the second factor's product is a factor over the kernel's pixels.
fn spread(group: &Group<'_>, budget: &mut Budget, half: Half) -> Result<Half> {
    let (Some(core), Op::Conv(kernel)) = (&half.core, group.op) else { return Ok(half) };
    let (rank, inputs, cells) = (half.rank, half.columns, kernel * kernel);
    let columns = inputs.saturating_mul(cells);
    budget.take(group, &[rank, columns], rank.saturating_mul(rank).saturating_mul(columns))?;
    let down = tucker_rows(&core.values, &half.down, rank, inputs, cells);
    Ok(Half { down, columns, core: None, ..half })
}

/// `Σ_j core[i, j, k] · down[j, n]` as `[i, n, k]`, of a core `[p, rank, cells]` and factors `[rank, inputs]`.
pub fn tucker_rows(core: &[f32], down: &[f32], rank: usize, inputs: usize, cells: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(core.len() / rank.max(1) * inputs);
    for slice in core.chunks_exact(rank * cells) {
        let mut row = vec![0.0; inputs * cells];
        for (taps, factors) in slice.chunks_exact(cells).zip(down.chunks_exact(inputs)) {
            for (sums, factor) in row.chunks_exact_mut(cells).zip(factors) {
                sums.iter_mut().zip(taps).for_each(|(sum, tap)| *sum += tap * factor);
            }
        }
        values.extend(row);
    }
    values
}
