"""The address of a source as source.toml may hold it: a folder, a file, or a database address without a secret."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from clv_pipeline.core.errors import ConfigurationError

_SECRET_OPTION = re.compile(r"pass|pwd|token|secret|key|sig|credential|auth", re.IGNORECASE)
#: Schemes whose address is a file.
_FILES = ("sqlite", "duckdb")


def holds_secret(address: str) -> bool:
    """Return whether an address has a password or a token in it.

    >>> holds_secret("postgresql://reader:s3cret@db.example/shop"), holds_secret("mysql://reader@db.example/shop?ssl_key=x")
    (True, True)
    >>> holds_secret("postgresql://reader@db.example/shop"), holds_secret("exports/2024")
    (False, False)
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        # a path; an address without its scheme has credentials before an @
        return bool(re.match(r"[^/]*:[^/]*@", address))
    if scheme.partition("+")[0] in _FILES:
        return "@" in rest.partition("?")[0].partition("/")[0] or _has_secret_option(rest.partition("?")[2])
    try:
        parts = urlsplit(address)
    except ValueError:
        return True
    return parts.password is not None or ":" in parts.netloc.rpartition("@")[0] or _has_secret_option(parts.query)


def _has_secret_option(query: str) -> bool:
    return any(_SECRET_OPTION.search(name) for name, _ in parse_qsl(query, keep_blank_values=True))


def address_in_file(value: object, folder: Path) -> str:
    """Return the address that source.toml of a folder names; a relative path is one relative to that folder.

    Raises:
        ConfigurationError: it holds a secret, or is no text.
    """
    path = folder / "source.toml"
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"{path}: source_url is not an address", next_step='write it as source_url = "FOLDER".'
        )
    if holds_secret(value):
        raise ConfigurationError(
            f"{path}: source_url holds a password or a token, which does not belong in a file",
            next_step="remove it there, change that password, and set CLV_SOURCE_URL in the environment.",
        )
    scheme, separator, rest = value.partition("://")
    if not separator:
        return str((folder / Path(value).expanduser()).resolve())
    if scheme.partition("+")[0] in _FILES and rest.startswith("/") and not rest.startswith("//"):
        file, question, options = rest[1:].partition("?")
        return f"{scheme}:///{(folder / file).resolve()}{question}{options}" if file and file != ":memory:" else value
    return value
