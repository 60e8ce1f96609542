//! Sources as the rules look at them: without comments, without what is compiled for tests alone, words in quotes apart.

use std::path::{Path, PathBuf};

/// A quote among code.
const QUOTE: &str = "\"\"";

/// A file of Rust.
pub struct Source {
    /// Below the package, with `/`: `src/engine/worker.rs`.
    pub path: String,
    /// As it is written.
    pub text: String,
    /// Its code: names, numbers and signs in their order; `::` is one sign, a lifetime is none. No comment, nothing that
    /// is compiled for tests alone; in place of a quote, whatever it says, stands [`QUOTE`].
    pub code: Vec<String>,
    /// What stands in quotes in that code.
    pub quotes: Vec<String>,
}

impl Source {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let (mut code, mut quotes) = (Vec::new(), Vec::new());
        for token in without_tests(tokens(&text)) {
            match token {
                Token::Code(word) => code.push(word),
                Token::Quote(words) => {
                    code.push(QUOTE.into());
                    quotes.push(words);
                }
            }
        }
        Self { path, text, code, quotes }
    }

    /// Whether the code holds this piece of Rust, however it is broken into lines.
    pub fn says(&self, piece: &str) -> bool {
        let words = Self::new("", piece).code;
        assert!(!words.is_empty(), "{piece:?} is no code");
        self.code.windows(words.len()).any(|window| window == words)
    }

    /// Whether it is a file of tests.
    pub fn is_test(&self) -> bool {
        let name =
            |part: &str| part == "test" || part == "tests" || part.ends_with("_test") || part.ends_with("_tests");
        self.path.trim_end_matches(".rs").split('/').skip(1).any(name)
    }

    /// The room of the house: `engine` of `src/engine/worker.rs`, `link` of `src/link.rs`.
    pub fn room(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs")
    }
}

/// The files of a folder of this package and of all folders in it, in the order of their paths.
pub fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                paths.push(path);
            }
        }
    }
    assert!(!paths.is_empty(), "no Rust in {folder}");
    paths.sort();
    let source = |path: PathBuf| {
        let below = path.strip_prefix(root).expect("below the package").display().to_string().replace('\\', "/");
        Source::new(below, std::fs::read_to_string(&path).expect("UTF-8"))
    };
    paths.into_iter().map(source).collect()
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Code(String),
    Quote(String),
}

impl Token {
    fn is(&self, code: &str) -> bool {
        matches!(self, Self::Code(word) if word == code)
    }
}

/// Names, numbers, signs and quotes; no comments.
fn tokens(text: &str) -> Vec<Token> {
    let text: Vec<char> = text.chars().collect();
    let at = |index: usize| text.get(index).copied().unwrap_or('\0');
    let (mut found, mut index) = (Vec::new(), 0);
    while index < text.len() {
        let begin = index;
        let c = at(index);
        if c.is_whitespace() {
            index += 1;
        } else if c == '/' && at(index + 1) == '/' {
            while index < text.len() && at(index) != '\n' {
                index += 1;
            }
        } else if c == '/' && at(index + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(index), at(index + 1)) {
                    ('/', '*') => (depth, index) = (depth + 1, index + 2),
                    ('*', '/') => (depth, index) = (depth - 1, index + 2),
                    _ => index += 1,
                }
                if depth == 0 || index >= text.len() {
                    break;
                }
            }
        } else if let Some((first, hashes)) = raw_quote(&text, index) {
            index = first;
            let closes = |index: usize| at(index) == '"' && (1..=hashes).all(|hash| at(index + hash) == '#');
            while index < text.len() && !closes(index) {
                index += 1;
            }
            found.push(Token::Quote(text[first..index.min(text.len())].iter().collect()));
            index += 1 + hashes;
        } else if c == '"' || (c == 'b' || c == 'c') && at(index + 1) == '"' {
            index += if c == '"' { 1 } else { 2 };
            let first = index;
            while index < text.len() && at(index) != '"' {
                index += if at(index) == '\\' { 2 } else { 1 };
            }
            found.push(Token::Quote(text[first..index.min(text.len())].iter().collect()));
            index += 1;
        } else if c == '\'' && (at(index + 1) == '\\' || at(index + 2) == '\'') {
            index += if at(index + 1) == '\\' { 3 } else { 2 };
            while index < text.len() && at(index) != '\'' {
                index += 1;
            }
            index += 1;
        } else if c == '\'' {
            // A lifetime or a label.
            index += 1;
            while at(index).is_alphanumeric() || at(index) == '_' {
                index += 1;
            }
        } else if c.is_alphanumeric() || c == '_' {
            while at(index).is_alphanumeric() || at(index) == '_' {
                index += 1;
            }
            found.push(Token::Code(text[begin..index].iter().collect()));
        } else {
            index += if c == ':' && at(index + 1) == ':' { 2 } else { 1 };
            found.push(Token::Code(text[begin..index].iter().collect()));
        }
    }
    found
}

