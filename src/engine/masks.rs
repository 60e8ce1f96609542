//! Masks from grid to grid, the same mask at every grid of the UNet, and masks out of clusters.
//!
//! Nothing here knows tensors. A mask is a row-major grid of booleans; resizing goes through one filter, torch's
//! antialiased bilinear, so that a mask equals the reference's bit for bit (method: "Masks").

pub use crate::link::mask::Mask;

/// A value above this after resizing is on (method: "threshold > 0.5").
const THRESHOLD: f32 = 0.5;

/// How many grids the UNet of Stable Diffusion 1.5 works on: the latent's, and three halvings of it.
pub const GRIDS: usize = 4;

impl Mask {
    /// A grey picture of `from` = (height, width) pixels, 0 off and 255 on, brought to the grid `to`: the values as
    /// 0..1, resized with [`resize_antialiased`], above one half on.
    pub fn from_gray_resized(pixels: &[u8], from: (usize, usize), to: (usize, usize)) -> Self {
        let values: Vec<f32> = pixels.iter().map(|&value| f32::from(value) / 255.0).collect();
        Self::threshold(&resize_antialiased(&values, from, to), to)
    }

    /// Likewise, with Pillow's rounding: the release resizes mask *files* as 8-bit pictures (on above 127) and only
    /// the masks on the latent's grid as floats. The two differ where a mask's edge halves a cell, as the straight
    /// edges of rectangles often do: such a cell is on here and off in [`Mask::from_gray_resized`].
    pub fn from_gray_as_pillow(pixels: &[u8], from: (usize, usize), to: (usize, usize)) -> Self {
        let values = resize_as_pillow(pixels, from, to);
        Self { height: to.0, width: to.1, on: values.iter().map(|&value| value > 127).collect() }
    }

    /// Every cell of the grid `to` that any pixel above 127 lies in, of a grey picture of `from` = (height, width) pixels.
    pub fn of_cells_with_any(pixels: &[u8], from: (usize, usize), to: (usize, usize)) -> Self {
        let mut on = vec![false; to.0 * to.1];
        for (at, _) in pixels.iter().enumerate().filter(|(_, value)| **value > 127) {
            let (row, column) = (at / from.1 * to.0 / from.0, at % from.1 * to.1 / from.1);
            if let Some(cell) = on.get_mut(row * to.1 + column) {
                *cell = true;
            }
        }
        Self { height: to.0, width: to.1, on }
    }

    /// The same mask on another grid (height, width), resized and thresholded as the reference does.
    pub fn resized(&self, to: (usize, usize)) -> Self {
        let values: Vec<f32> = self.on.iter().map(|&on| f32::from(u8::from(on))).collect();
        Self::threshold(&resize_antialiased(&values, self.size(), to), to)
    }

    fn threshold(values: &[f32], size: (usize, usize)) -> Self {
        Self { height: size.0, width: size.1, on: values.iter().map(|&value| value > THRESHOLD).collect() }
    }
}

/// One mask at the UNet's four grids: 1, 1/2, 1/4 and 1/8 of the latent, each side rounded up as the UNet's strided
/// convolutions do.
///
/// Every grid is resized straight from the mask's source, never from the next finer grid, as the release does: the
/// source is the latent-grid mask at the start, and a cluster on the attention's grid once refined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridMasks {
    grids: [Mask; GRIDS],
}

impl GridMasks {
    /// From a mask on the latent's grid, which is thereby the finest grid.
    pub fn new(latent: Mask) -> Self {
        let size = latent.size();
        Self::from_source(&latent, size)
    }

    /// From a mask on any grid, for a latent of (height, width) `latent` cells.
    pub fn from_source(source: &Mask, latent: (usize, usize)) -> Self {
        Self { grids: grid_sizes(latent).map(|size| source.resized(size)) }
    }

    /// The mask on the latent's grid.
    pub fn latent(&self) -> &Mask {
        &self.grids[0]
    }

    /// All grids, finest first.
    pub fn grids(&self) -> &[Mask; GRIDS] {
        &self.grids
    }

    /// The mask for an attention layer of `tokens` tokens; none if no grid has that many cells.
    pub fn for_tokens(&self, tokens: usize) -> Option<&Mask> {
        self.grids.iter().find(|mask| mask.height * mask.width == tokens)
    }

    /// The mask of every grid from `make(grid)`, grid 0 being the latent's.
    pub(crate) fn from_grids(make: impl FnMut(usize) -> Mask) -> Self {
        Self { grids: std::array::from_fn(make) }
    }
}

/// The sizes of the UNet's grids for a latent of (height, width) cells, finest first.
pub fn grid_sizes(latent: (usize, usize)) -> [(usize, usize); GRIDS] {
    std::array::from_fn(|level| {
        let scale = 1 << level;
        (latent.0.div_ceil(scale), latent.1.div_ceil(scale))
    })
}

