use super::*;

/// The parts as the WebUI's parser gives them; a break is ("BREAK", −1).
fn read(prompt: &str) -> Vec<(String, f32)> {
    let part = |part: &Part| match part {
        Part::Words(words) => (words.text.clone(), words.weight),
        Part::Break => ("BREAK".to_owned(), -1.0),
    };
    parse(prompt, &[]).parts.iter().map(part).collect()
}

#[track_caller]
fn assert_reads(prompt: &str, expected: &[(&str, f32)]) {
    let found = read(prompt);
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, wanted)| found.0 == wanted.0 && (found.1 - wanted.1).abs() < 1e-5);
    assert!(same, "{prompt}: {found:?}, not {expected:?}");
}

/// The words of all hints, joined.
fn hinted(prompt: &str) -> String {
    parse(prompt, &[]).hints.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The examples in the WebUI's own documentation of `parse_prompt_attention`.
#[test]
fn the_examples_of_the_web_ui_read_as_it_says() {
    assert_reads("normal text", &[("normal text", 1.0)]);
    assert_reads("an (important) word", &[("an ", 1.0), ("important", 1.1), (" word", 1.0)]);
    assert_reads("(unbalanced", &[("unbalanced", 1.1)]);
    assert_reads("\\(literal\\]", &[("(literal]", 1.0)]);
    assert_reads("(unnecessary)(parens)", &[("unnecessaryparens", 1.1)]);
    assert_reads(
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        &[
            ("a ", 1.0),
            ("house", 1.573),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641),
            (".", 1.1),
        ],
    );
}

#[test]
fn brackets_multiply_and_what_is_open_reaches_to_the_end() {
    assert_reads("((x))", &[("x", 1.21)]);
    assert_reads("[x]", &[("x", 1.0 / 1.1)]);
    assert_reads("[[x]] y", &[("x", 1.0 / 1.21), (" y", 1.0)]);
    assert_reads("((a:1.5) b:2)", &[("a", 3.0), (" b", 2.0)]);
    assert_reads("a [b (c", &[("a ", 1.0), ("b ", 1.0 / 1.1), ("c", 1.0)]);
    // The two kinds are counted apart.
    assert_reads("(a [b) c]", &[("a ", 1.1), ("b", 1.0), (" c", 1.0 / 1.1)]);
    assert_reads("", &[("", 1.0)]);
    assert_reads("()[]", &[("", 1.0)]);
}

#[test]
fn a_weight_is_a_number_before_a_closing_bracket_and_else_words() {
    assert_reads("(x : 1.3 )", &[("x ", 1.3)]);
    assert_reads("(x:+.5)", &[("x", 0.5)]);
    assert_reads("(x:-1)", &[("x", -1.0)]);
    assert_reads("a, b:1.2) c", &[("a, b:1.2) c", 1.0)]);
    assert_reads("(12:30, noon)", &[("12:30, noon", 1.1)]);
    assert_reads("a smiley :) or :(", &[("a smiley :) or :", 1.0)]);
    assert_reads("(x:1.2.3) y", &[("x:1.2.3", 1.1), (" y", 1.0)]);
    assert!(hinted("(x:1.2.3)").contains("no weight"));
    assert_reads("(x:100000)", &[("x", MAX_WEIGHT)]);
    assert!(hinted("(x:100000)").contains("from -100 to 100"));
}

#[test]
fn a_backslash_makes_a_sign_a_letter_and_is_nothing_elsewhere() {
    assert_reads(r"fluffy \(cat\), \[a\] \\o/", &[(r"fluffy (cat), [a] \o/", 1.0)]);
    assert_reads(r"a\b", &[("ab", 1.0)]);
    assert_reads(r"(a\)b)", &[("a)b", 1.1)]);
    assert_reads("a\\", &[("a", 1.0)]);
}

#[test]
fn break_begins_a_chunk_but_is_a_word_in_brackets_that_weigh() {
    assert_reads("a BREAK b", &[("a", 1.0), ("BREAK", -1.0), ("b", 1.0)]);
    assert_reads("a\nBREAK\n\nBREAK b", &[("a", 1.0), ("BREAK", -1.0), ("BREAK", -1.0), ("b", 1.0)]);
    assert_reads("BREAK", &[("BREAK", -1.0)]);
    assert_reads("BREAKFAST at a BREAK_IN, break", &[("BREAKFAST at a BREAK_IN, break", 1.0)]);
    // As a word it weighs minus what its brackets do, as in the WebUI.
    assert_eq!(parse("(a BREAK b:1.5)", &[]).parts.len(), 3);
    assert_reads("(a BREAK b:1.5)", &[("a", 1.5), ("BREAK", -1.5), ("b", 1.5)]);
    assert!(parse("(a BREAK b:1.5)", &[]).parts.iter().all(|part| matches!(part, Part::Words(_))));
    assert!(hinted("(a BREAK b:1.5)").contains("outside"));
    assert!(parse("(a BREAK b:1)", &[]).parts.contains(&Part::Break), "brackets of weight 1 change nothing");
}

