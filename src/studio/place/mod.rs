//! Placing subjects into a photo: the photo as the render sees it.
//!
//! - Where may it change? `mask.rs` paints; what follows layers is worked out here, in the background.
//! - Another piece of it on the canvas: `frame.rs`.
//! - How does one subject come anew while the others stay? `again.rs`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use image::{GrayImage, RgbImage};

use self::mask::outlines;
use super::document::Document;
use super::files::keeping::{Keeping, Kept};
use super::files::pictures::Loaded;
use super::files::{Files, on_disk, painted};
use super::notice::{Notice, Place};
use super::places::{Places, WriteError};
use super::tasks::{Desk, Due, Owed, Pool};
use crate::photo::plan;
use crate::project::frame::Frame;
use crate::project::picture::{cover_gray, load_gray, load_rgba};
use crate::project::{Canvas, Collage, Crop, Follow, Project, placed};

mod again;
pub mod frame;
#[cfg(test)]
mod keeping_tests;
mod mask;

pub use mask::{MARGIN, is_empty, paint};

/// Masks kept in memory, so that undo shows an earlier one at once.
const KEPT: usize = 32;
/// What the obstacle is called while a mask is on its way to the disk.
const BEING_WRITTEN: &str = "The edit mask is still being written. Try again in a moment.";

/// Something as it is known so far.
#[derive(Clone, Debug)]
pub enum Known<T> {
    /// There is none.
    None,
    /// It is on its way.
    Loading,
    /// Here it is, of the canvas's size.
    Ready(Arc<T>),
    /// It cannot be used, in words.
    Failed(String),
}

impl<T> Known<T> {
    /// What is there.
    pub fn ready(&self) -> Option<&Arc<T>> {
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }
}

/// A file, from the folder that its path starts in, on a canvas.
type Key = (PathBuf, PathBuf, Canvas);
/// The same of a photo, with what of it the canvas shows.
type PhotoKey = (Key, Option<Crop>);

/// What a mask that follows layers is made of: what is compared is whether these are the very same.
#[derive(Clone)]
struct FollowKey {
    collage: Arc<Collage>,
    painted: Option<Arc<GrayImage>>,
    follow: Option<Follow>,
}

impl PartialEq for FollowKey {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.painted, &other.painted) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same && Arc::ptr_eq(&self.collage, &other.collage) && self.follow == other.follow
    }
}

/// What came of a piece of work. What changes the project has a number, see [`Owed`].
#[cfg_attr(test, derive(Clone))]
enum Told {
    Photo(PhotoKey, Result<RgbImage, String>),
    Mask(Key, Result<GrayImage, String>),
    Written(Kept, Result<(), WriteError>),
    Outlines(u64, GrayImage),
    Following(FollowKey, GrayImage),
    Again(u64, Result<Box<Project>, String>, Option<u64>),
}

#[cfg(test)]
crate::studio::tasks::kinds!(Told: Photo, Mask, Written, Outlines, Following, Again);

/// What the other rooms shall know.
#[derive(Debug)]
pub enum Outcome {
    /// More is known than before.
    Learnt,
    /// The mask that was to be made of the layers' outlines.
    Outlines(GrayImage),
    /// The project that makes one subject of a result anew; `of` is the document that the result came from, where that is
    /// known.
    Again {
        /// Its paths are absolute.
        project: Box<Project>,
        /// The document's number.
        of: Option<u64>,
    },
    /// Something to say.
    Say(Notice),
}

/// What is known of the photo that subjects are placed into, and of its edit mask.
pub struct Placing {
    photo: Option<(PhotoKey, Known<RgbImage>)>,
    /// The newest last.
    masks: Vec<(Key, Known<GrayImage>)>,
    /// Masks on their way to the disk.
    keeping: Keeping,
    /// The mask of where the photo may change, as it follows layers.
    following: Option<(FollowKey, Known<GrayImage>)>,
    learnt: u64,
    /// What is on its way into the project that is open.
    owed: Owed,
    desk: Desk<Told>,
}

impl Placing {
    /// Nothing is known yet.
    pub fn new(pool: &Pool) -> Self {
        Self {
            photo: None,
            masks: Vec::new(),
            keeping: Keeping::default(),
            following: None,
            learnt: 0,
            owed: Owed::default(),
            desk: pool.desk(),
        }
    }

