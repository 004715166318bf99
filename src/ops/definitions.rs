//! Task definitions of many services at once.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    backend::platform::ecs::{Ecs, EcsError},
    model::TaskDefinition,
};

/// How many are read at the same time: the burst that ECS allows.
const AT_ONCE: usize = 50;

/// Reads task definitions by family (its latest ACTIVE revision) or ARN. A reference that ECS
/// does not know is absent from the answer.
pub(super) async fn definitions(
    ecs: &Ecs,
    references: impl IntoIterator<Item = String>,
) -> Result<BTreeMap<String, TaskDefinition>, EcsError> {
    stream::iter(references)
        .map(async |reference| match ecs.task_definition(&reference).await {
            Ok(definition) => Ok(Some((reference, definition))),
            Err(EcsError::TaskDefinitionNotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        })
        .buffer_unordered(AT_ONCE)
        .try_filter_map(async |found| Ok(found))
        .try_collect()
        .await
}
