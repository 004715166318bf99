//! The table as Terraform has it, for teams whose tables are all in Terraform.

use super::{
    super::Index,
    convert::{PK, SK},
    table::index_name,
};
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
    let of_indexes = Index::BOTH.into_iter();
    let of_indexes = of_indexes.flat_map(|index| [index.pk_attribute(), index.sk_attribute()]);
    let attributes: String = [PK, SK].into_iter().chain(of_indexes).map(attribute).collect();
    let indexes: String = Index::BOTH.into_iter().map(index).collect();
    format!(
        r#"resource "aws_dynamodb_table" "release_tool" {{
  name                        = "{table}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "{PK}"
  range_key                   = "{SK}"
  deletion_protection_enabled = true
{attributes}{indexes}
  point_in_time_recovery {{
    enabled = true
  }}
}}"#
    )
}

/// The block of an attribute that is part of a key.
fn attribute(name: &str) -> String {
    format!(
        r#"
  attribute {{
    name = "{name}"
    type = "S"
  }}
"#
    )
}

/// The block of an index.
fn index(index: Index) -> String {
    let (name, pk, sk) = (index_name(index), index.pk_attribute(), index.sk_attribute());
    format!(
        r#"
  global_secondary_index {{
    name            = "{name}"
    hash_key        = "{pk}"
    range_key       = "{sk}"
    projection_type = "ALL"
  }}
"#
    )
}
