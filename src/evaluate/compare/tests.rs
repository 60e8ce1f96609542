use std::path::PathBuf;

use super::*;
use crate::engine::encoders::config::Kind;
use crate::evaluate::methods::method;
use crate::evaluate::metrics::learned::{LearnedMetric, Segments};
use crate::evaluate::metrics::{Measures, OfSubject};
use crate::link::DeviceChoice;
use crate::project::files::DiskFiles;
use crate::project::{BaseModel, Preset, Project, composite, file};

fn example(name: &str) -> Project {
    let text = crate::assets::find(&format!("projects/{name}.ron")).unwrap();
    file::from_str(std::str::from_utf8(text).unwrap()).unwrap()
}

fn scores(followed: f64, findings: usize, seconds: f64) -> Scores {
    let findings = vec!["lost".into(); findings];
    Scores { seconds, followed: Some(followed), findings, measures: None, background: None, learned: None }
}

fn measured(recognised: bool, figures: usize) -> Scores {
    let subject = OfSubject { recognised, identity: 0.7, leakage: 0.0, borrowed: 0.0, layout: 0.6 };
    let measures = Measures { subjects: vec![subject; 2], right: recognised, segsim: 0.5, figures };
    Scores { measures: Some(measures), ..scores(0.5, 0, 1.0) }
}

fn of(pairs: &[[Scores; 2]]) -> Summary {
    summarise(&pairs.iter().map(|[a, b]| [Some(a), Some(b)]).collect::<Vec<_>>())
}

#[test]
fn pictures_come_seed_by_seed_a_before_b() {
    let all: Vec<(usize, &str)> = order(2).map(|(seed, side)| (seed, side.letter())).collect();
    assert_eq!(all, [(0, "A"), (0, "B"), (1, "A"), (1, "B")]);
}

#[test]
fn a_variant_is_a_start_and_changes_in_order() {
    let project = example("beach");
    assert_eq!(Variant::default().settings(&project), Ok(project.settings.clone()));
    let mut variant = Variant::of(Start::Preset(Preset::Draft));
    variant.changes = vec![("steps".into(), " 12 ".into()), ("guidance_scale".into(), String::new())];
    let made = variant.settings(&project).unwrap();
    assert_eq!((made.steps, made.guidance_scale), (12, Preset::Draft.settings(BaseModel::Miniature).guidance_scale));
    assert_eq!(variant.words(), "Preset Draft, steps=12");
    let without = Variant::of(Start::Method(method("no_alignment").unwrap()));
    assert!(!without.settings(&project).unwrap().layout_alignment.enabled);
    assert_eq!(without.words(), "Without layout alignment");
    variant.changes[0].1 = "many".into();
    assert!(variant.settings(&project).unwrap_err().contains("whole number"));
    let names: Vec<String> = Start::all().into_iter().map(Start::words).collect();
    assert!(names.len() == 9 && names.contains(&"Noise fusion (Eq. 3)".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name == "LoRA sum"), "that is no matter of settings");
}

#[test]
fn only_pictures_of_the_miniature_s_own_concepts_have_a_known_truth() {
    let files = DiskFiles { base: ".".into(), assets: crate::assets::find };
    let known = |project: &Project| ruler(project, &files).unwrap().is_some();
    let beach = example("beach");
    assert!(known(&beach));
    assert!(!known(&example("point")), "masks from points are found by the model");
    assert!(!known(&Project { model: Some("sd15".into()), ..beach.clone() }));
    let mut own = beach.clone();
    own.concepts[0].file = "mine.safetensors".into();
    assert!(!known(&own));
    assert!(!known(&Project { concepts: Vec::new(), ..beach }));
}

#[test]
fn eight_seeds_that_agree_tell_who_is_better_and_eight_that_differ_do_not() {
    let pair = |seed: usize| [scores(0.4 + 0.01 * seed as f64, 1, 9.0), scores(0.6 + 0.02 * seed as f64, 0, 8.0)];
    let eight = of(&(0..8).map(pair).collect::<Vec<_>>());
    assert_eq!(eight.verdict, "Over 8 seeds B is better: masks as laid out, findings.");
    let line = &eight.lines[0];
    assert!(line.score == Score::Followed && (line.difference - 0.235).abs() < 1e-9, "{line:?}");
    assert!(line.interval.0 > 0.2 && line.interval.1 < 0.28 && line.p.unwrap() < 0.02, "{line:?}");
    assert_eq!(eight.lines[2].verdict, "B is faster");
    let mixed = |seed: usize| [scores(0.5, 0, 1.0), scores(if seed.is_multiple_of(2) { 0.4 } else { 0.6 }, 0, 1.0)];
    let mixed = of(&(0..8).map(mixed).collect::<Vec<_>>());
    assert!(mixed.verdict.contains("neither is better"), "{}", mixed.verdict);
    assert_eq!(mixed.lines[0].verdict, "cannot be told");
    assert_eq!(mixed.lines[1].verdict, "the same");
}

