//! The report as Markdown, with the contact sheets as files beside it.

use std::fmt::Write;

use super::contents::{Report, STRIP};
use super::tables::Table;

/// The whole text.
pub(super) fn markdown(report: &Report) -> String {
    let mut text = format!("# {}\n", report.title);
    let mut say = |line: &str| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{line}");
    };
    for words in &report.about {
        say(&format!("\n{words}"));
    }
    report.tables.iter().for_each(|of| table(of, &mut say));
    for (title, items) in [("What failed", &report.failures), ("What the engine noted", &report.notes)] {
        if !items.is_empty() {
            say(&format!("\n## {title}\n"));
            items.iter().for_each(|item| say(&format!("- {}", escaped(item))));
        }
    }
    if !report.sheets.is_empty() {
        say("\n## Pictures\n\nFirst the layout; then a row a method, a column a seed.");
    }
    for sheet in &report.sheets {
        let rows: Vec<&str> = sheet.rows.iter().map(|(title, _)| title.as_str()).collect();
        say(&format!("\n### {}\n\nRows: {}.\n", sheet.title, rows.join("; ")));
        say(&format!("![{}](<{}>)", sheet.title, sheet.file));
        if let Some((file, _)) = &sheet.strip {
            say(&format!("\n{STRIP}:\n\n![{STRIP}](<{file}>)"));
        }
    }
    say("\n## Settings and hashes\n");
    for (name, value) in &report.facts {
        match value.contains('\n') {
            true => say(&format!("\n{name}:\n\n```ron\n{value}\n```")),
            false => say(&format!("- {name}: `{value}`")),
        }
    }
    table(&report.cost, &mut say);
    text
}

fn table(table: &Table, say: &mut impl FnMut(&str)) {
    let row =
        |cells: &[String]| format!("| {} |", cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "));
    say(&format!("\n## {}\n\n{}\n", table.title, table.note));
    say(&row(&table.columns));
    say(&format!("|{}", "---|".repeat(table.columns.len())));
    table.rows.iter().for_each(|cells| say(&row(cells)));
}

/// What would end a cell, or begin a tag, is written out.
fn escaped(words: &str) -> String {
    words.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
