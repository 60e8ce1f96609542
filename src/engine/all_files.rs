//! Which files on disk make up a model, an autoencoder or a concept: what has to be copied for it to read the same elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::adapters;
use super::error::Result;
use super::model_files::ModelFiles;

/// The small files that are read of a model, where they are there, and its licence.
const SMALL: [&str; 13] = [
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "unet/config.json",
    "vae/config.json",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/special_tokens_map.json",
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
];

/// Files that read the same wherever they lie, as long as they lie to each other as they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Together {
    /// The folder that all lie in or below.
    pub root: PathBuf,
    /// What a project names of them, from there; empty where that is the folder itself.
    pub name: PathBuf,
    /// All of them from there, in the order of their paths, each once.
    pub files: Vec<PathBuf>,
}

impl Together {
    /// A single file.
    pub fn one(path: &Path) -> Self {
        Self::of(path, [path.to_owned()])
    }

    /// What is named, and the files that belong to it; those that lie elsewhere are none of them.
    fn of(path: &Path, files: impl IntoIterator<Item = PathBuf>) -> Self {
        let (root, name) = match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) if !path.is_dir() => (folder.to_owned(), PathBuf::from(name)),
            _ => (path.to_owned(), PathBuf::new()),
        };
        let below = files.into_iter().filter_map(|file| file.strip_prefix(&root).ok().map(Path::to_owned));
        let files: BTreeSet<PathBuf> = below.filter(|file| !file.as_os_str().is_empty()).collect();
        Self { root, name, files: files.into_iter().collect() }
    }
}

/// What a render reads of a model: of a folder's variants those that it takes. `with_vae` is whether the model's own
/// autoencoder is used; one that is not is left out where it lies beside a file, and taken along where it is there.
///
/// # Errors
/// When the weights of one of its parts are not there, or their list cannot be understood.
pub fn of_model(path: &Path, with_vae: bool) -> Result<Together> {
    let model = ModelFiles::at(path.to_owned());
    let mut files: Vec<PathBuf> = SMALL.iter().filter_map(|name| model.on_disk(name)).collect();
    if let ModelFiles::File(file) = &model {
        files.push(file.clone());
        files.extend(["yaml", "yml"].map(|ending| file.with_extension(ending)));
        files.extend(model.vae().filter(|_| with_vae));
    } else {
        for part in ["text_encoder", "unet", "vae"] {
            match weights(&model, part) {
                Ok(found) => files.extend(found),
                Err(_) if part == "vae" && !with_vae => {}
                Err(error) => return Err(error),
            }
        }
    }
    // What must be there was found; of a single file that is not, its reader says it.
    files.retain(|file| file.is_file() || file == path);
    Ok(Together::of(path, files))
}

/// What a render reads of an autoencoder that is not its model's own: a file, or a folder as diffusers writes it.
///
/// # Errors
/// As [`of_model`].
pub fn of_vae(path: &Path) -> Result<Together> {
    if !path.is_dir() {
        return Ok(Together::one(path));
    }
    let inside = path.join("vae");
    let folder = if inside.is_dir() { inside } else { path.to_owned() };
    let part = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut files = weights(&ModelFiles::Folder(folder.parent().map(Path::to_owned).unwrap_or_default()), &part)?;
    files.extend(Some(folder.join("config.json")).filter(|config| config.is_file()));
    Ok(Together::of(path, files))
}

/// What is read of a concept's or style's file or folder: settings and notes beside it too, and the picture that shows it.
pub fn of_adapter(path: &Path) -> Together {
    let picture = if path.is_dir() { None } else { adapters::preview_picture(path) };
    let beside = adapters::looked_at(path).into_iter().chain(picture).filter(|file| file.is_file());
    Together::of(path, beside)
}

