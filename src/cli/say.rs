//! What a command says, and to whom: what it is asked for on standard output, the rest on standard error. Whoever has
//! stopped listening (`podium inspect … | head`) is no reason to stop or to complain.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

use indicatif::ProgressBar;

/// A line of what was asked for.
pub fn line(words: impl Display) {
    // A closed pipe, as above.
    let _ = writeln!(stdout().lock(), "{words}");
}

/// A line that a person should know, where there is no bar yet.
pub fn note(words: impl Display) {
    // A closed pipe, as above.
    let _ = writeln!(stderr().lock(), "note: {words}");
}

/// A line about how it goes, beside the bar. The bar itself shows nothing where standard error is no terminal, and would
/// swallow it.
pub fn aside(bar: &ProgressBar, words: impl Display) {
    if bar.is_hidden() {
        let _ = writeln!(stderr().lock(), "{words}");
    } else {
        bar.println(words.to_string());
    }
}

/// [`line`], as `println!` is written.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::cli::say::line(format_args!($($words)*))
    };
}
