//! The panel of model and device.

use eframe::egui::Ui;

use super::look::Look;
use crate::studio::Studio;

/// What the panel's user wants.
pub enum Wish {
    /// Nothing new.
    None,
    /// To choose a folder.
    ChooseModelFolder,
    /// The miniature.
    UseBuiltIn,
    /// A folder used before.
    UseFolder(std::path::PathBuf),
    /// To compute elsewhere.
    Device(crate::engine::device::DeviceChoice),
}

/// Draws the panel's contents.
pub fn show(ui: &mut Ui, _studio: &mut Studio, _look: &mut Look) -> Wish {
    ui.label("Model and device");
    Wish::None
}
