//! Contact sheets: all pictures of a case's prompt, a row a method and a column a seed, so that nobody has to believe numbers.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat, Rgb, RgbImage, imageops};

use super::basis::Records;
use crate::evaluate::methods::method;
use crate::evaluate::record::{Folder, Outcome, Plan, STRIPS};
use crate::evaluate::suite::{UnitName, layout_file};

/// Height of a small picture, pixels.
const SIDE: u32 = 112;
/// Between small pictures.
const GAP: u32 = 4;
/// Of the JPEGs in the HTML.
const QUALITY: u8 = 82;

const PAPER: Rgb<u8> = Rgb([255; 3]);
const MISSING: Rgb<u8> = Rgb([226; 3]);
const FAILED: Rgb<u8> = Rgb([222, 184, 184]);

/// All pictures of a case's prompt.
pub(super) struct Sheet {
    pub title: String,
    /// Where it lies, from the report's folder.
    pub file: String,
    /// All rows together.
    pub png: Vec<u8>,
    /// The layout, as JPEG; none where it is not there.
    pub reference: Option<Vec<u8>>,
    /// The method of each row, and its pictures as one JPEG.
    pub rows: Vec<(String, Vec<u8>)>,
    /// What the full method saw with the first seed: where it lies, from the report's folder, and the PNG itself. None where nobody
    /// asked for it.
    pub strip: Option<(String, Vec<u8>)>,
}

/// One sheet for each case and prompt of which anything was made.
pub(super) fn sheets(folder: &Folder, plan: &Plan, records: &Records) -> Result<Vec<Sheet>, String> {
    let mut sheets = Vec::new();
    for case in &plan.suite.cases {
        for prompt in plan.suite.prompts_of(case) {
            let name = case.name();
            let any = records.keys().any(|unit| unit.case == name && unit.prompt == prompt.name);
            if any {
                sheets.push(sheet(folder, plan, records, &name, &prompt.name)?);
            }
        }
    }
    Ok(sheets)
}

fn sheet(folder: &Folder, plan: &Plan, records: &Records, case: &str, prompt: &str) -> Result<Sheet, String> {
    let canvas = plan.suite.canvas;
    let wide = (SIDE * canvas.width / canvas.height.max(1)).max(1);
    let seeds = plan.suite.seeds(plan.choice.full);
    let small = |path: &std::path::Path| {
        let picture = image::open(path).ok()?.into_rgb8();
        Some(imageops::thumbnail(&picture, wide, SIDE))
    };
    let tile = |unit: &UnitName| match records.get(unit).map(|record| &record.outcome) {
        None => RgbImage::from_pixel(wide, SIDE, MISSING),
        Some(Outcome::Failed(_)) => RgbImage::from_pixel(wide, SIDE, FAILED),
        Some(Outcome::Made(_)) => {
            small(&folder.picture(unit)).unwrap_or_else(|| RgbImage::from_pixel(wide, SIDE, MISSING))
        }
    };
    let row = |method: &String| {
        let mut row = RgbImage::from_pixel(seeds * (wide + GAP), SIDE, PAPER);
        for seed in 0..seeds {
            let unit = UnitName {
                case: case.to_owned(),
                prompt: prompt.to_owned(),
                method: method.clone(),
                seed: u64::from(seed),
            };
            imageops::replace(&mut row, &tile(&unit), i64::from(seed * (wide + GAP)), 0);
        }
        row
    };
    let reference = small(&folder.reference(case, prompt));
    let rows: Vec<RgbImage> = plan.choice.methods.iter().map(row).collect();
    let mut all = RgbImage::from_pixel(seeds * (wide + GAP), (rows.len() as u32 + 1) * (SIDE + GAP), PAPER);
    if let Some(reference) = &reference {
        imageops::replace(&mut all, reference, 0, 0);
    }
    for (row, y) in rows.iter().zip(1_u32..) {
        imageops::replace(&mut all, row, 0, i64::from(y * (SIDE + GAP)));
    }
    let titles = plan.choice.methods.iter().map(|name| method(name).map_or(name.as_str(), |method| method.title));
    let strips = rows.iter().map(jpeg).collect::<Result<Vec<_>, _>>()?;
    Ok(Sheet {
        title: format!("{case}, {prompt}"),
        file: format!("sheets/{}.png", layout_file(case, prompt)),
        png: png(&all)?,
        reference: reference.as_ref().map(jpeg).transpose()?,
        rows: titles.map(str::to_owned).zip(strips).collect(),
        strip: std::fs::read(folder.strip(case, prompt))
            .ok()
            .map(|png| (format!("{STRIPS}/{}.png", layout_file(case, prompt)), png)),
    })
}

fn unwritten(error: &image::ImageError) -> String {
    format!("a contact sheet cannot be written: {error}")
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let (width, height) = picture.dimensions();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode(picture.as_raw(), width, height, ExtendedColorType::Rgb8)
        .map_err(|error| unwritten(&error))?;
    Ok(bytes)
}

fn png(picture: &RgbImage) -> Result<Vec<u8>, String> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|error| unwritten(&error))?;
    Ok(bytes.into_inner())
}
