//! The forms a verdict is written in: the versioned record, JSON, text for a person, one live line,
//! and the page for whoever must act ([`html`], [`markdown`]).
//!
//! Every form is a view of [`record::Record`]: a person sees nothing that the JSON document does
//! not hold. Nothing here writes: each function returns a string, styled with ANSI codes where it
//! is text, for a stream that strips them when colour is not wanted. Strings from users and
//! networks pass [`visible::visible`] on their way into text.

pub mod advice;
pub mod doctor;
mod drawing;
pub mod entry;
mod flows;
mod gloss;
pub mod html;
pub mod json;
mod lanes;
pub mod live;
mod mark;
pub mod markdown;
mod otherside;
pub mod page;
pub mod place;
pub mod plan;
pub mod record;
mod reproduce;
mod rivals;
mod rows;
pub mod text;
mod timeline;
pub mod visible;
pub mod words;
