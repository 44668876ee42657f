//! Whether a document of `synquest/endpoint/1` agrees with itself: every fact has its place in the
//! verdict.
//!
//! It reads the JSON alone and knows nothing of how inference reasons, so both executors hold every
//! trial to it, whatever the scenario expects.
//!
//! | part | holds |
//! |---|---|
//! | [`cited`] | what is cited was sent, was waited for, and means something |
//! | [`agreement`] | cause, state, place, method, summary and the owner of the advice tell one story |
//! | [`replies`] | every decisive reply is what the cause predicts, or is named |

mod agreement;
mod cited;
mod planted;
mod replies;

use serde_json::Value;

/// What in the document contradicts something else in it; empty when it tells one story.
pub(crate) fn inconsistencies(document: &Value) -> Vec<String> {
    let mut found = cited::faults(document);
    found.extend(agreement::faults(document));
    found.extend(replies::faults(document));
    found
}

/// A word of the document; empty where it is absent.
fn word<'d>(value: &'d Value, name: &str) -> &'d str {
    value[name].as_str().unwrap_or_default()
}

/// The elements of a list of the document.
fn list<'d>(value: &'d Value, name: &str) -> impl Iterator<Item = &'d Value> {
    value[name].as_array().into_iter().flatten()
}
