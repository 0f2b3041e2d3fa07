//! Listeners that fit each other, and what clients are told of them (`AbstractKafkaConfig`, `KafkaConfig.validateValues`).

use std::collections::HashMap;

use crate::error::Error;
use crate::listener::{HostPort, Listener, SecurityProtocol, parse_listener, parse_map};
use crate::reader::Reader;
use crate::settings::Settings;
use crate::value::Value;

const LISTENERS: &str = "listeners";
const ADVERTISED: &str = "advertised.listeners";
const PROTOCOLS: &str = "listener.security.protocol.map";
const INTER_BROKER: &str = "inter.broker.listener.name";
const CONTROLLERS: &str = "controller.listener.names";
const HTTP: &str = "ottla.http.listener";

/// The listeners of a broker, by what they are for.
pub(super) struct Listeners {
    pub(super) brokers: Vec<Listener>,
    pub(super) controllers: Vec<Listener>,
    pub(super) advertised: Option<Vec<Listener>>,
    pub(super) inter_broker: String,
    pub(super) http: Option<HostPort>,
}

/// Security protocols by the names of listeners.
type Protocols = HashMap<String, SecurityProtocol>;

pub(super) fn read<F: Fn(&str) -> Option<Value>>(
    broker: &Settings,
    reader: &Reader<F>,
) -> Result<Listeners, Error> {
    let names: Vec<String> = match broker.get(CONTROLLERS) {
        Some(_) => reader.list(CONTROLLERS).iter().map(|name| name.to_ascii_uppercase()).collect(),
        None => Vec::new(),
    };
    let protocols = protocols(broker, reader, &names)?;
    let all = parse(reader, LISTENERS, reader.list(LISTENERS), &protocols)?;
    check_ports(reader, &all)?;
    if let Some(name) = names.iter().find(|name| all.iter().all(|other| other.name != **name)) {
        return Err(reader.refuse(CONTROLLERS, format!("{name} is none of {LISTENERS}")));
    }
    let (controllers, brokers): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|listener| names.contains(&listener.name));
    if brokers.is_empty() {
        let reason = format!("none is left for clients: all are in {CONTROLLERS}");
        return Err(reader.refuse(LISTENERS, reason));
    }
    let advertised = match broker.get(ADVERTISED) {
        Some(_) => Some(advertised(reader, &names, &brokers, &protocols)?),
        None => None,
    };
    let inter_broker =
        inter_broker(broker, reader, advertised.as_deref().unwrap_or(&brokers), &protocols)?;
    let http = http(reader, &brokers, &controllers)?;
    Ok(Listeners { brokers, controllers, advertised, inter_broker, http })
}

/// The map of protocols. Without one of its own a broker may give its controllers' listeners any name
/// (`AbstractKafkaConfig.effectiveListenerSecurityProtocolMap`).
fn protocols<F: Fn(&str) -> Option<Value>>(
    broker: &Settings,
    reader: &Reader<F>,
    controllers: &[String],
) -> Result<Protocols, Error> {
    let text = reader.string(PROTOCOLS);
    let Some(pairs) = parse_map(&text) else {
        return Err(reader.refuse(PROTOCOLS, "it is a list of NAME:PROTOCOL"));
    };
    let mut map = HashMap::new();
    for (name, protocol) in pairs {
        let Some(protocol) = SecurityProtocol::from_name(protocol) else {
            let names = SecurityProtocol::ALL.map(SecurityProtocol::name).join(", ");
            let reason = format!("there is no security protocol `{protocol}`, only {names}");
            return Err(reader.refuse(PROTOCOLS, reason));
        };
        map.insert(name.to_ascii_uppercase(), protocol);
    }
    if broker.get(PROTOCOLS).is_none() {
        for name in controllers {
            map.entry(name.clone()).or_insert(SecurityProtocol::Plaintext);
        }
    }
    Ok(map)
}

/// Parses the listeners of `key`, which have different names.
fn parse<F: Fn(&str) -> Option<Value>>(
    reader: &Reader<F>,
    key: &'static str,
    texts: Vec<String>,
    protocols: &Protocols,
) -> Result<Vec<Listener>, Error> {
    let mut listeners: Vec<Listener> = Vec::with_capacity(texts.len());
    for text in texts {
        let Some((name, HostPort { host, port })) = parse_listener(&text) else {
            let reason = format!("`{text}` is not of the form NAME://host:port");
            return Err(reader.refuse(key, reason));
        };
        let Some(protocol) = protocols.get(&name).copied() else {
            let reason = format!("{name} has no security protocol; name one in {PROTOCOLS}");
            return Err(reader.refuse(key, reason));
        };
        if protocol != SecurityProtocol::Plaintext {
            let reason = format!("{name} needs {protocol}, and so far only PLAINTEXT works");
            return Err(reader.refuse(key, reason));
        }
        if listeners.iter().any(|other| other.name == name) {
            return Err(reader.refuse(key, format!("{name} comes twice")));
        }
        listeners.push(Listener { name, protocol, host, port });
    }
    Ok(listeners)
}

