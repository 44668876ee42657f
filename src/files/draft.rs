//! A file under construction: written beside its destination, renamed into place when complete.
//!
//! A draft is a visible file, `NAME.XXXXXX.partial`: a capture that a killed run leaves behind is
//! found there. Dropped without [`Draft::commit`] or [`Draft::cut`] it is removed. It is created
//! anew (never opened through a link), its mode is what the umask leaves of 0666, and under sudo it
//! belongs to the user who ran sudo. As with every program that writes as root where it is told:
//! whom sudo lets run this one with arguments of their choice can create files in any folder.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::destination::{Destination, Refusal};
use super::unfinished::{Unfinished, errno};

/// How a draft is told from the finished file.
const SUFFIX: &str = ".partial";

/// The longest file name, in octets (`NAME_MAX`).
const LONGEST: usize = 255;

/// How often a name that is taken is replaced by another.
const ATTEMPTS: usize = 32;

/// A file under construction.
#[derive(Debug)]
pub struct Draft {
    destination: Destination,
    name: OsString,
    file: File,
    /// Whether dropping it leaves the file where it is.
    stays: bool,
}

impl Draft {
    /// Writes one file and puts it into its place.
    ///
    /// # Errors
    ///
    /// Why it is not there.
    pub fn complete(
        destination: &Destination,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<(), Unfinished> {
        let mut draft = Self::begin(destination)?;
        write(&mut draft).map_err(|error| Unfinished::write(destination, &error))?;
        draft.commit()
    }

    /// As [`Draft::create`], for a destination that has been judged.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] when the file cannot be created.
    pub fn begin(destination: &Destination) -> Result<Self, Unfinished> {
        Self::create(destination).map_err(|errno| Unfinished::write(destination, &errno.into()))
    }

    /// Creates a draft for `destination`.
    ///
    /// # Errors
    ///
    /// What the system says when the file cannot be created.
    pub fn create(destination: &Destination) -> Result<Self, Errno> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut tries = 0;
        loop {
            let name = partial(&destination.name);
            let opened = fs::openat(
                &*destination.folder,
                &name,
                flags,
                Mode::from_raw_mode(0o666),
            );
            tries += 1;
            match opened {
                Err(Errno::EXIST) if tries < ATTEMPTS => {}
                Err(errno) => return Err(errno),
                Ok(fd) => {
                    let draft = Self {
                        destination: destination.clone(),
                        name,
                        file: File::from(fd),
                        stays: false,
                    };
                    if let Some((uid, gid)) = invoking_user() {
                        draft.hand_over(uid, gid);
                    }
                    return Ok(draft);
                }
            }
        }
    }

    /// Where it will stand.
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The path it has until then.
    pub fn path(&self) -> PathBuf {
        self.destination.beside(&self.name)
    }

