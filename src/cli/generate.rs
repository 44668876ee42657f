//! Writes the files that are made from the arguments: man pages and completions.

use std::io;
use std::path::Path;

use clap_complete::Shell;

use super::arguments::command;
use super::arguments::host::{GenerateArguments, Generated};
use super::failure::Failure;
use super::manual;

/// Writes every file of the form asked for.
///
/// # Errors
///
/// The first file that could not be written.
pub fn run(arguments: &GenerateArguments) -> Result<(), Failure> {
    let files = match arguments.form {
        Generated::Man => manual::pages(),
        Generated::Completions => completions(),
    };
    let written = |path: &Path, result: io::Result<()>| {
        result.map_err(|error| {
            Failure::incapable(format!("cannot write {}: {error}", path.display()))
        })
    };
    let folder = &arguments.folder;
    written(folder, std::fs::create_dir_all(folder))?;
    for (name, content) in files {
        let path = folder.join(name);
        written(&path, std::fs::write(&path, content))?;
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
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command(), "synquest", &mut script);
        (name.to_owned(), script)
    })
    .collect()
}