    /// Takes in what was read, made and written.
    pub fn poll(&mut self) -> Vec<Outcome> {
        for (path, mask) in self.keeping.due(Instant::now()) {
            self.write(path, mask);
        }
        let mut outcomes = Vec::new();
        while let Some(told) = self.desk.next() {
            self.learnt += 1;
            outcomes.push(self.take(told));
        }
        outcomes
    }

    /// Whether anything is being read or written, or is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// Counts what was learnt, so that what depends on it is worked out again only when something changed.
    pub fn learnt(&self) -> u64 {
        self.learnt
    }

    fn keep(&mut self, key: Key, mask: Known<GrayImage>) {
        self.masks.retain(|(known, _)| *known != key);
        self.masks.push((key, mask));
        let surplus = self.masks.len().saturating_sub(KEPT);
        self.masks.drain(..surplus);
    }

    /// The photo that subjects are placed into, as the canvas shows it: its crop, or all of it.
    pub fn photo(&mut self, document: &Document, files: &mut Files) -> Known<RgbImage> {
        let Some(place) = &document.project().place else { return Known::None };
        let (path, canvas) = (&place.photo, document.project().canvas);
        let key = ((document.folder.clone(), path.clone(), canvas), place.crop);
        if let Some((known, photo)) = &self.photo
            && *known == key
        {
            return photo.clone();
        }
        match files.picture(document, path) {
            Loaded::Loading => Known::Loading,
            Loaded::Failed(words) => Known::Failed(words),
            Loaded::Ready(picture) => {
                self.photo = Some((key.clone(), Known::Loading));
                let (files, place) = (on_disk(document), place.clone());
                self.desk.run(move || {
                    let full = match picture.full.clone() {
                        Some(full) => Ok(full),
                        // It gave way to others in memory.
                        None => load_rgba(&files, &place.photo).map(Arc::new),
                    };
                    let seen = full.and_then(|full| placed::seen(&place, &full, canvas));
                    Told::Photo(key, seen.map_err(|error| error.to_string()))
                });
                Known::Loading
            }
        }
    }

    /// What was painted of the edit mask, as it covers the canvas: white may change.
    pub fn edit_mask(&mut self, document: &Document) -> Known<GrayImage> {
        let Some(place) = &document.project().place else { return Known::None };
        if place.edit_mask.as_os_str().is_empty() {
            return Known::None;
        }
        let (path, canvas) = (place.edit_mask.clone(), document.project().canvas);
        let key = (document.folder.clone(), path.clone(), canvas);
        if let Some((_, mask)) = self.masks.iter().find(|(known, _)| *known == key) {
            return mask.clone();
        }
        self.keep(key.clone(), Known::Loading);
        let files = on_disk(document);
        self.desk.run(move || {
            let load = || cover_gray(&load_gray(&files, &path)?, canvas);
            let mask = load().map_err(|error| error.to_string());
            Told::Mask(key, mask)
        });
        Known::Loading
    }

    /// Makes this the edit mask, as one step: it is kept as a file, whose name is that of its contents, so that undo
    /// finds every earlier one.
    pub fn set_edit_mask(&mut self, document: &mut Document, places: &Places, name: &str, mask: Arc<GrayImage>) {
        if document.project().place.is_none() {
            return;
        }
        let path = painted::path(places, "edit-mask", &mask);
        let key = (document.folder.clone(), path.clone(), document.project().canvas);
        let changed = document.edit(name, |project| {
            if let Some(place) = &mut project.place {
                place.edit_mask = path.clone();
            }
        });
        if !changed {
            return;
        }
        self.keep(key, Known::Ready(mask.clone()));
        self.write(path, mask);
    }

    fn write(&mut self, path: PathBuf, mask: Arc<GrayImage>) {
        self.keeping.begin(&path);
        self.desk.run(move || {
            let written = painted::write(&path, &mask);
            Told::Written((path, mask), written)
        });
    }