#[test]
fn few_seeds_tell_nothing_yet_and_equal_ones_that_both_are_the_same() {
    let two = of(&[[scores(0.1, 2, 1.0), scores(0.9, 0, 1.0)], [scores(0.1, 2, 1.0), scores(0.8, 0, 1.0)]]);
    assert!(two.verdict.starts_with("Nothing can be told yet: 2 seeds are too few"), "{}", two.verdict);
    let same = of(&[[scores(0.5, 0, 1.0), scores(0.5, 0, 2.0)], [scores(0.4, 1, 1.0), scores(0.4, 1, 2.0)]]);
    assert_eq!(same.verdict, "Over 2 seeds both have the same scores.");
    let none = summarise(&[[None, Some(&scores(0.5, 0, 1.0))]]);
    assert!(none.pairs == 0 && none.lines.is_empty() && none.verdict.contains("before both have a picture"));
}

#[test]
fn what_is_measured_by_the_truth_is_compared_where_both_have_it() {
    let summary = of(&[[measured(false, 3), measured(true, 2)], [measured(true, 2), measured(true, 2)]]);
    let line = |score: Score| summary.lines.iter().find(|line| line.score == score).unwrap();
    use crate::evaluate::metrics::Metric;
    assert_eq!((line(Score::Of(Metric::Recognised)).a, line(Score::Of(Metric::Recognised)).b), (0.5, 1.0));
    assert_eq!((line(Score::Miscounted).a, line(Score::Miscounted).b), (0.5, 0.0));
    // All but what encoders see, and a photo.
    assert_eq!(summary.lines.len(), Score::ALL.len() - 5);
    let json = serde_json::to_string(&measured(true, 2)).unwrap();
    assert_eq!(serde_json::from_str::<Scores>(&json).unwrap(), measured(true, 2));
}

#[test]
fn what_became_of_a_photo_is_compared_where_there_is_one_and_less_of_it_is_better() {
    use crate::evaluate::metrics::background::{Background, BackgroundMetric, Change};
    let files = DiskFiles { base: ".".into(), assets: crate::assets::find };
    let photo = example("photo");
    let size = photo.canvas;
    let picture = |shade: u8| image::RgbImage::from_pixel(size.width, size.height, image::Rgb([shade; 3]));
    let found = background(&photo, &files, &picture(0)).unwrap().unwrap();
    // Little of a black render comes back around the subject, and all of it is what the model made.
    assert!(found.finished.apart > 0.0 && found.finished.apart < found.rendered.apart, "{found:?}");
    let beach = example("beach");
    let plain = image::RgbImage::new(beach.canvas.width, beach.canvas.height);
    assert_eq!(background(&beach, &files, &plain), Ok(None));

    let of = |apart: f64| {
        let change = Change { apart, touched: 0.5 };
        let background = Some(Background { finished: change, rendered: change });
        Scores { background, ..scores(0.5, 0, 1.0) }
    };
    assert!(of(1.25).words().contains(", background 1.25 of 255, "), "{}", of(1.25).words());
    let pairs: Vec<[Scores; 2]> = (0..8).map(|seed| [of(2.0 + 0.01 * f64::from(seed)), of(1.0)]).collect();
    let summary = super::summarise(&pairs.iter().map(|[a, b]| [Some(a), Some(b)]).collect::<Vec<_>>());
    let line = summary.lines.iter().find(|line| line.score == Score::Background(BackgroundMetric::PRIMARY)).unwrap();
    assert_eq!((line.title, line.verdict.as_str()), ("background", "B is better"));
    let json = serde_json::to_string(&of(1.0)).unwrap();
    assert_eq!(serde_json::from_str::<Scores>(&json).unwrap(), of(1.0));
    assert!(!serde_json::to_string(&scores(0.5, 0, 1.0)).unwrap().contains("background"));
}

