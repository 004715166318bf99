//! Texts that others wrote: a file, or the standard input.

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// Where a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextSource {
    /// On the standard input.
    Input,
    /// In a file.
    File(PathBuf),
}

impl TextSource {
    /// The source that an argument names, from a folder: `-` is the standard input.
    #[must_use]
    pub fn named(argument: &Path, folder: &Path) -> Self {
        match argument {
            dash if dash == Path::new("-") => Self::Input,
            // As the user named it.
            file if folder == Path::new(".") => Self::File(file.to_path_buf()),
            file => Self::File(folder.join(file)),
        }
    }
}

impl fmt::Display for TextSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => write!(f, "the standard input"),
            Self::File(file) => write!(f, "`{}`", file.display()),
        }
    }
}

/// Why a text cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It cannot be read.
    #[error("failed to read {from}")]
    Unreadable {
        /// Where it is.
        from: TextSource,
        /// Why.
        source: io::Error,
    },
    /// There is something at the place where it is to be.
    #[error("`{}` is there already, and is not overwritten", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// It cannot be written.
    #[error("failed to write `{}`", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl TextError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "name a file that can be read, or `-` for the standard input"
            }
            Self::Exists { .. } => "move it away first, or add `--dry-run` to have it printed only",
            Self::Unwritable { .. } => "name a folder that can be written to with `-C`",
        }
    }
}

/// Reads a text whole.
///
/// # Errors
/// Fails when it cannot be read, or is not UTF-8.
pub fn read(from: &TextSource) -> Result<String, TextError> {
    let text = match from {
        TextSource::File(file) => fs::read_to_string(file),
        TextSource::Input => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_length| text)
        }
    };
    text.map_err(|source| TextError::Unreadable { from: from.clone(), source })
}

/// Writes a text into a new file. A file that is there stays as it is.
///
/// # Errors
/// Fails when there is a file, or it cannot be written.
pub fn write_new(file: &Path, text: &str) -> Result<(), TextError> {
    let opened = fs::File::options().write(true).create_new(true).open(file);
    let written = opened.and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => TextError::Exists { file: file.to_path_buf() },
        _ => TextError::Unwritable { file: file.to_path_buf(), source },
    })
}
