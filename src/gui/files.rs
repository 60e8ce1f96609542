//! Choosing files: the desktop's own dialog, which waits on a thread of its own, or a field to type a path into where
//! the desktop has none.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::egui::{self, Context};

use crate::studio::{Held, Place, Studio, Target};

/// What files are chosen for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// New layers.
    Cutouts,
    /// The background.
    Background,
    /// Another picture for a layer.
    ReplaceLayer(usize),
    /// New concepts.
    Concepts,
    /// Another file for a concept.
    ReplaceConcept(String),
    /// A project to open.
    OpenProject,
    /// Where to save the project.
    SaveProject,
    /// A model's folder.
    ModelFolder,
    /// A model in one file.
    ModelFile,
    /// The photo to place objects into.
    Photo,
    /// Where that photo may change.
    EditMask,
    /// Where to export to; the gallery knows what.
    Export {
        /// The title of the dialog.
        title: String,
        /// A name to begin with.
        name: String,
        /// Whether a folder is wanted.
        folder: bool,
    },
}

/// How names of pictures that can be loaded end.
pub(super) const PICTURES: &[&str] = &["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"];

impl Purpose {
    fn title(&self) -> String {
        match self {
            Self::Cutouts => "Add cutouts".into(),
            Self::Background => "Choose a background".into(),
            Self::ReplaceLayer(_) => "Choose another picture".into(),
            Self::Concepts => "Load concepts".into(),
            Self::ReplaceConcept(_) => "Choose another concept file".into(),
            Self::OpenProject => "Open a project, or a picture that Podium wrote".into(),
            Self::SaveProject => "Save the project".into(),
            Self::ModelFolder => "Choose a model's folder (diffusers layout)".into(),
            Self::ModelFile => "Choose a model in one file (Stable Diffusion 1.5)".into(),
            Self::Photo => "Choose a photo".into(),
            Self::EditMask => "Choose a mask: white may change".into(),
            Self::Export { title, .. } => title.clone(),
        }
    }

    fn kinds(&self) -> Option<(&'static str, Vec<&'static str>)> {
        match self {
            Self::Cutouts | Self::Background | Self::ReplaceLayer(_) | Self::Photo | Self::EditMask => {
                Some(("Pictures", PICTURES.to_vec()))
            }
            Self::Concepts | Self::ReplaceConcept(_) => Some(("Concepts", vec!["pth", "pt", "safetensors"])),
            Self::ModelFile => Some(("Models", vec!["safetensors"])),
            Self::OpenProject => Some(("Projects and pictures", vec!["ron", "png"])),
            Self::SaveProject => Some(("Projects", vec!["ron"])),
            Self::ModelFolder | Self::Export { .. } => None,
        }
    }

    fn many(&self) -> bool {
        matches!(self, Self::Cutouts | Self::Concepts)
    }

    fn folder(&self) -> bool {
        matches!(self, Self::ModelFolder | Self::Export { folder: true, .. })
    }

    fn saves(&self) -> Option<String> {
        match self {
            Self::SaveProject => Some("project.ron".into()),
            Self::Export { name, folder: false, .. } => Some(name.clone()),
            _ => None,
        }
    }
}

/// Files that were chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Picked {
    /// What for.
    pub purpose: Purpose,
    /// Which; none where the dialog was cancelled.
    pub paths: Vec<PathBuf>,
}

/// The dialogs that are open.
pub struct Pickers {
    sender: Sender<Picked>,
    receiver: Receiver<Picked>,
    /// A path being typed, where the desktop has no dialog.
    typed: Option<(Purpose, String)>,
    /// Where a typed path that is relative starts.
    base: PathBuf,
    /// Whether to ask the desktop; a test does not.
    pub native: bool,
    /// What was picked for an export, for the gallery to take.
    pub export: Option<PathBuf>,
}

impl Default for Pickers {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        Self { sender, receiver, typed: None, base: PathBuf::new(), native: desktop_has_dialogs(), export: None }
    }
}

/// Where a person keeps files.
fn documents() -> PathBuf {
    let user = directories::UserDirs::new();
    let folder = user.map(|user| user.document_dir().unwrap_or_else(|| user.home_dir()).to_owned());
    folder.unwrap_or_default()
}

/// Whether anything could answer a request for a file dialog.
fn desktop_has_dialogs() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
        || std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| PathBuf::from(folder).join("bus").exists());
    let zenity = std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|folder| folder.join("zenity").exists()));
    bus || zenity
}

