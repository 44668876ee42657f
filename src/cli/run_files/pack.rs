//! Packs a bundle: puts every form of what was found into files, and the files into the archive.

use std::io;
use std::path::Path;

use crate::cli::pages::Form;
use crate::files::draft::Draft;
use crate::report::bundle::{self, Compression, Content, Member};
use crate::report::environment::{self, Environment};
use crate::report::json;
use crate::report::readme::{self, File};
use crate::report::record::Record;

/// Packs the bundle. Its files bear the time at which the run began.
pub(super) fn pack(
    draft: &mut Draft,
    compression: Compression,
    path: &Path,
    records: &[Record],
    capture: Option<&Draft>,
    environment: Option<&Environment>,
) -> io::Result<()> {
    let mut documents = String::new();
    for record in records {
        documents.push_str(&json::document(record)?);
        documents.push('\n');
    }
    let html = Form::Html.page(records);
    let markdown = Form::Markdown.page(records);
    let surroundings = environment
        .map(|found| io::Result::Ok((environment::text(found), json::document(found)? + "\n")))
        .transpose()?;
    let mut files = vec![File::Endpoints, File::Html, File::Markdown];
    files.extend(capture.map(|_| File::Capture));
    if surroundings.is_some() {
        files.extend([File::EnvironmentText, File::EnvironmentJson]);
    }
    files.sort();
    let readme = readme::page(records, &files);
    let length = capture.map_or(Ok(0), Draft::length)?;
    let mut reader = capture.map(Draft::reader);
    let mut frames: Option<&mut dyn io::Read> = reader.as_mut().map(|reader| reader as _);
    let mut members = vec![Member {
        name: "README.md",
        content: Content::Text(&readme),
    }];
    for file in files {
        let content = match (file, &surroundings) {
            (File::Capture, _) => match frames.take() {
                Some(frames) => Content::Stream(length, frames),
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
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    bundle::write(
        draft,
        compression,
        &bundle::folder(&name),
        began.unwrap_or_default(),
        members,
    )
}
