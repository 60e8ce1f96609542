//! IA3: `ΔW = W ⊙ weight`, along the inputs or the outputs.

use super::change::{Change, Kind};
use super::group::{Built, Group};
use super::leaves::Leaf;
use crate::engine::error::Result;

/// The change of one layer.
///
/// # Errors
/// When one of its two tensors is missing, or the factors lie along more than one axis.
pub fn build(group: &Group<'_>) -> Result<Built> {
    let weight = group.need(Leaf::Weight, "weight")?;
    let on_input = group.need(Leaf::OnInput, "on_input")?;
    if weight.shape.contains(&0) || weight.shape.iter().filter(|size| **size > 1).count() > 1 {
        return Err(group.malformed(format!(
            "has factors of shape {:?}; they must lie along the layer's inputs or its outputs",
            weight.shape
        )));
    }
    let on_input = match *on_input.read()? {
        [flag] => flag != 0.0,
        _ => return Err(group.malformed(format!("has an on_input of shape {:?}", on_input.shape))),
    };
    let change = Change::Scaled { weight: weight.read()?, on_input };
    Ok(Built { change, kind: Kind::Ia3, rank: None, alpha: None })
}
