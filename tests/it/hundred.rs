//! A set of a hundred services.

use crate::{
    estate::{assert_well_told, manifest, newest, points_of, statuses},
    record::sizes,
    support::Shop,
};

/// How many services there are.
const SERVICES: usize = 100;
/// The most that DynamoDB takes in one item, in bytes.
const MOST: i64 = 400 * 1024;
/// The deployment.
const DEPLOY: &[&str] = &["deploy", "all", "prod", "-y"];

#[test]
fn a_hundred_services_are_deployed_and_finished_after_a_death_in_the_middle() {
    let names: Vec<String> = (0..SERVICES).map(|number| format!("service-{number:03}")).collect();
    let services: Vec<&str> = names.iter().map(String::as_str).collect();
    let template = Shop::with(&manifest(&services));
    let points = points_of(&template, DEPLOY);

    let shop = template.copy();
    shop.forget_requests();
    shop.sandbox(&["crash", "--after", &(points / 2).to_string()]);
    let died = shop.run(DEPLOY);
    assert_eq!((died.code, died.signal), (None, Some(9)), "\n{}\n{}", died.stdout, died.stderr);
    let begun = shop.count("UpdateService");
    assert!((1..SERVICES).contains(&begun), "{begun}");
    let resumed = shop.run(&["resume"]).expect(0);
    assert_well_told(&resumed);
    assert_eq!(statuses(&shop), ["SUCCEEDED"]);
    for operation in ["RegisterTaskDefinition", "PutParameter", "UpdateService"] {
        assert_eq!(shop.count(operation), SERVICES, "{operation}");
    }
    let deployment = newest(&shop);
    let steps = deployment["steps"].as_array().unwrap();
    assert_eq!(steps.iter().filter(|step| step["status"] == "VERIFIED").count(), SERVICES);
    shop.run(&["status", "all", "prod", "--exit-code"]).expect(0);

    let sizes = sizes(&shop);
    println!("{points} points; died with {begun} moved; the greatest items: {:?}", &sizes[..3]);
    // A hundred services use a tenth of what an item may have.
    assert!(sizes[0].0 < MOST / 10, "{:?}", sizes[0]);
}
