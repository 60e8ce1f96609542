//! The prompt with its class words in their concepts' colours, and the prompts made from it.

use eframe::egui::text::{CCursor, CCursorRange, LayoutJob, TextFormat};
use eframe::egui::text_edit::TextEditState;
use eframe::egui::{self, CornerRadius, FontId, Frame, Margin, RichText, Stroke, TextBuffer, TextStyle, Ui};

use super::look::Look;
use super::{icons, theme, widgets};
use crate::project::prompt::TOKEN_MARK;
use crate::project::{Concept, Project, PromptReading, syntax};
use crate::studio::files::knowledge::TokenCounts;
use crate::studio::{Place, Studio};

/// What the prompt's panel remembers between frames.
#[derive(Debug, Default)]
pub struct PromptLook {
    /// The concept whose prompt is being written by hand.
    own: Option<String>,
}

/// Draws the prompt's panel.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, prompt: &mut PromptLook) {
    let colors = theme::colors(ui);
    let frame = Frame::new()
        .fill(colors.panel)
        .stroke(Stroke::new(1.0, colors.line))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::same(if ui.ctx().content_rect().height() < theme::LOW { 6 } else { 12 }));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            let counted = studio.token_counts();
            let room = (ui.available_width() - 112.0).max(80.0);
            ui.allocate_ui(egui::vec2(room, 0.0), |ui| base_prompt(ui, studio));
            if let Some(counts) = counted {
                let (words, hover) = counted_words(&counts);
                let color = if counts.cut.is_some() { colors.amber } else { colors.weak };
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
                    ui.label(RichText::new(words).small().color(color)).on_hover_text(hover);
                });
            }
        });
        let height = ui.ctx().content_rect().height();
        if height < theme::LOW && prompt.own.is_none() {
            return;
        }
        egui::ScrollArea::vertical()
            .id_salt("derived prompts")
            .max_height(if height < 720.0 { 32.0 } else { 72.0 })
            .show(ui, |ui| {
                ui.scope(|ui| {
                    // Rows as low as their words: in a higher one the dot would stand above its words.
                    ui.spacing_mut().interact_size.y = 0.0;
                    if studio.project().settings.method.has_one_prompt() {
                        shared_prompt(ui, studio);
                        prompt.own = None;
                        return;
                    }
                    ui.horizontal_wrapped(|ui| {
                        for concept in studio.project().concepts.clone() {
                            derived_prompt(ui, studio, look, prompt, &concept);
                        }
                    });
                });
                own_prompt_fields(ui, studio, prompt);
            });
        widgets::said_ui(ui, studio, &Place::Prompt);
    });
}

/// How many tokens there are, and what that means.
fn counted_words(counts: &TokenCounts) -> (String, &'static str) {
    if counts.chunks > 1 {
        let words = format!("{} tokens in {} chunks", counts.base, counts.chunks);
        return (
            words,
            "Longer than the text encoder reads at once, so it is read in chunks, which are joined. BREAK begins a new one.",
        );
    }
    let words = format!("{} / {} tokens", counts.base + 2, counts.positions);
    let hover = "What the text encoder reads at once, a start and an end token included.";
    (words, hover)
}

/// Raises or lowers the weight of what is selected in the prompt's field, by Ctrl and an arrow.
fn weigh_by_key(ui: &Ui, studio: &mut Studio, id: egui::Id) {
    if studio.project().settings.prompt_reading != PromptReading::Weighted || !ui.memory(|memory| memory.has_focus(id))
    {
        return;
    }
    // Before the field sees them, for which they mean the text's beginning and end.
    let pressed = |key| ui.input_mut(|input| input.consume_key(egui::Modifiers::COMMAND, key));
    let by = match (pressed(egui::Key::ArrowUp), pressed(egui::Key::ArrowDown)) {
        (true, false) => 0.1,
        (false, true) => -0.1,
        _ => return,
    };
    let prompt = studio.project().prompt.clone();
    let Some(mut state) = TextEditState::load(ui.ctx(), id) else { return };
    let Some(range) = state.cursor.char_range() else { return };
    // The field counts letters, not bytes.
    let byte = |letter: usize| prompt.char_indices().nth(letter).map_or(prompt.len(), |(at, _)| at);
    let [from, to] = range.sorted_cursors().map(|cursor| byte(cursor.index.0));
    let Some((weighed, selected)) = syntax::nudge(&prompt, from..to, by) else { return };
    let letters = |bytes: usize| CCursor::new(weighed.get(..bytes).unwrap_or_default().chars().count());
    let range = CCursorRange::two(letters(selected.start), letters(selected.end));
    state.cursor.set_char_range(Some(range));
    state.store(ui.ctx(), id);
    studio.edit("Weigh words of the prompt", |project| project.prompt = weighed);
}

