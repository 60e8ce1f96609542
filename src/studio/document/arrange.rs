//! What is selected, by numbers: where it lies, how large and how turned it is, what it is lined up with. Canvas pixels and
//! degrees throughout.

use super::Document;
use super::geometry::{self, Bounds, Frame, Point};
use crate::project::Layer;

/// A line that layers are brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Their left edges.
    Left,
    /// Their middles, from side to side.
    Center,
    /// Their right edges.
    Right,
    /// Their upper edges.
    Top,
    /// Their middles, from top to bottom.
    Middle,
    /// Their lower edges.
    Bottom,
}

impl Edge {
    /// How far a box is from lying at this line of another.
    fn way(self, of: Bounds, to: Bounds) -> Point {
        match self {
            Self::Left => (to.left - of.left, 0.0),
            Self::Center => (to.center().0 - of.center().0, 0.0),
            Self::Right => (to.right - of.right, 0.0),
            Self::Top => (0.0, to.top - of.top),
            Self::Middle => (0.0, to.center().1 - of.center().1),
            Self::Bottom => (0.0, to.bottom - of.bottom),
        }
    }
}

/// The way along which layers are spaced out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// From left to right.
    Across,
    /// From top to bottom.
    Down,
}

/// One of the numbers that say how a selection lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Where its box begins at the left.
    X,
    /// Where its box begins at the top.
    Y,
    /// How wide it is: a single layer before it is turned, several as their upright box.
    Width,
    /// How high it is, as above.
    Height,
    /// How a single layer is turned; several are turned by this from where they are.
    Angle,
}

/// Layers that are moved as one, each with where its picture lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Lot {
    layers: Vec<(usize, Frame)>,
    frame: Frame,
    bounds: Bounds,
}

impl Lot {
    /// The layers, by their index; none of none.
    pub fn new(layers: Vec<(usize, Frame)>) -> Option<Self> {
        let bounds = layers.iter().map(|(_, frame)| frame.bounds()).reduce(Bounds::union)?;
        let frame = match layers.as_slice() {
            [(_, one)] => *one,
            _ => Frame::upright(bounds),
        };
        Some(Self { layers, frame, bounds })
    }

    /// Their indices.
    pub fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.layers.iter().map(|(index, _)| *index)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.layers.len()
    }

    /// What a measure is now.
    pub fn measure(&self, measure: Measure) -> f32 {
        match measure {
            Measure::X => self.bounds.left,
            Measure::Y => self.bounds.top,
            Measure::Width => self.frame.size.0,
            Measure::Height => self.frame.size.1,
            Measure::Angle => self.frame.rotation,
        }
    }

    /// Brings the layers to a measure. What is scaled keeps its shape and its upper left corner, what is turned its middle.
    pub fn bring(&self, layers: &mut [Layer], measure: Measure, to: f32) {
        let by = to - self.measure(measure);
        let change = |layers: &mut [Layer], change: &dyn Fn(&mut Layer)| {
            self.indices().for_each(|index| layers.get_mut(index).into_iter().for_each(change));
        };
        match measure {
            _ if !to.is_finite() => {}
            Measure::X => change(layers, &|layer| geometry::shift(layer, (by, 0.0))),
            Measure::Y => change(layers, &|layer| geometry::shift(layer, (0.0, by))),
            Measure::Width | Measure::Height => {
                let now = self.measure(measure);
                if now <= 0.0 || to <= 0.0 {
                    return;
                }
                let own = self.indices().filter_map(|index| layers.get(index));
                let factor = geometry::common_factor(own, to / now);
                let [corner, ..] = self.frame.corners();
                change(layers, &|layer| geometry::scale(layer, corner, factor));
            }
            Measure::Angle => change(layers, &|layer| geometry::turn(layer, self.frame.center, by)),
        }
    }
}

impl Document {
    /// Lines layers up, as one step: several with the outermost of them, a single one with the canvas.
    pub fn align(&mut self, lot: &Lot, edge: Edge) {
        let canvas = self.project().canvas;
        let sheet = Bounds { left: 0.0, top: 0.0, right: canvas.width as f32, bottom: canvas.height as f32 };
        let to = if lot.count() > 1 { lot.bounds } else { sheet };
        let ways = lot.layers.iter().map(|(index, frame)| (*index, edge.way(frame.bounds(), to))).collect();
        self.shift_each("Align", lot, ways);
    }

    /// Spaces layers out as one step, so that there is equally much between each and the next; the outermost ones stay. Fewer
    /// than three have nothing between them.
    pub fn distribute(&mut self, lot: &Lot, spread: Spread) {
        let span = |bounds: Bounds| match spread {
            Spread::Across => (bounds.left, bounds.right),
            Spread::Down => (bounds.top, bounds.bottom),
        };
        let mut all: Vec<(usize, (f32, f32))> =
            lot.layers.iter().map(|(index, frame)| (*index, span(frame.bounds()))).collect();
        all.sort_by(|(_, a), (_, b)| (a.0 + a.1).total_cmp(&(b.0 + b.1)));
        let ([(_, first), .., (_, last)], true) = (all.as_slice(), all.len() > 2) else { return };
        let filled: f32 = all.iter().map(|(_, (low, high))| high - low).sum();
        let gap = (last.1 - first.0 - filled) / (all.len() - 1) as f32;
        let mut at = first.0;
        let mut ways = Vec::new();
        for (index, (low, high)) in &all {
            let by = at - low;
            ways.push((*index, if spread == Spread::Across { (by, 0.0) } else { (0.0, by) }));
            at += high - low + gap;
        }
        self.shift_each("Distribute", lot, ways);
    }

