//! Which of a repository's files Podium needs: one set of weights for each part, its configuration, the tokenizer.

use std::collections::BTreeMap;

use super::error::HubError;
use super::listing::{Listing, Remote};
use super::room;

/// The largest configuration or vocabulary that is taken along.
const MAX_SMALL: u64 = 16 << 20;

/// Which weights to take where a repository has several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Half precision where there is one: half the bytes, and the same pictures to the eye.
    #[default]
    Half,
    /// Full precision where there is one.
    Full,
}

/// What to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The files.
    pub files: Vec<Remote>,
    /// The one that stands for all, in its folder; None: the whole folder does.
    pub main: Option<String>,
}

impl Plan {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size))
    }
}

/// The parts of a model that a render needs.
const PARTS: [&str; 3] = ["unet", "vae", "text_encoder"];
/// Folders of a model whose small files go along.
const SMALL: [&str; 5] = ["unet", "vae", "text_encoder", "tokenizer", "scheduler"];

/// Chooses what to get of a repository.
///
/// # Errors
/// When it has nothing that Podium can use, or several models of which one must be named.
pub fn choose(what: &str, listing: &Listing, precision: Precision) -> Result<Plan, HubError> {
    let unusable = |problem: String| HubError::Unusable { what: what.to_owned(), problem };
    let files = &listing.files;
    let has = |path: &str| files.iter().any(|file| file.path == path);
    if has("unet/config.json") || has("model_index.json") {
        return folder(files, precision).map_err(unusable);
    }
    let here: Vec<&Remote> = files.iter().filter(|file| !file.path.contains('/')).collect();
    let mut sets = sets(&here);
    let stems: Vec<String> = sets.keys().cloned().collect();
    let set = match stems.as_slice() {
        [] => {
            return Err(unusable(
                "there are no weights in it that Podium can read (.safetensors, .ckpt, .pt, .bin); choose another repository"
                    .into(),
            ));
        }
        [stem] => sets.remove(stem).unwrap_or_default(),
        stems => {
            let listed: Vec<String> = stems.iter().take(12).cloned().collect();
            let more = if stems.len() > listed.len() { ", ..." } else { "" };
            return Err(unusable(format!(
                "it holds {} files of weights ({}{more}); name one: org/name/FILE, or paste the file's address",
                stems.len(),
                listed.join(", ")
            )));
        }
    };
    let chosen =
        best(&set, precision).ok_or_else(|| unusable("its weights come in parts of which some are missing".into()))?;
    let main = if chosen.files.len() == 1 { chosen.files.first().map(|file| file.path.clone()) } else { None };
    let mut files = chosen.files.clone();
    let beside = ["config.json", "adapter_config.json"];
    files.extend(
        here.into_iter().filter(|file| beside.contains(&file.path.as_str()) && file.size <= MAX_SMALL).cloned(),
    );
    // A part of a model is its folder, since its configuration lies beside it.
    let main = main.filter(|_| files.len() == 1);
    Ok(Plan { files, main })
}

/// One file that somebody named.
///
/// # Errors
/// When it is not in the repository.
pub fn one(what: &str, listing: &Listing, path: &str) -> Result<Plan, HubError> {
    let file = listing.files.iter().find(|file| file.path == path).ok_or_else(|| HubError::Missing {
        what: what.to_owned(),
        kind: "file",
        advice: "look at the repository's page for its files".into(),
    })?;
    Ok(Plan { files: vec![file.clone()], main: Some(path.to_owned()) })
}

/// A model in diffusers' layout.
fn folder(files: &[Remote], precision: Precision) -> Result<Plan, String> {
    let mut taken: Vec<Remote> = Vec::new();
    for part in PARTS {
        let prefix = format!("{part}/");
        let here: Vec<&Remote> = files
            .iter()
            .filter(|file| file.path.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/')))
            .collect();
        let sets = sets(&here);
        // The usual names first; anything else in the folder is somebody's copy.
        let usual = ["diffusion_pytorch_model", "model", "pytorch_model"];
        let together: Vec<Set> =
            usual.iter().filter_map(|stem| sets.get(&format!("{prefix}{stem}"))).flatten().cloned().collect();
        let chosen = best(&together, precision).ok_or_else(|| {
            format!("there are no weights in its folder {part}, so it is no whole model; choose another repository")
        })?;
        taken.extend(chosen.files.iter().cloned());
        taken.extend(chosen.index.clone());
    }
    let is_small = |file: &&Remote| {
        let inside = SMALL.iter().any(|part| file.path.strip_prefix(part).is_some_and(|rest| rest.starts_with('/')));
        let word = file.path.ends_with(".json") || file.path == "tokenizer/merges.txt";
        let index = file.path.contains(".index.");
        file.size <= MAX_SMALL && word && !index && (inside || file.path == "model_index.json")
    };
    taken.extend(files.iter().filter(is_small).cloned());
    Ok(Plan { files: taken, main: None })
}

/// The weights of a part in one format and precision: one file, or shards with their index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set {
    safetensors: bool,
    /// `fp16`, `non_ema` or the like.
    variant: Option<String>,
    files: Vec<Remote>,
    /// Of how many shards it should be made.
    shards: usize,
    index: Option<Remote>,
}

