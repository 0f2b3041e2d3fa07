//! Agreeing on versions: ApiVersions is asked first, and says what the broker serves (KIP-35, KIP-511).

use std::time::Duration;

use protocol::messages::{self, ApiVersionsRequest, ApiVersionsResponse, Response, StrBytes};
use protocol::{ApiKey, ErrorCode};

use super::Link;
use crate::Error;

/// Asks in the newest version; a broker that does not know it answers in version 0, and is asked again in that.
pub(super) async fn negotiate(link: &Link) -> Result<ApiVersionsResponse, Error> {
    let newest = ApiKey::ApiVersions.versions().max;
    let mut response = ask(link, newest).await?;
    if response.error_code == ErrorCode::UnsupportedVersion.code() {
        response = ask(link, 0).await?;
    }
    Error::check(response.error_code, None, || {
        format!("agreeing on versions with {}", link.address)
    })?;
    Ok(response)
}

async fn ask(link: &Link, version: i16) -> Result<ApiVersionsResponse, Error> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("ottla"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    let body = link.ask(version, &request.into(), Duration::ZERO).await?;
    // The error code stands first in every version.
    let is_refused = body.starts_with(&ErrorCode::UnsupportedVersion.code().to_be_bytes());
    let version = if is_refused { 0 } else { version };
    let response = link.checked(messages::decode_response(ApiKey::ApiVersions, version, body))?;
    match response {
        Response::ApiVersions(response) => Ok(response),
        other => link.checked(Err(format!("it is a response of {}", other.api()))),
    }
}
