//! What is measured of a picture with networks that the user has: SegSim by the vectors of image encoders, how well the picture
//! goes with its prompt, and how many subjects a segmenter finds.
//!
//! | metric | what it is |
//! |---|---|
//! | SegSim (CLIP), SegSim (DINOv2) | Algorithm 2 (`segsim.rs`) with the encoder's vectors of cut-outs (`engine/encoders/segment.rs`) |
//! | CLIP-T | cosine of CLIP's vectors of the whole picture and of the plain base prompt, the same words for all methods; as it is, -1 to 1 |
//! | ImageReward | ImageReward's score of the whole picture and of the same words, standardised as its authors do it; it has no bounds |
//! | found n<N, found n>N | a segmenter (`evaluate/segmenter.rs`) finds fewer, or more, subjects by the class words than there are concepts |
//!
//! A picture that could not be made has 0 of the similarities, both too few and too many subjects, and of ImageReward the least of
//! all pictures of its report.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::segsim::{Embedder, cosine, segsim_of_several};
use crate::engine::encoders::config::Kind;
use crate::engine::encoders::encoder::ImageEncoder;
use crate::engine::encoders::reward::Reward;
use crate::engine::encoders::segment::cut_out;

/// What was measured of a picture with encoders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    /// What of the picture was taken for its subjects.
    pub segments: Segments,
    /// One for each encoder.
    pub scores: Vec<Scores>,
    /// Why there is no SegSim, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// How many subjects a segmenter finds; none where none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
}

/// How many subjects a segmenter finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Which it was, by its name and hash.
    pub segmenter: String,
    /// n: subjects of the asked classes, whichever concepts they are.
    pub found: usize,
    /// N: concepts.
    pub asked: usize,
}

/// What of a picture is taken for its subjects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Segments {
    /// The figures of the Plush World that are seen.
    Figures,
    /// The masks that the subjects were rendered by: those of the layout.
    Masks,
    /// What a segmenter finds by the class words; its name and hash.
    Found(String),
}

impl Learned {
    /// What encoders say, each with its title; what was counted is none of it.
    pub fn said(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let likenesses = LearnedMetric::ALL.into_iter().filter(|metric| metric.more_is_better());
        likenesses.filter_map(|metric| Some((metric.title(), metric.of(self)?)))
    }

    /// With what other kinds of encoders have said before, and what was counted. A SegSim of other segments does not stand
    /// beside one of these.
    #[must_use]
    pub fn after(mut self, before: Option<Self>) -> Self {
        let Some(before) = before else { return self };
        self.count = self.count.take().or(before.count);
        if self.scores.iter().all(|scores| scores.kind == Kind::Reward) {
            // Who only counted, or scored the whole, says nothing of segments.
            (self.segments, self.missing) = (before.segments.clone(), before.missing);
        }
        let same = self.segments == before.segments;
        let others = before.scores.into_iter().filter(|old| self.scores.iter().all(|new| new.kind != old.kind));
        let others = others.filter(|old| same || old.text.is_some());
        let others: Vec<Scores> = others.map(|old| Scores { segsim: old.segsim.filter(|_| same), ..old }).collect();
        self.scores.extend(others);
        self.scores.sort_by_key(|scores| scores.kind);
        self
    }
}

impl Segments {
    /// In words, for the report.
    pub fn words(&self) -> String {
        match self {
            Self::Figures => "the figures that are seen".to_owned(),
            Self::Masks => "the run's own masks (those of the layout), without a segmenter".to_owned(),
            Self::Found(segmenter) => format!("what {segmenter} finds by the class words"),
        }
    }
}

/// What one encoder says of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// Which kind it is of.
    pub kind: Kind,
    /// Which it was: [`ImageEncoder::words`], [`Reward::words`].
    pub encoder: String,
    /// Algorithm 2; none where a concept has no photos.
    pub segsim: Option<f64>,
    /// CLIP's cosine with the base prompt, or ImageReward's score; none where the encoder reads no words.
    pub text: Option<f64>,
}

/// A metric that needs an encoder or a segmenter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnedMetric {
    /// Algorithm 2 by an encoder of this kind.
    SegSim(Kind),
    /// The picture against the base prompt.
    Text,
    /// Likewise, by ImageReward.
    Reward,
    /// n < N by a segmenter.
    Omission,
    /// n > N by a segmenter.
    Redundancy,
}

