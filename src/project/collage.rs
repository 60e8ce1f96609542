//! The layout as one picture, and where each layer shows in it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use image::{GrayImage, Luma, Rgb, RgbImage, RgbaImage};

use super::error::ProjectError;
use super::files::Files;
use super::picture::{cover, load_rgba};
use super::sprite::Sprite;
use super::{Background, Canvas, Layer, Layout, Project, placed};

/// The method's reference picture, with a mask for each layer that is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Collage {
    /// The picture, of the canvas's size.
    pub picture: RgbImage,
    /// One for each visible layer, in drawing order. None when the layout is a finished picture.
    pub masks: Vec<LayerMask>,
}

/// Where one layer shows in the collage.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerMask {
    /// The layer's index, 0 being the rearmost.
    pub layer: usize,
    /// The concept that the layer carries.
    pub concept: Option<String>,
    /// 255 where the layer covers a pixel wholly and nothing lies in front, of the canvas's size.
    /// The layer's own opacity does not count, unless it is 0: a subject drawn at half opacity is
    /// still all there.
    pub mask: GrayImage,
}

impl LayerMask {
    /// Whether so little shows that the mask is empty once it is thresholded.
    pub fn is_hidden(&self) -> bool {
        self.mask.pixels().all(|pixel| pixel.0 <= [127])
    }
}

/// Draws the project's layout.
pub fn composite(project: &Project, files: &dyn Files) -> Result<Collage, ProjectError> {
    composite_from(project, &mut |path| load_rgba(files, path).map(Arc::new))
}

/// Draws the project's layout from pictures that somebody keeps loaded, for a canvas that follows
/// the pointer.
pub fn composite_from(
    project: &Project,
    pictures: &mut dyn FnMut(&Path) -> Result<Arc<RgbaImage>, ProjectError>,
) -> Result<Collage, ProjectError> {
    let canvas = project.canvas;
    canvas.validate()?;
    let (background, layers) = match &project.layout {
        Layout::Picture(path) => {
            let picture = cover(&*pictures(path)?, canvas)?;
            return Ok(Collage { picture, masks: Vec::new() });
        }
        Layout::Collage { background, layers } => (background, layers),
    };
    let behind = match background {
        Background::Color(color) => RgbImage::from_pixel(canvas.width, canvas.height, Rgb(*color)),
        Background::Picture(path) => cover(&*pictures(path)?, canvas)?,
        Background::Photo => {
            let place = project.place.as_ref().ok_or_else(placed::no_photo)?;
            placed::seen(place, &*pictures(&place.photo)?, canvas)?
        }
    };

    let mut sheet = Sheet::new(canvas, &behind);
    for (index, layer) in layers.iter().enumerate().filter(|(_, layer)| layer.visible) {
        layer.validate(&format_args!("layer {} ({})", index + 1, layer.title()))?;
        let picture = pictures(&layer.picture)?;
        sheet.draw(index, layer, &Sprite::new(layer, &picture)?);
    }
    Ok(sheet.into_collage(layers))
}

/// The collage while it is drawn, from the back to the front.
struct Sheet {
    canvas: Canvas,
    /// Red, green and blue, 0 to 255, not rounded before the end: many faint layers must add up.
    colors: Vec<[f32; 3]>,
    /// What shows of each layer drawn so far.
    shown: Vec<Shown>,
}

/// What shows of one layer, kept only where the layer can be: most are smaller than the canvas.
struct Shown {
    layer: usize,
    columns: Range<u32>,
    rows: Range<u32>,
    /// 0 to 1, row by row.
    shares: Vec<f32>,
}

impl Shown {
    fn at(&mut self, column: u32, row: u32) -> Option<&mut f32> {
        if !self.columns.contains(&column) || !self.rows.contains(&row) {
            return None;
        }
        let (right, down) = (column - self.columns.start, row - self.rows.start);
        let at = down as usize * self.columns.len() + right as usize;
        self.shares.get_mut(at)
    }

