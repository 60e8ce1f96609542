//! A personal concept: an ED-LoRA file, the word it replaces, and where its subjects are.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Canvas;
use super::error::{ProjectError, check};

/// One custom branch of the method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    /// What layers and cards call it; no two concepts of a project share a name.
    pub name: String,
    /// The ED-LoRA file.
    pub file: PathBuf,
    /// The plain word in the prompt that it stands for, such as `cat` or `teddy bear`.
    pub class_word: String,
    /// The colour that marks this concept everywhere on screen.
    pub color: Color,
    /// The LoRA's weight a in W' = W + a (up · down). Range: [`Concept::STRENGTH`]; the release
    /// uses 0.7.
    #[serde(default = "default_strength")]
    pub strength: f32,
    /// Where the concept's subjects are: the source of the mask M.
    #[serde(default)]
    pub mask: MaskSource,
    /// A prompt written by hand for this concept's branch, in which `<TOK>` stands for its tokens
    /// and nothing else is replaced. None: derived from the base prompt by the paper's rule (see
    /// [`super::prompt`]).
    #[serde(default)]
    pub prompt: Option<String>,
}

/// The weight that the authors' release merges its LoRAs with.
fn default_strength() -> f32 {
    0.7
}

/// Where a concept's mask comes from. Each layer, file or point is one *subject* of the concept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum MaskSource {
    /// The visible parts of the layers that name this concept.
    #[default]
    Layers,
    /// Gray pictures, one a subject, scaled to cover the canvas; white is inside.
    Files(Vec<PathBuf>),
    /// Points in canvas pixels, (x, y) from the top left corner; each picks the segment of the
    /// reference under it.
    Points(Vec<(f32, f32)>),
}

impl Concept {
    /// The LoRA weights that may be asked for: 0 has no effect, 1 is as trained, above 1
    /// exaggerates.
    pub const STRENGTH: RangeInclusive<f32> = 0.0..=2.0;

    /// A concept at the release's strength, found by its layers.
    pub fn new(name: impl Into<String>, file: impl Into<PathBuf>, class_word: impl Into<String>, color: Color) -> Self {
        Self {
            name: name.into(),
            file: file.into(),
            class_word: class_word.into(),
            color,
            strength: default_strength(),
            mask: MaskSource::Layers,
            prompt: None,
        }
    }

    /// Checks the concept by itself; `place` says which one this is, for the message.
    pub(super) fn validate(&self, place: &dyn Display, canvas: Canvas) -> Result<(), ProjectError> {
        if self.name.trim().is_empty() {
            return Err(ProjectError::value(place, "has no name", "give it one"));
        }
        if self.file.as_os_str().is_empty() {
            let advice = "choose its ED-LoRA file, or remove the concept";
            return Err(ProjectError::value(place, "has no file", advice));
        }
        if self.class_word.trim().is_empty() {
            let advice = "name the word of the prompt that it stands for, such as cat";
            return Err(ProjectError::value(place, "has no class word", advice));
        }
        check(format!("{place}: strength"), self.strength, &Self::STRENGTH)?;
        if let MaskSource::Points(points) = &self.mask {
            for &(x, y) in points {
                validate_point(place, x, y, canvas)?;
            }
        }
        Ok(())
    }
}

fn validate_point(place: &dyn Display, x: f32, y: f32, canvas: Canvas) -> Result<(), ProjectError> {
    // Written so that NaN is refused too.
    let inside = x >= 0.0 && y >= 0.0 && x < canvas.width as f32 && y < canvas.height as f32;
    if inside {
        return Ok(());
    }
    let advice = format!(
        "move it to within 0 to {} and 0 to {}",
        canvas.width.saturating_sub(1),
        canvas.height.saturating_sub(1)
    );
    Err(ProjectError::value(format!("{place}: the point ({x}, {y})"), "is outside the canvas", advice))
}

/// An opaque sRGB colour, written `#2DD4BF` in files.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color(
    /// Red, green, blue, 0 to 255 each.
    pub [u8; 3],
);

impl Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02X}{green:02X}{blue:02X}")
    }
}

impl FromStr for Color {
    type Err = ProjectError;

    fn from_str(text: &str) -> Result<Self, ProjectError> {
        let digits =
            text.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.map(|hex| u32::from_str_radix(hex, 16)) {
            Some(Ok(number)) => {
                let [_, red, green, blue] = number.to_be_bytes();
                Ok(Self([red, green, blue]))
            }
            _ => Err(ProjectError::value(
                format!("the colour {text:?}"),
                "is not understood",
                "write # and six hexadecimal digits, such as #2DD4BF",
            )),
        }
    }
}

impl TryFrom<String> for Color {
    type Error = ProjectError;

    fn try_from(text: String) -> Result<Self, ProjectError> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: Canvas = Canvas { width: 512, height: 256 };

    fn cat() -> Concept {
        Concept::new("Tom", "tom.pth", "cat", Color([45, 212, 191]))
    }

    #[test]
    fn a_colour_is_written_as_six_hexadecimal_digits_and_read_back() {
        assert_eq!(Color([45, 212, 191]).to_string(), "#2DD4BF");
        assert_eq!("#2dd4bf".parse(), Ok(Color([45, 212, 191])));
        for broken in ["2DD4BF", "#2DD4B", "#2DD4BFF", "#+2D4BF", "#ééé", "teal", ""] {
            let error = broken.parse::<Color>().unwrap_err().to_string();
            assert!(error.contains("such as #2DD4BF"), "{error}");
        }
    }

    #[test]
    fn a_concept_needs_only_four_fields_in_a_file() {
        let text = r##"(name: "Tom", file: "tom.pth", class_word: "cat", color: "#2DD4BF")"##;
        assert_eq!(ron::from_str(text), Ok(cat()));
    }

    #[test]
    fn a_concept_without_name_file_or_class_word_is_refused() {
        let mut nameless = cat();
        nameless.name = " ".into();
        let mut fileless = cat();
        fileless.file = PathBuf::new();
        let mut wordless = cat();
        wordless.class_word = String::new();
        for (broken, words) in [(nameless, "has no name"), (fileless, "has no file"), (wordless, "has no class word")] {
            let error = broken.validate(&"concept 1", CANVAS).unwrap_err().to_string();
            assert!(error.starts_with(&format!("concept 1 {words}; ")), "{error}");
        }
        assert!(cat().validate(&"concept 1", CANVAS).is_ok());
    }

    #[test]
    fn a_point_outside_the_canvas_is_refused() {
        let mut concept = cat();
        concept.mask = MaskSource::Points(vec![(511.0, 255.0)]);
        assert!(concept.validate(&"Tom", CANVAS).is_ok());
        for point in [(512.0, 0.0), (0.0, 256.0), (-0.5, 1.0), (f32::NAN, 1.0)] {
            concept.mask = MaskSource::Points(vec![point]);
            let error = concept.validate(&"Tom", CANVAS).unwrap_err().to_string();
            assert!(error.contains("outside the canvas"), "{error}");
        }
    }
}
