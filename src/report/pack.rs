//! Packs a bundle: puts every form of what was found into files, and the files into the archive.

use std::io::{self, Read, Write};

use super::bundle::{self, Compression, Content, Member};
use super::environment::{self, Environment};
use super::readme::{self, File};
use super::record::Record;
use super::{html, json, markdown};

/// Packs the bundle whose file is called `name`; the capture comes with its length. Its files bear the
/// time at which the run began.
///
/// # Errors
///
/// When it cannot be written, or the capture not be read.
pub fn pack(
    out: &mut dyn Write,
    compression: Compression,
    name: &str,
    records: &[Record],
    capture: Option<(u64, &mut dyn Read)>,
    environment: Option<&Environment>,
) -> io::Result<()> {
    let mut documents = String::new();
    for record in records {
        documents.push_str(&json::document(record)?);
        documents.push('\n');
    }
    let html = html::page(records);
    let markdown = markdown::page(records);
    let surroundings = environment
        .map(|found| io::Result::Ok((environment::text(found), json::document(found)? + "\n")))
        .transpose()?;
    let mut files = vec![File::Endpoints, File::Html, File::Markdown];
    files.extend(capture.as_ref().map(|_| File::Capture));
    if surroundings.is_some() {
        files.extend([File::EnvironmentText, File::EnvironmentJson]);
    }
    files.sort();
    let readme = readme::page(records, &files);
    let mut frames = capture;
    let mut members = vec![Member {
        name: "README.md",
        content: Content::Text(&readme),
    }];
    for file in files {
        let content = match (file, &surroundings) {
            (File::Capture, _) => match frames.take() {
                Some((length, frames)) => Content::Stream(length, frames),
                None => continue,
            },
            (File::Endpoints, _) => Content::Text(&documents),
            (File::Html, _) => Content::Text(&html),
            (File::Markdown, _) => Content::Text(&markdown),
            (File::EnvironmentText, Some((text, _))) => Content::Text(text),
            (File::EnvironmentJson, Some((_, document))) => Content::Text(document),
            (File::EnvironmentText | File::EnvironmentJson, None) => continue,
        };
        members.push(Member {
            name: file.name(),
            content,
        });
    }
    let began = records.first().and_then(|record| {
        let began: jiff::Timestamp = record.run.started.parse().ok()?;
        u64::try_from(began.as_second()).ok()
    });
    bundle::write(
        out,
        compression,
        &bundle::folder(name),
        began.unwrap_or_default(),
        members,
    )
}
