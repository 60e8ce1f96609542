//! Where in a picture a concept's subject is: by how much each cell heeded the concept's own words while it was drawn.
//!
//! Cross-attention's probabilities of these words, mean over the heads, are summed over all steps and layers that were recorded,
//! each layer brought to the latent's grid (as DAAM does: Tang et al. 2022, arXiv 2210.04885). Otsu's threshold parts the cells
//! into the subject's and the rest; the values, and not their mask, are enlarged to the picture's pixels, so that its rim is
//! smooth. Where the rest heeds the words nearly as much, nothing is told.

use std::collections::BTreeMap;

use crate::engine::masks::{Mask, grid_of, resize_antialiased};
use crate::engine::nets::tap::Site;
use crate::engine::recorded::{Maps, Recorded};

/// How many times as much the subject's cells must heed the words as the rest, in the mean. Figures that the miniature draws
/// have 3 to 7; noise that Otsu's threshold parts in two stays below 2 unless it deviates by two fifths of its mean.
const STANDS_OUT: f64 = 2.0;

/// How the cells of one picture heeded the words.
pub struct Heed {
    /// The positions of the concept's words in its prompt.
    words: Vec<usize>,
    /// Height and width of the latent, in cells.
    latent: (usize, usize),
    /// By the number of a grid's cells, what its layers and all steps come to.
    sums: BTreeMap<usize, Vec<f32>>,
}

impl Heed {
    /// Nothing seen yet of a picture whose latent has (height, width) cells.
    pub fn new(words: Vec<usize>, latent: (usize, usize)) -> Self {
        Self { words, latent, sums: BTreeMap::new() }
    }

    /// Adds what cross-attention of one pass attended to, of one branch and picture.
    pub fn add(&mut self, maps: &Maps) {
        // A map has no order of its own, and sums of floats have one.
        let mut layers: Vec<(&Site, &Recorded)> = maps.iter().collect();
        layers.sort_unstable_by_key(|(site, _)| **site);
        for (_, layer) in layers {
            let (cells, tokens) = (layer.queries(), layer.keys());
            let sums = self.sums.entry(cells).or_insert_with(|| vec![0.0; cells]);
            for (sum, row) in sums.iter_mut().zip(layer.of(0, 0).chunks_exact(tokens.max(1))) {
                *sum += self.words.iter().filter_map(|&word| row.get(word)).sum::<f32>();
            }
        }
    }

    /// Where the subject is in a picture of (height, width) pixels; None where no cells stand out.
    pub fn place(&self, picture: (usize, usize)) -> Option<Mask> {
        let mut heeded = vec![0.0; self.latent.0 * self.latent.1];
        for (&cells, sums) in &self.sums {
            let layer = resize_antialiased(sums, grid_of(cells, self.latent), self.latent);
            heeded.iter_mut().zip(layer).for_each(|(sum, value)| *sum += value);
        }
        let threshold = otsu(&heeded)?;
        let mean = |subject: bool| {
            let cells = heeded.iter().filter(|&&value| (value >= threshold) == subject);
            let (sum, count) = cells.fold((0.0, 0.0), |(sum, count), &value| (sum + f64::from(value), count + 1.0));
            sum / f64::max(count, 1.0)
        };
        if mean(true) < STANDS_OUT * mean(false) {
            return None;
        }
        let (height, width) = picture;
        let on =
            resize_antialiased(&heeded, self.latent, picture).into_iter().map(|value| value >= threshold).collect();
        Some(Mask { height, width, on }).filter(|mask| !mask.is_empty())
    }
}

