//! The parts of a model, loaded together.

use burn::tensor::{DType, Device};

use super::ddim::Schedule;
use super::error::Result;
use super::nets::clip::{ClipConfig, TextEncoder};
use super::nets::tokenizer::Tokenizer;
use super::nets::unet::{Unet, UnetConfig};
use super::nets::vae::{Vae, VaeConfig};
use super::weights::{Checkpoint, LoadProgress, ModelFiles, load_part};

/// Everything a render needs of a model.
pub struct Models {
    /// Where it came from.
    pub files: ModelFiles,
    /// Prompts to ids.
    pub tokenizer: Tokenizer,
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
    /// A hash of all weights, to key caches by.
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
        let dtype = DType::F32;
        let text_config: ClipConfig = files.json("text_encoder/config.json")?;
        let unet_config: UnetConfig = files.json("unet/config.json")?;
        let vae_config: VaeConfig = files.json("vae/config.json")?;
        unet_config.check(&files.name("unet/config.json"))?;
        vae_config.check(&files.name("vae/config.json"))?;
        let schedule = Schedule::load(files)?;
        let tokenizer = Tokenizer::load(files, text_config.max_position_embeddings)?;
        let mut hasher = blake3::Hasher::new();

        let checkpoint = Checkpoint::open(files, "text_encoder", &["model"])?;
        let text_file = files.name("text_encoder/config.json");
        let text_encoder = load_part(&checkpoint, "text_encoder", device, dtype, progress, |weights| {
            TextEncoder::load(weights, text_config, device, &text_file)
        })?;
        hasher.update(checkpoint.digest().as_bytes());
        let checkpoint = Checkpoint::open(files, "unet", &["diffusion_pytorch_model"])?;
        let unet = load_part(&checkpoint, "unet", device, dtype, progress, |weights| {
            Unet::load(weights, unet_config, device)
        })?;
        hasher.update(checkpoint.digest().as_bytes());
        let checkpoint = Checkpoint::open(files, "vae", &["diffusion_pytorch_model"])?;
        let vae = load_part(&checkpoint, "vae", device, dtype, progress, |weights| Vae::load(weights, vae_config))?;
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
}
