//! Filled shapes on a sheet of pixels, each to the very pixel where the imaging library draws it with which the
//! miniature's training pictures were made (Pillow, `libImaging/Draw.c` and `ImageDraw.py`).
//!
//! Corners are cut to whole pixels towards zero before anything is filled, edges belong to the shape, ellipses follow
//! Bresenham on a grid of half pixels, and a rounded rectangle is four quarters of a circle and three rectangles.

/// A picture of `P`, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet<P> {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` pixels.
    pub pixels: Vec<P>,
}

/// Left, top, right, bottom, pixels; all four belong to the shape.
pub type Bounds = [f64; 4];

impl<P: Copy> Sheet<P> {
    /// One colour all over.
    pub fn new(width: usize, height: usize, ink: P) -> Self {
        Self { width, height, pixels: vec![ink; width * height] }
    }

    /// One row of it from `left` to `right`, both included; what lies outside the sheet is left out.
    fn row(&mut self, left: i32, y: i32, right: i32, ink: P) {
        let (Ok(y), Ok(right)) = (usize::try_from(y), usize::try_from(right)) else { return };
        let left = usize::try_from(left).unwrap_or(0);
        if y < self.height && left < self.width {
            let right = right.min(self.width - 1);
            if left <= right {
                self.pixels[y * self.width + left..=y * self.width + right].fill(ink);
            }
        }
    }

    /// A rectangle.
    pub fn rectangle(&mut self, bounds: Bounds, ink: P) {
        self.block(bounds.map(|side| side as i32), ink);
    }

    fn block(&mut self, [left, top, right, bottom]: [i32; 4], ink: P) {
        let (top, bottom) = (top.min(bottom), top.max(bottom));
        for y in top.max(0)..=bottom.min(self.height as i32) {
            self.row(left, y, right, ink);
        }
    }

    /// An ellipse that touches all four sides.
    pub fn ellipse(&mut self, bounds: Bounds, ink: P) {
        self.curve(bounds.map(|side| side as i32), Part::WHOLE, ink);
    }

    /// The part of an ellipse.
    fn curve(&mut self, [left, top, right, bottom]: [i32; 4], part: Part, ink: P) {
        let (a, b) = (right - left, bottom - top);
        if a < 0 || b < 0 {
            return;
        }
        let mut quarter = Quarter::new(a, b);
        let Some((mut far, mut y)) = quarter.next() else { return };
        let start = a % 2;
        loop {
            // The first point of the next row, past those of this one, and with it this row's end.
            let next = quarter.by_ref().find(|(_, below)| *below > y);
            let mut span = |x0: i32, y: i32, x1: i32| {
                if let Some((x0, x1)) = part.cut(x0, y, x1) {
                    self.row(left + (x0 + a) / 2, top + (y + b) / 2, left + (x1 + a) / 2, ink);
                }
            };
            let inner = if start == 0 { 2 } else { start };
            // The row above the middle and the one below, which are one in the middle.
            for y in [Some(-y), (y > 0).then_some(y)].into_iter().flatten() {
                span(-far, y, -start);
                if start > 0 || far > 0 {
                    span(inner, y, far);
                }
            }
            match next {
                Some(point) => (far, y) = point,
                None => return,
            }
        }
    }

    /// A rectangle with round corners, `radius` in pixels.
    pub fn rounded(&mut self, bounds: Bounds, radius: f64, ink: P) {
        let [left, top, right, bottom] = bounds;
        let mut d = (right - left).min(bottom - top).min(radius * 2.0);
        let [x0, y0, x1, y1] = bounds.map(f64::round_ties_even);
        let joined = d >= x1 - x0 - 1.0;
        if joined {
            d = x1 - x0;
        }
        let stacked = d >= y1 - y0 - 1.0;
        if stacked {
            d = y1 - y0;
        }
        if joined && stacked {
            return self.ellipse(bounds, ink);
        }
        if d == 0.0 {
            return self.rectangle(bounds, ink);
        }
        let r = (d / 2.0).floor();
        let mut curve = |bounds: Bounds, part| self.curve(bounds.map(|side| side as i32), part, ink);
        if joined {
            curve([x0, y0, x0 + d, y0 + d], Part { x: 0, y: -1 });
            curve([x0, y1 - d, x0 + d, y1], Part { x: 0, y: 1 });
        } else if stacked {
            curve([x0, y0, x0 + d, y0 + d], Part { x: -1, y: 0 });
            curve([x1 - d, y0, x1, y0 + d], Part { x: 1, y: 0 });
        } else {
            curve([x0, y0, x0 + d, y0 + d], Part { x: -1, y: -1 });
            curve([x1 - d, y0, x1, y0 + d], Part { x: 1, y: -1 });
            curve([x1 - d, y1 - d, x1, y1], Part { x: 1, y: 1 });
            curve([x0, y1 - d, x0 + d, y1], Part { x: -1, y: 1 });
        }
        if joined {
            self.rectangle([x0, y0 + r + 1.0, x1, y1 - r - 1.0], ink);
        } else if x1 - r - 1.0 >= x0 + r + 1.0 {
            self.rectangle([x0 + r + 1.0, y0, x1 - r - 1.0, y1], ink);
        }
        if !joined && !stacked {
            self.rectangle([x0, y0 + r + 1.0, x0 + r, y1 - r - 1.0], ink);
            self.rectangle([x1 - r, y0 + r + 1.0, x1, y1 - r - 1.0], ink);
        }
    }

