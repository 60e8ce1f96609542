//! Who is meant by a rectangle and a few scribbles: GrabCut (Rother, Kolmogorov and Blake, 2004), which finds the colours of
//! both sides and the cheapest cut between them by turns.
//!
//! The turns are taken on the smallest size of the picture. From there each larger size is cut anew only in a narrow band
//! along the edge, with the colours as they are: how long that takes goes by the edge's length, not by the area. A cut is a
//! pure function of the picture, the hints and the cut that it goes on from, so undoing one brings the very same back.

use image::{GrayImage, RgbaImage};
use rayon::prelude::*;

use super::flow::{Flow, NONE, WAYS};
use super::levels::levels;
use super::mixture::{Color, Mixture};
use super::shapes::{Point, rectangle, stroke};
use super::stop::Stop;

/// How much an edge between two equal neighbours costs.
const GAMMA: f32 = 50.0;
/// Whole numbers to one of the costs.
const FINE: f32 = 256.0;
/// How often colours and cut take turns at the most: to begin with, and after one more scribble.
const TURNS: usize = 5;
const MORE_TURNS: usize = 2;
/// How many pixels of the smaller size the edge may still move to either side.
const BAND: usize = 2;

/// A scribble that says where somebody is, or is not.
#[derive(Debug, Clone, PartialEq)]
pub struct Scribble {
    /// Its line, pixels.
    pub points: Vec<Point>,
    /// Half its width, pixels.
    pub radius: f32,
    /// Whether what lies under it is kept; else it is removed.
    pub keep: bool,
}

/// What people say of a picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hints {
    /// Two corners of a rectangle, outside of which there is nothing of the subject.
    pub within: Option<[Point; 2]>,
    /// The later ones lie over the earlier ones, and all over the rectangle.
    pub scribbles: Vec<Scribble>,
}

/// A cut, and what is needed to go on from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// 255 inside, 0 outside; as large as the picture.
    pub mask: GrayImage,
    /// The colours of the ground and of the subject, and the cut on the smallest size; without them there is only one side.
    known: Option<Known>,
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    ground: Mixture,
    subject: Mixture,
    inside: Vec<bool>,
}

/// What is sure of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// Nothing.
    Open,
    Outside,
    Inside,
}

/// A picture, made ready for cutting.
#[derive(Debug)]
pub struct Subject {
    /// The largest first.
    levels: Vec<RgbaImage>,
}

impl Subject {
    /// Makes a picture ready. `None` where it was stopped.
    pub fn new(picture: RgbaImage, stop: &Stop) -> Option<Self> {
        Some(Self { levels: levels(picture, stop)? })
    }

    /// The picture itself.
    pub fn picture(&self) -> &RgbaImage {
        &self.levels[0]
    }

    /// The picture, where no more is cut.
    pub fn into_picture(mut self) -> RgbaImage {
        self.levels.swap_remove(0)
    }

    /// The cut that hints mean; `before` is the cut of all of them but the last few. `None` where it was stopped.
    pub fn cut(&self, hints: &Hints, before: Option<&Found>, stop: &Stop) -> Option<Found> {
        let size = self.levels[0].dimensions();
        let nothing = Found { mask: GrayImage::new(size.0, size.1), known: None };
        let keeps = hints.scribbles.iter().any(|scribble| scribble.keep);
        if (hints.within.is_none() && !keeps) || size.0 == 0 || size.1 == 0 {
            return Some(nothing);
        }
        let coarsest = self.levels.len() - 1;
        let sure = self.sure(hints, coarsest);
        let before = before.and_then(|before| before.known.as_ref());
        let (mut inside, known) = self.turns(&sure, hints, before, stop)?;
        for level in (0..coarsest).rev() {
            let sure = self.sure(hints, level);
            inside = self.finer(level, &inside, &sure, known.as_ref(), stop)?;
        }
        let mask = inside.into_iter().map(|inside| if inside { 255 } else { 0 }).collect();
        Some(Found { mask: GrayImage::from_raw(size.0, size.1, mask).unwrap_or_default(), known })
    }

    /// What hints say of each pixel of a level.
    fn sure(&self, hints: &Hints, level: usize) -> Vec<Sure> {
        let picture = &self.levels[level];
        let (width, height) = picture.dimensions();
        let scale = (0.5_f32).powi(level as i32);
        let scaled = |point: &Point| point.map(|value| value * scale);
        let open = if hints.within.is_some() { Sure::Outside } else { Sure::Open };
        let mut sure = vec![open; (width * height) as usize];
        let mut put = |patch: &super::shapes::Patch, what: Sure| {
            let wide = patch.mask.width().max(1) as usize;
            for (above, row) in patch.mask.as_raw().chunks_exact(wide).enumerate() {
                let from = (patch.top as usize + above) * width as usize + patch.left as usize;
                for (sure, covered) in sure[from..from + wide].iter_mut().zip(row) {
                    if *covered > 127 {
                        *sure = what;
                    }
                }
            }
        };
        if let Some(corners) = &hints.within {
            put(&rectangle([scaled(&corners[0]), scaled(&corners[1])], (width, height)), Sure::Open);
        }
        for scribble in &hints.scribbles {
            let points: Vec<Point> = scribble.points.iter().map(scaled).collect();
            let patch = stroke(&points, (scribble.radius * scale).max(0.75), 1.0, (width, height));
            put(&patch, if scribble.keep { Sure::Inside } else { Sure::Outside });
        }
        for (sure, pixel) in sure.iter_mut().zip(picture.pixels()) {
            if pixel.0[3] < 128 {
                *sure = Sure::Outside;
            }
        }
        sure
    }

