//! What a model's files say of how it is to be used, beside their configuration: no shape of a tensor shows it.

use std::path::Path;

use super::error::Result;
use super::tensors::TensorFile;
use super::weights::ModelFiles;
use crate::project::settings::Prediction;

/// The most bytes of a configuration beside a model that are read.
const MOST: u64 = 1 << 20;

/// What was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What the network predicts.
    pub prediction: Option<Prediction>,
    /// Whether the last timestep is noise alone.
    pub zero_snr: bool,
    /// What said so, in words.
    pub by: Option<String>,
}

/// What a single file says by tensors that are there for it (`v_pred`, `ztsnr`) or in its metadata, or what a `.yaml`
/// beside it says. Of a folder the scheduler's configuration says all.
///
/// # Errors
/// When the model's file cannot be read.
pub fn told(files: &ModelFiles) -> Result<Told> {
    match files.model() {
        ModelFiles::File(path) if path.is_file() => Ok(of_file(&TensorFile::open(path)?, path)),
        _ => Ok(Told::default()),
    }
}

fn of_file(file: &TensorFile, path: &Path) -> Told {
    let zero_snr = file.tensor("ztsnr").is_some();
    if file.tensor("v_pred").is_some() {
        return Told { prediction: Some(Prediction::Velocity), zero_snr, by: Some("its tensor `v_pred`".into()) };
    }
    let key = "modelspec.prediction_type";
    if let Some(prediction) = file.metadata().get(key).and_then(|said| in_words(said)) {
        return Told { prediction: Some(prediction), zero_snr, by: Some(format!("its metadata `{key}`")) };
    }
    for ending in ["yaml", "yml"] {
        let beside = path.with_extension(ending);
        if let Some(prediction) = small_text(&beside).as_deref().and_then(parameterization) {
            let name = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Told { prediction: Some(prediction), zero_snr, by: Some(format!("{name} beside it")) };
        }
    }
    Told { prediction: None, zero_snr, by: None }
}

fn in_words(said: &str) -> Option<Prediction> {
    match said.trim().trim_matches(['"', '\'']) {
        "v" | "v_prediction" | "v-prediction" | "v_pred" => Some(Prediction::Velocity),
        "epsilon" | "eps" => Some(Prediction::Noise),
        _ => None,
    }
}

/// `model.params.parameterization` of a configuration of Stable Diffusion's own code. It stands on a line of its own, and
/// no other line of such a file begins so.
fn parameterization(text: &str) -> Option<Prediction> {
    let line = |line: &str| {
        line.trim().strip_prefix("parameterization:").map(|value| value.split('#').next().unwrap_or("").to_owned())
    };
    text.lines().find_map(line).as_deref().and_then(in_words)
}

fn small_text(path: &Path) -> Option<String> {
    let about = std::fs::metadata(path).ok()?;
    if !about.is_file() || about.len() > MOST {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    fn model(tensors: &[&str], prediction_type: Option<&str>, yaml: Option<&str>) -> Told {
        let folder = tempfile::tempdir().expect("temporary");
        let path = folder.path().join("model.v2.safetensors");
        let data = [0; 4];
        let view = || TensorView::new(safetensors::Dtype::F32, vec![1], &data).expect("a view");
        let tensors = tensors.iter().chain(&["weight"]).map(|name| (*name, view()));
        let metadata = prediction_type.map(|value| [("modelspec.prediction_type".to_owned(), value.to_owned())].into());
        safetensors::serialize_to_file(tensors, metadata, &path).expect("written");
        if let Some(yaml) = yaml {
            std::fs::write(folder.path().join("model.v2.yaml"), yaml).expect("written");
        }
        told(&ModelFiles::File(path)).expect("readable")
    }

    #[test]
    fn tensors_metadata_and_a_configuration_beside_say_what_is_predicted() {
        const V: &str = "model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n    parameterization: \"v\" # as trained\n";
        let found = model(&["v_pred", "ztsnr"], Some("epsilon"), None);
        assert_eq!((found.prediction, found.zero_snr), (Some(Prediction::Velocity), true));
        assert_eq!(found.by.as_deref(), Some("its tensor `v_pred`"));
        let found = model(&[], Some("v"), None);
        assert_eq!((found.prediction, found.zero_snr), (Some(Prediction::Velocity), false));
        let found = model(&[], None, Some(V));
        assert_eq!(found.prediction, Some(Prediction::Velocity));
        assert_eq!(found.by.as_deref(), Some("model.v2.yaml beside it"));
        assert_eq!(model(&[], None, Some(&V.replace("\"v\"", "eps"))).prediction, Some(Prediction::Noise));
        for told in
            [model(&[], None, None), model(&[], Some("None"), Some("parameterization:\n")), model(&[], None, Some("{"))]
        {
            assert_eq!(told, Told::default());
        }
        assert_eq!(told(&ModelFiles::BuiltIn).expect("built in"), Told::default());
    }
}
