//! The colours that tell concepts apart, each with its name, since colour is never the only sign.

use crate::project::{Color, Project};

/// Eight colours that colour-blind people can tell apart: Okabe and Ito's set, lightened where it would be too dark
/// on a dark ground; the first two as the example projects have them.
pub const COLORS: [(&str, Color); 8] = [
    ("teal", Color([45, 212, 191])),
    ("violet", Color([192, 132, 252])),
    ("orange", Color([230, 159, 0])),
    ("sky", Color([86, 180, 233])),
    ("vermilion", Color([235, 106, 40])),
    ("yellow", Color([240, 228, 66])),
    ("pink", Color([222, 140, 186])),
    ("blue", Color([80, 140, 230])),
];

/// The colour's name, or its value where it is none of ours.
pub fn name(color: Color) -> String {
    let known = COLORS.iter().find(|(_, known)| *known == color);
    known.map_or_else(|| color.to_string(), |(name, _)| (*name).to_owned())
}

/// The first colour that no concept of the project has; after eight they come round again.
pub fn free(project: &Project) -> Color {
    let used = |color: &Color| project.concepts.iter().filter(|concept| concept.color == *color).count();
    COLORS.iter().map(|(_, color)| *color).min_by_key(used).unwrap_or(COLORS[0].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Concept;

    #[test]
    fn eight_concepts_get_eight_colours_and_the_ninth_the_first_again() {
        let mut project = Project::new();
        for (number, (_, expected)) in COLORS.iter().enumerate() {
            let color = free(&project);
            assert_eq!(color, *expected);
            project.concepts.push(Concept::new(format!("{number}"), "x.pth", "cat", color));
        }
        assert_eq!(free(&project), COLORS[0].1);
        assert_eq!(name(COLORS[1].1), "violet");
    }
}
