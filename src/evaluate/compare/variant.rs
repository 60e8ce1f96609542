//! What a side renders with: the project's settings, a preset's or a method's, and changes of them.

use crate::evaluate::methods::{METHODS, Method, Shape};
use crate::project::{BaseModel, Preset, Project, Settings};

/// What a side begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Start {
    /// The project's settings as they are.
    #[default]
    Project,
    /// A preset.
    Preset(Preset),
    /// A part of the method left out or done another way, as `podium evaluate` names it.
    Method(&'static Method),
}

impl Start {
    /// All that there are: methods only where they are settings and nothing else.
    pub fn all() -> Vec<Self> {
        let by_settings = |method: &&Method| method.shape == Shape::Suite && !method.changes.is_empty();
        let methods = const { &METHODS }.iter().filter(by_settings).map(Self::Method);
        std::iter::once(Self::Project).chain(Preset::ALL.map(Self::Preset)).chain(methods).collect()
    }

    /// As it is listed.
    pub fn words(self) -> String {
        match self {
            Self::Project => "The project as it is".to_owned(),
            Self::Preset(preset) => format!("Preset {}", preset.name()),
            Self::Method(method) => {
                let mut letters = method.title.chars();
                letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
            }
        }
    }
}

/// What a side renders with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// What it begins with.
    pub start: Start,
    /// Settings that are changed then, by their keys, as `--set` writes them. One without a value changes nothing.
    pub changes: Vec<(String, String)>,
}

impl Variant {
    /// What begins so and changes nothing.
    pub fn of(start: Start) -> Self {
        Self { start, changes: Vec::new() }
    }

    /// The settings, from the project's.
    ///
    /// # Errors
    /// In words, where a key or value is none.
    pub fn settings(&self, project: &Project) -> Result<Settings, String> {
        let mut settings = project.settings.clone();
        match self.start {
            Start::Project => {}
            Start::Preset(preset) => Preset::take_over(&mut settings, preset.settings(BaseModel::of(project))),
            Start::Method(method) => settings = method.settings(&settings)?,
        }
        for (key, value) in self.changes.iter().filter(|(_, value)| !value.trim().is_empty()) {
            settings.set(key, value).map_err(|error| error.to_string())?;
        }
        Ok(settings)
    }

    /// What it is, in words.
    pub fn words(&self) -> String {
        let changes = self.changes.iter().filter(|(_, value)| !value.trim().is_empty());
        let changes: Vec<String> = changes.map(|(key, value)| format!("{key}={}", value.trim())).collect();
        if changes.is_empty() {
            return self.start.words();
        }
        format!("{}, {}", self.start.words(), changes.join(", "))
    }
}
