//! Which kind of model a file's tensors are of, by their names and shapes, before anything is loaded.

use super::error::{EngineError, Result};
use super::model_files::ModelFiles;
use super::original;

/// A kind of model, or what else is often taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Stable Diffusion 1.x, its fine-tunes, and models of its topology.
    StableDiffusion1,
    /// A UNet that reads 9 channels: the latent, a mask and what the mask leaves.
    Inpainting,
    /// A UNet that reads 8 channels: the latent and the picture to be edited.
    Edit,
    /// A UNet that reads 5 channels: the latent and a depth map.
    Depth,
    /// Stable Diffusion 2.x.
    StableDiffusion2,
    /// Stable Diffusion XL, its refiner included.
    Xl,
    /// Stable Diffusion 3.x.
    StableDiffusion3,
    /// Flux.
    Flux,
    /// Another transformer, such as PixArt.
    Transformer,
    /// A ControlNet.
    ControlNet,
    /// A motion module of AnimateDiff.
    Motion,
    /// A LoRA in any of its formats.
    Lora,
    /// A textual inversion.
    Embedding,
    /// An autoencoder alone.
    Autoencoder,
    /// A text encoder alone.
    TextEncoder,
    /// CLIP or DINOv2, by which pictures are measured.
    ImageEncoder,
    /// A UNet alone.
    UnetAlone,
    /// Something else.
    Unknown,
}

impl Family {
    /// What it is and what to do, to follow the file's name; none for what runs.
    pub fn refusal(self) -> Option<&'static str> {
        let other = match self {
            Self::StableDiffusion1 => return None,
            Self::Inpainting => {
                "is an inpainting model: its UNet reads 9 channels, the latent with a mask and the masked picture; choose \
                 the plain model that it was made from"
            }
            Self::Edit => {
                "is an editing model such as InstructPix2Pix: its UNet reads 8 channels, the latent and the picture to be \
                 edited; choose a plain model"
            }
            Self::Depth => {
                "is a depth model: its UNet reads 5 channels, the latent and a depth map; choose a plain model"
            }
            Self::StableDiffusion2 => "is Stable Diffusion 2",
            Self::Xl => "is Stable Diffusion XL",
            Self::StableDiffusion3 => "is Stable Diffusion 3",
            Self::Flux => "is Flux",
            Self::Transformer => "is a transformer model such as PixArt",
            Self::ControlNet => "is a ControlNet and no model of its own; choose the model that it steers",
            Self::Motion => "is a motion module for animations and no model of its own",
            Self::Lora => "is a LoRA and no model; add it as a concept, and choose the model that it was trained on",
            Self::Embedding => "is a textual inversion and no model; add it as a concept",
            Self::Autoencoder => "is an autoencoder (VAE) alone; choose it as the VAE, and a model beside it",
            Self::TextEncoder => "is a text encoder alone; choose the whole model",
            Self::ImageEncoder => {
                "is an image encoder (CLIP or DINOv2), by which pictures are measured, and no model; name its folder, which has \
                 config.json: `podium inspect FOLDER` says more"
            }
            Self::UnetAlone => {
                "is a UNet alone; choose the folder of the whole model, which has text_encoder and vae too"
            }
            Self::Unknown => {
                "holds no model in the layout of Stable Diffusion's own code: none of its tensors begins with \
                 `model.diffusion_model.`; choose such a file, or a folder as diffusers writes it"
            }
        };
        Some(other)
    }

    /// Whether the refusal needs the hint what Podium runs.
    fn is_other_base(self) -> bool {
        matches!(self, Self::StableDiffusion2 | Self::Xl | Self::StableDiffusion3 | Self::Flux | Self::Transformer)
    }

    /// Refuses what does not run.
    ///
    /// # Errors
    /// By name, with what to do.
    pub fn check(self, file: &str) -> Result<()> {
        match self.refusal() {
            None => Ok(()),
            Some(what) if self.is_other_base() => {
                Err(EngineError::Unsupported { file: file.into(), what: what.into() })
            }
            Some(what) => Err(EngineError::Malformed { file: file.into(), what: what.into() }),
        }
    }
}

