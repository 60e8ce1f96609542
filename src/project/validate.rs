//! Whether a project may be rendered: ranges, and names that must lead somewhere.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::error::{ProjectError, check};
use super::{Background, Canvas, Crop, Layout, Placement, Project, VERSION, placed};

impl Canvas {
    /// The least and the greatest side, in pixels.
    pub const SIDE: RangeInclusive<u32> = 64..=2048;
    /// Sides are multiples of this: the latent is an eighth, and the model halves it three times.
    pub const STEP: u32 = 64;

    /// Checks both sides.
    pub fn validate(&self) -> Result<(), ProjectError> {
        for (name, side) in [("canvas.width", self.width), ("canvas.height", self.height)] {
            if !Self::SIDE.contains(&side) || !side.is_multiple_of(Self::STEP) {
                let (least, greatest, step) = (Self::SIDE.start(), Self::SIDE.end(), Self::STEP);
                let advice = format!("use a multiple of {step} from {least} to {greatest} pixels");
                return Err(ProjectError::value(name, format!("is {side}"), advice));
            }
        }
        Ok(())
    }
}

impl Project {
    /// Checks everything that can be checked without opening a file.
    pub fn validate(&self) -> Result<(), ProjectError> {
        if self.version != VERSION {
            let advice = format!("this Podium writes version {VERSION}");
            return Err(ProjectError::value("version", format!("is {}", self.version), advice));
        }
        self.canvas.validate()?;
        check("pictures", self.pictures, &Self::PICTURES)?;
        self.settings.validate()?;
        self.validate_concepts()?;
        for (number, style) in (1..).zip(&self.styles) {
            style.validate(&format!("style {number} ({})", style.title()))?;
        }
        self.validate_place()?;
        self.validate_layers()
    }

    fn validate_place(&self) -> Result<(), ProjectError> {
        let Some(place) = &self.place else {
            return match self.layout {
                Layout::Collage { background: Background::Photo, .. } => Err(placed::no_photo()),
                _ => Ok(()),
            };
        };
        check("place.feather", place.feather, &Placement::REACH)?;
        if let Some(follow) = place.follow {
            check("place.follow.margin", follow.margin, &Placement::REACH)?;
        }
        let Some(Crop { x, y, width, height }) = place.crop else { return Ok(()) };
        let Canvas { width: across, height: down } = self.canvas;
        // Equal shapes, without a division.
        if width == 0 || height == 0 || u64::from(width) * u64::from(down) != u64::from(height) * u64::from(across) {
            let problem = format!("is {width} x {height} pixels at {x}, {y}, and the canvas {across} x {down}");
            let advice = "plan the crop anew: it must have the canvas's exact shape";
            return Err(ProjectError::value("place.crop", problem, advice));
        }
        Ok(())
    }

    fn validate_concepts(&self) -> Result<(), ProjectError> {
        let mut names = HashSet::new();
        for (number, concept) in (1..).zip(&self.concepts) {
            let place = format!("concept {number} ({})", concept.name);
            concept.validate(&place, self.canvas)?;
            if !names.insert(concept.name.as_str()) {
                let advice = "give it a name that no other concept has";
                return Err(ProjectError::value(place, "has the name of an earlier one", advice));
            }
        }
        Ok(())
    }

    fn validate_layers(&self) -> Result<(), ProjectError> {
        for (number, layer) in (1..).zip(self.layers()) {
            let place = format!("layer {number} ({})", layer.title());
            layer.validate(&place)?;
            let Some(name) = &layer.concept else { continue };
            if self.concept(name).is_none() {
                let problem = format!("names the concept {name:?}, which is not in the project");
                return Err(ProjectError::value(place, problem, self.known_concepts()));
            }
        }
        Ok(())
    }