fn base_prompt(ui: &mut Ui, studio: &mut Studio) {
    let colors = theme::colors(ui);
    let id = egui::Id::unique("prompt field");
    weigh_by_key(ui, studio, id);
    let mut prompt = studio.project().prompt.clone();
    let project = studio.project().clone();
    let font = TextStyle::Body.resolve(ui.style());
    let mut layouter = |ui: &Ui, text: &dyn TextBuffer, width: f32| {
        let mut job = colored(text.as_str(), &project, colors, &FontId::proportional(font.size + 1.0));
        job.wrap.max_width = width;
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    let edit = egui::TextEdit::multiline(&mut prompt)
        .id(id)
        .desired_rows(1)
        .desired_width(f32::INFINITY)
        .frame(Frame::NONE)
        .hint_text("Describe the picture in plain words, such as: a cat and a dog on the beach")
        .layouter(&mut layouter);
    let field = ui.add(edit);
    ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Prompt"));
    let is_word = field.changed() && ends_word(&studio.project().prompt, &prompt);
    widgets::edit_by(studio, &field, "Edit the prompt", |project| project.prompt = prompt);
    if is_word {
        // Undo takes words back, not all that was typed since the field was entered.
        studio.document.end_gesture();
    }
}

/// Whether a change of a text ends a word: a sign or space was typed or taken away, or several letters at once.
fn ends_word(before: &str, after: &str) -> bool {
    let (old, new): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let same = |pairs: &mut dyn Iterator<Item = (&char, &char)>| pairs.take_while(|(a, b)| a == b).count();
    let start = same(&mut old.iter().zip(&new));
    let most = old.len().min(new.len()) - start;
    let end = same(&mut old.iter().rev().zip(new.iter().rev()).take(most));
    let changed = [&old[start..old.len() - end], &new[start..new.len() - end]];
    changed.iter().any(|part| part.len() > 1 || part.iter().any(|letter| !letter.is_alphanumeric()))
}

/// A prompt with its class words on a ground of their concepts' colours, and with the signs that weigh words dimmed.
fn colored(text: &str, project: &Project, colors: &theme::Colors, font: &FontId) -> LayoutJob {
    let plain = TextFormat { font_id: font.clone(), color: colors.text, ..TextFormat::default() };
    let dimmed = TextFormat { color: colors.weak, ..plain.clone() };
    let signs = match project.settings.prompt_reading {
        PromptReading::Weighted => syntax::parse(text, &[]).signs,
        PromptReading::Plain => Vec::new(),
    };
    let mut job = LayoutJob::default();
    let unmarked = |job: &mut LayoutJob, from: usize, to: usize| {
        let mut done = from;
        let within = signs.iter().skip(signs.partition_point(|sign| sign.end <= from));
        for sign in within.take_while(|sign| sign.start < to) {
            let (start, end) = (sign.start.max(from), sign.end.min(to));
            job.append(text.get(done..start).unwrap_or_default(), 0.0, plain.clone());
            job.append(text.get(start..end).unwrap_or_default(), 0.0, dimmed.clone());
            done = end;
        }
        job.append(text.get(done..to).unwrap_or_default(), 0.0, plain.clone());
    };
    let mut done = 0;
    for (span, index) in project.class_word_spans(text, &project.class_words()) {
        unmarked(&mut job, done, span.start);
        let color = project.concepts[index].color;
        let marked = TextFormat {
            font_id: font.clone(),
            color: theme::ink(color, colors),
            background: theme::wash(color, colors).gamma_multiply(0.6),
            underline: Stroke::new(1.5, theme::mark(color)),
            expand_bg: 2.0,
            ..TextFormat::default()
        };
        job.append(text.get(span.clone()).unwrap_or_default(), 0.0, marked);
        done = span.end;
    }
    unmarked(&mut job, done, text.len());
    job
}

/// The one prompt of a method that reads one for all: what calls each concept stands in the place of its class word.
fn shared_prompt(ui: &mut Ui, studio: &mut Studio) {
    let project = studio.project().clone();
    if project.concepts.is_empty() {
        return;
    }
    let calls: Vec<Option<String>> = project.concepts.iter().map(|concept| Some(studio.call_of(concept))).collect();
    let naming = project.naming(&calls);
    let colors = theme::colors(ui);
    let weak =
        TextFormat { font_id: TextStyle::Small.resolve(ui.style()), color: colors.weak, ..TextFormat::default() };
    let (mut job, mut done) = (LayoutJob::default(), 0);
    let mut places = naming.places.clone();
    places.sort_by_key(|(place, _)| place.start);
    for (place, concept) in places {
        job.append(naming.prompt.get(done..place.start).unwrap_or_default(), 0.0, weak.clone());
        let color = project.concepts.get(concept).map_or(colors.weak, |concept| theme::ink(concept.color, colors));
        let called = TextFormat { color, ..weak.clone() };
        job.append(naming.prompt.get(place.clone()).unwrap_or_default(), 0.0, called);
        done = place.end;
    }
    job.append(naming.prompt.get(done..).unwrap_or_default(), 0.0, weak);
    let hover = format!("What is read: with {} one prompt names all concepts.", project.settings.method.title());
    ui.add(egui::Label::new(job).wrap()).on_hover_text(hover);
}

fn derived_prompt(ui: &mut Ui, studio: &mut Studio, look: &mut Look, prompt: &mut PromptLook, concept: &Concept) {
    let colors = theme::colors(ui);
    let tokens = studio.call_of(concept);
    let words = studio.project().branch_prompt(concept, &tokens);
    let mut job = LayoutJob::default();
    let weak =
        TextFormat { font_id: TextStyle::Small.resolve(ui.style()), color: colors.weak, ..TextFormat::default() };
    let strong = TextFormat { color: theme::ink(concept.color, colors), ..weak.clone() };
    let mut rest = words.as_str();
    while let Some((before, after)) = rest.split_once(&tokens).filter(|_| !tokens.is_empty()) {
        job.append(before, 0.0, weak.clone());
        job.append(&tokens, 0.0, strong.clone());
        rest = after;
    }
    job.append(rest, 0.0, weak);
    let drawn = ui.fonts_mut(|fonts| fonts.layout_job(job.clone()));
    let (width, line) = (drawn.size().x + 16.0, drawn.rows.first().map_or(12.0, |row| row.height()));
    let begun = ui.cursor().left() > ui.max_rect().left() + 1.0;
    if begun && width > ui.available_size_before_wrap().x {
        ui.end_row();
    }
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        // As high as the words, so that it stands beside their first line.
        widgets::dot_in_line(ui, theme::mark(concept.color), line);
        let label = ui.add(egui::Label::new(job).sense(egui::Sense::click()));
        let own = if concept.prompt.is_some() { "written by hand" } else { "made from the prompt" };
        let label = label
            .on_hover_text(format!("What the branch of {} reads, {own}. Press to write it yourself.", concept.name));
        if label.hovered() {
            look.pointed.concept = Some(concept.name.clone());
        }
        if label.clicked() {
            prompt.own = if prompt.own.as_ref() == Some(&concept.name) { None } else { Some(concept.name.clone()) };
        }
    });
}