    /// Where the photo may change (above 127), of the canvas's size: what was painted, and what follows the layers. That is
    /// worked out in the background; meanwhile, and during a gesture, it is the last one.
    pub fn edit_mask_with_layers(&mut self, document: &Document, files: &mut Files) -> Known<GrayImage> {
        let painted = self.edit_mask(document);
        let Some(place) = &document.project().place else { return Known::None };
        if place.follow.is_none() {
            return painted;
        }
        let painted = match painted {
            Known::None => None,
            Known::Ready(mask) => Some(mask),
            other => return other,
        };
        let collage = match files.collage(document) {
            None => return Known::Loading,
            Some(Err(words)) => return Known::Failed(words),
            Some(Ok(collage)) => collage,
        };
        let key = FollowKey { collage, painted, follow: place.follow };
        let canvas = document.project().canvas;
        let size = (canvas.width, canvas.height);
        // A collage of another canvas is about to be drawn anew.
        if key.collage.picture.dimensions() != size {
            return Known::Loading;
        }
        if let Some((known, mask)) = &self.following
            && *known == key
        {
            return mask.clone();
        }
        let last = match self.following.take() {
            Some((_, Known::Ready(mask))) if mask.dimensions() == size => Known::Ready(mask),
            _ => Known::Loading,
        };
        self.following = Some((key.clone(), last.clone()));
        let place = place.clone();
        self.desk.run(move || {
            let mask = placed::edit_mask(&place, key.painted.as_deref(), &key.collage.masks, canvas);
            Told::Following(key, mask)
        });
        last
    }

    /// Plans the piece of the photo that the canvas shows around what is to change, and shows it, as one step: layers,
    /// points and what was painted stay where they are in the photo.
    ///
    /// # Errors
    /// In words: when there is nothing to plan it around, something is not known yet, or the photo is too small.
    pub fn frame(&mut self, document: &mut Document, files: &mut Files, places: &Places) -> Result<(), Notice> {
        let say = |words: String| Err(Notice::new(PLACE, words));
        let canvas = document.project().canvas;
        let Some(place) = document.project().place.clone() else {
            return say("There is no photo to place into. Choose one first.".into());
        };
        let size = self.photo_size(document, files)?;
        let painted = match self.edit_mask(document) {
            Known::Loading => return say("The edit mask is still being read. Try again in a moment.".into()),
            other => other.ready().cloned(),
        };
        let collage = match files.collage_now(document) {
            Some(Ok(collage)) => collage,
            Some(Err(words)) => return say(words),
            None => return say("The layers are still being drawn. Try again in a moment.".into()),
        };
        let subjects = frame::subjects(&place, &collage.masks, painted.as_deref(), size, canvas);
        if subjects.is_empty() {
            let words = "There is nothing to frame. Give a concept to a layer that lies on the photo, or paint where it \
                         may change.";
            return say(words.into());
        }
        let Some(crop) = plan::crop(&subjects, size, (canvas.width, canvas.height)) else {
            let (width, height) = size;
            return say(format!(
                "The photo has {width} x {height} pixels, too few for a piece of the canvas's shape. Choose a larger one."
            ));
        };
        self.show(document, places, size, Some(crop), painted);
        Ok(())
    }

    /// Shows the whole photo again, covering the canvas, as one step; what is exported is then the canvas.
    ///
    /// # Errors
    /// In words, when the photo is not known yet.
    pub fn unframe(&mut self, document: &mut Document, files: &mut Files, places: &Places) -> Result<(), Notice> {
        let size = self.photo_size(document, files)?;
        let painted = self.edit_mask(document).ready().cloned();
        self.show(document, places, size, None, painted);
        Ok(())
    }

    fn photo_size(&self, document: &Document, files: &mut Files) -> Result<(u32, u32), Notice> {
        let say = |words: &str| Err(Notice::new(PLACE, words));
        let Some(place) = &document.project().place else {
            return say("There is no photo to place into. Choose one first.");
        };
        match files.picture(document, &place.photo) {
            Loaded::Ready(picture) => Ok(picture.size),
            Loaded::Loading => say("The photo is still being read. Try again in a moment."),
            Loaded::Failed(words) => say(&words),
        }
    }

