use super::super::tests::{made, small};
use super::*;

fn written(made_of: impl Fn(usize) -> bool) -> [String; 2] {
    let at = tempfile::tempdir().unwrap();
    let suite = small();
    let folder = made(at.path(), &suite, made_of);
    let (_, plan) = Folder::open(at.path()).unwrap();
    let paths = write(&folder, &plan).unwrap();
    for sheet in ["mint_cat_+_plum_dog~beach.png", "plum_dog_+_coral_bear~snow.png"] {
        let sheet = image::open(at.path().join("sheets").join(sheet)).unwrap();
        assert_eq!((sheet.width(), sheet.height()), (2 * 116, 5 * 116));
    }
    paths.map(|path| std::fs::read_to_string(path).unwrap())
}

#[test]
fn a_report_has_tables_pictures_failures_notes_settings_and_costs() {
    let [html, markdown] = written(|_| true);
    for text in [&html, &markdown] {
        for words in [
            "Evaluation: small",
            "32 of 32 pictures are made, 1 of them failed; 0 are still to be made.",
            "Table 1: methods",
            "Differences from Concept Conductor",
            "Case by case: SegSim",
            "What SegSim can be",
            "LoRA sum",
            "cannot read dog.pth: there is none",
            "a mask came to nothing (1 times)",
            "hash of everything that the pictures depend on",
            COST,
            "a device",
        ] {
            assert!(text.contains(words), "{words} is missing");
        }
        assert!(!text.contains("Table 2"), "no ablation was asked for");
    }
    // Pictures written as letters may have these three.
    assert!(!markdown.contains("NaN"));
    assert!(markdown.contains("](<sheets/mint_cat_+_plum_dog~beach.png>)"));
    // One layout and four methods, for two cases and two prompts; nothing else is fetched.
    assert_eq!(html.matches("data:image/jpeg;base64,").count(), 5 * 4);
    assert!(!html.contains("http") && !html.contains("<script") && !html.contains("sheets/"));
}