    fn to_mask(&self, canvas: Canvas) -> GrayImage {
        let mut mask = GrayImage::new(canvas.width, canvas.height);
        let places = self.rows.clone().flat_map(|row| self.columns.clone().map(move |x| (x, row)));
        for ((column, row), share) in places.zip(&self.shares) {
            // Cannot fail: bounds are clipped to the canvas.
            mask.put_pixel(column, row, Luma([to_byte(share * 255.0)]));
        }
        mask
    }
}

impl Sheet {
    fn new(canvas: Canvas, behind: &RgbImage) -> Self {
        Self { canvas, colors: behind.pixels().map(|pixel| pixel.0.map(f32::from)).collect(), shown: Vec::new() }
    }

    /// Draws a layer over everything so far, which it takes from the masks of those behind.
    fn draw(&mut self, index: usize, layer: &Layer, sprite: &Sprite<'_>) {
        let (columns, rows) = sprite.bounds(self.canvas);
        let mut shares = Vec::with_capacity(columns.len() * rows.len());
        for row in rows.clone() {
            for column in columns.clone() {
                let sample = sprite.sample(column, row).map(|value| value as f32);
                let [.., alpha] = sample;
                shares.push(if layer.opacity > 0.0 { alpha } else { 0.0 });
                if alpha > 0.0 {
                    self.blend(column, row, sample, layer.opacity);
                }
            }
        }
        self.shown.push(Shown { layer: index, columns, rows, shares });
    }

    /// Lays a sample over one pixel, and takes what it hides from every mask there.
    fn blend(&mut self, column: u32, row: u32, sample: [f32; 4], opacity: f32) {
        let [red, green, blue, alpha] = sample;
        let through = 1.0 - alpha * opacity;
        let at = row as usize * self.canvas.width as usize + column as usize;
        if let Some(color) = self.colors.get_mut(at) {
            for (old, new) in color.iter_mut().zip([red, green, blue]) {
                *old = *old * through + new * opacity * 255.0;
            }
        }
        for behind in &mut self.shown {
            if let Some(share) = behind.at(column, row) {
                *share *= through;
            }
        }
    }

    fn into_collage(self, layers: &[Layer]) -> Collage {
        let mut picture = RgbImage::new(self.canvas.width, self.canvas.height);
        for (pixel, color) in picture.pixels_mut().zip(self.colors) {
            *pixel = Rgb(color.map(to_byte));
        }
        let masks = self.shown.iter().map(|shown| LayerMask {
            layer: shown.layer,
            concept: layers.get(shown.layer).and_then(|layer| layer.concept.clone()),
            mask: shown.to_mask(self.canvas),
        });
        Collage { picture, masks: masks.collect() }
    }
}

