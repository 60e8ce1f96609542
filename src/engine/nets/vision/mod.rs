//! Networks that make a vector of a picture, by which pictures are compared, or a score of it: transformers over square
//! patches.
//!
//! | file         | what                                                          |
//! |--------------|---------------------------------------------------------------|
//! | `clip.rs`    | CLIP's image encoder, whose vectors lie beside those of texts |
//! | `dino.rs`    | DINOv2, with and without registers                            |
//! | `blip.rs`    | BLIP's image encoder, and BERT, which reads words while it looks at a picture's patches |
//! | `reward.rs`  | ImageReward: how well a picture goes with words, of both of BLIP's |
//! | `block.rs`   | the layers of all                                             |
//! | `resample.rs`| of which cells a resized grid's cells are made                |

pub mod blip;
pub mod block;
pub mod clip;
pub mod dino;
pub mod resample;
pub mod reward;
