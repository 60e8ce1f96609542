//! Placeholder until the shaders are merged.
/// Which way values between cells are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// Each cell in one colour.
    #[default]
    Nearest,
    /// Blended.
    Smooth,
}
/// Colour maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColorMap {
    /// Viridis.
    #[default]
    Viridis,
    /// Cividis.
    Cividis,
    /// Jet.
    Jet,
}
