//! The colours of one side of a cut, as GrabCut has them: a mixture of five normal distributions over red, green and blue.

use rayon::prelude::*;

/// How many distributions a side has.
const PARTS: usize = 5;
/// How often k-means goes over its points to begin with.
const ROUNDS: usize = 10;
/// What is added to each variance, in squared steps of 255: a flat colour is still seen with some noise.
const NOISE: f64 = 3.0;
/// How likely each colour is at the least: somebody's eyes may have a colour that nothing else has.
const FLOOR: f32 = 1e-10;

/// Red, green and blue, 0 to 255.
pub type Color = [u8; 3];

#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    mean: [f32; 3],
    /// The covariance's inverse: xx, yy, zz, xy, xz, yz.
    inverse: [f32; 6],
    /// The logarithm of its height at the mean, with its share.
    height: f32,
}

impl Part {
    /// The logarithm of how likely a colour is.
    fn score(&self, color: Color) -> f32 {
        let [x, y, z] = [0, 1, 2].map(|at| f32::from(color[at]) - self.mean[at]);
        let [xx, yy, zz, xy, xz, yz] = self.inverse;
        let far = xx * x * x + yy * y * y + zz * z * z + 2.0 * (xy * x * y + xz * x * z + yz * y * z);
        self.height - 0.5 * far
    }
}

/// Sums of colours, from which a distribution is fitted.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: f64,
    sum: [f64; 3],
    /// xx, yy, zz, xy, xz, yz.
    squares: [f64; 6],
}

impl Sums {
    fn take(&mut self, color: Color) {
        let [x, y, z] = color.map(f64::from);
        self.count += 1.0;
        for (sum, value) in self.sum.iter_mut().zip([x, y, z]) {
            *sum += value;
        }
        for (sum, value) in self.squares.iter_mut().zip([x * x, y * y, z * z, x * y, x * z, y * z]) {
            *sum += value;
        }
    }

    fn and(mut self, other: &Self) -> Self {
        self.count += other.count;
        for (sum, value) in self.sum.iter_mut().zip(other.sum) {
            *sum += value;
        }
        for (sum, value) in self.squares.iter_mut().zip(other.squares) {
            *sum += value;
        }
        self
    }

    /// The distribution of these colours, which are a part of `all`; `None` where there are none.
    fn part(&self, all: f64) -> Option<Part> {
        if self.count < 1.0 {
            return None;
        }
        let [x, y, z] = self.sum.map(|sum| sum / self.count);
        let [xx, yy, zz, xy, xz, yz] = self.squares.map(|sum| sum / self.count);
        let (xx, yy, zz) = (xx - x * x + NOISE, yy - y * y + NOISE, zz - z * z + NOISE);
        let (xy, xz, yz) = (xy - x * y, xz - x * z, yz - y * z);
        let minors = [yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy];
        let others = [xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz];
        // At least NOISE cubed, but for rounding.
        let volume = (xx * minors[0] + xy * others[0] + xz * others[1]).max(NOISE);
        let inverse = [minors[0], minors[1], minors[2], others[0], others[1], others[2]];
        let height = (self.count / all).ln() - 0.5 * volume.ln() - 1.5 * std::f64::consts::TAU.ln();
        Some(Part {
            mean: [x, y, z].map(|value| value as f32),
            inverse: inverse.map(|value| (value / volume) as f32),
            height: height as f32,
        })
    }
}

/// The colours of one side.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    parts: Vec<Part>,
}

impl Mixture {
    /// The distributions of some colours, found by k-means. Nothing in it is random. `None` of no colours.
    pub fn of(colors: &[Color]) -> Option<Self> {
        let mut means = spread(colors);
        let mut sums = gather(colors, |color| nearest(&means, color));
        for _ in 0..ROUNDS {
            let moved: Vec<[f32; 3]> = sums
                .iter()
                .filter(|sums| sums.count > 0.0)
                .map(|sums| sums.sum.map(|sum| (sum / sums.count) as f32))
                .collect();
            if moved == means {
                break;
            }
            means = moved;
            sums = gather(colors, |color| nearest(&means, color));
        }
        Self::from(&sums, colors.len())
    }

    /// The distributions of other colours: each belongs to the one that is likeliest by now. `None` of no colours.
    pub fn again(&self, colors: &[Color]) -> Option<Self> {
        Self::from(&gather(colors, |color| self.likeliest(color)), colors.len())
    }

    fn from(sums: &[Sums; PARTS], count: usize) -> Option<Self> {
        let parts: Vec<Part> = sums.iter().filter_map(|sums| sums.part(count as f64)).collect();
        (!parts.is_empty()).then_some(Self { parts })
    }

    fn likeliest(&self, color: Color) -> usize {
        let mut best = (f32::NEG_INFINITY, 0);
        for (index, part) in self.parts.iter().enumerate() {
            let score = part.score(color);
            if score > best.0 {
                best = (score, index);
            }
        }
        best.1
    }

    /// How unlikely a colour is: minus the logarithm.
    pub fn cost(&self, color: Color) -> f32 {
        let likely: f32 = self.parts.iter().map(|part| part.score(color).exp()).sum();
        -(likely + FLOOR).ln()
    }
}

/// Sums of the colours by where each belongs.
fn gather(colors: &[Color], to: impl Fn(Color) -> usize + Sync) -> [Sums; PARTS] {
    // In pieces whose sums are added in order, so that the result is the same on any number of threads.
    let pieces: Vec<[Sums; PARTS]> = colors
        .par_chunks(1 << 13)
        .map(|piece| {
            let mut sums = [Sums::default(); PARTS];
            for color in piece {
                sums[to(*color)].take(*color);
            }
            sums
        })
        .collect();
    let mut all = [Sums::default(); PARTS];
    for piece in &pieces {
        for (sums, own) in all.iter_mut().zip(piece) {
            *sums = sums.and(own);
        }
    }
    all
}

fn apart(mean: &[f32; 3], color: Color) -> f32 {
    mean.iter().zip(color).map(|(mean, value)| (mean - f32::from(value)).powi(2)).sum()
}

fn nearest(means: &[[f32; 3]], color: Color) -> usize {
    let mut best = (f32::INFINITY, 0);
    for (index, mean) in means.iter().enumerate() {
        let far = apart(mean, color);
        if far < best.0 {
            best = (far, index);
        }
    }
    best.1
}

/// Where k-means begins: each next mean is a colour that is far from those before and has many like it.
fn spread(colors: &[Color]) -> Vec<[f32; 3]> {
    let step = (colors.len() / 4096).max(1);
    let some: Vec<Color> = colors.iter().copied().step_by(step).collect();
    let mut means: Vec<[f32; 3]> = Vec::new();
    let mut far: Vec<f64> = vec![1.0; some.len()];
    while means.len() < PARTS {
        let all: f64 = far.iter().sum();
        if all <= 0.0 {
            break;
        }
        // Half-way through what is left, as if drawn by its squared distance.
        let mut left = all / 2.0;
        let chosen = far.iter().position(|far| {
            left -= far;
            left <= 0.0
        });
        let Some(color) = some.get(chosen.unwrap_or(0)) else { break };
        means.push(color.map(f32::from));
        for (far, color) in far.iter_mut().zip(&some) {
            *far = means.iter().map(|mean| f64::from(apart(mean, *color))).fold(f64::INFINITY, f64::min);
        }
    }
    means
}
