//! Virtual time: a queue of events, earliest first, equals in the order they were put in.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use synquest::model::time::Moment;

/// Events to come.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    serial: u64,
    now: Moment,
}

#[derive(Debug)]
struct Entry<E> {
    at: Moment,
    serial: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

impl<E> Queue<E> {
    /// No events; the time is zero.
    pub fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            serial: 0,
            now: Moment::START,
        }
    }

    /// The time.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Lets time pass without an event; never backwards.
    pub fn pass_to(&mut self, moment: Moment) {
        self.now = self.now.max(moment);
    }

    /// Puts in an event `delay` from now.
    pub fn put(&mut self, delay: Duration, event: E) {
        self.serial += 1;
        self.heap.push(Reverse(Entry {
            at: self.now.after(delay),
            serial: self.serial,
            event,
        }));
    }

    /// When the next event is.
    pub fn next_at(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes out the next event and moves the time there.
    pub fn take(&mut self) -> Option<E> {
        let Reverse(entry) = self.heap.pop()?;
        self.pass_to(entry.at);
        Some(entry.event)
    }
}
