//! The lines of a list that cannot be used: the first of them, and how many there are.

use super::fault::BadLine;

/// Bad lines that are told one by one.
const TOLD: usize = 20;

/// A list with lines that cannot be used. Nothing was sent.
#[derive(Debug, Default, thiserror::Error)]
#[error(
    "{count} of the lines cannot be used; correct them, or leave them out with --skip-bad\n{}{}",
    told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    rest(*count, told.len())
)]
pub struct BadLines {
    told: Vec<BadLine>,
    count: usize,
}

fn rest(count: usize, told: usize) -> String {
    match count - told {
        0 => String::new(),
        more => format!("\nand {more} more"),
    }
}

impl BadLines {
    /// Adds one.
    pub fn add(&mut self, line: BadLine) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(line);
        }
    }

    /// Nothing, where there are none.
    ///
    /// # Errors
    ///
    /// They, where there are some.
    pub fn none(self) -> Result<(), Self> {
        if self.count == 0 { Ok(()) } else { Err(self) }
    }

    /// What to say of them where they are passed over.
    pub fn skipped(&self) -> Vec<String> {
        let mut said: Vec<String> = self
            .told
            .iter()
            .map(|line| format!("skipped {line}"))
            .collect();
        if self.count > self.told.len() {
            said.push(format!("skipped {} more", self.count - self.told.len()));
        }
        said
    }
}
