"""The checksums of S3: which one a request declares, computing it, joining those of parts.

On the wire a checksum is the base64 of its bytes, a CRC's most significant byte first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from awscrt import checksums as crt

from gateway.protocol import payload
from gateway.protocol.errors import S3Error

_PREFIX = "x-amz-checksum-"
_SDK_ALGORITHM = "x-amz-sdk-checksum-algorithm"
_TRAILER = "x-amz-trailer"
_NO_VALUES = frozenset({"x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"})


class Checksum(Protocol):
    """A running checksum."""

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes in."""

    def base64(self) -> str:
        """The checksum of all bytes so far, as it stands on the wire."""


class _Crc:
    __slots__ = ("_function", "_value", "_width")

    def __init__(self, function: Callable[..., int], width: int) -> None:
        self._function = function
        self._width = width
        self._value = 0

    def update(self, data: bytes | bytearray | memoryview) -> None:
        self._value = self._function(data, self._value)

    def base64(self) -> str:
        return _encode(self._value.to_bytes(self._width, "big"))


class _Sha:
    __slots__ = ("_hash",)

    def __init__(self, name: str) -> None:
        self._hash = hashlib.new(name, usedforsecurity=False)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        self._hash.update(data)

    def base64(self) -> str:
        return _encode(self._hash.digest())


_NEW: Mapping[str, Callable[[], Checksum]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(crt.crc32c, 4),
    "CRC64NVME": lambda: _Crc(crt.crc64nvme, 8),
    "SHA1": lambda: _Sha("sha1"),
    "SHA256": lambda: _Sha("sha256"),
}
_SIZES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
# The generator polynomials, least significant bit first; the leading term is left out.
_POLYNOMIALS = {"CRC32": 0xEDB88320, "CRC32C": 0x82F63B78, "CRC64NVME": 0x9A6C9329AC4BC9B5}

ALGORITHMS: tuple[str, ...] = tuple(_NEW)
COMBINABLE: tuple[str, ...] = tuple(_POLYNOMIALS)
"""Those that can cover an object of parts as a whole without reading it again."""
_HEADERS = {f"{_PREFIX}{name.lower()}": name for name in ALGORITHMS}


@dataclass(frozen=True, slots=True)
class Declared:
    """The one checksum a request declares.

    value: base64; None while it is still to come. trailer: the header that will bring it, in lower
    case; None where the value was among the headers.
    """

    algorithm: str
    value: str | None
    trailer: str | None

    def with_value(self, trailers: Mapping[str, str]) -> Declared:
        """The same with the value that came behind the body.

        Raises MalformedTrailerError where it did not come, BadDigest where it is no checksum.
        """
        assert self.trailer is not None
        value = trailers.get(self.trailer)
        if value is None:
            raise S3Error("MalformedTrailerError")
        _check_value(self.algorithm, value, f"{self.trailer} trailing")
        return replace(self, value=value)


def is_value(header: str) -> bool:
    """Whether a header of this name (in lower case) carries a checksum, of whatever algorithm."""
    return header.startswith(_PREFIX) and header not in _NO_VALUES


def declared(headers: Mapping[str, str]) -> Declared | None:
    """The checksum among (or announced by) the headers; None without one.

    Raises InvalidRequest, BadDigest (a value that is no checksum).
    """
    trailer = headers.get(_TRAILER)
    given = _given(headers, others=trailer is not None)
    found = None
    if trailer is not None:
        found = _announced(headers, trailer)
    elif given:
        algorithm = _algorithm(given[0])
        value = headers[given[0]].strip()
        _check_value(algorithm, value, given[0])
        found = Declared(algorithm, value, None)
    _check_sdk_algorithm(headers.get(_SDK_ALGORITHM), found)
    return found


