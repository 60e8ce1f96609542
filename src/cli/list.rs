//! `podium list`

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use crate::engine::adapters::Base;
use crate::engine::memory;
use crate::hub::{Cancel, Hub};
use crate::studio::library::entry::{Entry, Kind};
use crate::studio::library::roots::{Machine, roots};
use crate::studio::library::search::{Order, Wish, shown};
use crate::studio::library::walk::{Told, walk};
use crate::studio::places::Places;
use crate::studio::session::config::Config;

/// What `podium list` is told.
#[derive(Debug, Args)]
pub struct List {
    /// Words that must all be in the name, the trigger words, the base or the path
    words: Vec<String>,

    /// Only this kind: model, lora, embedding, vae or unknown
    #[arg(long)]
    kind: Option<Kind>,

    /// Only what is, or is for, this kind of model: sd1.5, sd2, sdxl, sd3 or flux
    #[arg(long)]
    base: Option<Base>,

    /// Another folder to look through; may be given several times
    #[arg(long = "folder", value_name = "DIR")]
    folders: Vec<PathBuf>,
}

impl List {
    /// Looks, and lists what is found.
    pub fn run(&self) -> Outcome {
        for folder in &self.folders {
            if !folder.is_dir() {
                return Err(format!("{}: there is no such folder to look through", folder.display()).into());
            }
        }
        let (hub, places) = (Hub::standard()?, Places::standard());
        let mut added = self.folders.clone();
        added.extend(Config::load(&places).0.library_folders);
        let roots = roots(&Machine::this(), &hub, &places.models_folder(), &added);
        let mut entries: Vec<Entry> = Vec::new();
        let walked = walk(&roots, &Cancel::default(), &mut |told| {
            if let Told::Found(entry) = told {
                entries.push(*entry);
            }
        });
        let words = self.words.join(" ");
        let wish = Wish { words, kind: self.kind, base: self.base, usable: false, order: Order::Name };
        let found = shown(&entries, &wish);
        for entry in found.iter().filter_map(|at| entries.get(*at)) {
            lines(entry).iter().for_each(|line| say!("{line}"));
        }
        say!("{} of {} files in {} folders", found.len(), entries.len(), walked.folders);
        if let Some(words) = walked.left_out {
            say!("note: {words}");
        }
        Ok(())
    }
}

/// What is said of one.
fn lines(entry: &Entry) -> Vec<String> {
    let mut lines = vec![
        format!("{}  ({}, {}, {})", entry.name, entry.what(), memory::words(entry.bytes), entry.program),
        format!("    {}", entry.path.display()),
    ];
    if !entry.triggers.is_empty() {
        lines.push(format!("    called by {}", entry.triggers.join(", ")));
    }
    if let Some(words) = &entry.unfit {
        lines.push(format!("    cannot be used: {words}"));
    }
    lines
}
