//! What is evaluated: concepts, who is put together with whom, prompts, seeds and methods, as a file in RON.
//!
//! A suite is checked where it would make no sense at all (names that lead nowhere, nothing to do). What concerns one picture
//! only, a missing file or a prompt without a place for a concept, is that picture's failure, and the others go on.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::finder::Finder;
use super::methods::{FULL, METHODS, Method, method};
use crate::plush;
use crate::project::{Canvas, Settings};

/// The version of the format that this program reads.
pub const VERSION: u32 = 1;

/// Stands in a prompt for all concepts, as an enumeration: `a cat and a dog`.
pub const ALL: &str = "{all}";

/// The suites that come with the program, in words.
pub const SHIPPED: &str = "plush, placing and paper";

/// The most pictures that a suite may ask for: days on a small machine, and all that the bootstrap's draws have room for.
const MOST_UNITS: u64 = 20_000;

/// A suite of evaluations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// [`VERSION`].
    pub version: u32,
    /// What it is called.
    pub name: String,
    /// What it is for, in words for the report.
    #[serde(default)]
    pub about: String,
    /// The size of the pictures.
    pub canvas: Canvas,
    /// The model, as projects name it; None is the built-in miniature.
    #[serde(default)]
    pub model: Option<PathBuf>,
    /// The settings that every method begins with.
    #[serde(default)]
    pub settings: Settings,
    /// How pictures are measured.
    #[serde(default)]
    pub measure: Measure,
    /// A folder with CLIP, by which pictures are measured too. The pictures do not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<PathBuf>,
    /// A folder with DINOv2, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dino: Option<PathBuf>,
    /// ImageReward's file, or the folder that it is in, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<PathBuf>,
    /// What finds the subjects of pictures by their class words, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segmenter: Option<Finder>,
    /// What a concept's own branch reads.
    #[serde(default)]
    pub own_prompts: OwnPrompts,
    /// All concepts.
    pub concepts: Vec<Subject>,
    /// Who is put together.
    pub cases: Vec<Case>,
    /// The prompts of all cases that have none of their own.
    #[serde(default)]
    pub prompts: Vec<Prompt>,
    /// How many seeds, from 0 on.
    pub seeds: u32,
    /// How many with `--full`; as many where nothing is said.
    #[serde(default)]
    pub full_seeds: Option<u32>,
    /// The methods, by name.
    pub methods: Vec<String>,
    /// More of them, only with `--full`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub full_methods: Vec<String>,
}

/// How pictures are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// Not at all: pictures, contact sheets, times and failures only.
    #[default]
    Nothing,
    /// As pictures of the Plush World, by its exact colours and masks.
    Plush,
}

/// What a concept's own branch reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnPrompts {
    /// The base prompt with every concept's class word replaced by this one's tokens: the paper's rule.
    #[default]
    Paper,
    /// This concept's tokens without an article, the others' plain words: `<TOK> and a dog on the beach`.
    Named,
}

/// A concept of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What it is called.
    pub name: String,
    /// Its file, as projects name it.
    pub file: PathBuf,
    /// The word of the base prompt.
    pub class_word: String,
    /// What the other concepts' own prompts call it; the class word where nothing is said.
    #[serde(default)]
    pub plain_word: Option<String>,
    /// How strongly its file acts.
    #[serde(default = "usual_strength")]
    pub strength: f32,
    /// What stands for it in the drawn layout: a picture with transparency.
    #[serde(default)]
    pub cutout: Option<PathBuf>,
    /// Which concept of the Plush World it is, where that is measured.
    #[serde(default)]
    pub plush: Option<String>,
    /// A folder of its photos with their masks, as trainings have them, which encoders compare pictures with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photos: Option<PathBuf>,
}

fn usual_strength() -> f32 {
    crate::project::Concept::STRENGTH_OF_ED_LORA
}

/// Concepts that are put together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Their names, from left to right.
    pub concepts: Vec<String>,
    /// Only with `--full`.
    #[serde(default)]
    pub full: bool,
    /// Prompts of its own, in place of the suite's.
    #[serde(default)]
    pub prompts: Vec<Prompt>,
}

