//! Numbers to colours.

mod tables;

use serde::{Deserialize, Serialize};

/// How many colours a map has.
pub const ENTRIES: usize = 256;

/// A map from 0..1 to colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColorMap {
    /// Perceptually even, from dark violet to yellow.
    #[default]
    Viridis,
    /// Likewise, and the same to people with and without a colour vision deficiency.
    Cividis,
    /// The rainbow that papers show attention in, as Matplotlib has it. Not even: its yellow and cyan look like borders.
    Jet,
}

impl ColorMap {
    /// All of them, in the order of a menu.
    pub const ALL: [Self; 3] = [Self::Viridis, Self::Cividis, Self::Jet];

    /// Its name in the window.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "Viridis",
            Self::Cividis => "Cividis",
            Self::Jet => "Jet",
        }
    }

    /// The colour (red, green, blue; sRGB) of a value 0..1. What lies outside is taken to the nearer end, NaN to 0.
    pub fn at(self, value: f32) -> [u8; 3] {
        // Each colour stands for an equal part of 0..1, as in Matplotlib. `as` takes NaN and what is below to 0.
        self.entry(((value * ENTRIES as f32) as usize).min(ENTRIES - 1))
    }

    /// All 256 colours, that of 0 first.
    pub fn table(self) -> [[u8; 3]; ENTRIES] {
        std::array::from_fn(|index| self.entry(index))
    }

    fn entry(self, index: usize) -> [u8; 3] {
        match self {
            Self::Viridis => tables::VIRIDIS[index],
            Self::Cividis => tables::CIVIDIS[index],
            Self::Jet => {
                let at = index as f64 / (ENTRIES - 1) as f64;
                JET.map(|corners| (along(corners, at) * 255.0).round() as u8)
            }
        }
    }
}

/// Red, green and blue of Matplotlib's jet, as the corners (position, value) of straight lines.
const JET: [&[(f64, f64)]; 3] = [
    &[(0.0, 0.0), (0.35, 0.0), (0.66, 1.0), (0.89, 1.0), (1.0, 0.5)],
    &[(0.0, 0.0), (0.125, 0.0), (0.375, 1.0), (0.64, 1.0), (0.91, 0.0), (1.0, 0.0)],
    &[(0.0, 0.5), (0.11, 1.0), (0.34, 1.0), (0.65, 0.0), (1.0, 0.0)],
];

fn along(corners: &[(f64, f64)], at: f64) -> f64 {
    let line = corners.windows(2).find(|line| at <= line[1].0);
    line.map_or(0.0, |line| {
        let ((start, low), (end, high)) = (line[0], line[1]);
        low + (high - low) * (at - start) / (end - start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_are_the_published_ones() {
        assert_eq!(ColorMap::Viridis.at(0.0), [0x44, 0x01, 0x54]);
        assert_eq!(ColorMap::Viridis.at(0.5), [33, 145, 140]);
        assert_eq!(ColorMap::Viridis.at(1.0), [0xfd, 0xe7, 0x25]);
        assert_eq!(ColorMap::Cividis.at(0.0), [0, 34, 78]);
        assert_eq!(ColorMap::Cividis.at(1.0), [254, 232, 56]);
        assert_eq!(ColorMap::Jet.at(0.0), [0, 0, 128]);
        assert_eq!(ColorMap::Jet.at(0.5), [125, 255, 122]);
        assert_eq!(ColorMap::Jet.at(1.0), [128, 0, 0]);
    }

    #[test]
    fn what_lies_outside_is_taken_to_the_nearer_end() {
        for map in ColorMap::ALL {
            let table = map.table();
            assert_eq!(map.at(-3.0), table[0]);
            assert_eq!(map.at(f32::NAN), table[0]);
            assert_eq!(map.at(f32::INFINITY), table[255]);
            assert_eq!(map.at(128.0 / 256.0), table[128]);
            assert_eq!(map.at(127.9 / 256.0), table[127]);
        }
    }

    #[test]
    fn the_even_maps_only_ever_get_brighter() {
        let brightness = |[r, g, b]: [u8; 3]| 0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b);
        for map in [ColorMap::Viridis, ColorMap::Cividis] {
            let table = map.table();
            // One step of the rounded colours may stand still or fall back by rounding, sixteen may not.
            assert!(table.windows(17).all(|run| brightness(run[16]) > brightness(run[0]) + 4.0), "{}", map.name());
        }
    }
}
