//! What the program remembers of its user's choices from one start to the next. Panels keep their widths themselves.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use crate::studio::places::{Places, WriteError, write_whole};

/// Projects and model folders remembered, of each.
const RECENT: usize = 12;
/// Concepts whose photos are remembered.
const PHOTOS: usize = 64;
/// The most bytes that are read; a real file has a few thousand.
const MAX_BYTES: u64 = 1 << 20;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    /// As the desktop has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// How an attention map's cells are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sampling {
    /// Each cell as a square.
    Nearest,
    /// Blended between the cells' centres.
    #[default]
    Smooth,
}

/// The user's choices. Fields that a file lacks have their defaults; fields that are not known are passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Light or dark.
    pub theme: Theme,
    /// Size of everything in the window. Range: [`Config::UI_SCALE`].
    pub ui_scale: f32,
    /// Project files, the latest first, whether they still exist or not; at most 12.
    #[serde(serialize_with = "writable")]
    pub recent_projects: Vec<PathBuf>,
    /// Diffusers folders, the latest first; at most 12.
    #[serde(serialize_with = "writable")]
    pub recent_models: Vec<PathBuf>,
    /// Folders that are looked through for models and LoRAs, beside those of the usual programs; at most 12.
    #[serde(serialize_with = "writable")]
    pub library_folders: Vec<PathBuf>,
    /// Files or folders of Segment Anything that were chosen, the latest first; at most 2.
    #[serde(serialize_with = "writable")]
    pub segment_files: Vec<PathBuf>,
    /// The folder with CLIP by which comparisons are measured.
    #[serde(serialize_with = "writable_one")]
    pub clip: Option<PathBuf>,
    /// The folder with DINOv2, likewise.
    #[serde(serialize_with = "writable_one")]
    pub dino: Option<PathBuf>,
    /// ImageReward's file, or the folder that it is in, likewise.
    #[serde(serialize_with = "writable_one")]
    pub reward: Option<PathBuf>,
    /// Concepts' files with the folders of their photos, which comparisons are measured by, the latest first; at most 64.
    #[serde(serialize_with = "writable_pairs")]
    pub concept_photos: Vec<(PathBuf, PathBuf)>,
    /// The hints that were shown, by name.
    pub hints_seen: BTreeSet<String>,
    /// The color map of attention maps, by name.
    pub color_map: String,
    /// How attention maps' cells are drawn.
    pub sampling: Sampling,
    /// The part of the machine's memory that renders' steps may take. Range: [`Config::MEMORY`].
    pub steps_memory: f32,
    /// The part that pictures in full size may take. Range: [`Config::MEMORY`].
    pub pictures_memory: f32,
    /// Whether renders record attention for the inspector, which takes most of the memory on a large canvas.
    pub watch_attention: bool,
    /// Where to compute, as the command line writes it: `auto`, `flex` or `wgpu`.
    pub device: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            ui_scale: 1.0,
            recent_projects: Vec::new(),
            recent_models: Vec::new(),
            library_folders: Vec::new(),
            segment_files: Vec::new(),
            clip: None,
            dino: None,
            reward: None,
            concept_photos: Vec::new(),
            hints_seen: BTreeSet::new(),
            color_map: "viridis".into(),
            sampling: Sampling::default(),
            steps_memory: 0.25,
            pictures_memory: 0.125,
            watch_attention: true,
            device: "auto".into(),
        }
    }
}

/// Paths that are no valid Unicode cannot be written in RON; they are remembered until the program ends, and must not
/// keep everything else from being saved.
fn writable<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().filter_map(|path| path.to_str()))
}

fn writable_one<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().and_then(Path::to_str).serialize(serializer)
}

fn writable_pairs<S: Serializer>(paths: &[(PathBuf, PathBuf)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().filter_map(|(one, other)| Some((one.to_str()?, other.to_str()?))))
}

impl Config {
    /// Below the first the text cannot be read, above the last no dialog fits a screen.
    pub const UI_SCALE: RangeInclusive<f32> = 0.75..=3.0;

    /// Less keeps no render's steps, more leaves nothing to render with.
    pub const MEMORY: RangeInclusive<f32> = 0.02..=0.5;

    /// Reads the settings. Where there are none, the defaults; where they are broken, the defaults and a sentence about
    /// it, and the broken file is moved aside to `settings.broken.ron` beside it.
    pub fn load(places: &Places) -> (Self, Option<String>) {
        let path = places.settings_file();
        let text = match read(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return (Self::default(), None),
            Err(Unread::Broken(problem)) => return (Self::default(), Some(move_aside(&path, &problem))),
            Err(Unread::Denied(error)) => {
                let words = format!(
                    "Cannot read your settings {}: {error}. The defaults are used; see that you may read that file.",
                    path.display()
                );
                return (Self::default(), Some(words));
            }
        };
        match ron::from_str::<Self>(&text) {
            Ok(mut config) => {
                config.put_right();
                (config, None)
            }
            Err(error) => (Self::default(), Some(move_aside(&path, &error.to_string()))),
        }
    }

