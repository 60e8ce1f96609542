//! Choosing files: the desktop's own dialog, which waits on a thread of its own, or a field to type a path into where
//! the desktop has none.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::egui::{self, Context};

use super::asks::{PICTURES, Purpose};
use super::background::Asked;
use super::export;
use super::look::Look;
use crate::project::files::name_of;
use crate::segment::ENDINGS;
use crate::studio::{Place, Studio, Target};

/// What files are chosen for.
enum Of {
    /// The project that is open.
    Project,
    /// The training that is open.
    Training,
    /// Whatever is open.
    Window,
}

impl Purpose {
    fn title(&self) -> String {
        match self {
            Self::Cutouts => "Add cutouts".into(),
            Self::CutOut => "Choose a photo to cut somebody out of".into(),
            Self::SegmentFile => "Choose weights of Segment Anything, or its encoder and decoder (ONNX)".into(),
            Self::Background => "Choose a background".into(),
            Self::ReplaceLayer(_) => "Choose another picture".into(),
            Self::Concepts => "Load concepts".into(),
            Self::ReplaceConcept(_) => "Choose another concept file".into(),
            Self::MoreOf(name) => format!("Add files to {name}"),
            Self::Styles => "Add styles".into(),
            Self::OpenProject => "Open a project, or a picture that Podium wrote".into(),
            Self::SaveProject(_) => "Save the project".into(),
            Self::ModelFolder => "Choose a model's folder (diffusers layout)".into(),
            Self::ModelFile => "Choose a model in one file (Stable Diffusion 1.5)".into(),
            Self::LibraryFolder => "Choose a folder with models or LoRAs".into(),
            Self::VaeFile => "Choose an autoencoder (VAE) of Stable Diffusion 1.5".into(),
            Self::Photo => "Choose a photo".into(),
            Self::EditMask => "Choose a mask: white may change".into(),
            Self::TrainingPhotos => "Choose photos of the subject".into(),
            Self::TrainingFolder => "Choose a folder of photos".into(),
            Self::TrainingMask(_) => "Choose a mask: white is the subject".into(),
            Self::TrainingFrom => "Choose an ED-LoRA to go on from".into(),
            Self::TrainingEncoder => "Choose a folder with CLIP or DINOv2".into(),
            Self::ComparisonEncoder => "Choose a folder with CLIP, DINOv2 or ImageReward".into(),
            Self::RewardFile => "Choose ImageReward.pt".into(),
            Self::PhotosOf(name) => format!("Choose the folder of {name}'s photos"),
            Self::OpenTraining => "Open a training".into(),
            Self::SaveTraining => "Save the training".into(),
            Self::Find(path) => {
                format!("Where is {}?", name_of(path))
            }
            Self::Collect { .. } => "Choose where the project's own folder shall be made".into(),
            Self::Export { kind, .. } => kind.title().into(),
        }
    }

    fn kinds(&self) -> Option<(&'static str, Vec<&'static str>)> {
        match self {
            Self::Cutouts
            | Self::CutOut
            | Self::Background
            | Self::ReplaceLayer(_)
            | Self::Photo
            | Self::EditMask
            | Self::TrainingPhotos
            | Self::TrainingMask(_) => Some(("Pictures", PICTURES.to_vec())),
            Self::Concepts | Self::ReplaceConcept(_) | Self::MoreOf(_) | Self::Styles | Self::TrainingFrom => {
                Some(("Concepts", vec!["pth", "pt", "bin", "ckpt", "safetensors"]))
            }
            Self::ModelFile | Self::VaeFile => Some(("Models", vec!["safetensors", "ckpt", "pt", "bin", "pth"])),
            Self::RewardFile => Some(("ImageReward", vec!["pt", "safetensors"])),
            Self::SegmentFile => Some(("Networks", [&["onnx"][..], &ENDINGS].concat())),
            Self::OpenProject => Some(("Projects and pictures", vec!["ron", "png"])),
            Self::SaveProject(_) => Some(("Projects", vec!["ron"])),
            Self::OpenTraining | Self::SaveTraining => Some(("Trainings", vec!["ron"])),
            Self::ModelFolder
            | Self::LibraryFolder
            | Self::TrainingFolder
            | Self::TrainingEncoder
            | Self::ComparisonEncoder
            | Self::PhotosOf(_)
            | Self::Find(_)
            | Self::Collect { .. }
            | Self::Export { .. } => None,
        }
    }

