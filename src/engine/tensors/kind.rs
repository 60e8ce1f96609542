//! How numbers are stored, and how they become f32.

use std::fmt;

use half::f16;
use half::slice::HalfBitsSliceExt as _;
use half::slice::HalfFloatSliceExt as _;

/// How a tensor's numbers are stored. Its name is as safetensors files write it: `F16`, `BF16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoredType {
    /// Double precision, which is rounded.
    F64,
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// Half precision with the exponents of f32.
    Bf16,
    /// A byte of 4 exponent bits and 3 of mantissa, without infinities.
    F8E4M3,
    /// A byte of 5 exponent bits and 2 of mantissa: the upper half of an [`StoredType::F16`].
    F8E5M2,
    /// Whole numbers of 64 bits.
    I64,
    /// Whole numbers of 32 bits.
    I32,
    /// Whole numbers of 16 bits.
    I16,
    /// Whole numbers of 8 bits.
    I8,
    /// Whole numbers of 8 bits, none below 0.
    U8,
    /// Yes or no, a byte each.
    Bool,
    /// Anything else: it can be listed, and its values cannot be read.
    Other,
}

impl StoredType {
    /// Bytes of a number; none where it is not known.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::F64 | Self::I64 => Some(8),
            Self::F32 | Self::I32 => Some(4),
            Self::F16 | Self::Bf16 | Self::I16 => Some(2),
            Self::F8E4M3 | Self::F8E5M2 | Self::I8 | Self::U8 | Self::Bool => Some(1),
            Self::Other => None,
        }
    }

    /// Whether it stores fractions, as weights are.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16 | Self::F8E4M3 | Self::F8E5M2)
    }
}

impl fmt::Display for StoredType {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::F64 => "F64",
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::F8E4M3 => "F8_E4M3",
            Self::F8E5M2 => "F8_E5M2",
            Self::I64 => "I64",
            Self::I32 => "I32",
            Self::I16 => "I16",
            Self::I8 => "I8",
            Self::U8 => "U8",
            Self::Bool => "BOOL",
            Self::Other => "another type",
        })
    }
}

/// Numbers that are converted at once: what a first-level cache holds of them.
const RUN: usize = 1024;

/// Writes the little-endian numbers in `bytes` to `out` as f32; whatever of either is left over stays as it is.
/// Numbers of [`StoredType::Other`] are none.
pub(super) fn widen(kind: StoredType, bytes: &[u8], out: &mut [f32]) {
    match kind {
        StoredType::F32 => each(bytes, out, f32::from_le_bytes),
        StoredType::F64 => each(bytes, out, |number| f64::from_le_bytes(number) as f32),
        StoredType::F16 => {
            // The processor's own conversion works on many at once, where it has one.
            let mut bits = [0_u16; RUN];
            for (bytes, out) in bytes.chunks(2 * RUN).zip(out.chunks_mut(RUN)) {
                let (numbers, _) = bytes.as_chunks::<2>();
                let count = numbers.len().min(out.len());
                bits.iter_mut().zip(numbers).for_each(|(to, from)| *to = u16::from_le_bytes(*from));
                bits[..count].reinterpret_cast::<f16>().convert_to_f32_slice(&mut out[..count]);
            }
        }
        StoredType::Bf16 => {
            each(bytes, out, |number| f32::from_bits(u32::from(u16::from_le_bytes(number)) << 16));
        }
        StoredType::F8E4M3 => each(bytes, out, |[byte]| eight_bits(byte)),
        StoredType::F8E5M2 => each(bytes, out, |[byte]| f16::from_bits(u16::from(byte) << 8).to_f32()),
        StoredType::I64 => each(bytes, out, |number| i64::from_le_bytes(number) as f32),
        StoredType::I32 => each(bytes, out, |number| i32::from_le_bytes(number) as f32),
        StoredType::I16 => each(bytes, out, |number| f32::from(i16::from_le_bytes(number))),
        StoredType::I8 => each(bytes, out, |number| f32::from(i8::from_le_bytes(number))),
        StoredType::U8 => each(bytes, out, |[byte]| f32::from(byte)),
        StoredType::Bool => each(bytes, out, |[byte]| f32::from(u8::from(byte != 0))),
        StoredType::Other => {}
    }
}

