//! The networks of Stable Diffusion 1.5, on burn, and those that pictures are measured with ([`vision`]). They know nothing of
//! the method: callers reach in through [`tap`].

pub mod attention;
pub mod chunks;
pub mod clip;
pub mod layers;
pub mod resnet;
pub mod site;
pub mod tap;
pub mod tapped;
pub mod tokenizer;
pub mod unet;
pub mod vae;
pub mod vision;
