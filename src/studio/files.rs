//! Projects and files: new, open, save, recover; pictures, concepts and projects that are dropped, pasted or chosen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbaImage;

use super::answer::Answer;
use super::autosave::{Autosave, Recovered};
use super::edits::folder_of;
use super::history::{Doc, History};
use super::intake::{self, Intake};
use super::{Place, Studio, Told};
use crate::project::{Background, Preset, Project, file};

/// What a project is called that has neither a file nor a name.
pub const UNTITLED: &str = "Untitled";

/// What a file is taken in as.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Whatever it is: dropped on the window at this place of the canvas, on this layer.
    Anywhere {
        /// Canvas pixels.
        at: Option<(f32, f32)>,
        /// The layer under the pointer.
        layer: Option<usize>,
    },
    /// A new layer.
    Cutout,
    /// The background.
    Background,
    /// Another picture for a layer.
    ReplaceLayer(usize),
    /// A concept.
    Concept,
    /// Another file for a concept.
    ReplaceConcept(String),
    /// A project, or a picture that holds one.
    Open,
    /// A model's folder.
    Model,
    /// The photo that objects are placed into.
    Photo,
    /// Where the photo may change.
    EditMask,
}

/// Something that waits for an answer before it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Begin a new project.
    New,
    /// Open this file.
    Open(PathBuf),
    /// Open this project, read already.
    Replace {
        /// The project.
        project: Box<Project>,
        /// Its file, where saving shall go.
        file: Option<PathBuf>,
        /// Where its paths start.
        folder: PathBuf,
        /// What it is called where it has no file.
        name: String,
    },
    /// Close the window.
    Close,
}

/// What the window has to ask.
#[derive(Clone, Debug)]
pub enum Question {
    /// The project has unsaved changes, or a render would be lost.
    Unsaved(Held),
    /// A picture that holds a project was dropped.
    PodiumPicture {
        /// The picture.
        path: PathBuf,
        /// The project in it.
        project: Box<Project>,
        /// Where its paths start.
        folder: PathBuf,
        /// Width and height.
        size: (u32, u32),
        /// Where it was dropped.
        at: Option<(f32, f32)>,
    },
    /// There is work of a session that ended without saving.
    Recover(Vec<Recovered>),
}

/// What a file turned out to be.
pub(super) struct TakenIn {
    target: Target,
    path: PathBuf,
    found: Result<Intake, String>,
}

/// A project was written, or not.
pub(super) struct Saved {
    path: PathBuf,
    doc: Arc<Doc>,
    revision: u64,
    outcome: Result<(), String>,
}

impl Studio {
    /// Looks at a file in the background and takes it in.
    pub fn take_in(&mut self, path: PathBuf, target: Target) {
        let absolute = std::path::absolute(&path).unwrap_or(path);
        self.tasks.run(move || {
            let found = intake::classify(&absolute).map_err(|error| error.to_string());
            Told::TakenIn(Box::new(TakenIn { target, path: absolute, found }))
        });
    }

