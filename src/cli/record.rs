//! What `--record` writes: previews, masks, attention maps of every step as pictures, and a log of JSON lines.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::json;

use crate::engine::masks::Mask;
use crate::link::{Lane, StepView, Warning};

/// Colours of clusters that people with colour-blindness can tell apart (Okabe and Ito).
const CLUSTERS: [[u8; 3]; 8] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
    [120, 120, 120],
];

/// A folder that a render is recorded into.
pub struct Record {
    folder: PathBuf,
    log: BufWriter<File>,
}

type Written = Result<(), Box<dyn std::error::Error>>;

impl Record {
    /// Creates the folder and its log.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let explain = |error: std::io::Error| format!("{}: cannot be written ({error})", folder.display());
        std::fs::create_dir_all(folder).map_err(explain)?;
        let log = BufWriter::new(File::create(folder.join("log.jsonl")).map_err(explain)?);
        Ok(Self { folder: folder.to_owned(), log })
    }

    /// Writes one step.
    pub fn step(&mut self, view: &StepView) -> Written {
        let name = |what: String| self.folder.join(format!("step{:03}-{what}.png", view.step + 1));
        for (picture, preview) in view.previews.iter().enumerate() {
            preview.save(name(format!("preview{}", picture + 1)))?;
        }
        for (picture, masks) in view.masks.iter().enumerate() {
            for (index, mask) in masks.iter().enumerate() {
                let subject = format!("mask{}-{}-{}", picture + 1, index + 1, plain(&mask.concept));
                for (kind, mask) in [("custom", &mask.custom), ("base", &mask.base), ("combined", &mask.combined)] {
                    mask_picture(mask).save(name(format!("{subject}-{kind}")))?;
                }
            }
        }
        for clusters in &view.clusters {
            let (height, width) = clusters.grid;
            let colour = |x: u32, y: u32| {
                Rgb(CLUSTERS[clusters.labels[y as usize * width + x as usize] as usize % CLUSTERS.len()])
            };
            let picture = RgbImage::from_fn(width as u32, height as u32, colour);
            picture.save(name(format!("clusters{}-{}", clusters.picture + 1, lane(&clusters.lane))))?;
        }
        for map in view.attention.iter().filter(|map| map.word.is_empty()) {
            let (height, width) = map.grid;
            let grey = |x: u32, y: u32| Luma([(map.values[y as usize * width + x as usize] * 255.0).round() as u8]);
            let picture = GrayImage::from_fn(width as u32, height as u32, grey);
            picture.save(name(format!("attention{}-{}", map.picture + 1, lane(&map.lane))))?;
        }
        let area = |mask: &Mask| mask.count();
        self.line(&json!({
            "step": view.step + 1, "steps": view.steps, "timestep": view.timestep,
            "layout_loss": view.loss, "gradient_norm": view.gradient_norm, "refined": view.refined,
            "masks": view.masks.iter().map(|masks| masks.iter().map(|mask| json!({
                "concept": mask.concept, "custom": area(&mask.custom), "base": area(&mask.base), "combined": area(&mask.combined),
            })).collect::<Vec<_>>()).collect::<Vec<_>>(),
            "attention": view.attention.iter().map(|map| json!({
                "of": lane(&map.lane), "picture": map.picture + 1, "word": map.word, "least": map.range.0, "greatest": map.range.1,
            })).collect::<Vec<_>>(),
            "seconds": {
                "align": view.times.align.as_secs_f64(), "inject": view.times.inject.as_secs_f64(),
                "refine": view.times.refine.as_secs_f64(), "views": view.times.views.as_secs_f64(),
            },
        }))
    }

    /// Writes a warning.
    pub fn warning(&mut self, warning: &Warning) -> Written {
        self.line(&json!({"warning": warning.to_string()}))
    }

    fn line(&mut self, value: &serde_json::Value) -> Written {
        writeln!(self.log, "{value}")?;
        // A line a step is little, and a log that ends before a crash is worth nothing.
        self.log.flush()?;
        Ok(())
    }
}

fn mask_picture(mask: &Mask) -> GrayImage {
    let on = |x: u32, y: u32| mask.on.get(y as usize * mask.width + x as usize).copied().unwrap_or(false);
    GrayImage::from_fn(mask.width as u32, mask.height as u32, |x, y| Luma([if on(x, y) { 255 } else { 0 }]))
}

fn lane(lane: &Lane) -> String {
    match lane {
        Lane::Base => "base".into(),
        Lane::Concept(name) => plain(name),
        Lane::Reference => "reference".into(),
    }
}

/// A name that every file system takes.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}
