"""Run by the environment of pachyderm-sdk: reads a branch whole, then writes a file of its own.

Usage: with_pachyderm_sdk.py HOST PORT REPO BRANCH PATH. Prints what it read: path -> text, as JSON.
"""

import json
import sys

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs


def main():
    host, port, repo, branch, path = sys.argv[1:]
    client = Client(host=host, port=int(port))
    whole = pfs.Repo(name=repo, type="user", project=pfs.Project("default"))
    named = pfs.Branch(name=branch, repo=whole)
    head = client.pfs.inspect_branch(branch=named).head
    found = {}
    for info in client.pfs.walk_file(file=pfs.File(commit=head, path="/")):
        if info.file_type == pfs.FileType.FILE:
            with client.pfs.pfs_file(file=info.file) as file:
                found[info.file.path] = file.read().decode()
    print(json.dumps(found))
    with client.pfs.commit(branch=named) as commit:
        commit.put_file_from_bytes(path, b"by pachyderm-sdk")


main()
