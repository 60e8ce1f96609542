//! Getting all of something: what there is, what of it is needed and not there, whether there is room, then file by file.

use std::fs;
use std::path::{Path, PathBuf};

use url::Url;

use super::address::{Wanted, decoded};
use super::cache::{self, Cached};
use super::cancel::Cancel;
use super::client::{Answer, Ask, Client, Of, Patience, host};
use super::digest::{Sum, short_name};
use super::error::HubError;
use super::file::{Source, fetch};
use super::listing::{self, Listing, Remote};
use super::plan::{self, Plan, Precision};
use super::progress::{Progress, Stage};
use super::{Hub, civitai, names, room};

/// Files that are asked for in this program's own folder lie in it under this name while they arrive.
const UNFINISHED: &str = ".unfinished";

/// What was got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// The file, or the model's folder.
    pub path: PathBuf,
    /// How many files it is.
    pub files: usize,
    /// Bytes of all of them.
    pub bytes: u64,
    /// How many of those came over the network this time.
    pub fetched: u64,
}

impl Got {
    /// In words: how much, how much of it was there before, and where it is.
    pub fn words(&self) -> String {
        let files = if self.files == 1 { "1 file".to_owned() } else { format!("{} files", self.files) };
        let fetched = match self.fetched {
            0 => "all of it was there already".to_owned(),
            bytes if bytes == self.bytes => "got now".to_owned(),
            bytes => format!("{} of it got now", room::words(bytes)),
        };
        format!("{}: {files}, {}, {fetched}", self.path.display(), room::words(self.bytes))
    }
}

/// Gets what was asked for: what is of the hub into its cache, any other file into `folder`. `tell` hears how far it is,
/// often.
///
/// # Errors
/// In words, with what to do. What has arrived stays, and the next try goes on from there.
pub fn get(
    hub: &Hub,
    wanted: &Wanted,
    precision: Precision,
    folder: &Path,
    cancel: &Cancel,
    tell: &mut dyn FnMut(&Progress),
) -> Result<Got, HubError> {
    let mut work = Work { client: Client::new(hub, cancel)?, progress: Progress::default(), tell };
    work.say(Stage::Looking, &wanted.words());
    if hub.offline {
        return offline(hub, wanted);
    }
    match wanted {
        Wanted::Repository { id, revision } => {
            work.repository(id, revision.as_deref(), |listing| plan::choose(id, listing, precision))
        }
        Wanted::File { id, revision, path } => {
            let what = format!("{id}/{path}");
            work.repository(id, revision.as_deref(), |listing| plan::one(&what, listing, path))
        }
        Wanted::Civitai { model, version } => {
            let what = wanted.words();
            let page = work.resting(|client, resting| civitai::ask(client, *model, *version, &what, resting))?;
            work.web(&page.url, &Of::Civitai, Some(page.name), page.sum, folder)
        }
        Wanted::Web(url) => {
            let of = if url.origin() == hub.civitai.origin() { Of::Civitai } else { Of::Web };
            work.web(url, &of, None, None, folder)
        }
    }
}

/// What the cache has, where the network is not to be used.
fn offline(hub: &Hub, wanted: &Wanted) -> Result<Got, HubError> {
    let missing = || HubError::Offline(wanted.words());
    let (id, revision, below) = match wanted {
        Wanted::Repository { id, revision } => (id, revision, None),
        Wanted::File { id, revision, path } => (id, revision, Some(path)),
        Wanted::Civitai { .. } | Wanted::Web(_) => return Err(missing()),
    };
    let folder = cache::at(&hub.cache, id, revision.as_deref().unwrap_or("main")).ok_or_else(missing)?;
    let path = below.map_or(folder.clone(), |below| folder.join(below));
    if !path.exists() {
        return Err(missing());
    }
    let (files, bytes) = weigh(&path, 4);
    Ok(Got { path, files, bytes, fetched: 0 })
}

/// Files and bytes below a path, so many folders deep.
fn weigh(path: &Path, depth: usize) -> (usize, u64) {
    match fs::metadata(path) {
        Ok(about) if about.is_dir() && depth > 0 => {
            let entries = fs::read_dir(path).into_iter().flatten().flatten().take(1000);
            entries.map(|entry| weigh(&entry.path(), depth - 1)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        }
        Ok(about) if about.is_file() => (1, about.len()),
        _ => (0, 0),
    }
}

/// What is under way.
struct Work<'a> {
    client: Client<'a>,
    progress: Progress,
    tell: &'a mut dyn FnMut(&Progress),
}

impl<'a> Work<'a> {
    fn say(&mut self, stage: Stage, file: &str) {
        self.progress.stage = stage;
        if self.progress.file != file {
            self.progress.file = file.to_owned();
        }
        (self.tell)(&self.progress);
    }

