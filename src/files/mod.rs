//! Files: written beside their place and renamed into it when they are complete; inputs opened.
//!
//! [`destination`] judges where a file may go before anything is sent, [`draft`] is the file under
//! construction, [`unfinished`] what can keep it from its place, [`written`] what became of several.

pub mod destination;
pub mod draft;
pub mod input;
#[cfg(test)]
pub(crate) mod test_folder;
pub mod unfinished;
pub mod written;
