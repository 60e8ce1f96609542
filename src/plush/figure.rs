//! Draws one figure, and its silhouette. Coordinates of its parts are in units of its height, from the middle of its feet
//! to the right and up.

use super::looks::{Color, Kind, Look, Pattern, shade};
use super::raster::Sheet;

/// Where one figure is drawn, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The middle of its feet.
    pub x: f64,
    /// The middle of its feet.
    pub foot: f64,
    /// How high it is.
    pub height: f64,
    /// Whether it looks the other way.
    pub flip: bool,
}

/// Draws on a picture, and what belongs to the silhouette on that too.
struct Pen<'a> {
    picture: &'a mut Sheet<Color>,
    silhouette: &'a mut Sheet<u8>,
    spot: Spot,
    side: f64,
}

/// Parts of a figure: those of its outline, and those upon it.
impl Pen<'_> {
    fn bounds(&self, x: f64, y: f64, rx: f64, ry: f64) -> [f64; 4] {
        let Spot { x: cx, foot, height: s, .. } = self.spot;
        let fx = self.side;
        [cx + fx * x * s - rx * s, foot - y * s - ry * s, cx + fx * x * s + rx * s, foot - y * s + ry * s]
    }

    fn oval(&mut self, x: f64, y: f64, rx: f64, ry: f64, ink: Color) {
        self.silhouette.ellipse(self.bounds(x, y, rx, ry), 255);
        self.oval_on(x, y, rx, ry, ink);
    }

    fn oval_on(&mut self, x: f64, y: f64, rx: f64, ry: f64, ink: Color) {
        self.picture.ellipse(self.bounds(x, y, rx, ry), ink);
    }

    fn corners(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let Spot { x: cx, foot, height: s, .. } = self.spot;
        points.iter().map(|(x, y)| (cx + self.side * x * s, foot - y * s)).collect()
    }

    fn shape(&mut self, points: &[(f64, f64)], ink: Color) {
        self.silhouette.polygon(&self.corners(points), 255);
        self.shape_on(points, ink);
    }

    fn shape_on(&mut self, points: &[(f64, f64)], ink: Color) {
        self.picture.polygon(&self.corners(points), ink);
    }

    /// Left, bottom, right, top.
    fn sides(&self, [x0, y0, x1, y1]: [f64; 4]) -> [f64; 4] {
        let Spot { x: cx, foot, height: s, .. } = self.spot;
        let (a, b) = (cx + self.side * x0 * s, cx + self.side * x1 * s);
        [a.min(b), foot - y1 * s, a.max(b), foot - y0 * s]
    }

    fn block(&mut self, sides: [f64; 4], radius: f64, ink: Color) {
        self.silhouette.rounded(self.sides(sides), radius * self.spot.height, 255);
        self.block_on(sides, radius, ink);
    }

    fn block_on(&mut self, sides: [f64; 4], radius: f64, ink: Color) {
        self.picture.rounded(self.sides(sides), radius * self.spot.height, ink);
    }
}

/// A robot's eyes.
const LAMP: Color = [250, 250, 210];
const NOSE: Color = [50, 36, 40];
const EYE: Color = [30, 28, 36];
const GLINT: Color = [255, 255, 255];

/// Draws a figure on a picture, and on `silhouette`, of the same size, all that it covers.
pub(super) fn figure(picture: &mut Sheet<Color>, silhouette: &mut Sheet<u8>, look: &Look, spot: Spot) {
    let side = if spot.flip { -1.0 } else { 1.0 };
    let mut pen = Pen { picture, silhouette, spot, side };
    // The middle and the height of a heart.
    let heart = match look.kind {
        Kind::Teapot => {
            teapot(&mut pen, look);
            0.36
        }
        Kind::Robot => {
            robot(&mut pen, look);
            0.34
        }
        Kind::Cat | Kind::Dog | Kind::Rabbit | Kind::Bear => {
            animal(&mut pen, look);
            0.27
        }
    };
    pattern(&mut pen, look, heart);
    if let Some(collar) = look.collar {
        pen.block_on([-0.2, 0.455, 0.2, 0.505], 0.025, collar);
        pen.oval_on(0.0, 0.45, 0.035, 0.035, shade(collar, 0.8));
    }
}

fn teapot(pen: &mut Pen<'_>, look: &Look) {
    let Look { body, belly, ear, .. } = *look;
    pen.shape(&[(0.26, 0.30), (0.52, 0.52), (0.46, 0.58), (0.22, 0.42)], shade(body, 0.85));
    pen.oval(-0.36, 0.36, 0.17, 0.19, body);
    pen.oval(-0.36, 0.36, 0.09, 0.11, belly);
    pen.oval(0.0, 0.34, 0.36, 0.33, body);
    pen.oval_on(0.0, 0.28, 0.24, 0.16, belly);
    pen.oval(0.0, 0.66, 0.19, 0.07, shade(body, 0.85));
    pen.oval(0.0, 0.76, 0.06, 0.06, ear);
}