    fn show(
        &mut self,
        document: &mut Document,
        places: &Places,
        size: (u32, u32),
        crop: Option<Crop>,
        painted: Option<Arc<GrayImage>>,
    ) {
        let canvas = document.project().canvas;
        let Some(place) = &document.project().place else { return };
        let (old, new) = (Frame::of(place.crop, size, canvas), Frame::of(crop, size, canvas));
        let redrawn = painted.filter(|_| old != new).map(|mask| {
            let mask = Arc::new(frame::moved(&mask, old, new));
            (painted::path(places, "edit-mask", &mask), mask)
        });
        let name = if crop.is_some() { "Frame the subjects" } else { "Show the whole photo" };
        let changed = document.edit(name, |project| {
            frame::reframe(project, size, crop);
            if let (Some(place), Some((path, _))) = (&mut project.place, &redrawn) {
                place.edit_mask = path.clone();
            }
        });
        if let Some((path, mask)) = redrawn.filter(|_| changed) {
            self.keep((document.folder.clone(), path.clone(), canvas), Known::Ready(mask.clone()));
            self.write(path, mask);
        }
    }

    /// Makes the project of a picture in the gallery that makes the subject on one layer (its index in that picture's
    /// project, 0 the rearmost) anew with the next seed, while all else in the picture stays; it comes as an outcome.
    pub fn again(&mut self, places: Places, picture: PathBuf, layer: usize, of: Option<u64>) {
        let number = self.owed.ask();
        self.desk.run(move || Told::Again(number, again::project(&places, &picture, layer).map(Box::new), of));
    }

    /// Makes a mask of the union of where concepts' layers show, widened by [`MARGIN`]; it comes as an outcome.
    ///
    /// # Errors
    /// In words, when there is nothing to make it of.
    pub fn draw_outlines(&mut self, document: &Document, files: &mut Files) -> Result<(), Notice> {
        let say = |words: &str| Err(Notice::new(PLACE, words));
        let collage = match files.collage_now(document) {
            Some(Ok(collage)) => collage,
            Some(Err(words)) => return say(&words),
            None => return say("The layers are still being drawn. Try again in a moment."),
        };
        if !collage.masks.iter().any(|mask| mask.concept.is_some() && !mask.is_hidden()) {
            return say(
                "No layer that stands for a concept can be seen. Drag a concept onto a layer first, or paint the mask.",
            );
        }
        let number = self.owed.ask();
        self.desk.run(move || Told::Outlines(number, outlines(&collage, MARGIN)));
        Ok(())
    }

    /// Another project is opened: what was on its way into the one before is not put into it.
    pub fn give_up(&mut self) {
        self.owed.give_up();
    }

    /// Waits until what was painted is written, at the end of the session.
    pub fn close(&mut self) {
        self.desk.finish();
        while let Some(told) = self.desk.next() {
            self.take(told);
        }
        self.keeping.end();
    }

    /// Edit masks that could not be written so far; they are kept in memory and tried again.
    pub fn unwritten(&self) -> usize {
        self.keeping.unwritten()
    }

    /// The photo may have been edited elsewhere: it is covered anew.
    pub fn forget_photo(&mut self) {
        self.photo = None;
    }

    /// Looks again for a photo or mask that was not there.
    pub fn look_again(&mut self) {
        self.photo = None;
        self.masks.retain(|(_, mask)| !matches!(mask, Known::Failed(_)));
    }

    /// Why the placement keeps a render from starting, in words with what to do; None where it does not, or is not
    /// known to yet.
    pub fn obstacle(&mut self, document: &Document, files: &mut Files) -> Option<String> {
        let place = document.project().place.as_ref()?;
        if let Known::Failed(words) = self.photo(document, files) {
            return Some(format!("The photo: {words}"));
        }
        if self.keeping.is_awaited(&place.edit_mask) {
            return Some(BEING_WRITTEN.into());
        }
        match self.edit_mask_with_layers(document, files) {
            Known::None => Some(
                "The photo has no edit mask, so nothing of it may change. Paint on the Place page where the subjects \
                 go, or remove the photo there."
                    .into(),
            ),
            Known::Failed(words) => Some(format!("The edit mask: {words}")),
            Known::Ready(mask) if is_empty(&mask) && place.follow.is_some() => Some(
                "Nothing of the photo may change: no layer that stands for a concept can be seen, and nothing is painted. \
                 Give a concept to a layer, paint on the Place page, or remove the photo there."
                    .into(),
            ),
            Known::Ready(mask) if is_empty(&mask) => Some(
                "The edit mask is empty, so nothing of the photo may change. Paint on the Place page where the \
                 subjects go, or remove the photo there."
                    .into(),
            ),
            Known::Ready(_) | Known::Loading => None,
        }
    }

