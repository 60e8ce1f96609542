//! Where a model's files are, and which of several that would do are taken.

use std::path::{Path, PathBuf};

use super::error::{EngineError, Result};

/// How files of tensors end that hold a whole model or a part of one.
const ENDINGS: [&str; 5] = ["safetensors", "ckpt", "pt", "pth", "bin"];

/// Where a model's files are: a folder on disk, a file, or the files built into the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelFiles {
    /// A folder in diffusers' layout.
    Folder(PathBuf),
    /// One file in the layout of Stable Diffusion's own code, safetensors or torch's. Its configuration and tokenizer are
    /// those in a folder of its name beside it, or in its own folder, laid out as diffusers does; where neither has any,
    /// they are Stable Diffusion 1.5's.
    File(PathBuf),
    /// The miniature that comes with the program.
    BuiltIn,
    /// A model with another autoencoder than its own.
    With {
        /// The model.
        model: Box<ModelFiles>,
        /// The autoencoder: a file in either layout, or a folder as diffusers writes it.
        vae: PathBuf,
    },
}

/// The file that holds a part's weights, and what else would have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The file, or the list of the files that it is cut into.
    pub path: String,
    /// Whether it is such a list.
    pub is_index: bool,
    /// The others, which are left aside.
    pub others: Vec<String>,
}

impl ModelFiles {
    /// The model at a path: one file where that ends as such files do, else a folder. The disk is not asked, so that a
    /// window may ask this at any time.
    pub fn at(path: PathBuf) -> Self {
        if has_ending(&path, &ENDINGS) { Self::File(path) } else { Self::Folder(path) }
    }

    /// The model with another autoencoder; with its own where there is none.
    #[must_use]
    pub fn with_vae(self, vae: Option<PathBuf>) -> Self {
        match vae {
            Some(vae) => Self::With { model: Box::new(self), vae },
            None => self,
        }
    }

    /// The model itself, whatever its autoencoder.
    pub fn model(&self) -> &Self {
        match self {
            Self::With { model, .. } => model.model(),
            plain => plain,
        }
    }

    /// Where it lies; None where that is the program itself.
    pub fn path(&self) -> Option<&Path> {
        match self.model() {
            Self::Folder(path) | Self::File(path) => Some(path),
            Self::BuiltIn | Self::With { .. } => None,
        }
    }

    /// The file or folder of the autoencoder where it is not the model's own: the one chosen, or one that lies beside a
    /// single file under its name, as in `model.vae.pt`.
    pub fn vae(&self) -> Option<PathBuf> {
        match self {
            Self::With { vae, .. } => Some(vae.clone()),
            Self::File(file) => {
                let beside =
                    |ending: &&str| Some(file.with_extension(format!("vae.{ending}"))).filter(|path| path.is_file());
                ENDINGS.iter().find_map(beside)
            }
            Self::Folder(_) | Self::BuiltIn => None,
        }
    }

    /// Where the small files are.
    fn settings(&self, path: &str) -> Settings {
        if let Self::With { vae, model } = self {
            // A folder's own configuration goes with its weights; a whole model's folder has it one deeper.
            let own =
                |name: &str| [vae.clone(), vae.join("vae")].into_iter().find(|folder| folder.join(name).is_file());
            return match path.strip_prefix("vae/").and_then(own) {
                Some(folder) => Settings::Vae(folder),
                None => model.settings(path),
            };
        }
        match self {
            Self::Folder(folder) => Settings::Folder(folder.clone()),
            Self::File(file) => {
                let beside = [Some(file.with_extension("")), file.parent().map(Path::to_owned)];
                let holds = |folder: &PathBuf| folder.join("unet/config.json").is_file();
                beside.into_iter().flatten().find(holds).map_or(Settings::BuiltIn("sd15"), Settings::Folder)
            }
            Self::BuiltIn | Self::With { .. } => Settings::BuiltIn("miniature"),
        }
    }

    /// How messages name a file of this model.
    pub fn name(&self, path: &str) -> String {
        match self.settings(path) {
            Settings::BuiltIn(model) => format!("built-in {model}/{path}"),
            settings => settings.on_disk(path).map(|file| file.display().to_string()).unwrap_or_default(),
        }
    }

