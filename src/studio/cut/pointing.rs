//! Pointing at somebody: which networks are asked, how far they are with the photo, and what they answer. Works on threads of
//! others; nothing here waits.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use image::{GrayImage, RgbaImage};

use super::tensors::open_tensors;
use crate::cut::Stop;
use crate::segment::{Error, Files, Find, Guess, Prompt, Sam, Seen, Words, choose, find_words, get};

/// Where the networks may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Files that somebody chose, the latest first.
    pub chosen: Vec<PathBuf>,
    /// Looked through where nobody chose any.
    pub folder: PathBuf,
}

/// How far the networks are with the photo.
#[derive(Clone, Debug, Default)]
pub enum Sight {
    /// Nobody asked.
    #[default]
    Unasked,
    /// They look at it.
    Looking(Looking),
    /// They have seen it.
    Seen(Arc<Eyes>),
    /// There are none: what to get, in words.
    Missing(String),
    /// Why they cannot see it.
    Blind(String),
}

/// What those who look, at the photo or for what words name, and those who wait both hold.
#[derive(Clone, Debug, Default)]
pub struct Looking {
    /// Ends it.
    pub stop: Stop,
    /// Thousandths.
    done: Arc<AtomicU32>,
}

impl Looking {
    /// How far it is, 0 to 1.
    pub fn done(&self) -> f32 {
        self.done.load(Ordering::Relaxed) as f32 / 1000.0
    }

    /// Takes in how far it is, 0 to 1, and says whether to go on.
    fn watch(&self, done: f32) -> bool {
        self.done.store((done.clamp(0.0, 1.0) * 1000.0) as u32, Ordering::Relaxed);
        !self.stop.is_raised()
    }
}

/// Networks that have seen the photo.
pub struct Eyes {
    sam: Sam,
    seen: Seen,
    /// Their files.
    pub files: Files,
}

impl std::fmt::Debug for Eyes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Eyes").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Eyes {
    /// Whose networks these are.
    pub fn name(&self) -> &'static str {
        self.sam.name()
    }
}

/// Finds the networks and lets them look at the photo. Takes seconds.
pub fn look(networks: &Networks, picture: &RgbaImage, looking: &Looking) -> Sight {
    let looked = || -> Result<Option<Eyes>, Error> {
        let Some(files) = choose(&networks.chosen, &networks.folder, &open_tensors)? else { return Ok(None) };
        let sam = Sam::of(&files, &open_tensors)?;
        let seen = sam.look(picture, &|done| looking.watch(done))?;
        Ok(Some(Eyes { sam, seen, files }))
    };
    match looked() {
        Ok(Some(eyes)) => Sight::Seen(Arc::new(eyes)),
        Ok(None) => Sight::Missing(get::words(&networks.folder)),
        Err(Error::Stopped) => Sight::Unasked,
        Err(error) => Sight::Blind(error.to_string()),
    }
}

/// What somebody points at, and which of the masks that can be meant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pointed {
    /// Clicks and frame.
    pub prompt: Prompt,
    /// From 0; past the last one it is the last.
    pub choose: usize,
}

/// What the networks answer.
#[derive(Debug)]
pub struct Answer {
    /// The mask that is taken, as large as the photo.
    pub mask: GrayImage,
    /// Which one it is, from 0.
    pub at: usize,
    /// How much of it is right, as the network thinks.
    pub score: f32,
    guesses: Arc<Vec<Guess>>,
    prompt: Prompt,
}

impl Answer {
    /// How many masks can be meant.
    pub fn count(&self) -> usize {
        self.guesses.len()
    }
}

/// Asks the networks, unless they have answered this before and only another of their masks is wanted.
///
/// # Errors
/// In words, when they cannot be asked this.
pub fn answer(eyes: &Eyes, pointed: &Pointed, before: Option<&Answer>) -> Result<Answer, String> {
    let known = before.filter(|before| before.prompt == pointed.prompt).map(|before| before.guesses.clone());
    let guesses = match known {
        Some(guesses) => guesses,
        None => Arc::new(eyes.sam.masks(&eyes.seen, &pointed.prompt).map_err(|error| error.to_string())?),
    };
    let at = pointed.choose.min(guesses.len().saturating_sub(1));
    let guess = guesses.get(at).ok_or("the network gives no mask at all")?;
    let (mask, score) = (guess.mask(), guess.score);
    Ok(Answer { mask, at, score, guesses, prompt: pointed.prompt.clone() })
}

/// The frame of what words name, none where the search was stopped; and the network that looked for it, for the next words.
/// Takes many seconds.
pub fn named(
    words: &str,
    known: Option<Arc<Words>>,
    networks: &Networks,
    picture: &RgbaImage,
    looking: &Looking,
) -> (Option<Arc<Words>>, Option<Result<Find, String>>) {
    let opened = known.map_or_else(
        || {
            let beside = networks.chosen.iter().filter_map(|path| path.parent());
            let file = beside.chain([networks.folder.as_path()]).find_map(find_words);
            let file = file.ok_or_else(|| get::words_for_names(&networks.folder))?;
            Words::open(&file).map(Arc::new).map_err(|error| error.to_string())
        },
        Ok,
    );
    let network = match opened {
        Ok(network) => network,
        Err(words) => return (None, Some(Err(words))),
    };
    let found = match network.find(picture, words, &|done| looking.watch(done)) {
        Err(Error::Stopped) => None,
        Err(error) => Some(Err(error.to_string())),
        Ok(finds) => {
            let lacks =
                || format!("Nothing in the photo looks like \"{words}\"; name it in other words, or click on it");
            Some(finds.first().copied().ok_or_else(lacks))
        }
    };
    (Some(network), found)
}
