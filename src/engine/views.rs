//! What a listener sees of a step (Appendix B.1): clustered self-attention, cross-attention to the subjects' words,
//! masks, previews. Nothing here changes the picture.

use std::collections::HashMap;
use std::ops::ControlFlow;

use burn::tensor::Tensor;

use super::kmeans::Clusterer;
use super::masks::{GridMasks, grid_of};
use super::models::Models;
use super::nets::tap::{Flow, Halt, Kind, Site, Tap};
use super::prompt::Word;
use super::recorded::{Maps, Record, Recorded};
use super::refine::SubjectMasks;
use super::sample::{attention_site, refinement_site};
use super::scene::{Reference, Scene};
use crate::link::{AttentionView, ClusterView, Lane, MaskView};

/// Clusters of the self-attention view.
const VIEW_CLUSTERS: usize = 5;
/// Random starts of its k-means: a view needs no more.
const VIEW_STARTS: u32 = 4;

/// Sees a UNet pass through to one layer and then stops it.
struct Until(Site);

impl Tap for Until {
    fn key(&mut self, site: Site, _key: &Tensor<3>) -> Flow<()> {
        if site == self.0 { ControlFlow::Break(Halt) } else { ControlFlow::Continue(()) }
    }
}

/// The reference's own attention at a timestep, as a batch of one branch and one picture.
pub fn reference_maps(models: &Models, reference: &Reference, timestep: usize, sites: &[Site]) -> Maps {
    let (Some(latent), Some(last)) =
        (reference.trajectory.at(timestep, models), models.unet.config.decoder_site(6, Kind::Cross))
    else {
        return Maps::new();
    };
    let mut record = Record::new(sites.to_vec(), 1, 1, 1);
    // Stopping after the 6th decoder self-attention is what `Until` is for.
    let _ = models.unet.forward(latent, &[timestep], &reference.context, &mut (&mut record, Until(last)));
    record.maps
}

/// Whose map is where: the branches' lanes in their order.
pub fn lanes(scene: &Scene) -> Vec<Lane> {
    let lane = |name: &String| if name.is_empty() { Lane::Base } else { Lane::Concept(name.clone()) };
    scene.branches.iter().map(|branch| lane(&branch.name)).collect()
}

/// Clusters self-attention for the eye and keeps each cluster's number from step to step.
#[derive(Default)]
pub struct ClusterViews {
    before: HashMap<(Lane, usize), Vec<u32>>,
}

impl ClusterViews {
    /// Every lane's clusters of every picture.
    pub fn see(&mut self, models: &Models, maps: &Maps, lanes: &[Lane], latent: (usize, usize)) -> Vec<ClusterView> {
        let Some(maps) = refinement_site(models).and_then(|site| maps.get(&site)) else { return Vec::new() };
        let tokens = maps.queries();
        let mut views = Vec::new();
        for (branch, lane) in lanes.iter().enumerate() {
            for picture in 0..maps.pictures() {
                let clusterer = Clusterer::new(maps.of(branch, picture), tokens, maps.keys());
                let labels = clusterer.cluster(VIEW_CLUSTERS, VIEW_STARTS, 0, &|| false).labels;
                let key = (lane.clone(), picture);
                let labels = match self.before.get(&key) {
                    Some(before) => follow(before, &labels),
                    None => labels,
                };
                self.before.insert(key, labels.clone());
                views.push(ClusterView { lane: lane.clone(), picture, grid: grid_of(tokens, latent), labels });
            }
        }
        views
    }
}

/// Renumbers `labels` so that they agree with `before` as far as they can: the greatest overlaps first.
fn follow(before: &[u32], labels: &[u32]) -> Vec<u32> {
    let mut overlaps: HashMap<(u32, u32), usize> = HashMap::new();
    for (&old, &new) in before.iter().zip(labels) {
        *overlaps.entry((old, new)).or_default() += 1;
    }
    let mut pairs: Vec<((u32, u32), usize)> = overlaps.into_iter().collect();
    pairs.sort_by_key(|&(pair, count)| (std::cmp::Reverse(count), pair));
    let (mut renamed, mut taken): (HashMap<u32, u32>, Vec<u32>) = Default::default();
    for ((old, new), _) in pairs {
        if !renamed.contains_key(&new) && !taken.contains(&old) {
            renamed.insert(new, old);
            taken.push(old);
        }
    }
    let mut free = (0..).filter(|label| !taken.contains(label));
    labels.iter().map(|label| *renamed.entry(*label).or_insert_with(|| free.next().unwrap_or(*label))).collect()
}

