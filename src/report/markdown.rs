//! The Markdown form.
use super::record::Record;
/// The page.
pub fn page(records: &[Record]) -> String {
    let _ = records;
    String::new()
}
