//! What is measured of a picture, defined here and nowhere else. How the numbers of many pictures are put together is
//! `statistics.rs`'s.
//!
//! | metric | what it is | best | worst |
//! |---|---|---|---|
//! | right | everything is as it was asked for (`plush/recognise.rs`) | 1 | 0 |
//! | recognised | the share of asked concepts that are recognised at their masks | 1 | 0 |
//! | SegSim | Algorithm 2 of the paper (`segsim.rs`), by the Plush World's segments and embedding | 1 | 0 |
//! | identity | the share of a concept's mask in its own colours, mean over concepts | 1 | 0 |
//! | leakage | the share of concepts with more of another's body or details than a right picture has | 0 | 1 |
//! | layout | overlap (IoU) of a concept's reference mask with the figure that fits it best, mean over concepts | 1 | 0 |
//! | omission | n < N: fewer figures than concepts | 0 | 1 |
//! | redundancy | n > N: more figures than concepts | 0 | 1 |
//!
//! Figures are counted whatever their colour (`figures.rs`), as the paper counts subjects of the asked classes: a grey cat in
//! the mint cat's place is there, and not recognised.
//!
//! A picture that could not be made has the worst of each. With encoders that the user has, more is measured: `learned.rs`. Of
//! concepts that are placed into a photo, what becomes of the photo around them is too: `background.rs`.

pub mod background;
pub mod figures;
pub mod learned;
pub mod segsim;

use std::ops::Range;

use image::{GrayImage, RgbImage};
use serde::{Deserialize, Serialize};

use self::figures::{Backdrop, Figure};
use self::learned::Photo;
use self::segsim::{Embedder, HueHistogram, segsim};
use crate::plush::recognise::{BORROWED, LEAKAGE};
use crate::plush::{Asked, Concept, Picture, Setting, chance, draw, judge};

/// What was measured of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measures {
    /// One for each concept, in their order.
    pub subjects: Vec<OfSubject>,
    /// Whether everything is as it was asked for.
    pub right: bool,
    /// Algorithm 2.
    pub segsim: f64,
    /// n: figures that are seen.
    pub figures: usize,
}

impl Measures {
    /// How many concepts are recognised.
    pub fn recognised(&self) -> usize {
        self.subjects.iter().filter(|subject| subject.recognised).count()
    }
}

/// What was measured of one concept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfSubject {
    /// Whether it is recognised at its mask.
    pub recognised: bool,
    /// The share of its mask in its own colours.
    pub identity: f64,
    /// The share of its mask in another concept's body.
    pub leakage: f64,
    /// How much better another's details fit it.
    pub borrowed: f64,
    /// Overlap of its mask with the figure that fits it best.
    pub layout: f64,
}

/// A metric of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table above says what each is")]
pub enum Metric {
    Right,
    Recognised,
    SegSim,
    Identity,
    Leakage,
    Layout,
    Omission,
    Redundancy,
}

impl Metric {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 8] = [
        Self::Right,
        Self::Recognised,
        Self::SegSim,
        Self::Identity,
        Self::Leakage,
        Self::Layout,
        Self::Omission,
        Self::Redundancy,
    ];

    /// Those that decide, named beforehand: only these are tested. The others are there to be explored.
    pub const PRIMARY: [Self; 3] = [Self::SegSim, Self::Recognised, Self::Omission];

    /// What the report calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Recognised => "recognised",
            Self::SegSim => "SegSim",
            Self::Identity => "identity",
            Self::Leakage => "leakage",
            Self::Layout => "layout IoU",
            Self::Omission => "omission n<N",
            Self::Redundancy => "redundancy n>N",
        }
    }

    /// Whether more is better.
    pub fn more_is_better(self) -> bool {
        !matches!(self, Self::Leakage | Self::Omission | Self::Redundancy)
    }

    /// Of a picture that could not be made.
    pub fn worst(self) -> f64 {
        f64::from(u8::from(!self.more_is_better()))
    }

    /// Its value, 0..1.
    pub fn of(self, measures: &Measures) -> f64 {
        let yes = |is: bool| f64::from(u8::from(is));
        let over = |value: &dyn Fn(&OfSubject) -> f64| {
            let sum: f64 = measures.subjects.iter().map(value).sum();
            sum / measures.subjects.len().max(1) as f64
        };
        match self {
            Self::Right => yes(measures.right),
            Self::Recognised => over(&|subject| yes(subject.recognised)),
            Self::SegSim => measures.segsim,
            Self::Identity => over(&|subject| subject.identity),
            Self::Leakage => over(&|subject| yes(subject.leakage > LEAKAGE || subject.borrowed >= BORROWED)),
            Self::Layout => over(&|subject| subject.layout),
            Self::Omission => yes(measures.figures < measures.subjects.len()),
            Self::Redundancy => yes(measures.figures > measures.subjects.len()),
        }
    }
}