    /// Colours and cut by turns, on the smallest size.
    fn turns(
        &self,
        sure: &[Sure],
        hints: &Hints,
        before: Option<&Known>,
        stop: &Stop,
    ) -> Option<(Vec<bool>, Option<Known>)> {
        let picture = &self.levels[self.levels.len() - 1];
        let colors: Vec<Color> = picture.pixels().map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect();
        let kept = |inside: &[bool]| -> Vec<bool> {
            let sides = sure.iter().zip(inside);
            sides.map(|(sure, inside)| *sure == Sure::Inside || (*sure == Sure::Open && *inside)).collect()
        };
        let (mut inside, mut mixtures) = match before {
            Some(known) if known.inside.len() == sure.len() => {
                let inside = kept(&known.inside);
                let [ground, subject] = both(&colors, &inside);
                let again = known.ground.again(&ground).zip(known.subject.again(&subject));
                (inside, again)
            }
            _ => {
                let first = begin(sure, hints.within.is_some(), picture.width() as usize);
                let [ground, subject] = both(&colors, &first);
                let mixtures = Mixture::of(&ground).zip(Mixture::of(&subject));
                (kept(&first), mixtures)
            }
        };
        let nodes: Vec<u32> = (0..sure.len() as u32).filter(|at| sure[*at as usize] == Sure::Open).collect();
        for turn in 0..if before.is_some() { MORE_TURNS } else { TURNS } {
            stop.go_on()?;
            let Some((ground, subject)) = &mixtures else { break };
            let cut = band_cut(picture, &nodes, &inside, (ground, subject), stop)?;
            let done = turn > 0 && cut == inside;
            inside = cut;
            if done {
                break;
            }
            let [outside, within] = both(&colors, &inside);
            // Where a side has become empty, its last colours stay what is known of it.
            mixtures = match (ground.again(&outside), subject.again(&within)) {
                (None, None) => None,
                (new_ground, new_subject) => {
                    Some((new_ground.unwrap_or_else(|| ground.clone()), new_subject.unwrap_or_else(|| subject.clone())))
                }
            };
        }
        let known = mixtures.map(|(ground, subject)| Known { ground, subject, inside: inside.clone() });
        Some((inside, known))
    }

    /// The cut on a level from the cut on the next smaller one.
    fn finer(
        &self,
        level: usize,
        coarse: &[bool],
        sure: &[Sure],
        known: Option<&Known>,
        stop: &Stop,
    ) -> Option<Vec<bool>> {
        stop.go_on()?;
        let picture = &self.levels[level];
        let (wide, coarse_wide) = (picture.width() as usize, self.levels[level + 1].width() as usize);
        let band = near_edge(coarse, coarse_wide);
        let mut inside = vec![false; sure.len()];
        let mut nodes = Vec::new();
        for (y, row) in sure.chunks_exact(wide).enumerate() {
            for (x, sure) in row.iter().enumerate() {
                let (at, below) = (y * wide + x, y / 2 * coarse_wide + x / 2);
                inside[at] = *sure == Sure::Inside || (*sure == Sure::Open && coarse[below]);
                if band[below] && *sure == Sure::Open {
                    nodes.push(at as u32);
                }
            }
        }
        match known {
            Some(known) => band_cut(picture, &nodes, &inside, (&known.ground, &known.subject), stop),
            None => Some(inside),
        }
    }
}

/// Which pixels are the subject's before anything is known of its colours.
fn begin(sure: &[Sure], framed: bool, wide: usize) -> Vec<bool> {
    let high = sure.len() / wide.max(1);
    let outside = sure.contains(&Sure::Outside);
    let rim = |at: usize| {
        let (x, y) = (at % wide, at / wide);
        let thick = wide.min(high) / 24 + 1;
        x < thick || y < thick || x + thick >= wide || y + thick >= high
    };
    let kept = sure.contains(&Sure::Inside);
    let side = |(at, sure): (usize, &Sure)| match sure {
        Sure::Inside => true,
        Sure::Outside => false,
        // A rectangle holds the subject; scribbles alone say of the rest only that it is most likely something else.
        Sure::Open if framed => outside || !rim(at),
        Sure::Open => !kept,
    };
    sure.iter().enumerate().map(side).collect()
}

/// The colours outside and inside.
fn both(colors: &[Color], inside: &[bool]) -> [Vec<Color>; 2] {
    let (mut ground, mut subject) = (Vec::new(), Vec::new());
    for (color, inside) in colors.iter().zip(inside) {
        if *inside { &mut subject } else { &mut ground }.push(*color);
    }
    [ground, subject]
}

