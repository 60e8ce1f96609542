//! The comments in EXIF data, which is a TIFF file without pixels.

use super::MAX_TEXT;

/// How many fields of a directory are looked at.
const MAX_FIELDS: usize = 512;

/// Fields that hold text, by number: where a program might have written what made the picture.
const FIELDS: [(u16, &str); 4] =
    [(0x9286, "UserComment"), (0x010e, "ImageDescription"), (0x010f, "Make"), (0x0110, "Model")];
/// Where the directory that holds the comment begins.
const DIRECTORY: u16 = 0x8769;

/// Bytes with their order.
struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
}

/// Every comment, with the name of its field; the camera's fields hold one only with ComfyUI.
pub(super) fn comments(bytes: &[u8]) -> Vec<(String, String)> {
    let little = match bytes.get(..4) {
        Some(b"II*\0") => true,
        Some(b"MM\0*") => false,
        _ => return Vec::new(),
    };
    let tiff = Tiff { bytes, little };
    let Some(first) = tiff.u32(4) else { return Vec::new() };
    let (mut found, inner) = tiff.directory(first as usize);
    // Its own pointer is not followed: a circle would never end.
    found.extend(inner.map(|inner| tiff.directory(inner).0).unwrap_or_default());
    found
}

impl Tiff<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// The texts of a directory, and where the one inside begins.
    fn directory(&self, at: usize) -> (Vec<(String, String)>, Option<usize>) {
        let (mut texts, mut inner) = (Vec::new(), None);
        let count = self.u16(at).map_or(0, usize::from).min(MAX_FIELDS);
        for index in 0..count {
            let field = at + 2 + index * 12;
            let Some((tag, length)) = self.u16(field).zip(self.u32(field + 4)) else { break };
            if tag == DIRECTORY {
                inner = self.u32(field + 8).map(|at| at as usize);
            }
            let Some((_, name)) = FIELDS.iter().find(|(known, _)| *known == tag) else { continue };
            // Up to four bytes stand in the field itself, and no comment has so few.
            let (length, start) = (length as usize, self.u32(field + 8).map_or(0, |at| at as usize));
            let data = start.checked_add(length).and_then(|end| self.bytes.get(start..end));
            let Some(data) = data.filter(|data| (5..=MAX_TEXT).contains(&data.len())) else { continue };
            let text = if tag == 0x9286 { self.comment(data) } else { String::from_utf8_lossy(data).into_owned() };
            texts.push(((*name).to_owned(), text.trim_matches(['\0', ' ']).to_owned()));
        }
        (texts, inner)
    }

    /// Eight bytes that say how the text is written, and the text.
    fn comment(&self, data: &[u8]) -> String {
        match data.split_at_checked(8) {
            Some((b"UNICODE\0", text)) => self.utf16(text),
            Some((b"ASCII\0\0\0" | b"JIS\0\0\0\0\0" | [0, 0, 0, 0, 0, 0, 0, 0], text)) => {
                String::from_utf8_lossy(text).into_owned()
            }
            _ => String::from_utf8_lossy(data).into_owned(),
        }
    }

    /// UTF-16 in whichever order: piexif, with which the WebUI writes, always takes the great end first, others the
    /// file's own. Latin letters show which it is.
    fn utf16(&self, text: &[u8]) -> String {
        let zeros = |first: usize| text.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
        let little = match (zeros(0), zeros(1)) {
            (high, low) if high == low => self.little,
            (high, low) => low > high,
        };
        let order = |pair: &[u8; 2]| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) };
        let units: Vec<u16> = text.as_chunks::<2>().0.iter().map(order).collect();
        let units = units.strip_prefix(&[0xfeff]).unwrap_or(&units);
        String::from_utf16_lossy(units)
    }
}
