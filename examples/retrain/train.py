"""Train a sentiment model from the labels of one commit: what the trigger `retrain` runs.

    python train.py --endpoint http://127.0.0.1:9000 --keys keys.json --models master.models

The trigger says which commit by $PINNED, the bucket of that very state. Each label says by its
lineage which version of which text was read; that version is what is trained on, whatever became of
the text since. The model says by its own lineage which labels it learned from.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import joblib
from botocore.config import Config
from botocore.exceptions import ClientError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

MODEL, CARD = "sentiment/model.joblib", "sentiment/card.json"


def examples(s3: Any, bucket: str) -> Iterator[tuple[str, str, str]]:
    """(text, class, exact source) of each label there; skipped ones are passed over."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    for key in (one["Key"] for page in pages for one in page.get("Contents", [])):
        label = s3.get_object(Bucket=bucket, Key=key)
        annotation = json.loads(label["Body"].read())
        source = label["Metadata"].get("lineage-sources", "").split(",")[0]
        choices = [
            choice
            for region in annotation.get("result", [])
            for choice in region.get("value", {}).get("choices", [])
        ]
        if choices and source and not annotation.get("was_cancelled"):
            yield text_of(s3, source), choices[0], source


def text_of(s3: Any, source: str) -> str:
    """The text that the annotator saw: the version that the label's lineage names."""
    bucket, _, key = source.removeprefix("s3://").partition("/")
    task = json.loads(s3.get_object(Bucket=bucket, Key=unquote(key))["Body"].read())
    return str(task["data"]["text"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--keys", type=Path, required=True, help="access_key_id, secret_access_key")
    parser.add_argument("--models", default="master.models", help="the bucket it goes to")
    given = parser.parse_args()
    pinned, commit = os.environ["PINNED"], os.environ["COMMIT"]
    s3 = client(given.endpoint, given.keys)
    found = list(examples(s3, pinned))
    counts = Counter(label for _, label, _ in found)
    if len(counts) < 2:
        print(f"{pinned} has labels of {len(counts)} classes so far: two are needed")
        return 0
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    model.fit([text for text, _, _ in found], [label for _, label, _ in found])
    body = io.BytesIO()
    joblib.dump(model, body)
    said = {
        "labelgate-sources": f"s3://{pinned}/",
        "labelgate-message": f"Train on {len(found)} labels of {pinned}",
    }
    card = {
        "labels": f"s3://{pinned}/",
        "commit": commit,
        "examples": len(found),
        "classes": dict(sorted(counts.items())),
        "texts": sorted(source for _, _, source in found),
        "accuracy_on_what_it_learned": round(
            float(model.score([text for text, _, _ in found], [label for _, label, _ in found])), 3
        ),
    }
    make_bucket(s3, given.models)
    s3.put_object(Bucket=given.models, Key=MODEL, Body=body.getvalue(), Metadata=said)
    s3.put_object(
        Bucket=given.models,
        Key=CARD,
        Body=json.dumps(card, indent=2).encode(),
        ContentType="application/json",
        Metadata=said,
    )
    print(f"trained on {len(found)} labels of {pinned}: s3://{given.models}/{MODEL}")
    return 0


def client(endpoint: str, keys: Path) -> Any:
    """An S3 client with the first key of a credentials file."""
    key = json.loads(keys.read_text(encoding="utf-8"))["keys"][0]
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key["access_key_id"],
        aws_secret_access_key=key["secret_access_key"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4", proxies={}),
    )


def make_bucket(s3: Any, name: str) -> None:
    """The bucket, if it is not there yet."""
    try:
        s3.head_bucket(Bucket=name)
    except ClientError:
        s3.create_bucket(Bucket=name)


if __name__ == "__main__":
    sys.exit(main())
