use std::path::{Path, PathBuf};

use podium::engine::inspect::inspect_model;
use podium::engine::nets::tokenizer::Tokenizer;
use podium::engine::weights::ModelFiles;
use podium::link::Watch;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::studio;

/// The name that `convert_diffusers_to_original_stable_diffusion.py`, which comes with diffusers, gives a tensor.
pub fn original(part: &str, name: &str) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut pair = |diffusers: String, original: String| pairs.push((diffusers, original));
    let (prefix, inner): (_, &[(&str, &str)]) = match part {
        "text_encoder" => return format!("cond_stage_model.transformer.{name}"),
        "unet" => {
            for (diffusers, original) in [
                ("time_embedding.linear_1.", "time_embed.0."),
                ("time_embedding.linear_2.", "time_embed.2."),
                ("conv_in.", "input_blocks.0.0."),
                ("conv_norm_out.", "out.0."),
                ("conv_out.", "out.2."),
                ("mid_block.attentions.0.", "middle_block.1."),
            ] {
                pair(diffusers.into(), original.into());
            }
            for i in 0..4 {
                for j in 0..2 {
                    pair(format!("down_blocks.{i}.resnets.{j}."), format!("input_blocks.{}.0.", 3 * i + j + 1));
                    pair(format!("down_blocks.{i}.attentions.{j}."), format!("input_blocks.{}.1.", 3 * i + j + 1));
                }
                for j in 0..3 {
                    pair(format!("up_blocks.{i}.resnets.{j}."), format!("output_blocks.{}.0.", 3 * i + j));
                    pair(format!("up_blocks.{i}.attentions.{j}."), format!("output_blocks.{}.1.", 3 * i + j));
                }
                pair(format!("down_blocks.{i}.downsamplers.0.conv."), format!("input_blocks.{}.0.op.", 3 * (i + 1)));
                let place = if i == 0 { 1 } else { 2 };
                pair(format!("up_blocks.{i}.upsamplers.0."), format!("output_blocks.{}.{place}.", 3 * i + 2));
            }
            for j in 0..2 {
                pair(format!("mid_block.resnets.{j}."), format!("middle_block.{}.", 2 * j));
            }
            let inner = &[
                ("norm1", "in_layers.0"),
                ("conv1", "in_layers.2"),
                ("norm2", "out_layers.0"),
                ("conv2", "out_layers.3"),
                ("time_emb_proj", "emb_layers.1"),
                ("conv_shortcut", "skip_connection"),
            ];
            ("model.diffusion_model.", inner)
        }
        _ => {
            for i in 0..4 {
                for j in 0..3 {
                    pair(format!("encoder.down_blocks.{i}.resnets.{j}."), format!("encoder.down.{i}.block.{j}."));
                    pair(format!("decoder.up_blocks.{i}.resnets.{j}."), format!("decoder.up.{}.block.{j}.", 3 - i));
                }
                pair(format!("down_blocks.{i}.downsamplers.0."), format!("down.{i}.downsample."));
                pair(format!("up_blocks.{i}.upsamplers.0."), format!("up.{}.upsample.", 3 - i));
            }
            for j in 0..2 {
                pair(format!("mid_block.resnets.{j}."), format!("mid.block_{}.", j + 1));
            }
            let inner = &[
                ("conv_shortcut", "nin_shortcut"),
                ("conv_norm_out", "norm_out"),
                ("mid_block.attentions.0.", "mid.attn_1."),
                ("group_norm.", "norm."),
                ("to_q.", "q."),
                ("to_k.", "k."),
                ("to_v.", "v."),
                ("to_out.0.", "proj_out."),
            ];
            ("first_stage_model.", inner)
        }
    };
    let mut renamed = name.to_owned();
    for (diffusers, original) in &pairs {
        renamed = renamed.replace(diffusers.as_str(), original);
    }
    if part == "vae" || name.contains("resnets") {
        for (diffusers, original) in inner {
            renamed = renamed.replace(diffusers, original);
        }
    }
    format!("{prefix}{renamed}")
}

