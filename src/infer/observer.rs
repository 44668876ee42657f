//! Who gathered the evidence, and what only a bystander sees.
//!
//! A prober knows its own probes and nothing of what clients do; a capture shows what clients do, and
//! no probe. What one of them cannot know is a fact that never comes.

use std::net::IpAddr;

use crate::model::reply::Refusal;
use crate::model::time::Moment;
use crate::model::verdict::{HopRef, Way};

/// Who gathered the evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Observer {
    /// We sent the probes.
    #[default]
    Own,
    /// A capture of somebody's connections.
    Passive(Box<Bystander>),
}

impl Observer {
    /// Whether the client took data of a server that was captured.
    pub(crate) fn serves(&self) -> bool {
        matches!(self, Self::Passive(bystander) if bystander.served)
    }
}

/// Where a capture was taken, in hops; `None` where nothing shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Routers between the client and the place of capture, by the TTL of its SYNs.
    pub from_client: Option<u8>,
    /// Routers between the server and the place of capture, by the TTL of its SYN-ACKs.
    pub from_server: Option<u8>,
    /// Whether the place of capture is seen to send the SYNs on: it is a router.
    pub forwards: bool,
}

/// What a capture shows besides the answers to single SYNs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bystander {
    pub(crate) position: Position,
    pub(crate) on_client: bool,
    /// The SYNs were seen under other addresses or ports as well: distances are those of another flow.
    pub(crate) translated: bool,
    /// The server answered other clients meanwhile.
    pub(crate) others_served: bool,
    /// An ICMP error comes from nearer than the server's own answers.
    pub(crate) refused_nearer: bool,
    /// The client took data of the server that came from as far away as its SYN-ACK.
    pub(crate) served: bool,
    /// The client sent a SYN again because nothing came.
    pub(crate) resent: bool,
    /// What was seen, the most telling first.
    pub(crate) symptoms: Vec<Symptom>,
}

/// What an attempt drew, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drew {
    Open,
    Reset,
    Refused,
    Silent,
}

/// One thing that only a bystander sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symptom {
    /// No SYN of the client is in the capture.
    Unseen(Unseen),
    /// Refusals and resets, beside the server's other answers.
    Refused(Refused),
    /// The client asks again after an answer as if it had heard nothing.
    Unheard(Unheard),
    /// The client resets the answers and asks again.
    Disowned,
    /// Connections are taken and not served, and then no SYN is answered.
    Backlog {
        /// Connections that wait.
        open: usize,
        /// Attempts without an answer.
        silent: usize,
    },
    /// What attempts draw changed once.
    Changed(Phases),
    /// Attempts are answered and not answered in turns.
    AtTimes { open: usize, all: usize },
    /// What connections carried.
    Carried(Carried),
    /// Where SYNs are lost.
    Lost(Lost),
}

/// Answers that the client did not hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unheard {
    pub(crate) times: usize,
    /// Who refused the answer, and the hop where that is known.
    pub(crate) refused_by: Option<(IpAddr, Option<HopRef>)>,
    /// On a router that sends the SYNs on: whether it sends the answers on as well.
    pub(crate) sent_back: Option<bool>,
}

/// Two phases of what attempts draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phases {
    pub(crate) first: Drew,
    pub(crate) then: Drew,
    pub(crate) before: usize,
    pub(crate) after: usize,
    /// When the second began.
    pub(crate) since: Moment,
}

/// What stands in the capture where no SYN does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// The client's own kernel says that it does not send; whether for want of a neighbour.
    OwnStack { unresolved: bool },
    /// A refusal, from here.
    Refused(IpAddr),
    /// The port answers, or a connection to it runs.
    Open {
        running: bool,
        /// Both sides were heard.
        established: bool,
    },
}

/// Refusals and resets, beside the server's other answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Attempts are refused after others were answered.
    Since {
        by: IpAddr,
        refusal: Refusal,
        since: Moment,
        /// The hop it stands at, where it is not the server.
        hop: Option<u8>,
    },
    /// Resets come from nearer than the server's other answers.
    ResetNearer {
        hop: u8,
        /// Since when, where the port was open before.
        since: Option<Moment>,
    },
    /// The port's resets carry a flow label, which packet filters do not write.
    Labelled,
    /// The port's resets carry no flow label, and the server's others do.
    Unlabelled,
}

/// What connections carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Large segments never arrive, on connections whose small ones do.
    LargeHeld {
        /// Their octets; 0 where they were not captured.
        size: u16,
        way: Option<Way>,
        /// Small ones passed meanwhile.
        shown: bool,
    },
    /// Something on the way sends a SYN of its own on, with the client's number.
    Relayed,
    /// The SYN-ACK is sent again although it was acknowledged, so often.
    AnsweredAgain(usize),
    /// Nothing that the client sends after the handshake is acknowledged.
    Ignored,
    /// The handshake was completed.
    Completed {
        sent: u64,
        received: u64,
        /// No answer is in the capture.
        alone: bool,
        /// A session fell silent on its first large segment.
        held: bool,
    },
}

/// Where SYNs are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The last router asks for the server by ARP or neighbour discovery in vain.
    Unresolved,
    /// The capturing router sends other SYNs on and not these.
    NotForwarded,
    /// SYNs arrive next to the server, and no answer leaves.
    AtServer,
    /// A host all of whose interfaces are captured receives the SYNs and does nothing with them.
    ReceivedHere,
    /// SYNs come in on one interface and leave by none of the others.
    NotPassedOn,
    /// The capture holds nothing towards any client.
    OneWay,
}
