//! A small render to export, and what holds for all exports.

use std::sync::Arc;
use std::time::Duration;

use image::Rgb;

use super::*;
use crate::engine::masks::Mask;
use crate::link::{AttentionView, ClusterView, Lane, MaskView};
use crate::project::{Canvas, Color, Concept};

/// The colour of the finished picture.
pub(crate) const RESULT: [u8; 3] = [250, 250, 60];

/// Lets every export run to its end.
pub(crate) fn anything() -> impl FnMut(usize, usize) -> bool {
    |_, _| true
}

/// The bytes of a font that is always at hand: the built-in one of symbols.
pub(crate) fn font() -> &'static [u8] {
    crate::assets::find("fonts/Phosphor.ttf").unwrap()
}

/// A step of four, on a latent of 8 rows and 16 columns. Its preview's red is 10 more each step; Tom's masks start at
/// the column of the step and are 1, 2 and 3 columns wide; its first attention cell is the brighter the later.
pub(crate) fn step(step: usize) -> Arc<StepView> {
    let columns = |from: usize, to: usize| Mask::from_fn(8, 16, |_, x| (from..to).contains(&x));
    let subject = |concept: &str, from: usize, widths: [usize; 3]| {
        let [custom, base, combined] = widths.map(|width| columns(from, from + width));
        MaskView { concept: concept.into(), custom, base, combined }
    };
    let masks = vec![subject("Tom", step, [1, 2, 3]), subject("Rex/2", 12, [4, 4, 4])];
    let lanes = [Lane::Reference, Lane::Concept("Tom".into()), Lane::Base];
    let clusters = lanes.iter().map(|lane| ClusterView {
        lane: lane.clone(),
        picture: 0,
        grid: (2, 4),
        labels: vec![0, 0, 1, 1, 2, 2, 3, step as u32],
    });
    let attention = lanes.iter().flat_map(|lane| {
        ["", "cat"].map(|word| AttentionView {
            lane: lane.clone(),
            picture: 0,
            word: word.into(),
            grid: (1, 2),
            values: vec![step as f32 / 4.0, 1.0],
            range: (0.0, 1.0),
        })
    });
    Arc::new(StepView {
        step,
        steps: 4,
        timestep: 999 - step * 250,
        previews: vec![RgbImage::from_pixel(16, 8, Rgb([10 + step as u8 * 10, 0, 200]))],
        masks: vec![masks],
        refined: false,
        clusters: clusters.collect(),
        attention: attention.collect(),
        loss: None,
        gradient_norm: None,
        times: Default::default(),
    })
}

/// All four steps of a render that is not decoded yet.
pub(crate) fn running() -> Take {
    let project = Project {
        canvas: Canvas { width: 128, height: 64 },
        concepts: vec![
            Concept::new("Tom", "tom.pth", "cat", Color([45, 212, 191])),
            Concept::new("Rex/2", "rex.pth", "dog", Color([230, 159, 0])),
        ],
        prompt: "a cat and a dog\non a beach".into(),
        seed: 42,
        ..Project::new()
    };
    Take { project: Arc::new(project), steps: (0..4).map(step).collect(), finished: None, picture: 0 }
}

/// The same render, done.
pub(crate) fn take() -> Take {
    let finished = Finished {
        pictures: vec![RgbImage::from_pixel(128, 64, Rgb(RESULT))],
        seeds: vec![42],
        overlaps: vec![Vec::new()],
        findings: Vec::new(),
        elapsed: Duration::from_secs(1),
    };
    Take { finished: Some(Arc::new(finished)), ..running() }
}

#[test]
fn the_result_stands_for_the_last_step_and_is_added_where_that_is_missing() {
    let mut take = take();
    let steps = |take: &Take| take.stills().iter().map(|still| still.step).collect::<Vec<_>>();
    assert_eq!(steps(&take), [1, 2, 3, 4]);
    take.steps.pop();
    assert_eq!(steps(&take), [1, 2, 3, 4]);
    take.finished = None;
    assert_eq!(steps(&take), [1, 2, 3]);
    take.picture = 1;
    assert!(take.stills().is_empty());
    assert_eq!(take.seed(), 43);
}

#[test]
fn a_finished_picture_is_written_with_its_project_and_an_unfinished_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    png(&path, &take(), folder.path()).unwrap();
    assert_eq!(image::open(&path).unwrap().into_rgb8(), *take().result().unwrap());
    let project = png_text::read_project(&path).unwrap().unwrap();
    assert_eq!((project.seed, project.prompt.as_str()), (42, "a cat and a dog\non a beach"));

    let other = folder.path().join("b.png");
    let text = png(&other, &running(), folder.path()).unwrap_err().to_string();
    assert!(text.contains("not finished yet; wait"), "{text}");
    assert!(!other.exists());
}

#[test]
fn a_canvas_that_no_picture_can_have_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut take = take();
    let mut project = Project::clone(&take.project);
    project.canvas.width = u32::MAX;
    take.project = Arc::new(project);
    let here = folder.path().join("new");
    for result in [
        gif(&here, &take, Timing::default(), &mut anything()),
        apng(&here, &take, Timing::default(), &mut anything()),
        steps_as_pngs(&here, &take, &mut anything()).map(|_| ()),
        masks(&here, &take, &mut anything()).map(|_| ()),
    ] {
        assert!(result.unwrap_err().to_string().starts_with("canvas.width is 4294967295"));
    }
    assert!(!here.exists());
}
