use super::super::tests::{made, small};
use super::html::base64;
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

#[test]
fn base64_is_as_everybody_writes_it() {
    for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(bytes.as_bytes()), text);
    }
    assert_eq!(base64(&[255, 254, 253]), "//79");
}
