//! What an adapter will take in memory, from names and shapes alone: what a render needs is told before anything is read.

use super::change::{Held, Kind};
use super::group::{self, Found, Group};
use super::leaves::Leaf;
use super::loha;
use super::sort::Sorted;

/// What the file will take once it is read. Of a damaged file, which [`super::read`] refuses, whatever its shapes come to.
pub fn held(sorted: &Sorted<'_>) -> Held {
    let words = sorted.tokens.iter().chain(&sorted.words).map(|(_, found)| Held::of(size(found), 0));
    words.chain(sorted.groups.values().map(change)).sum()
}

fn size(found: &Found<'_>) -> usize {
    group::product(&found.shape).unwrap_or(usize::MAX)
}

fn change(group: &Group<'_>) -> Held {
    let of = |leaf: Leaf| group.get(leaf).map_or(0, size);
    let numbers = match group.kind() {
        Ok(Some(Kind::LoHa)) => return loha::held(group),
        Ok(Some(Kind::LoKr)) => {
            let split = |whole, a, b| if group.get(whole).is_some() { of(whole) } else { multiplied(group, a, b) };
            let cells = group.get(Leaf::LokrT2).map_or(1, |_| group.kernel() * group.kernel());
            let right = match group.get(Leaf::LokrT2) {
                // Beside a core the first factor lies the other way round.
                Some(_) => side(group, Leaf::LokrW2A, 1).saturating_mul(side(group, Leaf::LokrW2B, 1)),
                None => split(Leaf::LokrW2, Leaf::LokrW2A, Leaf::LokrW2B),
            };
            split(Leaf::LokrW1, Leaf::LokrW1A, Leaf::LokrW1B).saturating_add(right.saturating_mul(cells))
        }
        Ok(Some(Kind::Ia3)) => of(Leaf::Weight),
        Ok(Some(_)) => [Leaf::Down, Leaf::Mid, Leaf::Up].into_iter().map(of).fold(0, usize::saturating_add),
        Ok(None) | Err(_) => 0,
    };
    Held::of(numbers, 0)
}

/// The numbers of the product of two factors `[rows, rank]` and `[rank, columns]`.
fn multiplied(group: &Group<'_>, a: Leaf, b: Leaf) -> usize {
    side(group, a, 0).saturating_mul(side(group, b, 1))
}

fn side(group: &Group<'_>, leaf: Leaf, axis: usize) -> usize {
    group.get(leaf).and_then(|found| found.shape.get(axis).copied()).unwrap_or(0)
}