impl Case {
    /// What it is called.
    pub fn name(&self) -> String {
        self.concepts.join(" + ")
    }
}

/// A prompt with its layout: a finished picture with a mask for each concept, or else the concepts' cutouts side by side. With a
/// photo these are placed into it, and nothing changes but where they are and a little around.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// What it is called.
    pub name: String,
    /// The base prompt. [`ALL`] stands for all class words: `a cat and a dog`.
    pub words: String,
    /// Likewise for methods that name each concept in one prompt, where [`Prompt::words`] has no [`ALL`].
    #[serde(default)]
    pub each: Option<String>,
    /// What lies behind the cutouts; grey where nothing is said.
    #[serde(default)]
    pub background: Option<PathBuf>,
    /// The finished picture.
    #[serde(default)]
    pub layout: Option<PathBuf>,
    /// Its masks, one for each concept.
    #[serde(default)]
    pub masks: Vec<PathBuf>,
    /// The photo that the concepts are placed into, in place of a layout and of a background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<PathBuf>,
    /// Where their cutouts stand in it, from left to right; as on a canvas that the photo covers where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// Only with `--full`.
    #[serde(default)]
    pub full: bool,
}

/// Where a cutout stands in a photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its middle, as a share of the photo's width, 0..1.
    pub x: f64,
    /// Its middle, as a share of the photo's height, 0..1.
    pub y: f64,
    /// Its height, as a share of the photo's, above 0 and at most 1.
    pub height: f64,
}

impl Place {
    fn is_one(&self) -> bool {
        let share = 0.0..=1.0;
        share.contains(&self.x) && share.contains(&self.y) && share.contains(&self.height) && self.height > 0.0
    }
}

/// Which part of a suite is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// All of it.
    pub full: bool,
    /// Methods, by name, in the order of [`METHODS`].
    pub methods: Vec<String>,
}

impl Choice {
    /// Both together.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let either = |name: &&Method| [self, other].iter().any(|choice| choice.methods.iter().any(|m| m == name.name));
        let methods = METHODS.iter().filter(either).map(|method| method.name.to_owned()).collect();
        Self { full: self.full || other.full, methods }
    }
}

/// One picture to make.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// Who.
    pub case: &'a Case,
    /// With which words.
    pub prompt: &'a Prompt,
    /// How.
    pub method: &'static Method,
    /// With which noise.
    pub seed: u64,
}

/// A unit by its names, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitName {
    /// [`Case::name`].
    pub case: String,
    /// [`Prompt::name`].
    pub prompt: String,
    /// [`Method::name`].
    pub method: String,
    /// The seed.
    pub seed: u64,
}

impl Unit<'_> {
    /// Its names.
    pub fn name(&self) -> UnitName {
        UnitName {
            case: self.case.name(),
            prompt: self.prompt.name.clone(),
            method: self.method.name.to_owned(),
            seed: self.seed,
        }
    }
}

impl UnitName {
    /// What its files are called, without ending.
    pub fn file(&self) -> String {
        format!("{}~{}~{}", layout_file(&self.case, &self.prompt), plain(&self.method), self.seed)
    }

    /// In words for people.
    pub fn words(&self) -> String {
        format!("{}, {}, {}, seed {}", self.case, self.prompt, self.method, self.seed)
    }
}

/// What the files of a case's layout for a prompt are called, without ending.
pub fn layout_file(case: &str, prompt: &str) -> String {
    format!("{}~{}", plain(case), plain(prompt))
}

/// A name that every file system takes.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '+' { c } else { '_' }).collect()
}

/// A suite that cannot be used, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSuite {
    /// The text is no suite.
    #[error("the suite cannot be read: line {line}, column {column}: {problem}; correct that place in a text editor")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What was found there.
        problem: String,
    },
    /// A newer program's.
    #[error("the suite has format version {0}, and this Podium reads version {VERSION}; update Podium")]
    Version(u32),
    /// Something in it makes no sense.
    #[error("the suite's {place} {problem}; {advice}")]
    Value {
        /// Where.
        place: String,
        /// What is wrong, as the rest of a sentence.
        problem: String,
        /// What to do.
        advice: String,
    },
}

