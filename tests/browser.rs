//! The HTML page as its receiver sees it, in headless Chromium: at the width of a desk and of a
//! telephone the page itself never scrolls sideways, and no word of a drawing leaves it or covers
//! another.
//!
//! The page holds no script and forbids any, so it is measured from outside: a page of the test holds
//! it in frames of these widths and writes what it finds into itself, for Chromium to print.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use synquest::report::html;
use synquest::report::record::{HopName, HopRecord, Record};
use synquest::report::sweep::html::page as sweep_page;

use crate::report::outcomes::{drop_path, record};
use crate::report::page::records;
use crate::report::sweep::sweep;

/// Measures each frame; prints one line a fault.
const MEASURE: &str = r#"
<pre id="found">not measured</pre>
<script>
addEventListener("load", () => {
  const faults = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, wide = frame.clientWidth, root = page.documentElement;
    const say = (what) => faults.push(frame.title + " at " + wide + ": " + what);
    if (!page.querySelector("article svg.path")) say("no drawing");
    if (root.scrollWidth > wide) say("the page is " + root.scrollWidth + " wide");
    for (const svg of page.querySelectorAll("svg.path, svg.timeline, svg.tree")) {
      const frame = svg.getBoundingClientRect();
      const words = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
      for (const [text, box] of words) {
        if (box.width > 0 && (box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1))
          say("outside its drawing: " + text);
        for (const [other, by] of words)
          if (text < other && box.left < by.right - 1 && by.left < box.right - 1 && box.top < by.bottom - 1 && by.top < box.bottom - 1)
            say(text + " covers " + other);
        if (box.height > 0 && box.height < 9) say("too small to read: " + text);
      }
    }
  }
  document.getElementById("found").textContent = "measured\n" + faults.join("\n");
});
</script>
"#;

/// Sorts and hides as a reader would, without a script of the page's own; prints what is on top.
const SORT: &str = r#"
<pre id="found">not measured</pre>
<script>
addEventListener("load", () => {
  const lines = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument;
    const shown = () => [...page.querySelectorAll("table.endpoints tbody tr")]
      .map((row) => [row.getBoundingClientRect(), row.cells[0].textContent])
      .filter(([box]) => box.height > 0)
      .sort(([a], [b]) => a.top - b.top);
    const say = (what) => lines.push(what + ": " + shown().slice(0, 2).map(([, name]) => name).join(", "));
    const press = (id) => page.querySelector("label[for=" + id + "]").click();
    lines.push("at " + frame.clientWidth);
    say("worst");
    press("by-endpoint");
    say("endpoint");
    press("backwards");
    say("backwards");
    const all = shown().length;
    press("show-not-open");
    lines.push("rows: " + all + ", " + shown().length);
  }
  document.getElementById("found").textContent = lines.join("\n");
});
</script>
"#;

/// A page in frames of both widths.
fn frames(name: &str, page: &str) -> String {
    let quoted = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame = |width| {
        format!(
            "<iframe title=\"{name}\" srcdoc=\"{quoted}\" \
             style=\"width:{width}px;height:900px;border:0\"></iframe>"
        )
    };
    [1280, 390].map(frame).concat()
}

