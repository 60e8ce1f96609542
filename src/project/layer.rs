//! One cutout on the canvas.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::{ProjectError, check};

/// A picture laid on the canvas, with the concept that it stands for.
///
/// Layers are kept in drawing order: the first is the rearmost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Tells this layer from all others of the project, whatever becomes of its name and place (see
    /// [`super::Project::number_layers`]); 0 where it was not given one yet. Rendering does not look at this.
    #[serde(default)]
    pub id: u32,
    /// What the layer list shows; when empty, the picture's file name (see [`Layer::title`]).
    #[serde(default)]
    pub name: String,
    /// The picture; where it is transparent, what lies behind shows through.
    pub picture: PathBuf,
    /// The picture's centre, in canvas pixels from the left edge. Range: [`Layer::POSITION`].
    pub x: f32,
    /// The picture's centre, in canvas pixels from the top edge. Range: [`Layer::POSITION`].
    pub y: f32,
    /// Canvas pixels per picture pixel; 1 shows the picture at its own size. Range:
    /// [`Layer::SCALE`].
    #[serde(default = "one")]
    pub scale: f32,
    /// Degrees clockwise, about the centre. Range: [`Layer::ROTATION`].
    #[serde(default)]
    pub rotation: f32,
    /// Mirrors the picture left to right, before it is turned.
    #[serde(default)]
    pub flip: bool,
    /// 0 is invisible, 1 is as opaque as the picture itself.
    #[serde(default = "one")]
    pub opacity: f32,
    /// A hidden layer is neither drawn nor part of any mask.
    #[serde(default = "yes")]
    pub visible: bool,
    /// A locked layer cannot be moved by hand; rendering does not look at this.
    #[serde(default)]
    pub locked: bool,
    /// The name of the concept that this layer stands for: one subject of it.
    #[serde(default)]
    pub concept: Option<String>,
    /// Layers with the same number are one group, which a click on the canvas selects whole; rendering does not look at
    /// this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// What the picture was cut out of, so that the cut can be opened again; rendering does not look at this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// What a layer's picture was cut out of. The picture keeps the photo's own pixels, so its place there is that of the mask's
/// bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// The photo.
    pub photo: PathBuf,
    /// What is chosen of it: a grey picture of the photo's size, white inside.
    pub mask: PathBuf,
}

fn one() -> f32 {
    1.0
}

fn yes() -> bool {
    true
}

impl Layer {
    /// Where a layer's centre may lie, in canvas pixels: far outside is allowed, lost in the
    /// distance is not.
    pub const POSITION: RangeInclusive<f32> = -100_000.0..=100_000.0;
    /// Canvas pixels per picture pixel.
    pub const SCALE: RangeInclusive<f32> = 0.001..=1000.0;
    /// Degrees. More than one turn is allowed, so that turning by hand never jumps.
    pub const ROTATION: RangeInclusive<f32> = -3600.0..=3600.0;
    /// Share of the picture's own opacity.
    pub const OPACITY: RangeInclusive<f32> = 0.0..=1.0;

    /// A visible, upright, opaque layer at the picture's own size, centred on (`x`, `y`) in canvas
    /// pixels.
    pub fn new(picture: impl Into<PathBuf>, x: f32, y: f32) -> Self {
        Self {
            id: 0,
            name: String::new(),
            picture: picture.into(),
            x,
            y,
            scale: 1.0,
            rotation: 0.0,
            flip: false,
            opacity: 1.0,
            visible: true,
            locked: false,
            concept: None,
            group: None,
            cut: None,
        }
    }

    /// The layer's name or, when it has none, its picture's file name without the ending.
    pub fn title(&self) -> String {
        if !self.name.trim().is_empty() {
            return self.name.clone();
        }
        match self.picture.file_stem() {
            Some(stem) => stem.to_string_lossy().into_owned(),
            None => "untitled".to_owned(),
        }
    }

    /// Whether the layer can be seen at all: shown, and not wholly transparent.
    pub fn is_seen(&self) -> bool {
        self.visible && self.opacity > 0.0
    }

    /// Whether the layer can be moved by hand: shown and not locked.
    pub fn is_loose(&self) -> bool {
        self.visible && !self.locked
    }

    /// Checks the numbers; `place` says which layer this is, for the message.
    pub(super) fn validate(&self, place: &dyn Display) -> Result<(), ProjectError> {
        check(format!("{place}: x"), self.x, &Self::POSITION)?;
        check(format!("{place}: y"), self.y, &Self::POSITION)?;
        check(format!("{place}: scale"), self.scale, &Self::SCALE)?;
        check(format!("{place}: rotation"), self.rotation, &Self::ROTATION)?;
        check(format!("{place}: opacity"), self.opacity, &Self::OPACITY)?;
        if self.picture.as_os_str().is_empty() {
            return Err(ProjectError::value(place, "has no picture", "choose one, or delete the layer"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_needs_only_its_picture_and_place() {
        let layer: Layer = ron::from_str(r#"(picture: "cat.png", x: 10, y: 20)"#).unwrap();
        assert_eq!(layer, Layer::new("cat.png", 10.0, 20.0));
    }

    #[test]
    fn a_layer_without_a_name_is_called_after_its_picture() {
        let mut layer = Layer::new("assets:cutouts/orange_cat.png", 0.0, 0.0);
        assert_eq!(layer.title(), "orange_cat");
        layer.name = "Tom".into();
        assert_eq!(layer.title(), "Tom");
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_the_layer_named() {
        let mut layer = Layer::new("cat.png", 0.0, 0.0);
        layer.opacity = 1.5;
        let error = layer.validate(&"layer 1 (cat)").unwrap_err();
        assert_eq!(error.to_string(), "layer 1 (cat): opacity is 1.5; use 0 to 1");

        for broken in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
            let mut layer = Layer::new("cat.png", 0.0, 0.0);
            layer.scale = broken;
            let error = layer.validate(&"layer").unwrap_err().to_string();
            assert!(error.starts_with("layer: scale is "), "scale {broken}: {error}");
        }
    }
}