#[test]
fn networks_are_left_out_and_told_of() {
    let prompt = "a <lora:my cat:0.8>cat <lyco:b:te=0.5:unet=0.7:dyn=4><hypernet:h:1> <TOK> 1 < 2 > 1";
    let found = parse(prompt, &[]);
    assert_reads(prompt, &[("a cat  <TOK> 1 < 2 > 1", 1.0)]);
    let told: Vec<_> = found.tags.iter().map(|tag| (tag.kind, tag.name.as_str(), tag.text, tag.unet)).collect();
    let expected =
        [(TagKind::Lora, "my cat", 0.8, 0.8), (TagKind::Lora, "b", 0.5, 0.7), (TagKind::Other, "h", 1.0, 1.0)];
    assert_eq!(told, expected);
    assert_eq!(&prompt[found.tags[0].span.clone()], "<lora:my cat:0.8>");
    assert!(hinted(prompt).contains("\"hypernet\""));
    let positional = parse("<lora:x:0.5:0.9:8>", &[]).tags;
    assert_eq!((positional[0].text, positional[0].unet), (0.5, 0.9));
    let silly = parse("<lora:x:many> <lora::> <lora:x", &[]);
    assert_eq!((silly.tags.len(), silly.tags[0].text), (2, 1.0));
}

#[test]
fn what_changes_while_sampling_is_read_as_it_ends_or_begins_and_said() {
    assert_reads("a [cat:dog:0.5] b", &[("a dog b", 1.0)]);
    assert_reads("a [dog:10]", &[("a dog", 1.0)]);
    assert_reads("a [cat::.5]", &[("a ", 1.0)]);
    assert_reads("a [cat|dog|cow] b", &[("a cat b", 1.0)]);
    assert_reads("[a (b:1.2):[c|d]:5]", &[("c", 1.0)]);
    assert_reads("[a:b] [12:30 noon]", &[("a:b", 1.0 / 1.1), (" ", 1.0), ("12:30 noon", 1.0 / 1.1)]);
    assert_reads(r"[a\|b] [a\:b:2]", &[("a|b", 1.0 / 1.1), (" a:b", 1.0)]);
    assert!(hinted("[cat:dog:0.5]").contains("\"dog\" is read in all steps"));
    assert!(hinted("[cat::0.5]").contains("nothing is read"));
    assert!(hinted("[cat|dog]").contains("\"cat\""));
    assert_reads("a AND b", &[("a AND b", 1.0)]);
    assert!(hinted("a cat AND a dog :1.2").contains("AND is read as the word"));
    assert_reads("a cat :3", &[("a cat :3", 1.0)]);
    assert!(hinted("a cat :3").contains("\":3\""));
    for plain in ["SAND and BRAND", "3", "a: b", "at 3"] {
        assert_eq!(hinted(plain), "", "{plain}");
    }
}

#[test]
fn an_unclosed_bracket_is_said_with_its_place() {
    let found = parse("a cat, (a dog", &[]);
    assert_eq!(found.hints[0].span, 7..8);
    assert!(hinted("a cat, (a dog").contains("A ( is never closed"));
    assert_eq!(hinted("(a) [b] \\("), "");
}

