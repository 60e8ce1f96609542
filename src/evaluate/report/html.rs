//! The report as one HTML file with everything in it: no script, no address, pictures as data.

use std::fmt::Write;

use super::basis::COST;
use super::contents::{Report, STRIP};
use super::tables::Table;
use crate::engine::adapters::in_base64;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2rem auto;padding:0 1rem;color:#1c1c22;background:#fff}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ddd}h3{font-size:1rem}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px}\
th,td{padding:.3rem .6rem;border-bottom:1px solid #e4e4e8;text-align:left;vertical-align:top}\
td:not(:first-child){font-variant-numeric:tabular-nums}p.note{color:#55555f;font-size:13px}\
.sheet th{font-weight:normal;white-space:nowrap;vertical-align:middle}.sheet td{padding:.1rem}img{display:block}\
pre{font-size:12px;background:#f5f5f7;padding:1rem;overflow-x:auto}\
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#18181c}th,td{border-color:#33333a}\
h2{border-color:#33333a}pre{background:#222228}p.note{color:#a0a0aa}}";

/// The whole file.
pub(super) fn html(report: &Report) -> String {
    let mut text = String::new();
    let mut say = |line: &str| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{line}");
    };
    let title = escaped(&report.title);
    say("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
    say("<meta name=\"viewport\" content=\"width=device-width\">");
    say(&format!("<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"));
    for words in &report.about {
        say(&format!("<p>{}</p>", escaped(words)));
    }
    report.tables.iter().for_each(|of| table(of, &mut say));
    for (title, items) in [("What failed", &report.failures), ("What the engine noted", &report.notes)] {
        if !items.is_empty() {
            say(&format!("<h2>{title}</h2>\n<ul>"));
            items.iter().for_each(|item| say(&format!("<li>{}</li>", escaped(item))));
            say("</ul>");
        }
    }
    if !report.sheets.is_empty() {
        say(
            "<h2>Pictures</h2>\n<p class=\"note\">A row a method, a column a seed; grey is not made yet, red has failed.</p>",
        );
    }
    for sheet in &report.sheets {
        say(&format!("<h3>{}</h3>\n<div class=\"wide\"><table class=\"sheet\">", escaped(&sheet.title)));
        let layout = sheet.reference.as_ref().map(|jpeg| ("layout", jpeg));
        let rows = sheet.rows.iter().map(|(title, jpeg)| (title.as_str(), jpeg));
        for (title, jpeg) in layout.into_iter().chain(rows) {
            let (title, data) = (escaped(title), in_base64(jpeg));
            say(&format!(
                "<tr><th>{title}</th><td><img alt=\"{title}\" src=\"data:image/jpeg;base64,{data}\"></td></tr>"
            ));
        }
        say("</table></div>");
        if let Some((_, png)) = &sheet.strip {
            let data = in_base64(png);
            say(&format!(
                "<details><summary>{STRIP}</summary><img alt=\"{STRIP}\" src=\"data:image/png;base64,{data}\"></details>"
            ));
        }
    }
    say("<h2>Settings and hashes</h2>");
    for (name, value) in &report.facts {
        let (name, value) = (escaped(name), escaped(value));
        match value.contains('\n') {
            true => say(&format!("<details><summary>{name}</summary><pre>{value}</pre></details>")),
            false => say(&format!("<p>{name}: <code>{value}</code></p>")),
        }
    }
    say(&format!("<!-- {COST} -->"));
    table(&report.cost, &mut say);
    say("</body>\n</html>");
    text
}

fn table(table: &Table, say: &mut impl FnMut(&str)) {
    let row = |cells: &[String], tag: &str| {
        let cell = |cell: &String| format!("<{tag}>{}</{tag}>", escaped(cell));
        format!("<tr>{}</tr>", cells.iter().map(cell).collect::<String>())
    };
    say(&format!("<h2>{}</h2>\n<p class=\"note\">{}</p>", escaped(&table.title), escaped(&table.note)));
    say("<div class=\"wide\"><table>");
    say(&row(&table.columns, "th"));
    table.rows.iter().for_each(|cells| say(&row(cells, "td")));
    say("</table></div>");
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
