//! Commands that change rules which were read before them.

/// Whether a command changes rules in a way that is not followed.
pub(super) fn changes(command: &str) -> bool {
    let first = command.split_whitespace().next().unwrap_or_default();
    let short = first
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'));
    let long = ["--delete", "--replace", "--flush", "--rename-chain"];
    short.is_some_and(|rest| rest.starts_with(['D', 'R', 'F', 'E']))
        || long.contains(&first)
        || matches!(
            first,
            "add"
                | "insert"
                | "create"
                | "delete"
                | "destroy"
                | "replace"
                | "rename"
                | "reset"
                | "flush"
                | "del"
                | "swap"
                | "-f"
                | "--file"
        )
}

/// Whether a line is a command of nft's own language, as a file of its rules has them: one that
/// changes what is there, or one that reads another file.
pub(super) fn is_of_nft(text: &str) -> bool {
    const VERBS: [&str; 9] = [
        "add", "insert", "create", "delete", "destroy", "replace", "rename", "reset", "flush",
    ];
    const OBJECTS: [&str; 15] = [
        "ruleset",
        "table",
        "tables",
        "chain",
        "chains",
        "rule",
        "set",
        "sets",
        "map",
        "maps",
        "meter",
        "element",
        "flowtable",
        "counter",
        "quota",
    ];
    let mut words = text.split(|character: char| character.is_whitespace() || character == ';');
    let verb = words.next().unwrap_or_default();
    let object = words.find(|word| !word.is_empty()).unwrap_or_default();
    includes(text) || (VERBS.contains(&verb) && OBJECTS.contains(&object))
}

/// Whether a command reads another file of rules, which is not in the input.
pub(super) fn includes(text: &str) -> bool {
    let rest = text.strip_prefix("include");
    rest.is_some_and(|rest| rest.trim_start().starts_with(['"', '\'']))
}
