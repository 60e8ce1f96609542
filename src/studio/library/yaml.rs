//! ComfyUI's `extra_model_paths.yaml`: which further folders it looks in.
//!
//! The file is a list of sections of `kind: folder` lines below a `base_path`; a value may be `|` with several folders in
//! the lines below it. That is all of YAML that such a file has, and all that is understood here.

use std::path::{Path, PathBuf};

/// The most bytes that are read.
pub const MAX_BYTES: u64 = 1 << 20;
/// The most folders that are taken from one file.
const MOST: usize = 500;

/// Kinds of folders in which there may be something for Podium.
const KINDS: [&str; 10] =
    ["checkpoints", "diffusers", "embeddings", "loras", "lora", "lycoris", "vae", "diffusion_models", "unet", "models"];

/// The folders that a file names. `file` is where it lies, `home` the user's folder.
pub fn folders(text: &str, file: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let beside = file.parent().unwrap_or(Path::new("."));
    let expand = |word: &str| match (word.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(word),
    };
    let (mut base, mut found) = (None::<PathBuf>, Vec::new());
    // The indentation of a key whose folders stand in the lines below it, and whether its kind is wanted.
    let mut listing: Option<(usize, bool)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let words = uncommented(line).trim();
        if words.is_empty() {
            continue;
        }
        if let Some((above, wanted)) = listing {
            if indent > above {
                if wanted {
                    add(&mut found, base.as_deref(), beside, &expand(unquoted(words.trim_start_matches("- "))));
                }
                continue;
            }
            listing = None;
        }
        // A drive's letter has a colon too.
        let Some((key, value)) = words.split_once(": ").or_else(|| words.strip_suffix(':').map(|key| (key, ""))) else {
            continue;
        };
        let (key, value) = (unquoted(key.trim()), unquoted(value.trim()));
        if indent == 0 {
            base = None;
            continue;
        }
        let wanted = KINDS.contains(&key.to_ascii_lowercase().as_str());
        match value {
            "" | "|" | ">" | "|-" | ">-" => listing = Some((indent, wanted)),
            value if key == "base_path" => base = Some(beside.join(expand(value))),
            value if wanted => add(&mut found, base.as_deref(), beside, &expand(value)),
            _ => {}
        }
    }
    found
}

fn add(found: &mut Vec<PathBuf>, base: Option<&Path>, beside: &Path, folder: &Path) {
    let path = base.unwrap_or(beside).join(folder);
    if found.len() < MOST && !folder.as_os_str().is_empty() && !found.contains(&path) {
        found.push(path);
    }
}

/// What stands before a comment: a `#` at the beginning of a line or after a blank, and not in quotes.
fn uncommented(line: &str) -> &str {
    let (mut quote, mut before) = (None, ' ');
    for (at, c) in line.char_indices() {
        let begins = before.is_whitespace();
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') if begins => quote = Some(c),
            (None, '#') if begins => return &line[..at],
            _ => {}
        }
        before = c;
    }
    line
}

fn unquoted(word: &str) -> &str {
    let inner = |quote: char| word.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_comes_with_comfyui_is_understood() {
        let text = "\
#Rename this to extra_model_paths.yaml and ComfyUI will load it
a111:
    base_path: path/to/stable-diffusion-webui/

    checkpoints: models/Stable-diffusion
    configs: models/Stable-diffusion
    vae: models/VAE
    loras: |
         models/Lora
         models/LyCORIS   # both
    upscale_models: |
         models/ESRGAN
    embeddings: embeddings

comfyui:
    base_path: \"~/my # models\"
    is_default: true
    checkpoints: 'checkpoints/'
    custom_nodes: nodes

#other_ui:
#    base_path: path/to/ui
    checkpoints: /absolute
";
        let found = folders(text, Path::new("/apps/ComfyUI/extra_model_paths.yaml"), Some(Path::new("/home/ada")));
        let webui = Path::new("/apps/ComfyUI/path/to/stable-diffusion-webui");
        let mine = Path::new("/home/ada/my # models");
        let expected = [
            webui.join("models/Stable-diffusion"),
            webui.join("models/VAE"),
            webui.join("models/Lora"),
            webui.join("models/LyCORIS"),
            webui.join("embeddings"),
            mine.join("checkpoints"),
            "/absolute".into(),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for text in ["", ":", "a", "a:\n  b", "\u{0}\n::::\n  - - -", "x:\n  loras: |", "x:\n loras:\n  - a\n  - b"] {
            let found = folders(text, Path::new("x.yaml"), None);
            assert_eq!(found.len(), if text.ends_with("- b") { 2 } else { 0 }, "{text:?}: {found:?}");
        }
        let many: String = (0..2000).map(|number| format!(" loras: a{number}\n")).collect();
        assert_eq!(folders(&many, Path::new("x.yaml"), None).len(), MOST);
    }
}
