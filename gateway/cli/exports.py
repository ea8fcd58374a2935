"""Lineage in the forms that other programs read."""

from __future__ import annotations

from typing import Any

from gateway.cli.client import Client
from gateway.cli.errors import WrongUse
from gateway.cli.names import Place


def asked_form(**flags: bool) -> str | None:
    """The one form that is asked for, by its address in the API; None for none. Raises WrongUse."""
    forms = [name for name, asked in flags.items() if asked]
    if len(forms) > 1:
        raise WrongUse(f"--{forms[0]} and --{forms[1]} are two documents", "ask for one at a time")
    return forms[0] if forms else None


def read_export(client: Client, form: str, place: Place, version: str | None) -> dict[str, Any]:
    """The document. Raises WrongUse for a path or a version that the form has no place for."""
    if version is not None and (place.key is None or form != "prov"):
        raise WrongUse("--version is of an object", "write REF/<key>, or a commit for REF")
    if place.key is not None and form == "openlineage":
        raise WrongUse("an OpenLineage event is of a whole commit", "write REF without a path")
    path = {"prefix" if form == "croissant" else "key": place.key}
    return client.get("refs", place.bucket, form, **path, version=version)
