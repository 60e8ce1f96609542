//! What encoders that the user has see in the pictures of a project: how alike its subjects are to photos of its concepts, and how
//! well a picture goes with its prompt, which is all that ImageReward says.

use std::collections::HashMap;
use std::path::PathBuf;

use image::RgbImage;

use super::truth::known;
use crate::evaluate::encoders::{Encoders, Named};
use crate::evaluate::metrics::Ruler;
use crate::evaluate::metrics::learned::{self, Learned, Segments, Vectors};
use crate::evaluate::photos;
use crate::link::DeviceChoice;
use crate::project::syntax::{Part, parse};
use crate::project::{Concept, Files, MaskSource, Project, PromptReading, composite};

/// What measures pictures, as the user names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// The encoders.
    pub encoders: Named,
    /// The folder of a concept's photos, by the concept's name. Those that the miniature draws need none.
    pub photos: Vec<(String, PathBuf)>,
}

/// What a concept's photos are known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Source {
    /// The Plush World's concept of that name.
    Drawn(&'static str),
    /// A folder.
    Folder(PathBuf),
}

/// Of each encoder the vectors of a concept's photos, or why there are none.
type OfConcept = Result<Vec<Vectors>, String>;

/// Encoders that were read, and what they have seen of photos.
pub struct Sight {
    named: Named,
    encoders: Encoders,
    known: HashMap<Source, OfConcept>,
    /// The comparison that these photos were seen in.
    comparison: u64,
}

impl Sight {
    /// Reads the encoders.
    ///
    /// # Errors
    /// In words, where a folder cannot be used.
    pub fn open(named: &Named, device: DeviceChoice) -> Result<Self, String> {
        let encoders = Encoders::of_user(named, device)?;
        Ok(Self { named: named.clone(), encoders, known: HashMap::new(), comparison: 0 })
    }

    /// Whether it is these encoders.
    pub fn is_of(&self, named: &Named) -> bool {
        self.named == *named
    }

    /// Begins a comparison, unless it is the one of that number: photos may have changed since the last one.
    pub fn begin(&mut self, comparison: u64) {
        if self.comparison != comparison {
            self.comparison = comparison;
            self.known.clear();
        }
    }

    /// What each encoder is.
    pub fn words(&self) -> Vec<String> {
        self.encoders.words()
    }

    /// Measures a picture of a project; `ruler` is what measures it by its truth, where that is known. None where there is no
    /// encoder. Why there is no SegSim stands in what is measured.
    ///
    /// # Errors
    /// In words, where an encoder gives no numbers.
    pub fn measure(
        &mut self,
        project: &Project,
        files: &dyn Files,
        looks: &Looks,
        picture: &RgbImage,
        ruler: Option<&Ruler>,
    ) -> Result<Option<Learned>, String> {
        if self.encoders.is_empty() {
            return Ok(None);
        }
        let places = places(project, files, picture);
        let photos = match &places {
            // Photos are no matter of a score that nobody compares with them.
            _ if !self.encoders.compare() => Ok(Vec::new()),
            Ok(places) => self.photos(places, looks),
            Err(words) => Err(words.clone()),
        };
        let (segments, parts): (Segments, Vec<Vec<bool>>) = match ruler {
            Some(ruler) => {
                (Segments::Figures, ruler.figures(picture).into_iter().map(|figure| figure.inside).collect())
            }
            None => {
                let masks = places.into_iter().flatten().map(|(_, inside)| inside).collect();
                (Segments::Masks, masks)
            }
        };
        let said = self.encoders.read_words(plain(project))?;
        let scores = self.encoders.scores(picture, &parts, photos.as_deref().ok(), &said)?;
        Ok(Some(Learned { segments, scores, missing: photos.err(), count: None }))
    }

    /// Of each encoder the vectors of all concepts' photos.
    fn photos(&mut self, places: &[(&Concept, Vec<bool>)], looks: &Looks) -> Result<Vec<Vec<Vectors>>, String> {
        let mut all = vec![Vec::new(); self.encoders.each().len()];
        let mut taken: Vec<&str> = Vec::new();
        for (concept, _) in places {
            // Who is there twice is one concept.
            if taken.contains(&concept.name.as_str()) {
                continue;
            }
            taken.push(&concept.name);
            let own = self.of_concept(concept, looks)?;
            all.iter_mut().zip(own).for_each(|(all, own)| all.push(own.clone()));
        }
        Ok(all)
    }

    fn of_concept(&mut self, concept: &Concept, looks: &Looks) -> Result<&Vec<Vectors>, String> {
        let name = &concept.name;
        let folder = looks.photos.iter().find(|(of, _)| of == name).map(|(_, folder)| folder.clone());
        let source = match (folder, known(&concept.file)) {
            (Some(folder), _) => Source::Folder(folder),
            (None, Some(drawn)) => Source::Drawn(drawn.name),
            (None, None) => return Err(format!("{name} has no photos to be compared with; name their folder")),
        };
        if !self.known.contains_key(&source) {
            let found = match (&source, known(&concept.file)) {
                (Source::Drawn(_), Some(drawn)) => Ok(photos::drawn(&drawn)),
                (Source::Folder(folder), _) => photos::in_folder(name, &concept.class_word, folder, None),
                (Source::Drawn(_), None) => Err(format!("{name} is lost; please report this")),
            };
            let found = found.and_then(|photos| {
                self.encoders.each().iter().map(|encoder| learned::vectors(encoder, &photos)).collect()
            });
            self.known.insert(source.clone(), found);
        }
        match self.known.get(&source) {
            Some(found) => found.as_ref().map_err(Clone::clone),
            None => Err(format!("{name} is lost; please report this")),
        }
    }
}

/// Where each subject stands, by its layers; or why that is not known.
fn places<'a>(
    project: &'a Project,
    files: &dyn Files,
    picture: &RgbImage,
) -> Result<Vec<(&'a Concept, Vec<bool>)>, String> {
    let canvas = (project.canvas.width, project.canvas.height);
    if project.place.is_some() || picture.dimensions() != canvas {
        return Err("of what is placed into a photo only words are compared".to_owned());
    }
    if let Some(other) = project.concepts.iter().find(|concept| !matches!(concept.mask, MaskSource::Layers)) {
        return Err(format!("{} stands on no layer, so that nothing is known of where it is", other.name));
    }
    let collage = composite(project, files).map_err(|error| error.to_string())?;
    let of = |name: &str| project.concepts.iter().find(|concept| concept.name == name);
    let shown = collage.masks.iter().filter(|layer| !layer.is_hidden());
    let places: Vec<_> =
        shown.filter_map(|layer| Some((of(layer.concept.as_deref()?)?, photos::inside(&layer.mask)))).collect();
    if places.is_empty() { Err("no concept stands on a layer".to_owned()) } else { Ok(places) }
}

/// The words of a project's prompt, without signs and weights.
fn plain(project: &Project) -> String {
    if project.settings.prompt_reading == PromptReading::Plain {
        return project.prompt.clone();
    }
    let words = parse(&project.prompt, &[]).parts.into_iter().filter_map(|part| match part {
        Part::Words(words) => Some(words.text),
        Part::Break => None,
    });
    let all = words.collect::<Vec<_>>().join(" ");
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_without_their_weights_where_these_are_none() {
        let mut project = Project::new();
        project.prompt = "a (cat:1.3) BREAK on a beach".into();
        assert_eq!(plain(&project), "a cat on a beach");
        project.settings.prompt_reading = PromptReading::Plain;
        assert_eq!(plain(&project), "a (cat:1.3) BREAK on a beach");
    }
}
