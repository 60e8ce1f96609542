//! Enlarges a grid of numbers with cubic curves, as ONNX and PyTorch mean it. The runtime takes straight lines in their place
//! without a word, and position embeddings of SAM 2 and EfficientSAM are enlarged this way.

/// How steep the curves are; PyTorch's, and ONNX's unless it says another.
const STEEP: f32 = -0.75;

/// How much each of the four neighbours counts, from the place between the middle two, 0 to 1.
fn shares(t: f32) -> [f32; 4] {
    let a = STEEP;
    let near = |x: f32| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

/// For each place of a line of `to`: the four places of one of `from` (its ends go on), and how much each counts.
fn taps(from: usize, to: usize, corners: bool) -> Vec<([usize; 4], [f32; 4])> {
    (0..to)
        .map(|at| {
            let at = at as f32;
            let place = if corners {
                at * (from.saturating_sub(1)) as f32 / (to.saturating_sub(1)).max(1) as f32
            } else {
                (at + 0.5) * from as f32 / to as f32 - 0.5
            };
            let low = place.floor();
            let clamped = |by: f32| (low + by).clamp(0.0, (from - 1) as f32) as usize;
            ([clamped(-1.0), clamped(0.0), clamped(1.0), clamped(2.0)], shares(place - low))
        })
        .collect()
}

/// Grids side by side, `high` x `wide` each, as grids of `to_high` x `to_wide`. With `corners` the corners stay where they
/// are, else the outlines do. All sides are 1 at least.
pub fn enlarge(grids: &[f32], [high, wide]: [usize; 2], [to_high, to_wide]: [usize; 2], corners: bool) -> Vec<f32> {
    let (rows, columns) = (taps(high, to_high, corners), taps(wide, to_wide, corners));
    let mut made = Vec::with_capacity(grids.len() / (high * wide) * to_high * to_wide);
    for grid in grids.chunks_exact(high * wide) {
        for (ys, y_shares) in &rows {
            for (xs, x_shares) in &columns {
                let line =
                    |y: usize| -> f32 { xs.iter().zip(x_shares).map(|(x, share)| grid[y * wide + x] * share).sum() };
                made.push(ys.iter().zip(y_shares).map(|(y, share)| line(*y) * share).sum());
            }
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_pytorch_s_own() {
        // F.interpolate(torch.tensor([[0., 1, 4], [2, 2, 0]])[None, None], size=(3, 5), mode="bicubic")
        const EXPECTED: [f32; 15] = [
            -0.277945, 0.000819, 0.913195, 3.093071, 4.676893, 0.952, 1.158, 1.5, 1.842, 2.048001, 2.181945, 2.31518,
            2.086806, 0.590932, -0.580888,
        ];
        let made = enlarge(&[0.0, 1.0, 4.0, 2.0, 2.0, 0.0], [2, 3], [3, 5], false);
        assert_eq!(made.len(), EXPECTED.len());
        for (made, expected) in made.iter().zip(EXPECTED) {
            assert!((made - expected).abs() < 1e-5, "{made} {expected}");
        }
        let same = enlarge(&[1.0, 2.0, 3.0, 4.0], [2, 2], [2, 2], true);
        assert_eq!(same, [1.0, 2.0, 3.0, 4.0]);
    }
}
