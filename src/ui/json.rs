//! Output for programs: versioned documents, and events a line each.

use serde::Serialize;
use serde_json::json;

use super::console::Console;
use crate::model::{Event, Listener};

/// The version of all documents and events. It goes up when a member changes its meaning or goes;
/// new members may come at any time.
const VERSION: u32 = 1;

/// A document: `content` with `schema` (`release-tool/<kind>`) and `version` before it.
///
/// `content` must serialize to an object; anything else is put under the member `value`.
#[must_use]
pub fn document(kind: &str, content: &impl Serialize) -> String {
    let mut document = serde_json::Map::new();
    document.insert("schema".to_owned(), json!(format!("release-tool/{kind}")));
    document.insert("version".to_owned(), json!(VERSION));
    match serde_json::to_value(content) {
        Ok(serde_json::Value::Object(members)) => document.extend(members),
        Ok(other) => {
            document.insert("value".to_owned(), other);
        }
        Err(error) => {
            document.insert("unwritable".to_owned(), json!(error.to_string()));
        }
    }
    serde_json::Value::Object(document).to_string()
}

/// Writes each event as a line of JSON.
pub struct JsonLines {
    /// Where to.
    console: Console,
}

impl JsonLines {
    /// Writes to the console's output.
    #[must_use]
    pub fn new(console: Console) -> Self {
        Self { console }
    }
}

impl Listener for JsonLines {
    fn hear(&self, event: &Event) {
        self.console.result(document("event", event));
    }
}
