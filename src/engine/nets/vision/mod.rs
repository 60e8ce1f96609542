//! Networks that make a vector of a picture, by which pictures are compared: transformers over square patches.
//!
//! | file         | what                                                          |
//! |--------------|---------------------------------------------------------------|
//! | `clip.rs`    | CLIP's image encoder, whose vectors lie beside those of texts |
//! | `dino.rs`    | DINOv2, with and without registers                            |
//! | `block.rs`   | the layers of both                                            |
//! | `resample.rs`| of which cells a resized grid's cells are made                |

pub mod block;
pub mod clip;
pub mod dino;
pub mod resample;
