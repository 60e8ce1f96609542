//! The parts of a model, loaded together.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::ddim::Schedule;
use super::error::{EngineError, Result};
use super::family;
use super::nets::clip::{ClipConfig, TextEncoder};
use super::nets::tokenizer::Tokenizer;
use super::nets::unet::{Unet, UnetConfig};
use super::nets::vae::{Vae, VaeConfig};
use super::weights::{Checkpoint, Holding, LoadProgress, ModelFiles, load_part};
use crate::project::{Canvas, Project};

/// Everything a render needs of a model. A copy shares its weights.
#[derive(Clone)]
pub struct Models {
    /// Where it came from.
    pub files: ModelFiles,
    /// Prompts to ids.
    pub tokenizer: Arc<Tokenizer>,
    /// Ids to contexts.
    pub text_encoder: TextEncoder,
    /// The noise predictor.
    pub unet: Unet,
    /// Pictures to latents and back.
    pub vae: Vae,
    /// The noise schedule.
    pub schedule: Schedule,
    /// Where the weights are.
    pub device: Device,
    /// A hash of all weights and configurations, to key caches by.
    pub fingerprint: blake3::Hash,
}

impl Models {
    /// Loads a model in diffusers' layout. `progress` is told of every tensor and may stop the loading by an error.
    ///
    /// # Errors
    /// When a file is missing or broken, or weights and configuration do not belong together.
    pub fn load(
        files: &ModelFiles,
        device: &Device,
        progress: &mut dyn FnMut(LoadProgress) -> Result<()>,
    ) -> Result<Self> {
        let holding = Holding::on(device);
        let (unet_weights, Configs { text: text_config, unet: unet_config, vae: vae_config }) = recognised(files)?;
        let schedule = Schedule::load(files)?;
        let tokenizer = Arc::new(Tokenizer::load(files, text_config.max_position_embeddings)?);
        let text_file = files.name("text_encoder/config.json");
        let largest = tokenizer.largest_id() as usize;
        if largest >= text_config.vocab_size {
            let what = format!(
                "vocab_size {}, where the tokenizer has words up to number {largest}; they do not belong together",
                text_config.vocab_size
            );
            return Err(EngineError::Unsupported { file: text_file, what });
        }
        let mut hasher = blake3::Hasher::new();
        for path in ["text_encoder", "unet", "vae"] {
            hasher.update(&files.read(&format!("{path}/config.json"))?);
        }
        schedule.add_to(&mut hasher);

        let checkpoint = Checkpoint::open(files, "text_encoder")?;
        let text_encoder = load_part(&checkpoint, "text_encoder", device, holding, progress, |weights| {
            TextEncoder::load(weights, text_config.clone(), device, &text_file)
        })?;
        hasher.update(checkpoint.digest().as_bytes());
        let checkpoint = unet_weights;
        let unet = load_part(&checkpoint, "unet", device, holding, progress, |weights| {
            Unet::load(weights, unet_config.clone(), device)
        })?;
        hasher.update(checkpoint.digest().as_bytes());
        let checkpoint = Checkpoint::open(files, "vae")?;
        let vae =
            load_part(&checkpoint, "vae", device, holding, progress, |weights| Vae::load(weights, vae_config.clone()))?;
        hasher.update(checkpoint.digest().as_bytes());
        Ok(Self {
            files: files.clone(),
            tokenizer,
            text_encoder,
            unet,
            vae,
            schedule,
            device: device.clone(),
            fingerprint: hasher.finalize(),
        })
    }

