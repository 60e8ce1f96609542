//! What becomes of a file that somebody dropped, pasted, chose or opened, once it is known what it is.

use std::path::{Path, PathBuf};

use image::RgbaImage;

use super::document::UNTITLED;
use super::files::intake::Intake;
use super::files::knowledge::AsTrained;
use super::files::target::{TakenIn, Target};
use super::library::entry::{Entry, Kind};
use super::notice::Place;
use super::rooms::Studio;
use super::session::question::{Held, Question};
use crate::project::files::name_of;
use crate::project::foreign::{Parameters, TakenOver};
use crate::project::picture::KINDS;
use crate::project::stamp::Stamp;
use crate::project::{Background, ConceptFile, Preset, Project};

impl Studio {
    /// Looks at a file in the background and takes it in.
    pub fn take_in(&mut self, path: PathBuf, target: Target) {
        self.files.look_at(path, target);
    }

    /// A file was looked at.
    pub(super) fn taken_in(&mut self, taken: TakenIn) {
        let TakenIn { target, path, stamp, found, trained } = taken;
        let place = match &target {
            Target::Background | Target::Cutout | Target::CutoutAt(_) | Target::Anywhere { .. } => Place::Canvas,
            Target::ReplaceLayer(layer) => self.document.layer_of(*layer).map_or(Place::Canvas, Place::Layer),
            Target::Concept | Target::AskedFor { .. } | Target::Style => Place::Project,
            Target::ReplaceConcept(name) | Target::MoreOf(name) => Place::Concept(name.clone()),
            Target::Open | Target::Reopen(_) => Place::Project,
            Target::Model | Target::Autoencoder => Place::Device,
            Target::Photo | Target::EditMask => Place::Canvas,
        };
        let found = match found {
            Ok(found) => found,
            Err(words) => return self.notice(place, format!("{}.", words.trim_end_matches('.'))),
        };
        match (target, found) {
            (Target::Anywhere { at, layer }, found) => self.take_anything(found, stamp, (at, layer), &trained),
            (Target::Reopen(left), Intake::Project { path, project, folder }) if self.to_be_left() == left => {
                self.go_ahead(opened(path, project, folder, Some(stamp)));
            }
            (Target::Reopen(left), Intake::PodiumPicture { path, project, folder, .. }) if self.to_be_left() == left => {
                self.go_ahead(opened(path, project, folder, None));
            }
            // What is open was changed since; or another program has made something else of the file.
            (Target::Reopen(_), found) => {
                self.taken_in(TakenIn { found: Ok(found), target: Target::Open, path, stamp, trained });
            }
            (Target::Open, Intake::OthersPicture { path, size, parameters, .. }) => {
                self.ask_of_others(path, size, None, *parameters);
            }
            (target, Intake::OthersPicture { path: file, size, note, .. }) => {
                // Who asks for a picture wants its pixels.
                let found = Ok(Intake::Picture { path: file, size, note });
                self.taken_in(TakenIn { found, target, path, stamp, trained });
            }
            (Target::Open, Intake::Project { path, project, folder }) => {
                self.ask_to(opened(path, project, folder, Some(stamp)));
            }
            (Target::Open, Intake::PodiumPicture { path, project, folder, .. }) => {
                self.ask_to(opened(path, project, folder, None));
            }
            (Target::Cutout, Intake::Picture { path, size, note }) => {
                self.add_layer(path, size, None);
                self.note_of(note);
            }
            (Target::CutoutAt(at), Intake::Picture { path, size, note }) => {
                self.add_layer(path, size, Some(at));
                self.note_of(note);
            }
            (Target::Cutout, Intake::PodiumPicture { path, size, .. }) => {
                self.add_layer(path, size, None);
            }
            (Target::CutoutAt(at), Intake::PodiumPicture { path, size, .. }) => {
                self.add_layer(path, size, Some(at));
            }
            (target, Intake::Picture { path, .. } | Intake::PodiumPicture { path, .. }) => match target {
                Target::Background => self.document.set_background(Background::Picture(path)),
                Target::ReplaceLayer(layer) => match self.document.layer_of(layer) {
                    Some(layer) => {
                        self.document.edit_layer(layer, "Change a layer's picture", |layer| layer.picture = path);
                    }
                    None => self.gone(place, &path, "The layer"),
                },
                Target::Photo => self.document.set_photo(path),
                Target::EditMask if self.project().place.is_none() => self.gone(place, &path, "The photo"),
                Target::EditMask => {
                    self.document.edit("Change the edit mask", |project| {
                        if let Some(place) = &mut project.place {
                            place.edit_mask = path;
                        }
                    });
                }
                _ => {
                    self.notice(place, format!("{} is a picture. Choose a file of the kind asked for.", path.display()))
                }
            },
            (Target::Concept, Intake::Concept { path }) => self.load_concept(path, None, &trained),
            (Target::AskedFor { strength, text_strength }, Intake::Concept { path: file }) => {
                self.document.load_concept(ConceptFile { file, strength, text_strength }, None, &trained.words);
            }
            (Target::MoreOf(name) | Target::ReplaceConcept(name), Intake::Concept { path })
                if self.project().concept(&name).is_none() =>
            {
                self.gone(Place::Project, &path, &format!("The concept {name}"));
            }
            (Target::MoreOf(name), Intake::Concept { path }) => self.document.add_file(&name, path, trained.strength),
            (Target::Style, Intake::Concept { path }) => self.document.add_style(path, trained.strength),
            (Target::ReplaceConcept(name), Intake::Concept { path }) => {
                self.document.edit_concept(&name, format!("Change the file of {name}"), |concept| concept.file = path);
            }
            (Target::Model, Intake::Model { path }) => self.set_model(Some(path)),
            (Target::Model | Target::Autoencoder, Intake::Autoencoder { path })
            // The autoencoder of another whole model.
            | (Target::Autoencoder, Intake::Model { path }) => self.set_vae(Some(path)),
            (target, _) => {
                let wanted = match target {
                    Target::Concept
                    | Target::AskedFor { .. }
                    | Target::ReplaceConcept(_)
                    | Target::MoreOf(_)
                    | Target::Style => {
                        "a concept (.safetensors, .pth, .pt or .bin)"
                    }
                    Target::Open | Target::Reopen(_) => "a project (.ron) or a picture that Podium wrote",
                    Target::Model => {
                        "a model: a folder that holds model_index.json and unet, or a file of Stable Diffusion 1.5 (.safetensors, .ckpt)"
                    }
                    Target::Autoencoder => "an autoencoder (VAE) of Stable Diffusion 1.5: a .safetensors or .pt file, or its folder",
                    _ => &format!("a picture ({KINDS})"),
                };
                self.notice(place, format!("{} is something else; choose {wanted}.", path.display()));
            }
        }
    }

