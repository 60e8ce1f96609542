//! Each method on the miniature, against what it must be where that is known.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};

use super::fuse::{Fusing, Ingredient};
use super::gather::GatherTexts;
use super::masked::MaskedConcept;
use super::merge::{Merged, Merging};
use super::residual::{Placed, residual, with_residuals};
use super::*;
use crate::engine::adapters::change::Array;
use crate::engine::adapters::{self, AdapterFile, Change};
use crate::engine::cache::Cache;
use crate::engine::concept::{Adapter, Part};
use crate::engine::concept_files;
use crate::engine::inject::tests::apart;
use crate::engine::inject::{Stacked, Terms};
use crate::engine::masks::Mask;
use crate::engine::models::Models;
use crate::engine::nets::attention::Context;
use crate::engine::nets::tap::{Block, Kind, Projection};
use crate::engine::noise;
use crate::engine::pictures::host;
use crate::engine::prompt::{embed_bare, encode_custom, encode_plain, states_bare};
use crate::engine::recorded::Record;
use crate::engine::terms::LinearTerm;
use crate::engine::weights::ModelFiles;
use crate::project::DiskFiles;

fn miniature() -> Models {
    Models::load(&ModelFiles::BuiltIn, &Device::flex(), &mut |_| Ok(())).unwrap()
}

fn put(models: &Models, file: &AdapterFile, strength: f32) -> Adapter {
    let part = Part { file, strength, text_strength: strength };
    Adapter::new(&[part], &models.unet.config, &models.text_encoder.config, &models.device).unwrap()
}

fn concept(models: &Models, name: &str) -> Adapter {
    let files = DiskFiles { base: ".".into(), assets: crate::assets::find };
    let file = concept_files::open(&files, Path::new(&format!("assets:miniature/concepts/{name}.pth"))).unwrap();
    put(models, &file, 0.8)
}

/// A file that changes one convolution.
fn of_a_convolution(models: &Models) -> Adapter {
    let array = |shape: [usize; 4]| {
        let values = (0..shape.iter().product()).map(|index: usize| ((index * 37 % 19) as f32 - 9.0) / 60.0).collect();
        Array { values, shape: shape.to_vec() }
    };
    let change = Change::LowRank { down: array([2, 32, 3, 3]), mid: None, up: array([32, 2, 1, 1]), scale: 1.0 };
    let file = AdapterFile {
        file: "made up".into(),
        kind: adapters::Kind::LoCon,
        unet: BTreeMap::from([("down_blocks.0.resnets.0.conv2".to_owned(), change)]),
        text_encoder: BTreeMap::new(),
        embeddings: Vec::new(),
        trigger_words: Vec::new(),
        about: adapters::About::default(),
        tensors: 0,
        left_aside: Vec::new(),
    };
    put(models, &file, 1.0)
}

/// As much as the order of sums may make of rounding in f32, through a whole network.
const ROUNDING: f32 = 2e-5;

/// Masks of one picture whose subjects have these rows of a latent of 16 x 16 cells.
fn masks(rows: &[(usize, usize)]) -> Vec<Vec<SubjectMasks>> {
    let subject =
        |&(from, to): &(usize, usize)| SubjectMasks::new(Mask::from_fn(16, 16, |y, _| (from..to).contains(&y)));
    vec![rows.iter().map(subject).collect()]
}

/// Both halves of a picture's latents.
fn latents(models: &Models) -> Tensor<4> {
    noise::seeded(&[3], [4, 16, 16], &models.device).repeat_dim(0, 2)
}

fn masked(adapters: &[Adapter], tokens: &[usize], positions: usize) -> OnePass {
    let concepts = adapters.iter().map(|adapter| MaskedConcept { adapter: adapter.clone(), tokens: tokens.to_vec() });
    let owners = (0..adapters.len()).collect();
    OnePass { way: Way::Masked(Masked { concepts: concepts.collect(), positions, seeks: false }), owners }
}

