"""Which names and paths pachd takes, and how it words a no."""

from __future__ import annotations

import posixpath
import re

from fake_pachd.refusals import plain

PROJECT_CHARS_MAX = 51
FILE_SETS = "__filesets__"
DEFAULT_PROJECT = "default"

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_COMMIT_ID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{19}\Z")
_PRINTABLE = re.compile(r"[ -~]+\Z")
GLOB = re.compile(r"[*?\[\]{}!()@+^]")


def check_name(name: str) -> None:
    """Of a repo or branch."""
    if not _NAME.match(name):
        raise plain(
            f"name ({name}) invalid: only alphanumeric characters, underscores, and dashes"
            " are allowed"
        )


def check_project(name: str) -> None:
    """Of a project."""
    if name == DEFAULT_PROJECT:
        return
    if len(name) > PROJECT_CHARS_MAX:
        raise plain(
            f'invalid project name: project name "{name}" is {len(name) - PROJECT_CHARS_MAX}'
            f" characters longer than the {PROJECT_CHARS_MAX} max"
        )
    if not _NAME.match(name):
        raise plain(
            f"invalid project name: name ({name}) invalid: only alphanumeric characters,"
            " underscores, and dashes are allowed"
        )
    if name[0] in "-_":
        raise plain("invalid project name: project names must start with an alphanumeric character")


def is_commit_id(text: str) -> bool:
    """A UUID of version 4 without dashes, more or less."""
    return bool(_COMMIT_ID.match(text))


def check_path(path: str) -> None:
    """Of an AddFile or DeleteFile; nothing checks the destination of a CopyFile."""
    if not _PRINTABLE.match(path):
        raise plain(f"path ({path}) invalid: only printable ASCII characters allowed")
    if found := GLOB.search(path):
        raise plain(f"path ({path}) invalid: globbing character ({found[0]}) not allowed in path")
    if {".", ".."} & set(path.split("/")):
        raise plain(f"path ({path}) invalid: relative file paths are not allowed")


def clean(path: str) -> str:
    """As pachd stores and looks up: rooted, without ".", "..", "//" and a slash at the end."""
    return "/" + posixpath.normpath("/" + path).strip("/")


def is_dir(path: str) -> bool:
    """Whether a path means a directory and all beneath."""
    return path.endswith("/")


def as_dir(path: str) -> str:
    """A cleaned path as that of a directory."""
    return path if path.endswith("/") else path + "/"
