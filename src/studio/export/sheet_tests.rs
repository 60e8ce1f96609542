use std::fs;
use std::sync::Arc;

use super::super::draw::CLUSTERS;
use super::super::tests::{RESULT, anything, font, running, take};
use super::*;

fn ramp(value: f32) -> [u8; 3] {
    [(value * 200.0) as u8, 77, 3]
}

fn options(font: &[u8]) -> SheetOptions<'_> {
    SheetOptions { columns: 2, cell: 64, ..SheetOptions::new(font, &ramp) }
}

fn middle(picture: &RgbImage, page: &Page, row: usize, column: usize) -> [u8; 3] {
    at(picture, page, (row, column), (page.cell.0 / 2, page.cell.1 / 2))
}

fn at(picture: &RgbImage, page: &Page, (row, column): (usize, usize), (x, y): (u32, u32)) -> [u8; 3] {
    let (left, top) = page.corner(row, column);
    picture.get_pixel(left + x, top + y).0
}

#[test]
fn rows_are_pictures_then_each_lane_s_maps_then_masks() {
    let take = take();
    let options = options(&[]);
    let sheet = Sheet::new(&take, &options).unwrap();
    let tom = Lane::Concept("Tom".into());
    assert_eq!(
        sheet.rows,
        [
            Row::Preview,
            Row::Clusters(Lane::Base),
            Row::Clusters(tom.clone()),
            Row::Clusters(Lane::Reference),
            Row::Attention(Lane::Base, String::new()),
            Row::Attention(tom, String::new()),
            Row::Attention(Lane::Reference, String::new()),
            Row::Mask(0, "Tom".into()),
            Row::Mask(1, "Rex/2".into()),
        ]
    );
    let words = SheetOptions {
        show: Show { previews: false, clusters: false, attention: false, words: true, masks: false },
        ..options
    };
    let sheet = Sheet::new(&take, &words).unwrap();
    assert_eq!(sheet.rows.len(), 3);
    assert_eq!(sheet.rows[0], Row::Attention(Lane::Base, "cat".into()));
}

#[test]
fn without_a_font_the_sheet_is_its_cells_gaps_and_margins() {
    let picture = contact_sheet(&take(), &options(&[])).unwrap();
    // Cells of 64 by 32, gaps of 2, margins of 10; 2 columns and 9 rows.
    assert_eq!(picture.dimensions(), (2 * 64 + 2 + 20, 9 * 32 + 8 * 2 + 20));
    assert_eq!(picture.get_pixel(0, 0).0, PAPER);
    assert_eq!(picture.get_pixel(10 + 64, 20).0, PAPER);
}

#[test]
fn a_font_makes_room_for_labels_and_draws_them() {
    let plain = contact_sheet(&take(), &options(&[])).unwrap();
    let mut take = take();
    let mut project = crate::project::Project::clone(&take.project);
    // The font of the tests has symbols only.
    project.prompt = "\u{e24a}".into();
    take.project = Arc::new(project);
    let options = options(font());
    let sheet = Sheet::new(&take, &options).unwrap();
    let picture = sheet.draw(&mut anything()).unwrap();
    assert!(picture.height() > plain.height() && picture.width() > plain.width());
    assert_eq!(picture.dimensions(), sheet.page.size);
    let head = imageops::crop_imm(&picture, 0, 0, picture.width(), sheet.page.margin + sheet.page.head).to_image();
    assert!(head.pixels().filter(|pixel| pixel.0[0] < 100).count() > 20);
    let (left, top) = sheet.page.corner(7, 0);
    let label = imageops::crop_imm(&picture, 0, top, left, sheet.page.cell.1).to_image();
    let swatch = color_of(&take.project, "Tom");
    assert!(label.pixels().filter(|pixel| pixel.0 == swatch).count() > 20, "the concept's colour stands by its label");
}