    /// What the files are for.
    fn of(&self) -> Of {
        match self {
            Self::Cutouts
            | Self::CutOut
            | Self::Background
            | Self::ReplaceLayer(_)
            | Self::Concepts
            | Self::ReplaceConcept(_)
            | Self::MoreOf(_)
            | Self::Styles
            | Self::SaveProject(_)
            | Self::ModelFolder
            | Self::ModelFile
            | Self::VaeFile
            | Self::Photo
            | Self::EditMask
            | Self::Find(_)
            | Self::PhotosOf(_)
            | Self::Collect { .. } => Of::Project,
            Self::TrainingPhotos
            | Self::TrainingFolder
            | Self::TrainingMask(_)
            | Self::TrainingFrom
            | Self::TrainingEncoder
            | Self::SaveTraining => Of::Training,
            Self::SegmentFile
            | Self::LibraryFolder
            | Self::OpenProject
            | Self::OpenTraining
            | Self::ComparisonEncoder
            | Self::RewardFile
            | Self::Export { .. } => Of::Window,
        }
    }

    fn many(&self) -> bool {
        matches!(
            self,
            Self::Cutouts | Self::SegmentFile | Self::Concepts | Self::MoreOf(_) | Self::Styles | Self::TrainingPhotos
        )
    }

    fn folder(&self) -> bool {
        match self {
            Self::ModelFolder
            | Self::LibraryFolder
            | Self::TrainingFolder
            | Self::TrainingEncoder
            | Self::ComparisonEncoder
            | Self::PhotosOf(_)
            | Self::Collect { .. } => true,
            // A model's or a concept's folder has a name without an ending.
            Self::Find(path) => path.extension().is_none(),
            Self::Export { kind, .. } => kind.is_folder(),
            _ => false,
        }
    }

    fn saves(&self) -> Option<String> {
        match self {
            Self::SaveProject(_) => Some("project.ron".into()),
            Self::SaveTraining => Some("concept.ron".into()),
            Self::Export { name, kind, .. } if !kind.is_folder() => Some(name.clone()),
            _ => None,
        }
    }
}

/// What files are asked for, and for which project and training: both may be others once they are chosen.
struct Wish {
    purpose: Purpose,
    /// See [`crate::studio::Document::id`].
    document: u64,
    /// See [`crate::studio::train::draft::Draft::id`].
    training: u64,
}

impl Wish {
    /// Whether what it was for is still open.
    fn still(&self, studio: &Studio) -> bool {
        match self.purpose.of() {
            Of::Project => self.document == studio.document.id(),
            Of::Training => self.training == studio.train.draft.id(),
            Of::Window => true,
        }
    }
}

/// What a dialog's thread says.
enum Reply {
    /// Which files were chosen; none where the dialog was cancelled.
    Picked {
        wish: Wish,
        paths: Vec<PathBuf>,
        /// Whether a file that is there was asked about, where one is to be written.
        asked: bool,
    },
    /// The desktop has no dialog any more.
    NoDialog(Wish),
}

/// What the desktop has.
#[derive(Clone, Debug, Default)]
struct Desktop {
    /// Whether anything could answer a request for a file dialog.
    dialogs: bool,
    /// Where a person keeps files.
    documents: PathBuf,
}

impl Desktop {
    /// Looks; reads files and folders, so it is nothing for the window's thread.
    fn look() -> Self {
        let user = directories::UserDirs::new();
        let folder = user.map(|user| user.document_dir().unwrap_or_else(|| user.home_dir()).to_owned());
        Self { dialogs: Self::has_dialogs(), documents: folder.unwrap_or_default() }
    }

