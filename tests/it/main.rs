//! The one integration test binary: each further one would link burn and wgpu again.

/// Reference data: where it is and how it is compared.
mod golden;
/// Tokenizer, text encoder, UNet and autoencoder against the authors' release.
mod nets_parity;
/// Inversion, keys, gradients, every step of whole runs and the final picture against the authors' release.
mod run_parity;
/// Mask refinement from given labels, bit for bit.
mod refine_parity;