/// The pixels within [`BAND`] of an edge.
fn near_edge(inside: &[bool], wide: usize) -> Vec<bool> {
    let mut near = vec![false; inside.len()];
    let high = inside.len() / wide.max(1);
    for at in 0..inside.len() {
        let (x, y) = (at % wide, at / wide);
        let right = x + 1 < wide && inside[at] != inside[at + 1];
        let below = y + 1 < high && inside[at] != inside[at + wide];
        if right || below {
            let to = (x + BAND + usize::from(right)).min(wide - 1);
            let bottom = (y + BAND + usize::from(below)).min(high - 1);
            for y in y.saturating_sub(BAND)..=bottom {
                near[y * wide + x.saturating_sub(BAND)..=y * wide + to].fill(true);
            }
        }
    }
    near
}

/// The cheapest cut between the colours of ground and subject, which leaves all pixels but `nodes` (in order) on the side
/// where they are.
fn band_cut(
    picture: &RgbaImage,
    nodes: &[u32],
    inside: &[bool],
    (ground, subject): (&Mixture, &Mixture),
    stop: &Stop,
) -> Option<Vec<bool>> {
    let (wide, high) = (picture.width() as i32, picture.height() as i32);
    let pixels: &[[u8; 4]] = picture.as_raw().as_chunks().0;
    let color = |at: usize| -> Color { [pixels[at][0], pixels[at][1], pixels[at][2]] };
    let next = neighbours(nodes, wide as usize);
    let mut cut = inside.to_vec();
    let beside = |at: u32, way: usize| -> Option<usize> {
        let (x, y) = (at as i32 % wide + WAYS[way].0, at as i32 / wide + WAYS[way].1);
        ((0..wide).contains(&x) && (0..high).contains(&y)).then_some((y * wide + x) as usize)
    };
    // What colours cost on either side, and how far each is from its neighbours'.
    let told: Vec<([f32; 2], [f32; 8])> = nodes
        .par_iter()
        .with_min_len(1024)
        .map(|at| {
            let own = color(*at as usize);
            let far = [0, 1, 2, 3, 4, 5, 6, 7].map(|way| match beside(*at, way) {
                Some(other) => apart(own, color(other)),
                None => -1.0,
            });
            ([ground.cost(own), subject.cost(own)], far)
        })
        .collect();
    stop.go_on()?;
    let (mut sum, mut count) = (0.0_f64, 0_u64);
    for far in told.iter().flat_map(|(_, far)| far).filter(|far| **far >= 0.0) {
        sum += f64::from(*far);
        count += 1;
    }
    let beta = if sum > 0.0 { (count as f64 / (2.0 * sum)) as f32 } else { 0.0 };
    let mut flow = Flow::new(next);
    for (node, (costs, far)) in told.iter().enumerate() {
        let (mut source, mut sink) = (costs[0] * FINE, costs[1] * FINE);
        // Costs may be below nothing; only their difference counts.
        let least = source.min(sink);
        (source, sink) = (source - least, sink - least);
        for (way, far) in far.iter().enumerate() {
            if *far < 0.0 {
                continue;
            }
            let strength = GAMMA * (-beta * far).exp() / if way < 4 { 1.0 } else { std::f32::consts::SQRT_2 };
            let strength = strength * FINE;
            if flow.neighbour(node, way) == NONE {
                // A pixel whose side is sure pulls to it.
                let Some(other) = beside(nodes[node], way) else { continue };
                *if inside[other] { &mut source } else { &mut sink } += strength;
            } else if way % 2 == 0 {
                flow.link(node, way, strength as i32);
            }
        }
        flow.tie(node, source as i32, sink as i32);
    }
    flow.run(stop)?;
    for (node, at) in nodes.iter().enumerate() {
        cut[*at as usize] = flow.is_source(node);
    }
    Some(cut)
}

fn apart(one: Color, other: Color) -> f32 {
    one.iter().zip(other).map(|(one, other)| (f32::from(*one) - f32::from(other)).powi(2)).sum()
}

/// Which of the nodes are beside which; they are pixels of a picture `wide` pixels wide, in order.
fn neighbours(nodes: &[u32], wide: usize) -> Vec<[u32; 8]> {
    let mut next = vec![[NONE; 8]; nodes.len()];
    let wide = wide as u32;
    // Where the row below has got to.
    let mut below = 0;
    for node in 0..nodes.len() {
        let at = nodes[node];
        let (x, y) = (at % wide, at / wide);
        if x + 1 < wide && nodes.get(node + 1) == Some(&(at + 1)) {
            next[node][0] = node as u32 + 1;
            next[node + 1][1] = node as u32;
        }
        let left = (y + 1) * wide + x.saturating_sub(1);
        while nodes.get(below).is_some_and(|at| *at < left) {
            below += 1;
        }
        for (other, place) in nodes.iter().enumerate().skip(below).take(3) {
            let way = match place.checked_sub((y + 1) * wide) {
                Some(under) if under == x => 2,
                Some(under) if under == x + 1 && under < wide => 4,
                Some(under) if under + 1 == x => 6,
                _ => continue,
            };
            next[node][way] = other as u32;
            next[other][way ^ 1] = node as u32;
        }
    }
    next
}
