//! The SDK's own client understands the answers.

use aws_sdk_ssm::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata,
    operation::get_parameters_by_path::GetParametersByPathOutput,
    types::ParameterType,
};

use super::store;

/// A client of an empty Parameter Store.
fn client() -> Client {
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .http_client(store())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_client_writes_lists_and_deletes() {
    let client = client();
    for number in 0..23 {
        let name = format!("/project/images/latest/s{number:02}");
        client
            .put_parameter()
            .name(name)
            .value("uri")
            .r#type(ParameterType::String)
            .send()
            .await
            .unwrap();
    }
    let pages: Vec<GetParametersByPathOutput> = client
        .get_parameters_by_path()
        .path("/project/images")
        .recursive(true)
        .into_paginator()
        .send()
        .collect::<Result<_, _>>()
        .await
        .unwrap();
    let all: Vec<_> = pages.into_iter().flat_map(|page| page.parameters.unwrap()).collect();
    assert_eq!(all.len(), 23);
    assert_eq!(
        all[0].arn().unwrap(),
        "arn:aws:ssm:eu-west-1:000000000000:parameter/project/images/latest/s00"
    );
    assert_eq!(all[0].last_modified_date().unwrap().subsec_nanos(), 125_000_000);
    client.delete_parameter().name("/project/images/latest/s00").send().await.unwrap();
}

#[tokio::test]
async fn a_client_knows_the_errors() {
    let client = client();
    let missing = client.get_parameter().name("/x").send().await.unwrap_err().into_service_error();
    assert!(missing.is_parameter_not_found());
    assert_eq!(missing.message(), Some("Parameter /x not found."));
    let token = client.describe_parameters().next_token("?").send().await.unwrap_err();
    let token = token.into_service_error();
    assert!(token.is_invalid_next_token());
    assert_eq!(token.message(), Some("The specified token isn't valid."));
    let name = client.put_parameter().name("ssm").value("v").send().await.unwrap_err();
    assert_eq!(name.code(), Some("ValidationException"));
}
