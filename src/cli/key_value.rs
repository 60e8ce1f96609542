//! Settings as they are typed: `--set KEY=VALUE`.

/// The key and the value of a `--set`.
///
/// # Errors
/// How it is written, where there is no `=`.
pub(super) fn key_value(setting: &str) -> Result<(&str, &str), String> {
    setting.split_once('=').ok_or_else(|| format!("--set {setting}: write KEY=VALUE"))
}
