//! The words of the documents: what is said by one of a few words, and words that only another
//! version knows.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What documents name by a word.
pub trait Word: Copy {
    /// Its word.
    fn word(self) -> &'static str;
    /// What a word names; `None` for a word of another version.
    fn named(word: &str) -> Option<Self>;
}

/// Declares an enum whose variants documents name by a word: the type, `ALL` in the order given,
/// `word` and [`Word`].
macro_rules! words {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one, in the order in which they are declared.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word of the documents.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::model::word::Word for $name {
            fn word(self) -> &'static str {
                self.word()
            }

            fn named(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use words;

/// A word of a document: one that is known here, or one of another version, kept as it came.
///
/// Compared and ordered by the word.
#[derive(Clone, Debug)]
pub enum Known<T> {
    /// What it names.
    Known(T),
    /// The word itself.
    Unknown(String),
}

impl<T: Word> Known<T> {
    /// The word.
    pub fn word(&self) -> &str {
        match self {
            Self::Known(known) => known.word(),
            Self::Unknown(word) => word,
        }
    }

    /// What it names; `None` for a word of another version.
    pub const fn known(&self) -> Option<T> {
        match self {
            Self::Known(known) => Some(*known),
            Self::Unknown(_) => None,
        }
    }
}

impl<T: Word> From<T> for Known<T> {
    fn from(known: T) -> Self {
        Self::Known(known)
    }
}

impl<T: Word> From<&str> for Known<T> {
    fn from(word: &str) -> Self {
        word.to_owned().into()
    }
}

impl<T: Word> From<String> for Known<T> {
    fn from(word: String) -> Self {
        T::named(&word).map_or(Self::Unknown(word), Self::Known)
    }
}

impl<T: Word> PartialEq for Known<T> {
    fn eq(&self, other: &Self) -> bool {
        self.word() == other.word()
    }
}

impl<T: Word> Eq for Known<T> {}

impl<T: Word> PartialEq<T> for Known<T> {
    fn eq(&self, other: &T) -> bool {
        self.word() == other.word()
    }
}

impl<T: Word> PartialOrd for Known<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Word> Ord for Known<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.word().cmp(other.word())
    }
}

impl<T: Word> fmt::Display for Known<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

impl<T: Word> Serialize for Known<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de, T: Word> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Word};
    use crate::model::evidence::ReceivedBy;
    use crate::model::path::Sight;
    use crate::model::probe::Kind;
    use crate::model::response::ProbeOutcome;
    use crate::model::session::{End, Party};
    use crate::model::verdict::{Cause, Confidence, Method, PlaceKind, State, Way};

    fn check<T: Word + std::fmt::Debug>(every: impl IntoIterator<Item = T>) {
        for one in every {
            let read = Known::<T>::from(one.word());
            assert!(matches!(read, Known::Known(_)), "{one:?}");
            assert_eq!(read, one, "{one:?}");
        }
        let json = "\"a word of a later version\"";
        let later: Known<T> = serde_json::from_str(json).expect("any word reads");
        assert!(later.known().is_none());
        assert_eq!(serde_json::to_string(&later).expect("a string"), json);
    }

    #[test]
    fn every_word_reads_back_and_a_later_one_is_kept() {
        check(Cause::ALL);
        check(State::ALL);
        check(Confidence::ALL);
        check(PlaceKind::ALL);
        check(Way::ALL);
        check(Method::all());
        check(Kind::ALL);
        check(ProbeOutcome::all());
        check(Sight::ALL);
        check(End::ALL);
        check(Party::ALL);
        check(ReceivedBy::ALL);
    }
}