    /// Writes the settings, wholly or not at all.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be written to.
    pub fn save(&self, places: &Places) -> Result<(), WriteError> {
        let path = places.settings_file();
        let pretty = ron::ser::PrettyConfig::new().new_line("\n");
        let text = ron::ser::to_string_pretty(self, pretty).map_err(|error| WriteError::new(&path, error))?;
        write_whole(&path, (text + "\n").as_bytes())
    }

    /// Puts a project file first among the recent ones; a relative path starts at the working directory.
    pub fn remember_recent(&mut self, path: &Path) {
        remember(&mut self.recent_projects, path);
    }

    /// Takes a project file out of the recent ones.
    pub fn forget_recent(&mut self, path: &Path) {
        self.recent_projects.retain(|other| other != path);
    }

    /// Puts a model's folder first among the recent ones.
    pub fn remember_model(&mut self, path: &Path) {
        remember(&mut self.recent_models, path);
    }

    /// Adds a folder that is looked through for models and LoRAs.
    pub fn add_library_folder(&mut self, path: &Path) {
        remember(&mut self.library_folders, path);
    }

    /// Takes a file or a folder of Segment Anything, with the one that was chosen before: each network has two files.
    pub fn choose_segment_file(&mut self, path: &Path) {
        remember(&mut self.segment_files, path);
        self.segment_files.truncate(2);
    }

    /// Remembers where a concept's photos are, by its file.
    pub fn remember_photos(&mut self, file: PathBuf, folder: &Path) {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        self.concept_photos.retain(|(other, _)| *other != file);
        self.concept_photos.insert(0, (file, folder));
        self.concept_photos.truncate(PHOTOS);
    }

    /// Notes that a hint was shown. Says whether it is shown for the first time.
    pub fn see_hint(&mut self, name: &str) -> bool {
        self.hints_seen.insert(name.to_owned())
    }

    /// Brings values that somebody wrote by hand into their ranges.
    fn put_right(&mut self) {
        let defaults = Self::default();
        for (value, range, default) in [
            (&mut self.ui_scale, Self::UI_SCALE, defaults.ui_scale),
            (&mut self.steps_memory, Self::MEMORY, defaults.steps_memory),
            (&mut self.pictures_memory, Self::MEMORY, defaults.pictures_memory),
        ] {
            *value = if value.is_finite() { value.clamp(*range.start(), *range.end()) } else { default };
        }
        self.segment_files.truncate(2);
        self.concept_photos.truncate(PHOTOS);
        let lists =
            [&mut self.recent_projects, &mut self.recent_models, &mut self.library_folders, &mut self.segment_files];
        for paths in lists {
            let mut seen = BTreeSet::new();
            paths.retain(|path| !path.as_os_str().is_empty() && seen.insert(path.clone()));
            paths.truncate(RECENT);
        }
    }
}

fn remember(paths: &mut Vec<PathBuf>, path: &Path) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    paths.retain(|other| *other != path);
    paths.insert(0, path);
    paths.truncate(RECENT);
}

/// Why settings could not be read.
enum Unread {
    /// The file is there and is not what Podium writes.
    Broken(String),
    /// The system does not give it.
    Denied(std::io::Error),
}

fn read(path: &Path) -> Result<Option<String>, Unread> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Unread::Denied(error)),
    };
    if !about.is_file() {
        return Err(Unread::Broken("it is not an ordinary file".into()));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(Unread::Denied)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Unread::Denied)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Unread::Broken("it is over 1 MB large".into()));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| Unread::Broken("it is not text".into()))
}

