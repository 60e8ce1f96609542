//! The cheapest cut between two sides of a grid of pixels: the largest flow, by Boykov and Kolmogorov's two trees ("An
//! Experimental Comparison of Min-Cut/Max-Flow Algorithms", 2004), with the distances of their own program.
//!
//! Whole numbers, so that the cut is the cheapest one exactly. A graph library keeps edges in lists; here a pixel has eight
//! neighbours at most, an edge and its way back are one bit apart, and nothing is looked up.

use std::collections::VecDeque;

use super::stop::Stop;

/// The eight neighbours; the way back of one is its number with the last bit turned.
pub const WAYS: [(i32, i32); 8] = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (-1, 1), (1, -1)];

/// No neighbour there.
pub const NONE: u32 = u32::MAX;

/// Parents that are no neighbour: the side itself, nobody yet, and somebody who was lost.
const ROOT: u8 = 8;
const FREE: u8 = 9;
const LOST: u8 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tree {
    Neither,
    Source,
    Sink,
}

/// What flows, and the two trees along which more can.
#[derive(Debug)]
pub struct Flow {
    /// Each node's neighbours, by [`WAYS`].
    next: Vec<[u32; 8]>,
    /// How much more can flow to each neighbour.
    rest: Vec<[i32; 8]>,
    /// How much more can come from the source; below 0, how much more can go to the sink.
    pull: Vec<i32>,
    tree: Vec<Tree>,
    parent: Vec<u8>,
    /// When a node's distance was known to be right, and the distance to its root.
    seen: Vec<u32>,
    far: Vec<u32>,
    now: u32,
    active: VecDeque<u32>,
    waiting: Vec<bool>,
    lost: VecDeque<u32>,
    flow: i64,
}

impl Flow {
    /// Nodes with their neighbours, and no edges yet.
    pub fn new(next: Vec<[u32; 8]>) -> Self {
        let count = next.len();
        Self {
            next,
            rest: vec![[0; 8]; count],
            pull: vec![0; count],
            tree: vec![Tree::Neither; count],
            parent: vec![FREE; count],
            seen: vec![0; count],
            far: vec![0; count],
            now: 0,
            active: VecDeque::new(),
            waiting: vec![false; count],
            lost: VecDeque::new(),
            flow: 0,
        }
    }

    /// A node's neighbour, or [`NONE`].
    pub fn neighbour(&self, node: usize, way: usize) -> u32 {
        self.next[node][way]
    }

    /// An edge to a neighbour, as strong in both directions.
    pub fn link(&mut self, node: usize, way: usize, strength: i32) {
        let other = self.next[node][way];
        if other != NONE {
            self.rest[node][way] += strength;
            self.rest[other as usize][way ^ 1] += strength;
        }
    }

    /// Edges from the source and to the sink; what flows straight through flows at once.
    pub fn tie(&mut self, node: usize, source: i32, sink: i32) {
        let (source, sink) = (source + self.pull[node].max(0), sink + (-self.pull[node]).max(0));
        self.flow += i64::from(source.min(sink));
        self.pull[node] = source - sink;
    }

    /// The largest flow; `None` where it was stopped.
    pub fn run(&mut self, stop: &Stop) -> Option<i64> {
        for node in 0..self.pull.len() {
            if self.pull[node] == 0 {
                continue;
            }
            self.tree[node] = if self.pull[node] > 0 { Tree::Source } else { Tree::Sink };
            self.parent[node] = ROOT;
            self.far[node] = 1;
            self.wake(node);
        }
        let mut rounds = 0_u32;
        while let Some(node) = self.active.pop_front() {
            let node = node as usize;
            self.waiting[node] = false;
            // As long as it finds ways to the other tree, it goes on from the same node.
            while self.parent[node] != FREE {
                rounds = rounds.wrapping_add(1);
                if rounds.is_multiple_of(4096) {
                    stop.go_on()?;
                }
                let Some((from, way)) = self.grow(node) else { break };
                self.now += 1;
                self.augment(from, way);
                self.adopt();
            }
        }
        Some(self.flow)
    }

    /// Whether a node is on the source's side of the cut.
    pub fn is_source(&self, node: usize) -> bool {
        self.tree[node] == Tree::Source
    }

    fn wake(&mut self, node: usize) {
        if !self.waiting[node] {
            self.waiting[node] = true;
            self.active.push_back(node as u32);
        }
    }

    /// Takes free neighbours into a node's tree; the edge from the source's tree to the sink's, if it meets the other.
    fn grow(&mut self, node: usize) -> Option<(usize, usize)> {
        let own = self.tree[node];
        for way in 0..8 {
            let other = self.next[node][way];
            if other == NONE {
                continue;
            }
            let other = other as usize;
            let rest = if own == Tree::Source { self.rest[node][way] } else { self.rest[other][way ^ 1] };
            if rest == 0 {
                continue;
            }
            if self.tree[other] == Tree::Neither {
                self.tree[other] = own;
                self.parent[other] = (way ^ 1) as u8;
                self.seen[other] = self.seen[node];
                self.far[other] = self.far[node] + 1;
                self.wake(other);
            } else if self.tree[other] != own {
                return Some(if own == Tree::Source { (node, way) } else { (other, way ^ 1) });
            } else if self.seen[other] <= self.seen[node] && self.far[other] > self.far[node] {
                // A shorter way to the root.
                self.parent[other] = (way ^ 1) as u8;
                self.seen[other] = self.seen[node];
                self.far[other] = self.far[node] + 1;
            }
        }
        None
    }

