//! Sets that grow together.

/// Numbers from 0, each in one set; sets can be joined.
#[derive(Clone, Debug, Default)]
pub(super) struct Union(Vec<usize>);

impl Union {
    /// A new number, alone in its set.
    pub(super) fn add(&mut self) -> usize {
        let number = self.0.len();
        self.0.push(number);
        number
    }

    /// The number that stands for the set of `number`.
    pub(super) fn root(&self, number: usize) -> usize {
        let mut current = number;
        while let Some(&next) = self.0.get(current)
            && next != current
        {
            current = next;
        }
        current
    }

    /// Joins the sets of two numbers.
    pub(super) fn join(&mut self, one: usize, other: usize) {
        let roots = [one, other].map(|number| {
            let root = self.root(number);
            // The way is shortened, so that long chains are walked once.
            if let Some(entry) = self.0.get_mut(number) {
                *entry = root;
            }
            root
        });
        let [one, other] = roots;
        // The smaller number stands for both, so the result does not hang on the order.
        let (low, high) = (one.min(other), one.max(other));
        if let Some(entry) = self.0.get_mut(high) {
            *entry = low;
        }
    }

    /// Every number directly below the one that stands for its set.
    pub(super) fn flatten(&mut self) {
        for number in 0..self.0.len() {
            let root = self.root(number);
            if let Some(entry) = self.0.get_mut(number) {
                *entry = root;
            }
        }
    }
}