    fn has_dialogs() -> bool {
        if !cfg!(target_os = "linux") {
            return true;
        }
        let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
            || std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| PathBuf::from(folder).join("bus").exists());
        let zenity = std::env::var_os("PATH")
            .is_some_and(|paths| std::env::split_paths(&paths).any(|folder| folder.join("zenity").exists()));
        bus || zenity
    }
}

/// The dialogs that are open.
pub struct Pickers {
    sender: Sender<Reply>,
    receiver: Receiver<Reply>,
    /// Looked up once, when the window opens.
    desktop: Asked<Desktop>,
    /// What was asked for and has not begun, since the desktop is being looked at.
    wanted: Option<Wish>,
    /// A path being typed, where the desktop has no dialog.
    typed: Option<(Wish, String)>,
    /// Where a typed path that is relative starts.
    base: PathBuf,
    /// Whether to ask the desktop; a test does not.
    pub native: bool,
}

impl Default for Pickers {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        let (desktop, base) = (Asked::default(), PathBuf::new());
        Self { sender, receiver, desktop, wanted: None, typed: None, base, native: true }
    }
}

impl Pickers {
    /// Asks for files; what is chosen comes by [`Pickers::take`].
    pub fn ask(&mut self, ctx: &Context, purpose: Purpose, studio: &Studio) {
        self.wanted = Some(Wish { purpose, document: studio.document.id(), training: studio.train.draft.id() });
        self.begin(ctx, studio);
    }

    /// What a path is being typed for.
    pub fn typing(&self) -> Option<&Purpose> {
        self.typed.as_ref().map(|(wish, _)| &wish.purpose)
    }

    /// Begins what was asked for, once the desktop is known.
    fn begin(&mut self, ctx: &Context, studio: &Studio) {
        let known = self.desktop.get(ctx, Desktop::look).cloned();
        let Some(desktop) = known.or_else(|| self.desktop.is_lost().then(Desktop::default)) else { return };
        let Some(wish) = self.wanted.take() else { return };
        if self.native && desktop.dialogs {
            self.open_dialog(ctx, wish, studio);
        } else {
            self.type_path(wish, studio, desktop.documents);
        }
    }

    fn type_path(&mut self, wish: Wish, studio: &Studio, documents: PathBuf) {
        self.base = if studio.document.folder.is_absolute() { studio.document.folder.clone() } else { documents };
        let start = match &wish.purpose {
            Purpose::SaveProject(_) => studio.document.file.clone().unwrap_or_else(|| self.base.join("project.ron")),
            Purpose::SaveTraining => self.base.join("concept.ron"),
            Purpose::Export { name, .. } => self.base.join(name),
            _ => PathBuf::new(),
        };
        self.typed = Some((wish, start.display().to_string()));
    }

    fn open_dialog(&mut self, ctx: &Context, wish: Wish, studio: &Studio) {
        let purpose = &wish.purpose;
        let mut dialog = rfd::AsyncFileDialog::new().set_title(purpose.title());
        if let Some((name, endings)) = purpose.kinds() {
            dialog = dialog.add_filter(name, &endings);
        }
        if studio.document.folder.is_absolute() {
            dialog = dialog.set_directory(&studio.document.folder);
        }
        let (sender, ctx) = (self.sender.clone(), ctx.clone());
        let wait = move || {
            let purpose = &wish.purpose;
            let reply = if Desktop::has_dialogs() {
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
                Reply::Picked { wish, paths, asked: true }
            } else {
                Reply::NoDialog(wish)
            };
            // The window may be gone.
            let _ = sender.send(reply);
            ctx.request_repaint();
        };
        if std::thread::Builder::new().name("podium-dialog".into()).spawn(wait).is_err() {
            self.native = false;
        }
    }

    /// Draws the field for a path where one is being typed.
    pub fn show(&mut self, ctx: &Context) {
        let Some((Wish { purpose, .. }, text)) = &mut self.typed else { return };
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
            && let Some((wish, _)) = self.typed.take()
        {
            // The channel's other end is ours.
            let _ = self.sender.send(Reply::Picked { wish, paths, asked: false });
        }
    }

