//! A render that nobody computes: there at once, and the same on every machine and with every model.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use podium::engine::masks::Mask;
use podium::evaluate::metrics::{Measures, OfSubject};
use podium::link::{AttentionView, ClusterView, Event, Finished, JobId, Lane, MaskView, StepView, Times};
use podium::studio::Studio;
use podium::studio::compare::{Cell, Scores, Side};
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

/// Fills the comparison that was begun: B is recognised where A is not, but for its second seed, which failed.
pub fn comparison(studio: &mut Studio) {
    let begun = studio.compare.begun().expect("a comparison").clone();
    let cell = |studio: &mut Studio, index: usize, side: Side| {
        if (index, side) == (1, Side::B) {
            return Cell::Failed("the picture came out as NaN: lower the guidance scale".into());
        }
        let better = side == Side::B;
        let red = if better { 40 } else { 160 };
        let picture = RgbImage::from_fn(128, 128, |x, y| Rgb([red, (x * 2) as u8, (y + 20 * index as u32) as u8]));
        let meta =
            Meta { took: Duration::from_secs(3), batch: index as u64, picture: side as u32, device: "CPU".into() };
        let (project, seed) = (&begun.projects[side as usize], begun.seeds[index]);
        let id = studio.results.store.add(&picture, project, Path::new("/"), seed, meta);
        let recognised = |at: usize| better || (index + at).is_multiple_of(2);
        let subject = |at| OfSubject {
            recognised: recognised(at),
            identity: if better { 0.8 } else { 0.55 },
            leakage: 0.0,
            borrowed: 0.0,
            layout: 0.6 + 0.02 * index as f64,
        };
        let figures = if better { 2 } else { 3 };
        let measures = Measures { subjects: vec![subject(0), subject(1)], right: better, segsim: 0.5, figures };
        let lost = "the mask of mint cat shrank away at step 24 (100 cells became 9): refine later".to_owned();
        let findings = if !better && index == 0 { vec![lost] } else { Vec::new() };
        let followed = Some(if better { 0.5 } else { 0.4 });
        Cell::Made(
            id,
            Scores { seconds: 3.0, followed, findings, measures: Some(measures), background: None, learned: None },
        )
    };
    let cells = (0..begun.seeds.len()).map(|index| Side::BOTH.map(|side| cell(studio, index, side))).collect();
    studio.compare.show(cells);
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
        let (pictures_of_it, overlaps) = (pictures.clone(), vec![vec![0.5; 2]; pictures.len()]);
        let done = Finished { pictures: pictures_of_it, seeds: seeds.clone(), overlaps, findings: Vec::new(), elapsed };
        tell(Event::Done(job, Arc::new(done)));
        let mut results = Vec::new();
        for (index, (picture, seed)) in pictures.iter().zip(seeds).enumerate() {
            let meta = Meta { took: elapsed, batch: job.0, picture: index as u32, device: "CPU".into() };
            results.push(studio.results.store.add(picture, &project, &folder, seed, meta));
        }
        studio.renders.runs.keep_results(job, results);
    }
    job
}