/// The field in which a concept's prompt is written by hand.
fn own_prompt_fields(ui: &mut Ui, studio: &mut Studio, prompt: &mut PromptLook) {
    let Some(name) = prompt.own.clone() else { return };
    let Some((_, concept)) = studio.project().concept(&name) else {
        prompt.own = None;
        return;
    };
    let concept = concept.clone();
    let derived = studio.project().prompt_with(TOKEN_MARK);
    let mut text = concept.prompt.clone().unwrap_or(derived);
    ui.horizontal(|ui| {
        let label = ui.label(
            RichText::new(format!("Prompt of {name}")).small().color(theme::ink(concept.color, theme::colors(ui))),
        );
        let room = (ui.available_width() - 176.0).max(80.0);
        let field = ui.add(egui::TextEdit::singleline(&mut text).desired_width(room)).labelled_by(label.id);
        let field = field.on_hover_text(format!("{TOKEN_MARK} stands for this concept's tokens"));
        let which = name.clone();
        widgets::edit_by(studio, &field, &format!("Prompt of {name}"), |project| {
            if let Some(concept) = project.concepts.iter_mut().find(|concept| concept.name == which) {
                concept.prompt = Some(text);
            }
        });
        if concept.prompt.is_some() && ui.small_button("Make it from the prompt again").clicked() {
            studio
                .document
                .edit_concept(&name, format!("Derive the prompt of {name}"), |concept| concept.prompt = None);
        }
        if widgets::icon_button(ui, icons::X, "Close this field").clicked() {
            prompt.own = None;
        }
    });
}

