//! The networks of the user's that measure an evaluation: which image encoders the suite or the user names, which segmenter, and
//! what each picture is measured with.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use image::RgbImage;

use super::compose;
use super::finder::instead;
use super::metrics::Ruler;
use super::metrics::learned::{self, Count, InParts, Learned, Scores, Segments, Vectors};
use super::photos::{self, inside};
use super::segmenter::{Segmenter, phrases};
use super::suite::{Subject, Suite, Unit};
use crate::engine::encoders::config::Kind;
use crate::engine::encoders::encoder::ImageEncoder;
use crate::engine::encoders::reward::Reward;
use crate::link::DeviceChoice;
use crate::plush;
use crate::project::{self, DiskFiles};

/// Encoders that were read, and a segmenter; perhaps none.
#[derive(Default)]
pub struct Encoders {
    all: Vec<ImageEncoder>,
    reward: Option<Reward>,
    segmenter: Option<Segmenter>,
}

/// Which folders they are in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// CLIP's.
    pub clip: Option<PathBuf>,
    /// DINOv2's.
    pub dino: Option<PathBuf>,
    /// ImageReward's, or its file.
    pub reward: Option<PathBuf>,
}

impl Named {
    /// Kind by kind, in the order in which they are shown.
    pub fn each(&self) -> [(Kind, Option<&Path>); 3] {
        let each = [(Kind::Clip, &self.clip), (Kind::Dino, &self.dino), (Kind::Reward, &self.reward)];
        each.map(|(kind, path)| (kind, path.as_deref()))
    }
}

impl Encoders {
    /// Reads the encoders: those that the user names, else the suite's, whose paths start from `base`. What only the suite
    /// names and is not there is left out, and said; so is that the user's take the place of the suite's.
    ///
    /// # Errors
    /// In words, where a folder that the user names cannot be used, or one that is there is broken or of the other kind.
    pub fn open(
        suite: &Suite,
        base: &Path,
        named: &Named,
        device: DeviceChoice,
    ) -> Result<(Self, Vec<String>), String> {
        let (mut encoders, mut notes) = (Self::default(), Vec::new());
        let by_suite = [&suite.clip, &suite.dino, &suite.reward];
        for ((kind, by_user), by_suite) in named.each().into_iter().zip(by_suite) {
            let folder = match (by_user, by_suite) {
                (Some(folder), own) => {
                    notes.extend(own.as_ref().and_then(|own| instead(kind.option(), folder, own)));
                    folder.to_owned()
                }
                (None, Some(folder)) => {
                    let folder = project::resolve(base, folder);
                    let is_there = folder.is_dir() || (kind == Kind::Reward && folder.is_file());
                    if !is_there {
                        let (name, option) = (kind.words(), kind.option());
                        notes.push(format!(
                            "{}: is not there, so nothing is measured with {name}; put the encoder there, or name its folder \
                             with {option}",
                            folder.display()
                        ));
                        continue;
                    }
                    folder
                }
                (None, None) => continue,
            };
            encoders.add(kind, &folder, device)?;
        }
        Ok((encoders, notes))
    }

    /// Reads the encoders that the user names.
    ///
    /// # Errors
    /// In words, where a folder cannot be used, or holds one of the other kind.
    pub fn of_user(named: &Named, device: DeviceChoice) -> Result<Self, String> {
        let mut encoders = Self::default();
        for (kind, path) in named.each() {
            path.into_iter().try_for_each(|path| encoders.add(kind, path, device))?;
        }
        Ok(encoders)
    }

    /// Reads another one.
    fn add(&mut self, kind: Kind, path: &Path, device: DeviceChoice) -> Result<(), String> {
        match kind {
            Kind::Clip | Kind::Dino => self.all.push(read(kind, path, device)?),
            Kind::Reward => self.reward = Some(Reward::open(path, device).map_err(|error| error.to_string())?),
        }
        Ok(())
    }

    /// What each encoder is, ImageReward last.
    fn encoders(&self) -> impl Iterator<Item = String> {
        self.all.iter().map(ImageEncoder::words).chain(self.reward.as_ref().map(Reward::words))
    }

    /// Those that compare pictures with photos, one by one.
    pub(super) fn each(&self) -> &[ImageEncoder] {
        &self.all
    }

    /// Whether any of them compares pictures with photos, which ImageReward does not.
    pub(super) fn compare(&self) -> bool {
        !self.all.is_empty()
    }

