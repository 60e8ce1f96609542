//! The inspector's shaders, pixel by pixel against what the CPU computes.

use std::sync::Arc;

use eframe::egui::epaint::ClippedShape;
use eframe::egui::mutex::RwLock;
use eframe::egui::{
    Color32, ColorImage, Context, Id, LayerId, Order, Painter, Pos2, Rect, Shape, StrokeKind, TextureOptions, Vec2,
    pos2, vec2,
};
use eframe::egui_wgpu::{RenderState, Renderer, RendererOptions};
use eframe::wgpu::TextureFormat;
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use image::{GrayImage, Rgb, RgbImage, Rgba, RgbaImage};
use podium::engine::masks::Mask;
use podium::gui::paint::{self, ColorMap, Grid, MaskStyle, Outline, Sampling, Source};
use podium::link::{ClusterView, Lane};

use crate::needs;

const BACK: Color32 = Color32::from_rgb(40, 90, 160);
const ORANGE: Color32 = Color32::from_rgb(230, 159, 0);
const BOTH: [Sampling; 2] = [Sampling::Nearest, Sampling::Smooth];

/// Whatever adapter there is.
struct Screen {
    state: RenderState,
    point: f32,
}

impl Screen {
    /// None, after saying so, where there is no adapter and none is required.
    fn for_test() -> Option<Self> {
        if !needs::adapter() {
            return None;
        }
        let state = create_render_state(default_wgpu_setup(), RendererOptions::PREDICTABLE);
        Some(Self { state, point: 1.0 })
    }

    /// The same with a renderer of its own, for targets of this format.
    fn fresh(&self, format: TextureFormat) -> Self {
        let mut state = self.state.clone();
        state.target_format = format;
        state.renderer = Arc::new(RwLock::new(Renderer::new(&state.device, format, RendererOptions::PREDICTABLE)));
        paint::install(&Context::default(), Some(&state));
        Self { state, point: self.point }
    }

    fn harness<'a>(&self, size: Vec2, mut draw: impl FnMut(&Painter) + 'a) -> Harness<'a> {
        let renderer = WgpuTestRenderer::from_render_state(self.state.clone());
        let builder = Harness::builder().with_size(size).with_pixels_per_point(self.point).renderer(renderer);
        builder.build_ui(move |ui| {
            let layer = LayerId::new(Order::Foreground, Id::unique("drawn"));
            let painter = Painter::new(ui.ctx().clone(), layer, ui.ctx().content_rect());
            painter.rect_filled(Rect::EVERYTHING, 0.0, BACK);
            draw(&painter);
        })
    }

    /// A window of this size in points, with what `draw` draws on [`BACK`].
    fn draw(&self, size: Vec2, draw: impl FnMut(&Painter)) -> RgbaImage {
        let mut harness = self.fresh(self.state.target_format).harness(size, draw);
        harness.step();
        harness.render().expect("an adapter draws it")
    }
}

fn rect(left: f32, top: f32, width: f32, height: f32) -> Rect {
    Rect::from_min_size(pos2(left, top), vec2(width, height))
}

fn rgb(picture: &RgbaImage, x: u32, y: u32) -> [u8; 3] {
    let [r, g, b, _] = picture.get_pixel(x, y).0;
    [r, g, b]
}

