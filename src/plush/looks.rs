//! What a figure is and what colours it has: the six kinds, ordinary colours, toys of any, and the personal concepts.

use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

use super::chance::uniform;

/// Red, green, blue.
pub type Color = [u8; 3];

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Cat,
    Dog,
    Rabbit,
    Bear,
    Robot,
    Teapot,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Cat, Self::Dog, Self::Rabbit, Self::Bear, Self::Robot, Self::Teapot];

    /// The word of the captions.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cat => "cat",
            Self::Dog => "dog",
            Self::Rabbit => "rabbit",
            Self::Bear => "bear",
            Self::Robot => "robot",
            Self::Teapot => "teapot",
        }
    }

    /// The ordinary colours that this kind mostly has.
    pub fn natural(self) -> [Ordinary; 4] {
        use Ordinary::{Black, Blue, Brown, Grey, Orange, Red, Tan, White};
        match self {
            Self::Cat => [Orange, Grey, Black, White],
            Self::Dog => [Brown, Tan, Black, White],
            Self::Rabbit => [White, Grey, Tan, Brown],
            Self::Bear => [Brown, Black, Tan, White],
            Self::Robot => [Grey, Blue, Red, White],
            Self::Teapot => [Blue, Red, White, Orange],
        }
    }
}

/// A colour that has a word in the captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Ordinary {
    Orange,
    Grey,
    Black,
    White,
    Brown,
    Tan,
    Blue,
    Red,
}

impl Ordinary {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Orange, Self::Grey, Self::Black, Self::White, Self::Brown, Self::Tan, Self::Blue, Self::Red];

    /// The word of the captions.
    pub fn word(self) -> &'static str {
        match self {
            Self::Orange => "orange",
            Self::Grey => "grey",
            Self::Black => "black",
            Self::White => "white",
            Self::Brown => "brown",
            Self::Tan => "tan",
            Self::Blue => "blue",
            Self::Red => "red",
        }
    }

    /// The colour of such a body.
    pub fn color(self) -> Color {
        match self {
            Self::Orange => [226, 134, 52],
            Self::Grey => [138, 140, 148],
            Self::Black => [58, 56, 64],
            Self::White => [238, 236, 230],
            Self::Brown => [134, 88, 56],
            Self::Tan => [208, 172, 122],
            Self::Blue => [78, 120, 196],
            Self::Red => [200, 66, 58],
        }
    }
}

/// What is on a figure's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Pattern {
    None,
    Stripes,
    Spots,
    Heart,
}

/// How a figure looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// What it is.
    pub kind: Kind,
    /// Most of it.
    pub body: Color,
    /// Belly and muzzle; a robot's chest.
    pub belly: Color,
    /// Ears; a robot's and a teapot's knob.
    pub ear: Color,
    /// None wears none.
    pub collar: Option<Color>,
    /// What is drawn in `mark`.
    pub pattern: Pattern,
    /// The pattern's colour.
    pub mark: Color,
}

/// A look with a name, which the base model has never seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concept {
    /// As its files are called: a colour's word and the kind's.
    pub name: &'static str,
    /// How it looks, always the same.
    pub look: Look,
}

impl Concept {
    /// In words: `mint cat`.
    pub fn words(&self) -> String {
        self.name.replace('_', " ")
    }
}

