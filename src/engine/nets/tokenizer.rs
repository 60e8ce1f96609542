//! CLIP's byte-level BPE: prompts to 77 token ids, exactly as the reference tokenizer gives them.
//!
//! The merging itself is the `tokenizers` crate's; this file sets it up as CLIP does and keeps track of
//! what it is told to cut.

use std::ops::Range;

use regex::Regex;
use serde_json::{Value, json};
use tokenizers::Tokenizer as Bpe;

pub use super::chunks::Token;
use super::chunks::{Entry, Weighed, lay_out};
use crate::engine::error::{EngineError, Result};
use crate::engine::weights::ModelFiles;
use crate::project::PromptReading;
use crate::project::syntax::{self, Part};

/// CLIP's word pattern: special tokens, contractions, runs of letters, single digits, runs of anything else.
const WORDS: &str = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// A word that stands for itself in a prompt: no entry of the vocabulary, but vectors of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placeholder {
    /// As it is written. Found in any case, and only where no letter or digit joins it to another word.
    pub word: String,
    /// How many tokens it takes up.
    pub vectors: usize,
}

/// How many chunks a prompt may have; more than two thousand tokens are no description of a picture.
pub const MAX_CHUNKS: usize = 32;

/// A prompt as the text encoder reads it: one chunk, or several that are read apart and joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// As many as the encoder has positions, for each chunk: start, the prompt, end, padding.
    pub tokens: Vec<Token>,
    /// What each token's encoded vector is multiplied by; 1 where nothing is weighed.
    pub weights: Vec<f32>,
    /// Tokens of the prompt itself, before it was cut.
    pub length: usize,
    /// What did not fit, in the prompt's own words.
    pub cut: Option<String>,
    /// For every kept token of the prompt, which bytes of the prompt it stands for.
    pub spans: Vec<Range<usize>>,
    /// And at which position it sits, counted through all chunks.
    pub positions: Vec<usize>,
}

impl Encoded {
    /// The ids; placeholders count as 0.
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(Token::id).collect()
    }

    /// The tokens and weights of each chunk, which has `positions` of them.
    pub fn chunks(&self, positions: usize) -> impl Iterator<Item = (&[Token], &[f32])> {
        self.tokens.chunks(positions.max(1)).zip(self.weights.chunks(positions.max(1)))
    }

    /// The positions of the tokens that any of these bytes of the prompt belong to.
    pub fn positions_in<'a>(&'a self, range: &'a Range<usize>) -> impl Iterator<Item = usize> + 'a {
        let placed = self.spans.iter().zip(&self.positions);
        let overlaps = |span: &Range<usize>| span.start < range.end && range.start < span.end;
        placed.filter(move |(span, _)| overlaps(span)).map(|(_, position)| *position)
    }
}

/// CLIP's tokenizer.
pub struct Tokenizer {
    bpe: Bpe,
    start: u32,
    end: u32,
    pad: u32,
    /// A comma that ends a word; phrases are not torn where one is near.
    comma: Option<u32>,
    positions: usize,
    control: Regex,
}

impl Tokenizer {
    /// Loads `tokenizer/vocab.json` and `merges.txt`, or `tokenizer.json` where those are not there.
    /// `positions` is how many tokens the text encoder reads (77).
    ///
    /// # Errors
    /// When a file is missing, broken, or has no start and end tokens.
    pub fn load(files: &ModelFiles, positions: usize) -> Result<Self> {
        Self::load_in(files, "tokenizer/", positions)
    }

    /// [`Tokenizer::load`] from another folder than `tokenizer/`: `within` comes before each file's name.
    ///
    /// # Errors
    /// As [`Tokenizer::load`].
    pub fn load_in(files: &ModelFiles, within: &str, positions: usize) -> Result<Self> {
        let path = |name: &str| format!("{within}{name}");
        let separate = files.has(&path("vocab.json")) || !files.has(&path("tokenizer.json"));
        let source = if separate { path("vocab.json") } else { path("tokenizer.json") };
        let malformed = |what: String| EngineError::Malformed { file: files.name(&source), what };
        let definition = if separate {
            let merges = files.read(&path("merges.txt"))?;
            let merges = String::from_utf8(merges).map_err(|_| EngineError::Malformed {
                file: files.name(&path("merges.txt")),
                what: "is not text in UTF-8".into(),
            })?;
            from_vocabulary(&files.json(&source)?, &merges)
        } else {
            files.json(&source)?
        };
        // A post-processor would add start and end tokens, padding and truncation would hide what was cut: all done here.
        let mut definition: Value = definition;
        for key in ["post_processor", "padding", "truncation"] {
            definition[key] = Value::Null;
        }
        let bpe =
            Bpe::from_bytes(definition.to_string()).map_err(|error| malformed(format!("is no tokenizer: {error}")))?;
        let id = |token: &str| bpe.token_to_id(token).ok_or_else(|| malformed(format!("has no `{token}` token")));
        let (start, end) = (id("<|startoftext|>")?, id("<|endoftext|>")?);
        let pad =
            pad_token(files, &path("special_tokens_map.json")).and_then(|token| bpe.token_to_id(&token)).unwrap_or(end);
        let control = Regex::new(r"[\p{C}\u{FFFD}--[\t\n\r]]").map_err(|error| malformed(error.to_string()))?;
        let comma = bpe.token_to_id(",</w>");
        Ok(Self { bpe, start, end, pad, comma, positions, control })
    }

