"""A state of a repo as a Croissant dataset (https://docs.mlcommons.org/croissant/, version 1.0).

    distribution   a FileObject for each object: the URI that names that state for ever, its
                   digest, size and type; and the FileSet `labels`, of the folders with labels
    recordSet      `labels`, where there are any: `labels/key` and `labels/text`, the label as it
                   is stored

Readers of Croissant do not open s3 URIs. The records load where the objects were downloaded, under
their keys, beside the document.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from gateway.lineage.uris import SourceUri
from gateway.lineage.written import iso

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
# The words of version 1.0, which readers want to find as they stand in its specification.
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_LABELS = "labels"


@dataclass(frozen=True, slots=True)
class Digest:
    """The bytes' digest in hex."""

    algorithm: Literal["md5", "sha256"]
    hex: str


@dataclass(frozen=True, slots=True)
class File:
    """An object of the dataset. label: whether it is a label, by the record of its write."""

    key: str
    size: int
    media_type: str
    digest: Digest
    label: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """A state to describe. bucket: as it was named; pinned: the same state for ever."""

    bucket: str
    pinned: str
    commit: str
    published_ms: int
    description: str = ""


def document(dataset: Dataset, files: Sequence[File]) -> dict[str, Any]:
    """The description of a dataset with these files, as JSON-LD."""
    labels = [file.key for file in files if file.label]
    form: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": dataset.bucket,
        "description": dataset.description or f"The objects of {dataset.bucket}.",
        "conformsTo": CONFORMS_TO,
        "url": f"s3://{dataset.pinned}",
        "identifier": dataset.commit,
        "datePublished": iso(dataset.published_ms),
        "distribution": [_file(dataset, file) for file in files],
    }
    if labels:
        form["distribution"].append(_label_files(labels))
        form["recordSet"] = [_label_records()]
    return form


def _file(dataset: Dataset, file: File) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"object/{quote(file.key)}",
        "name": file.key,
        "contentUrl": SourceUri(dataset.pinned, file.key).encoded,
        "contentSize": f"{file.size} B",
        "encodingFormat": file.media_type,
        file.digest.algorithm: file.digest.hex,
    }


def _label_files(keys: Iterable[str]) -> dict[str, Any]:
    """What lies in the folders of labels, and the labels that lie in none."""
    patterns = dict.fromkeys(_pattern(key) for key in keys)
    return {
        "@type": "cr:FileSet",
        "@id": _LABELS,
        "name": _LABELS,
        # Said to be JSON they would be parsed, and a field of text cannot hold what comes of it.
        "encodingFormat": "text/plain",
        "includes": list(patterns),
    }


def _pattern(key: str) -> str:
    folder, slash, _ = key.rpartition("/")
    return f"{glob.escape(folder)}/*" if slash else glob.escape(key)


def _label_records() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": f"{_LABELS}/records",
        "name": _LABELS,
        "field": [_field("key", "fullpath"), _field("text", "content")],
    }


def _field(name: str, file_property: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{_LABELS}/{name}",
        "name": name,
        "dataType": "sc:Text",
        "source": {"fileSet": {"@id": _LABELS}, "extract": {"fileProperty": file_property}},
    }
