"""Run by the environment of mlcroissant: what it makes of a description of a dataset.

Usage: with_mlcroissant.py FILE [RECORD_SET]. Prints, as JSON: errors and warnings, as texts; files:
id -> [name, contentUrl, sha256, md5]; records: those of the record set, bytes as UTF-8.
"""

import json
import sys

import mlcroissant


def told(value):
    return value.decode() if isinstance(value, bytes) else value


def main():
    file, *record_sets = sys.argv[1:]
    try:
        dataset = mlcroissant.Dataset(jsonld=file)
    except mlcroissant.ValidationError as error:
        print(json.dumps({"errors": [str(error)]}))
        return
    issues = dataset.metadata.ctx.issues
    found = {
        "errors": [str(one) for one in issues.errors],
        "warnings": [str(one) for one in issues.warnings],
        "files": {
            one.id: [one.name, one.content_url, one.sha256, one.md5]
            for one in dataset.metadata.file_objects
        },
        "records": [
            {name: told(value) for name, value in record.items()}
            for record_set in record_sets
            for record in dataset.records(record_set)
        ],
    }
    print(json.dumps(found))


main()