#[test]
fn one_masked_adapter_over_everything_is_the_adapter_and_over_nothing_changes_words_alone() {
    let models = miniature();
    for adapter in [concept(&models, "mint_cat"), of_a_convolution(&models)] {
        let context = encode_custom(&models, &adapter, "a cat on the beach").context.repeat_rows(2);
        let predict = |tap: &mut dyn Tap| models.unet.predict(latents(&models), &[501], &context, tap);
        let alone = predict(&mut Terms(&Stacked::new(&[Some(&adapter)], None)));
        let plain = predict(&mut ());
        assert!(apart(&plain, &alone) > 1e-3, "it changes something");
        let method = masked(std::slice::from_ref(&adapter), &[], 77);
        let everywhere = predict(&mut &method.tap(&masks(&[(0, 16)]), &models.device));
        let difference = apart(&everywhere, &alone);
        println!("masked over everything: {difference:e} from the adapter alone");
        assert!(difference < ROUNDING, "{difference:e}");
        // Keys and values of words that belong to nobody are changed everywhere.
        let nowhere = predict(&mut &method.tap(&masks(&[(0, 0)]), &models.device));
        let half = predict(&mut &method.tap(&masks(&[(0, 8)]), &models.device));
        assert!(apart(&half, &alone) > 1e-4 && apart(&half, &nowhere) > 1e-4);
    }
}

/// Keeps a layer, what it saw and what it gave.
struct Grab(Layer, Option<(Linear, Tensor<3>, Tensor<3>)>);

impl Tap for Grab {
    fn linear(&mut self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        if layer == self.0 {
            self.1 = Some((of.clone(), input.clone(), output.clone()));
        }
        output
    }
}

#[test]
fn two_masked_adapters_act_in_their_own_masks_and_their_words_are_nobody_else_s() {
    let models = miniature();
    let adapters = [concept(&models, "mint_cat"), concept(&models, "plum_dog")];
    let site = |kind| Site { block: Block::Down(0), attention: 0, kind };
    let context = encode_plain(&models, "a cat and a dog").context.repeat_rows(2);
    let concepts = adapters.iter().zip([2, 5]);
    let concepts = concepts.map(|(adapter, token)| MaskedConcept { adapter: adapter.clone(), tokens: vec![token] });
    let method = Masked { concepts: concepts.collect(), positions: 77, seeks: false };
    let tap = method.tap(&[0, 1], &masks(&[(0, 4), (8, 16)]), &models.device);
    for (layer, words) in [
        (Layer::Attention(site(Kind::Own), Projection::Query), false),
        (Layer::Attention(site(Kind::Cross), Projection::Key), true),
    ] {
        let mut grab = Grab(layer, None);
        models.unet.predict(latents(&models), &[501], &context, &mut grab);
        let (linear, input, plain) = grab.1.unwrap();
        let added: Vec<Vec<f32>> =
            (adapters.iter()).map(|adapter| host(adapter.linear(layer)[0].of(&linear, &input, &plain))).collect();
        let found = host(tap.linear(layer, &linear, &input, plain.clone()));
        let (channels, tokens) = (plain.dims()[2], plain.dims()[1]);
        for (index, (found, plain)) in found.iter().zip(host(plain)).enumerate() {
            let token = index / channels % tokens;
            let acts = if words { [token != 5, token != 2] } else { [token / 16 < 4, token / 16 >= 8] };
            let expected = plain + [0, 1].iter().filter(|&&it| acts[it]).map(|&it| added[it][index]).sum::<f32>();
            assert!((found - expected).abs() < 1e-5, "token {token} of {layer}: {found}, by hand {expected}");
        }
    }
    let zeros = Tensor::<4>::zeros([2, 2, 256, 77], &models.device);
    let logits = host(tap.logits(site(Kind::Cross), zeros));
    let at = |cell: usize, token: usize| logits[cell * 77 + token];
    assert_eq!([at(0, 2), at(0, 5), at(0, 3)], [1.0, -1.0, 0.0]);
    assert_eq!([at(255, 2), at(255, 5), at(100, 5)], [-1.0, 1.0, 0.0]);
    assert!(tap.wants_logits(site(Kind::Cross)) && !tap.wants_logits(site(Kind::Own)));
}