/// Two listeners may have one port only if one has an IPv4 address and the other an IPv6 address.
fn check_ports<F: Fn(&str) -> Option<Value>>(
    reader: &Reader<F>,
    listeners: &[Listener],
) -> Result<(), Error> {
    for listener in listeners.iter().filter(|listener| listener.port != 0) {
        let port = listener.port;
        let same: Vec<_> = listeners.iter().filter(|other| other.port == port).collect();
        let fits = match *same {
            [_] => true,
            [one, other] => one
                .ip()
                .zip(other.ip())
                .is_some_and(|(one, other)| one.is_ipv4() != other.is_ipv4()),
            _ => false,
        };
        if !fits {
            let reason = format!("several listeners have the port {port}");
            return Err(reader.refuse(LISTENERS, reason));
        }
    }
    Ok(())
}

/// What clients are told: addresses that they can reach, of listeners that there are.
fn advertised<F: Fn(&str) -> Option<Value>>(
    reader: &Reader<F>,
    controllers: &[String],
    brokers: &[Listener],
    protocols: &Protocols,
) -> Result<Vec<Listener>, Error> {
    let mut advertised = parse(reader, ADVERTISED, reader.list(ADVERTISED), protocols)?;
    if let Some(listener) =
        advertised.iter().find(|listener| listener.is_wildcard() || listener.port == 0)
    {
        let reason = format!("nobody can connect to {listener}: name the host and port to reach");
        return Err(reader.refuse(ADVERTISED, reason));
    }
    advertised.retain(|listener| !controllers.contains(&listener.name));
    let known = |name: &String| brokers.iter().any(|other| other.name == *name);
    match advertised.iter().find(|listener| !known(&listener.name)) {
        Some(listener) => {
            let reason = format!("{} is none of {LISTENERS}", listener.name);
            Err(reader.refuse(ADVERTISED, reason))
        }
        None if advertised.is_empty() => Err(reader.refuse(ADVERTISED, "none is for clients")),
        None => Ok(advertised),
    }
}

/// The listener between brokers, which they are told of like clients.
fn inter_broker<F: Fn(&str) -> Option<Value>>(
    broker: &Settings,
    reader: &Reader<F>,
    advertised: &[Listener],
    protocols: &Protocols,
) -> Result<String, Error> {
    let name = match reader.optional_string(INTER_BROKER) {
        Some(_) if broker.get("security.inter.broker.protocol").is_some() => {
            let reason = "security.inter.broker.protocol says it too; set only one of them";
            return Err(reader.refuse(INTER_BROKER, reason));
        }
        Some(name) => name.to_ascii_uppercase(),
        None => reader.string("security.inter.broker.protocol"),
    };
    if !protocols.contains_key(&name) {
        let reason = format!("it has no security protocol; name one in {PROTOCOLS}");
        return Err(reader.refuse(INTER_BROKER, reason));
    }
    if advertised.iter().any(|listener| listener.name == name) {
        return Ok(name);
    }
    let names: Vec<_> = advertised.iter().map(|listener| listener.name.as_str()).collect();
    let reason = format!(
        "brokers would reach each other over {name}, and there is only {}",
        names.join(", ")
    );
    Err(reader.refuse(INTER_BROKER, reason))
}

/// Where metrics are served, on a port of its own.
fn http<F: Fn(&str) -> Option<Value>>(
    reader: &Reader<F>,
    brokers: &[Listener],
    controllers: &[Listener],
) -> Result<Option<HostPort>, Error> {
    let Some(text) = reader.optional_string(HTTP) else { return Ok(None) };
    let Some(http) = HostPort::parse(&text) else {
        return Err(reader.refuse(HTTP, "it is of the form host:port"));
    };
    match brokers.iter().chain(controllers).find(|other| http.port != 0 && other.port == http.port)
    {
        Some(other) => Err(reader.refuse(HTTP, format!("{} has this port", other.name))),
        None => Ok(Some(http)),
    }
}

#[cfg(test)]
mod tests;