    /// The file on disk; none where it is built in.
    pub fn on_disk(&self, path: &str) -> Option<PathBuf> {
        self.settings(path).on_disk(path)
    }

    /// The file's bytes where it is built in.
    pub fn built_in(&self, path: &str) -> Option<&'static [u8]> {
        match self.settings(path) {
            Settings::BuiltIn(model) => crate::assets::find(&format!("{model}/{path}")),
            _ => None,
        }
    }

    /// Whether the file exists.
    pub fn has(&self, path: &str) -> bool {
        self.on_disk(path).is_some_and(|file| file.is_file()) || self.built_in(path).is_some()
    }

    /// Reads a small file whole.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        /// Vocabularies are the largest of them, with some three million bytes.
        const MOST: u64 = 100_000_000;
        let Some(file) = self.on_disk(path) else {
            let missing = || EngineError::NotAModel { path: "the program".into(), what: path.into() };
            return self.built_in(path).map(<[u8]>::to_vec).ok_or_else(missing);
        };
        if !file.is_file() {
            return Err(self.missing(path));
        }
        let read = |source| EngineError::Read { path: file.clone(), source };
        let length = std::fs::metadata(&file).map_err(read)?.len();
        if length > MOST {
            let what = format!("has {length} bytes, and such files have a few thousand; fetch the model again");
            return Err(EngineError::Malformed { file: file.display().to_string(), what });
        }
        std::fs::read(&file).map_err(read)
    }

    /// That a file is not there.
    fn missing(&self, what: &str) -> EngineError {
        let path = self.path().unwrap_or(Path::new("")).to_owned();
        if path.is_file() && matches!(self.model(), Self::Folder(_)) {
            let what = "is a file, and those of models end in .safetensors, .ckpt or .pt; if it is one, rename it, else \
                        choose a model's folder as diffusers writes it";
            return EngineError::Malformed { file: path.display().to_string(), what: what.into() };
        }
        EngineError::NotAModel { path, what: what.into() }
    }

    /// Reads a JSON file into `T`.
    ///
    /// # Errors
    /// When the file is missing or is not the JSON that `T` needs.
    pub fn json<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        serde_json::from_slice(&self.read(path)?).map_err(|error| EngineError::Malformed {
            file: self.name(path),
            what: format!("cannot be understood: {error}"),
        })
    }

    /// The file with a part's weights in a folder as diffusers writes it. Of several the first of these is taken: plain
    /// safetensors before torch's files; all bits before half of them, since Podium computes in f32; the averaged weights
    /// (EMA), which make the better pictures, before those that training goes on from (`non_ema`). The part `""` is what lies
    /// in the folder itself, as transformers writes models of one part.
    ///
    /// # Errors
    /// When there is none.
    pub fn weights(&self, part: &str) -> Result<Chosen> {
        let stems: &[&str] = if ["text_encoder", ""].contains(&part) {
            &["model", "pytorch_model"]
        } else {
            &["diffusion_pytorch_model", "model"]
        };
        let mut found = Vec::new();
        for ending in ["safetensors", "bin"] {
            for variant in ["", ".fp16", ".bf16", ".non_ema"] {
                for stem in stems {
                    let file = within(part, &format!("{stem}{variant}.{ending}"));
                    let list = within(part, &format!("{stem}.{ending}.index{variant}.json"));
                    let lists = [list, format!("{file}.index.json")];
                    found.extend([(file, false)].into_iter().filter(|(path, _)| self.has(path)));
                    let list =
                        lists.into_iter().find(|path| self.has(path) && !found.iter().any(|(known, _)| known == path));
                    found.extend(list.map(|path| (path, true)));
                }
            }
        }
        let mut found = found.into_iter();
        let Some((path, is_index)) = found.next() else {
            let what = within(part, &format!("{}.safetensors", stems[0]));
            return Err(self.missing(&what));
        };
        Ok(Chosen { path, is_index, others: found.map(|(path, _)| path).collect() })
    }
}

/// The path of a file of a part; the part `""` is the folder itself.
pub(super) fn within(part: &str, name: &str) -> String {
    if part.is_empty() { name.to_owned() } else { format!("{part}/{name}") }
}