    /// A polygon, closed by itself.
    pub fn polygon(&mut self, corners: &[(f64, f64)], ink: P) {
        let corners: Vec<(i32, i32)> = corners.iter().map(|&(x, y)| (x as i32, y as i32)).collect();
        let edges = edges(&corners);
        let mut low = self.height as i32 - 1;
        let mut high = 0;
        for edge in &edges {
            low = low.min(edge.top);
            high = high.max(edge.bottom);
            if edge.top == edge.bottom {
                self.row(edge.left, edge.top, edge.right, ink);
            }
        }
        let slanted: Vec<Edge> = edges.into_iter().filter(|edge| edge.top != edge.bottom).collect();
        let high = high.min(self.height as i32);
        for y in low.max(0)..=high {
            let mut crossings = crossings(&slanted, y, high);
            crossings.sort_by(f32::total_cmp);
            for pair in crossings.chunks_exact(2) {
                self.row(half_up(pair[0]), y, half_down(pair[1]), ink);
            }
        }
    }
}

/// Which part of an ellipse: -1 is the left or upper half, 1 the right or lower one, 0 both.
#[derive(Debug, Clone, Copy)]
struct Part {
    x: i32,
    y: i32,
}

impl Part {
    const WHOLE: Self = Self { x: 0, y: 0 };

    /// What of a row is inside.
    fn cut(self, x0: i32, y: i32, x1: i32) -> Option<(i32, i32)> {
        let (x0, x1) = match self.x {
            0 => (x0, x1),
            side if side < 0 => (x0, x1.min(0)),
            _ => (x0.max(0), x1),
        };
        (self.y * y >= 0 && x0 <= x1).then_some((x0, x1))
    }
}

/// The right lower quarter of an ellipse about the origin, as points of a grid whose step is two, from the right outwards.
struct Quarter {
    at: Option<(i32, i32)>,
    end: (i32, i32),
    a2: i64,
    b2: i64,
}

impl Quarter {
    fn new(a: i32, b: i32) -> Self {
        Self { at: Some((a, b % 2)), end: (a % 2, b), a2: i64::from(a).pow(2), b2: i64::from(b).pow(2) }
    }

    /// How far a point is from the ellipse.
    fn off(&self, (x, y): (i32, i32)) -> i64 {
        let (x, y) = (i64::from(x), i64::from(y));
        (self.a2 * y * y + self.b2 * x * x - self.a2 * self.b2).abs()
    }
}

impl Iterator for Quarter {
    type Item = (i32, i32);

    fn next(&mut self) -> Option<(i32, i32)> {
        let (x, y) = self.at?;
        self.at = if (x, y) == self.end {
            None
        } else {
            let mut best = (x, y + 2);
            // Only a point that is strictly nearer takes an earlier one's place.
            for next in [(x - 2, y + 2), (x - 2, y)].into_iter().filter(|_| x > 1) {
                if self.off(best) > self.off(next) {
                    best = next;
                }
            }
            Some(best)
        };
        Some((x, y))
    }
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    start: (i32, i32),
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
    /// Pixels to the right for each row down.
    slope: f32,
}

impl Edge {
    fn new((x0, y0): (i32, i32), (x1, y1): (i32, i32)) -> Self {
        let slope = if y0 == y1 { 0.0 } else { (x1 - x0) as f32 / (y1 - y0) as f32 };
        Self { start: (x0, y0), left: x0.min(x1), right: x0.max(x1), top: y0.min(y1), bottom: y0.max(y1), slope }
    }

    fn at(&self, y: i32) -> f32 {
        (y - self.start.1) as f32 * self.slope + self.start.0 as f32
    }

    fn ends_at(&self, y: i32) -> bool {
        y == self.top || y == self.bottom
    }
}

fn edges(corners: &[(i32, i32)]) -> Vec<Edge> {
    let mut edges: Vec<Edge> = corners.windows(2).map(|pair| Edge::new(pair[0], pair[1])).collect();
    if let (Some(first), Some(last)) = (corners.first(), corners.last())
        && first != last
    {
        edges.push(Edge::new(*last, *first));
    }
    edges
}

/// Where a row crosses the edges. Where two edges meet in a corner that points sideways, the crossing is moved so that
/// the corner joins the row beside it.
fn crossings(edges: &[Edge], y: i32, last: i32) -> Vec<f32> {
    let mut found: Vec<f32> = Vec::with_capacity(edges.len() * 2);
    for (index, edge) in edges.iter().enumerate() {
        if y < edge.top || y > edge.bottom {
            continue;
        }
        let mut x = edge.at(y);
        if y == edge.bottom && y < last {
            // Twice, so that an edge that ends here and one that begins here leave an even number.
            found.extend([x, x]);
            continue;
        }
        if edge.ends_at(y) && edge.slope != 0.0 {
            let beside = y + if y == edge.bottom { -1 } else { 1 };
            let meets = |other: &&Edge| {
                other.ends_at(y)
                    && other.slope != 0.0
                    && x.round() == other.at(y).round()
                    && (other.top..=other.bottom).contains(&beside)
            };
            if let Some(other) = edges[..index].iter().find(meets) {
                let (own, others) = (edge.at(beside), other.at(beside));
                if x > own + 1.0 && x > others + 1.0 {
                    x = own.max(others).round() + 1.0;
                } else if x < own - 1.0 && x < others - 1.0 {
                    x = own.min(others).round() - 1.0;
                }
            }
        }
        found.push(x);
    }
    found
}

/// To the nearest, halves away from zero.
fn half_up(x: f32) -> i32 {
    x.round() as i32
}

/// To the nearest, halves towards zero.
fn half_down(x: f32) -> i32 {
    ((x.abs() - 0.5).ceil().copysign(x)) as i32
}