/// A clustered attention map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    /// Height and width.
    pub grid: (usize, usize),
    /// The cluster of every cell.
    pub labels: Vec<u32>,
}

impl Clusters {
    /// The cluster under a point, given in fractions of the height and width.
    pub fn under(&self, (y, x): (f32, f32)) -> Mask {
        let (height, width) = self.grid;
        let cell = |at: f32, size: usize| ((at * size as f32) as usize).min(size.saturating_sub(1));
        let label = self.labels.get(cell(y, height) * width + cell(x, width)).copied();
        Mask { height, width, on: self.labels.iter().map(|&other| Some(other) == label).collect() }
    }
}

/// The grid of `tokens` cells with a latent's proportions.
pub fn grid_of(tokens: usize, latent: (usize, usize)) -> (usize, usize) {
    let sizes = grid_sizes(latent);
    sizes.into_iter().find(|(height, width)| height * width == tokens).unwrap_or((1, tokens))
}

/// Resizes a row-major picture from (height, width) `from` to `to` as torch's `upsample_bilinear2d_aa` does in f32
/// (torchvision's `Resize` with `antialias=True`): a triangle filter, widened when shrinking; half-pixel bilinear
/// when enlarging. Horizontal pass first, sums from left to right.
///
/// A `src` that does not fit `from` gives zeros.
pub fn resize_antialiased(src: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    if src.is_empty() || from.0.checked_mul(from.1) != Some(src.len()) {
        return vec![0.0; to.0 * to.1];
    }
    let columns = filters(from.1, to.1);
    let rows = filters(from.0, to.0);
    let across: Vec<f32> =
        src.chunks_exact(from.1).flat_map(|row| columns.iter().map(|filter| filter.apply(|x| row[x]))).collect();
    let down = |filter: &Filter, x: usize| filter.apply(|y| across[y * to.1 + x]);
    rows.iter().flat_map(|filter| (0..to.1).map(move |x| down(filter, x))).collect()
}

/// The source cells that make one target cell, and their weights.
struct Filter {
    first: usize,
    weights: Vec<f32>,
}

impl Filter {
    fn apply(&self, source: impl Fn(usize) -> f32) -> f32 {
        let terms = self.weights.iter().zip(self.first..);
        // Not `sum()`, whose first addend is an implementation's choice of zero.
        terms.fold(0.0, |sum, (&weight, i)| sum + source(i) * weight)
    }
}

/// The filters for one direction. f32 and f64 mix as in torch, where C++ promotes the sums with a literal 0.5.
fn filters(from: usize, to: usize) -> Vec<Filter> {
    let scale = from as f32 / to as f32;
    let support = scale.max(1.0);
    let inverse = if scale >= 1.0 { 1.0 / scale } else { 1.0 };
    (0..to).map(|i| filter(i, from, scale, support, inverse)).collect()
}

fn filter(i: usize, from: usize, scale: f32, support: f32, inverse: f32) -> Filter {
    let center = (f64::from(scale) * (i as f64 + 0.5)) as f32;
    // `as usize` takes a negative number to 0, which is the clamp that torch makes.
    let first = (f64::from(center - support) + 0.5) as usize;
    let end = ((f64::from(center + support) + 0.5) as usize).min(from);
    let mut weights: Vec<f32> = (first..end)
        .map(|j| (f64::from(j as f32 - center) + 0.5) * f64::from(inverse))
        .map(|distance| triangle(distance as f32))
        .collect();
    let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
    if total != 0.0 {
        weights.iter_mut().for_each(|weight| *weight /= total);
    }
    Filter { first, weights }
}

fn triangle(distance: f32) -> f32 {
    (1.0 - distance.abs()).max(0.0)
}

/// Fractional bits of Pillow's weights for 8-bit pictures.
const PILLOW_BITS: u32 = 22;

/// Resizes an 8-bit grey picture from (height, width) `from` to `to` as Pillow's `BILINEAR` does (checked against 11.3;
/// 13 takes the passes of some tall pictures in the other order, which may differ by one grey): the filter of
/// [`resize_antialiased`] in fixed point, rounded to 8 bits after each pass. A `src` that does not fit gives zeros.
fn resize_as_pillow(src: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    if src.is_empty() || from.0.checked_mul(from.1) != Some(src.len()) {
        return vec![0; to.0 * to.1];
    }
    let columns = pillow_filters(from.1, to.1);
    let rows = pillow_filters(from.0, to.0);
    let across: Vec<u8> =
        src.chunks_exact(from.1).flat_map(|row| columns.iter().map(|filter| filter.apply(|x| row[x]))).collect();
    let down = |filter: &PillowFilter, x: usize| filter.apply(|y| across[y * to.1 + x]);
    rows.iter().flat_map(|filter| (0..to.1).map(move |x| down(filter, x))).collect()
}

