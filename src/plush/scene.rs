//! Where figures stand: the six scenes, as everything in them that chance decides. Lengths are shares of the picture's
//! side, so that a scene can be drawn at any size.

use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

use super::chance::uniform;
use super::looks::Color;

/// Which scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Setting {
    Beach,
    Snow,
    Meadow,
    Desert,
    Night,
    Room,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Beach, Self::Snow, Self::Meadow, Self::Desert, Self::Night, Self::Room];

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Beach => "beach",
            Self::Snow => "snow",
            Self::Meadow => "meadow",
            Self::Desert => "desert",
            Self::Night => "night",
            Self::Room => "room",
        }
    }

    /// How a caption ends.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Beach => "on the beach",
            Self::Snow => "in the snow",
            Self::Meadow => "in a meadow",
            Self::Desert => "in the desert",
            Self::Night => "in the city at night",
            Self::Room => "in a living room",
        }
    }

    /// The scene that a prompt or caption names, by the last words of a caption; upper and lower case are alike.
    pub fn in_words(words: &str) -> Option<Self> {
        let words = words.to_lowercase();
        Self::ALL.into_iter().find(|setting| words.contains(setting.phrase()))
    }

    /// One of all, each as likely.
    pub fn any(rng: &mut impl Rng) -> Self {
        *Self::ALL.choose(rng).unwrap_or(&Self::Beach)
    }

    /// A scene of this kind.
    pub fn sample(self, rng: &mut impl Rng) -> Scene {
        let horizon = uniform(rng, 0.42, 0.54);
        let things = match self {
            Self::Beach => beach(rng),
            Self::Snow => snow(rng),
            Self::Meadow => meadow(rng),
            Self::Desert => desert(rng),
            Self::Night => night(rng),
            Self::Room => Things::Room { window: uniform(rng, 0.05, 0.6), rug: uniform(rng, 0.3, 0.9) },
        };
        Scene { horizon, things }
    }
}

/// A scene with everything that chance decided. Lengths and places are shares of the picture's side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Where sky and ground meet, from above.
    pub horizon: f64,
    /// What is in it.
    pub things: Things,
}

impl Scene {
    /// Which one it is.
    pub fn setting(&self) -> Setting {
        match self.things {
            Things::Beach { .. } => Setting::Beach,
            Things::Snow { .. } => Setting::Snow,
            Things::Meadow { .. } => Setting::Meadow,
            Things::Desert { .. } => Setting::Desert,
            Things::Night { .. } => Setting::Night,
            Things::Room { .. } => Setting::Room,
        }
    }
}

/// What each scene has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "setting", rename_all = "snake_case", deny_unknown_fields)]
pub enum Things {
    /// Sea, sun and a sail.
    Beach {
        /// Its middle.
        sun: (f64, f64),
        /// Where the sail is.
        sail: f64,
    },
    /// Firs under falling snow.
    Snow {
        /// Where each stands, and how high it is.
        firs: Vec<(f64, f64)>,
        /// Middle and radius of each.
        flakes: Vec<(f64, f64, f64)>,
    },
    /// A hill, clouds and flowers.
    Meadow {
        /// Its middle.
        hill: f64,
        /// Their middles.
        clouds: Vec<(f64, f64)>,
        /// Their middles and colours.
        flowers: Vec<(f64, f64, Color)>,
    },
    /// A mountain and cacti.
    Desert {
        /// Its middle.
        mountain: f64,
        /// Where each stands, how high it is, and how far below the horizon its foot is.
        cacti: Vec<(f64, f64, f64)>,
    },
    /// Houses and the moon.
    Night {
        /// From the left on.
        houses: Vec<House>,
        /// Its middle.
        moon: f64,
    },
    /// A window and a rug.
    Room {
        /// Its left side.
        window: f64,
        /// Its middle.
        rug: f64,
    },
}

/// A house at night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct House {
    /// A share of the picture's side.
    pub width: f64,
    /// A share of the picture's side.
    pub height: f64,
    /// Of its wall.
    pub color: Color,
    /// Which windows are lit: two columns of four, from above.
    pub lit: [[bool; 4]; 2],
}

/// Where the first house begins, and how far houses are apart.
pub(super) const STREET: (f64, f64) = (-0.02, 0.01);

fn beach(rng: &mut impl Rng) -> Things {
    Things::Beach { sun: (uniform(rng, 0.1, 0.9), uniform(rng, 0.08, 0.18)), sail: uniform(rng, 0.0, 1.0) }
}

fn snow(rng: &mut impl Rng) -> Things {
    let firs = (0..3).map(|_| (uniform(rng, 0.0, 1.0), uniform(rng, 0.16, 0.3))).collect();
    let mut flake = |_| (uniform(rng, 0.0, 1.0), uniform(rng, 0.0, 1.0), uniform(rng, 0.004, 0.009));
    Things::Snow { firs, flakes: (0..24).map(&mut flake).collect() }
}

fn meadow(rng: &mut impl Rng) -> Things {
    const FLOWERS: [Color; 3] = [[250, 230, 90], [246, 130, 160], [255, 255, 255]];
    let hill = uniform(rng, 0.0, 1.0);
    let clouds = (0..2).map(|_| (uniform(rng, 0.1, 0.9), uniform(rng, 0.06, 0.2))).collect();
    let mut flower = |_| {
        let at = (uniform(rng, 0.0, 1.0), uniform(rng, 0.6, 0.98));
        (at.0, at.1, *FLOWERS.choose(rng).unwrap_or(&FLOWERS[0]))
    };
    Things::Meadow { hill, clouds, flowers: (0..14).map(&mut flower).collect() }
}

fn desert(rng: &mut impl Rng) -> Things {
    let mountain = uniform(rng, 0.1, 0.9);
    let mut cactus = |_| (uniform(rng, 0.05, 0.95), uniform(rng, 0.14, 0.22), uniform(rng, 0.0, 0.06));
    Things::Desert { mountain, cacti: (0..2).map(&mut cactus).collect() }
}

fn night(rng: &mut impl Rng) -> Things {
    const WALLS: [Color; 3] = [[34, 36, 66], [44, 42, 78], [30, 30, 56]];
    let (mut x, mut houses) = (STREET.0, Vec::new());
    while x < 1.0 {
        let (width, height) = (uniform(rng, 0.09, 0.16), uniform(rng, 0.14, 0.34));
        let color = *WALLS.choose(rng).unwrap_or(&WALLS[0]);
        let lit = [(); 2].map(|()| [(); 4].map(|()| rng.random_bool(0.55)));
        houses.push(House { width, height, color, lit });
        x += width + STREET.1;
    }
    Things::Night { houses, moon: uniform(rng, 0.1, 0.9) }
}
