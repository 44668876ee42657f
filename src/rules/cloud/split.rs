//! Takes the JSON documents of clouds out of a text, which may hold rules of the host as well.

use serde_json::Value;

use super::found::Found;
use super::recognise;
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
    let mut left = String::new();
    let mut any = false;
    let mut at = 0;
    let mut line = 1;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = rest
            .find('\n')
            .map_or(rest.len(), |end| end.saturating_add(1));
        let whole = rest.get(..length).unwrap_or(rest);
        if begins(rest) {
            let taken = document(rest, line, found)?;
            if taken > 0 {
                let lines = rest.get(..taken).unwrap_or_default().matches('\n').count();
                left.push_str(&"\n".repeat(lines));
                any = true;
                (at, line) = (at.saturating_add(taken), line.saturating_add(lines));
                continue;
            }
        }
        left.push_str(whole);
        (at, line) = (at.saturating_add(length), line.saturating_add(1));
    }
    Ok(if any { without_paste(&left) } else { left })
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

/// Reads the document that begins here; how many octets it takes, 0 where it is not a cloud's.
fn document(text: &str, line: usize, found: &mut Found) -> Result<usize, Unreadable> {
    let start = text
        .len()
        .saturating_sub(text.trim_start_matches('\u{feff}').len());
    let body = text.get(start..).unwrap_or_default();
    let mut stream = serde_json::Deserializer::from_str(body).into_iter::<Value>();
    match stream.next() {
        Some(Ok(value)) => {
            let end = start.saturating_add(stream.byte_offset());
            if value.get("nftables").is_some() {
                return Ok(0);
            }
            if recognise::document(&value, found) {
                return Ok(end);
            }
            Err(Unreadable::at(line, 1, Fault::ForeignJson))
        }
        Some(Err(error)) if MARKS.iter().any(|mark| body.contains(mark)) => {
            let at = line.saturating_add(error.line()).saturating_sub(1);
            let what = if error.is_eof() {
                format!("cut off at line {at}")
            } else {
                error.to_string()
            };
            Err(Unreadable::at(at, error.column().max(1), Fault::Json(what)))
        }
        Some(Err(_)) | None => Ok(0),
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