#[test]
fn cells_show_the_maps_in_their_colours() {
    let take = take();
    let options = options(&[]);
    let sheet = Sheet::new(&take, &options).unwrap();
    let picture = sheet.draw(&mut anything()).unwrap();
    let page = &sheet.page;
    assert_eq!(sheet.steps.iter().map(|view| view.step).collect::<Vec<_>>(), [0, 3]);

    assert_eq!(middle(&picture, page, 0, 0), [10, 0, 200], "the preview of the first step");
    assert_eq!(middle(&picture, page, 0, 1), RESULT, "the result stands for the last step");

    // A grid of 2 by 4 in 64 by 32 pixels: the last cell has the step's number for its label.
    assert_eq!(at(&picture, page, (1, 0), (0, 0)), CLUSTERS[0]);
    assert_eq!(at(&picture, page, (1, 0), (47, 31)), CLUSTERS[3]);
    assert_eq!(at(&picture, page, (1, 1), (63, 31)), CLUSTERS[3]);
    assert_eq!(at(&picture, page, (1, 0), (63, 31)), CLUSTERS[0]);

    assert_eq!(at(&picture, page, (4, 0), (31, 0)), ramp(0.0));
    assert_eq!(at(&picture, page, (4, 1), (31, 31)), ramp(0.75));
    assert_eq!(at(&picture, page, (4, 1), (32, 0)), ramp(1.0));

    // Cells of the latent are 4 pixels wide; Tom's combined mask moves from column 0 to column 3.
    let tom = color_of(&take.project, "Tom");
    assert_eq!([at(&picture, page, (7, 0), (0, 9)), at(&picture, page, (7, 1), (0, 9))], [tom, [0; 3]]);
    assert_eq!([at(&picture, page, (7, 1), (12, 9)), at(&picture, page, (7, 1), (24, 9))], [tom, [0; 3]]);
}

#[test]
fn what_a_step_lacks_is_an_empty_cell_and_what_all_lack_is_no_row() {
    let mut take = running();
    let mut last = StepView::clone(&take.steps[3]);
    last.clusters.clear();
    last.masks.clear();
    take.steps[3] = Arc::new(last);
    let options = options(&[]);
    let sheet = Sheet::new(&take, &options).unwrap();
    let picture = sheet.draw(&mut anything()).unwrap();
    assert_eq!(sheet.rows.len(), 9);
    assert_eq!(middle(&picture, &sheet.page, 1, 1), VOID);
    assert_eq!(middle(&picture, &sheet.page, 8, 1), VOID);
    take.steps.remove(0);
    take.steps.drain(..2);
    assert_eq!(Sheet::new(&take, &options).unwrap().rows.len(), 4);
}

#[test]
fn steps_are_chosen_evenly_with_both_ends() {
    let chosen = |of, count| evenly(of, count).collect::<Vec<_>>();
    assert_eq!(chosen(50, 8), [0, 7, 14, 21, 28, 35, 42, 49]);
    assert_eq!(chosen(4, 8), [0, 1, 2, 3]);
    assert_eq!(chosen(7, 3), [0, 3, 6]);
    assert_eq!(chosen(6, 3), [0, 3, 5]);
    assert_eq!(chosen(9, 1), [8]);
    assert!(chosen(0, 8).is_empty());
}

#[test]
fn a_sheet_that_would_be_too_large_says_its_size_and_what_to_do() {
    let mut take = take();
    let mut view = StepView::clone(&take.steps[0]);
    let masks = view.masks[0][0].clone();
    view.masks = vec![vec![masks; 400]];
    take.steps[0] = Arc::new(view);
    let text = contact_sheet(&take, &SheetOptions { cell: 512, ..options(&[]) }).unwrap_err().to_string();
    assert!(text.starts_with("the contact sheet would have 1112 × "), "{text}");
    assert!(text.ends_with("choose fewer steps or smaller cells"), "{text}");
}

#[test]
fn a_written_sheet_is_the_drawn_one_and_a_stop_or_an_empty_render_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.png");
    let stopped = write_contact_sheet(&path, &take(), &options(&[]), &mut |done, _| done < 3);
    assert!(matches!(stopped, Err(ExportError::Stopped)));
    let empty = Take { steps: Vec::new(), ..take() };
    let text = write_contact_sheet(&path, &empty, &options(&[]), &mut anything()).unwrap_err().to_string();
    assert!(text.starts_with("the render has no step to show yet; wait"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    write_contact_sheet(&path, &take(), &options(&[]), &mut anything()).unwrap();
    let drawn = contact_sheet(&take(), &options(&[])).unwrap();
    assert_eq!(image::open(&path).unwrap().into_rgb8(), drawn);
}