#[test]
fn a_box_over_everything_gives_the_picture_of_its_own_prompt_and_none_that_of_the_base() {
    let models = miniature();
    let adapter = concept(&models, "mint_cat");
    let [whole, own] = ["a cat on the beach", "<mint_cat_1> <mint_cat_2> on the beach"]
        .map(|prompt| encode_custom(&models, &adapter, prompt).context);
    let stacked = Stacked::new(&[Some(&adapter)], None);
    let predict = |context: &Context, tap: &mut dyn Tap| {
        let mut tap = (tap, Terms(&stacked));
        models.unet.predict(latents(&models), &[501], &context.repeat_rows(2), &mut tap)
    };
    let beside = Context::beside(&[whole.clone(), own.clone()]);
    let method = OnePass { way: Way::Regional(Regional { regions: 1 }), owners: vec![0] };
    assert_eq!(method.prompts(), 2);
    let boxed = |rows| predict(&beside, &mut &method.tap(&masks(&[rows]), &models.device));
    let [of_whole, of_own] = [&whole, &own].map(|context| predict(context, &mut ()));
    let (everywhere, nowhere) = (apart(&boxed((0, 16)), &of_own), apart(&boxed((0, 0)), &of_whole));
    println!(
        "box over everything: {everywhere:e}, over nothing: {nowhere:e}; prompts differ by {}",
        apart(&of_own, &of_whole)
    );
    assert!(everywhere < ROUNDING && nowhere < ROUNDING && apart(&of_own, &of_whole) > 1e-2);
    let half = boxed((0, 8));
    assert!(apart(&half, &of_own) > 1e-3 && apart(&half, &of_whole) > 1e-3);

    // What is shown of attention is the picture's prompt's, as if no other stood beside it.
    let site = Site { block: Block::Down(0), attention: 0, kind: Kind::Cross };
    let [mut alone, mut side] = [1, 2].map(|prompts| Record { prompts, ..Record::new(vec![site], 1, 1, 2) });
    predict(&whole, &mut &mut alone);
    predict(&beside, &mut (&mut side, &method.tap(&masks(&[(0, 8)]), &models.device)));
    let (beside, alone) = (side.maps[&site].of(0, 0), alone.maps[&site].of(0, 0));
    assert_eq!(beside.len(), alone.len());
    assert!(beside.iter().zip(alone).all(|(beside, alone)| (beside - alone).abs() < ROUNDING));
}

#[test]
fn several_files_fused_give_each_concept_what_its_own_gives_and_a_second_time_come_from_the_disk() {
    let models = miniature();
    let adapters = [concept(&models, "mint_cat"), concept(&models, "plum_dog")];
    let calls = adapters.each_ref().map(Adapter::words);
    let ingredients: Vec<Ingredient<'_>> =
        adapters.iter().zip(&calls).map(|(adapter, call)| Ingredient { adapter, call }).collect();
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path(), 1 << 30);
    let begun = std::time::Instant::now();
    let fusing = Fusing { models: &models, concepts: &ingredients, size: [8, 8] };
    let mut told = Vec::new();
    let fused = fusing
        .fused(&cache, &mut |done, of| {
            told.push((done, of));
            Ok(())
        })
        .unwrap();
    println!("fused in {:?}", begun.elapsed());
    let of = told[0].1;
    assert_eq!(told, (0..of).map(|done| (done, of)).collect::<Vec<_>>(), "all that was announced was done");

    // What each layer of the text encoder gives on both concepts' words is nearer to what their own files give than the sum
    // of both is, and than the plain layer.
    let sum = Adapter::sum(&[&adapters[0], &adapters[1]]);
    for layer in sum.changed_texts() {
        let mut problems = BTreeMap::from([(layer, None)]);
        for (adapter, call) in adapters.iter().zip(&calls) {
            let tokens = models.tokenizer.encode_with(&format!("photo of a {call}"), adapter.placeholders());
            let tap = GatherTexts { adapter, problems: RefCell::new(&mut problems) };
            models.text_encoder.forward(embed_bare(&models, adapter, &tokens), &tap);
        }
        let problem = problems.remove(&layer).flatten().unwrap();
        let difference = |of: &Adapter| match &of.text(layer)[0] {
            LinearTerm::Whole(difference) => difference.clone(),
            LinearTerm::LowRank(down, up) => down.clone().matmul(up.clone()),
            other => panic!("{other:?}"),
        };
        let [fused, sum] = [difference(&fused), difference(&sum)].map(|difference| problem.gain(&difference));
        assert!(fused > 0.0 && fused > sum, "{layer}: {fused} against {sum} of the sum");
    }

    let again = fusing.fused(&cache, &mut |_, _| panic!("it is on the disk")).unwrap();
    let hash = |adapter: &Adapter| {
        let mut hasher = blake3::Hasher::new();
        adapter.add_to(&mut hasher);
        hasher.finalize()
    };
    assert_eq!(hash(&again), hash(&fused));
    // Another concept is another result, and whoever stops it stops it.
    let other = [Ingredient { adapter: &concept(&models, "coral_bear"), call: "a bear" }];
    let other = Fusing { models: &models, concepts: &other, size: [8, 8] };
    let stopped = other.fused(&cache, &mut |_, _| Err(crate::engine::EngineError::Cancelled));
    assert!(stopped.is_err());
}

