"""How the XML that S3 takes is read: with or without its namespace, never with a DTD.

A read element is a mapping of its children by local name; whatever is not as it must be raises
MalformedXML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict

from gateway.protocol.errors import S3Error

Element = Mapping[str, Any]
# Nothing is gone back on (`(?>` and `*+`): comments could be cut up in more ways than can be tried.
_DTD = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)


def parse(body: bytes, root: str) -> Element:
    """The children of `root`. Namespaces are dropped; a DTD or an entity is refused.

    An empty root has no children.
    """
    if _DTD.match(body):
        raise S3Error("MalformedXML")
    try:
        document = xmltodict.parse(
            body,
            process_namespaces=False,
            disable_entities=True,
            strip_whitespace=False,
            xml_attribs=False,
        )
    except (ExpatError, ValueError, TypeError, RecursionError, LookupError):
        raise S3Error("MalformedXML") from None
    (name, form), *_ = document.items()
    if _local(name) != root:
        raise S3Error("MalformedXML")
    return _element(form)


def rows(form: Element, name: str) -> list[Element]:
    """The children called `name`, each an element with children of its own."""
    found = form.get(name, [])
    return [_element(row) for row in (found if isinstance(found, list) else [found])]


def child(form: Element, name: str) -> Element | None:
    """The one child called `name`; None where there is none."""
    found = rows(form, name)
    if len(found) > 1:
        raise S3Error("MalformedXML")
    return found[0] if found else None


def required(row: Element, name: str) -> str:
    """The text of a child that must be there and must not be empty."""
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise S3Error("MalformedXML")
    return value


def optional(row: Element, name: str) -> str | None:
    """The text of a child; None where there is none, or an empty one."""
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise S3Error("MalformedXML")
    return value


def _element(value: object) -> Element:
    """A value of xmltodict as an element: blanks between children, or nothing, are no children."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    if not isinstance(value, dict):
        raise S3Error("MalformedXML")
    return {_local(name): inner for name, inner in value.items() if name != "#text"}


def _local(name: str) -> str:
    return name.rpartition(":")[2]