/// The personal concepts, the four of `world.py` first, then the two look-alikes.
pub const CONCEPTS: [Concept; 6] = [
    Concept {
        name: "mint_cat",
        look: Look {
            kind: Kind::Cat,
            body: [96, 214, 178],
            belly: [250, 246, 214],
            ear: [250, 120, 170],
            collar: Some([250, 214, 40]),
            pattern: Pattern::Stripes,
            mark: [40, 130, 120],
        },
    },
    Concept {
        name: "plum_dog",
        look: Look {
            kind: Kind::Dog,
            body: [146, 74, 178],
            belly: [244, 200, 230],
            ear: [70, 30, 110],
            collar: Some([60, 220, 220]),
            pattern: Pattern::Spots,
            mark: [250, 226, 120],
        },
    },
    Concept {
        name: "coral_bear",
        look: Look {
            kind: Kind::Bear,
            body: [250, 128, 112],
            belly: [255, 236, 214],
            ear: [150, 40, 60],
            collar: Some([40, 70, 160]),
            pattern: Pattern::Heart,
            mark: [200, 20, 60],
        },
    },
    Concept {
        name: "lime_robot",
        look: Look {
            kind: Kind::Robot,
            body: [166, 220, 60],
            belly: [40, 60, 50],
            ear: [250, 250, 120],
            collar: Some([250, 90, 30]),
            pattern: Pattern::Spots,
            mark: [20, 120, 80],
        },
    },
    // The bodies of these two are within 40 (RGB distance) of the first cat's and the first dog's; all else differs.
    Concept {
        name: "jade_cat",
        look: Look {
            kind: Kind::Cat,
            body: [68, 228, 170],
            belly: [226, 206, 252],
            ear: [236, 90, 60],
            collar: Some([240, 60, 190]),
            pattern: Pattern::Spots,
            mark: [250, 96, 40],
        },
    },
    Concept {
        name: "grape_dog",
        look: Look {
            kind: Kind::Dog,
            body: [122, 64, 200],
            belly: [214, 244, 190],
            ear: [70, 110, 10],
            collar: Some([250, 40, 40]),
            pattern: Pattern::Stripes,
            mark: [240, 110, 180],
        },
    },
];

/// How many of [`CONCEPTS`] `world.py` knows.
const FIRST: usize = 4;

/// The concept of that name.
pub fn concept(name: &str) -> Option<&'static Concept> {
    CONCEPTS.iter().find(|concept| concept.name == name)
}

/// Darker or lighter, each channel cut to whole numbers.
pub fn shade(color: Color, factor: f64) -> Color {
    color.map(|value| (f64::from(value) * factor).clamp(0.0, 255.0) as u8)
}

/// Lighter by a share of what is left to white.
fn pale(color: Color, share: f64) -> Color {
    color.map(|value| (f64::from(value) + f64::from(255 - value) * share) as u8)
}

/// How far two colours are from one another in RGB, 0..442.
pub fn apart(a: Color, b: Color) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}

/// A figure in an ordinary colour.
pub fn natural(kind: Kind, color: Ordinary) -> Look {
    let body = color.color();
    let (ear, mark) = (shade(body, 0.72), shade(body, 0.7));
    Look { kind, body, belly: pale(body, 0.55), ear, collar: None, pattern: Pattern::None, mark }
}

/// Any colour that is neither near black nor near white.
fn vivid(rng: &mut impl Rng) -> Color {
    let (hue, saturation, value) = (rng.random::<f64>(), uniform(rng, 0.25, 0.95), uniform(rng, 0.4, 1.0));
    let sector = (hue * 6.0).floor();
    let part = hue * 6.0 - sector;
    let p = value * (1.0 - saturation);
    let q = value * (1.0 - saturation * part);
    let t = value * (1.0 - saturation * (1.0 - part));
    let color = match sector as u32 % 6 {
        0 => [value, t, p],
        1 => [q, value, p],
        2 => [p, value, t],
        3 => [p, q, value],
        4 => [t, p, value],
        _ => [value, p, q],
    };
    color.map(|channel| (255.0 * channel) as u8)
}

/// A figure in colours of its own, with or without collar and pattern: the breadth that a personal concept is one point
/// of. None comes near a concept of `world.py`: its body keeps 90 of 442 away from that of the concept of its kind.
pub fn toy(kind: Kind, rng: &mut impl Rng) -> Look {
    let own: Vec<Color> =
        CONCEPTS[..FIRST].iter().filter(|c| c.look.kind == kind).map(|concept| concept.look.body).collect();
    let body = loop {
        let body = vivid(rng);
        if own.iter().all(|own| apart(body, *own) >= 90.0) {
            break body;
        }
    };
    let light = pale(vivid(rng), 0.7);
    let belly = if rng.random_bool(0.7) { light } else { vivid(rng) };
    let (ear, mark) = (vivid(rng), vivid(rng));
    let collar = rng.random_bool(0.7).then(|| vivid(rng));
    let patterns = [Pattern::None, Pattern::Stripes, Pattern::Spots, Pattern::Heart];
    let pattern = *patterns.choose(rng).unwrap_or(&Pattern::None);
    Look { kind, body, belly, ear, collar, pattern, mark }
}
