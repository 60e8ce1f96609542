//! What a model is, looked up in the background before anybody asks: its size, what it needs, what is wrong with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::tasks::{Desk, Pool};
use crate::engine::inspect::{ModelReport, inspect_model};
use crate::engine::weights::ModelFiles;

/// What is known of a model: what it is, or in words why it cannot be used.
pub type KnownModel = Result<Arc<ModelReport>, String>;

/// A model by its files, and what is known of it; none while it is being looked at.
type Asked = (ModelFiles, Option<KnownModel>);

/// What came of a look at a model.
type Told = (ModelFiles, KnownModel);

#[cfg(test)]
crate::studio::tasks::kinds!(Told);

/// Models that are kept.
const KEPT: usize = 32;

/// The models that were asked about, and what they are.
pub struct Models {
    /// The one that was asked about last is the last.
    asked: Vec<Asked>,
    desk: Desk<Told>,
    /// How often was asked for one.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl Models {
    /// Nothing is known yet.
    pub fn new(pool: &Pool) -> Self {
        Self {
            asked: Vec::new(),
            desk: pool.desk(),
            #[cfg(test)]
            looks: 0,
        }
    }

    /// Has a model looked at, unless it is known already.
    pub fn look(&mut self, files: &ModelFiles) {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        if let Some(known) = self.asked.iter().position(|(known, _)| known == files) {
            self.asked[known..].rotate_left(1);
            return;
        }
        self.asked.push((files.clone(), None));
        let surplus = self.asked.len().saturating_sub(KEPT);
        self.asked.drain(..surplus);
        let files = files.clone();
        self.desk.run(move || {
            let look = || inspect_model(&files).map(Arc::new).map_err(|error| error.to_string());
            // Whatever happens, the answer comes: else it would be looked at for ever.
            let lost = "Its files could not be looked at; a render will say what is the matter.";
            let report = catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| Err(lost.to_owned()));
            (files, report)
        });
    }

    /// What a model is; None while that is not known.
    pub fn known(&self, files: &ModelFiles) -> Option<KnownModel> {
        self.asked.iter().find(|(known, _)| known == files)?.1.clone()
    }

    /// Looks at all of them anew the next time, as where files were changed.
    pub fn forget(&mut self) {
        self.asked.clear();
    }

    /// Takes in what was looked up. Says whether there was anything.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        while let Some((files, report)) = self.desk.next() {
            any = true;
            // Others may have been asked about meanwhile.
            if let Some((_, known)) = self.asked.iter_mut().find(|(asked, _)| *asked == files) {
                *known = Some(report);
            }
        }
        any
    }

    /// Whether something is being looked up.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// What the answers of all rooms come through.
    #[cfg(test)]
    pub(super) fn tap(&self) -> super::tasks::Tap {
        self.desk.pool().tap().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn wait(models: &mut Models) {
        let begun = Instant::now();
        while models.is_busy() {
            models.poll();
            assert!(begun.elapsed() < Duration::from_secs(120), "it did not come");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn the_miniature_says_what_it_is_and_what_is_no_model_says_why() {
        let mut models = Models::new(&Pool::start(Arc::new(|| ())).unwrap());
        let files = ModelFiles::BuiltIn;
        assert!(models.known(&files).is_none());
        models.look(&files);
        wait(&mut models);
        assert_eq!(models.known(&files).unwrap().unwrap().picture_side, Some(256));
        let none = ModelFiles::Folder("/nowhere/at/all".into());
        models.look(&none);
        assert!(models.known(&files).is_some() && models.known(&none).is_none());
        wait(&mut models);
        assert!(models.known(&none).unwrap().is_err());
        models.forget();
        assert!(models.known(&none).is_none());
    }
}