    pub(super) fn taken_in(&mut self, taken: TakenIn) {
        let TakenIn { target, path, found } = taken;
        let place = match &target {
            Target::Background | Target::Cutout | Target::Anywhere { .. } => Place::Canvas,
            Target::ReplaceLayer(layer) => Place::Layer(*layer),
            Target::Concept => Place::Project,
            Target::ReplaceConcept(name) => Place::Concept(name.clone()),
            Target::Open => Place::Project,
            Target::Model => Place::Device,
            Target::Photo | Target::EditMask => Place::Canvas,
        };
        let found = match found {
            Ok(found) => found,
            Err(words) => return self.notice(place, format!("{}.", words.trim_end_matches('.'))),
        };
        match (target, found) {
            (Target::Anywhere { at, layer }, found) => self.take_anything(found, at, layer),
            (Target::Open, Intake::Project { path, project, folder }) => {
                self.ask_to(Held::Replace { project, file: Some(path), folder, name: UNTITLED.into() });
            }
            (Target::Open, Intake::PodiumPicture { project, folder, .. }) => {
                self.ask_to(Held::Replace { project, file: None, folder, name: UNTITLED.into() });
            }
            (Target::Cutout, Intake::Picture { path, size, note }) => {
                self.add_layer(path, size, None);
                self.note_of(note);
            }
            (Target::Cutout, Intake::PodiumPicture { path, size, .. }) => {
                self.add_layer(path, size, None);
            }
            (target, Intake::Picture { path, .. } | Intake::PodiumPicture { path, .. }) => match target {
                Target::Background => self.set_background(Background::Picture(path)),
                Target::ReplaceLayer(layer) => {
                    self.edit_layer(layer, "Change a layer's picture", |layer| layer.picture = path);
                }
                Target::Photo => self.set_photo(path),
                Target::EditMask => {
                    self.edit("Change the edit mask", |project| {
                        if let Some(place) = &mut project.place {
                            place.edit_mask = path;
                        }
                    });
                }
                _ => {
                    self.notice(place, format!("{} is a picture. Choose a file of the kind asked for.", path.display()))
                }
            },
            (Target::Concept, Intake::Concept { path }) => self.load_concept(path, None),
            (Target::ReplaceConcept(name), Intake::Concept { path }) => {
                self.edit_concept(&name, format!("Change the file of {name}"), |concept| concept.file = path);
            }
            (Target::Model, Intake::Model { path }) => self.set_model(Some(path)),
            (target, _) => {
                let wanted = match target {
                    Target::Concept | Target::ReplaceConcept(_) => "a concept (.pth or .safetensors)",
                    Target::Open => "a project (.ron) or a picture that Podium wrote",
                    Target::Model => {
                        "a model: a folder that holds model_index.json and unet, or a .safetensors file of Stable Diffusion 1.5"
                    }
                    _ => "a picture (PNG, JPEG, WebP, GIF, BMP or TIFF)",
                };
                self.notice(place, format!("{} is something else; choose {wanted}.", path.display()));
            }
        }
    }

    fn take_anything(&mut self, found: Intake, at: Option<(f32, f32)>, layer: Option<usize>) {
        match found {
            Intake::Picture { path, size, note } => {
                self.add_layer(path, size, at);
                self.note_of(note);
            }
            Intake::PodiumPicture { path, project, folder, size } => {
                self.question = Some(Question::PodiumPicture { path, project, folder, size, at });
            }
            Intake::Project { path, project, folder } => {
                self.ask_to(Held::Replace { project, file: Some(path), folder, name: UNTITLED.into() })
            }
            Intake::Concept { path } => self.load_concept(path, layer),
            Intake::Model { path } => self.set_model(Some(path)),
        }
    }

    fn note_of(&mut self, note: Option<String>) {
        if let Some(note) = note {
            self.notice(Place::Canvas, note);
        }
    }

    /// Takes the photo that objects are placed into.
    pub fn set_photo(&mut self, path: PathBuf) {
        self.edit("Choose a photo", |project| match &mut project.place {
            Some(place) => place.photo = path,
            None => {
                project.place = Some(crate::project::Placement {
                    photo: path,
                    edit_mask: PathBuf::new(),
                    background: crate::project::PlaceBackground::default(),
                });
            }
        });
    }

    /// Lets the project name another model; None is the built-in miniature.
    pub fn set_model(&mut self, model: Option<PathBuf>) {
        if let Some(folder) = &model {
            self.config.remember_model(folder);
            self.save_config();
        }
        self.edit("Change the model", |project| project.model = model);
    }

    /// Adds a concept's file to the project, and to a layer.
    pub fn load_concept(&mut self, file: PathBuf, layer: Option<usize>) {
        let name = self.add_concept(file, &[]);
        if let Some(layer) = layer {
            self.assign(layer, Some(name));
        }
    }

    /// Takes a picture from the clipboard: it is kept as a file, so that the project can name it.
    pub fn paste_picture(&mut self, picture: RgbaImage, at: Option<(f32, f32)>) {
        let places = self.places.clone();
        self.tasks.run(move || {
            let kept = intake::keep_pasted(&places, &picture).map_err(|error| error.to_string());
            let size = picture.dimensions();
            Told::Pasted { kept, size, at }
        });
    }

    // Projects.

    /// Does what may lose something at once where nothing is lost, else asks first.
    pub fn ask_to(&mut self, held: Held) {
        let renders = matches!(held, Held::Close) && self.runs.active().next().is_some();
        if self.history.is_dirty() || renders {
            self.question = Some(Question::Unsaved(held));
        } else {
            self.go_ahead(held);
        }
    }

