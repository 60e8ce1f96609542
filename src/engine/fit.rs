//! Whether a render or a training fits into the memory that is free, and what would make it smaller.
//!
//! It is asked before a job begins: where memory runs out, a system ends the program that holds the most, and nothing in
//! that program can catch it. What does not fit the machine at all is `inspect.rs`'s to say.

use super::inspect::{Demand, ModelReport, PROGRAM};
use super::memory::{self, words};
use crate::project::training::TrainingSettings;

/// What is told of a saving: at least a twentieth.
const WORTH_TELLING: u64 = 20;

/// A canvas's sides are multiples of this, in pixels.
const CANVAS_STEP: u32 = 64;

/// Bytes that a job may take: what is free, and what this process holds already of what every job needs, which is itself and
/// the `loaded` bytes of weights. None where the system does not say.
pub fn room(loaded: u64) -> Option<u64> {
    Some(with_held(memory::free()?, memory::resident().unwrap_or(0), loaded))
}

/// What is `free` and what is of use of what is `held`.
fn with_held(free: u64, held: u64, loaded: u64) -> u64 {
    free.saturating_add(held.min(PROGRAM.saturating_add(loaded)))
}

/// Whether something is so near to all of the room that somebody should be asked: an estimate is no promise.
fn is_tight(needed: u64, room: u64) -> bool {
    needed > room - room / 10
}

impl ModelReport {
    /// Why somebody should be asked before a render begins, in words with what makes it smaller: it needs over nine tenths of
    /// `room` bytes. None where it does not.
    pub fn tight(&self, demand: Demand, room: u64) -> Option<String> {
        let needed = self.needed_bytes(demand);
        is_tight(needed, room).then(|| {
            format!(
                "{} needs about {} for this project, and {} of memory are free{}",
                self.name,
                words(needed),
                words(room),
                listed(needed, &self.smaller(demand))
            )
        })
    }

    /// What would make a render smaller, and what it would need then.
    fn smaller(&self, demand: Demand) -> Vec<(String, u64)> {
        let (width, height) = demand.canvas;
        let half = |side: u32| (side / 2 / CANVAS_STEP * CANVAS_STEP).max(CANVAS_STEP);
        let canvas = (half(width), half(height));
        [
            ("one picture at once".to_owned(), Demand { pictures: 1, ..demand }),
            ("attention not watched".to_owned(), Demand { watched: false, ..demand }),
            ("Sequential execution".to_owned(), Demand { sequential: true, ..demand }),
            ("masks that are not refined".to_owned(), Demand { refined: false, watched: false, ..demand }),
            (format!("a canvas of {} x {}", canvas.0, canvas.1), Demand { canvas, ..demand }),
        ]
        .map(|(what, less)| (what, self.needed_bytes(less)))
        .into()
    }

    /// Likewise of a training on photos of `side` pixels.
    pub fn training_tight(&self, settings: &TrainingSettings, side: u32, room: u64) -> Option<String> {
        let needed = self.training_bytes(settings, side);
        is_tight(needed, room).then(|| {
            let with = |batch: usize, side: u32, attention: f64| {
                self.training_bytes(&TrainingSettings { batch, attention, ..settings.clone() }, side)
            };
            let smaller = [
                ("one photo a step".to_owned(), with(1, side, settings.attention)),
                (format!("photos of {} pixels", side / 2), with(settings.batch, side / 2, settings.attention)),
                ("attention not kept to the masks".to_owned(), with(settings.batch, side, 0.0)),
            ];
            format!(
                "a step of {} photos of {side} pixels on {} needs about {}, and {} of memory are free{}",
                settings.batch,
                self.name,
                words(needed),
                words(room),
                listed(needed, &smaller)
            )
        })
    }
}

/// What makes it smaller, as the end of a sentence; nothing where nothing does.
fn listed(needed: u64, smaller: &[(String, u64)]) -> String {
    let worth = smaller.iter().filter(|(_, less)| needed.saturating_sub(*less) > needed / WORTH_TELLING);
    let each: Vec<String> = worth.map(|(what, less)| format!("{} with {what}", words(*less))).collect();
    if each.is_empty() { String::new() } else { format!(": it would be {}", each.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::inspect::inspect_model;
    use crate::engine::weights::ModelFiles;
    use crate::link::Watch;

    fn miniature() -> ModelReport {
        inspect_model(&ModelFiles::BuiltIn).expect("built in")
    }

    fn demand(side: u32, pictures: usize) -> Demand {
        Demand { pictures, ..Demand::usual(side) }
    }

    #[test]
    fn a_render_is_asked_about_from_nine_tenths_of_the_room_on() {
        let (model, demand) = (miniature(), demand(512, 4));
        let needed = model.needed_bytes(demand);
        assert_eq!(model.tight(demand, needed * 10 / 9 + 10), None);
        let words = model.tight(demand, needed * 10 / 9 - 10).expect("too near");
        assert!(
            words.starts_with("built-in miniature needs about ") && words.contains("are free: it would be "),
            "{words}"
        );
        for smaller in ["one picture at once", "Sequential execution", "a canvas of 256 x 256"] {
            assert!(words.contains(smaller), "{words}");
        }
        assert!(!words.contains("watched"), "nobody watches: {words}");
        assert!(model.tight(demand, 0).is_some());
    }

    #[test]
    fn watching_a_large_canvas_is_told_of() {
        let model = miniature();
        let watched = Demand { refined: false, ..demand(2048, 1) }.watched_by(Watch::ALL);
        let words = model.tight(watched, 1_000).expect("far too little");
        assert!(words.contains("with attention not watched") && !words.contains("one picture at once"), "{words}");
        // Half of the smallest canvas is the smallest canvas.
        let words = model.tight(demand(64, 1), 1_000).expect("far too little");
        assert!(!words.contains("a canvas of"), "{words}");
    }

    #[test]
    fn a_training_is_asked_about_likewise() {
        let model = miniature();
        let settings = TrainingSettings { batch: 8, attention: 0.01, ..TrainingSettings::default() };
        assert_eq!(model.training_tight(&settings, 256, 64 << 30), None);
        let words = model.training_tight(&settings, 256, 200_000_000).expect("too little");
        for part in ["8 photos of 256 pixels", "one photo a step", "photos of 128 pixels", "attention not kept"] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }

    #[test]
    fn what_is_loaded_already_counts_as_room_and_other_things_that_are_held_do_not() {
        assert_eq!(with_held(1_000, 200, 0), 1_200);
        assert_eq!(with_held(1_000, PROGRAM + 500, 100), 1_100 + PROGRAM);
        assert_eq!(with_held(1_000, PROGRAM + 500, 7_000), 1_500 + PROGRAM);
        assert_eq!(with_held(u64::MAX, PROGRAM, u64::MAX), u64::MAX);
        #[cfg(target_os = "linux")]
        assert!(room(0).expect("Linux says") > 0);
    }
}
