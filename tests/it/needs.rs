//! What not every machine has: an adapter to draw and compute on, a display and what drives it. Whoever needs it asks
//! here. Where it is missing the test is skipped, and that is said and counted past libtest, which swallows the words of
//! tests that pass; with `PODIUM_REQUIRE_PICTURES=1` the test fails instead.

use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

use podium::engine::device::{self, AdapterKind, NO_ADAPTER};

/// What was skipped so far, in words.
static SKIPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());

static ADAPTERS: LazyLock<Vec<AdapterKind>> =
    LazyLock::new(|| device::adapters().into_iter().map(|adapter| adapter.kind).collect());

/// Whether nothing may be skipped.
fn required() -> bool {
    std::env::var_os("PODIUM_REQUIRE_PICTURES").is_some_and(|value| value != "0")
}

/// Whether there is an adapter; where there is none, the calling test has to go without.
pub fn adapter() -> bool {
    adapter_for("")
}

/// Likewise for a part of the calling test only.
pub fn adapter_for(part: &str) -> bool {
    !ADAPTERS.is_empty() || skip(part, NO_ADAPTER)
}

/// Whether there is an adapter in software, which draws the same on every machine. Tests draw on it where there is one.
#[cfg(feature = "gui")]
pub fn software_adapter() -> bool {
    adapter() && (ADAPTERS.contains(&AdapterKind::Software) || skip("", "no adapter is software (mesa-vulkan-drivers)"))
}

/// Whether these programs are installed; where one is not, the calling test has to go without.
#[cfg(feature = "gui")]
pub fn programs(names: &[&str], packages: &str) -> bool {
    let has = |name: &str| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|path| path.join(name).exists())
    };
    let missing: Vec<&str> = names.iter().copied().filter(|name| !has(name)).collect();
    missing.is_empty() || skip("", &format!("{} missing (packages {packages})", missing.join(", ")))
}

/// Says and counts that the calling test, or a part of it, is skipped; fails where nothing may be. Gives false.
pub fn skip(part: &str, why: &str) -> bool {
    assert!(!required(), "PODIUM_REQUIRE_PICTURES is set, but {why}");
    // libtest names each test's thread after it.
    let mut what = std::thread::current().name().unwrap_or("a test").to_owned();
    if !part.is_empty() {
        what = format!("{what} ({part})");
    }
    let mut skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if skipped.is_empty() {
        sum_up_at_the_end();
    }
    if !skipped.contains(&what) {
        say(&format!("SKIPPED {what}: {why}"));
        skipped.push(what);
    }
    false
}

/// Words on standard error itself; those of print macros are kept from everybody by libtest.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{words}");
}

/// Has the number and the names of what was skipped said when the process ends: libtest has no such moment.
fn sum_up_at_the_end() {
    unsafe extern "C" {
        fn atexit(at_exit: extern "C" fn()) -> i32;
    }
    extern "C" fn sum_up() {
        let skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
        say(&format!("SKIPPED {} in all:\n  {}", skipped.len(), skipped.join("\n  ")));
    }
    // SAFETY: every C library has `atexit` with this signature, and `sum_up` neither unwinds nor registers another.
    unsafe { atexit(sum_up) };
}
