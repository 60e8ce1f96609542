//! What a model is, looked up in the background before anybody asks: its size, what it needs, what is wrong with it.

use std::sync::Arc;

use super::tasks::{Desk, Pool};
use crate::engine::inspect::{ModelReport, inspect_model};
use crate::engine::weights::ModelFiles;

/// What is known of a model: what it is, or in words why it cannot be used.
pub type KnownModel = Result<Arc<ModelReport>, String>;

/// The model that was asked about last, and what it is.
pub struct Models {
    asked: Option<(ModelFiles, Option<KnownModel>)>,
    desk: Desk<(ModelFiles, KnownModel)>,
}

impl Models {
    /// Nothing is known yet.
    pub fn new(pool: &Pool) -> Self {
        Self { asked: None, desk: pool.desk() }
    }

    /// Has a model looked at, unless it is the one that was asked about last.
    pub fn look(&mut self, files: &ModelFiles) {
        if self.asked.as_ref().is_some_and(|(known, _)| known == files) {
            return;
        }
        self.asked = Some((files.clone(), None));
        let files = files.clone();
        self.desk.run(move || {
            let report = inspect_model(&files).map(Arc::new).map_err(|error| error.to_string());
            (files, report)
        });
    }

    /// What a model is, where it is the one that was asked about last; None while that is not known.
    pub fn known(&self, files: &ModelFiles) -> Option<KnownModel> {
        self.asked.as_ref().filter(|(known, _)| known == files)?.1.clone()
    }

    /// Looks at it anew the next time, as where its files were changed.
    pub fn forget(&mut self) {
        self.asked = None;
    }

    /// Takes in what was looked up. Says whether there was anything.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        while let Some((files, report)) = self.desk.next() {
            any = true;
            // Another may have been chosen meanwhile.
            if let Some((asked, known)) = &mut self.asked
                && *asked == files
            {
                *known = Some(report);
            }
        }
        any
    }

    /// Whether something is being looked up.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
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
        assert!(models.known(&files).is_none() && models.known(&none).is_none());
        wait(&mut models);
        assert!(models.known(&none).unwrap().is_err());
        models.forget();
        assert!(models.known(&none).is_none());
    }
}
