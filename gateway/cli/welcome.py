"""What `serve` says once it serves: addresses, the key, and what to paste into Label Studio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import __version__
from gateway.config import Settings

if TYPE_CHECKING:
    # Importing the server is slow; only the shape of its answer is needed here.
    from gateway.server import Running

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not listened on


def welcome(settings: Settings, running: Running) -> str:
    """The whole text. The secret is in it only where the key was made at this very start."""
    return "\n".join(
        part
        for part in (
            f"labelgate {__version__} serves {_served(settings)}\n",
            _addresses(running),
            _new_key(settings, running),
            _label_studio(settings, running),
            "Stop with Ctrl-C.",
        )
        if part
    )


def _served(settings: Settings) -> str:
    if settings.store == "embedded":
        return str(settings.data_dir)
    return f"Pachyderm; what it caches of it is in {settings.data_dir}"


def _addresses(running: Running) -> str:
    admin = running.admin_url
    return f"""\
  S3        {running.url}
  health    {admin}/-/healthz   {admin}/-/readyz
  metrics   {admin}/-/metrics
  JSON API  {admin}/-/api/v1   (signed; described at /-/api/openapi.json)
"""


def _new_key(settings: Settings, running: Running) -> str:
    if running.generated is None or not running.generated_now:
        return ""
    return f"""\
A key was made for this directory. Its secret is shown this once, and kept (readable by you alone)
in {settings.data_dir / "keys.json"}

  access key id       {running.generated.access_key_id}
  secret access key   {running.generated.secret_access_key}
"""


def _label_studio(settings: Settings, running: Running) -> str:
    access_key_id, secret = _key(settings, running)
    return f"""\
Label Studio: set this in its environment, and start it again

  S3_ENDPOINT={running.url}
  AWS_ACCESS_KEY_ID={access_key_id}
  AWS_SECRET_ACCESS_KEY={secret}

and in its project, under Settings > Cloud Storage, add two storages of type AWS S3

  source    bucket master.raw-text    where your tasks are
  target    bucket master.labels      where its annotations go

  (make them first: aws --endpoint-url {running.url} s3 mb s3://master.raw-text)
  - Leave endpoint, keys and region empty: they come from the environment. An endpoint typed into
    the form is refused by Label Studio where it is a private address; S3_ENDPOINT is not.
  - Browsers fetch media from the same address by presigned URLs. Where they cannot reach
    {running.url}, switch "Use pre-signed URLs" off.
{_reach(settings)}"""


def _key(settings: Settings, running: Running) -> tuple[str, str]:
    """What to write for the id and for the secret; secrets that exist already are not repeated."""
    if running.generated is not None:
        key = running.generated
        known = f"<secret_access_key in {settings.data_dir / 'keys.json'}>"
        return key.access_key_id, key.secret_access_key if running.generated_now else known
    if settings.access_key_id:
        origin = settings.origin("secret_access_key")
        return settings.access_key_id, f"<secret_access_key, from {origin}>"
    file = settings.credentials_file
    return f"<access_key_id of a key in {file}>", "<its secret>"


def _reach(settings: Settings) -> str:
    if settings.host in _EVERY_ADDRESS:
        return (
            "  - It listens on every address of this machine: write one that Label Studio and its\n"
            f"    browsers can reach in place of {settings.host}.\n"
        )
    return (
        f"  - Only this machine reaches {settings.host}; --host 0.0.0.0 opens it to others.\n"
        if settings.host in {"127.0.0.1", "localhost", "::1"}
        else ""
    )
