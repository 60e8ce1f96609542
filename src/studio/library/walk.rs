//! Walking through folders for what may be a model: bounded in depth, in number and in what it follows.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::entry::{Entry, Kind, Program};
use super::look::{self, Looker};
use super::roots::Root;
use crate::engine::adapters::preview_picture;
use crate::hub::{Cancel, cache};
use crate::project::files::name_of;
use crate::studio::places::seconds;

/// How many folders deep it goes.
const DEEPEST: usize = 10;
/// How many names it looks at.
const MOST_NAMES: usize = 500_000;
/// How many things it finds.
pub const MOST_FOUND: usize = 50_000;
/// How many repositories of a cache it looks into.
const MOST_REPOSITORIES: usize = 5_000;

/// Folders in which there is nothing for us, and much of it.
const PASSED_OVER: [&str; 8] =
    ["venv", "node_modules", "__pycache__", "site-packages", "custom_nodes", "extensions", "outputs", "repositories"];

/// How far a walk is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Folders that were looked into.
    pub folders: usize,
    /// Things that were found.
    pub found: usize,
    /// The folder in hand.
    pub place: PathBuf,
    /// In words, what was left out, where a bound was met.
    pub left_out: Option<String>,
}

/// What a walk tells while it goes.
pub enum Told<'a> {
    /// How far it is.
    At(&'a Walked),
    /// Something was found.
    Found(Box<Entry>),
}

/// Walks through all folders. Says how far it came.
pub fn walk(roots: &[Root], cancel: &Cancel, tell: &mut dyn FnMut(Told)) -> Walked {
    let looker = Looker::default();
    let mut walk = Walk { cancel, tell, looker, walked: Walked::default(), names: 0, seen: HashSet::new() };
    for root in roots {
        if root.program == Program::Hub {
            for kept in cache::snapshots(&root.folder, MOST_REPOSITORIES) {
                walk.folder(&kept.folder, 0, Whose { program: Program::Hub, hint: Kind::Unknown, id: Some(&kept.id) });
            }
        } else {
            walk.folder(&root.folder, 0, Whose { program: root.program, hint: hint(&root.folder), id: None });
        }
    }
    walk.walked
}

/// What is known of a folder before anything in it is looked at.
#[derive(Clone, Copy)]
struct Whose<'a> {
    program: Program,
    hint: Kind,
    /// `org/name` in the hub's cache.
    id: Option<&'a str>,
}

struct Walk<'a> {
    cancel: &'a Cancel,
    tell: &'a mut dyn FnMut(Told),
    looker: Looker,
    walked: Walked,
    names: usize,
    /// Real places that were there already: links may lead in circles, and to one file from several folders.
    seen: HashSet<PathBuf>,
}

impl Walk<'_> {
    fn is_over(&mut self) -> bool {
        if self.names >= MOST_NAMES || self.walked.found >= MOST_FOUND {
            self.walked.left_out = Some(format!(
                "There is more than the {MOST_FOUND} files and {MOST_NAMES} names that are looked at; add the folders that matter."
            ));
        }
        self.cancel.is_set() || self.walked.left_out.is_some()
    }

    fn is_new(&mut self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|real| self.seen.insert(real))
    }

    fn folder(&mut self, folder: &Path, depth: usize, whose: Whose) {
        if depth > DEEPEST || self.is_over() || !self.is_new(folder) {
            return;
        }
        self.walked.folders += 1;
        self.walked.place = folder.to_owned();
        (self.tell)(Told::At(&self.walked));
        if look::is_model_folder(folder) {
            let name = whose.id.map_or_else(|| name_of(folder), str::to_owned);
            return self.found(folder, name, Kind::Model, whose.program);
        }
        let mut entries: Vec<(PathBuf, Metadata)> = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            self.names += 1;
            if self.is_over() {
                return;
            }
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            // Links are followed.
            if let (false, Ok(about)) = (hidden, fs::metadata(&path)) {
                entries.push((path, about));
            }
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (path, about) in entries {
            if self.is_over() {
                return;
            }
            let own = name_of(&path);
            if about.is_dir() {
                if !PASSED_OVER.contains(&own.as_str()) {
                    let hint = own_hint(&own).unwrap_or(whose.hint);
                    self.folder(&path, depth + 1, Whose { hint, ..whose });
                }
            } else if about.is_file() && about.len() > 0 && look::may_be_weights(&own) && self.is_new(&path) {
                let stem = stem(&own);
                let name = whose.id.map_or_else(|| stem.to_owned(), |id| in_repository(id, stem));
                self.found(&path, name, whose.hint, whose.program);
            }
        }
    }

    fn found(&mut self, path: &Path, name: String, hint: Kind, program: Program) {
        if let Some(entry) = entry(&self.looker, path, name, hint, program) {
            self.walked.found += 1;
            (self.tell)(Told::Found(Box::new(entry)));
        }
    }
}

/// What is known of a file or of a model's folder; None where it is gone. Reads its beginning.
pub fn entry(looker: &Looker, path: &Path, name: String, hint: Kind, program: Program) -> Option<Entry> {
    let about = fs::metadata(path).ok()?;
    let changed = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let bytes = if about.is_dir() { look::weight(path) } else { about.len() };
    let seen = looker.look(path, hint);
    Some(Entry {
        kind: seen.kind,
        name,
        program,
        bytes,
        changed: seconds(changed),
        preview: preview_picture(path).or_else(|| seen.pictured.then(|| path.to_owned())),
        base: seen.base,
        triggers: seen.triggers,
        unfit: seen.unfit,
        path: path.to_owned(),
    })
}

/// What one file of a repository is called: as the repository, and as the file where that says more.
fn in_repository(id: &str, stem: &str) -> String {
    const PLAIN: [&str; 6] = [
        "pytorch_lora_weights",
        "adapter_model",
        "learned_embeds",
        "diffusion_pytorch_model",
        "model",
        "pytorch_model",
    ];
    if PLAIN.contains(&stem) { id.to_owned() } else { format!("{id}/{stem}") }
}

/// A file's name without its ending.
pub fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// What a folder holds, by the names that lead to it: the innermost that says anything.
fn hint(folder: &Path) -> Kind {
    folder.iter().rev().take(4).find_map(|part| own_hint(&part.to_string_lossy())).unwrap_or_default()
}

/// What a folder holds, by its own name.
fn own_hint(name: &str) -> Option<Kind> {
    match name.to_ascii_lowercase().as_str() {
        "stable-diffusion" | "checkpoints" | "checkpoint" | "diffusers" | "main" => Some(Kind::Model),
        "lora" | "loras" | "lycoris" | "locon" => Some(Kind::Lora),
        "embedding" | "embeddings" | "textual_inversion" | "textual-inversion" => Some(Kind::Embedding),
        "vae" | "vaes" => Some(Kind::Vae),
        // What these hold is of no use here, and must not pass for something else.
        "controlnet" | "esrgan" | "realesrgan" | "upscale_models" | "clip_vision" | "ipadapter" | "hypernetworks"
        | "clip" | "text_encoders" | "gfpgan" | "codeformer" | "insightface" | "sams" | "ultralytics" => {
            Some(Kind::Unknown)
        }
        _ => None,
    }
}
