//! Loops that the compiler turns into vector instructions, chosen at run time by what the processor has.
//!
//! The crate is built for the oldest x86-64, which has 4 lanes and no fused multiply-add. [`vectorised!`] compiles a
//! function three times over — AVX-512, AVX2 with FMA, baseline — and picks one a call. On other processors the
//! baseline is all there is (NEON on aarch64 is baseline and has FMA).

/// What the processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What every processor of this architecture has.
    Baseline,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512, the foundation and the extensions that came with it.
    Avx512,
}

/// The best level that this processor has. The standard library caches the detection: this is one atomic load.
#[inline]
pub fn level() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
        {
            return Level::Avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Level::Avx2;
        }
    }
    Level::Baseline
}

/// Whether the baseline has a fused multiply-add.
pub const BASELINE_FMA: bool = cfg!(target_arch = "aarch64");

/// Compiles a function for each [`Level`]. Its body may name the constant `FMA`, to pass on to [`fma`], [`exp`] and
/// the like; what it calls in its loops must be `#[inline(always)]`.
macro_rules! vectorised {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "the arguments of a kernel")]
        $vis fn $name($($arg: $ty),*) {
            #[allow(unused_mut, clippy::too_many_arguments, reason = "a copy of the kernel")]
            #[inline(always)]
            fn generic<const FMA: bool>($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[allow(clippy::too_many_arguments, reason = "a copy of the kernel")]
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
                fn avx512($($arg: $ty),*) {
                    generic::<true>($($arg),*)
                }
                #[allow(clippy::too_many_arguments, reason = "a copy of the kernel")]
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) {
                    generic::<true>($($arg),*)
                }
                match $crate::engine::kernels::simd::level() {
                    // SAFETY: the processor was asked for these features.
                    $crate::engine::kernels::simd::Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::engine::kernels::simd::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::engine::kernels::simd::Level::Baseline => {}
                }
            }
            generic::<{ $crate::engine::kernels::simd::BASELINE_FMA }>($($arg),*)
        }
    };
}
pub(crate) use vectorised;

/// `a · b + c`, fused where that is one instruction.
#[inline(always)]
pub fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Adding and subtracting 1.5 · 2^23 rounds to the nearest whole number, which the sum's lowest bits hold.
const ROUND: f32 = 12_582_912.0;

/// `eˣ` to 1.5 units in the last place; 0 below -87.3, and no more than e^88 above.
///
/// Cephes' `expf`: `x = n ln 2 + r`, a polynomial of `r`, and `n` put into the exponent.
#[inline(always)]
pub fn exp<const FMA: bool>(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const LOWEST: f32 = -87.33;
    let clamped = x.clamp(LOWEST, 88.0);
    let shifted = fma::<FMA>(clamped, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FMA>(n, -LN2_LOW, fma::<FMA>(n, -LN2_HIGH, clamped));
    let mut p = 1.987_569_1e-4;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = fma::<FMA>(p, r, c);
    }
    let y = fma::<FMA>(p, r * r, r) + 1.0;
    let power = f32::from_bits(shifted.to_bits().wrapping_shl(23).wrapping_add(0x3f80_0000));
    if x < LOWEST { 0.0 } else { y * power }
}

/// The logistic function.
#[inline(always)]
pub fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FMA>(-x))
}

/// Adds up many values in 16 independent sums, which vectorises and rounds less than one sum would.
#[inline(always)]
pub fn sum_of(values: &[f32], mut of: impl FnMut(f32) -> f32) -> f32 {
    let mut sums = [0.0f32; 16];
    let chunks = values.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(|&value| of(value)).sum();
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += of(value);
        }
    }
    rest + sums.iter().sum::<f32>()
}

/// The error function, to 3e-7 of its value: Eigen's quotient of odd polynomials.
///
/// Beyond 4 it is 1 without remainder: `1 - erf` is multiplied by gates in the hundreds.
#[inline(always)]
pub fn erf<const FMA: bool>(x: f32) -> f32 {
    let asked = x;
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let mut p = -2.726_142_3e-10;
    for c in [2.770_681_4e-8, -2.101_024e-6, -5.692_506_5e-5, -7.349_906e-4, -2.954_6e-3, -1.609_603_3e-2] {
        p = fma::<FMA>(p, square, c);
    }
    let mut q = -1.456_607_2e-5;
    for c in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2] {
        q = fma::<FMA>(q, square, c);
    }
    let y = x * p / q;
    if asked.abs() >= 4.0 { asked.signum() } else { y }
}

/// `2ˣ` to 1 unit in the last place for x up to 127; never less than 2^-126.
///
/// `x = n + r` with `n` whole, a polynomial of `r`, and `n` put into the exponent.
#[inline(always)]
pub fn exp2<const FMA: bool>(x: f32) -> f32 {
    // A NaN stays one.
    let x = if x < -126.0 { -126.0 } else { x };
    let shifted = x + ROUND;
    let r = x - (shifted - ROUND);
    let mut p = 1.534_732e-4;
    for c in [1.340_015_4e-3, 9.618_484e-3, 5.550_328e-2, 2.402_264_6e-1, 6.931_472e-1, 1.0] {
        p = fma::<FMA>(p, r, c);
    }
    p * f32::from_bits(shifted.to_bits().wrapping_shl(23).wrapping_add(0x3f80_0000))
}
