"""A browser's form on its way in (multipart/form-data): its fields, then the bytes of its file.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
Fields count where they stand before the file; what comes behind it is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.protocol import tagging
from gateway.protocol.errors import S3Error, escape

FIELDS_BYTES_MAX = 20 * 1024
FILENAME = "${filename}"
_FILE = "file"
_TYPE = "multipart/form-data"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# The fields that are headers of the same name, beside all `x-amz-*` that do not sign the form.
_HEADERS = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    }
)
_OF_SIGNATURE = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-signature",
    }
)
_SUCCESSES = frozenset({"200", "201", "204"})


class FormReader:
    """Takes the body in pieces of any size; holds no more of it than the fields and one piece.

    fields: by lower-case name, complete once `has_file`. filename: as sent, without its folders.
    """

    def __init__(self, content_type: str) -> None:
        """content_type: of the request. Raises PreconditionFailed, MalformedPOSTRequest."""
        kind, parameters = parse_options_header(content_type)
        if kind != _TYPE.encode():
            raise S3Error(
                "PreconditionFailed",
                Condition=f"Bucket POST must be of the enclosure-type {_TYPE}",
            )
        boundary = parameters.get(b"boundary", b"")
        if not boundary:
            raise S3Error("MalformedPOSTRequest")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._name_of_header,
                    "on_header_value": self._value_of_header,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data,
                    "on_part_end": self._part_ends,
                    "on_end": self._form_ends,
                },
                max_header_size=FIELDS_BYTES_MAX,
            )
        except FormParserError:
            raise S3Error("MalformedPOSTRequest") from None
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.has_file = False
        self._in_file = False
        self._ended = False
        self._taken = 0
        self._header = bytearray()
        self._header_value = bytearray()
        self._disposition: bytes | None = None
        self._field = ""
        self._value = bytearray()
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes in; those of the file among them.

        Raises MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument (a field twice).
        """
        try:
            self._parser.write(data)
        except FormParserError:
            raise S3Error("MalformedPOSTRequest") from None
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> None:
        """The body has ended. Raises MalformedPOSTRequest, IncorrectNumberOfFilesInPostRequest."""
        if not self._ended:
            raise S3Error("MalformedPOSTRequest")
        if not self.has_file:
            raise S3Error("IncorrectNumberOfFilesInPostRequest")

    def _part_begins(self) -> None:
        self._disposition = None

    def _name_of_header(self, data: bytes, start: int, end: int) -> None:
        self._header += self._bounded(data, start, end)

    def _value_of_header(self, data: bytes, start: int, end: int) -> None:
        self._header_value += self._bounded(data, start, end)

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header, self._header_value = bytearray(), bytearray()

    def _headers_end(self) -> None:
        if self.has_file:
            return
        kind, parameters = parse_options_header((self._disposition or b"").decode("latin-1"))
        name = parameters.get(b"name", b"")
        if kind != b"form-data" or not name:
            raise S3Error("MalformedPOSTRequest")
        self._field = _text(name)
        if self._field.lower() == _FILE:
            self.has_file = self._in_file = True
            # Some browsers send the folders as well.
            self.filename = re.split(r"[/\\]", _text(parameters.get(b"filename", b"")))[-1]

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])
        elif not self.has_file:
            self._value += self._bounded(data, start, end)

    def _part_ends(self) -> None:
        if self._in_file:
            self._in_file = False
        elif not self.has_file:
            name = self._field.lower()
            if name in self.fields:
                raise S3Error(
                    "InvalidArgument",
                    "A form may have each field only once.",
                    ArgumentName=self._field,
                    ArgumentValue=self.fields[name],
                )
            self.fields[name] = _text(bytes(self._value))
            self._value = bytearray()

    def _form_ends(self) -> None:
        self._ended = True

    def _bounded(self, data: bytes, start: int, end: int) -> bytes:
        """What is kept. Headers of parts behind the file are not, and need no bound."""
        if self.has_file:
            return b""
        self._taken += end - start
        if self._taken > FIELDS_BYTES_MAX:
            raise S3Error("MaxPostPreDataLengthExceeded", MaxSizeAllowed=FIELDS_BYTES_MAX)
        return data[start:end]


def named(fields: Mapping[str, str], filename: str) -> dict[str, str]:
    """The fields with `${filename}` in them replaced by the name of the file.

    The policy's own stays as it was signed.
    """
    return {
        name: value if name == "policy" else value.replace(FILENAME, filename)
        for name, value in fields.items()
    }


def headers_of(fields: Mapping[str, str]) -> dict[str, str]:
    """The headers of the PUT that a form is in other words, each character a byte (Latin-1).

    Raises InvalidArgument for a value that cannot stand in a header, MalformedXML, InvalidTag.
    """
    headers = {
        name: value
        for name, value in fields.items()
        if name in _HEADERS or (name.startswith("x-amz-") and name not in _OF_SIGNATURE)
    }
    if "acl" in fields:
        headers["x-amz-acl"] = fields["acl"]
    if "tagging" in fields:
        headers[tagging.HEADER] = urlencode(tagging.parse_object(fields["tagging"].encode()))
    for name, value in headers.items():
        # Browsers send the line ends of a text area: here they would be ones in a later answer.
        if _CONTROL.search(value):
            raise S3Error(
                "InvalidArgument",
                "A field that stands for a header must not hold control characters.",
                ArgumentName=name,
                ArgumentValue=value,
            )
    return {name: value.encode().decode("latin-1") for name, value in headers.items()}


def redirect(fields: Mapping[str, str], *, bucket: str, key: str, etag: str) -> str | None:
    """Where a form that was taken sends its browser; None where it names no such place.

    etag: quoted.
    """
    target = fields.get("success_action_redirect") or fields.get("redirect") or ""
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:
        return None
    told = urlencode({"bucket": bucket, "key": key, "etag": etag}, quote_via=quote, safe="/")
    query = f"{parts.query}&{told}" if parts.query else told
    return quote(parts._replace(query=query).geturl(), safe="!#$%&'()*+,/:;=?@[]~")


def success_status(fields: Mapping[str, str]) -> int:
    """The status of a form that was taken: 200, 201 with a document, or 204."""
    asked = fields.get("success_action_status", "")
    return int(asked) if asked in _SUCCESSES else 204


def post_response(*, location: str, bucket: str, key: str, etag: str) -> bytes:
    """PostResponse, which has no namespace. etag: quoted."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<PostResponse><Location>{escape(location)}</Location><Bucket>{escape(bucket)}</Bucket>"
        f"<Key>{escape(key)}</Key><ETag>{escape(etag)}</ETag></PostResponse>"
    ).encode()


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeError:
        raise S3Error("MalformedPOSTRequest", "The fields of a form must be UTF-8.") from None
