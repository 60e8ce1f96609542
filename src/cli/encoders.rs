//! Which image encoders measure pictures, as they are named on the command line.

use std::path::PathBuf;

use clap::Args;

use crate::evaluate::encoders::Named;

/// Encoders that measure pictures, as folders, and ImageReward.
#[derive(Clone, Debug, Default, Args)]
pub struct NamedEncoders {
    /// A folder with CLIP as Hugging Face has it (config.json, model.safetensors): SegSim by its vectors, how alike subjects are to
    /// photos of their concepts; and how well pictures go with their prompts
    #[arg(long, value_name = "FOLDER")]
    clip: Option<PathBuf>,

    /// A folder with DINOv2, likewise: SegSim by its vectors
    #[arg(long, value_name = "FOLDER")]
    dino: Option<PathBuf>,

    /// ImageReward.pt, or the folder that it is in, with med_config.json and BERT's vocab.txt beside it: how well pictures go
    /// with their prompts, and please
    #[arg(long, value_name = "FILE|FOLDER")]
    reward: Option<PathBuf>,
}

impl NamedEncoders {
    /// Where they are.
    pub fn named(&self) -> Named {
        Named { clip: self.clip.clone(), dino: self.dino.clone(), reward: self.reward.clone() }
    }
}
