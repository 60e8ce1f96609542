//! A model's page on Civitai: which file it means, by Civitai's own list, with the file's checksum.

use serde::Deserialize;
use url::Url;

use super::address::is_safe;
use super::client::{Ask, Client, Of, host};
use super::digest::Sum;
use super::error::HubError;
use super::names;
use super::place::join;

/// What a page means.
#[derive(Debug)]
pub struct Page {
    /// Where the file is.
    pub url: Url,
    /// Its name, checked.
    pub name: String,
    /// What its bytes add up to, where Civitai says.
    pub sum: Option<Sum>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    #[serde(default)]
    model_versions: Vec<Version>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    base_model: Option<String>,
    #[serde(default)]
    files: Vec<Offered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offered {
    name: String,
    #[serde(default)]
    primary: bool,
    download_url: String,
    hashes: Option<Hashes>,
}

#[derive(Deserialize)]
struct Hashes {
    #[serde(rename = "SHA256")]
    sha256: Option<String>,
}

/// Asks Civitai which file a page means.
///
/// # Errors
/// In words; when the model is for another base, too.
pub fn ask(
    client: &Client,
    model: Option<u64>,
    version: Option<u64>,
    what: &str,
    resting: &mut dyn FnMut(),
) -> Result<Page, HubError> {
    let url = match (version, model) {
        (Some(version), _) => join(&client.hub.civitai, &["api", "v1", "model-versions", &version.to_string()]),
        (None, Some(model)) => join(&client.hub.civitai, &["api", "v1", "models", &model.to_string()]),
        (None, None) => return Err(HubError::Address("the page names no model; copy its address again".into())),
    };
    let token = client.hub.civitai_token.as_ref();
    let ask = Ask { url: &url, token, of: &Of::Civitai, what, from: 0, tag: None };
    let text = client.text(&ask, resting)?;
    let senseless = |problem: String| HubError::nonsense(&host(&url), problem);
    let unreadable = |error: serde_json::Error| senseless(format!("its list cannot be read ({error})"));
    let version: Version = if version.is_some() {
        serde_json::from_str(&text).map_err(unreadable)?
    } else {
        let model: Model = serde_json::from_str(&text).map_err(unreadable)?;
        let newest = model.model_versions.into_iter().next();
        newest.ok_or_else(|| senseless("its list has no version of this model".into()))?
    };
    choose(version, what, &url)
}

fn choose(version: Version, what: &str, from: &Url) -> Result<Page, HubError> {
    let unusable = |problem: String| HubError::Unusable { what: what.to_owned(), problem };
    if let Some(base) = version.base_model.as_deref().filter(|base| !fits(base)) {
        let base: String = base.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(unusable(format!(
            "it is for {base}, and Podium runs Stable Diffusion 1.x; choose a version for SD 1.5"
        )));
    }
    let mut files = version.files;
    files.retain(|file| names::is_plain(&file.name) && names::is_weights(&file.name));
    // The one that its page offers; of several, the one that is no pickle.
    files.sort_by_key(|file| (!file.primary, !file.name.to_ascii_lowercase().ends_with(".safetensors")));
    let file = files.into_iter().next();
    let file = file.ok_or_else(|| unusable("its page offers no file of weights; choose another version".into()))?;
    let url = from.join(&file.download_url).ok().filter(is_safe);
    let url = url.ok_or_else(|| HubError::nonsense(&host(from), "it names a place for the file that is not safe"))?;
    let sum = file.hashes.and_then(|hashes| hashes.sha256).and_then(|hex| Sum::sha256(&hex));
    Ok(Page { url, name: file.name, sum })
}

/// Whether a base as Civitai calls it is one that Podium runs, or one that it does not name.
fn fits(base: &str) -> bool {
    base.starts_with("SD 1") || base == "Other"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(base: &str, files: &str) -> Result<Page, String> {
        let text = format!(r#"{{"baseModel":"{base}","files":[{files}]}}"#);
        let from = Url::parse("https://civitai.com/api/v1/models/1").unwrap();
        choose(serde_json::from_str(&text).unwrap(), "x", &from).map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_that_the_page_offers_is_chosen_with_its_checksum() {
        let sum = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        let files = format!(
            r#"{{"name":"notes.zip","downloadUrl":"https://civitai.com/a"}},
               {{"name":"x.ckpt","downloadUrl":"https://civitai.com/b"}},
               {{"name":"x.safetensors","downloadUrl":"https://civitai.com/c","hashes":{{"SHA256":"{sum}","CRC32":"0"}}}}"#
        );
        let page = chosen("SD 1.5", &files).unwrap();
        assert_eq!((page.name.as_str(), page.url.path()), ("x.safetensors", "/c"));
        assert_eq!(page.sum.unwrap().hex(), sum.to_ascii_lowercase());
    }

    #[test]
    fn another_base_a_hostile_name_and_an_unsafe_place_are_refused() {
        let file = |name: &str, url: &str| format!(r#"{{"name":"{name}","primary":true,"downloadUrl":"{url}"}}"#);
        let good = file("x.safetensors", "https://civitai.com/x");
        assert!(chosen("SDXL 1.0", &good).unwrap_err().contains("SDXL 1.0"));
        assert!(chosen("Other", &good).is_ok());
        assert!(chosen("SD 1.5", &file("../x.safetensors", "https://civitai.com/x")).unwrap_err().contains("no file"));
        assert!(chosen("SD 1.5", &file("x.safetensors", "http://evil.example/x")).unwrap_err().contains("not safe"));
        assert!(chosen("SD 1.5", &file("x.safetensors", "file:///etc/passwd")).unwrap_err().contains("not safe"));
    }
}
