//! Random numbers that can be had again, and written down.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The random numbers of one of many pictures: the same for the same seed and number, whatever was drawn before.
pub fn of(seed: u64, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    rng
}

/// A number between two, to six decimal places: as text it is short, and reading it back gives the very same.
pub fn uniform(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    ((low + (high - low) * rng.random::<f64>()) * 1e6).round() / 1e6
}
