//! Sets of ports, as inclusive ranges.

/// Disjoint ranges in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ports(Vec<(u16, u16)>);

impl Ports {
    /// Every port.
    pub(super) fn every() -> Self {
        Self(vec![(0, u16::MAX)])
    }

    /// One port.
    pub(super) fn one(port: u16) -> Self {
        Self(vec![(port, port)])
    }

    /// One range; `None` where it ends before it begins.
    pub(super) fn range(first: u16, last: u16) -> Option<Self> {
        (first <= last).then(|| Self(vec![(first, last)]))
    }

    /// No port.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// All of several sets.
    pub(super) fn of(sets: &[Self]) -> Self {
        let mut all = Self::none();
        sets.iter().for_each(|set| all.add(set));
        all
    }

    /// Whether no port is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every port is in it.
    pub(super) fn is_every(&self) -> bool {
        matches!(self.0.as_slice(), [(0 | 1, u16::MAX)])
    }

    /// Adds the ports of another set.
    pub(super) fn add(&mut self, other: &Self) {
        let mut all: Vec<(u16, u16)> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        self.0.clear();
        for (first, last) in all {
            match self.0.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => self.0.push((first, last)),
            }
        }
    }

    /// The ports in both.
    pub(super) fn common(&self, other: &Self) -> Self {
        let mut common = Vec::new();
        for &(first, last) in &self.0 {
            for &(from, to) in &other.0 {
                if first.max(from) <= last.min(to) {
                    common.push((first.max(from), last.min(to)));
                }
            }
        }
        Self(common)
    }

    /// The ports that are not in the other.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for &(first, last) in &self.0 {
            let mut next = Some(first);
            for &(from, to) in &other.0 {
                let Some(start) = next.filter(|start| *start <= last) else {
                    break;
                };
                if to < start || from > last {
                    continue;
                }
                if from > start {
                    left.push((start, from.saturating_sub(1)));
                }
                next = to.checked_add(1);
            }
            if let Some(start) = next.filter(|start| *start <= last) {
                left.push((start, last));
            }
        }
        Self(left)
    }

    /// `3306`, `1000-2000`, `22, 80-90`: how the tools write them.
    pub(super) fn words(&self) -> String {
        let range = |&(first, last): &(u16, u16)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let ranges: Vec<String> = self.0.iter().map(range).collect();
        ranges.join(", ")
    }

    /// A port or a range of them, `first` and `last` divided by `dash`.
    pub(super) fn parsed(text: &str, dash: char) -> Option<Self> {
        let text = text.trim();
        match text.split_once(dash) {
            Some((first, last)) => {
                Self::range(first.trim().parse().ok()?, last.trim().parse().ok()?)
            }
            None => text.parse().ok().map(Self::one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ports;

    #[test]
    fn what_is_taken_out_is_out_and_the_rest_stays() {
        let mut ports = Ports::range(10, 20).expect("a range");
        ports.add(&Ports::range(21, 30).expect("a range"));
        assert_eq!(ports.words(), "10-30");
        let some = ports.without(&Ports::range(12, 13).expect("a range"));
        assert_eq!(some.words(), "10-11, 14-30");
        assert_eq!(some.common(&Ports::one(12)), Ports::none());
        assert!(some.without(&Ports::every()).is_empty());
        assert_eq!(
            Ports::every().without(&Ports::one(u16::MAX)).words(),
            "0-65534"
        );
        assert_eq!(Ports::parsed("20-10", '-'), None);
    }
}
