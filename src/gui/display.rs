//! Which of the desktop's two ways the window takes, on Linux: X11 or Wayland. Files that are dropped on a window do not arrive
//! through Wayland (winit 0.30, issue 1881), and most desktops that have Wayland have X11 beside it. So X11 is taken where
//! both are there, unless `PODIUM_DISPLAY` says `wayland`.

use std::ffi::OsStr;
use std::path::PathBuf;

/// The variable by which a person chooses.
const CHOICE: &str = "PODIUM_DISPLAY";
/// The variables that name Wayland's display; where neither is there, X11 is taken.
pub const WAYLAND: [&str; 2] = ["WAYLAND_DISPLAY", "WAYLAND_SOCKET"];

fn is_set(name: &str) -> bool {
    cfg!(target_os = "linux") && std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Whether Wayland is to be passed over, since X11 is there too and nobody chose. To be asked before the window opens.
pub fn passes_over_wayland() -> bool {
    let display = std::env::var_os("DISPLAY").unwrap_or_default();
    let there = |path: PathBuf| path.exists();
    WAYLAND.into_iter().any(is_set) && wants_x11(std::env::var_os(CHOICE).as_deref(), &display, there)
}

/// Whether files that are dropped on the window arrive.
pub fn drops_arrive() -> bool {
    !WAYLAND.into_iter().any(is_set)
}

/// Whether X11 is to be taken where Wayland is there as well; `there` says whether a file is.
fn wants_x11(chosen: Option<&OsStr>, display: &OsStr, there: impl Fn(PathBuf) -> bool) -> bool {
    if chosen.is_some_and(|chosen| chosen.eq_ignore_ascii_case("wayland")) {
        return false;
    }
    let Some((host, number)) = display.to_str().and_then(|display| display.rsplit_once(':')) else { return false };
    let number = number.split('.').next().unwrap_or_default();
    if number.is_empty() || !number.chars().all(|digit| digit.is_ascii_digit()) {
        return false;
    }
    // A server of this machine has a socket; of another one's it cannot be said before it is asked.
    let own = host.is_empty() || host == "unix";
    own && there(PathBuf::from(format!("/tmp/.X11-unix/X{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x11_is_taken_where_its_server_is_there_and_nobody_chose_otherwise() {
        let wants = |chosen: Option<&str>, display: &str| {
            let there = |path: PathBuf| path == std::path::Path::new("/tmp/.X11-unix/X7");
            wants_x11(chosen.map(OsStr::new), OsStr::new(display), there)
        };
        assert!(wants(None, ":7") && wants(None, ":7.0") && wants(None, "unix:7") && wants(Some("x11"), ":7"));
        assert!(!wants(Some("wayland"), ":7") && !wants(Some("Wayland"), ":7"));
        for display in ["", ":8", "7", ":", ":x", "elsewhere:7", ":../7"] {
            assert!(!wants(None, display), "{display}");
        }
    }
}
