//! Where a file goes: a name in a folder that is opened once, and what may not stand there.
//!
//! A destination is judged before anything is sent, so that no run ends with nowhere to put what it
//! found. Everything is asked of the open folder, never of the path again: who can rename folders
//! meanwhile cannot lead the file elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::draft::Draft;

/// A name in an open folder, free to be written to when it was judged.
#[derive(Clone, Debug)]
pub struct Destination {
    given: PathBuf,
    pub(super) folder: Arc<OwnedFd>,
    pub(super) name: OsString,
    pub(super) force: bool,
}

/// A destination that is not written to, and why. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot write {}: {refusal}", path.display())]
pub struct Refused {
    /// The destination as given.
    pub path: PathBuf,
    /// Why not.
    pub refusal: Refusal,
}

/// Why a destination is not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `-`.
    #[error("stdout holds the verdict, an artefact is a file; name one (a file called - is ./-)")]
    Stdout,
    /// A path without a last name: empty, or ending in `/` or `..`.
    #[error("it names no file; add a file name")]
    NoName,
    /// A file stands there.
    #[error("it exists; choose another name, or replace it with --force")]
    Exists,
    /// A symbolic link stands there, wherever it leads, if anywhere.
    #[error(
        "it is a symbolic link, and nothing is written through one, also with --force; name the \
         file itself"
    )]
    Symlink,
    /// A folder stands there.
    #[error("it is a directory; name a file in it")]
    Directory,
    /// A device, a pipe or a socket stands there.
    #[error(
        "it is no ordinary file, and an artefact is renamed into its place once it is complete; \
         name a file, and copy it from there"
    )]
    Special,
    /// The folder is not there.
    #[error("its folder does not exist; create it first")]
    NoFolder,
    /// The folder takes no new file, or cannot be looked into.
    #[error("{0}; choose a folder that can be written to")]
    Folder(Errno),
    /// The file name's end does not say what to write.
    #[error("its name ends in none of {0}, so what to write is not known")]
    Ending(&'static str),
    /// Another file of the same run goes there.
    #[error("another artefact of this run goes there; give each its own name")]
    Twice,
}

impl Destination {
    /// Judges `path`; a file that stands there may be replaced when `force` says so.
    ///
    /// A file is created beside it and removed again: nothing else shows whether one can be.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the file could not be put there as things stand.
    pub fn judge(path: &Path, force: bool) -> Result<Self, Refused> {
        let refused = |refusal| Refused {
            path: path.to_owned(),
            refusal,
        };
        let (folder, name) = split(path).map_err(refused)?;
        let folder = fs::openat(
            CWD,
            folder,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|errno| {
            refused(match errno {
                Errno::NOENT => Refusal::NoFolder,
                other => Refusal::Folder(other),
            })
        })?;
        let destination = Self {
            given: path.to_owned(),
            folder: Arc::new(folder),
            name: name.to_owned(),
            force,
        };
        destination.standing().map_err(refused)?;
        let trial = Draft::create(&destination).map_err(|errno| refused(Refusal::Folder(errno)))?;
        drop(trial);
        Ok(destination)
    }

    /// The path as given.
    pub fn path(&self) -> &Path {
        &self.given
    }

    /// The file that stands there, to be read from its beginning and written to at its end; nothing is
    /// followed and nothing created.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open_to_append(&self) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = fs::openat(&*self.folder, &self.name, flags, Mode::empty());
        Ok(File::from(opened?))
    }

    /// Renames the file that stands there into the place of `other`, which is in the same folder, and
    /// replaces what stands in it.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn rename(&self, other: &Self) -> Result<(), Errno> {
        fs::renameat(&*self.folder, &self.name, &*other.folder, &other.name)
    }

    /// The path of another `name` in the same folder.
    pub(super) fn beside(&self, name: &OsStr) -> PathBuf {
        self.given.with_file_name(name)
    }

    /// Whether both name the same file, however their paths are written.
    pub fn is_same(&self, other: &Self) -> bool {
        let identity = |folder: &OwnedFd| fs::fstat(folder).map(|stat| (stat.st_dev, stat.st_ino));
        self.name == other.name
            && match (identity(&self.folder), identity(&other.folder)) {
                (Ok(ours), Ok(theirs)) => ours == theirs,
                _ => false,
            }
    }

    /// Whether what stands there now, if anything, may be replaced.
    pub(super) fn standing(&self) -> Result<(), Refusal> {
        match fs::statat(&*self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(Refusal::Folder(errno)),
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => Err(Refusal::Symlink),
                FileType::Directory => Err(Refusal::Directory),
                FileType::RegularFile if self.force => Ok(()),
                FileType::RegularFile => Err(Refusal::Exists),
                FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Fifo
                | FileType::Socket
                | FileType::Unknown => Err(Refusal::Special),
            },
        }
    }
}