impl Pickers {
    /// Asks for files; what is chosen comes by [`Pickers::take`].
    pub fn ask(&mut self, ctx: &Context, purpose: Purpose, studio: &Studio) {
        if !self.native {
            self.base = if studio.document.folder.is_absolute() { studio.document.folder.clone() } else { documents() };
            let start = match &purpose {
                Purpose::SaveProject => studio.document.file.clone().unwrap_or_else(|| self.base.join("project.ron")),
                Purpose::Export { name, .. } => self.base.join(name),
                _ => PathBuf::new(),
            };
            self.typed = Some((purpose, start.display().to_string()));
            return;
        }
        let mut dialog = rfd::AsyncFileDialog::new().set_title(purpose.title());
        if let Some((name, endings)) = purpose.kinds() {
            dialog = dialog.add_filter(name, &endings);
        }
        if studio.document.folder.is_absolute() {
            dialog = dialog.set_directory(&studio.document.folder);
        }
        let (sender, ctx) = (self.sender.clone(), ctx.clone());
        let wait = move || {
            let paths = pollster::block_on(async {
                if purpose.folder() {
                    dialog.pick_folder().await.into_iter().collect()
                } else if let Some(name) = purpose.saves() {
                    dialog.set_file_name(name).save_file().await.into_iter().collect()
                } else if purpose.many() {
                    dialog.pick_files().await.unwrap_or_default()
                } else {
                    dialog.pick_file().await.into_iter().collect::<Vec<_>>()
                }
            });
            let paths = paths.into_iter().map(|file| file.path().to_owned()).collect();
            // The window may be gone.
            let _ = sender.send(Picked { purpose, paths });
            ctx.request_repaint();
        };
        if std::thread::Builder::new().name("podium-dialog".into()).spawn(wait).is_err() {
            self.native = false;
        }
    }

    /// Draws the field for a path where one is being typed.
    pub fn show(&mut self, ctx: &Context) {
        let Some((purpose, text)) = &mut self.typed else { return };
        let (mut done, mut open) = (None, true);
        egui::Window::new(purpose.title()).open(&mut open).collapsible(false).resizable(false).show(ctx, |ui| {
            ui.set_width(420.0);
            let label = ui.label("Path");
            let field = ui.add(egui::TextEdit::singleline(text).desired_width(f32::INFINITY)).labelled_by(label.id);
            ui.label(
                egui::RichText::new(
                    "This desktop offers no file dialog. Type or paste a path, or drag files into the window. \
                     The packages xdg-desktop-portal and xdg-desktop-portal-gtk, or zenity, bring the dialog.",
                )
                .small()
                .weak(),
            );
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            ui.horizontal(|ui| {
                if ui.add_enabled(!text.trim().is_empty(), egui::Button::new("Use this path")).clicked() || entered {
                    done = Some(vec![self.base.join(text.trim())]);
                }
                if ui.button("Cancel").clicked() {
                    done = Some(Vec::new());
                }
            });
        });
        if let Some(paths) = done.or_else(|| (!open).then(Vec::new))
            && let Some((purpose, _)) = self.typed.take()
        {
            // The channel's other end is ours.
            let _ = self.sender.send(Picked { purpose, paths });
        }
    }

    /// Takes what was chosen to where it belongs.
    pub fn take(&mut self, studio: &mut Studio) {
        while let Ok(Picked { purpose, paths }) = self.receiver.try_recv() {
            for path in paths {
                match &purpose {
                    Purpose::Cutouts => studio.take_in(path, Target::Cutout),
                    Purpose::Background => studio.take_in(path, Target::Background),
                    Purpose::ReplaceLayer(layer) => studio.take_in(path, Target::ReplaceLayer(*layer)),
                    Purpose::Concepts => studio.take_in(path, Target::Concept),
                    Purpose::ReplaceConcept(name) => studio.take_in(path, Target::ReplaceConcept(name.clone())),
                    Purpose::OpenProject => studio.ask_to(Held::Open(path)),
                    Purpose::SaveProject => studio.save_as(path),
                    Purpose::ModelFolder | Purpose::ModelFile => studio.take_in(path, Target::Model),
                    Purpose::Photo => studio.take_in(path, Target::Photo),
                    Purpose::EditMask => studio.take_in(path, Target::EditMask),
                    Purpose::Export { .. } => self.export = Some(path),
                }
            }
        }
        if self.native && !desktop_has_dialogs() {
            self.native = false;
            studio.notice(Place::Project, "The desktop's file dialog went away; paths can be typed instead.");
        }
    }
}
