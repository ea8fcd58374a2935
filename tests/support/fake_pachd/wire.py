"""The messages of pachd's API: the gateway's own, and some that only other tools send."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue

from gateway.stores.pachyderm import pfs_pb2 as pfs

__all__ = ["BytesValue", "Empty", "Timestamp", "more", "pfs", "time_of"]

# name: its fields as (name, number, type); "*" before a type: repeated.
_MORE: dict[str, list[tuple[str, int, str]]] = {
    "PathRange": [("lower", 1, "string"), ("upper", 2, "string")],
    "GlobFileRequest": [
        ("commit", 1, "Commit"),
        ("pattern", 2, "string"),
        ("path_range", 3, "PathRange"),
    ],
    "FindCommitsRequest": [
        ("start", 1, "Commit"),
        ("file_path", 2, "string"),
        ("limit", 3, "uint32"),
    ],
    "FindCommitsResponse": [
        ("found_commit", 1, "Commit"),
        ("last_searched_commit", 2, "Commit"),
        ("commits_searched", 3, "uint32"),
    ],
    "SubscribeCommitRequest": [
        ("repo", 1, "Repo"),
        ("branch", 2, "string"),
        ("from", 3, "Commit"),
        ("state", 4, "int32"),
    ],
    "ClearCommitRequest": [("commit", 1, "Commit")],
    "SquashCommitSetRequest": [("commit_set", 1, "CommitSet")],
    "TransactionRequest": [
        ("create_repo", 1, "CreateRepoRequest"),
        ("start_commit", 3, "StartCommitRequest"),
        ("finish_commit", 4, "FinishCommitRequest"),
        ("create_branch", 6, "CreateBranchRequest"),
        ("delete_branch", 7, "DeleteBranchRequest"),
    ],
    "TransactionResponse": [("commit", 1, "Commit")],
    "Transaction": [("id", 1, "string")],
    "BatchTransactionRequest": [("requests", 1, "*TransactionRequest")],
    "TransactionInfo": [
        ("transaction", 1, "Transaction"),
        ("requests", 2, "*TransactionRequest"),
        ("responses", 3, "*TransactionResponse"),
    ],
}

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "uint32": _Field.TYPE_UINT32,
    "int32": _Field.TYPE_INT32,
}


class _More:
    """The classes, by name."""

    def __init__(self) -> None:
        package = pfs.DESCRIPTOR.package
        file = descriptor_pb2.FileDescriptorProto(
            name="tests/fake_pachd/more.proto",
            package=f"{package}.more",
            syntax="proto3",
            dependency=[pfs.DESCRIPTOR.name],
        )
        for name, fields in _MORE.items():
            made = file.message_type.add(name=name)
            for field, number, kind in fields:
                bare = kind.removeprefix("*")
                put = made.field.add(name=field, number=number)
                put.label = _Field.LABEL_REPEATED if kind[0] == "*" else _Field.LABEL_OPTIONAL
                if bare in _SCALARS:
                    put.type = _SCALARS[bare]
                else:
                    put.type = _Field.TYPE_MESSAGE
                    home = f"{package}.more" if bare in _MORE else package
                    put.type_name = f".{home}.{bare}"
        self._file = descriptor_pool.Default().AddSerializedFile(file.SerializeToString())

    def __getattr__(self, name: str) -> Any:
        return message_factory.GetMessageClass(self._file.message_types_by_name[name])


more = _More()


def time_of(ns: int) -> Timestamp:
    """A time on the wire."""
    return Timestamp(seconds=ns // 1_000_000_000, nanos=ns % 1_000_000_000)