/// Rounds to the nearest byte; the cast saturates.
fn to_byte(value: f32) -> u8 {
    value.round() as u8
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    /// A 64 by 64 collage on black; pictures are 20 by 20 pixels of the colour that their path
    /// names.
    fn draw(layers: Vec<Layer>) -> Collage {
        let project = Project {
            canvas: Canvas { width: 64, height: 64 },
            layout: Layout::Collage { background: Background::Color([0; 3]), layers },
            ..Project::new()
        };
        composite_from(&project, &mut |path| Ok(Arc::new(square(path)))).unwrap()
    }

    fn square(path: &Path) -> RgbaImage {
        let color = match path.to_str() {
            Some("red") => [255, 0, 0, 255],
            Some("green") => [0, 255, 0, 255],
            Some("glass") => [255, 255, 255, 51],
            other => panic!("no picture {other:?}"),
        };
        RgbaImage::from_pixel(20, 20, Rgba(color))
    }

    fn area(mask: &LayerMask) -> f64 {
        mask.mask.pixels().map(|pixel| f64::from(pixel.0[0]) / 255.0).sum()
    }

    #[test]
    fn the_front_layer_hides_the_one_behind_and_cuts_its_mask() {
        let collage = draw(vec![Layer::new("red", 20.0, 20.0), Layer::new("green", 30.0, 20.0)]);
        assert_eq!(collage.picture.get_pixel(15, 20).0, [255, 0, 0]);
        assert_eq!(collage.picture.get_pixel(25, 20).0, [0, 255, 0]);
        assert_eq!(collage.picture.get_pixel(50, 50).0, [0, 0, 0]);
        assert_eq!(area(&collage.masks[0]), 200.0);
        assert_eq!(area(&collage.masks[1]), 400.0);
    }

    #[test]
    fn glass_in_front_takes_only_its_share() {
        let collage = draw(vec![Layer::new("red", 20.0, 20.0), Layer::new("glass", 20.0, 20.0)]);
        assert_eq!(collage.picture.get_pixel(20, 20).0, [255, 51, 51]);
        assert_eq!(collage.masks[0].mask.get_pixel(20, 20).0, [204]);
        assert_eq!(collage.masks[1].mask.get_pixel(20, 20).0, [51]);
    }

    #[test]
    fn a_layer_s_own_opacity_dims_its_picture_and_not_its_mask() {
        let mut faint = Layer::new("red", 20.0, 20.0);
        faint.opacity = 0.4;
        faint.concept = Some("Tom".into());
        let collage = draw(vec![faint.clone()]);
        assert_eq!(collage.picture.get_pixel(20, 20).0, [102, 0, 0]);
        assert_eq!(collage.masks[0].mask.get_pixel(20, 20).0, [255]);
        assert_eq!(collage.masks[0].concept.as_deref(), Some("Tom"));

        faint.opacity = 0.0;
        let collage = draw(vec![faint]);
        assert_eq!(collage.picture.get_pixel(20, 20).0, [0, 0, 0]);
        assert!(collage.masks[0].is_hidden());
    }

    #[test]
    fn hidden_layers_are_not_drawn_and_have_no_mask() {
        let mut hidden = Layer::new("red", 20.0, 20.0);
        hidden.visible = false;
        let collage = draw(vec![hidden, Layer::new("green", 20.0, 20.0)]);
        assert_eq!(collage.masks.len(), 1);
        assert_eq!(collage.masks[0].layer, 1);
        assert!(!collage.masks[0].is_hidden());
    }

    #[test]
    fn a_layer_behind_another_has_a_hidden_mask() {
        let collage = draw(vec![Layer::new("red", 20.0, 20.0), Layer::new("green", 20.0, 20.0)]);
        assert!(collage.masks[0].is_hidden());
    }

    #[test]
    fn a_finished_picture_covers_the_canvas_and_has_no_masks() {
        let project = Project {
            canvas: Canvas { width: 128, height: 64 },
            layout: Layout::Picture("red".into()),
            ..Project::new()
        };
        let collage = composite_from(&project, &mut |path| Ok(Arc::new(square(path)))).unwrap();
        assert_eq!(collage.picture, RgbImage::from_pixel(128, 64, Rgb([255, 0, 0])));
        assert!(collage.masks.is_empty());
    }

    #[test]
    fn a_broken_canvas_or_layer_is_refused_before_anything_is_drawn() {
        let mut project = Project::new();
        project.canvas.width = u32::MAX;
        let mut none = |_: &Path| -> Result<Arc<RgbaImage>, ProjectError> { panic!("nothing to load") };
        let error = composite_from(&project, &mut none).unwrap_err().to_string();
        assert!(error.starts_with("canvas.width is 4294967295"), "{error}");
        let mut project = Project::new();
        project.layers_mut().unwrap().push(Layer::new("red", f32::NAN, 0.0));
        let error = composite_from(&project, &mut none).unwrap_err().to_string();
        assert!(error.starts_with("layer 1 (red): x is NaN"), "{error}");
    }
}
