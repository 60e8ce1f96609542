//! The two containers that torch writes: a zip archive, and the stream of before torch 1.6.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read};

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{self, Node, Pickle};
use super::source::{Cursor, Source};
use super::torch::{self, Content, View};
use super::{Entry, Layout};

/// What a stream begins with: its magic number, as a whole number of ten bytes.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// A torch file's tensors, and what lies beside them.
pub(super) struct Torch {
    pub entries: BTreeMap<String, Entry>,
    pub others: Vec<String>,
}

/// Whether a file that begins so is such a stream.
pub(super) fn is_stream(head: &[u8]) -> bool {
    head.windows(MAGIC.len()).take(64).any(|window| window == MAGIC)
}

/// Reads a zip archive's list and its pickle.
///
/// # Errors
/// In words.
pub(super) fn open_zip(source: &Source) -> Result<Torch, String> {
    let archive = ZipArchive::new(BufReader::new(Cursor::new(source)));
    let mut archive = archive.map_err(|error| format!("it is a zip archive that is cut short or damaged ({error})"))?;
    let names: Vec<String> = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let root = names.iter().filter_map(|name| name.strip_suffix("data.pkl"));
    let root = root.filter(|root| root.is_empty() || root.ends_with('/')).min_by_key(|root| root.len());
    let root = root.ok_or("it is a zip archive without torch's data.pkl")?;
    if let Some(order) = small(&mut archive, &format!("{root}byteorder"))?
        && order.trim_ascii() != b"little"
    {
        return Err("its numbers are in the order of a big-endian machine; save it again on another".into());
    }
    let name = format!("{root}data.pkl");
    let range = stored(&mut archive, &name, source.len())?;
    if range.1 > pickle::MAX_BYTES as u64 {
        return Err(format!("its data.pkl is longer than {} MB", pickle::MAX_BYTES >> 20));
    }
    let mut bytes = vec![0; range.1 as usize];
    source.read_at(range.0, &mut bytes).map_err(words)?;
    let pickle = pickle::read(&mut &*bytes)?;
    let content = torch::content(&pickle)?;
    let mut storages = HashMap::new();
    for view in content.views.values() {
        if !storages.contains_key(&view.storage) {
            let range = stored(&mut archive, &format!("{root}data/{}", view.storage), source.len())?;
            storages.insert(view.storage.clone(), range);
        }
    }
    place(content, &storages)
}

/// Reads a stream's pickles.
///
/// # Errors
/// In words.
pub(super) fn open_stream(source: &Source) -> Result<Torch, String> {
    let bytes = source.head(pickle::MAX_BYTES as u64).map_err(words)?;
    let rest = &mut &*bytes;
    let whole = |pickle: &Pickle| match pickle.node(pickle.root) {
        Node::Whole(number) => Some(*number),
        _ => None,
    };
    // The magic number, which was looked at before.
    pickle::read(rest)?;
    let version = whole(&pickle::read(rest)?);
    if version != Some(1001) {
        return Err("it is a torch file of another version than 1001".into());
    }
    let system = pickle::read(rest)?;
    if let Node::Dict(entries) = system.node(system.root) {
        let order = entries.iter().find(|(key, _)| system.text(*key) == Some("little_endian"));
        if order.is_some_and(|(_, little)| matches!(system.node(*little), Node::Bool(false))) {
            return Err("its numbers are in the order of a big-endian machine; save it again on another".into());
        }
    }
    let pickle = pickle::read(rest)?;
    let listed = pickle::read(rest)?;
    let mut at = (bytes.len() - rest.len()) as u64;
    let sizes = torch::storages(&pickle)?;
    let mut storages = HashMap::new();
    // Each storage is how many numbers it has, and then they.
    for id in listed.sequence(listed.root).unwrap_or_default() {
        let key = match listed.node(*id) {
            Node::Text(key) => key.to_string(),
            Node::Whole(key) => key.to_string(),
            _ => return Err("its list of storages cannot be understood".into()),
        };
        let &(kind, length) = sizes.get(&key).ok_or_else(|| format!("its storage {key} has no size"))?;
        let bytes = length.checked_mul(kind.size().unwrap_or(1)).map(|bytes| bytes as u64);
        let end = bytes.and_then(|bytes| at.checked_add(8)?.checked_add(bytes));
        let (Some(end), Some(bytes)) = (end.filter(|end| *end <= source.len()), bytes) else {
            return Err(format!("it is cut short: its storage {key} reaches past its end"));
        };
        let mut said = [0; 8];
        source.read_at(at, &mut said).map_err(words)?;
        if u64::from_le_bytes(said) != length as u64 {
            return Err(format!("its storage {key} has another size than is said"));
        }
        storages.insert(key, (at + 8, bytes));
        at = end;
    }
    place(torch::content(&pickle)?, &storages)
}

type Archive<'a> = ZipArchive<BufReader<Cursor<'a>>>;

/// Where an entry's bytes lie: from where on, and how many.
fn stored(archive: &mut Archive<'_>, name: &str, length: u64) -> Result<(u64, u64), String> {
    let index = archive.index_for_name_raw(name.as_bytes());
    let index = index.ok_or_else(|| format!("its part {name} is missing; it was not saved or copied as a whole"))?;
    let entry = archive.by_index_raw(index).map_err(words)?;
    if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
        return Err(format!("its part {name} is compressed, as torch never writes it; unpack and pack it without"));
    }
    let range = entry.data_start().map(|start| (start, entry.size()));
    let inside = range.filter(|(start, size)| start.checked_add(*size).is_some_and(|end| end <= length));
    inside.ok_or_else(|| format!("it is cut short: its part {name} reaches past its end"))
}

/// A small entry's bytes; none where there is no such entry.
fn small(archive: &mut Archive<'_>, name: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(index) = archive.index_for_name_raw(name.as_bytes()) else { return Ok(None) };
    let mut bytes = Vec::new();
    archive.by_index(index).map_err(words)?.take(64).read_to_end(&mut bytes).map_err(words)?;
    Ok(Some(bytes))
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Turns views of storages into places in the file.
fn place(content: Content, storages: &HashMap<String, (u64, u64)>) -> Result<Torch, String> {
    let place = |(name, view): (String, View)| {
        let size = view.kind.size().unwrap_or(1) as u64;
        let &(start, length) = storages
            .get(&view.storage)
            .ok_or_else(|| format!("tensor `{name}`: its storage {} is missing", view.storage))?;
        // Both were checked against the storage's size as the pickle says it; the file may hold less.
        let first = (view.offset as u64).checked_mul(size);
        let reach = (view.reach() as u64).checked_mul(size);
        let end = first.zip(reach).and_then(|(first, reach)| first.checked_add(reach));
        let (Some(first), Some(_)) = (first, end.filter(|end| *end <= length)) else {
            return Err(format!("tensor `{name}`: its storage holds {length} bytes, too few; it is cut short"));
        };
        let layout = if view.is_plain() { Layout::Plain } else { Layout::Strided(view.strides.clone()) };
        Ok((name, Entry { kind: view.kind, shape: view.shape, start: start + first, layout }))
    };
    let entries = content.views.into_iter().map(place).collect::<Result<_, String>>()?;
    Ok(Torch { entries, others: content.others })
}
