//! The text of a list, unpacked where its first octets say that it is packed.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// RFC 1952 section 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878 section 3.1.1.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest window a packed list may ask memory for (8 MiB, what RFC 8878 section 3.1.1.1.2
/// recommends every decoder to support), as a power of two.
const WINDOW: u32 = 23;

/// The text of `packed`, which is told from its first octets and never from a name.
///
/// # Errors
///
/// When the first octets cannot be read, or the decoder cannot be set up.
pub fn unpack<'a>(mut packed: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut opening = Vec::with_capacity(ZSTD.len());
    packed.by_ref().take(4).read_to_end(&mut opening)?;
    let (gzip, zstd) = (opening.starts_with(&GZIP), opening.starts_with(&ZSTD));
    let whole = BufReader::new(io::Cursor::new(opening).chain(packed));
    Ok(if gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(whole)))
    } else if zstd {
        let mut decoder = zstd::Decoder::with_buffer(whole)?;
        decoder.window_log_max(WINDOW)?;
        Box::new(BufReader::new(decoder))
    } else {
        Box::new(whole)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn what_is_packed_reads_as_what_is_not() {
        let check = |packed: &[u8], text: &str| {
            let mut found = String::new();
            let mut reader = unpack(packed).expect("a list");
            reader.read_to_string(&mut found).expect("text");
            assert_eq!(found, text);
        };
        check(b"a:1\n", "a:1\n");
        check(b"", "");
        check(b"a", "a");
        check(&gzip("a:1\n"), "a:1\n");
        check(&[gzip("a:1\n"), gzip("b:2\n")].concat(), "a:1\nb:2\n");
        check(
            &zstd::encode_all(&b"a:1\n"[..], 1).expect("memory"),
            "a:1\n",
        );
    }

    #[test]
    fn a_packed_list_that_is_cut_is_an_error_and_not_a_shorter_list() {
        let long: String = (0..5000).map(|n| format!("host{n}:1\n")).collect();
        for packed in [
            gzip(&long),
            zstd::encode_all(long.as_bytes(), 1).expect("memory"),
        ] {
            let cut = packed.get(..packed.len() - 9).expect("longer");
            let mut reader = unpack(cut).expect("a list");
            assert!(reader.read_to_string(&mut String::new()).is_err());
        }
    }
}
