//! What linear layers see while each concept acts alone, and what its file adds there: the least-squares problems of which
//! several files are fused.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::engine::concept::Adapter;
use crate::engine::nets::clip::{TextLayer, TextTap};
use crate::engine::nets::layers::{Conv2d, Linear};
use crate::engine::nets::tap::{Layer, Tap};
use crate::engine::terms::LinearTerm;

use super::lbfgs::descend;

/// Which difference D of a layer gives on all that was seen what each concept's own added: `mean (X D − Y)²` from D = 0.
#[derive(Clone, Debug)]
pub struct Problem {
    seen: Seen,
    /// `Xᵀ Y`, `[in, out]`
    cross: Tensor<2>,
    rows: usize,
}

/// What the layer saw: whichever is smaller.
#[derive(Clone, Debug)]
enum Seen {
    /// X itself, `[rows, in]`.
    Rows(Tensor<2>),
    /// `Xᵀ X`, `[in, in]`.
    Squares(Tensor<2>),
}

impl Seen {
    fn squares(self) -> Tensor<2> {
        match self {
            Self::Rows(rows) => rows.clone().transpose().matmul(rows),
            Self::Squares(squares) => squares,
        }
    }
}

impl Problem {
    /// From inputs `[rows, in]` and what is to be added to their outputs, `[rows, out]`.
    pub fn new(input: Tensor<2>, added: Tensor<2>) -> Self {
        let [rows, width] = input.dims();
        let cross = input.clone().transpose().matmul(added);
        let seen = Seen::Rows(input);
        Self { seen: if rows > width { Seen::Squares(seen.squares()) } else { seen }, cross, rows }
    }

    /// This and another of the same layer in one.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let rows = self.rows + other.rows;
        let seen = match (self.seen, other.seen) {
            (Seen::Rows(one), Seen::Rows(two)) if rows <= one.dims()[1] => Seen::Rows(Tensor::cat(vec![one, two], 0)),
            (one, two) => Seen::Squares(one.squares() + two.squares()),
        };
        Self { seen, cross: self.cross + other.cross, rows }
    }

    /// By how much a difference lowers the sum of squares that no difference leaves.
    #[cfg(test)]
    pub fn gain(&self, difference: &Tensor<2>) -> f32 {
        let squares = self.seen.clone().squares();
        let bent = squares.matmul(difference.clone()) - self.cross.clone() * 2.0;
        -crate::engine::pictures::host((bent * difference.clone()).sum())[0]
    }

    /// The difference after so many iterations, `[in, out]`.
    pub fn solved(&self, iterations: usize) -> Tensor<2> {
        let factor = 2.0 / (self.rows * self.cross.dims()[1]) as f64;
        let curvature = |d: &Tensor<2>| match &self.seen {
            Seen::Rows(rows) => rows.clone().transpose().matmul(rows.clone().matmul(d.clone())) * factor,
            Seen::Squares(squares) => squares.clone().matmul(d.clone()) * factor,
        };
        descend(-self.cross.clone() * factor, curvature, iterations)
    }
}

/// Adds a problem to a layer's.
fn put<L: Ord>(problems: &mut BTreeMap<L, Option<Problem>>, layer: L, problem: Problem) {
    if let Some(known) = problems.get_mut(&layer) {
        *known = Some(match known.take() {
            Some(known) => known.with(problem),
            None => problem,
        });
    }
}

/// What terms add to a layer's output; none where there are none.
pub(super) fn added(terms: &[LinearTerm], of: &Linear, input: &Tensor<3>, plain: &Tensor<3>) -> Option<Tensor<3>> {
    terms.iter().map(|term| term.of(of, input, plain)).reduce(|sum, term| sum + term)
}

/// All rows of all texts: `[rows, tokens, width]` to `[rows · tokens, width]`.
fn flat(x: Tensor<3>) -> Tensor<2> {
    let [rows, tokens, width] = x.dims();
    x.reshape([rows * tokens, width])
}

/// The text encoder with one concept's changes. A layer that this concept leaves alone shall stay as it is on its words.
pub struct GatherTexts<'a> {
    /// The concept's.
    pub adapter: &'a Adapter,
    /// The layers that are fused, and what is known of each.
    pub problems: RefCell<&'a mut BTreeMap<TextLayer, Option<Problem>>>,
}

impl TextTap for GatherTexts<'_> {
    fn linear(&self, layer: TextLayer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let mut problems = self.problems.borrow_mut();
        if !problems.contains_key(&layer) {
            return output;
        }
        let added = added(self.adapter.text(layer), of, input, &output).unwrap_or_else(|| output.zeros_like());
        put(&mut problems, layer, Problem::new(flat(input.clone()), flat(added.clone())));
        output + added
    }
}

/// The UNet with one concept's changes, but for layers that are fused already.
pub struct Gather<'a> {
    /// The concept's.
    pub adapter: &'a Adapter,
    /// The differences of layers that are fused already.
    pub fused: &'a BTreeMap<Layer, Tensor<2>>,
    /// Which tokens of the layers' inputs count; None: all.
    pub tokens: Option<&'a [usize]>,
    /// The layers that are fused now, and what is known of each.
    pub problems: &'a mut BTreeMap<Layer, Option<Problem>>,
}

