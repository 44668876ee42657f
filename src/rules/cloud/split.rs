//! Takes the JSON documents of clouds out of a text, which may hold rules of the host as well.

use serde_json::Value;

use super::found::Found;
use super::recognise;
use crate::rules::formats;
use crate::rules::unreadable::{Fault, Unreadable};

/// Keys, one of which every document of a cloud has, to tell a cut one from another JSON text.
const MARKS: [&str; 28] = [
    "\"SecurityGroups\"",
    "\"SecurityGroupRules\"",
    "\"IpPermissions\"",
    "\"NetworkAcls\"",
    "\"NetworkAclId\"",
    "\"GroupId\"",
    "\"securityRules\"",
    "\"defaultSecurityRules\"",
    "\"effectiveSecurityRules\"",
    "\"networkSecurityGroup\"",
    "\"sourceAddressPrefix\"",
    "\"firewallPolicys\"",
    "\"firewalls\"",
    "\"sourceRanges\"",
    "\"IPProtocol\"",
    "compute#firewall",
    "\"security_group_rules\"",
    "\"security_group_id\"",
    "\"security_groups\"",
    "\"security_group\"",
    "\"ingress_rules\"",
    "\"egress_rules\"",
    "\"address_group\"",
    "\"Permissions\"",
    "\"SecurityGroupId\"",
    "\"DBInstanceIPArray\"",
    "\"terraform_version\"",
    "\"format_version\"",
];

/// First words of the command lines that print such documents.
const TOOLS: [&str; 9] = [
    "aws",
    "az",
    "gcloud",
    "hcloud",
    "openstack",
    "aliyun",
    "terraform",
    "tofu",
    "cat",
];

/// Takes every document of a cloud out of `text` into `found`; what is left has every line in its
/// place.
///
/// # Errors
///
/// When a document is cut off, is no valid JSON, or is of no kind that is read.
pub fn split(text: &str, found: &mut Found) -> Result<String, Unreadable> {
    let last_mark = MARKS.iter().filter_map(|mark| text.rfind(mark)).max();
    let mut left = String::new();
    let mut any = false;
    let mut at = 0;
    let mut line = 1_usize;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let mut length = rest
            .find('\n')
            .map_or(rest.len(), |end| end.saturating_add(1));
        let mut taken = false;
        let line_end = length;
        let before = within(rest.get(..line_end).unwrap_or(rest));
        if let Some(body) = before.and_then(|before| rest.get(before..)) {
            // A prompt, or a word that says what it is, stands before it.
            let mut inner = Found::default();
            if let Json::Taken(end) = document(body, &mut inner) {
                let _again = document(body, found);
                let before = rest.len().saturating_sub(body.len());
                left.push_str(rest.get(..before).unwrap_or_default());
                left.push('\n');
                let piece = rest.get(..before.saturating_add(end)).unwrap_or(rest);
                let lines = piece.matches('\n').count();
                left.push_str(&"\n".repeat(lines.saturating_sub(1)));
                any = true;
                at = at.saturating_add(piece.len());
                line = line.saturating_add(lines);
                continue;
            }
        }
        if begins(rest) {
            match document(rest, found) {
                Json::Taken(end) => (length, taken) = (end, true),
                Json::Left(end) => length = end,
                Json::Foreign => return Err(Unreadable::at(line, 1, formats::of_json(rest))),
                Json::Broken(error) if last_mark >= Some(at) => {
                    return Err(broken(&error, rest, line));
                }
                // No document of a cloud follows.
                Json::Broken(_) => length = rest.len(),
            }
        }
        let piece = rest.get(..length).unwrap_or(rest);
        let lines = piece.matches('\n').count();
        if taken {
            left.push_str(&"\n".repeat(lines));
        } else {
            left.push_str(piece);
        }
        any |= taken;
        at = at.saturating_add(piece.len());
        line = line.saturating_add(lines);
    }
    if any {
        complaints(&left, found);
        return Ok(without_paste(&left));
    }
    Ok(left)
}

/// Notes what a command line complains of beside the documents. One that prints what it has got all
/// the same leaves out the rest
/// (<https://cloud.google.com/sdk/gcloud/reference/compute/firewall-rules/list>).
fn complaints(left: &str, found: &mut Found) {
    const MOST: usize = 3;
    let complains = |line: &&str| line.to_ascii_lowercase().contains("error");
    for said in left.lines().map(str::trim).filter(complains).take(MOST) {
        found.notes.push(format!("beside the rules stands: {said}"));
        if said.contains("requests did not succeed") {
            found.partial = Some(said.to_owned());
        }
    }
}

/// Where a document is broken, and how.
fn broken(error: &serde_json::Error, rest: &str, line: usize) -> Unreadable {
    let within = if error.is_eof() {
        rest.trim_end().lines().count()
    } else {
        error.line()
    };
    let at = line.saturating_add(within).saturating_sub(1);
    let what = if error.is_eof() {
        format!("cut off at line {at}: give all of it")
    } else {
        error.to_string()
    };
    Unreadable::at(at, error.column().max(1), Fault::Json(what))
}

/// Where a document may begin in the midst of a line.
fn within(line: &str) -> Option<usize> {
    let starts = ["{\"", "[{", "{ \""];
    let at = starts.iter().filter_map(|start| line.find(start)).min();
    let at = at.or_else(|| {
        let end = line.trim_end();
        end.ends_with(['{', '['])
            .then(|| end.len().saturating_sub(1))
    })?;
    (!line.get(..at)?.trim().is_empty()).then_some(at)
}

/// Whether a JSON object, or a list of them, begins here.
fn begins(text: &str) -> bool {
    let text = text.trim_start_matches([' ', '\t', '\u{feff}']);
    let after = |rest: &str| rest.trim_start().chars().next();
    match text.chars().next() {
        Some('{') => matches!(
            after(text.get(1..).unwrap_or_default()),
            Some('"' | '}') | None
        ),
        // A line of `iptables-save -c` begins with its counters.
        Some('[') => matches!(
            after(text.get(1..).unwrap_or_default()),
            Some('{' | ']') | None
        ),
        _ => false,
    }
}

/// What begins here, and where it ends.
enum Json {
    /// A document of a cloud.
    Taken(usize),
    /// Rules of a host.
    Left(usize),
    /// Something else.
    Foreign,
    Broken(serde_json::Error),
}

/// Reads the document that begins here.
fn document(text: &str, found: &mut Found) -> Json {
    let body = text.trim_start_matches('\u{feff}');
    let start = text.len().saturating_sub(body.len());
    let mut stream = serde_json::Deserializer::from_str(body).into_iter::<Value>();
    match stream.next() {
        Some(Ok(value)) => {
            let end = start.saturating_add(stream.byte_offset());
            if value.get("nftables").is_some() {
                Json::Left(end)
            } else if recognise::document(&value, found) {
                Json::Taken(end)
            } else {
                Json::Foreign
            }
        }
        Some(Err(error)) => Json::Broken(error),
        None => Json::Left(text.len()),
    }
}

/// Drops what a paste leaves round the documents: fences, and the command lines before them.
fn without_paste(rest: &str) -> String {
    let noise = |line: &str| {
        let line = line.trim();
        let command = line
            .rsplit_once(['$', '#', '>', '%'])
            .map_or(line, |(_, command)| command);
        let first = command.split_whitespace().next().unwrap_or_default();
        line.starts_with("```") || TOOLS.contains(&first)
    };
    rest.lines()
        .map(|line| {
            if noise(line) {
                "\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect()
}
