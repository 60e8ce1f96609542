//! K-means on an attention map: every token a point, whose coordinates are its attention probabilities (method:
//! "Masks", "Views").
//!
//! One map is clustered for several k with many random starts each, so everything that depends on the points alone is
//! done once, in [`Clusterer::new`]: the Gram matrix G = X Xᵀ of the centred points. Lloyd's iterations then need no
//! coordinates. With S\[c\]\[i\] = Σ_{j∈c} G_ij, the squared distance of point i to the mean of cluster c is
//!
//! ```text
//! G_ii − 2/|c| · S[c][i] + 1/|c|² · Σ_{j∈c} S[c][j]
//! ```
//!
//! and a point that changes its cluster costs one row of G, whatever the number of coordinates. Seeding is
//! scikit-learn's (greedy k-means++).
//!
//! All starts advance together, one iteration a round: G is read block of columns by block of columns, each block for
//! all starts while it is in the cache, and a start that arrives at a partition some start has been at is dropped.
//! Every sum has a fixed order, so the labels depend on the seed and the points, never on the number of threads.

use std::collections::HashSet;
use std::ops::Range;

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Columns of G in a block. A block for 1024 points is 256 KiB: it stays in a core's second cache.
const BLOCK: usize = 64;
/// Iterations after which a start ends unconverged, scikit-learn's default. Rounding could otherwise let a point swing
/// between two equally near clusters for ever.
const MAX_ROUNDS: usize = 300;
/// The most starts that advance together.
const BATCH: usize = 128;
/// The most numbers in S, 128 MiB of them, for fewer starts advance together where n and k are great.
const SUMS: usize = 1 << 25;
/// A squared distance this small against the greatest G_ii is rounding, not distance.
const NOISE: f32 = 1e-6;

/// A clustering of n points.
#[derive(Clone, Debug, PartialEq)]
pub struct Labeling {
    /// The cluster of every point, numbered in order of first appearance.
    pub labels: Vec<u32>,
    /// Sum of the squared distances of the points to their cluster's mean, in the points' units. Infinite if the
    /// clustering was cancelled before it was known.
    pub inertia: f64,
}

/// Clusters `n` points of `dim` coordinates (`points` row-major, \[n, dim\]) once; see [`Clusterer`].
pub fn kmeans(
    points: &[f32],
    n: usize,
    dim: usize,
    k: usize,
    starts: u32,
    seed: u64,
    cancelled: &dyn Fn() -> bool,
) -> Labeling {
    Clusterer::new(points, n, dim).cluster(k, starts, seed, cancelled)
}

/// The points of one attention map, ready to be clustered for any k.
#[derive(Clone, Debug)]
pub struct Clusterer {
    n: usize,
    /// G, one block of `BLOCK` columns after the other: \[blocks, n, BLOCK\], columns past n being zero.
    gram: Vec<f32>,
    /// G_ii, padded with zeros to whole blocks.
    diagonal: Vec<f32>,
    /// The sum of all rows of G, likewise padded.
    totals: Vec<f32>,
    /// What the coordinates were multiplied by.
    scale: f64,
}

impl Clusterer {
    /// Prepares `n` points of `dim` coordinates (`points` row-major, \[n, dim\]).
    ///
    /// A point with a coordinate that is not finite, or that `points` is too short for, is taken to lie at the mean of
    /// the others.
    pub fn new(points: &[f32], n: usize, dim: usize) -> Self {
        let Centred { rows, scale } = Centred::new(points, n, dim);
        let gram = gram(&rows, n, dim);
        let at = |i: usize| (i / BLOCK * n + i) * BLOCK + i % BLOCK;
        let mut diagonal: Vec<f32> = (0..n).map(|i| gram[at(i)]).collect();
        diagonal.resize(n.next_multiple_of(BLOCK), 0.0);
        let everyone: Vec<u32> = (0..n as u32).collect();
        let mut totals = vec![0.0; diagonal.len()];
        for (panel, totals) in panels(&gram, n).zip(totals.chunks_exact_mut(BLOCK)) {
            sum_rows(panel, &everyone, totals);
        }
        Self { n, gram, diagonal, totals, scale }
    }

