//! The room of exports: which kinds there are, what each needs, how far the one in hand is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use image::RgbImage;

use super::photo::{self, Which};
use super::{ExportError, SheetOptions, Take, Timing, animation, masks, sheet};
use crate::link::{Finished, JobId, StepView};
use crate::project::hash::Known;
use crate::project::picture::load_rgba;
use crate::project::{DiskFiles, Project, png_text};
use crate::studio::document::history::ResultId;
use crate::studio::renders::runs::{Run, Runs};
use crate::studio::results::store::{Store, Waiting};
use crate::studio::tasks::{Desk, Pool};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The finished picture with its project in it.
    Png,
    /// The whole photo that subjects were placed into, PNG or JPEG.
    Photo,
    /// The same, with where it was taken.
    PhotoAndPlace,
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
    pub const ALL: [Self; 8] =
        [Self::Png, Self::Photo, Self::PhotoAndPlace, Self::Steps, Self::Gif, Self::Apng, Self::Sheet, Self::Masks];

    /// What the menu calls it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Png => "Picture as PNG...",
            Self::Photo => "Whole photo...",
            Self::PhotoAndPlace => "Whole photo, with where it was taken...",
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
            Self::Photo => {
                "The photo at its own size with the subjects in it, as PNG or JPEG by the file's ending. It does not say \
                 where it was taken."
            }
            Self::PhotoAndPlace => "The same, and it says where it was taken if the photo does.",
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
            Self::Photo | Self::PhotoAndPlace => "Export the whole photo",
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
            Self::Photo | Self::PhotoAndPlace => format!("{stem} photo.png"),
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
            Self::Photo | Self::PhotoAndPlace => "the photo",
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

/// What came of a piece of work.
#[cfg_attr(test, derive(Clone))]
struct Told {
    /// Tells it from every other export.
    progress: Arc<Progress>,
    kind: Kind,
    path: PathBuf,
    outcome: Result<(), ExportError>,
}

#[cfg(test)]
crate::studio::tasks::kinds!(Told);

/// What the other rooms shall know.
#[derive(Debug)]
pub enum Outcome {
    /// The export has ended, well or because it was stopped.
    Ended,
    /// It has failed, in words.
    Failed(String),
}

/// The export in hand and the last one.
pub struct Exports {
    /// The export in hand.
    pub exporting: Option<Exporting>,
    /// The last export that is there, until another begins or somebody has seen it.
    pub exported: Option<Exported>,
    desk: Desk<Told>,
}

/// Why a render has no whole photo.
const NO_PIECE: &str =
    "This render shows no piece of a photo. Choose a photo on the Place page and frame the subjects there.";

/// Where the pixels come from.
enum Origin {
    Take(Take, PathBuf),
    File(PathBuf),
}

impl Exports {
    /// Nothing is exported yet.
    pub fn new(pool: &Pool) -> Self {
        Self { exporting: None, exported: None, desk: pool.desk() }
    }

