//! Whether this process may open raw and packet sockets.

use std::io;
use std::path::PathBuf;

use caps::{CapSet, Capability};

use super::failure::{Failure, SocketRole};

/// Whether CAP_NET_RAW is in the effective set of this process.
///
/// Inside a user namespace this may be true and the sockets refused all the same, where the network
/// namespace belongs to another; opening them is the proof.
pub fn has_net_raw() -> bool {
    caps::has_cap(None, CapSet::Effective, Capability::CAP_NET_RAW).unwrap_or(false)
}

/// Checks that raw sockets may be opened.
///
/// # Errors
///
/// [`Failure::NoCapability`], whose message says which command grants it.
pub fn require_net_raw() -> Result<(), Failure> {
    if has_net_raw() {
        Ok(())
    } else {
        Err(Failure::NoCapability { binary: binary() })
    }
}

/// The failure behind a socket that could not be opened.
pub(super) fn blame(socket: SocketRole, source: io::Error) -> Failure {
    if source.kind() == io::ErrorKind::PermissionDenied {
        Failure::NoCapability { binary: binary() }
    } else {
        Failure::Socket { socket, source }
    }
}

fn binary() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("synquest"))
}
