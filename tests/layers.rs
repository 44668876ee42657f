//! Holds the floors of the design: who may use whom, and who must not touch the machine.
//!
//! Reads the paths in the sources themselves (`use` trees and paths in expressions, comments and
//! strings left out), so nothing escapes it that the compiler would see.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::path::{Path, PathBuf};

/// A floor, and the floors it may use besides itself.
const MAY_USE: [(&str, &[&str]); 12] = [
    ("wire", &[]),
    ("model", &["wire"]),
    ("infer", &["wire", "model"]),
    ("engine", &["wire", "model", "infer"]),
    ("net", &["wire", "model", "engine"]),
    ("files", &["wire", "model"]),
    ("checkup", &["wire", "model"]),
    ("sweep", &["model", "files"]),
    ("capture", &["wire", "model", "infer", "engine"]),
    ("rules", &[]),
    ("report", &["wire", "model", "rules"]),
    (
        "cli",
        &[
            "wire", "model", "infer", "engine", "files", "checkup", "net", "sweep", "capture",
            "report", "rules",
        ],
    ),
];

/// Floors that know no clock, socket, file, environment or chance.
const PURE: [&str; 4] = ["wire", "model", "infer", "engine"];

/// Paths, by their beginning, that reach the machine.
const MACHINE: [&str; 9] = [
    "std::fs",
    "std::env",
    "std::io",
    "std::process",
    "std::thread",
    "std::os",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
];

/// Names that reach the machine wherever they stand in a path.
const MACHINE_NAMES: [&str; 14] = [
    "Instant",
    "SystemTime",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "getrandom",
    "fastrand",
    "tokio",
    "socket2",
    "libc",
    "pnet",
    "jiff",
    "RandomState",
];

/// Longest source file, in lines.
const LONGEST: usize = 500;

/// A piece of source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Name(String),
    /// `::`
    Step,
    Other(char),
}

/// The tokens of `source`, without comments, strings and character literals.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let at = |index: usize| text.get(index).copied().unwrap_or('\0');
    let starts = |index: usize, mark: &str| mark.chars().zip(index..).all(|(c, i)| at(i) == c);
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut index = 0;
    while index < text.len() {
        let character = at(index);
        if starts(index, "//") {
            while index < text.len() && at(index) != '\n' {
                index += 1;
            }
        } else if starts(index, "/*") {
            let mut depth = 0_usize;
            loop {
                if starts(index, "/*") {
                    (depth, index) = (depth + 1, index + 2);
                } else if starts(index, "*/") {
                    (depth, index) = (depth - 1, index + 2);
                } else {
                    index += 1;
                }
                if depth == 0 || index >= text.len() {
                    break;
                }
            }
        } else if character == '"' {
            index += 1;
            while index < text.len() && at(index) != '"' {
                index += if at(index) == '\\' { 2 } else { 1 };
            }
            index += 1;
        } else if character == 'r' && (at(index + 1) == '"' || starts(index + 1, "#\"")) {
            let hashes = usize::from(at(index + 1) == '#');
            let end = if hashes == 1 { "\"#" } else { "\"" };
            index += 2 + hashes;
            while index < text.len() && !starts(index, end) {
                index += 1;
            }
            index += end.len();
        } else if character == '\'' && (at(index + 1) == '\\' || at(index + 2) == '\'') {
            index += if at(index + 1) == '\\' { 3 } else { 2 };
            while index < text.len() && at(index) != '\'' {
                index += 1;
            }
            index += 1;
        } else if name(character) {
            let start = index;
            while name(at(index)) {
                index += 1;
            }
            found.push(Token::Name(text[start..index].iter().collect()));
        } else if starts(index, "::") {
            found.push(Token::Step);
            index += 2;
        } else {
            if !character.is_whitespace() {
                found.push(Token::Other(character));
            }
            index += 1;
        }
    }
    found
}

/// Every path in `tokens`, groups (`a::{b, c::d}`) written out.
pub(crate) fn paths(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if let Token::Name(_) = &tokens[index] {
            index = path(tokens, index, &[], &mut found);
        } else {
            index += 1;
        }
    }
    found
}

/// Reads the path that begins at `index` and returns where it ends.
fn path(
    tokens: &[Token],
    mut index: usize,
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = prefix.to_vec();
    while let Some(Token::Name(name)) = tokens.get(index) {
        path.push(name.clone());
        index += 1;
        if tokens.get(index) != Some(&Token::Step) {
            break;
        }
        index += 1;
        if tokens.get(index) == Some(&Token::Other('{')) {
            index += 1;
            while index < tokens.len() && tokens[index] != Token::Other('}') {
                index = match &tokens[index] {
                    Token::Name(_) => self::path(tokens, index, &path, found),
                    Token::Step | Token::Other(_) => index + 1,
                };
            }
            return index + 1;
        }
    }
    found.push(path);
    index
}

/// The modules of the file at `file`, a path below `src`: `report/text.rs` is `report`, `text`.
pub(crate) fn modules(file: &str) -> Vec<&str> {
    let mut modules: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if modules.last() == Some(&"mod") {
        modules.pop();
    }
    modules
}

