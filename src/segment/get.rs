//! What there is to get for Segment Anything, and where it goes, for window and command line.

use std::path::Path;

/// A network that can be got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What it is called.
    pub name: &'static str,
    /// Its files, as their makers call them: encoder and decoder, or weights alone and their configuration.
    pub files: &'static [&'static str],
    /// How large they are together, megabytes, about.
    pub megabytes: u32,
    /// Under which licence.
    pub licence: &'static str,
    /// Where it is.
    pub from: &'static str,
}

/// The networks that are known to fit, the quickest first.
pub const OFFERS: [Offer; 5] = [
    Offer {
        name: "MobileSAM",
        files: &["mobile_sam_image_encoder.onnx", "sam_mask_decoder_multi.onnx"],
        megabytes: 45,
        licence: "Apache-2.0",
        from: "huggingface.co/Acly/MobileSAM",
    },
    Offer {
        name: "EfficientSAM",
        files: &["efficient_sam_vitt_encoder.onnx", "efficient_sam_vitt_decoder.onnx"],
        megabytes: 41,
        licence: "Apache-2.0",
        from: "github.com/yformer/EfficientSAM, in its folder weights",
    },
    Offer {
        name: "SAM 2.1 tiny",
        files: &["sam2.1_hiera_tiny.encoder.onnx", "sam2.1_hiera_tiny.decoder.onnx"],
        megabytes: 150,
        licence: "Apache-2.0",
        from: "exported by samexporter (github.com/vietanhdev/samexporter)",
    },
    Offer {
        name: "MobileSAM's own weights",
        files: &["mobile_sam.pt"],
        megabytes: 41,
        licence: "Apache-2.0",
        from: "github.com/ChaoningZhang/MobileSAM, in its folder weights",
    },
    Offer {
        name: "SAM's own weights",
        files: &["model.safetensors", "config.json"],
        megabytes: 375,
        licence: "Apache-2.0",
        from: "huggingface.co/facebook/sam-vit-base; its authors' sam_vit_b_01ec64.pth too",
    },
];

/// What to get and where to put it, in sentences.
pub fn words(folder: &Path) -> String {
    let [first, second, third, alone @ ..] = OFFERS;
    let other = |offer: Offer| format!("{} ({} MB, {})", offer.name, offer.megabytes, offer.from);
    let alone = alone.map(|offer| {
        format!("{}, {} ({} MB, {})", offer.name, offer.files.join(" with "), offer.megabytes, offer.from)
    });
    format!(
        "It needs two files that are not part of Podium: {} of {} ({} MB together, {}), from {}. Put both into {}, or choose \
         them where they are. {} and {} will do as well. Or one file of weights: {}.",
        first.files.join(" and "),
        first.name,
        first.megabytes,
        first.licence,
        first.from,
        folder.display(),
        other(second),
        other(third),
        alone.join("; or ")
    )
}

/// What to get for boxes by words, and where to put it, in sentences.
pub fn words_for_names(folder: &Path) -> String {
    format!(
        "Finding by words needs Grounding DINO, which is not part of Podium: its ONNX file and vocab.txt of \
         huggingface.co/onnx-community/grounding-dino-tiny-ONNX (720 MB, Apache-2.0). Put both into {}.",
        folder.display()
    )
}
