//! How long the real window's frames take, written to a file for `benches/frames.rs`.

use std::fs::File;
use std::io::{LineWriter, Write};
use std::time::Instant;

/// The environment variable that names the file.
pub const VARIABLE: &str = "PODIUM_FRAME_TIMES";

/// Writes a line a frame: milliseconds since the frame before began, and what eframe says the frame before took
/// (everything but the waits for the screen).
#[derive(Debug)]
pub struct FrameTimes {
    file: LineWriter<File>,
    last: Option<Instant>,
}

impl FrameTimes {
    /// A writer where [`VARIABLE`] names a file that can be made.
    pub fn wished() -> Option<Self> {
        let path = std::env::var_os(VARIABLE)?;
        match File::create(&path) {
            Ok(file) => Some(Self { file: LineWriter::new(file), last: None }),
            Err(error) => {
                log::warn!("{VARIABLE} is set, but {} cannot be written: {error}", path.display());
                None
            }
        }
    }

    /// A frame begins; `cpu` is what the frame before took, in seconds.
    pub fn frame(&mut self, cpu: Option<f32>) {
        let now = Instant::now();
        if let (Some(last), Some(cpu)) = (self.last.replace(now), cpu) {
            let since = now.duration_since(last).as_secs_f64() * 1e3;
            // A full disk must not stop the window.
            let _ = writeln!(self.file, "{since:.2} {:.2}", f64::from(cpu) * 1e3);
        }
    }
}