#[test]
fn the_numbers_are_those_of_the_records() {
    let [_, markdown] = written(|_| true);
    let row = |of: &str| {
        let line = markdown.lines().find(|line| line.starts_with(&format!("| {of} |"))).unwrap();
        line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    // Units 0, 4, 8 … 28 are the full method's, of worth 0.9 and the index's rest by 5 in hundredths.
    let worth: f64 = (0..8).map(|at| 0.9 + 0.01 * (4 * at % 5) as f64).sum::<f64>() / 8.0;
    let full = row("Concept Conductor");
    assert_eq!(full[2], "8");
    assert!(full[5].starts_with(&format!("{worth:.3} [")), "{full:?}");
    assert!(full[4].starts_with("1.000 [1.000, 1.000]"), "all are recognised: {full:?}");
    // Unit 5 is the release's and failed: it counts with 0 among eight.
    let release = row("Concept Conductor, release");
    let worth: f64 = (0..8).filter(|at| *at != 1).map(|at| 0.5 + 0.01 * ((4 * at + 1) % 5) as f64).sum::<f64>() / 8.0;
    assert!(release[5].starts_with(&format!("{worth:.3} [")), "{release:?} {worth}");
    assert_eq!(release[2], "8");
}

#[test]
fn the_same_records_give_the_same_report_and_missing_ones_are_counted() {
    let (first, again) = (written(|_| true), written(|_| true));
    assert_eq!(first, again);
    let [_, part] = written(|index| index % 2 == 0);
    assert!(part.contains("16 of 32 pictures are made, 0 of them failed; 16 are still to be made."));
}

/// A folder whose pictures CLIP has seen, but for the first.
fn seen(suite: &crate::evaluate::suite::Suite) -> String {
    use crate::engine::encoders::config::Kind;
    use crate::evaluate::metrics::learned::{Learned, Scores, Segments};
    let at = tempfile::tempdir().unwrap();
    let folder = made(at.path(), suite, |_| true);
    let (_, plan) = Folder::open(at.path()).unwrap();
    for (index, mut record) in folder.records(&plan).into_values().enumerate().skip(1) {
        let scores = Scores { kind: Kind::Clip, encoder: "CLIP small".into(), segsim: Some(0.25), text: Some(-0.125) };
        let missing = (index == 2).then(|| "a cat has no photos".to_owned());
        record.learned = Some(Learned { segments: Segments::Masks, scores: vec![scores], missing, count: None });
        folder.keep(&record).unwrap();
    }
    let [_, markdown] = write(&folder, &plan).unwrap();
    std::fs::read_to_string(markdown).unwrap()
}

#[test]
fn what_encoders_have_measured_stands_in_further_columns_and_nowhere_else() {
    let [_, without] = written(|_| true);
    assert!(without.contains("CLIP and ImageReward scores are not measured"));
    assert!(!without.contains("SegSim (CLIP)"));
    let with = seen(&small());
    for words in [
        "redundancy n>N ↓ | SegSim (CLIP) ↑ | CLIP-T ↑ |",
        "Measured with CLIP small. Segments: the run's own masks",
        "Case by case: SegSim (CLIP)",
        "no SegSim by an encoder: a cat has no photos (1 times)",
        "| -0.125 [-0.125, -0.125] |",
    ] {
        assert!(with.contains(words), "{words} is missing: {with}");
    }
    assert!(!with.contains("SegSim (DINOv2)") && !with.contains("scores are not measured: they need"));
    // What was there before is what it was.
    let line = |text: &str| text.lines().find(|line| line.starts_with("| LoRA sum |")).unwrap().to_owned();
    assert!(line(&with).starts_with(line(&without).trim_end_matches('|').trim_end()), "{}", line(&with));
}

#[test]
fn imagereward_has_a_column_and_what_failed_counts_with_the_least_of_it() {
    use crate::engine::encoders::config::Kind;
    use crate::evaluate::metrics::learned::{Learned, Scores, Segments};
    let (at, suite) = (tempfile::tempdir().unwrap(), small());
    let folder = made(at.path(), &suite, |_| true);
    let (_, plan) = Folder::open(at.path()).unwrap();
    for mut record in folder.records(&plan).into_values() {
        if matches!(record.outcome, Outcome::Failed(_)) {
            continue;
        }
        let text = Some(if record.unit.method == "release" { 0.5 } else { -1.25 });
        let scores = Scores { kind: Kind::Reward, encoder: "ImageReward small".into(), segsim: None, text };
        record.learned =
            Some(Learned { segments: Segments::Figures, scores: vec![scores], missing: None, count: None });
        folder.keep(&record).unwrap();
    }
    let [_, markdown] = write(&folder, &plan).unwrap();
    let markdown = std::fs::read_to_string(markdown).unwrap();
    for words in [
        "redundancy n>N ↓ | ImageReward ↑ |",
        "Measured with ImageReward small. SegSim and CLIP-T are not measured by any encoder. ImageReward is the score",
        "Case by case: ImageReward",
    ] {
        assert!(markdown.contains(words), "{words} is missing: {markdown}");
    }
    // One of the release's eight failed: 7 · 0.5 - 1.25, of 8.
    let row = markdown.lines().find(|line| line.starts_with("| Concept Conductor, release |")).unwrap();
    let last = row.trim_end_matches('|').trim_end().rsplit('|').next().unwrap().trim();
    assert!(last.starts_with("0.281 ["), "{row}");
}

#[test]
fn a_suite_that_measures_nothing_itself_has_the_tables_that_its_encoders_fill() {
    let mut suite = small();
    suite.measure = crate::evaluate::suite::Measure::Nothing;
    let text = seen(&suite);
    for words in
        ["Table 1: methods", "| method | pictures | SegSim (CLIP) ↑ | CLIP-T ↑ |", "Differences from Concept Conductor"]
    {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    assert!(!text.contains("recognised") && !text.contains("What SegSim can be"));
}

#[test]
fn what_became_of_photos_has_columns_where_there_are_any_and_what_failed_counts_with_the_worst() {
    use crate::evaluate::metrics::background::{Background, Change};
    let [html, markdown] = written(|_| true);
    for text in [&html, &markdown] {
        assert!(!text.contains("background ↓") && !text.contains("place.background"), "there are no photos");
    }
    let (at, mut suite) = (tempfile::tempdir().unwrap(), small());
    suite.methods = ["conductor", "release"].map(str::to_owned).to_vec();
    (suite.prompts[0].photo, suite.prompts[0].background) = (suite.prompts[0].background.take(), None);
    let part = at.path().join("part");
    let folder = made(&part, &suite, |_| true);
    let (_, plan) = Folder::open(&part).unwrap();
    for mut record in folder.records(&plan).into_values() {
        if record.unit.prompt != "beach" || matches!(record.outcome, Outcome::Failed(_)) {
            continue;
        }
        let apart = if record.unit.method == "release" { 2.0 } else { 1.0 };
        let of = |apart: f64| Change { apart, touched: 0.25 };
        record.background = Some(Background { finished: of(apart), rendered: of(10.0 * apart) });
        folder.keep(&record).unwrap();
    }
    let paths = write(&folder, &plan).unwrap();
    let [html, markdown] = paths.map(|path| std::fs::read_to_string(path).unwrap());
    for words in [
        "redundancy n>N ↓ | background ↓ | background touched ↓ | background unpasted ↓ |",
        "| 1.000 [1.000, 1.000] | 0.250 [0.250, 0.250] | 10.000 [10.000, 10.000] |",
        "differs by more than 8",
        "Case by case: background unpasted",
        "place.background=Noised",
    ] {
        assert!(markdown.contains(words), "{words} is missing: {markdown}");
    }
    assert!(html.contains("<th>background ↓</th>"));
    // Of the release's four on the beach one has failed; those in the snow have no photo.
    let row = |from: &str| markdown.lines().find(|line| line.starts_with(from)).unwrap();
    assert!(row("| Concept Conductor, release | 8 |").contains("| 65.250 ["), "{markdown}");
    let difference = row("| Concept Conductor, release | background |");
    assert!(difference.contains("| 64.250 [") && difference.contains("] | 4 | 2 |"), "{difference}");
    // Nothing of it is lost where parts are put together.
    let whole = at.path().join("whole");
    assert_eq!(crate::evaluate::merge::merge(&[part], &whole), Ok(16));
    let (merged, _) = Folder::open(&whole).unwrap();
    assert_eq!(merged.records(&plan), folder.records(&plan));
}
