//! The table as Terraform has it, for teams whose tables are all in Terraform.

use super::{super::Index, table::index_name};
use crate::model::TableName;

/// The HCL of a table that is as [`DynamoStore::create_table`](super::DynamoStore::create_table)
/// makes it. One that `is_there` already comes with a block that imports it.
#[must_use]
pub fn terraform(table: &TableName, is_there: bool) -> String {
    let mut blocks = vec![resource(table)];
    if is_there {
        blocks.push(format!(
            "import {{\n  to = aws_dynamodb_table.release_tool\n  id = \"{table}\"\n}}"
        ));
    }
    blocks.join("\n\n")
}

/// The table's block.
fn resource(table: &TableName) -> String {
    let attributes = ["pk", "sk"]
        .into_iter()
        .chain(
            Index::BOTH.into_iter().flat_map(|index| [index.pk_attribute(), index.sk_attribute()]),
        )
        .map(|name| format!("\n  attribute {{\n    name = \"{name}\"\n    type = \"S\"\n  }}\n"));
    let indexes = Index::BOTH.into_iter().map(|index| {
        format!(
            "\n  global_secondary_index {{\n    name            = \"{}\"\n    hash_key        = \
             \"{}\"\n    range_key       = \"{}\"\n    projection_type = \"ALL\"\n  }}\n",
            index_name(index),
            index.pk_attribute(),
            index.sk_attribute()
        )
    });
    let blocks: String = attributes.chain(indexes).collect();
    format!(
        "resource \"aws_dynamodb_table\" \"release_tool\" {{\n  name                        = \
         \"{table}\"\n  billing_mode                = \"PAY_PER_REQUEST\"\n  hash_key              \
              = \"pk\"\n  range_key                   = \"sk\"\n  deletion_protection_enabled = \
         true\n{blocks}\n  point_in_time_recovery {{\n    enabled = true\n  }}\n}}"
    )
}