fn each<const N: usize>(bytes: &[u8], out: &mut [f32], read: impl Fn([u8; N]) -> f32) {
    let (numbers, _) = bytes.as_chunks::<N>();
    out.iter_mut().zip(numbers).for_each(|(to, from)| *to = read(*from));
}

/// 4 exponent bits with a bias of 7, 3 of mantissa; both all ones are no number.
fn eight_bits(byte: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    let size = match exponent {
        15 if byte & 7 == 7 => f32::NAN,
        0 => mantissa / 8.0 * 2_f32.powi(-6),
        _ => (1.0 + mantissa / 8.0) * 2_f32.powi(exponent - 7),
    };
    if byte >> 7 == 1 { -size } else { size }
}

/// Whether none is NaN or infinite.
pub(super) fn all_finite(values: &[f32]) -> bool {
    // All bits of the exponent are set in what is no finite number. Without a branch this looks at many at once.
    const EXPONENT: u32 = 0x7f80_0000;
    let bad = values.iter().fold(0, |bad, value| bad | u32::from(value.to_bits() & EXPONENT == EXPONENT));
    bad == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: StoredType, bytes: &[u8]) -> Vec<f32> {
        let mut out = vec![0.0; bytes.len() / kind.size().expect("known")];
        widen(kind, bytes, &mut out);
        out
    }

    #[test]
    fn every_kind_is_read_as_the_number_it_means() {
        // More than are converted at once, and all exactly representable in every kind.
        let values: Vec<f32> = (0..2500).map(|index| [1.5, -0.25, 96.0, 0.0][index % 4]).collect();
        let bytes = |write: &dyn Fn(f32) -> Vec<u8>| values.iter().flat_map(|&value| write(value)).collect::<Vec<u8>>();
        for (kind, bytes) in [
            (StoredType::F64, bytes(&|v| f64::from(v).to_le_bytes().to_vec())),
            (StoredType::F32, bytes(&|v| v.to_le_bytes().to_vec())),
            (StoredType::F16, bytes(&|v| f16::from_f32(v).to_le_bytes().to_vec())),
            (StoredType::Bf16, bytes(&|v| half::bf16::from_f32(v).to_le_bytes().to_vec())),
            (StoredType::F8E5M2, bytes(&|v| vec![f16::from_f32(v).to_le_bytes()[1]])),
        ] {
            assert_eq!(read(kind, &bytes), values, "{kind}");
        }
        assert_eq!(read(StoredType::I64, &[&[7; 1][..], &[0; 7], &[255; 8]].concat()), [7.0, -1.0]);
        assert_eq!(read(StoredType::I32, &[2, 1, 0, 0]), [258.0]);
        assert_eq!(read(StoredType::I16, &[255, 255]), [-1.0]);
        assert_eq!((read(StoredType::I8, &[255]), read(StoredType::U8, &[255])), (vec![-1.0], vec![255.0]));
        assert_eq!(read(StoredType::Bool, &[0, 1, 9]), [0.0, 1.0, 1.0]);
    }

    #[test]
    fn eight_bits_are_read_as_the_paper_has_them() {
        // Micikevicius et al. 2022, table 1: largest, smallest normal, largest and smallest subnormal, zero.
        let found = read(StoredType::F8E4M3, &[0b0111_1110, 0b0000_1000, 0b0000_0111, 0b0000_0001, 0, 0b1111_1110]);
        let smallest = 2_f32.powi(-9);
        assert_eq!(found, [448.0, 2_f32.powi(-6), 7.0 * smallest, smallest, 0.0, -448.0]);
        assert!(eight_bits(0b0111_1111).is_nan());
    }

    #[test]
    fn half_a_number_at_the_end_is_left_out() {
        let mut out = [9.0; 2];
        widen(StoredType::F32, &[0, 0, 128, 63, 0, 0], &mut out);
        assert_eq!(out, [1.0, 9.0]);
    }

    #[test]
    fn a_single_number_that_is_none_is_found() {
        let mut values = vec![f32::MAX; 1000];
        assert!(all_finite(&values));
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            values[777] = odd;
            assert!(!all_finite(&values), "{odd}");
        }
        assert!(all_finite(&[]) && all_finite(&[f32::MIN_POSITIVE / 2.0, -0.0]));
    }
}
