//! What `src/plush` draws and counts, against the kit's `world.py` and `score.py`. `tests/data/plush/make.py` made the data.

use std::path::PathBuf;

use image::{GrayImage, RgbImage};
use podium::plush::looks::{Kind, natural};
use podium::plush::{Look, Picture, concept, cutout, draw, score};

const PICTURES: usize = 10;

fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/data/plush", name].iter().collect()
}

fn opened(name: &str) -> image::DynamicImage {
    image::open(data(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn told(index: usize) -> Picture {
    let text = std::fs::read_to_string(data(&format!("{index}.json"))).expect("a description");
    serde_json::from_str(&text).expect("readable")
}

/// Decibels; endless where nothing differs.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
    let mean = a.iter().zip(b).map(square).sum::<f64>() / a.len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

fn iou(a: &GrayImage, b: &GrayImage) -> f64 {
    let pairs = || a.as_raw().iter().zip(b.as_raw());
    let both = pairs().filter(|(a, b)| **a > 0 && **b > 0).count();
    both as f64 / pairs().filter(|(a, b)| **a > 0 || **b > 0).count() as f64
}

#[test]
fn pictures_and_masks_are_those_of_world_py_in_parity() {
    for index in 0..PICTURES {
        let drawn = draw(&told(index), 256).expect("drawable");
        let expected: RgbImage = opened(&format!("{index}.png")).to_rgb8();
        let close = psnr(&drawn.picture, &expected);
        assert!(close >= 35.0, "picture {index}: {close} dB");
        for (figure, mask) in drawn.masks.iter().enumerate() {
            let expected = opened(&format!("{index}.mask-{}.png", figure + 1)).to_luma8();
            let overlap = iou(mask, &expected);
            assert!(overlap >= 0.98, "picture {index}, mask {}: {overlap}", figure + 1);
            println!("picture {index}: {close} dB; mask {}: {overlap}", figure + 1);
        }
    }
}

#[test]
fn cutouts_are_those_of_world_py_in_parity() {
    for kind in Kind::ALL {
        for color in kind.natural() {
            let name = format!("cutouts/{}_{}.png", color.word(), kind.word());
            let bytes = podium::assets::find(&name).expect("built in");
            let expected = image::load_from_memory(bytes).expect("a picture").to_rgba8();
            let cut = cutout(&natural(kind, color), 512);
            assert_eq!(cut.dimensions(), expected.dimensions(), "{name}");
            let close = psnr(&cut, &expected);
            assert!(close >= 35.0, "{name}: {close} dB");
        }
    }
}

#[test]
fn scores_are_those_of_score_py_in_parity() {
    let text = std::fs::read_to_string(data("scores.json")).expect("scores");
    let all: Vec<serde_json::Value> = serde_json::from_str(&text).expect("readable");
    assert!(all.len() >= 6);
    for said in &all {
        let index = &said["picture"];
        let names = said["concepts"].as_array().expect("names").iter().filter_map(|name| name.as_str());
        let looks: Vec<Look> = names.map(|name| concept(name).expect("known").look).collect();
        let masks = said["masks"].as_array().expect("numbers").iter();
        let masks: Vec<GrayImage> = masks.map(|mask| opened(&format!("{index}.mask-{mask}.png")).to_luma8()).collect();
        let scores = score(&opened(&format!("{index}.png")).to_rgb8(), &looks, &masks).expect("masks that fit");
        let close = |name: &str, ours: f64, theirs: &serde_json::Value| {
            let theirs = theirs.as_f64().expect("a number");
            assert!((ours - theirs).abs() <= 1e-3, "picture {index}, {name}: {ours} and not {theirs}");
        };
        close("outside", scores.outside, &said["outside"]);
        for (layer, score) in scores.layers.iter().enumerate() {
            close("identity", score.identity, &said["identity"][layer]);
            close("leakage", score.leakage, &said["leakage"][layer]);
            close("layout overlap", score.layout_iou, &said["layout_iou"][layer]);
            assert_eq!(Some(score.present), said["present"][layer].as_bool(), "picture {index}");
        }
    }
}
