//! A picture as what it is drawn from: plain data, which can be written down, changed and drawn again. Sampled as
//! `world.py` samples.

use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

use super::chance::uniform;
use super::looks::{Concept, Kind, Look, Ordinary, natural, toy};
use super::scene::{Scene, Setting, Things};

/// Stands for the concept in the captions of its photos.
pub const TOKEN: &str = "<TOK>";

/// The most figures that a description may have; sampled ones have one to three.
pub const MOST_FIGURES: usize = 16;

/// Everything that a picture is drawn from. Drawing is a pure function of this and the picture's side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// What is in it, in words.
    pub caption: String,
    /// Where it is.
    pub scene: Scene,
    /// Who is in it. Those whose feet are lower stand in front.
    pub figures: Vec<Figure>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What the caption calls it, without an article.
    pub name: String,
    /// How it looks.
    pub look: Look,
    /// Where it stands.
    pub place: Place,
}

/// Where a figure stands, in shares of the picture's side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its middle, from the left.
    pub x: f64,
    /// Its feet, from above.
    pub foot: f64,
    /// How high it is (a rabbit's ears and a robot's knob reach higher).
    pub height: f64,
    /// Whether it looks the other way.
    pub flip: bool,
}

/// Why a description cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the description of the picture says {what} is {said}, and it must be between {low} and {high}; change it there"
)]
pub struct Undrawable {
    what: String,
    said: String,
    low: &'static str,
    high: &'static str,
}

/// What a figure is to be: the caption's name and the look.
pub type Cast = (String, Look);

impl Picture {
    /// Figures in a scene, placed at random side by side, with the caption.
    ///
    /// `world.py` draws one to three; more are placed as three are, each somewhere in its own share of the width.
    pub fn of(cast: Vec<Cast>, setting: Setting, rng: &mut impl Rng) -> Self {
        let scene = setting.sample(rng);
        let places = places(cast.len(), rng);
        let names: Vec<&str> = cast.iter().map(|(name, _)| name.as_str()).collect();
        let two = names.len() == 2 && names[0] == names[1] && rng.random_bool(0.5);
        let caption = if two { format!("two {}s {}", names[0], setting.phrase()) } else { caption(&names, setting) };
        let figure = |((name, look), place)| Figure { name, look, place };
        Self { caption, scene, figures: cast.into_iter().zip(places).map(figure).collect() }
    }

    /// One training picture of the base model: figures in ordinary colours, and "toys" in any.
    pub fn sample(rng: &mut impl Rng) -> Self {
        let chance = rng.random::<f64>();
        let count = if chance < 0.35 {
            1
        } else if chance < 0.85 {
            2
        } else {
            3
        };
        let mut cast: Vec<Cast> = Vec::with_capacity(count);
        for _ in 0..count {
            let again = cast.first().map(|(_, look)| look.kind).filter(|_| rng.random_bool(0.25));
            let kind = again.unwrap_or_else(|| *Kind::ALL.choose(rng).unwrap_or(&Kind::Cat));
            if rng.random_bool(0.4) {
                cast.push((format!("toy {}", kind.word()), toy(kind, rng)));
                continue;
            }
            let natural_colors = kind.natural();
            let colors = if rng.random_bool(0.8) { &natural_colors[..] } else { &Ordinary::ALL };
            let color = *colors.choose(rng).unwrap_or(&Ordinary::Grey);
            let named = rng.random_bool(0.5);
            let name = if named { format!("{} {}", color.word(), kind.word()) } else { kind.word().to_owned() };
            cast.push((name, natural(kind, color)));
        }
        Self::of(cast, Setting::any(rng), rng)
    }

    /// One photo of a concept to train on: the subject alone in a random scene. The caption calls it [`TOKEN`].
    pub fn photo(concept: &Concept, rng: &mut impl Rng) -> Self {
        let setting = Setting::any(rng);
        let mut photo = Self::of(vec![(concept.words(), concept.look)], setting, rng);
        photo.caption = format!("{TOKEN} {}", setting.phrase());
        photo
    }

    /// Concepts side by side in a random scene.
    pub fn together(concepts: &[Concept], rng: &mut impl Rng) -> Self {
        let cast = concepts.iter().map(|concept| (concept.words(), concept.look)).collect();
        Self::of(cast, Setting::any(rng), rng)
    }