fn bad(place: impl Into<String>, problem: impl Into<String>, advice: impl Into<String>) -> BadSuite {
    BadSuite::Value { place: place.into(), problem: problem.into(), advice: advice.into() }
}

impl Suite {
    /// Reads and checks a suite.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_text(text: &str) -> Result<Self, BadSuite> {
        let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let suite: Self = options.from_str(text).map_err(|error| BadSuite::Syntax {
            line: error.span.start.line,
            column: error.span.start.col,
            problem: error.code.to_string(),
        })?;
        suite.check()?;
        Ok(suite)
    }

    /// A suite as text that reads as itself.
    ///
    /// # Errors
    /// In words, where a path is no text.
    pub fn to_text(&self) -> Result<String, String> {
        let style = ron::ser::PrettyConfig::default();
        ron::ser::to_string_pretty(self, style).map_err(|error| format!("the suite cannot be written: {error}"))
    }

    /// The suite without what only measures, and without what it says of itself: what its pictures depend on.
    #[must_use]
    fn of_pictures(&self) -> Self {
        let mut suite = Self { about: String::new(), segmenter: None, ..self.clone() };
        (suite.clip, suite.dino, suite.reward) = (None, None, None);
        suite.concepts.iter_mut().for_each(|subject| subject.photos = None);
        suite
    }

    /// A shipped suite.
    pub fn shipped(name: &str) -> Option<&'static [u8]> {
        crate::assets::find(&format!("suites/{name}.ron"))
    }

    /// The concept of that name.
    pub fn concept(&self, name: &str) -> Option<&Subject> {
        self.concepts.iter().find(|concept| concept.name == name)
    }

    /// The concepts of a case, from left to right.
    pub fn concepts_of<'a>(&'a self, case: &'a Case) -> impl Iterator<Item = &'a Subject> {
        case.concepts.iter().filter_map(|name| self.concept(name))
    }

    /// The prompts of a case.
    pub fn prompts_of<'a>(&'a self, case: &'a Case) -> &'a [Prompt] {
        if case.prompts.is_empty() { &self.prompts } else { &case.prompts }
    }

    /// How many seeds.
    pub fn seeds(&self, full: bool) -> u32 {
        self.full_seeds.filter(|_| full).unwrap_or(self.seeds)
    }

    /// Every picture of a choice. Whoever stops early has all methods on the same seeds: seeds outermost, methods
    /// innermost.
    pub fn units<'a>(&'a self, choice: &Choice) -> Vec<Unit<'a>> {
        let mut units = Vec::new();
        let methods: Vec<_> = choice.methods.iter().filter_map(|name| method(name)).collect();
        for seed in 0..u64::from(self.seeds(choice.full)) {
            for case in self.cases.iter().filter(|case| choice.full || !case.full) {
                for prompt in self.prompts_of(case).iter().filter(|prompt| choice.full || !prompt.full) {
                    units.extend(methods.iter().map(|method| Unit { case, prompt, method, seed }));
                }
            }
        }
        units
    }

    /// Whether every picture is the same one in both: all but what only measures, what it is for, and which methods are made when none is named,
    /// since a plan names its own.
    pub fn is_alike(&self, other: &Self) -> bool {
        let bare = |suite: &Self| Self { full_methods: Vec::new(), ..suite.of_pictures() };
        bare(self) == bare(other)
    }

    /// The methods that are asked for, or all of the suite's where none is.
    ///
    /// # Errors
    /// One that does not exist.
    pub fn choice(&self, full: bool, methods: &[String]) -> Result<Choice, BadSuite> {
        let more = if full { self.full_methods.as_slice() } else { &[] };
        let all = [self.methods.as_slice(), more].concat();
        let asked = if methods.is_empty() { all.as_slice() } else { methods };
        for name in asked {
            self.check_method(method(name).ok_or_else(|| unknown_method(name))?)?;
        }
        Ok(Choice::default().with(&Choice { full, methods: asked.to_vec() }))
    }

    /// Whether any concepts are placed into a photo.
    pub fn places(&self) -> bool {
        self.all_prompts().any(|prompt| prompt.photo.is_some())
    }

    fn all_prompts(&self) -> impl Iterator<Item = &Prompt> {
        self.cases.iter().flat_map(|case| self.prompts_of(case))
    }

    /// Checks that a method can make the pictures of every prompt.
    fn check_method(&self, method: &Method) -> Result<(), BadSuite> {
        let name = method.name;
        let placed = self.all_prompts().find(|prompt| prompt.photo.is_some());
        if let Some(prompt) = placed.filter(|_| !method.places()) {
            let problem = format!(
                "name {name:?}, which has no concepts whose places in a photo could change, and the prompt {:?} has a photo",
                prompt.name
            );
            return Err(bad("methods", problem, "leave that method out, or give the photo a suite of its own"));
        }
        let other = self.all_prompts().find(|prompt| prompt.photo.is_none());
        if let Some(prompt) = other.filter(|_| method.only_places()) {
            let problem = format!(
                "name {name:?}, which is {FULL:?} but for what becomes of a photo, and the prompt {:?} has none",
                prompt.name
            );
            return Err(bad("methods", problem, "leave that method out, or give every prompt a photo to place into"));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), BadSuite> {
        if self.version != VERSION {
            return Err(BadSuite::Version(self.version));
        }
        if self.name.trim().is_empty() {
            return Err(bad("name", "is empty", "give it one"));
        }
        let of_project = |error: crate::project::ProjectError| {
            bad("settings", format!("cannot be used: {error}"), "correct them in the suite's file")
        };
        self.canvas.validate().map_err(of_project)?;
        self.settings.validate().map_err(of_project)?;
        if let Some((problem, advice)) = self.segmenter.as_ref().and_then(Finder::problem) {
            return Err(bad("segmenter", problem, advice));
        }
        self.check_concepts()?;
        self.check_cases()?;
        let most = self.seeds.max(self.seeds(true));
        if self.seeds == 0 || self.seeds(true) == 0 {
            return Err(bad("seeds", "are none", "use 1 or more"));
        }
        self.choice(true, &[])?;
        if self.methods.is_empty() {
            return Err(bad("methods", "are none", format!("choose of {}", names_of_methods())));
        }
        let prompts: u64 = self.cases.iter().map(|case| self.prompts_of(case).len() as u64).sum();
        let count = prompts
            .saturating_mul(u64::from(most))
            .saturating_mul((self.methods.len() + self.full_methods.len()) as u64);
        if count > MOST_UNITS {
            let advice = format!("ask for fewer seeds, prompts or cases: at most {MOST_UNITS}");
            return Err(bad("cases", format!("come to {count} pictures"), advice));
        }
        Ok(())
    }

    fn check_concepts(&self) -> Result<(), BadSuite> {
        let mut names = HashSet::new();
        for concept in &self.concepts {
            let place = format!("concept {:?}", concept.name);
            if concept.name.trim().is_empty() || !names.insert(plain(&concept.name)) {
                return Err(bad(place, "has no name of its own", "give every concept a name that no other has"));
            }
            if concept.class_word.trim().is_empty() {
                return Err(bad(place, "has no class word", "say what it is, such as cat"));
            }
            let known = |name: &String| plush::concept(name).is_some();
            match &concept.plush {
                Some(name) if !known(name) => {
                    let all = plush::CONCEPTS.map(|concept| concept.name).join(", ");
                    return Err(bad(place, format!("is to be the plush {name}"), format!("there are {all}")));
                }
                None if self.measure == Measure::Plush => {
                    return Err(bad(place, "does not say which plush it is", "add plush: \"mint_cat\", say"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_cases(&self) -> Result<(), BadSuite> {
        let mut names = HashSet::new();
        if self.cases.iter().all(|case| case.full) {
            return Err(bad("cases", "are none without --full", "put some concepts together"));
        }
        for case in &self.cases {
            let place = format!("case {:?}", case.name());
            if case.concepts.is_empty() || !names.insert(plain(&case.name())) {
                return Err(bad(place, "is empty or there twice", "name concepts that no other case puts together"));
            }
            if let Some(unknown) = case.concepts.iter().find(|name| self.concept(name).is_none()) {
                let all: Vec<&str> = self.concepts.iter().map(|concept| concept.name.as_str()).collect();
                return Err(bad(place, format!("names {unknown:?}"), format!("the concepts are {}", all.join(", "))));
            }
            if case.concepts.iter().collect::<HashSet<_>>().len() < case.concepts.len() {
                return Err(bad(place, "names a concept twice", "name each once"));
            }
            let mut prompts = HashSet::new();
            for prompt in self.prompts_of(case) {
                if !prompts.insert(plain(&prompt.name)) {
                    return Err(bad(place, format!("has the prompt {:?} twice", prompt.name), "name them apart"));
                }
                check_photo(prompt, case)?;
            }
            if self.prompts_of(case).iter().all(|prompt| prompt.full) {
                return Err(bad(place, "has no prompt without --full", "add one to the case or to the suite"));
            }
        }
        Ok(())
    }
}

/// Checks what a prompt says of a photo, for a case.
fn check_photo(prompt: &Prompt, case: &Case) -> Result<(), BadSuite> {
    let wrong = |problem: String, advice: &str| Err(bad(format!("prompt {:?}", prompt.name), problem, advice));
    let Some(photo) = &prompt.photo else {
        if prompt.places.is_empty() {
            return Ok(());
        }
        return wrong("has places, and no photo that they are in".into(), "give it the photo, or no places");
    };
    if photo.as_os_str().is_empty() {
        return wrong("has a photo without a name".into(), "name the photo's file, or leave it out");
    }
    if prompt.layout.is_some() || !prompt.masks.is_empty() {
        let advice =
            "leave one of them out: into a photo cutouts are placed, and where they are is where it may change";
        return wrong("has a photo, and a finished layout or masks too".into(), advice);
    }
    if prompt.background.is_some() {
        return wrong("has a photo and a background".into(), "leave the background out: the photo is what lies behind");
    }
    let (places, concepts) = (prompt.places.len(), case.concepts.len());
    if places != 0 && places != concepts {
        let problem = format!("has {places} places, and {:?} has {concepts} concepts", case.name());
        let advice = "give one place for each concept, from left to right, or none; a case may have prompts of its own";
        return wrong(problem, advice);
    }
    if let Some((number, Place { x, y, height })) = (1..).zip(&prompt.places).find(|(_, place)| !place.is_one()) {
        let problem = format!("has place {number} at x {x}, y {y} with height {height}");
        return wrong(problem, "use shares of the photo from 0 to 1, and a height above 0");
    }
    Ok(())
}

fn names_of_methods() -> String {
    METHODS.iter().map(|method| method.name).collect::<Vec<_>>().join(", ")
}

fn unknown_method(name: &str) -> BadSuite {
    bad("methods", format!("name {name:?}"), format!("there are {}", names_of_methods()))
}

/// Reads a suite: a shipped one by its name, or a file. Gives the folder that its paths start from too.
///
/// # Errors
/// In words for people.
pub fn open(named: &str) -> Result<(Suite, PathBuf), String> {
    let path = Path::new(named);
    let (text, base) = match Suite::shipped(named) {
        Some(bytes) => (bytes.to_vec(), PathBuf::from(".")),
        None => {
            let shipped = format!("the shipped suites are {SHIPPED}; else name a suite's file (.ron)");
            let bytes = std::fs::read(path).map_err(|error| format!("{named}: cannot be read ({error}); {shipped}"))?;
            let base = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            (bytes, base.unwrap_or(Path::new(".")).to_owned())
        }
    };
    let text = String::from_utf8(text).map_err(|_| format!("{named}: is no text; name a suite's file (.ron)"))?;
    let suite = Suite::from_text(&text).map_err(|error| format!("{named}: {error}"))?;
    Ok((suite, base))
}

/// The nth of `parts` parts of a list, counted from 1, as a job array divides it.
pub fn shard<T>(all: Vec<T>, part: usize, parts: usize) -> Vec<T> {
    let mine = |(index, _): &(usize, T)| index % parts.max(1) + 1 == part;
    all.into_iter().enumerate().filter(mine).map(|(_, unit)| unit).collect()
}
