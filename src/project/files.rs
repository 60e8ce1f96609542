//! Where the bytes behind a project's paths come from.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::ProjectError;
use super::{Background, Layout, MaskSource, Project};

/// Paths that begin so name files built into the program: `assets:cutouts/orange_cat.png`.
pub const ASSET_SCHEME: &str = "assets:";

/// The most bytes that are read from one file: more than any picture that [`super::picture`]
/// accepts.
const MAX_BYTES: u64 = 1 << 30;

/// Reads the files that a project names.
pub trait Files {
    /// The whole file behind a path as the project writes it.
    fn read(&self, path: &Path) -> Result<Vec<u8>, ProjectError>;
}

/// Files on disk, relative to the project file's folder, and files built into the program.
#[derive(Clone, Debug)]
pub struct DiskFiles {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// Finds a built-in file by its name without [`ASSET_SCHEME`], such as
    /// `cutouts/orange_cat.png`.
    pub assets: fn(&str) -> Option<&'static [u8]>,
}

impl Files for DiskFiles {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ProjectError> {
        if let Some(name) = asset_name(path) {
            let bytes = (self.assets)(name).ok_or_else(|| {
                let advice = "correct the name after assets:, or choose a file on disk";
                ProjectError::read(path, "this Podium has no such built-in file", advice)
            })?;
            return Ok(bytes.to_vec());
        }
        read_file(&resolve(&self.base, path), MAX_BYTES)
    }
}

/// Reads an ordinary file of at most `most` bytes.
pub(super) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, ProjectError> {
    let about = fs::metadata(path).map_err(|error| ProjectError::reading(path, &error))?;
    if about.is_dir() {
        return Err(ProjectError::read(path, "it is a folder", "choose a file inside it"));
    }
    // A pipe or a device could make the reader wait, or be fed, for ever.
    if !about.is_file() {
        return Err(ProjectError::read(path, "it is not an ordinary file", "choose another file"));
    }
    if about.len() > most {
        let problem = format!("it is {} MB large, and at most {} MB are read", about.len() >> 20, most >> 20);
        return Err(ProjectError::read(path, problem, "choose another file, or make this one smaller"));
    }
    fs::read(path).map_err(|error| ProjectError::reading(path, &error))
}

/// What a file or folder is called where people read it: its own name, or the path where it has none.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The name of a built-in file, when the path is one of [`ASSET_SCHEME`].
pub fn asset_name(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(ASSET_SCHEME)
}

/// A project's path as the operating system understands it: relative to `base`, the project file's
/// folder, unless it is absolute. Built-in files stay as they are.
pub fn resolve(base: &Path, path: &Path) -> PathBuf {
    match asset_name(path) {
        Some(_) => path.to_owned(),
        None => base.join(path),
    }
}

/// Makes paths of a document hold wherever it is kept: absolute, or built in. `base` is what relative ones start from.
///
/// # Errors
/// When the working folder is gone.
pub(super) fn make_absolute(paths: Vec<&mut PathBuf>, base: &Path) -> Result<(), ProjectError> {
    for path in paths {
        // An empty path is one not chosen yet; it must not turn into the folder itself.
        if asset_name(path).is_none() && !path.as_os_str().is_empty() {
            let full = std::path::absolute(resolve(base, path));
            *path = full.map_err(|error| ProjectError::reading(path, &error))?;
        }
    }
    Ok(())
}

/// Writes those paths of a document that lie below `base` from there, so that the folder can be moved.
pub(super) fn make_relative(paths: Vec<&mut PathBuf>, base: &Path) {
    let base = std::path::absolute(base).unwrap_or_else(|_| base.to_owned());
    for path in paths {
        if let Ok(relative) = path.strip_prefix(&base).map(Path::to_owned)
            && !relative.as_os_str().is_empty()
        {
            *path = relative;
        }
    }
}

