//! The way from noise to the picture: one file a step, or an animation.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gif::Repeat;
use image::RgbImage;
use rayon::prelude::*;

use super::draw::{scaled, write_rgb};
use super::whole::{self, Batch, Trouble};
use super::{ExportError, Progress, Still, Take};

/// How long the frames of an animation stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Every frame but the last: 20 ms to 10 s. GIF counts in hundredths of a second, and viewers slow down what is
    /// faster than 20 ms.
    pub delay: Duration,
    /// The last frame, which is the finished picture where there is one: 20 ms to 60 s.
    pub hold: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { delay: Duration::from_millis(80), hold: Duration::from_secs(2) }
    }
}

impl Timing {
    /// Milliseconds of frame `index` of `count`, brought into range.
    fn millis(&self, index: usize, count: usize) -> u16 {
        let (time, most) = if index + 1 == count { (self.hold, 60_000) } else { (self.delay, 10_000) };
        // Cannot fail after the clamp.
        u16::try_from(time.as_millis().clamp(20, most)).unwrap_or(u16::MAX)
    }
}

/// The quality of a GIF frame's palette, 1 the best and 30 the fastest; and that of the last, which is looked at for
/// longest.
const SPEEDS: (i32, i32) = (10, 3);

fn stills(take: &Take) -> Result<Vec<Still<'_>>, ExportError> {
    let stills = take.stills();
    if stills.is_empty() {
        return Err(ExportError::Nothing {
            what: "the render has no picture of any step yet",
            advice: "wait for its first step",
        });
    }
    Ok(stills)
}

/// Writes every step as a PNG of the canvas's size, `step001.png` and so on; the finished picture is the last.
///
/// The folder is created. Files of the same names are replaced, all others in it are left alone. The paths come back
/// in the steps' order.
///
/// # Errors
/// When there is no step yet, a file cannot be written, or `progress` stops; then no file is there that was not before.
pub fn steps_as_pngs(folder: &Path, take: &Take, progress: &mut Progress<'_>) -> Result<Vec<PathBuf>, ExportError> {
    let (stills, size) = (stills(take)?, take.size()?);
    let mut batch = Batch::in_folder(folder)?;
    let mut paths = Vec::with_capacity(stills.len());
    for (index, still) in stills.iter().enumerate() {
        if !progress(index, stills.len()) {
            return Err(ExportError::Stopped);
        }
        let path = folder.join(format!("step{:03}.png", still.step));
        batch.write(&path, |out| write_rgb(&scaled(still.picture, size), out))?;
        paths.push(path);
    }
    batch.keep()?;
    progress(stills.len(), stills.len());
    Ok(paths)
}

/// Writes the steps as a GIF of the canvas's size that never ends; each frame has its own palette of 256 colours.
///
/// # Errors
/// When there is no step yet, the file cannot be written, or `progress` stops; then what was there before still is.
pub fn gif(path: &Path, take: &Take, timing: Timing, progress: &mut Progress<'_>) -> Result<(), ExportError> {
    let (stills, (width, height)) = (stills(take)?, take.size()?);
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    let count = stills.len();
    whole::write(path, |out| {
        let mut encoder = gif::Encoder::new(out, side(width), side(height), &[])?;
        encoder.set_repeat(Repeat::Infinite)?;
        // Palettes take nearly all of the time and know nothing of each other. As many at a time as there are threads
        // keeps memory small and the answer to a stop quick.
        let threads = rayon::current_num_threads().max(1);
        for (number, some) in stills.chunks(threads).enumerate() {
            let first = number * threads;
            if !progress(first, count) {
                return Err(Trouble::Stopped);
            }
            let frame = |(offset, still): (usize, &Still<'_>)| {
                let index = first + offset;
                let speed = if index + 1 == count { SPEEDS.1 } else { SPEEDS.0 };
                let picture = scaled(still.picture, (width, height));
                let mut frame = gif::Frame::from_rgb_speed(side(width), side(height), &picture, speed);
                frame.delay = (timing.millis(index, count) + 5) / 10;
                frame
            };
            let frames: Vec<gif::Frame<'_>> = some.par_iter().enumerate().map(frame).collect();
            for frame in &frames {
                encoder.write_frame(frame)?;
            }
        }
        // Not left to its drop, which could not say that the disk is full.
        encoder.into_inner()?;
        Ok(())
    })?;
    progress(count, count);
    Ok(())
}