#[test]
fn words_know_their_places_in_the_prompt_and_signs_too() {
    let prompt = r"é <lora:x:1>(\(ca[t]:1.3) [a|b]";
    let found = parse(prompt, &[]);
    for part in &found.parts {
        let Part::Words(words) = part else { panic!() };
        for (at, letter) in words.text.char_indices() {
            assert_eq!(prompt[words.span(at..at + letter.len_utf8())].chars().next_back(), Some(letter));
        }
    }
    let signs: Vec<&str> = found.signs.iter().map(|sign| &prompt[sign.clone()]).collect();
    assert_eq!(signs, [r"<lora:x:1>(\", "[", "]:1.3)", "[", "|b]"]);
    assert_eq!(found.left_out, left_out(prompt));
    let Part::Words(first) = &found.parts[0] else { panic!() };
    assert_eq!(first.span(0..0), 0..0);
}

#[test]
fn tokens_stand_for_themselves_whatever_signs_they_have() {
    let tokens = ["<a:b>", "cat (blue)"];
    let part = |prompt: &str| match &parse(prompt, &tokens).parts[..] {
        [Part::Words(words)] => (words.text.clone(), words.weight),
        other => panic!("{other:?}"),
    };
    assert_eq!(part("(<a:b> x)"), ("<a:b> x".into(), 1.1));
    assert_eq!(part("a cat (blue)"), ("a cat (blue)".into(), 1.0));
}

#[test]
fn a_key_changes_the_weight_of_the_selection_the_brackets_or_the_word() {
    let at = |prompt: &str, words: &str| {
        let start = prompt.find(words).unwrap();
        start..start + words.len()
    };
    let (up, selected) = nudge("a cat here", 3..3, 0.1).unwrap();
    assert_eq!((up.as_str(), selected.clone()), ("a (cat:1.1) here", 3..6));
    let (more, selected) = nudge(&up, selected, 0.1).unwrap();
    assert_eq!(more, "a (cat:1.2) here");
    let (down, selected) = nudge(&more, selected, -0.1).unwrap();
    assert_eq!(nudge(&down, selected, -0.1).unwrap(), ("a cat here".into(), 2..5));
    assert_eq!(nudge("a big cat", at("a big cat", " big cat"), -0.1).unwrap().0, "a (big cat:0.9)");
    // A cursor within brackets means all of them; brackets without a number count as 1.1.
    assert_eq!(nudge("(a big cat:1.5)", 4..4, 0.1).unwrap().0, "(a big cat:1.6)");
    assert_eq!(nudge("(a big cat)", 4..4, -0.1).unwrap().0, "a big cat");
    assert_eq!(nudge("", 0..0, 0.1), None);
    assert_eq!(nudge("a  b", 2..2, 0.1), None);
    assert_eq!(nudge("é", 1..1, 0.1), None, "in the middle of a letter");
    assert_eq!(nudge("(x:0.05)", 1..1, -0.1).unwrap().0, "(x:0)");
}

/// A reproducible sequence of numbers, for prompts that nobody would write.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

fn silly(dice: &mut Dice) -> String {
    const PIECES: [&str; 28] = [
        "(",
        ")",
        "[",
        "]",
        ":",
        "|",
        "\\",
        "<",
        ">",
        "1.3",
        "-",
        ".",
        "BREAK",
        "AND",
        " ",
        ",",
        "cat",
        "é",
        "猫",
        "lora",
        "<lora:x:1>",
        ":1.2)",
        "\n",
        "[a:b:0.5]",
        "[a|b]",
        "<t1>",
        "\u{feff}",
        "9999999999",
    ];
    (0..dice.roll(40)).map(|_| PIECES[dice.roll(PIECES.len())]).collect()
}

fn hold(prompt: &str, dice: &mut Dice) {
    let found = parse(prompt, &["<t1>"]);
    assert!(!found.parts.is_empty(), "{prompt:?}");
    let mut before = 0;
    for sign in &found.signs {
        assert!(sign.start >= before && prompt.get(sign.clone()).is_some_and(|sign| !sign.is_empty()), "{prompt:?}");
        before = sign.end + 1;
    }
    for part in &found.parts {
        let Part::Words(words) = part else { continue };
        assert!(words.weight.abs() <= MAX_WEIGHT && words.origin.len() == words.text.len(), "{prompt:?}");
        assert!(prompt.get(words.span(0..words.text.len())).is_some(), "{prompt:?}");
    }
    assert!(found.hints.iter().all(|hint| prompt.get(hint.span.clone()).is_some()), "{prompt:?}: {:?}", found.hints);
    let (from, to) = (dice.roll(prompt.len() + 2), dice.roll(prompt.len() + 2));
    if let Some((nudged, selected)) = nudge(prompt, from.min(to)..from.max(to), 0.1) {
        assert!(nudged.get(selected).is_some(), "{prompt:?}");
    }
}

#[test]
fn no_prompt_breaks_the_parser() {
    let mut dice = Dice(1);
    for _ in 0..20_000 {
        let prompt = silly(&mut dice);
        hold(&prompt, &mut dice);
    }
}

#[test]
#[ignore = "takes twenty minutes"]
fn no_prompt_breaks_the_parser_in_twenty_minutes() {
    let (mut dice, begun) = (Dice(std::process::id().into()), std::time::Instant::now());
    while begun.elapsed() < std::time::Duration::from_secs(20 * 60) {
        let prompt = silly(&mut dice);
        hold(&prompt, &mut dice);
    }
}

/// Every kind of sign that opens something, a hundred thousand times: seconds would mean the square of the length.
#[test]
fn long_prompts_take_no_longer_than_their_length() {
    let begun = std::time::Instant::now();
    for piece in ["(", "[", "[a|", "<a:", "(a", "(a:1.1)", ":", "[a:1:2]", "(a:0)(", "BREAK ", "\\", "<a:b> cat"] {
        let prompt = piece.repeat(100_000);
        assert!(!parse(&prompt, &["<t>"]).parts.is_empty());
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}
