//! The bundle: one compressed archive that holds everything another team needs.
//!
//! The same members give the same octets: they stand in the order given, in one folder, all with
//! one time, owned by number 0, without the name of any user.

use std::io::{self, Read, Write};

use flate2::GzBuilder;
use tar::{Builder, EntryType, Header};

use super::visible::acts;

/// How the archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952): for where nothing else can be unpacked.
    Gzip,
}

/// The ends of file names and what they ask for.
const ENDS: [(&str, Compression); 4] = [
    (".tar.zst", Compression::Zstd),
    (".tzst", Compression::Zstd),
    (".tar.gz", Compression::Gzip),
    (".tgz", Compression::Gzip),
];

impl Compression {
    /// The ends of file names that ask for a compression.
    pub const ENDINGS: &'static str = ".tar.zst, .tzst, .tar.gz, .tgz";

    /// The compression that a file name asks for.
    pub fn of(name: &str) -> Option<Self> {
        split(name).map(|(_, compression)| compression)
    }
}

/// A file name's stem, and the compression that its end asks for.
fn split(name: &str) -> Option<(&str, Compression)> {
    ENDS.iter().find_map(|(end, compression)| {
        let at = name.len().checked_sub(end.len())?;
        let (stem, found) = name.split_at_checked(at)?;
        found
            .eq_ignore_ascii_case(end)
            .then_some((stem, *compression))
    })
}

/// The folder in a bundle of this file name: its stem, without what could act on a terminal or a
/// command line.
pub fn folder(name: &str) -> String {
    let stem = split(name).map_or(name, |(stem, _)| stem);
    let safe = |character: char| match character {
        '/' | '\\' | '\u{fffd}' => '_',
        acting if acts(acting) => '_',
        other => other,
    };
    let safe: String = stem.chars().map(safe).collect();
    match safe.chars().next() {
        None => "synquest".to_owned(),
        // Neither an option nor a hidden or special folder.
        Some('-' | '.') => format!("_{safe}"),
        Some(_) => safe,
    }
}

/// A file of a bundle.
#[derive(Debug)]
pub struct Member<'a> {
    /// Its name, without a folder.
    pub name: &'a str,
    /// What it holds.
    pub content: Content<'a>,
}

/// What a file holds.
pub enum Content<'a> {
    /// This text.
    Text(&'a str),
    /// So many octets, to be read.
    Stream(u64, &'a mut dyn Read),
}

impl std::fmt::Debug for Content<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => out.debug_tuple("Text").field(text).finish(),
            Self::Stream(length, _) => out.debug_tuple("Stream").field(length).finish(),
        }
    }
}

/// Writes a bundle of `members` to `to`, all in `folder`, all of the time `modified` (seconds since
/// the Unix epoch).
///
/// # Errors
///
/// What reading a member or writing says; a member that is shorter than announced is
/// [`io::ErrorKind::UnexpectedEof`].
pub fn write(
    to: &mut dyn Write,
    compression: Compression,
    folder: &str,
    modified: u64,
    members: Vec<Member<'_>>,
) -> io::Result<()> {
    match compression {
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(to, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            archive(&mut encoder, folder, modified, members)?;
            encoder.finish().map(drop)
        }
        Compression::Gzip => {
            let level = flate2::Compression::default();
            let mut encoder = GzBuilder::new().write(to, level);
            archive(&mut encoder, folder, modified, members)?;
            encoder.finish().map(drop)
        }
    }
}