fn back() -> [u8; 3] {
    [BACK.r(), BACK.g(), BACK.b()]
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u8 {
    a.iter().zip(b).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
}

#[track_caller]
fn assert_near(found: [u8; 3], expected: [u8; 3], what: &str) {
    assert!(distance(found, expected) <= 1, "{what}: {found:?}, not {expected:?}");
}

/// A colour over another, in egui's way: without regard to gamma.
fn over(upper: [u8; 3], opacity: f32, lower: [u8; 3]) -> [u8; 3] {
    std::array::from_fn(|i| (f32::from(upper[i]) * opacity + f32::from(lower[i]) * (1.0 - opacity)).round() as u8)
}

fn grid(height: usize, width: usize, values: &[f32]) -> Arc<Grid> {
    Arc::new(Grid { height, width, values: values.to_vec() })
}

fn square_mask() -> Arc<Mask> {
    Arc::new(Mask::from_fn(8, 8, |y, x| (2..6).contains(&y) && (2..6).contains(&x)))
}

fn plain(color: Color32, fill: f32, outline: Outline, sampling: Sampling) -> MaskStyle {
    MaskStyle { color, fill, outline, sampling }
}

#[test]
fn a_heatmap_shows_the_maps_own_colours_and_nothing_beside_its_place() {
    let Some(screen) = Screen::for_test() else { return };
    let values = grid(2, 2, &[0.0, 0.3, 0.7, 1.0]);
    for map in ColorMap::ALL {
        let picture = screen.draw(vec2(80.0, 60.0), |painter| {
            let source = Source::new(&values);
            paint::heatmap(painter, rect(10.0, 10.0, 40.0, 40.0), &source, map, Sampling::Nearest, 1.0);
        });
        for (x, y, pixel) in picture.enumerate_pixels() {
            let inside = (10..50).contains(&x) && (10..50).contains(&y);
            let value = values.values[usize::from(y >= 30) * 2 + usize::from(x >= 30)];
            let expected = if inside { map.at(value) } else { back() };
            assert_eq!(pixel.0[..3], expected, "{} at {x}, {y}", map.name());
        }
    }
}

#[test]
fn a_smooth_heatmap_runs_straight_from_one_cells_centre_to_the_next() {
    let Some(screen) = Screen::for_test() else { return };
    let values = grid(1, 2, &[0.1, 0.9]);
    let picture = screen.draw(vec2(64.0, 8.0), |painter| {
        let source = Source::new(&values);
        paint::heatmap(painter, rect(0.0, 0.0, 64.0, 8.0), &source, ColorMap::Viridis, Sampling::Smooth, 1.0);
    });
    for x in 0..64 {
        let way = ((x as f32 + 0.5 - 16.0) / 32.0).clamp(0.0, 1.0);
        let value = 0.1 + 0.8 * way;
        // Where rounding may decide between two entries, either will do.
        let nearby = [-1e-4, 0.0, 1e-4].map(|off| ColorMap::Viridis.at(value + off));
        assert!(nearby.contains(&rgb(&picture, x, 4)), "at {x}: {:?}, not {nearby:?}", rgb(&picture, x, 4));
    }
}

#[test]
fn opacities_blend_as_egui_blends_on_both_kinds_of_target() {
    let Some(screen) = Screen::for_test() else { return };
    let values = grid(1, 1, &[0.6]);
    let [r, g, b] = ColorMap::Viridis.at(0.6);
    for format in [TextureFormat::Rgba8Unorm, TextureFormat::Rgba8UnormSrgb, TextureFormat::Bgra8Unorm] {
        let screen = screen.fresh(format);
        let picture = screen.draw(vec2(40.0, 10.0), |painter| {
            let source = Source::new(&values);
            paint::heatmap(painter, rect(0.0, 0.0, 10.0, 10.0), &source, ColorMap::Viridis, Sampling::Nearest, 0.4);
            let color = Color32::from_rgb(r, g, b).gamma_multiply(0.4);
            painter.rect_filled(rect(10.0, 0.0, 10.0, 10.0), 0.0, color);
            let mut faded = painter.clone();
            faded.set_opacity(0.4);
            paint::heatmap(&faded, rect(20.0, 0.0, 10.0, 10.0), &source, ColorMap::Viridis, Sampling::Nearest, 1.0);
        });
        let [ours, eguis, faded] = [5, 15, 25].map(|x| rgb(&picture, x, 5));
        assert_near(ours, eguis, &format!("blended on {format:?}"));
        assert_near(faded, eguis, &format!("faded on {format:?}"));
        assert_ne!(ours, rgb(&picture, 35, 5));
    }
}

#[test]
fn pictures_are_the_colours_that_egui_shows_on_both_kinds_of_target() {
    let Some(screen) = Screen::for_test() else { return };
    let colors = |x: u32, y: u32| Rgba([(x * 16) as u8, (y * 16) as u8, (x * y) as u8, 255 - ((x + y) * 4) as u8]);
    let ours = Arc::new(RgbaImage::from_fn(16, 16, colors));
    let opaque = Arc::new(RgbImage::from_fn(16, 16, |x, y| Rgb([(x * 17) as u8, (y * 17) as u8, 77])));
    let eguis = ColorImage::from_rgba_unmultiplied([16, 16], ours.as_raw());
    let shared = Arc::new(eguis.clone());
    for format in [TextureFormat::Rgba8Unorm, TextureFormat::Rgba8UnormSrgb] {
        let mut texture = None;
        let picture = screen.fresh(format).draw(vec2(64.0, 16.0), |painter| {
            paint::picture(painter, rect(0.0, 0.0, 16.0, 16.0), &Source::new(&ours), Sampling::Nearest);
            paint::picture(painter, rect(16.0, 0.0, 16.0, 16.0), &Source::new(&shared), Sampling::Smooth);
            paint::picture(painter, rect(48.0, 0.0, 16.0, 16.0), &Source::new(&opaque), Sampling::Smooth);
            let load = || painter.ctx().load_texture("egui's", eguis.clone(), TextureOptions::NEAREST);
            let texture = texture.get_or_insert_with(load);
            let whole = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
            painter.image(texture.id(), rect(32.0, 0.0, 16.0, 16.0), whole, Color32::WHITE);
        });
        for (x, y, pixel) in opaque.enumerate_pixels() {
            let shown = rgb(&picture, x + 32, y);
            assert_near(rgb(&picture, x, y), shown, &format!("straight alpha at {x}, {y} on {format:?}"));
            assert_near(rgb(&picture, x + 16, y), shown, &format!("premultiplied at {x}, {y} on {format:?}"));
            assert_near(rgb(&picture, x + 48, y), pixel.0, &format!("opaque at {x}, {y} on {format:?}"));
        }
    }
}

#[test]
fn a_picture_shown_smaller_is_averaged_and_shown_larger_it_keeps_its_texels_where_they_are() {
    let Some(screen) = Screen::for_test() else { return };
    let fine = |x, y| if (x + y) % 2 == 0 { Rgb([255, 0, 200]) } else { Rgb([0, 100, 0]) };
    let board = Arc::new(RgbImage::from_fn(64, 64, fine));
    let picture = screen.draw(vec2(48.0, 16.0), |painter| {
        paint::picture(painter, rect(0.0, 0.0, 16.0, 16.0), &Source::new(&board), Sampling::Smooth);
        let corner = Arc::new(RgbImage::from_fn(2, 1, fine));
        paint::picture(painter, rect(16.0, 0.0, 32.0, 16.0), &Source::new(&corner), Sampling::Nearest);
    });
    for x in 0..16 {
        assert_near(rgb(&picture, x, 7), [128, 50, 100], &format!("averaged at {x}"));
    }
    let [left, right] = [31, 32].map(|x| rgb(&picture, x, 7));
    assert_eq!((left, right), ([255, 0, 200], [0, 100, 0]));
}

#[test]
fn a_checkerboards_squares_take_turns_from_its_top_left_corner() {
    let Some(screen) = Screen::for_test() else { return };
    let colors = [Color32::from_gray(60), Color32::from_gray(90)];
    for point in [1.0, 2.0] {
        let screen = Screen { point, ..screen.fresh(screen.state.target_format) };
        let picture = screen.draw(vec2(50.0, 40.0), |painter| {
            paint::checker(painter, rect(3.0, 5.0, 40.0, 30.0), 8.0, colors);
        });
        for (x, y, pixel) in picture.enumerate_pixels() {
            let (x, y) = (x as f32 / point - 3.0, y as f32 / point - 5.0);
            let expected = if !(0.0..40.0).contains(&x) || !(0.0..30.0).contains(&y) {
                back()
            } else {
                [colors[((x / 8.0) as usize + (y / 8.0) as usize) % 2].r(); 3]
            };
            assert_eq!(pixel.0[..3], expected, "at {x}, {y}");
        }
    }
}

#[test]
fn clusters_have_the_colours_of_their_numbers_and_start_again_where_these_end() {
    let Some(screen) = Screen::for_test() else { return };
    let labels = vec![0, 1, 2, 3, 4, 65_537];
    let view = Arc::new(ClusterView { lane: Lane::Base, picture: 0, grid: (1, 6), labels: labels.clone() });
    let colors = [Color32::RED, Color32::GREEN, Color32::BLUE];
    let picture = screen.draw(vec2(60.0, 10.0), |painter| {
        paint::clusters(painter, rect(0.0, 0.0, 60.0, 10.0), &Source::new(&view), &colors, 1.0);
    });
    for (x, label) in labels.iter().enumerate() {
        let color = colors[*label as usize % 3];
        assert_eq!(rgb(&picture, x as u32 * 10 + 5, 5), [color.r(), color.g(), color.b()], "label {label}");
    }
}

#[test]
fn a_masks_fill_is_blended_by_its_opacity() {
    let Some(screen) = Screen::for_test() else { return };
    let mask = square_mask();
    let expected = over([ORANGE.r(), ORANGE.g(), ORANGE.b()], MaskStyle::FILL, back());
    for sampling in BOTH {
        let picture = screen.draw(vec2(80.0, 80.0), |painter| {
            let style = plain(ORANGE, MaskStyle::FILL, Outline::None, sampling);
            paint::mask(painter, rect(0.0, 0.0, 80.0, 80.0), &Source::new(&mask), style);
        });
        for at in [25, 40, 54] {
            assert_near(rgb(&picture, at, 40), expected, &format!("inside, {sampling:?}"));
        }
        for at in [5, 18, 62, 75] {
            assert_eq!(rgb(&picture, 40, at), back(), "outside, {sampling:?}");
        }
    }
}

/// How much of a row is covered by white lines on black, in pixels, left and right of the middle.
fn coverage(picture: &RgbaImage, y: u32) -> [f32; 2] {
    let half = picture.width() / 2;
    let sum = |columns: std::ops::Range<u32>| columns.map(|x| f32::from(rgb(picture, x, y)[0]) / 255.0).sum();
    [sum(0..half), sum(half..picture.width())]
}

#[test]
fn a_masks_outline_is_two_points_thick_at_every_zoom() {
    let Some(screen) = Screen::for_test() else { return };
    let mask = square_mask();
    // Pixels a cell: far too few for a smooth edge, just too few, enough, and many; also off the pixels' raster.
    for (zoom, point) in [(1.0, 1.0), (1.5, 1.0), (2.5, 1.0), (4.0, 1.0), (10.0, 1.0), (37.5, 1.0), (10.0, 2.0)] {
        let screen = Screen { point, ..screen.fresh(screen.state.target_format) };
        for sampling in BOTH {
            for off in [0.0, 0.3] {
                let side = 8.0 * zoom;
                let picture = screen.draw(Vec2::splat(side + 4.0), |painter| {
                    painter.rect_filled(Rect::EVERYTHING, 0.0, Color32::BLACK);
                    let style = plain(Color32::WHITE, 0.0, Outline::Solid, sampling);
                    paint::mask(painter, rect(off + 2.0, 2.0, side, side), &Source::new(&mask), style);
                });
                let found = coverage(&picture, picture.height() / 2);
                let right = found.iter().all(|found| (found - 2.0 * point).abs() < 0.05);
                assert!(right, "{found:?} pixels at {zoom} a cell, {point} a point, {sampling:?}, off by {off}");
            }
        }
    }
}

#[test]
fn a_sharp_outline_lies_half_in_and_half_out_and_closes_at_the_pictures_edge() {
    let Some(screen) = Screen::for_test() else { return };
    let left_half = Arc::new(Mask::from_fn(4, 4, |_, x| x < 2));
    for sampling in BOTH {
        let picture = screen.draw(vec2(60.0, 60.0), |painter| {
            let style = plain(Color32::WHITE, 0.0, Outline::Solid, sampling);
            paint::mask(painter, rect(10.0, 10.0, 40.0, 40.0), &Source::new(&left_half), style);
        });
        let white: Vec<u32> = (0..60).filter(|&x| rgb(&picture, x, 30) == [255; 3]).collect();
        assert_eq!(white, [9, 10, 29, 30], "{sampling:?}");
        let others = (0..60).filter(|x| !white.contains(x));
        assert!(others.into_iter().all(|x| rgb(&picture, x, 30) == back()), "{sampling:?}");
    }
}

#[test]
fn a_smooth_edge_cuts_corners_and_a_sharp_one_does_not() {
    let Some(screen) = Screen::for_test() else { return };
    let mask = square_mask();
    let [sharp, smooth] = BOTH.map(|sampling| {
        screen.draw(vec2(160.0, 160.0), |painter| {
            let style = plain(ORANGE, 1.0, Outline::None, sampling);
            paint::mask(painter, rect(0.0, 0.0, 160.0, 160.0), &Source::new(&mask), style);
        })
    });
    assert_eq!(rgb(&sharp, 41, 41), [ORANGE.r(), ORANGE.g(), ORANGE.b()]);
    assert_eq!(rgb(&smooth, 41, 41), back());
    assert_eq!(rgb(&smooth, 80, 41), [ORANGE.r(), ORANGE.g(), ORANGE.b()]);
    // Where the bilinear cover is one half on the diagonal: 1 - 1/sqrt(2) of a cell from the corner cell's centre.
    let edge = 50.0 - 20.0 * (1.0 - 0.5_f32.sqrt());
    assert_eq!(rgb(&smooth, edge as u32 - 2, edge as u32 - 2), back());
    assert_eq!(rgb(&smooth, edge as u32 + 2, edge as u32 + 2), [ORANGE.r(), ORANGE.g(), ORANGE.b()]);
}

#[test]
fn dashes_have_gaps_and_ants_march_clockwise_on_black_or_white() {
    let Some(screen) = Screen::for_test() else { return };
    let mask = square_mask();
    let top = |outline| {
        let picture = screen.draw(vec2(160.0, 160.0), |painter| {
            let style = plain(ORANGE, 0.0, outline, Sampling::Nearest);
            paint::mask(painter, rect(0.0, 0.0, 160.0, 160.0), &Source::new(&mask), style);
        });
        // The upper row of the upper edge's line.
        (45..115).map(|x| rgb(&picture, x, 39)).collect::<Vec<_>>()
    };
    let orange = [ORANGE.r(), ORANGE.g(), ORANGE.b()];
    let solid = top(Outline::Solid);
    assert!(solid.iter().all(|&color| color == orange));
    let dashed = top(Outline::Dashed);
    assert_eq!(dashed.iter().filter(|&&color| color == orange).count(), 42, "6 of 10 points are dash");
    assert_eq!(dashed.iter().filter(|&&color| color == back()).count(), 28, "4 of 10 points are gap");
    let still = top(Outline::Marching(0.0));
    assert_eq!(still.iter().filter(|&&color| color == [0; 3]).count(), 28, "orange is bright: black gaps");
    let marched = top(Outline::Marching(3.0));
    assert_ne!(still, marched);
    assert_eq!(still[..67], marched[3..], "along the upper edge clockwise is to the right");
    assert_eq!(top(Outline::Marching(10.0)), still, "a period on they look the same");
}

#[test]
fn a_grey_mask_has_its_edge_at_one_half() {
    let Some(screen) = Screen::for_test() else { return };
    let grey = Arc::new(GrayImage::from_fn(4, 1, |x, _| image::Luma([[0, 127, 128, 255][x as usize]])));
    let picture = screen.draw(vec2(40.0, 10.0), |painter| {
        let style = plain(ORANGE, 1.0, Outline::None, Sampling::Nearest);
        paint::mask(painter, rect(0.0, 0.0, 40.0, 10.0), &Source::new(&grey), style);
    });
    let orange = [ORANGE.r(), ORANGE.g(), ORANGE.b()];
    assert_eq!([5, 15, 25, 35].map(|x| rgb(&picture, x, 5)), [back(), back(), orange, orange]);
}

#[test]
fn grounds_that_are_filled_cheaply_look_as_egui_s() {
    let Some(screen) = Screen::for_test() else { return };
    let draw = |painter: &Painter| {
        let fill = Color32::from_rgba_unmultiplied(230, 159, 0, 120);
        painter.rect(rect(10.3, 12.6, 150.0, 90.0), 12.0, fill, (2.0, ORANGE), StrokeKind::Inside);
        painter.with_clip_rect(rect(100.0, 50.0, 90.5, 90.5)).rect_filled(rect(60.0, 20.0, 200.0, 110.0), 6.0, fill);
        painter.rect_filled(rect(5.0, 100.0, 120.0, 60.0), 0.0, ORANGE);
    };
    for point in [1.0, 1.5, 2.0] {
        let draw_with = |grounds: bool| {
            let screen = Screen { point, ..screen.fresh(screen.state.target_format) };
            let mut harness = screen.harness(vec2(200.0, 170.0), draw);
            if grounds {
                harness.ctx.add_plugin(paint::Grounds);
            }
            harness.step();
            let callbacks = |shape: &ClippedShape| matches!(shape.shape, Shape::Callback(_));
            assert_eq!(harness.output().shapes.iter().any(callbacks), grounds);
            harness.render().expect("an adapter draws it")
        };
        let (cheap, egui) = (draw_with(true), draw_with(false));
        for ((x, y, a), b) in cheap.enumerate_pixels().zip(egui.pixels()) {
            let apart = distance([a.0[0], a.0[1], a.0[2]], [b.0[0], b.0[1], b.0[2]]);
            let (x, y) = (x as f32 / point, y as f32 / point);
            // Round corners are arcs, and polygons of egui's; everything else is the same.
            let at_corner =
                (x - 10.0).abs().min((x - 160.0).abs()) < 14.0 && (y - 13.0).abs().min((y - 103.0).abs()) < 14.0;
            let most = if at_corner { 100 } else { 1 };
            assert!(apart <= most, "{point} pixels a point, at {x}, {y}: {apart} apart");
        }
    }
}

#[test]
fn a_layer_is_turned_flipped_faded_and_has_smooth_edges() {
    let Some(screen) = Screen::for_test() else { return };
    let colors = [[200, 20, 20], [20, 200, 20], [20, 20, 200], [200, 200, 20]];
    let picture = RgbaImage::from_fn(2, 2, |x, y| {
        let [r, g, b] = colors[(y * 2 + x) as usize];
        Rgba([r, g, b, 255])
    });
    let picture = Arc::new(picture);
    let square = [pos2(10.0, 10.0), pos2(50.0, 10.0), pos2(50.0, 50.0), pos2(10.0, 50.0)];
    // Which corners the picture's own four lie on, and the texels then seen from the top left on, row by row.
    for (what, order, seen) in [
        ("as it is", [0, 1, 2, 3], [0, 1, 2, 3]),
        ("turned right", [1, 2, 3, 0], [2, 0, 3, 1]),
        ("flipped", [1, 0, 3, 2], [1, 0, 3, 2]),
    ] {
        for opacity in [1.0, 0.5] {
            let corners = order.map(|corner: usize| square[corner]);
            let drawn = screen
                .draw(vec2(60.0, 60.0), |painter| paint::layer(painter, corners, &Source::new(&picture), opacity));
            for ((x, y), texel) in [(14, 14), (46, 14), (14, 46), (46, 46)].into_iter().zip(seen) {
                let expected = over(colors[texel], opacity, back());
                assert_near(rgb(&drawn, x, y), expected, &format!("{what} at {x}, {y}, opacity {opacity}"));
            }
            assert_eq!([rgb(&drawn, 8, 30), rgb(&drawn, 30, 52)], [back(); 2], "{what}: beside it");
        }
    }
    // On its point: as large as it should be, and half covered where the edge runs through a pixel.
    let white = Arc::new(RgbaImage::from_pixel(1, 1, Rgba([255; 4])));
    let point = [pos2(30.0, 10.0), pos2(50.0, 30.0), pos2(30.0, 50.0), pos2(10.0, 30.0)];
    let drawn = screen.draw(vec2(60.0, 60.0), |painter| paint::layer(painter, point, &Source::new(&white), 1.0));
    let area: f32 = drawn.pixels().map(|pixel| f32::from(pixel.0[0] - BACK.r()) / f32::from(255 - BACK.r())).sum();
    assert!((area - 800.0).abs() < 8.0, "{area} pixels are covered, not 800");
    let grey = drawn.pixels().filter(|pixel| (60..240).contains(&pixel.0[0])).count();
    assert!(grey > 40, "only {grey} pixels at the edge are between");
    let nothing = [pos2(10.0, 10.0); 4];
    let drawn = screen.draw(vec2(20.0, 20.0), |painter| paint::layer(painter, nothing, &Source::new(&white), 1.0));
    assert_eq!(rgb(&drawn, 10, 10), back());
}

#[test]
fn comparing_shows_one_picture_left_of_the_line_and_the_other_right_of_it() {
    let Some(screen) = Screen::for_test() else { return };
    let before = Arc::new(RgbImage::from_pixel(4, 4, Rgb([200, 30, 30])));
    let after = Arc::new(RgbaImage::from_pixel(9, 5, Rgba([30, 30, 200, 255])));
    for split in [0.0, 0.25, 0.8, 1.0, f32::NAN] {
        let picture = screen.draw(vec2(120.0, 20.0), |painter| {
            let pictures = [&Source::new(&before), &Source::new(&after)];
            paint::compare(painter, rect(10.0, 0.0, 100.0, 20.0), pictures, split, Sampling::Smooth);
        });
        let line = 10 + (100.0 * split) as u32;
        for x in 0..120 {
            let expected = match x {
                _ if !(10..110).contains(&x) => back(),
                _ if x + 1 == line || x == line => [255; 3],
                // Beside the line it is darkened.
                _ if x + 2 == line || x == line + 1 => continue,
                _ if x < line => [200, 30, 30],
                _ => [30, 30, 200],
            };
            assert_near(rgb(&picture, x, 9), expected, &format!("split at {split}, at {x}"));
        }
    }
}

#[test]
fn zoomed_far_in_the_window_shows_the_right_texels() {
    let Some(screen) = Screen::for_test() else { return };
    let color = |x: u32, y: u32| [x as u8, y as u8, 128];
    let large = Arc::new(RgbImage::from_fn(200, 200, |x, y| Rgb(color(x, y))));
    let mask = Arc::new(Mask::from_fn(200, 200, |y, x| x == 150 && y == 60));
    // 600 pixels a texel: the corner of four texels stands in the middle of the window.
    let scale = 600.0;
    let place = rect(50.0 - 151.0 * scale, 40.0 - 61.0 * scale, 200.0 * scale, 200.0 * scale);
    let picture = screen.draw(vec2(100.0, 80.0), |painter| {
        paint::picture(painter, place, &Source::new(&large), Sampling::Nearest);
        let style = plain(Color32::WHITE, 0.0, Outline::Solid, Sampling::Nearest);
        paint::mask(painter, place, &Source::new(&mask), style);
    });
    assert_eq!(rgb(&picture, 10, 10), color(150, 60));
    assert_eq!(rgb(&picture, 90, 10), color(151, 60));
    assert_eq!(rgb(&picture, 10, 70), color(150, 61));
    assert_eq!(rgb(&picture, 90, 70), color(151, 61));
    // This far out a float's last digit is a hundredth of a pixel.
    let white = |line: Vec<[u8; 3]>| line.iter().filter(|&&color| distance(color, [255; 3]) < 8).count();
    assert_eq!(white((0..100).map(|x| rgb(&picture, x, 10)).collect()), 2, "the mask's right edge");
    assert_eq!(white((0..80).map(|y| rgb(&picture, 10, y)).collect()), 2, "the mask's lower edge");
    assert_eq!(white((0..80).map(|y| rgb(&picture, 90, y)).collect()), 0, "beside the mask");
}

#[test]
fn nothing_is_painted_outside_the_clip() {
    let Some(screen) = Screen::for_test() else { return };
    let red = Arc::new(RgbImage::from_pixel(2, 2, Rgb([255, 0, 0])));
    let place = rect(-1000.0, -20.0, 2000.0, 100.0);
    let picture = screen.draw(vec2(60.0, 60.0), |painter| {
        paint::picture(&painter.with_clip_rect(rect(20.0, 10.0, 15.0, 25.0)), place, &Source::new(&red), BOTH[0]);
    });
    for (x, y, pixel) in picture.enumerate_pixels() {
        let inside = (20..35).contains(&x) && (10..35).contains(&y);
        assert_eq!(pixel.0[..3], if inside { [255, 0, 0] } else { back() }, "at {x}, {y}");
    }
}

#[test]
fn what_cannot_be_drawn_is_not_and_nothing_fails() {
    let Some(screen) = Screen::for_test() else { return };
    let good = Arc::new(RgbImage::from_pixel(2, 2, Rgb([255, 0, 0])));
    let whole = rect(0.0, 0.0, 40.0, 40.0);
    let picture = screen.draw(vec2(40.0, 40.0), |painter| {
        let torn = Source::new(&grid(3, 3, &[1.0; 8]));
        paint::heatmap(painter, whole, &torn, ColorMap::Jet, Sampling::Smooth, 1.0);
        let values = Source::new(&grid(1, 1, &[1.0]));
        paint::heatmap(painter, whole, &values, ColorMap::Jet, Sampling::Smooth, 0.0);
        paint::heatmap(painter, whole, &values, ColorMap::Jet, Sampling::Smooth, f32::NAN);
        let mask = Arc::new(Mask { height: 4, width: 4, on: vec![true; 3] });
        paint::mask(painter, whole, &Source::new(&mask), MaskStyle::new(ORANGE));
        let unclear = plain(ORANGE, f32::NAN, Outline::None, Sampling::Smooth);
        paint::mask(painter, whole, &Source::new(&square_mask()), unclear);
        let labels = Arc::new(ClusterView { lane: Lane::Base, picture: 0, grid: (1, 1), labels: vec![0] });
        paint::clusters(painter, whole, &Source::new(&labels), &[], 1.0);
        paint::checker(painter, whole, 0.0, [Color32::RED; 2]);
        paint::checker(painter, whole, f32::NAN, [Color32::RED; 2]);
        let source = Source::new(&good);
        for place in [Rect::NOTHING, Rect::NAN, Rect::EVERYTHING, rect(5.0, 5.0, 0.0, 9.0), rect(50.0, 0.0, 9.0, 9.0)] {
            paint::picture(painter, place, &source, Sampling::Smooth);
        }
        // Wider than any GPU takes, and no picture that could be shown smaller.
        let wide = Source::new(&grid(1, 1 << 17, &vec![1.0; 1 << 17]));
        paint::heatmap(painter, whole, &wide, ColorMap::Jet, Sampling::Nearest, 1.0);
    });
    assert!(picture.pixels().all(|pixel| pixel.0[..3] == back()));
}

#[test]
fn a_picture_larger_than_the_gpu_takes_is_shown_all_the_same() {
    let Some(screen) = Screen::for_test() else { return };
    let wide = 2 * screen.state.device.limits().max_texture_dimension_2d;
    let halves = |x, _| if x < wide / 2 { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) };
    let panorama = Arc::new(RgbImage::from_fn(wide, 4, halves));
    let picture = screen.draw(vec2(40.0, 10.0), |painter| {
        paint::picture(painter, rect(0.0, 0.0, 40.0, 10.0), &Source::new(&panorama), Sampling::Smooth);
    });
    assert_near(rgb(&picture, 5, 5), [200, 0, 0], "left");
    assert_near(rgb(&picture, 35, 5), [0, 0, 200], "right");
}

