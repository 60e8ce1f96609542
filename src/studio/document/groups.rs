//! Layers that belong together: a click on the canvas selects all of a group.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use crate::project::Layer;

impl Document {
    /// A layer and all others of its group.
    pub fn group_of(&self, layer: usize) -> BTreeSet<usize> {
        let layers = self.project().layers();
        let Some(group) = layers.get(layer).and_then(|layer| layer.group) else { return BTreeSet::from([layer]) };
        layers.iter().enumerate().filter(|(_, layer)| layer.group == Some(group)).map(|(index, _)| index).collect()
    }

    /// Whether a layer belongs together with others.
    pub fn is_grouped(&self, layer: usize) -> bool {
        self.group_of(layer).len() > 1
    }

    /// Selects a layer's whole group and nothing else.
    pub fn select_group(&mut self, layer: usize) {
        self.select(self.group_of(layer));
    }

    /// Selects a layer's whole group too, or no longer.
    pub fn select_group_toggle(&mut self, layer: usize) {
        let group = self.group_of(layer);
        let mut chosen = self.selection().clone();
        if chosen.contains(&layer) {
            chosen.retain(|index| !group.contains(index));
        } else {
            chosen.extend(group);
        }
        self.select(chosen);
    }

    /// Whether the selected layers can become a group: several that are not one already.
    pub fn can_group(&self) -> bool {
        let chosen = self.selection();
        chosen.len() > 1 && chosen.first().is_some_and(|first| self.group_of(*first) != *chosen)
    }

    /// Whether any selected layer is in a group.
    pub fn can_ungroup(&self) -> bool {
        self.selection().iter().any(|layer| self.is_grouped(*layer))
    }

    /// Makes the selected layers a group of their own.
    pub fn group_selected(&mut self) {
        if !self.can_group() {
            return;
        }
        let chosen = self.selection().clone();
        let group = free(&taken(self.project().layers()));
        self.set_group(format!("Group {} layers", chosen.len()), &chosen, Some(group));
    }

    /// Takes the groups of the selected layers apart, members that are not selected included.
    pub fn ungroup_selected(&mut self) {
        let parted: BTreeSet<usize> = self.selection().iter().flat_map(|layer| self.group_of(*layer)).collect();
        self.set_group("Ungroup".into(), &parted, None);
    }

    fn set_group(&mut self, name: String, of: &BTreeSet<usize>, group: Option<u32>) {
        self.edit(name, |project| {
            let layers = project.layers_mut().into_iter().flatten().enumerate();
            layers.filter(|(index, _)| of.contains(index)).for_each(|(_, layer)| layer.group = group);
        });
    }
}

/// The numbers that groups have.
fn taken(layers: &[Layer]) -> BTreeSet<u32> {
    layers.iter().filter_map(|layer| layer.group).collect()
}

/// A number that no group has.
fn free(taken: &BTreeSet<u32>) -> u32 {
    (0..=u32::MAX).find(|number| !taken.contains(number)).unwrap_or_default()
}

/// Gives copies of layers groups of their own: what was together is together, apart from what it is a copy of.
pub fn part_copies(copies: &mut [Layer], all: &[Layer]) {
    let mut taken = taken(all);
    let mut fresh: BTreeMap<u32, u32> = BTreeMap::new();
    for group in copies.iter_mut().filter_map(|copy| copy.group.as_mut()) {
        *group = *fresh.entry(*group).or_insert_with(|| {
            let new = free(&taken);
            taken.insert(new);
            new
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(group: Option<u32>) -> Layer {
        Layer { group, ..Layer::new("cat.png", 0.0, 0.0) }
    }

    #[test]
    fn copies_of_a_group_are_a_group_of_their_own() {
        let all = [layer(Some(0)), layer(Some(0)), layer(None), layer(Some(2))];
        let mut copies = all.clone();
        part_copies(&mut copies, &all);
        assert_eq!(copies.map(|copy| copy.group), [Some(1), Some(1), None, Some(3)]);
    }
}
