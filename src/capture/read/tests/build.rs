//! Writes capture files for the tests, block by block, in either byte order.

use super::super::bytes::Order;

/// A capture file, and where its blocks or records begin.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) order: Order,
    pub(super) bytes: Vec<u8>,
    pub(super) starts: Vec<usize>,
}

impl File {
    pub(super) const fn new(order: Order) -> Self {
        Self {
            order,
            bytes: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// A classic pcap file of version 2.4 without records.
    pub(super) fn pcap(order: Order, magic: u32, link: u32) -> Self {
        let mut file = Self::new(order);
        let header = [
            file.n32(magic),
            file.n16(2),
            file.n16(4),
            file.n32(0),
            file.n32(0),
            file.n32(262_144),
            file.n32(link),
        ];
        file.bytes = header.concat();
        file
    }

    /// Adds a record of classic pcap.
    pub(super) fn record(mut self, time: [u32; 2], original: u32, packet: &[u8]) -> Self {
        self.starts.push(self.bytes.len());
        let length = u32::try_from(packet.len()).unwrap();
        for field in [time[0], time[1], length, original] {
            self.bytes.extend(self.n32(field));
        }
        self.bytes.extend(packet);
        self
    }

    /// A pcapng file that begins with a bare section and an Ethernet interface.
    pub(super) fn pcapng(order: Order) -> Self {
        Self::new(order).section(&[]).interface(1, 262_144, &[])
    }

    /// Adds a block with the two lengths right.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Self {
        let length = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap();
        self.framed(kind, [length, length], body)
    }

    /// Adds a block with any lengths.
    pub(super) fn framed(mut self, kind: u32, lengths: [u32; 2], body: &[u8]) -> Self {
        self.starts.push(self.bytes.len());
        self.bytes
            .extend([self.n32(kind), self.n32(lengths[0])].concat());
        self.bytes.extend(padded(body));
        self.bytes.extend(self.n32(lengths[1]));
        self
    }

    pub(super) fn section(self, options: &[(u16, &[u8])]) -> Self {
        let body = [
            self.n32(0x1a2b_3c4d),
            self.n16(1),
            self.n16(0),
            vec![0xff; 8],
            self.options(options),
        ];
        self.block(0x0a0d_0d0a, &body.concat())
    }

    pub(super) fn interface(self, link: u16, snap: u32, options: &[(u16, &[u8])]) -> Self {
        let body = [
            self.n16(link),
            self.n16(0),
            self.n32(snap),
            self.options(options),
        ];
        self.block(1, &body.concat())
    }

    /// Adds an enhanced packet block that says how much it captured.
    pub(super) fn claiming(
        self,
        interface: u32,
        at: u64,
        lengths: [u32; 2],
        packet: &[u8],
        options: &[(u16, &[u8])],
    ) -> Self {
        let body = [
            self.n32(interface),
            self.halves(at),
            self.n32(lengths[0]),
            self.n32(lengths[1]),
            padded(packet),
            self.options(options),
        ];
        self.block(6, &body.concat())
    }

    pub(super) fn packet(
        self,
        interface: u32,
        at: u64,
        original: u32,
        packet: &[u8],
        options: &[(u16, &[u8])],
    ) -> Self {
        let captured = u32::try_from(packet.len()).unwrap();
        self.claiming(interface, at, [captured, original], packet, options)
    }

    pub(super) fn simple(self, original: u32, packet: &[u8]) -> Self {
        let body = [self.n32(original), padded(packet)];
        self.block(3, &body.concat())
    }

    pub(super) fn obsolete(self, interface: u16, at: u64, packet: &[u8]) -> Self {
        let length = u32::try_from(packet.len()).unwrap();
        let body = [
            self.n16(interface),
            self.n16(0),
            self.halves(at),
            self.n32(length),
            self.n32(length),
            padded(packet),
            self.options(&[(2, &self.n32(2))]),
        ];
        self.block(2, &body.concat())
    }

    pub(super) fn statistics(self, interface: u32, at: u64, options: &[(u16, &[u8])]) -> Self {
        let body = [self.n32(interface), self.halves(at), self.options(options)];
        self.block(5, &body.concat())
    }

    pub(super) fn names(self, records: &[(u16, &[u8])], options: &[(u16, &[u8])]) -> Self {
        let body = [self.options(records), self.n32(0), self.options(options)];
        self.block(4, &body.concat())
    }

    pub(super) fn n16(&self, number: u16) -> Vec<u8> {
        match self.order {
            Order::Little => number.to_le_bytes().to_vec(),
            Order::Big => number.to_be_bytes().to_vec(),
        }
    }

    pub(super) fn n32(&self, number: u32) -> Vec<u8> {
        match self.order {
            Order::Little => number.to_le_bytes().to_vec(),
            Order::Big => number.to_be_bytes().to_vec(),
        }
    }

    pub(super) fn n64(&self, number: u64) -> Vec<u8> {
        match self.order {
            Order::Little => number.to_le_bytes().to_vec(),
            Order::Big => number.to_be_bytes().to_vec(),
        }
    }

    /// A timestamp: the upper 32 bits, then the lower ones.
    fn halves(&self, at: u64) -> Vec<u8> {
        let half = |number| self.n32(u32::try_from(number).unwrap());
        [half(at >> 32), half(at & 0xffff_ffff)].concat()
    }

    /// Options without an end, as some writers leave them.
    fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in options {
            bytes.extend(self.n16(*code));
            bytes.extend(self.n16(u16::try_from(value.len()).unwrap()));
            bytes.extend(padded(value));
        }
        bytes
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}
