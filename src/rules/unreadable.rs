//! Why an input cannot be read, and where.

/// Where reading failed and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is nothing that looks like rules.
    #[error(
        "no rules here: expected the output of iptables-save, iptables -S, iptables -L or nft list ruleset; where iptables-save prints nothing, no table of iptables is there, and nft list ruleset shows what else is"
    )]
    NoRules,
    /// What a front end prints of its own settings, which are not the rules.
    #[error(
        "this is what {0} prints, which leaves out much of what filters: give what iptables-save and nft list ruleset print, as root"
    )]
    Summary(&'static str),
    /// Rules in a form that is not read.
    #[error("this is {name}: give {instead}")]
    OtherForm {
        /// What it is.
        name: &'static str,
        /// What to give instead.
        instead: &'static str,
    },
    /// ufw says that it filters nothing.
    #[error(
        "ufw says that it is inactive and filters nothing; what else does, iptables-save and nft list ruleset print, as root"
    )]
    Inactive,
    /// A line that lacks what its form needs.
    #[error("this is no line of any form that lists rules")]
    Line,
    /// A line that belongs to no known form, its beginning.
    #[error("this is no line of any form that lists rules: {0:?}")]
    Foreign(String),
    /// A quotation without its end.
    #[error("the quotation that begins here does not end")]
    Quotation,
    /// A rule outside of a table.
    #[error("a rule, but no chain is named")]
    NoChain,
    /// An option without its value.
    #[error("{0} lacks its value")]
    NoValue(String),
    /// A value that cannot be read.
    #[error("{option} cannot be {value:?}")]
    Value {
        /// The option.
        option: String,
        /// The value.
        value: String,
    },
    /// A word that begins no option.
    #[error("{0:?} is no option")]
    Word(String),
    /// A row of a listing that lacks columns.
    #[error("a row needs target, protocol, options, source and destination")]
    Row,
    /// Something else was expected in an nft listing.
    #[error("expected {expected}, found {found:?}")]
    Expected {
        /// What was expected.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Blocks or expressions nested too deeply.
    #[error("nested too deeply")]
    Depth,
    /// The text ends too early, in this line.
    #[error("cut off at line {0}: give all of it")]
    CutOff(usize),
    /// Invalid JSON.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// JSON of something else than nftables.
    #[error(
        "JSON, but neither what nft -j prints (no \"nftables\" array) nor rules of a cloud that are known by their fields"
    )]
    ForeignJson,
    /// The rule set is larger than this program takes.
    #[error("more than {0} bytes are not read")]
    TooLarge(usize),
}

impl Unreadable {
    /// A fault at a place counted from 1.
    pub const fn at(line: usize, column: usize, fault: Fault) -> Self {
        Self {
            line,
            column,
            fault,
        }
    }
}
