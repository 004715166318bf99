//! Shapes of the SDK inside what the sandbox remembers.
//!
//! A request's own input is kept as its JSON on the wire, so that every member which the SDK knows
//! can be told again later.

use std::ops::{Deref, DerefMut};

use aws_sdk_codedeploy::operation::create_deployment_group::CreateDeploymentGroupInput;
use aws_sdk_ecs::operation::{
    create_cluster::CreateClusterInput, create_service::CreateServiceInput, run_task::RunTaskInput,
};
use aws_smithy_schema::serde::{SerdeError, SerializableStruct, ShapeDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use crate::sandbox::{call::Fault, wire};

/// A shape that can be read back.
pub(in crate::sandbox) trait Shape: SerializableStruct + Sized {
    /// Reads it from the wire.
    fn read(deserializer: &mut dyn ShapeDeserializer) -> Result<Self, SerdeError>;
}

impl Shape for CreateClusterInput {
    fn read(deserializer: &mut dyn ShapeDeserializer) -> Result<Self, SerdeError> {
        Self::deserialize(deserializer)
    }
}

impl Shape for CreateServiceInput {
    fn read(deserializer: &mut dyn ShapeDeserializer) -> Result<Self, SerdeError> {
        Self::deserialize(deserializer)
    }
}

impl Shape for CreateDeploymentGroupInput {
    fn read(deserializer: &mut dyn ShapeDeserializer) -> Result<Self, SerdeError> {
        Self::deserialize(deserializer)
    }
}

impl Shape for RunTaskInput {
    fn read(deserializer: &mut dyn ShapeDeserializer) -> Result<Self, SerdeError> {
        Self::deserialize(deserializer)
    }
}

/// A shape that is remembered as its JSON.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Stored<T>(pub(in crate::sandbox) T);

impl<T> Deref for Stored<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Stored<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Shape> Stored<T> {
    /// Its JSON.
    pub(super) fn json(&self) -> Result<serde_json::Value, Fault> {
        let bytes = wire::write(&self.0)?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Fault::new("ServerException", error.to_string()))
    }

    /// Reads it from its JSON.
    pub(super) fn from_json(json: &serde_json::Value) -> Result<Self, Fault> {
        wire::read(json.to_string().as_bytes(), T::read).map(Self)
    }
}

impl<T: Shape> Serialize for Stored<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = wire::write(&self.0).map_err(|fault| ser::Error::custom(words(&fault)))?;
        let text = String::from_utf8(bytes.to_vec()).map_err(ser::Error::custom)?;
        RawValue::from_string(text).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de, T: Shape> Deserialize<'de> for Stored<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let shape = wire::read(raw.get().as_bytes(), T::read);
        shape.map(Self).map_err(|fault| de::Error::custom(words(&fault)))
    }
}

/// What went wrong with a shape.
fn words(fault: &Fault) -> String {
    format!("{fault:?}")
}