#[test]
fn a_file_that_is_fused_alone_keeps_its_own_words_as_they_were() {
    let models = miniature();
    let adapter = concept(&models, "mint_cat");
    let call = adapter.words();
    let alone = [Ingredient { adapter: &adapter, call: &call }];
    let fusing = Fusing { models: &models, concepts: &alone, size: [8, 8] };
    let fused = fusing.fused(&Cache::none(), &mut |_, _| Ok(())).unwrap();
    let prompt = format!("photo of a {call}");
    // What is not padding: a start, five tokens, an end.
    let states = |reading: &Adapter| {
        let context = encode_custom(&models, reading, &prompt).context;
        Tensor::cat((0..16).map(|layer| context.slice(layer).narrow(1, 0, 7)).collect(), 0)
    };
    let own = states(&adapter);
    let near = apart(&states(&fused.speaking(&[&adapter])), &own);
    let plain = apart(&states(&Adapter::default().speaking(&[&adapter])), &own);
    println!("fused alone: {near:e} from its own encoder, the plain one {plain:e}");
    assert!(near < 0.05 * plain, "{near} of {plain}");
    // Nor is any layer of the UNet left out.
    let mut changed: Vec<Layer> = fused.changed_linears().collect();
    let mut expected: Vec<Layer> = adapter.changed_linears().collect();
    changed.sort();
    expected.sort();
    assert_eq!(changed, expected);
}

#[test]
fn in_one_prompt_no_two_concepts_share_a_word() {
    let models = miniature();
    let cat = concept(&models, "mint_cat");
    let second = cat.told_apart_from(std::slice::from_ref(&cat));
    let third = cat.told_apart_from(&[cat.clone(), second.clone()]);
    assert_eq!(cat.words(), "<mint_cat_1> <mint_cat_2>");
    assert_eq!(second.words(), "<mint_cat_1#2> <mint_cat_2#2>");
    assert_eq!(third.words(), "<mint_cat_1#3> <mint_cat_2#3>");
    let both = Adapter::sum(&[&cat, &second]).speaking(&[&cat, &second]);
    let tokens = models.tokenizer.encode_with(&format!("{} and {}", cat.words(), second.words()), both.placeholders());
    assert_eq!(tokens.length, 5);
    assert_eq!(cat.told_apart_from(&[]).words(), cat.words());
}

/// What an adapter adds to a layer of keys or values that reads these states, `[1, tokens, out]`.
fn added(models: &Models, adapter: &Adapter, layer: Layer, context: &Context) -> Tensor<3> {
    let mut grab = Grab(layer, None);
    models.unet.predict(latents(models).narrow(0, 0, 1), &[501], context, &mut grab);
    let (linear, input, plain) = grab.1.unwrap();
    let terms = adapter.linear(layer).iter().map(|term| term.of(&linear, &input, &plain));
    terms.reduce(|sum, term| sum + term).unwrap_or_else(|| plain.zeros_like())
}

fn squares(x: &Tensor<3>) -> f32 {
    host(x.clone()).iter().map(|value| value * value).sum()
}