/// The value that parts others into two groups whose means are as far apart as their sizes allow (Otsu 1979), halfway between
/// the groups. None where all are equal, or one is no number.
fn otsu(values: &[f32]) -> Option<f32> {
    if values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let all: f64 = sorted.iter().map(|&value| f64::from(value)).sum();
    let (mut below, mut best) = (0.0, None);
    for (index, pair) in sorted.windows(2).enumerate() {
        below += f64::from(pair[0]);
        if pair[0] == pair[1] {
            continue;
        }
        let low = (index + 1) as f64;
        let high = sorted.len() as f64 - low;
        let apart = below / low - (all - below) / high;
        let between = low * high * apart * apart;
        if best.is_none_or(|(most, _)| between > most) {
            best = Some((between, (pair[0] + pair[1]) / 2.0));
        }
    }
    best.map(|(_, threshold)| threshold)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use burn::tensor::Device;

    use super::*;
    use crate::engine::concept::{Adapter, Part};
    use crate::engine::concept_files;
    use crate::engine::models::Models;
    use crate::engine::nets::tap::{Block, Kind};
    use crate::engine::report::{Reporter, Wishes};
    use crate::engine::train::draw::{Wish, picture, placed};
    use crate::engine::weights::ModelFiles;
    use crate::link::{JobId, Watch};
    use crate::plush;
    use crate::project::DiskFiles;

    const FINE: Site = Site { block: Block::Up(3), attention: 0, kind: Kind::Cross };
    const COARSE: Site = Site { block: Block::Up(2), attention: 0, kind: Kind::Cross };

    /// A table of three tokens, of which the last two are the concept's.
    fn layer(side: usize, of: impl Fn(usize, usize) -> f32) -> Recorded {
        let cells = (0..side * side).map(|cell| of(cell / side, cell % side));
        let table = cells.flat_map(|value| [0.7, value, value / 2.0]).collect();
        Recorded::made_up(1, side * side, 3, vec![table])
    }

    fn seen(words: &[usize], layers: Vec<(Site, Recorded)>) -> Heed {
        let mut heed = Heed::new(words.to_vec(), (16, 16));
        heed.add(&layers.into_iter().collect());
        heed
    }

    /// Right of the middle and below it, on a grid.
    fn corner(side: usize) -> impl Fn(usize, usize) -> bool {
        move |y, x| y >= side / 2 && x >= side / 2
    }

    #[test]
    fn the_place_is_where_the_words_are_heeded_on_all_grids_together() {
        let of = |side: usize| move |y: usize, x: usize| if corner(side)(y, x) { 0.1 } else { 0.01 };
        let heed = seen(&[1, 2], vec![(FINE, layer(16, of(16))), (COARSE, layer(8, of(8)))]);
        let place = heed.place((64, 64)).expect("it stands out");
        let exact = Mask::from_fn(64, 64, corner(64));
        assert!(place.iou(&exact) > 0.9, "{}", place.iou(&exact));
        // Pictures need not be square.
        assert_eq!(heed.place((32, 96)).expect("likewise").size(), (32, 96));
        // Another token's attention, the same everywhere, tells nothing; nor do no words at all, or what is beyond the table.
        for words in [&[0][..], &[], &[3, 99]] {
            assert_eq!(seen(words, vec![(FINE, layer(16, of(16)))]).place((64, 64)), None, "{words:?}");
        }
    }

    #[test]
    fn what_hardly_stands_out_or_is_no_number_is_no_place() {
        let of = |inside: f32| seen(&[1], vec![(FINE, layer(16, |y, x| if corner(16)(y, x) { inside } else { 0.1 }))]);
        assert_eq!(of(0.19).place((64, 64)), None);
        assert!(of(0.21).place((64, 64)).is_some());
        assert_eq!(of(f32::NAN).place((64, 64)), None);
        assert_eq!(of(f32::INFINITY).place((64, 64)), None);
        // Noise of a third of its mean.
        let noise = |y: usize, x: usize| 0.1 + 0.045 * ((y * 16 + x) as f32 * 2.4).sin();
        assert_eq!(seen(&[1], vec![(FINE, layer(16, noise))]).place((64, 64)), None);
        assert_eq!(Heed::new(vec![1], (16, 16)).place((64, 64)), None, "nothing was seen");
        assert_eq!(Heed::new(vec![1], (0, 0)).place((0, 0)), None);
    }

    #[test]
    fn two_groups_are_parted_between_them() {
        assert_eq!(otsu(&[5.0, 1.0, 1.0, 2.0, 6.0, 1.0]), Some(3.5));
        assert_eq!((otsu(&[2.0; 4]), otsu(&[]), otsu(&[1.0])), (None, None, None));
    }

    /// A concept that is built in, at the strength of test sheets.
    fn built_in(name: &str, models: &Models) -> Adapter {
        let files = DiskFiles { base: ".".into(), assets: crate::assets::find };
        let path = format!("assets:miniature/concepts/{name}.safetensors");
        let file = concept_files::open(&files, Path::new(&path)).expect("built in");
        let part = Part { file: &file, strength: 0.7, text_strength: 0.7 };
        Adapter::new(&[part], &models.unet.config, &models.text_encoder.config, &models.device).expect("it fits")
    }

    fn silent() -> Reporter {
        let (events, _) = crossbeam_channel::unbounded();
        Reporter::new(JobId(0), events, Arc::new(|| ()), Arc::new(Wishes::new(Watch::default())))
    }

    /// Four pictures of three concepts, each compared with where the Plush World's recogniser finds its figure by colours.
    #[test]
    fn the_place_in_a_picture_of_the_miniature_is_that_of_the_recogniser_s_figure_and_of_no_other_picture_s() {
        let models = Models::load(&ModelFiles::BuiltIn, &Device::flex(), &mut |_| Ok(())).expect("built in");
        let sheet = [
            ("mint_cat", "<mint_cat_1> <mint_cat_2> in the city at night", 0),
            ("coral_bear", "<coral_bear_1> <coral_bear_2> in the snow", 1),
            ("lime_robot", "<lime_robot_1> <lime_robot_2> in the desert", 2),
            ("mint_cat", "<mint_cat_1> <mint_cat_2> on the beach", 3),
        ];
        let drawn = sheet.map(|(name, prompt, seed)| {
            let adapter = built_in(name, &models);
            let wish = Wish { prompt, seed, steps: 20, guidance: 5.0, size: 256 };
            let (picture, place) = placed(&models, &adapter, wish, &silent()).expect("a picture");
            let concept = plush::concept(name).expect("of the Plush World");
            let figure = plush::sight(&picture, concept).expect("it has its colours").found.mask;
            let inside = |y: usize, x: usize| figure.get_pixel(x as u32, y as u32).0[0] > 127;
            (place.expect("it stands out"), Mask::from_fn(256, 256, inside))
        });
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let own: Vec<f32> = drawn.iter().map(|(place, figure)| place.iou(figure)).collect();
        // Figures stand in the lower middle, so chance is what a place and another picture's figure have in common.
        let pairs = (0..4).flat_map(|one| (0..4).filter(move |other| *other != one).map(move |other| (one, other)));
        let others: Vec<f32> = pairs.map(|(one, other)| drawn[one].0.iou(&drawn[other].1)).collect();
        // One figure alone has 0.75 to 0.85; where the model draws two of one the words are heeded at both, and half is left.
        assert!(own.iter().all(|iou| *iou > 0.3) && mean(&own) > 0.6, "own {own:?}, others' {others:?}");
        assert!(mean(&own) > mean(&others) + 0.25, "own {own:?}, others' {others:?}");
    }

    #[test]
    fn looking_for_the_place_changes_no_picture() {
        let models = Models::load(&ModelFiles::BuiltIn, &Device::flex(), &mut |_| Ok(())).expect("built in");
        let adapter = built_in("mint_cat", &models);
        let prompt = "<mint_cat_1> <mint_cat_2> in the snow";
        let wish = Wish { prompt, seed: 5, steps: 3, guidance: 5.0, size: 256 };
        let plain = picture(&models, &adapter, wish, &silent()).expect("a picture");
        let (watched, _) = placed(&models, &adapter, wish, &silent()).expect("a picture");
        assert!(plain == watched);
    }
}
