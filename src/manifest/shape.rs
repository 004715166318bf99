//! The shape of a manifest: every table, its keys, their types and their documentation.
//!
//! This is the only list of keys there is. The reader, the JSON schema and the hints about unknown
//! keys all come from it. The types say what stands where in the file; what it means, and whether
//! it makes sense, is the business of the module `check`.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{
    read::{
        Account, Clusters, Collection, Command, Containers, Fields, Members, Names, OneOff, Reader,
        Timeout,
    },
    tree::Text,
};
use crate::model::OnFailure;

/// One key of a table.
pub(super) struct Key {
    /// The key.
    pub(super) name: &'static str,
    /// The name that RFC 013 has for it.
    pub(super) alias: Option<&'static str>,
    /// Whether the table makes no sense without it.
    pub(super) is_required: bool,
    /// What it means: the lines of its documentation.
    pub(super) doc: &'static str,
    /// The schema of its value.
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// A table with a fixed set of keys.
pub(super) trait Shape: Sized {
    /// What the table describes, with an article: `a project`.
    const OWNER: &'static str;
    /// Its keys, in the order of the documentation.
    const KEYS: &'static [Key];

    /// Reads the values of the keys that are there.
    fn fill(fields: &Fields<'_>, reader: &mut Reader) -> Self;
}

/// Defines a table: a struct with an `Option` for each key, and the table's [`Shape`] and schema.
///
/// A key is `name: Type`, `name | alias: Type`, or `[required] name: Type`.
macro_rules! shape {
    (
        $(#[doc = $doc:literal])+
        $(@ $attribute:meta)? $name:ident, $owner:literal {
            $($(#[doc = $key_doc:literal])+ $([$required:ident])? $key:ident $(| $alias:ident)?: $type:ty,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        $(#[$attribute])?
        pub(super) struct $name {
            $($(#[doc = $key_doc])+ pub(super) $key: Option<$type>,)+
        }

        impl Shape for $name {
            const OWNER: &'static str = $owner;
            const KEYS: &'static [Key] = &[$(Key {
                name: stringify!($key),
                alias: shape!(@alias $($alias)?),
                is_required: shape!(@required $($required)?),
                doc: concat!($($key_doc, "\n"),+),
                schema: |generator| generator.subschema_for::<$type>(),
            }),+];

            fn fill(fields: &Fields<'_>, reader: &mut Reader) -> Self {
                Self {
                    $($key: fields.take(stringify!($key), reader),)+
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                super::schema::of_table(concat!($($doc, "\n"),+), Self::KEYS, generator)
            }
        }
    };
    (@required) => { false };
    (@required required) => { true };
    (@alias) => { None };
    (@alias $alias:ident) => { Some(stringify!($alias)) };
}

shape! {
    /// One product, usually one git repository. The key that leads here is the project's id, the
    /// first part of its SSM parameters `/{project}/images/{label}/{image}`.
    Project, "a project" {
        /// The name to show. Default: the project's id.
        name: Text,
        /// The AWS region of all environments that name none, such as `eu-west-1`.
        region: Text,
        /// The AWS account of all environments that name none. It is compared with the account of
        /// the credentials before anything is written. 12 digits; zeros that got lost at the
        /// beginning are put back.
        account | account_id: Account,
        /// The IAM role to take on: for the labels, and for all environments that name none and no
        /// other account.
        role_arn: Text,
        /// The profile in the AWS configuration files for all environments that name none.
        profile: Text,
        /// Where releases and deployments are recorded. Default: the file
        /// `.release-tool/store.sqlite` beside the manifest.
        store: Store,
        /// The Terraform state of all environments that name none.
        terraform: Terraform,
        /// Where services run, by environment id.
        environments: Collection<Environment>,
        /// Services that are released together, by service set id.
        service_sets: Collection<ServiceSet>,
        /// The functions of the project, by service id. A project that has neither `services` nor
        /// `service_sets` is open: every image registered under the label `latest` is a service.
        services: Collection<Service>,
        /// The build artifacts that can be deployed, by image id. May be left out; if it is there,
        /// it must have every image that a service names.
        images: Collection<Image>,
    }
}

shape! {
    /// Where services run. The key that leads here is the environment's id, which is also the
    /// label that deployments to it write.
    Environment, "an environment" {
        /// The name to show. Default: the environment's id.
        name: Text,
        /// The name of the ECS cluster.
        cluster | cluster_name: Text,
        /// The AWS region. Default: that of the project.
        region: Text,
        /// The AWS account. Default: that of the project.
        account | account_id: Account,
        /// The IAM role to take on. Default: that of the project, where it is in the environment's
        /// account; else none.
        role_arn: Text,
        /// The external id that the role asks for.
        external_id: Text,
        /// The profile in the AWS configuration files. Default: that of the project.
        profile: Text,
        /// The environment whose last verified images are deployed here. Default: the images under
        /// the label `latest`.
        from: Text,
        /// The host of the ECR registry that images are deployed from, such as
        /// `222222222222.dkr.ecr.eu-west-1.amazonaws.com`: each image has to be there at the same
        /// digest. Default: the registry that the image was registered with.
        registry: Text,
        /// What is done with the other services when one fails: `rollback` puts back all that were
        /// moved, `hold` starts nothing more and leaves them where they are, `continue` deploys
        /// the others all the same. Default: `rollback`.
        on_failure: OnFailure,
        /// Whether a deployment must say why it is made. Default: `false`.
        require_reason: bool,
        /// The Terraform state that has the services. Default: that of the project.
        terraform: Terraform,
    }
}

shape! {
    /// Services that are released together. The key that leads here is the set's id.
    ServiceSet, "a service set" {
        /// The name to show. Default: the set's id.
        name: Text,
        /// The services of the set: the ids of services of the project, or whole services that are
        /// defined here.
        [required] services: Members,
        /// The AWS account of the set's environments, as RFC 013 writes it.
        account | account_id: Account,
        /// The environments of the set with the cluster that the set's services have there, as
        /// RFC 013 writes it.
        environments: Collection<SetEnvironment>,
        /// The services that are restarted once the set is deployed and verified: a list of service
        /// ids. One that the deployment moves anyway is not restarted a second time.
        restart: Names,
    }
}

shape! {
    /// An environment as a service set sees it. The key that leads here is the environment's id.
    SetEnvironment, "an environment of a service set" {
        /// The name to show. Default: the environment's id.
        name: Text,
        /// The name of the ECS cluster that the set's services run in.
        cluster | cluster_name: Text,
    }
}

shape! {
    /// One function of a project. The key that leads here is the service's id.
    @ expect(clippy::struct_field_names, reason = "the keys are what the file calls them")
    Service, "a service" {
        /// The name to show. Default: the service's id.
        name: Text,
        /// The name of the ECS service, in which `{env}` stands for the environment's id.
        /// Default: the service's id.
        service: Text,
        /// The images that the service runs: a list of image ids, each for the container of that
        /// name, or a table of container names and image ids. Default: the image with the
        /// service's id, in the container of that name.
        images: Containers,
        /// The clusters of this service where they are not those of the environments: a table of
        /// environment ids and cluster names.
        cluster: Clusters,
        /// The image repository of the service's only image; the same as `repository` of that
        /// image in the table `images`.
        repository | repository_name: Text,
        /// What is done before the service is moved to another image.
        before: Before,
        /// The services that are restarted once this one is deployed and verified: a list of service
        /// ids. One that the deployment moves anyway is not restarted a second time.
        restart: Names,
        /// The deployment group of CodeDeploy that moves the service's tasks, where its deployment
        /// controller is `CODE_DEPLOY`. Default: the group that names the ECS service.
        code_deploy: CodeDeploy,
    }
}

shape! {
    /// What is done before a service is moved to another image.
    Before, "a `before` table" {
        /// The one-off task that is run from the new image, before anything is changed for any
        /// service: a list of the command and its arguments, or a table.
        [required] run_task: OneOff,
    }
}

shape! {
    /// A one-off task.
    RunTask, "a one-off task" {
        /// The command and its arguments.
        [required] command: Command,
        /// The container that is given the command, one of those of the service's `images`.
        /// Default: the only one.
        container: Text,
        /// How long it is waited for, such as `90s`, `15m` or `2h`. Default: `15m`.
        timeout: Timeout,
    }
}

shape! {
    /// What moves a service's tasks in CodeDeploy. In both names `{env}` stands for the
    /// environment's id.
    CodeDeploy, "a deployment group" {
        /// The name of the application.
        [required] application: Text,
        /// The name of the deployment group.
        [required] group: Text,
    }
}

shape! {
    /// A build artifact that can be deployed. The key that leads here is the image's id.
    Image, "an image" {
        /// The name to show. Default: the image's id.
        name: Text,
        /// The repository, such as `example/id_minter` in the registry of the account, or with the
        /// registry's host. An image from elsewhere is not registered under this id.
        repository | repository_name: Text,
    }
}

shape! {
    /// Where releases and deployments are recorded.
    Store, "a store" {
        /// The path of an SQLite file, from the folder of the manifest: for one machine.
        sqlite: Text,
        /// The name of a DynamoDB table: for a team. `release-tool store create` makes it.
        dynamodb: Text,
        /// The AWS region of the table. Default: that of the project.
        region: Text,
        /// The AWS account of the table. It is compared with the account of the credentials.
        /// Default: any.
        account | account_id: Account,
        /// The IAM role to take on for the table. Default: none, whatever the project has.
        role_arn: Text,
        /// The external id that the role asks for.
        external_id: Text,
        /// The profile in the AWS configuration files. Default: that of the project.
        profile: Text,
    }
}

shape! {
    /// What Terraform says of the services. It is read before a deployment, which warns where
    /// `terraform apply` would take it back.
    Terraform, "a `terraform` table" {
        /// The path of a file that `terraform show -json` wrote, or of a state file, from the folder
        /// of the manifest. In it `{env}` stands for the environment's id.
        [required] state: Text,
    }
}

/// The keys of every table, with what the table describes.
pub(super) const SHAPES: &[(&str, &[Key])] = &[
    (Project::OWNER, Project::KEYS),
    (Environment::OWNER, Environment::KEYS),
    (ServiceSet::OWNER, ServiceSet::KEYS),
    (SetEnvironment::OWNER, SetEnvironment::KEYS),
    (Service::OWNER, Service::KEYS),
    (Before::OWNER, Before::KEYS),
    (RunTask::OWNER, RunTask::KEYS),
    (CodeDeploy::OWNER, CodeDeploy::KEYS),
    (Image::OWNER, Image::KEYS),
    (Store::OWNER, Store::KEYS),
    (Terraform::OWNER, Terraform::KEYS),
];

/// The first table that has a key, as what it describes.
pub(super) fn owner_of(key: &str) -> Option<&'static str> {
    let has = |keys: &[Key]| keys.iter().any(|k| k.name == key || k.alias == Some(key));
    SHAPES.iter().find(|(_, keys)| has(keys)).map(|(owner, _)| *owner)
}
