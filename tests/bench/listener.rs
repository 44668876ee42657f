//! Listens on a port of every address until its standard input ends, and prints how many connections
//! were completed: what a good neighbour leaves at 0.

#![allow(clippy::print_stdout, reason = "the figure is the output")]

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .ok_or("usage: listener PORT")?
        .parse()?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    listener.set_nonblocking(true)?;
    // Whoever completes a handshake waits in the queue of the kernel meanwhile.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let accepted = std::iter::from_fn(|| listener.accept().ok()).count();
    println!("{accepted}");
    Ok(())
}
