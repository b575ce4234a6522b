"""Tombstones: keyed hashes of erased customer IDs, in a file next to the warehouse; their rows are never stored again.

The list is no personal data: without CLV_HASH_KEY nobody can identify the customers. Removing rows is in `erasure.py`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from pydantic import SecretStr

from clv_pipeline.core.errors import ConfigurationError, PrivacyError
from clv_pipeline.core.home import write_durably

#: Distinguishes a customer's hash from that of an e-mail address under the same key.
_KIND = "customer "
#: Is erased, in DuckDB SQL: a customer id against the parameters `$hash_key` and `$erased`.
IS_ERASED = f"coalesce(sha256($hash_key || '{_KIND}' || {{column}}) in (select unnest($erased::varchar[])), false)"


@dataclass(frozen=True)
class Tombstones:
    """The hashes of erased customer ids, and the key that made them."""

    path: Path
    key: str
    hashes: frozenset[str]

    @property
    def parameters(self) -> dict[str, object]:
        """The named parameters that `IS_ERASED` takes."""
        return {"hash_key": self.key, "erased": sorted(self.hashes)}

    def names(self, customer_id: str) -> bool:
        """Return whether this customer was erased."""
        return _hash(self.key, customer_id) in self.hashes

    def add(self, customer_ids: Iterable[str]) -> "Tombstones":
        """Return the list with these customers added, already written to disk."""
        longer = replace(self, hashes=self.hashes | {_hash(self.key, c) for c in customer_ids})
        content = {"key_check": _hash(self.key, ""), "customer_hashes": sorted(longer.hashes)}
        write_durably(self.path, (json.dumps(content, indent=2) + "\n").encode())
        return longer


def read_tombstones(path: Path, key: SecretStr | None) -> Tombstones | None:
    """Return the list, or None if nobody was ever erased.

    Raises:
        ConfigurationError: the key is missing or is not the one the list was written with: erased customers would come back.
        PrivacyError: the list is damaged.
    """
    if not path.exists():
        return None
    if key is None:
        raise ConfigurationError(
            f"{path} lists erased customers, but CLV_HASH_KEY is not set: they would come back",
            next_step="set CLV_HASH_KEY to the key that `clv forget` ran with.",
        )
    secret = key.get_secret_value()
    try:
        content = json.loads(path.read_text())
        check, hashes = content["key_check"], frozenset(map(str, content["customer_hashes"]))
    except (ValueError, KeyError, TypeError):
        raise PrivacyError(
            f"The list of erased customers {path} is damaged: they would come back",
            next_step="restore it from a backup, or remove it and `clv forget` every one of them again.",
        ) from None
    if check != _hash(secret, ""):
        raise ConfigurationError(
            f"{path} was written with another CLV_HASH_KEY: the erased customers would come back",
            next_step="set CLV_HASH_KEY to the key that `clv forget` ran with.",
        )
    return Tombstones(path, secret, hashes)


def open_tombstones(path: Path, key: SecretStr | None) -> Tombstones:
    """Return the list to add to, an empty one where there is none yet; see `read_tombstones` for what is refused."""
    if key is None or not key.get_secret_value():
        raise ConfigurationError(
            "CLV_HASH_KEY is not set: the erased customer could only be remembered by name",
            next_step="set CLV_HASH_KEY to a long random text, and keep it set for every run.",
        )
    return read_tombstones(path, key) or Tombstones(path, key.get_secret_value(), frozenset())


def _hash(key: str, customer_id: str) -> str:
    return sha256(f"{key}{_KIND}{customer_id}".encode()).hexdigest()