/// What a file of weights is called: `STEM[.VARIANT][-NNNNN-of-NNNNN].ENDING`, or an index of them.
struct Named {
    stem: String,
    variant: Option<String>,
    shards: usize,
    index: bool,
    safetensors: bool,
}

/// Words between dots that name a variant; any other belongs to the stem (`v1.5`).
const VARIANTS: [&str; 6] = ["fp16", "fp32", "bf16", "non_ema", "ema", "ema_only"];

fn named(path: &str) -> Option<Named> {
    let (path, index) = match path.strip_suffix(".json") {
        Some(rest) => (rest, true),
        None => (path, false),
    };
    let (mut stem, ending) = path.rsplit_once('.')?;
    let mut variant = None;
    if index {
        // X.safetensors.index.json, X.safetensors.index.fp16.json, X.fp16.safetensors.index.json
        let mut rest = path;
        if let Some((before, word)) = rest.rsplit_once('.')
            && VARIANTS.contains(&word)
        {
            (rest, variant) = (before, Some(word.to_owned()));
        }
        let inner = named(rest.strip_suffix(".index")?)?;
        let variant = variant.or(inner.variant);
        return Some(Named { variant, index: true, ..inner });
    }
    if !super::names::is_weights(path) {
        return None;
    }
    let mut shards = 1;
    if let Some((before, count)) = stem.rsplit_once("-of-")
        && let Some((before, number)) = before.rsplit_once('-')
        && let (Ok(count), Ok(_)) = (count.parse(), number.parse::<usize>())
    {
        (stem, shards) = (before, count);
    }
    if let Some((before, word)) = stem.rsplit_once('.')
        && VARIANTS.contains(&word)
    {
        (stem, variant) = (before, Some(word.to_owned()));
    }
    let safetensors = ending.eq_ignore_ascii_case("safetensors");
    // One model in two formats has two names: pytorch_model.bin is model.safetensors.
    Some(Named { stem: stem.to_owned(), variant, shards, index: false, safetensors })
}

/// The sets of weights among files, by stem.
fn sets(files: &[&Remote]) -> BTreeMap<String, Vec<Set>> {
    let mut found: BTreeMap<String, Vec<Set>> = BTreeMap::new();
    for file in files {
        let Some(named) = named(&file.path) else { continue };
        let sets = found.entry(named.stem).or_default();
        let place = sets.iter().position(|set| set.safetensors == named.safetensors && set.variant == named.variant);
        let place = place.unwrap_or_else(|| {
            sets.push(Set { safetensors: named.safetensors, variant: named.variant.clone(), ..Set::default() });
            sets.len() - 1
        });
        let Some(set) = sets.get_mut(place) else { continue };
        if named.index {
            set.index = Some((*file).clone());
        } else if named.shards == 1 || set.shards == 1 {
            // A whole file is rather taken than shards of the same.
            if named.shards == 1 {
                (set.files, set.shards) = (vec![(*file).clone()], 1);
            }
        } else {
            set.files.push((*file).clone());
            set.shards = named.shards;
        }
    }
    found.values_mut().for_each(|sets| sets.retain(|set| !set.files.is_empty()));
    found.retain(|_, sets| !sets.is_empty());
    found
}

/// The best of several sets of the same weights: safetensors rather than pickles, then the precision that is wished,
/// then no variant; never training copies where there is anything else.
fn best(sets: &[Set], precision: Precision) -> Option<&Set> {
    let rank = |set: &&Set| {
        let variant = match (set.variant.as_deref(), precision) {
            (Some("fp16"), Precision::Half) => 0,
            (None | Some("ema" | "ema_only"), _) => 1,
            (Some("fp32"), Precision::Full) => 0,
            (Some("fp16" | "fp32" | "bf16"), _) => 2,
            _ => 3,
        };
        (!set.safetensors, variant)
    };
    sets.iter().filter(|set| set.shards == 1 || set.files.len() == set.shards && set.index.is_some()).min_by_key(rank)
}