#[test]
fn thousands_of_pictures_leave_few_textures_behind() {
    let Some(screen) = Screen::for_test() else { return };
    let state = screen.state.clone();
    // 2000 pictures whose owner lives on, ten a frame; then one alone.
    let all: Arc<Vec<RgbImage>> = Arc::new((0..2000).map(|i| RgbImage::from_pixel(2, 2, Rgb([i as u8; 3]))).collect());
    let mut frame = 0;
    let mut harness = screen.harness(vec2(20.0, 20.0), move |painter| {
        for index in (frame * 10)..(frame * 10 + 10) {
            let source = Source::part(&all, move |all: &Vec<RgbImage>| all.get(index));
            paint::picture(painter, rect(0.0, 0.0, 20.0, 20.0), &source, Sampling::Nearest);
        }
        paint::checker(painter, rect(0.0, 0.0, 5.0, 5.0), 2.0, [Color32::RED, Color32::GREEN]);
        frame += 1;
    });
    let mut most = 0;
    for _ in 0..400 {
        harness.step();
        harness.render().expect("an adapter draws it");
        most = most.max(paint::textures(&state));
    }
    assert!((100..=276).contains(&most), "{most} textures were kept at once");
    assert_eq!(paint::textures(&state), 0, "none of those that were not drawn for long");
}

