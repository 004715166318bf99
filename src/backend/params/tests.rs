//! Parameters against an AWS that the tests play.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::backend::testing::{Answer, FakeAws, Seen};

fn name(text: &str) -> ParameterName {
    ParameterName::new(text).unwrap()
}

async fn parameters(
    handler: impl FnMut(&Seen) -> Answer + Send + 'static,
) -> (FakeAws, Parameters) {
    let aws = FakeAws::new(handler);
    let parameters = Parameters::new(aws.session().await);
    (aws, parameters)
}

/// An SSM that holds these values and behaves as SSM does.
fn ssm(values: &[(&str, &str)]) -> impl FnMut(&Seen) -> Answer + Send + 'static {
    let mut held: BTreeMap<String, (String, i64)> =
        values.iter().map(|(name, value)| ((*name).to_owned(), ((*value).to_owned(), 1))).collect();
    move |seen| {
        let body = seen.json();
        let member = |(name, (value, version)): (&String, &(String, i64))| json!({ "Name": name, "Value": value, "Version": version, "Type": "String" });
        match seen.operation.as_str() {
            "GetParameters" => {
                let names = body["Names"].as_array().unwrap();
                assert!(names.len() <= 10);
                let wanted = |name: &str| names.iter().any(|wanted| wanted == name);
                let found: Vec<_> =
                    held.iter().filter(|(name, _)| wanted(name)).map(member).collect();
                Answer::json(&json!({ "Parameters": found }))
            }
            "GetParametersByPath" => {
                let path = format!("{}/", body["Path"].as_str().unwrap());
                let from = body["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
                let inside: Vec<_> =
                    held.iter().filter(|(name, _)| name.starts_with(&path)).map(member).collect();
                let next = (inside.len() > from + 10).then(|| (from + 10).to_string());
                let page: Vec<Value> = inside.into_iter().skip(from).take(10).collect();
                Answer::json(&json!({ "Parameters": page, "NextToken": next }))
            }
            _ => {
                let name = body["Name"].as_str().unwrap().to_owned();
                let held = held.entry(name).or_insert((String::new(), 0));
                held.0 = body["Value"].as_str().unwrap().to_owned();
                held.1 += 1;
                Answer::json(&json!({ "Version": held.1, "Tier": "Standard" }))
            }
        }
    }
}

#[tokio::test]
async fn parameters_are_read_ten_a_request_and_missing_ones_are_absent() {
    let names: Vec<_> =
        (0..23).map(|number| name(&format!("/p/images/latest/i{number}"))).collect();
    let values: Vec<_> = names.iter().take(20).map(|name| (name.as_str(), "repo/app:1")).collect();
    let (aws, parameters) = parameters(ssm(&values)).await;
    let mut asked = names.clone();
    asked.push(names[0].clone());
    let found = parameters.get(&asked).await.unwrap();
    assert_eq!(found.len(), 20);
    let first = ParameterValue { value: "repo/app:1".to_owned(), version: 1, is_secret: false };
    assert_eq!(found[&names[0]], first);
    assert_eq!(aws.seen().len(), 3);
    assert!(parameters.get(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_folder_is_read_to_its_last_page() {
    let names: Vec<_> = (0..25).map(|number| format!("/p/images/latest/i{number}")).collect();
    let values: Vec<_> = names.iter().map(|name| (name.as_str(), "repo/app:1")).collect();
    let (aws, parameters) = parameters(ssm(&values)).await;
    assert_eq!(parameters.by_folder("/p/images/latest").await.unwrap().len(), 25);
    assert_eq!(aws.seen().len(), 3);
}

#[tokio::test]
async fn a_write_keeps_the_type_of_what_is_there_and_makes_strings_of_what_is_new() {
    let (aws, parameters) = parameters(ssm(&[("/p/images/prod/a", "repo/a:1")])).await;
    let (old, new) = (name("/p/images/prod/a"), name("/p/images/prod/b"));
    assert_eq!(parameters.put(&old, "repo/a:2", true).await.unwrap(), 2);
    parameters.get(std::slice::from_ref(&new)).await.unwrap();
    assert_eq!(parameters.put(&new, "repo/b:1", true).await.unwrap(), 1);
    assert_eq!(parameters.put(&new, "repo/b:2", true).await.unwrap(), 2);
    let types: Vec<_> = aws.sent("PutParameter").iter().map(|body| body["Type"].clone()).collect();
    assert_eq!(types, [Value::Null, json!("String"), Value::Null]);
    assert_eq!(aws.sent("GetParameters").len(), 2, "each was looked at once");
    assert_eq!(
        aws.sent("PutParameter")[1],
        json!({ "Name": "/p/images/prod/b", "Value": "repo/b:1", "Type": "String", "Overwrite": true })
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_that_meets_another_is_sent_again() {
    let mut busy = vec![Answer::error("TooManyUpdates", ""); 3];
    let mut ssm = ssm(&[]);
    let (aws, parameters) = parameters(move |seen| busy.pop().unwrap_or_else(|| ssm(seen))).await;
    assert_eq!(parameters.put(&name("/p/a"), "v", false).await.unwrap(), 1);
    assert_eq!(aws.seen().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_lost_write_is_read_before_it_is_sent_again() {
    for (lands, sent) in [(true, 1), (false, 2)] {
        let mut ssm = ssm(&[]);
        let mut lost = false;
        let (aws, parameters) = parameters(move |seen| {
            if seen.operation == "PutParameter" && !lost {
                lost = true;
                if lands {
                    ssm(seen);
                }
                return Answer::Cut;
            }
            ssm(seen)
        })
        .await;
        assert_eq!(parameters.put(&name("/p/a"), "v", true).await.unwrap(), 1);
        assert_eq!(aws.sent("PutParameter").len(), sent);
    }
    let (aws, parameters) = parameters(|seen| match seen.operation.as_str() {
        "PutParameter" => Answer::Cut,
        _ => Answer::raw("{}"),
    })
    .await;
    let error = parameters.put(&name("/p/a"), "v", false).await.unwrap_err();
    assert!(matches!(error, ParametersError::InDoubt { .. }), "{error}");
    assert_eq!(aws.sent("PutParameter").len(), 3);
}

#[tokio::test]
async fn refusals_say_what_is_refused() {
    let cases = [
        ("ParameterAlreadyExists", "SSM parameter `/p/a` exists already"),
        ("ParameterPatternMismatchException", "SSM parameter `/p/a` does not take the value `v`"),
        ("AccessDeniedException", "failed to write SSM parameter `/p/a`"),
    ];
    for (code, text) in cases {
        let (_, parameters) = parameters(move |_| Answer::error(code, "m")).await;
        let error = parameters.put(&name("/p/a"), "v", false).await.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(error.aws().code(), Some(code));
    }
}
