//! Where layers lie on the canvas, and what moving, scaling and turning them by hand makes of them. Canvas pixels
//! throughout: x rightwards, y downwards; angles in degrees clockwise, as [`Layer::rotation`] has them.

use crate::project::Layer;

/// A point on the canvas, or a way from one to another, in canvas pixels.
pub type Point = (f32, f32);

/// Nothing is made smaller than this by hand, in canvas pixels across its diagonal: it could not be taken hold of again.
const SMALLEST: f32 = 4.0;

/// A value inside a range; the middle for what is no number.
pub fn clamp(value: f32, range: &std::ops::RangeInclusive<f32>) -> f32 {
    if value.is_nan() { (range.start() + range.end()) / 2.0 } else { value.clamp(*range.start(), *range.end()) }
}

/// An upright rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least x.
    pub left: f32,
    /// The least y.
    pub top: f32,
    /// The greatest x.
    pub right: f32,
    /// The greatest y.
    pub bottom: f32,
}

impl Bounds {
    /// The smallest one that holds all points. None of none.
    pub fn around(points: impl IntoIterator<Item = Point>) -> Option<Self> {
        points.into_iter().fold(None, |bounds: Option<Self>, (x, y)| {
            let point = Self { left: x, top: y, right: x, bottom: y };
            Some(bounds.map_or(point, |bounds| bounds.union(point)))
        })
    }

    /// The smallest one that holds both.
    pub fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// Its middle.
    pub fn center(self) -> Point {
        ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    /// Width and height.
    pub fn size(self) -> (f32, f32) {
        (self.right - self.left, self.bottom - self.top)
    }

    /// The same one elsewhere.
    pub fn moved(self, by: Point) -> Self {
        Self { left: self.left + by.0, top: self.top + by.1, right: self.right + by.0, bottom: self.bottom + by.1 }
    }

    /// Whether the two have a point in common.
    pub fn meets(self, other: Self) -> bool {
        self.left <= other.right && other.left <= self.right && self.top <= other.bottom && other.top <= self.bottom
    }
}

/// A turned rectangle: where a layer's picture lies, or the box around several layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The middle, about which it is turned.
    pub center: Point,
    /// Width and height before it is turned.
    pub size: (f32, f32),
    /// Degrees.
    pub rotation: f32,
    /// Whether what is inside is mirrored left to right, before it is turned.
    pub flip: bool,
}

/// The corners of a [`Frame`] in their order: top left, top right, bottom right, bottom left, before it is turned.
const CORNERS: [(f32, f32); 4] = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)];

impl Frame {
    /// Where a layer with a picture of so many pixels lies.
    pub fn of(layer: &Layer, picture: (u32, u32)) -> Self {
        Self {
            center: (layer.x, layer.y),
            size: (picture.0 as f32 * layer.scale, picture.1 as f32 * layer.scale),
            rotation: layer.rotation,
            flip: layer.flip,
        }
    }

    /// An upright one.
    pub fn upright(bounds: Bounds) -> Self {
        Self { center: bounds.center(), size: bounds.size(), rotation: 0.0, flip: false }
    }

    /// Top left, top right, bottom right, bottom left, turned with the frame.
    pub fn corners(self) -> [Point; 4] {
        CORNERS.map(|corner| self.place(corner))
    }

    /// The middle of the top edge.
    pub fn top(self) -> Point {
        self.place((0.0, -0.5))
    }

    /// The way that points upwards out of the frame, of length 1.
    pub fn up(self) -> Point {
        turned((0.0, -1.0), self.rotation)
    }

    fn place(self, (x, y): (f32, f32)) -> Point {
        let (dx, dy) = turned((x * self.size.0, y * self.size.1), self.rotation);
        (self.center.0 + dx, self.center.1 + dy)
    }

    /// The upright rectangle around it.
    pub fn bounds(self) -> Bounds {
        let (x, y) = self.center;
        let middle = Bounds { left: x, top: y, right: x, bottom: y };
        Bounds::around(self.corners()).map_or(middle, |bounds| bounds.union(middle))
    }

