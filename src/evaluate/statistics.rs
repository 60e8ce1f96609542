//! Numbers of many pictures put together: means with intervals, and differences of methods with tests.
//!
//! Pictures of one case resemble each other, and those of one prompt even more. So the bootstrap draws cases, prompts within
//! them and seeds within those, each with replacement, 10 000 times; one draw serves all methods and metrics, so that
//! differences are of the same pictures. The test of a difference flips the signs of the cases' means, all ways there are
//! (cases are few: with n of them no p is below 2 / 2ⁿ). Everything is seeded: the same numbers give the same report.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws of the bootstrap.
pub const DRAWS: usize = 10_000;

/// The interval has this share of the draws on each side of it.
const TAIL: f64 = 0.025;

/// The most cases for which all signs are tried.
const EXACT: usize = 16;

/// Signs that are tried where there are more cases.
const TRIES: u32 = 1 << EXACT;

/// Where pictures stand: `[case][prompt]` has the numbers of its pictures, one a seed, counted through.
pub type Nest = Vec<Vec<Vec<usize>>>;

/// A mean with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean over all pictures.
    pub mean: f64,
    /// Lower and upper end of the 95 % interval.
    pub interval: (f64, f64),
    /// How many pictures there were.
    pub count: usize,
}

/// A difference of two methods on the same pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Its mean with its interval.
    pub mean: Mean,
    /// How likely so great a difference of the cases' means is by chance, either way.
    pub p: f64,
    /// How many cases there were.
    pub cases: usize,
}

/// How often each picture is in each of the bootstrap's draws.
pub struct Draws {
    nest: Nest,
    counts: Vec<Vec<u16>>,
}

impl Draws {
    /// Draws from pictures as they are nested, of which there are `pictures`.
    pub fn new(nest: Nest, pictures: usize) -> Self {
        let nest: Nest = nest
            .into_iter()
            .map(|prompts| prompts.into_iter().filter(|seeds| !seeds.is_empty()).collect::<Vec<_>>())
            .filter(|prompts| !prompts.is_empty())
            .collect();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut draw = || {
            let mut counts = vec![0_u16; pictures];
            for _ in 0..nest.len() {
                let prompts = &nest[rng.random_range(0..nest.len())];
                for _ in 0..prompts.len() {
                    let seeds = &prompts[rng.random_range(0..prompts.len())];
                    for _ in 0..seeds.len() {
                        counts[seeds[rng.random_range(0..seeds.len())]] += 1;
                    }
                }
            }
            counts
        };
        let counts = (0..DRAWS).map(|_| draw()).collect();
        Self { nest, counts }
    }

    /// The mean of values, one a picture; pictures without one are left out. None where no picture has one.
    pub fn mean(&self, values: &[Option<f64>]) -> Option<Mean> {
        let known: Vec<(usize, f64)> =
            values.iter().enumerate().filter_map(|(picture, value)| Some((picture, (*value)?))).collect();
        if known.is_empty() {
            return None;
        }
        let of_draw = |counts: &Vec<u16>| {
            let (mut sum, mut count) = (0.0, 0.0);
            for (picture, value) in &known {
                let times = f64::from(counts[*picture]);
                sum += times * value;
                count += times;
            }
            // A draw may have none of the pictures.
            (count > 0.0).then(|| sum / count)
        };
        let mut means: Vec<f64> = self.counts.iter().filter_map(of_draw).collect();
        means.sort_by(f64::total_cmp);
        let mean = known.iter().map(|(_, value)| value).sum::<f64>() / known.len() as f64;
        let at = |share: f64| {
            let place = share * means.len().saturating_sub(1) as f64;
            means.get(place.round() as usize).copied().unwrap_or(mean)
        };
        Some(Mean { mean, interval: (at(TAIL), at(1.0 - TAIL)), count: known.len() })
    }