impl LearnedMetric {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 6] = [
        Self::SegSim(Kind::Clip),
        Self::SegSim(Kind::Dino),
        Self::Text,
        Self::Reward,
        Self::Omission,
        Self::Redundancy,
    ];

    /// What the report calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::SegSim(Kind::Clip) => "SegSim (CLIP)",
            Self::SegSim(Kind::Dino) => "SegSim (DINOv2)",
            Self::SegSim(Kind::Reward) | Self::Reward => Kind::Reward.words(),
            Self::Text => "CLIP-T",
            Self::Omission => "found n<N",
            Self::Redundancy => "found n>N",
        }
    }

    /// Whether more is better.
    pub fn more_is_better(self) -> bool {
        !matches!(self, Self::Omission | Self::Redundancy)
    }

    /// Of a picture that could not be made. ImageReward has no bounds: what its worst is, only a report's other pictures tell.
    pub fn worst(self) -> f64 {
        f64::from(u8::from(!self.more_is_better()))
    }

    /// Its value; none where it was not measured.
    pub fn of(self, learned: &Learned) -> Option<f64> {
        let of_encoders = |value: &dyn Fn(&Scores) -> Option<f64>| learned.scores.iter().find_map(value);
        let of_count = |is: &dyn Fn(&Count) -> bool| learned.count.as_ref().map(|count| f64::from(u8::from(is(count))));
        match self {
            Self::SegSim(kind) => of_encoders(&|scores| scores.segsim.filter(|_| scores.kind == kind)),
            Self::Text => of_encoders(&|scores| scores.text.filter(|_| scores.kind != Kind::Reward)),
            Self::Reward => of_encoders(&|scores| scores.text.filter(|_| scores.kind == Kind::Reward)),
            Self::Omission => of_count(&|count| count.found < count.asked),
            Self::Redundancy => of_count(&|count| count.found > count.asked),
        }
    }
}

impl Embedder for ImageEncoder {
    fn embed(&self, picture: &RgbImage, inside: &[bool]) -> Result<Vec<f64>, String> {
        let width = picture.width() as usize;
        let is = |x: u32, y: u32| inside.get(y as usize * width + x as usize).copied().unwrap_or(false);
        match cut_out(picture, is) {
            Some(cut) => whole(self, &cut),
            None => Ok(Vec::new()),
        }
    }
}

/// The vector of a whole picture.
fn whole(encoder: &ImageEncoder, picture: &RgbImage) -> Result<Vec<f64>, String> {
    let vectors = encoder.embed(std::slice::from_ref(picture)).map_err(|error| error.to_string())?;
    Ok(vectors.into_iter().next().map(wide).unwrap_or_default())
}

fn wide(vector: Vec<f32>) -> Vec<f64> {
    vector.into_iter().map(f64::from).collect()
}

/// A photo with what of it is the subject.
pub type Photo = (RgbImage, Vec<bool>);

/// A photo with what of it may be the subject: one part, or as many as a segmenter finds.
pub type InParts = (RgbImage, Vec<Vec<bool>>);

/// The vectors of one concept's photos by one encoder: of each photo as many as it has parts.
pub type Vectors = Vec<Vec<Vec<f64>>>;

/// The vectors of photos.
///
/// # Errors
/// What the encoder says.
pub fn vectors(encoder: &ImageEncoder, photos: &[InParts]) -> Result<Vectors, String> {
    let of_parts = |(picture, parts): &InParts| {
        parts.iter().map(|inside| Embedder::embed(encoder, picture, inside)).collect::<Result<Vec<Vec<f64>>, String>>()
    };
    photos.iter().map(of_parts).collect()
}

/// The vector of words; none where the encoder reads none.
///
/// # Errors
/// What the encoder says.
pub fn words(encoder: &ImageEncoder, words: &str) -> Result<Option<Vec<f64>>, String> {
    Ok(encoder.embed_words(words).map_err(|error| error.to_string())?.map(wide))
}

/// What an encoder says of a picture: `photos` are the concepts', none where they are missing, `words` those of the base
/// prompt, and `segments` what of the picture is taken for its subjects.
///
/// # Errors
/// What the encoder says.
pub fn scores(
    encoder: &ImageEncoder,
    picture: &RgbImage,
    segments: &[Vec<bool>],
    photos: Option<&[Vectors]>,
    words: Option<&[f64]>,
) -> Result<Scores, String> {
    let similar = |photos: &[Vectors]| {
        let parts: Result<Vec<_>, String> =
            segments.iter().map(|inside| Embedder::embed(encoder, picture, inside)).collect();
        Ok::<_, String>(segsim_of_several(photos, &parts?))
    };
    let goes_with = |words: &[f64]| Ok::<_, String>(cosine(&whole(encoder, picture)?, words));
    Ok(Scores {
        kind: encoder.kind(),
        encoder: encoder.words(),
        segsim: photos.map(similar).transpose()?,
        text: words.map(goes_with).transpose()?,
    })
}

/// What ImageReward says of a picture and the words of the base prompt.
///
/// # Errors
/// What it says itself.
pub fn rewarded(reward: &Reward, picture: &RgbImage, words: &str) -> Result<Scores, String> {
    let score = reward.score(picture, words).map_err(|error| error.to_string())?;
    Ok(Scores { kind: Kind::Reward, encoder: reward.words(), segsim: None, text: Some(score) })
}
