//! Which segmenter a suite's pictures are measured with, as the suite and the user name it. Who it is then, `segmenter.rs` knows.
//!
//! What the user names takes the place of what the suite names, each thing by itself, and that is said. What only the suite names
//! and is not there is left out, and said too: a suite has places for files that not everybody has.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::project;

/// How sure Grounding DINO must be, where nobody says otherwise: that of its authors.
pub const SURE: f32 = 0.3;

/// Files that find subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finder {
    /// Grounding DINO's file (ONNX), with its `vocab.txt` beside it.
    pub words: PathBuf,
    /// Segment Anything, which makes masks of the boxes: its weights, their folder, or its two files (ONNX). Without any, all of a
    /// box is the subject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sam: Vec<PathBuf>,
    /// How sure Grounding DINO must be of what it finds: [`SURE`] to 1.
    #[serde(default = "usual")]
    pub sure: f32,
}

fn usual() -> f32 {
    SURE
}

/// What a user names of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// As [`Finder::words`].
    pub words: Option<PathBuf>,
    /// As [`Finder::sam`].
    pub sam: Vec<PathBuf>,
    /// As [`Finder::sure`].
    pub sure: Option<f32>,
}

impl Asked {
    /// What is of no use without words.
    fn lean(&self) -> Option<&'static str> {
        match (self.sam.is_empty(), self.sure) {
            (false, _) => Some("--sam"),
            (true, Some(_)) => Some("--sure"),
            (true, None) => None,
        }
    }
}

impl Finder {
    /// What makes no sense in it, as the rest of a sentence, and what to do.
    pub(super) fn problem(&self) -> Option<(String, String)> {
        let is_empty = |path: &PathBuf| path.as_os_str().is_empty();
        if is_empty(&self.words) {
            let advice = "name Grounding DINO's file: words: \"encoders/grounding-dino/model.onnx\", say";
            return Some(("has no words to find subjects by".to_owned(), advice.to_owned()));
        }
        if self.sam.len() > 2 || self.sam.iter().any(is_empty) {
            let problem = "has a sam that is neither one file or folder nor two files";
            return Some((
                problem.to_owned(),
                "name SAM's weights, their folder, or its encoder and decoder".to_owned(),
            ));
        }
        if !(SURE..=1.0).contains(&self.sure) {
            return Some((format!("is to be sure by {}", self.sure), format!("use a number from {SURE} to 1")));
        }
        None
    }

    /// What finds subjects, by what a user asks for and a suite whose paths start from `base` names, with full paths; none where
    /// nobody names it. Beside it what is to be said.
    ///
    /// # Errors
    /// In words, where a user asks for something that is of no use without words.
    pub fn chosen(own: Option<&Self>, base: &Path, asked: &Asked) -> Result<(Option<Self>, Vec<String>), String> {
        let mut notes = Vec::new();
        let words = match (&asked.words, own) {
            (Some(words), _) => words.clone(),
            (None, None) => {
                return match asked.lean() {
                    None => Ok((None, notes)),
                    Some(flag) => Err(format!(
                        "{flag} says how subjects are found by their words, and nothing finds them; add --words FILE.onnx"
                    )),
                };
            }
            (None, Some(own)) => {
                let words = project::resolve(base, &own.words);
                if !words.is_file() {
                    let path = words.display();
                    if let Some(flag) = asked.lean() {
                        return Err(format!(
                            "{path}: is not there, and {flag} is of no use without it; put Grounding DINO there, or name it \
                             with --words"
                        ));
                    }
                    notes.push(format!(
                        "{path}: is not there, so no subjects are found by their words; put Grounding DINO there, or name it \
                         with --words"
                    ));
                    return Ok((None, notes));
                }
                words
            }
        };
        let own_sam: Vec<PathBuf> =
            own.into_iter().flat_map(|own| &own.sam).map(|path| project::resolve(base, path)).collect();
        let gone = own_sam.iter().find(|path| !path.exists()).cloned();
        let sam = match gone {
            _ if !asked.sam.is_empty() => asked.sam.clone(),
            None => own_sam,
            Some(gone) => {
                notes.push(format!(
                    "{}: is not there, so all of a box is its subject; put Segment Anything there, or name it with --sam",
                    gone.display()
                ));
                Vec::new()
            }
        };
        if let Some(own) = own {
            if let Some(words) = &asked.words {
                notes.extend(instead("--words", words, &own.words));
            }
            if let (Some(ours), Some(theirs)) = (asked.sam.first(), own.sam.first()) {
                notes.extend(instead("--sam", ours, theirs));
            }
            if let Some(sure) = asked.sure.filter(|sure| *sure != own.sure) {
                notes.push(format!("--sure {sure} in place of the suite's {}", own.sure));
            }
        }
        let sure = asked.sure.or(own.map(|own| own.sure)).unwrap_or(SURE);
        Ok((Some(Self { words, sam, sure }), notes))
    }
}

