//! LoKr: `ΔW = alpha / rank · (w1 ⊗ w2)`, Kronecker's product of two small matrices, each whole or split in two.

use super::change::{Array, Change, Kind};
use super::group::{Budget, Built, Group};
use super::leaves::Leaf;
use super::loha::{transposed, tucker_rows};
use super::modules::Op;
use super::peft::{Scale, Scaling};
use crate::engine::error::Result;

/// The change of one layer.
///
/// # Errors
/// When a factor is missing or they do not fit each other.
pub fn build(group: &Group<'_>, scaling: &Scaling, budget: &mut Budget) -> Result<Built> {
    let (left, left_rank) = left(group, budget)?;
    let (right, right_rank) = right(group, budget)?;
    let rank = right_rank.or(left_rank);
    // Where neither is split, the trainers take no notice of alpha.
    let scale = match rank {
        Some(rank) => group.scale(rank, scaling)?,
        None => Scale { factor: 1.0, alpha: None },
    };
    let change = Change::Kronecker { left, right, scale: scale.factor };
    Ok(Built { change, kind: Kind::LoKr, rank, alpha: scale.alpha })
}

/// `[a, b]`, and its rank where it is split.
fn left(group: &Group<'_>, budget: &mut Budget) -> Result<(Array, Option<usize>)> {
    if group.get(Leaf::LokrW1).is_some() {
        one_of(group, &[Leaf::LokrW1A, Leaf::LokrW1B], "lokr_w1")?;
        let (whole, sizes) = group.need_matrix(Leaf::LokrW1, "lokr_w1")?;
        return Ok((Array { values: whole.read()?, shape: sizes.into() }, None));
    }
    let (values, shape, rank) = split(group, budget, [Leaf::LokrW1A, Leaf::LokrW1B], ["lokr_w1_a", "lokr_w1_b"])?;
    Ok((Array { values, shape }, Some(rank)))
}

/// `[c, d]`, or of a convolution `[c, d, kernel, kernel]`, and its rank where it is split.
fn right(group: &Group<'_>, budget: &mut Budget) -> Result<(Array, Option<usize>)> {
    let kernel = group.kernel();
    if let Some(whole) = group.get(Leaf::LokrW2) {
        one_of(group, &[Leaf::LokrW2A, Leaf::LokrW2B, Leaf::LokrT2], "lokr_w2")?;
        let shape = match *whole.shape {
            [rows, columns] | [rows, columns, 1, 1] if group.op == Op::Linear => vec![rows, columns],
            [rows, columns] if kernel == 1 => vec![rows, columns, 1, 1],
            [rows, columns, height, width] if [height, width] == [kernel; 2] => vec![rows, columns, height, width],
            _ => return Err(group.malformed(format!("has lokr_w2 of shape {:?}, no fit for its kernel", whole.shape))),
        };
        if shape.contains(&0) {
            return Err(group.malformed(format!("has an empty lokr_w2 of shape {shape:?}")));
        }
        return Ok((Array { values: whole.read()?, shape }, None));
    }
    let names = ["lokr_w2_a", "lokr_w2_b"];
    let Some(core) = group.get(Leaf::LokrT2) else {
        let (values, shape, rank) = split(group, budget, [Leaf::LokrW2A, Leaf::LokrW2B], names)?;
        let shape = group.unfolded(names[1], shape[0], shape[1])?;
        return Ok((Array { values, shape }, Some(rank)));
    };
    let (a, [rank, rows]) = group.need_matrix(Leaf::LokrW2A, names[0])?;
    let (b, [b_rank, columns]) = group.need_matrix(Leaf::LokrW2B, names[1])?;
    let core = group.core(core, "lokr_t2", [rank, b_rank])?;
    let shape = vec![rows, columns, kernel, kernel];
    let inner = columns * kernel * kernel;
    budget.take(group, &[rank, inner], rank.saturating_mul(b_rank).saturating_mul(inner))?;
    budget.take(group, &shape, rows.saturating_mul(rank).saturating_mul(inner))?;
    let spread = tucker_rows(&core.values, &b.read()?, b_rank, columns, kernel * kernel);
    let values = product(&transposed(&a.read()?, rows), &spread, rank, inner);
    Ok((Array { values, shape }, Some(b_rank)))
}

/// Refuses a factor that is there whole and in pieces.
fn one_of(group: &Group<'_>, pieces: &[Leaf], name: &str) -> Result<()> {
    if pieces.iter().any(|piece| group.get(*piece).is_some()) {
        return Err(group.malformed(format!("has {name} both whole and split; the file was put together wrongly")));
    }
    Ok(())
}

/// The product of two factors, its sizes and its rank.
fn split(
    group: &Group<'_>,
    budget: &mut Budget,
    leaves: [Leaf; 2],
    names: [&str; 2],
) -> Result<(Vec<f32>, Vec<usize>, usize)> {
    let (a, [rows, rank]) = group.need_matrix(leaves[0], names[0])?;
    let (b, [b_rank, columns]) = group.need_matrix(leaves[1], names[1])?;
    if rank != b_rank {
        return Err(group.malformed(format!(
            "has {} and {} of shapes {:?} and {:?}, whose ranks differ",
            names[0], names[1], a.shape, b.shape
        )));
    }
    let shape = vec![rows, columns];
    budget.take(group, &shape, rows.saturating_mul(columns).saturating_mul(rank))?;
    Ok((product(&a.read()?, &b.read()?, rank, columns), shape, rank))
}

/// `[n, rank]` times `[rank, columns]`.
fn product(a: &[f32], b: &[f32], rank: usize, columns: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(a.len() / rank.max(1) * columns);
    for factors in a.chunks_exact(rank) {
        let mut row = vec![0.0; columns];
        for (factor, other) in factors.iter().zip(b.chunks_exact(columns)) {
            row.iter_mut().zip(other).for_each(|(sum, value)| *sum += factor * value);
        }
        values.extend(row);
    }
    values
}
