"""The error document, read back by an XML parser that is not ours."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.errors import CODES, S3Error, escape, render

# What XML 1.0 can hold, carriage return left out: it is sent as a reference.
XML = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"],
        include_characters="\t\n",
        exclude_characters="\ufffe\uffff",
    )
)


def document(error: S3Error, resource: str = "/b/k") -> ET.Element:
    return ET.fromstring(render(error, resource=resource, request_id="R", host_id="H"))


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_has_a_status_that_is_an_error_and_a_message(code: str) -> None:
    error = S3Error(code)
    assert 400 <= error.status <= 599
    assert error.message
    assert document(error).findtext("Code") == code
    assert document(error).findtext("Message") == error.message


@given(XML, XML, XML)
def test_whatever_is_said_arrives(message: str, field: str, resource: str) -> None:
    root = document(S3Error("NoSuchKey", message, Key=field), resource)
    assert (root.findtext("Message"), root.findtext("Key")) == (message, field)
    assert root.findtext("Resource") == resource


@given(st.text())
def test_no_text_breaks_the_document(text: str) -> None:
    body = render(S3Error("NoSuchKey", text, Key=text), resource=text, request_id="R", host_id="H")
    # References to control characters are sent as AWS does; no XML 1.0 parser takes them.
    ET.fromstring(re.sub(rb"&#x[0-9a-f]{1,2};", b"?", body))


def test_the_document_is_as_aws_has_it() -> None:
    error = S3Error("InvalidDigest", extra={"Content-MD5": "x"}, Size=5)
    body = render(error, resource="/b", request_id="R", host_id="H")
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InvalidDigest</')
    tags = [child.tag for child in ET.fromstring(body)]
    assert tags == ["Code", "Message", "Size", "Content-MD5", "Resource", "RequestId", "HostId"]


def test_an_empty_message_stays_empty() -> None:
    assert S3Error("AccessDenied", "").message == ""


def test_an_error_says_its_code_and_why_to_people() -> None:
    assert str(S3Error("AccessDenied", "because")) == "AccessDenied: because"


def test_markup_and_controls_are_escaped_and_plain_text_is_not() -> None:
    assert escape("plain") == "plain"
    assert escape("<a&\"b'>") == "&lt;a&amp;&quot;b'&gt;"
    assert escape("a\x07\r\n\tb\x00") == "a&#x7;&#xd;\n\tb"
    assert escape("\ufffe\ud800") == "\ufffd\ufffd"