    /// Asks for something, saying so while it rests between tries.
    fn resting<T>(&mut self, ask: impl FnOnce(&Client<'a>, &mut dyn FnMut()) -> T) -> T {
        let Self { client, progress, tell } = self;
        let mut resting = || {
            progress.stage = Stage::Resting;
            tell(progress);
        };
        ask(client, &mut resting)
    }

    fn repository(
        &mut self,
        id: &str,
        revision: Option<&str>,
        choose: impl FnOnce(&Listing) -> Result<Plan, HubError>,
    ) -> Result<Got, HubError> {
        let revision = revision.unwrap_or("main");
        let listing = self.resting(|client, resting| listing::ask(client, id, revision, resting))?;
        let plan = choose(&listing)?;
        let hub = self.client.hub;
        let largest = hub.limits.largest;
        if let Some(file) = plan.files.iter().find(|file| file.size > largest) {
            let problem = format!(
                "{} is said to have {}, which no model of Stable Diffusion 1.5 has",
                file.path,
                room::words(file.size)
            );
            return Err(HubError::Unusable { what: id.to_owned(), problem });
        }
        let cached = Cached::new(&hub.cache, id);
        let commit = &listing.commit;
        let missing: Vec<&Remote> = plan.files.iter().filter(|file| !cached.has(commit, file)).collect();
        let to_come = |file: &&&Remote| !cached.has_blob(file);
        let needed: u64 = missing.iter().filter(to_come).map(|file| file.size - cached.arrived(file)).sum();
        log::info!("{id}: {}, {} to come", plan::words(&plan), room::words(needed));
        room::check(hub.free, &hub.cache, needed)?;
        self.progress.total = Some(plan.bytes());
        let mut done = plan.bytes() - missing.iter().map(|file| file.size).sum::<u64>();
        let mut fetched = 0;
        for file in missing {
            self.progress.done = done;
            fetched += self.one(id, &cached, commit, file)?;
            done += file.size;
        }
        cached.note(revision, commit)?;
        let folder = cached.snapshot(commit);
        let path = plan.main.as_ref().map_or(folder.clone(), |main| folder.join(main));
        Ok(Got { path, files: plan.files.len(), bytes: plan.bytes(), fetched })
    }

    /// Gets one file into the cache. Says how many bytes came for it.
    fn one(&mut self, id: &str, cached: &Cached, commit: &str, file: &Remote) -> Result<u64, HubError> {
        let (client, before) = (&self.client, self.progress.done);
        cached.make_room(commit, file)?;
        let (progress, tell) = (&mut self.progress, &mut *self.tell);
        progress.file.clone_from(&file.path);
        let _held = cached.hold(file, client.cancel, &mut || {
            progress.stage = Stage::Locked;
            tell(progress);
        })?;
        if cached.has_blob(file) {
            cached.show(commit, file)?;
            return Ok(0);
        }
        // Where there can be no links another program has put the file itself there meanwhile.
        if cached.has(commit, file) {
            return Ok(0);
        }
        let (org, name) = id.split_once('/').unwrap_or((id, ""));
        let below: Vec<&str> = [org, name, "resolve", commit].into_iter().chain(file.path.split('/')).collect();
        let url = client.hub.below(&below);
        let of = Of::Hub(id.to_owned());
        let arrived = cached.arrived(file);
        let what = format!("{id}/{}", file.path);
        let token = client.hub.token.as_ref();
        let source =
            Source { url: &url, token, of: &of, name: &what, size: Some(file.size), sum: Some(&file.sum), tag: None };
        fetch(client, &source, &cached.incomplete(file), None, &mut |stage, have| {
            (progress.stage, progress.done) = (stage, before + have);
            tell(progress);
        })?;
        cached.put(commit, file)?;
        Ok(file.size - arrived)
    }

    /// Gets a file of any address into a folder.
    fn web(
        &mut self,
        url: &Url,
        of: &Of,
        name: Option<String>,
        sum: Option<Sum>,
        folder: &Path,
    ) -> Result<Got, HubError> {
        let client = &self.client;
        let token = match of {
            Of::Civitai if url.origin() == client.hub.civitai.origin() => client.hub.civitai_token.as_ref(),
            _ => None,
        };
        let what = name.clone().unwrap_or_else(|| host(url));
        let ask = Ask { url, token, of, what: &what, from: 0, tag: None };
        let mut patience = Patience::new(&client.hub.limits);
        let answer = loop {
            match client.get(&ask) {
                Ok(answer) => break answer,
                Err(error) => {
                    let (progress, tell) = (&mut self.progress, &mut *self.tell);
                    patience.after(error, client.cancel, &mut || {
                        progress.stage = Stage::Resting;
                        tell(progress);
                    })?;
                }
            }
        };
        let page = answer.header("content-type").is_some_and(|kind| kind.trim_start().starts_with("text/html"));
        if page {
            return Err(HubError::Denied {
                what,
                problem: format!("{} gives a page for a browser and no file", answer.host()),
                advice: "copy the address of the file itself; if it wants a login, get it in a browser".into(),
            });
        }
        let name = match name {
            Some(name) => name,
            None => name_of(&answer, url)?,
        };
        let unfinished = folder.join(UNFINISHED);
        fs::create_dir_all(&unfinished).map_err(|error| HubError::disk(&unfinished, error))?;
        let tag = answer.header("etag").map(str::to_owned);
        let changed = answer.header("last-modified").unwrap_or_default();
        let length = answer.length();
        // Under this name lies what has come of this very file, and of no other that the address may give later.
        let known = format!("{name}\n{}\n{changed}\n{length:?}", tag.as_deref().unwrap_or_default());
        let known = short_name(&if tag.is_some() || sum.is_some() { known } else { format!("{known}\n{url}") });
        let (part, lock) = (unfinished.join(&known), unfinished.join(format!("{known}.lock")));
        let (progress, tell) = (&mut self.progress, &mut *self.tell);
        (progress.file, progress.total) = (name.clone(), length);
        let _held = cache::hold(&lock, client.cancel, &mut || {
            progress.stage = Stage::Locked;
            tell(progress);
        })?;
        if let Some(path) = there(folder, &name, length, sum.as_ref(), client)? {
            let bytes = length.unwrap_or_default();
            return Ok(Got { path, files: 1, bytes, fetched: 0 });
        }
        let arrived = fs::metadata(&part).map_or(0, |about| about.len());
        // A weak tag does not promise the same bytes.
        let tag = tag.filter(|tag| tag.starts_with('"'));
        let source = Source { url, token, of, name: &name, size: length, sum: sum.as_ref(), tag: tag.as_deref() };
        let first = (arrived == 0).then_some(answer);
        let bytes = fetch(client, &source, &part, first, &mut |stage, have| {
            (progress.stage, progress.done) = (stage, have);
            tell(progress);
        })?;
        let path = free_name(folder, &name);
        fs::rename(&part, &path).map_err(|error| HubError::disk(&path, error))?;
        Ok(Got { path, files: 1, bytes, fetched: bytes - arrived.min(bytes) })
    }
}

/// What a file of any address is called: as its server says, else as its address does.
fn name_of(answer: &Answer, url: &Url) -> Result<String, HubError> {
    let said = answer.header("content-disposition").and_then(disposition);
    let last = |url: &Url| url.path_segments().and_then(|mut parts| decoded(parts.next_back()?));
    let found = [said, last(url), last(&answer.url)];
    let mut good = found.iter().flatten().filter(|name| names::is_plain(name) && names::is_weights(name));
    good.next().cloned().ok_or_else(|| HubError::Unusable {
        what: url.to_string().chars().take(200).collect(),
        problem: "it gives no file of weights (.safetensors, .ckpt, .pt, .bin); copy the address of the file itself"
            .into(),
    })
}

/// The name in `attachment; filename="x"; filename*=UTF-8''y`.
fn disposition(words: &str) -> Option<String> {
    let value = |key: &str| {
        let parts = words.split(';').map(str::trim);
        parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(key))
            .map(|(_, v)| v.trim())
    };
    let extended = value("filename*").and_then(|value| decoded(value.split("''").nth(1)?));
    extended.or_else(|| value("filename").map(|value| value.trim_matches('"').to_owned()))
}

