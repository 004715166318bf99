//! Versions, labels and the references that use them.

use serde_json::{Value, json};

use super::store;
use crate::sandbox::testing::Service;

/// Sets labels on a version.
fn label(store: &Service, version: i64, labels: &Value) -> Value {
    let body = json!({"Name": "/a", "ParameterVersion": version, "Labels": labels});
    store.get("LabelParameterVersion", &body)
}

/// The numbers and labels of all versions.
fn labels(store: &Service) -> Vec<(i64, Value)> {
    let history = store.get("GetParameterHistory", &json!({"Name": "/a"}));
    let versions = history["Parameters"].as_array().unwrap();
    versions.iter().map(|v| (v["Version"].as_i64().unwrap(), v["Labels"].clone())).collect()
}

#[test]
fn a_reference_may_name_a_version_a_label_or_an_arn() {
    let store = store();
    store.put("/a", "one");
    store.put("/a", "two");
    store.put("plain", "p");
    label(&store, 1, &json!(["stable"]));
    for (reference, value, selector) in [
        ("/a", "two", Value::Null),
        ("/a:1", "one", json!(":1")),
        ("/a:stable", "one", json!(":stable")),
        ("arn:aws:ssm:eu-west-1:000000000000:parameter/a", "two", Value::Null),
        ("arn:aws:ssm:eu-west-1:000000000000:parameter/a:1", "one", json!(":1")),
        ("arn:aws:ssm:eu-west-1:000000000000:parameter/plain", "p", Value::Null),
    ] {
        let parameter = &store.get("GetParameter", &json!({"Name": reference}))["Parameter"];
        assert_eq!(parameter["Value"], value, "{reference}");
        assert_eq!(parameter["Selector"], selector, "{reference}");
        assert!(!parameter["Name"].as_str().unwrap().contains(':'), "{reference}");
    }
    for (reference, expected) in [
        ("/a:3", "ParameterVersionNotFound"),
        ("/a:other", "ParameterVersionNotFound"),
        ("/b", "ParameterNotFound"),
        ("/a b", "ValidationException"),
        ("", "ValidationException"),
        ("arn:aws:ssm:eu-west-1:111111111111:parameter/a", "ParameterNotFound"),
    ] {
        assert_eq!(store.refused("GetParameter", &json!({"Name": reference})), expected);
    }
}

#[test]
fn get_parameters_sorts_what_it_finds_and_names_what_it_does_not() {
    let store = store();
    store.put("/b", "1");
    store.put("/a", "1");
    let answer = store.get("GetParameters", &json!({"Names": ["/none", "/b", "/a", "/a:9"]}));
    let names: Vec<_> =
        answer["Parameters"].as_array().unwrap().iter().map(|p| &p["Name"]).collect();
    assert_eq!(names, ["/a", "/b"]);
    assert_eq!(answer["InvalidParameters"], json!(["/none", "/a:9"]));
    let eleven: Vec<_> = (0..11).map(|i| format!("/{i}")).collect();
    for names in [json!([]), json!(eleven), json!(["/a", "/a"])] {
        let body = json!({"Names": names});
        assert_eq!(store.refused("GetParameters", &body), "ValidationException", "{body}");
    }
}

#[test]
fn a_label_moves_from_version_to_version() {
    let store = store();
    store.put("/a", "one");
    store.put("/a", "two");
    assert_eq!(
        label(&store, 1, &json!(["stable", "old"])),
        json!({"InvalidLabels": [], "ParameterVersion": 1})
    );
    label(&store, 2, &json!(["stable"]));
    label(&store, 2, &json!(["stable"]));
    assert_eq!(labels(&store), [(1, json!(["old"])), (2, json!(["stable"]))]);
    assert_eq!(store.value("/a:stable"), "two");
    let latest = json!({"Name": "/a", "Labels": ["newest"]});
    assert_eq!(store.get("LabelParameterVersion", &latest)["ParameterVersion"], 2);
}

