//! A personal concept: its files, the word it replaces, and where its subjects are.

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
    /// Its file: an ED-LoRA, a LoRA of any trainer or a textual inversion.
    pub file: PathBuf,
    /// The plain word in the prompt that it stands for, such as `cat` or `teddy bear`.
    pub class_word: String,
    /// The colour that marks this concept everywhere on screen.
    pub color: Color,
    /// The file's weight a in W' = W + a ΔW, with 1 for what its trainer made. Range: [`Concept::STRENGTH`]; the
    /// release uses 0.7 for its ED-LoRAs.
    #[serde(default = "ed_lora_strength")]
    pub strength: f32,
    /// The same for the text encoder, where it differs. Range: [`Concept::STRENGTH`].
    #[serde(default)]
    pub text_strength: Option<f32>,
    /// Further files that act on this concept's branch too, such as a textual inversion beside a LoRA.
    #[serde(default)]
    pub more: Vec<ConceptFile>,
    /// The words that call it in its branch's prompt. None: the tokens that its files bring, or where they bring
    /// none its class word.
    #[serde(default)]
    pub trigger: Option<String>,
    /// Where the concept's subjects are: the source of the mask M.
    #[serde(default)]
    pub mask: MaskSource,
    /// A prompt written by hand for this concept's branch, in which `<TOK>` stands for the words
    /// that call it and nothing else is replaced. None: derived from the base prompt by the paper's rule (see
    /// [`super::prompt`]).
    #[serde(default)]
    pub prompt: Option<String>,
}

/// The weight that the authors' release merges its LoRAs with.
fn ed_lora_strength() -> f32 {
    Concept::STRENGTH_OF_ED_LORA
}

/// One of several files: of a concept, or a style's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConceptFile {
    /// A LoRA of any trainer, an ED-LoRA or a textual inversion.
    pub file: PathBuf,
    /// Its weight, with 1 for what its trainer made. Range: [`ConceptFile::STRENGTH`].
    #[serde(default = "as_trained")]
    pub strength: f32,
    /// The same for the text encoder, where it differs. Range: [`ConceptFile::STRENGTH`].
    #[serde(default)]
    pub text_strength: Option<f32>,
}

fn as_trained() -> f32 {
    1.0
}

impl ConceptFile {
    /// The weights that may be asked for: 0 has no effect, 1 is as trained, and a file that moves the picture from one
    /// quality to its opposite (a "slider") does so with weights below 0.
    pub const STRENGTH: RangeInclusive<f32> = -2.0..=2.0;

    /// A file as its trainer means it.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), strength: as_trained(), text_strength: None }
    }

    /// Checks the file by itself; `place` says which one this is, for the message.
    pub(super) fn validate(&self, place: &dyn Display) -> Result<(), ProjectError> {
        if self.file.as_os_str().is_empty() {
            return Err(ProjectError::value(place, "has no file", "choose one, or remove it"));
        }
        check(format!("{place}: strength"), self.strength, &Self::STRENGTH)?;
        check_text(place, self.text_strength, &Self::STRENGTH)
    }

    /// What it is called on screen: the file's name without its ending.
    pub fn title(&self) -> String {
        self.file.file_stem().map_or_else(|| "file".into(), |stem| stem.to_string_lossy().into_owned())
    }
}

