//! What is told of a search: every round, and the comparison on seeds that the search has not seen.

use std::fmt::Write as _;

use super::Found;
use crate::evaluate::suite::Suite;

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
pub(super) fn markdown(suite: &Suite, found: &Found) -> String {
    let mut text = format!("# Search of settings: {}\n\n{}\n", suite.name, found.words());
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
    for (index, round) in found.rounds.iter().enumerate() {
        let pictures = round.first().map_or(0, |standing| standing.pictures);
        let _ = write!(text, "\n## Round {}: {pictures} pictures each\n\n| worth | settings |\n|---|---|\n", index + 1);
        for standing in round {
            let _ = writeln!(text, "| {:.3} | {} |", standing.worth, standing.candidate.words());
        }
    }
    text
}
