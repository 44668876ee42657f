//! What a server says, without the names in it.

/// `words` without what stands between quotation marks: users, hosts, databases.
pub fn masked(words: &str) -> String {
    let mut masked = String::new();
    let mut within: Option<char> = None;
    for letter in words.chars() {
        match within {
            Some(end) if letter == end => {
                masked.push('…');
                masked.push(letter);
                within = None;
            }
            Some(_) => {}
            None => {
                masked.push(letter);
                within = match letter {
                    '\'' | '"' | '`' => Some(letter),
                    '«' => Some('»'),
                    '»' => Some('«'),
                    '„' => Some('“'),
                    '“' => Some('”'),
                    '‘' => Some('’'),
                    _ => None,
                };
            }
        }
    }
    if within.is_some() {
        masked.push('…');
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn names_that_a_server_says_are_masked_in_any_quotation_marks() {
        let check = |words: &str, expected: &str| assert_eq!(masked(words), expected);
        check(
            "Access denied for user 'root'@'10.0.0.5' (using password: YES)",
            "Access denied for user '…'@'…' (using password: YES)",
        );
        check(
            "role \"payroll\" does not exist",
            "role \"…\" does not exist",
        );
        check("Too many connections", "Too many connections");
        check("Host 'db.example", "Host '…");
    }
}
