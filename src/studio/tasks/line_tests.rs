//! Where answers of other threads come in, as tests have it: all of them are held back until they shall come, and handed out
//! once more when nobody waits for them any longer.

use std::any::type_name;
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Receiver;

/// What a thread answers.
pub trait Answer: Clone + Send + 'static {
    /// The names of all kinds.
    const KINDS: &'static [&'static str];
    /// Of which kind it is.
    fn kind(&self) -> &'static str;
}

/// Says which kinds of answers a type has: all its variants, or the type itself where it has none. One that is left out does
/// not compile; one that is named and that `answers_tests.rs` never brings about fails there.
macro_rules! kinds {
    ($told:ty: $($kind:ident),+ $(,)?) => {
        impl $crate::studio::tasks::Answer for $told {
            const KINDS: &'static [&'static str] = &[$(stringify!($kind)),+];

            fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind { .. } => stringify!($kind)),+
                }
            }
        }
    };
    ($told:ty) => {
        impl $crate::studio::tasks::Answer for $told {
            const KINDS: &'static [&'static str] = &["it"];

            fn kind(&self) -> &'static str {
                "it"
            }
        }
    };
}

pub(crate) use kinds;

/// What becomes of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// They come.
    #[default]
    Through,
    /// None comes of the kinds that are held back (see [`Tap::hold`]).
    Held,
    /// They come, and are noted.
    Noted,
    /// Those that were noted come once more, before any others.
    Again,
}

/// What all lines of a studio have in common.
#[derive(Clone, Debug, Default)]
pub struct Tap(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    way: Way,
    /// Every kind that any line can bring.
    known: BTreeSet<String>,
    /// What the names of those contain that shall be held back.
    only: Vec<&'static str>,
    /// Those that are held back now.
    held: BTreeSet<String>,
    /// Those that came late.
    late: BTreeSet<String>,
    /// Those that came again.
    again: BTreeSet<String>,
}

impl Tap {
    /// A line for the answers that come through a channel.
    pub fn line<T: Answer>(&self, done: Receiver<T>) -> Line<T> {
        self.state().known.extend(T::KINDS.iter().map(|kind| name::<T>(kind)));
        Line { tap: self.clone(), done, held: RefCell::default(), copies: RefCell::default() }
    }

    /// What becomes of answers from now on.
    pub fn set(&self, way: Way) {
        self.state().way = way;
    }

    /// Holds answers back from now on: of the kinds whose names contain one of these words.
    pub fn hold(&self, kinds: &[&'static str]) {
        let mut state = self.state();
        (state.way, state.only) = (Way::Held, kinds.to_vec());
    }

    /// Which of these kinds nothing is held back of yet.
    pub fn lacks(&self, kinds: &[&'static str]) -> Vec<&'static str> {
        let state = self.state();
        let lacks = |kind: &&&'static str| !state.held.iter().any(|held| held.contains(**kind));
        kinds.iter().filter(lacks).copied().collect()
    }

    /// Every kind that any line can bring.
    pub fn known(&self) -> BTreeSet<String> {
        self.state().known.clone()
    }

    /// Those that came late, and those that came again.
    pub fn seen(&self) -> [BTreeSet<String>; 2] {
        let state = self.state();
        [state.late.clone(), state.again.clone()]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `files::Told Picture`
fn name<T>(kind: &str) -> String {
    format!("{} {kind}", type_name::<T>().replace("podium::studio::", ""))
}

/// Answers in the order in which they come, if they come.
#[derive(Debug)]
pub struct Line<T> {
    tap: Tap,
    done: Receiver<T>,
    held: RefCell<VecDeque<T>>,
    copies: RefCell<VecDeque<T>>,
}

impl<T: Answer> Line<T> {
    /// The next one, if any is there and shall come.
    pub fn next(&self) -> Option<T> {
        let mut state = self.tap.state();
        let (mut held, mut copies) = (self.held.borrow_mut(), self.copies.borrow_mut());
        if state.way == Way::Held {
            for answer in self.done.try_iter() {
                let kind = name::<T>(answer.kind());
                if !state.only.iter().any(|only| kind.contains(only)) {
                    return Some(answer);
                }
                state.held.insert(kind);
                held.push_back(answer);
            }
            return None;
        }
        if state.way == Way::Again
            && let Some(copy) = copies.pop_front()
        {
            state.again.insert(name::<T>(copy.kind()));
            return Some(copy);
        }
        let (answer, late) = match held.pop_front() {
            Some(answer) => (answer, true),
            None => (self.done.try_recv().ok()?, false),
        };
        let kind = name::<T>(answer.kind());
        if late {
            state.held.remove(&kind);
            state.late.insert(kind);
        }
        if state.way == Way::Noted {
            copies.push_back(answer.clone());
        }
        Some(answer)
    }

    /// Whether none is there that shall come, now or later.
    pub fn is_empty(&self) -> bool {
        let again = self.tap.state().way == Way::Again && !self.copies.borrow().is_empty();
        !again && self.held.borrow().is_empty() && self.done.is_empty()
    }
}