    /// Reads the words of a prompt.
    ///
    /// # Errors
    /// What an encoder says.
    pub(super) fn read_words(&self, words: String) -> Result<Said, String> {
        let vectors = self.all.iter().map(|encoder| learned::words(encoder, &words)).collect::<Result<_, _>>()?;
        Ok(Said { words, vectors })
    }

    /// What all of them say of a picture: `parts` is what of it is taken for its subjects, and `photos` are of each encoder that
    /// compares the concepts' vectors, none where photos are missing.
    ///
    /// # Errors
    /// What an encoder says.
    pub(super) fn scores(
        &self,
        picture: &RgbImage,
        parts: &[Vec<bool>],
        photos: Option<&[Vec<Vectors>]>,
        said: &Said,
    ) -> Result<Vec<Scores>, String> {
        let mut scores = Vec::with_capacity(self.all.len() + 1);
        for (index, (encoder, words)) in self.all.iter().zip(&said.vectors).enumerate() {
            let photos = photos.map(|photos| photos[index].as_slice());
            scores.push(learned::scores(encoder, picture, parts, photos, words.as_deref())?);
        }
        if let Some(reward) = &self.reward {
            scores.push(learned::rewarded(reward, picture, &said.words)?);
        }
        Ok(scores)
    }

    /// With a segmenter, which finds the segments of any picture and counts its subjects.
    #[must_use]
    pub fn with(self, segmenter: Option<Segmenter>) -> Self {
        Self { segmenter, ..self }
    }

    /// Whether there is nothing to measure with.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.reward.is_none() && self.segmenter.is_none()
    }

    /// What each of them is.
    pub fn words(&self) -> Vec<String> {
        let segmenter = self.segmenter.iter().map(|segmenter| segmenter.name().to_owned());
        self.encoders().chain(segmenter).collect()
    }

    /// Whether these very encoders have measured that, and this segmenter found it.
    pub fn have_measured(&self, learned: Option<&Learned>) -> bool {
        let Some(learned) = learned else { return self.is_empty() };
        let known = |encoder: String| learned.scores.iter().any(|scores| scores.encoder == encoder);
        let found = self.segmenter.as_ref().is_none_or(|segmenter| {
            let of_these = matches!(&learned.segments, Segments::Found(name) if name == segmenter.name());
            let counted = learned.count.as_ref().is_some_and(|count| count.segmenter == segmenter.name());
            counted && (of_these || self.all.is_empty())
        });
        found && self.encoders().all(known)
    }
}

/// Reads an encoder of a kind.
fn read(kind: Kind, folder: &Path, device: DeviceChoice) -> Result<ImageEncoder, String> {
    let encoder = ImageEncoder::open(folder, device).map_err(|error| error.to_string())?;
    if encoder.kind() == kind {
        return Ok(encoder);
    }
    let (found, folder) = (encoder.kind().words(), folder.display());
    Err(format!("{folder}: is {found}, where {} is named; name it in the other's place", kind.words()))
}

/// Of each encoder the vectors of a concept's photos, or why there are none.
type OfConcept = Rc<Result<Vec<Vectors>, String>>;

/// The words of a prompt that were read.
pub(super) struct Said {
    words: String,
    /// Of each encoder that compares the vector of the words, where it reads any.
    vectors: Vec<Option<Vec<f64>>>,
}

/// What is known of a case's prompt.
struct Place {
    masks: Vec<Vec<bool>>,
    /// The base prompt.
    said: Said,
}

/// Measures a suite's pictures with encoders, and keeps what several pictures need.
pub struct Bench<'a> {
    suite: &'a Suite,
    files: DiskFiles,
    encoders: &'a Encoders,
    concepts: HashMap<String, OfConcept>,
    places: BTreeMap<(String, String), Place>,
}

impl<'a> Bench<'a> {
    /// For a suite whose paths start from `base`.
    pub fn new(suite: &'a Suite, base: &Path, encoders: &'a Encoders) -> Self {
        let files = DiskFiles { base: base.to_owned(), assets: crate::assets::find };
        Self { suite, files, encoders, concepts: HashMap::new(), places: BTreeMap::new() }
    }

