//! Words as BERT reads them: text to the numbers of words and of parts of words, by the list that comes with a network.

use std::fs;
use std::io;
use std::path::Path;

use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::tokenizer::Tokenizer;

/// What the list is called, beside a network's file.
pub const LIST: &str = "vocab.txt";
/// The largest list, bytes; a real one has 232 kB.
const MOST: u64 = 16 << 20;

/// Why a list cannot be used, to follow its file's name.
#[derive(Debug, thiserror::Error)]
pub enum BadList {
    /// The system does not give it.
    #[error("cannot be read ({0})")]
    Unread(io::Error),
    /// It is something else.
    #[error("is no list of words, it is so large")]
    TooLarge,
    /// It has not what BERT needs.
    #[error("is no list of BERT's words: {0}")]
    Broken(String),
}

/// BERT's tokenizer for English, which reads capitals as small letters.
pub struct WordPieces {
    tokenizer: Tokenizer,
    hash: blake3::Hash,
    /// The mark of a text's beginning.
    pub begins: u32,
    /// The mark of a text's end.
    pub ends: u32,
}

impl WordPieces {
    /// Reads a list of words, one a line.
    ///
    /// # Errors
    /// When it cannot be read, or is no such list.
    pub fn open(list: &Path) -> Result<Self, BadList> {
        if fs::metadata(list).map_err(BadList::Unread)?.len() > MOST {
            return Err(BadList::TooLarge);
        }
        let bytes = fs::read(list).map_err(BadList::Unread)?;
        let model = WordPiece::read_bytes(&bytes)
            .and_then(|list| WordPiece::builder().vocab(list).build())
            .map_err(|error| BadList::Broken(error.to_string()))?;
        let mut tokenizer = Tokenizer::new(model);
        tokenizer.with_normalizer(Some(BertNormalizer::default()));
        tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
        let mut pieces = Self { tokenizer, hash: blake3::hash(&bytes), begins: 0, ends: 0 };
        (pieces.begins, pieces.ends) = (pieces.id("[CLS]")?, pieces.id("[SEP]")?);
        // What stands for all that is in no list.
        pieces.id("[UNK]")?;
        Ok(pieces)
    }

    /// The number of a word that must be in the list.
    ///
    /// # Errors
    /// When it is not.
    pub fn id(&self, word: &str) -> Result<u32, BadList> {
        self.tokenizer.token_to_id(word).ok_or_else(|| BadList::Broken(format!("{word} is not in it")))
    }

    /// A hash of the list.
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// The greatest number that a word has.
    pub fn largest_id(&self) -> u32 {
        self.tokenizer.get_vocab(true).into_values().max().unwrap_or(0)
    }

    /// The numbers of a text's words, without the marks of its beginning and end.
    ///
    /// # Errors
    /// What the tokenizer says.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoded = self.tokenizer.encode(text, false).map_err(|error| error.to_string())?;
        Ok(encoded.get_ids().to_vec())
    }
}
