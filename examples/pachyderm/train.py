"""Train a sentiment model from the labels of one commit; what the pipeline runs.

Reads every annotation below /pfs/labels and writes /pfs/out/model.json: word counts per class
(naive Bayes) and the exact commit it was trained on. The standard library only, so that the
pipeline needs no image of its own.
"""

from __future__ import annotations

import collections
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

WORD = re.compile(r"[a-z']+")
Example = tuple[str, str]


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def examples(folder: Path) -> Iterator[Example]:
    """(text, class) of each annotation that chose a class; skipped ones are passed over."""
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        annotation: Any = json.loads(file.read_bytes())
        text = annotation.get("task", {}).get("data", {}).get("text")
        if not text or annotation.get("was_cancelled"):
            continue
        for region in annotation.get("result", []):
            for choice in region.get("value", {}).get("choices", []):
                yield text, choice


def train(labelled: Iterable[Example]) -> dict[str, Any]:
    """Counts by class: documents, and words."""
    documents: collections.Counter[str] = collections.Counter()
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for text, label in labelled:
        documents[label] += 1
        counts[label].update(words(text))
    return {"documents": dict(documents), "words": {name: dict(of) for name, of in counts.items()}}


def classify(model: Mapping[str, Any], text: str) -> str:
    """The likeliest class, with add-one smoothing."""
    vocabulary = len({word for of in model["words"].values() for word in of}) or 1
    total = sum(model["documents"].values())

    def score(label: str) -> float:
        of = model["words"].get(label, {})
        size = sum(of.values())
        likely = (math.log((of.get(word, 0) + 1) / (size + vocabulary)) for word in words(text))
        return math.log(model["documents"][label] / total) + sum(likely)

    return max(sorted(model["documents"]), key=score)


def main() -> None:
    pfs = Path(os.environ.get("PFS", "/pfs"))
    model = train(examples(pfs / "labels"))
    # Pachyderm names the commit of each input in the environment.
    model["trained_on"] = {"repo": "labels", "commit": os.environ.get("labels_COMMIT", "")}  # noqa: SIM112
    out = pfs / "out" / "model.json"
    out.write_text(json.dumps(model, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{sum(model['documents'].values())} labels -> {out}")


if __name__ == "__main__":
    main()
