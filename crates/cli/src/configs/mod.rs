//! `ottla config`: what topics, brokers, groups and client metrics are configured with.

mod get;
mod set;
mod unset;

use std::fmt;
use std::str::FromStr;

use clap::{Subcommand, ValueEnum};
use client::Client;
use protocol::BrokerId;
use protocol::messages::describe_configs_request::DescribeConfigsResource;
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};
use serde::Serialize;

use crate::Error;
use crate::wire::text;

/// What to do with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows configurations, and where each value comes from.
    #[command(alias = "describe", after_help = get::EXAMPLES)]
    Get(get::Arguments),
    /// Sets configurations.
    #[command(alias = "alter", after_help = set::EXAMPLES)]
    Set(set::Arguments),
    /// Goes back to the defaults of configurations.
    #[command(after_help = unset::EXAMPLES)]
    Unset(unset::Arguments),
}

pub(crate) async fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Get(arguments) => get::run(arguments).await,
        Command::Set(arguments) => set::run(arguments).await,
        Command::Unset(arguments) => unset::run(arguments).await,
    }
}

/// A key with its value, as they are typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err(format!("'{text}' is not KEY=VALUE")),
        }
    }
}

/// What can be configured.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResourceType {
    Topic,
    /// One by its number; all of them, for dynamic defaults, by the empty name.
    Broker,
    /// The levels of a broker's loggers.
    Logger,
    ClientMetrics,
    Group,
}

impl ResourceType {
    /// Its number in messages (`ConfigResource.Type`).
    const fn code(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
            Self::Logger => 8,
            Self::ClientMetrics => 16,
            Self::Group => 32,
        }
    }
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) kind: ResourceType,
    pub(crate) name: String,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_possible_value().expect("no variant is skipped");
        write!(f, "{} {}", kind.get_name(), self.name)
    }
}

impl Resource {
    /// Who answers: a broker knows only its own settings and loggers.
    async fn connection(&self, client: &Client) -> Result<client::Connection, Error> {
        let is_brokers = matches!(self.kind, ResourceType::Broker | ResourceType::Logger);
        match self.name.parse() {
            Ok(id) if is_brokers => Ok(client.broker(BrokerId(id)).await?),
            _ => Ok(client.any().await?),
        }
    }
}

/// One configuration as it is.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// None if it is a secret.
    pub(crate) value: Option<String>,
    /// Where the value comes from.
    pub(crate) source: &'static str,
    pub(crate) read_only: bool,
    pub(crate) sensitive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) documentation: Option<String>,
}

impl Entry {
    /// True unless the value is a default, or another resource's.
    pub(crate) fn is_set_here(&self) -> bool {
        !matches!(self.source, "default" | "static broker" | "dynamic default broker")
    }
}

/// The names of Kafka's sources (`ConfigSource`), by their numbers.
const fn source(code: i8) -> &'static str {
    match code {
        1 => "dynamic topic",
        2 => "dynamic broker",
        3 => "dynamic default broker",
        4 => "static broker",
        5 => "default",
        6 => "dynamic logger",
        7 => "dynamic client metrics",
        8 => "dynamic group",
        _ => "unknown",
    }
}

/// The configurations of a resource: those that are named, or all.
pub(crate) async fn describe(
    client: &Client,
    resource: &Resource,
    keys: &[String],
    with_documentation: bool,
) -> Result<Vec<Entry>, Error> {
    let keys = (!keys.is_empty()).then(|| keys.iter().map(|key| text(key)).collect());
    let asked = DescribeConfigsResource::default()
        .with_resource_type(resource.kind.code())
        .with_resource_name(text(&resource.name))
        .with_configuration_keys(keys);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![asked])
        .with_include_documentation(with_documentation);
    let response = resource.connection(client).await?.call(request).await?;
    let mut entries = Vec::new();
    for result in response.results {
        let message = result.error_message.as_deref();
        client::Error::check(result.error_code, message, || format!("configs of {resource}"))?;
        entries.extend(result.configs.into_iter().map(|config| Entry {
            name: config.name.to_string(),
            value: config.value.map(|value| value.to_string()),
            source: source(config.config_source),
            read_only: config.read_only,
            sensitive: config.is_sensitive,
            documentation: config.documentation.map(|text| text.to_string()),
        }));
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

/// A change of one configuration.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Set(Setting),
    Unset(String),
}

/// Makes all changes to a resource, or none.
pub(crate) async fn alter(
    client: &Client,
    resource: &Resource,
    changes: &[Change],
    is_dry: bool,
) -> Result<(), Error> {
    let configs = changes.iter().map(|change| {
        let (name, operation, value) = match change {
            Change::Set(Setting { key, value }) => (key, 0, Some(text(value))),
            Change::Unset(key) => (key, 1, None),
        };
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(operation)
            .with_value(value)
    });
    let changed = AlterConfigsResource::default()
        .with_resource_type(resource.kind.code())
        .with_resource_name(text(&resource.name))
        .with_configs(configs.collect());
    let request = IncrementalAlterConfigsRequest::default()
        .with_resources(vec![changed])
        .with_validate_only(is_dry);
    let response = resource.connection(client).await?.call(request).await?;
    for result in response.responses {
        let message = result.error_message.as_deref();
        client::Error::check(result.error_code, message, || format!("configs of {resource}"))?;
    }
    Ok(())
}
