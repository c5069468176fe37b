//! The fuzz targets without a fuzzer: every body over its seeds and over mutations of them, always
//! the same ones, and whether everything that belongs to a target is there.

#[path = "../../fuzz/src/lib.rs"]
mod bodies;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bodies::{Body, TARGETS};

/// How many mutations of its seeds a body reads.
const MUTATIONS: usize = 3_000;
/// The same of bodies that take a thread, a connection or a checklist for each input.
const OF_SLOW: usize = 150;
const SLOW: [&str; 3] = ["cel_expression", "configuration", "s3_answer"];
/// Bytes that formats are made of.
const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\x1b\n\r :=,;.-/\\\"'<>{}[]()$%&*0159aZ\xc3\xe2";

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The seeds of a target, in order, with their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = fuzz().join("seeds").join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} has the seeds", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort_unstable();
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read(path).expect("a seed"))).collect()
}

/// Numbers that look like chance and are always the same (xorshift64).
struct Dice(u64);

impl Dice {
    fn of(target: &str) -> Self {
        let seed = target.bytes().fold(0x9e37_79b9_7f4a_7c15, |seed: u64, byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed | 1)
    }

    /// A number below `end`; 0 where that is 0.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % end.max(1)
    }

    /// Changes a few bytes; `other` is another seed of the same target.
    fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            let to = (at + self.below(8) + 1).min(bytes.len());
            match self.below(8) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = TELLING[self.below(TELLING.len())],
                2 => bytes.insert(at, TELLING[self.below(TELLING.len())]),
                3 => drop(bytes.drain(at..to)),
                4 => bytes.truncate(at),
                5 => {
                    let piece = bytes[at..to].to_vec();
                    bytes.splice(at..at, piece.repeat(self.below(3) + 1));
                }
                6 => {
                    let from = self.below(other.len() + 1);
                    let piece = &other[from..(from + self.below(40)).min(other.len())];
                    bytes.splice(at..to, piece.iter().copied());
                }
                _ => {
                    let telling = TELLING[self.below(TELLING.len())];
                    bytes[at..to].fill(telling);
                }
            }
        }
    }
}

/// Runs a body; where it panics, the bytes are told in full.
fn run(target: &str, body: Body, bytes: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| body(bytes)))
        .unwrap_or_else(|_| panic!("{target} breaks a law on b\"{}\"", bytes.escape_ascii()))
}

fn hold(target: &str) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    let seeds = seeds(target);
    for (name, seed) in &seeds {
        let taken = run(target, *body, seed);
        assert_eq!(taken, name.starts_with("good-"), "{target}: {name}");
    }
    let mut dice = Dice::of(target);
    for count in 0..if SLOW.contains(&target) { OF_SLOW } else { MUTATIONS } {
        let mut bytes = seeds[count % seeds.len()].1.clone();
        let other = dice.below(seeds.len());
        dice.mutate(&mut bytes, &seeds[other].1);
        run(target, *body, &bytes);
    }
}

macro_rules! targets {
    ($($target:ident),* $(,)?) => {
        const TESTED: &[&str] = &[$(stringify!($target)),*];
        $(
            #[test]
            fn $target() {
                hold(stringify!($target));
            }
        )*
    };
}

targets! {
    alert_matcher,
    alertmanager_answer,
    backup_info,
    cel_expression,
    certificate,
    configuration,
    der,
    dns_answer,
    elasticsearch_answer,
    event_stream,
    handshake,
    image_name,
    log_lines,
    oauth_answer,
    ocsp_staple,
    pbm_metadata,
    postgres_dsn,
    prometheus_answer,
    quantity,
    redis_cluster,
    redis_info,
    redis_reply,
    registry_challenge,
    registry_manifest,
    s3_answer,
    wal_archive,
    wal_history,
}

/// The names in a folder, without their ends.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz().join(folder)).expect("a folder");
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    entries.map(|entry| stem(entry.expect("an entry").path())).collect()
}

#[test]
fn every_target_has_all_that_belongs_to_it() {
    let known: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, TESTED, "the table and the tests");
    assert!(known.is_sorted(), "by name");
    let known: BTreeSet<_> = known.into_iter().map(str::to_owned).collect();
    assert_eq!(names("fuzz_targets"), known, "a program each");
    assert_eq!(names("seeds"), known, "seeds each");
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("a manifest");
    let page = fuzz().with_file_name("docs").join("fuzzing.md");
    let page = fs::read_to_string(page).expect("a page");
    let table = fs::read_to_string(fuzz().join("src/lib.rs")).expect("the table");
    for target in &known {
        assert!(page.contains(&format!("\n| `{target}` | ")), "docs/fuzzing.md tells of {target}");
        let mut bin = format!("[[bin]]\nname = \"{target}\"\n");
        writeln!(bin, "path = \"fuzz_targets/{target}.rs\"").expect("a string");
        assert!(manifest.contains(&bin), "fuzz/Cargo.toml names {target}");
        let program = fuzz().join(format!("fuzz_targets/{target}.rs"));
        let program = fs::read_to_string(program).expect("a program");
        let (_, rest) = table.split_once(&format!("(\"{target}\", ")).expect("in the table");
        let (body, _) = rest.split_once(')').expect("a body");
        assert!(program.contains(&format!("vigie_fuzz::{body}(data);")), "{target} runs {body}");
        for kind in ["good-", "bad-"] {
            let seeds = seeds(target);
            assert!(seeds.iter().any(|(name, _)| name.starts_with(kind)), "{target}: {kind}");
        }
    }
}
