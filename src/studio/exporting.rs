//! Exports while they are written: which kinds there are, what each needs, how far the one in hand is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::export::{self, ExportError, SheetOptions, Take, Timing};
use super::{Place, ResultId, Run, Studio, Told};
use crate::link::JobId;
use crate::project::picture::load_rgba;
use crate::project::{DiskFiles, png_text};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The finished picture with its project in it.
    Png,
    /// Every step as a PNG, in a folder.
    Steps,
    /// The steps as a GIF.
    Gif,
    /// The steps as an animated PNG.
    Apng,
    /// What the method saw from step to step, on one page.
    Sheet,
    /// The masks of every subject, in a folder.
    Masks,
}

impl Kind {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 6] = [Self::Png, Self::Steps, Self::Gif, Self::Apng, Self::Sheet, Self::Masks];

    /// What the menu calls it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Png => "Picture as PNG...",
            Self::Steps => "Step sequence as PNG files...",
            Self::Gif => "Animated GIF...",
            Self::Apng => "Animated PNG...",
            Self::Sheet => "Contact sheet...",
            Self::Masks => "Masks...",
        }
    }

    /// What comes of it, in a sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Png => "One picture that opens again as the project that made it.",
            Self::Steps => "A folder with a picture of every step; the finished picture is the last.",
            Self::Gif => "The way from noise to the picture, for every browser; 256 colours a frame.",
            Self::Apng => "The way from noise to the picture in all its colours.",
            Self::Sheet => {
                "Previews, attention and masks of eight steps on one page, as in the paper's Figures 12 and 13."
            }
            Self::Masks => "A folder with every subject's masks, white on black, and an overview.",
        }
    }

    /// The title of the dialog that asks where to.
    pub fn title(self) -> &'static str {
        match self {
            Self::Png => "Export the picture",
            Self::Steps => "Choose a folder for the steps",
            Self::Gif => "Export an animated GIF",
            Self::Apng => "Export an animated PNG",
            Self::Sheet => "Export a contact sheet",
            Self::Masks => "Choose a folder for the masks",
        }
    }

    /// Whether a folder is asked for rather than a file.
    pub fn is_folder(self) -> bool {
        matches!(self, Self::Steps | Self::Masks)
    }

    /// A file or folder name to begin with; `stem` is what the picture is called.
    pub fn name(self, stem: &str) -> String {
        match self {
            Self::Png => format!("{stem}.png"),
            Self::Steps => format!("{stem} steps"),
            Self::Gif => format!("{stem}.gif"),
            Self::Apng => format!("{stem} steps.png"),
            Self::Sheet => format!("{stem} sheet.png"),
            Self::Masks => format!("{stem} masks"),
        }
    }

    /// What is said while it is written and when it is there.
    fn thing(self) -> &'static str {
        match self {
            Self::Png => "the picture",
            Self::Steps => "the steps",
            Self::Gif => "the animated GIF",
            Self::Apng => "the animated PNG",
            Self::Sheet => "the contact sheet",
            Self::Masks => "the masks",
        }
    }

    fn with_ending(self, path: PathBuf) -> PathBuf {
        let ending = if self == Self::Gif { "gif" } else { "png" };
        if self.is_folder() || path.extension().is_some() { path } else { path.with_extension(ending) }
    }
}

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A result of the gallery.
    Result(ResultId),
    /// A picture of a run, finished or not, by its place in the batch.
    Run(JobId, usize),
}

/// How a contact sheet is drawn; it comes from the window, whose fonts and colours it has.
pub struct SheetLook {
    /// A TrueType font for the words.
    pub font: Arc<Vec<u8>>,
    /// Colours of cross-attention, from 0..1.
    pub color_map: Box<dyn Fn(f32) -> [u8; 3] + Send>,
    /// Whether cross-attention is interpolated between its cells.
    pub smooth: bool,
}

#[derive(Debug, Default)]
struct Progress {
    done: AtomicUsize,
    total: AtomicUsize,
    stop: AtomicBool,
}

/// The export in hand.
#[derive(Clone, Debug)]
pub struct Exporting {
    /// What is written.
    pub kind: Kind,
    /// Where to.
    pub path: PathBuf,
    progress: Arc<Progress>,
}

