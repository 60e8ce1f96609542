//! Stored floating-point numbers to f32, whatever file they came from.

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Half precision.
    F16,
    /// Half precision with the exponents of f32.
    Bf16,
    /// Single precision.
    F32,
    /// Double precision, which is rounded.
    F64,
}

/// The numbers in `bytes`, the least significant byte of each first; what is left over at the end is ignored.
pub fn to_f32(kind: Stored, bytes: &[u8]) -> Vec<f32> {
    match kind {
        Stored::F16 => each(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
        Stored::Bf16 => each(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
        Stored::F32 => each(bytes, f32::from_le_bytes),
        Stored::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
    }
}

fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<N>();
    numbers.iter().copied().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read() {
        let values = [1.5_f32, -0.25, 384.0];
        let bytes = |write: &dyn Fn(f32) -> Vec<u8>| values.iter().flat_map(|&value| write(value)).collect::<Vec<u8>>();
        for (kind, bytes) in [
            (Stored::F16, bytes(&|v| half::f16::from_f32(v).to_le_bytes().to_vec())),
            (Stored::Bf16, bytes(&|v| half::bf16::from_f32(v).to_le_bytes().to_vec())),
            (Stored::F32, bytes(&|v| v.to_le_bytes().to_vec())),
            (Stored::F64, bytes(&|v| f64::from(v).to_le_bytes().to_vec())),
        ] {
            assert_eq!(to_f32(kind, &bytes), values, "{kind:?}");
        }
    }

    #[test]
    fn half_a_number_at_the_end_is_left_out() {
        assert_eq!(to_f32(Stored::F32, &[0, 0, 128, 63, 0, 0]), [1.0]);
    }
}
