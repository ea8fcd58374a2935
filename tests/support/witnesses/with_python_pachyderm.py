"""Run by the environment of python-pachyderm: reads a branch whole, then writes a file of its own.

Usage: with_python_pachyderm.py HOST PORT REPO BRANCH PATH.
Prints what it read: path -> text, as JSON.
"""

import json
import sys

import python_pachyderm


def main():
    host, port, repo, branch, path = sys.argv[1:]
    client = python_pachyderm.Client(host=host, port=int(port))
    at = (repo, branch)
    names = [info.file.path for info in client.walk_file(at, "/") if info.file_type == 1]
    print(json.dumps({name: client.get_file(at, name).read().decode() for name in names}))
    with client.commit(repo, branch) as commit:
        client.put_file_bytes(commit, path, b"by python-pachyderm")


main()
