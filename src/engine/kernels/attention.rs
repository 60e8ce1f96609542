//! Attention on the host. [`LANES`] queries at a time meet all keys: their scores stay in the second-level cache,
//! and every step is a vertical operation on vectors of queries.

use rayon::prelude::*;

use super::product::{LANES, Matrix, Shared, multiply};
use super::simd::{exp2, fma, vectorised};

/// The sizes of an attention layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Batch rows.
    pub rows: usize,
    /// Tokens of the queries.
    pub queries: usize,
    /// Tokens of keys and values.
    pub keys: usize,
    /// Heads.
    pub heads: usize,
    /// Channels of one head.
    pub width: usize,
    /// Whether a query sees only the keys up to its own position, as in a text.
    pub causal: bool,
}

impl Sizes {
    fn channels(&self) -> usize {
        self.heads * self.width
    }

    fn scale(&self) -> f32 {
        (self.width as f64).powf(-0.5) as f32
    }

    /// Scores are powers of 2, not of e: a factor that costs nothing here saves one for each score.
    fn scale_of_scores(&self) -> f32 {
        ((self.width as f64).powf(-0.5) * std::f64::consts::LOG2_E) as f32
    }

    /// Calls `run(row, head)` for all heads of all rows, in parallel.
    fn each_head(&self, run: impl Fn(usize, usize) + Sync) {
        (0..self.rows * self.heads).into_par_iter().for_each(|index| run(index / self.heads, index % self.heads));
    }

    /// Calls `run(first token, how many)` for each panel of `tokens`.
    fn each_panel<T: Send>(
        &self,
        tokens: usize,
        keys: usize,
        init: impl Fn() -> T + Sync + Send,
        run: impl Fn(&mut T, usize, usize) + Sync + Send,
    ) {
        // A task is worth about 10 microseconds at least.
        let least = (1 << 19) / (LANES * keys * (2 * self.width + 12)).max(1);
        let panels = tokens.div_ceil(LANES);
        (0..panels).into_par_iter().with_min_len(least.max(1)).for_each_init(init, |state, panel| {
            run(state, panel * LANES, LANES.min(tokens - panel * LANES));
        });
    }
}

/// One head of `[rows, tokens, channels]`.
#[derive(Clone, Copy)]
struct Head<'a> {
    /// From the head's first value on.
    values: &'a [f32],
    tokens: usize,
    width: usize,
    stride: usize,
}

impl<'a> Head<'a> {
    fn new(x: &'a [f32], s: Sizes, row: usize, head: usize, tokens: usize) -> Self {
        let start = row * tokens * s.channels() + head * s.width;
        Self { values: &x[start.min(x.len())..], tokens, width: s.width, stride: s.channels() }
    }

    /// Tokens as rows, read in place.
    fn matrix(&self) -> Matrix<'a> {
        Matrix::rows_of(self.values, self.tokens, self.stride, self.width)
    }

    /// Channels as rows: `[width][tokens]`.
    fn transposed(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.width * self.tokens];
        for first in (0..self.tokens).step_by(LANES) {
            let count = LANES.min(self.tokens - first);
            let values = &self.values[first * self.stride..];
            for (channel, out) in out.chunks_exact_mut(self.tokens).enumerate() {
                for (lane, out) in out[first..first + count].iter_mut().enumerate() {
                    *out = values[lane * self.stride + channel];
                }
            }
        }
        out
    }

    /// `count` tokens from `first` on as the lanes of a panel, times `scale`: `[width][LANES]`; zeros fill it up.
    fn panel(&self, first: usize, count: usize, scale: f32, panel: &mut [f32]) {
        if count < LANES {
            panel.fill(0.0);
        }
        for lane in 0..count {
            for (channel, value) in self.values[(first + lane) * self.stride..][..self.width].iter().enumerate() {
                panel[channel * LANES + lane] = value * scale;
            }
        }
    }
}

/// One head of an output `[rows, tokens, channels]`.
#[derive(Clone, Copy)]
struct Target {
    /// Of the head's first value.
    start: usize,
    stride: usize,
    out: Shared,
}

impl Target {
    fn new(out: Shared, s: Sizes, row: usize, head: usize, tokens: usize) -> Self {
        Self { start: row * tokens * s.channels() + head * s.width, stride: s.channels(), out }
    }