impl Tap for Gather<'_> {
    fn linear(&mut self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        if let Some(difference) = self.fused.get(&layer) {
            return output.clone() + LinearTerm::Whole(difference.clone()).of(of, input, &output);
        }
        let added = added(self.adapter.linear(layer), of, input, &output);
        if self.problems.contains_key(&layer) {
            let wanted = added.clone().unwrap_or_else(|| output.zeros_like());
            let rows = |x: Tensor<3>| match self.tokens {
                Some(tokens) => {
                    let each = tokens.iter().map(|token| x.clone().narrow(1, *token, 1));
                    flat(Tensor::cat(each.collect(), 1))
                }
                None => flat(x),
            };
            put(self.problems, layer, Problem::new(rows(input.clone()), rows(wanted)));
        }
        match added {
            Some(added) => output + added,
            None => output,
        }
    }

    fn conv(&mut self, layer: Layer, of: &Conv2d, input: &Tensor<4>, output: Tensor<4>) -> Tensor<4> {
        let plain = output.clone();
        self.adapter.conv(layer).iter().fold(output, |sum, term| sum + term.of(of, input, &plain))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::engine::noise;
    use crate::engine::pictures::host;

    fn random(seed: u64, rows: usize, columns: usize) -> Tensor<2> {
        noise::seeded(&[seed], [1, rows, columns], &Device::flex()).reshape([rows, columns])
    }

    fn apart(one: Tensor<2>, other: Tensor<2>) -> f32 {
        host(one - other).into_iter().fold(0.0, |most, value| most.max(value.abs()))
    }

    #[test]
    fn one_concept_gets_its_own_outputs_back() {
        let (x, difference) = (random(1, 30, 8), random(2, 8, 4));
        let solved = Problem::new(x.clone(), x.clone().matmul(difference.clone())).solved(500);
        assert!(apart(solved, difference) < 1e-3);
        // With fewer rows than inputs many differences do; the one found changes nothing across them.
        let x = random(3, 3, 8);
        let y = random(4, 3, 4);
        let solved = Problem::new(x.clone(), y.clone()).solved(500);
        assert!(apart(x.matmul(solved), y) < 1e-3);
    }

    #[test]
    fn two_concepts_are_one_problem_whichever_way_it_is_held() {
        let (x1, y1, x2, y2) = (random(1, 5, 8), random(2, 5, 4), random(3, 7, 8), random(4, 7, 4));
        let whole =
            Problem::new(Tensor::cat(vec![x1.clone(), x2.clone()], 0), Tensor::cat(vec![y1.clone(), y2.clone()], 0));
        let parts = Problem::new(x1.clone(), y1.clone()).with(Problem::new(x2.clone(), y2.clone()));
        assert!(matches!((&whole.seen, &parts.seen), (Seen::Squares(_), Seen::Squares(_))));
        assert_eq!(whole.rows, parts.rows);
        assert!(apart(whole.solved(20), parts.solved(20)) < 1e-4);
        // Rows as they are, as long as there are fewer of them than inputs.
        let few = |x: &Tensor<2>, y: &Tensor<2>| Problem::new(x.clone().narrow(0, 0, 3), y.clone().narrow(0, 0, 3));
        let few = few(&x1, &y1).with(few(&x2, &y2));
        assert!(matches!(&few.seen, Seen::Rows(_)));
        let squares = Problem { seen: Seen::Squares(few.seen.clone().squares()), ..few.clone() };
        assert!(apart(few.solved(10), squares.solved(10)) < 1e-3);
    }

    #[test]
    fn iterations_go_the_way_of_torch() {
        let matrix = |columns: usize, of: &dyn Fn(f32, f32) -> f32| {
            let values: Vec<f32> =
                (0..12 * columns).map(|at| of((at / columns + 1) as f32, (at % columns + 1) as f32)).collect();
            crate::engine::nets::layers::upload(values, [12, columns], &Device::flex())
        };
        let x =
            matrix(8, &|row, column| (0.37 * row * row * (column + 1.0)).sin() * if column < 5.0 { 1.0 } else { 0.05 });
        let y = matrix(4, &|row, column| (0.7 * row * column).cos());
        // torch 2.6: LBFGS with lr 1, history 25, strong Wolfe and tolerances 1e-16; the loss, and the length of what was found.
        for (iterations, loss, length) in [
            (2, 0.437_322_4, 0.240_980_2),
            (5, 0.341_287, 1.505_393),
            (10, 0.340_072_7, 1.632_468),
            (20, 0.281_369, 37.880_36),
        ] {
            let found = Problem::new(x.clone(), y.clone()).solved(iterations);
            let apart = x.clone().matmul(found.clone()) - y.clone();
            let here = host((apart.clone() * apart).mean())[0];
            let long = host((found.clone() * found).sum())[0].sqrt();
            assert!(
                (here / loss - 1.0).abs() < 0.01 && (long / length - 1.0).abs() < 0.1,
                "{iterations}: {here}, {long}"
            );
        }
    }
}