    /// Which place of the picture shows at a point: 0..1 from its left and from its top. None outside.
    pub fn within(self, point: Point) -> Option<(f32, f32)> {
        let (x, y) = turned((point.0 - self.center.0, point.1 - self.center.1), -self.rotation);
        let (u, v) = (x / self.size.0 + 0.5, y / self.size.1 + 0.5);
        let inside = (0.0..=1.0).contains(&u) && (0.0..=1.0).contains(&v);
        inside.then_some((if self.flip { 1.0 - u } else { u }, v))
    }

    /// The point about which a corner is scaled: the opposite one, or the middle.
    pub fn anchor(self, corner: usize, about_center: bool) -> Point {
        if about_center { self.center } else { self.corners()[(corner + 2) % 4] }
    }

    /// By which factor the frame grows about `anchor` when its corner is dragged to `to`; the ratio of its sides is
    /// kept, so what counts is how far `to` lies along the diagonal. Never so small that nothing is left.
    pub fn factor(self, corner: usize, anchor: Point, to: Point) -> f32 {
        let from = self.corners()[corner % 4];
        let (ax, ay) = (from.0 - anchor.0, from.1 - anchor.1);
        let (bx, by) = (to.0 - anchor.0, to.1 - anchor.1);
        let length = ax * ax + ay * ay;
        if !length.is_normal() {
            return 1.0;
        }
        let least = (SMALLEST / self.size.0.hypot(self.size.1)).min(1.0);
        let factor = (ax * bx + ay * by) / length;
        if factor.is_finite() { factor.max(least) } else { 1.0 }
    }
}

/// A way, turned clockwise.
fn turned((x, y): Point, degrees: f32) -> Point {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    (x * cosine - y * sine, x * sine + y * cosine)
}

/// The direction of `to` as seen from `from`, degrees clockwise from rightwards, -180..180.
pub fn direction(from: Point, to: Point) -> f32 {
    (to.1 - from.1).atan2(to.0 - from.0).to_degrees()
}

/// An angle brought into -180..180, so that of two ways round the shorter is taken.
pub fn shorter(degrees: f32) -> f32 {
    if degrees.is_finite() { (degrees + 180.0).rem_euclid(360.0) - 180.0 } else { 0.0 }
}

/// The nearest multiple of 15°.
pub fn snapped_turn(degrees: f32) -> f32 {
    (degrees / 15.0).round() * 15.0
}

/// The factor nearest to `factor` by which all these layers can be scaled without leaving [`Layer::SCALE`], so that
/// they keep their sizes relative to each other.
pub fn common_factor<'a>(layers: impl IntoIterator<Item = &'a Layer>, factor: f32) -> f32 {
    let (least, most) = layers.into_iter().fold((0.0_f32, f32::INFINITY), |(least, most), layer| {
        let scale = clamp(layer.scale, &Layer::SCALE);
        (least.max(Layer::SCALE.start() / scale), most.min(Layer::SCALE.end() / scale))
    });
    factor.clamp(least, most.max(least))
}

/// Moves a layer.
pub fn shift(layer: &mut Layer, by: Point) {
    layer.x = clamp(layer.x + by.0, &Layer::POSITION);
    layer.y = clamp(layer.y + by.1, &Layer::POSITION);
}

/// Scales a layer about a point.
pub fn scale(layer: &mut Layer, about: Point, factor: f32) {
    layer.x = clamp(about.0 + (layer.x - about.0) * factor, &Layer::POSITION);
    layer.y = clamp(about.1 + (layer.y - about.1) * factor, &Layer::POSITION);
    layer.scale = clamp(layer.scale * factor, &Layer::SCALE);
}

