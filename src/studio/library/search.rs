//! Which of the found files are shown, and in which order.

use super::entry::{Entry, Kind};
use crate::engine::adapters::Base;

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// The newest first.
    Newest,
    /// The largest first.
    Largest,
}

impl Order {
    /// All of them with their words.
    pub const ALL: [(Self, &str); 3] =
        [(Self::Name, "By name"), (Self::Newest, "Newest first"), (Self::Largest, "Largest first")];
}

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Words that must all be in the name, the trigger words, the base or the path.
    pub words: String,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only what is, or is for, this kind of model.
    pub base: Option<Base>,
    /// Only what Podium can use, as far as that shows.
    pub usable: bool,
    /// In which order.
    pub order: Order,
}

/// The places of the entries that fit a wish, in its order; what cannot be used comes last.
pub fn shown(entries: &[Entry], wish: &Wish) -> Vec<usize> {
    let words: Vec<String> = wish.words.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let fits = |entry: &Entry| {
        wish.kind.is_none_or(|kind| kind == entry.kind)
            && wish.base.is_none_or(|base| entry.base == Some(base))
            && !(wish.usable && entry.unfit.is_some())
            && has_words(entry, &words)
    };
    let mut found: Vec<usize> = entries.iter().enumerate().filter(|(_, entry)| fits(entry)).map(|(at, _)| at).collect();
    let name = |at: &usize| entries.get(*at).map(|entry| (entry.name.to_lowercase(), entry.path.clone()));
    match wish.order {
        Order::Name => found.sort_by_cached_key(name),
        Order::Newest => found.sort_by_key(|at| std::cmp::Reverse(entries.get(*at).map(|entry| entry.changed))),
        Order::Largest => found.sort_by_key(|at| std::cmp::Reverse(entries.get(*at).map(|entry| entry.bytes))),
    }
    found.sort_by_key(|at| entries.get(*at).is_some_and(|entry| entry.unfit.is_some()));
    found
}

fn has_words(entry: &Entry, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let base = entry.base.map(|base| base.to_string()).unwrap_or_default();
    let all = format!("{}\n{}\n{base}\n{}", entry.name, entry.triggers.join("\n"), entry.path.display()).to_lowercase();
    words.iter().all(|word| all.contains(word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::entry::Program;
    use super::*;

    fn entry(name: &str, kind: Kind, changed: u64, bytes: u64) -> Entry {
        Entry {
            path: format!("/models/{name}.safetensors").into(),
            kind,
            name: name.into(),
            program: Program::Folder,
            bytes,
            changed,
            preview: None,
            base: None,
            triggers: Vec::new(),
            unfit: None,
        }
    }

    #[test]
    fn files_are_found_by_words_kind_and_use_and_sorted() {
        let mut entries = vec![
            entry("zebra", Kind::Lora, 3, 10),
            entry("Apple", Kind::Lora, 1, 30),
            entry("mint", Kind::Model, 2, 20),
            entry("aardvark XL", Kind::Lora, 9, 99),
        ];
        entries[0].triggers = vec!["striped Horse".into()];
        entries[3].unfit = Some("it is for SDXL".into());
        (entries[0].base, entries[2].base, entries[3].base) = (Some(Base::Sd1), Some(Base::Sd1), Some(Base::Sdxl));
        let names = |wish: &Wish| -> Vec<&str> {
            shown(&entries, wish).into_iter().map(|at| entries[at].name.as_str()).collect()
        };
        assert_eq!(names(&Wish::default()), ["Apple", "mint", "zebra", "aardvark XL"]);
        assert_eq!(names(&Wish { order: Order::Newest, ..Wish::default() }), ["zebra", "mint", "Apple", "aardvark XL"]);
        assert_eq!(
            names(&Wish { order: Order::Largest, ..Wish::default() }),
            ["Apple", "mint", "zebra", "aardvark XL"]
        );
        assert_eq!(names(&Wish { words: "horse STRIPED".into(), ..Wish::default() }), ["zebra"]);
        assert_eq!(names(&Wish { words: "horse mint".into(), ..Wish::default() }), [] as [&str; 0]);
        assert_eq!(names(&Wish { kind: Some(Kind::Model), ..Wish::default() }), ["mint"]);
        assert_eq!(names(&Wish { base: Some(Base::Sd1), ..Wish::default() }), ["mint", "zebra"]);
        assert_eq!(names(&Wish { base: Some(Base::Sdxl), ..Wish::default() }), ["aardvark XL"]);
        assert_eq!(names(&Wish { base: Some(Base::Flux), ..Wish::default() }), [] as [&str; 0]);
        assert_eq!(names(&Wish { words: "diffusion XL".into(), ..Wish::default() }), ["aardvark XL"]);
        assert_eq!(names(&Wish { kind: Some(Kind::Lora), usable: true, ..Wish::default() }), ["Apple", "zebra"]);
    }
}
