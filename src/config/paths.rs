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

fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}

/// A folder of calsync's. Without the variable HOME it may be that nobody knows where.
fn xdg(name: &str, fallback: &str) -> Option<PathBuf> {
    let given = variable(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let folder = given.or_else(|| Some(home()?.join(fallback)))?;
    Some(folder.join("calsync"))
}

/// The folder for configuration: `~/.config/calsync`, or what XDG says.
pub fn config_folder() -> Option<PathBuf> {
    xdg("XDG_CONFIG_HOME", ".config")
}

/// The configuration, unless another is named.
pub fn default_config() -> Option<PathBuf> {
    Some(config_folder()?.join("config.toml"))
}

/// The state file, unless another is named.
pub fn default_state() -> Option<PathBuf> {
    Some(xdg("XDG_STATE_HOME", ".local/state")?.join("state.db"))
}

/// The key file, unless another is named.
pub fn default_key() -> Option<PathBuf> {
    Some(config_folder()?.join("key"))
}

/// Whether the key comes from the environment or from systemd, so that no file is needed.
pub fn key_is_given() -> bool {
    variable(KEY_VARIABLE).is_some() || credential().is_some()
}

/// The credential that systemd hands to a service, if it does.
pub fn credential() -> Option<PathBuf> {
    let folder = variable("CREDENTIALS_DIRECTORY")?;
    let path = Path::new(&folder).join("calsync-key");
    path.is_file().then_some(path)
}

/// A path as written in the configuration: `~` is the home folder, and what is relative is relative to `folder`.
/// Nothing if the home folder is meant and nobody knows it.
pub fn resolve(written: &str, folder: &Path) -> Option<PathBuf> {
    match written.strip_prefix('~') {
        Some("") => home(),
        Some(rest) if rest.starts_with('/') => Some(home()?.join(rest.trim_start_matches('/'))),
        _ => Some(folder.join(written)),
    }
}
