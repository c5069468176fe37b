//! Reading the files, within bounds.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::flaw::Flaw;
use super::yaml::{Node, Problem};
use super::{Configuration, SecretFiles, compile, yaml};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// A file as it was read.
pub struct Source {
    /// Its path, as given.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}

/// A file as a tree.
pub(super) struct Tree {
    pub(super) path: PathBuf,
    pub(super) root: Node,
}

/// Reads and compiles the configuration that `paths` make together.
///
/// # Errors
/// All flaws that could be found, each with its place.
pub fn load(paths: &[PathBuf]) -> Result<Configuration, Vec<Flaw>> {
    compile(&read(paths)?)
}

/// The same for a configuration that is in use elsewhere: the files of its secrets are not looked
/// for.
///
/// # Errors
/// As [`load`].
pub fn load_for_elsewhere(paths: &[PathBuf]) -> Result<Configuration, Vec<Flaw>> {
    compile_with(&read(paths)?, SecretFiles::Elsewhere)
}

/// Reads the files.
///
/// # Errors
/// Each file that can't be read, is too large, or is not UTF-8.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<Flaw>> {
    each(paths, |path| match read_one(path) {
        Ok(text) => Ok(Source { path: path.clone(), text }),
        Err(problem) => Err(Flaw::new(path, problem)),
    })
}

/// Compiles files that were read.
///
/// # Errors
/// All flaws that could be found, each with its place.
pub fn compile(sources: &[Source]) -> Result<Configuration, Vec<Flaw>> {
    compile_with(sources, SecretFiles::Here)
}

fn compile_with(sources: &[Source], secret_files: SecretFiles) -> Result<Configuration, Vec<Flaw>> {
    let trees = each(sources, |source| match yaml::parse(&source.text) {
        Ok(root) => Ok(Tree { path: source.path.clone(), root }),
        Err(problem) => Err(Flaw::new(&source.path, problem)),
    })?;
    compile::compile(trees, checksum(sources), secret_files)
}

/// A digest of the files' contents, in hexadecimal.
pub fn checksum(sources: &[Source]) -> String {
    let mut digest = Sha256::new();
    for Source { path: _, text } in sources {
        digest.update(text.len().to_be_bytes());
        digest.update(text);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&digest.finalize()[..8]);
    format!("{:016x}", u64::from_be_bytes(first))
}

fn read_one(path: &Path) -> Result<String, Problem> {
    let told = |message: String| Problem { at: None, message, hint: None };
    let unreadable = |error: std::io::Error| told(format!("can't be read: {error}"));
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(told("is not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        let most = bytesize::ByteSize(LARGEST);
        return Err(told(format!("is larger than {most}: not a checklist")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].split(|byte| *byte == b'\n').count();
        told(format!("line {line} is not UTF-8"))
    })
}

fn each<'a, I, T>(
    inputs: &'a [I],
    read: impl Fn(&'a I) -> Result<T, Flaw>,
) -> Result<Vec<T>, Vec<Flaw>> {
    let (mut done, mut flaws) = (Vec::new(), Vec::new());
    for input in inputs {
        match read(input) {
            Ok(one) => done.push(one),
            Err(flaw) => flaws.push(flaw),
        }
    }
    if flaws.is_empty() { Ok(done) } else { Err(flaws) }
}
