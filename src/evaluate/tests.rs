use std::path::Path;

use super::compose::{project, reference};
use super::merge::merge;
use super::methods::{FULL, METHODS, Shape, method};
use super::metrics::{Measures, OfSubject};
use super::record::{Cost, Folder, Outcome, Record};
use super::suite::{Suite, Unit, open, shard};
use crate::project::settings::{ClusterCounts, Fusion, Method as EngineMethod};
use crate::project::{DiskFiles, MaskSource, Project};

/// Two pairs, two prompts, two seeds.
pub(super) const SMALL: &str = r#"(
    version: 1, name: "small", canvas: (width: 128, height: 128), seeds: 2, full_seeds: 3,
    settings: (steps: 2, layout_alignment: (end: 25, weight: 20)), measure: Plush, own_prompts: Named,
    concepts: [
        (name: "mint cat", plush: "mint_cat", file: "cat.pth", class_word: "toy cat", plain_word: "cat", strength: 0.8, cutout: "assets:cutouts/grey_cat.png"),
        (name: "plum dog", plush: "plum_dog", file: "dog.pth", class_word: "toy dog", plain_word: "dog", cutout: "assets:cutouts/tan_dog.png"),
        (name: "coral bear", plush: "coral_bear", file: "bear.pth", class_word: "orange bear", cutout: "assets:cutouts/tan_bear.png"),
    ],
    cases: [(concepts: ["mint cat", "plum dog"]), (concepts: ["plum dog", "coral bear"]), (concepts: ["mint cat", "coral bear"], full: true)],
    prompts: [
        (name: "beach", words: "{all} on the beach", background: "assets:scenes/beach.png"),
        (name: "snow", words: "{all} in the snow", background: "assets:scenes/snow.png"),
    ],
    methods: ["base", "conductor", "release", "lora_sum"],
)"#;

pub(super) fn small() -> Suite {
    Suite::from_text(SMALL).unwrap()
}

fn files() -> DiskFiles {
    DiskFiles { base: ".".into(), assets: crate::assets::find }
}

fn tokens(path: &Path) -> Result<String, String> {
    Ok(format!("<{0}_1> <{0}_2>", path.file_stem().unwrap().to_string_lossy()))
}