    /// Takes what was chosen to where it belongs, and begins what waits to be.
    pub fn take(&mut self, ctx: &Context, studio: &mut Studio, look: &Look) {
        while let Ok(reply) = self.receiver.try_recv() {
            match reply {
                Reply::Picked { wish, paths, .. } if !wish.still(studio) => {
                    // Chosen for a project or training that another has taken the place of: nothing of this one is changed.
                    if let Some(path) = paths.first() {
                        let words = match &wish.purpose {
                            Purpose::SaveProject(_) => format!(
                                "{} was not written: another project was opened while you chose where. Save it again.",
                                path.display()
                            ),
                            other => {
                                format!("\"{}\" was for what is no longer open, and nothing was done.", other.title())
                            }
                        };
                        studio.notice(Place::Project, words);
                    }
                }
                Reply::Picked { wish: Wish { purpose, .. }, paths, asked } => {
                    for path in paths {
                        take_one(studio, look, &purpose, path, asked);
                    }
                }
                Reply::NoDialog(wish) => {
                    self.native = false;
                    self.wanted = Some(wish);
                    let words = "The desktop's file dialog went away; paths can be typed instead.";
                    studio.notice(Place::Project, words);
                }
            }
        }
        self.begin(ctx, studio);
    }
}

fn take_one(studio: &mut Studio, look: &Look, purpose: &Purpose, path: PathBuf, asked: bool) {
    match purpose {
        Purpose::Cutouts => studio.take_in(path, Target::Cutout),
        Purpose::CutOut => studio.cut_out_of(path),
        Purpose::SegmentFile => studio.choose_segment_file(&path),
        Purpose::Background => studio.take_in(path, Target::Background),
        Purpose::ReplaceLayer(layer) => studio.take_in(path, Target::ReplaceLayer(*layer)),
        Purpose::Concepts => studio.take_in(path, Target::Concept),
        Purpose::ReplaceConcept(name) => studio.take_in(path, Target::ReplaceConcept(name.clone())),
        Purpose::MoreOf(name) => studio.take_in(path, Target::MoreOf(name.clone())),
        Purpose::Styles => studio.take_in(path, Target::Style),
        Purpose::OpenProject => studio.take_in(path, Target::Open),
        Purpose::SaveProject(then) => {
            // A dialog has asked about the name that it gave, not about one whose ending is added here.
            let agreed = asked && path.extension().is_some();
            studio.save_to(path, agreed, then.clone());
        }
        Purpose::ModelFolder | Purpose::ModelFile => studio.take_in(path, Target::Model),
        Purpose::LibraryFolder => studio.add_library_folder(&path),
        Purpose::VaeFile => studio.take_in(path, Target::Autoencoder),
        Purpose::Photo => studio.take_in(path, Target::Photo),
        Purpose::EditMask => studio.take_in(path, Target::EditMask),
        Purpose::TrainingPhotos | Purpose::TrainingFolder => studio.train.add(vec![path]),
        Purpose::TrainingMask(picture) => {
            if let Some(at) = studio.train.training().photos.iter().position(|photo| photo.picture == *picture) {
                studio.train.set_mask(at, path);
            }
        }
        Purpose::TrainingFrom => studio.train.go_on_from(Some(path)),
        Purpose::TrainingEncoder => studio.train.compare_by(Some(path)),
        Purpose::ComparisonEncoder | Purpose::RewardFile => studio.choose_encoder(path),
        Purpose::PhotosOf(name) => studio.choose_photos_of(name, &path),
        Purpose::OpenTraining => studio.train.open(path),
        Purpose::SaveTraining => studio.train.save_to(path),
        Purpose::Find(before) => studio.use_found_file(before.clone(), path),
        Purpose::Collect { with_model } => studio.collect_into(path, *with_model),
        Purpose::Export { subject, kind, .. } => export::begin(studio, look, subject, *kind, path),
    }
}
