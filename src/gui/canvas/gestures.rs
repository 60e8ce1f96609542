//! What pressing and dragging on the collage does: selects, moves, copies, scales, turns, draws a rubber band.
//!
//! Every move is computed from the layers as they were when the gesture began, so that nothing adds up; the whole is
//! one step of the history. Should anybody else change the project meanwhile, the gesture lets go.

use std::collections::BTreeSet;

use eframe::egui::{CursorIcon, Modifiers, PointerButton, Pos2, Ui};

use super::board::{Board, canvas_size};
use super::handles::{self, Held};
use super::placed::{Placed, hit, placed};
use super::view::Mapping;
use crate::project::Layer;
use crate::studio::Studio;
use crate::studio::document::geometry::{self, Bounds, Frame, Point};
use crate::studio::document::groups::part_copies;
use crate::studio::document::snap::{self, Guide};

/// Within how many points on the screen a line is snapped to.
const SNAP: f32 = 6.0;
/// The history's name for what is dragged here.
const KEY: u64 = 0x0063_616E_7661_7300;

/// What is in somebody's hand, from one frame to the next.
#[derive(Debug, Default)]
pub struct Hand {
    pub gesture: Option<Gesture>,
    /// The lines that what is moved came to rest at.
    pub guides: Vec<Guide>,
    /// When a layer was last moved by an arrow key.
    pub nudged: Option<f64>,
}

/// What is being dragged.
#[derive(Clone, Debug)]
pub enum Gesture {
    /// A rubber band.
    Band {
        /// Where it began.
        from: Point,
        /// Where it ends now.
        to: Point,
        /// What stays selected besides.
        kept: BTreeSet<usize>,
    },
    /// Layers.
    Layers(Layers),
}

/// Layers in somebody's hand.
#[derive(Clone, Debug)]
pub struct Layers {
    kind: Kind,
    /// The layers as they were. For copies, what they are copies of.
    start: Vec<(usize, Layer)>,
    /// The box around them as they were.
    frame: Frame,
    /// Where the others are, to snap to.
    others: Vec<Bounds>,
    /// What was selected before.
    selection: BTreeSet<usize>,
    copies: bool,
    /// Whether the history holds a move of this gesture.
    begun: bool,
    /// The history's revision after the last move; another one says that somebody else changed the project.
    revision: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Move { from: Point },
    Scale { corner: usize, grab: Point },
    Turn { last: f32, turned: f32 },
}

impl Gesture {
    /// The rubber band's corners.
    pub fn band(&self) -> Option<(Point, Point)> {
        match self {
            Self::Band { from, to, .. } => Some((*from, *to)),
            Self::Layers(_) => None,
        }
    }

    /// The cursor while it lasts.
    pub fn cursor(&self) -> Option<CursorIcon> {
        match self {
            Self::Band { .. } => Some(CursorIcon::Crosshair),
            Self::Layers(layers) => Some(match layers.kind {
                Kind::Move { .. } if layers.copies => CursorIcon::Copy,
                Kind::Move { .. } => CursorIcon::Move,
                Kind::Scale { corner, .. } => handles::cursor(layers.frame, corner),
                Kind::Turn { .. } => CursorIcon::Grabbing,
            }),
        }
    }
}

/// Takes clicks and drags on the collage.
pub fn take(ui: &Ui, studio: &mut Studio, hand: &mut Hand, board: &Board) {
    let response = &board.response;
    let (modifiers, origin, pointer) =
        ui.input(|input| (input.modifiers, input.pointer.press_origin(), input.pointer.latest_pos()));
    if response.clicked_by(PointerButton::Primary) {
        click(studio, hand, board, modifiers);
    }
    if response.drag_started_by(PointerButton::Primary)
        && !board.panning
        && hand.gesture.is_none()
        && let Some(origin) = origin
    {
        end_nudges(studio, hand);
        hand.gesture = Some(begin(studio, board, origin, modifiers));
    }
    if response.dragged_by(PointerButton::Primary)
        && let Some(pointer) = pointer
    {
        go_on(studio, hand, board.map, pointer, modifiers);
    } else if !response.dragged() {
        let_go(studio, hand);
    }
}

