//! Draws a scene with nobody in it.

use super::looks::Color;
use super::raster::Sheet;
use super::scene::{House, STREET, Scene, Setting, Things};

/// Upper and lower colour of sky and of ground.
fn grounds(setting: Setting) -> [(Color, Color); 2] {
    match setting {
        Setting::Beach => [([126, 200, 240], [220, 240, 250]), ([240, 220, 170], [226, 196, 138])],
        Setting::Snow => [([170, 196, 222], [226, 234, 244]), ([246, 248, 252], [214, 226, 240])],
        Setting::Meadow => [([140, 204, 246], [226, 244, 250]), ([136, 196, 84], [88, 152, 62])],
        Setting::Desert => [([246, 190, 120], [252, 226, 176]), ([232, 178, 104], [206, 140, 74])],
        Setting::Night => [([18, 20, 52], [62, 48, 104]), ([62, 62, 78], [40, 40, 54])],
        Setting::Room => [([232, 214, 190], [240, 226, 206]), ([176, 126, 86], [146, 100, 68])],
    }
}

/// A sheet with a scene and the things in it.
struct Stage {
    sheet: Sheet<Color>,
    /// The side, pixels.
    n: f64,
    /// The horizon, pixels.
    hz: f64,
}

/// A scene, `side` pixels wide and high.
pub(super) fn backdrop(scene: &Scene, side: usize) -> Sheet<Color> {
    let n = side as f64;
    let horizon = ((n * scene.horizon) as usize).min(side);
    let mut pixels = Vec::with_capacity(side * side);
    let [sky, ground] = grounds(scene.setting());
    for ((top, bottom), rows) in [(sky, horizon), (ground, side - horizon)] {
        for row in 0..rows {
            let t = if row + 1 == rows && rows > 1 { 1.0 } else { row as f64 / (rows.max(2) - 1) as f64 };
            let channel = |c: usize| ((1.0 - t) * f64::from(top[c]) + t * f64::from(bottom[c])) as u8;
            pixels.extend(std::iter::repeat_n([0, 1, 2].map(channel), side));
        }
    }
    let mut stage = Stage { sheet: Sheet { width: side, height: side, pixels }, n, hz: horizon as f64 };
    match &scene.things {
        Things::Beach { sun, sail } => stage.beach(*sun, *sail),
        Things::Snow { firs, flakes } => stage.snow(firs, flakes),
        Things::Meadow { hill, clouds, flowers } => stage.meadow(*hill, clouds, flowers),
        Things::Desert { mountain, cacti } => stage.desert(*mountain, cacti),
        Things::Night { houses, moon } => stage.night(houses, *moon),
        Things::Room { window, rug } => stage.room(*window, *rug),
    }
    stage.sheet
}

const WHITE: Color = [255, 255, 255];

impl Stage {
    /// A disk; all in pixels.
    fn disk(&mut self, x: f64, y: f64, r: f64, ink: Color) {
        self.sheet.ellipse([x - r, y - r, x + r, y + r], ink);
    }

    fn beach(&mut self, sun: (f64, f64), sail: f64) {
        let (n, hz) = (self.n, self.hz);
        self.sheet.rectangle([0.0, hz - (0.13 * n).trunc(), n, hz], [52, 140, 190]);
        self.sheet.rectangle([0.0, hz - (0.02 * n).trunc(), n, hz + (0.01 * n).trunc()], [226, 240, 244]);
        self.disk(sun.0 * n, sun.1 * n, 0.07 * n, [255, 226, 110]);
        let x = sail * n;
        let foot = hz - 0.07 * n;
        self.sheet.polygon(&[(x - 0.05 * n, foot), (x + 0.05 * n, foot), (x, hz - 0.2 * n)], [250, 250, 250]);
    }

