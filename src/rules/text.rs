//! The text form: for a tired person, decision first, commands ready to paste.

use anstyle::{AnsiColor, Style};

use super::document::{Document, OutcomeRecord, RuleRecord};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
const STRONG: Style = Style::new().bold();

/// Most outcomes that are written out; the JSON form holds all of them.
const MOST_OUTCOMES: usize = 8;

/// The answer in `width` columns, with ANSI codes. Commands are never broken.
pub fn report(document: &Document, width: usize) -> String {
    let mut page = Page {
        text: String::new(),
        width,
    };
    page.verdict(document);
    page.list("Way", &document.way);
    page.outcomes(document);
    page.behind(document);
    page.remedy(document);
    for later in &document.handshake {
        page.heading(&format!(
            "The {} of the handshake",
            later.packet.to_uppercase()
        ));
        let by = later.rule.as_ref().map(described).unwrap_or_default();
        page.paragraph(2, 2, &format!("{} by {by}", later.decision));
    }
    if !document.warnings.is_empty() {
        page.heading("Mind");
        for warning in &document.warnings {
            page.paragraph(2, 4, &format!("- {warning}"));
        }
    }
    page.text
}

/// The decision alone, in one line, with ANSI codes.
pub fn line(document: &Document) -> String {
    let style = style(document);
    let by = document
        .rule
        .as_ref()
        .map(|rule| format!(" by {}", described(rule)))
        .unwrap_or_default();
    format!("{style}{}{style:#}{}\n", document.decision, visible(&by))
}

const fn style_of(decision: &str) -> Style {
    match decision.as_bytes() {
        b"allowed" => GOOD,
        b"blocked" => BAD,
        _ => DOUBTFUL,
    }
}

fn style(document: &Document) -> Style {
    style_of(document.decision)
}

/// A rule in words: `rule 2 of filter/INPUT: DROP`.
fn described(rule: &RuleRecord) -> String {
    let place = match rule.family {
        "ip" | "ip6" => format!("{}/{}", rule.table, rule.chain),
        family => format!("{family} {}/{}", rule.table, rule.chain),
    };
    let mut words = match rule.number {
        Some(number) => format!("rule {number} of {place}"),
        None => format!("the policy of {place}"),
    };
    if let Some(handle) = rule.handle {
        words.push_str(&format!(" (handle {handle})"));
    }
    words.push_str(&format!(": {}", rule.target));
    if let Some(with) = &rule.reject_with {
        words.push_str(&format!(" with {with}"));
    }
    words
}

/// `text` without what would steer a terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

struct Page {
    text: String,
    width: usize,
}

impl Page {
    fn heading(&mut self, title: &str) {
        self.text
            .push_str(&format!("\n{STRONG}{title}{STRONG:#}\n"));
    }

    /// A paragraph, its first line indented by `first` and the others by `rest`.
    fn paragraph(&mut self, first: usize, rest: usize, text: &str) {
        let mut line = " ".repeat(first);
        let mut empty = true;
        for word in visible(text).split_whitespace() {
            let wide = line.chars().count() + 1 + word.chars().count();
            if !empty && wide > self.width {
                self.text.push_str(&line);
                self.text.push('\n');
                line = " ".repeat(rest);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.text.push_str(&line);
        self.text.push('\n');
    }

    fn list(&mut self, title: &str, items: &[String]) {
        if !items.is_empty() {
            self.heading(title);
            for item in items {
                self.paragraph(2, 6, item);
            }
        }
    }

    fn verdict(&mut self, document: &Document) {
        self.text.push_str(&line(document));
        let packet = &document.packet;
        let to = packet.to.clone().unwrap_or_else(|| "this host".to_owned());
        let port = packet
            .port
            .map_or_else(|| "any port".to_owned(), |port| format!("port {port}"));
        let kind = if packet.connection_state == "NEW" {
            "the first packet of a new connection (conntrack state NEW)"
        } else {
            "a later packet of the handshake (conntrack state ESTABLISHED)"
        };
        self.paragraph(
            0,
            0,
            &format!(
                "{} {port} from {} to {to}, {kind}",
                packet.protocol.to_uppercase(),
                packet.from
            ),
        );
        if let Some(rule) = document.rule.as_ref().filter(|rule| rule.number.is_some()) {
            self.text.push('\n');
            self.paragraph(2, 4, &rule.text);
        }
    }

    fn outcomes(&mut self, document: &Document) {
        if document.outcomes.is_empty() {
            return;
        }
        self.heading(if document.decision == "depends" {
            "It depends"
        } else {
            "Whichever way"
        });
        for outcome in document.outcomes.iter().take(MOST_OUTCOMES) {
            self.outcome(outcome);
        }
        let more = document.outcomes.len().saturating_sub(MOST_OUTCOMES);
        if more > 0 {
            self.paragraph(2, 2, &format!("… and {more} more (--json shows all)"));
        }
    }

    fn outcome(&mut self, outcome: &OutcomeRecord) {
        let by = outcome
            .rule
            .as_ref()
            .map(|rule| format!(" by {}", described(rule)))
            .unwrap_or_default();
        let style = style_of(outcome.decision);
        self.text.push_str(&format!(
            "  {style}{}{style:#}{}, when\n",
            outcome.decision,
            visible(&by)
        ));
        for condition in &outcome.conditions {
            self.paragraph(4, 6, &format!("- {condition}"));
        }
        if outcome.conditions.is_empty() {
            self.paragraph(4, 6, "- nothing else is so");
        }
    }

    fn behind(&mut self, document: &Document) {
        if document.behind.is_empty() {
            return;
        }
        self.heading("Would still block after that");
        for rule in &document.behind {
            self.paragraph(2, 6, &described(rule));
            if rule.number.is_some() {
                self.paragraph(6, 8, &rule.text);
            }
        }
    }

    fn remedy(&mut self, document: &Document) {
        if document.remedy.is_empty() {
            return;
        }
        self.heading("To let it in, in this order");
        for step in &document.remedy {
            self.text
                .push_str(&format!("  {}\n", visible(&step.command)));
        }
        let undo: Vec<&String> = document
            .remedy
            .iter()
            .rev()
            .filter_map(|step| step.undo.as_ref())
            .collect();
        if !undo.is_empty() {
            self.heading("To take that back, in this order");
            for command in undo {
                self.text.push_str(&format!("  {}\n", visible(command)));
            }
        }
    }
}
