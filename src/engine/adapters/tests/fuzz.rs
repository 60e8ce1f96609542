//! Damaged files: whatever they hold, they are read or refused, never more.

use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;

use super::*;

/// One of every format, small.
fn seeds() -> Vec<Made> {
    let linear = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k";
    let conv = "lora_unet_middle_block_0_in_layers_2";
    let text = "text_encoder.text_model.encoder.layers.0.self_attn";
    vec![
        Made::new("kohya")
            .any(format!("{linear}.lora_down.weight"), &[2, 3])
            .any(format!("{linear}.lora_up.weight"), &[4, 2])
            .any(format!("{linear}.alpha"), &[])
            .any(format!("{conv}.lora_down.weight"), &[2, 3, 1, 1])
            .any(format!("{conv}.lora_mid.weight"), &[2, 2, 3, 3])
            .any(format!("{conv}.lora_up.weight"), &[4, 2, 1, 1])
            .said("ss_tag_frequency", r#"{"10_cat": {"cat": 3}}"#)
            .said("ss_base_model_version", "sd_v1"),
        Made::new("lycoris")
            .any(format!("{linear}.hada_w1_a"), &[4, 1])
            .any(format!("{linear}.hada_w1_b"), &[1, 3])
            .any(format!("{linear}.hada_w2_a"), &[4, 3])
            .any(format!("{linear}.hada_w2_b"), &[3, 3])
            .any(format!("{conv}.lokr_w1"), &[2, 2])
            .any(format!("{conv}.lokr_w2_a"), &[2, 2])
            .any(format!("{conv}.lokr_w2_b"), &[2, 3])
            .any(format!("{conv}.lokr_t2"), &[2, 2, 3, 3])
            .any("lora_unet_conv_in.weight", &[1, 4, 1, 1])
            .any("lora_unet_conv_in.on_input", &[1]),
        Made::new("peft")
            .any("base_model.model.mid_block.attentions.0.proj_in.lora_A.default.weight", &[2, 3])
            .any("base_model.model.mid_block.attentions.0.proj_in.lora_B.default.weight", &[4, 2])
            .any(format!("{text}.to_q_lora.down.weight"), &[2, 3])
            .any(format!("{text}.to_q_lora.up.weight"), &[3, 2])
            .said("lora_adapter_metadata", r#"{"unet.lora_alpha": 2, "unet.alpha_pattern": {"proj.*": 4}}"#),
        Made::new("words")
            .any("bundle_emb.cat.string_to_param.*", &[2, 3])
            .any("emb_params", &[3])
            .any("new_concept_embedding.<a>", &[16, 3]),
    ]
}

/// Changes a name, a shape, a number or a text.
fn mutated(seed: &Made, random: &mut ChaCha8Rng) -> Made {
    let mut made = seed.clone();
    for _ in 0..random.random_range(1..4) {
        let names: Vec<String> = made.tensors.keys().cloned().collect();
        let Some(name) = names.choose(random).cloned() else { break };
        let Some((shape, values)) = made.tensors.remove(&name) else { break };
        match random.random_range(0..7) {
            0 => {}
            1 => {
                let mut letters: Vec<char> = name.chars().collect();
                let at = random.random_range(0..letters.len());
                letters[at] = *['.', '_', 'a', '0', '1', 'é', '\0'].choose(random).expect("letters");
                made.tensors.insert(letters.into_iter().collect(), (shape, values));
            }
            2 => {
                let other = names.choose(random).expect("names");
                let (name, other) = (name.split_at(name.find('.').unwrap_or(0)), other.split_once('.'));
                let leaf = other.map_or("alpha", |(_, leaf)| leaf);
                made.tensors.insert(format!("{}.{leaf}", name.0), (shape, values));
            }
            3 => {
                let mut shape = shape;
                shape.reverse();
                made.tensors.insert(name, (shape, values));
            }
            4 => {
                let mut shape = shape;
                if let Some(size) = shape.iter_mut().next() {
                    *size = random.random_range(0..4);
                }
                let count = shape.iter().product();
                made.tensors.insert(name, (shape, noise("x", count)));
            }
            5 => {
                let shape: Vec<usize> = (0..random.random_range(0..6)).map(|_| random.random_range(0..5)).collect();
                let count = shape.iter().product();
                made.tensors.insert(name, (shape, vec![f32::MAX; count]));
            }
            _ => {
                made.tensors.insert(name, (shape, values));
                for text in made.metadata.values_mut() {
                    let mut letters: Vec<char> = text.chars().collect();
                    let at = random.random_range(0..letters.len().max(1));
                    if let Some(letter) = letters.get_mut(at) {
                        *letter = *['{', '"', '9', '(', '*', '\\', '[', 'é'].choose(random).expect("letters");
                    }
                    *text = letters.into_iter().collect();
                }
            }
        }
    }
    made
}

/// Reads damaged files until the time is up or as many are read; how many were taken and refused.
fn damage(seed: u64, most: usize, time: Duration) -> (usize, usize) {
    let began = Instant::now();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (seeds, names) = (seeds(), Names::plain().expect("built in"));
    let (mut taken, mut refused) = (0, 0);
    while taken + refused < most && began.elapsed() < time {
        let seed = seeds.choose(&mut random).expect("seeds");
        let made = mutated(seed, &mut random);
        let outcome = if random.random_range(0..2) == 0 {
            made.scaling().and_then(|scaling| take(&made, scaling, &names))
        } else {
            let mut bytes = made.bytes();
            for _ in 0..random.random_range(0..3) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
            if random.random_range(0..4) == 0 {
                bytes.truncate(random.random_range(0..bytes.len()));
            }
            TensorFile::from_owned("damaged", bytes).and_then(|file| {
                let scaling = Scaling::of_metadata("damaged", Tensors::metadata(&file))?;
                take(&file, scaling, &names)
            })
        };
        match outcome {
            Ok(read) => {
                taken += 1;
                let used = read.tensors.saturating_sub(read.left_aside.len());
                assert!(used > 0 && !read.summary().is_empty() && read.suggestions().len() < 500, "{read:?}");
                let (unet, text) = super::super::names::plain_configs().expect("built in");
                // Says no, but says it.
                let _ = super::super::check(&read, &unet, &text);
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    (taken, refused)
}

#[test]
fn damaged_files_are_read_or_refused() {
    let (taken, refused) = damage(1, 2000, Duration::from_secs(60));
    // Both happen, else the damage is of no use.
    assert!(taken > 100 && refused > 100, "{taken} taken, {refused} refused");
}

#[test]
#[ignore = "takes twenty minutes"]
fn fuzz_adapters_for_twenty_minutes() {
    let seed = std::env::var("PODIUM_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2);
    let (taken, refused) = damage(seed, usize::MAX, Duration::from_secs(20 * 60));
    println!("{taken} taken, {refused} refused");
    assert!(taken > 1000 && refused > 1000);
}
