//! Tables of cases, written from the providers' documents: each with its source.

mod alibaba;
mod aws;
mod azure;
mod damaged;
mod gcp;
mod huawei;
mod openstack;
mod terraform;

use std::net::IpAddr;

use super::answer;
use super::found::Found;
use super::split::split;
use super::stage::Attached;
use super::trace::follow;
use crate::rules::decision::Ruling;
use crate::rules::document::Document;
use crate::rules::packet::Packet;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// What documents hold; nothing but clouds' rules may be in them.
fn found(texts: &[&str]) -> Found {
    let mut found = Found::default();
    for text in texts {
        let rest = split(text, &mut found).expect("documents");
        assert_eq!(rest.trim(), "", "left of {text}");
    }
    found.settle();
    found
}

fn asked(texts: &[&str], attached: &[&str], packet: &Packet) -> Document {
    let attached = Attached(attached.iter().map(|name| (*name).to_owned()).collect());
    answer::document(&follow(&found(texts), &attached, packet), None)
}

/// TCP from an address to a port.
fn answer(text: &str, from: &str, port: u16) -> Document {
    asked(&[text], &[], &Packet::opening(address(from), Some(port)))
}

/// A question of a table: where from, to which port, what is right, and the rule that decides.
type Case = (&'static str, u16, Ruling, &'static str);

/// Asks every question of a table of one text.
fn check(text: &str, cases: &[Case]) {
    for (from, port, ruling, rule) in cases {
        let document = answer(text, from, *port);
        let told = document.rule.as_ref().and_then(|rule| rule.rule_id.clone());
        assert_eq!(document.decision, *ruling, "{from} {port}: {document:#?}");
        assert_eq!(
            told.unwrap_or_default(),
            *rule,
            "{from} {port}: {document:#?}"
        );
    }
}
