//! Seeded noise, drawn on the host so that it is the same on every device.

use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use super::nets::layers::upload;

/// Standard normal noise, one independent stream a seed.
///
/// # Shapes
/// `[seeds, channels, h, w]`
pub fn seeded(seeds: &[u64], [channels, height, width]: [usize; 3], device: &Device) -> Tensor<4> {
    let values = seeds.iter().flat_map(|&seed| {
        let rng = ChaCha12Rng::seed_from_u64(seed);
        Distribution::<f32>::sample_iter(StandardNormal, rng).take(channels * height * width)
    });
    upload(values.collect(), [seeds.len(), channels, height, width], device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_noise_alone_and_in_a_batch() {
        let device = Device::flex();
        let both = seeded(&[7, 8], [4, 8, 8], &device).into_data();
        let one = seeded(&[8], [4, 8, 8], &device).into_data();
        let both = both.try_to_vec::<f32>().expect("f32");
        assert_eq!(both[256..], one.try_to_vec::<f32>().expect("f32")[..]);
        let mean = both.iter().sum::<f32>() / 512.0;
        assert!(mean.abs() < 0.2, "mean {mean}");
    }
}