    /// Whether it can be drawn: descriptions are read from files, which may say anything.
    ///
    /// # Errors
    /// What is out of bounds, and the bounds.
    pub fn check(&self) -> Result<(), Undrawable> {
        let count = self.figures.len();
        within("the number of figures", count as f64, 0.0, MOST_FIGURES as f64, ("0", "16"))?;
        within("the horizon", self.scene.horizon, 0.05, 0.95, ("0.05", "0.95"))?;
        for (index, figure) in self.figures.iter().enumerate() {
            let of = |what| format!("{what} of figure {} ({})", index + 1, figure.name);
            within(&of("the place from the left"), figure.place.x, -2.0, 3.0, ("-2", "3"))?;
            within(&of("the place of the feet"), figure.place.foot, -2.0, 3.0, ("-2", "3"))?;
            within(&of("the height"), figure.place.height, 0.02, 4.0, ("0.02", "4"))?;
        }
        for number in numbers(&self.scene.things) {
            within("a length or place in the scene", number, -4.0, 4.0, ("-4", "4"))?;
        }
        let things = numbers(&self.scene.things).len();
        within("how many numbers the scene has", things as f64, 0.0, 4096.0, ("0", "4096"))
    }
}

fn within(what: &str, said: f64, low: f64, high: f64, words: (&'static str, &'static str)) -> Result<(), Undrawable> {
    // What is no number is not between any two.
    if (low..=high).contains(&said) {
        return Ok(());
    }
    Err(Undrawable { what: what.to_owned(), said: said.to_string(), low: words.0, high: words.1 })
}

/// Every number of a scene's things.
fn numbers(things: &Things) -> Vec<f64> {
    match things {
        Things::Beach { sun, sail } => vec![sun.0, sun.1, *sail],
        Things::Snow { firs, flakes } => {
            let flakes = flakes.iter().flat_map(|flake| [flake.0, flake.1, flake.2]);
            firs.iter().flat_map(|fir| [fir.0, fir.1]).chain(flakes).collect()
        }
        Things::Meadow { hill, clouds, flowers } => {
            let flowers = flowers.iter().flat_map(|flower| [flower.0, flower.1]);
            clouds.iter().flat_map(|cloud| [cloud.0, cloud.1]).chain(flowers).chain([*hill]).collect()
        }
        Things::Desert { mountain, cacti } => {
            cacti.iter().flat_map(|cactus| [cactus.0, cactus.1, cactus.2]).chain([*mountain]).collect()
        }
        Things::Night { houses, moon } => {
            houses.iter().flat_map(|house| [house.width, house.height]).chain([*moon]).collect()
        }
        Things::Room { window, rug } => vec![*window, *rug],
    }
}

/// A place for each figure, from the left.
fn places(count: usize, rng: &mut impl Rng) -> Vec<Place> {
    let (xs, top) = match count {
        1 => (vec![uniform(rng, 0.3, 0.7)], 0.62),
        2 => (vec![uniform(rng, 0.2, 0.36), uniform(rng, 0.64, 0.8)], 0.52),
        3 => (vec![uniform(rng, 0.15, 0.22), uniform(rng, 0.45, 0.55), uniform(rng, 0.78, 0.85)], 0.38),
        more => {
            let share = 1.0 / more as f64;
            let within = |index| (index as f64 + 0.4) * share;
            let xs = (0..more).map(|index| uniform(rng, within(index), within(index) + 0.2 * share));
            (xs.collect(), (1.1 * share).max(0.16))
        }
    };
    let mut place = |x| Place {
        x,
        foot: uniform(rng, 0.78, 0.95),
        height: uniform(rng, top - 0.14, top),
        flip: rng.random_bool(0.5),
    };
    xs.into_iter().map(&mut place).collect()
}

/// `a cat, an orange dog and a toy bear in the snow`
fn caption(names: &[&str], setting: Setting) -> String {
    let article = |name: &str| if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    let parts: Vec<String> = names.iter().map(|name| format!("{} {name}", article(name))).collect();
    let all = match parts.split_last() {
        None => return format!("nobody {}", setting.phrase()),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    };
    format!("{all} {}", setting.phrase())
}