    /// Its octets so far, from the first; writing goes on where it was.
    pub const fn reader(&self) -> Reader<'_> {
        Reader {
            file: &self.file,
            at: 0,
        }
    }

    /// Its length so far, in octets.
    ///
    /// # Errors
    ///
    /// What the system says when it cannot be asked.
    pub fn length(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    /// Puts the finished file into its place, at once and whole.
    ///
    /// # Errors
    ///
    /// [`Unfinished`]; a file that is complete and only finds its place taken is kept.
    pub fn commit(mut self) -> Result<(), Unfinished> {
        self.file
            .sync_all()
            .map_err(|error| Unfinished::write(&self.destination, &error))?;
        let path = self.destination.path().to_owned();
        let placed = self.place();
        self.stays = true;
        placed.map_err(|fault| match fault {
            Fault::Taken(refusal) => Unfinished::Taken {
                path,
                refusal,
                kept: self.path(),
            },
            Fault::Rename(errno) => Unfinished::Rename {
                path,
                errno,
                kept: self.path(),
            },
        })
    }

    /// Leaves the file, whose writing failed with `error`, under the name it has: for a reader who
    /// can use an incomplete one.
    pub fn cut(mut self, error: &io::Error) -> Unfinished {
        self.stays = true;
        Unfinished::Cut {
            path: self.destination.path().to_owned(),
            errno: errno(error),
            kept: self.path(),
        }
    }

    /// The file itself, for a writer of its own: both write where the other stopped.
    ///
    /// # Errors
    ///
    /// When the process has no room for another open file.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    fn place(&self) -> Result<(), Fault> {
        let Destination {
            folder,
            name,
            force,
            ..
        } = &self.destination;
        if *force {
            // rename(2) replaces a link and does not follow it, so what changes after this look
            // can only be replaced.
            self.destination.standing().map_err(Fault::Taken)?;
            return fs::renameat(&**folder, &self.name, &**folder, name).map_err(Fault::Rename);
        }
        let flags = RenameFlags::NOREPLACE;
        match fs::renameat_with(&**folder, &self.name, &**folder, name, flags) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(self.taken()),
            // A file system that cannot rename so (some network ones); a link is as exclusive.
            Err(Errno::INVAL | Errno::NOSYS) => {
                match fs::linkat(&**folder, &self.name, &**folder, name, AtFlags::empty()) {
                    Ok(()) => {
                        fs::unlinkat(&**folder, &self.name, AtFlags::empty()).map_err(Fault::Rename)
                    }
                    Err(Errno::EXIST) => Err(self.taken()),
                    Err(errno) => Err(Fault::Rename(errno)),
                }
            }
            Err(errno) => Err(Fault::Rename(errno)),
        }
    }

    fn taken(&self) -> Fault {
        // It may be gone again; that it stood there is what counts.
        Fault::Taken(self.destination.standing().err().unwrap_or(Refusal::Exists))
    }

    /// Gives the file to a user; one that stays root's is better than none.
    fn hand_over(&self, uid: Uid, gid: Gid) {
        if let Err(errno) = fs::fchown(&self.file, Some(uid), Some(gid)) {
            tracing::warn!(
                file = %self.destination.path().display(),
                "cannot give the file to the user who ran sudo: {errno}"
            );
        }
    }
}

enum Fault {
    Taken(Refusal),
    Rename(Errno),
}

