//! Which pieces of a file are the photo, its opacity and its colours, and how it is turned. Reads the container alone.

use heifer::heifer_isobmff::boxes::{ColorInfo, Property};
use heifer::heifer_isobmff::{HeifFile, ItemId};

use super::fault::{Fault, damaged, unusual};
use super::frame::Coded;

/// What files call opacity.
const ALPHA: [&str; 2] = ["urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1"];

/// One step of turning a photo upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Left, top, width and height.
    Crop([u32; 4]),
    /// A quarter, against the clock.
    Left,
    /// Half round.
    Half,
    /// A quarter, with the clock.
    Right,
    /// Top and bottom change places.
    Upside,
    /// Left and right do.
    Mirror,
}

/// A coded piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Its number in the file.
    pub id: ItemId,
    /// Which of its layers are wanted.
    pub point: u8,
}

/// A picture of one piece, or of several in rows, all of one size.
#[derive(Debug)]
pub(super) struct Parts {
    /// Width and height of the whole, pixels.
    pub size: (u32, u32),
    /// Those of each piece; what stands over the whole to the right and below is cut off.
    pub tile: (u32, u32),
    columns: usize,
    /// Row by row.
    pub items: Vec<Piece>,
}

impl Parts {
    fn of(file: &HeifFile, id: ItemId) -> Result<Self, Fault> {
        let item = file.item(id)?;
        let Some(size) = file.image_size(id)? else { return damaged("it does not say how large it is") };
        match &item.item_type.0 {
            b"av01" => Ok(Self { size, tile: size, columns: 1, items: vec![piece(file, id)?] }),
            b"grid" => {
                understood(file, id)?;
                let grid = file.grid(id)?;
                let whole = (grid.output_width, grid.output_height);
                let ids = file.referenced_items(id, b"dimg");
                let (rows, columns) = (usize::from(grid.rows), usize::from(grid.columns));
                let Some(tile) = ids.first().map(|first| file.image_size(*first)).transpose()?.flatten() else {
                    return damaged("it does not say how large its pieces are");
                };
                // Every piece is needed: a few bytes could otherwise ask for work without end.
                let fits = |length: u32, tile: u32, count: usize| {
                    let (length, tile, count) = (u64::from(length), u64::from(tile), count as u64);
                    tile * (count - 1) < length && length <= tile * count
                };
                if ids.len() != rows * columns || !fits(whole.0, tile.0, columns) || !fits(whole.1, tile.1, rows) {
                    return damaged("its pieces do not make up the whole");
                }
                let items = ids.iter().map(|id| {
                    if file.item(*id)?.item_type.0 != *b"av01" {
                        return unusual("it is made of pieces that are no AV1");
                    }
                    if file.image_size(*id)? != Some(tile) {
                        return damaged("its pieces are not of one size");
                    }
                    piece(file, *id)
                });
                Ok(Self { size: whole, tile, columns, items: items.collect::<Result<_, _>>()? })
            }
            _ => Err(Fault::Unusual(format!("it is made of {}", item.item_type))),
        }
    }

    /// Where a piece's top left corner lies.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        (at % self.columns * self.tile.0 as usize, at / self.columns * self.tile.1 as usize)
    }
}

/// All that is to be decoded of a file, and what it means.
#[derive(Debug)]
pub(super) struct Plan {
    pub colors: Parts,
    /// The opacity, as large as the photo.
    pub alpha: Option<Parts>,
    /// What the file says of the opacity's range.
    pub alpha_is_full: Option<bool>,
    /// Whether the colours are multiplied by it.
    pub is_multiplied: bool,
    /// One after the other.
    pub turns: Vec<Turn>,
    /// The colours' profile (ICC).
    pub profile: Option<Vec<u8>>,
    /// What the file says of its numbers.
    pub meaning: Option<Coded>,
}