    fn known_concepts(&self) -> String {
        let names: Vec<&str> = self.concepts.iter().map(|concept| concept.name.as_str()).collect();
        match names.is_empty() {
            true => "add the concept, or take its name off the layer".to_owned(),
            false => format!("choose one of {}, or none", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::super::{ConceptFile, Follow};
    use super::*;

    /// The message of the error that a change to the example causes.
    fn message(change: impl FnOnce(&mut Project)) -> String {
        let mut project = example();
        change(&mut project);
        project.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_example_and_an_empty_project_are_valid() {
        assert_eq!(example().validate(), Ok(()));
        assert_eq!(Project::new().validate(), Ok(()));
    }

    #[test]
    fn a_canvas_side_is_a_multiple_of_64_between_64_and_2048() {
        for side in [0, 1, 63, 100, 2049, 2112, u32::MAX] {
            let text = message(|project| project.canvas.height = side);
            assert_eq!(text, format!("canvas.height is {side}; use a multiple of 64 from 64 to 2048 pixels"));
        }
    }

    #[test]
    fn two_concepts_of_one_name_are_refused() {
        let text = message(|project| project.concepts[1].name = "Tom".into());
        assert!(text.starts_with("concept 2 (Tom) has the name of an earlier one"), "{text}");
    }

    #[test]
    fn a_layer_that_names_an_unknown_concept_is_told_the_known_ones() {
        let text = message(|project| {
            if let Some(layers) = project.layers_mut() {
                layers[2].concept = Some("Felix".into());
            }
        });
        assert!(text.contains("layer 3 (dog) names the concept \"Felix\""), "{text}");
        assert!(text.contains("choose one of Tom, Rex, or none"), "{text}");
    }

    #[test]
    fn a_placement_s_crop_has_the_canvas_s_shape_and_its_reaches_are_bounded() {
        let place = |change: fn(&mut Placement)| {
            message(|project| {
                if let Some(place) = &mut project.place {
                    change(place);
                }
            })
        };
        let text = place(|place| place.crop = Some(Crop { x: 3, y: 4, width: 300, height: 301 }));
        assert_eq!(
            text,
            "place.crop is 300 x 301 pixels at 3, 4, and the canvas 512 x 512; plan the crop anew: it must have the \
             canvas's exact shape"
        );
        let text = place(|place| place.crop = Some(Crop { x: 0, y: 0, width: 0, height: 0 }));
        assert!(text.starts_with("place.crop is 0 x 0"), "{text}");
        assert_eq!(place(|place| place.feather = 257), "place.feather is 257; use 0 to 256");
        let text = place(|place| place.follow = Some(Follow { margin: 1000 }));
        assert_eq!(text, "place.follow.margin is 1000; use 0 to 256");
        let text = message(|project| {
            project.place = None;
            project.layout = Layout::Collage { background: Background::Photo, layers: Vec::new() };
        });
        assert!(text.starts_with("layout.background is the photo"), "{text}");
        let mut project = example();
        if let Some(place) = &mut project.place {
            place.crop = Some(Crop { x: 3, y: 4, width: 300, height: 300 });
        }
        assert_eq!(project.validate(), Ok(()));
    }

    #[test]
    fn counts_strengths_and_settings_have_ranges() {
        let text = message(|project| project.pictures = 0);
        assert_eq!(text, "pictures is 0; use 1 to 16");
        let text = message(|project| project.concepts[0].strength = -0.1);
        assert_eq!(text, "concept 1 (Tom): strength is -0.1; use 0 to 2");
        let text =
            message(|project| project.styles = vec![ConceptFile { strength: 3.0, ..ConceptFile::new("oil.pt") }]);
        assert_eq!(text, "style 1 (oil): strength is 3; use -2 to 2");
        let text = message(|project| project.settings.guidance_scale = f32::NAN);
        assert_eq!(text, "settings.guidance_scale is NaN; use 0 to 50");
        let text = message(|project| project.version = 0);
        assert!(text.starts_with("version is 0"), "{text}");
    }
}
