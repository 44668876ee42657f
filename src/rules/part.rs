//! The parts of a packet that rules may write anew.

use super::condition::Field;

/// A part of a packet that rules may write anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Source address and port.
    Source,
    /// Destination address and port.
    Destination,
    /// Its mark.
    Mark,
    /// The mark of its connection.
    ConnectionMark,
    /// Anything else.
    Other,
}

impl Part {
    /// The part that `field` tells of.
    pub const fn of(field: &Field) -> Option<Self> {
        Some(match field {
            Field::Source4 | Field::Source6 | Field::SourcePort(_) | Field::SourceType => {
                Self::Source
            }
            Field::Destination4
            | Field::Destination6
            | Field::DestinationPort(_)
            | Field::DestinationType
            | Field::ConnectionStatus => Self::Destination,
            Field::Mark => Self::Mark,
            Field::ConnectionMark => Self::ConnectionMark,
            Field::NetfilterProtocol
            | Field::EtherType
            | Field::Protocol
            | Field::TcpFlags
            | Field::FragmentOffset
            | Field::InInterface
            | Field::OutInterface
            | Field::ConnectionState
            | Field::ConnectionDirection
            | Field::OriginalDestination4
            | Field::OriginalDestination6
            | Field::OriginalDestinationPort
            | Field::OriginalSource4
            | Field::OriginalSource6 => return None,
            Field::PacketType | Field::Other(_) => Self::Other,
        })
    }
}