/// For tests: the colours that a prompt's words have on the screen, in order.
#[cfg(test)]
fn word_colors(text: &str, project: &Project) -> Vec<(String, egui::Color32)> {
    let job = colored(text, project, &theme::DARK, &FontId::proportional(14.0));
    let sections = job.sections.iter().filter(|section| section.format.underline.width > 0.0);
    sections
        .map(|section| {
            (job.text[section.byte_range.start.0..section.byte_range.end.0].to_owned(), section.format.underline.color)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::document::palette::COLORS;

    #[test]
    fn class_words_wear_their_concepts_colours_and_other_words_none() {
        let mut project = Project::new();
        project.concepts.push(Concept::new("Tom", "t.pth", "cat", COLORS[0].1));
        project.concepts.push(Concept::new("Rex", "r.pth", "dog", COLORS[1].1));
        let found = word_colors("two Cats, a dog and a catalogue", &project);
        assert_eq!(found, [("Cats".into(), theme::mark(COLORS[0].1)), ("dog".into(), theme::mark(COLORS[1].1))]);
    }

    #[test]
    fn a_word_ends_at_a_space_a_sign_or_with_several_letters_at_once() {
        for (before, after) in [("a cat", "a cat "), ("a cat", "a cat,"), ("", "a dog"), ("a cat", "a"), ("a b", "ab")]
        {
            assert!(ends_word(before, after), "{before:?} to {after:?}");
        }
        for (before, after) in [("a ca", "a cat"), ("aa", "aaa"), ("a cats", "a cat"), ("Käs", "Käse"), ("cat", "cut")]
        {
            assert!(!ends_word(before, after), "{before:?} to {after:?}");
        }
    }

    #[test]
    fn signs_are_dimmed_where_they_weigh_and_words_never() {
        let mut project = Project::new();
        project.concepts.push(Concept::new("Tom", "t.pth", "cat", COLORS[0].1));
        let dimmed = |text: &str, project: &Project| -> Vec<String> {
            let job = colored(text, project, &theme::DARK, &FontId::proportional(14.0));
            assert_eq!(job.text, text);
            let sections = job.sections.iter().filter(|section| section.format.color == theme::DARK.weak);
            sections.map(|section| job.text[section.byte_range.start.0..section.byte_range.end.0].to_owned()).collect()
        };
        let text = r"a (cat:1.3) <lora:cat:1> [on] \(top\)";
        assert_eq!(dimmed(text, &project), ["(", ":1.3)", "<lora:cat:1>", "[", "]", r"\", r"\"]);
        assert_eq!(word_colors(text, &project).len(), 1, "a network's name is no class word");
        project.settings.prompt_reading = PromptReading::Plain;
        assert_eq!(dimmed(text, &project).len(), 0);
    }
}
