//! The list of tensors that a safetensors file begins with.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::kind::StoredType;
use super::source::Source;
use super::{Entry, Layout};

/// The most bytes of such a list. The format allows 100 million; a whole model's has 300 000, and a LoRA's with its
/// training's tags and a preview picture a few million. Understanding it takes some eight times its size in memory.
pub(super) const MAX_HEADER: u64 = 25_000_000;

/// A safetensors file's tensors, and what its writer says of it.
pub(super) struct Listed {
    pub entries: BTreeMap<String, Entry>,
    pub metadata: BTreeMap<String, String>,
}

/// The length of the list, where a file that begins so can be a safetensors file: its list is JSON.
pub(super) fn length(head: &[u8]) -> Option<u64> {
    let (length, rest) = head.split_first_chunk::<8>()?;
    // Blanks may stand before it.
    (rest.trim_ascii_start().first() == Some(&b'{')).then(|| u64::from_le_bytes(*length))
}

/// Reads the list. Offsets, sizes and shapes are checked against each other by the format's own crate: no two tensors
/// overlap, none has a gap before it, and no size overflows.
///
/// # Errors
/// In words.
pub(super) fn read(source: &Source, length: u64) -> Result<Listed, String> {
    if length > source.len().saturating_sub(8) {
        return Err(not("its header is longer than the file: it is cut short"));
    }
    if length > MAX_HEADER {
        return Err(not(&format!("its header of {length} bytes is longer than any model's")));
    }
    let mut json = vec![0; length as usize];
    source.read_at(8, &mut json).map_err(|error| error.to_string())?;
    let listed: Metadata = serde_json::from_slice(&json).map_err(|error| not(&error.to_string()))?;
    let start = length + 8;
    let end = start + listed.data_len() as u64;
    if end > source.len() {
        return Err(format!("is cut short by {} bytes; fetch it again", end - source.len()));
    }
    let entry = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let start = start + info.data_offsets.0 as u64;
        (name, Entry { kind: kind(info.dtype), shape: info.shape.clone(), start, layout: Layout::Plain })
    };
    let entries = listed.tensors().into_iter().map(entry).collect();
    let metadata = listed.metadata().clone().unwrap_or_default().into_iter().collect();
    Ok(Listed { entries, metadata })
}

fn not(why: &str) -> String {
    format!("is not a safetensors file ({why}); copy or download it again")
}

fn kind(dtype: Dtype) -> StoredType {
    match dtype {
        Dtype::F64 => StoredType::F64,
        Dtype::F32 => StoredType::F32,
        Dtype::F16 => StoredType::F16,
        Dtype::BF16 => StoredType::Bf16,
        Dtype::F8_E4M3 => StoredType::F8E4M3,
        Dtype::F8_E5M2 => StoredType::F8E5M2,
        Dtype::I64 => StoredType::I64,
        Dtype::I32 => StoredType::I32,
        Dtype::I16 => StoredType::I16,
        Dtype::I8 => StoredType::I8,
        Dtype::U8 => StoredType::U8,
        Dtype::BOOL => StoredType::Bool,
        _ => StoredType::Other,
    }
}