/// [`Filter`] with weights in units of 2^−22.
struct PillowFilter {
    first: usize,
    weights: Vec<i64>,
}

impl PillowFilter {
    fn apply(&self, source: impl Fn(usize) -> u8) -> u8 {
        let half = 1 << (PILLOW_BITS - 1);
        let terms = self.weights.iter().zip(self.first..);
        let sum: i64 = terms.map(|(&weight, i)| i64::from(source(i)) * weight).sum();
        ((sum + half) >> PILLOW_BITS).clamp(0, 255) as u8
    }
}

fn pillow_filters(from: usize, to: usize) -> Vec<PillowFilter> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    let filter = |i: usize| {
        let center = (i as f64 + 0.5) * scale;
        // `as usize` takes a negative number to 0, which is the clamp that Pillow makes.
        let first = (center - support + 0.5) as usize;
        let end = ((center + support + 0.5) as usize).min(from);
        let distance = |j: usize| (j as f64 - center + 0.5) / support;
        let weights: Vec<f64> = (first..end).map(|j| (1.0 - distance(j).abs()).max(0.0)).collect();
        let total: f64 = weights.iter().sum();
        let unit = f64::from(1 << PILLOW_BITS) / if total == 0.0 { 1.0 } else { total };
        let weights = weights.iter().map(|weight| (0.5 + weight * unit) as i64).collect();
        PillowFilter { first, weights }
    };
    (0..to).map(filter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resize_to_the_same_size_changes_nothing() {
        let values = [0.1, 0.7, 0.3, 0.9, 0.25, 0.5];
        assert_eq!(resize_antialiased(&values, (2, 3), (2, 3)), values);
    }

    #[test]
    fn shrinking_widens_the_filter() {
        let values = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let halved = resize_antialiased(&values, (1, 8), (1, 4));
        assert_eq!(halved, [1.0 / 7.0, 0.75, 0.125, 0.0]);
    }

    #[test]
    fn enlarging_is_plain_bilinear_with_clamped_edges() {
        assert_eq!(resize_antialiased(&[0.0, 1.0], (1, 2), (1, 4)), [0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn impossible_sizes_give_zeros_and_never_panic() {
        assert_eq!(resize_antialiased(&[1.0; 3], (2, 2), (1, 2)), [0.0, 0.0]);
        assert_eq!(resize_antialiased(&[], (0, 0), (1, 1)), [0.0]);
        assert!(resize_antialiased(&[1.0; 4], (2, 2), (0, 3)).is_empty());
        assert!(resize_antialiased(&[], (usize::MAX, 2), (0, 0)).is_empty());
        let torn = Mask { height: 2, width: 2, on: vec![true] };
        assert!(torn.resized((4, 4)).is_empty());
    }

    #[test]
    fn nan_is_off() {
        assert!(Mask::threshold(&[f32::NAN], (1, 1)).is_empty());
    }

    #[test]
    fn a_grey_picture_is_thresholded_after_resizing() {
        let pixels = [255, 255, 0, 0, 255, 200, 100, 0];
        let halved = Mask::from_gray_resized(&pixels, (2, 4), (1, 2));
        assert_eq!(halved.on, [true, false]);
    }

    #[test]
    fn a_cell_that_is_just_half_covered_is_on_only_as_pillow_rounds() {
        let pixels = [255, 255, 255, 0, 0, 0];
        assert_eq!(Mask::from_gray_as_pillow(&pixels, (1, 6), (1, 3)).on, [true, true, false]);
        assert_eq!(Mask::from_gray_resized(&pixels, (1, 6), (1, 3)).on, [true, false, false]);
        assert_eq!(resize_as_pillow(&[9, 200], (2, 1), (2, 1)), [9, 200]);
        assert_eq!(resize_as_pillow(&[9], (2, 1), (1, 1)), [0]);
    }

    #[test]
    fn the_cluster_under_a_point_is_the_whole_cluster() {
        let clusters = Clusters { grid: (2, 3), labels: vec![0, 0, 1, 1, 0, 1] };
        assert_eq!(clusters.under((0.9, 0.4)).on, [true, true, false, false, true, false]);
        assert_eq!(clusters.under((1.0, 1.0)).on, [false, false, true, true, false, true]);
    }

    #[test]
    fn odd_latents_round_their_grids_up() {
        assert_eq!(grid_sizes((9, 20)), [(9, 20), (5, 10), (3, 5), (2, 3)]);
        let grids = GridMasks::new(Mask::from_fn(9, 20, |_, _| true));
        assert_eq!(grids.for_tokens(15).map(Mask::count), Some(15));
        assert_eq!(grids.for_tokens(14), None);
        assert_eq!(grids.latent().size(), (9, 20));
        assert_eq!(GridMasks::new(Mask::empty(0, 0)).for_tokens(7), None);
    }
}
