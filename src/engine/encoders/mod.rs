//! Image encoders that the user has, CLIP and DINOv2 in folders as Hugging Face has them: pictures and words as vectors, by
//! which others measure how alike they are; and ImageReward, which scores a picture with its words.
//!
//! | file         | what                                                                  |
//! |--------------|-----------------------------------------------------------------------|
//! | `config.rs`  | which kind a folder holds, how large, and whether all of it fits together |
//! | `pixels.rs`  | pictures as their encoder wants them, as its processor prepares them  |
//! | `encoder.rs` | an encoder that was read                                              |
//! | `reward.rs`  | ImageReward, from its file to a score                                 |
//! | `segment.rs` | a part of a picture as a picture of its own                           |
//! | `inspect.rs` | what a folder holds, without reading weights                          |
//!
//! Sizes are the configurations' own; what these leave out as usual is in `assets/encoders`, as transformers has it.

pub mod config;
pub mod encoder;
pub mod inspect;
pub mod pixels;
pub mod reward;
#[cfg(test)]
mod reward_tests;
pub mod segment;
#[cfg(test)]
mod tests;
