//! Masks and their refinement against the authors' own release, bit for bit.
//!
//! The reference data are in the folder named by `PODIUM_GOLDEN_DIR`, else in `tests/data/golden`.

use std::path::PathBuf;

use podium::engine::masks::{GridMasks, Mask};
use podium::engine::refine::{Counts, Refined, Segmentation, Source, SubjectMasks, cluster_counts, refine};
use safetensors::SafeTensors;
use serde_json::Value;

/// The reference runs with the SD 1.5 settings (method: "Masks").
const OVERLAP_THRESHOLD: f32 = 0.0;

struct Reference {
    folder: PathBuf,
    case: Value,
    tensors: Vec<u8>,
}

impl Reference {
    fn load() -> Self {
        let bundled = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden");
        let folder = std::env::var_os("PODIUM_GOLDEN_DIR").map_or_else(bundled, PathBuf::from);
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        Self {
            case: serde_json::from_slice(&read("case.json")).expect("case.json is JSON"),
            tensors: read("tensors.safetensors"),
            folder,
        }
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let tensors = SafeTensors::deserialize(&self.tensors).expect("the tensors are there");
        let tensor = tensors.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        tensor.data().to_vec()
    }

    fn list<T: serde::de::DeserializeOwned>(&self, name: &str) -> Vec<T> {
        serde_json::from_value(self.case[name].clone()).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn number(&self, name: &str) -> usize {
        self.case[name].as_u64().unwrap_or_else(|| panic!("case.json has {name}")) as usize
    }

    /// (height, width) of the latent.
    fn latent(&self) -> (usize, usize) {
        (self.number("height") / 8, self.number("width") / 8)
    }

    fn subjects(&self) -> usize {
        self.list::<String>("concepts").len()
    }

    /// A mask tensor [N, cells], one mask a subject, each on a grid `scale` times coarser than the latent's.
    fn masks(&self, name: &str, scale: usize) -> Vec<Mask> {
        let (height, width) = self.latent();
        let (height, width) = (height.div_ceil(scale), width.div_ceil(scale));
        let bytes = self.bytes(name);
        let masks = bytes.chunks_exact(height * width);
        masks.map(|cells| Mask::from_fn(height, width, |y, x| cells[y * width + x] != 0)).collect()
    }

    fn labels(&self, branch: usize) -> Vec<Segmentation> {
        let load = |k: usize| {
            let bytes = self.bytes(&format!("refine.labels.branch{branch}.k{k}"));
            let words = bytes.as_chunks::<4>().0.iter();
            let labels = words.map(|word| u32::from_le_bytes(*word)).collect();
            Segmentation { labels, k }
        };
        let counts = self.list("refine.cluster_counts");
        counts.into_iter().map(load).collect()
    }

    fn initial(&self) -> Vec<SubjectMasks> {
        let masks = self.masks("refine.initial_masks", 1);
        masks.into_iter().map(SubjectMasks::new).collect()
    }

    fn refined(&self) -> Refined {
        let branches: Vec<_> = (0..=self.subjects()).map(|branch| self.labels(branch)).collect();
        let custom: Vec<&[Segmentation]> = branches[1..].iter().map(Vec::as_slice).collect();
        refine(&self.initial(), &branches[0], &custom, OVERLAP_THRESHOLD)
    }

    /// Compares one view of every subject with the tensors `<prefix>gridG`, at all four grids.
    fn compare(&self, prefix: &str, subjects: &[SubjectMasks], view: impl Fn(&SubjectMasks) -> &GridMasks) {
        let (_, width) = self.latent();
        for level in 0..4 {
            let scale = 1 << level;
            let name = format!("{prefix}grid{}", width.div_ceil(scale));
            let expected = self.masks(&name, scale);
            let found: Vec<Mask> = subjects.iter().map(|one| view(one).grids()[level].clone()).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn mask_files_parity() {
    let reference = Reference::load();
    let expected = reference.masks("run.masks", 1);
    for resize in [Mask::from_gray_as_pillow, Mask::from_gray_resized] {
        let load = |name: String| {
            let picture = image::open(reference.folder.join(name)).expect("the mask is there").to_luma8();
            let size = (picture.height() as usize, picture.width() as usize);
            resize(&picture, size, reference.latent())
        };
        let found: Vec<Mask> = reference.list("masks").into_iter().map(load).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn mask_grids_parity() {
    let reference = Reference::load();
    reference.compare("refine.before.", &reference.initial(), |masks| &masks.combined);
}

#[test]
fn mask_refinement_parity() {
    let reference = Reference::load();
    let refined = reference.refined();
    reference.compare("refine.after.custom_", &refined.masks, |masks| &masks.custom);
    reference.compare("refine.after.base_", &refined.masks, |masks| &masks.base);
    reference.compare("refine.after.", &refined.masks, |masks| &masks.combined);
    assert!(refined.warnings.is_empty(), "{:?}", refined.warnings);
    let views = refined.choices.iter().flat_map(|choices| [choices.custom, choices.base]);
    for choice in views {
        assert!(choice.iou > 0.0);
        assert!(matches!(choice.source, Source::Cluster { .. }));
    }
}

#[test]
fn cluster_counts_parity() {
    let reference = Reference::load();
    let found: Vec<usize> = cluster_counts(reference.subjects(), Counts::Release).collect();
    assert_eq!(found, reference.list::<usize>("refine.cluster_counts"));
}
