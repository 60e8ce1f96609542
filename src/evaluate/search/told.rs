//! What is told of a search: what was tried, the comparison on seeds that the search has not seen, what each value gives, and every
//! round.

use std::fmt::Write as _;

use super::{Axis, Found, Search, Standing};

impl Found {
    /// In a sentence.
    pub fn words(&self) -> String {
        let Some(last) = &self.last else {
            return "Nothing that was tried is better than the suite's own settings.".to_owned();
        };
        let (difference, pictures) = (&last.difference.mean, last.difference.mean.count);
        let (low, high) = difference.interval;
        let numbers =
            format!("by {:+.3} [{low:+.3}, {high:+.3}] on {pictures} pictures of the suite's seeds", difference.mean);
        let words = self.winner.words();
        if last.is_better() {
            format!("{words} is better than the suite's own settings, {numbers}.")
        } else if high < 0.0 {
            format!("{words} won the search and is worse than the suite's own settings, {numbers}.")
        } else {
            format!(
                "{words} won the search; whether it is better than the suite's own settings cannot be told, {numbers}."
            )
        }
    }
}

/// As Markdown.
pub(super) fn markdown(search: &Search<'_>, found: &Found) -> String {
    let mut text =
        format!("# Search of settings: {}\n\n{}\n\n{}\n", search.suite.name, found.words(), tried(search, found));
    if let Some(last) = &found.last {
        let ((low, high), (own_low, own_high)) = (last.winner.interval, last.own.interval);
        let _ = write!(
            text,
            "\n| | winner | the suite's own |\n|---|---|---|\n| worth | {:.3} [{low:.3}, {high:.3}] | {:.3} [{own_low:.3}, {own_high:.3}] |\n",
            last.winner.mean, last.own.mean
        );
        for (metric, winner, own) in &last.metrics {
            let _ = writeln!(text, "| {} | {winner:.3} | {own:.3} |", metric.title());
        }
    }
    if let Some(first) = found.rounds.first() {
        let _ = write!(
            text,
            "\n## What each value gives\n\nMeans over the first round, in which all combinations have made the same pictures; with few \
             combinations, what else they have in common shows in them too.\n\n\
             | setting | value | combinations | worth |\n|---|---|---|---|\n"
        );
        for Given { key, value, count, worth } in given(&search.axes, first) {
            let _ = writeln!(text, "| {key} | {value} | {count} | {worth:.3} |");
        }
    }
    for (index, round) in found.rounds.iter().enumerate() {
        let pictures = round.first().map_or(0, |standing| standing.pictures);
        let _ = write!(text, "\n## Round {}: {pictures} pictures each\n\n| worth | settings |\n|---|---|\n", index + 1);
        for standing in round {
            let _ = writeln!(text, "| {:.3} | {} |", standing.worth, standing.candidate.words());
        }
    }
    text
}

/// What was tried, in a sentence or two.
fn tried(search: &Search<'_>, found: &Found) -> String {
    let all: usize = search.axes.iter().map(|axis| axis.values.len()).fold(1, usize::saturating_mul);
    let axes: Vec<String> =
        search.axes.iter().map(|axis| format!("{} of {}", axis.key, axis.values.join(", "))).collect();
    let made = found.rounds.first().map_or(0, Vec::len);
    format!(
        "Tried: {}. Of these {all} combinations {} were drawn, and made pictures beside the suite's own settings with seeds from {} on, \
         which no report sees.",
        axes.join("; "),
        made.saturating_sub(1),
        super::TUNING
    )
}

/// What a value of a setting gives.
#[derive(Debug, PartialEq)]
struct Given<'a> {
    key: &'a str,
    value: &'a str,
    /// How many combinations have it.
    count: usize,
    /// The mean of theirs.
    worth: f64,
}

/// What each value of each setting gives in a round: nothing of values that no combination has, nor of a setting with one alone.
fn given<'a>(axes: &'a [Axis], round: &[Standing]) -> Vec<Given<'a>> {
    let of = |key: &'a str, value: &'a str| {
        let has = |standing: &&Standing| {
            standing.candidate.changes.iter().any(|(changed, to)| (changed.as_str(), to.as_str()) == (key, value))
        };
        let all: Vec<f64> = round.iter().filter(has).map(|standing| standing.worth).collect();
        let count = all.len();
        (count > 0).then(|| Given { key, value, count, worth: all.iter().sum::<f64>() / count as f64 })
    };
    let several = axes.iter().filter(|axis| axis.values.len() > 1);
    several.flat_map(|axis| axis.values.iter().filter_map(move |value| of(&axis.key, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Candidate;
    use super::*;

    #[test]
    fn what_a_value_gives_is_the_mean_of_the_combinations_that_have_it() {
        let standing = |name: &str, changes: &[(&str, &str)], worth| Standing {
            candidate: Candidate {
                name: name.to_owned(),
                changes: changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            },
            worth,
            pictures: 3,
        };
        let round = [
            standing("own", &[], 0.1),
            standing("1", &[("guidance_scale", "4"), ("steps", "20")], 0.5),
            standing("2", &[("guidance_scale", "4"), ("steps", "50")], 0.75),
            standing("3", &[("guidance_scale", "6"), ("steps", "50")], 0.25),
        ];
        let axes: Vec<Axis> =
            ["guidance_scale=4,6,8", "steps=20,50", "strength=1"].map(|words| words.parse().unwrap()).into();
        let found = given(&axes, &round);
        let of = |key, value, count, worth| Given { key, value, count, worth };
        let expected = [
            of("guidance_scale", "4", 2, 0.625),
            of("guidance_scale", "6", 1, 0.25),
            of("steps", "20", 1, 0.5),
            of("steps", "50", 2, 0.5),
        ];
        assert_eq!(found, expected);
        assert!(given(&axes, &[]).is_empty());
    }
}