    fn shift_each(&mut self, verb: &str, lot: &Lot, ways: Vec<(usize, Point)>) {
        let name = match lot.layers.as_slice() {
            [(index, _)] => {
                let title = self.project().layers().get(*index).map(Layer::title);
                format!("{verb} {}", title.unwrap_or_default())
            }
            several => format!("{verb} {} layers", several.len()),
        };
        self.edit(name, |project| {
            let Some(layers) = project.layers_mut() else { return };
            for (index, by) in ways {
                layers.get_mut(index).into_iter().for_each(|layer| geometry::shift(layer, by));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    /// Layers of pictures of 20 x 10 pixels at these places, with the boxes of the chosen ones.
    fn document(places: &[(f32, f32)]) -> (Document, Lot) {
        let mut project = Project::new();
        (project.canvas.width, project.canvas.height) = (256, 128);
        let layers = places.iter().map(|(x, y)| Layer::new("cat.png", *x, *y));
        project.layers_mut().unwrap().extend(layers);
        let document = Document::new(project, None, "/work".into());
        let lot = lot(&document);
        (document, lot)
    }

    fn lot(document: &Document) -> Lot {
        let layers = document.project().layers().iter().enumerate();
        Lot::new(layers.map(|(index, layer)| (index, Frame::of(layer, (20, 10)))).collect()).unwrap()
    }

    fn places(document: &Document) -> Vec<(f32, f32)> {
        document.project().layers().iter().map(|layer| (layer.x, layer.y)).collect()
    }

    #[test]
    fn several_are_lined_up_with_each_other_and_one_with_the_canvas() {
        let (mut document, all) = document(&[(50.0, 40.0), (90.0, 60.0), (100.0, 10.0)]);
        document.align(&all, Edge::Left);
        assert_eq!(places(&document), [(50.0, 40.0), (50.0, 60.0), (50.0, 10.0)]);
        assert_eq!(document.undo().as_deref(), Some("Align 3 layers"));
        document.align(&all, Edge::Bottom);
        assert_eq!(places(&document), [(50.0, 60.0), (90.0, 60.0), (100.0, 60.0)]);
        let (mut document, one) = self::document(&[(50.0, 40.0)]);
        for (edge, at) in [
            (Edge::Right, (246.0, 40.0)),
            (Edge::Center, (128.0, 40.0)),
            (Edge::Middle, (50.0, 64.0)),
            (Edge::Top, (50.0, 5.0)),
        ] {
            document.align(&one, edge);
            assert_eq!(places(&document), [at], "{edge:?}");
            assert_eq!(document.undo().as_deref(), Some("Align cat"));
        }
    }

    #[test]
    fn three_are_spaced_out_between_the_outermost_whatever_their_order_and_two_stay() {
        let (mut document, all) = document(&[(110.0, 40.0), (10.0, 40.0), (20.0, 90.0)]);
        document.distribute(&all, Spread::Across);
        assert_eq!(places(&document), [(110.0, 40.0), (10.0, 40.0), (60.0, 90.0)]);
        assert_eq!(document.undo().as_deref(), Some("Distribute 3 layers"));
        let (mut document, two) = self::document(&[(10.0, 40.0), (20.0, 90.0)]);
        document.distribute(&two, Spread::Down);
        assert_eq!(document.undo(), None);
    }

    #[test]
    fn a_measure_is_what_it_was_brought_to_and_the_others_stay() {
        for (measure, to) in [
            (Measure::X, -7.5),
            (Measure::Y, 33.0),
            (Measure::Width, 60.0),
            (Measure::Height, 2.0),
            (Measure::Angle, 30.0),
        ] {
            let (mut document, lot) = document(&[(50.0, 40.0)]);
            document.edit("Bring", |project| lot.bring(project.layers_mut().unwrap(), measure, to));
            let now = self::lot(&document);
            assert!((now.measure(measure) - to).abs() < 1e-3, "{measure:?}: {}", now.measure(measure));
            if matches!(measure, Measure::Width | Measure::Height) {
                assert_eq!((now.measure(Measure::X), now.measure(Measure::Y)), (40.0, 35.0), "{measure:?}");
                assert!((now.measure(Measure::Width) / now.measure(Measure::Height) - 2.0).abs() < 1e-4);
            }
        }
        let (mut document, lot) = document(&[(50.0, 40.0), (90.0, 60.0)]);
        assert_eq!((lot.measure(Measure::Width), lot.measure(Measure::Height)), (60.0, 30.0));
        document.edit("Bring", |project| lot.bring(project.layers_mut().unwrap(), Measure::Width, 120.0));
        assert_eq!(places(&document), [(60.0, 45.0), (140.0, 85.0)]);
        document.edit("Nothing", |project| {
            let layers = project.layers_mut().unwrap();
            lot.bring(layers, Measure::Width, f32::NAN);
            lot.bring(layers, Measure::Height, 0.0);
        });
        assert_eq!(document.undo().as_deref(), Some("Bring"), "what is no size changes nothing");
    }
}