/// The files with the weights of a part of a folder, and their list where there are several.
fn weights(model: &ModelFiles, part: &str) -> Result<Vec<PathBuf>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let chosen = model.weights(part)?;
    let mut names = BTreeSet::from([chosen.path.clone()]);
    if chosen.is_index {
        let Index { weight_map } = model.json(&chosen.path)?;
        // What leads out of the folder is refused by whoever reads it.
        let shards = weight_map.into_values().filter(|name| !name.contains(['/', '\\']) && name != "..");
        names.extend(shards.map(|name| format!("{part}/{name}")));
    }
    Ok(names.iter().filter_map(|name| model.on_disk(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().expect("has one")).expect("created");
            std::fs::write(path, b"{}").expect("written");
        }
    }

    fn names(together: &Together) -> Vec<String> {
        together.files.iter().map(|file| file.to_string_lossy().replace('\\', "/")).collect()
    }

    #[test]
    fn of_a_model_s_folder_what_a_render_reads_is_taken_and_nothing_else() {
        let folder = tempfile::tempdir().expect("temporary");
        let used = [
            "LICENSE.md",
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/model.safetensors",
            "tokenizer/merges.txt",
            "tokenizer/vocab.json",
            "unet/a-1.safetensors",
            "unet/a-2.safetensors",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors.index.json",
            "vae/diffusion_pytorch_model.safetensors",
        ];
        write(folder.path(), &used);
        let index = r#"{"weight_map": {"x": "a-1.safetensors", "y": "a-2.safetensors", "z": "../secret"}}"#;
        std::fs::write(folder.path().join(used[9]), index).expect("written");
        write(
            folder.path(),
            &["text_encoder/model.fp16.safetensors", "safety_checker/model.safetensors", "sample.png"],
        );
        let found = of_model(folder.path(), true).expect("whole");
        assert_eq!(
            (names(&found), &found.root, found.name),
            (used.map(str::to_owned).to_vec(), &folder.path().to_owned(), "".into())
        );
        // Without an autoencoder it is whole only where another is used.
        std::fs::remove_dir_all(folder.path().join("vae")).expect("removed");
        assert_eq!(names(&of_model(folder.path(), false).expect("whole")), used[..10]);
        assert!(of_model(folder.path(), true).is_err());
    }

    #[test]
    fn a_model_s_file_takes_along_what_is_read_beside_it() {
        let folder = tempfile::tempdir().expect("temporary");
        write(
            folder.path(),
            &["a.ckpt", "a.yaml", "a.vae.pt", "a/unet/config.json", "a/tokenizer/vocab.json", "b.ckpt", "b.json"],
        );
        let file = folder.path().join("a.ckpt");
        let found = of_model(&file, true).expect("there");
        assert_eq!(names(&found), ["a/tokenizer/vocab.json", "a/unet/config.json", "a.ckpt", "a.vae.pt", "a.yaml"]);
        assert_eq!((found.root.as_path(), found.name.to_str()), (folder.path(), Some("a.ckpt")));
        assert!(!names(&of_model(&file, false).expect("there")).contains(&"a.vae.pt".to_owned()));
        assert_eq!(names(&of_model(&folder.path().join("b.ckpt"), true).expect("there")), ["b.ckpt"]);
    }

    #[test]
    fn an_autoencoder_is_a_file_or_what_is_read_of_its_folder() {
        let folder = tempfile::tempdir().expect("temporary");
        write(
            folder.path(),
            &["v/config.json", "v/diffusion_pytorch_model.safetensors", "v/other.txt", "m/vae/model.bin"],
        );
        assert_eq!(
            names(&of_vae(&folder.path().join("v")).expect("whole")),
            ["config.json", "diffusion_pytorch_model.safetensors"]
        );
        assert_eq!(names(&of_vae(&folder.path().join("m")).expect("whole")), ["vae/model.bin"]);
        let file = of_vae(&folder.path().join("v/other.txt")).expect("a file");
        assert_eq!((names(&file), file.root), (vec!["other.txt".to_owned()], folder.path().join("v")));
    }

    #[test]
    fn a_concept_takes_its_notes_and_its_picture_along() {
        let folder = tempfile::tempdir().expect("temporary");
        write(
            folder.path(),
            &[
                "tom.pth",
                "tom.json",
                "tom.preview.png",
                "rex.pth",
                "p/adapter_config.json",
                "p/adapter_model.safetensors",
            ],
        );
        assert_eq!(names(&of_adapter(&folder.path().join("tom.pth"))), ["tom.json", "tom.preview.png", "tom.pth"]);
        let found = of_adapter(&folder.path().join("p"));
        assert_eq!(
            (names(&found), found.root),
            (vec!["adapter_config.json".into(), "adapter_model.safetensors".into()], folder.path().join("p"))
        );
    }
}