/// Where the words of a raw quote begin (`r"`, `br#"`) and how many hashes close it.
fn raw_quote(text: &[char], index: usize) -> Option<(usize, usize)> {
    let rest = &text[index..];
    let prefix =
        ["br", "cr", "r"].into_iter().find(|prefix| rest.iter().copied().take(prefix.len()).eq(prefix.chars()))?;
    let hashes = rest[prefix.len()..].iter().take_while(|c| **c == '#').count();
    let first = prefix.len() + hashes + 1;
    (rest.get(first - 1) == Some(&'"')).then_some((index + first, hashes))
}

/// Leaves out every item below `#[cfg(test)]` or `#[cfg(all(test, ...))]`, with its other attributes.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let (mut kept, mut index) = (Vec::new(), 0);
    while index < tokens.len() {
        if !is_for_tests(&tokens[index..]) {
            kept.push(tokens[index].clone());
            index += 1;
            continue;
        }
        while tokens.get(index).is_some_and(|token| token.is("#")) {
            index = past_brackets(&tokens, index + 1);
        }
        // To the end of the item: a semicolon, or a block.
        while let Some(token) = tokens.get(index) {
            if token.is(";") {
                index += 1;
                break;
            } else if token.is("{") {
                index = past_brackets(&tokens, index);
                break;
            }
            index = if token.is("(") || token.is("[") { past_brackets(&tokens, index) } else { index + 1 };
        }
    }
    kept
}

fn is_for_tests(tokens: &[Token]) -> bool {
    let begins =
        |words: &[&str]| words.len() <= tokens.len() && words.iter().zip(tokens).all(|(word, token)| token.is(word));
    begins(&["#", "[", "cfg", "(", "test", ")", "]"]) || begins(&["#", "[", "cfg", "(", "all", "(", "test", ","])
}

/// The place after the bracket that closes the one at `index`.
fn past_brackets(tokens: &[Token], mut index: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(index) {
        if ["(", "[", "{"].iter().any(|open| token.is(open)) {
            depth += 1;
        } else if [")", "]", "}"].iter().any(|close| token.is(close)) {
            depth -= 1;
        }
        index += 1;
        if depth == 0 {
            break;
        }
    }
    index
}

#[test]
fn comments_and_tests_are_left_out_and_quotes_stand_apart() {
    let text = r###"
        //! burn in a comment, "quoted"
        use a::b; /* egui /* nested */ still */ fn f<'a>(x: &'a str) -> char { '"'; '\''; '{'; b"bytes"; r#"raw "x" // no comment"# }
        #[cfg(test)]
        #[path = "t.rs"]
        mod tests;
        #[cfg(all(test, unix))]
        mod more { use burn::x; fn g() { "}"; } }
        #[cfg(test)]
        fn helper(x: [u8; 3]) -> u8 { 1 }
        #[cfg(not(test))]
        const C: &str = "last \" one // in a quote";
    "###;
    let source = Source::new("src/engine/x.rs", text);
    let code = "use a :: b ; fn f < > ( x : & str ) -> char { ; ; ; \"\" ; \"\" } # [ cfg ( not ( test ) ) ] const C : & str = \"\" ;";
    let spaced = source.code.join(" ").replace("- >", "->");
    assert_eq!(spaced, code);
    assert_eq!(source.quotes, ["bytes", "raw \"x\" // no comment", "last \\\" one // in a quote"]);
    assert!(source.says("a::b") && source.says("fn f") && source.says("const C: &str") && !source.says("burn"));
    assert_eq!((source.room(), Source::new("src/link.rs", "").room()), ("engine", "link"));
    let is_test = |path: &str| Source::new(path, "").is_test();
    assert!(is_test("src/engine/tests.rs") && is_test("src/a/b_tests.rs") && is_test("src/a/tests/b.rs"));
    assert!(!is_test("src/a/latest.rs") && !is_test("src/engine/worker.rs"));
}