    fn snow(&mut self, firs: &[(f64, f64)], flakes: &[(f64, f64, f64)]) {
        let (n, hz) = (self.n, self.hz);
        for (x, h) in firs {
            let (x, h) = (x * n, h * n);
            self.sheet.polygon(&[(x - 0.09 * n, hz), (x + 0.09 * n, hz), (x, hz - h)], [64, 110, 100]);
            let cap = hz - h * 0.6;
            self.sheet.polygon(&[(x - 0.035 * n, cap), (x + 0.035 * n, cap), (x, hz - h)], [246, 250, 252]);
        }
        for (x, y, r) in flakes {
            self.disk(x * n, y * n, r * n, WHITE);
        }
    }

    fn meadow(&mut self, hill: f64, clouds: &[(f64, f64)], flowers: &[(f64, f64, Color)]) {
        let (n, hz) = (self.n, self.hz);
        let x = hill * n;
        self.sheet.ellipse([x - 0.5 * n, hz - 0.12 * n, x + 0.5 * n, hz + 0.3 * n], [120, 180, 80]);
        self.sheet.rectangle([0.0, hz + 0.05 * n, n, n], [112, 172, 70]);
        for (x, y) in clouds {
            let (x, y) = (x * n, y * n);
            for dx in [-0.05, 0.0, 0.05] {
                let at = x + dx * n;
                self.sheet.ellipse([at - 0.05 * n, y - 0.03 * n, at + 0.05 * n, y + 0.03 * n], WHITE);
            }
        }
        for (x, y, color) in flowers {
            self.disk(x * n, y * n, 0.012 * n, *color);
        }
    }

    fn desert(&mut self, mountain: f64, cacti: &[(f64, f64, f64)]) {
        const GREEN: Color = [74, 136, 76];
        let (n, hz) = (self.n, self.hz);
        let x = mountain * n;
        self.sheet.polygon(&[(x - 0.25 * n, hz), (x + 0.25 * n, hz), (x, hz - 0.24 * n)], [206, 150, 92]);
        for (x, h, below) in cacti {
            let (x, h, y) = (x * n, h * n, hz + below * n);
            self.sheet.rounded([x - 0.02 * n, y - h, x + 0.02 * n, y], 0.02 * n, GREEN);
            self.sheet.rounded([x + 0.02 * n, y - h * 0.7, x + 0.06 * n, y - h * 0.55], 0.012 * n, GREEN);
        }
    }

    fn night(&mut self, houses: &[House], moon: f64) {
        let (n, hz) = (self.n, self.hz);
        let mut x = STREET.0 * n;
        for house in houses {
            let (w, h) = (house.width * n, house.height * n);
            self.sheet.rectangle([x, hz - h, x + w, hz], house.color);
            for (column, windows) in house.lit.iter().enumerate() {
                for (row, _) in windows.iter().enumerate().filter(|(_, lit)| **lit) {
                    let left = x + w * (0.2 + 0.45 * column as f64);
                    let top = hz - h + h * (0.1 + 0.22 * row as f64);
                    self.sheet.rectangle([left, top, left + w * 0.2, top + h * 0.1], [250, 220, 120]);
                }
            }
            x += w + STREET.1 * n;
        }
        let (x, r) = (moon * n, 0.05 * n);
        self.disk(x, 0.1 * n, r, [246, 244, 220]);
    }

    fn room(&mut self, window: f64, rug: f64) {
        let (n, hz) = (self.n, self.hz);
        const FRAME: Color = [250, 250, 246];
        let x = window * n;
        self.sheet.rectangle([x, 0.1 * n, x + 0.28 * n, 0.34 * n], FRAME);
        self.sheet.rectangle([x + 0.02 * n, 0.12 * n, x + 0.26 * n, 0.32 * n], [150, 206, 240]);
        self.sheet.rectangle([x + 0.13 * n, 0.12 * n, x + 0.15 * n, 0.32 * n], FRAME);
        let x = rug * n;
        self.sheet.ellipse([x - 0.4 * n, hz + 0.16 * n, x + 0.4 * n, hz + 0.4 * n], [190, 84, 84]);
        self.sheet.ellipse([x - 0.32 * n, hz + 0.19 * n, x + 0.32 * n, hz + 0.37 * n], [214, 120, 104]);
    }
}
