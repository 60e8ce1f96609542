//! Everything that a project uses, copied into one folder that opens on another machine: the project with relative paths, and its
//! files in folders by what they are. What the program has built in stays there.
//!
//! First everything is looked at ([`plan`]), so that all that is missing is said at once and before anything is copied; then
//! it is copied beside its place ([`Plan::write`]), which it takes when it is whole.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::engine::all_files::{self, Together};
use crate::hub::room;
use crate::project::disk::stage_folder;
use crate::project::hash::Known;
use crate::project::{Background, Layout, MaskSource, Project, ProjectError, file};

/// What the project is called in its folder.
pub const PROJECT: &str = "project.ron";
/// What stays free on the disk, for everything else that runs.
const SPARE: u64 = 64 << 20;
/// Bytes that are copied before anybody is told.
const CHUNK: usize = 1 << 20;

/// Told how many bytes are copied and of how many; false ends it with [`CollectError::Stopped`].
pub type Progress<'a> = dyn FnMut(u64, u64) -> bool + 'a;

/// Why nothing was collected. Nothing is left of what was begun.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CollectError {
    /// Files that the project names are not there.
    #[error("{}; nothing was copied. Choose what is missing again, or take it out of the project", missing(.0))]
    Missing(Vec<PathBuf>),
    /// A file is there and cannot be read.
    #[error("cannot read {}: {problem}; nothing was collected", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The model, or the autoencoder, is not whole.
    #[error("the model cannot be collected: {0}")]
    Model(String),
    /// There is something in the folder's place.
    #[error("{}: there is something already; name a folder that is empty or not there", .0.display())]
    Exists(PathBuf),
    /// The disk has too little room.
    #[error("{} has room for {free} only, and {needed} are needed; make room there, or choose another disk", path.display())]
    Room {
        /// Where it should go.
        path: PathBuf,
        /// In words.
        free: String,
        /// In words.
        needed: String,
    },
    /// The folder could not be written.
    #[error("cannot write {}: {problem}; choose another folder, or make room and try again", path.display())]
    Write {
        /// The folder, as it was asked for.
        path: PathBuf,
        /// What stood in the way.
        problem: String,
    },
    /// The project itself cannot be written.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// Whoever asked for it stopped it.
    #[error("collecting was stopped; nothing is left of it")]
    Stopped,
}

fn missing(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    match names.as_slice() {
        [one] => format!("a file that the project names is missing: {one}"),
        _ => format!("{} files that the project names are missing: {}", names.len(), names.join(", ")),
    }
}

/// What is copied where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The project as it will be, with paths from its folder.
    project: Project,
    /// Where each file is, where it goes from the folder, and how many bytes it has.
    files: Vec<(PathBuf, PathBuf, u64)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// The folder.
    pub folder: PathBuf,
    /// How many files it has beside the project.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The model, where it was left where it is.
    pub left: Option<PathBuf>,
}

impl Collected {
    /// What came of it, in a sentence.
    pub fn words(&self) -> String {
        let files = if self.files == 1 { "1 file".to_owned() } else { format!("{} files", self.files) };
        let size = room::words(self.bytes);
        let left = self.left.as_ref().map(|model| format!(" The model stays at {}.", model.display()));
        format!("The project and {files} ({size}) are in {}.{}", self.folder.display(), left.unwrap_or_default())
    }
}

