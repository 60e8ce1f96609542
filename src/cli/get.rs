//! `podium get`

use clap::Args;
use indicatif::ProgressBar;

use super::Outcome;
use super::progress::bytes;
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
        let bar = bytes(0);
        let folder = Places::standard().models_folder();
        let got = get(&hub, &wanted, precision, &folder, &Cancel::default(), &mut |progress| show(&bar, progress));
        bar.finish_and_clear();
        say!("{}", got?.words());
        Ok(())
    }
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let words = progress.stage.words();
    bar.set_message(if progress.file.is_empty() { words.to_owned() } else { format!("{words} {}", progress.file) });
    if let Some(total) = progress.total {
        bar.set_length(total);
    }
    bar.set_position(progress.done);
}
