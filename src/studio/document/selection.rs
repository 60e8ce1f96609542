//! Which layers are selected.

use std::collections::BTreeSet;

use super::Document;

impl Document {
    /// The selected layers, the rearmost first.
    pub fn selection(&self) -> &BTreeSet<usize> {
        &self.selection
    }

    /// The only selected layer.
    pub fn selected(&self) -> Option<usize> {
        (self.selection.len() == 1).then(|| self.selection.first().copied()).flatten()
    }

    /// Selects these layers and no others.
    pub fn select(&mut self, layers: impl IntoIterator<Item = usize>) {
        let all = self.project().layers();
        self.chosen = layers.into_iter().filter_map(|index| all.get(index)).map(|layer| layer.id).collect();
        self.follow();
    }

    /// Selects one layer.
    pub fn select_only(&mut self, layer: usize) {
        self.select([layer]);
    }

    /// Selects a layer too, or no longer.
    pub fn select_toggle(&mut self, layer: usize) {
        let mut chosen = self.selection.clone();
        if !chosen.remove(&layer) {
            chosen.insert(layer);
        }
        self.select(chosen);
    }

    /// Selects every layer that can be moved by hand.
    pub fn select_all(&mut self) {
        let layers = self.project().layers().iter().enumerate();
        let chosen: Vec<usize> = layers.filter(|(_, layer)| layer.is_loose()).map(|(index, _)| index).collect();
        self.select(chosen);
    }

    /// Selects nothing.
    pub fn select_none(&mut self) {
        self.select([]);
    }

    /// Whether a layer cannot be moved by hand.
    pub fn is_locked(&self, layer: usize) -> bool {
        self.project().layers().get(layer).is_none_or(|layer| layer.locked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Layer, Project};

    fn document() -> Document {
        let mut project = Project::new();
        let layers = ["back.png", "middle.png", "front.png"].map(|picture| Layer::new(picture, 0.0, 0.0));
        project.layers_mut().unwrap().extend(layers);
        Document::new(project, None, "/work".into())
    }

    fn selected(document: &Document) -> Vec<String> {
        document.selection().iter().map(|index| document.project().layers()[*index].title()).collect()
    }

    #[test]
    fn what_is_selected_stays_so_when_undo_brings_a_layer_back_below_it() {
        let mut document = document();
        document.select_only(0);
        document.delete_selected();
        document.select_only(1);
        assert_eq!(selected(&document), ["front"]);
        document.undo();
        assert_eq!((selected(&document), document.selected()), (vec!["front".to_owned()], Some(2)));
        document.redo();
        assert_eq!((selected(&document), document.selected()), (vec!["front".to_owned()], Some(1)));
        document.move_layer(1, 0);
        document.undo();
        assert_eq!(selected(&document), ["front"]);
    }

    #[test]
    fn no_layer_gets_the_number_of_one_that_was_taken_away() {
        let mut document = document();
        document.select_only(2);
        document.delete_selected();
        document.add_layer("new.png".into(), (10, 10), None).unwrap();
        assert_eq!(selected(&document), ["new"]);
        document.undo();
        document.undo();
        assert_eq!(selected(&document), [] as [String; 0], "the front layer is another one");
    }

    #[test]
    fn layers_that_are_not_there_cannot_be_selected() {
        let mut document = document();
        document.select([1, 7]);
        assert_eq!(selected(&document), ["middle"]);
        document.select_toggle(9);
        document.select_toggle(1);
        assert!(document.selection().is_empty());
        document.select_all();
        assert_eq!(document.selection().len(), 3);
    }
}