impl Exporting {
    /// Tells it to end; it leaves nothing behind.
    pub fn stop(&self) {
        self.progress.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to end.
    pub fn is_stopping(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    /// How far it is, 0..1.
    pub fn part(&self) -> f32 {
        let (done, total) = (self.progress.done.load(Ordering::Relaxed), self.progress.total.load(Ordering::Relaxed));
        (done as f32 / total.max(1) as f32).clamp(0.0, 1.0)
    }

    /// What it does, in words.
    pub fn words(&self) -> String {
        let (done, total) = (self.progress.done.load(Ordering::Relaxed), self.progress.total.load(Ordering::Relaxed));
        let thing = self.kind.thing();
        match (self.is_stopping(), total) {
            (true, _) => format!("Stopping: {thing} will not be written"),
            (false, 0) => format!("Writing {thing}"),
            (false, _) => format!("Writing {thing}: {done} of {total}"),
        }
    }
}

/// An export that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// What it is.
    pub kind: Kind,
    /// The file or folder.
    pub path: PathBuf,
}

impl Exported {
    /// Where it is, in words.
    pub fn words(&self) -> String {
        let thing = self.kind.thing();
        let is_many = matches!(self.kind, Kind::Steps | Kind::Masks);
        let is = if is_many { "are" } else { "is" };
        capitalised(&format!("{thing} {is} in {}", self.path.display()))
    }

    /// The folder to look into.
    pub fn folder(&self) -> &Path {
        if self.kind.is_folder() { &self.path } else { self.path.parent().unwrap_or(&self.path) }
    }
}

/// What came of an export.
pub(super) struct Outcome {
    kind: Kind,
    path: PathBuf,
    outcome: Result<(), ExportError>,
}

/// Where the pixels come from.
enum Origin {
    Take(Take, PathBuf),
    File(PathBuf),
}

impl Studio {
    /// The run that made a result, while its steps are kept, and which picture of it.
    pub fn run_of(&self, result: &str) -> Option<(&Run, usize)> {
        let run = self.runs.iter().find(|run| run.results.iter().any(|id| id == result))?;
        Some((run, run.results.iter().position(|id| id == result)?))
    }

    fn run_of_subject(&self, subject: &Subject) -> Option<(&Run, usize)> {
        match subject {
            Subject::Result(id) => self.run_of(id),
            Subject::Run(job, picture) => self.runs.get(*job).map(|run| (run, *picture)),
        }
    }

    /// What of a run is there to export.
    fn take_of(run: &Run, picture: usize) -> Take {
        Take {
            project: run.project.clone(),
            steps: run.steps.iter().flatten().cloned().collect(),
            finished: run.finished().cloned(),
            picture,
        }
    }

    /// Why something cannot be exported, in words with what to do; None where it can.
    pub fn export_obstacle(&self, subject: &Subject, kind: Kind) -> Option<String> {
        if self.exporting.is_some() {
            return Some("Another export is being written. Wait for its end, or stop it.".into());
        }
        let Some((run, picture)) = self.run_of_subject(subject) else {
            return match (subject, kind) {
                (Subject::Result(_), Kind::Png) => None,
                (Subject::Result(_), _) => Some(
                    "The steps of this picture are no longer kept: only the last few renders of a session have them. \
                     Go back to its project and render it again."
                        .into(),
                ),
                (Subject::Run(..), _) => Some("Nothing has been rendered yet. Press Render first.".into()),
            };
        };
        let take = Self::take_of(run, picture);
        match kind {
            Kind::Png if take.result().is_none() => {
                Some("The picture is not finished yet. Wait for the end of the render, or export its steps.".into())
            }
            Kind::Png => None,
            Kind::Masks => {
                let has_masks =
                    |view: &Arc<crate::link::StepView>| view.masks.get(picture).is_some_and(|masks| !masks.is_empty());
                (!take.steps.iter().any(has_masks)).then(|| {
                    "This render has no masks. Give a concept to a layer and render, or wait for the first step.".into()
                })
            }
            _ if take.steps.is_empty() => Some("There is no step yet. Wait for the first step of the render.".into()),
            _ => None,
        }
    }

