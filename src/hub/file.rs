//! One file: it arrives beside its place, goes on where it was cut, and counts only once its checksum is right.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use url::Url;

use super::client::{Answer, Ask, Client, Of, Pace, Patience};
use super::digest::{Adder, Sum};
use super::error::HubError;
use super::place::Token;
use super::progress::Stage;
use super::room;

/// Bytes read at once.
const BLOCK: usize = 256 << 10;

/// What is to arrive.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// From where.
    pub url: &'a Url,
    /// For that server.
    pub token: Option<&'a Token>,
    /// Whom it is asked of.
    pub of: &'a Of,
    /// What it is called, for words.
    pub name: &'a str,
    /// How many bytes it has, where that is known before.
    pub size: Option<u64>,
    /// What they add up to, where that is known.
    pub sum: Option<&'a Sum>,
    /// A tag that changes when the file does.
    pub tag: Option<&'a str>,
}

/// A file of which a part may be there.
struct Part {
    path: PathBuf,
    file: File,
    have: u64,
    adder: Option<Adder>,
}

impl Part {
    fn open(path: &Path) -> Result<Self, HubError> {
        let open = File::options().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = open.map_err(|error| HubError::disk(path, error))?;
        let have = file.seek(SeekFrom::End(0)).map_err(|error| HubError::disk(path, error))?;
        Ok(Self { path: path.to_owned(), file, have, adder: None })
    }

    fn refused(&self, error: std::io::Error) -> HubError {
        let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        HubError::disk(&self.path, if full { "the disk is full".into() } else { error.to_string() })
    }

    /// Throws away what is there.
    fn restart(&mut self, source: &Source) -> Result<(), HubError> {
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(|error| self.refused(error))?;
        self.have = 0;
        self.adder = adder(source);
        Ok(())
    }

