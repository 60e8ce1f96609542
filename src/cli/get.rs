//! `podium get`

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::Outcome;
use crate::hub::known::KNOWN;
use crate::hub::{Cancel, Hub, Precision, Progress, Wanted, get};
use crate::studio::places::Places;

/// What `podium get` is told.
#[derive(Debug, Args)]
pub struct Get {
    /// org/name of the hub, org/name/FILE, or an address that begins with https://; without one, some that are known to be good are listed
    id: Option<String>,

    /// A branch, tag or commit of the hub's repository
    #[arg(long)]
    revision: Option<String>,

    /// Weights in full precision, where there are both
    #[arg(long, conflicts_with = "half")]
    full: bool,

    /// Weights in half precision, where there are both: half the bytes (as it is without either)
    #[arg(long)]
    half: bool,
}

impl Get {
    /// Gets it, and says where it is.
    pub fn run(&self) -> Outcome {
        let Some(id) = &self.id else {
            say!("These are known to be good:");
            for known in KNOWN {
                say!("  podium get {}\n      {}", known.id, known.words);
            }
            return Ok(());
        };
        let hub = Hub::standard()?;
        let mut wanted = Wanted::parse(id, &hub.endpoint)?;
        if let Some(wished) = &self.revision {
            match &mut wanted {
                Wanted::Repository { revision, .. } | Wanted::File { revision, .. } if revision.is_none() => {
                    // As if it had been typed with the id, so that it is checked alike.
                    wanted = Wanted::parse(&format!("{id}@{wished}"), &hub.endpoint)?;
                }
                Wanted::Repository { .. } | Wanted::File { .. } => {
                    return Err(format!("{id} names a revision already; leave out --revision").into());
                }
                Wanted::Civitai { .. } | Wanted::Web(_) => {
                    return Err("--revision is for repositories of the hub; leave it out".into());
                }
            }
        }
        let precision = if self.full { Precision::Full } else { Precision::Half };
        let bar = bar();
        let folder = Places::standard().models_folder();
        let got = get(&hub, &wanted, precision, &folder, &Cancel::default(), &mut |progress| show(&bar, progress));
        bar.finish_and_clear();
        say!("{}", got?.words());
        Ok(())
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is constant and correct, so the default style is never seen.
    let style = ProgressStyle::with_template("{msg:48!} {bar:24} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let words = progress.stage.words();
    bar.set_message(if progress.file.is_empty() { words.to_owned() } else { format!("{words} {}", progress.file) });
    if let Some(total) = progress.total {
        bar.set_length(total);
    }
    bar.set_position(progress.done);
}