/// Refuses a folder whose `model_index.json` says that it is another kind of model. Stable Diffusion 2 is not said there.
///
/// # Errors
/// As [`Family::check`].
pub fn check_index(files: &ModelFiles) -> Result<()> {
    const PATH: &str = "model_index.json";
    #[derive(serde::Deserialize)]
    struct Index {
        #[serde(rename = "_class_name")]
        class: String,
    }
    if !matches!(files.model(), ModelFiles::Folder(_)) || !files.has(PATH) {
        return Ok(());
    }
    // A list that cannot be understood says nothing; the parts are looked at anyway.
    let Ok(index) = files.json::<Index>(PATH) else { return Ok(()) };
    of_pipeline(&index.class).check(&files.name(PATH))
}

/// The kind of model that a pipeline of diffusers is for.
fn of_pipeline(class: &str) -> Family {
    for (part, family) in [
        ("DiffusionXL", Family::Xl),
        ("Diffusion3", Family::StableDiffusion3),
        ("Flux", Family::Flux),
        ("PixArt", Family::Transformer),
        ("InstructPix2Pix", Family::Edit),
        ("Depth2Img", Family::Depth),
        ("Inpaint", Family::Inpainting),
    ] {
        if class.contains(part) {
            return family;
        }
    }
    Family::StableDiffusion1
}

/// Width of what Stable Diffusion 2's text encoder says.
const TEXT_2: usize = 1024;
/// Width of what Stable Diffusion XL's text encoders say together.
const TEXT_XL: usize = 2048;

/// The kind of a whole model in one file.
pub fn of_file<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize])> + Clone) -> Family {
    let begins = |with: &str| tensors.clone().any(|(name, _)| name.starts_with(with));
    let holds = |part: &str| tensors.clone().any(|(name, _)| name.contains(part));
    // Adapters first: they name the layers of whatever they change.
    if holds("lora_unet_") || holds("lora_te") || holds(".lora_") || holds("_lora.") || holds("lycoris_") {
        return Family::Lora;
    }
    if holds("string_to_param") || begins("emb_params") || begins("clip_l") || begins("clip_g") {
        return Family::Embedding;
    }
    if begins("control_model.") || begins("controlnet_cond_embedding.") {
        return Family::ControlNet;
    }
    if holds("double_blocks.") || holds("single_blocks.") || begins("single_transformer_blocks.") {
        return Family::Flux;
    }
    if holds("joint_blocks.") {
        return Family::StableDiffusion3;
    }
    if holds("motion_modules.") {
        return Family::Motion;
    }
    if begins("conditioner.embedders.") {
        return Family::Xl;
    }
    if original::is_original(tensors.clone().map(|(name, _)| name)) {
        if holds("cond_stage_model.model.transformer.") {
            return Family::StableDiffusion2;
        }
        let unet = tensors.filter_map(|(name, shape)| Some((name.strip_prefix(original::UNET)?, shape)));
        return of_unet(unet, "input_blocks.0.0.weight");
    }
    if begins("transformer_blocks.") || begins("blocks.0.attn.") {
        return Family::Transformer;
    }
    if begins("down_blocks.") && begins("up_blocks.") {
        return Family::UnetAlone;
    }
    if !original::autoencoder(tensors.clone().map(|(name, _)| name)).is_empty() && begins("decoder.") {
        return Family::Autoencoder;
    }
    if begins("vision_model.") || (begins("embeddings.cls_token") && begins("encoder.layer.")) {
        return Family::ImageEncoder;
    }
    if begins("text_model.encoder.layers.") {
        return Family::TextEncoder;
    }
    Family::Unknown
}

/// The kind of model that a UNet of a folder as diffusers writes it is of.
pub fn of_folder<'a>(unet: impl Iterator<Item = (&'a str, &'a [usize])> + Clone) -> Family {
    if unet.clone().any(|(name, _)| name.starts_with("add_embedding.")) {
        return Family::Xl;
    }
    of_unet(unet, "conv_in.weight")
}