/// The miniature as one file, with what such files carry along.
fn write_single_file(path: &Path) {
    let parts = [("text_encoder", "model"), ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model")];
    let mut tensors: Vec<(String, TensorView)> = Vec::new();
    for (part, stem) in parts {
        let bytes = podium::assets::find(&format!("miniature/{part}/{stem}.safetensors")).unwrap();
        for (name, view) in SafeTensors::deserialize(bytes).unwrap().tensors() {
            let mut shape = view.shape().to_vec();
            if part == "vae" && name.contains("attentions.0.to_") && name.ends_with("weight") {
                shape.extend([1, 1]);
            }
            tensors.push((original(part, &name), TensorView::new(view.dtype(), shape, view.data()).unwrap()));
        }
    }
    let steps = [0_u8; 8];
    let extra = TensorView::new(safetensors::Dtype::F32, vec![2], &steps).unwrap();
    tensors.push(("model_ema.decay".into(), extra.clone()));
    tensors.push(("alphas_cumprod".into(), extra));
    safetensors::serialize_to_file(tensors, None, path).unwrap();
}

pub fn copy_settings(folder: &Path) {
    for (name, bytes) in podium::assets::FILES {
        let Some(name) = name.strip_prefix("miniature/").filter(|name| !name.ends_with(".safetensors")) else {
            continue;
        };
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_model_in_one_file_renders_the_same_picture_as_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plush.safetensors");
    write_single_file(&path);
    copy_settings(&folder.path().join("plush"));

    let files = ModelFiles::at(path.clone());
    assert_eq!(files, ModelFiles::File(path.clone()));
    let (found, expected) = (inspect_model(&files).unwrap(), inspect_model(&ModelFiles::BuiltIn).unwrap());
    assert_eq!(found.name, "plush.safetensors");
    for (found, expected) in found.parts.iter().zip(&expected.parts) {
        assert_eq!((found.name, found.parameters, &found.dtype), (expected.name, expected.parameters, &expected.dtype));
        assert!(found.bytes_on_disk <= expected.bytes_on_disk, "a part is not the whole file");
    }

    let mut project = studio::small("beach", 2);
    let engine = studio::engine();
    let built_in = studio::render(&engine, &project, Watch::ALL).finished();
    project.model = Some(path);
    let single = studio::render(&engine, &project, Watch::ALL).finished();
    assert_eq!(built_in.pictures[0].as_raw(), single.pictures[0].as_raw());
}

#[test]
fn a_model_in_one_file_without_settings_beside_it_is_taken_for_stable_diffusion_1_5() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plush.safetensors");
    write_single_file(&path);
    let files = ModelFiles::at(path.clone());
    // CLIP's own words.
    let tokens = Tokenizer::load(&files, 77).unwrap().encode("a photo of a cat");
    assert_eq!(tokens.ids()[..7], [49406, 320, 1125, 539, 320, 2368, 49407]);
    // Without any weight being read.
    let words = inspect_model(&files).unwrap_err().to_string();
    assert!(words.contains("plush.safetensors: tensor `text_model.") && words.contains("768"), "{words}");

    // The miniature is no Stable Diffusion 1.5: that is said with the tensor and both shapes.
    let mut project = studio::small("beach", 1);
    project.model = Some(path.clone());
    let told = studio::render(&studio::engine(), &project, Watch::ALL);
    let words = told.failure();
    assert!(words.contains("plush.safetensors") && words.contains("768"), "{words}");
}

#[test]
fn a_file_that_holds_no_model_or_is_gone_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let data = [0_u8; 4];
    let view = TensorView::new(safetensors::Dtype::F32, vec![1], &data).unwrap();
    safetensors::serialize_to_file([("weight", view)], None, &path).unwrap();
    let words = inspect_model(&ModelFiles::at(path)).unwrap_err().to_string();
    assert!(words.contains("other.safetensors") && words.contains("model.diffusion_model"), "{words}");
    let view = TensorView::new(safetensors::Dtype::F32, vec![1, 9, 1, 1], &[0; 36]).unwrap();
    let path = folder.path().join("inpainting.safetensors");
    safetensors::serialize_to_file([("model.diffusion_model.input_blocks.0.0.weight", view)], None, &path).unwrap();
    let words = inspect_model(&ModelFiles::at(path)).unwrap_err().to_string();
    assert!(words.contains("inpainting.safetensors: is an inpainting model"), "{words}");
    let gone = PathBuf::from("/nowhere/sd15.safetensors");
    let words = inspect_model(&ModelFiles::at(gone)).unwrap_err().to_string();
    assert!(words.contains("/nowhere/sd15.safetensors"), "{words}");
    let other = folder.path().join("model.weights");
    std::fs::write(&other, [0_u8; 64]).unwrap();
    let words = inspect_model(&ModelFiles::at(other)).unwrap_err().to_string();
    assert!(words.contains("model.weights: is a file, and those of models end in .safetensors"), "{words}");
}
