//! The lowest point of a quadratic over matrices as torch's L-BFGS goes towards it (`torch.optim.LBFGS`: step 1, 25 pairs
//! remembered, strong Wolfe conditions, tolerances 1e-16). Mix-of-Show fuses weights with it and stops it early, so that how
//! it goes matters and not only where.
//!
//! On a quadratic its line search is known beforehand. With the lowest point of the line at `b`, the slope at `t` is
//! `1 − t / b` of that at 0, so that the conditions (c₁ 1e-4, c₂ 0.9) hold for t in `0.1 b ..= 1.9 b`; beyond it torch
//! interpolates, which gives exactly `b`, and before it, it goes ten times as far.

use std::collections::VecDeque;

use burn::tensor::Tensor;

use crate::engine::pictures::host;

/// Pairs that are remembered.
const HISTORY: usize = 25;
/// What torch calls `tolerance_grad` and `tolerance_change`, as Mix-of-Show sets both.
const TOLERANCE: f64 = 1e-16;
/// A pair whose product is not above this is not remembered.
const LEAST_PRODUCT: f64 = 1e-10;
/// Tries of a line search.
const TRIES: usize = 25;

/// A step and how the slope changed along it.
struct Pair {
    step: Tensor<2>,
    change: Tensor<2>,
    /// One over their product.
    inverse: f64,
}

/// Goes from 0 towards the lowest point of `½⟨D, H D⟩ + ⟨slope, D⟩`, `curvature` being H, in at most so many iterations (and
/// five quarters as many evaluations, as torch has it).
///
/// # Shapes
/// All `[in, out]`.
pub fn descend(slope: Tensor<2>, curvature: impl Fn(&Tensor<2>) -> Tensor<2>, iterations: usize) -> Tensor<2> {
    let mut point = Tensor::zeros(slope.dims(), (&slope.device(), slope.dtype()));
    let mut slope = slope;
    let (mut history, mut scale) = (VecDeque::<Pair>::new(), 1.0);
    let mut evaluations = 1;
    for iteration in 0..iterations {
        let direction = towards(&slope, &history, scale);
        let bent = curvature(&direction);
        let [steepest, whole, along, bend, squared, farthest] = read([
            slope.clone().abs().max(),
            slope.clone().abs().sum(),
            (slope.clone() * direction.clone()).sum(),
            (direction.clone() * bent.clone()).sum(),
            (bent.clone() * bent.clone()).sum(),
            direction.clone().abs().max(),
        ]);
        // Written so that NaN ends it too.
        if !(steepest > TOLERANCE && along <= -TOLERANCE && bend > 0.0) {
            break;
        }
        let first = if iteration == 0 { (1.0 / whole).min(1.0) } else { 1.0 };
        let (length, tries) = line(first, -along / bend);
        let step = direction * length;
        let change = bent * length;
        point = point + step.clone();
        slope = slope + change.clone();
        evaluations += tries;
        let lowered = (along * length + 0.5 * bend * length * length).abs();
        if evaluations >= iterations * 5 / 4 || farthest * length <= TOLERANCE || lowered < TOLERANCE {
            break;
        }
        let product = bend * length * length;
        if product > LEAST_PRODUCT {
            if history.len() == HISTORY {
                history.pop_front();
            }
            history.push_back(Pair { step, change, inverse: 1.0 / product });
            scale = bend / squared;
        }
    }
    point
}

/// Where a line search ends that begins with `first`, and after how many evaluations; `best` is the line's lowest point.
fn line(first: f64, best: f64) -> (f64, usize) {
    let mut length = first;
    for evaluations in 1..TRIES {
        if length > 1.9 * best {
            return (best, evaluations + 1);
        }
        if length >= 0.1 * best {
            return (length, evaluations);
        }
        length *= 10.0;
    }
    (length, TRIES)
}

