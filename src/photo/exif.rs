//! What a camera noted in a photo (EXIF): told to be upright once it is, and without the place where it was taken.
//!
//! Notes are changed where they stand and nothing is moved: what a camera's maker wrote in his own manner points to places
//! in the block. What cannot be followed to its end is not handed on at all, for it might hold the place.

/// The way up; 1 is upright.
const ORIENTATION: u16 = 0x0112;
/// Where the table of the place begins.
const PLACE: u16 = 0x8825;
/// Where the table of the photo's own values begins.
const PHOTO: u16 = 0x8769;
/// Bytes of an entry.
const ENTRY: usize = 12;

/// What is done with notes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Keep {
    /// Whether they may say where the photo was taken.
    pub place: bool,
}

/// The notes of a photo that was turned upright; its small picture, which shows it as it was, is taken out. None where they
/// are damaged.
pub(super) fn of_upright(exif: &[u8], keep: Keep) -> Option<Vec<u8>> {
    let mut block = Block { big: is_big(exif)?, bytes: exif.to_vec() };
    let first = block.long(4)? as usize;
    let mut tables = vec![first];
    let mut at = 0;
    while let Some(&table) = tables.get(at) {
        at += 1;
        // The first, the photo's own, and no more of them than can be meant.
        if at > 4 {
            return None;
        }
        if !keep.place {
            block.take_out(table, PLACE)?;
        }
        for entry in block.entries(table)? {
            match block.short(entry)? {
                // A number of one or two bytes, in the entry itself.
                ORIENTATION => {
                    block.put(entry + 2, &block.short_bytes(3))?;
                    block.put(entry + 4, &block.long_bytes(1))?;
                    block.put(entry + 8, &block.short_bytes(1))?;
                    block.put(entry + 10, &[0; 2])?;
                }
                PHOTO => tables.push(block.long(entry + 8)? as usize),
                _ => {}
            }
        }
    }
    block.take_small_picture_out(first)?;
    Some(block.bytes)
}

fn is_big(exif: &[u8]) -> Option<bool> {
    match exif.get(..4)? {
        [b'M', b'M', 0, 42] => Some(true),
        [b'I', b'I', 42, 0] => Some(false),
        _ => None,
    }
}

/// Notes, as TIFF writes them.
struct Block {
    bytes: Vec<u8>,
    /// Whether numbers have their highest byte first.
    big: bool,
}

