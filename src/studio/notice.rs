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
