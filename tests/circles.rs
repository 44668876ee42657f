//! Holds that files do not use each other in a circle: at most three, wherever they stand.
//!
//! What a file uses is read from its paths, `use` trees and expressions alike; its tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::layers::{modules, paths, sources, tokens};

/// Files in the largest circle that is allowed.
const MOST: usize = 3;

/// Rooms whose circles are larger yet, and how large: a number here is only ever lowered.
const LARGER: [(&str, usize); 3] = [("infer", 15), ("capture", 6), ("rules", 4)];

/// The files that each file uses, by the names of their modules.
type Uses = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// What `files`, paths below `src` with their text, use of one another.
fn uses(files: &[(String, String)]) -> Uses {
    let module =
        |file: &str| -> Vec<String> { modules(file).into_iter().map(str::to_owned).collect() };
    let known: BTreeSet<Vec<String>> = files.iter().map(|(file, _)| module(file)).collect();
    let mut uses = Uses::new();
    for (file, source) in files {
        let own = module(file);
        if own.iter().any(|name| name == "tests") {
            continue;
        }
        let core = source.split("#[cfg(test)]\nmod ").next().unwrap_or(source);
        // A path that limits visibility is none by which anything is used.
        let core = core.replace("(in crate::", "(in ").replace("(super)", "");
        let named = paths(&tokens(&core));
        let used = named.iter().filter_map(|path| used(&own, path, &known));
        let used = used.filter(|used| *used != own).collect();
        uses.insert(own, used);
    }
    uses
}

/// The file that `path` leads to, in the file of the module `own`; `None` where it leaves the crate.
fn used(own: &[String], path: &[String], known: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let (mut base, rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), path.get(1..)?),
        "self" => (own.to_vec(), path.get(1..)?),
        "super" => (
            own[..own.len().checked_sub(supers)?].to_vec(),
            &path[supers..],
        ),
        // A module of this file's own, as in `child::name`.
        _ if path.len() > 1 && known.contains(&[own, &path[..1]].concat()) => (own.to_vec(), path),
        _ => return None,
    };
    for name in rest {
        base.push(name.clone());
        if !known.contains(&base) {
            base.pop();
            break;
        }
    }
    known.contains(&base).then_some(base)
}

/// The circles, each sorted; files that are in none are left out.
fn circles(uses: &Uses) -> BTreeSet<Vec<String>> {
    let reach = |from: &Vec<String>| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(next) = open.pop() {
            for used in uses.get(next).into_iter().flatten() {
                if reached.insert(used) {
                    open.push(used);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&Vec<String>, _> = uses.keys().map(|file| (file, reach(file))).collect();
    let back = |to: &Vec<String>, from: &Vec<String>| {
        reached
            .get(to)
            .is_some_and(|reached| reached.contains(from))
    };
    let circle = |file: &Vec<String>| -> Vec<String> {
        let others = reached.get(file).into_iter().flatten();
        let mut circle = others.filter(|other| back(other, file));
        circle.by_ref().map(|file| file.join("::")).collect()
    };
    uses.keys()
        .map(circle)
        .filter(|circle| circle.len() > 1)
        .collect()
}

#[test]
fn no_more_than_three_files_use_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    let files: Vec<(String, String)> = found
        .iter()
        .map(|path| {
            let file = path.strip_prefix(&root).expect("below src");
            let source = std::fs::read_to_string(path).expect("a readable source");
            (file.to_string_lossy().into_owned(), source)
        })
        .filter(|(file, _)| !matches!(file.as_str(), "lib.rs" | "main.rs"))
        .collect();
    let circles = circles(&uses(&files));
    let mut wrong = Vec::new();
    for circle in &circles {
        let room = circle[0].split("::").next().expect("a room");
        let known = LARGER.iter().find(|(name, _)| *name == room);
        let most = known.map_or(MOST, |(_, most)| *most);
        if circle.len() > most {
            wrong.push(format!("{} files: {}", circle.len(), circle.join(", ")));
        }
    }
    for (room, _) in LARGER {
        let inside = |circle: &&Vec<String>| circle[0].split("::").next() == Some(room);
        let largest = circles.iter().filter(inside).map(Vec::len).max();
        if largest.is_none_or(|largest| largest <= MOST) {
            wrong.push(format!(
                "{room} has no larger circle any more: take it from the list"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_circle_is_found_whichever_way_its_paths_are_written() {
    let check = |files: &[(&str, &str)], expected: &[&[&str]]| {
        let files: Vec<_> = files
            .iter()
            .map(|(file, source)| ((*file).to_owned(), (*source).to_owned()))
            .collect();
        let found: Vec<Vec<String>> = circles(&uses(&files)).into_iter().collect();
        assert_eq!(found, expected, "{files:?}");
    };
    check(
        &[
            ("a/mod.rs", "mod b; use self::b::B; fn f() { c::g() }"),
            ("a/b.rs", "use crate::a::c::{g, h};"),
            ("a/c.rs", "fn g() { super::super::a::f() }"),
            ("d.rs", "use crate::a; use std::fmt;"),
        ],
        &[&["a", "a::b", "a::c"]],
    );
    check(
        &[
            ("a.rs", "use crate::b::B;"),
            (
                "b.rs",
                "// crate::a\n#[cfg(test)]\nmod tests { use crate::a; }",
            ),
            ("c/mod.rs", "mod d; pub use self::d::D;"),
            ("c/d.rs", "pub(super) struct D { pub(in crate::c) e: u8 }"),
            ("a/tests.rs", "use crate::b; use super::*;"),
        ],
        &[],
    );
}
