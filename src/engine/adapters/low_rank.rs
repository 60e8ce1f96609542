//! LoRA and LoCon: `ΔW = alpha / rank · up · (mid ·) down`.

use super::change::{Array, Change, Kind};
use super::group::{Built, Group};
use super::leaves::Leaf;
use super::modules::Op;
use super::peft::Scaling;
use crate::engine::error::Result;

/// The change of one layer.
///
/// # Errors
/// When a factor is missing, or the factors fit neither each other nor the layer's kernel.
pub fn build(group: &Group<'_>, scaling: &Scaling) -> Result<Built> {
    let down = group.need(Leaf::Down, "lora_down (lora_A)")?;
    let (up, [output, up_rank]) = group.need_matrix(Leaf::Up, "lora_up (lora_B)")?;
    let mid = group.get(Leaf::Mid);
    let kernel = group.kernel();
    let shape = match *down.shape {
        [rank, input] | [rank, input, 1, 1] if group.op == Op::Linear && mid.is_none() => vec![rank, input],
        [rank, input] | [rank, input, 1, 1] if mid.is_some() || kernel == 1 => vec![rank, input, 1, 1],
        [rank, input, height, width] if mid.is_none() && [height, width] == [kernel; 2] => {
            vec![rank, input, height, width]
        }
        _ => {
            return Err(group.malformed(format!(
                "has a lora_down of shape {:?}, but the layer is a {}",
                down.shape,
                if group.op == Op::Linear {
                    "linear one, without a kernel".into()
                } else {
                    format!("convolution of {kernel} x {kernel} pixels")
                }
            )));
        }
    };
    let rank = shape[0];
    if rank != up_rank || shape.contains(&0) {
        return Err(group.malformed(format!(
            "has factors of ranks {rank} and {up_rank} (shapes {:?} and {:?}); they must be equal and not 0",
            down.shape, up.shape
        )));
    }
    let mid = mid.map(|mid| group.core(mid, "lora_mid", [rank, rank])).transpose()?;
    let scale = group.scale(rank, scaling)?;
    let change = Change::LowRank {
        down: Array { values: down.read()?, shape },
        mid,
        up: Array { values: up.read()?, shape: vec![output, rank] },
        scale: scale.factor,
    };
    let kind = if group.op == Op::Linear { Kind::Lora } else { Kind::LoCon };
    Ok(Built { change, kind, rank: Some(rank), alpha: scale.alpha })
}
