//! What a person does that concerns several rooms: going back to a result, exporting it, cutting out, painting where a photo
//! may change. What takes memory is begun in `starting.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, GrayImage, RgbImage};

use super::compare::{self, EncoderKind, Named, Side};
use super::cut::{self, Made, Purpose};
use super::document::arrange::Lot;
use super::document::geometry;
use super::document::history::ResultId;
use super::export::exporting::{Exports, Kind, SheetLook, Subject};
use super::files::on_disk;
use super::files::pictures::Loaded;
use super::files::target::Target;
use super::notice::Place;
use super::place::{self, Known};
use super::results::comparing::Compared;
use super::results::store::Entry;
use super::rooms::Studio;
use super::train::PLACE;
use crate::link::JobId;
use crate::project::files::asset_name;
use crate::project::frame::Frame;
use crate::project::{Background, Cut, Layer, Layout, Project, resolve};

impl Studio {
    /// Makes the project of a run the present one, as a step. Where it is another document's, this one parts from its
    /// file, so that saving does not write one project over another.
    pub fn restore(&mut self, job: JobId) {
        let Some(run) = self.renders.runs.get(job) else { return };
        let (name, of) = (format!("Go back to the project of {}", run.name), run.origin.document);
        let project = run.project.with_absolute_paths(&run.folder).unwrap_or_else(|_| Project::clone(&run.project));
        self.go_back_to(name, project, Some(of));
    }

    pub(super) fn go_back_to(&mut self, name: String, project: Project, of: Option<u64>) {
        self.document.edit(name, |present| *present = project);
        if of != Some(self.document.id()) {
            self.document.part_from_file();
        }
    }

    // Cutting out.

    /// Opens a photo to cut somebody out of it, for a new layer.
    pub fn cut_out_of(&mut self, photo: PathBuf) {
        self.begin_cut(photo, None, Purpose::NewLayer);
    }

    /// Opens the background to cut somebody out of it, for a new layer that lies over the very place.
    pub fn cut_out_of_background(&mut self) {
        match &self.project().layout {
            Layout::Collage { background: Background::Picture(photo), .. } => {
                self.begin_cut(photo.clone(), None, Purpose::OverBackground);
            }
            Layout::Collage { background: Background::Photo, .. } => self.cut_out_of_placed_photo(),
            _ => {}
        }
    }

    /// Opens the photo that subjects are placed into, to choose what of it shall be replaced: a new layer over its own place.
    pub fn cut_out_of_placed_photo(&mut self) {
        if let Some(photo) = self.project().place.as_ref().map(|place| place.photo.clone()) {
            self.begin_cut(photo, None, Purpose::OverPhoto);
        }
    }

    /// Opens what a layer was cut out of, or its picture where that is whole.
    pub fn cut_out_of_layer(&mut self, index: usize) {
        let Some(layer) = self.project().layers().get(index).cloned() else { return };
        let photo = layer.cut.as_ref().map_or(layer.picture, |cut| cut.photo.clone());
        self.begin_cut(photo, layer.cut, Purpose::Layer(self.document.id(), layer.id));
    }

    fn begin_cut(&mut self, photo: PathBuf, before: Option<Cut>, purpose: Purpose) {
        if matches!(self.project().layout, Layout::Picture(_)) {
            let words = "The layout is a finished picture, which has no layers; start a new project for a collage.";
            return self.notice(cut::PLACE, words);
        }
        if let Err(notice) = self.cut.begin(on_disk(&self.document), photo, before, purpose) {
            self.session.say(notice);
        }
    }

    /// Lets Segment Anything look at the photo that is being cut, with the files that were chosen or lie in Podium's folder.
    pub fn look_at_cut(&mut self) {
        self.cut.look(self.networks());
    }

    /// Points at what words name in the photo that is being cut.
    pub fn name_in_cut(&mut self, words: String) {
        self.cut.name(words, self.networks());
    }

    fn networks(&self) -> cut::Networks {
        let folder = self.session.places().segment_folder();
        cut::Networks { chosen: self.session.config.segment_files.clone(), folder }
    }

    /// Takes a file or a folder of Segment Anything from now on.
    pub fn choose_segment_file(&mut self, path: &Path) {
        self.session.config.choose_segment_file(path);
        self.session.save_config();
        self.look_at_cut();
    }

