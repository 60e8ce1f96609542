//! What a person would say of a session, in the plainest form: what is composed, whether it is saved, what lies on the disk,
//! what a crash has left. The studio and the window are compared with it, whatever was done to them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// Work that a session left which ended without order.
#[derive(Clone, Debug)]
pub struct Left<T> {
    pub work: T,
    /// The file that it belongs to.
    pub file: Option<PathBuf>,
    /// Which writing of that file it goes back to.
    seen: Option<usize>,
}

/// A file that somebody wrote.
#[derive(Debug)]
struct Written<T> {
    work: T,
    /// Which writing it was, of all there were.
    number: usize,
}

/// A session. What is composed is anything that is equal to another or not: a whole project, or its words alone.
#[derive(Debug)]
pub struct Model<T> {
    /// The work after each change since it was opened.
    states: Vec<T>,
    /// Which of them is there.
    at: usize,
    /// What of it needs no saving: what its file has, or what it began with.
    saved: Option<T>,
    /// The work's own file.
    pub file: Option<PathBuf>,
    /// Which writing of it was read, or was this session's own; None where it has no file.
    seen: Option<usize>,
    disk: BTreeMap<PathBuf, Written<T>>,
    written: usize,
    /// What crashes have left that was neither taken up nor thrown away.
    pub left: Vec<Left<T>>,
}

impl<T: Clone + PartialEq + Debug> Model<T> {
    /// A session that begins with this.
    pub fn begin(work: T) -> Self {
        Self {
            states: vec![work.clone()],
            at: 0,
            saved: Some(work),
            file: None,
            seen: None,
            disk: BTreeMap::new(),
            written: 0,
            left: Vec::new(),
        }
    }

    /// What is composed.
    pub fn now(&self) -> &T {
        &self.states[self.at]
    }

    /// Whether it is anywhere but here.
    pub fn is_dirty(&self) -> bool {
        self.saved.as_ref() != Some(self.now())
    }

    /// A change.
    pub fn edit(&mut self, work: T) {
        self.states.truncate(self.at + 1);
        self.states.push(work);
        self.at += 1;
    }

    pub fn undo(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    pub fn redo(&mut self) {
        self.at = (self.at + 1).min(self.states.len() - 1);
    }

    /// A change, or a step back or forth: this is there now, whatever led to it.
    pub fn shows(&mut self, work: T) {
        self.states[self.at] = work;
    }

    /// Another work in its place, which counts as saved: a new one, or what a file has.
    pub fn replace(&mut self, work: T, file: Option<PathBuf>) {
        (self.states, self.at) = (vec![work.clone()], 0);
        self.saved = Some(work);
        self.seen = file.as_deref().and_then(|file| self.number(file));
        self.file = file;
    }

    /// It has no file any more.
    pub fn part(&mut self) {
        (self.file, self.seen) = (None, None);
    }

    /// A file that is there.
    pub fn put(&mut self, path: &Path, work: T) {
        self.written += 1;
        self.disk.insert(path.to_owned(), Written { work, number: self.written });
    }

    /// Whether saving to a file asks first, and if so, whether because it is not any more what was read from it or written
    /// to it: else it is another's.
    pub fn asks(&self, path: &Path) -> Option<bool> {
        let number = self.number(path)?;
        let own = self.file.as_deref() == Some(path);
        if own { self.seen.filter(|seen| *seen != number).map(|_| true) } else { Some(false) }
    }

    /// What is composed is in this file now, which is its own.
    pub fn write(&mut self, path: &Path) {
        let work = self.now().clone();
        self.put(path, work.clone());
        (self.file, self.seen, self.saved) = (Some(path.to_owned()), Some(self.written), Some(work));
    }

    fn number(&self, path: &Path) -> Option<usize> {
        self.disk.get(path).map(|file| file.number)
    }

    /// What a file has.
    pub fn on_disk(&self, path: &Path) -> Option<&T> {
        self.disk.get(path).map(|file| &file.work)
    }

    /// Sees that files have what they should have, and that there are no others.
    pub fn assert_disk(&self, found: &BTreeMap<PathBuf, T>, said: &str) {
        let files: Vec<_> = self.disk.keys().collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), files, "other files than there should be:\n{said}");
        for (path, work) in found {
            assert_eq!(Some(work), self.on_disk(path), "{} has something else:\n{said}", path.display());
        }
    }

    /// Ends without order; the next session begins with `begins`. What is not saved is left, and so is anything whose masks
    /// were being painted.
    pub fn crash(&mut self, painted: bool, begins: T) {
        if self.is_dirty() || painted {
            self.left.push(Left { work: self.now().clone(), file: self.file.clone(), seen: self.seen });
        }
        self.replace(begins, None);
    }

    /// Sees that what is offered after a crash is what was left, each once.
    pub fn assert_offered<'a>(&self, offered: impl IntoIterator<Item = (&'a T, Option<&'a Path>)>, said: &str)
    where
        T: 'a,
    {
        let mut left: Vec<_> = self.left.iter().map(|left| (&left.work, left.file.as_deref())).collect();
        for one in offered {
            let known = left.iter().position(|other| *other == one);
            let known = known.unwrap_or_else(|| panic!("given up, or never there, and offered: {one:?}\n{said}"));
            left.remove(known);
        }
        assert!(left.is_empty(), "unsaved work was lost: {left:?}\n{said}");
    }

    /// Which of what was left is this.
    pub fn find_left(&self, work: &T, file: Option<&Path>) -> Option<usize> {
        self.left.iter().position(|left| left.work == *work && left.file.as_deref() == file)
    }

    /// Takes up what was left; it counts as unsaved.
    pub fn recover(&mut self, index: usize) {
        let Left { work, file, seen } = self.left.remove(index);
        (self.states, self.at) = (vec![work], 0);
        (self.file, self.seen, self.saved) = (file, seen, None);
    }

    /// Throws away what was left.
    pub fn throw_away(&mut self, index: usize) {
        self.left.remove(index);
    }
}

#[test]
fn the_model_tells_what_is_saved_what_is_left_and_what_is_asked() {
    let mut model = Model::begin("first");
    let (a, b) = (Path::new("/a"), Path::new("/b"));
    assert!(!model.is_dirty() && model.asks(a).is_none());
    model.edit("second");
    model.write(a);
    model.edit("third");
    assert!(model.is_dirty() && model.asks(a).is_none());
    model.undo();
    assert_eq!((*model.now(), model.is_dirty()), ("second", false));
    model.redo();
    // Nothing is left of what is saved, and unsaved work goes back to the file as it was.
    model.crash(false, "first");
    assert_eq!((model.left.len(), model.file.as_deref(), model.asks(a)), (1, None, Some(false)));
    model.replace("second", Some(a.into()));
    model.crash(false, "first");
    model.assert_offered([(&"third", Some(a))], "");
    model.replace("second", Some(a.into()));
    model.shows("fourth");
    model.write(a);
    model.recover(0);
    assert_eq!((*model.now(), model.is_dirty(), model.asks(a)), ("third", true, Some(true)));
    model.write(b);
    assert_eq!((model.asks(b), model.asks(a), model.on_disk(a)), (None, Some(false), Some(&"fourth")));
    model.crash(true, "first");
    assert_eq!(model.find_left(&"third", Some(b)), Some(0));
    model.throw_away(0);
    model.assert_disk(&BTreeMap::from([(a.into(), "fourth"), (b.into(), "third")]), "");
}