/// Photos of each concept that a picture is compared with, |C|.
const PHOTOS: u64 = 4;

/// Measures pictures of one case and prompt of the Plush World.
pub struct Ruler {
    concepts: Vec<Concept>,
    masks: Vec<GrayImage>,
    setting: Option<Setting>,
    backdrop: Backdrop,
    /// Of each concept the embeddings of its photos.
    photos: Vec<Vec<Vec<f64>>>,
}

impl Ruler {
    /// For pictures of these concepts, each of which should be at its mask, with this prompt.
    pub fn new(concepts: Vec<Concept>, masks: Vec<GrayImage>, prompt: &str) -> Self {
        let setting = Setting::in_words(prompt);
        let photos = concepts.iter().map(photos).collect();
        Self { concepts, masks, setting, backdrop: Backdrop::of(setting), photos }
    }

    /// Likewise, for pictures that show only these rows of the scene, as shares of its height.
    #[must_use]
    pub fn through(self, rows: &Range<f64>) -> Self {
        Self { backdrop: self.backdrop.through(rows), ..self }
    }

    /// The figures that are seen in a picture.
    pub fn figures(&self, picture: &RgbImage) -> Vec<Figure> {
        figures::find(picture, &self.backdrop, &self.masks)
    }

    /// Measures a picture.
    ///
    /// # Errors
    /// In words, where the picture is of another size than its masks.
    pub fn measure(&self, picture: &RgbImage) -> Result<Measures, String> {
        let asked = Asked { concepts: &self.concepts, masks: &self.masks, setting: self.setting };
        let judgement = judge(picture, asked).map_err(|error| error.to_string())?;
        let figures = self.figures(picture);
        let segments: Vec<Vec<f64>> =
            figures.iter().map(|figure| HueHistogram.embed(picture, &figure.inside)).collect::<Result<_, _>>()?;
        let subject = |(verdict, mask): (&crate::plush::Verdict, &GrayImage)| OfSubject {
            recognised: verdict.recognised,
            identity: verdict.score.identity,
            leakage: verdict.score.leakage,
            borrowed: verdict.score.borrowed,
            layout: figures.iter().map(|figure| figure.overlap(mask)).fold(0.0, f64::max),
        };
        Ok(Measures {
            subjects: judgement.subjects.iter().zip(&self.masks).map(subject).collect(),
            right: judgement.right,
            segsim: segsim(&self.photos, &segments),
            figures: figures.len(),
        })
    }
}

/// The embeddings of a concept's photos.
fn photos(concept: &Concept) -> Vec<Vec<f64>> {
    let all = plush_photos(concept);
    all.iter().filter_map(|(picture, inside)| HueHistogram.embed(picture, inside).ok()).collect()
}

/// A concept's photos, drawn from fixed seeds, with their exact masks.
pub fn plush_photos(concept: &Concept) -> Vec<Photo> {
    let photo = |index| {
        // Another seed than any photos that somebody trains on by default.
        let drawn = draw(&Picture::photo(concept, &mut chance::of(0x5e65, index)), crate::plush::draw::SIDE).ok()?;
        let inside: Vec<bool> = drawn.masks.first()?.as_raw().iter().map(|value| *value > 127).collect();
        Some((drawn.picture, inside))
    };
    (0..PHOTOS).filter_map(photo).collect()
}

/// How far SegSim of a concept goes: the mean similarity of its photos to one another (what a perfect picture has), and to
/// those of another concept (what a picture of only the other one has).
pub fn anchors(concept: &Concept, other: &Concept) -> (f64, f64) {
    let (own, others) = (photos(concept), photos(other));
    let without = |left: usize| own.iter().enumerate().filter(move |(index, _)| *index != left).map(|(_, e)| e.clone());
    let each = own
        .iter()
        .enumerate()
        .map(|(index, photo)| segsim(&[vec![photo.clone()]], &without(index).collect::<Vec<_>>()));
    let ceiling = each.sum::<f64>() / own.len().max(1) as f64;
    (ceiling, segsim(&[own], &others))
}

#[cfg(test)]
mod tests;