#[test]
fn encoders_compare_what_stands_on_layers_with_photos_and_say_what_they_lack() {
    let files = DiskFiles { base: ".".into(), assets: crate::assets::find };
    let (beach, folder) = (example("beach"), tempfile::tempdir().unwrap());
    let collage = composite(&beach, &files).unwrap();
    let clip = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders/clip");
    let encoders = Named { clip: Some(clip.clone()), ..Named::default() };
    let mut sight = Sight::open(&encoders, DeviceChoice::Flex).unwrap();
    assert!(sight.is_of(&encoders) && sight.words().len() == 1);
    let mut see = |project: &Project, photos: Vec<(String, PathBuf)>| {
        let looks = Looks { encoders: encoders.clone(), photos };
        sight.measure(project, &files, &looks, &collage.picture, None).unwrap().unwrap()
    };
    let (alike, text) = (LearnedMetric::SegSim(Kind::Clip), LearnedMetric::Text);
    let drawn = see(&beach, Vec::new());
    assert!(drawn.segments == Segments::Masks && drawn.missing.is_none(), "{drawn:?}");
    assert!(alike.of(&drawn).is_some_and(|alike| (0.0..=1.0).contains(&alike)) && text.of(&drawn).is_some());
    // Of people's own files nothing is known but from photos.
    let mut own = beach.clone();
    own.concepts.iter_mut().for_each(|concept| concept.file = format!("{}.pth", concept.name).into());
    let lacks = see(&own, Vec::new());
    assert!(lacks.missing.as_ref().is_some_and(|words| words.contains("has no photos to be compared with")));
    assert_eq!((alike.of(&lacks), text.of(&lacks)), (None, text.of(&drawn)));
    // The very picture as the photo of each.
    let shown = collage.masks.iter().filter_map(|layer| Some((layer.concept.clone()?, &layer.mask)));
    let photos: Vec<(String, PathBuf)> = shown
        .map(|(name, mask)| {
            let at = folder.path().join(&name);
            std::fs::create_dir(&at).unwrap();
            collage.picture.save(at.join("one.png")).unwrap();
            mask.save(at.join("one.mask.png")).unwrap();
            (name, at)
        })
        .collect();
    let exact = alike.of(&see(&own, photos)).unwrap();
    assert!((exact - 1.0).abs() < 1e-6, "{exact}");
    let swapped = Named { dino: Some(clip), ..Named::default() };
    let words = Sight::open(&swapped, DeviceChoice::Flex).err().unwrap();
    assert!(words.contains("is CLIP, where DINOv2 is named"), "{words}");
    assert!(Sight::open(&Named::default(), DeviceChoice::Flex).is_ok_and(|nothing| nothing.words().is_empty()));
}

#[test]
fn imagereward_scores_a_picture_with_its_project_s_words_and_asks_for_no_photos() {
    let files = DiskFiles { base: ".".into(), assets: crate::assets::find };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders/reward");
    let mut project = example("beach");
    let picture = composite(&project, &files).unwrap().picture;
    // Of people's own files, whose photos nobody has chosen.
    project.concepts.iter_mut().for_each(|concept| concept.file = format!("{}.pth", concept.name).into());
    let encoders = Named { reward: Some(folder.join("ImageReward.pt")), ..Named::default() };
    let looks = Looks { encoders, photos: Vec::new() };
    let mut sight = Sight::open(&looks.encoders, DeviceChoice::Flex).unwrap();
    assert!(sight.words()[0].starts_with("ImageReward "), "{:?}", sight.words());
    let mut see = |prompt: &str| {
        project.prompt = prompt.into();
        sight.measure(&project, &files, &looks, &picture, None).unwrap().unwrap()
    };
    let mut score = |prompt: &str| LearnedMetric::Reward.of(&see(prompt)).unwrap();
    let cat = score("a cat");
    assert!(cat.is_finite() && (score("a (cat:1.3)") - cat).abs() < 1e-12);
    assert!((score("two toys in the snow") - cat).abs() > 1e-3);
    let learned = see("a cat");
    assert_eq!((&learned.missing, LearnedMetric::Text.of(&learned), learned.scores.len()), (&None, None, 1));
    let seen = Scores { learned: Some(Box::new(learned)), ..scores(0.5, 0, 1.0) };
    assert!(seen.words().contains(&format!(", ImageReward {cat:.3}, ")), "{}", seen.words());
    let both = of(&[[seen.clone(), seen.clone()]]);
    assert!(both.lines.iter().any(|line| line.score == Score::Learned(LearnedMetric::Reward)), "{both:?}");
    // What one of them lacks is compared by nobody.
    let partly = of(&[[scores(0.5, 0, 1.0), seen]]);
    assert!(partly.lines.iter().all(|line| line.score != Score::Learned(LearnedMetric::Reward)), "{partly:?}");
}