    /// A name for what is exported, which every file system takes.
    pub fn export_stem(&self, subject: &Subject) -> String {
        let name = match self.run_of_subject(subject) {
            Some((run, picture)) => {
                let seed = Self::take_of(run, picture).seed();
                format!("{} seed {seed}", run.name)
            }
            None => match subject {
                Subject::Result(id) => {
                    let seed = self.store.entry(id).and_then(|entry| entry.seed);
                    seed.map_or_else(|| "picture".to_owned(), |seed| format!("picture seed {seed}"))
                }
                Subject::Run(..) => "picture".into(),
            },
        };
        name.chars()
            .map(|letter| if letter.is_alphanumeric() || " -.".contains(letter) { letter } else { '_' })
            .collect()
    }

    /// Writes an export in the background. What stands in its way is said at the gallery.
    pub fn export(&mut self, subject: &Subject, kind: Kind, path: PathBuf, sheet: SheetLook) {
        if let Some(words) = self.export_obstacle(subject, kind) {
            return self.notice(Place::Gallery, words);
        }
        let from = match (self.run_of_subject(subject), subject) {
            (Some((run, picture)), _) => Origin::Take(Self::take_of(run, picture), run.folder.clone()),
            (None, Subject::Result(id)) => Origin::File(self.store.path(id)),
            (None, Subject::Run(..)) => return,
        };
        self.exported = None;
        let path = kind.with_ending(std::path::absolute(&path).unwrap_or(path));
        let progress = Arc::new(Progress::default());
        self.exporting = Some(Exporting { kind, path: path.clone(), progress: progress.clone() });
        let wake = self.wake.clone();
        self.tasks.run(move || {
            let mut told = |done: usize, total: usize| {
                progress.total.store(total, Ordering::Relaxed);
                progress.done.store(done, Ordering::Relaxed);
                wake();
                !progress.stop.load(Ordering::Relaxed)
            };
            // A panic would leave the window waiting for ever.
            let write = || write(&from, kind, &path, &sheet, &mut told);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(write)).unwrap_or_else(|_| {
                let problem = "the export broke off".to_owned();
                Err(ExportError::Write { path: path.clone(), problem, advice: "report this, with the log" })
            });
            Told::Exported(Box::new(Outcome { kind, path, outcome }))
        });
    }

    pub(super) fn take_exported(&mut self, told: Outcome) {
        self.exporting = None;
        match told.outcome {
            Ok(()) => self.exported = Some(Exported { kind: told.kind, path: told.path }),
            Err(ExportError::Stopped) => {}
            Err(error) => self.notice(Place::Gallery, capitalised(&format!("{error}."))),
        }
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

fn write(
    from: &Origin,
    kind: Kind,
    path: &Path,
    sheet: &SheetLook,
    progress: &mut export::Progress<'_>,
) -> Result<(), ExportError> {
    let (take, base) = match from {
        Origin::Take(take, base) => (take, base),
        Origin::File(file) => return copy(file, path),
    };
    match kind {
        Kind::Png => export::png(path, take, base),
        Kind::Steps => export::steps_as_pngs(path, take, progress).map(drop),
        Kind::Gif => export::gif(path, take, Timing::default(), progress),
        Kind::Apng => export::apng(path, take, Timing::default(), progress),
        Kind::Sheet => {
            let mut options = SheetOptions::new(&sheet.font, &sheet.color_map);
            options.smooth = sheet.smooth;
            export::write_contact_sheet(path, take, &options, progress)
        }
        Kind::Masks => export::masks(path, take, progress).map(drop),
    }
}

/// Writes a result of the gallery elsewhere, with its project.
fn copy(file: &Path, path: &Path) -> Result<(), ExportError> {
    let files = DiskFiles { base: PathBuf::new(), assets: |_| None };
    let picture = load_rgba(&files, file)?;
    let picture = image::DynamicImage::ImageRgba8(picture).into_rgb8();
    match png_text::read_project(file)? {
        Some(project) => Ok(png_text::write_png(path, &picture, &project, Path::new("/"), project.seed)?),
        None => Err(ExportError::Nothing {
            what: "the picture in the gallery holds no project",
            advice: "copy it by the desktop's own means",
        }),
    }
}