    /// The greatest number that a token has.
    pub fn largest_id(&self) -> u32 {
        let words = self.bpe.get_vocab(true);
        words.into_values().max().unwrap_or(0)
    }

    /// Encodes a prompt without placeholders.
    pub fn encode(&self, prompt: &str) -> Encoded {
        self.encode_with(prompt, &[])
    }

    /// Encodes a prompt in which `placeholders` (a concept's tokens, such as `<mint_cat_1>`) stand for themselves.
    pub fn encode_with(&self, prompt: &str, placeholders: &[Placeholder]) -> Encoded {
        let tokens = self.tokens_of(prompt, placeholders).into_iter();
        let whole = tokens.map(|(token, span)| Weighed { token, span, weight: 1.0 }).collect();
        self.finish(prompt, vec![whole], 1)
    }

    /// Encodes a prompt as `reading` has it.
    pub fn read(&self, prompt: &str, reading: PromptReading, placeholders: &[Placeholder]) -> Encoded {
        if reading == PromptReading::Plain {
            return self.encode_with(prompt, placeholders);
        }
        let words: Vec<&str> = placeholders.iter().map(|placeholder| placeholder.word.as_str()).collect();
        let mut entries = Vec::new();
        for part in syntax::parse(prompt, &words).parts {
            match part {
                Part::Break => entries.push(Entry::Break),
                Part::Words(words) => {
                    let tokens = self.tokens_of(&words.text, placeholders).into_iter();
                    let weighed = |(token, span): (Token, Range<usize>)| {
                        Entry::Token(Weighed { token, span: words.span(span), weight: words.weight })
                    };
                    entries.extend(tokens.map(weighed));
                }
            }
        }
        self.finish(prompt, lay_out(entries, self.positions.saturating_sub(2), self.comma), MAX_CHUNKS)
    }

    /// Adds chunks of an empty prompt, so that all prompts of a batch are equally long.
    pub fn lengthen(&self, encoded: &mut Encoded, chunks: usize) {
        let wanted = chunks * self.positions;
        while encoded.tokens.len() < wanted {
            encoded.tokens.extend(self.chunk(&[]));
            encoded.weights.resize(encoded.tokens.len(), 1.0);
        }
    }

    /// How many chunks a prompt may have.
    pub fn most_chunks(reading: PromptReading) -> usize {
        match reading {
            PromptReading::Weighted => MAX_CHUNKS,
            PromptReading::Plain => 1,
        }
    }

    /// In how many chunks a prompt is read.
    pub fn chunks_of(&self, encoded: &Encoded) -> usize {
        encoded.tokens.len() / self.positions.max(1)
    }

    /// How many tokens the text encoder reads at once.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// The tokens of a text, each with the bytes that it stands for.
    fn tokens_of(&self, prompt: &str, placeholders: &[Placeholder]) -> Vec<(Token, Range<usize>)> {
        let mut tokens: Vec<(Token, Range<usize>)> = Vec::new();
        let mut rest = 0;
        while rest < prompt.len() {
            let found = first_of(prompt, rest, placeholders);
            let text_end = found.as_ref().map_or(prompt.len(), |(span, _)| span.start);
            self.encode_text(&prompt[rest..text_end], rest, &mut tokens);
            rest = text_end;
            if let Some((span, index)) = found {
                let first: usize = placeholders[..index].iter().map(|placeholder| placeholder.vectors).sum();
                let vectors = first..first + placeholders[index].vectors;
                tokens.extend(vectors.map(|vector| (Token::Placeholder(vector), span.clone())));
                rest = span.end;
            }
        }
        tokens
    }

