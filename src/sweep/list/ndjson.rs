//! Lists as NDJSON: one object a line, with the fields a CSV list has as columns.

use indexmap::IndexMap;
use serde_json::Value;
use serde_json::error::Category;

use super::fault::Fault;
use super::spelt::{At, Spelt, Text};

/// What `line` says. Other fields are carried through: text as it is, anything else as JSON.
pub(super) fn read(line: &str) -> Result<Spelt, At> {
    let parsed: Result<IndexMap<String, Value>, _> = serde_json::from_str(line);
    let mut object = parsed.map_err(|error| {
        let fault = match error.classify() {
            Category::Data => Fault::NotObject,
            Category::Syntax | Category::Eof | Category::Io => Fault::NotJson,
        };
        (error.column().max(1), fault)
    })?;
    let column = |name: &str| line.find(&format!("\"{name}\"")).map_or(1, |at| at + 1);
    let mut take = |name: &'static str| -> Result<Option<Text>, At> {
        let text = match object.shift_remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                return Err((column(name), Fault::NotText(name)));
            }
        };
        Ok(Some(Text {
            text,
            column: column(name),
        }))
    };
    let (host, port) = match (take("host")?, take("port")?) {
        (Some(host), Some(port)) => (host, Some(port)),
        (Some(_), None) => return Err((1, Fault::Missing("port"))),
        (None, _) => match take("endpoint")? {
            Some(both) => (both, None),
            None => return Err((1, Fault::Missing("host"))),
        },
    };
    let label = take("label")?.unwrap_or_default().text;
    let group = take("group")?.unwrap_or_default().text;
    let expect = take("expect")?.unwrap_or_default();
    Ok(Spelt {
        host,
        port,
        label,
        group,
        expect,
        others: object
            .into_iter()
            .map(|(name, value)| {
                let text = value.as_str().map(str::to_owned);
                (name, text.unwrap_or_else(|| value.to_string()))
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_and_what_is_not_known_is_carried_through() {
        let spelt = read(r#"{"port":3306,"host":"db","owner":"A","n":[1],"expect":"open"}"#);
        let spelt = spelt.expect("an endpoint");
        let text = |text: &str, column| Text {
            text: text.to_owned(),
            column,
        };
        assert_eq!(spelt.host, text("db", 14));
        assert_eq!(spelt.port, Some(text("3306", 2)));
        assert_eq!(spelt.expect, text("open", 46));
        let others = [("owner", "A"), ("n", "[1]")];
        let others = others.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(spelt.others, others);
        let both = read(r#"{"endpoint":"db:1"}"#).expect("an endpoint");
        assert_eq!((both.host.text.as_str(), both.port), ("db:1", None));
    }

    #[test]
    fn what_is_no_such_object_is_refused_where_it_goes_wrong() {
        let check = |line: &str, column, fault: Fault| {
            assert_eq!(read(line), Err((column, fault)), "{line}");
        };
        check("{\"host\":", 8, Fault::NotJson);
        check("{\"host\" 1}", 9, Fault::NotJson);
        check("[1]", 1, Fault::NotObject);
        check("{}", 1, Fault::Missing("host"));
        check("{\"host\":\"a\"}", 1, Fault::Missing("port"));
        check("{\"host\":[],\"port\":1}", 2, Fault::NotText("host"));
    }
}