    fn take(&mut self, told: Told) -> Outcome {
        match told {
            Told::Photo(key, photo) => {
                if let Some((known, slot)) = &mut self.photo
                    && *known == key
                {
                    *slot = known_of(photo);
                }
            }
            Told::Mask(key, mask) => {
                // One that was painted meanwhile is newer than its file.
                if let Some((_, slot @ Known::Loading)) = self.masks.iter_mut().find(|(known, _)| *known == key) {
                    *slot = known_of(mask);
                }
            }
            Told::Written(kept, written) => {
                if let Some(words) = self.keeping.take("The edit mask", kept, written, Instant::now()) {
                    return Outcome::Say(Notice::new(PLACE, words));
                }
            }
            Told::Outlines(number, mask) => {
                return match self.owed.take(number) {
                    Due::Now => Outcome::Outlines(mask),
                    Due::GivenUp => Outcome::Say(Notice::new(
                        PLACE,
                        "The outlines were drawn for a project that is no longer open.",
                    )),
                    Due::Nobodys => Outcome::Learnt,
                };
            }
            Told::Following(key, mask) => {
                if let Some((known, slot)) = &mut self.following
                    && *known == key
                {
                    *slot = Known::Ready(Arc::new(mask));
                }
            }
            Told::Again(number, made, of) => {
                return match (self.owed.take(number), made) {
                    (Due::Now, Ok(project)) => Outcome::Again { project, of },
                    (Due::Now, Err(words)) => Outcome::Say(Notice::new(PLACE, words)),
                    (Due::GivenUp, _) => Outcome::Say(Notice::new(PLACE, TOO_LATE)),
                    (Due::Nobodys, _) => Outcome::Learnt,
                };
            }
        }
        Outcome::Learnt
    }
}

/// What is said where another project was opened before the one was made that makes a subject anew.
const TOO_LATE: &str =
    "Another project was opened before the subject's was made. Make it anew once more to have it in its place.";

/// Where messages about the placement belong.
pub const PLACE: Place = Place::Setting("place");

