//! A screen without a screen, for the real binary. `benches/frames/window.rs` opens it too.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A program that is killed when it goes out of scope.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts Xvfb with a screen of this size, and gives the name of its display.
pub fn open((width, height): (u32, u32)) -> (Running, String) {
    let mut server = Command::new("Xvfb");
    let screen = format!("{width}x{height}x24");
    // Without the last, it starts anew when its last client leaves, and refuses whoever comes right then.
    server.args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"]);
    let mut child = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Xvfb, of package xvfb, starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("Xvfb says its display");
    (Running(child), format!(":{}", line.trim()))
}
