//! Listings by path and by filter.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::store;
use crate::sandbox::{
    call::Scope,
    ssm::admin::{self, Author},
    testing::{Service, scope},
};

/// All pages of a listing, one after the other.
fn pages(store: &Service, operation: &str, mut body: Value) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let answer = store.get(operation, &body);
        let parameters = answer["Parameters"].as_array().unwrap();
        pages.push(parameters.iter().map(|p| p["Name"].as_str().unwrap().to_owned()).collect());
        body["NextToken"] = answer["NextToken"].clone();
        if body["NextToken"].is_null() {
            return pages;
        }
    }
}

/// All names of a listing.
fn names(store: &Service, operation: &str, body: Value) -> Vec<String> {
    pages(store, operation, body).concat()
}

/// Puts a parameter without a request.
fn seed(store: &Service, scope: &Scope, name: &str) {
    let author = Author { now: store.now(), caller: "arn:aws:iam::000000000000:user/seed" };
    store.transact(|tx| admin::put(tx, scope, name, "v", author)).unwrap();
}

#[test]
fn a_path_lists_one_level_or_all_of_its_own_account_and_region() {
    let store = store();
    for name in ["/a/b", "/a/b/c", "/a/b/c/d", "/ab", "/a", "plain"] {
        store.put(name, "v");
    }
    let other = Scope { region: "eu-west-2".to_owned(), ..scope() };
    seed(&store, &other, "/a/b/other");
    let list = |path: &str, recursive: bool| {
        names(&store, "GetParametersByPath", json!({"Path": path, "Recursive": recursive}))
    };
    assert_eq!(list("/a", false), ["/a/b"]);
    assert_eq!(list("/a/", true), ["/a/b", "/a/b/c", "/a/b/c/d"]);
    assert_eq!(list("/", false), ["/a", "/ab", "plain"]);
    assert_eq!(list("/", true).len(), 6);
    assert_eq!(list("/none", true), [""; 0]);
}

#[test]
fn by_path_filters_by_type_key_and_label() {
    let store = store();
    store.put("/a/text", "one");
    store.put("/a/text", "two");
    store.put("/a/other", "x");
    let secret =
        json!({"Name": "/a/secret", "Value": "s", "Type": "SecureString", "KeyId": "alias/k"});
    store.get("PutParameter", &secret);
    let body = json!({"Name": "/a/text", "ParameterVersion": 1, "Labels": ["stable"]});
    store.get("LabelParameterVersion", &body);
    let list = |filter: Value| {
        let body = json!({"Path": "/a", "ParameterFilters": [filter]});
        store.get("GetParametersByPath", &body)["Parameters"].clone()
    };
    assert_eq!(list(json!({"Key": "Type", "Values": ["SecureString"]}))[0]["Name"], "/a/secret");
    let begins = json!({"Key": "Type", "Option": "BeginsWith", "Values": ["String"]});
    assert_eq!(list(begins).as_array().unwrap().len(), 2);
    assert_eq!(list(json!({"Key": "KeyId", "Values": ["alias/k"]}))[0]["Name"], "/a/secret");
    let labelled = list(json!({"Key": "Label", "Values": ["stable"]}));
    assert_eq!(labelled.as_array().unwrap().len(), 1);
    assert_eq!((&labelled[0]["Value"], &labelled[0]["Version"]), (&json!("one"), &json!(1)));
}

#[test]
fn filters_that_break_a_rule_are_refused() {
    let store = store();
    let by_path =
        |filters: Value| ("GetParametersByPath", json!({"Path": "/", "ParameterFilters": filters}));
    let describe = |filters: Value| ("DescribeParameters", json!({"ParameterFilters": filters}));
    let name = json!({"Key": "Name", "Values": ["x"]});
    for ((operation, body), expected) in [
        (by_path(json!([name])), "InvalidFilterKey"),
        (by_path(json!([{"Key": "Tier", "Values": ["Standard"]}])), "InvalidFilterKey"),
        (
            by_path(json!([{"Key": "Label", "Option": "BeginsWith", "Values": ["x"]}])),
            "InvalidFilterOption",
        ),
        (describe(json!([{"Key": "Label", "Values": ["x"]}])), "InvalidFilterKey"),
        (describe(json!([name, name])), "InvalidFilterKey"),
        (describe(json!([{"Key": "Colour", "Values": ["x"]}])), "ValidationException"),
        (describe(json!([{"Key": "Name"}])), "InvalidFilterValue"),
        (describe(json!([{"Key": "Type", "Values": ["Text"]}])), "InvalidFilterValue"),
        (
            describe(json!([{"Key": "Type", "Option": "Contains", "Values": ["S"]}])),
            "InvalidFilterOption",
        ),
        (
            describe(json!([{"Key": "Path", "Option": "Equals", "Values": ["/a"]}])),
            "InvalidFilterOption",
        ),
        (describe(json!([{"Key": "Path", "Values": ["a"]}])), "ValidationException"),
        (
            ("DescribeParameters", json!({"ParameterFilters": [name], "Filters": [name]})),
            "ValidationException",
        ),
        (("DescribeParameters", json!({"MaxResults": 51})), "ValidationException"),
        (("GetParametersByPath", json!({"Path": "/", "MaxResults": 11})), "ValidationException"),
        (("GetParametersByPath", json!({"Path": "a"})), "ValidationException"),
        (("GetParametersByPath", json!({"Path": "/", "NextToken": "!"})), "InvalidNextToken"),
    ] {
        assert_eq!(store.refused(operation, &body), expected, "{operation} {body}");
    }
}