    /// The best of `starts` runs into `k` clusters: the lowest inertia, of equals the first start. Clusters may be
    /// fewer where there are not k different points.
    ///
    /// `cancelled` is asked now and then, on the calling thread; once it says yes, the best labels so far come back.
    pub fn cluster(&self, k: usize, starts: u32, seed: u64, cancelled: &dyn Fn() -> bool) -> Labeling {
        let k = k.clamp(1, self.n.max(1));
        if k == 1 {
            return self.one_cluster();
        }
        let starts = starts.max(1);
        let together = (SUMS / (self.diagonal.len() * k)).clamp(1, BATCH);
        let mut best: Option<Labeling> = None;
        for first in (0..starts).step_by(together) {
            let end = starts.min(first.saturating_add(together as u32));
            let batch = Batch::new(self, k, seed, first..end);
            let found = batch.run(cancelled);
            if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
                best = Some(found);
            }
            if cancelled() {
                break;
            }
        }
        // There is at least one start, hence at least one batch.
        let best = best.unwrap_or_else(|| self.one_cluster());
        Labeling { inertia: best.inertia / (self.scale * self.scale), ..best }
    }

    /// All points in one cluster. They are centred, so their squared lengths are their distances to its mean.
    fn one_cluster(&self) -> Labeling {
        Labeling { labels: vec![0; self.n], inertia: sum(&self.diagonal) / (self.scale * self.scale) }
    }

    /// Row i of G in pieces of `BLOCK`, padded with zeros.
    fn row(&self, i: usize) -> impl Iterator<Item = &[f32]> {
        panels(&self.gram, self.n).map(move |panel| &panel[i * BLOCK..(i + 1) * BLOCK])
    }

    /// The squared distance of every point to point i, capped by `nearest`, into `out` (all padded).
    fn nearer(&self, i: usize, nearest: &[f32], out: &mut [f32]) {
        let own = self.diagonal[i];
        let blocks = self.row(i).zip(self.diagonal.chunks_exact(BLOCK));
        let blocks = blocks.zip(nearest.chunks_exact(BLOCK));
        for (((row, diagonal), nearest), out) in blocks.zip(out.chunks_exact_mut(BLOCK)) {
            for l in 0..BLOCK {
                let distance = (diagonal[l] - 2.0 * row[l] + own).max(0.0);
                out[l] = distance.min(nearest[l]);
            }
        }
    }

    /// The squared distance below which two points are one.
    fn noise(&self) -> f32 {
        NOISE * self.diagonal.iter().fold(0.0, |a: f32, &b| a.max(b))
    }
}

/// The points less their mean, scaled by a power of two so that the greatest coordinate is about 1: k-means cares for
/// neither, while G in f32 loses its digits to a mean and overflows on great numbers.
struct Centred {
    rows: Vec<f32>,
    scale: f64,
}

impl Centred {
    fn new(points: &[f32], n: usize, dim: usize) -> Self {
        let finite = |row: &&[f32]| row.iter().all(|value| value.is_finite());
        let good: Vec<Option<&[f32]>> =
            (0..n).map(|i| points.get(i.checked_mul(dim)?..)?.get(..dim).filter(finite)).collect();
        let mean = mean(&good, dim);
        let offset = |row: &[f32]| row.iter().zip(&mean).map(|(&x, m)| f64::from(x) - m).collect::<Vec<_>>();
        let spread = |row: &[f32]| row.iter().zip(&mean).fold(0.0, |a: f64, (&x, m)| a.max((f64::from(x) - m).abs()));
        let greatest = good.par_iter().flatten().map(|row| spread(row)).reduce(|| 0.0, f64::max);
        let scale = power_of_two_below_inverse(greatest);
        let mut rows = vec![0.0; n * dim];
        rows.par_chunks_mut(dim.max(1)).zip(&good).for_each(|(out, row)| {
            let offsets = row.map(offset).unwrap_or_default();
            out.iter_mut().zip(offsets).for_each(|(out, x)| *out = (x * scale) as f32);
        });
        Self { rows, scale }
    }
}