    fn take_anything(
        &mut self,
        found: Intake,
        stamp: Option<Stamp>,
        (at, layer): (Option<(f32, f32)>, Option<u32>),
        trained: &AsTrained,
    ) {
        match found {
            Intake::Picture { path, size, note } => {
                self.add_layer(path, size, at);
                self.note_of(note);
            }
            Intake::PodiumPicture { path, size, .. } => {
                self.session.questions.ask(Question::PodiumPicture { path, size, at });
            }
            Intake::OthersPicture { path, size, parameters, .. } => self.ask_of_others(path, size, at, *parameters),
            Intake::Project { path, project, folder } => self.ask_to(opened(path, project, folder, Some(stamp))),
            Intake::Concept { path } => {
                let layer = layer.and_then(|layer| self.document.layer_of(layer));
                self.load_concept(path, layer, trained);
            }
            Intake::Model { path } => self.set_model(Some(path)),
            Intake::Autoencoder { path } => self.set_vae(Some(path)),
        }
    }

    /// Says that what a file was chosen for is not there any more, once it has been looked at.
    fn gone(&mut self, place: Place, file: &Path, what: &str) {
        self.notice(place, format!("{what} that {} was chosen for is not there any more.", name_of(file)));
    }

    /// What was given to the project that was open before is not used in this one.
    pub(super) fn too_late(&mut self, what: &str) {
        let words = format!("{what} was given to a project that is no longer open, and is not used in this one.");
        self.notice(Place::Canvas, words);
    }

