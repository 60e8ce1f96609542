//! What there is to get for Segment Anything, and where it goes, for window and command line.

use std::path::Path;

/// A network that can be got as two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What it is called.
    pub name: &'static str,
    /// Its two files, as their makers call them.
    pub files: [&'static str; 2],
    /// How large both are together, megabytes, about.
    pub megabytes: u32,
    /// Under which licence.
    pub licence: &'static str,
    /// Where it is.
    pub from: &'static str,
}

/// The networks that are known to fit, the quickest first.
pub const OFFERS: [Offer; 3] = [
    Offer {
        name: "MobileSAM",
        files: ["mobile_sam_image_encoder.onnx", "sam_mask_decoder_multi.onnx"],
        megabytes: 45,
        licence: "Apache-2.0",
        from: "huggingface.co/Acly/MobileSAM",
    },
    Offer {
        name: "EfficientSAM",
        files: ["efficient_sam_vitt_encoder.onnx", "efficient_sam_vitt_decoder.onnx"],
        megabytes: 41,
        licence: "Apache-2.0",
        from: "github.com/yformer/EfficientSAM, in its folder weights",
    },
    Offer {
        name: "SAM 2.1 tiny",
        files: ["sam2.1_hiera_tiny.encoder.onnx", "sam2.1_hiera_tiny.decoder.onnx"],
        megabytes: 150,
        licence: "Apache-2.0",
        from: "exported by samexporter (github.com/vietanhdev/samexporter)",
    },
];

/// What to get and where to put it, in sentences.
pub fn words(folder: &Path) -> String {
    let [first, others @ ..] = OFFERS;
    let others = others.map(|offer| format!("{} ({} MB, {})", offer.name, offer.megabytes, offer.from));
    format!(
        "It needs two files that are not part of Podium: {} and {} of {} ({} MB together, {}), from {}. Put both into {}, or \
         choose them where they are. {} will do as well.",
        first.files[0],
        first.files[1],
        first.name,
        first.megabytes,
        first.licence,
        first.from,
        folder.display(),
        others.join(" and ")
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
