"""A browser's form, in pieces of any size. The oracles are httpx, which writes forms, and Python's
own parser of MIME messages, which reads them."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as ET

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import forms
from gateway.protocol.errors import S3Error
from gateway.protocol.forms import FIELDS_BYTES_MAX, FormReader

BOUNDARY = "e4b7Kq"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters='"\\'), max_size=40)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True)


def written(
    fields: Iterable[tuple[str, str]], file: bytes | None, filename: str = "f", behind: str = ""
) -> bytes:
    """A form by the letter of RFC 7578."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    if file is not None:
        top = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        parts.append(
            f"--{BOUNDARY}\r\n{top}Content-Type: image/png\r\n\r\n".encode() + file + b"\r\n"
        )
    if behind:
        top = 'Content-Disposition: form-data; name="behind"'
        parts.append(f"--{BOUNDARY}\r\n{top}\r\n\r\n{behind}\r\n".encode())
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def read(body: bytes, cuts: Iterable[int] = (), kind: str = TYPE) -> tuple[FormReader, bytes]:
    reader, file, at = FormReader(kind), b"", 0
    for cut in [*sorted(cuts), len(body)]:
        file += b"".join(reader.feed(body[at:cut]))
        at = cut
    reader.finish()
    return reader, file


def refused(code: str, body: bytes, kind: str = TYPE) -> S3Error:
    with pytest.raises(S3Error) as caught:
        read(body, kind=kind)
    assert caught.value.code == code
    return caught.value


@given(
    fields=st.dictionaries(NAMES.filter(lambda n: n.lower() != "file"), TEXT, max_size=6),
    file=st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from([b"\r", b"\n", b"-", b"\r\n--", BOUNDARY.encode(), b"x"])).map(
            b"".join
        ),
    ).filter(lambda data: f"\r\n--{BOUNDARY}".encode() not in b"\r\n" + data),
    data=st.data(),
)
def test_a_form_is_read_as_the_mime_parser_reads_it_however_it_is_cut(
    fields: dict[str, str], file: bytes, data: st.DataObject
) -> None:
    lower = {name.lower(): (name, value) for name, value in fields.items()}
    body = written(lower.values(), file, behind="passed over")
    cuts = data.draw(st.sets(st.integers(0, len(body))))
    reader, got = read(body, cuts)
    assert got == file
    message = email.message_from_bytes(
        f"Content-Type: {TYPE}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    parts = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.iter_parts()
    }
    assert parts.pop("file") == file
    assert parts.pop("behind") == b"passed over"
    assert {str(name).lower(): value for name, value in parts.items()} == {
        name: value.encode() for name, value in reader.fields.items()
    }


@given(st.integers(1, 70))
def test_a_form_written_by_a_real_client_is_read_whatever_the_size_of_its_pieces(size: int) -> None:
    request = httpx.Request(
        "POST",
        "http://s",
        data={"key": "a/ü", "Policy": "cA=="},
        files={"file": ("n.txt", b"\0\r\n-")},
    )
    body = request.read()
    reader, got = read(body, range(0, len(body), size), request.headers["content-type"])
    assert got == b"\0\r\n-"
    assert (reader.fields, reader.filename) == ({"key": "a/ü", "policy": "cA=="}, "n.txt")


def test_no_more_than_a_piece_of_the_file_is_held() -> None:
    reader = FormReader(TYPE)
    head, _, _ = written([("key", "k")], b"").partition(b"\r\n\r\n\r\n")
    reader.feed(head + b"\r\n\r\n")
    for _ in range(100):
        assert sum(map(len, reader.feed(b"x" * 65536))) <= 65536 + len(BOUNDARY) + 4


@pytest.mark.parametrize(
    ("sent", "name"), [("a.txt", "a.txt"), ("C:\\x\\a b.txt", "a b.txt"), ("../x/ü", "ü"), ("", "")]
)
def test_the_filename_is_what_stands_behind_its_last_folder(sent: str, name: str) -> None:
    reader, _ = read(written([("key", "k")], b"x", sent))
    assert reader.filename == name


@pytest.mark.parametrize("kind", ["", "application/xml", "application/x-www-form-urlencoded"])
def test_another_type_of_body_is_412(kind: str) -> None:
    error = refused("PreconditionFailed", b"", kind)
    assert error.status == 412
    assert "multipart/form-data" in str(error.fields["Condition"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        written([("key", "k")], b"x")[:-6],
        written([("key", "k")], b"x").replace(b"form-data; ", b"attachment; "),
        written([("key", "k")], b"x").replace(b"Content-Disposition", b"X-Disposition"),
        written([("key", "k")], b"x").replace(b"name=", b"nom="),
        written([("key", "k")], b"x").replace(b"\r\nk\r\n", b"\r\n\xff\r\n"),
    ],
)
def test_what_is_no_form_is_malformed(body: bytes) -> None:
    refused("MalformedPOSTRequest", body)


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", f"multipart/form-data; boundary={'x' * 999}"]
)
def test_a_boundary_that_is_missing_or_too_long_is_malformed(kind: str) -> None:
    refused("MalformedPOSTRequest", written([("key", "k")], b"x"), kind)


