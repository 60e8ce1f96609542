//! Snapping: a box that is moved comes to rest at lines of the canvas and of the other layers. Canvas pixels.

use super::geometry::{Bounds, Point};

/// Which way a line runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// A line of one x, from top to bottom.
    Vertical,
    /// A line of one y, from left to right.
    Horizontal,
}

/// A line that something came to rest at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guide {
    /// Which way it runs.
    pub axis: Axis,
    /// Its x, or its y.
    pub at: f32,
    /// Where it begins on the other axis.
    pub from: f32,
    /// Where it ends on the other axis.
    pub to: f32,
}

/// What snapping does to a box.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapped {
    /// How far the box must still be moved.
    pub by: Point,
    /// The lines that it then lies at.
    pub guides: Vec<Guide>,
}

/// Two lines are the same one when they are no farther apart than this, in canvas pixels.
const SAME: f32 = 0.01;

/// One axis of a box: its least value, greatest value, and its extent on the other axis.
#[derive(Clone, Copy)]
struct Span {
    low: f32,
    high: f32,
    across: (f32, f32),
}

impl Span {
    fn of(bounds: Bounds, axis: Axis) -> Self {
        match axis {
            Axis::Vertical => Self { low: bounds.left, high: bounds.right, across: (bounds.top, bounds.bottom) },
            Axis::Horizontal => Self { low: bounds.top, high: bounds.bottom, across: (bounds.left, bounds.right) },
        }
    }

    fn middle(self) -> f32 {
        (self.low + self.high) / 2.0
    }

    /// The lines of a box that snap and are snapped to; the middle first, which wins where two are equally near.
    fn lines(self) -> [f32; 3] {
        [self.middle(), self.low, self.high]
    }
}

/// Snaps a box to the canvas's centre, edges and thirds, and to the others' centres and edges, where one of its own
/// lines is no farther than `within` from one of those. The axes are independent of each other; of several lines
/// within reach the nearest wins.
pub fn snap(moved: Bounds, canvas: (f32, f32), others: &[Bounds], within: f32) -> Snapped {
    let sheet = Bounds { left: 0.0, top: 0.0, right: canvas.0, bottom: canvas.1 };
    let (x, mut guides) = along(Axis::Vertical, moved, sheet, others, within);
    let (y, horizontal) = along(Axis::Horizontal, moved, sheet, others, within);
    guides.extend(horizontal);
    // A guide of one axis reaches to where the box lies once the other axis has snapped too.
    for guide in &mut guides {
        let (other, span) = match guide.axis {
            Axis::Vertical => (y, Span::of(moved, Axis::Vertical)),
            Axis::Horizontal => (x, Span::of(moved, Axis::Horizontal)),
        };
        guide.from = guide.from.min(span.across.0 + other);
        guide.to = guide.to.max(span.across.1 + other);
    }
    Snapped { by: (x, y), guides }
}

fn along(axis: Axis, moved: Bounds, sheet: Bounds, others: &[Bounds], within: f32) -> (f32, Vec<Guide>) {
    let (own, canvas) = (Span::of(moved, axis), Span::of(sheet, axis));
    let third = (canvas.high - canvas.low) / 3.0;
    let thirds = [canvas.low + third, canvas.high - third];
    let of_canvas = canvas.lines().into_iter().chain(thirds).map(|line| (line, canvas.across));
    let of_others = others.iter().flat_map(|other| {
        let span = Span::of(*other, axis);
        span.lines().map(|line| (line, span.across))
    });
    let targets: Vec<(f32, (f32, f32))> = of_canvas.chain(of_others).collect();

    let ways = targets.iter().flat_map(|(line, _)| own.lines().map(|mine| line - mine));
    let nearest = ways.filter(|way| way.abs() <= within).min_by(|a, b| a.abs().total_cmp(&b.abs()));
    let Some(by) = nearest else { return (0.0, Vec::new()) };

    let mut guides: Vec<Guide> = Vec::new();
    for (at, (from, to)) in targets {
        if !own.lines().iter().any(|mine| (mine + by - at).abs() < SAME) {
            continue;
        }
        match guides.iter_mut().find(|guide| (guide.at - at).abs() < SAME) {
            Some(guide) => (guide.from, guide.to) = (guide.from.min(from), guide.to.max(to)),
            None => guides.push(Guide { axis, at, from, to }),
        }
    }
    (by, guides)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: (f32, f32) = (300.0, 150.0);

    fn square(x: f32, y: f32, side: f32) -> Bounds {
        let half = side / 2.0;
        Bounds { left: x - half, top: y - half, right: x + half, bottom: y + half }
    }

    #[test]
    fn a_box_near_the_middle_of_the_canvas_comes_to_rest_there() {
        let snapped = snap(square(153.0, 71.0, 20.0), CANVAS, &[], 6.0);
        assert_eq!(snapped.by, (-3.0, 4.0));
        let lines: Vec<_> = snapped.guides.iter().map(|guide| (guide.axis, guide.at)).collect();
        assert_eq!(lines, [(Axis::Vertical, 150.0), (Axis::Horizontal, 75.0)]);
        assert_eq!((snapped.guides[0].from, snapped.guides[0].to), (0.0, 150.0));
    }

    #[test]
    fn out_of_reach_nothing_happens() {
        assert_eq!(snap(square(125.0, 88.0, 8.0), CANVAS, &[], 6.0), Snapped::default());
        assert_eq!(snap(square(153.0, 71.0, 20.0), CANVAS, &[], 2.0), Snapped::default());
    }

    #[test]
    fn edges_snap_to_edges_and_thirds() {
        assert_eq!(snap(square(12.0, 120.0, 20.0), CANVAS, &[], 6.0).by, (-2.0, 0.0));
        assert_eq!(snap(square(88.0, 120.0, 20.0), CANVAS, &[], 6.0).by, (2.0, 0.0));
    }

    #[test]
    fn the_nearest_of_several_lines_wins() {
        let other = square(147.0, 20.0, 10.0);
        let snapped = snap(square(148.0, 120.0, 40.0), CANVAS, &[other], 6.0);
        assert_eq!(snapped.by.0, -1.0);
        let guide = snapped.guides.iter().find(|guide| guide.axis == Axis::Vertical).unwrap();
        assert_eq!((guide.at, guide.from, guide.to), (147.0, 15.0, 140.0));
    }

    #[test]
    fn a_box_of_the_same_size_shows_all_three_lines() {
        let other = square(60.0, 20.0, 10.0);
        let snapped = snap(square(62.0, 97.0, 10.0), CANVAS, &[other], 6.0);
        let lines: Vec<f32> =
            snapped.guides.iter().filter(|guide| guide.axis == Axis::Vertical).map(|guide| guide.at).collect();
        assert_eq!((snapped.by.0, lines), (-2.0, vec![60.0, 55.0, 65.0]));
    }
}