/// Turns a layer about a point, clockwise. A turn beyond [`Layer::ROTATION`] starts again from the same direction.
pub fn turn(layer: &mut Layer, about: Point, degrees: f32) {
    let (dx, dy) = turned((layer.x - about.0, layer.y - about.1), degrees);
    layer.x = clamp(about.0 + dx, &Layer::POSITION);
    layer.y = clamp(about.1 + dy, &Layer::POSITION);
    let rotation = layer.rotation + degrees;
    let rotation = if Layer::ROTATION.contains(&rotation) { rotation } else { rotation % 360.0 };
    layer.rotation = clamp(rotation, &Layer::ROTATION);
}

/// From a point to the line from one point to another: how far it is from a stroke.
pub fn distance(point: Point, from: Point, to: Point) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (px, py) = (point.0 - from.0, point.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (px - along * dx).hypot(py - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(x: f32, y: f32, scale: f32, rotation: f32) -> Layer {
        Layer { scale, rotation, ..Layer::new("cat.png", x, y) }
    }

    #[track_caller]
    fn near(a: Point, b: Point) {
        assert!((a.0 - b.0).hypot(a.1 - b.1) < 1e-3, "{a:?} is not {b:?}");
    }

    #[test]
    fn a_quarter_turn_brings_the_top_to_the_right() {
        let frame = Frame::of(&layer(100.0, 50.0, 2.0, 90.0), (20, 10));
        near(frame.top(), (110.0, 50.0));
        near(frame.up(), (1.0, 0.0));
        near(frame.corners()[0], (110.0, 30.0));
        let bounds = frame.bounds();
        near((bounds.left, bounds.top), (90.0, 30.0));
        near(bounds.size(), (20.0, 40.0));
    }

    #[test]
    fn a_mirrored_picture_shows_its_right_side_at_the_left() {
        let mut layer = layer(0.0, 0.0, 1.0, 0.0);
        near(Frame::of(&layer, (10, 10)).within((-4.0, -5.0)).unwrap(), (0.1, 0.0));
        layer.flip = true;
        near(Frame::of(&layer, (10, 10)).within((-4.0, -5.0)).unwrap(), (0.9, 0.0));
        assert_eq!(Frame::of(&layer, (10, 10)).within((-5.1, 0.0)), None);
        assert_eq!(Frame::of(&layer, (0, 0)).within((0.0, 0.0)), None);
    }

    /// The picture's pixels lie where the collage that the engine sees has them.
    #[test]
    fn frames_agree_with_the_collage() {
        let mut layer = layer(30.0, 34.0, 1.0, 30.0);
        layer.flip = true;
        let mut picture = image::RgbaImage::from_pixel(40, 20, image::Rgba([0, 0, 0, 255]));
        for (x, _, pixel) in picture.enumerate_pixels_mut() {
            pixel.0[0] = (x * 6) as u8;
        }
        let project = crate::project::Project {
            canvas: crate::project::Canvas { width: 64, height: 64 },
            layout: crate::project::Layout::Collage {
                background: crate::project::Background::Color([0, 255, 0]),
                layers: vec![layer.clone()],
            },
            ..Default::default()
        };
        let picture = std::sync::Arc::new(picture);
        let collage = crate::project::picture::composite_from(&project, &mut |_| Ok(picture.clone())).unwrap();
        let frame = Frame::of(&layer, (40, 20));
        let mut inside = 0;
        for (x, y, pixel) in collage.picture.enumerate_pixels() {
            let at = frame.within((x as f32 + 0.5, y as f32 + 0.5));
            match (at, pixel.0[1]) {
                (Some((u, _)), 0) => {
                    inside += 1;
                    let expected = ((u * 40.0 - 0.5) * 6.0).clamp(0.0, 234.0);
                    assert!((expected - f32::from(pixel.0[0])).abs() < 2.0, "{x},{y}: {expected} {pixel:?}");
                }
                (None, 0) => panic!("{x},{y} is drawn but outside"),
                (Some(_), 255) => panic!("{x},{y} is inside but not drawn"),
                _ => {}
            }
        }
        assert!(inside > 600, "{inside}");
    }

    #[test]
    fn dragging_a_corner_scales_about_the_opposite_one() {
        let start = layer(100.0, 100.0, 1.0, 30.0);
        let frame = Frame::of(&start, (40, 20));
        let (corner, anchor) = (2, frame.anchor(2, false));
        near(anchor, frame.corners()[0]);
        let from = frame.corners()[corner];
        let to = (anchor.0 + (from.0 - anchor.0) * 2.5, anchor.1 + (from.1 - anchor.1) * 2.5);
        let factor = frame.factor(corner, anchor, to);
        assert!((factor - 2.5).abs() < 1e-4, "{factor}");
        let mut scaled = start;
        scale(&mut scaled, anchor, factor);
        let scaled = Frame::of(&scaled, (40, 20));
        near(scaled.corners()[0], anchor);
        near(scaled.corners()[2], to);
    }

    #[test]
    fn a_corner_dragged_past_its_anchor_leaves_something_to_hold() {
        let frame = Frame::of(&layer(0.0, 0.0, 1.0, 0.0), (30, 40));
        let anchor = frame.anchor(2, false);
        assert_eq!(frame.factor(2, anchor, (-500.0, -500.0)), 4.0 / 50.0);
        assert_eq!(frame.factor(2, anchor, (f32::NAN, 0.0)), 1.0);
        let nothing = Frame { size: (0.0, 0.0), ..frame };
        assert_eq!(nothing.factor(2, nothing.anchor(2, false), (9.0, 9.0)), 1.0);
    }

    #[test]
    fn a_group_is_not_scaled_further_than_its_smallest_and_largest_allow() {
        let layers = [layer(0.0, 0.0, 0.01, 0.0), layer(0.0, 0.0, 500.0, 0.0)];
        assert_eq!(common_factor(&layers, 5.0), 2.0);
        assert!((common_factor(&layers, 0.0) - 0.1).abs() < 1e-6);
        assert_eq!(common_factor(&[], 3.0), 3.0);
        assert!(common_factor(&[layer(0.0, 0.0, f32::NAN, 0.0)], 2.0).is_finite());
    }

    #[test]
    fn turning_about_another_point_moves_the_layer_along() {
        let mut turning = layer(10.0, 0.0, 1.0, 5.0);
        turn(&mut turning, (0.0, 0.0), 90.0);
        near((turning.x, turning.y), (0.0, 10.0));
        assert_eq!(turning.rotation, 95.0);
        turning.rotation = 3590.0;
        turn(&mut turning, (0.0, 10.0), 20.0);
        assert_eq!(turning.rotation, 10.0);
    }

    #[test]
    fn the_shorter_way_round_is_taken_and_turns_snap_to_fifteen() {
        assert_eq!(shorter(190.0), -170.0);
        assert_eq!(shorter(-190.0), 170.0);
        assert_eq!(shorter(f32::INFINITY), 0.0);
        assert_eq!(direction((0.0, 0.0), (0.0, 5.0)), 90.0);
        assert_eq!((snapped_turn(22.0), snapped_turn(-8.0)), (15.0, -15.0));
    }

    #[test]
    fn layers_stay_where_they_can_be_found() {
        let mut far = layer(99_999.0, 0.0, 1.0, 0.0);
        shift(&mut far, (50.0, f32::NAN));
        assert_eq!((far.x, far.y), (100_000.0, 0.0));
    }

    #[test]
    fn bounds_meet_where_they_overlap() {
        let bounds = Bounds::around([(0.0, 0.0), (10.0, 4.0)]).unwrap();
        assert!(bounds.meets(bounds.moved((10.0, 0.0))));
        assert!(!bounds.meets(bounds.moved((10.1, 0.0))));
        assert_eq!(Bounds::around([]), None);
        assert_eq!(Frame::upright(bounds).bounds(), bounds);
    }
}