enum Settings {
    Folder(PathBuf),
    /// An autoencoder's folder: what the model has below `vae/`, it has in itself.
    Vae(PathBuf),
    /// Below `assets/`.
    BuiltIn(&'static str),
}

impl Settings {
    fn on_disk(&self, path: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(path)),
            Self::Vae(folder) => Some(folder.join(path.strip_prefix("vae/").unwrap_or(path))),
            Self::BuiltIn(_) => None,
        }
    }
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|ending| found.eq_ignore_ascii_case(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> (tempfile::TempDir, ModelFiles) {
        let folder = tempfile::tempdir().expect("temporary");
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("has one")).expect("created");
            std::fs::write(path, b"{}").expect("written");
        }
        let files = ModelFiles::Folder(folder.path().to_owned());
        (folder, files)
    }

    #[test]
    fn of_several_files_the_right_one_is_taken_and_the_others_are_named() {
        let all = [
            "unet/diffusion_pytorch_model.non_ema.safetensors",
            "unet/diffusion_pytorch_model.bin",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.json",
            "unet/diffusion_pytorch_model.safetensors",
        ];
        // Without the best, the next is taken.
        for (left, best) in [(5, 4), (4, 3), (3, 2), (2, 0), (1, 0)] {
            let (_folder, files) = folder_with(&all[..left]);
            let chosen = files.weights("unet").expect("there");
            assert_eq!((chosen.path.as_str(), chosen.others.len()), (all[best], left - 1), "{chosen:?}");
            assert_eq!(chosen.is_index, chosen.path.ends_with(".json"));
            assert!(chosen.others.iter().all(|other| all.contains(&other.as_str()) && *other != chosen.path));
        }
        let (_folder, files) = folder_with(&["text_encoder/pytorch_model.bin", "text_encoder/model.fp16.safetensors"]);
        assert_eq!(files.weights("text_encoder").expect("there").path, "text_encoder/model.fp16.safetensors");
        for list in
            ["unet/diffusion_pytorch_model.safetensors.index.fp16.json", "unet/diffusion_pytorch_model.bin.index.json"]
        {
            let (_folder, files) = folder_with(&[list]);
            assert_eq!(
                files.weights("unet").expect("there"),
                Chosen { path: list.into(), is_index: true, others: vec![] }
            );
        }
        let (_folder, files) = folder_with(&["unet/other.safetensors"]);
        let error = files.weights("unet").expect_err("none").to_string();
        assert!(error.contains("no unet/diffusion_pytorch_model.safetensors here"), "{error}");
    }

    #[test]
    fn a_path_is_a_file_where_it_ends_as_one() {
        for name in ["a.safetensors", "a.CKPT", "a.pt", "dir.x/a.bin"] {
            assert_eq!(ModelFiles::at(name.into()), ModelFiles::File(name.into()));
        }
        for name in ["a", "stable-diffusion-v1.5"] {
            assert_eq!(ModelFiles::at(name.into()), ModelFiles::Folder(name.into()));
        }
    }

    #[test]
    fn an_autoencoder_s_own_configuration_goes_with_it_and_everything_else_stays() {
        let (folder, _) = folder_with(&["config.json", "diffusion_pytorch_model.safetensors"]);
        let files = ModelFiles::BuiltIn.with_vae(Some(folder.path().to_owned()));
        assert_eq!(files.on_disk("vae/config.json"), Some(folder.path().join("config.json")));
        assert!(files.has("unet/config.json") && files.on_disk("unet/config.json").is_none());
        assert_eq!((files.path(), files.vae()), (None, Some(folder.path().to_owned())));
        // A single file has no configuration, so that the model's is used.
        let files = ModelFiles::BuiltIn.with_vae(Some("/a/vae.pt".into()));
        assert!(files.on_disk("vae/config.json").is_none() && files.has("vae/config.json"));
        assert_eq!(ModelFiles::BuiltIn.with_vae(None), ModelFiles::BuiltIn);
    }

    #[test]
    fn an_autoencoder_beside_a_single_file_is_taken() {
        let (folder, _) = folder_with(&["a.ckpt", "a.vae.pt", "b.safetensors"]);
        let vae = |name: &str| ModelFiles::File(folder.path().join(name)).vae();
        assert_eq!((vae("a.ckpt"), vae("b.safetensors")), (Some(folder.path().join("a.vae.pt")), None));
    }
}