    /// Writes a panel `[width][LANES]`, each lane times its scale, to `count` tokens from `first` on; `line` is scratch.
    fn store(&self, panel: &[f32], scale: &[f32; LANES], first: usize, count: usize, line: &mut [f32]) {
        for lane in 0..count {
            for (channel, to) in line.iter_mut().enumerate() {
                *to = panel[channel * LANES + lane] * scale[lane];
            }
            // SAFETY: each panel of each head has its own elements, and the output outlives the parallel loop.
            unsafe { self.out.write(self.start + (first + lane) * self.stride, line) };
        }
    }
}

vectorised! {
    /// Scores `[key][LANES]`, in units of log 2, become `2^(score - max)`; tells the maxima and sums over the keys.
    fn exponentiate(scores: &mut [f32], maxima: &mut [f32; LANES], sums: &mut [f32; LANES]) {
        let (lines, _) = scores.as_chunks_mut::<LANES>();
        let mut max = [f32::NEG_INFINITY; LANES];
        for line in lines.iter() {
            for lane in 0..LANES {
                max[lane] = if line[lane] > max[lane] { line[lane] } else { max[lane] };
            }
        }
        let mut sum = [0.0; LANES];
        for line in lines {
            for lane in 0..LANES {
                line[lane] = exp2::<FMA>(line[lane] - max[lane]);
                sum[lane] += line[lane];
            }
        }
        *maxima = max;
        *sums = sum;
    }
}

/// `softmax(q kᵀ / √width) v`, of which a causal query sees only the keys up to its own position.
///
/// # Shapes
/// `q` `[rows, queries, heads · width]`, `k` and `v` `[rows, keys, heads · width]`; returns the shape of `q`.
pub fn forward(q: &[f32], k: &[f32], v: &[f32], s: Sizes) -> Vec<f32> {
    let mut out = vec![0.0; q.len()];
    let shared = Shared::new(&mut out);
    s.each_head(|row, head| {
        let [q, k, v] =
            [(q, s.queries), (k, s.keys), (v, s.keys)].map(|(x, tokens)| Head::new(x, s, row, head, tokens));
        let v = v.transposed();
        let to = Target::new(shared, s, row, head, s.queries);
        let init =
            || (vec![0.0; s.width * LANES], vec![0.0; s.keys * LANES], vec![0.0; s.width * LANES], vec![0.0; s.width]);
        s.each_panel(s.queries, s.keys, init, |(panel, scores, mixed, line), first, count| {
            q.panel(first, count, s.scale_of_scores(), panel);
            multiply(k.matrix(), 0, s.width, panel, false, scores);
            if s.causal {
                hide_keys(scores, first);
            }
            let (mut max, mut sum) = ([0.0; LANES], [0.0; LANES]);
            exponentiate(scores, &mut max, &mut sum);
            multiply(Matrix::rows_of(&v, s.width, s.keys, s.keys), 0, s.keys, scores, false, mixed);
            to.store(mixed, &sum.map(|sum| 1.0 / sum), first, count, line);
        });
    });
    out
}

/// What a score becomes whose key its query may not see: far below any, and finite.
const HIDDEN: f32 = -1e30;

/// Hides what comes after each query. With lanes of queries from `first` on, `[key][LANES]`.
fn hide_keys(scores: &mut [f32], first: usize) {
    for (key, line) in scores.chunks_exact_mut(LANES).enumerate().skip(first + 1) {
        line[..(key - first).min(LANES)].fill(HIDDEN);
    }
}

/// Likewise with lanes of keys from `first` on, `[query][LANES]`.
fn hide_from_queries(scores: &mut [f32], first: usize) {
    for (query, line) in scores.chunks_exact_mut(LANES).enumerate().take(first + LANES) {
        line[(query + 1).saturating_sub(first).min(LANES)..].fill(HIDDEN);
    }
}

vectorised! {
    /// With lanes of queries: `p = e / sum`, then `ds = p (dp - Σ p dp)` in place of `dp`; tells `Σ p dp`.
    fn slope(scores: &[f32], sums: &[f32; LANES], dp: &mut [f32], inner: &mut [f32; LANES]) {
        let (scores, _) = scores.as_chunks::<LANES>();
        let (dp, _) = dp.as_chunks_mut::<LANES>();
        let (mut total, mut inverse) = ([0.0; LANES], [0.0; LANES]);
        for (score, dp) in scores.iter().zip(dp.iter()) {
            for lane in 0..LANES {
                total[lane] = fma::<FMA>(score[lane], dp[lane], total[lane]);
            }
        }
        for lane in 0..LANES {
            inverse[lane] = 1.0 / sums[lane];
            total[lane] *= inverse[lane];
        }
        for (score, dp) in scores.iter().zip(dp) {
            for lane in 0..LANES {
                dp[lane] = score[lane] * inverse[lane] * (dp[lane] - total[lane]);
            }
        }
        *inner = total;
    }
}

