"""The published JSON Schemas of OpenLineage, as the judge of events.

LABELGATE_OPENLINEAGE_SPEC names the folder `spec` of OpenLineage's repository, or a copy of it:
OpenLineage.json and facets/.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

VARIABLE = "LABELGATE_OPENLINEAGE_SPEC"
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
# Where events and what is in them have facets.
_FACETS = ("facets", "inputFacets", "outputFacets")


def spec_folder() -> Path | None:
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


class Judge:
    """Says what is wrong with an event: nothing, or a text for each fault."""

    def __init__(self, folder: Path) -> None:
        ours = files("gateway.lineage") / "schemas"
        texts = [
            path.read_text() for path in (folder / "OpenLineage.json", *folder.glob("facets/*"))
        ]
        texts += [path.read_text() for version in ours.iterdir() for path in version.iterdir()]
        schemas = map(json.loads, texts)
        self._registry: Registry[Any] = Registry().with_resources(
            (schema["$id"], Resource.from_contents(schema)) for schema in schemas
        )

    def faults(self, event: dict[str, Any]) -> list[str]:
        """Of the event against the core, then of each facet against the schema that it names."""
        found = list(self._faults(RUN_EVENT, event))
        for name, facet in facets_of(event):
            # The core schema asks of a facet nothing but its two first members.
            if "_schemaURL" in facet:
                found += [f"{name}: {one}" for one in self._faults(facet["_schemaURL"], facet)]
        # Receivers refuse a jobType without it (Marquez: 422), though the schema does not ask.
        job_type = event["job"]["facets"]["jobType"]
        return found if job_type.get("jobType") else [*found, "jobType: jobType is missing"]

    def _faults(self, url: str, form: Any) -> Iterator[str]:
        validator = Draft202012Validator(
            {"$ref": url}, registry=self._registry, format_checker=FormatChecker()
        )
        for error in validator.iter_errors(form):
            yield f"{error.json_path}: {error.message}"


def facets_of(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every facet of an event by its name."""
    for part in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for group in _FACETS:
            yield from part.get(group, {}).items()