/// Looks at everything that a project uses, whose relative paths start from `base`. Without its model, it goes on naming that
/// where it is. Reads what may be copies of each other: nothing for a window's thread.
///
/// # Errors
/// When any of it is not there, or cannot be looked at.
pub fn plan(project: &Project, base: &Path, with_model: bool, known: &Known) -> Result<Plan, CollectError> {
    let project = project.with_absolute_paths(base)?;
    let mut names = Names { known, placed: Vec::new(), taken: HashMap::from([(PROJECT.to_owned(), PathBuf::new())]) };
    let (mut gone, mut moves) = (Vec::new(), Vec::new());
    for (path, role) in roles(&project) {
        if (role == Role::Model && !with_model) || moves.iter().any(|(known, _)| *known == path) {
            continue;
        }
        match fs::metadata(&path) {
            Ok(about) if about.is_dir() && !role.may_be_folder() => {
                return Err(CollectError::Read { path, problem: "it is a folder".into() });
            }
            Ok(_) => {
                let there = role.files(&path, &project)?;
                moves.push((path, names.place(role, there)?));
            }
            Err(error) if is_missing(&error) => gone.extend(Some(path).filter(|path| !gone.contains(path))),
            Err(error) => return Err(CollectError::Read { path, problem: error.to_string() }),
        }
    }
    if !gone.is_empty() {
        return Err(CollectError::Missing(gone));
    }
    let mut collected = project.with_moves(&moves);
    // A layer without a name is called by its file, of which another copy may stand for it now.
    for (layer, before) in collected.layers_mut().into_iter().flatten().zip(project.layers()) {
        if layer.title() != before.title() {
            layer.name = before.title();
        }
    }
    let mut files: Vec<(PathBuf, PathBuf, u64)> = Vec::new();
    for Placed { role, there, at, .. } in names.placed {
        for name in &there.files {
            let from = there.root.join(name);
            let (bytes, to) = (length(&from)?, role.target(&at, name));
            if !files.iter().any(|(_, known, _)| *known == to) {
                files.push((from, to, bytes));
            }
        }
    }
    Ok(Plan { project: collected, files })
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// How many bytes an ordinary file has, whatever links lead to it.
fn length(path: &Path) -> Result<u64, CollectError> {
    let unread = |problem: String| CollectError::Read { path: path.to_owned(), problem };
    let about = fs::metadata(path).map_err(|error| unread(error.to_string()))?;
    // A pipe or a device could keep whoever copies it waiting, or fed, for ever.
    if about.is_file() { Ok(about.len()) } else { Err(unread("it is not an ordinary file".into())) }
}

/// What a file is to a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Model,
    Vae,
    Concept,
    Style,
    Picture,
    Mask,
    Photo,
}

impl Role {
    /// The folder for such files.
    fn folder(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Vae => "vae",
            Self::Concept => "concepts",
            Self::Style => "styles",
            Self::Picture => "pictures",
            Self::Mask => "masks",
            Self::Photo => "photos",
        }
    }

    fn may_be_folder(self) -> bool {
        matches!(self, Self::Model | Self::Vae | Self::Concept | Self::Style)
    }

    /// Whether the file's name means something: that of a textual inversion may be its word.
    fn is_named(self) -> bool {
        self.may_be_folder()
    }

    /// What has to be copied of it.
    fn files(self, path: &Path, project: &Project) -> Result<Together, CollectError> {
        let found = match self {
            Self::Model => all_files::of_model(path, project.vae.is_none()),
            Self::Vae => all_files::of_vae(path),
            Self::Concept | Self::Style => Ok(all_files::of_adapter(path)),
            Self::Picture | Self::Mask | Self::Photo => Ok(Together::one(path)),
        };
        let found = found.map_err(|error| CollectError::Model(error.to_string()))?;
        if found.files.is_empty() {
            let problem = "it holds nothing that Podium reads".into();
            return Err(CollectError::Read { path: path.to_owned(), problem });
        }
        Ok(found)
    }

    /// Where a file goes: a path that any project file can hold and, where names mean nothing, any system.
    fn target(self, at: &Path, name: &Path) -> PathBuf {
        let whole = if name.as_os_str().is_empty() { at.to_owned() } else { at.join(name) };
        let text = whole.to_string_lossy();
        if self.is_named() {
            return text.into_owned().into();
        }
        let fits = |letter: char| !letter.is_control() && !"<>:\"|?*\\".contains(letter);
        text.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect::<String>().into()
    }
}

/// Every path of a project that leads outside of the program, with what it is for.
fn roles(project: &Project) -> Vec<(PathBuf, Role)> {
    let mut roles: Vec<(&PathBuf, Role)> = Vec::new();
    roles.extend(project.model.iter().map(|path| (path, Role::Model)));
    roles.extend(project.vae.iter().map(|path| (path, Role::Vae)));
    match &project.layout {
        Layout::Picture(path) => roles.push((path, Role::Picture)),
        Layout::Collage { background, layers } => {
            if let Background::Picture(path) = background {
                roles.push((path, Role::Picture));
            }
            for layer in layers {
                roles.push((&layer.picture, Role::Picture));
                roles.extend(layer.cut.iter().flat_map(|cut| [(&cut.photo, Role::Photo), (&cut.mask, Role::Mask)]));
            }
        }
    }
    for concept in &project.concepts {
        roles.push((&concept.file, Role::Concept));
        roles.extend(concept.more.iter().map(|more| (&more.file, Role::Concept)));
        if let MaskSource::Files(files) = &concept.mask {
            roles.extend(files.iter().map(|path| (path, Role::Mask)));
        }
    }
    roles.extend(project.styles.iter().map(|style| (&style.file, Role::Style)));
    if let Some(place) = &project.place {
        roles.extend([(&place.photo, Role::Photo), (&place.edit_mask, Role::Mask)]);
    }
    let outside = project.outside_paths();
    roles.into_iter().filter(|(path, _)| outside.contains(path)).map(|(path, role)| (path.clone(), role)).collect()
}