impl Plan {
    /// What is to be decoded of a file.
    pub(super) fn of(file: &HeifFile) -> Result<Self, Fault> {
        let id = file.primary_id;
        let colors = Parts::of(file, id)?;
        let is_alpha = |id: ItemId| -> Result<bool, Fault> {
            let mut properties = file.item_properties(id)?;
            Ok(properties.any(|own| matches!(own, Property::AuxiliaryType(kind) if ALPHA.contains(&kind.as_str()))))
        };
        let mut alpha = None;
        for aux in file.referencing_items(id, b"auxl") {
            if is_alpha(aux)? {
                alpha = Some(aux);
                break;
            }
        }
        let alpha_is_full = alpha.map(|alpha| coded(file, alpha)).transpose()?.flatten().map(|coded| coded.is_full);
        let is_multiplied = alpha.is_some_and(|alpha| file.referenced_items(id, b"prem").contains(&alpha));
        let alpha = alpha.map(|alpha| Parts::of(file, alpha)).transpose()?;
        if alpha.as_ref().is_some_and(|alpha| alpha.size != colors.size) {
            return unusual("its transparency is of another size");
        }
        let first = colors.items.first().map_or(id, |piece| piece.id);
        let profile = match profile(file, id)? {
            None => profile(file, first)?,
            own => own,
        };
        let meaning = match coded(file, id)? {
            None => coded(file, first)?,
            own => own,
        };
        let turns = turns(file, id, colors.size)?;
        Ok(Self { colors, alpha, alpha_is_full, is_multiplied, turns, profile, meaning })
    }
}

fn piece(file: &HeifFile, id: ItemId) -> Result<Piece, Fault> {
    understood(file, id)?;
    let mut properties = file.item_properties(id)?;
    let point = properties.find_map(|own| match own {
        Property::Unknown(kind, value) if kind.0 == *b"a1op" => value.first().copied(),
        _ => None,
    });
    Ok(Piece { id, point: point.unwrap_or(0).min(31) })
}

/// What a file says must be understood for a picture to be shown right is.
fn understood(file: &HeifFile, id: ItemId) -> Result<(), Fault> {
    for association in &file.item(id)?.properties {
        let Some(property) = usize::from(association.index).checked_sub(1).and_then(|at| file.properties.get(at))
        else {
            continue;
        };
        if let Property::Unknown(kind, value) = property {
            let known = match &kind.0 {
                b"av1C" | b"a1op" | b"a1lx" | b"colr" | b"pasp" | b"clli" | b"mdcv" | b"cclv" | b"amve" => true,
                // The finest layer is what we show.
                b"lsel" => value[..] == [0xff, 0xff],
                _ => !association.essential,
            };
            if !known {
                return Err(Fault::Unusual(format!("it asks for {kind}, which is not known")));
            }
        }
    }
    Ok(())
}

fn profile(file: &HeifFile, id: ItemId) -> Result<Option<Vec<u8>>, Fault> {
    Ok(file.item_properties(id)?.find_map(|own| match own {
        Property::Color(ColorInfo::Icc(profile)) if !profile.is_empty() => Some(profile.clone()),
        _ => None,
    }))
}

fn coded(file: &HeifFile, id: ItemId) -> Result<Option<Coded>, Fault> {
    Ok(file.item_properties(id)?.find_map(|own| match *own {
        Property::Color(ColorInfo::Nclx { primaries, transfer, matrix, full_range }) => {
            Some(Coded { primaries, transfer, matrix, is_full: full_range })
        }
        _ => None,
    }))
}

fn turns(file: &HeifFile, id: ItemId, (mut width, mut height): (u32, u32)) -> Result<Vec<Turn>, Fault> {
    let mut turns = Vec::new();
    for property in file.item_properties(id)? {
        match *property {
            Property::CleanAperture { width: across, height: down, horiz_offset, vert_offset } => {
                let crop = (along(width, across, horiz_offset), along(height, down, vert_offset));
                let (Some((x, w)), Some((y, h))) = crop else { return damaged("it is cropped to nothing") };
                turns.push(Turn::Crop([x, y, w, h]));
                (width, height) = (w, h);
            }
            Property::Rotation(quarters) => {
                turns.extend(match quarters {
                    1 => Some(Turn::Left),
                    2 => Some(Turn::Half),
                    3 => Some(Turn::Right),
                    _ => None,
                });
                if quarters % 2 == 1 {
                    (width, height) = (height, width);
                }
            }
            Property::Mirror(upside) => turns.push(if upside { Turn::Upside } else { Turn::Mirror }),
            _ => {}
        }
    }
    Ok(turns)
}

/// Where a crop begins along one side, and how long it is: the file says its length and how far its middle is from the
/// photo's, as fractions. None where it is not within the photo.
fn along(side: u32, (length, of): (u32, u32), (offset, by): (i32, u32)) -> Option<(u32, u32)> {
    if of == 0 || by == 0 {
        return None;
    }
    let length = (f64::from(length) / f64::from(of)).round();
    let begin = ((f64::from(side) - length) / 2.0 + f64::from(offset) / f64::from(by)).round();
    let inside = length >= 1.0 && begin >= 0.0 && begin + length <= f64::from(side);
    // Within the photo, so within 32 bits.
    inside.then_some((begin as u32, length as u32))
}
