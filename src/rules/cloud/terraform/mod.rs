//! Terraform's state and plan, for the resources that are rules.
//!
//! The state file (version 4), and what `terraform show -json` prints of a state and of a plan
//! (<https://developer.hashicorp.com/terraform/internals/json-format>). Each resource is put into
//! the form of its provider's own command ([`arguments`]), and read as that.

mod arguments;
mod resource;

use serde_json::{Map, Value};

use super::fields::is_empty;
use super::found::Found;

/// Deepest nesting of modules that is followed.
const DEEPEST: usize = 64;

/// A resource with what it holds.
#[derive(Debug)]
struct Resource<'a> {
    address: String,
    kind: &'a str,
    values: &'a Map<String, Value>,
    /// What only becomes known when the plan is carried out.
    unknown: Option<&'a Value>,
}

/// A state, or a plan; `false` where it is neither.
pub(super) fn document(map: &Map<String, Value>, found: &mut Found) -> bool {
    let mut resources = Vec::new();
    let planned = map.get("planned_values");
    if let Some(root) = planned.and_then(|values| values.get("root_module")) {
        let unknown = unknown(map);
        module(root, &unknown, &mut resources, 0);
        found.notes.push(
            "this is what Terraform plans, not what is in force: terraform show -json of the state \
             tells that"
                .to_owned(),
        );
    } else if let Some(root) = map
        .get("values")
        .and_then(|values| values.get("root_module"))
    {
        module(root, &[], &mut resources, 0);
    } else if let Some(list) = map.get("resources").and_then(Value::as_array) {
        list.iter()
            .for_each(|value| in_state(value, &mut resources));
    } else {
        return false;
    }
    if resources.iter().any(|found| resource::is_rule(found.kind)) {
        found.notes.push(
            "Terraform tells what it keeps itself: rules that others made are not in it".to_owned(),
        );
    }
    found.adding = true;
    resource::all(&resources, found);
    found.adding = false;
    // Without a resource that is a rule it is nothing that is read.
    !found.is_empty()
}

/// What every address of a plan does not know yet.
fn unknown(map: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let changes = map.get("resource_changes").and_then(Value::as_array);
    changes
        .into_iter()
        .flatten()
        .filter_map(|change| {
            let address = change.get("address")?.as_str()?;
            let after = change.get("change")?.get("after_unknown")?;
            (!is_empty(after)).then_some((address, after))
        })
        .collect()
}

/// The resources of a module and of those in it.
fn module<'a>(
    module_value: &'a Value,
    unknown: &[(&'a str, &'a Value)],
    resources: &mut Vec<Resource<'a>>,
    depth: usize,
) {
    let list = |key: &str| module_value.get(key).and_then(Value::as_array);
    for value in list("resources").into_iter().flatten() {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let values = value.get("values").and_then(Value::as_object);
        if let (Some(kind), Some(values), true) =
            (text("type"), values, text("mode") != Some("data"))
        {
            let address = text("address").unwrap_or(kind).to_owned();
            let after = unknown.iter().find(|(known, _)| *known == address);
            resources.push(Resource {
                unknown: after.map(|(_, after)| *after),
                address,
                kind,
                values,
            });
        }
    }
    if depth < DEEPEST {
        for child in list("child_modules").into_iter().flatten() {
            module(child, unknown, resources, depth.saturating_add(1));
        }
    }
}

/// The instances of a resource of a state file.
fn in_state<'a>(value: &'a Value, resources: &mut Vec<Resource<'a>>) {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let Some(kind) = text("type").filter(|_| text("mode") != Some("data")) else {
        return;
    };
    let name = text("name").unwrap_or("?");
    let within = text("module").map_or_else(String::new, |module| format!("{module}."));
    let instances = value.get("instances").and_then(Value::as_array);
    for instance in instances.into_iter().flatten() {
        let index = match instance.get("index_key") {
            Some(Value::String(key)) => format!("[\"{key}\"]"),
            Some(Value::Number(key)) => format!("[{key}]"),
            _ => String::new(),
        };
        if let Some(values) = instance.get("attributes").and_then(Value::as_object) {
            resources.push(Resource {
                address: format!("{within}{kind}.{name}{index}"),
                kind,
                values,
                unknown: None,
            });
        }
    }
}