    /// Does it, whatever is lost.
    pub fn go_ahead(&mut self, held: Held) {
        self.question = None;
        match held {
            Held::New => self.replace_project(fresh_project(), None, PathBuf::from(".")),
            Held::Open(path) => self.take_in(path, Target::Open),
            Held::Replace { project, file, folder, name } => {
                self.replace_project(*project, file, folder);
                self.name = name;
            }
            Held::Close => self.closing = true,
        }
    }

    /// Opens a project in place of the present one.
    pub fn replace_project(&mut self, project: Project, file: Option<PathBuf>, folder: PathBuf) {
        let project = project.with_absolute_paths(&folder).unwrap_or(project);
        if let Some(file) = &file {
            self.config.remember_recent(file);
            self.save_config();
        }
        let starred = self.history.doc().starred.clone();
        let deleted = self.history.doc().deleted.clone();
        self.history = History::new(Doc { project, deleted, starred });
        self.autosave.saved(self.history.revision());
        self.file = file;
        self.name = UNTITLED.into();
        self.folder = folder;
        self.notices.clear();
        self.mask_editor = None;
        self.select_none();
        self.look_again();
        // A picture of another project would mislead while this one's is being drawn.
        self.collage = Answer::default();
    }

    /// Saves to the project's file. Says whether it has one.
    pub fn save(&mut self) -> bool {
        let Some(path) = self.file.clone() else { return false };
        self.save_as(path);
        true
    }

    /// Saves to a file, which becomes the project's own.
    pub fn save_as(&mut self, path: PathBuf) {
        self.end_gesture();
        let path = if path.extension().is_some() { path } else { path.with_extension(file::EXTENSION) };
        let path = std::path::absolute(&path).unwrap_or(path);
        let (doc, revision) = (self.history.doc().clone(), self.history.revision());
        self.tasks.run(move || {
            let project = doc.project.with_relative_paths(&folder_of(&path));
            let outcome = file::save(&path, &project).map_err(|error| error.to_string());
            Told::Saved(Box::new(Saved { path, doc, revision, outcome }))
        });
    }

    pub(super) fn saved(&mut self, saved: Saved) {
        match saved.outcome {
            Ok(()) => {
                self.history.mark_saved_as(saved.doc);
                self.autosave.saved(saved.revision);
                self.folder = folder_of(&saved.path);
                self.config.remember_recent(&saved.path);
                self.save_config();
                self.notices.retain(|notice| notice.place != Place::Project);
                self.file = Some(saved.path);
                if let Some(held) = self.after_saving.take() {
                    self.go_ahead(held);
                }
            }
            Err(words) => {
                self.after_saving = None;
                self.notice(Place::Project, words);
            }
        }
    }

    /// Saves, and then does what was held back. Says whether the project has a file to be saved to; if not, one must
    /// be chosen, and [`Studio::save_as`] goes on with it.
    pub fn save_and(&mut self, held: Held) -> bool {
        self.question = None;
        self.after_saving = Some(held);
        self.save()
    }

    /// Opens what was recovered; it counts as unsaved.
    pub fn recover(&mut self, recovered: Recovered) {
        let Recovered { project, file, folder, path, .. } = recovered;
        self.replace_project(project, None, folder);
        self.file = file;
        self.history.mark_unsaved();
        self.note_for_autosave();
        self.discard_recovered(&path);
        self.question = None;
    }

    /// Throws recovered work away.
    pub fn discard_recovered(&mut self, path: &Path) {
        if let Err(error) = Autosave::discard(path) {
            self.notice(Place::Project, error.to_string());
        }
    }

    pub(super) fn note_for_autosave(&mut self) {
        let doc = self.history.doc().clone();
        self.autosave.note(&doc.project, self.file.as_deref(), &self.folder, self.history.revision());
    }

    /// Keeps the configuration on the disk.
    pub fn save_config(&mut self) {
        let (config, places) = (self.config.clone(), self.places.clone());
        self.tasks.run(move || Told::ConfigSaved(config.save(&places).map_err(|error| error.to_string())));
    }
}

/// An empty project with settings that a preset knows.
fn fresh_project() -> Project {
    let mut project = Project::new();
    project.canvas = crate::project::Canvas { width: 256, height: 256 };
    Preset::Standard.apply(&mut project.settings);
    project
}
