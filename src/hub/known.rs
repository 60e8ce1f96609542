//! Repositories that are known to be good: Stable Diffusion 1.5 and models made from it, whole, in safetensors.

/// A repository that somebody may begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// `org/name`.
    pub id: &'static str,
    /// What it is, in a few words.
    pub words: &'static str,
}

/// A short list; the first is the one to begin with.
pub const KNOWN: [Known; 4] = [
    Known {
        id: "stable-diffusion-v1-5/stable-diffusion-v1-5",
        words: "Stable Diffusion 1.5 itself; the concepts of Mix-of-Show and most LoRAs are trained on it",
    },
    Known { id: "Lykon/dreamshaper-8", words: "DreamShaper 8: painterly, for figures and scenes" },
    Known { id: "SG161222/Realistic_Vision_V5.1_noVAE", words: "Realistic Vision 5.1: like photographs" },
    Known { id: "stabilityai/sd-vae-ft-mse", words: "a VAE with smoother faces, to use beside any of these" },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::names;

    #[test]
    fn every_known_repository_can_be_asked_for() {
        for known in KNOWN {
            assert!(names::is_repository(known.id) && !known.words.is_empty(), "{known:?}");
        }
    }
}