    /// Takes in what was written.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(told) = self.desk.next() {
            outcomes.push(self.take(told));
        }
        outcomes
    }

    fn take(&mut self, told: Told) -> Outcome {
        let is_it = |exporting: &mut Exporting| Arc::ptr_eq(&exporting.progress, &told.progress);
        if self.exporting.take_if(is_it).is_none() {
            // It has ended already.
            return Outcome::Ended;
        }
        match told.outcome {
            Ok(()) => self.exported = Some(Exported { kind: told.kind, path: told.path }),
            Err(ExportError::Stopped) => {}
            Err(error) => return Outcome::Failed(capitalised(&format!("{error}."))),
        }
        Outcome::Ended
    }

    /// Whether an export is being written, or what came of it is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    fn run_of<'a>(runs: &'a Runs, subject: &Subject) -> Option<(&'a Run, usize)> {
        match subject {
            Subject::Result(id) => runs.of_result(id),
            Subject::Run(job, picture) => runs.get(*job).map(|run| (run, *picture)),
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

    /// Which kinds there are for something: the whole photo only of what shows a piece of one. Of a result whose render is no
    /// longer kept, that is as it is in the project that is `open`.
    pub fn kinds(runs: &Runs, subject: &Subject, open: &Project) -> Vec<Kind> {
        let project = Self::run_of(runs, subject).map_or(open, |(run, _)| run.project.as_ref());
        let shows_piece = photo::placement(project).is_some();
        Kind::ALL.into_iter().filter(|kind| shows_piece || !matches!(kind, Kind::Photo | Kind::PhotoAndPlace)).collect()
    }

    /// Why something cannot be exported, in words with what to do; None where it can.
    pub fn obstacle(&self, runs: &Runs, subject: &Subject, kind: Kind) -> Option<String> {
        if self.exporting.is_some() {
            return Some("Another export is being written. Wait for its end, or stop it.".into());
        }
        let Some((run, picture)) = Self::run_of(runs, subject) else {
            return match (subject, kind) {
                (Subject::Result(_), Kind::Png | Kind::Photo | Kind::PhotoAndPlace) => None,
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
            Kind::Photo | Kind::PhotoAndPlace if photo::placement(&take.project).is_none() => Some(NO_PIECE.into()),
            Kind::Png | Kind::Photo | Kind::PhotoAndPlace if take.result().is_none() => {
                Some("The picture is not finished yet. Wait for the end of the render, or export its steps.".into())
            }
            Kind::Png | Kind::Photo | Kind::PhotoAndPlace => None,
            Kind::Masks => {
                let has_masks = |view: &Arc<StepView>| view.masks.get(picture).is_some_and(|masks| !masks.is_empty());
                (!take.steps.iter().any(has_masks)).then(|| {
                    "This render has no masks. Give a concept to a layer and render, or wait for the first step.".into()
                })
            }
            _ if take.steps.is_empty() => Some("There is no step yet. Wait for the first step of the render.".into()),
            _ => None,
        }
    }

    /// A name for what is exported, which every file system takes.
    pub fn stem(runs: &Runs, store: &Store, subject: &Subject) -> String {
        let name = match Self::run_of(runs, subject) {
            Some((run, picture)) => {
                let seed = Self::take_of(run, picture).seed();
                format!("{} seed {seed}", run.name)
            }
            None => match subject {
                Subject::Result(id) => {
                    let seed = store.entry(id).and_then(|entry| entry.seed);
                    seed.map_or_else(|| "picture".to_owned(), |seed| format!("picture seed {seed}"))
                }
                Subject::Run(..) => "picture".into(),
            },
        };
        name.chars()
            .map(|letter| if letter.is_alphanumeric() || " -.".contains(letter) { letter } else { '_' })
            .collect()
    }

    /// Writes an export in the background.
    ///
    /// # Errors
    /// In words, when something stands in its way.
    pub fn start(
        &mut self,
        runs: &Runs,
        store: &Store,
        subject: &Subject,
        kind: Kind,
        path: PathBuf,
        sheet: SheetLook,
    ) -> Result<(), String> {
        if let Some(words) = self.obstacle(runs, subject, kind) {
            return Err(words);
        }
        let from = match (Self::run_of(runs, subject), subject) {
            (Some((run, picture)), _) => Origin::Take(Self::take_of(run, picture), run.folder.clone()),
            (None, Subject::Result(id)) => match store.waiting(id) {
                Some(Waiting { picture, project, base }) => Origin::Take(alone(&picture, project), base),
                None => Origin::File(store.path(id)),
            },
            (None, Subject::Run(..)) => return Ok(()),
        };
        self.exported = None;
        let path = kind.with_ending(std::path::absolute(&path).unwrap_or(path));
        let progress = Arc::new(Progress::default());
        self.exporting = Some(Exporting { kind, path: path.clone(), progress: progress.clone() });
        let wake = self.desk.pool().wake();
        self.desk.run(move || {
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
            Told { progress: progress.clone(), kind, path, outcome }
        });
        Ok(())
    }
}

/// A picture whose render is no longer kept, and which is on no disk yet.
fn alone(picture: &RgbImage, project: Project) -> Take {
    let finished = Finished {
        pictures: vec![picture.clone()],
        seeds: vec![project.seed],
        overlaps: Vec::new(),
        findings: Vec::new(),
        elapsed: Duration::ZERO,
    };
    Take { project: Arc::new(project), steps: Vec::new(), finished: Some(Arc::new(finished)), picture: 0 }
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
    progress: &mut super::Progress<'_>,
) -> Result<(), ExportError> {
    let (take, base) = match from {
        Origin::Take(take, base) => (take, base),
        Origin::File(file) => return copy(file, kind, path),
    };
    match kind {
        Kind::Png => super::png(path, take, base),
        Kind::Photo | Kind::PhotoAndPlace => {
            let picture = take.result().ok_or(super::NOT_FINISHED)?;
            let project = take.project.with_hashes(base, &Known::default());
            whole(path, picture, &project, base, take.seed(), kind)
        }
        Kind::Steps => animation::steps_as_pngs(path, take, progress).map(drop),
        Kind::Gif => animation::gif(path, take, Timing::default(), progress),
        Kind::Apng => animation::apng(path, take, Timing::default(), progress),
        Kind::Sheet => {
            let mut options = SheetOptions::new(&sheet.font, &sheet.color_map);
            options.smooth = sheet.smooth;
            sheet::write_contact_sheet(path, take, &options, progress)
        }
        Kind::Masks => masks::masks(path, take, progress).map(drop),
    }
}

/// Writes the whole photo that a picture was placed into.
fn whole(
    path: &Path,
    picture: &RgbImage,
    project: &Project,
    base: &Path,
    seed: u64,
    kind: Kind,
) -> Result<(), ExportError> {
    let photo = photo::with_render(project, base, picture, Which::All)?;
    photo::write(path, &photo, project, base, seed, kind == Kind::PhotoAndPlace)
}

/// Writes a result of the gallery elsewhere, with its project; or the photo that it was placed into.
fn copy(file: &Path, kind: Kind, path: &Path) -> Result<(), ExportError> {
    let files = DiskFiles { base: PathBuf::new(), assets: |_| None };
    let picture = load_rgba(&files, file)?;
    let picture = image::DynamicImage::ImageRgba8(picture).into_rgb8();
    match png_text::read_project(file)? {
        Some(project) if kind != Kind::Png => whole(path, &picture, &project, Path::new("/"), project.seed, kind),
        Some(project) => Ok(png_text::write_png(path, &picture, &project, Path::new("/"), project.seed)?),
        None => Err(ExportError::Nothing {
            what: "the picture in the gallery holds no project",
            advice: "copy it by the desktop's own means",
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::tests::take;
    use super::*;
    use crate::link::Event;
    use crate::studio::places::Places;
    use crate::studio::renders::runs::Origin;

    fn look() -> SheetLook {
        SheetLook { font: Arc::default(), color_map: Box::new(|_| [0; 3]), smooth: false }
    }

    fn wait(exports: &mut Exports) -> Vec<Outcome> {
        let begun = Instant::now();
        while exports.exporting.is_some() {
            assert!(begun.elapsed() < Duration::from_secs(120), "it did not end");
            let outcomes = exports.poll();
            if !outcomes.is_empty() {
                return outcomes;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Vec::new()
    }

    #[test]
    fn a_finished_run_is_exported_in_the_background_and_a_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let store = Store::open(&Places::in_folder(folder.path()), pool.wake());
        let mut exports = Exports::new(&pool);
        let (job, take) = (JobId(1), take());
        let mut runs = Runs::default();
        let subject = Subject::Run(job, 0);
        assert!(exports.obstacle(&runs, &subject, Kind::Png).unwrap().contains("Nothing has been rendered"));
        let origin = Origin { document: 0, revision: 0 };
        runs.add(job, "beach 1".into(), take.project.clone(), PathBuf::from("/work"), origin, None);
        assert!(exports.obstacle(&runs, &subject, Kind::Png).unwrap().contains("not finished"));
        let finished: Arc<Finished> = take.finished.clone().unwrap();
        runs.take(&Event::Done(job, finished), Instant::now());
        assert!(Exports::stem(&runs, &store, &subject).starts_with("beach 1 seed "));

        assert!(!Exports::kinds(&runs, &subject, &Project::new()).contains(&Kind::Photo));
        assert!(exports.obstacle(&runs, &subject, Kind::Photo).unwrap().contains("no piece of a photo"));
        let place = crate::project::Placement::new("photo.png", "");
        let crop = Some(crate::project::Crop { x: 0, y: 0, width: 64, height: 64 });
        let open = Project { place: Some(crate::project::Placement { crop, ..place }), ..Project::new() };
        assert!(Exports::kinds(&runs, &Subject::Run(JobId(9), 0), &open).contains(&Kind::PhotoAndPlace));

        let path = folder.path().join("picture");
        exports.start(&runs, &store, &subject, Kind::Png, path.clone(), look()).unwrap();
        assert!(exports.obstacle(&runs, &subject, Kind::Png).unwrap().contains("Another export"));
        assert!(matches!(wait(&mut exports)[..], [Outcome::Ended]));
        assert!(path.with_extension("png").exists() && exports.exported.is_some());

        let nowhere = folder.path().join("no/such/folder/a.png");
        exports.start(&runs, &store, &subject, Kind::Png, nowhere, look()).unwrap();
        assert!(matches!(&wait(&mut exports)[..], [Outcome::Failed(words)] if words.contains("a.png")));
        assert!(exports.exported.is_none());
    }
}