/// Writes the steps as an animated PNG of the canvas's size that never ends. Programs that know no animations show
/// the last frame, which is the finished picture where there is one.
///
/// # Errors
/// When there is no step yet, the file cannot be written, or `progress` stops; then what was there before still is.
pub fn apng(path: &Path, take: &Take, timing: Timing, progress: &mut Progress<'_>) -> Result<(), ExportError> {
    let (stills, size) = (stills(take)?, take.size()?);
    let count = stills.len();
    whole::write(path, |out| {
        let mut encoder = png::Encoder::new(out, size.0, size.1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
        encoder.set_animated(u32::try_from(count).unwrap_or(u32::MAX), 0)?;
        encoder.set_sep_def_img(true)?;
        let mut writer = encoder.write_header()?;
        let last: Option<RgbImage> = stills.last().map(|still| scaled(still.picture, size));
        if let Some(picture) = &last {
            writer.write_image_data(picture)?;
        }
        for (index, still) in stills.iter().enumerate() {
            if !progress(index, count) {
                return Err(Trouble::Stopped);
            }
            writer.set_frame_delay(timing.millis(index, count), 1000)?;
            match &last {
                Some(picture) if index + 1 == count => writer.write_image_data(picture)?,
                _ => writer.write_image_data(&scaled(still.picture, size))?,
            }
        }
        Ok(writer.finish()?)
    })?;
    progress(count, count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::BufReader;

    use image::codecs::gif::GifDecoder;
    use image::codecs::png::PngDecoder;
    use image::{AnimationDecoder, Frame};

    use super::super::tests::{RESULT, anything, running, take};
    use super::*;

    /// Milliseconds of each frame, and every frame's size and middle pixel.
    fn seen(frames: Vec<Frame>) -> (Vec<u32>, Vec<[u8; 3]>) {
        let delays = frames.iter().map(|frame| frame.delay().numer_denom_ms()).map(|(ms, of)| ms / of).collect();
        let middle = |frame: &Frame| {
            assert_eq!(frame.buffer().dimensions(), (128, 64));
            let [red, green, blue, alpha] = frame.buffer().get_pixel(64, 32).0;
            assert_eq!(alpha, 255);
            [red, green, blue]
        };
        (delays, frames.iter().map(middle).collect())
    }

    fn near(a: [u8; 3], b: [u8; 3]) -> bool {
        a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 6)
    }

    #[test]
    fn a_gif_holds_every_step_at_the_canvas_s_size_and_stands_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("way.gif");
        gif(&path, &take(), Timing::default(), &mut anything()).unwrap();
        let decoder = GifDecoder::new(BufReader::new(File::open(&path).unwrap())).unwrap();
        let (delays, colors) = seen(decoder.into_frames().collect_frames().unwrap());
        assert_eq!(delays, [80, 80, 80, 2000]);
        assert!(near(colors[1], [20, 0, 200]), "{colors:?}");
        assert!(near(colors[3], RESULT), "{colors:?}");

        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::Indexed);
        let mut decoder = options.read_info(BufReader::new(File::open(&path).unwrap())).unwrap();
        while decoder.read_next_frame().unwrap().is_some() {}
        assert_eq!(decoder.repeat(), Repeat::Infinite);
    }

    #[test]
    fn an_apng_holds_every_step_and_opens_elsewhere_as_the_finished_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("way.png");
        let timing = Timing { delay: Duration::from_millis(125), hold: Duration::from_secs(1) };
        apng(&path, &take(), timing, &mut anything()).unwrap();
        let decoder = PngDecoder::new(BufReader::new(File::open(&path).unwrap())).unwrap();
        let frames = decoder.apng().unwrap().into_frames().collect_frames().unwrap();
        let (delays, colors) = seen(frames);
        assert_eq!(delays, [125, 125, 125, 1000]);
        assert_eq!(colors, [[10, 0, 200], [20, 0, 200], [30, 0, 200], RESULT]);
        let plain = image::open(&path).unwrap().into_rgb8();
        assert_eq!(plain, *take().result().unwrap());

        let reader = png::Decoder::new(BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
        let control = reader.info().animation_control.unwrap();
        assert_eq!((control.num_frames, control.num_plays), (4, 0));
    }

    #[test]
    fn steps_are_numbered_files_and_the_last_is_the_result() {
        let folder = tempfile::tempdir().unwrap();
        let steps = folder.path().join("new/steps");
        let paths = steps_as_pngs(&steps, &take(), &mut anything()).unwrap();
        let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["step001.png", "step002.png", "step003.png", "step004.png"]);
        let second = image::open(&paths[1]).unwrap().into_rgb8();
        assert_eq!(second.dimensions(), (128, 64));
        assert_eq!(second.get_pixel(64, 32).0, [20, 0, 200]);
        assert_eq!(image::open(&paths[3]).unwrap().into_rgb8(), *take().result().unwrap());
        assert_eq!(fs::read_dir(&steps).unwrap().count(), 4);
    }

    #[test]
    fn a_render_that_went_on_keeps_its_numbers_and_one_that_runs_ends_with_its_preview() {
        let mut running = running();
        running.steps.remove(0);
        running.steps.remove(2);
        let folder = tempfile::tempdir().unwrap();
        let paths = steps_as_pngs(folder.path(), &running, &mut anything()).unwrap();
        let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["step002.png", "step003.png"]);
    }

    #[test]
    fn a_stop_leaves_nothing_and_what_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("old.gif");
        fs::write(&old, b"old").unwrap();
        let stop = |done: usize, total: usize| {
            assert_eq!(total, 4);
            done < 2
        };
        let stopped = |result: Result<(), ExportError>| assert!(matches!(result, Err(ExportError::Stopped)));
        stopped(gif(&old, &take(), Timing::default(), &mut |done, _| done < 1));
        stopped(gif(&old, &take(), Timing::default(), &mut |_, _| false));
        stopped(apng(&folder.path().join("new.png"), &take(), Timing::default(), &mut stop.clone()));
        stopped(steps_as_pngs(&folder.path().join("deep/steps"), &take(), &mut stop.clone()).map(|_| ()));
        assert_eq!(fs::read(&old).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn progress_counts_up_to_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        let mut progress = |done, total| {
            told.push((done, total));
            true
        };
        apng(&folder.path().join("a.png"), &take(), Timing::default(), &mut progress).unwrap();
        assert_eq!(told, [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]);
    }

    #[test]
    fn times_out_of_range_are_brought_into_it() {
        let timing = Timing { delay: Duration::ZERO, hold: Duration::from_secs(9999) };
        assert_eq!((timing.millis(0, 2), timing.millis(1, 2)), (20, 60_000));
    }

    #[test]
    fn a_render_without_a_step_and_a_folder_that_cannot_be_are_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let empty = Take { steps: Vec::new(), ..running() };
        let text = apng(&folder.path().join("a.png"), &empty, Timing::default(), &mut anything()).unwrap_err();
        assert_eq!(text.to_string(), "the render has no picture of any step yet; wait for its first step");
        let path = folder.path().join("nowhere/a.gif");
        let text = gif(&path, &take(), Timing::default(), &mut anything()).unwrap_err().to_string();
        assert!(text.starts_with(&format!("cannot write {}: ", path.display())), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
