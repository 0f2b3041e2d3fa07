//! The headers before requests and responses, parsed from a frame and written in front of a body.

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::protocol::buf::ByteBufMut;

use super::{FrameError, LENGTH_BYTES, RopeEncoder};
use crate::api::ApiKey;
use crate::messages::{EncodeError, Request, Response, StrBytes};
use crate::wire::{Reader, WireError};

/// What stands before the body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API that is asked for.
    pub api: ApiKey,
    /// The version of request and response. It may be one that we do not speak.
    pub version: i16,
    /// What the response has to repeat.
    pub correlation_id: i32,
    /// Who asks; empty if the client did not say.
    pub client_id: StrBytes,
}

/// Splits a request, without its length, into header and body.
///
/// The header can be read for any version of a known API: its own version depends on both. Its tagged fields, none of
/// which Kafka has given a meaning yet, are passed over.
pub fn split_request(frame: Bytes) -> Result<(RequestHeader, Bytes), FrameError> {
    let mut reader = Reader::new(&frame, 0, false);
    let (key, version) = (reader.read()?, reader.read()?);
    let api = ApiKey::from_key(key).ok_or(FrameError::UnknownApi { key, version })?;
    let correlation_id = reader.read()?;
    // The client id has the old form in every header, so that the header of an unknown version can be read (KIP-511).
    let client_id_len = reader.string_len()?.unwrap_or(0);
    let client_id = reader.take(client_id_len)?;
    let client_id = StrBytes::from_utf8(frame.slice_ref(client_id)).map_err(|_| WireError::Utf8)?;
    let mut tags = Reader::new(reader.rest(), 0, api.request_header_version(version) >= 2);
    tags.skip_tags()?;
    let body = frame.slice_ref(tags.rest());
    Ok((RequestHeader { api, version, correlation_id, client_id }, body))
}

/// Splits a response, without its length, into correlation id and body; `api` and `version` are those of the request.
pub fn split_response(api: ApiKey, version: i16, frame: Bytes) -> Result<(i32, Bytes), FrameError> {
    let mut reader = Reader::new(&frame, 0, api.response_header_version(version) >= 1);
    let correlation_id = reader.read()?;
    reader.skip_tags()?;
    let body = frame.slice_ref(reader.rest());
    Ok((correlation_id, body))
}

/// Writes a request with its header and length.
pub fn encode_request(header: &RequestHeader, request: &Request) -> Result<Bytes, EncodeError> {
    let &RequestHeader { api, version, correlation_id, ref client_id } = header;
    let failed = |reason: String| EncodeError { api, version, reason };
    let client_id_len = i16::try_from(client_id.len())
        .map_err(|_| failed(format!("a client id of {} bytes is too long", client_id.len())))?;
    let mut frame = BytesMut::new();
    frame.put_bytes(0, LENGTH_BYTES);
    frame.put_i16(api.key());
    frame.put_i16(version);
    frame.put_i32(correlation_id);
    frame.put_i16(client_id_len);
    frame.put_slice(client_id.as_bytes());
    put_no_tags(&mut frame, api.request_header_version(version) >= 2);
    request.encode(version, &mut frame)?;
    let length = frame.len();
    set_length(&mut frame, length).map_err(failed)?;
    Ok(frame.freeze())
}

/// Writes a response with its header and length. `version` is that of the request, or 0 in the answer to an ApiVersions
/// request of an unknown version. Records that were shared with `rope` before are not copied.
///
/// After an error the rope holds part of a frame and is to be thrown away.
pub fn encode_response(
    version: i16,
    correlation_id: i32,
    response: &Response,
    rope: &mut RopeEncoder,
) -> Result<(), EncodeError> {
    let api = response.api();
    rope.put_bytes(0, LENGTH_BYTES);
    rope.put_i32(correlation_id);
    put_no_tags(rope, api.response_header_version(version) >= 1);
    response.encode(version, rope)?;
    let length = rope.len();
    set_length(rope, length).map_err(|reason| EncodeError { api, version, reason })
}

/// Ends a header that has tagged fields with none.
fn put_no_tags(buf: &mut impl ByteBufMut, has_tags: bool) {
    if has_tags {
        buf.put_u8(0);
    }
}

/// Writes the length of a whole frame of `length` bytes into the room that was left for it.
fn set_length(frame: &mut impl ByteBufMut, length: usize) -> Result<(), String> {
    let length = i32::try_from(length - LENGTH_BYTES)
        .map_err(|_| format!("a frame of {length} bytes is too long"))?;
    frame.range(0..LENGTH_BYTES).copy_from_slice(&length.to_be_bytes());
    Ok(())
}