/// The very file, where it lies in the folder already: of the same size, and of the same sum where one is known.
fn there(
    folder: &Path,
    name: &str,
    length: Option<u64>,
    sum: Option<&Sum>,
    client: &Client,
) -> Result<Option<PathBuf>, HubError> {
    let path = folder.join(name);
    let same_size = fs::metadata(&path).is_ok_and(|about| about.is_file() && Some(about.len()) == length);
    if !same_size {
        return Ok(None);
    }
    let Some(sum) = sum else { return Ok(Some(path)) };
    let found = super::file::sum_of(&path, sum, client)?;
    Ok((found == sum.hex()).then_some(path))
}

/// A name in the folder that nothing has yet.
fn free_name(folder: &Path, name: &str) -> PathBuf {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let numbered = (2..10_000).map(|number| folder.join(format!("{stem}-{number}.{ending}")));
    std::iter::once(folder.join(name)).chain(numbered).find(|path| !path.exists()).unwrap_or_else(|| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_headers_are_read_as_browsers_do() {
        assert_eq!(disposition("attachment; filename=\"a b.safetensors\"").as_deref(), Some("a b.safetensors"));
        let both = "attachment; filename=x.pt; filename*=UTF-8''gr%C3%BCn.safetensors";
        assert_eq!(disposition(both).as_deref(), Some("grün.safetensors"));
        assert_eq!(disposition("inline"), None);
    }

    #[test]
    fn another_file_of_that_name_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(free_name(folder.path(), "a.b.pt"), folder.path().join("a.b.pt"));
        fs::write(folder.path().join("a.b.pt"), "mine").unwrap();
        assert_eq!(free_name(folder.path(), "a.b.pt"), folder.path().join("a.b-2.pt"));
    }
}
