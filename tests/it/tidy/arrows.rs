//! Which file of `src` names which: read off the sources, to see circles and arrows that go up.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// Every file's files that it names, by path.
pub type Arrows<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The arrows among these files, tests left out. What a module only hands on (`pub use`) is no arrow, unless `all` are
/// asked for.
pub fn arrows(sources: &[Source], all: bool) -> Arrows<'_> {
    let files: Vec<&Source> = sources.iter().filter(|source| !source.is_test()).collect();
    let homes: BTreeMap<Vec<&str>, &str> = files
        .iter()
        .filter(|source| source.path != "src/main.rs")
        .map(|source| (module(&source.path), source.path.as_str()))
        .collect();
    let mut arrows = Arrows::new();
    for source in files {
        let here = module(&source.path);
        let named = paths(&source.code, all).into_iter().filter_map(|path| {
            let target = home(&homes, &absolute(&here, &path, |child| homes.contains_key(child))?)?;
            (target != source.path).then_some(target)
        });
        arrows.insert(&source.path, named.collect());
    }
    arrows
}

/// The file of a path: the nearest module that is one.
fn home<'a>(homes: &BTreeMap<Vec<&'a str>, &'a str>, path: &[&'a str]) -> Option<&'a str> {
    (0..=path.len()).rev().find_map(|length| homes.get(&path[..length]).copied())
}

/// `["engine", "worker"]` of `src/engine/worker.rs`, `["engine"]` of `src/engine/mod.rs`.
fn module(path: &str) -> Vec<&str> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<&str> = inner.split('/').collect();
    if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
        parts.pop();
    }
    parts
}

/// A path from the crate's root, given where it is written; None for one into another crate.
fn absolute<'a>(here: &[&'a str], path: &[&'a str], is_module: impl Fn(&[&'a str]) -> bool) -> Option<Vec<&'a str>> {
    let mut base = here.to_vec();
    let mut rest = path;
    match rest.first()? {
        &"crate" => return Some(rest[1..].to_vec()),
        &("self" | "super") => {
            while let Some(step @ (&"self" | &"super")) = rest.first() {
                if *step == "super" {
                    base.pop();
                }
                rest = &rest[1..];
            }
        }
        child => {
            base.push(*child);
            if !is_module(&base) {
                return None;
            }
            rest = &rest[1..];
        }
    }
    base.extend(rest);
    Some(base)
}

/// Every path of the `use` trees, and of the code that begins with crate, super or self. Who takes several things out of
/// a module at once (`use crate::a::{b, c}`) names the module too.
fn paths(code: &[String], all: bool) -> Vec<Vec<&str>> {
    let word = |index: usize| code.get(index).map_or("", String::as_str);
    let (mut found, mut index) = (Vec::new(), 0);
    while index < code.len() {
        if word(index) == "use" {
            let handed_on = index > 0 && (word(index - 1) == "pub" || word(index - 1) == ")");
            let mut tree = Vec::from_iter(straight(code, index + 1));
            index = trees(code, index + 1, &[], &mut tree);
            if all || !handed_on {
                found.append(&mut tree);
            }
        } else if let Some(path) = straight(code, index) {
            index += 2 * path.len() - 1;
            found.push(path);
        } else {
            index += 1;
        }
    }
    found
}

/// A path without branches that begins here with crate, super or self.
fn straight(code: &[String], index: usize) -> Option<Vec<&str>> {
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let (begin, rest) = code.get(index..)?.split_first()?;
    let names =
        rest.chunks_exact(2).take_while(|pair| pair[0] == "::").map(|pair| pair[1].as_str()).take_while(is_name);
    let path: Vec<&str> = std::iter::once(begin.as_str()).chain(names).collect();
    (matches!(path[0], "crate" | "super" | "self") && path.len() > 1).then_some(path)
}

/// Reads `a::{b, c::d as e}` from `index` on; returns where it ends.
fn trees<'a>(code: &'a [String], mut index: usize, prefix: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(word) = code.get(index).map(String::as_str) {
        match word {
            "::" => index += 1,
            "{" => {
                index += 1;
                loop {
                    index = trees(code, index, &path, found);
                    if code.get(index).is_none_or(|word| word != ",") {
                        break;
                    }
                    index += 1;
                }
                return index + 1;
            }
            "as" => index += 2,
            "," | "}" | ";" => break,
            part => {
                path.push(part);
                index += 1;
            }
        }
    }
    if path.len() > prefix.len() {
        found.push(path);
    }
    index
}

/// The groups of files that name each other in a loop.
pub fn circles(arrows: &Arrows<'_>) -> Vec<Vec<String>> {
    let reach = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = next.pop() {
            for to in arrows.get(file.as_str()).into_iter().flatten() {
                if seen.insert((*to).to_owned()) {
                    next.push((*to).to_owned());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> = arrows.keys().map(|file| (*file, reach(file))).collect();
    let circle = |file: &&str| {
        let both = |other: &&String| reached.get(other.as_str()).is_some_and(|back| back.contains(*file));
        reached[*file].iter().filter(both).cloned().collect::<Vec<String>>()
    };
    let found: BTreeSet<Vec<String>> = arrows.keys().map(circle).filter(|files| !files.is_empty()).collect();
    found.into_iter().collect()
}

#[test]
fn arrows_are_read_and_circles_found() {
    let files = [
        ("src/lib.rs", "pub mod a; pub mod b; pub use a::one::X;"),
        ("src/main.rs", "use crate::b; fn main() {}"),
        ("src/a/mod.rs", "mod one; mod two; pub use one::X; use self::two::{self, Y as Z}; pub(crate) use two::W;"),
        ("src/a/one.rs", "use std::fs; use super::{two::{Y, W}, three}; #[cfg(test)] mod tests { use crate::b::B; }"),
        ("src/a/two.rs", "// use super::one::X;\nfn f() { let _ = \"crate::b\"; super::super::a::one::g::<u8>() }"),
        ("src/b.rs", "use crate::{a::two, c}; use serde::one;"),
        ("src/c.rs", "use crate::a::{one::X};"),
        ("src/a/tests.rs", "use super::one::X; use crate::b::B;"),
    ];
    let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
    let found = arrows(&sources, false);
    let of = |path: &str| found[path].iter().copied().collect::<Vec<_>>();
    assert_eq!(of("src/lib.rs"), [] as [&str; 0]);
    assert_eq!(of("src/main.rs"), ["src/b.rs"]);
    assert_eq!(of("src/a/mod.rs"), ["src/a/two.rs"]);
    assert_eq!(of("src/a/one.rs"), ["src/a/mod.rs", "src/a/two.rs"]);
    assert_eq!(of("src/a/two.rs"), ["src/a/one.rs"]);
    assert_eq!(of("src/b.rs"), ["src/a/two.rs", "src/c.rs"]);
    assert_eq!(of("src/c.rs"), ["src/a/mod.rs", "src/a/one.rs"]);
    assert!(!found.contains_key("src/a/tests.rs"));
    assert_eq!(circles(&found), [["src/a/mod.rs", "src/a/one.rs", "src/a/two.rs"]]);
    assert_eq!(arrows(&sources, true)["src/lib.rs"].len(), 1, "what is handed on counts where it is asked for");
}
