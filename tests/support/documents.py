"""botocore as the other side of S3's documents: it writes those we read, and reads ours."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
import botocore.parsers


@cache
def _client() -> Any:
    return boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


def written(operation: str, **parameters: Any) -> bytes:
    """The body of a request, as botocore writes it."""
    model = _client().meta.service_model.operation_model(operation)
    body: bytes = _client()._serializer.serialize_to_request(parameters, model)["body"]
    return body


def parsed(operation: str, body: bytes) -> Any:
    """The body of an answer, as botocore reads it."""
    shape = _client().meta.service_model.operation_model(operation).output_shape
    parser = botocore.parsers.create_parser("rest-xml")
    return parser.parse({"status_code": 200, "headers": {}, "body": body}, shape)