def test_a_form_without_a_file_is_refused() -> None:
    refused("IncorrectNumberOfFilesInPostRequest", written([("key", "k")], None))


def test_fields_before_the_file_have_a_limit_and_the_file_has_none() -> None:
    read(written([("key", "k")], b"x" * FIELDS_BYTES_MAX * 4, behind="y" * FIELDS_BYTES_MAX * 2))
    refused("MaxPostPreDataLengthExceeded", written([("key", "k" * FIELDS_BYTES_MAX)], b"x"))
    many = [(f"x-ignore-{n}", "v" * 50) for n in range(400)]
    refused("MaxPostPreDataLengthExceeded", written(many, b"x"))
    long = written([("key", "k")], b"x").replace(
        b"name=", b"n=" + b"x" * FIELDS_BYTES_MAX + b"; name="
    )
    with pytest.raises(S3Error):
        read(long)


def test_a_field_that_comes_twice_is_refused_whatever_its_case() -> None:
    error = refused("InvalidArgument", written([("key", "k"), ("KEY", "other")], b"x"))
    assert error.fields["ArgumentName"] == "KEY"


def test_the_name_of_the_file_stands_for_its_variable_in_every_field_but_the_policy() -> None:
    fields = {"key": "a/${filename}", "x-amz-meta-of": "${filename}!", "policy": "${filename}"}
    assert forms.named(fields, "n.txt") == {
        "key": "a/n.txt", "x-amz-meta-of": "n.txt!", "policy": "${filename}",
    }  # fmt: skip


def test_fields_become_the_headers_of_a_put() -> None:
    fields = {
        "key": "k", "acl": "private", "content-type": "text/plain", "x-amz-meta-a": "ü",
        "x-amz-signature": "s", "x-amz-credential": "c", "policy": "p", "signature": "s",
        "tagging": "<Tagging><TagSet>"
        "<Tag><Key>a b</Key><Value>c=@</Value></Tag></TagSet></Tagging>",
        "x-ignore-me": "x", "host": "elsewhere", "if-match": "e",
    }  # fmt: skip
    assert forms.headers_of(fields) == {
        "content-type": "text/plain",
        "x-amz-acl": "private",
        "x-amz-meta-a": "ü".encode().decode("latin-1"),
        "x-amz-tagging": "a+b=c%3D%40",
    }


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x", "a\nb", "a\0"])
def test_a_field_cannot_bring_a_line_end_into_a_header(value: str) -> None:
    with pytest.raises(S3Error) as caught:
        forms.headers_of({"x-amz-meta-a": value})
    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize("base", ["http://a.example/x", "https://a.example/x?y=1&z=2", "HTTP://a"])
def test_a_redirect_tells_bucket_key_and_etag(base: str) -> None:
    target = forms.redirect(
        {"success_action_redirect": base}, bucket="master.b", key="a b/ü&=", etag='"e"'
    )
    assert target is not None
    asked = dict(parse_qsl(urlsplit(target).query))
    assert asked == {
        **dict(parse_qsl(urlsplit(base).query)),
        "bucket": "master.b",
        "key": "a b/ü&=",
        "etag": '"e"',
    }
    assert target.isascii()


@pytest.mark.parametrize(
    "target",
    ["", "nowhere", "javascript:alert(1)", "http://", "//a.example", "http://[", "ftp://a/b"],
)
def test_a_place_a_browser_cannot_be_sent_to_is_none(target: str) -> None:
    fields = {"success_action_redirect": target}
    assert forms.redirect(fields, bucket="b", key="k", etag='"e"') is None


def test_a_redirect_cannot_begin_another_header() -> None:
    fields = {"redirect": "http://a.example/\r\nset-cookie: x"}
    target = forms.redirect(fields, bucket="b", key="k", etag='"e"') or ""
    assert not set("\r\n ") & set(target)


@pytest.mark.parametrize(("asked", "status"), [("200", 200), ("201", 201), ("204", 204)])
def test_the_status_of_success_can_be_chosen(asked: str, status: int) -> None:
    assert forms.success_status({"success_action_status": asked}) == status


@pytest.mark.parametrize("asked", ["", "404", "202", "x"])
def test_any_other_status_of_success_is_204(asked: str) -> None:
    assert forms.success_status({"success_action_status": asked}) == 204


def test_the_document_of_a_taken_form_has_no_namespace() -> None:
    root = ET.fromstring(
        forms.post_response(location="http://s/b/<", bucket="b", key="<&", etag='"e"')
    )
    assert [(child.tag, child.text) for child in root] == [
        ("Location", "http://s/b/<"), ("Bucket", "b"), ("Key", "<&"), ("ETag", '"e"'),
    ]  # fmt: skip