/// Where Chromium is installed.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| ["chromium", "chromium-browser"].map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// What Chromium makes of the file at `page`.
fn dump(chromium: &Path, page: &Path, profile: &Path) -> String {
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--dump-dom",
            "--timeout=20000",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("Chromium runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A path of `hops` hops over IPv6, each address as long as they get, dropped in the middle.
fn long(hops: u8) -> Record {
    let mut record = record(&drop_path());
    let address = |ttl: u8| {
        format!("2001:db8:1111:2222:3333:4444:5555:66{ttl:02x}")
            .parse()
            .expect("an address")
    };
    record.path = (1..=hops)
        .map(|ttl| HopRecord {
            ttl,
            address: (ttl % 7 != 3).then(|| address(ttl)),
            rtt_us: Some(99_999),
            endpoint_flow: Some(
                if ttl > hops / 2 {
                    "silent"
                } else {
                    "time-exceeded"
                }
                .into(),
            ),
            control_flow: Some("time-exceeded".into()),
            notes: vec!["a note".repeat(20)],
        })
        .collect();
    record.endpoint.address = address(hops);
    record.local.source = address(0);
    record.local.interface = "w".repeat(15);
    let place = &mut record.verdict.place;
    let hop = |ttl| HopName {
        ttl,
        address: Some(address(ttl)),
        inferred: false,
    };
    (place.after_hop, place.before_hop) = (Some(hop(hops / 2)), Some(hop(hops / 2 + 1)));
    record
}

/// Names as long as anything allows, with no place to break.
fn unbroken() -> Record {
    let mut record = record(&drop_path());
    let long = || "x".repeat(300);
    record.endpoint.given = long();
    record.endpoint.label = Some(long());
    record.verdict.summary = long();
    record.verdict.cause = long().into();
    record.notes = vec![long()];
    for rival in &mut record.alternatives {
        (rival.cause, rival.because) = (long().into(), long());
    }
    for advice in &mut record.advice {
        advice.command = Some(long());
        advice.owner = long().into();
    }
    record
}

#[test]
fn the_page_fits_a_desk_and_a_telephone() {
    let Some(chromium) = chromium() else {
        assert!(std::env::var_os("CI").is_none(), "chromium is missing");
        eprintln!("SKIPPED: chromium is missing");
        return;
    };
    let mut pages: Vec<(String, Vec<Record>)> = records()
        .into_iter()
        .map(|record| (record.verdict.cause.to_string(), vec![record]))
        .collect();
    pages.push(("all".to_owned(), records()));
    for hops in [1, 30] {
        pages.push((format!("{hops} hops"), vec![long(hops)]));
    }
    pages.push(("unbroken names".to_owned(), vec![unbroken()]));
    let mut body = String::new();
    for (name, records) in &pages {
        body.push_str(&frames(name, &html::page(records)));
    }
    let found = found(&chromium, "frames", &(body + MEASURE));
    assert_eq!(found, "measured", "from {} pages", pages.len());
}

/// What the page of the test that holds `body` writes into its element `found`.
fn found(chromium: &Path, name: &str, body: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&folder).expect("a folder for the page");
    let file = folder.join(format!("{name}.html"));
    let page = format!("<!DOCTYPE html><meta charset=\"utf-8\">{body}");
    std::fs::write(&file, page).expect("the page is written");
    let dumped = dump(chromium, &file, &folder.join(format!("{name}-profile")));
    let found = dumped
        .split("<pre id=\"found\">")
        .nth(1)
        .unwrap_or_default();
    let found = found.split("</pre>").next().unwrap_or_default();
    found.trim_end().to_owned()
}

#[test]
fn the_page_of_a_sweep_fits_too_and_its_table_sorts_and_hides_rows_by_style_alone() {
    let Some(chromium) = chromium() else {
        assert!(std::env::var_os("CI").is_none(), "chromium is missing");
        eprintln!("SKIPPED: chromium is missing");
        return;
    };
    let (summary, listing) = sweep();
    let page = frames("sweep", &sweep_page(&summary, &listing));
    assert_eq!(
        found(&chromium, "sweep", &(page.clone() + MEASURE)),
        "measured"
    );
    assert_eq!(
        found(&chromium, "sorted", &(page + SORT)),
        "at 1280\nworst: 10.3.0.43:3306, 10.2.0.38:3306\nendpoint: gone.example:3306 (the old one), \
         db1.example:3306 = 10.2.0.1:3306\nbackwards: 10.3.0.44:3306, 10.3.0.43:3306\nrows: 45, 5\n\
         at 390\nworst: 10.3.0.43:3306, 10.2.0.38:3306\nendpoint: gone.example:3306 (the old one), \
         db1.example:3306 = 10.2.0.1:3306\nbackwards: 10.3.0.44:3306, 10.3.0.43:3306\nrows: 45, 5"
    );
}
