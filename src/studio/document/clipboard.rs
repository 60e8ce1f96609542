//! Layers on the clipboard: as text, so that they can be pasted into another project and another window too.

use serde::{Deserialize, Serialize};

use super::Document;
use super::geometry::clamp;
use super::groups::part_copies;
use crate::project::{Layer, Layout};

/// How the text begins, so that it is told from anything else that somebody may have copied.
const MARK: &str = "podium layers ";
/// The most bytes that are read; a layer has a few hundred.
const MOST: usize = 1 << 20;
/// How far a pasted layer lies from one that lies in its very place, in canvas pixels.
const ASIDE: f32 = 12.0;

/// What is written after the mark.
#[derive(Serialize, Deserialize)]
struct Copied {
    layers: Vec<Layer>,
}

/// The layers that a text holds, the rearmost first, their numbers brought into their ranges; none of any other text.
fn layers_in(text: &str) -> Option<Vec<Layer>> {
    let text = text.trim().strip_prefix(MARK).filter(|text| text.len() <= MOST)?;
    let mut layers = ron::from_str::<Copied>(text).ok()?.layers;
    layers.retain(|layer| !layer.picture.as_os_str().is_empty());
    for layer in &mut layers {
        layer.id = 0;
        layer.x = clamp(layer.x, &Layer::POSITION);
        layer.y = clamp(layer.y, &Layer::POSITION);
        layer.scale = if layer.scale.is_finite() { clamp(layer.scale, &Layer::SCALE) } else { 1.0 };
        layer.rotation = clamp(layer.rotation, &Layer::ROTATION);
        layer.opacity = if layer.opacity.is_finite() { clamp(layer.opacity, &Layer::OPACITY) } else { 1.0 };
    }
    (!layers.is_empty()).then_some(layers)
}

/// Whether a text holds layers.
pub fn is_layers(text: &str) -> bool {
    text.trim_start().starts_with(MARK)
}

impl Document {
    /// The selected layers as text for the clipboard; none where none is selected, or a picture's path cannot be written.
    pub fn copy_selected(&self) -> Option<String> {
        let layers = self.project().layers();
        let layers: Vec<Layer> = self.selection().iter().filter_map(|index| layers.get(*index)).cloned().collect();
        let text = ron::to_string(&Copied { layers }).ok();
        text.filter(|_| !self.selection().is_empty()).map(|text| format!("{MARK}{text}"))
    }

    /// The same, and takes those that are not locked away.
    pub fn cut_selected(&mut self) -> Option<String> {
        let text = self.copy_selected()?;
        self.delete_selected();
        Some(text)
    }

    /// Puts the layers of a text in front of all others and selects them, as one step. What lies in the very place of another
    /// goes a little aside; a concept that the project has not is left off. Says whether there were any.
    pub fn paste_layers(&mut self, text: &str) -> bool {
        let is_collage = matches!(self.project().layout, Layout::Collage { .. });
        let Some(mut pasted) = layers_in(text).filter(|_| is_collage) else { return false };
        let there = self.project().layers();
        let lies = |new: &Layer, old: &Layer| (new.x, new.y) == (old.x, old.y) && new.picture == old.picture;
        // Again and again, so that a third does not lie on the second.
        while pasted.iter().any(|new| there.iter().any(|old| lies(new, old))) {
            let before = pasted.clone();
            for layer in &mut pasted {
                layer.x = clamp(layer.x + ASIDE, &Layer::POSITION);
                layer.y = clamp(layer.y + ASIDE, &Layer::POSITION);
            }
            if pasted == before {
                break;
            }
        }
        part_copies(&mut pasted, there);
        for layer in &mut pasted {
            layer.concept = layer.concept.take().filter(|name| self.project().concept(name).is_some());
        }
        let name = match pasted.as_slice() {
            [one] => format!("Paste {}", one.title()),
            several => format!("Paste {} layers", several.len()),
        };
        let first = there.len();
        self.edit(name, |project| project.layers_mut().into_iter().for_each(|layers| layers.append(&mut pasted)));
        self.select(first..self.project().layers().len());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Color, Concept, Project};

    fn document(concept: bool) -> Document {
        let mut project = Project::new();
        if concept {
            project.concepts.push(Concept::new("Tom", "t.pth", "cat", Color([1, 2, 3])));
        }
        let layer = |x: f32| Layer { concept: Some("Tom".into()), group: Some(4), ..Layer::new("/cat.png", x, 50.0) };
        project.layers_mut().unwrap().extend([layer(10.0), layer(90.0)]);
        Document::new(project, None, "/work".into())
    }

    #[test]
    fn layers_go_over_the_clipboard_into_their_own_project_and_into_another() {
        let mut document = document(true);
        assert_eq!(document.copy_selected(), None, "nothing is selected");
        document.select([0, 1]);
        let text = document.copy_selected().unwrap();
        assert!(is_layers(&text) && document.paste_layers(&text));
        let layers = document.project().layers();
        assert_eq!((layers[2].x, layers[2].y, layers[3].x), (22.0, 62.0, 102.0), "beside what they are copies of");
        assert_eq!(layers[2].concept.as_deref(), Some("Tom"));
        assert!(layers[2].group == layers[3].group && layers[2].group != layers[0].group, "a group of their own");
        assert_eq!(document.selection().iter().copied().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(document.undo().as_deref(), Some("Paste 2 layers"));

        let mut other = self::document(false);
        other.edit("Empty", |project| project.layers_mut().unwrap().clear());
        assert!(other.paste_layers(&text));
        let layers = other.project().layers();
        assert_eq!((layers[0].x, layers[1].x, &layers[0].concept), (10.0, 90.0, &None));
    }

    #[test]
    fn what_is_cut_is_gone_and_comes_back_to_its_place() {
        let mut document = document(true);
        document.select_only(1);
        let text = document.cut_selected().unwrap();
        assert_eq!(document.project().layers().len(), 1);
        assert!(document.paste_layers(&text));
        assert_eq!((document.project().layers()[1].x, document.project().layers()[1].y), (90.0, 50.0));
    }

    #[test]
    fn other_texts_are_no_layers_and_wild_numbers_are_tamed() {
        let mut document = document(true);
        for text in ["", "a cat", "podium layers", "podium layers (layers: [])", "podium layers (layers: [(x: 1)])"] {
            assert!(!document.paste_layers(text), "{text}");
        }
        let wild = r#"podium layers (layers: [(picture: "/dog.png", x: 1e30, y: NaN, scale: inf, opacity: 7)])"#;
        assert!(document.paste_layers(wild));
        assert_eq!(document.project().validate(), Ok(()));
        let mut deep = String::from(MARK);
        deep.extend(std::iter::repeat_n('[', 100_000));
        assert!(!document.paste_layers(&deep));
    }
}