impl Write for Draft {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.file.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.stays {
            // Nobody is left to tell when that fails.
            let _ = fs::unlinkat(&*self.destination.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Reads a draft from its beginning.
#[derive(Debug)]
pub struct Reader<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += u64::try_from(read).unwrap_or_default();
        Ok(read)
    }
}

/// The name of a draft for `name`: as much of it as fits, six characters of chance, [`SUFFIX`].
fn partial(name: &OsStr) -> OsString {
    let chance: String = std::iter::repeat_with(fastrand::alphanumeric)
        .take(6)
        .collect();
    let room = LONGEST - SUFFIX.len() - chance.len() - 1;
    let mut kept = name.as_bytes();
    let is_text = |octets| std::str::from_utf8(octets).is_ok();
    // A name that is text is not cut within a character.
    while kept.len() > room || (is_text(name.as_bytes()) && !is_text(kept)) {
        let Some((_, rest)) = kept.split_last() else {
            break;
        };
        kept = rest;
    }
    let end = format!(".{chance}{SUFFIX}");
    OsString::from_vec([kept, end.as_bytes()].concat())
}

/// The user who ran sudo; `None` when this process is not root, or sudo did not start it.
fn invoking_user() -> Option<(Uid, Gid)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let id = |variable: &str| {
        let value = std::env::var(variable).ok()?;
        // The greatest number means "unchanged" to chown(2).
        value.parse::<u32>().ok().filter(|id| *id != u32::MAX)
    };
    Some((
        Uid::from_raw(id("SUDO_UID")?),
        Gid::from_raw(id("SUDO_GID")?),
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::test_folder::Folder;
    use super::*;

    fn judged(folder: &Folder, name: &str, force: bool) -> Destination {
        Destination::judge(&folder.path().join(name), force).unwrap()
    }

    fn written(destination: &Destination) -> Draft {
        let mut draft = Draft::create(destination).unwrap();
        draft.write_all(b"new").unwrap();
        draft
    }

    #[test]
    fn a_draft_appears_under_its_name_only_when_it_is_complete() {
        let folder = Folder::new("complete");
        let draft = written(&judged(&folder, "case.md", false));
        let names = folder.names();
        assert!(names[0].starts_with("case.md.") && names[0].ends_with(".partial"));
        assert_eq!(std::fs::read(draft.path()).unwrap(), b"new");
        draft.commit().unwrap();
        assert_eq!(folder.names(), ["case.md"]);
        assert_eq!(folder.read("case.md"), "new");
    }

    #[test]
    fn a_draft_that_is_dropped_leaves_nothing_and_one_that_is_cut_stays() {
        let folder = Folder::new("dropped");
        let destination = judged(&folder, "case.pcapng", false);
        drop(written(&destination));
        let unwound = std::panic::catch_unwind(|| {
            let _draft = written(&destination);
            panic!("on the way");
        });
        assert!(unwound.is_err());
        assert_eq!(folder.names(), [""; 0]);
        let Unfinished::Cut { kept, .. } = written(&destination).cut(&Errno::NOSPC.into()) else {
            panic!("not cut")
        };
        assert_eq!(std::fs::read(kept).unwrap(), b"new");
    }

    #[test]
    fn a_draft_is_read_from_its_beginning_while_it_is_written() {
        let folder = Folder::new("reader");
        let mut draft = written(&judged(&folder, "case", false));
        let mut text = String::new();
        draft.reader().read_to_string(&mut text).unwrap();
        draft.write_all(b"er").unwrap();
        draft.reader().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), draft.length().unwrap()), ("newnewer", 5));
    }

    #[test]
    fn what_appears_at_the_destination_meanwhile_is_not_replaced() {
        let folder = Folder::new("race");
        let path = folder.path().join("case");
        let check = |force: bool, appear: &dyn Fn(), expected: Refusal| {
            let draft = written(&judged(&folder, "case", force));
            appear();
            let Err(Unfinished::Taken { refusal, kept, .. }) = draft.commit() else {
                panic!("nothing stood in the way")
            };
            assert_eq!(refusal, expected);
            assert_eq!(std::fs::read(&kept).unwrap(), b"new", "the result is kept");
            std::fs::remove_file(kept).unwrap();
        };
        check(
            false,
            &|| std::fs::write(&path, "old").unwrap(),
            Refusal::Exists,
        );
        assert_eq!(folder.read("case"), "old");
        std::fs::remove_file(&path).unwrap();
        for force in [false, true] {
            let link = || symlink(folder.path().join("elsewhere"), &path).unwrap();
            check(force, &link, Refusal::Symlink);
            assert_eq!(
                folder.names(),
                ["case"],
                "nothing is written through the link"
            );
            std::fs::remove_file(&path).unwrap();
            check(
                force,
                &|| std::fs::create_dir(&path).unwrap(),
                Refusal::Directory,
            );
            std::fs::remove_dir(&path).unwrap();
        }
    }

    #[test]
    fn with_force_a_file_is_replaced_whole() {
        let folder = Folder::new("force");
        let path = folder.path().join("case");
        std::fs::write(&path, "old and longer").unwrap();
        std::fs::hard_link(&path, folder.path().join("other")).unwrap();
        written(&judged(&folder, "case", true)).commit().unwrap();
        assert_eq!(folder.read("case"), "new");
        assert_eq!(folder.read("other"), "old and longer");
    }

    #[test]
    fn the_name_of_a_draft_fits_whatever_the_destination_is_called() {
        let check = |name: &[u8], begins: &[u8]| {
            let partial = partial(OsStr::from_bytes(name));
            assert!(partial.len() <= LONGEST);
            assert!(partial.as_bytes().starts_with(begins), "{partial:?}");
        };
        check(b"case", b"case.");
        check(&[b'x'; 255], &[b'x'; 240]);
        check("ä".repeat(127).as_bytes(), "ä".repeat(120).as_bytes());
        check(b"\xffcase", b"\xffcase.");
    }
}