fn click(studio: &mut Studio, hand: &mut Hand, board: &Board, modifiers: Modifiers) {
    // A press of the Enter key on the board is a click without a place.
    let Some(at) = board.response.interact_pointer_pos() else { return };
    let placed = placed(studio);
    if handles::under(board, handles::frame(studio, &placed), at).is_some() {
        return;
    }
    hand.guides.clear();
    match hit(&placed, board.map.canvas(at)) {
        // Twice within a group means the one layer.
        Some(layer) if board.response.double_clicked() && modifiers.is_none() => studio.document.select_only(layer),
        Some(layer) if modifiers.shift || modifiers.command => studio.document.select_group_toggle(layer),
        Some(layer) => studio.document.select_group(layer),
        None if modifiers.shift || modifiers.command => {}
        None => studio.document.select_none(),
    }
}

fn begin(studio: &mut Studio, board: &Board, origin: Pos2, modifiers: Modifiers) -> Gesture {
    let placed = placed(studio);
    let at = board.map.canvas(origin);
    if let Some((held, frame)) = handles::under(board, handles::frame(studio, &placed), origin) {
        let kind = match held {
            Held::Corner(corner) => {
                let place = frame.corners().get(corner).copied().unwrap_or(frame.center);
                Kind::Scale { corner, grab: (place.0 - at.0, place.1 - at.1) }
            }
            Held::Turn => Kind::Turn { last: geometry::direction(frame.center, at), turned: 0.0 },
        };
        return hold(studio, &placed, kind, frame, false);
    }
    let under = hit(&placed, at).and_then(|index| placed.get(index)).filter(|placed| placed.is_loose());
    let Some(under) = under else {
        let kept = if modifiers.shift { studio.document.selection().clone() } else { BTreeSet::new() };
        return Gesture::Band { from: at, to: at, kept };
    };
    if !studio.document.selection().contains(&under.index) {
        if modifiers.shift {
            studio.document.select_group_toggle(under.index);
        } else {
            studio.document.select_group(under.index);
        }
    }
    let frame = handles::frame(studio, &placed).unwrap_or(under.frame);
    hold(studio, &placed, Kind::Move { from: at }, frame, modifiers.alt)
}

/// Takes hold of the selected layers that can be moved.
fn hold(studio: &Studio, placed: &[Placed], kind: Kind, frame: Frame, copies: bool) -> Gesture {
    let chosen = |placed: &&Placed| placed.is_loose() && studio.document.selection().contains(&placed.index);
    let start = placed.iter().filter(chosen).map(|placed| (placed.index, placed.layer.clone())).collect();
    // Copies may come to rest at what they are copies of.
    let others = placed.iter().filter(|placed| placed.layer.is_seen() && (copies || !chosen(placed)));
    Gesture::Layers(Layers {
        kind,
        start,
        frame,
        others: others.map(|placed| placed.frame.bounds()).collect(),
        selection: studio.document.selection().clone(),
        copies,
        begun: false,
        revision: studio.document.history.revision(),
    })
}

fn go_on(studio: &mut Studio, hand: &mut Hand, map: Mapping, pointer: Pos2, modifiers: Modifiers) {
    let at = map.canvas(pointer);
    match hand.gesture.take() {
        None => {}
        Some(Gesture::Band { from, kept, .. }) => {
            let inside = Bounds::around([from, at]);
            let placed = placed(studio);
            let caught = placed
                .iter()
                .filter(|placed| placed.is_loose() && inside.is_some_and(|inside| inside.meets(placed.frame.bounds())));
            let caught = caught.flat_map(|placed| studio.document.group_of(placed.index));
            let chosen: BTreeSet<usize> = caught.chain(kept.iter().copied()).collect();
            studio.document.select(chosen);
            hand.gesture = Some(Gesture::Band { from, to: at, kept });
        }
        Some(Gesture::Layers(mut layers)) => {
            hand.guides.clear();
            if layers.revision == studio.document.history.revision() {
                hand.guides = drag(studio, &mut layers, at, SNAP / map.zoom, modifiers);
                hand.gesture = Some(Gesture::Layers(layers));
            }
        }
    }
}