    fn load_concept(&mut self, file: PathBuf, layer: Option<usize>, trained: &AsTrained) {
        let file = ConceptFile { strength: trained.strength, ..ConceptFile::new(file) };
        self.document.load_concept(file, layer, &trained.words);
    }

    /// Takes in what was chosen in the library: a model becomes the project's, anything that a concept can be made of
    /// becomes one, on the selected layer where there is one.
    pub fn use_found(&mut self, entry: &Entry) {
        let target = match entry.kind {
            Kind::Model => Target::Model,
            _ => Target::Anywhere { at: None, layer: self.selected_number() },
        };
        self.take_in(entry.path.clone(), target);
    }

    /// The number of the selected layer.
    fn selected_number(&self) -> Option<u32> {
        self.project().layers().get(self.document.selected()?).map(|layer| layer.id)
    }

    /// Looks for models and LoRAs in the usual folders and in those that somebody added.
    pub fn look_for_files(&mut self) {
        self.library.look(self.session.config.library_folders.clone());
    }

    /// Looks through another folder too, from now on.
    pub fn add_library_folder(&mut self, folder: &Path) {
        self.session.config.add_library_folder(folder);
        self.session.save_config();
        self.look_for_files();
    }

    /// Looks through a folder no more.
    pub fn forget_library_folder(&mut self, folder: &Path) {
        self.session.config.library_folders.retain(|other| other != folder);
        self.session.save_config();
    }

    /// Asks what a picture that another program made shall be used for, and says what its words would bring.
    fn ask_of_others(&mut self, path: PathBuf, size: (u32, u32), at: Option<(f32, f32)>, parameters: Parameters) {
        let TakenOver { taken, left, .. } = parameters.take_over(self.project());
        let parameters = Box::new(parameters);
        self.session.questions.ask(Question::OthersPicture { path, size, at, parameters, taken, left });
    }

    /// Takes over what another program wrote into a picture, as one step.
    pub fn take_over(&mut self, parameters: &Parameters) {
        let name = format!("Take over a prompt and settings from {}", parameters.program);
        self.document.edit(name, |project| *project = parameters.take_over(project).project);
    }

    fn note_of(&mut self, note: Option<String>) {
        if let Some(note) = note {
            self.notice(Place::Canvas, note);
        }
    }

    /// Takes a picture from the clipboard: it is kept as a file, so that the project can name it.
    pub fn paste_picture(&mut self, picture: RgbaImage, at: Option<(f32, f32)>) {
        self.files.paste(self.session.places().clone(), picture, at);
    }

    /// A pasted picture is a file now, or not.
    pub(super) fn pasted(&mut self, kept: Result<PathBuf, String>, size: (u32, u32), at: Option<(f32, f32)>) {
        match kept {
            Ok(path) => {
                self.add_layer(path, size, at);
            }
            Err(words) => self.notice(Place::Canvas, words),
        }
    }

    /// Puts a picture on the canvas (see [`super::document::Document::add_layer`]). Where it cannot be, that is said.
    pub fn add_layer(&mut self, picture: PathBuf, size: (u32, u32), at: Option<(f32, f32)>) -> Option<usize> {
        self.document.add_layer(picture, size, at).map_err(|notice| self.session.say(notice)).ok()
    }

    /// Lets the project name another model; None is the built-in miniature. Settings that are a preset's become that preset's
    /// for it.
    pub fn set_model(&mut self, model: Option<PathBuf>) {
        if let Some(folder) = &model {
            self.session.config.remember_model(folder);
            self.session.save_config();
        }
        self.document.edit("Change the model", |project| Preset::follow_model(project, model));
    }

    /// Lets the project name another autoencoder; None is the model's own.
    pub fn set_vae(&mut self, vae: Option<PathBuf>) {
        self.document.edit("Change the VAE", |project| project.vae = vae);
    }
}

/// What is to be opened of a file, with how that was when it was read; of a picture, which is no project's file, with none.
fn opened(from: PathBuf, project: Box<Project>, folder: PathBuf, stamp: Option<Option<Stamp>>) -> Held {
    let file = stamp.map(|stamp| (from.clone(), stamp));
    Held::Replace { project, from: Some(from), file, folder, name: UNTITLED.into() }
}
