"""Requests and responses over a socket, with the codec of kio: generated from Kafka's schemas, and nothing of ours.

A request is given as keyword arguments, nested ones as lists of dicts, with kio's names of Kafka's fields. A field that
the version does not have is left out, so that one call serves all versions of an API; a name that no version has is an
error. An answer is a `Struct`, with times and intervals as integers of milliseconds. One that is not decoded to its last
byte is an error.
"""

import datetime
import functools
import io
import re
import socket
import struct
from dataclasses import MISSING, fields
from pkgutil import resolve_name
from types import UnionType
from typing import get_args, get_origin

from kio.schema.errors import ErrorCode
from kio.schema.index import api_key_map, schema_name_map
from kio.serial import entity_reader, entity_writer
from kio.serial._implicit_defaults import primitive_implicit_defaults
from kio.static.constants import EntityType

# However slow the machine is, an answer comes by then.
LIMIT_S = 60
EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
API_KEYS = {
    "".join(part.title() for part in name.split("_")): key for key, name in api_key_map.items()
}


class Struct(dict):
    """A decoded struct: `answer.topics[0].name`."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no {name} in {self}") from None


def versions(api):
    """The versions of an API that kio has."""
    return sorted(schema_name_map[api_key_map[API_KEYS[api]]])


@functools.cache
def message(api, version, kind):
    return resolve_name(schema_name_map[api_key_map[API_KEYS[api]]][version][kind])


class Connection:
    """A connection to a broker, which asks one thing after the other. What has been answered is noted in `asked`."""

    def __init__(self, address, asked):
        host, port = address.rsplit(":", 1)
        self.asked = asked
        self.socket = socket.create_connection((host, int(port)), LIMIT_S)
        self.correlation_id = 0

    def close(self):
        self.socket.close()

    def call(self, api, version, /, **body):
        """Sends a request and returns its answer."""
        self.send(api, version, **body)
        return self.receive(api, version)

    def send(self, api, version, /, **body):
        """Sends a request, whose answer is received later or never."""
        self.correlation_id += 1
        self.send_frame(encode(api, version, self.correlation_id, body))

    def send_frame(self, frame):
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def receive(self, api, version):
        answer = decode(api, version, self.correlation_id, self.receive_frame())
        self.asked.add((api, version))
        return answer

    def receive_frame(self):
        (length,) = struct.unpack(">i", self._read(4))
        return self._read(length)

    def is_closed(self):
        """Waits for the broker to close the connection, or to say something."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _read(self, size):
        parts = []
        while size > 0:
            part = self.socket.recv(min(size, 1 << 20))
            if not part:
                raise ConnectionError("the broker closed the connection")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def encode(api, version, correlation_id, body):
    """A request with its header, without the length before it."""
    request = message(api, version, EntityType.request)
    unknown = names_in(body) - known_names(api)
    assert not unknown, f"no version of {api} has {unknown}"
    header = build(
        request.__header_schema__,
        {
            "request_api_key": API_KEYS[api],
            "request_api_version": version,
            "correlation_id": correlation_id,
            "client_id": "api-test",
        },
    )
    buffer = io.BytesIO()
    entity_writer(type(header))(buffer, header)
    entity_writer(request)(buffer, build(request, body))
    return buffer.getvalue()


def decode(api, version, correlation_id, frame):
    """The body of a response, of which nothing may be left over."""
    response = message(api, version, EntityType.response)
    header, header_size = entity_reader(response.__header_schema__)(frame, 0)
    assert header.correlation_id == correlation_id, (header, correlation_id)
    body, body_size = entity_reader(response)(frame, header_size)
    left = len(frame) - header_size - body_size
    assert left == 0, f"{left} bytes are left over of {api} {version}: {body}"
    return plain(body)


def build(entity, values):
    """An entity of kio from a dict; what is not in the dict gets Kafka's default, or nothing."""
    built = {}
    for field in fields(entity):
        inner, is_array, is_nullable = shape(field)
        if field.name not in values:
            if field.default is MISSING:
                built[field.name] = nothing(inner, is_array, is_nullable)
            continue
        value = values[field.name]
        if value is not None:
            value = (
                tuple(convert(inner, each) for each in value) if is_array else convert(inner, value)
            )
        built[field.name] = value
    return entity(**built)


@functools.cache
def shape(field):
    """The type of a field without what wraps it, and whether it is an array, and nullable."""
    kind, is_nullable = field.type, False
    if get_origin(kind) is UnionType:
        (kind,) = (each for each in get_args(kind) if each is not type(None))
        is_nullable = True
    is_array = get_origin(kind) is tuple
    if is_array:
        kind = get_args(kind)[0]
        if get_origin(kind) is UnionType:
            (kind,) = (each for each in get_args(kind) if each is not type(None))
    return kind, is_array, is_nullable


def convert(kind, value):
    if hasattr(kind, "__type__"):
        return build(kind, value)
    if issubclass(kind, datetime.timedelta):
        return datetime.timedelta(milliseconds=value)
    return value


def nothing(kind, is_array, is_nullable):
    if is_array:
        return None if is_nullable else ()
    if is_nullable:
        return None
    if hasattr(kind, "__type__"):
        return build(kind, {})
    matching = (
        zero for base, zero in primitive_implicit_defaults.items() if issubclass(kind, base)
    )
    return False if kind is bool else next(matching)


def names_in(value):
    """All names in a nested value."""
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, (list, tuple)) else set()


@functools.cache
def known_names(api):
    """The names of the fields of all versions of a request."""
    found = set()
    for version in versions(api):
        pending = [message(api, version, EntityType.request)]
        while pending:
            for field in fields(pending.pop()):
                found.add(field.name)
                inner = shape(field)[0]
                if hasattr(inner, "__type__"):
                    pending.append(inner)
    return found


def plain(value):
    """An entity of kio as `Struct`s, lists and numbers."""
    if hasattr(value, "__type__"):
        return Struct({field.name: plain(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime.timedelta):
        return value // datetime.timedelta(milliseconds=1)
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    return value


def error(code):
    """The name of an error as Kafka writes it."""
    return re.sub(r"^$", "?", ErrorCode(code).name.upper())