fn known_of<T>(found: Result<T, String>) -> Known<T> {
    found.map_or_else(Known::Failed, |value| Known::Ready(Arc::new(value)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use image::Luma;

    use super::*;
    use crate::project::{Background, Color, Concept, Layer, Layout, Placement};

    fn wait(placing: &mut Placing, files: &mut Files, mut there: impl FnMut(&mut Placing, &mut Files) -> bool) {
        let begun = Instant::now();
        while !there(placing, files) {
            assert!(begun.elapsed() < Duration::from_secs(120), "it did not come");
            placing.poll();
            files.poll();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_mask_is_a_step_and_a_file_and_keeps_renders_waiting_until_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::in_folder(folder.path());
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let (mut placing, mut files) = (Placing::new(&pool), Files::new(&pool));
        let mut document = Document::new(Project::new(), None, "/nowhere".into());
        assert!(matches!(placing.photo(&document, &mut files), Known::None));
        assert_eq!(placing.obstacle(&document, &mut files), None);

        document.set_photo("assets:scenes/beach.png".into());
        assert!(placing.obstacle(&document, &mut files).unwrap().contains("no edit mask"));
        wait(&mut placing, &mut files, |placing, files| placing.photo(&document, files).ready().is_some());

        let mask = Arc::new(GrayImage::from_pixel(512, 512, Luma([255])));
        placing.set_edit_mask(&mut document, &places, "Paint", mask.clone());
        assert_eq!(placing.obstacle(&document, &mut files).as_deref(), Some(BEING_WRITTEN));
        assert_eq!(placing.edit_mask(&document).ready(), Some(&mask), "it is shown at once");
        wait(&mut placing, &mut files, |placing, _| !placing.is_busy());
        assert_eq!(placing.obstacle(&document, &mut files), None);
        assert!(document.project().place.as_ref().unwrap().edit_mask.exists());
        document.undo();
        assert!(placing.obstacle(&document, &mut files).unwrap().contains("no edit mask"));
    }

    /// A cutout with a concept on a photo, whose edit mask follows it.
    fn followed() -> Document {
        let mut layer = Layer::new("assets:cutouts/orange_cat.png", 200.0, 300.0);
        (layer.scale, layer.concept) = (0.2, Some("Tom".into()));
        let place = Placement { follow: Some(Follow::default()), ..Placement::new("assets:photos/meadow.png", "") };
        let project = Project {
            layout: Layout::Collage { background: Background::Photo, layers: vec![layer] },
            concepts: vec![Concept::new("Tom", "tom.pth", "cat", Color([1, 2, 3]))],
            place: Some(place),
            ..Project::new()
        };
        Document::new(project, None, "/nowhere".into())
    }

    #[test]
    fn an_edit_mask_that_follows_layers_needs_no_painting_but_a_layer_that_is_seen() {
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let (mut placing, mut files) = (Placing::new(&pool), Files::new(&pool));
        let mut document = followed();
        wait(&mut placing, &mut files, |placing, files| {
            placing.edit_mask_with_layers(&document, files).ready().is_some()
        });
        let mask = placing.edit_mask_with_layers(&document, &mut files).ready().cloned().unwrap();
        assert!(mask.get_pixel(200, 300).0 == [255] && mask.get_pixel(450, 60).0 == [0]);
        assert_eq!(placing.obstacle(&document, &mut files), None);
        document.edit("Hide", |project| project.layers_mut().unwrap()[0].visible = false);
        let says =
            |words: Option<String>| words.is_some_and(|words| words.contains("no layer that stands for a concept"));
        wait(&mut placing, &mut files, |placing, files| says(placing.obstacle(&document, files)));
    }

    #[test]
    fn framing_shows_the_piece_around_the_subject_which_stays_in_its_place_and_is_one_step() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::in_folder(folder.path());
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let (mut placing, mut files) = (Placing::new(&pool), Files::new(&pool));
        let mut document = followed();
        document.set_photo("assets:photos/meadow.png".into());
        let corner =
            GrayImage::from_fn(512, 512, |x, y| Luma([if x < 400 && x > 380 && y > 400 && y < 420 { 255 } else { 0 }]));
        placing.set_edit_mask(&mut document, &places, "Paint", Arc::new(corner));
        wait(&mut placing, &mut files, |_, files| files.collage_now(&document).is_some());
        placing.frame(&mut document, &mut files, &places).unwrap();
        let place = document.project().place.clone().unwrap();
        let crop = place.crop.unwrap();
        assert!(crop.is_inside((1536, 1024)) && crop.width == crop.height && crop.width < 1024, "{crop:?}");
        let layer = &document.project().layers()[0];
        // 512 canvas pixels were 1024 of the photo's, from column 256 on.
        let at =
            Frame::of(place.crop, (1536, 1024), document.project().canvas).to_photo((layer.x.into(), layer.y.into()));
        assert!((at.0 - 656.0).abs() < 0.01 && (at.1 - 600.0).abs() < 0.01, "{at:?}");
        assert_eq!(document.project().validate(), Ok(()));
        let painted = placing.edit_mask(&document).ready().cloned().unwrap();
        assert!(!is_empty(&painted), "what was painted is redrawn");
        wait(&mut placing, &mut files, |placing, _| !placing.is_busy());
        assert!(place.edit_mask.exists());
        document.undo();
        assert_eq!(document.project().place.as_ref().unwrap().crop, None);
        document.redo();
        placing.unframe(&mut document, &mut files, &places).unwrap();
        let layer = &document.project().layers()[0];
        assert!((layer.x - 200.0).abs() < 0.01 && (layer.scale - 0.2).abs() < 1e-4);

        document.edit("Delete", |project| project.layers_mut().unwrap().clear());
        document.edit("Clear", |project| project.place.as_mut().unwrap().edit_mask = PathBuf::new());
        wait(&mut placing, &mut files, |_, files| files.collage_now(&document).is_some());
        let refused = placing.frame(&mut document, &mut files, &places).unwrap_err();
        assert!(refused.words.contains("nothing to frame"), "{refused:?}");
    }

    #[test]
    fn outlines_need_a_layer_with_a_concept() {
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let (mut placing, mut files) = (Placing::new(&pool), Files::new(&pool));
        let document = Document::new(Project::new(), None, "/nowhere".into());
        wait(&mut placing, &mut files, |_, files| files.collage_now(&document).is_some());
        let refused = placing.draw_outlines(&document, &mut files).unwrap_err();
        assert!(refused.place == PLACE && refused.words.contains("No layer"), "{refused:?}");
    }
}