/// Every lane's cross-attention to its subjects' words: each word's map normalised to 0..1, and their mean.
pub fn attention_views(
    models: &Models,
    maps: &Maps,
    lanes: &[Lane],
    words: &[Vec<Word>],
    latent: (usize, usize),
) -> Vec<AttentionView> {
    let Some(maps) = attention_site(models).and_then(|site| maps.get(&site)) else { return Vec::new() };
    let (tokens, keys) = (maps.queries(), maps.keys());
    let grid = grid_of(tokens, latent);
    let mut views = Vec::new();
    for ((branch, lane), words) in lanes.iter().enumerate().zip(words) {
        for picture in 0..maps.pictures() {
            let map = maps.of(branch, picture);
            let view = |word: &str, (values, range)| AttentionView {
                lane: lane.clone(),
                picture,
                word: word.into(),
                grid,
                values,
                range,
            };
            let seen: Vec<(&String, Normalised)> = words
                .iter()
                .filter(|(_, positions)| !positions.is_empty())
                .map(|(word, positions)| (word, normalised(map, keys, positions)))
                .collect();
            if seen.is_empty() {
                continue;
            }
            let mean = (0..tokens)
                .map(|cell| seen.iter().map(|(_, (values, _))| values[cell]).sum::<f32>() / seen.len() as f32);
            let ranges = seen.iter().map(|(_, (_, range))| *range);
            let range = ranges.fold((f32::MAX, f32::MIN), |all, one| (all.0.min(one.0), all.1.max(one.1)));
            views.push(view("", (mean.collect(), range)));
            views.extend(seen.into_iter().map(|(word, seen)| view(word, seen)));
        }
    }
    views
}

/// Values in 0..1 and the range that they had before.
type Normalised = (Vec<f32>, (f32, f32));

/// The probabilities of a word's tokens at every cell, normalised to 0..1, with their range before.
fn normalised(map: &[f32], keys: usize, positions: &[usize]) -> Normalised {
    let at =
        |row: &[f32]| positions.iter().filter_map(|&position| row.get(position)).sum::<f32>() / positions.len() as f32;
    let values: Vec<f32> = map.chunks_exact(keys.max(1)).map(at).collect();
    let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), &value| (low.min(value), high.max(value)));
    let span = (high - low).max(f32::MIN_POSITIVE);
    (values.iter().map(|value| (value - low) / span).collect(), (low, high))
}

/// How many times as much attention a branch's words have inside of a mask as outside of it, in one picture; none where no
/// word is in the prompt, or the mask has all cells of the attention's grid or none.
///
/// `maps` are cross-attention; `words` come with the positions of their tokens.
pub fn heeded(maps: &Recorded, (branch, picture): (usize, usize), words: &[Word], mask: &GridMasks) -> Option<f32> {
    let (tokens, keys) = (maps.queries(), maps.keys());
    let mask = mask.for_tokens(tokens)?;
    let positions: Vec<usize> = words.iter().flat_map(|(_, positions)| positions.iter().copied()).collect();
    let (inside, outside) = (mask.count(), tokens - mask.count());
    if positions.is_empty() || inside == 0 || outside == 0 {
        return None;
    }
    let map = maps.of(branch, picture);
    let heed = |row: &[f32]| positions.iter().filter_map(|&position| row.get(position)).sum::<f32>();
    let (mut within, mut beyond) = (0.0, 0.0);
    for (row, on) in map.chunks_exact(keys.max(1)).zip(&mask.on) {
        if *on { within += heed(row) } else { beyond += heed(row) }
    }
    let (within, beyond) = (within / inside as f32, beyond / outside as f32);
    (beyond > 0.0).then(|| within / beyond)
}

/// The masks of every subject in every picture.
pub fn mask_views(scene: &Scene, names: &[String]) -> Vec<Vec<MaskView>> {
    let view = |(masks, name): (&SubjectMasks, &String)| MaskView {
        concept: name.clone(),
        custom: masks.custom.latent().clone(),
        base: masks.base.latent().clone(),
        combined: masks.combined.latent().clone(),
    };
    scene.masks.iter().map(|picture| picture.iter().zip(names).map(view).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_keep_their_numbers_when_their_shapes_move() {
        let before = [3, 3, 3, 1, 1, 0, 0, 0];
        assert_eq!(follow(&before, &[0, 0, 0, 0, 2, 1, 1, 1]), [3, 3, 3, 3, 1, 0, 0, 0]);
        assert_eq!(follow(&before, &[0, 0, 4, 1, 1, 2, 2, 2])[2], 2, "a new cluster gets a number that is free");
    }

    #[test]
    fn a_word_s_map_spans_zero_to_one_and_names_its_range() {
        let map = [0.1, 0.9, 0.3, 0.7, 0.5, 0.5];
        let (values, range) = normalised(&map, 2, &[0]);
        assert_eq!(range, (0.1, 0.5));
        assert!(values.iter().zip([0.0, 0.5, 1.0]).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
