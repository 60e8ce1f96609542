//! Keys' cubic curve: how much a neighbour counts where numbers are brought to another grid, by its distance.

/// How much what lies `distance` cells away counts; 0 from two cells on. With `a` = -1/2 it is Catmull and Rom's, as sharp as
/// the old grid allows; -3/4 is sharper still.
///
/// Keys, "Cubic convolution interpolation for digital image processing" (1981), which also says what `a` is.
pub fn cubic(distance: f64, a: f64) -> f64 {
    let x = distance.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_half_it_is_catmull_and_rom_s_curve_to_the_bit() {
        let written_out = |x: f64| match x {
            x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            x if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            _ => 0.0,
        };
        for step in 0..=25_000 {
            let x = f64::from(step) * 1e-4;
            // Nothing is nothing, whatever its sign.
            assert_eq!((cubic(x, -0.5) + 0.0).to_bits(), (written_out(x) + 0.0).to_bits(), "{x}");
            assert_eq!(cubic(-x, -0.5).to_bits(), cubic(x, -0.5).to_bits());
        }
        assert_eq!((cubic(0.0, -0.75), cubic(1.0, -0.75).abs(), cubic(2.0, -0.75)), (1.0, 0.0, 0.0));
    }
}