/// The mean of the good points.
fn mean(good: &[Option<&[f32]>], dim: usize) -> Vec<f64> {
    let mut mean = vec![0.0; dim];
    for row in good.iter().flatten() {
        mean.iter_mut().zip(*row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let count = good.iter().flatten().count().max(1) as f64;
    mean.iter_mut().for_each(|sum| *sum /= count);
    mean
}

/// A power of two, so that scaling rounds nothing.
fn power_of_two_below_inverse(greatest: f64) -> f64 {
    if greatest > 0.0 { (-greatest.log2().ceil()).exp2() } else { 1.0 }
}

/// The blocks of columns of G, each \[n, BLOCK\].
fn panels(gram: &[f32], n: usize) -> impl ExactSizeIterator<Item = &[f32]> {
    gram.chunks_exact((n * BLOCK).max(1))
}

/// G of the rows \[n, dim\], by blocks of columns. Only what is on or below the diagonal blocks is computed.
fn gram(rows: &[f32], n: usize, dim: usize) -> Vec<f32> {
    let blocks = n.div_ceil(BLOCK);
    let mut gram = vec![0.0; blocks * n * BLOCK];
    let panels = gram.par_chunks_mut((n * BLOCK).max(1)).enumerate();
    panels.for_each(|(block, panel)| lower_panel(rows, n, dim, block, panel));
    mirror(&mut gram, n);
    gram
}

/// Coordinates a pass: the packed piece of a block, 64 KiB, and four rows fit the caches near the core; and summing in
/// pieces loses fewer digits than summing 4096 products in one go.
const DEPTH: usize = 256;
/// Rows of a tile.
const TILE_ROWS: usize = 4;
/// Columns of a tile: with four rows eight vector registers of four sums, which even the oldest x86-64 has.
const TILE_COLUMNS: usize = 8;

/// The rows from the block's own on, times the block's columns.
fn lower_panel(rows: &[f32], n: usize, dim: usize, block: usize, panel: &mut [f32]) {
    let first = block * BLOCK;
    let mut packed = vec![[0.0; TILE_COLUMNS]; DEPTH * BLOCK / TILE_COLUMNS];
    for from in (0..dim).step_by(DEPTH) {
        let depth = from..dim.min(from + DEPTH);
        pack(rows, n, dim, first, depth.clone(), &mut packed);
        let len = depth.len();
        let mut i = first;
        while i + TILE_ROWS <= n {
            let four: [&[f32]; TILE_ROWS] = std::array::from_fn(|r| &rows[(i + r) * dim..][depth.clone()]);
            tile_row(four, &packed, len, &mut panel[i * BLOCK..]);
            i += TILE_ROWS;
        }
        for i in i..n {
            tile_row([&rows[i * dim..][depth.clone()]], &packed, len, &mut panel[i * BLOCK..]);
        }
    }
}

/// A block's coordinates, column tile by column tile: \[BLOCK / TILE_COLUMNS, DEPTH, TILE_COLUMNS\].
fn pack(rows: &[f32], n: usize, dim: usize, first: usize, depth: Range<usize>, packed: &mut [[f32; TILE_COLUMNS]]) {
    for l in 0..BLOCK.min(n - first) {
        let row = &rows[(first + l) * dim..][depth.clone()];
        let tile = &mut packed[l / TILE_COLUMNS * DEPTH..];
        for (column, &value) in tile.iter_mut().zip(row) {
            column[l % TILE_COLUMNS] = value;
        }
    }
}

/// R rows of the panel: adds the products of R points with all of the block's.
fn tile_row<const R: usize>(points: [&[f32]; R], packed: &[[f32; TILE_COLUMNS]], len: usize, out: &mut [f32]) {
    for (t, tile) in packed.chunks_exact(DEPTH).enumerate() {
        let mut sums = [[0.0; TILE_COLUMNS]; R];
        let points = points.map(|point| &point[..len]);
        for (d, columns) in tile[..len].iter().enumerate() {
            for r in 0..R {
                let x = points[r][d];
                for l in 0..TILE_COLUMNS {
                    sums[r][l] += x * columns[l];
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = &mut out[r * BLOCK + t * TILE_COLUMNS..][..TILE_COLUMNS];
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
        }
    }
}

/// Fills in what is above the diagonal blocks.
fn mirror(gram: &mut [f32], n: usize) {
    let size = (n * BLOCK).max(1);
    for block in 1..n.div_ceil(BLOCK) {
        let (before, from_here) = gram.split_at_mut(block * size);
        let first = block * BLOCK;
        let width = BLOCK.min(n - first);
        for (i, row) in from_here[..first * BLOCK].chunks_exact_mut(BLOCK).enumerate() {
            let source = &before[i / BLOCK * size + i % BLOCK..];
            for (l, out) in row[..width].iter_mut().enumerate() {
                *out = source[(first + l) * BLOCK];
            }
        }
    }
}

/// Adds the panel's rows `members` to nothing: `out` becomes their sum.
fn sum_rows(panel: &[f32], members: &[u32], out: &mut [f32]) {
    const PART: usize = 32;
    // In two halves, whose sums stay in registers.
    for (half, out) in out.chunks_exact_mut(PART).enumerate() {
        let mut sums = [0.0_f32; PART];
        for &j in members {
            let row = &panel[j as usize * BLOCK + half * PART..][..PART];
            for l in 0..PART {
                sums[l] += row[l];
            }
        }
        out.copy_from_slice(&sums);
    }
}

/// The sum of padded values: in sixteen lanes, which is fast and fixed.
fn sum(values: &[f32]) -> f64 {
    let mut lanes = [0.0_f32; 16];
    for piece in values.chunks_exact(16) {
        for l in 0..16 {
            lanes[l] += piece[l];
        }
    }
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}

/// One random start on its way.
struct Start {
    /// The cluster of every point.
    labels: Vec<u32>,
    sizes: Vec<u32>,
    /// A hash of every cluster's members: the sum of their [`token`]s, so that a move changes it cheaply.
    hashes: Vec<u64>,
    /// The cluster whose S is not kept but follows from the others: the greatest, since it is the dearest.
    implied: usize,
    /// How S must change to follow the labels.
    change: Change,
    /// Of the last labels for which S was known, hence no less than that of `labels`.
    inertia: f64,
    done: bool,
}

/// A change of S.
enum Change {
    /// From nothing: the points in order of cluster, and where each cluster begins.
    Rebuild { members: Vec<u32>, begins: Vec<usize> },
    /// A few points: (point, old cluster, new cluster).
    Moves(Vec<(u32, u32, u32)>),
}

impl Start {
    fn new(labels: Vec<u32>, k: usize) -> Self {
        let mut start = Self {
            sizes: vec![0; k],
            hashes: vec![0; k],
            implied: 0,
            change: Change::Moves(Vec::new()),
            inertia: f64::INFINITY,
            done: false,
            labels,
        };
        for (i, &label) in start.labels.iter().enumerate() {
            start.sizes[label as usize] += 1;
            add(&mut start.hashes[label as usize], token(i));
        }
        start.rebuild();
        start
    }

    /// Asks for S from nothing, which also ends any drift.
    fn rebuild(&mut self) {
        let greatest = self.sizes.iter().enumerate().max_by_key(|&(_, size)| size);
        self.implied = greatest.map_or(0, |(cluster, _)| cluster);
        let mut end = 0;
        let mut begins = vec![0];
        begins.extend(self.sizes.iter().map(|&size| {
            end += size as usize;
            end
        }));
        let mut next = begins.clone();
        let mut members = vec![0; self.labels.len()];
        for (i, &label) in self.labels.iter().enumerate() {
            let place = &mut next[label as usize];
            members[*place] = i as u32;
            *place += 1;
        }
        self.change = Change::Rebuild { members, begins };
    }

    /// Takes the new labels, and notes how S must change.
    fn move_to(&mut self, labels: Vec<u32>) {
        let pairs = self.labels.iter().zip(&labels).enumerate();
        let moved = pairs.filter(|(_, (from, to))| from != to);
        let moves: Vec<_> = moved.map(|(i, (&from, &to))| (i as u32, from, to)).collect();
        let dear = self.labels.len() - self.sizes[self.implied] as usize;
        for &(i, from, to) in &moves {
            let (from, to) = (from as usize, to as usize);
            self.sizes[from] -= 1;
            self.sizes[to] += 1;
            add(&mut self.hashes[from], token(i as usize).wrapping_neg());
            add(&mut self.hashes[to], token(i as usize));
        }
        self.labels = labels;
        self.done = moves.is_empty();
        // A move writes up to two rows of S, a rebuild only reads.
        if moves.len() * 3 > dear {
            self.rebuild();
        } else {
            self.change = Change::Moves(moves);
        }
    }

    /// Brings one block of S (\[k, BLOCK\]) up to date with the labels.
    fn update(&self, panel: &[f32], totals: &[f32], sums: &mut [f32]) {
        match &self.change {
            Change::Rebuild { members, begins } => {
                for (c, sums) in sums.chunks_exact_mut(BLOCK).enumerate() {
                    if c != self.implied {
                        sum_rows(panel, &members[begins[c]..begins[c + 1]], sums);
                    }
                }
            }
            Change::Moves(moves) => self.shift(moves, panel, sums),
        }
        self.imply(totals, sums);
    }

    fn shift(&self, moves: &[(u32, u32, u32)], panel: &[f32], sums: &mut [f32]) {
        for &(i, from, to) in moves {
            let row = &panel[i as usize * BLOCK..][..BLOCK];
            if from as usize != self.implied {
                let sums = &mut sums[from as usize * BLOCK..][..BLOCK];
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum -= x);
            }
            if to as usize != self.implied {
                let sums = &mut sums[to as usize * BLOCK..][..BLOCK];
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
        }
    }

    /// The implied cluster's sums: all less the others.
    fn imply(&self, totals: &[f32], sums: &mut [f32]) {
        let mut rest = [0.0; BLOCK];
        rest.copy_from_slice(totals);
        let others = sums.chunks_exact(BLOCK).enumerate().filter(|&(c, _)| c != self.implied);
        for (_, sums) in others {
            rest.iter_mut().zip(sums).for_each(|(rest, sum)| *rest -= sum);
        }
        sums[self.implied * BLOCK..][..BLOCK].copy_from_slice(&rest);
    }

    /// One step of Lloyd's: every point to the nearest mean. `blocks` are this start's blocks of S.
    fn assign(&mut self, clusterer: &Clusterer, noise: f32, blocks: &[&[f32]]) {
        let means = Means::new(self, blocks);
        self.inertia = (sum(&clusterer.diagonal) - means.spread).max(0.0);
        let mut labels = self.labels.clone();
        let mut distances = clusterer.diagonal.clone();
        let pieces = labels.chunks_mut(BLOCK).zip(distances.chunks_exact_mut(BLOCK));
        for (sums, (labels, distances)) in blocks.iter().zip(pieces) {
            means.nearest(sums, labels, distances);
        }
        fill_empty(&mut labels, &distances, self.sizes.len(), noise);
        self.move_to(labels);
    }

    /// The same for the same partition, however its clusters are numbered.
    fn fingerprint(&self) -> u64 {
        self.hashes.iter().fold(0, |print, &hash| scramble(hash).wrapping_add(print))
    }
}

/// What a start's clusters mean for a point: the squared distance to cluster c is G_ii + `slope[c]`·S\[c\]\[i\] +
/// `offset[c]`.
struct Means {
    slope: Vec<f32>,
    offset: Vec<f32>,
    /// The sum over the clusters of |c| times the squared length of the mean.
    spread: f64,
}

impl Means {
    fn new(start: &Start, blocks: &[&[f32]]) -> Self {
        let mut inner = vec![0.0_f64; start.sizes.len()];
        for (sums, labels) in blocks.iter().zip(start.labels.chunks(BLOCK)) {
            for (l, &label) in labels.iter().enumerate() {
                inner[label as usize] += f64::from(sums[label as usize * BLOCK + l]);
            }
        }
        let mut means = Self { slope: Vec::new(), offset: Vec::new(), spread: 0.0 };
        for (&size, inner) in start.sizes.iter().zip(inner) {
            let size = f64::from(size);
            // Nothing is near an empty cluster.
            let (slope, offset) = if size > 0.0 { (-2.0 / size, inner / (size * size)) } else { (0.0, f64::INFINITY) };
            means.slope.push(slope as f32);
            means.offset.push(offset as f32);
            means.spread += inner / size.max(1.0);
        }
        means
    }

    /// Gives every point of a block its nearest cluster, the old one of equals, and adds the distance less G_ii to
    /// `distances`.
    fn nearest(&self, sums: &[f32], labels: &mut [u32], distances: &mut [f32]) {
        let mut best = [f32::INFINITY; BLOCK];
        let mut cluster = [0_u32; BLOCK];
        let clusters = self.slope.iter().zip(&self.offset).zip(sums.chunks_exact(BLOCK)).zip(0..);
        for (((slope, offset), sums), c) in clusters {
            for ((best, cluster), sum) in best.iter_mut().zip(&mut cluster).zip(sums) {
                let distance = slope * sum + offset;
                *cluster = if distance < *best { c } else { *cluster };
                *best = if distance < *best { distance } else { *best };
            }
        }
        distances.iter_mut().zip(&best).for_each(|(distance, best)| *distance += best);
        for (l, label) in labels.iter_mut().enumerate() {
            let own = *label as usize;
            if best[l] < self.slope[own] * sums[own * BLOCK + l] + self.offset[own] {
                *label = cluster[l];
            }
        }
    }
}

/// Gives every empty cluster the point farthest from its mean, unless all that are left lie on theirs.
fn fill_empty(labels: &mut [u32], distances: &[f32], k: usize, noise: f32) {
    let mut sizes = vec![0_u32; k];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    for empty in 0..k {
        if sizes[empty] > 0 {
            continue;
        }
        // A cluster's only point lies on its mean; it would leave another cluster empty.
        let movable = |&(i, &distance): &(usize, &f32)| distance > noise && sizes[labels[i] as usize] > 1;
        let candidates = distances[..labels.len()].iter().enumerate().filter(movable);
        let Some((farthest, _)) = candidates.max_by(|a, b| a.1.total_cmp(b.1)) else {
            return;
        };
        sizes[labels[farthest] as usize] -= 1;
        sizes[empty] += 1;
        labels[farthest] = empty as u32;
    }
}

/// Labels in order of first appearance.
fn canonical(labels: &[u32], k: usize) -> Vec<u32> {
    let mut names = vec![None; k];
    let mut unused = 0..;
    let name = |&label: &u32| *names[label as usize].get_or_insert_with(|| unused.next().unwrap_or(label));
    labels.iter().map(name).collect()
}

fn add(hash: &mut u64, token: u64) {
    *hash = hash.wrapping_add(token);
}

/// A point's part in its cluster's hash.
fn token(i: usize) -> u64 {
    scramble(i as u64)
}

/// SplitMix64's output function.
fn scramble(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Starts that advance together.
struct Batch<'a> {
    clusterer: &'a Clusterer,
    k: usize,
    starts: Vec<Start>,
    /// S: \[blocks, starts, k, BLOCK\].
    sums: Vec<f32>,
    noise: f32,
}

impl<'a> Batch<'a> {
    /// The starts of these numbers, each with its own stream of the seed.
    fn new(clusterer: &'a Clusterer, k: usize, seed: u64, numbers: Range<u32>) -> Self {
        let noise = clusterer.noise();
        let start = |number: u32| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream((k as u64) << 32 | u64::from(number));
            Start::new(seeded_labels(clusterer, k, &mut random), k)
        };
        let starts: Vec<Start> = numbers.into_par_iter().map(start).collect();
        let sums = vec![0.0; clusterer.diagonal.len() * k * starts.len()];
        Self { clusterer, k, starts, sums, noise }
    }

    /// Advances all starts to their ends; the best, its inertia in the units of G.
    fn run(mut self, cancelled: &dyn Fn() -> bool) -> Labeling {
        let mut visited = HashSet::new();
        for _ in 0..MAX_ROUNDS {
            self.end_repeats(&mut visited);
            if cancelled() || self.starts.iter().all(|start| start.done) {
                break;
            }
            self.update();
            self.assign();
        }
        let best = self.starts.iter().min_by(|a, b| a.inertia.total_cmp(&b.inertia));
        let labels = best.map_or_else(Vec::new, |best| canonical(&best.labels, self.k));
        Labeling { labels, inertia: best.map_or(f64::INFINITY, |best| best.inertia) }
    }

    /// Ends the starts at a partition where some start has been: it goes, or went, on from there.
    fn end_repeats(&mut self, visited: &mut HashSet<u64>) {
        for start in self.starts.iter_mut().filter(|start| !start.done) {
            start.done = !visited.insert(start.fingerprint());
        }
    }

    /// Brings S up to date: in parallel over the blocks of columns, all starts for each.
    fn update(&mut self) {
        let Self { clusterer, k, starts, .. } = self;
        let size = *k * BLOCK;
        let blocks = self.sums.par_chunks_mut(size * starts.len());
        let panels = clusterer.gram.par_chunks(clusterer.n * BLOCK);
        let totals = clusterer.totals.par_chunks(BLOCK);
        blocks.zip(panels).zip(totals).for_each(|((sums, panel), totals)| {
            for (start, sums) in starts.iter().zip(sums.chunks_exact_mut(size)) {
                if !start.done {
                    start.update(panel, totals, sums);
                }
            }
        });
    }

    fn assign(&mut self) {
        let size = self.k * BLOCK;
        let stride = size * self.starts.len();
        let (sums, clusterer, noise) = (&self.sums, self.clusterer, self.noise);
        let active = self.starts.par_iter_mut().enumerate().filter(|(_, start)| !start.done);
        active.for_each(|(s, start)| {
            let blocks = sums.chunks_exact(stride).map(|block| &block[s * size..(s + 1) * size]);
            start.assign(clusterer, noise, &blocks.collect::<Vec<_>>());
        });
    }
}

/// A first partition by greedy k-means++, as scikit-learn's default: each further centre is the best of a few points
/// drawn with a chance in proportion to their squared distance to the nearest centre so far.
fn seeded_labels(clusterer: &Clusterer, k: usize, random: &mut ChaCha8Rng) -> Vec<u32> {
    let n = clusterer.n;
    let trials = 2 + (k as f64).ln() as usize;
    let mut labels = vec![0; n];
    let mut unknown = vec![f32::INFINITY; n];
    // The padding must not be drawn.
    unknown.resize(clusterer.diagonal.len(), 0.0);
    let mut nearest = unknown.clone();
    clusterer.nearer(random.random_range(0..n), &unknown, &mut nearest);
    let mut trial = nearest.clone();
    let mut best = nearest.clone();
    for centre in 1..k as u32 {
        let total = sum(&nearest);
        if total <= 0.0 {
            // Every point is a centre, or the same as one.
            break;
        }
        let mut least = f64::INFINITY;
        for _ in 0..trials {
            let drawn = draw(&nearest, random.random::<f64>() * total);
            clusterer.nearer(drawn, &nearest, &mut trial);
            let potential = sum(&trial);
            if potential < least {
                least = potential;
                std::mem::swap(&mut best, &mut trial);
            }
        }
        for (label, (new, old)) in labels.iter_mut().zip(best.iter().zip(&nearest)) {
            *label = if new < old { centre } else { *label };
        }
        std::mem::swap(&mut nearest, &mut best);
    }
    labels
}

/// The point at which the running sum of the weights passes `target`; the last of any weight where rounding keeps the
/// sum below.
fn draw(weights: &[f32], target: f64) -> usize {
    let mut passed = 0.0;
    let mut last = 0;
    for (i, &weight) in weights.iter().enumerate().filter(|&(_, &weight)| weight > 0.0) {
        passed += f64::from(weight);
        last = i;
        if passed > target {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests;