/// Brings the layers to where the pointer has them; gives the lines that they came to rest at.
fn drag(studio: &mut Studio, layers: &mut Layers, at: Point, within: f32, modifiers: Modifiers) -> Vec<Guide> {
    match layers.kind {
        Kind::Move { from } => {
            let mut by = (at.0 - from.0, at.1 - from.1);
            let mut guides = Vec::new();
            if !modifiers.command {
                let moved = layers.frame.bounds().moved(by);
                let snapped = snap::snap(moved, canvas_size(studio), &layers.others, within);
                by = (by.0 + snapped.by.0, by.1 + snapped.by.1);
                guides = snapped.guides;
            }
            let verb = if layers.copies { "Duplicate" } else { "Move" };
            change(studio, layers, verb, |layer| geometry::shift(layer, by));
            guides
        }
        Kind::Scale { corner, grab } => {
            let anchor = layers.frame.anchor(corner, modifiers.alt);
            let factor = layers.frame.factor(corner, anchor, (at.0 + grab.0, at.1 + grab.1));
            let factor = geometry::common_factor(layers.start.iter().map(|(_, layer)| layer), factor);
            change(studio, layers, "Scale", |layer| geometry::scale(layer, anchor, factor));
            Vec::new()
        }
        Kind::Turn { last, turned } => {
            let now = geometry::direction(layers.frame.center, at);
            let turned = turned + geometry::shorter(now - last);
            layers.kind = Kind::Turn { last: now, turned };
            let start = layers.frame.rotation;
            let by = if modifiers.shift { geometry::snapped_turn(start + turned) - start } else { turned };
            let about = layers.frame.center;
            change(studio, layers, "Turn", |layer| geometry::turn(layer, about, by));
            Vec::new()
        }
    }
}

fn change(studio: &mut Studio, layers: &mut Layers, verb: &str, change: impl Fn(&mut Layer)) {
    let name = match layers.start.as_slice() {
        [] => return,
        [(_, layer)] => format!("{verb} {}", layer.title()),
        several => format!("{verb} {} layers", several.len()),
    };
    let changed: Vec<(usize, Layer)> = layers
        .start
        .iter()
        .map(|(index, layer)| {
            let mut layer = layer.clone();
            change(&mut layer);
            (*index, layer)
        })
        .collect();
    let new = layers.copies && !layers.begun;
    let first = studio.project().layers().len();
    studio.document.edit_in_gesture(KEY, name, |project| {
        let Some(all) = project.layers_mut() else { return };
        if new {
            let mut copies: Vec<Layer> = changed.into_iter().map(|(_, layer)| layer).collect();
            part_copies(&mut copies, all);
            all.extend(copies);
            return;
        }
        for (index, layer) in changed {
            if let Some(old) = all.get_mut(index) {
                *old = layer;
            }
        }
    });
    if new {
        // From now on the copies are what is dragged.
        let copies = studio.project().layers().iter().skip(first);
        for (place, ((index, layer), copy)) in layers.start.iter_mut().zip(copies).enumerate() {
            *index = first + place;
            (layer.id, layer.group) = (copy.id, copy.group);
        }
        studio.document.select(first..studio.project().layers().len());
    }
    layers.begun |= studio.document.history.in_gesture();
    layers.revision = studio.document.history.revision();
}

/// Ends the gesture in hand and keeps what it did.
pub fn let_go(studio: &mut Studio, hand: &mut Hand) {
    hand.guides.clear();
    if let Some(Gesture::Layers(layers)) = hand.gesture.take()
        && layers.begun
        && layers.revision == studio.document.history.revision()
    {
        studio.document.end_gesture();
    }
}

/// Gives the gesture in hand up. Says whether there was one.
pub fn give_up(studio: &mut Studio, hand: &mut Hand) -> bool {
    hand.guides.clear();
    match hand.gesture.take() {
        None => false,
        Some(Gesture::Band { kept, .. }) => {
            studio.document.select(kept);
            true
        }
        Some(Gesture::Layers(layers)) => {
            if layers.begun && layers.revision == studio.document.history.revision() {
                studio.document.cancel_gesture();
            }
            studio.document.select(layers.selection);
            true
        }
    }
}

/// Moves by arrow keys that follow each other are one step; this ends it.
pub fn end_nudges(studio: &mut Studio, hand: &mut Hand) {
    if hand.nudged.take().is_some() {
        studio.document.end_gesture();
    }
}
