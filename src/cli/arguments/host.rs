//! Arguments of `doctor` and `generate`, as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::groups::WayOut;

/// Arguments of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArguments {
    /// Endpoint to check the way to
    #[arg(value_name = "HOST:PORT")]
    pub endpoint: Option<String>,
    /// How probes would leave this host.
    #[command(flatten)]
    pub leave: WayOut,
}

/// Arguments of `generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArguments {
    /// What to write
    pub form: Generated,
    /// Folder to write into
    pub folder: PathBuf,
}

/// What `generate` can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    /// The man pages.
    Man,
    /// The completions of bash, zsh and fish.
    Completions,
}