impl Project {
    /// Every path in the project, to change: model, autoencoder, layout, concepts, masks and photo.
    pub fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        let mut paths: Vec<&mut PathBuf> = self.model.iter_mut().chain(&mut self.vae).collect();
        match &mut self.layout {
            Layout::Picture(path) => paths.push(path),
            Layout::Collage { background, layers } => {
                if let Background::Picture(path) = background {
                    paths.push(path);
                }
                for layer in layers {
                    paths.push(&mut layer.picture);
                    paths.extend(layer.cut.iter_mut().flat_map(|cut| [&mut cut.photo, &mut cut.mask]));
                }
            }
        }
        for concept in &mut self.concepts {
            paths.push(&mut concept.file);
            paths.extend(concept.more.iter_mut().map(|more| &mut more.file));
            if let MaskSource::Files(files) = &mut concept.mask {
                paths.extend(files);
            }
        }
        paths.extend(self.styles.iter_mut().map(|style| &mut style.file));
        if let Some(place) = &mut self.place {
            paths.extend([&mut place.photo, &mut place.edit_mask]);
        }
        paths
    }

    /// The same project with paths that hold wherever it is kept: absolute, or built in.
    pub fn with_absolute_paths(&self, base: &Path) -> Result<Self, ProjectError> {
        let mut project = self.clone();
        make_absolute(project.paths_mut(), base)?;
        project.hashes.with_paths(|paths| make_absolute(paths, base))?;
        Ok(project)
    }

    /// The same project with the paths of files below `base` written from there, so that the folder can be moved.
    pub fn with_relative_paths(&self, base: &Path) -> Self {
        let mut project = self.clone();
        make_relative(project.paths_mut(), base);
        project.hashes.with_paths(|paths| make_relative(paths, base));
        project
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::example;
    use super::super::{ConceptFile, Cut};
    use super::*;

    /// Files under `base`, with one built-in file of three bytes.
    pub(in super::super) fn disk(base: &Path) -> DiskFiles {
        DiskFiles { base: base.to_owned(), assets: |name| (name == "cutouts/abc").then_some(b"abc") }
    }

    #[test]
    fn relative_paths_start_at_the_project_and_others_stay() {
        let base = Path::new("/home/me/work");
        assert_eq!(resolve(base, Path::new("a/b.png")), Path::new("/home/me/work/a/b.png"));
        assert_eq!(resolve(base, Path::new("../b.png")), Path::new("/home/me/work/../b.png"));
        assert_eq!(resolve(base, Path::new("/b.png")), Path::new("/b.png"));
        assert_eq!(resolve(base, Path::new("assets:b.png")), Path::new("assets:b.png"));
    }

    #[test]
    fn built_in_files_are_found_by_name() {
        let files = disk(Path::new("/nowhere"));
        assert_eq!(files.read(Path::new("assets:cutouts/abc")), Ok(b"abc".to_vec()));
        let error = files.read(Path::new("assets:cutouts/xyz")).unwrap_err().to_string();
        assert!(error.contains("assets:cutouts/xyz: this Podium has no such"), "{error}");
    }

    #[test]
    fn a_missing_file_a_folder_and_a_huge_file_say_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let message = |name: &str| disk(folder.path()).read(Path::new(name)).unwrap_err().to_string();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let huge = fs::File::create(folder.path().join("huge")).unwrap();
        huge.set_len(MAX_BYTES + (1 << 20)).unwrap();
        assert!(message("none.png").contains("none.png: there is no such file"));
        assert!(message("sub").contains("it is a folder; choose a file inside it"));
        assert!(message("huge").contains("it is 1025 MB large, and at most 1024 MB are read"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_not_read_for_ever() {
        let error = disk(Path::new("/")).read(Path::new("/dev/zero")).unwrap_err();
        assert!(error.to_string().contains("not an ordinary file"), "{error}");
    }

    #[test]
    fn every_path_of_a_project_can_be_made_absolute() {
        let mut project = example();
        project.model = Some("models/sd15".into());
        project.vae = Some("models/vae.pt".into());
        project.concepts[0].mask = MaskSource::Files(vec!["masks/tom.png".into()]);
        project.concepts[0].more = vec![ConceptFile::new("concepts/tom.pt")];
        project.concepts[1].file = PathBuf::new();
        project.styles = vec![ConceptFile::new("styles/oil.safetensors")];
        let mut absolute = project.with_absolute_paths(Path::new("/base")).unwrap();
        let paths: Vec<String> = absolute.paths_mut().iter().map(|path| path.display().to_string()).collect();
        assert_eq!(
            paths,
            [
                "/base/models/sd15",
                "/base/models/vae.pt",
                "/base/beach.jpg",
                "/base/pictures/cat.png",
                "/base/pictures/cat.png",
                "assets:cutouts/dog.png",
                "/base/concepts/tom.pth",
                "/base/concepts/tom.pt",
                "/base/masks/tom.png",
                "",
                "/base/styles/oil.safetensors",
                "/base/photo.png",
                "/base/mask.png",
            ]
        );
    }

    #[test]
    fn what_a_layer_was_cut_out_of_moves_with_the_project() {
        let mut project = example();
        let cut = Cut { photo: "photos/cat.jpg".into(), mask: "/elsewhere/mask.png".into() };
        project.layers_mut().unwrap()[0].cut = Some(cut.clone());
        let absolute = project.with_absolute_paths(Path::new("/base")).unwrap();
        let moved = absolute.layers()[0].cut.clone().unwrap();
        assert_eq!(moved.photo, Path::new("/base/photos/cat.jpg"));
        assert_eq!(moved.mask, Path::new("/elsewhere/mask.png"));
        assert_eq!(absolute.with_relative_paths(Path::new("/base")).layers()[0].cut, Some(cut));
    }

    #[test]
    fn paths_below_the_project_s_folder_are_written_from_there() {
        let mut project = example();
        project.concepts[1].file = "/base/deep/rex.pth".into();
        let absolute = project.with_absolute_paths(Path::new("/base")).unwrap();
        let relative = absolute.with_relative_paths(Path::new("/base"));
        assert_eq!(relative.concepts[1].file, Path::new("deep/rex.pth"));
        assert_eq!(relative.concepts[0].file, Path::new("concepts/tom.pth"));
        assert_eq!(relative.with_absolute_paths(Path::new("/base")).unwrap(), absolute);
    }
}
