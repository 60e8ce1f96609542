//! The cut against an augmenting-path flow that is too simple to be wrong.

use std::collections::VecDeque;

use super::flow::{Flow, NONE, WAYS};
use super::stop::Stop;

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % most
    }
}

/// Edmonds and Karp on a full matrix; the last two nodes are source and sink.
fn simple(capacity: &mut [Vec<i64>]) -> i64 {
    let count = capacity.len();
    let (source, sink) = (count - 2, count - 1);
    let mut flow = 0;
    loop {
        let mut from = vec![usize::MAX; count];
        from[source] = source;
        let mut queue = VecDeque::from([source]);
        while let Some(node) = queue.pop_front() {
            for other in 0..count {
                if from[other] == usize::MAX && capacity[node][other] > 0 {
                    from[other] = node;
                    queue.push_back(other);
                }
            }
        }
        if from[sink] == usize::MAX {
            return flow;
        }
        let mut least = i64::MAX;
        let mut node = sink;
        while node != source {
            least = least.min(capacity[from[node]][node]);
            node = from[node];
        }
        node = sink;
        while node != source {
            capacity[from[node]][node] -= least;
            capacity[node][from[node]] += least;
            node = from[node];
        }
        flow += least;
    }
}

#[test]
fn the_flow_is_the_largest_and_the_cut_costs_as_much_as_flows() {
    let mut numbers = Numbers(7);
    for case in 0..60 {
        let (wide, high) = (1 + numbers.below(9) as i32, 1 + numbers.below(9) as i32);
        let count = (wide * high) as usize;
        let mut next = vec![[NONE; 8]; count];
        for (node, next) in next.iter_mut().enumerate() {
            for (way, (dx, dy)) in WAYS.iter().enumerate() {
                let (x, y) = (node as i32 % wide + dx, node as i32 / wide + dy);
                if (0..wide).contains(&x) && (0..high).contains(&y) {
                    next[way] = (y * wide + x) as u32;
                }
            }
        }
        let mut flow = Flow::new(next.clone());
        let mut capacity = vec![vec![0_i64; count + 2]; count + 2];
        // Many zeros and many equal numbers, so that trees break.
        let most = [2, 5, 1000][case % 3];
        for node in 0..count {
            for way in (0..8).step_by(2).filter(|way| next[node][*way] != NONE) {
                let strength = numbers.below(most);
                flow.link(node, way, strength as i32);
                let other = next[node][way] as usize;
                capacity[node][other] += strength as i64;
                capacity[other][node] += strength as i64;
            }
            let (source, sink) = (numbers.below(2 * most), numbers.below(2 * most));
            flow.tie(node, source as i32, sink as i32);
            capacity[count][node] = source as i64;
            capacity[node][count + 1] = sink as i64;
        }
        let whole = capacity.clone();
        let flows = flow.run(&Stop::default()).expect("nobody stops it");
        assert_eq!(flows, simple(&mut capacity), "case {case}, {wide} x {high}");
        let inside = |node: usize| node == count || (node < count && flow.is_source(node));
        let mut cost = 0;
        for from in (0..count + 2).filter(|node| inside(*node)) {
            cost += (0..count + 2).filter(|to| !inside(*to)).map(|to| whole[from][to]).sum::<i64>();
        }
        assert_eq!(flows, cost, "case {case}, {wide} x {high}");
    }
}

#[test]
fn a_flow_that_is_stopped_says_so() {
    let count = 100_000;
    let row = |node: usize| {
        let mut next = [NONE; 8];
        if node + 1 < count {
            next[0] = node as u32 + 1;
        }
        if node > 0 {
            next[1] = node as u32 - 1;
        }
        next
    };
    let mut flow = Flow::new((0..count).map(row).collect());
    for node in 0..count {
        flow.link(node, 0, 5);
        flow.tie(node, usize::from(node % 2 == 0) as i32, usize::from(node % 2 == 1) as i32);
    }
    let stop = Stop::default();
    stop.raise();
    assert_eq!(flow.run(&stop), None);
}
