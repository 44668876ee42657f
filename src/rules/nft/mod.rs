//! nftables: what `nft list ruleset` prints, as text and as JSON.
//!
//! Both readers make the same [`syntax`] of it, and [`lower`] gives that its meaning.

mod expression;
mod field;
mod foreign;
pub(super) mod json;
mod lexer;
mod lower;
mod maps;
mod mark;
mod parser;
mod pattern;
pub(super) mod script;
mod statement;
mod syntax;
mod target;
pub(super) mod text;
mod translation;
mod wording;