#[test]
fn merged_keys_and_values_give_each_concept_on_its_own_words_what_its_own_file_gives() {
    let models = miniature();
    let adapters = [concept(&models, "mint_cat"), concept(&models, "plum_dog")];
    let calls = adapters.each_ref().map(Adapter::words);
    let all: Vec<&Adapter> = adapters.iter().collect();
    let reading = Adapter::sum(&all).speaking(&all);
    let ingredients: Vec<Ingredient<'_>> =
        adapters.iter().zip(&calls).map(|(adapter, call)| Ingredient { adapter, call }).collect();
    let begun = std::time::Instant::now();
    let merging = Merging { models: &models, concepts: &ingredients, reading: &reading };
    let mut told = Vec::new();
    let Merged { adapter, heard } = merging
        .merged(&mut |done, of| {
            told.push((done, of));
            Ok(())
        })
        .unwrap();
    println!("merged in {:?}, {} numbers", begun.elapsed(), adapter.len());
    let of = told[0].1;
    assert_eq!(told, (0..of).map(|done| (done, of)).collect::<Vec<_>>(), "all that was announced was done");
    assert_eq!(heard, [true, true]);
    let words = |layer: &Layer| matches!(layer, Layer::Attention(site, Projection::Key | Projection::Value) if site.kind == Kind::Cross);
    let mut layers: Vec<Layer> = adapter.changed_linears().collect();
    layers.sort();
    assert!(layers.len() == 32 && layers.iter().all(words), "keys and values of cross-attention, and nothing else");

    let sum = Adapter::sum(&all);
    for layer in [layers[0], layers[17], layers[31]] {
        for (own, call) in adapters.iter().zip(&calls) {
            // A start, two words, an end.
            let context = encode_custom(&models, &reading, call).context;
            let [wanted, merged, summed] =
                [own, &adapter, &sum].map(|adapter| added(&models, adapter, layer, &context).narrow(1, 1, 3));
            let whole = squares(&wanted);
            let off = squares(&(merged - wanted.clone())) / whole;
            let off_in_sum = squares(&(summed - wanted)) / whole;
            println!("{layer}, {call}: off by {off:e} of its square, the sum of files by {off_in_sum}");
            assert!(off < 1e-4 && off < off_in_sum, "{layer}, {call}: {off:e}, {off_in_sum}");
        }
    }
    let stopped = merging.merged(&mut |_, _| Err(crate::engine::EngineError::Cancelled));
    assert!(stopped.is_err());
}

#[test]
fn a_file_that_is_merged_alone_changes_captions_less_than_it_does_itself() {
    let models = miniature();
    let own = concept(&models, "mint_cat");
    let call = own.words();
    let reading = own.speaking(&[&own]);
    let alone = [Ingredient { adapter: &own, call: &call }];
    let merging = Merging { models: &models, concepts: &alone, reading: &reading };
    let merged = merging.merged(&mut |_, _| Ok(())).unwrap().adapter;
    let states: Vec<Tensor<3>> = captions::all()
        .map(|caption| {
            let states = states_bare(&models, &Adapter::default(), &models.tokenizer.encode(&caption));
            let tokens = states.dims()[1];
            states.narrow(1, 1, tokens - 1)
        })
        .collect();
    let context = Context::plain(Tensor::cat(states, 1));
    let mut layers: Vec<Layer> = merged.changed_linears().collect();
    layers.sort();
    for layer in [layers[0], layers[17], layers[31]] {
        let [merged, itself] = [&merged, &own].map(|adapter| squares(&added(&models, adapter, layer, &context)));
        println!("{layer}: {merged} of {itself}");
        // The file itself does what is asked of the merge, so that the least change can be no larger.
        assert!(merged < itself * 1.001 && merged > 0.0, "{layer}: {merged} of {itself}");
    }
}