/// What is wrong with the source file at `file`, a path below `src`.
fn faults(file: &str, source: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !source.starts_with("//!") {
        faults.push("does not begin with //!".to_owned());
    }
    let lines = source.lines().count();
    if lines > LONGEST {
        faults.push(format!("has {lines} lines"));
    }
    let modules = modules(file);
    let floor = modules[0];
    if matches!(floor, "lib" | "main") {
        return faults;
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == floor) else {
        faults.push(format!("{floor} is no floor of the design"));
        return faults;
    };
    for path in paths(&tokens(source)) {
        if let Some(used) = floor_used(&path, modules.len())
            && used != floor
            && !allowed.contains(&used)
        {
            faults.push(format!("uses {}", path.join("::")));
        }
    }
    if PURE.contains(&floor) {
        // Tests may make up what the core must be given.
        let core = source.split("#[cfg(test)]\nmod ").next().unwrap_or(source);
        for path in paths(&tokens(core)) {
            let text = path.join("::");
            let reaches = |known: &&&str| {
                let rest = text.strip_prefix(**known);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            };
            let names = path
                .iter()
                .any(|name| MACHINE_NAMES.contains(&name.as_str()));
            if names || MACHINE.iter().find(reaches).is_some() {
                faults.push(format!("reaches the machine by {text}"));
            }
        }
    }
    faults
}

/// The floor that `path` names, in a file `depth` modules deep; `None` when it stays within its
/// own or leaves the crate.
fn floor_used(path: &[String], depth: usize) -> Option<&str> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let named = match path.first()?.as_str() {
        "crate" | "synquest" => path.get(1)?,
        "super" if supers >= depth => path.get(supers)?,
        _ => return None,
    };
    let mut floors = MAY_USE.iter().map(|(floor, _)| *floor);
    floors.find(|floor| floor == named)
}

pub(crate) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_keeps_to_its_floor() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    assert!(files.len() > 20, "the sources were found");
    let mut all = Vec::new();
    for path in files {
        let file = path
            .strip_prefix(&root)
            .expect("below src")
            .to_string_lossy();
        let source = std::fs::read_to_string(&path).expect("a readable source");
        let found = faults(&file, &source);
        all.extend(found.iter().map(|fault| format!("{file}: {fault}")));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn what_breaks_a_rule_is_found() {
    let check = |file: &str, body: &str, fault: &str| {
        let source = format!("//! A file.\n{body}\n");
        assert_eq!(faults(file, &source), [fault], "{body}");
    };
    check(
        "wire/tcp.rs",
        "use crate::model::time::Moment;",
        "uses crate::model::time::Moment",
    );
    check(
        "infer/mod.rs",
        "use crate::{wire::tcp, engine::{policy}};",
        "uses crate::engine::policy",
    );
    check(
        "net/raw.rs",
        "fn f() { crate::report::json::document(); }",
        "uses crate::report::json::document",
    );
    check(
        "report/advice/host.rs",
        "use super::super::super::net::raw;",
        "uses super::super::super::net::raw",
    );
    check("model/mod.rs", "pub use super::cli;", "uses super::cli");
    check(
        "rules/nft.rs",
        "use crate::wire::tcp;",
        "uses crate::wire::tcp",
    );
    check(
        "model/time.rs",
        "use std::time::{Duration, Instant};",
        "reaches the machine by std::time::Instant",
    );
    check(
        "engine/token.rs",
        "let x = fastrand::u32(..);",
        "reaches the machine by fastrand::u32",
    );
    check(
        "infer/judge.rs",
        "use std::{fmt, fs::File};",
        "reaches the machine by std::fs::File",
    );
    check(
        "wire/tcp.rs",
        "let s = std::net::UdpSocket::bind(a);",
        "reaches the machine by std::net::UdpSocket::bind",
    );
    check(
        "engine/mod.rs",
        "let home = std::env::var(name);",
        "reaches the machine by std::env::var",
    );
    check("common/mod.rs", "", "common is no floor of the design");
    check("wire/tcp.rs", &"\n".repeat(LONGEST - 1), "has 501 lines");
    assert_eq!(faults("wire/tcp.rs", "// a\n"), ["does not begin with //!"]);
}

#[test]
fn what_keeps_the_rules_is_left_alone() {
    let check = |file: &str, body: &str| {
        let source = format!("//! A file that names crate::net::raw.\n{body}\n");
        assert_eq!(faults(file, &source), [""; 0], "{body}");
    };
    check(
        "infer/judge.rs",
        "use crate::{model::verdict::Cause, wire::tcp};",
    );
    check(
        "infer/judge.rs",
        "use super::loss; use crate::infer::silence;",
    );
    check(
        "wire/tcp.rs",
        "// crate::net\n/* /* std::fs */ crate::cli */ let s = \"crate::net\\\"\";",
    );
    check(
        "wire/tcp.rs",
        "let c = '\"'; let d = '\\''; fn f<'a>(x: &'a str) {} let r = r#\"std::fs\"#;",
    );
    check(
        "model/time.rs",
        "use std::net::IpAddr; use std::time::Duration;",
    );
    check(
        "net/clock.rs",
        "use std::time::Instant; use crate::engine::Output;",
    );
    check(
        "engine/token.rs",
        "fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }",
    );
    check("cli/probe.rs", "use crate::net::driver; use std::fs;");
}
