//! A render that nobody computes: there at once, and the same on every machine and with every model.

use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use podium::engine::masks::Mask;
use podium::link::{AttentionView, ClusterView, Event, Finished, JobId, Lane, MaskView, StepView, Times};
use podium::studio::Studio;
use podium::studio::renders::runs::Origin;
use podium::studio::results::store::Meta;

/// Cells along a side of the masks and previews.
const CELLS: usize = 32;
/// Cells along a side of what is recorded of attention.
const GRID: usize = 16;
/// Clusters of the self-attention.
pub const CLUSTERS: usize = 5;

fn blob(x: f32, y: f32, radius: f32) -> Mask {
    Mask::from_fn(CELLS, CELLS, |row, column| (column as f32 - x).hypot(row as f32 - y) < radius)
}

/// The masks of one picture: a cat left, a dog right.
pub fn masks() -> Vec<MaskView> {
    let mask = |concept: &str, x, y| MaskView {
        concept: concept.into(),
        custom: blob(x + 1.0, y, 5.0),
        base: blob(x - 1.0, y, 6.0),
        combined: blob(x, y, 7.0),
    };
    vec![mask("mint cat", 10.0, 20.0), mask("plum dog", 22.0, 20.0)]
}

/// A step with everything that can be watched: clusters are bands from top to bottom, attention grows to the right, the
/// layout loss falls over the first third.
pub fn view(step: usize, steps: usize, pictures: usize) -> StepView {
    let lanes = [Lane::Base, Lane::Concept("mint cat".into()), Lane::Concept("plum dog".into()), Lane::Reference];
    let each = |picture: usize| lanes.iter().map(move |lane| (picture, lane.clone()));
    let preview = |index: usize| {
        RgbImage::from_fn(CELLS as u32, CELLS as u32, |x, y| {
            Rgb([(x * 8) as u8, (y * 8) as u8, (index * 60 + step * 8) as u8])
        })
    };
    StepView {
        step,
        steps,
        timestep: 999 - step * 999 / steps.max(1),
        previews: (0..pictures).map(preview).collect(),
        masks: (0..pictures).map(|_| masks()).collect(),
        refined: step > 1,
        clusters: (0..pictures)
            .flat_map(each)
            .map(|(picture, lane)| ClusterView {
                lane,
                picture,
                grid: (GRID, GRID),
                labels: (0..GRID * GRID).map(|at| (at / GRID * CLUSTERS / GRID) as u32).collect(),
            })
            .collect(),
        attention: (0..pictures)
            .flat_map(each)
            .flat_map(|(picture, lane)| ["", "cat", "dog"].map(|word| (picture, lane.clone(), word)))
            .map(|(picture, lane, word)| AttentionView {
                lane,
                picture,
                word: word.into(),
                grid: (GRID, GRID),
                values: (0..GRID * GRID).map(|at| (at % GRID) as f32 / (GRID - 1) as f32).collect(),
                range: (0.0, 0.4),
            })
            .collect(),
        loss: (step <= steps / 3).then(|| 1.0 / (step + 1) as f32),
        gradient_norm: (step <= steps / 3).then_some(0.5),
        times: Times::default(),
    }
}

/// A run of the present project for so many pictures, with those of its steps that were told of; finished, its pictures
/// are in the gallery too.
pub fn run(
    studio: &mut Studio,
    pictures: u32,
    steps: u32,
    told: impl IntoIterator<Item = usize>,
    finished: bool,
) -> JobId {
    let mut project = studio.project().clone();
    (project.pictures, project.settings.steps) = (pictures, steps);
    let job = JobId(1_000_000 + studio.renders.runs.iter().count() as u64);
    let seeds = project.seeds();
    let (width, height) = (project.canvas.width, project.canvas.height);
    let (origin, folder) = (Origin::of(&studio.document), studio.document.folder.clone());
    let name = format!("a run {}", job.0 - 999_999);
    studio.renders.runs.add(job, name, Arc::new(project.clone()), folder.clone(), origin, None);
    let mut tell = |event: Event| studio.renders.runs.take(&event, Instant::now());
    tell(Event::Started { job, device: "CPU".into(), first_use: false });
    for step in told {
        tell(Event::Step(job, Arc::new(view(step, steps as usize, pictures as usize))));
    }
    if finished {
        let picture = |index: u32| RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (40 * index) as u8]));
        let pictures: Vec<RgbImage> = (0..pictures).map(picture).collect();
        let elapsed = Duration::from_secs(3);
        tell(Event::Done(job, Arc::new(Finished { pictures: pictures.clone(), seeds: seeds.clone(), elapsed })));
        let mut results = Vec::new();
        for (index, (picture, seed)) in pictures.iter().zip(seeds).enumerate() {
            let meta = Meta { took: elapsed, batch: job.0, picture: index as u32, device: "CPU".into() };
            results.push(studio.results.store.add(picture, &project, &folder, seed, meta));
        }
        studio.renders.runs.keep_results(job, results);
    }
    job
}
