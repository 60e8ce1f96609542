//! Prompts as people type them: chunks and weights, counted and computed by hand on the miniature.

use podium::engine::models::Models;
use podium::engine::nets::tokenizer::{Encoded, Placeholder, Token};
use podium::engine::prompt::{encode_base, encode_plain};
use podium::engine::weights::ModelFiles;
use podium::link::{Lane, Watch};
use podium::project::PromptReading::{Plain, Weighted};

use crate::studio::{difference, engine, render, small};

fn models() -> Models {
    let device = burn::tensor::Device::flex();
    Models::load(&ModelFiles::BuiltIn, &device, &mut |_| Ok(())).expect("the miniature")
}

fn values(context: &podium::engine::nets::attention::Context) -> Vec<f32> {
    context.slice(0).into_data().try_to_vec().expect("f32")
}

fn same(left: &[f32], right: &[f32], within: f32) {
    assert_eq!(left.len(), right.len());
    let worst = left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max);
    assert!(worst <= within, "they differ by {worst}");
}

/// The weights of the tokens that are not 1, by position.
fn weights(encoded: &Encoded) -> Vec<(usize, f32)> {
    encoded.weights.iter().copied().enumerate().filter(|(_, weight)| *weight != 1.0).collect()
}

#[test]
fn without_signs_both_readings_are_one_and_the_same() {
    let tokenizer = models().tokenizer;
    for prompt in ["", "a cat and a dog on the beach", "Ein BÄR, 猫!  two\nlines", &"cat ".repeat(75)] {
        let plain = tokenizer.read(prompt, Plain, &[]);
        assert_eq!(plain, tokenizer.encode(prompt));
        assert_eq!(tokenizer.read(prompt, Weighted, &[]), plain, "{prompt}");
    }
    // Brackets that weigh nothing leave the tokens as they are, and say so.
    let weighed = tokenizer.read("a (cat:1) [on:", Weighted, &[]);
    assert_eq!(weights(&weighed).len(), 2);
    let (even, plain) = (tokenizer.read("a (cat:1) on", Weighted, &[]), tokenizer.encode("a cat on"));
    assert_eq!((&even.tokens, &even.weights), (&plain.tokens, &plain.weights));
}

#[test]
fn the_plain_reading_reads_brackets_as_they_stand() {
    let tokenizer = models().tokenizer;
    let prompt = "a (cat:1.3) [x] \\( BREAK <lora:y:1>";
    let plain = tokenizer.read(prompt, Plain, &[]);
    assert_eq!(plain, tokenizer.encode(prompt));
    assert!(plain.length > 15 && weights(&plain).is_empty(), "{}", plain.length);
    let long = tokenizer.read(&"cat ".repeat(100), Plain, &[]);
    assert_eq!((long.tokens.len(), long.length), (77, 100));
    assert_eq!(long.cut.as_deref().map(|cut| cut.split(' ').count()), Some(25));
}