    /// Sends as much as the path takes, from the source's root over an edge to the sink's.
    fn augment(&mut self, from: usize, way: usize) {
        let to = self.next[from][way] as usize;
        let mut least = self.rest[from][way];
        let mut node = from;
        while self.parent[node] != ROOT {
            let way = usize::from(self.parent[node]);
            let parent = self.next[node][way] as usize;
            least = least.min(self.rest[parent][way ^ 1]);
            node = parent;
        }
        least = least.min(self.pull[node]);
        node = to;
        while self.parent[node] != ROOT {
            let way = usize::from(self.parent[node]);
            least = least.min(self.rest[node][way]);
            node = self.next[node][way] as usize;
        }
        least = least.min(-self.pull[node]);

        self.rest[from][way] -= least;
        self.rest[to][way ^ 1] += least;
        node = from;
        while self.parent[node] != ROOT {
            let way = usize::from(self.parent[node]);
            let parent = self.next[node][way] as usize;
            self.rest[node][way] += least;
            self.rest[parent][way ^ 1] -= least;
            if self.rest[parent][way ^ 1] == 0 {
                self.lose(node);
            }
            node = parent;
        }
        self.pull[node] -= least;
        if self.pull[node] == 0 {
            self.lose(node);
        }
        node = to;
        while self.parent[node] != ROOT {
            let way = usize::from(self.parent[node]);
            let parent = self.next[node][way] as usize;
            self.rest[node][way] -= least;
            self.rest[parent][way ^ 1] += least;
            if self.rest[node][way] == 0 {
                self.lose(node);
            }
            node = parent;
        }
        self.pull[node] += least;
        if self.pull[node] == 0 {
            self.lose(node);
        }
        self.flow += i64::from(least);
    }

    /// A node's way to its root is gone. Its parent is told apart by then: paths are walked before.
    fn lose(&mut self, node: usize) {
        self.lost.push_back(node as u32);
    }

    /// Finds new parents for those who lost theirs, or sets them free.
    fn adopt(&mut self) {
        for node in &self.lost {
            self.parent[*node as usize] = LOST;
        }
        while let Some(node) = self.lost.pop_front() {
            let node = node as usize;
            let own = self.tree[node];
            let mut best: Option<(u32, usize)> = None;
            for way in 0..8 {
                let other = self.next[node][way];
                if other == NONE || self.tree[other as usize] != own || self.to_root(node, way, own) == 0 {
                    continue;
                }
                if let Some(far) = self.distance(other as usize)
                    && best.is_none_or(|(least, _)| far < least)
                {
                    best = Some((far, way));
                }
            }
            if let Some((far, way)) = best {
                self.parent[node] = way as u8;
                self.seen[node] = self.now;
                self.far[node] = far + 1;
                continue;
            }
            for way in 0..8 {
                let other = self.next[node][way];
                if other == NONE || self.tree[other as usize] != own {
                    continue;
                }
                let other = other as usize;
                if self.to_root(node, way, own) > 0 {
                    self.wake(other);
                }
                if usize::from(self.parent[other]) == way ^ 1 {
                    self.parent[other] = LOST;
                    self.lost.push_back(other as u32);
                }
            }
            self.tree[node] = Tree::Neither;
            self.parent[node] = FREE;
        }
    }

    /// How much more can flow between a node and the neighbour on its way to the root.
    fn to_root(&self, node: usize, way: usize, tree: Tree) -> i32 {
        if tree == Tree::Source {
            let other = self.next[node][way] as usize;
            self.rest[other][way ^ 1]
        } else {
            self.rest[node][way]
        }
    }

    /// How far a node is from its root; `None` where its tree hangs on somebody who is lost. Marks the way it went.
    fn distance(&mut self, from: usize) -> Option<u32> {
        let (mut node, mut steps) = (from, 0_u32);
        let far = loop {
            if self.seen[node] == self.now && self.parent[node] <= ROOT {
                break steps + self.far[node];
            }
            match self.parent[node] {
                ROOT => {
                    self.seen[node] = self.now;
                    self.far[node] = 1;
                    break steps + 1;
                }
                FREE | LOST => return None,
                way => node = self.next[node][usize::from(way)] as usize,
            }
            steps += 1;
        };
        let (mut node, mut left) = (from, far);
        while self.seen[node] != self.now {
            self.seen[node] = self.now;
            self.far[node] = left;
            left -= 1;
            node = self.next[node][usize::from(self.parent[node])] as usize;
        }
        Some(far)
    }
}
