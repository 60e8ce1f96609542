//! Names that servers tell. Every one is taken as hostile: it becomes a path only after this.

/// The most bytes of one part of a name that every usual file system takes.
const LONGEST: usize = 200;
/// The most folders that a name may go down.
const DEEPEST: usize = 8;

/// Names that Windows keeps for devices.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Whether a word may be the name of one file or folder, on any system.
pub fn is_plain(name: &str) -> bool {
    let refused = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let numbered = stem.len() == 4
        && (stem.starts_with("com") || stem.starts_with("lpt"))
        && stem.ends_with(|c: char| c.is_ascii_digit());
    !name.is_empty()
        && name.len() <= LONGEST
        && name != "."
        && name != ".."
        && !name.ends_with(['.', ' '])
        && !name.starts_with(' ')
        && !name.contains(refused)
        && !DEVICES.contains(&stem.as_str())
        && !numbered
}

/// Whether a name with `/` in it stays below the folder that it is put into.
pub fn is_inside(path: &str) -> bool {
    path.split('/').count() <= DEEPEST && path.split('/').all(is_plain)
}

/// A hub's repository: `org/name`, by the hub's own rules.
pub fn is_repository(id: &str) -> bool {
    let Some((org, name)) = id.split_once('/') else { return false };
    let good = |word: &str| {
        is_plain(word)
            && word.len() <= 96
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && !word.starts_with(['-', '.'])
            && !word.ends_with(['-', '.'])
            && !word.contains("--")
            && !word.contains("..")
    };
    good(org) && good(name)
}

/// A branch, tag or commit.
pub fn is_revision(word: &str) -> bool {
    is_inside(word) && word.len() <= LONGEST && !word.starts_with('-') && !word.contains(['@', '^', '~', ' ', '%'])
}

/// A full commit: forty hexadecimal digits.
pub fn is_commit(word: &str) -> bool {
    word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// How names of weights end.
pub const ENDINGS: [&str; 5] = ["safetensors", "ckpt", "pt", "pth", "bin"];

/// Whether a file's name ends as one with weights.
pub fn is_weights(name: &str) -> bool {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    ENDINGS.iter().any(|ending| end.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_stay_where_they_are_put_are_taken() {
        for good in ["a.safetensors", "unet/config.json", "Größe 2.pt", "a/b/c/d/e/f/g/h", "..a", "console.txt"] {
            assert!(is_inside(good), "{good}");
        }
        let deep = "a/".repeat(8) + "a";
        let long = "a".repeat(201);
        let bad = [
            "",
            ".",
            "..",
            "../x",
            "a/../../x",
            "/etc/passwd",
            "a//b",
            "a/",
            "C:\\x",
            "a\\b",
            "C:x",
            "a\0",
            "a\nb",
            "nul",
            "con.txt",
            "COM1.bin",
            "lpt9",
            "x.",
            "x ",
            "a?b",
            &deep,
            &long,
        ];
        for bad in bad {
            assert!(!is_inside(bad), "{bad:?}");
        }
    }

    #[test]
    fn repositories_and_revisions_are_as_the_hub_has_them() {
        for good in ["stable-diffusion-v1-5/stable-diffusion-v1-5", "a/b", "SG161222/Realistic_Vision_V5.1_noVAE"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["gpt2", "a/b/c", "../b", "a/..", "a--b/c", "-a/b", "a/b.", "a /b", "a/b@c", "/b", "a/"] {
            assert!(!is_repository(bad), "{bad:?}");
        }
        for good in ["main", "fp16", "refs/pr/1", "v1.0", "0123456789012345678901234567890123456789"] {
            assert!(is_revision(good), "{good}");
        }
        for bad in ["", "..", "a/../b", "-x", "a b", "a%2e", "HEAD~1", "/x"] {
            assert!(!is_revision(bad), "{bad:?}");
        }
        assert!(is_commit(&"0a".repeat(20)) && !is_commit("main") && !is_commit(&"g".repeat(40)));
        assert!(is_weights("x.SafeTensors") && is_weights("a.b.ckpt") && !is_weights("x.json") && !is_weights("pt"));
    }
}
