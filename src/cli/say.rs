//! What a command says, and to whom: what it is asked for on standard output, the rest on standard error. Whoever has
//! stopped listening (`podium inspect … | head`) is no reason to stop or to complain.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// A line of what was asked for.
pub fn line(words: impl Display) {
    // A closed pipe, as above.
    let _ = writeln!(stdout().lock(), "{words}");
}

/// A line about how it goes.
pub fn aside(words: impl Display) {
    let _ = writeln!(stderr().lock(), "{words}");
}

/// [`line`], as `println!` is written.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::cli::say::line(format_args!($($words)*))
    };
}