/// The direction by two loops over the pairs.
fn towards(slope: &Tensor<2>, history: &VecDeque<Pair>, scale: f64) -> Tensor<2> {
    let product = |one: &Tensor<2>, other: &Tensor<2>| (one.clone() * other.clone()).sum().reshape([1, 1]);
    let mut direction = -slope.clone();
    let mut shares: Vec<Tensor<2>> = Vec::with_capacity(history.len());
    for pair in history.iter().rev() {
        let share = product(&pair.step, &direction) * pair.inverse;
        direction = direction - pair.change.clone() * share.clone();
        shares.push(share);
    }
    direction = direction * scale;
    for (pair, share) in history.iter().zip(shares.into_iter().rev()) {
        let other = product(&pair.change, &direction) * pair.inverse;
        direction = direction + pair.step.clone() * (share - other);
    }
    direction
}

/// Several numbers, read from the device at once.
fn read<const N: usize>(numbers: [Tensor<1>; N]) -> [f64; N] {
    let values = host(Tensor::cat(numbers.to_vec(), 0));
    std::array::from_fn(|index| values.get(index).copied().map_or(f64::NAN, f64::from))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::engine::nets::layers::upload;
    use crate::engine::noise;

    fn random(seed: u64, rows: usize, columns: usize) -> Tensor<2> {
        noise::seeded(&[seed], [1, rows, columns], &Device::flex()).reshape([rows, columns])
    }

    #[test]
    fn a_line_search_ends_where_torch_s_does() {
        // Good enough at once; too far, so exactly to the lowest point; far too short, so ten times as far, twice.
        assert_eq!(line(1.0, 1.5), (1.0, 1));
        assert_eq!(line(1.0, 0.25), (0.25, 2));
        assert_eq!(line(1.0, 200.0), (100.0, 3));
        assert_eq!(line(1.0, 10.0), (1.0, 1));
        assert!(line(1.0, f64::INFINITY).0.is_finite());
    }

    #[test]
    fn the_first_step_goes_down_the_slope_by_hand() {
        // f(d) = ½ (2 d₁² + 8 d₂²) + (−4 d₁ + 8 d₂): the first length is 1 / (4 + 8), the lowest point of its line at
        // (16 + 64) / (2 · 16 + 8 · 64) = 80 / 544; both conditions hold at 1/12, which is where it ends.
        let slope = upload(vec![-4.0, 8.0], [2, 1], &Device::flex());
        let curvature = |d: &Tensor<2>| d.clone() * upload(vec![2.0, 8.0], [2, 1], &Device::flex());
        let one = host(descend(slope.clone(), curvature, 1));
        assert!((one[0] - 4.0 / 12.0).abs() < 1e-6 && (one[1] + 8.0 / 12.0).abs() < 1e-6, "{one:?}");
        // And in the end the lowest point, 2 and −1.
        let whole = host(descend(slope, curvature, 50));
        assert!((whole[0] - 2.0).abs() < 1e-4 && (whole[1] + 1.0).abs() < 1e-4, "{whole:?}");
    }

    #[test]
    fn the_lowest_point_solves_the_normal_equations_and_fewer_iterations_leave_it_higher() {
        let (x, wanted) = (random(1, 40, 12), random(2, 40, 5));
        let gram = x.clone().transpose().matmul(x.clone());
        let cross = x.clone().transpose().matmul(wanted.clone());
        let factor = 2.0 / (40.0 * 5.0);
        let at = |iterations| {
            descend(-cross.clone() * factor, |d: &Tensor<2>| gram.clone().matmul(d.clone()) * factor, iterations)
        };
        let loss = |d: &Tensor<2>| host((x.clone().matmul(d.clone()) - wanted.clone()).square().mean())[0];
        let left = host(gram.clone().matmul(at(500)) - cross.clone());
        assert!(left.iter().all(|value| value.abs() < 2e-3), "{left:?}");
        let losses: Vec<f32> = [0, 1, 3, 10, 500].map(|iterations| loss(&at(iterations))).to_vec();
        assert!(losses.is_sorted_by(|more, less| more >= less), "{losses:?}");
        assert!(losses[1] < 0.99 * losses[0] && losses[4] < 0.99 * losses[1], "{losses:?}");
    }

    #[test]
    fn nothing_to_do_and_numbers_that_are_none_end_at_once() {
        let same = |d: &Tensor<2>| d.clone();
        assert!(host(descend(random(1, 3, 3) * 0.0, same, 50)).iter().all(|value| *value == 0.0));
        assert!(host(descend(random(1, 3, 3) * f32::NAN, same, 50)).iter().all(|value| *value == 0.0));
    }
}
