//! Writes the files that are made from the arguments: man pages and completions.

use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::arguments::{Arguments, Form, GenerateArguments};
use super::manual;

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct Unwritten {
    path: PathBuf,
    source: io::Error,
}

/// Writes every file of the form asked for.
///
/// # Errors
///
/// The first file that could not be written.
pub fn run(arguments: &GenerateArguments) -> Result<(), Unwritten> {
    let files = match arguments.form {
        Form::Man => manual::pages(),
        Form::Completions => completions(),
    };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Unwritten { path, source }
    };
    std::fs::create_dir_all(&arguments.folder).map_err(failed(&arguments.folder))?;
    for (name, content) in files {
        let path = arguments.folder.join(name);
        std::fs::write(&path, content).map_err(failed(&path))?;
    }
    Ok(())
}

/// The completions, by file name.
fn completions() -> Vec<(String, Vec<u8>)> {
    [
        (Shell::Bash, "synquest.bash"),
        (Shell::Zsh, "_synquest"),
        (Shell::Fish, "synquest.fish"),
    ]
    .into_iter()
    .map(|(shell, name)| {
        let mut command = Arguments::command();
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "synquest", &mut script);
        (name.to_owned(), script)
    })
    .collect()
}