def of_completion(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Algorithm and value of the checksum that a completion claims of the object; None without one.

    A composite one may have the number of its parts behind it. Raises InvalidRequest, BadDigest.
    """
    given = _given(headers)
    if not given:
        return None
    algorithm, value = _algorithm(given[0]), headers[given[0]].strip()
    _check_value(algorithm, value.partition("-")[0], given[0])
    return algorithm, value


def agree(claimed: str, computed: str) -> bool:
    """Whether two checksums are the same; one of parts may be claimed without their number."""
    return claimed in {computed, computed.partition("-")[0]}


def content_md5(headers: Mapping[str, str]) -> bytes | None:
    """The 16 bytes of Content-MD5; None without one. Raises InvalidDigest (also: empty)."""
    text = headers.get("content-md5")
    if text is None:
        return None
    digest = _decode(text.strip())
    if digest is None or len(digest) != 16:
        raise S3Error("InvalidDigest", extra={"Content-MD5": text})
    return digest


def new(algorithm: str) -> Checksum:
    """A checksum of no bytes yet. Raises KeyError for what is none of ALGORITHMS."""
    return _NEW[algorithm]()


def composite(algorithm: str, values: Sequence[str]) -> str:
    """The checksum of checksums that S3 gives an object of parts: `base64-N`."""
    joined = new(algorithm)
    joined.update(b"".join(base64.b64decode(value) for value in values))
    return f"{joined.base64()}-{len(values)}"


def combine(algorithm: str, parts: Sequence[tuple[str, int]]) -> str:
    """The CRC of parts that follow each other, from each one's CRC and its size in bytes.

    Reads none of the bytes: putting n bytes behind a CRC multiplies it by x^(8n) modulo the
    polynomial. Raises KeyError for a SHA, which cannot be combined.
    """
    polynomial, width = _POLYNOMIALS[algorithm], _SIZES[algorithm]
    total = 0
    for value, size in parts:
        shifted = _multiply(total, _power_of_x(8 * size, polynomial, width), polynomial, width)
        total = shifted ^ int.from_bytes(base64.b64decode(value), "big")
    return _encode(total.to_bytes(width, "big"))


def _multiply(a: int, b: int, polynomial: int, width: int) -> int:
    """Multiply over GF(2) modulo the polynomial, least significant bit first (x^0 is the top)."""
    product = 0
    for bit in range(8 * width - 1, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (polynomial if b & 1 else 0)
    return product


def _power_of_x(exponent: int, polynomial: int, width: int) -> int:
    top = 1 << 8 * width - 1
    power, square = top, top >> 1
    while exponent:
        if exponent & 1:
            power = _multiply(power, square, polynomial, width)
        square = _multiply(square, square, polynomial, width)
        exponent >>= 1
    return power


def _given(headers: Mapping[str, str], *, others: bool = False) -> list[str]:
    """The header that carries a value, if any. others: there is one elsewhere already."""
    given = [name for name in headers if is_value(name)]
    if len(given) + others > 1:
        raise S3Error(
            "InvalidRequest",
            f"Expecting a single {_PREFIX} header. Multiple checksum types are not allowed.",
        )
    return given


def _announced(headers: Mapping[str, str], trailer: str) -> Declared:
    name = trailer.strip().lower()
    if name not in _HEADERS:
        raise S3Error(
            "InvalidRequest", f"The value specified in the {_TRAILER} header is not supported."
        )
    # Without a payload that has trailers nothing would ever be compared with this promise.
    if not headers.get(payload.HEADER, "").endswith("-TRAILER"):
        raise S3Error(
            "InvalidRequest", f"{_TRAILER} needs a payload with trailers in {payload.HEADER}."
        )
    return Declared(_HEADERS[name], None, name)


def _algorithm(header: str) -> str:
    """Of a header that carries a value. One that we cannot check must not be taken for checked."""
    if header not in _HEADERS:
        raise S3Error(
            "InvalidRequest",
            f"The checksum of {header} is not supported; use {', '.join(ALGORITHMS)}.",
        )
    return _HEADERS[header]


def _check_sdk_algorithm(named: str | None, found: Declared | None) -> None:
    if named is None:
        return
    algorithm = named.strip().upper()
    if algorithm not in ALGORITHMS or (found is not None and found.algorithm != algorithm):
        raise S3Error("InvalidRequest", f"Value for {_SDK_ALGORITHM} header is invalid.")


def _check_value(algorithm: str, value: str, where: str) -> None:
    decoded = _decode(value)
    if decoded is None or len(decoded) != _SIZES[algorithm]:
        # What is no checksum at all is not that of the body either.
        raise S3Error("BadDigest", f"Value for {where} header is invalid.")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes | None:
    """The bytes of canonical base64; None for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _encode(data) == text else None
