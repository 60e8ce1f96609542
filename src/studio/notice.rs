//! What is said to a person, and where in the window it belongs. Rooms hand notices out; the session keeps them.

/// Where in the window something is set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The project as a whole, its file.
    Project,
    /// A layer, counted from the rearmost.
    Layer(usize),
    /// A concept, by name.
    Concept(String),
    /// The prompt.
    Prompt,
    /// The canvas.
    Canvas,
    /// A group or value of the settings, by its dotted key.
    Setting(&'static str),
    /// The render button.
    Render,
    /// The gallery.
    Gallery,
    /// The model and device.
    Device,
    /// The Train page.
    Training,
    /// The Compare page.
    Comparing,
}

/// Something that went wrong or that a person should know, kept at its place until it is dismissed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where it belongs.
    pub place: Place,
    /// What it says.
    pub words: String,
}

impl Notice {
    /// Words at a place.
    pub fn new(place: Place, words: impl Into<String>) -> Self {
        Self { place, words: words.into() }
    }
}

/// Words as a sentence of their own.
pub fn sentence(words: &str) -> String {
    let mut letters = words.trim_end_matches('.').chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_sentence() {
        assert_eq!(["name is empty", "Told.", "", "é"].map(sentence), ["Name is empty.", "Told.", ".", "É."]);
    }
}