fn archive(
    to: &mut dyn Write,
    folder: &str,
    modified: u64,
    members: Vec<Member<'_>>,
) -> io::Result<()> {
    let mut archive = Builder::new(to);
    let header = |kind: EntryType, mode: u32, length: u64| {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(modified);
        header.set_size(length);
        header
    };
    let mut top = header(EntryType::Directory, 0o755, 0);
    archive.append_data(&mut top, format!("{folder}/"), io::empty())?;
    for Member { name, content } in members {
        let mut text;
        let (length, from): (u64, &mut dyn Read) = match content {
            Content::Text(whole) => {
                text = whole.as_bytes();
                (u64::try_from(text.len()).unwrap_or(u64::MAX), &mut text)
            }
            Content::Stream(length, stream) => (length, stream),
        };
        let mut from = Exactly { from, left: length };
        let mut header = header(EntryType::Regular, 0o644, length);
        archive.append_data(&mut header, format!("{folder}/{name}"), &mut from)?;
        if from.left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    archive.finish()
}

/// Reads as much as was announced: more or less would garble the archive.
struct Exactly<'a> {
    from: &'a mut dyn Read,
    left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(into.len());
        let read = self.from.read(into.get_mut(..most).unwrap_or_default())?;
        self.left = self
            .left
            .saturating_sub(u64::try_from(read).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(compression: Compression, members: Vec<Member<'_>>) -> io::Result<Vec<u8>> {
        let mut archive = Vec::new();
        write(&mut archive, compression, "case", 1_700_000_000, members)?;
        Ok(archive)
    }

    fn members<'a>(frames: &'a mut &'static [u8]) -> Vec<Member<'a>> {
        vec![
            Member {
                name: "README.md",
                content: Content::Text("Read me.\n"),
            },
            Member {
                name: "capture.pcapng",
                content: Content::Stream(6, frames),
            },
        ]
    }

    #[test]
    fn a_bundle_holds_its_members_in_order_without_any_users_name() {
        for compression in [Compression::Zstd, Compression::Gzip] {
            let first = packed(
                compression,
                members(&mut b"frames, and what came later".as_slice()),
            );
            let first = first.unwrap();
            let again = packed(compression, members(&mut b"frames".as_slice())).unwrap();
            assert_eq!(first, again, "the same members give the same octets");
            let tar: Box<dyn Read> = match compression {
                Compression::Zstd => Box::new(zstd::Decoder::new(first.as_slice()).unwrap()),
                Compression::Gzip => Box::new(flate2::read::GzDecoder::new(first.as_slice())),
            };
            let mut found = Vec::new();
            for entry in tar::Archive::new(tar).entries().unwrap() {
                let mut entry = entry.unwrap();
                let mut content = String::new();
                entry.read_to_string(&mut content).unwrap();
                let header = entry.header();
                assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
                assert_eq!(header.mtime().unwrap(), 1_700_000_000);
                assert_eq!(header.username().unwrap(), Some(""));
                let path = entry.path().unwrap().to_string_lossy().into_owned();
                found.push((path, header.mode().unwrap(), content));
            }
            let expected = [
                ("case/", 0o755, ""),
                ("case/README.md", 0o644, "Read me.\n"),
                ("case/capture.pcapng", 0o644, "frames"),
            ];
            assert_eq!(
                found,
                expected.map(|(path, mode, text)| (path.to_owned(), mode, text.to_owned()))
            );
        }
    }

    #[test]
    fn a_member_that_ends_early_is_an_error_and_not_a_garbled_archive() {
        let error = packed(Compression::Zstd, members(&mut b"fra".as_slice())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn the_end_of_the_name_decides_and_its_stem_names_the_folder() {
        let check = |name: &str, compression, stem: &str| {
            assert_eq!(Compression::of(name), compression, "{name}");
            assert_eq!(folder(name), stem, "{name}");
        };
        let (zstd, gzip) = (Some(Compression::Zstd), Some(Compression::Gzip));
        check("case-7.tar.zst", zstd, "case-7");
        check("Case.TZST", zstd, "Case");
        check("a.b.tar.gz", gzip, "a.b");
        check("ä.tgz", gzip, "ä");
        check("case.zip", None, "case.zip");
        check(".tar.zst", zstd, "synquest");
        check("...tgz", gzip, "_..");
        check("-rf.tgz", gzip, "_-rf");
        check("a\x1b[2J\n.tgz", gzip, "a_[2J_");
    }
}
