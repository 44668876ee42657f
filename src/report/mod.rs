//! The forms a verdict is written in: the versioned record, JSON, text for a person, one live line,
//! and the page for whoever must act ([`html`], [`markdown`]).
//!
//! Every form is a view of [`record::Record`]: a person sees nothing that the JSON document does
//! not hold. Nothing here opens a file: each function returns a string, styled with ANSI codes where
//! it is text, for a stream that strips them when colour is not wanted; only the bundle, which may
//! be large, is written to where the caller says. Strings from users and networks pass
//! [`visible::visible`] on their way into text.

pub mod advice;
pub mod bundle;
mod catalogue;
mod cause_text;
pub mod doctor;
mod document;
mod drawing;
pub mod entry;
pub mod environment;
mod flows;
pub mod greeting;
pub mod group;
pub mod html;
pub mod json;
pub mod listed;
pub mod live;
mod mark;
pub mod markdown;
pub mod masked;
pub mod observed;
pub mod pack;
pub mod page;
mod path_rows;
pub mod place;
pub mod plan;
pub mod readme;
pub mod record;
mod recorded;
mod remote_checks;
mod reproduce;
mod rivals;
mod rows;
pub mod rules;
pub mod session;
pub mod sweep;
pub mod text;
mod timeline;
pub mod visible;
pub mod words;