#[test]
fn describe_filters_by_name_path_tier_and_tag() {
    let store = store();
    for name in ["/a/one", "/a/b/two", "/ab", "plain"] {
        store.put(name, "v");
    }
    let tagged = json!({"Name": "/t", "Value": "v", "Type": "String", "Tier": "Advanced",
        "Tags": [{"Key": "team", "Value": "x"}]});
    store.get("PutParameter", &tagged);
    let cases = [
        (json!({"Key": "Name", "Values": ["/a/one"]}), vec!["/a/one"]),
        (json!({"Key": "Name", "Values": ["plain", "/ab"]}), vec!["/ab", "plain"]),
        (
            json!({"Key": "Name", "Option": "BeginsWith", "Values": ["/a"]}),
            vec!["/a/b/two", "/a/one", "/ab"],
        ),
        (json!({"Key": "Name", "Option": "Contains", "Values": ["n"]}), vec!["/a/one", "plain"]),
        (json!({"Key": "Path", "Values": ["/a"]}), vec!["/a/one"]),
        (
            json!({"Key": "Path", "Option": "Recursive", "Values": ["/a"]}),
            vec!["/a/b/two", "/a/one"],
        ),
        (json!({"Key": "Tier", "Values": ["Advanced"]}), vec!["/t"]),
        (json!({"Key": "DataType", "Values": ["aws:ec2:image"]}), vec![]),
        (json!({"Key": "tag:team"}), vec!["/t"]),
        (json!({"Key": "tag:team", "Values": ["y"]}), vec![]),
    ];
    for (filter, expected) in cases {
        let body = json!({"ParameterFilters": [filter]});
        assert_eq!(names(&store, "DescribeParameters", body), expected, "{filter}");
    }
    let old = json!({"Filters": [{"Key": "Name", "Values": ["/a/"]}]});
    assert_eq!(names(&store, "DescribeParameters", old), ["/a/b/two", "/a/one"]);
    assert_eq!(names(&store, "DescribeParameters", json!({"Shared": true})), [""; 0]);
}

#[test]
fn a_page_goes_on_after_the_last_name_whatever_came_and_went() {
    let store = store();
    for name in ["/a/1", "/a/3", "/a/5"] {
        store.put(name, "v");
    }
    let first = store.get("GetParametersByPath", &json!({"Path": "/a", "MaxResults": 2}));
    store.put("/a/2", "v");
    store.get("DeleteParameter", &json!({"Name": "/a/3"}));
    let body = json!({"Path": "/a", "NextToken": first["NextToken"]});
    assert_eq!(names(&store, "GetParametersByPath", body), ["/a/5"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pages_together_are_all_names_once_and_sorted(
        wanted in proptest::collection::btree_set("/x(/[ab.]{1,2}){1,3}", 0..30),
        others in proptest::collection::btree_set("/[wyz](/[ab]){1,2}", 0..5),
        size in 1_usize..=10,
    ) {
        let store = store();
        for name in wanted.union(&others) {
            seed(&store, &scope(), name);
        }
        let body = json!({"Path": "/x", "Recursive": true, "MaxResults": size});
        let by_path = pages(&store, "GetParametersByPath", body);
        prop_assert!(by_path.iter().all(|page| page.len() <= size));
        prop_assert_eq!(by_path.concat(), wanted.iter().cloned().collect::<Vec<_>>());
        let all: BTreeSet<_> = wanted.union(&others).cloned().collect();
        let described = names(&store, "DescribeParameters", json!({"MaxResults": size}));
        prop_assert_eq!(described, all.into_iter().collect::<Vec<_>>());
    }
}