#[test]
fn labels_that_break_a_rule_are_told_and_the_others_set() {
    let store = store();
    store.put("/a", "one");
    let answer = label(&store, 1, &json!(["good", "1st", "awsome", "SSMx", "a b", "v1.2-x_y"]));
    assert_eq!(answer["InvalidLabels"], json!(["1st", "awsome", "SSMx", "a b"]));
    assert_eq!(labels(&store), [(1, json!(["good", "v1.2-x_y"]))]);
    let nine: Vec<_> = (0..9).map(|i| format!("l{i}")).collect();
    let long = "x".repeat(101);
    for (name, version, labels, expected) in [
        ("/a", 1, json!(nine), "ParameterVersionLabelLimitExceeded"),
        ("/a", 1, json!([long]), "ValidationException"),
        ("/a", 1, json!([]), "ValidationException"),
        ("/a", 7, json!(["x"]), "ParameterVersionNotFound"),
        ("/b", 1, json!(["x"]), "ParameterNotFound"),
    ] {
        let body = json!({"Name": name, "ParameterVersion": version, "Labels": labels});
        assert_eq!(store.refused("LabelParameterVersion", &body), expected, "{body}");
    }
    assert_eq!(labels(&store), [(1, json!(["good", "v1.2-x_y"]))], "a refusal changes nothing");
}

#[test]
fn a_label_is_taken_off_the_version_that_has_it() {
    let store = store();
    store.put("/a", "one");
    label(&store, 1, &json!(["x", "y"]));
    let ask =
        |version: Value| json!({"Name": "/a", "ParameterVersion": version, "Labels": ["x", "z"]});
    assert_eq!(
        store.get("UnlabelParameterVersion", &ask(json!(1))),
        json!({"RemovedLabels": ["x"], "InvalidLabels": ["z"]})
    );
    assert_eq!(labels(&store), [(1, json!(["y"]))]);
    let refusals = [(json!(2), "ParameterVersionNotFound"), (Value::Null, "ValidationException")];
    for (version, expected) in refusals {
        assert_eq!(store.refused("UnlabelParameterVersion", &ask(version)), expected);
    }
}

#[test]
fn a_hundred_versions_are_kept_unless_a_label_holds_the_oldest() {
    let store = store();
    for number in 1..=101 {
        assert_eq!(store.put("/a", &number.to_string()), number);
    }
    let numbers: Vec<_> = history(&store, 50).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (2..=101).collect::<Vec<_>>());
    label(&store, 2, &json!(["held"]));
    let over = json!({"Name": "/a", "Value": "x", "Overwrite": true});
    assert_eq!(store.refused("PutParameter", &over), "ParameterMaxVersionLimitExceeded");
    label(&store, 3, &json!(["held"]));
    assert_eq!(store.get("PutParameter", &over)["Version"], 102);
}

/// All versions with their labels, read in pages.
fn history(store: &Service, page: usize) -> Vec<(i64, Value)> {
    let (mut all, mut token) = (Vec::new(), Value::Null);
    loop {
        let body = json!({"Name": "/a", "MaxResults": page, "NextToken": token});
        let answer = store.get("GetParameterHistory", &body);
        let versions = answer["Parameters"].as_array().unwrap();
        assert!(versions.len() <= page);
        all.extend(versions.iter().map(|v| (v["Version"].as_i64().unwrap(), v["Value"].clone())));
        token = answer["NextToken"].clone();
        if token.is_null() {
            return all;
        }
    }
}

#[test]
fn a_history_tells_who_when_and_what_in_pages() {
    let store = store();
    for number in 1..=12 {
        store.put("/a", &format!("v{number}"));
    }
    let expected: Vec<_> = (1..=12).map(|n| (n, json!(format!("v{n}")))).collect();
    for page in [1, 5, 12, 50] {
        assert_eq!(history(&store, page), expected, "{page} a page");
    }
    let first = &store.get("GetParameterHistory", &json!({"Name": "/a"}))["Parameters"][0];
    assert_eq!(first["LastModifiedUser"], "arn:aws:iam::000000000000:user/ann");
    assert!(first["LastModifiedDate"].is_number());
    for (body, expected) in [
        (json!({"Name": "/a", "MaxResults": 51}), "ValidationException"),
        (json!({"Name": "/a", "MaxResults": 0}), "ValidationException"),
        (json!({"Name": "/a", "NextToken": "x"}), "InvalidNextToken"),
        (json!({"Name": "/b"}), "ParameterNotFound"),
        (json!({"Name": "/a:1"}), "ParameterNotFound"),
    ] {
        assert_eq!(store.refused("GetParameterHistory", &body), expected, "{body}");
    }
}