    /// The difference `a - b` over the pictures that both have. None where there are none.
    pub fn difference(&self, a: &[Option<f64>], b: &[Option<f64>]) -> Option<Difference> {
        let differences: Vec<Option<f64>> = a.iter().zip(b).map(|(a, b)| Some((*a)? - (*b)?)).collect();
        let mean = self.mean(&differences)?;
        let of_case = |prompts: &Vec<Vec<usize>>| {
            let known: Vec<f64> = prompts.iter().flatten().filter_map(|picture| differences[*picture]).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let cases: Vec<f64> = self.nest.iter().filter_map(of_case).collect();
        Some(Difference { mean, p: sign_flips(&cases), cases: cases.len() })
    }
}

/// How likely a sum as far from 0 as that of the values is, where each value's sign is by chance: over all signs, or over
/// 2¹⁶ that are drawn where there are more than 16 values.
pub fn sign_flips(values: &[f64]) -> f64 {
    // Sums of the same numbers in another order may differ in their last bits.
    let reached = values.iter().sum::<f64>().abs() - 1e-12 * values.iter().map(|value| value.abs()).sum::<f64>();
    let far = |signs: &dyn Fn(usize) -> bool| {
        let sum: f64 = values.iter().enumerate().map(|(at, value)| if signs(at) { -value } else { *value }).sum();
        sum.abs() >= reached
    };
    if values.len() <= EXACT {
        let all = 1_u32 << values.len();
        let hits = (0..all).filter(|signs| far(&|at| signs >> at & 1 == 1)).count();
        return hits as f64 / f64::from(all);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut hits = 1_u32;
    for _ in 0..TRIES {
        let signs: Vec<bool> = values.iter().map(|_| rng.random_bool(0.5)).collect();
        hits += u32::from(far(&|at| signs[at]));
    }
    f64::from(hits) / f64::from(TRIES + 1)
}

/// Holm's correction of several tests' p, in their order.
pub fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|a, b| ps[*a].total_cmp(&ps[*b]));
    let (mut corrected, mut so_far) = (vec![1.0; ps.len()], 0.0_f64);
    for (rank, at) in order.into_iter().enumerate() {
        so_far = so_far.max(ps[at] * (ps.len() - rank) as f64).min(1.0);
        corrected[at] = so_far;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cases` cases of two prompts of three seeds.
    fn nest(cases: usize) -> (Nest, usize) {
        let mut next = 0..;
        let mut seeds = || next.by_ref().take(3).collect::<Vec<usize>>();
        let nest: Nest = (0..cases).map(|_| vec![seeds(), seeds()]).collect();
        (nest, cases * 6)
    }

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn values_without_spread_have_an_interval_without_width() {
        let (nest, count) = nest(4);
        let draws = Draws::new(nest, count);
        let mean = draws.mean(&vec![Some(0.25); count]).unwrap();
        assert_eq!(mean, Mean { mean: 0.25, interval: (0.25, 0.25), count: 24 });
        assert_eq!(draws.mean(&vec![None; count]), None);
        assert_eq!(Draws::new(Vec::new(), 0).mean(&[]), None);
    }

    #[test]
    fn cases_that_differ_widen_the_interval_more_than_seeds_that_differ() {
        let (nest, count) = nest(6);
        let draws = Draws::new(nest, count);
        let width = |value: &dyn Fn(usize) -> f64| {
            let (low, high) = draws.mean(&some(&(0..count).map(value).collect::<Vec<_>>())).unwrap().interval;
            high - low
        };
        let (by_case, by_seed) = (width(&|at| (at / 6 % 2) as f64), width(&|at| (at % 2) as f64));
        // Six cases of 0 or 1: the deviation of their mean is 0.5 / √6, the interval four of them.
        assert!((0.6..1.0).contains(&by_case), "{by_case}");
        assert!(by_seed < by_case * 0.8, "{by_seed} {by_case}");
    }

    #[test]
    fn the_interval_of_a_normal_mean_is_that_of_theory() {
        // One prompt of one seed a case: the plain bootstrap, whose interval is the mean ± 1.96 s / √n.
        let count = 100;
        let draws = Draws::new((0..count).map(|at| vec![vec![at]]).collect(), count);
        let values: Vec<f64> = (0..count).map(|at| (at as f64 * 0.618_034).fract()).collect();
        let mean = values.iter().sum::<f64>() / count as f64;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count as f64).sqrt();
        let found = draws.mean(&some(&values)).unwrap();
        let half = 1.96 * deviation / 10.0;
        assert!((found.interval.0 - (mean - half)).abs() < 0.006 && (found.interval.1 - (mean + half)).abs() < 0.006);
        assert_eq!(found, draws.mean(&some(&values)).unwrap(), "seeded");
    }

    #[test]
    fn differences_are_of_the_pictures_that_both_have() {
        let (nest, count) = nest(5);
        let draws = Draws::new(nest, count);
        let b: Vec<f64> = (0..count).map(|at| at as f64).collect();
        let mut a: Vec<Option<f64>> = b.iter().map(|value| Some(value + 0.5)).collect();
        a[3] = None;
        let found = draws.difference(&a, &some(&b)).unwrap();
        assert_eq!((found.mean.mean, found.mean.interval, found.mean.count), (0.5, (0.5, 0.5), 29));
        assert_eq!((found.p, found.cases), (2.0 / 32.0, 5));
        assert_eq!(draws.difference(&vec![None; count], &some(&b)), None);
    }

    #[test]
    fn sign_flips_are_counted_exactly() {
        assert_eq!(sign_flips(&[1.0, 2.0, 3.0]), 2.0 / 8.0);
        assert_eq!(sign_flips(&[1.0, -1.0]), 1.0);
        // 3 - 1 = 2: of ±3 ±1 all four reach it.
        assert_eq!(sign_flips(&[3.0, -1.0]), 1.0);
        assert_eq!(sign_flips(&[0.0; 4]), 1.0);
        assert_eq!(sign_flips(&[]), 1.0);
        // Ten pairs: the least p there is.
        assert_eq!(sign_flips(&[0.1; 10]), 2.0 / 1024.0);
        let many = sign_flips(&[0.1; 40]);
        assert!(many > 0.0 && many < 1e-3, "{many}");
    }

    #[test]
    fn holm_multiplies_the_least_by_all_and_never_falls() {
        let corrected = holm(&[0.04, 0.01, 0.03]);
        let expected = [0.06, 0.03, 0.06];
        assert!(corrected.iter().zip(expected).all(|(found, wanted)| (found - wanted).abs() < 1e-12), "{corrected:?}");
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