fn robot(pen: &mut Pen<'_>, look: &Look) {
    let Look { body, belly, ear, .. } = *look;
    let round = 0.05;
    pen.block([-0.16, 0.0, -0.04, 0.2], round, shade(body, 0.7));
    pen.block([0.04, 0.0, 0.16, 0.2], round, shade(body, 0.7));
    pen.block([-0.36, 0.22, -0.26, 0.48], round, shade(body, 0.8));
    pen.block([0.26, 0.22, 0.36, 0.48], round, shade(body, 0.8));
    pen.block([-0.25, 0.14, 0.25, 0.54], round, body);
    pen.block_on([-0.14, 0.22, 0.14, 0.42], round, belly);
    pen.block([-0.1, 0.52, 0.1, 0.6], 0.01, shade(body, 0.7));
    pen.block([-0.28, 0.58, 0.28, 0.92], round, body);
    pen.block([-0.02, 0.9, 0.02, 1.02], round, shade(body, 0.55));
    pen.oval(0.0, 1.04, 0.05, 0.05, ear);
    pen.block_on([-0.22, 0.66, 0.22, 0.84], round, shade(body, 0.45));
    pen.oval_on(-0.11, 0.75, 0.055, 0.055, LAMP);
    pen.oval_on(0.11, 0.75, 0.055, 0.055, LAMP);
}

fn animal(pen: &mut Pen<'_>, look: &Look) {
    let Look { body, belly, ear, .. } = *look;
    match look.kind {
        Kind::Cat => pen.shape(&[(-0.24, 0.12), (-0.46, 0.34), (-0.40, 0.42), (-0.16, 0.24)], shade(body, 0.9)),
        Kind::Dog => pen.shape(&[(-0.22, 0.2), (-0.44, 0.44), (-0.36, 0.46), (-0.14, 0.3)], shade(body, 0.9)),
        Kind::Rabbit => pen.oval(-0.27, 0.16, 0.1, 0.1, belly),
        Kind::Bear | Kind::Robot | Kind::Teapot => {}
    }
    pen.oval(-0.14, 0.05, 0.12, 0.07, shade(body, 0.85));
    pen.oval(0.14, 0.05, 0.12, 0.07, shade(body, 0.85));
    pen.oval(0.0, 0.27, 0.26, 0.26, body);
    pen.oval_on(0.0, 0.23, 0.15, 0.17, belly);
    match look.kind {
        Kind::Cat => {
            pen.shape(&[(-0.28, 0.72), (-0.24, 1.0), (-0.06, 0.86)], body);
            pen.shape(&[(0.28, 0.72), (0.24, 1.0), (0.06, 0.86)], body);
            pen.shape_on(&[(-0.24, 0.78), (-0.215, 0.93), (-0.11, 0.85)], ear);
            pen.shape_on(&[(0.24, 0.78), (0.215, 0.93), (0.11, 0.85)], ear);
        }
        Kind::Rabbit => {
            pen.oval(-0.11, 0.98, 0.075, 0.22, body);
            pen.oval(0.11, 0.98, 0.075, 0.22, body);
            pen.oval_on(-0.11, 0.98, 0.035, 0.15, ear);
            pen.oval_on(0.11, 0.98, 0.035, 0.15, ear);
        }
        Kind::Bear => {
            pen.oval(-0.22, 0.88, 0.1, 0.1, body);
            pen.oval(0.22, 0.88, 0.1, 0.1, body);
            pen.oval_on(-0.22, 0.88, 0.055, 0.055, ear);
            pen.oval_on(0.22, 0.88, 0.055, 0.055, ear);
        }
        Kind::Dog | Kind::Robot | Kind::Teapot => {}
    }
    pen.oval(0.0, 0.69, 0.29, 0.24, body);
    if look.kind == Kind::Dog {
        pen.oval(-0.29, 0.66, 0.09, 0.19, ear);
        pen.oval(0.29, 0.66, 0.09, 0.19, ear);
    }
    pen.oval_on(0.0, 0.61, 0.13, 0.09, belly);
    pen.oval_on(0.0, 0.645, 0.04, 0.03, NOSE);
    pen.oval_on(-0.12, 0.73, 0.038, 0.048, EYE);
    pen.oval_on(0.12, 0.73, 0.038, 0.048, EYE);
    pen.oval_on(-0.11, 0.745, 0.013, 0.015, GLINT);
    pen.oval_on(0.13, 0.745, 0.013, 0.015, GLINT);
}

fn pattern(pen: &mut Pen<'_>, look: &Look, heart: f64) {
    let mark = look.mark;
    match look.pattern {
        Pattern::None => {}
        Pattern::Stripes => {
            for y in [0.14, 0.26, 0.38] {
                pen.block_on([-0.245, y - 0.022, -0.13, y + 0.022], 0.02, mark);
                pen.block_on([0.13, y - 0.022, 0.245, y + 0.022], 0.02, mark);
            }
            for x in [-0.08, 0.0, 0.08] {
                pen.block_on([x - 0.015, 0.84, x + 0.015, 0.91], 0.015, mark);
            }
        }
        Pattern::Spots => {
            for (x, y) in [(-0.18, 0.36), (0.19, 0.3), (-0.2, 0.18), (0.17, 0.13), (-0.2, 0.83), (0.14, 0.86)] {
                pen.oval_on(x, y, 0.042, 0.042, mark);
            }
        }
        Pattern::Heart => {
            pen.oval_on(-0.04, heart, 0.05, 0.05, mark);
            pen.oval_on(0.04, heart, 0.05, 0.05, mark);
            pen.shape_on(&[(-0.085, heart - 0.02), (0.085, heart - 0.02), (0.0, heart - 0.13)], mark);
        }
    }
}
