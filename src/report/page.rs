//! A page of text: wraps, indents, styles, and lets nothing through unsanitised.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::visible::visible;

/// Bold.
pub const STRONG: Style = Style::new().bold();
/// Faint: what a tired person may skip.
pub const FAINT: Style = Style::new().dimmed();
/// Good news.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Bad news.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Neither.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// No style.
pub const PLAIN: Style = Style::new();

/// Text under construction. Everything added is sanitised first and styled after, so nothing that
/// a user or a network wrote can act on the terminal.
#[derive(Clone, Debug)]
pub struct Page {
    width: usize,
    text: String,
}

impl Page {
    /// An empty page `width` columns wide; at least 40.
    pub fn new(width: usize) -> Self {
        Self {
            width: width.max(40),
            text: String::new(),
        }
    }

    /// Adds a paragraph, wrapped, every line indented by `indent`.
    pub fn paragraph(&mut self, style: Style, indent: usize, text: &str) {
        self.item(style, indent, "", indent, text);
    }

    /// Adds a wrapped paragraph whose first line begins with `mark` at column `indent`, and whose
    /// text begins at column `hang` on every line (or after `mark`, on the first, when that is
    /// longer).
    pub fn item(&mut self, style: Style, indent: usize, mark: &str, hang: usize, text: &str) {
        let mark = visible(mark);
        let text = visible(text);
        let mut line = " ".repeat(indent);
        line.push_str(&mark);
        if mark.is_empty() || columns(&line) < hang {
            let gap = hang.saturating_sub(columns(&line));
            line.push_str(&" ".repeat(gap));
        } else {
            line.push(' ');
        }
        // Where the text of this line began: a line that is still empty takes any word.
        let mut begins = columns(&line);
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let used = columns(&line);
            let space = usize::from(used > begins);
            if used > begins && used + space + columns(word) > self.width {
                self.push(style, &line);
                line = " ".repeat(hang);
                begins = hang;
                line.push_str(word);
                continue;
            }
            if space == 1 {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.push(style, line.trim_end());
    }

    /// Adds one line as it is, never wrapped: a table row, or a command to be copied whole.
    pub fn line(&mut self, style: Style, text: &str) {
        self.push(style, visible(text).trim_end());
    }

    /// Adds an empty line, unless one stands there already or the page is empty.
    pub fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// The columns a line may have.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The text, ANSI codes included, ending with a line feed unless empty.
    pub fn finish(self) -> String {
        self.text
    }

    fn push(&mut self, style: Style, line: &str) {
        let body = line.trim_start_matches(' ');
        let indent = line.len() - body.len();
        self.text.push_str(&line[..indent]);
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{style}{body}{style:#}");
        self.text.push('\n');
    }
}

/// Columns `text` takes, by characters: an over-wide script costs alignment, nothing else.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::{PLAIN, Page, STRONG};

    #[test]
    fn text_wraps_at_the_width_and_hangs_under_its_mark() {
        let mut page = Page::new(40);
        page.item(
            PLAIN,
            2,
            "#7",
            8,
            "one two three four five six seven eight nine",
        );
        page.item(
            PLAIN,
            2,
            "a-long-mark",
            8,
            "ten eleven twelve thirteen fourteen",
        );
        assert_eq!(
            page.finish(),
            "  #7    one two three four five six\n        seven eight nine\n  a-long-mark ten eleven twelve thirteen\n        fourteen\n"
        );
    }

    #[test]
    fn a_word_longer_than_the_line_stays_whole() {
        let mut page = Page::new(40);
        let long = "x".repeat(50);
        page.paragraph(PLAIN, 2, &format!("a {long} b"));
        assert_eq!(page.finish(), format!("  a\n  {long}\n  b\n"));
    }

    #[test]
    fn nothing_added_can_act_on_the_terminal() {
        let mut page = Page::new(40);
        page.paragraph(STRONG, 0, "\x1b[2J\nx");
        assert_eq!(page.finish(), "\x1b[1m\\u{1b}[2J\\u{a}x\x1b[0m\n");
    }
}
