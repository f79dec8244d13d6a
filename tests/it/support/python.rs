//! Python programs that tests need: installed once, at pinned versions, into a folder of their own below `target/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use calsync::config::paths;

use super::program::skipped;

/// The interpreter of an environment with what a list of requirements names; nothing if it cannot be had here, which in CI is
/// a failure.
pub(crate) fn python(name: &str, requirements: &Path) -> Option<PathBuf> {
    let python = installed(name, requirements);
    if python.is_none() {
        assert!(
            paths::variable("CI").is_none(),
            "the Python environment {name} cannot be installed, and in CI it must"
        );
        skipped(&format!(
            "Python 3 with pip and venv is needed to install {name}"
        ));
    }
    python
}

fn installed(name: &str, requirements: &Path) -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&venv).unwrap();
    let lock = fs::File::create(venv.with_extension("lock")).unwrap();
    // Others of these tests may be at it in another process.
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let python = venv.join("bin/python");
    let ready = venv.join("ready");
    let wanted = fs::read_to_string(requirements).unwrap();
    if fs::read_to_string(&ready).is_ok_and(|have| have == wanted) {
        return Some(python);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&venv);
    let mut install = Command::new(&python);
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    install.args(pip).arg(requirements);
    for mut step in [make, install] {
        let run = step.status();
        if !run.is_ok_and(|status| status.success()) {
            return None;
        }
    }
    super::program::write(&ready, wanted.as_bytes());
    Some(python)
}