    /// Puts chunks between start and end, at most so many of them, and says what did not fit.
    fn finish(&self, prompt: &str, chunks: Vec<Vec<Weighed>>, most: usize) -> Encoded {
        let room = self.positions.saturating_sub(2);
        let length = chunks.iter().map(Vec::len).sum();
        let (mut tokens, mut weights, mut spans, mut positions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut first_cut = None;
        for (index, chunk) in chunks.iter().enumerate() {
            let kept = if index < most { chunk.len().min(room) } else { 0 };
            let (kept, beyond) = chunk.split_at(kept);
            first_cut = first_cut.or(beyond.first().map(|token| token.span.start));
            if index >= most {
                continue;
            }
            let start = tokens.len();
            tokens.extend(self.chunk(kept));
            weights.push(1.0);
            weights.extend(kept.iter().map(|token| token.weight));
            weights.resize(tokens.len(), 1.0);
            spans.extend(kept.iter().map(|token| token.span.clone()));
            positions.extend((start + 1..).take(kept.len()));
        }
        let cut = first_cut.map(|at| prompt.get(at..).unwrap_or_default().trim().to_owned());
        Encoded { tokens, weights, length, cut, spans, positions }
    }

    /// A chunk as the text encoder reads it.
    fn chunk(&self, kept: &[Weighed]) -> Vec<Token> {
        let mut row = vec![Token::Id(self.start)];
        row.extend(kept.iter().map(|weighed| weighed.token));
        row.push(Token::Id(self.end));
        row.resize(self.positions, Token::Id(self.pad));
        row
    }

    fn encode_text(&self, text: &str, offset: usize, into: &mut Vec<(Token, Range<usize>)>) {
        let (clean, origin) = self.clean(text);
        // Encoding plain text without a post-processor or truncation has no way to fail; if it did, the
        // text would simply be missing from the token count that the user sees.
        let Ok(encoding) = self.bpe.encode(clean.as_str(), false) else { return };
        for (id, &(from, to)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            let start = origin.get(from).copied().unwrap_or(text.len());
            let last = clean[..to.min(clean.len())].chars().next_back().map_or(0, char::len_utf8);
            let end = origin.get(to.saturating_sub(last.max(1))).copied().unwrap_or(start);
            let end = text[end..].chars().next().map_or(end, |c| end + c.len_utf8());
            into.push((Token::Id(*id), offset + start..offset + end.max(start)));
        }
    }

    /// What CLIP's reference does before BPE: drops control characters, sets CJK characters apart.
    /// Returns the text and, for each of its bytes, the byte of the original that it came from.
    fn clean(&self, text: &str) -> (String, Vec<usize>) {
        let (mut clean, mut origin) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
        let mut push = |c: char, at: usize| {
            clean.push(c);
            origin.extend(std::iter::repeat_n(at, c.len_utf8()));
        };
        for (at, c) in text.char_indices() {
            let mut buffer = [0; 4];
            if self.control.is_match(c.encode_utf8(&mut buffer)) {
                continue;
            }
            if is_cjk(c) {
                push(' ', at);
                push(c, at);
                push(' ', at);
            } else {
                push(c, at);
            }
        }
        (clean, origin)
    }
}

/// The first placeholder in `text` at or after a byte, with its number; the longest one where two begin at the same
/// place, and of equal ones the first.
fn first_of(text: &str, from: usize, placeholders: &[Placeholder]) -> Option<(Range<usize>, usize)> {
    let found = placeholders.iter().enumerate().filter(|(_, placeholder)| !placeholder.word.is_empty());
    let found = found.filter_map(|(index, placeholder)| Some((whole_word(text, from, &placeholder.word)?, index)));
    found.min_by_key(|(span, index)| (span.start, std::cmp::Reverse(span.end), *index))
}

/// Where a word stands in a text at or after a byte, whatever its case.
fn whole_word(text: &str, from: usize, word: &str) -> Option<Range<usize>> {
    let joins = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let (opens, closes) = (joins(word.chars().next()), joins(word.chars().next_back()));
    text.get(from..)?.char_indices().map(|(at, _)| from + at).find_map(|at| {
        let end = at + same_length(&text[at..], word)?;
        let joined = opens && joins(text[..at].chars().next_back()) || closes && joins(text[end..].chars().next());
        (!joined).then_some(at..end)
    })
}

/// How many bytes at the start of `text` are this word, whatever its case.
fn same_length(text: &str, word: &str) -> Option<usize> {
    let mut letters = text.char_indices();
    for wanted in word.chars() {
        let (_, found) = letters.next()?;
        if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(letters.next().map_or(text.len(), |(at, _)| at))
}

/// The blocks that BERT's basic tokenizer, which CLIP's reference builds on, calls Chinese characters.
fn is_cjk(c: char) -> bool {
    matches!(u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F | 0x2B740..=0x2B81F
        | 0x2B820..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}

fn from_vocabulary(vocab: &Value, merges: &str) -> Value {
    let merges: Vec<&str> =
        merges.lines().filter(|line| !line.starts_with("#version") && line.split(' ').count() == 2).collect();
    let special = |token: &str| {
        json!({"id": vocab[token], "content": token, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let added: Vec<Value> =
        ["<|startoftext|>", "<|endoftext|>"].into_iter().filter(|token| vocab[*token].is_u64()).map(special).collect();
    json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "vocab": vocab, "merges": merges,
        },
    })
}

fn pad_token(files: &ModelFiles, path: &str) -> Option<String> {
    let map: Value = files.json(path).ok()?;
    let pad = &map["pad_token"];
    pad.as_str().or_else(|| pad["content"].as_str()).map(str::to_owned)
}