#[test]
fn one_that_is_called_as_another_is_not_heard_and_one_of_the_same_file_is() {
    let models = miniature();
    let [cat, dog] = ["mint_cat", "plum_dog"].map(|name| concept(&models, name));
    let heard = |adapters: [&Adapter; 2]| {
        let concepts = adapters.map(|adapter| Ingredient { adapter, call: "toy" });
        let reading = Adapter::sum(&adapters).speaking(&[]);
        Merging { models: &models, concepts: &concepts, reading: &reading }.merged(&mut |_, _| Ok(())).unwrap().heard
    };
    assert_eq!(heard([&cat, &dog]), [true, false]);
    assert_eq!(heard([&cat, &cat]), [true, true]);
}

#[test]
fn a_residual_brings_the_class_word_to_where_the_learnt_words_are() {
    let models = miniature();
    let adapter = concept(&models, "mint_cat");
    let call = adapter.words();
    let found = residual(&models, &adapter, &call, "cat").unwrap();
    let width = models.text_encoder.config.hidden_size;
    assert_eq!(found.dims(), [16, 1, width]);
    // Another prompt than it was found in: `cat` is its second word, and so is the first of the learnt two.
    let layers = models.unet.config.transformers().len();
    let plain = encode_plain(&models, "two cat on the beach");
    let at: Vec<usize> = plain.tokens.positions_in(&(4..7)).collect();
    let told = with_residuals(&plain.context, layers, &plain.tokens.weights, &[Placed { residual: &found, at: &at }]);
    let own = encode_custom(&models, &adapter, &format!("two {call} on the beach"));
    let end = own.tokens.positions_in(&(4..4 + call.len())).last().unwrap();
    for layer in [0, 7, 15] {
        let state = |context: &Context, at: usize| context.slice(layer).narrow(1, at, 1);
        let wanted = state(&own.context, end);
        let off = |state: Tensor<3>| squares(&(state - wanted.clone())).sqrt();
        let (with, without) = (off(state(&told, at[0])), off(state(&plain.context, at[0])));
        println!("layer {layer}: {with} away with it, {without} without");
        assert!(with < 0.7 * without, "layer {layer}: {with} of {without}");
        // All other words stay as they are.
        let rest = |context: &Context| context.slice(layer).narrow(1, at[0] + 1, 4);
        assert_eq!(host(rest(&told)), host(rest(&plain.context)));
    }
    // Who has no learnt words has none.
    assert!(residual(&models, &Adapter::default(), "cat", "cat").is_none());
    assert!(residual(&models, &adapter, "tomcat", "cat").is_none());
    assert!(residual(&models, &adapter, &call, " ").is_none());
    assert!(residual(&models, &adapter, &call, "teddy bear").unwrap().dims()[1] >= 2);
}

#[test]
fn a_guided_word_is_heeded_in_its_box_alone_and_without_noise_as_ever() {
    let models = miniature();
    let context = encode_plain(&models, "a cat and a dog").context.repeat_rows(2);
    let predict = |tap: &mut dyn Tap| models.unet.predict(latents(&models), &[501], &context, tap);
    let guided = Guided { tokens: vec![vec![2], vec![5]], positions: 77 };
    let method = OnePass { way: Way::Guided(guided), owners: vec![0, 1] };
    assert_eq!((method.prompts(), method.rounds(), method.numbers()), (1, 2, 0));
    let mut tap = method.tap(&masks(&[(0, 4), (8, 16)]), &models.device);
    let plain = predict(&mut ());
    let difference = apart(&predict(&mut &tap), &plain);
    assert!(difference < ROUNDING, "σ² = 0: {difference:e}");
    tap.begin(4.0);
    let site = Site { block: Block::Down(0), attention: 0, kind: Kind::Cross };
    let mut record = Record::new(vec![site], 1, 1, 2);
    let led = predict(&mut (&tap, &mut record));
    assert!(apart(&led, &plain) > 1e-3);
    // The half without the prompt is the first row.
    assert!(apart(&led.narrow(0, 0, 1), &plain.narrow(0, 0, 1)) < ROUNDING);
    let map = record.maps[&site].of(0, 0);
    let heeded = |cell: usize, token: usize| map[cell * 77 + token];
    for cell in 0..256 {
        assert_eq!((heeded(cell, 2) > 0.0, heeded(cell, 5) > 0.0), (cell < 64, cell >= 128), "cell {cell}");
        assert!(heeded(cell, 0) > 0.0);
    }
}