/// Of one query: the maximum of its scores, 1 / the sum of their exponentials, and `Σ p dp`.
type Query = [f32; 3];

vectorised! {
    /// With lanes of keys: scores `[query][LANES]` become probabilities, and `dp` becomes `ds`.
    fn slope_of_keys(queries: &[Query], scores: &mut [f32], dp: &mut [f32]) {
        let (scores, _) = scores.as_chunks_mut::<LANES>();
        let (dp, _) = dp.as_chunks_mut::<LANES>();
        for ((scores, dp), [max, inverse, inner]) in scores.iter_mut().zip(dp).zip(queries) {
            for lane in 0..LANES {
                let p = exp2::<FMA>(scores[lane] - max) * inverse;
                scores[lane] = p;
                dp[lane] = p * (dp[lane] - inner);
            }
        }
    }
}

/// The gradients of [`forward`]'s `q`, `k` and `v`.
///
/// Probabilities are computed anew, once with lanes of queries for `q`'s gradient, once with lanes of keys for the
/// others': no sum is shared between threads, and no table of `queries · keys` is kept.
pub fn backward(q: &[f32], k: &[f32], v: &[f32], grad: &[f32], s: Sizes) -> [Vec<f32>; 3] {
    let mut out = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
    let [dq, dk, dv] = [0, 1, 2].map(|index: usize| Shared::new(&mut out[index]));
    let plain = [1.0; LANES];
    let scaled = [s.scale(); LANES];
    s.each_head(|row, head| {
        let to = |out, tokens| Target::new(out, s, row, head, tokens);
        let (dq, dk, dv) = (to(dq, s.queries), to(dk, s.keys), to(dv, s.keys));
        let of = |x, tokens| Head::new(x, s, row, head, tokens);
        let (q, k, v, grad) = (of(q, s.queries), of(k, s.keys), of(v, s.keys), of(grad, s.queries));
        let [qt, kt, gt] = [q, k, grad].map(|x| x.transposed());
        let mut notes = vec![0.0; s.queries * 3];
        let shared = Shared::new(&mut notes);
        let init = |tokens: usize| {
            move || {
                (
                    [0; 3].map(|_| vec![0.0; s.width * LANES]),
                    [0; 2].map(|_| vec![0.0; tokens * LANES]),
                    vec![0.0; s.width],
                )
            }
        };
        s.each_panel(
            s.queries,
            2 * s.keys,
            init(s.keys),
            |([panel, other, mixed], [scores, dp], line), first, count| {
                q.panel(first, count, s.scale_of_scores(), panel);
                grad.panel(first, count, 1.0, other);
                multiply(k.matrix(), 0, s.width, panel, false, scores);
                if s.causal {
                    hide_keys(scores, first);
                }
                let [mut max, mut sum, mut inner] = [[0.0; LANES]; 3];
                exponentiate(scores, &mut max, &mut sum);
                multiply(v.matrix(), 0, s.width, other, false, dp);
                slope(scores, &sum, dp, &mut inner);
                multiply(Matrix::rows_of(&kt, s.width, s.keys, s.keys), 0, s.keys, dp, false, mixed);
                dq.store(mixed, &scaled, first, count, line);
                for lane in 0..count {
                    // SAFETY: each query has its own note, and the notes outlive the loop.
                    unsafe { shared.write((first + lane) * 3, &[max[lane], 1.0 / sum[lane], inner[lane]]) };
                }
            },
        );
        let (notes, _) = notes.as_chunks::<3>();
        s.each_panel(
            s.keys,
            3 * s.queries,
            init(s.queries),
            |([panel, other, mixed], [scores, dp], line), first, count| {
                k.panel(first, count, s.scale_of_scores(), panel);
                v.panel(first, count, 1.0, other);
                multiply(q.matrix(), 0, s.width, panel, false, scores);
                if s.causal {
                    hide_from_queries(scores, first);
                }
                multiply(grad.matrix(), 0, s.width, other, false, dp);
                slope_of_keys(notes, scores, dp);
                multiply(Matrix::rows_of(&gt, s.width, s.queries, s.queries), 0, s.queries, scores, false, mixed);
                dv.store(mixed, &plain, first, count, line);
                multiply(Matrix::rows_of(&qt, s.width, s.queries, s.queries), 0, s.queries, dp, false, mixed);
                dk.store(mixed, &scaled, first, count, line);
            },
        );
    });
    out
}