    /// The encoders.
    pub fn encoders(&self) -> &'a Encoders {
        self.encoders
    }

    /// Measures a picture of a unit; `ruler` is what measures it as one of the Plush World, where it is one. None where
    /// there is no encoder.
    ///
    /// # Errors
    /// In words, where the layout cannot be read, or an encoder gives no numbers.
    pub fn measure(
        &mut self,
        unit: &Unit<'_>,
        picture: &RgbImage,
        ruler: Option<&Ruler>,
    ) -> Result<Option<Learned>, String> {
        if self.encoders.is_empty() {
            return Ok(None);
        }
        let (suite, encoders) = (self.suite, self.encoders);
        let found = match &encoders.segmenter {
            Some(segmenter) => Some((
                segmenter,
                segmenter.parts(picture, &phrases(suite.concepts_of(unit.case).map(|one| one.class_word.as_str())))?,
            )),
            None => None,
        };
        let count = found.as_ref().map(|(segmenter, parts)| Count {
            segmenter: segmenter.name().to_owned(),
            found: parts.len(),
            asked: unit.case.concepts.len(),
        });
        let found = found.map(|(segmenter, parts)| (Segments::Found(segmenter.name().to_owned()), parts));
        if let (true, Some((segments, _))) = (encoders.encoders().next().is_none(), &found) {
            return Ok(Some(Learned { segments: segments.clone(), scores: Vec::new(), missing: None, count }));
        }
        // Photos are no matter of a score that nobody compares with them.
        let compared = suite.concepts_of(unit.case).filter(|_| encoders.compare());
        let concepts: Vec<OfConcept> = compared.map(|subject| self.of_concept(subject)).collect();
        let mut photos: Result<Vec<Vec<Vectors>>, String> = Ok(vec![Vec::new(); encoders.all.len()]);
        for concept in &concepts {
            match (&mut photos, &**concept) {
                (Ok(photos), Ok(own)) => photos.iter_mut().zip(own).for_each(|(all, own)| all.push(own.clone())),
                (Ok(_), Err(words)) => photos = Err(words.clone()),
                (Err(_), _) => {}
            }
        }
        let place = self.place(unit)?;
        let (segments, parts) = match (found, ruler) {
            (Some(found), _) => found,
            (None, Some(ruler)) => {
                (Segments::Figures, ruler.figures(picture).into_iter().map(|figure| figure.inside).collect())
            }
            (None, None) => (Segments::Masks, place.masks.clone()),
        };
        let scores = encoders.scores(picture, &parts, photos.as_deref().ok(), &place.said)?;
        Ok(Some(Learned { segments, scores, missing: photos.err(), count }))
    }

    fn of_concept(&mut self, subject: &Subject) -> OfConcept {
        if let Some(known) = self.concepts.get(&subject.name) {
            return known.clone();
        }
        let found = photos_of(subject, &self.files, self.encoders.segmenter.as_ref())
            .and_then(|photos| self.encoders.all.iter().map(|encoder| learned::vectors(encoder, &photos)).collect());
        let found = Rc::new(found);
        self.concepts.insert(subject.name.clone(), found.clone());
        found
    }

    fn place(&mut self, unit: &Unit<'_>) -> Result<&Place, String> {
        let key = (unit.case.name(), unit.prompt.name.clone());
        if !self.places.contains_key(&key) {
            let reference = compose::reference(self.suite, unit.case, unit.prompt, &self.files)?;
            let said = self.encoders.read_words(compose::words(self.suite, unit.case, unit.prompt)?)?;
            let place = Place { masks: reference.masks.iter().map(inside).collect(), said };
            self.places.insert(key.clone(), place);
        }
        self.places.get(&key).ok_or_else(|| "a layout was lost; please report this".to_owned())
    }
}

/// The photos of a concept: those in its folder, or the Plush World's own drawings of it.
fn photos_of(subject: &Subject, files: &DiskFiles, segmenter: Option<&Segmenter>) -> Result<Vec<InParts>, String> {
    let name = &subject.name;
    if let Some(folder) = &subject.photos {
        return photos::in_folder(name, &subject.class_word, &project::resolve(&files.base, folder), segmenter);
    }
    let concept = subject.plush.as_deref().and_then(plush::concept);
    concept.map(photos::drawn).ok_or_else(|| {
        format!("{name} has no photos to be compared with; name their folder in the suite (photos: \"photos/{name}\")")
    })
}

#[cfg(test)]
#[path = "encoders_tests.rs"]
mod tests;