/// Files that have a place in the new folder.
struct Placed {
    role: Role,
    there: Together,
    /// Where their root goes, from the new folder.
    at: PathBuf,
    /// What the project names of them there.
    name: PathBuf,
}

/// Who has which name in the new folder.
struct Names<'a> {
    known: &'a Known,
    placed: Vec<Placed>,
    /// By names as file systems compare them that know no capitals: who has it.
    taken: HashMap<String, PathBuf>,
}

impl Names<'_> {
    /// Gives files a place, and says what the project names there. The same contents under the same name, or under any where
    /// names mean nothing, have one place. Where another file has a name, a folder with a number keeps them apart.
    fn place(&mut self, role: Role, there: Together) -> Result<PathBuf, CollectError> {
        for placed in &self.placed {
            if self.is_same(placed, role, &there)? {
                return Ok(placed.name.clone());
            }
        }
        // A folder keeps its own name.
        let own = there
            .root
            .file_name()
            .filter(|_| there.name.as_os_str().is_empty())
            .map_or_else(PathBuf::new, PathBuf::from);
        let base = Path::new(role.folder());
        let places =
            std::iter::once(base.join(&own)).chain((2..).map(|number: usize| base.join(number.to_string()).join(&own)));
        // One is free: there are fewer files.
        let at = places.take(self.taken.len() + 2).find(|at| self.is_free(role, at, &there));
        let at = at.unwrap_or_else(|| base.join(&own));
        for name in &there.files {
            self.taken.insert(key(&role.target(&at, name)), there.root.join(name));
        }
        let name = role.target(&at, &there.name);
        self.placed.push(Placed { role, there, at, name: name.clone() });
        Ok(name)
    }

    /// Whether no other file has one of the names, or lies where a folder should be. Notes may belong to several files.
    fn is_free(&self, role: Role, at: &Path, there: &Together) -> bool {
        let is_folder = there.name.as_os_str().is_empty();
        let is_its = |(known, owner): (&String, &PathBuf), target: &str, source: &Path| {
            let below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
            if known == target { owner == source } else { !below(known, target) && !below(target, known) }
        };
        // A folder's own place is nobody else's, even where no name is the same.
        !self.placed.iter().any(|placed| is_folder && placed.at == at)
            && there.files.iter().all(|name| {
                let (target, source) = (key(&role.target(at, name)), there.root.join(name));
                self.taken.iter().all(|known| is_its(known, &target, &source))
            })
    }

    /// Whether files that have a place already are the very same as these.
    fn is_same(&self, placed: &Placed, role: Role, there: &Together) -> Result<bool, CollectError> {
        let same_name = placed.there.name == there.name;
        let alike = if role.is_named() {
            same_name && placed.there.files == there.files
        } else {
            // One file each.
            placed.there.files.len() == there.files.len()
        };
        if placed.role.folder() != role.folder() || !alike {
            return Ok(false);
        }
        for (left, right) in placed.there.files.iter().zip(&there.files) {
            if !self.same_contents(&placed.there.root.join(left), &there.root.join(right))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn same_contents(&self, left: &Path, right: &Path) -> Result<bool, CollectError> {
        if fs::canonicalize(left).is_ok_and(|left| fs::canonicalize(right).is_ok_and(|right| left == right)) {
            return Ok(true);
        }
        if length(left)? != length(right)? {
            return Ok(false);
        }
        let hash = |path: &Path| {
            let unread = |error: io::Error| CollectError::Read { path: path.to_owned(), problem: error.to_string() };
            self.known.hash(path).map_err(unread)
        };
        // A large file's hash is of pieces of it, and no proof.
        Ok(hash(left)? == hash(right)? && is_same_in_full(left, right))
    }
}

fn key(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/").to_lowercase()
}

/// Compares two files byte by byte. What cannot be read is not the same.
fn is_same_in_full(left: &Path, right: &Path) -> bool {
    let compare = || -> io::Result<bool> {
        let (mut left, mut right) = (File::open(left)?, File::open(right)?);
        let (mut a, mut b) = (vec![0; CHUNK], vec![0; CHUNK]);
        loop {
            let (read, other) = (fill(&mut left, &mut a)?, fill(&mut right, &mut b)?);
            if a[..read] != b[..other] {
                return Ok(false);
            }
            if read == 0 {
                return Ok(true);
            }
        }
    };
    compare().unwrap_or(false)
}

/// Reads until the buffer is full or the file at its end.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl Plan {
    /// How many bytes are copied.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(.., bytes)| bytes).sum()
    }

    /// Copies everything into a folder that is not there yet, or is empty. It is there wholly or not at all.
    ///
    /// # Errors
    /// When there is something in its place, too little room, or a file that cannot be read or written; when it was stopped.
    pub fn write(&self, folder: &Path, progress: &mut Progress<'_>) -> Result<Collected, CollectError> {
        self.write_where(folder, room::free, progress)
    }

    /// The same; `free` says how much room there is.
    fn write_where(
        &self,
        folder: &Path,
        free: fn(&Path) -> Option<u64>,
        progress: &mut Progress<'_>,
    ) -> Result<Collected, CollectError> {
        let total = self.bytes();
        let unwritten = |error: &io::Error| {
            let problem = match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                    return CollectError::Exists(folder.to_owned());
                }
                io::ErrorKind::NotFound => "the folder that it should be in does not exist".into(),
                io::ErrorKind::PermissionDenied => "permission was denied".into(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".into(),
                _ => error.to_string(),
            };
            CollectError::Write { path: folder.to_owned(), problem }
        };
        let staged = stage_folder(folder).map_err(|error| unwritten(&error))?;
        if let Some(free) = free(staged.path())
            && free < total.saturating_add(SPARE)
        {
            let (free, needed) = (room::words(free), room::words(total));
            return Err(CollectError::Room { path: folder.to_owned(), free, needed });
        }
        let mut done = 0;
        for (from, to, bytes) in &self.files {
            let to = staged.path().join(to);
            to.parent().map_or(Ok(()), fs::create_dir_all).map_err(|error| unwritten(&error))?;
            let unread = |problem: String| CollectError::Read { path: from.clone(), problem };
            let mut source = File::open(from).map_err(|error| unread(error.to_string()))?;
            let mut copy = File::create(&to).map_err(|error| unwritten(&error))?;
            let (mut buffer, mut copied) = (vec![0; CHUNK], 0);
            loop {
                if !progress(done + copied, total) {
                    return Err(CollectError::Stopped);
                }
                let read = fill(&mut source, &mut buffer).map_err(|error| unread(error.to_string()))?;
                if read == 0 {
                    break;
                }
                copy.write_all(&buffer[..read]).map_err(|error| unwritten(&error))?;
                copied += read as u64;
                // One that grows without end would fill the disk.
                if copied > *bytes {
                    break;
                }
            }
            if copied != *bytes {
                return Err(unread(
                    "it was written while it was copied; wait until that is done, and collect again".into(),
                ));
            }
            copy.sync_all().map_err(|error| unwritten(&error))?;
            done += copied;
        }
        // Of folders not everything was taken, so what they are known by is another hash.
        let project = self.project.with_hashes(staged.path(), &Known::default());
        file::save(&staged.path().join(PROJECT), &project).map_err(|error| match error {
            // Nobody knows the name of the folder that it is filled under.
            ProjectError::Write { problem, .. } => CollectError::Write { path: folder.to_owned(), problem },
            other => CollectError::Project(other),
        })?;
        if !progress(done, total) {
            return Err(CollectError::Stopped);
        }
        staged.put().map_err(|error| unwritten(&error))?;
        let model = self.project.model.as_ref().filter(|model| model.is_absolute());
        Ok(Collected { folder: folder.to_owned(), files: self.files.len(), bytes: total, left: model.cloned() })
    }
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
