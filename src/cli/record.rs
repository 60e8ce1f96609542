//! What `--record` writes: previews, masks, attention maps of every step as pictures, and a log of JSON lines.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::written::{put_picture, unwritten};
use crate::link::{Mask, StepView, Warning};
use crate::studio::export::draw::{attention_picture, cluster_picture, lane_name, mask_picture, plain};

/// One line a step.
const LOG: &str = "log.jsonl";

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
        let log = folder.join(LOG);
        let created = std::fs::create_dir_all(folder).and_then(|()| File::create(&log));
        let created = created.map_err(|error| unwritten(&log, &error))?;
        Ok(Self { folder: folder.to_owned(), log: BufWriter::new(created) })
    }

    /// Writes one step.
    pub fn step(&mut self, view: &StepView) -> Written {
        let name = |what: String| self.folder.join(format!("step{:03}-{what}.png", view.step + 1));
        for (picture, preview) in view.previews.iter().enumerate() {
            put_picture(&name(format!("preview{}", picture + 1)), preview.clone())?;
        }
        for (picture, masks) in view.masks.iter().enumerate() {
            for (index, mask) in masks.iter().enumerate() {
                let subject = format!("mask{}-{}-{}", picture + 1, index + 1, plain(&mask.concept));
                for (kind, mask) in [("custom", &mask.custom), ("base", &mask.base), ("combined", &mask.combined)] {
                    put_picture(&name(format!("{subject}-{kind}")), mask_picture(mask))?;
                }
            }
        }
        for clusters in &view.clusters {
            let name = name(format!("clusters{}-{}", clusters.picture + 1, lane_name(&clusters.lane)));
            put_picture(&name, cluster_picture(clusters))?;
        }
        for map in view.attention.iter().filter(|map| map.word.is_empty()) {
            let name = name(format!("attention{}-{}", map.picture + 1, lane_name(&map.lane)));
            put_picture(&name, attention_picture(map))?;
        }
        let area = |mask: &Mask| mask.count();
        self.line(&json!({
            "step": view.step + 1, "steps": view.steps, "timestep": view.timestep,
            "layout_loss": view.loss, "gradient_norm": view.gradient_norm, "refined": view.refined,
            "masks": view.masks.iter().map(|masks| masks.iter().map(|mask| json!({
                "concept": mask.concept, "custom": area(&mask.custom), "base": area(&mask.base), "combined": area(&mask.combined),
            })).collect::<Vec<_>>()).collect::<Vec<_>>(),
            "attention": view.attention.iter().map(|map| json!({
                "of": lane_name(&map.lane), "picture": map.picture + 1, "word": map.word, "least": map.range.0, "greatest": map.range.1,
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
        // A line a step is little, and a log that ends before a crash is worth nothing.
        let written = writeln!(self.log, "{value}").and_then(|()| self.log.flush());
        Ok(written.map_err(|error| unwritten(&self.folder.join(LOG), &error))?)
    }
}
