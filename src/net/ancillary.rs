//! Reads what the kernel says beside a datagram: control messages and socket addresses, as octets.
//!
//! Tolerates any octets: what is cut short or unknown is skipped.

use std::mem::size_of;
use std::net::Ipv6Addr;
use std::time::Duration;

/// What the control messages of one datagram say; absent where the option is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ancillary {
    /// When the kernel received (or, for an outgoing frame, handed over) it: time since the Unix
    /// epoch.
    pub(super) stamp: Option<Duration>,
    /// IPv6 hop limit on arrival.
    pub(super) hop_limit: Option<u8>,
    /// IPv6 traffic class and flow label: the low 28 bits of the first word of its header.
    pub(super) flow: Option<u32>,
    /// IPv6 destination address.
    pub(super) destination: Option<Ipv6Addr>,
    /// What a packet socket says beside a frame.
    pub(super) framing: Option<Framing>,
}

/// What a packet socket says beside a frame (`struct tpacket_auxdata`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    /// Where in the frame the IP header begins, in octets.
    pub(super) network: usize,
    /// The VLAN tag that was taken off the frame: protocol and control information.
    pub(super) tag: Option<[u16; 2]>,
    /// Whether the kernel takes the transport's checksum for right: the hardware has checked it
    /// (`TP_STATUS_CSUM_VALID`), or it comes from a neighbour within this machine that left it to
    /// hardware which is not there (`TP_STATUS_CSUMNOTREADY`).
    pub(super) vouched: bool,
}

/// Octets of a control message before its data: a length and two integers (`struct cmsghdr`).
const HEADER: usize = size_of::<usize>() + 8;

impl Ancillary {
    /// Reads a control buffer.
    pub(super) fn read(mut control: &[u8]) -> Self {
        let mut read = Self::default();
        while let Some((length, level, kind)) = header(control) {
            let Some(data) = control.get(HEADER..length) else {
                break;
            };
            read.take(level, kind, data);
            // Messages are padded to the alignment of a word; the last may lack the padding.
            let padded = length.next_multiple_of(size_of::<usize>());
            control = control.get(padded..).unwrap_or_default();
        }
        read
    }

    fn take(&mut self, level: libc::c_int, kind: libc::c_int, data: &[u8]) {
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => self.stamp = timespec(data),
            (libc::SOL_IPV6, libc::IPV6_HOPLIMIT) => {
                self.hop_limit = native_u32(data).and_then(|value| u8::try_from(value).ok());
            }
            (libc::SOL_IPV6, libc::IPV6_FLOWINFO) => {
                self.flow = octets(data).map(u32::from_be_bytes);
            }
            (libc::SOL_IPV6, libc::IPV6_PKTINFO) => {
                self.destination = octets::<16>(data).map(Ipv6Addr::from);
            }
            (libc::SOL_PACKET, libc::PACKET_AUXDATA) => self.framing = framing(data),
            _ => {}
        }
    }
}

fn header(control: &[u8]) -> Option<(usize, libc::c_int, libc::c_int)> {
    let (length, rest) = control.split_first_chunk::<{ size_of::<usize>() }>()?;
    let (level, rest) = rest.split_first_chunk::<4>()?;
    let (kind, _) = rest.split_first_chunk::<4>()?;
    let length = usize::from_ne_bytes(*length);
    // A shorter length would never advance.
    (length >= HEADER).then(|| {
        (
            length,
            libc::c_int::from_ne_bytes(*level),
            libc::c_int::from_ne_bytes(*kind),
        )
    })
}

fn octets<const N: usize>(data: &[u8]) -> Option<[u8; N]> {
    data.first_chunk::<N>().copied()
}

fn native_u32(data: &[u8]) -> Option<u32> {
    octets(data).map(u32::from_ne_bytes)
}

fn native_u16(data: &[u8]) -> Option<u16> {
    octets(data).map(u16::from_ne_bytes)
}