/// What a plan takes, in words.
pub fn words(plan: &Plan) -> String {
    let count = plan.files.len();
    format!("{count} {}, {}", if count == 1 { "file" } else { "files" }, room::words(plan.bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::digest::Sum;
    use super::*;

    fn listing(paths: &[&str]) -> Listing {
        let file = |path: &&str| Remote {
            path: (*path).into(),
            size: if path.ends_with(".json") { 100 } else { 1000 },
            sum: Sum::Git(vec![0; 20]),
        };
        Listing { commit: "0".repeat(40), files: paths.iter().map(file).collect() }
    }

    fn chosen(paths: &[&str], precision: Precision) -> Result<Vec<String>, String> {
        let plan = choose("a/b", &listing(paths), precision).map_err(|error| error.to_string())?;
        let mut files: Vec<String> = plan.files.into_iter().map(|file| file.path).collect();
        files.sort();
        Ok(files)
    }

    /// As stable-diffusion-v1-5/stable-diffusion-v1-5 has them.
    const SD15: [&str; 35] = [
        ".gitattributes",
        "README.md",
        "feature_extractor/preprocessor_config.json",
        "model_index.json",
        "safety_checker/config.json",
        "safety_checker/model.fp16.safetensors",
        "safety_checker/model.safetensors",
        "safety_checker/pytorch_model.bin",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.fp16.safetensors",
        "text_encoder/model.safetensors",
        "text_encoder/pytorch_model.bin",
        "text_encoder/pytorch_model.fp16.bin",
        "tokenizer/merges.txt",
        "tokenizer/special_tokens_map.json",
        "tokenizer/tokenizer_config.json",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.bin",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "v1-5-pruned-emaonly.ckpt",
        "v1-5-pruned-emaonly.safetensors",
        "v1-5-pruned.ckpt",
        "v1-5-pruned.safetensors",
        "v1-inference.yaml",
        "vae/config.json",
        "vae/diffusion_pytorch_model.bin",
        "vae/diffusion_pytorch_model.fp16.bin",
        "vae/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ];

    #[test]
    fn of_the_hub_s_own_model_one_set_of_weights_is_taken_with_what_it_needs() {
        let small = [
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "tokenizer/merges.txt",
            "tokenizer/special_tokens_map.json",
            "tokenizer/tokenizer_config.json",
            "tokenizer/vocab.json",
            "unet/config.json",
            "vae/config.json",
        ];
        for (precision, variant) in [(Precision::Half, ".fp16"), (Precision::Full, "")] {
            let mut expected: Vec<String> = small.iter().map(|path| (*path).to_owned()).collect();
            expected.push(format!("unet/diffusion_pytorch_model{variant}.safetensors"));
            expected.push(format!("vae/diffusion_pytorch_model{variant}.safetensors"));
            expected.push(format!("text_encoder/model{variant}.safetensors"));
            expected.sort();
            assert_eq!(chosen(&SD15, precision), Ok(expected));
        }
    }

    #[test]
    fn pickles_are_taken_where_there_is_nothing_else_and_shards_with_their_index() {
        let files = [
            "model_index.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
            "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.json",
            "vae/diffusion_pytorch_model.bin",
            "text_encoder/pytorch_model.bin",
        ];
        assert_eq!(chosen(&files, Precision::Half).unwrap().len(), 7);
        let incomplete: Vec<&str> = files.iter().copied().filter(|path| !path.contains("00002-of")).collect();
        assert!(chosen(&incomplete, Precision::Half).unwrap_err().contains("folder unet"));
        let index = named("a/x.safetensors.index.fp16.json").unwrap();
        assert_eq!((index.stem.as_str(), index.variant.as_deref(), index.index), ("a/x", Some("fp16"), true));
    }

    #[test]
    fn a_repository_of_one_file_gives_it_and_one_of_several_asks_which() {
        let plan = |paths: &[&str]| choose("a/b", &listing(paths), Precision::Half);
        let lora = plan(&["README.md", "pytorch_lora_weights.safetensors", "x.png"]).unwrap();
        assert_eq!(lora.main.as_deref(), Some("pytorch_lora_weights.safetensors"));
        let both = plan(&["model_v1.5.ckpt", "model_v1.5.safetensors", "model_v1.5.fp16.safetensors"]).unwrap();
        assert_eq!(both.main.as_deref(), Some("model_v1.5.fp16.safetensors"));
        let vae = plan(&["config.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.safetensors"]).unwrap();
        assert_eq!((vae.main, vae.files.len()), (None, 2));
        let several = plan(&["a.safetensors", "b.safetensors"]).unwrap_err().to_string();
        assert!(several.contains("a, b") && several.contains("org/name/FILE"), "{several}");
        let none = plan(&["README.md"]).unwrap_err().to_string();
        assert!(none.contains("no weights"), "{none}");
    }

    #[test]
    fn a_named_file_is_taken_alone_and_a_missing_one_said() {
        let list = listing(&["a/b.pt", "c.pt"]);
        assert_eq!(one("x", &list, "a/b.pt").unwrap().main.as_deref(), Some("a/b.pt"));
        assert!(one("x", &list, "d.pt").unwrap_err().to_string().contains("no such file"));
        assert_eq!(words(&one("x", &list, "c.pt").unwrap()), "1 file, 1 kB");
    }
}
