"""docs/configuration.md, from gateway.config.Settings."""

from __future__ import annotations

from typing import Any

from gateway.config import NAMES, Settings, environment_name, flag_name
from scripts.markdown import code, generated_from, table

_RULES = """\
A flag of `labelgate serve` counts more than the environment, that more than the file, that more
than the default. `labelgate config show` prints each value and where it came from; `labelgate
config check` tests them without starting anything.

- **Environment**: `LABELGATE_` and the name in capitals. An empty variable counts as not set. An
  unknown one brings a warning with the nearest name. What Kubernetes puts beside it for a service
  called `labelgate` (`LABELGATE_PORT=tcp://10.0.0.1:80` and its kin) is passed over.
- **File**: `labelgate.toml` in the data directory, or the one that `--config` names. TOML, one
  `name = value` a line. An unknown name is an error. Relative paths are taken from the file's
  folder. `data_dir` can only stand in a file that `--config` names.
- **Switches** are `on` or `off`; `true`, `false`, `1` and `0` are understood, too.
- **Secrets** are never shown or logged. A flag can be seen by others of the machine, so give
  secrets by the environment or by a file.

`/-/metrics` takes no signature and names repos and branches. With several accounts, or where others
reach the host, set `admin_port` and keep it to yourself.

`LABELGATE_ENDPOINT` is no setting of the gateway: it tells the `labelgate` command which server to
talk to.
"""

_CREDENTIALS = """\
## Keys

With no key configured anywhere, the first start makes one (account `default`, all rights). It is
printed once, kept as `keys.json` in the data directory (mode 0600), and in force only while no
other key is configured.

`access_key_id` with `secret_access_key` is one key pair of account `default` with all rights.
For more than one there is the credentials file; both count together.

### Credentials file

JSON, or TOML where its name ends in `.toml`. It is read again when it changes, within a second and
without a restart; a file that has become wrong leaves the last good keys in force, and the log
says so.

```toml
[[keys]]
name = "label studio"                     # shown in commits and logs
account = "labels"                        # owns the repos that this key makes
access_key_id = "LGEXAMPLE0000000001"
secret_access_key_file = "studio.secret"  # or secret_access_key = "..."
grants = "own"

[[keys]]
name = "operator"
account = "default"
access_key_id = "LGEXAMPLE0000000002"
secret_access_key = "not-a-real-secret"
grants = "all"
expires = "2027-01-01T00:00:00Z"          # optional
disabled = false                          # optional
```

"""

_TOKENS = """
### Tokens of Pachyderm

With `store = "pachyderm"` and Pachyderm's auth on, a token of Pachyderm is a key, too: access key
id and secret access key are both the token. Its account is its subject (`robot:gw`), and what it
may do is what Pachyderm's roles say of each repo: `REPO_READ` to read and list, `REPO_WRITE` to
write and delete, `REPO_CREATE_BRANCH` and `REPO_DELETE_BRANCH` to make and delete branches, tags
and buckets, `REPO_DELETE` to delete a repo that holds anything. What it makes is made with the
token itself, so that its holder owns it. A token that was revoked stops to work within a minute, a
role that was taken away within half a minute.

The names of keys are shown in commits and logs; of a token that is no more than its first four
characters. But **a presigned URL names its access key id, and with a token that is the secret**:
where Label Studio presigns URLs, give it a key of the credentials file.
"""

_FIELDS = (
    ("name", "What the key is called. Needed."),
    ("account", "Whose it is. Needed. A repo belongs to the account whose key made it."),
    ("access_key_id", "The id a client sends. Needed; each once in the file."),
    ("secret_access_key", "The secret; or the next."),
    (
        "secret_access_key_file",
        """A file that holds the secret, relative to this one. It is read with this one, so touch
        this one when the secret changes.""",
    ),
    (
        "grants",
        """`"own"` (default): everything on the repos of its account, and it may make repos.
        `"all"`: everything everywhere. Or a list of `{rights, buckets, prefix}`:
        [Security](security.md#grants).""",
    ),
    ("expires", "When it stops to be accepted, ISO 8601; UTC unless it says otherwise."),
    ("disabled", "`true` refuses it."),
)


def page() -> str:
    """The whole page."""
    rows = [_row(name) for name in NAMES]
    return "\n".join(
        (
            generated_from("gateway/config.py"),
            "# Configuration\n",
            _RULES,
            "## Settings\n",
            table(("setting", "flag", "environment", "default", "meaning"), rows),
            "",
            _CREDENTIALS + table(("field", "meaning"), ((code(n), text) for n, text in _FIELDS)),
            _TOKENS,
        )
    )


def _row(name: str) -> tuple[str, ...]:
    field = Settings.model_fields[name]
    return (
        code(name),
        code(flag_name(name)),
        code(environment_name(name)),
        _default(field.default, field.json_schema_extra),
        field.description or "",
    )


def _default(default: object, extra: Any) -> str:
    if extra:
        return str(extra["default_text"])
    match default:
        case None | ():
            return "unset"
        case bool():
            return code("on" if default else "off")
    return code(str(default))