#[test]
fn a_texture_goes_with_its_owner_and_follows_a_change() {
    // Nothing is installed here: the harness draws on what is assumed then.
    let Some(screen) = Screen::for_test() else { return };
    let state = screen.state.clone();
    let picture = Arc::new(std::sync::Mutex::new(Some(Arc::new(RgbImage::from_pixel(2, 2, Rgb([200, 0, 0]))))));
    let drawn = picture.clone();
    let mut harness = screen.harness(vec2(20.0, 20.0), move |painter| {
        if let Some(picture) = &*drawn.lock().expect("one thread") {
            let half = |left| rect(left, 0.0, 10.0, 20.0);
            paint::picture(painter, half(0.0), &Source::new(picture), Sampling::Nearest);
            paint::picture(painter, half(10.0), &Source::new(picture), Sampling::Nearest);
        }
        paint::checker(painter, rect(0.0, 0.0, 5.0, 5.0), 2.0, [Color32::RED, Color32::GREEN]);
    });
    let mut next = || {
        harness.step();
        let image = harness.render().expect("an adapter draws it");
        ([7, 15].map(|x| rgb(&image, x, 15)), paint::textures(&state))
    };
    assert_eq!(next(), ([[200, 0, 0]; 2], 1));
    assert_eq!(next(), ([[200, 0, 0]; 2], 1), "uploaded once");
    if let Some(picture) = &mut *picture.lock().expect("one thread") {
        Arc::make_mut(picture).put_pixel(1, 1, Rgb([0, 0, 200]));
    }
    assert_eq!(next(), ([[0, 0, 200]; 2], 1), "what is drawn is what it is now");
    *picture.lock().expect("one thread") = None;
    next();
    assert_eq!(next().1, 0, "gone with its owner");
}