/// Status, length and captured length in words, then four halves: offsets of link and network
/// header, tag and its protocol.
fn framing(data: &[u8]) -> Option<Framing> {
    /// What a tag is where the kernel does not say: 802.1Q.
    const USUAL: u16 = 0x8100;
    // Of `linux/if_packet.h`, both.
    const CHECKSUM_NOT_READY: libc::c_uint = 1 << 3;
    const CHECKSUM_VALID: libc::c_uint = 1 << 7;
    let status = native_u32(data)?;
    let is = |flag: libc::c_uint| status & flag != 0;
    let protocol = native_u16(data.get(18..)?)?;
    let protocol = if is(libc::TP_STATUS_VLAN_TPID_VALID) {
        protocol
    } else {
        USUAL
    };
    let control = native_u16(data.get(16..)?)?;
    Some(Framing {
        network: usize::from(native_u16(data.get(14..)?)?),
        tag: is(libc::TP_STATUS_VLAN_VALID).then_some([protocol, control]),
        vouched: is(CHECKSUM_VALID | CHECKSUM_NOT_READY),
    })
}

/// A `struct timespec`, whose halves are as wide as a long.
fn timespec(data: &[u8]) -> Option<Duration> {
    const WORD: usize = size_of::<libc::c_long>();
    let seconds = libc::c_long::from_ne_bytes(octets::<WORD>(data)?);
    let nanos = libc::c_long::from_ne_bytes(octets::<WORD>(data.get(WORD..)?)?);
    Some(Duration::new(
        u64::try_from(seconds).ok()?,
        u32::try_from(nanos)
            .ok()
            .filter(|&nanos| nanos < 1_000_000_000)?,
    ))
}

/// The IPv6 address in a `struct sockaddr_in6`.
pub(super) fn sender_v6(name: &[u8]) -> Option<Ipv6Addr> {
    octets::<16>(name.get(8..)?).map(Ipv6Addr::from)
}

/// The interface's number (`sll_ifindex`) in a `struct sockaddr_ll`.
pub(super) fn interface(name: &[u8]) -> Option<u32> {
    native_u32(name.get(4..)?)
}

/// The kind of hardware (`sll_hatype`) in a `struct sockaddr_ll`.
pub(super) fn hardware(name: &[u8]) -> Option<u16> {
    native_u16(name.get(8..)?)
}

/// The packet type (`sll_pkttype`) in a `struct sockaddr_ll`.
pub(super) fn packet_type(name: &[u8]) -> Option<u8> {
    name.get(10).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: libc::c_int, kind: libc::c_int, data: &[u8]) -> Vec<u8> {
        let mut octets = (HEADER + data.len()).to_ne_bytes().to_vec();
        octets.extend(level.to_ne_bytes());
        octets.extend(kind.to_ne_bytes());
        octets.extend(data);
        octets.resize(octets.len().next_multiple_of(size_of::<usize>()), 0);
        octets
    }

    fn sample() -> Vec<u8> {
        let mut time = libc::c_long::to_ne_bytes(7).to_vec();
        time.extend(libc::c_long::to_ne_bytes(9));
        [
            message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &time),
            message(libc::SOL_IPV6, 9_999, &[1, 2, 3]),
            message(libc::SOL_IPV6, libc::IPV6_HOPLIMIT, &63_i32.to_ne_bytes()),
            message(
                libc::SOL_IPV6,
                libc::IPV6_FLOWINFO,
                &[0x04, 0x8a, 0xbc, 0xde],
            ),
        ]
        .concat()
    }

    #[test]
    fn every_message_is_read_past_unknown_ones() {
        assert_eq!(
            Ancillary::read(&sample()),
            Ancillary {
                stamp: Some(Duration::new(7, 9)),
                hop_limit: Some(63),
                flow: Some(0x048a_bcde),
                destination: None,
                framing: None,
            }
        );
    }

    #[test]
    fn the_kernel_vouches_for_a_checksum_in_two_ways() {
        let framed = |status: u32| {
            let data: Vec<u8> = [status, 60, 60, 14 << 16, 0]
                .into_iter()
                .flat_map(u32::to_le_bytes)
                .collect();
            framing(&data).expect("all there")
        };
        assert!(framed(1 << 3).vouched && framed(1 << 7).vouched);
        assert!(!framed(1).vouched && !framed(1 << 4 | 1 << 6).vouched);
    }

    #[test]
    fn a_buffer_cut_anywhere_is_read_as_far_as_it_goes() {
        let whole = sample();
        for length in 0..whole.len() {
            let read = Ancillary::read(whole.get(..length).unwrap());
            assert!(read.flow.is_none() || length >= whole.len() - 4);
        }
    }

    #[test]
    fn a_length_of_zero_ends_the_reading() {
        assert_eq!(Ancillary::read(&[0; 64]), Ancillary::default());
    }
}
