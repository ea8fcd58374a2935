"""GetObjectAttributes: botocore reads what was asked for, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from documents import parsed

from gateway.protocol import attributes
from gateway.protocol.attributes import Told
from gateway.protocol.errors import S3Error

ALL = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"
PARTS = [(5, {"SHA256": "a"}), (5, {"SHA256": "b"}), (3, {"SHA256": "c"})]
WHOLE = Told("e", 3, {"CRC32": "AAAAAA=="}, composite=False, parts=())
IN_PARTS = Told("e-3", 13, {"SHA256": "x-3"}, composite=True, parts=PARTS)


def told(of: Told, names: str = ALL, **paging: str) -> Any:
    headers = {"x-amz-object-attributes": names}
    headers |= {f"x-amz-{name.replace('_', '-')}": text for name, text in paging.items()}
    answer = parsed("GetObjectAttributes", attributes.render(attributes.parse(headers), of))
    del answer["ResponseMetadata"]
    return answer


def test_an_object_in_one_piece_has_no_parts() -> None:
    assert told(WHOLE) == {
        "ETag": "e",
        "Checksum": {"ChecksumCRC32": "AAAAAA==", "ChecksumType": "FULL_OBJECT"},
        "StorageClass": "STANDARD",
        "ObjectSize": 3,
    }


def test_parts_are_told_with_their_sizes_and_checksums() -> None:
    answer = told(IN_PARTS)
    assert answer["Checksum"] == {"ChecksumSHA256": "x-3", "ChecksumType": "COMPOSITE"}
    parts = answer["ObjectParts"]
    assert (parts["TotalPartsCount"], parts["IsTruncated"]) == (3, False)
    assert [(row["PartNumber"], row["Size"], row["ChecksumSHA256"]) for row in parts["Parts"]] == [
        (1, 5, "a"), (2, 5, "b"), (3, 3, "c"),
    ]  # fmt: skip


def test_parts_come_in_pages() -> None:
    parts = told(IN_PARTS, max_parts="1", part_number_marker="1")["ObjectParts"]
    assert [row["PartNumber"] for row in parts["Parts"]] == [2]
    assert (parts["PartNumberMarker"], parts["NextPartNumberMarker"]) == (1, 2)
    assert (parts["MaxParts"], parts["IsTruncated"], parts["TotalPartsCount"]) == (1, True, 3)
    last = told(IN_PARTS, max_parts="9", part_number_marker="2")["ObjectParts"]
    assert ([row["PartNumber"] for row in last["Parts"]], last["IsTruncated"]) == ([3], False)


@pytest.mark.parametrize("name", ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"])
def test_only_what_is_asked_for_is_told(name: str) -> None:
    assert list(told(IN_PARTS, f" {name} ,")) == [name]


@pytest.mark.parametrize(
    ("names", "code"),
    [("", "InvalidRequest"), (" , ", "InvalidRequest"), ("Etag", "InvalidArgument"),
     ("ETag,Owner", "InvalidArgument")],
)  # fmt: skip
def test_attributes_that_there_are_none_of_are_refused(names: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        attributes.parse({"x-amz-object-attributes": names})
    assert caught.value.code == code
