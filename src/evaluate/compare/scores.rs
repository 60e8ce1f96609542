//! What is known of a picture, and which of it can be better or worse.

use serde::{Deserialize, Serialize};

use crate::engine::encoders::config::Kind;
use crate::evaluate::metrics::background::{Background, BackgroundMetric};
use crate::evaluate::metrics::learned::{Learned, LearnedMetric};
use crate::evaluate::metrics::{Measures, Metric};
use crate::link::Finished;

/// What is known of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// How long it took.
    pub seconds: f64,
    /// Overlap (IoU, 0..1) of the last masks with the layout's, mean over subjects; none without a subject.
    pub followed: Option<f64>,
    /// What the diagnosis found to have gone wrong, in words.
    pub findings: Vec<String>,
    /// What was measured by the truth of the Plush World; none where the project is of another.
    pub measures: Option<Measures>,
    /// What became of the photo that was placed into; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Background>,
    /// What encoders of the user's see; none where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Box<Learned>>,
}

impl Scores {
    /// Of a finished render of one picture.
    pub fn of(finished: &Finished, measures: Option<Measures>) -> Self {
        let overlaps = finished.overlaps.first().filter(|overlaps| !overlaps.is_empty());
        let mean = |all: &Vec<f32>| all.iter().map(|value| f64::from(*value)).sum::<f64>() / all.len() as f64;
        Self {
            seconds: finished.elapsed.as_secs_f64(),
            followed: overlaps.map(mean),
            findings: finished.findings.iter().map(ToString::to_string).collect(),
            measures,
            background: None,
            learned: None,
        }
    }

    /// What encoders see, in a few words: `SegSim (CLIP) 0.712, CLIP-T 0.254`; none where there is nothing.
    pub fn seen(&self) -> Option<String> {
        let said: Vec<String> =
            self.learned.as_ref()?.said().map(|(title, value)| format!("{title} {value:.3}")).collect();
        (!said.is_empty()).then(|| said.join(", "))
    }

    /// In a line: `2 of 2 recognised, 2 figures, masks as laid out 0.61, no findings (8 s)`.
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        if let Some(measures) = &self.measures {
            let known = measures.recognised();
            let figures = if measures.figures == 1 { "figure" } else { "figures" };
            parts.push(format!("{known} of {} recognised", measures.subjects.len()));
            parts.push(format!("{} {figures}", measures.figures));
        }
        parts.extend(self.followed.map(|followed| format!("masks as laid out {followed:.2}")));
        let apart = self.background.as_ref().map(|background| BackgroundMetric::PRIMARY.of(background));
        parts.extend(apart.map(|apart| format!("background {apart:.2} of 255")));
        parts.extend(self.seen());
        parts.push(match self.findings.len() {
            0 => "no findings".to_owned(),
            1 => "1 finding".to_owned(),
            count => format!("{count} findings"),
        });
        format!("{} ({:.0} s)", parts.join(", "), self.seconds)
    }
}

/// A number of a picture that two sides are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    /// A measure of the Plush World.
    Of(Metric),
    /// How many figures too many or too few, of the Plush World.
    Miscounted,
    /// What became of a photo.
    Background(BackgroundMetric),
    /// What encoders of the user's see.
    Learned(LearnedMetric),
    /// [`Scores::followed`].
    Followed,
    /// How many findings.
    Findings,
    /// How long it took.
    Seconds,
}

impl Score {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Of(Metric::Recognised),
        Self::Of(Metric::Identity),
        Self::Of(Metric::Layout),
        Self::Of(Metric::Leakage),
        Self::Miscounted,
        Self::Background(BackgroundMetric::PRIMARY),
        Self::Learned(LearnedMetric::SegSim(Kind::Clip)),
        Self::Learned(LearnedMetric::SegSim(Kind::Dino)),
        Self::Learned(LearnedMetric::Text),
        Self::Learned(LearnedMetric::Reward),
        Self::Followed,
        Self::Findings,
        Self::Seconds,
    ];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Of(Metric::Layout) => "in place",
            Self::Of(metric) => metric.title(),
            Self::Miscounted => "figures too many or few",
            Self::Background(metric) => metric.title(),
            Self::Learned(metric) => metric.title(),
            Self::Followed => "masks as laid out",
            Self::Findings => "findings",
            Self::Seconds => "seconds",
        }
    }

    /// What it is.
    pub fn about(self) -> &'static str {
        match self {
            Self::Of(Metric::Recognised) => "The share of concepts that are recognised at their masks",
            Self::Of(Metric::Identity) => "The share of each concept's mask in its own colours",
            Self::Of(Metric::Layout) => "How far the figures that are seen overlap with where the layout has them",
            Self::Of(Metric::Leakage) => "The share of concepts with another's body or details",
            Self::Of(metric) => metric.title(),
            Self::Miscounted => "By how many the figures that are seen differ from the concepts",
            Self::Background(_) => "How far the photo changed around the subjects, in levels of 255",
            Self::Learned(LearnedMetric::Text) => "How well the picture goes with its prompt, by CLIP",
            Self::Learned(LearnedMetric::Reward) => {
                "How well the picture goes with its prompt, and pleases, by ImageReward"
            }
            Self::Learned(_) => "How alike the subjects are to photos of their concepts, by the encoder",
            Self::Followed => "How far the last masks overlap with the layout's",
            Self::Findings => "What the diagnosis found to have gone wrong",
            Self::Seconds => "How long a picture took",
        }
    }

    /// Whether more of it is better.
    pub fn more_is_better(self) -> bool {
        match self {
            Self::Of(metric) => metric.more_is_better(),
            Self::Learned(metric) => metric.more_is_better(),
            Self::Followed => true,
            Self::Miscounted | Self::Background(_) | Self::Findings | Self::Seconds => false,
        }
    }

    /// Its value; none where it was not measured.
    pub fn value(self, scores: &Scores) -> Option<f64> {
        match self {
            Self::Of(metric) => scores.measures.as_ref().map(|measures| metric.of(measures)),
            Self::Miscounted => {
                scores.measures.as_ref().map(|measures| measures.figures.abs_diff(measures.subjects.len()) as f64)
            }
            Self::Background(metric) => scores.background.as_ref().map(|background| metric.of(background)),
            Self::Learned(metric) => scores.learned.as_ref().and_then(|learned| metric.of(learned)),
            Self::Followed => scores.followed,
            Self::Findings => Some(scores.findings.len() as f64),
            Self::Seconds => Some(scores.seconds),
        }
    }

    /// A value as it is written.
    pub fn write(self, value: f64) -> String {
        match self {
            Self::Seconds => format!("{value:.1}"),
            Self::Learned(_) => format!("{value:.3}"),
            _ => format!("{value:.2}"),
        }
    }
}
