//! What stands over everything else: questions before something is lost, shortcuts, the model and device panel.

use std::path::PathBuf;

use eframe::egui::Ui;

use super::look::Look;
use crate::studio::Studio;

/// Something that the unsaved-changes question holds back.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Begin a new project.
    New,
    /// Open a file; None: choose one first.
    Open(Option<PathBuf>),
    /// Close the window.
    Close,
}

/// Which of them are open.
#[derive(Debug, Default)]
pub struct Dialogs {
    /// The shortcuts sheet.
    pub shortcuts: bool,
    /// Model and device.
    pub device: bool,
    /// What waits for an answer about unsaved changes.
    pub held: Option<Held>,
}

/// Draws those that are open.
pub fn show(_ui: &mut Ui, _studio: &mut Studio, _look: &mut Look) {}