    /// The same model, used as a project says: what it predicts, from which layer the prompts are taken.
    ///
    /// # Errors
    /// When the text encoder has not as many layers, or the canvas is not divisible as the networks need it.
    pub fn as_told(&self, project: &Project) -> Result<Self> {
        let settings = &project.settings;
        let multiple = self.vae.config.factor() * self.unet.config.latent_multiple();
        let Canvas { width, height } = project.canvas;
        if [width, height].iter().any(|side| !(*side as usize).is_multiple_of(multiple)) {
            let what =
                format!("the canvas has {width} x {height} pixels, and this model needs multiples of {multiple}");
            return Err(EngineError::Job(what));
        }
        let layers = self.text_encoder.config.num_hidden_layers;
        let skip = settings.clip_skip as usize;
        if !(1..=layers).contains(&skip) {
            let what =
                format!("clip skip {skip}, and this model's text encoder has {layers} layers; set 1 to {layers}");
            return Err(EngineError::Job(what));
        }
        let mut models = self.clone();
        models.schedule = self.schedule.predicting(settings.prediction);
        models.text_encoder = self.text_encoder.skipping(skip - 1);
        // Inversions depend on both.
        if skip > 1 || models.schedule != self.schedule {
            let mut hasher = blake3::Hasher::new();
            hasher.update(self.fingerprint.as_bytes()).update(&settings.clip_skip.to_le_bytes());
            models.schedule.add_to(&mut hasher);
            models.fingerprint = hasher.finalize();
        }
        Ok(models)
    }

    /// The noise that a prediction of the network's stands for, for latents at a timestep.
    ///
    /// # Shapes
    /// Both `[rows, channels, h, w]`, which it returns too.
    pub fn noise_of(&self, predicted: Tensor<4>, latents: &Tensor<4>, timestep: usize) -> Tensor<4> {
        match self.schedule.to_noise(timestep) {
            Some(to_noise) => latents.clone() * to_noise.latent + predicted * to_noise.noise,
            None => predicted,
        }
    }
}

/// The side of the pictures that a model was trained on, in pixels, where its configurations say it.
pub fn picture_side(unet: &UnetConfig, vae: &VaeConfig) -> Option<u32> {
    unet.sample_size().and_then(|cells| u32::try_from(cells * vae.factor()).ok())
}

/// A model's configurations.
pub struct Configs {
    /// The text encoder's.
    pub text: ClipConfig,
    /// The UNet's.
    pub unet: UnetConfig,
    /// The autoencoder's.
    pub vae: VaeConfig,
}

/// Finds out whether a model is one that runs, before any of its weights are read. Gives its UNet's list of tensors, and its
/// configurations, which go together.
///
/// # Errors
/// Says which other kind of model it is, or names the file and the setting.
pub fn recognised(files: &ModelFiles) -> Result<(Checkpoint, Configs)> {
    family::check_index(files)?;
    let text: ClipConfig = files.json("text_encoder/config.json")?;
    // By its tensors first: what another kind of model has in its configuration matters little.
    let weights = Checkpoint::open(files, "unet")?;
    let (unet, vae) = (files.json("unet/config.json")?, files.json("vae/config.json")?);
    let configs = Configs { text, unet, vae };
    check(files, &configs)?;
    Ok((weights, configs))
}

/// Checks the configurations, each by itself and against each other.
fn check(files: &ModelFiles, Configs { text, unet, vae }: &Configs) -> Result<()> {
    let [text_file, unet_file, vae_file] =
        ["text_encoder/config.json", "unet/config.json", "vae/config.json"].map(|path| files.name(path));
    text.check(&text_file)?;
    unet.check(&unet_file)?;
    vae.check(&vae_file)?;
    let refuse = |file: String, what: String| Err(EngineError::Unsupported { file, what });
    if unet.in_channels != vae.latent_channels {
        let (unet, vae) = (unet.in_channels, vae.latent_channels);
        return refuse(
            unet_file,
            format!(
                "in_channels {unet}, and the autoencoder's latent has {vae}; one of the two belongs to another model"
            ),
        );
    }
    if unet.cross_attention_dim != text.hidden_size {
        let what = format!(
            "cross_attention_dim {}, and the text encoder is {} wide; one of the two belongs to another model",
            unet.cross_attention_dim, text.hidden_size
        );
        return refuse(unet_file, what);
    }
    Ok(())
}
