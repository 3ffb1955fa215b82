//! The root key file on disk. Owns who may read it and that it is never overwritten; does not
//! read its text.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

/// Far more keys than anybody rotates through.
const MAX_BYTES: u64 = 64 * 1024;

/// Why the root key file was not made or not accepted. Holds no byte of it.
#[derive(Debug, thiserror::Error)]
pub enum RootFileError {
    /// The file system refused.
    #[error("root key file {}: {doing} failed: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The step that failed.
        doing: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Making it would overwrite something.
    #[error(
        "root key file {} exists already and is never overwritten: use it, or give another path",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A symbolic link, folder, device or pipe.
    #[error(
        "root key file {} is not a regular file (symbolic links are not followed): give the path \
         of the file itself",
        path.display()
    )]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else could replace its contents.
    #[error(
        "root key file {} belongs to user {owner}: it must belong to the user who runs this \
         program, or to root",
        path.display()
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// The numeric id of its owner.
        owner: u32,
    },
    /// Others may read, write or run it.
    #[error(
        "root key file {} has mode {mode:04o}, so others may use it: run `chmod 600` on it, and \
         make new root keys if anybody may have read it",
        path.display()
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its text is not that of a root key file.
    #[error("root key file {}: {reason}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong, by line, without any digits of a key.
        reason: String,
    },
    /// The operating system gave no random bytes.
    #[error("no root key can be made: {reason}")]
    NoRandomness {
        /// What the sealing library said.
        reason: String,
    },
}

/// Makes the file with `text`, readable by its owner only, and makes both it and its name last.
pub(super) fn create(path: &Path, text: &str) -> Result<(), RootFileError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR);
    let mut file = File::from(made.map_err(|errno| match errno {
        Errno::EXIST => RootFileError::Exists {
            path: path.to_owned(),
        },
        errno => failed(path, "making it", errno.into()),
    })?);
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if let Err(source) = written {
        // Made by this call a moment ago, and half a key serves nobody.
        let _ = std::fs::remove_file(path);
        return Err(failed(path, "writing it", source));
    }
    sync_folder(path)
}

/// Reads the file if nobody but its owner may use it. The checks are made on the open file, so
/// that no other one can be put in its place in between.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, RootFileError> {
    // NONBLOCK: opening a pipe must not wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::LOOP => RootFileError::NotRegular {
            path: path.to_owned(),
        },
        errno => failed(path, "opening it", errno.into()),
    })?;
    check(path, &opened)?;
    // Allocated at once: a vector that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024 + 1));
    File::from(opened)
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| failed(path, "reading it", source))?;
    let text = |reason: &str| RootFileError::Text {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(text("it is longer than 64 KiB"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(utf8) => Ok(Zeroizing::new(utf8.to_owned())),
        Err(_) => Err(text("it is not UTF-8")),
    }
}

fn check(path: &Path, file: &impl AsFd) -> Result<(), RootFileError> {
    let stat =
        rustix::fs::fstat(file).map_err(|errno| failed(path, "checking it", errno.into()))?;
    let path = || path.to_owned();
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(RootFileError::NotRegular { path: path() });
    }
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid != user && stat.st_uid != 0 {
        return Err(RootFileError::Owner {
            path: path(),
            owner: stat.st_uid,
        });
    }
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(RootFileError::Mode { path: path(), mode });
    }
    Ok(())
}

/// Without this a power cut can leave a durable file under no name.
fn sync_folder(path: &Path) -> Result<(), RootFileError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| failed(path, "syncing its folder", source))
}

fn failed(path: &Path, doing: &'static str, source: std::io::Error) -> RootFileError {
    RootFileError::Io {
        path: path.to_owned(),
        doing,
        source,
    }
}
