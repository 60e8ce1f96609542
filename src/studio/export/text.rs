//! Words on pictures.

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

/// What stands for words that are cut off.
const CUT: char = '…';

/// A font to write with. From bytes that are none, one that takes no room and draws nothing.
pub(super) struct Text<'a> {
    font: Option<FontRef<'a>>,
}

impl<'a> Text<'a> {
    /// From the bytes of a TrueType or OpenType font.
    pub fn new(font: &'a [u8]) -> Self {
        Self { font: FontRef::try_from_slice(font).ok() }
    }

    /// Pixels from one line to the next.
    pub fn height(&self, size: f32) -> u32 {
        // The cast saturates.
        self.font.as_ref().map_or(0, |font| font.as_scaled(size).height().ceil() as u32)
    }

    /// Pixels of a line.
    pub fn width(&self, words: &str, size: f32) -> u32 {
        let Some(font) = &self.font else { return 0 };
        let mut end = 0.0;
        lay_out(font, words, size, &mut |_, right| end = right);
        end.ceil() as u32
    }

    /// The line, or as much of it as fits `width` pixels with an ellipsis.
    pub fn fit(&self, words: &str, size: f32, width: u32) -> String {
        if self.width(words, size) <= width {
            return words.to_owned();
        }
        let mut kept: String = words.to_owned();
        while kept.pop().is_some() {
            let shorter = format!("{}{CUT}", kept.trim_end());
            if self.width(&shorter, size) <= width {
                return shorter;
            }
        }
        String::new()
    }

    /// The words in at most `most` lines of `width` pixels; what is left over is cut off at the end of the last.
    pub fn wrap(&self, words: &str, size: f32, width: u32, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in words.split_whitespace() {
            let longer = lines.last().map(|line| format!("{line} {word}"));
            match (longer, lines.len()) {
                // All that is left goes onto the last line, to be cut.
                (Some(longer), count) if count == most || self.width(&longer, size) <= width => {
                    lines.pop();
                    lines.push(longer);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines.iter().map(|line| self.fit(line, size, width)).collect()
    }

    /// Writes a line with its top left corner at (`x`, `y`). What reaches over the picture's edge is not drawn.
    pub fn draw(&self, picture: &mut RgbImage, (x, y): (u32, u32), size: f32, color: [u8; 3], words: &str) {
        let Some(font) = &self.font else { return };
        let baseline = y as f32 + font.as_scaled(size).ascent();
        lay_out(font, words, size, &mut |mut glyph, _| {
            glyph.position = point(x as f32 + glyph.position.x, baseline);
            let Some(outline) = font.outline_glyph(glyph) else { return };
            let corner = outline.px_bounds().min;
            outline.draw(|right, down, share| {
                let (column, row) = (corner.x as i64 + i64::from(right), corner.y as i64 + i64::from(down));
                let (Ok(column), Ok(row)) = (u32::try_from(column), u32::try_from(row)) else { return };
                if let Some(pixel) = picture.get_pixel_mut_checked(column, row) {
                    blend(pixel, color, share);
                }
            });
        });
    }
}

/// Every glyph of a line that starts at 0, with where the next one begins.
fn lay_out(font: &FontRef<'_>, words: &str, size: f32, see: &mut dyn FnMut(Glyph, f32)) {
    let scaled = font.as_scaled(PxScale::from(size));
    let mut x = 0.0;
    let mut before = None;
    for letter in words.chars().filter(|letter| !letter.is_control()) {
        let id = font.glyph_id(letter);
        if let Some(before) = before {
            x += scaled.kern(before, id);
        }
        let left = x;
        x += scaled.h_advance(id);
        before = Some(id);
        see(id.with_scale_and_position(size, point(left, 0.0)), x);
    }
}

fn blend(pixel: &mut Rgb<u8>, color: [u8; 3], share: f32) {
    let share = share.clamp(0.0, 1.0);
    for (old, new) in pixel.0.iter_mut().zip(color) {
        *old = (f32::from(*old) * (1.0 - share) + f32::from(new) * share).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::font;
    use super::*;

    #[test]
    fn letters_are_drawn_where_they_are_asked_for_and_nowhere_else() {
        let text = Text::new(font());
        let mut picture = RgbImage::from_pixel(80, 60, Rgb([255; 3]));
        // The built-in font has symbols only; this one is a folder.
        text.draw(&mut picture, (20, 10), 24.0, [0; 3], "\u{e24a}");
        let dark: Vec<(u32, u32)> =
            picture.enumerate_pixels().filter(|(.., pixel)| pixel.0[0] < 128).map(|(x, y, _)| (x, y)).collect();
        assert!(dark.len() > 40, "{}", dark.len());
        let (width, height) = (text.width("\u{e24a}", 24.0), text.height(24.0));
        assert!(dark.iter().all(|&(x, y)| (20..=20 + width).contains(&x) && (10..=10 + height).contains(&y)));
    }

    #[test]
    fn what_reaches_over_the_edge_is_left_out() {
        let text = Text::new(font());
        let mut picture = RgbImage::from_pixel(10, 10, Rgb([255; 3]));
        text.draw(&mut picture, (4, 4), 24.0, [0; 3], "\u{e24a}\u{e24a}");
        text.draw(&mut picture, (400, 4), 24.0, [0; 3], "\u{e24a}");
        assert_eq!(picture.dimensions(), (10, 10));
    }

    #[test]
    fn long_words_are_cut_and_lines_are_wrapped_to_the_width() {
        let text = Text::new(font());
        let one = text.width("\u{e24a}", 20.0);
        assert!(one > 10);
        let long = "\u{e24a}".repeat(30);
        let cut = text.fit(&long, 20.0, one * 10);
        assert!(cut.ends_with(CUT) && text.width(&cut, 20.0) <= one * 10, "{cut}");
        assert!(cut.chars().count() > 5, "{cut}");
        assert_eq!(text.fit("\u{e24a}", 20.0, one), "\u{e24a}");

        let words = "\u{e24a}\u{e24a} ".repeat(12);
        let lines = text.wrap(&words, 20.0, one * 6, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| text.width(line, 20.0) <= one * 6), "{lines:?}");
        assert!(lines[2].ends_with(CUT) && !lines[1].ends_with(CUT), "{lines:?}");
        assert_eq!(text.wrap("\u{e24a}\n\u{e24a}", 20.0, one * 6, 3), ["\u{e24a} \u{e24a}"]);
        assert!(text.wrap(" \n", 20.0, 100, 3).is_empty());
    }

    #[test]
    fn bytes_that_are_no_font_draw_nothing_and_take_no_room() {
        let text = Text::new(b"no font");
        let mut picture = RgbImage::from_pixel(30, 30, Rgb([255; 3]));
        text.draw(&mut picture, (0, 0), 24.0, [0; 3], "words");
        assert!(picture.pixels().all(|pixel| pixel.0 == [255; 3]));
        assert_eq!((text.width("words", 24.0), text.height(24.0)), (0, 0));
    }
}
