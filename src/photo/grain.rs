//! A photo's grain, which models do not draw: how much of it there is around a patch, and as much laid over the patch where
//! that is smoother.
//!
//! Measured is what is left of a picture where its neighbours do not explain a pixel (the operator of Immerkær 1996, which
//! is blind to slopes), tile by tile. A photo's flattest tiles have nothing but grain in them.

/// The side of a tile, in the photo's pixels.
const TILE: usize = 16;
/// The fewest tiles that say something of a photo.
const FEWEST: usize = 8;
/// Of how many tiles one is among the flattest.
const FLATTEST: usize = 4;
/// Numbers this near to black or white are cut off there, and their grain with them.
const CUT: f32 = 1.5;
/// How much red, green and blue count in brightness.
const LIGHT: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// What tiles have, row by row: the mean square of what neighbours do not explain, of red, green, blue and brightness, in
/// steps of 255; and whether nothing in them is cut off.
pub(super) struct Tiles {
    columns: usize,
    rough: Vec<[f32; 4]>,
    whole: Vec<bool>,
}

impl Tiles {
    /// Looks at a picture, row by row from above. `row` gives the pixels of one, 0..255.
    pub fn of((width, height): (usize, usize), mut row: impl FnMut(usize) -> Vec<[f32; 3]>) -> Self {
        let (columns, rows) = (width.div_ceil(TILE), height.div_ceil(TILE));
        let mut sums = vec![([0.0_f32; 4], 0_u32, true); columns * rows];
        let mut near: [Vec<[f32; 3]>; 3] = [Vec::new(), Vec::new(), Vec::new()];
        for at in 0..height {
            near.rotate_left(1);
            near[2] = row(at);
            // Every row but the first and the last has one above and one below.
            if at < 2 {
                continue;
            }
            let y = at - 1;
            let [above, own, below] = &near;
            for x in 1..width.saturating_sub(1) {
                let apart: [f32; 3] = std::array::from_fn(|part| {
                    let sides = above[x][part] + below[x][part] + own[x - 1][part] + own[x + 1][part];
                    let corners = above[x - 1][part] + above[x + 1][part] + below[x - 1][part] + below[x + 1][part];
                    // White noise comes out as strong as it is.
                    (corners - 2.0 * sides + 4.0 * own[x][part]) / 6.0
                });
                let [red, green, blue] = apart;
                let light = LIGHT[0] * red + LIGHT[1] * green + LIGHT[2] * blue;
                let (sum, count, whole) = &mut sums[y / TILE * columns + x / TILE];
                for (sum, apart) in sum.iter_mut().zip([red, green, blue, light]) {
                    *sum += apart * apart;
                }
                *count += 1;
                *whole &= own[x].iter().all(|part| (CUT..=255.0 - CUT).contains(part));
            }
        }
        let rough = sums.iter().map(|(sum, count, _)| sum.map(|part| part / (*count).max(1) as f32)).collect();
        let whole = sums.iter().map(|(_, count, whole)| *whole && *count as usize > TILE * TILE / 2).collect();
        Self { columns, rough, whole }
    }

    /// A tile's place in the lists, by a pixel's.
    fn tile(&self, x: usize, y: usize) -> usize {
        y / TILE * self.columns + x / TILE
    }
}

/// How grainy a photo is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grain {
    /// The variance of red, green and blue, in steps of 255.
    parts: [f32; 3],
    /// How much of it all three have in common, 0 to 1.
    shared: f32,
}

impl Grain {
    /// The grain of a photo's tiles, of those that are `outside` of what is patched. None where too few are.
    pub fn of(photo: &Tiles, outside: &[bool]) -> Option<Self> {
        let known = photo.rough.iter().zip(&photo.whole).zip(outside);
        let known = known.filter(|((_, whole), outside)| **whole && **outside);
        let mut flattest: Vec<[f32; 4]> = known.map(|((rough, _), _)| *rough).collect();
        if flattest.len() < FEWEST {
            return None;
        }
        flattest.sort_by(|one, other| one[3].total_cmp(&other[3]));
        flattest.truncate(flattest.len() / FLATTEST);
        let mean = |part: usize| flattest.iter().map(|rough| rough[part]).sum::<f32>() / flattest.len() as f32;
        let parts = [mean(0), mean(1), mean(2)];
        // What brightness would have, if the three were the same and if they had nothing in common.
        let same: f32 = LIGHT.iter().zip(parts).map(|(light, part)| light * part.sqrt()).sum();
        let apart: f32 = LIGHT.iter().zip(parts).map(|(light, part)| light * light * part).sum();
        let (same, light) = (same * same, mean(3));
        let shared = if same > apart { ((light - apart) / (same - apart)).clamp(0.0, 1.0) } else { 1.0 };
        Some(Self { parts, shared })
    }
}

