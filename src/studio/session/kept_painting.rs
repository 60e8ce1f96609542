//! Painted masks as an autosave file holds them: text, in which a mask is the lengths of its runs.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::masks::Mask;
use crate::project::file;
use crate::studio::renders::painted::Painted;

/// The most rows and columns of a mask: the latent of a canvas of twice the largest size.
const MOST_CELLS: usize = 512;

/// See [`Painted`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptPainting {
    name: String,
    /// The text of a project file.
    project: String,
    folder: PathBuf,
    step: usize,
    picture: usize,
    anew: bool,
    masks: Vec<KeptMask>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptMask {
    concept: String,
    height: usize,
    width: usize,
    /// How many cells are off, then how many are on, and so forth, row by row.
    runs: String,
}

impl KeptPainting {
    /// # Errors
    /// When the project cannot be written.
    pub(super) fn write(painted: &Painted) -> Result<Self, String> {
        let mask = |(concept, mask): &(String, Mask)| KeptMask {
            concept: concept.clone(),
            height: mask.height,
            width: mask.width,
            runs: runs(mask),
        };
        Ok(Self {
            name: painted.name.clone(),
            project: file::to_string(&painted.project).map_err(|error| error.to_string())?,
            folder: std::path::absolute(&painted.folder).unwrap_or_else(|_| painted.folder.clone()),
            step: painted.step,
            picture: painted.picture,
            anew: painted.anew,
            masks: painted.masks.iter().map(mask).collect(),
        })
    }

    /// # Errors
    /// When it cannot be what was written.
    pub(super) fn read(self) -> Result<Painted, String> {
        let project = file::from_str_as_it_is(&self.project).map_err(|error| error.to_string())?;
        let mask = |kept: KeptMask| Ok::<_, String>((kept.concept.clone(), mask(&kept)?));
        let masks: Vec<_> = self.masks.into_iter().map(mask).collect::<Result<_, _>>()?;
        if masks.is_empty() || self.step == 0 || self.step >= project.settings.steps as usize {
            return Err(format!("masks of {} subjects at step {}", masks.len(), self.step));
        }
        Ok(Painted {
            name: self.name,
            project: Arc::new(project),
            folder: self.folder,
            step: self.step,
            picture: self.picture,
            masks,
            anew: self.anew,
        })
    }
}

fn runs(mask: &Mask) -> String {
    let (mut lengths, mut value) = (vec![0_usize], false);
    for &on in &mask.on {
        if on != value {
            lengths.push(0);
            value = on;
        }
        if let Some(last) = lengths.last_mut() {
            *last += 1;
        }
    }
    lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

fn mask(kept: &KeptMask) -> Result<Mask, String> {
    let &KeptMask { height, width, .. } = kept;
    if !(1..=MOST_CELLS).contains(&height) || !(1..=MOST_CELLS).contains(&width) {
        return Err(format!("a mask of {height} x {width} cells"));
    }
    let mut on = Vec::with_capacity(height * width);
    for (index, length) in kept.runs.split_whitespace().enumerate() {
        let length: usize = length.parse().map_err(|_| format!("`{length}` is no length"))?;
        if length > height * width - on.len() {
            return Err("a mask has too many cells".into());
        }
        on.resize(on.len() + length, index % 2 == 1);
    }
    if on.len() < height * width {
        return Err("a mask has too few cells".into());
    }
    Ok(Mask { height, width, on })
}

/// A painting that nobody painted.
#[cfg(test)]
pub(super) fn made_up() -> Painted {
    let project = crate::project::Project { prompt: "a cat".into(), ..crate::project::Project::new() };
    let masks = vec![
        ("cat".to_owned(), Mask::from_fn(6, 5, |y, x| y > 1 && x < 3)),
        ("dog".to_owned(), Mask::from_fn(6, 5, |y, x| (y, x) == (0, 0) || (y, x) == (5, 4))),
        ("none".to_owned(), Mask::empty(6, 5)),
        ("all".to_owned(), Mask::from_fn(6, 5, |_, _| true)),
    ];
    Painted {
        name: "beach 3".into(),
        project: Arc::new(project),
        folder: "/work".into(),
        step: 7,
        picture: 1,
        masks,
        anew: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_painted_comes_back_as_it_was() {
        let painted = made_up();
        let kept = KeptPainting::write(&painted).unwrap();
        assert_eq!(kept.masks[1].runs, "0 1 28 1");
        let text = ron::to_string(&kept).unwrap();
        assert!(text.len() < 20_000, "{} bytes", text.len());
        let kept: KeptPainting = ron::from_str(&text).unwrap();
        assert_eq!(kept.read().unwrap(), painted);
    }

    #[test]
    fn what_cannot_be_a_painting_is_an_error_and_takes_no_memory() {
        let kept = |change: &dyn Fn(&mut KeptPainting)| {
            let mut kept = KeptPainting::write(&made_up()).unwrap();
            change(&mut kept);
            kept.read()
        };
        assert!(kept(&|_| ()).is_ok());
        let broken: [&dyn Fn(&mut KeptPainting); 9] = [
            &|kept| kept.masks[0].runs = "0 99999999999".into(),
            &|kept| kept.masks[0].runs = "18446744073709551615 1".into(),
            &|kept| kept.masks[0].runs = "29".into(),
            &|kept| kept.masks[0].runs = "-1 31".into(),
            &|kept| kept.masks[0].runs.clear(),
            &|kept| (kept.masks[0].height, kept.masks[0].width) = (1 << 40, 1 << 40),
            &|kept| kept.masks.clear(),
            &|kept| kept.step = usize::MAX,
            &|kept| kept.project.clear(),
        ];
        for (index, change) in broken.iter().enumerate() {
            assert!(kept(*change).is_err(), "number {index} was read");
        }
    }
}
