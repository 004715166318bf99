//! What may be written, and what is refused.

use serde_json::{Value, json};

use super::store;

/// A request to create a `String`, with further members.
fn create(extra: &Value) -> Value {
    let mut body = json!({"Name": "/a/b", "Value": "v", "Type": "String"});
    for (key, value) in extra.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[test]
fn a_parameter_is_created_once_and_then_overwritten() {
    let store = store();
    assert_eq!(
        store.get("PutParameter", &create(&json!({}))),
        json!({"Version": 1, "Tier": "Standard"})
    );
    assert_eq!(store.refused("PutParameter", &create(&json!({}))), "ParameterAlreadyExists");
    let second = store.get("PutParameter", &create(&json!({"Overwrite": true, "Value": "w"})));
    assert_eq!(second["Version"], 2);
    assert_eq!(store.value("/a/b"), "w");
}

#[test]
fn an_overwritten_parameter_keeps_what_the_request_leaves_out() {
    let store = store();
    let body = json!({"Description": "what for", "AllowedPattern": "[a-z]+", "Tier": "Advanced"});
    store.get("PutParameter", &create(&body));
    let over = json!({"Name": "/a/b", "Value": "w", "Overwrite": true});
    assert_eq!(store.get("PutParameter", &over)["Tier"], "Advanced");
    let described = store.get("DescribeParameters", &json!({}));
    let parameter = &described["Parameters"][0];
    assert_eq!(parameter["Description"], "what for");
    assert_eq!(parameter["AllowedPattern"], "[a-z]+");
    assert_eq!(parameter["Type"], "String");
    assert_eq!(parameter["Version"], 2);
}

#[test]
fn requests_that_break_a_rule_are_refused() {
    let long = |n: usize| "x".repeat(n);
    let tags = |n: usize| {
        json!((0..n).map(|i| json!({"Key": format!("k{i}"), "Value": ""})).collect::<Vec<_>>())
    };
    let cases = [
        (json!({"Name": "/aws/x"}), "AccessDeniedException"),
        (json!({"Name": "a/b"}), "ValidationException"),
        (
            json!({"Name": "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"}),
            "HierarchyLevelLimitExceededException",
        ),
        (json!({"Type": null}), "ValidationException"),
        (json!({"Type": "Text"}), "ValidationException"),
        (json!({"Value": ""}), "ValidationException"),
        (json!({"Value": "{{ssm:/x}}"}), "ValidationException"),
        (json!({"Value": long(4097)}), "ValidationException"),
        (json!({"Value": "é".repeat(2049)}), "ValidationException"),
        (json!({"Value": long(8193), "Tier": "Advanced"}), "ValidationException"),
        (json!({"Value": long(8193), "Tier": "Intelligent-Tiering"}), "ValidationException"),
        (json!({"Tier": "Huge"}), "ValidationException"),
        (json!({"AllowedPattern": "[0-9]+"}), "ParameterPatternMismatchException"),
        (json!({"AllowedPattern": "("}), "InvalidAllowedPatternException"),
        (json!({"AllowedPattern": long(1025)}), "ValidationException"),
        (json!({"Description": long(1025)}), "ValidationException"),
        (json!({"DataType": "Text"}), "ValidationException"),
        (json!({"KeyId": "alias/mine"}), "ValidationException"),
        (json!({"Type": "SecureString", "KeyId": "a b"}), "ValidationException"),
        (json!({"Policies": "[]"}), "ValidationException"),
        (json!({"Overwrite": true, "Tags": tags(1)}), "ValidationException"),
        (json!({"Tags": tags(51)}), "ValidationException"),
        (json!({"Tags": [{"Key": "aws:x", "Value": ""}]}), "ValidationException"),
        (json!({"Name": 1}), "SerializationException"),
    ];
    for (extra, expected) in cases {
        let store = store();
        assert_eq!(store.refused("PutParameter", &create(&extra)), expected, "{extra}");
        let left = store.get("DescribeParameters", &json!({}));
        assert_eq!(left["Parameters"], json!([]), "{extra}");
    }
}

#[test]
fn values_up_to_the_limit_of_their_tier_are_taken() {
    let cases = [
        (4096, "Standard", "Standard"),
        (8192, "Advanced", "Advanced"),
        (4096, "Intelligent-Tiering", "Standard"),
        (4097, "Intelligent-Tiering", "Advanced"),
    ];
    for (length, asked, given) in cases {
        let body = create(&json!({"Value": "x".repeat(length), "Tier": asked}));
        assert_eq!(store().get("PutParameter", &body)["Tier"], given, "{length} {asked}");
    }
}

#[test]
fn a_parameter_keeps_its_type_and_never_leaves_the_advanced_tier() {
    let store = store();
    store.get("PutParameter", &create(&json!({"Tier": "Advanced"})));
    let over = |extra: Value| {
        let mut body = create(&extra);
        body["Overwrite"] = json!(true);
        body
    };
    let secure = over(json!({"Type": "SecureString"}));
    assert_eq!(store.refused("PutParameter", &secure), "HierarchyTypeMismatchException");
    assert_eq!(
        store.refused("PutParameter", &over(json!({"Tier": "Standard"}))),
        "ValidationException"
    );
    let clever = over(json!({"Tier": "Intelligent-Tiering"}));
    assert_eq!(store.get("PutParameter", &clever)["Tier"], "Advanced");
}

#[test]
fn a_pattern_must_match_the_whole_value_and_stays() {
    let store = store();
    let body = create(&json!({"Value": "12", "AllowedPattern": "\\d+|none"}));
    store.get("PutParameter", &body);
    let over = |value: &str| json!({"Name": "/a/b", "Value": value, "Overwrite": true});
    assert_eq!(store.refused("PutParameter", &over("12x")), "ParameterPatternMismatchException");
    store.get("PutParameter", &over("none"));
}

#[test]
fn a_secret_is_told_only_with_decryption() {
    let store = store();
    store.get("PutParameter", &json!({"Name": "/s", "Value": "hunter2", "Type": "SecureString"}));
    let read = |decrypt: bool| {
        let body = json!({"Name": "/s", "WithDecryption": decrypt});
        store.get("GetParameter", &body)["Parameter"]["Value"].clone()
    };
    assert_eq!(read(true), "hunter2");
    let sealed = read(false);
    assert_eq!(sealed, read(false), "the sealed text is the same every time");
    assert!(!sealed.as_str().unwrap().contains("hunter2"));
    let history = store.get("GetParameterHistory", &json!({"Name": "/s"}));
    assert_eq!(history["Parameters"][0]["Value"], sealed);
    assert_eq!(history["Parameters"][0]["KeyId"], "alias/aws/ssm");
    let path = store.get("GetParametersByPath", &json!({"Path": "/", "WithDecryption": true}));
    assert_eq!(path["Parameters"][0]["Value"], "hunter2");
}

#[test]
fn what_is_deleted_is_gone() {
    let store = store();
    store.put("/a", "1");
    store.put("/b", "1");
    store.get("DeleteParameter", &json!({"Name": "/a"}));
    assert_eq!(store.refused("DeleteParameter", &json!({"Name": "/a"})), "ParameterNotFound");
    assert_eq!(
        store.get("DeleteParameters", &json!({"Names": ["/a", "/b"]})),
        json!({"DeletedParameters": ["/b"], "InvalidParameters": ["/a"]})
    );
    let names: Vec<_> = (0..11).map(|i| format!("/{i}")).collect();
    assert_eq!(store.refused("DeleteParameters", &json!({"Names": names})), "ValidationException");
    assert_eq!(store.put("/a", "1"), 1, "a new parameter of the same name starts again");
}

#[test]
fn tags_are_added_replaced_and_removed() {
    let store = store();
    let first = create(&json!({"Tags": [{"Key": "team", "Value": "a"}]}));
    store.get("PutParameter", &first);
    let ask = |extra: Value| {
        let mut body = json!({"ResourceType": "Parameter", "ResourceId": "/a/b"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let tags = json!([{"Key": "team", "Value": "b"}, {"Key": "x", "Value": "1"}]);
    store.get("AddTagsToResource", &ask(json!({"Tags": tags})));
    assert_eq!(store.get("ListTagsForResource", &ask(json!({})))["TagList"], tags);
    store.get("RemoveTagsFromResource", &ask(json!({"TagKeys": ["team", "none"]})));
    assert_eq!(
        store.get("ListTagsForResource", &ask(json!({})))["TagList"],
        json!([{"Key": "x", "Value": "1"}])
    );
    let many: Vec<_> = (0..50).map(|i| json!({"Key": format!("k{i}"), "Value": ""})).collect();
    let refusals = [
        (ask(json!({"Tags": many})), "TooManyTagsError"),
        (ask(json!({"ResourceId": "/none", "Tags": []})), "InvalidResourceId"),
        (ask(json!({"ResourceType": "Document", "Tags": []})), "InvalidResourceId"),
        (ask(json!({"ResourceType": "Thing", "Tags": []})), "InvalidResourceType"),
    ];
    for (body, expected) in refusals {
        assert_eq!(store.refused("AddTagsToResource", &body), expected, "{body}");
    }
}

#[test]
fn an_unknown_operation_is_refused() {
    assert_eq!(store().refused("SendCommand", &json!({})), "UnknownOperationException");
}
