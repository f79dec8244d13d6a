//! Where things live, and what the environment says: the only reader of it.

use std::path::{Path, PathBuf};

/// The environment variable that names the configuration.
pub const CONFIG_VARIABLE: &str = "CALSYNC_CONFIG";
/// The environment variable that names the state file.
pub const STATE_VARIABLE: &str = "CALSYNC_STATE";
/// The environment variable that may hold the key itself.
pub const KEY_VARIABLE: &str = "CALSYNC_KEY";

/// The environment variable that may hold the id of the OAuth client for Google.
pub const CLIENT_ID_VARIABLE: &str = "CALSYNC_GOOGLE_CLIENT_ID";
/// The environment variable that may hold what goes with it.
pub const CLIENT_SECRET_VARIABLE: &str = "CALSYNC_GOOGLE_CLIENT_SECRET";

/// What an environment variable says, unless it is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the room that reads the environment"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn home() -> PathBuf {
    variable("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

fn xdg(name: &str, fallback: &str) -> PathBuf {
    let given = variable(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    given
        .unwrap_or_else(|| home().join(fallback))
        .join("calsync")
}

/// The folder for configuration: `~/.config/calsync`, or what XDG says.
pub fn config_folder() -> PathBuf {
    xdg("XDG_CONFIG_HOME", ".config")
}

/// The configuration, unless another is named.
pub fn default_config() -> PathBuf {
    config_folder().join("config.toml")
}

/// The state file, unless another is named.
pub fn default_state() -> PathBuf {
    xdg("XDG_STATE_HOME", ".local/state").join("state.db")
}

/// The key file, unless another is named.
pub fn default_key() -> PathBuf {
    config_folder().join("key")
}

/// The credential that systemd hands to a service, if it does.
pub fn credential() -> Option<PathBuf> {
    let folder = variable("CREDENTIALS_DIRECTORY")?;
    let path = Path::new(&folder).join("calsync-key");
    path.is_file().then_some(path)
}

/// A path as written in the configuration: `~` is the home folder, and what is relative is relative to `folder`.
pub fn resolve(written: &str, folder: &Path) -> PathBuf {
    match written.strip_prefix('~') {
        Some("") => home(),
        Some(rest) if rest.starts_with('/') => home().join(rest.trim_start_matches('/')),
        _ => folder.join(written),
    }
}