/// What is said of the small suite with a change.
fn words(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    Suite::from_text(&SMALL.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn every_method_has_a_name_of_its_own_and_settings_that_exist() {
    for (index, method) in METHODS.iter().enumerate() {
        assert!(METHODS[..index].iter().all(|other| other.name != method.name && other.title != method.title));
        assert!(method.settings(&small().settings).unwrap().validate().is_ok(), "{}", method.name);
    }
    let settings = |name: &str| method(name).unwrap().settings(&small().settings).unwrap();
    assert_eq!(settings(FULL), small().settings);
    assert_eq!((settings("release").layout_alignment.weight, settings("release").steps), (10.0, 2));
    assert_eq!(settings("paper").mask_refinement.clusters, ClusterCounts::Paper);
    assert_eq!(settings("noise_fusion").concept_injection.fusion, Fusion::Noise);
    assert!(!settings("no_alignment").layout_alignment.enabled && settings("no_alignment").mask_refinement.enabled);
    let engine = |name: &str| settings(name).method;
    assert_eq!(["conductor", "lora_sum"].map(engine), [EngineMethod::ConceptConductor; 2]);
    let others = ["masked_adapters", "regional_sampling", "mix_of_show"].map(engine);
    assert_eq!(others, [EngineMethod::MaskedAdapters, EngineMethod::RegionalSampling, EngineMethod::MixOfShow]);
    let more = ["found_masks", "constrained_merge", "residual_only"].map(engine);
    assert_eq!(more, [EngineMethod::FoundMasks, EngineMethod::ConstrainedMerge, EngineMethod::ResidualOnly]);
    assert!(method("magic").is_none());
}

#[test]
fn the_shipped_suites_can_be_read_and_have_what_the_paper_asks_for() {
    let (plush, _) = open("plush").unwrap();
    let (paper, _) = open("paper").unwrap();
    let count = |suite: &Suite, full| suite.units(&suite.choice(full, &[]).unwrap()).len();
    assert_eq!(count(&plush, false), 7 * 3 * 4 * plush.methods.len());
    assert_eq!(count(&plush, true), 19 * 5 * 8 * (plush.methods.len() + 3));
    assert_eq!(plush.choice(true, &["base".into()]).unwrap().methods, ["base"], "what is named is all");
    assert_eq!(count(&paper, false), 10 * 5 * 8 * paper.methods.len());
    // Places for all that measures as the paper does.
    let places = [&paper.clip, &paper.dino, &paper.reward].map(Option::is_some);
    assert!(places == [true; 3] && paper.segmenter.as_ref().is_some_and(|finder| !finder.sam.is_empty()));
    assert!(paper.concepts.iter().all(|concept| concept.photos.is_some()));
    // Everything that the miniature needs is built in.
    for unit in plush.units(&plush.choice(true, &[]).unwrap()) {
        let composed = project(&plush, &unit, &files(), &tokens).unwrap();
        for path in composed.clone().paths_mut() {
            assert!(crate::project::files::asset_name(path).is_some_and(|name| crate::assets::find(name).is_some()));
        }
    }
    assert!(Suite::from_text(&plush.to_text().unwrap()).is_ok_and(|again| again == plush));
    let unknown = open("no such suite").unwrap_err();
    assert!(unknown.contains("plush, placing and paper"), "{unknown}");
}

#[test]
fn what_makes_no_sense_in_a_suite_is_said_with_its_place() {
    for (from, to, said) in [
        ("version: 1", "version: 9", "format version 9"),
        ("seeds: 2,", "seeds: 0,", "seeds"),
        ("name: \"small\"", "name: \" \"", "name is empty"),
        ("width: 128", "width: 100", "canvas.width is 100"),
        ("steps: 2", "steps: 0", "settings.steps is 0"),
        ("name: \"plum dog\"", "name: \"mint cat\"", "has no name of its own"),
        ("plush: \"mint_cat\"", "plush: \"blue_cat\"", "mint_cat, plum_dog"),
        ("plush: \"mint_cat\", ", "", "which plush it is"),
        ("class_word: \"toy dog\"", "class_word: \"\"", "has no class word"),
        ("[\"mint cat\", \"plum dog\"]", "[\"mint cat\", \"tom\"]", "names \"tom\"; the concepts are mint cat"),
        ("[\"mint cat\", \"plum dog\"]", "[\"mint cat\", \"mint cat\"]", "names a concept twice"),
        ("[\"mint cat\", \"plum dog\"]", "[]", "empty or there twice"),
        ("name: \"snow\"", "name: \"beach\"", "has the prompt \"beach\" twice"),
        ("\"base\", ", "\"best\", ", "name \"best\"; there are conductor"),
        ("seeds: 2,", "seeds: 4000000,", "pictures"),
        ("    prompts:", "    promts:", "line 10"),
        ("seeds: 2,", "seeds: 2, segmenter: (words: \"\"),", "segmenter has no words to find subjects by"),
        ("seeds: 2,", "seeds: 2, segmenter: (words: \"a\", sam: [\"b\", \"c\", \"d\"]),", "neither one file or folder"),
        ("seeds: 2,", "seeds: 2, segmenter: (words: \"a\", sure: 0.1),", "use a number from 0.3 to 1"),
        ("seeds: 2,", "seeds: 2, segmenter: (sam: [\"b\"]),", "words"),
    ] {
        let found = words(from, to);
        assert!(found.contains(said), "{to}: {found}");
    }
    assert!(small().choice(false, &["none".into()]).is_err());
}

#[test]
fn units_have_all_methods_on_a_seed_before_the_next_seed_and_shards_divide_them() {
    let suite = small();
    let choice = suite.choice(false, &[]).unwrap();
    assert_eq!(choice.methods, ["conductor", "release", "lora_sum", "base"], "in the report's order");
    let units = suite.units(&choice);
    assert_eq!(units.len(), 2 * 2 * 2 * 4);
    assert!(units[..16].iter().all(|unit| unit.seed == 0) && units[16..].iter().all(|unit| unit.seed == 1));
    assert_eq!(suite.units(&suite.choice(true, &["base".into()]).unwrap()).len(), 3 * 2 * 3);
    let names = |units: Vec<Unit<'_>>| units.iter().map(|unit| unit.name().file()).collect::<Vec<_>>();
    let mut parts: Vec<String> = (1..=3).flat_map(|part| names(shard(units.clone(), part, 3))).collect();
    let mut all = names(units);
    parts.sort();
    all.sort();
    assert_eq!(parts, all);
    all.dedup();
    assert_eq!(all.len(), 32, "every unit has files of its own");
}

/// The project of the first unit of a method.
fn composed(suite: &Suite, name: &str) -> Result<Project, String> {
    let choice = suite.choice(false, &[name.to_owned()]).unwrap();
    project(suite, &suite.units(&choice)[0], &files(), &tokens)
}

#[test]
fn every_method_gets_the_same_layout_and_its_own_words() {
    let suite = small();
    let of = |name: &str| composed(&suite, name).unwrap();
    let conductor = of("conductor");
    assert_eq!(conductor.prompt, "a toy cat and a toy dog on the beach");
    let own = |project: &Project| project.concepts.iter().map(|concept| concept.prompt.clone()).collect::<Vec<_>>();
    let expected = ["<TOK> and a dog on the beach", "a cat and <TOK> on the beach"];
    assert_eq!(own(&conductor), expected.map(|words| Some(words.to_owned())));
    assert_eq!(conductor.concepts[0].strength, 0.8);
    let release = of("release");
    assert_eq!((own(&release), release.concepts[0].strength), (vec![None, None], 0.7));
    assert_eq!(release.settings.guidance_scale, 7.5);
    let sum = of("lora_sum");
    assert_eq!(sum.prompt, "<cat_1> <cat_2> and <dog_1> <dog_2> on the beach");
    assert_eq!((sum.styles.len(), sum.styles[0].strength, sum.concepts.len()), (2, 0.8, 0));
    let base = of("base");
    assert_eq!((base.prompt.as_str(), base.styles.len()), ("a toy cat and a toy dog on the beach", 0));
    let masked = of("masked_adapters");
    for name in ["found_masks", "constrained_merge", "residual_only"] {
        let other = of(name);
        assert_eq!((&other.prompt, own(&other)), (&masked.prompt, own(&masked)), "{name}");
        assert_eq!(Project { settings: masked.settings.clone(), ..other }, masked, "{name}");
    }
    assert_eq!((masked.prompt.as_str(), own(&masked)), ("a toy cat and a toy dog on the beach", vec![None, None]));
    let regions = of("mix_of_show");
    assert_eq!(regions.prompt, "a toy cat and a toy dog on the beach");
    assert_eq!(own(&regions), vec![Some("<TOK> on the beach".to_owned()); 2]);
    for project in [&release, &sum, &base, &masked, &regions] {
        let places = |project: &Project| project.layers().iter().map(|layer| (layer.x, layer.y)).collect::<Vec<_>>();
        assert_eq!(places(project), places(&conductor));
        assert_eq!((project.seed, &project.canvas), (conductor.seed, &conductor.canvas));
    }
    let made = reference(&suite, &suite.cases[0], &suite.prompts[0], &files()).unwrap();
    let middle = |mask: &image::GrayImage| {
        let xs: Vec<u32> = mask.enumerate_pixels().filter(|(.., pixel)| pixel.0[0] > 127).map(|(x, ..)| x).collect();
        assert!(xs.len() > 128 * 128 / 40, "a figure of {} pixels", xs.len());
        xs.iter().sum::<u32>() / xs.len() as u32
    };
    assert!(middle(&made.masks[0]) < 64 && middle(&made.masks[1]) > 64, "from left to right");
}

#[test]
fn a_finished_layout_takes_a_mask_for_each_concept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    image::RgbImage::new(128, 128).save(at("layout.png")).unwrap();
    image::GrayImage::from_pixel(128, 128, image::Luma([255])).save(at("white.png")).unwrap();
    image::GrayImage::new(128, 128).save(at("black.png")).unwrap();
    let suite = |masks: &[&str]| {
        let masks: Vec<String> = masks.iter().map(|mask| at(mask)).collect();
        let to = format!("layout: {:?}, masks: {masks:?}),\n", at("layout.png"));
        let text = SMALL.replace("background: \"assets:scenes/beach.png\"),\n", &to);
        Suite::from_text(&text).unwrap()
    };
    let whole = suite(&["white.png", "white.png"]);
    let project = composed(&whole, "conductor").unwrap();
    assert_eq!(project.concepts[1].mask, MaskSource::Files(vec![at("white.png").into()]));
    let masks =
        |suite: &Suite| reference(suite, &suite.cases[0], &suite.prompts[0], &files()).map(|made| made.masks.len());
    assert_eq!(masks(&whole), Ok(2));
    let few = composed(&suite(&["white.png"]), "conductor").unwrap_err();
    assert!(few.contains("has 1 masks for 2 concepts"), "{few}");
    let empty = masks(&suite(&["white.png", "black.png"])).unwrap_err();
    assert!(empty.contains("the mask of plum dog has nothing in it"), "{empty}");
    let gone = masks(&suite(&["white.png", "gone.png"])).unwrap_err();
    assert!(gone.contains("gone.png"), "{gone}");
}

#[test]
fn a_prompt_that_a_method_cannot_use_fails_in_words() {
    let suite = |words: &str| Suite::from_text(&SMALL.replace("{all} on the beach", words)).unwrap();
    let failed = |words: &str, method: &str| composed(&suite(words), method).unwrap_err();
    assert!(failed("", "base").contains("has no words"));
    assert!(failed("a toy cat on the beach", "conductor").contains("does not mention \"toy dog\""));
    assert!(failed("a toy cat and a toy dog", "lora_sum").contains("has no place where each concept is named"));
    let plain = composed(&suite("Two toy cats and a toy dog"), "conductor").unwrap();
    assert_eq!(plain.concepts[0].prompt, None, "derived by the paper's rule");
    let each = SMALL.replace("\"{all} on the beach\"", "\"two toys\", each: \"{all} at sea\"");
    let each = composed(&Suite::from_text(&each).unwrap(), "lora_sum").unwrap();
    assert_eq!(each.prompt, "<cat_1> <cat_2> and <dog_1> <dog_2> at sea");
    assert!(METHODS.iter().any(|method| method.shape == Shape::Sum));
}

/// A folder with all units of the small suite but some, as if a run had made them.
pub(super) fn made(folder: &Path, suite: &Suite, mine: impl Fn(usize) -> bool) -> Folder {
    let folder = Folder::create(folder).unwrap();
    let choice = suite.choice(false, &[]).unwrap();
    folder.begin(suite, &choice).unwrap();
    for (index, unit) in suite.units(&choice).iter().enumerate().filter(|(index, _)| mine(*index)) {
        let name = unit.name();
        let shade = (index * 7) as u8;
        let picture = image::RgbImage::from_pixel(128, 128, image::Rgb([shade, 90, 255 - shade]));
        picture.save(folder.picture(&name)).unwrap();
        let worth = if unit.method.name == FULL { 0.9 } else { 0.5 } + 0.01 * (index % 5) as f64;
        let subject =
            OfSubject { recognised: worth > 0.7, identity: worth, leakage: 0.0, borrowed: 0.0, layout: worth };
        let measures =
            Measures { subjects: vec![subject; 2], right: worth > 0.91, segsim: worth, figures: 1 + index % 3 };
        let outcome = match index {
            5 => Outcome::Failed("cannot read dog.pth: there is none".into()),
            _ => Outcome::Made(Some(measures)),
        };
        let cost = Cost { seconds: index as f64 * 0.3, memory: Some(1 << 20), device: "a device".into() };
        let notes = if index == 3 { vec!["a mask came to nothing".to_owned()] } else { Vec::new() };
        folder.keep(&Record::new(name, "hash".into(), outcome, notes, cost)).unwrap();
    }
    for case in &suite.cases {
        for prompt in suite.prompts_of(case) {
            let grey = image::RgbImage::from_pixel(128, 128, image::Rgb([128; 3]));
            grey.save(folder.reference(&case.name(), &prompt.name)).unwrap();
        }
    }
    folder
}

#[test]
fn a_folder_keeps_what_it_was_begun_with_and_takes_more_of_it() {
    let at = tempfile::tempdir().unwrap();
    let suite = small();
    let folder = made(at.path(), &suite, |index| index < 3);
    let (_, plan) = Folder::open(at.path()).unwrap();
    assert_eq!((plan.suite == suite, folder.records(&plan).len()), (true, 3));
    let more = folder.begin(&suite, &suite.choice(true, &["no_refinement".into()]).unwrap()).unwrap();
    assert!(more.choice.full && more.choice.methods.len() == 5, "{:?}", more.choice);
    // One that has more methods only with `--full` is the same suite, and the folder keeps its own.
    let wider = Suite { full_methods: vec!["found_masks".into()], ..suite.clone() };
    assert_eq!(wider.choice(false, &[]), suite.choice(false, &[]));
    let full = wider.choice(true, &[]).unwrap();
    assert_eq!(full.methods, ["conductor", "release", "lora_sum", "base", "found_masks"]);
    let wide = folder.begin(&wider, &full).unwrap();
    assert!(wide.suite == suite && wide.choice.methods.contains(&"found_masks".to_owned()), "{:?}", wide.choice);
    assert_eq!(folder.records(&wide).len(), 3, "what was made counts");
    let mut other = suite.clone();
    other.settings.steps = 9;
    let refused = folder.begin(&other, &more.choice).unwrap_err();
    assert!(refused.contains("holds another suite"), "{refused}");
    // A torn record counts as none.
    let name = suite.units(&more.choice)[0].name();
    let path = folder.picture(&name).with_extension("json");
    std::fs::write(&path, "{\"version\": 1, \"unit\"").unwrap();
    assert_eq!(folder.record(&name), None);
    let nothing = Folder::open(&at.path().join("units")).unwrap_err();
    assert!(nothing.contains("holds no evaluation"), "{nothing}");
}

#[test]
fn parts_are_merged_into_what_one_machine_would_have_made() {
    let at = tempfile::tempdir().unwrap();
    let suite = small();
    let path = |name: &str| at.path().join(name);
    let whole = made(&path("whole"), &suite, |_| true);
    for part in 0..3 {
        made(&path(&format!("part{part}")), &suite, |index| index % 3 == part);
    }
    let parts: Vec<_> = (0..3).map(|part| path(&format!("part{part}"))).collect();
    assert_eq!(merge(&parts, &path("merged")), Ok(32));
    let (merged, plan) = Folder::open(&path("merged")).unwrap();
    assert_eq!(merged.records(&plan), whole.records(&plan));
    let report = |folder: &Folder| {
        super::report::write(folder, &plan).unwrap().map(|path| std::fs::read_to_string(path).unwrap())
    };
    assert_eq!(report(&merged), report(&whole));
    // Again, into what is there.
    assert_eq!(merge(&parts[..1], &path("merged")), Ok(32));

    let mut other = suite.clone();
    other.settings.steps = 9;
    made(&path("other"), &other, |_| false);
    let refused = merge(&[path("whole"), path("other")], &path("both")).unwrap_err();
    assert!(refused.contains("different suites"), "{refused}");
    let again = made(&path("again"), &suite, |index| index == 0);
    let (_, plan) = Folder::open(&path("again")).unwrap();
    let mut record = again.records(&plan).into_values().next().unwrap();
    record.hash = "of other files".into();
    again.keep(&record).unwrap();
    let refused = merge(&[path("again")], &path("merged")).unwrap_err();
    assert!(refused.contains("mint cat + plum dog, beach, conductor, seed 0 was made of other files"), "{refused}");
}