/// Grain for a patch.
pub(super) struct Added {
    patch: Tiles,
    grain: Grain,
    seed: u64,
}

impl Added {
    /// What a patch lacks of a photo's grain. Another seed, other grain.
    pub fn new(patch: Tiles, grain: Grain, seed: u64) -> Self {
        Self { patch, grain, seed }
    }

    /// What is to be added to a pixel's red, green and blue, in steps of 255, by its place in the crop.
    pub fn at(&self, x: usize, y: usize) -> [f32; 3] {
        // Between the middles of tiles, so that no tile shows.
        let rows = self.patch.rough.len() / self.patch.columns.max(1);
        let between = |at: usize, count: usize| {
            let place = ((at as f32 + 0.5) / TILE as f32 - 0.5).max(0.0);
            let first = (place as usize).min(count - 1);
            (first, (first + 1).min(count - 1), place - first as f32)
        };
        let ((left, right, across), (above, below, down)) = (between(x, self.patch.columns), between(y, rows));
        let lacks = |column: usize, row: usize, part: usize| {
            let rough = self.patch.rough[row * self.patch.columns + column][part];
            (self.grain.parts[part] - rough).max(0.0).sqrt()
        };
        let own = noise(self.seed, x, y, 3);
        std::array::from_fn(|part| {
            let mix = |a: f32, b: f32, share: f32| a + (b - a) * share.min(1.0);
            let upper = mix(lacks(left, above, part), lacks(right, above, part), across);
            let lower = mix(lacks(left, below, part), lacks(right, below, part), across);
            let alone = noise(self.seed, x, y, part as u64);
            let both = self.grain.shared.sqrt() * own + (1.0 - self.grain.shared).sqrt() * alone;
            mix(upper, lower, down) * both
        })
    }
}

/// Which tiles have no pixel that counts for a patch, by its weights row by row.
pub(super) fn outside(tiles: &Tiles, height: usize, weights: impl Fn(usize) -> Vec<f32>) -> Vec<bool> {
    let mut outside = vec![true; tiles.rough.len()];
    for y in 0..height {
        for (x, weight) in weights(y).into_iter().enumerate() {
            if weight > 1e-6 {
                outside[tiles.tile(x, y)] = false;
            }
        }
    }
    outside
}