/// That a path of the user's takes the place of the suite's; nothing where they are the same.
pub(super) fn instead(flag: &str, ours: &Path, theirs: &Path) -> Option<String> {
    (ours != theirs).then(|| format!("{flag} {} in place of the suite's {}", ours.display(), theirs.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_suite(base: &Path, names: &[&str]) -> Finder {
        for name in names {
            std::fs::create_dir_all(base.join(name).parent().unwrap()).unwrap();
            std::fs::write(base.join(name), "weights").unwrap();
        }
        Finder { words: "found/model.onnx".into(), sam: vec!["sam.pth".into()], sure: 0.35 }
    }

    fn words(path: &str) -> Asked {
        Asked { words: Some(path.into()), ..Asked::default() }
    }

    #[test]
    fn a_suite_s_segmenter_has_its_paths_from_the_suite_s_folder() {
        let base = tempfile::tempdir().unwrap();
        let own = of_suite(base.path(), &["found/model.onnx", "sam.pth"]);
        let (found, notes) = Finder::chosen(Some(&own), base.path(), &Asked::default()).unwrap();
        let at = |name: &str| base.path().join(name);
        assert_eq!(found, Some(Finder { words: at("found/model.onnx"), sam: vec![at("sam.pth")], sure: 0.35 }));
        assert!(notes.is_empty(), "{notes:?}");
        assert_eq!(Finder::chosen(None, base.path(), &Asked::default()), Ok((None, Vec::new())));
    }

    #[test]
    fn what_only_the_suite_names_may_be_missing_and_is_said() {
        let base = tempfile::tempdir().unwrap();
        let own = of_suite(base.path(), &[]);
        let (none, notes) = Finder::chosen(Some(&own), base.path(), &Asked::default()).unwrap();
        assert!(none.is_none() && notes.len() == 1, "{notes:?}");
        assert!(notes[0].contains("model.onnx: is not there") && notes[0].contains("--words"), "{notes:?}");
        let own = of_suite(base.path(), &["found/model.onnx"]);
        let (boxes, notes) = Finder::chosen(Some(&own), base.path(), &Asked::default()).unwrap();
        assert!(boxes.is_some_and(|found| found.sam.is_empty()), "boxes without SAM");
        assert!(notes[0].contains("sam.pth: is not there, so all of a box is its subject"), "{notes:?}");
    }

    #[test]
    fn what_the_user_names_takes_the_suite_s_place_thing_by_thing_and_that_is_said() {
        let base = tempfile::tempdir().unwrap();
        let own = of_suite(base.path(), &["found/model.onnx", "sam.pth"]);
        let asked = Asked { sam: vec!["a.onnx".into(), "b.onnx".into()], sure: Some(0.5), ..words("mine.onnx") };
        let (found, notes) = Finder::chosen(Some(&own), base.path(), &asked).unwrap();
        assert_eq!(found, Some(Finder { words: "mine.onnx".into(), sam: asked.sam.clone(), sure: 0.5 }));
        let expected = [
            "--words mine.onnx in place of the suite's found/model.onnx",
            "--sam a.onnx in place of the suite's sam.pth",
            "--sure 0.5 in place of the suite's 0.35",
        ];
        assert_eq!(notes, expected);
        // One thing alone leaves the others.
        let (found, notes) = Finder::chosen(Some(&own), base.path(), &words("mine.onnx")).unwrap();
        assert!(found.is_some_and(|found| found.sam == [base.path().join("sam.pth")] && found.sure == 0.35));
        assert_eq!(notes, expected[..1]);
        // Without a suite's there is nothing to say.
        assert_eq!(Finder::chosen(None, base.path(), &words("mine.onnx")).map(|(_, notes)| notes.len()), Ok(0));
    }

    #[test]
    fn what_needs_words_is_refused_without_them() {
        let base = tempfile::tempdir().unwrap();
        let lone = Asked { sam: vec!["sam.pth".into()], ..Asked::default() };
        assert!(Finder::chosen(None, base.path(), &lone).unwrap_err().contains("add --words"));
        let own = of_suite(base.path(), &[]);
        let refused = Finder::chosen(Some(&own), base.path(), &Asked { sure: Some(0.4), ..Asked::default() });
        let refused = refused.unwrap_err();
        assert!(refused.contains("model.onnx: is not there") && refused.contains("--sure"), "{refused}");
    }
}
