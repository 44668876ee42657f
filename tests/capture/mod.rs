//! Captures of our own: written, read back, judged again; and what happens when they are cut or
//! changed. Captures of others: read as tshark reads them.

mod foreign;
mod judged;
mod many;
mod mutated;
mod retold;
mod tools;