/// Keeps what may be worth a look, and out of the way of the next save. Returns the words for the user.
fn move_aside(path: &Path, problem: &str) -> String {
    let aside = path.with_file_name("settings.broken.ron");
    let broken = format!("Your settings {} cannot be understood ({problem}). The defaults are used", path.display());
    match fs::rename(path, &aside) {
        Ok(()) => format!("{broken}; the old file is kept as {}.", aside.display()),
        Err(error) => format!("{broken}, and the old file could not be moved aside ({error}): correct or remove it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::in_folder(folder.path());
        (folder, places)
    }

    fn write(places: &Places, text: impl AsRef<[u8]>) {
        write_whole(&places.settings_file(), text.as_ref()).unwrap();
    }

    #[test]
    fn choices_come_back_as_they_were_saved() {
        let (_folder, places) = places();
        let mut config = Config {
            theme: Theme::Dark,
            ui_scale: 1.5,
            color_map: "cividis".into(),
            sampling: Sampling::Nearest,
            watch_attention: false,
            device: "wgpu".into(),
            ..Config::default()
        };
        config.remember_recent(Path::new("/work/beach.ron"));
        config.remember_model(Path::new("/models/sd15"));
        for file in ["/sam/old.onnx", "/sam/encoder.onnx", "/sam/decoder.onnx"] {
            config.choose_segment_file(Path::new(file));
        }
        assert_eq!(config.segment_files, ["/sam/decoder.onnx", "/sam/encoder.onnx"].map(PathBuf::from));
        assert!(config.see_hint("drag"));
        assert!(!config.see_hint("drag"));
        config.save(&places).unwrap();
        assert_eq!(Config::load(&places), (config, None));
    }

    #[test]
    fn the_first_start_has_the_defaults_and_says_nothing() {
        let (_folder, places) = places();
        assert_eq!(Config::load(&places), (Config::default(), None));
    }

    #[test]
    fn fields_missing_and_fields_unknown_are_both_accepted() {
        let (_folder, places) = places();
        write(&places, "(theme: Light, mood: Happy(a: [1, 2], b: {\"x\": 'c'}), ui_scale: 2)");
        let (config, message) = Config::load(&places);
        assert_eq!((config.theme, config.ui_scale, message), (Theme::Light, 2.0, None));
        assert_eq!(config.color_map, "viridis");
    }

    #[test]
    fn values_out_of_range_are_brought_into_it() {
        let (_folder, places) = places();
        for (written, expected) in [("0.1", 0.75), ("100", 3.0), ("NaN", 1.0), ("inf", 1.0)] {
            write(&places, format!("(ui_scale: {written})"));
            assert_eq!(Config::load(&places).0.ui_scale, expected, "{written}");
        }
        let paths: Vec<String> = (0..40).map(|number| format!("\"/p/{}.ron\"", number / 2)).collect();
        write(&places, format!("(recent_projects: [\"\", {}])", paths.join(", ")));
        let (config, _) = Config::load(&places);
        assert_eq!(config.recent_projects.len(), 12);
        assert_eq!(config.recent_projects[1], Path::new("/p/1.ron"));
    }

    #[test]
    fn a_broken_file_is_moved_aside_with_a_message_and_the_next_save_works() {
        let (_folder, places) = places();
        let nested = "(".repeat(100_000);
        for broken in [&b""[..], b"(theme: Purple)", b"\xff\xfe", b"(ui_scale: \"big\")", nested.as_bytes()] {
            write(&places, broken);
            let (config, message) = Config::load(&places);
            assert_eq!(config, Config::default());
            let message = message.unwrap();
            assert!(message.contains("settings.ron") && message.contains("settings.broken.ron"), "{message}");
            let aside = places.settings_file().with_file_name("settings.broken.ron");
            assert_eq!(fs::read(aside).unwrap(), broken);
            assert_eq!(Config::load(&places).1, None);
        }
        Config::default().save(&places).unwrap();
        assert_eq!(Config::load(&places), (Config::default(), None));
    }

    #[test]
    fn a_file_of_gigabytes_is_not_read() {
        let (_folder, places) = places();
        write(&places, "");
        fs::File::options().write(true).open(places.settings_file()).unwrap().set_len(1 << 40).unwrap();
        assert!(Config::load(&places).1.unwrap().contains("over 1 MB"));
    }

    #[test]
    fn the_latest_project_is_first_once_and_twelve_are_kept() {
        let mut config = Config::default();
        for number in 0..20 {
            config.remember_recent(Path::new(&format!("/p/{number}.ron")));
        }
        config.remember_recent(Path::new("/p/15.ron"));
        assert_eq!(config.recent_projects.len(), 12);
        assert_eq!(config.recent_projects[..3], ["/p/15.ron", "/p/19.ron", "/p/18.ron"].map(PathBuf::from));
        config.forget_recent(Path::new("/p/19.ron"));
        assert_eq!(config.recent_projects[1], Path::new("/p/18.ron"));
        config.remember_recent(Path::new("here.ron"));
        assert!(config.recent_projects[0].is_absolute());
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_does_not_keep_the_rest_from_being_saved() {
        use std::os::unix::ffi::OsStrExt;
        let (_folder, places) = places();
        let mut config = Config::default();
        config.remember_recent(Path::new("/p/good.ron"));
        config.remember_recent(Path::new(std::ffi::OsStr::from_bytes(b"/p/caf\xe9.ron")));
        config.save(&places).unwrap();
        assert_eq!(Config::load(&places).0.recent_projects, [PathBuf::from("/p/good.ron")]);
    }

    #[test]
    fn encoders_and_photos_are_remembered_and_a_concept_has_one_folder() {
        let (_folder, places) = places();
        let (clip, reward) = (Some("/encoders/clip".into()), Some("/encoders/ImageReward.pt".into()));
        let mut config = Config { clip, reward, ..Config::default() };
        for photos in ["/photos/old", "/photos/cat"] {
            config.remember_photos("/concepts/cat.pth".into(), Path::new(photos));
        }
        assert!(config.concept_photos.len() == 1 && config.concept_photos[0].1.ends_with("cat"));
        config.save(&places).unwrap();
        assert_eq!(Config::load(&places), (config, None));
    }

    #[test]
    fn a_disk_that_cannot_be_written_is_an_error_in_words() {
        let (folder, places) = places();
        fs::write(folder.path().join("config"), b"a file in the way").unwrap();
        let text = Config::default().save(&places).unwrap_err().to_string();
        assert!(text.contains("settings.ron"), "{text}");
        let (config, message) = Config::load(&places);
        assert_eq!(config, Config::default());
        assert!(message.unwrap().contains("Cannot read your settings"));
    }
}