    /// Adds up what is there already.
    fn add_up(&mut self, client: &Client, source: &Source) -> Result<(), HubError> {
        self.adder = adder(source);
        let Some(adder) = &mut self.adder else { return Ok(()) };
        let refused = |path: &Path, error: std::io::Error| HubError::disk(path, error);
        self.file.rewind().map_err(|error| refused(&self.path, error))?;
        let (mut left, mut block) = (self.have, vec![0; BLOCK]);
        while left > 0 {
            client.cancel.check()?;
            let most = BLOCK.min(usize::try_from(left).unwrap_or(BLOCK));
            let count = self.file.read(&mut block[..most]).map_err(|error| refused(&self.path, error))?;
            if count == 0 {
                break;
            }
            adder.add(&block[..count]);
            left -= count as u64;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(|error| self.refused(error))?;
        self.have += bytes.len() as u64;
        if let Some(adder) = &mut self.adder {
            adder.add(bytes);
        }
        Ok(())
    }
}

fn adder(source: &Source) -> Option<Adder> {
    source.sum.map(|sum| Adder::new(sum, source.size.unwrap_or(0)))
}

/// What came is not what was promised.
fn damaged(source: &Source, kind: &'static str, found: String, expected: String) -> HubError {
    HubError::Damaged { file: source.name.to_owned(), kind, found, expected }
}

/// Gets a file into `path`, going on where it was cut. `first` is an answer that is open already, from the file's
/// beginning. `tell` hears how many bytes are there. Gives back how many there are in the end.
///
/// # Errors
/// In words. What has arrived stays at `path`, unless it is damaged.
pub fn fetch(
    client: &Client,
    source: &Source,
    path: &Path,
    mut first: Option<Answer>,
    tell: &mut dyn FnMut(Stage, u64),
) -> Result<u64, HubError> {
    let mut part = Part::open(path)?;
    if source.size.is_some_and(|size| part.have > size) || (first.is_some() && part.have > 0) {
        part.restart(source)?;
    }
    // What lay there before may be damaged: then once more, from the beginning.
    let mut second_chance = part.have > 0;
    if part.have > 0 {
        tell(Stage::Checking, part.have);
    }
    part.add_up(client, source)?;
    let mut size = source.size;
    loop {
        arrive(client, source, &mut part, &mut size, &mut first, tell)?;
        tell(Stage::Checking, part.have);
        let sum = part.adder.take().map(Adder::end);
        match (source.sum, sum) {
            (Some(expected), Some(found)) if expected.hex() != found => {
                part.restart(source)?;
                if !std::mem::replace(&mut second_chance, false) {
                    // Nothing of it is worth going on with.
                    let _ = fs::remove_file(path);
                    return Err(damaged(source, expected.kind(), found, expected.hex()));
                }
            }
            _ => break,
        }
    }
    part.file.sync_all().map_err(|error| part.refused(error))?;
    Ok(part.have)
}

/// Tries until all bytes are there.
fn arrive(
    client: &Client,
    source: &Source,
    part: &mut Part,
    size: &mut Option<u64>,
    first: &mut Option<Answer>,
    tell: &mut dyn FnMut(Stage, u64),
) -> Result<(), HubError> {
    let mut patience = Patience::new(&client.hub.limits);
    let mut whole = false;
    while *size != Some(part.have) {
        let before = part.have;
        let outcome = match first.take() {
            Some(answer) => take(client, source, part, size, answer, tell),
            None => {
                if whole && part.have > 0 {
                    part.restart(source)?;
                }
                let ask = Ask {
                    url: source.url,
                    token: source.token,
                    of: source.of,
                    what: source.name,
                    from: part.have,
                    tag: source.tag,
                };
                client.get(&ask).and_then(|answer| take(client, source, part, size, answer, tell))
            }
        };
        match outcome {
            Ok(Taken::All) => return Ok(()),
            // Its server does not go on where we were: from the beginning, once.
            Ok(Taken::FromTheBeginning) if !whole => whole = true,
            Ok(Taken::FromTheBeginning) => {
                return Err(HubError::nonsense(
                    &super::client::host(source.url),
                    "it sends another part of the file than asked for",
                ));
            }
            Err(error) => {
                // A server that drops every connection after a few bytes must not keep us busy for ever.
                if part.have.saturating_sub(before) >= BLOCK as u64 {
                    patience.progress();
                }
                let have = part.have;
                patience.after(error, client.cancel, &mut || tell(Stage::Resting, have))?;
            }
        }
    }
    Ok(())
}

enum Taken {
    All,
    FromTheBeginning,
}

/// Takes an answer's bytes in.
fn take(
    client: &Client,
    source: &Source,
    part: &mut Part,
    size: &mut Option<u64>,
    answer: Answer,
    tell: &mut dyn FnMut(Stage, u64),
) -> Result<Taken, HubError> {
    let (host, url) = (answer.host(), answer.url.clone());
    if answer.header("content-encoding").is_some_and(|word| !word.eq_ignore_ascii_case("identity")) {
        return Err(HubError::nonsense(&host, "it sends the file compressed, though it was asked not to"));
    }
    let said = match answer.status {
        206 => match answer.header("content-range").and_then(range) {
            Some((from, whole)) if from == part.have => whole.or_else(|| Some(from + answer.length()?)),
            _ => return Ok(Taken::FromTheBeginning),
        },
        416 => return Ok(Taken::FromTheBeginning),
        _ => {
            if part.have > 0 {
                part.restart(source)?;
            }
            answer.length()
        }
    };
    if let (Some(said), Some(size)) = (said, *size)
        && said != size
    {
        if source.size.is_none() {
            // It was another file a moment ago.
            *part = Part { adder: None, ..Part::open(&part.path)? };
            part.restart(source)?;
            return Ok(Taken::FromTheBeginning);
        }
        return Err(damaged(source, "size", room::words(said), room::words(size)));
    }
    *size = size.or(said);
    let most = size.unwrap_or(client.hub.limits.largest);
    if most > client.hub.limits.largest {
        let problem =
            format!("it is said to have {}, which is more than any model of Stable Diffusion 1.5", room::words(most));
        return Err(HubError::Unusable { what: source.name.to_owned(), problem });
    }
    if size.is_some() {
        room::check(client.hub.free, &part.path, most.saturating_sub(part.have))?;
    }
    let mut reader = answer.reader();
    let (mut block, mut pace) = (vec![0; BLOCK], Pace::new(&client.hub.limits));
    loop {
        client.cancel.check()?;
        let count = reader.read(&mut block).map_err(|error| client.explain_read(&url, error))?;
        if count == 0 {
            break;
        }
        if part.have + count as u64 > most {
            part.restart(source)?;
            return Err(HubError::nonsense(
                &host,
                format!("it sends more than the {} that it announced", room::words(most)),
            ));
        }
        part.write(&block[..count])?;
        tell(Stage::Getting, part.have);
        pace.came(count, &url)?;
    }
    match *size {
        Some(size) if part.have < size => {
            let problem = format!("the connection ended after {} of {}", room::words(part.have), room::words(size));
            Err(HubError::Unreachable { host, problem })
        }
        _ => {
            *size = Some(part.have);
            Ok(Taken::All)
        }
    }
}

/// Where `bytes FROM-TO/WHOLE` begins, and how many bytes the whole has.
fn range(words: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = words.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.trim().parse().ok()?, whole.trim().parse().ok()))
}

/// What a file on the disk adds up to, in hexadecimal digits.
///
/// # Errors
/// When it cannot be read, or it is cancelled.
pub fn sum_of(path: &Path, sum: &Sum, client: &Client) -> Result<String, HubError> {
    let refused = |error| HubError::disk(path, error);
    let mut file = File::open(path).map_err(refused)?;
    let size = file.metadata().map_err(refused)?.len();
    let (mut adder, mut block) = (Adder::new(sum, size), vec![0; BLOCK]);
    loop {
        client.cancel.check()?;
        let count = file.read(&mut block).map_err(refused)?;
        if count == 0 {
            return Ok(adder.end());
        }
        adder.add(&block[..count]);
    }
}
