"""Writes requests.txt and responses.txt from the message JSON of Apache Kafka (clients/src/main/resources/common/message).

    python3 from_kafka.py MESSAGE_DIR

A message is a line with its API's name, then its fields, indented, in wire order:

    name:type       bool i8 i16 u16 i32 i64 f64 uuid str bytes records
    name:[type]     an array of such
    name:[ ... ]    an array of structs with these fields
    name:( ... )    one struct
    ?               may be null (in versions 7 and later: ?7-)
    @3-5            only in these versions (@3- and later, @-5 up to)
    #0              a tagged field with this tag
"""

import json
import pathlib
import re
import textwrap

import sys

TYPES = {"int8": "i8", "int16": "i16", "uint16": "u16", "int32": "i32", "int64": "i64", "float64": "f64", "string": "str"}


def load(path):
    lines = [re.sub(r"(^|\s)//.*", "", line) for line in path.read_text().splitlines()]
    return json.loads("\n".join(lines))


def bounds(versions, limits):
    """The part of a version range that lies within `limits`; None if there is none."""
    first, _, last = versions.partition("-")
    low = int(first.rstrip("+"))
    high = limits[1] if first.endswith("+") else int(last or first)
    low, high = max(low, limits[0]), min(high, limits[1])
    return (low, high) if low <= high else None


def span(mark, versions, limits):
    """How a range reads behind `mark`: with no numbers for all of `limits`; a mark alone, or nothing, if it is that."""
    within = versions and bounds(versions, limits)
    if not within:
        return ""
    low, high = ("" if a == b else str(a) for a, b in zip(within, limits))
    return mark if not low and not high and mark == "?" else f"{mark}{low}-{high}" if low or high else ""


def render(fields, structs, limits):
    for field in fields:
        present = bounds(field["versions"], limits) if "versions" in field else None
        if not present:
            continue
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field["name"]).lower()
        kind = field["type"].removeprefix("[]")
        inner = field.get("fields") or structs.get(kind)
        is_array = kind != field["type"]
        opening, closing = ("[", "]") if is_array else ("(", ")")
        suffix = span("?", field.get("nullableVersions"), present) + span("@", field["versions"], limits)
        suffix += f"#{field['tag']}" if "tag" in field else ""
        if inner:
            yield f"{name}:{opening}"
            yield from render(inner, structs, present)
            yield closing + suffix
        else:
            kind = TYPES.get(kind, kind)
            yield f"{name}:[{kind}]{suffix}" if is_array else f"{name}:{kind}{suffix}"


def write(directory, kind):
    messages = [load(path) for path in directory.glob(f"*{kind}.json")]
    messages = [message for message in messages if message["validVersions"] != "none"]
    with open(pathlib.Path(__file__).parent / f"{kind.lower()}s.txt", "w") as out:
        for message in sorted(messages, key=lambda message: message["apiKey"]):
            low, _, high = message["validVersions"].partition("-")
            structs = {struct["name"]: struct["fields"] for struct in message.get("commonStructs", [])}
            fields = render(message["fields"], structs, (int(low), int(high or low)))
            print(message["name"].removesuffix(kind), file=out)
            text = textwrap.fill(" ".join(fields), 98, break_long_words=False, break_on_hyphens=False)
            print(textwrap.indent(text, "  ") + "\n" * bool(text), end="", file=out)


for kind in ["Request", "Response"]:
    write(pathlib.Path(sys.argv[1]), kind)
