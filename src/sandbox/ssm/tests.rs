//! The Parameter Store as its clients see it.

mod client;
mod history;
mod listing;
mod writing;

use serde_json::{Value, json};

use crate::sandbox::testing::Service;
pub(super) use crate::sandbox::testing::{code, scope};

/// An empty Parameter Store.
fn store() -> Service {
    Service::new(super::answer)
}

impl Service {
    /// Puts a `String` parameter, creating it or not; gives the version's number.
    fn put(&self, name: &str, value: &str) -> i64 {
        let exists = self.ask("GetParameter", &json!({"Name": name})).is_ok();
        let mut body = json!({"Name": name, "Value": value, "Overwrite": exists});
        if !exists {
            body["Type"] = json!("String");
        }
        self.get("PutParameter", &body)["Version"].as_i64().unwrap()
    }

    /// The value that a reference stands for.
    fn value(&self, reference: &str) -> Value {
        self.get("GetParameter", &json!({"Name": reference}))["Parameter"]["Value"].clone()
    }
}
