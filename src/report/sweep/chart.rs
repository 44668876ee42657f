//! The tree of paths drawn: [`super::branches`] as shapes of an SVG picture, top to bottom, so that
//! it reads the same on a telephone and on a desk. Lengths are the picture's own units.

use super::branches::{RowKind, TreeRow, rows};
use super::brief::Standing;
use super::text::sign;
use super::tree::Tree;
use crate::report::words::counted;

/// Width of the picture: an IPv6 address in full fits beside a few branchings.
pub(super) const WIDTH: u32 = 360;
/// Most stops that are drawn.
const MOST_STOPS: usize = 60;
/// Where the first branch runs.
const LEFT: u32 = 10;
/// Room for all branchings.
const BRANCHES: u32 = 60;
/// The widest step of a branching.
const STEP: u32 = 14;
/// Height of a row with an address, and of another.
const HEIGHTS: (u32, u32) = (38, 28);
/// Longest name of a cause, in characters: a later version may have other causes.
const LONGEST: usize = 20;
/// Thickness of the line that every endpoint takes.
const THICKEST: u64 = 7;

/// The picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) height: u32,
    /// The whole of it in words, for who cannot see it.
    pub(super) words: String,
    pub(super) shapes: Vec<TreeShape>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TreeShape {
    /// `stop`, `silent`, `more` or `mark`.
    pub(super) kind: &'static str,
    /// `good`, `doubtful` or `bad`, for a mark.
    pub(super) tone: &'static str,
    /// The branch it is on, and the middle of its row.
    pub(super) x: u32,
    pub(super) y: u32,
    /// Where its line comes from; `None` for a host.
    pub(super) from: Option<(u32, u32)>,
    /// Thickness of that line; 0 where no endpoint gets here.
    pub(super) width: u64,
    pub(super) title: String,
    /// Second line, or what follows the title of a mark.
    pub(super) text: String,
    /// Endpoints, at the right end.
    pub(super) aside: String,
}

/// Draws `tree`; `None` when no path was measured.
pub(super) fn draw(tree: &Tree) -> Option<Chart> {
    let rows = rows(tree, MOST_STOPS);
    if !rows.iter().any(|row| row.kind == RowKind::Hop) {
        return None;
    }
    let deepest = rows.iter().map(|row| row.indent).max().unwrap_or(0);
    let deepest = u32::try_from(deepest).unwrap_or(u32::MAX).max(1);
    let total = rows.iter().filter(|row| row.kind == RowKind::Host);
    let total: u64 = total.map(|row| row.endpoints).max().unwrap_or(0).max(1);
    let mut shapes: Vec<TreeShape> = Vec::new();
    let mut top = 4;
    for row in &rows {
        let indent = u32::try_from(row.indent).unwrap_or(u32::MAX).min(deepest);
        let x = LEFT + (indent * STEP).min(indent.saturating_mul(BRANCHES) / deepest);
        let height = match row.kind {
            RowKind::Host | RowKind::Hop | RowKind::Silent => HEIGHTS.0,
            RowKind::Mark(_) | RowKind::More => HEIGHTS.1,
        };
        let above = row.parent.and_then(|parent| shapes.get(parent));
        shapes.push(TreeShape {
            from: above.map(|above| (above.x, above.y)),
            ..shape(row, x, top + height / 2, total)
        });
        top += height;
    }
    Some(Chart {
        height: top + 4,
        words: spoken(&rows),
        shapes,
    })
}

fn shape(row: &TreeRow, x: u32, y: u32, total: u64) -> TreeShape {
    let (kind, tone, title) = match row.kind {
        RowKind::Host => ("stop", "", "tested from".to_owned()),
        RowKind::Hop => ("stop", "", row.title.clone()),
        RowKind::Silent => ("silent", "", row.title.clone()),
        RowKind::More => ("more", "", row.title.clone()),
        RowKind::Mark(standing) => {
            let cause: String = row.title.chars().take(LONGEST).collect();
            let title = format!("{} {} {cause}", sign(standing), row.endpoints);
            ("mark", tone(standing), title)
        }
    };
    let aside = match row.kind {
        RowKind::Mark(_) => String::new(),
        RowKind::Host | RowKind::Hop | RowKind::Silent | RowKind::More => row.endpoints.to_string(),
    };
    TreeShape {
        kind,
        tone,
        x,
        y,
        from: None,
        width: match row.endpoints {
            0 => 0,
            some => 1 + some * (THICKEST - 1) / total,
        },
        title,
        text: row.text.clone(),
        aside,
    }
}

/// How a result looks.
pub(super) const fn tone(standing: Standing) -> &'static str {
    match standing {
        Standing::Unexpected | Standing::NotOpen => "bad",
        Standing::Fine => "good",
        Standing::Undecided => "doubtful",
    }
}

fn spoken(rows: &[TreeRow]) -> String {
    let mut words = String::from("Tree of the paths.");
    for row in rows {
        let endpoints = counted(row.endpoints, "endpoint", "endpoints");
        let text = if row.text.is_empty() {
            String::new()
        } else {
            format!(" {}", row.text)
        };
        words.push_str(&format!(" {}{text}: {endpoints}.", row.title));
    }
    words
}
