"""Nothing is taken for encrypted that is not."""

from __future__ import annotations

import base64
import hashlib

import pytest

from gateway.protocol import encryption
from gateway.protocol.errors import S3Error

SSE = "x-amz-server-side-encryption"
KEY = base64.b64encode(b"k" * 32).decode()
CUSTOMER = {
    "_customer_algorithm": "AES256",
    "_customer_key": KEY,
    "_customer_key_md5": base64.b64encode(hashlib.md5(b"k" * 32).digest()).decode(),
}


def refused(method: str, **headers: str) -> S3Error:
    named = {
        SSE + name.replace("_", "-") if name else SSE: value for name, value in headers.items()
    }
    with pytest.raises(S3Error) as caught:
        encryption.refuse(method, named)
    return caught.value


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_a_request_that_says_nothing_of_encryption_passes(method: str) -> None:
    encryption.refuse(method, {"host": "s", "x-amz-meta-a": SSE, "content-type": "a/b"})


@pytest.mark.parametrize("value", ["AES256", "aws:kms", "aws:kms:dsse"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_write_that_must_be_encrypted_is_501_with_the_reason(method: str, value: str) -> None:
    error = refused(method, **{"": value})
    assert (error.code, error.status) == ("NotImplemented", 501)
    assert "does not encrypt" in error.message
    assert error.fields["Header"] == SSE


def test_a_write_under_a_key_of_the_clients_is_501_too() -> None:
    error = refused("PUT", **CUSTOMER)
    assert (error.code, error.fields["Header"]) == ("NotImplemented", f"{SSE}-customer-algorithm")


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"_customer_algorithm": ""}, "a valid encryption algorithm"),
        ({"_customer_key": ""}, "an appropriate secret key"),
        ({"_customer_key_md5": ""}, "the client calculated MD5"),
        ({"_customer_algorithm": "rot13"}, "algorithm specified is not supported"),
        ({"_customer_key": "c2hvcnQ="}, "invalid for the specified algorithm"),
        ({"_customer_key": "%"}, "invalid for the specified algorithm"),
        ({"_customer_key_md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "did not match the hash"),
        ({"": "AES256"}, "incompatible with the encryption method"),
    ],
)
def test_a_key_of_the_clients_that_no_server_could_use_is_a_bad_argument(
    method: str, change: dict[str, str], says: str
) -> None:
    error = refused(method, **{**CUSTOMER, **change})
    assert (error.code, error.status) == ("InvalidArgument", 400)
    assert says in error.message
    assert KEY not in str(error.fields)


def test_a_method_of_encryption_that_there_is_not_is_a_bad_argument() -> None:
    error = refused("PUT", **{"": "rot13"})
    assert (error.code, error.fields["ArgumentValue"]) == ("InvalidArgument", "rot13")


@pytest.mark.parametrize("name", ["aws-kms-key-id", "context", "bucket-key-enabled"])
def test_a_key_of_kms_without_kms_is_a_bad_argument(name: str) -> None:
    assert refused("PUT", **{f"-{name}": "x"}).code == "InvalidArgument"
    assert refused("PUT", **{"": "AES256", f"-{name}": "x"}).code == "InvalidArgument"
    assert refused("PUT", **{"": "aws:kms", f"-{name}": "x"}).code == "NotImplemented"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_to_a_read_every_object_is_one_that_was_stored_without(method: str) -> None:
    error = refused(method, **CUSTOMER)
    assert (error.code, error.status) == ("InvalidRequest", 400)
    assert "not applicable" in error.message
    assert refused(method, **{"": "AES256"}).code == "InvalidArgument"


def test_so_is_the_source_of_a_copy() -> None:
    name = "x-amz-copy-source-server-side-encryption-customer-algorithm"
    with pytest.raises(S3Error) as caught:
        encryption.refuse("PUT", {name: "AES256"})
    assert caught.value.code == "InvalidRequest"