/// Checks a text encoder's strength, where there is one.
fn check_text(place: &dyn Display, strength: Option<f32>, range: &RangeInclusive<f32>) -> Result<(), ProjectError> {
    strength.map_or(Ok(()), |strength| check(format!("{place}: text strength"), strength, range))
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

    /// What the authors' release merges its ED-LoRAs with; all other trainers mean 1.
    pub const STRENGTH_OF_ED_LORA: f32 = 0.7;

    /// A concept at the release's strength, found by its layers.
    pub fn new(name: impl Into<String>, file: impl Into<PathBuf>, class_word: impl Into<String>, color: Color) -> Self {
        Self {
            name: name.into(),
            file: file.into(),
            class_word: class_word.into(),
            color,
            strength: ed_lora_strength(),
            text_strength: None,
            more: Vec::new(),
            trigger: None,
            mask: MaskSource::Layers,
            prompt: None,
        }
    }

    /// All its files with their strengths, its own first.
    pub fn files(&self) -> Vec<ConceptFile> {
        let own = ConceptFile { file: self.file.clone(), strength: self.strength, text_strength: self.text_strength };
        [own].into_iter().chain(self.more.iter().cloned()).collect()
    }

    /// The words that call it in its branch's prompt, where its files bring these tokens.
    pub fn call<'a>(&'a self, tokens: &'a str) -> &'a str {
        let typed = self.trigger.as_deref().map(str::trim).filter(|trigger| !trigger.is_empty());
        let brought = Some(tokens).filter(|tokens| !tokens.trim().is_empty());
        typed.or(brought).unwrap_or(&self.class_word)
    }

    /// The words that were chosen or typed to call it, one by one.
    pub fn triggers(&self) -> impl Iterator<Item = &str> {
        let typed = self.trigger.as_deref().unwrap_or_default();
        typed.split(',').map(str::trim).filter(|word| !word.is_empty())
    }

    /// Whether a word is among those that call it.
    pub fn has_trigger(&self, word: &str) -> bool {
        self.triggers().any(|known| known.eq_ignore_ascii_case(word.trim()))
    }

    /// Puts a word to those that call it, or takes it out where it is one.
    pub fn toggle_trigger(&mut self, word: &str) {
        let mut words: Vec<&str> = self.triggers().filter(|known| !known.eq_ignore_ascii_case(word.trim())).collect();
        if !self.has_trigger(word) {
            words.push(word.trim());
        }
        let words = words.join(", ");
        self.trigger = Some(words).filter(|words| !words.is_empty());
    }

    /// Checks the concept by itself; `place` says which one this is, for the message.
    pub(super) fn validate(&self, place: &dyn Display, canvas: Canvas) -> Result<(), ProjectError> {
        if self.name.trim().is_empty() {
            return Err(ProjectError::value(place, "has no name", "give it one"));
        }
        if self.file.as_os_str().is_empty() {
            let advice = "choose its file, or remove the concept";
            return Err(ProjectError::value(place, "has no file", advice));
        }
        if self.class_word.trim().is_empty() {
            let advice = "name the word of the prompt that it stands for, such as cat";
            return Err(ProjectError::value(place, "has no class word", advice));
        }
        check(format!("{place}: strength"), self.strength, &Self::STRENGTH)?;
        check_text(place, self.text_strength, &Self::STRENGTH)?;
        for (number, more) in (2..).zip(&self.more) {
            more.validate(&format!("{place}: file {number}"))?;
        }
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
    fn several_files_and_trigger_words_are_read_and_checked() {
        let text = r##"(name: "Tom", file: "tom.safetensors", class_word: "cat", color: "#2DD4BF", strength: 1.0,
            text_strength: Some(0.5), trigger: Some("tomcat"), more: [(file: "tom.pt"), (file: "fur.safetensors", strength: -0.5)])"##;
        let mut concept: Concept = ron::from_str(text).unwrap();
        assert_eq!(concept.validate(&"Tom", CANVAS), Ok(()));
        let strengths: Vec<_> = concept.files().iter().map(|file| (file.strength, file.text_strength)).collect();
        assert_eq!(strengths, [(1.0, Some(0.5)), (1.0, None), (-0.5, None)]);
        let message = |concept: &Concept| concept.validate(&"concept 1 (Tom)", CANVAS).unwrap_err().to_string();
        concept.more[1].strength = -2.5;
        assert_eq!(message(&concept), "concept 1 (Tom): file 3: strength is -2.5; use -2 to 2");
        concept.more[1] = ConceptFile::new("");
        assert_eq!(message(&concept), "concept 1 (Tom): file 3 has no file; choose one, or remove it");
        concept.text_strength = Some(f32::NAN);
        assert_eq!(message(&concept), "concept 1 (Tom): text strength is NaN; use 0 to 2");
    }

    #[test]
    fn a_concept_is_called_by_what_was_typed_else_by_its_tokens_else_by_its_class_word() {
        let mut concept = cat();
        assert_eq!((concept.call("<t1> <t2>"), concept.call(" ")), ("<t1> <t2>", "cat"));
        concept.trigger = Some(" tomcat ".into());
        assert_eq!((concept.call("<t1> <t2>"), concept.call("")), ("tomcat", "tomcat"));
        concept.trigger = Some("  ".into());
        assert_eq!(concept.call(""), "cat");
    }

    #[test]
    fn a_trigger_word_is_put_in_and_out() {
        let mut concept = cat();
        concept.toggle_trigger("tomcat");
        concept.toggle_trigger(" red collar");
        assert_eq!(concept.trigger.as_deref(), Some("tomcat, red collar"));
        assert!(concept.has_trigger("Red collar") && !concept.has_trigger("red"));
        concept.toggle_trigger("TOMCAT");
        assert_eq!(concept.trigger.as_deref(), Some("red collar"));
        concept.toggle_trigger("red collar");
        assert_eq!(concept.trigger, None);
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
