//! The exit status of the program, as a documented type.

use std::process::ExitCode;

use crate::model::verdict::Cause;

/// What the exit status says. The numbers are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// Every endpoint is open.
    Open,
    /// Complete, but at least one verdict is undecided and none is worse.
    Undecided,
    /// Complete, and at least one endpoint is decidedly not open.
    NotOpen,
    /// Bad arguments or input; nothing was sent.
    Usage,
    /// This host cannot do it: no privilege, no raw sockets, no room for output.
    Incapable,
    /// Stopped by SIGINT; what was learnt is written.
    Interrupted,
    /// Stopped by SIGTERM; what was learnt is written.
    Terminated,
}

impl ExitStatus {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::NotOpen => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
            Self::Incapable => 4,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The status of a complete run with these causes, one an endpoint.
    ///
    /// Only the cause `open` counts as open: `open-proxied`, `mtu-black-hole` and `intermittent`
    /// answer a SYN and would still fail the migration. A decided cause that is not open outweighs
    /// an undecided one.
    pub fn of(causes: impl IntoIterator<Item = Cause>) -> Self {
        causes
            .into_iter()
            .map(|cause| Self::judge(cause == Cause::Open, cause))
            .max()
            .unwrap_or(Self::Open)
    }

    /// The status of one endpoint with this cause, which is or is not as expected.
    pub const fn judge(as_expected: bool, cause: Cause) -> Self {
        if as_expected {
            Self::Open
        } else if cause.is_undecided() {
            Self::Undecided
        } else {
            Self::NotOpen
        }
    }

    /// The status, under `--exit-zero` where `exit_zero`: a complete run is a success then, whatever it
    /// found.
    #[must_use]
    pub const fn forgiven(self, exit_zero: bool) -> Self {
        if exit_zero && matches!(self, Self::NotOpen | Self::Undecided) {
            Self::Open
        } else {
            self
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitStatus;
    use crate::model::verdict::Cause;

    #[test]
    fn the_worst_endpoint_decides_and_undecided_is_no_worse_than_not_open() {
        let check = |causes: &[Cause], code: u8| {
            assert_eq!(
                ExitStatus::of(causes.iter().copied()).code(),
                code,
                "{causes:?}"
            );
        };
        check(&[Cause::Open, Cause::Open], 0);
        check(&[Cause::Open, Cause::DropHost], 1);
        check(&[Cause::Open, Cause::Inconclusive], 3);
        check(&[Cause::DropSomewhere, Cause::Conflicting], 3);
        check(&[Cause::DropSomewhere, Cause::Closed, Cause::Open], 1);
        check(&[Cause::OpenProxied], 1);
        check(&[Cause::MtuBlackHole], 1);
    }

    #[test]
    fn exit_zero_forgives_findings_and_nothing_else() {
        for (status, code) in [
            (ExitStatus::Open, 0),
            (ExitStatus::NotOpen, 0),
            (ExitStatus::Undecided, 0),
            (ExitStatus::Usage, 2),
            (ExitStatus::Incapable, 4),
            (ExitStatus::Interrupted, 130),
            (ExitStatus::Terminated, 143),
        ] {
            assert_eq!(status.forgiven(true).code(), code, "{status:?}");
            assert_eq!(status.forgiven(false), status);
        }
    }
}