#[test]
fn weights_stand_at_their_tokens_and_words_at_their_places() {
    let tokenizer = models().tokenizer;
    let prompt = r"a (red cat:1.5) \(on\) [dog]";
    let read = tokenizer.read(prompt, Weighted, &[]);
    // Start, a, red, cat, (, on, ), dog, end.
    assert_eq!(read.length, 7);
    let found = weights(&read);
    assert_eq!(found.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [2, 3, 7]);
    for ((_, weight), expected) in found.iter().zip([1.5, 1.5, 1.0 / 1.1]) {
        assert!((weight - expected).abs() < 1e-6, "{weight}, {expected} expected");
    }
    let words: Vec<&str> = read.spans.iter().map(|span| &prompt[span.clone()]).collect();
    assert_eq!(words, ["a", "red", "cat", "(", "on", ")", "dog"]);
    assert_eq!(read.positions, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn long_prompts_are_read_in_chunks_of_seventy_five() {
    let tokenizer = models().tokenizer;
    let read = |prompt: &str| tokenizer.read(prompt, Weighted, &[]);
    let long = read(&"cat ".repeat(76));
    assert_eq!((long.tokens.len(), long.length, tokenizer.chunks_of(&long)), (154, 76, 2));
    assert_eq!((long.positions[74], long.positions[75], long.cut.clone()), (75, 78, None));
    let start = long.tokens[0];
    assert_eq!((long.tokens[77], long.tokens[78]), (start, long.tokens[1]));
    assert!(long.tokens[79..].iter().all(|token| *token == long.tokens[76] || *token == long.tokens[153]));

    // 70 words, a comma, and a phrase of ten: the phrase moves on as a whole, behind 71 tokens.
    let phrase = read(&format!("{}, {}", "cat ".repeat(70), "dog ".repeat(10)));
    assert_eq!((phrase.length, phrase.positions[70], phrase.positions[71]), (81, 71, 78));
    let broken = read("a cat BREAK a dog");
    assert_eq!((broken.length, broken.positions.clone()), (4, vec![1, 2, 78, 79]));

    // A concept's two vectors do not part.
    let learnt = [Placeholder { word: "<t>".into(), vectors: 2 }];
    let read = tokenizer.read(&format!("{}(<t>:1.2) end", "cat ".repeat(74)), Weighted, &learnt);
    assert_eq!((read.positions[73], read.positions[74], read.positions[75]), (74, 78, 79));
    assert_eq!((read.tokens[78], read.tokens[79]), (Token::Placeholder(0), Token::Placeholder(1)));
    assert_eq!(weights(&read), [(78, 1.2), (79, 1.2)]);

    let endless = tokenizer.read(&"cat ".repeat(10_000), Weighted, &[]);
    assert_eq!((endless.length, tokenizer.chunks_of(&endless)), (10_000, 32));
    assert_eq!(endless.cut.map(|cut| cut.split(' ').count()), Some(10_000 - 32 * 75));

    let mut short = tokenizer.encode("a cat");
    tokenizer.lengthen(&mut short, 3);
    let empty = tokenizer.encode("");
    assert_eq!((short.tokens.len(), short.weights.len()), (231, 231));
    assert_eq!((&short.tokens[77..154], &short.tokens[154..]), (&empty.tokens[..], &empty.tokens[..]));
}

#[test]
fn weights_act_on_encoded_vectors_and_leave_the_mean() {
    let models = models();
    let width = models.text_encoder.config.hidden_size;
    let weighed = encode_base(&models, models.tokenizer.read("a (red cat:1.5) on", Weighted, &[]));
    let plain = values(&encode_plain(&models, "a red cat on").context);
    let mut expected = plain.clone();
    expected[2 * width..4 * width].iter_mut().for_each(|value| *value *= 1.5);
    let mean = |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    let back = (mean(&plain) / mean(&expected)) as f32;
    expected.iter_mut().for_each(|value| *value *= back);
    let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    same(&values(&weighed.context), &expected, largest * 1e-3);
    assert!((back - 1.0).abs() > 1e-4, "the mean was moved at all");

    // Chunks are encoded apart and joined, each with a mean of its own.
    let joined = encode_base(&models, models.tokenizer.read("a (red cat:1.5) on BREAK a dog", Weighted, &[]));
    let dog = values(&encode_plain(&models, "a dog").context);
    same(&values(&joined.context), &[values(&weighed.context), dog].concat(), 1e-4);
}

#[test]
fn a_long_weighted_prompt_renders_with_its_words_where_they_are() {
    let engine = engine();
    let mut project = small("beach", 2);
    project.settings.prompt_reading = Plain;
    let plain = render(&engine, &project, Watch::default()).finished();
    project.settings.prompt_reading = Weighted;
    let weighted = render(&engine, &project, Watch::default()).finished();
    assert_eq!(plain.pictures, weighted.pictures, "without signs the readings make one picture, bit for bit");

    let base = project.prompt.clone();
    // The class words are in the second chunk; the negative prompt has one.
    project.prompt = format!("{} BREAK ({base}:1.3) <lora:cat:1>", "sand, ".repeat(20));
    project.negative_prompt = "(grey:1.2)".into();
    let told = render(&engine, &project, Watch { attention: true, ..Watch::default() });
    assert_ne!(told.finished().pictures, weighted.pictures);
    let cut = told.warnings().into_iter().find(|warning| warning.to_string().contains("is not read"));
    assert_eq!(cut, None);
    for step in told.steps() {
        for lane in [Lane::Base, Lane::Reference] {
            let words: Vec<&str> =
                step.attention.iter().filter(|view| view.lane == lane).map(|view| view.word.as_str()).collect();
            assert_eq!(words, ["", "cat", "dog"], "{lane:?}");
        }
        assert!(step.attention.iter().any(|view| matches!(view.lane, Lane::Concept(_))));
    }
    // What weighs less is another picture than what weighs more, and both halves of a branch are as long.
    project.prompt = project.prompt.replace(":1.3", ":0.7");
    let less = render(&engine, &project, Watch::default()).finished();
    assert!(difference(&less.pictures[0], &told.finished().pictures[0]) > 0);
    project.negative_prompt = "grey ".repeat(160);
    assert_eq!(render(&engine, &project, Watch::default()).finished().pictures.len(), 1);
}