/// By the names within the UNet.
fn of_unet<'a>(unet: impl Iterator<Item = (&'a str, &'a [usize])> + Clone, first: &str) -> Family {
    let channels = unet.clone().find(|(name, _)| *name == first).and_then(|(_, shape)| shape.get(1).copied());
    let mut crosses = unet.filter(|(name, _)| name.ends_with("attn2.to_k.weight"));
    let text = crosses.next().and_then(|(_, shape)| shape.get(1).copied());
    match (channels, text) {
        (_, Some(TEXT_XL)) => Family::Xl,
        (_, Some(TEXT_2)) if channels != Some(9) && channels != Some(5) => Family::StableDiffusion2,
        (Some(9), _) => Family::Inpainting,
        (Some(8), _) => Family::Edit,
        (Some(5), _) => Family::Depth,
        _ => Family::StableDiffusion1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "model.diffusion_model.input_blocks.0.0.weight";
    const CROSS: &str = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";

    fn file(tensors: &[(&str, &[usize])]) -> Family {
        of_file(tensors.iter().copied())
    }

    #[test]
    fn every_kind_is_known_by_its_tensors() {
        let model = |channels: usize, text: usize| file(&[(FIRST, &[320, channels, 3, 3]), (CROSS, &[320, text])]);
        assert_eq!(model(4, 768), Family::StableDiffusion1);
        assert_eq!(model(4, 64), Family::StableDiffusion1);
        assert_eq!(model(9, 768), Family::Inpainting);
        assert_eq!(model(8, 768), Family::Edit);
        assert_eq!(model(5, 1024), Family::Depth);
        assert_eq!(model(9, 1024), Family::Inpainting);
        assert_eq!(model(4, 1024), Family::StableDiffusion2);
        assert_eq!(model(4, 2048), Family::Xl);
        for (names, family) in [
            (&[FIRST, "cond_stage_model.model.transformer.resblocks.0.ln_1.bias"][..], Family::StableDiffusion2),
            (&[FIRST, "conditioner.embedders.1.model.ln_final.bias"], Family::Xl),
            (&["model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"], Family::StableDiffusion3),
            (&["model.diffusion_model.double_blocks.0.img_attn.qkv.weight"], Family::Flux),
            (&["double_blocks.0.img_attn.qkv.weight"], Family::Flux),
            (&["transformer_blocks.0.attn.to_q.weight", "pos_embed.proj.weight"], Family::Transformer),
            (&["control_model.input_blocks.0.0.weight"], Family::ControlNet),
            (&["down_blocks.0.motion_modules.0.temporal_transformer.norm.bias"], Family::Motion),
            (&["lora_unet_down_blocks_0_attentions_0_proj_in.alpha"], Family::Lora),
            (&["unet.down_blocks.0.attentions.0.proj_in.lora_A.weight"], Family::Lora),
            (&["string_to_param.*"], Family::Embedding),
            (&["emb_params"], Family::Embedding),
            (&["down_blocks.0.resnets.0.conv1.bias", "up_blocks.0.resnets.0.conv1.bias"], Family::UnetAlone),
            (&["encoder.conv_in.bias", "decoder.conv_in.bias", "quant_conv.bias"], Family::Autoencoder),
            (&["text_model.encoder.layers.0.mlp.fc1.bias"], Family::TextEncoder),
            (&["text_model.encoder.layers.0.mlp.fc1.bias", "vision_model.pre_layrnorm.bias"], Family::ImageEncoder),
            (&["embeddings.cls_token", "encoder.layer.0.norm1.bias"], Family::ImageEncoder),
            (&["weight"], Family::Unknown),
            (&[], Family::Unknown),
        ] {
            let tensors: Vec<(&str, &[usize])> = names.iter().map(|name| (*name, &[][..])).collect();
            assert_eq!(file(&tensors), family, "{names:?}");
        }
        let folder = |tensors: &[(&str, &[usize])]| of_folder(tensors.iter().copied());
        let cross = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight";
        assert_eq!(folder(&[("conv_in.weight", &[320, 4, 3, 3]), (cross, &[320, 768])]), Family::StableDiffusion1);
        assert_eq!(folder(&[("conv_in.weight", &[320, 9, 3, 3]), (cross, &[320, 768])]), Family::Inpainting);
        assert_eq!(folder(&[(cross, &[320, 1024])]), Family::StableDiffusion2);
        assert_eq!(folder(&[("add_embedding.linear_1.bias", &[1280])]), Family::Xl);
    }

    #[test]
    fn a_refusal_names_the_file_what_it_is_and_what_to_do() {
        assert!(Family::StableDiffusion1.check("sd.ckpt").is_ok());
        let words = Family::Inpainting.check("sd.ckpt").expect_err("refused").to_string();
        assert!(words.starts_with("sd.ckpt: is an inpainting model") && words.contains("9 channels"), "{words}");
        let words = Family::Xl.check("sd.ckpt").expect_err("refused").to_string();
        assert!(words.contains("is Stable Diffusion XL; Podium runs Stable Diffusion 1.5"), "{words}");
    }
}