/// Judges that no file is written to twice.
///
/// # Errors
///
/// The first destination that is another's too.
pub fn each_once(all: &[&Destination]) -> Result<(), Refused> {
    for (index, destination) in all.iter().enumerate() {
        let mut earlier = all.iter().take(index);
        if earlier.any(|earlier| earlier.is_same(destination)) {
            return Err(Refused {
                path: destination.path().to_owned(),
                refusal: Refusal::Twice,
            });
        }
    }
    Ok(())
}

/// The folder and the last name of `path`.
fn split(path: &Path) -> Result<(&Path, &OsStr), Refusal> {
    if path == Path::new("-") {
        return Err(Refusal::Stdout);
    }
    let text = path.as_os_str().as_encoded_bytes();
    // `Path` overlooks a slash or a dot at the end; open(2) would not.
    if text.ends_with(b"/") || text.ends_with(b"/.") || text == b"." {
        return Err(Refusal::NoName);
    }
    let name = path.file_name().ok_or(Refusal::NoName)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    Ok((folder.unwrap_or(Path::new(".")), name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::test_folder::Folder;
    use super::*;

    #[test]
    fn what_is_no_place_for_a_file_is_refused_with_its_reason() {
        let folder = Folder::new("destinations");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("there"), "old").unwrap();
        symlink(at("there"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        std::fs::create_dir(at("sub")).unwrap();
        let mode = Mode::from_raw_mode(0o644);
        fs::mknodat(CWD, at("pipe"), FileType::Fifo, mode, 0).unwrap();
        let check = |path: PathBuf, force: bool, refusal: Refusal| {
            let refused = Destination::judge(&path, force).unwrap_err();
            assert_eq!(refused, Refused { path, refusal });
        };
        for force in [false, true] {
            check(at("link"), force, Refusal::Symlink);
            check(at("dangling"), force, Refusal::Symlink);
            check(at("sub"), force, Refusal::Directory);
            check(at("pipe"), force, Refusal::Special);
            check(at("sub/"), force, Refusal::NoName);
            check(at(".."), force, Refusal::NoName);
            check(at("none/x"), force, Refusal::NoFolder);
            check(at("there/x"), force, Refusal::Folder(Errno::NOTDIR));
            check(
                at(&"x".repeat(256)),
                force,
                Refusal::Folder(Errno::NAMETOOLONG),
            );
            check(PathBuf::from("/dev/null"), force, Refusal::Special);
            check(PathBuf::from("-"), force, Refusal::Stdout);
            check(PathBuf::new(), force, Refusal::NoName);
            check(
                PathBuf::from("/proc/x"),
                force,
                Refusal::Folder(Errno::NOENT),
            );
        }
        check(at("there"), false, Refusal::Exists);
        assert!(Destination::judge(&at("there"), true).is_ok());
        assert!(Destination::judge(&at("new"), false).is_ok());
        let names = ["dangling", "link", "pipe", "sub", "there"];
        assert_eq!(folder.names(), names, "judging leaves nothing behind");
    }

    #[test]
    fn two_spellings_of_one_file_are_the_same_destination() {
        let folder = Folder::new("spellings");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let judge = |name: &str| Destination::judge(&folder.path().join(name), false).unwrap();
        assert!(judge("a").is_same(&judge("sub/../a")));
        assert!(!judge("a").is_same(&judge("sub/a")));
        assert!(!judge("a").is_same(&judge("b")));
    }
}