/// Noise of a pixel, nearly as a bell: four numbers of 16 bits added up, with mean 0 and variance 1. The same for the same
/// numbers everywhere (the mixer is SplitMix64's).
fn noise(seed: u64, x: usize, y: usize, part: u64) -> f32 {
    let place = ((y as u64) << 34) | ((x as u64) << 2) | part;
    let mut bits = seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    let sum: u64 = (0..4).map(|quarter| (bits >> (16 * quarter)) & 0xffff).sum();
    // Each has variance 1/12 of its range.
    (sum as f32 / 65_535.0 - 2.0) * 3.0_f32.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (160, 128);

    /// A slope with noise of these strengths of red, green and blue, some of it in common.
    fn noisy(strength: [f32; 3], common: bool) -> impl Fn(usize) -> Vec<[f32; 3]> {
        move |y| {
            let pixel = |x: usize| {
                let own = |part: usize| noise(99, x, y, if common { 0 } else { part as u64 });
                let slope = 60.0 + x as f32 * 0.5 + y as f32 * 0.3;
                std::array::from_fn(|part| slope + strength[part] * own(part))
            };
            (0..SIZE.0).map(pixel).collect()
        }
    }

    fn measured(row: impl FnMut(usize) -> Vec<[f32; 3]>) -> Grain {
        let tiles = Tiles::of(SIZE, row);
        Grain::of(&tiles, &vec![true; tiles.rough.len()]).unwrap()
    }

    #[test]
    fn noise_is_measured_as_strong_as_it_is_and_rather_weaker() {
        for common in [true, false] {
            let grain = measured(noisy([6.0, 3.0, 4.0], common));
            for (part, strength) in grain.parts.iter().zip([6.0, 3.0, 4.0]) {
                let found = part.sqrt() / strength;
                assert!((0.8..1.05).contains(&found), "{common}: {grain:?}");
            }
            assert!(if common { grain.shared > 0.9 } else { grain.shared < 0.2 }, "{grain:?}");
        }
        // A slope alone has none.
        assert!(measured(noisy([0.0; 3], true)).parts.iter().all(|part| *part < 1e-4));
    }

    #[test]
    fn what_is_drawn_on_flat_ground_is_no_grain_and_what_is_cut_off_says_nothing() {
        let stripes = |y: usize| -> Vec<[f32; 3]> {
            (0..SIZE.0).map(|x| if x < 96 && (x + y).is_multiple_of(3) { [220.0; 3] } else { [100.0; 3] }).collect()
        };
        assert!(measured(stripes).parts.iter().all(|part| *part < 1e-4));
        let tiles = Tiles::of(SIZE, |_| vec![[255.0; 3]; SIZE.0]);
        assert_eq!(Grain::of(&tiles, &vec![true; tiles.rough.len()]), None);
        let tiles = Tiles::of(SIZE, noisy([2.0; 3], true));
        assert_eq!(Grain::of(&tiles, &vec![false; tiles.rough.len()]), None);
    }

    #[test]
    fn a_smooth_patch_becomes_as_grainy_as_the_photo_and_a_grainy_one_stays() {
        let strength = [5.0, 4.0, 6.0];
        let grain = measured(noisy(strength, false));
        let rough = |row: &dyn Fn(usize) -> Vec<[f32; 3]>, seed: u64| {
            let added = Added::new(Tiles::of(SIZE, row), grain, seed);
            let with = |y: usize| -> Vec<[f32; 3]> {
                let pixels = row(y).into_iter().enumerate();
                pixels.map(|(x, own)| std::array::from_fn(|part| own[part] + added.at(x, y)[part])).collect()
            };
            measured(with)
        };
        let smooth = noisy([0.0; 3], false);
        let patched = rough(&smooth, 3);
        for (found, wanted) in patched.parts.iter().zip(grain.parts) {
            assert!((found.sqrt() / wanted.sqrt() - 1.0).abs() < 0.15, "{patched:?} {grain:?}");
        }
        assert_ne!(rough(&smooth, 4), patched, "another seed");
        assert_eq!(rough(&smooth, 3), patched);
        let before = noisy(strength, false);
        let after = rough(&before, 3);
        for (found, wanted) in after.parts.iter().zip(grain.parts) {
            assert!((found.sqrt() / wanted.sqrt() - 1.0).abs() < 0.12, "{after:?} {grain:?}");
        }
    }

    #[test]
    fn noise_has_mean_0_and_variance_1_and_neighbours_have_nothing_in_common() {
        let all: Vec<f32> = (0..200).flat_map(|y| (0..200).map(move |x| noise(7, x, y, 0))).collect();
        let mean = |numbers: &mut dyn Iterator<Item = f32>| numbers.sum::<f32>() / 40_000.0;
        assert!(mean(&mut all.iter().copied()).abs() < 0.03);
        assert!((mean(&mut all.iter().map(|own| own * own)) - 1.0).abs() < 0.03);
        for far in [1, 200, 201] {
            assert!(mean(&mut all.iter().zip(&all[far..]).map(|(a, b)| a * b)).abs() < 0.03, "{far}");
        }
        let parts = (0..200).flat_map(|y| (0..200).map(move |x| noise(7, x, y, 0) * noise(7, x, y, 1)));
        assert!((parts.sum::<f32>() / 40_000.0).abs() < 0.03);
    }
}
