//! Where pictures carry text: PNG's text chunks, and EXIF data.

use std::io::Cursor;

use png::chunk::{ChunkType, iTXt, zTXt};
use png::{BitDepth, ColorType, Decoder, Encoder};

use super::{MAX_TEXT, MAX_TEXTS, exif};

/// The texts of a picture, each with its keyword; of a comment in EXIF data the name of its field.
pub(super) fn texts(bytes: &[u8]) -> Vec<(String, String)> {
    let mut texts = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        of_png(bytes.get(8..).unwrap_or_default())
    } else if bytes.starts_with(&[0xff, 0xd8]) {
        of_jpeg(bytes)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        of_webp(bytes.get(12..).unwrap_or_default())
    } else {
        Vec::new()
    };
    texts.truncate(MAX_TEXTS);
    texts
}

/// A chunk is its length, its kind, its data and a checksum. Text may stand before the pixels or after them.
fn of_png(mut rest: &[u8]) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(data) = after.get(..length) else { break };
        match &kind {
            b"tEXt" => texts.extend(plain(data)),
            b"zTXt" => texts.extend(unpacked(zTXt, data)),
            b"iTXt" => texts.extend(unpacked(iTXt, data)),
            b"eXIf" => texts.extend(exif::comments(data)),
            _ => {}
        }
        if texts.len() >= MAX_TEXTS {
            break;
        }
        rest = after.get(length..).and_then(|rest| rest.get(4..)).unwrap_or_default();
    }
    texts
}

/// A keyword, a zero, and text in Latin-1. Some write UTF-8 all the same; Latin letters rarely look like it.
fn plain(data: &[u8]) -> Option<(String, String)> {
    let zero = data.iter().position(|byte| *byte == 0)?;
    let (keyword, text) = (data.get(..zero)?, data.get(zero + 1..)?);
    let latin = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect::<String>();
    if text.len() > MAX_TEXT {
        return None;
    }
    let text = std::str::from_utf8(text).map_or_else(|_| latin(text), str::to_owned);
    Some((latin(keyword), text))
}

/// The text of a chunk that may be compressed. The decoder reads whole pictures only, so it gets the chunk in one.
fn unpacked(kind: ChunkType, data: &[u8]) -> Option<(String, String)> {
    if data.len() > MAX_TEXT {
        return None;
    }
    let mut picture = Vec::with_capacity(data.len() + 128);
    let mut encoder = Encoder::new(&mut picture, 1, 1);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_chunk(kind, data).ok()?;
    writer.write_image_data(&[0]).ok()?;
    writer.finish().ok()?;
    let reader = Decoder::new(Cursor::new(picture)).read_info().ok()?;
    let info = reader.info();
    if let Some(chunk) = info.utf8_text.first() {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(MAX_TEXT).ok()?;
        return Some((chunk.keyword.clone(), chunk.get_text().ok()?));
    }
    let mut chunk = info.compressed_latin1_text.first()?.clone();
    chunk.decompress_text_with_limit(MAX_TEXT).ok()?;
    Some((chunk.keyword.clone(), chunk.get_text().ok()?))
}

/// Segments before the pixels: a mark, and the length of what follows, itself included.
fn of_jpeg(bytes: &[u8]) -> Vec<(String, String)> {
    let (mut texts, mut at) = (Vec::new(), 2);
    while let Some(&[0xff, mark]) = bytes.get(at..at + 2) {
        if mark == 0xff {
            at += 1;
            continue;
        }
        let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { break };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let data = bytes.get(at + 4..at + 2 + length.max(2)).unwrap_or_default();
        match mark {
            0xda | 0xd9 => break,
            0xe1 => texts.extend(data.strip_prefix(b"Exif\0\0").map(exif::comments).unwrap_or_default()),
            0xfe => texts.extend(std::str::from_utf8(data).ok().map(|text| ("Comment".to_owned(), text.to_owned()))),
            _ => {}
        }
        if texts.len() >= MAX_TEXTS {
            break;
        }
        at += 2 + length.max(2);
    }
    texts
}

/// Chunks of a kind, a length, and data that is filled to an even length.
fn of_webp(mut rest: &[u8]) -> Vec<(String, String)> {
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let [kind @ .., a, b, c, d] = *head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let Some(data) = after.get(..length) else { break };
        if &kind == b"EXIF" {
            return exif::comments(data.strip_prefix(b"Exif\0\0").unwrap_or(data));
        }
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    Vec::new()
}