impl Block {
    fn short(&self, at: usize) -> Option<u16> {
        let bytes: [u8; 2] = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn short_bytes(&self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn long_bytes(&self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        self.bytes.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
        Some(())
    }

    fn wipe(&mut self, at: usize, count: usize) -> Option<()> {
        self.bytes.get_mut(at..at.checked_add(count)?)?.fill(0);
        Some(())
    }

    /// Where the entries of a table begin.
    fn entries(&self, table: usize) -> Option<Vec<usize>> {
        let count = usize::from(self.short(table)?);
        let entries: Vec<usize> = (0..count).map(|index| table + 2 + index * ENTRY).collect();
        // With where the next table begins.
        let end = table.checked_add(2 + count * ENTRY + 4)?;
        (end <= self.bytes.len()).then_some(entries)
    }

    /// Takes every entry of this kind out of a table, with the table that it leads to.
    fn take_out(&mut self, table: usize, kind: u16) -> Option<()> {
        loop {
            let entries = self.entries(table)?;
            let Some(entry) = entries.iter().copied().find(|entry| self.short(*entry) == Some(kind)) else {
                return Some(());
            };
            let inner = self.long(entry + 8)? as usize;
            // Only what lies behind the head of the block, and not this table itself.
            if inner < 8 || inner == table {
                return None;
            }
            self.wipe_table(inner)?;
            let end = table + 2 + entries.len() * ENTRY + 4;
            self.bytes.copy_within(entry + ENTRY..end, entry);
            self.wipe(end - ENTRY, ENTRY)?;
            let count = self.short_bytes(entries.len() as u16 - 1);
            self.put(table, &count)?;
        }
    }

    /// Overwrites a table and all that it points to.
    fn wipe_table(&mut self, table: usize) -> Option<()> {
        let entries = self.entries(table)?;
        for &entry in &entries {
            let (kind, count) = (self.short(entry + 2)?, self.long(entry + 4)? as usize);
            let bytes = count.checked_mul(width_of(kind)?)?;
            if bytes > 4 {
                let at = self.long(entry + 8)? as usize;
                self.wipe(at, bytes)?;
            }
        }
        self.wipe(table, 2 + entries.len() * ENTRY + 4)
    }

    /// Takes out the second table, that of the small picture.
    fn take_small_picture_out(&mut self, first: usize) -> Option<()> {
        let next = first + 2 + self.entries(first)?.len() * ENTRY;
        let second = self.long(next)? as usize;
        if second != 0 {
            for entry in self.entries(second)? {
                // Where a JPEG of it begins, and its length is in the other entry.
                if self.short(entry)? == 0x0201 {
                    let begin = self.long(entry + 8)? as usize;
                    let lengths = self.entries(second)?.into_iter().filter(|entry| self.short(*entry) == Some(0x0202));
                    let length = lengths.filter_map(|entry| self.long(entry + 8)).next()? as usize;
                    self.wipe(begin, length)?;
                }
            }
            self.wipe_table(second)?;
            self.wipe(next, 4)?;
        }
        Some(())
    }
}

/// Bytes of one value.
fn width_of(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 => Some(8),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Notes with a way up, a maker, the place (48° 51' N) and a small picture.
    pub(in crate::photo) fn notes(big: bool, orientation: u16) -> Vec<u8> {
        let block = Block { bytes: Vec::new(), big };
        let (s, l) = (|value| block.short_bytes(value), |value| block.long_bytes(value));
        let mut bytes = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        bytes.extend(l(8));
        let entry = |bytes: &mut Vec<u8>, tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            bytes.extend(s(tag));
            bytes.extend(s(kind));
            bytes.extend(l(count));
            bytes.extend(value);
        };
        // At 8: maker, way up, place; 2 + 3 * 12 + 4 bytes, to 50.
        bytes.extend(s(3));
        entry(&mut bytes, 0x010f, 2, 6, l(50));
        let way = s(orientation);
        entry(&mut bytes, ORIENTATION, 3, 1, [way[0], way[1], 0, 0]);
        entry(&mut bytes, PLACE, 4, 1, l(56));
        bytes.extend(l(110));
        bytes.extend(b"Maker\0");
        // At 56: the place, to 86, and its numbers, to 110.
        bytes.extend(s(2));
        entry(&mut bytes, 1, 2, 2, *b"N\0\0\0");
        entry(&mut bytes, 2, 5, 3, l(86));
        bytes.extend(l(0));
        [48, 1, 51, 1, 2937, 100].into_iter().for_each(|number| bytes.extend(l(number)));
        // At 110: the small picture, to 140 and 144.
        bytes.extend(s(2));
        entry(&mut bytes, 0x0201, 4, 1, l(140));
        entry(&mut bytes, 0x0202, 4, 1, l(4));
        bytes.extend(l(0));
        bytes.extend(b"JPEG");
        bytes
    }

    fn has(bytes: &[u8], piece: &[u8]) -> bool {
        bytes.windows(piece.len()).any(|window| window == piece)
    }

    #[test]
    fn the_place_is_gone_to_its_last_byte_and_the_photo_is_upright_and_its_maker_stays() {
        for big in [false, true] {
            let kept = of_upright(&notes(big, 6), Keep { place: false }).unwrap();
            assert_eq!(kept.len(), notes(big, 6).len());
            assert!(
                !has(&kept, b"N\0\0\0\0\x02")
                    && !has(&kept, &2937u32.to_be_bytes())
                    && !has(&kept, &2937u32.to_le_bytes())
            );
            assert!(has(&kept, b"Maker"));
            assert!(!has(&kept, b"JPEG"), "the small picture shows what was there before");
            let block = Block { bytes: kept, big };
            let entries = block.entries(8).unwrap();
            assert_eq!(entries.len(), 2);
            assert_eq!(block.short(entries[1]), Some(ORIENTATION));
            assert_eq!(block.short(entries[1] + 8), Some(1));
            assert_eq!(block.long(8 + 2 + 2 * ENTRY), Some(0), "no second table");
            assert_eq!(
                image::metadata::Orientation::from_exif_chunk(&block.bytes),
                image::metadata::Orientation::from_exif(1)
            );
        }
    }

    #[test]
    fn whoever_asks_for_the_place_keeps_it() {
        let kept = of_upright(&notes(true, 8), Keep { place: true }).unwrap();
        assert!(has(&kept, &2937u32.to_be_bytes()));
        assert_eq!(image::metadata::Orientation::from_exif_chunk(&kept), image::metadata::Orientation::from_exif(1));
    }

    #[test]
    fn damaged_notes_are_not_handed_on_and_harm_nothing() {
        let whole = notes(false, 3);
        for end in 0..whole.len() - 4 {
            let cut = of_upright(&whole[..end], Keep { place: false });
            assert!(cut.is_none_or(|kept| !has(&kept, &2937u32.to_le_bytes())), "{end}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 8, 127, 255] {
                let mut broken = whole.clone();
                broken[at] = value;
                let _ = of_upright(&broken, Keep { place: false });
            }
        }
        assert_eq!(of_upright(b"", Keep { place: true }), None);
        assert_eq!(of_upright(b"Exif\0\0MM\0*", Keep { place: true }), None);
    }
}
