//! The bytes of protocol buffers, in which ONNX files are written: fields, each a number and a value.

use std::io::{self, Read, Seek, SeekFrom};

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number(u64),
    /// So many bytes, which follow: a text, numbers side by side, or a message of its own.
    Bytes(u64),
    /// Four or eight bytes that are passed over.
    Fixed,
}

/// A field, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Which one of its message's.
    pub number: u64,
    /// What it has.
    pub kind: Kind,
    /// The file's position of the field's first byte.
    pub start: u64,
    /// The position of its value's first byte.
    pub value: u64,
    /// The position past its last byte.
    pub end: u64,
}

/// Reads fields one after another, and passes over what nobody asks for.
pub struct Wire<R> {
    from: R,
    at: u64,
}

fn broken(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words.to_owned())
}

impl<R: Read + Seek> Wire<R> {
    /// Begins at the reader's beginning.
    pub fn new(from: R) -> Self {
        Self { from, at: 0 }
    }

    /// The next field of a message that ends at `end`, `None` at its end. The reader then stands at the field's value.
    ///
    /// # Errors
    /// When there is no field here, or it reaches past the end.
    pub fn next(&mut self, end: u64) -> io::Result<Option<Field>> {
        if self.at >= end {
            return Ok(None);
        }
        let start = self.at;
        let tag = self.varint(end)?;
        let kind = match tag & 7 {
            0 => Kind::Number(self.varint(end)?),
            1 => Kind::Fixed,
            2 => Kind::Bytes(self.varint(end)?),
            5 => Kind::Fixed,
            _ => return Err(broken("a field of no known kind")),
        };
        let value = self.at;
        let length = match (kind, tag & 7) {
            (Kind::Bytes(length), _) => length,
            (Kind::Fixed, 1) => 8,
            (Kind::Fixed, _) => 4,
            (Kind::Number(_), _) => 0,
        };
        let past = value.checked_add(length).filter(|past| *past <= end);
        let past = past.ok_or_else(|| broken("a field that reaches past the end of the file"))?;
        Ok(Some(Field { number: tag >> 3, kind, start, value, end: past }))
    }

    /// Goes to a position.
    ///
    /// # Errors
    /// When the file does not give it.
    pub fn go_to(&mut self, at: u64) -> io::Result<()> {
        if at != self.at {
            self.from.seek(SeekFrom::Start(at))?;
            self.at = at;
        }
        Ok(())
    }

    /// A field's bytes, of which there may be `most`.
    ///
    /// # Errors
    /// When there are more, or the file is shorter.
    pub fn bytes(&mut self, field: &Field, most: u64) -> io::Result<Vec<u8>> {
        let length = field.end - field.value;
        if length > most {
            return Err(broken("a name or a node of an unlikely size"));
        }
        self.go_to(field.value)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| broken("a field too long for this machine"))?];
        self.from.read_exact(&mut bytes)?;
        self.at += length;
        Ok(bytes)
    }

    fn varint(&mut self, end: u64) -> io::Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            if self.at >= end {
                return Err(broken("it ends within a number"));
            }
            let mut byte = [0];
            self.from.read_exact(&mut byte)?;
            self.at += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(broken("a number of more than 64 bits"))
    }
}

/// Writes a number as fields have them.
pub fn put_varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// Writes a field of bytes.
pub fn put_bytes(into: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(into, number << 3 | 2);
    put_varint(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

/// Writes a field of a whole number.
pub fn put_number(into: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(into, number << 3);
    put_varint(into, value);
}

/// Writes a field of a number in single precision.
pub fn put_float(into: &mut Vec<u8>, number: u64, value: f32) {
    put_varint(into, number << 3 | 5);
    into.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut bytes = Vec::new();
        put_number(&mut bytes, 3, 300);
        put_bytes(&mut bytes, 70, b"words");
        put_float(&mut bytes, 2, 1.5);
        let end = bytes.len() as u64;
        let mut wire = Wire::new(Cursor::new(bytes));
        let first = wire.next(end).unwrap().unwrap();
        assert_eq!((first.number, first.kind, first.start, first.end), (3, Kind::Number(300), 0, 3));
        let second = wire.next(end).unwrap().unwrap();
        assert_eq!((second.number, second.kind), (70, Kind::Bytes(5)));
        assert_eq!(wire.bytes(&second, 10).unwrap(), b"words");
        let third = wire.next(end).unwrap().unwrap();
        assert_eq!((third.number, third.kind), (2, Kind::Fixed));
        assert_eq!(wire.bytes(&third, 4).unwrap(), 1.5_f32.to_le_bytes());
        assert_eq!(wire.next(end).unwrap(), None);
    }

    #[test]
    fn whatever_bytes_there_are_it_is_an_error_and_no_panic() {
        let mut state = 12345_u64;
        for _ in 0..2000 {
            let bytes: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 33) as u8
                })
                .collect();
            let mut wire = Wire::new(Cursor::new(bytes));
            while let Ok(Some(field)) = wire.next(40) {
                assert!(field.end <= 40 && field.end > field.start);
                let _ = wire.bytes(&field, 20);
                wire.go_to(field.end).unwrap();
            }
        }
        // A length that wraps around.
        let mut bytes = vec![0x0a];
        put_varint(&mut bytes, u64::MAX);
        let end = bytes.len() as u64;
        assert!(Wire::new(Cursor::new(bytes)).next(end).is_err());
    }
}
