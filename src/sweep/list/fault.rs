//! What can be wrong with a list: one of its lines, or the whole of it.

use std::io;

use super::lines::LONGEST;
use crate::sweep::expectation::UnknownExpectation;
use crate::sweep::roll::MOST_ENDPOINTS;
use crate::sweep::target;

/// A line that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {fault}")]
pub struct BadLine {
    /// The list, as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, in octets from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No endpoint.
    #[error(transparent)]
    Target(#[from] target::TargetFault),
    /// An expectation nobody can have.
    #[error(transparent)]
    Expectation(#[from] UnknownExpectation),
    /// More octets than a line may have.
    #[error("longer than {LONGEST} octets; is this a list?")]
    TooLong,
    /// No text.
    #[error("not UTF-8 text")]
    NotUtf8,
    /// A block of addresses or several ports, and nobody asked to expand them.
    #[error("{0} stands for several endpoints; say --expand to probe them all")]
    Unexpanded(String),
    /// A slash, and no block of addresses before it.
    #[error("{0:?} is not a block of addresses; write one as 10.0.0.0/24")]
    NotBlock(String),
    /// A range of ports that ends before it begins, or is none.
    #[error("{0:?} is not a range of ports; write one as 3306-3310")]
    NotPorts(String),
    /// More endpoints than a sweep may have.
    #[error("with this line the list has more than {MOST_ENDPOINTS} endpoints; split it")]
    TooMany,
    /// Other than as many fields as the header has.
    #[error("{found} fields where the header has {expected}")]
    Fields {
        /// How many it has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// A quotation mark without its counterpart.
    #[error("a quotation mark is opened here and not closed within {LONGEST} octets")]
    OpenQuote,
    /// No JSON.
    #[error("not JSON")]
    NotJson,
    /// JSON, and no object.
    #[error("not a JSON object")]
    NotObject,
    /// A field that must be there and is not.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// A field that must be text, or a port, and is something else.
    #[error("the field {0} is neither text nor a number")]
    NotText(&'static str),
}

/// A list that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// What the system, or the decoder of a packed list, said.
    #[error("cannot read {file}: {source}")]
    Io {
        /// The list, as the user named it.
        file: String,
        /// What was said.
        source: io::Error,
    },
    /// A CSV header without a column that must be there.
    #[error(
        "{file}:{line}: the header names no column {missing}; a CSV list has the columns host and \
         port, or one called endpoint"
    )]
    Header {
        /// The list, as the user named it.
        file: String,
        /// The line of the header.
        line: u64,
        /// The column.
        missing: &'static str,
    },
}
