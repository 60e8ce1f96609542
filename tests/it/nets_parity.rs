//! The networks against the authors' release.

use burn::tensor::{Device, Int, Tensor};
use podium::engine::nets::attention::Context;
use podium::engine::nets::tokenizer::Tokenizer;
use podium::engine::weights::ModelFiles;

use crate::golden::{Golden, assert_close, host};

/// Every fourth pixel from pixel 0, as the reference stores pictures.
pub fn every_fourth(picture: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = picture.dims();
    let device = picture.device();
    let fourth = |size: usize| Tensor::<1, Int>::arange_step(0..size as i64, 4, &device);
    picture.select(2, fourth(height)).select(3, fourth(width))
}

/// A PNG as `[1, 3, h, w]` in -1..1.
pub fn picture(path: &std::path::Path, device: &Device) -> Tensor<4> {
    let picture = image::open(path).expect("a picture").to_rgb8();
    podium::engine::pictures::to_tensor(&picture, device)
}

#[test]
fn parity_token_ids_of_the_miniature() {
    let golden = Golden::open();
    let tokenizer = golden.models(&Device::flex()).tokenizer;
    let prompts: Vec<String> = golden.list("token_prompts");
    let expected: Vec<Vec<u32>> = golden.list("token_ids");
    for (prompt, ids) in prompts.iter().zip(expected) {
        assert_eq!(tokenizer.encode(prompt).ids(), ids, "{prompt}");
    }
}

#[test]
fn parity_token_ids_of_clip() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/clip_tokenizer");
    let tokenizer = Tokenizer::load(&ModelFiles::Folder(folder.into()), 77).expect("CLIP's tokenizer loads");
    let case = std::fs::read(format!("{folder}/ids.json")).expect("ids.json");
    let case: serde_json::Value = serde_json::from_slice(&case).expect("JSON");
    let prompts: Vec<String> = serde_json::from_value(case["prompts"].clone()).expect("prompts");
    let ids: Vec<Vec<u32>> = serde_json::from_value(case["ids"].clone()).expect("ids");
    assert!(prompts.len() >= 20);
    for (prompt, ids) in prompts.iter().zip(ids) {
        assert_eq!(tokenizer.encode(prompt).ids(), ids, "{prompt}");
    }
}

#[test]
fn parity_text_encoder() {
    let golden = Golden::open();
    let models = golden.models(&Device::flex());
    let ids: Vec<Vec<u32>> = golden.list("token_ids");
    let hidden = models.text_encoder.forward(models.text_encoder.embed(&ids), &());
    assert_close("text.last_hidden_state", &host(hidden), &golden.values("text.last_hidden_state").0);
}

#[test]
fn parity_unet() {
    let golden = Golden::open();
    let device = Device::flex();
    let models = golden.models(&device);
    let context = Context::plain(golden.tensor("unet.context", &device));
    let timesteps: Vec<usize> = golden.list("unet.timesteps");
    let noise = models.unet.predict(golden.tensor("unet.latents", &device), &timesteps, &context, &mut ());
    assert_close("unet.noise", &host(noise), &golden.values("unet.noise").0);
}

#[test]
fn parity_vae() {
    let golden = Golden::open();
    let device = Device::flex();
    let models = golden.models(&device);
    let latents = models.vae.encode(picture(&golden.folder.join("reference.png"), &device));
    assert_close("vae.latents_unscaled", &host(latents), &golden.values("vae.latents_unscaled").0);
    let decoded = models.vae.decode(golden.tensor("vae.latents_unscaled", &device));
    assert_close("vae.decoded", &host(every_fourth(decoded)), &golden.values("vae.decoded").0);
}