    /// Takes what lies in Podium's folder again.
    pub fn forget_segment_files(&mut self) {
        self.session.config.segment_files.clear();
        self.session.save_config();
        self.look_at_cut();
    }

    /// Makes a layer of what is cut out; its files are written first.
    pub fn finish_cut(&mut self) {
        self.cut.finish(self.session.places());
    }

    /// Somebody is cut out: a new layer, or another picture for the one that was opened again.
    pub(super) fn take_cutout(&mut self, made: &Made) {
        if let Purpose::Layer(document, id) = made.purpose
            && document == self.document.id()
            && let Some(index) = self.document.layer_of(id)
        {
            let name = format!("Cut out {}", self.project().layers()[index].title());
            self.document.edit_layer(index, name, |layer| made.put_into(layer));
            return;
        }
        let canvas = self.project().canvas;
        // Where the photo is another by now, it is a layer like any other.
        let place = self.project().place.as_ref().filter(|_| made.purpose == Purpose::OverPhoto);
        let in_photo = place.filter(|place| place.photo == made.cut.photo);
        let in_photo = in_photo.map(|place| Frame::of(place.crop, made.photo_size, canvas));
        let (x, y, scale) = match (made.purpose, in_photo) {
            (_, Some(frame)) => {
                let (x, y) = frame.to_canvas((made.middle.0.into(), made.middle.1.into()));
                (x as f32, y as f32, frame.canvas_pixels() as f32)
            }
            (Purpose::OverBackground, _) => made.over_background(canvas),
            _ => (canvas.width as f32 / 2.0, canvas.height as f32 / 2.0, self.document.new_scale(made.size)),
        };
        let mut layer = Layer::new(made.picture.clone(), x, y);
        layer.scale = scale.clamp(*Layer::SCALE.start(), *Layer::SCALE.end());
        layer.name =
            made.cut.photo.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().replace('_', " "));
        layer.cut = Some(made.cut.clone());
        let pushed = match in_photo {
            Some(_) => self.document.push_replaced(layer),
            None => self.document.push_layer(layer),
        };
        if let Err(notice) = pushed {
            self.session.say(notice);
        }
    }

    // Comparisons.

    /// Has comparisons measured by the encoder in a folder, or by ImageReward's file, once it is known to be one; that is said
    /// where it is none.
    pub fn choose_encoder(&mut self, path: PathBuf) {
        self.session.unsay(&compare::PLACE);
        self.compare.look_at_encoder(path);
    }

    /// The encoders by which the next comparison is measured.
    pub fn encoders(&self) -> Named {
        let config = &self.session.config;
        Named { clip: config.clip.clone(), dino: config.dino.clone(), reward: config.reward.clone() }
    }

    /// Has comparisons measured by an encoder of a kind from now on, or by none. It is remembered.
    pub fn measure_by(&mut self, kind: EncoderKind, path: Option<PathBuf>) {
        let place = match kind {
            EncoderKind::Clip => &mut self.session.config.clip,
            EncoderKind::Dino => &mut self.session.config.dino,
            EncoderKind::Reward => &mut self.session.config.reward,
        };
        *place = path.map(|path| std::path::absolute(&path).unwrap_or(path));
        self.session.save_config();
    }

    /// The project's concepts whose looks nobody knows but from photos, and the folder of each, where it was chosen.
    pub fn photos_of_concepts(&self) -> Vec<(String, Option<PathBuf>)> {
        let known = |file: &Path| {
            let found = self.session.config.concept_photos.iter().find(|(of, _)| of == file);
            found.map(|(_, folder)| folder.clone())
        };
        let own = self.project().concepts.iter().filter(|concept| asset_name(&concept.file).is_none());
        own.map(|concept| (concept.name.clone(), known(&resolve(&self.document.folder, &concept.file)))).collect()
    }

    /// Compares a concept with the photos of a folder from now on. It is remembered by the concept's file.
    pub fn choose_photos_of(&mut self, name: &str, folder: &Path) {
        let Some(concept) = self.project().concepts.iter().find(|concept| concept.name == name) else { return };
        let file = resolve(&self.document.folder, &concept.file);
        self.session.config.remember_photos(file, folder);
        self.session.save_config();
    }

    /// Stops the comparison; what is there stays.
    pub fn stop_comparing(&mut self) {
        self.compare.stop(&mut self.renders);
    }

    /// Puts the settings of one side into the project, as one step.
    pub fn use_side(&mut self, side: Side) {
        let Some(begun) = self.compare.begun() else { return };
        let settings = begun.projects[side as usize].settings.clone();
        self.document.edit(format!("Use {}'s settings", side.letter()), |project| project.settings = settings);
    }

    // Trainings.

    /// Begins a new training, of the project's model.
    pub fn new_training(&mut self) {
        let project = self.project();
        let (model, vae) = (project.model.clone(), project.vae.clone());
        self.session.unsay(&PLACE);
        self.train.begin(model, vae);
    }

    /// Lets a training write a checkpoint and wait.
    pub fn pause_training(&mut self, id: u64) {
        self.train.pause(self.renders.engine(), id);
    }

    /// Adds a concept that was trained to the project, on the selected layer where there is one, as one step. Gives its
    /// name.
    pub fn use_trained(&mut self, id: u64) -> Option<String> {
        let run = self.train.runs.get(id)?;
        let (file, class_word) = (run.trained()?.file.clone(), run.training.class_word.clone());
        let (strength, layer) = (run.training.settings.strength_of_use() as f32, self.document.selected());
        Some(self.document.add_trained(file, &class_word, strength, layer))
    }

    // Results.

    /// The results in the gallery, the newest first.
    pub fn gallery(&self) -> impl Iterator<Item = &Entry> {
        self.results.shown(&self.document)
    }

    /// Whether a result is marked as good.
    pub fn is_starred(&self, entry: &Entry) -> bool {
        self.results.is_starred(&self.document, entry)
    }

    /// Takes results out of the gallery, or brings them back, as one step.
    pub fn delete_results(&mut self, results: &[ResultId], deleted: bool) {
        self.results.delete(&mut self.document, results, deleted);
    }

    /// Marks a result as good, or not, as one step.
    pub fn star(&mut self, result: &ResultId, starred: bool) {
        self.results.star(&mut self.document, result, starred);
    }

    /// In what two results' projects differ; None while they are being read.
    pub fn compare_results(&mut self, before: &ResultId, after: &ResultId) -> Option<&Compared> {
        self.results.compare(&self.renders.runs, before, after)
    }

    /// Makes the project of a result the present one, once it was read from its picture (see [`Studio::restore`]).
    pub fn restore_result(&mut self, result: &ResultId) {
        self.results.read_project(&self.renders.runs, result);
    }

    /// Uses a result as a layer of the present project.
    pub fn use_result(&mut self, result: &ResultId) {
        self.use_result_as(result, None);
    }

    /// The same with its middle at a place of the canvas, in canvas pixels.
    pub fn use_result_at(&mut self, result: &ResultId, at: (f32, f32)) {
        self.use_result_as(result, Some(at));
    }

    fn use_result_as(&mut self, result: &ResultId, at: Option<(f32, f32)>) {
        if let Some(waiting) = self.results.store.waiting(result) {
            // There is no file of it to copy yet.
            let picture = RgbImage::clone(&waiting.picture);
            return self.paste_picture(DynamicImage::from(picture).into_rgba8(), at);
        }
        let (places, path) = (self.session.places().clone(), self.results.store.path(result));
        self.files.copy_and_look_at(places, path, at.map_or(Target::Cutout, Target::CutoutAt));
    }

    /// The results taken out of the gallery in this session, the newest first. Their files stay until it ends, so they can be
    /// brought back, whatever project is open by then.
    pub fn deleted_results(&self) -> impl Iterator<Item = &Entry> {
        self.results.deleted(&self.document)
    }

    /// Why something cannot be exported, in words with what to do; None where it can.
    pub fn export_obstacle(&self, subject: &Subject, kind: Kind) -> Option<String> {
        self.export.obstacle(&self.renders.runs, subject, kind)
    }

    /// Which kinds of exports there are for something (see [`Exports::kinds`]).
    pub fn export_kinds(&self, subject: &Subject) -> Vec<Kind> {
        Exports::kinds(&self.renders.runs, subject, self.project())
    }

    /// A name for what is exported, which every file system takes.
    pub fn export_stem(&self, subject: &Subject) -> String {
        Exports::stem(&self.renders.runs, &self.results.store, subject)
    }

    /// Writes an export in the background. What stands in its way is said at the gallery.
    pub fn start_export(&mut self, subject: &Subject, kind: Kind, path: PathBuf, sheet: SheetLook) {
        let (runs, store) = (&self.renders.runs, &self.results.store);
        if let Err(words) = self.export.start(runs, store, subject, kind, path, sheet) {
            self.notice(Place::Gallery, words);
        }
    }

    // The document with other rooms.

    /// The selected layers that can be moved by hand and whose pictures are there, with where they lie.
    pub fn selected_lot(&mut self) -> Option<Lot> {
        let chosen: Vec<usize> = self.document.selection().iter().copied().collect();
        let mut frames = Vec::new();
        for index in chosen {
            let Some(layer) = self.project().layers().get(index).filter(|layer| layer.is_loose()).cloned() else {
                continue;
            };
            if let Loaded::Ready(picture) = self.picture(&layer.picture) {
                frames.push((index, geometry::Frame::of(&layer, picture.size)));
            }
        }
        Lot::new(frames)
    }

    /// Gives a concept another name, on its layers too. A name that is taken or empty is refused, in words.
    pub fn rename_concept(&mut self, from: &str, to: &str) {
        if let Err(notice) = self.document.rename_concept(from, to) {
            self.session.say(notice);
        }
    }

    /// Looks again for files that were not there.
    pub fn look_again(&mut self) {
        self.files.look_again();
        self.place.look_again();
        self.look_for_moved(false, Vec::new());
    }

    // The photo.

    /// The photo that subjects are placed into, as it covers the canvas.
    pub fn placed_photo(&mut self) -> Known<RgbImage> {
        self.place.photo(&self.document, &mut self.files)
    }

    /// What was painted of the edit mask, as it covers the canvas: white may change.
    pub fn edit_mask(&mut self) -> Known<GrayImage> {
        self.place.edit_mask(&self.document)
    }

    /// Makes this the edit mask, as one step (see [`super::place::Placing::set_edit_mask`]).
    pub fn set_edit_mask(&mut self, name: &str, mask: Arc<GrayImage>) {
        self.place.set_edit_mask(&mut self.document, self.session.places(), name, mask);
    }

    /// Takes the outlines of the layers that stand for concepts for the edit mask, once they are drawn.
    pub fn edit_mask_from_outlines(&mut self) {
        if let Err(notice) = self.place.draw_outlines(&self.document, &mut self.files) {
            self.session.say(notice);
        }
    }

    /// Where the photo may change, with what follows the layers (see [`super::place::Placing::edit_mask_with_layers`]).
    pub fn edit_mask_with_layers(&mut self) -> Known<GrayImage> {
        self.place.edit_mask_with_layers(&self.document, &mut self.files)
    }

    /// Shows the piece of the photo around what is to change (see [`super::place::Placing::frame`]). What stands in the way
    /// is said at its place.
    pub fn frame_subjects(&mut self) {
        let framed = self.place.frame(&mut self.document, &mut self.files, self.session.places());
        if let Err(notice) = framed {
            self.session.say(notice);
        }
    }

    /// Shows the whole photo again (see [`super::place::Placing::unframe`]).
    pub fn show_whole_photo(&mut self) {
        let shown = self.place.unframe(&mut self.document, &mut self.files, self.session.places());
        if let Err(notice) = shown {
            self.session.say(notice);
        }
    }

    /// Makes the project that makes one subject of a result anew while all else in it stays, and goes to it as one step once
    /// it is there; `layer` is counted in the result's own project, from the rearmost.
    pub fn place_again(&mut self, result: &ResultId, layer: usize) {
        if self.results.store.waiting(result).is_some() {
            return self.notice(place::PLACE, "That picture is not written to the gallery yet. Try again once it is.");
        }
        let of = self.renders.runs.of_result(result).map(|(run, _)| run.origin.document);
        let path = self.results.store.path(result);
        self.place.again(self.session.places().clone(), path, layer, of);
    }

    /// Why the placement keeps a render from starting (see [`super::place::Placing::obstacle`]).
    pub fn place_obstacle(&mut self) -> Option<String> {
        self.place.obstacle(&self.document, &mut self.files)
    }
}
