"""Tombstones: keyed hashes of erased customer IDs; their rows are never stored again. Removing rows is in `erasure.py`.

The subscriptions of the erased are in the list, too: a payment names its subscription and no customer.

The list is kept next to source.toml (or at CLV_TOMBSTONES), where a new home finds it, and as a copy in the home, which
remembers that there is one. Both have a checksum. The list is no personal data: without CLV_HASH_KEY nobody can identify the
customers.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from clv_pipeline.contracts.source import SourceTable
from clv_pipeline.core.errors import ConfigurationError, PrivacyError
from clv_pipeline.core.home import Home, write_durably
from clv_pipeline.core.settings import Settings
from clv_pipeline.sources.hash_key import SET_KEY
from clv_pipeline.warehouse.connection import Connection

#: Distinguishes a customer's hash from that of an e-mail address under the same key.
_KIND = "customer "
#: Is erased, in DuckDB SQL: a customer id against the parameters `$hash_key` and `$erased`.
IS_ERASED = f"coalesce(sha256($hash_key || '{_KIND}' || {{column}}) in (select unnest($erased::varchar[])), false)"
_SUBSCRIPTION = "subscription "
_IS_ERASED_SUBSCRIPTION = IS_ERASED.replace(_KIND, _SUBSCRIPTION).format(column="subscription_id")
FILE_NAME = "erased_customers.json"


@dataclass(frozen=True)
class Tombstones:
    """The hashes of erased customer ids, the key that made them, and the files that hold them."""

    paths: tuple[Path, ...]
    key: str
    hashes: frozenset[str]

    @property
    def parameters(self) -> dict[str, object]:
        """The named parameters that `IS_ERASED` takes."""
        return {"hash_key": self.key, "erased": sorted(self.hashes)}

    @property
    def checksum(self) -> str:
        """The checksum of the entries, under the key."""
        return _checksum(self.key, sorted(self.hashes))

    def names(self, customer_id: str) -> bool:
        """Return whether this customer was erased."""
        return _hash(self.key, customer_id) in self.hashes

    def add(self, customer_ids: Iterable[str], subscription_ids: Iterable[str] = ()) -> "Tombstones":
        """Return the list with these customers and their subscriptions added, already written to disk."""
        added = {_hash(self.key, c) for c in customer_ids} | {
            _hash(self.key, s, _SUBSCRIPTION) for s in subscription_ids
        }
        longer = replace(self, hashes=self.hashes | added)
        longer.write()
        return longer

    def write(self) -> None:
        """Write every copy.

        Raises:
            ConfigurationError: a folder cannot be written.
        """
        kept_at = str(self.paths[0]) if len(self.paths) > 1 else ""
        content = {
            "key_check": _hash(self.key, ""),
            "checksum": self.checksum,
            "kept_at": kept_at,
            "customer_hashes": sorted(self.hashes),
        }
        for path in self.paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_durably(path, (json.dumps(content, indent=2) + "\n").encode())
            except OSError:
                raise ConfigurationError(
                    f"The list of erased customers {path} cannot be written",
                    next_step="make its folder writable, or set CLV_TOMBSTONES to a file in a folder that is kept and backed up.",
                ) from None


def without_erased(table: SourceTable, tombstones: Tombstones | None) -> str:
    """Return the query of the rows of `typed` that may be stored.

    A record merged into an erased one, or with an erased address, belongs to the same person under another number: it may not
    name the erased one, and it is stored without profiling consent until `clv forget` is run for that number, too. An order
    without a customer is that of its address.
    """
    names = set(table.column_names())
    if tombstones is None or not names & {"customer_id", "subscription_id"}:
        return "select * from typed"
    if "customer_id" not in names:
        return f"select * from typed where not {_IS_ERASED_SUBSCRIPTION}"
    is_erased = IS_ERASED.format(column="customer_id")
    same_person = [IS_ERASED.format(column=name) for name in ("merged_into", "email") if name in names]
    replaced = [
        f"case when not {IS_ERASED.format(column=name)} then {name} end as {name}"
        for name in ("merged_into", "email")
        if name in names
    ]
    if "profiling_consent" in names:
        replaced.append(f"profiling_consent and not ({' or '.join(same_person)}) as profiling_consent")
    elif "email" in names:
        is_erased = f"({is_erased} or customer_id is null and {IS_ERASED.format(column='email')})"
    kept = f"select * replace ({', '.join(replaced)}) from typed" if replaced else "select * from typed"
    return f"{kept} where not {is_erased}"


def erased_subscriptions(connection: Connection, tombstones: Tombstones) -> set[str]:
    """Return the subscriptions in the rows of `typed` that are nobody's but an erased customer's."""
    rows = connection.execute(
        "select subscription_id from typed where subscription_id is not null group by subscription_id "
        f"having bool_and({IS_ERASED.format(column='customer_id')})",
        tombstones.parameters,
    )
    return {subscription_id for (subscription_id,) in rows.fetchall()}


def tombstones_file(settings: Settings) -> Path | None:
    """Return where the list is kept; None for the embedded demo company, whose list is the home's alone."""
    if settings.tombstones is not None:
        return settings.tombstones.expanduser().absolute()
    return None if is_embedded_demo(settings) else settings.source_folder / FILE_NAME


def is_embedded_demo(settings: Settings) -> bool:
    """Return whether the demo company's own database is read; a run has its address already, other commands have none."""
    if settings.source != "demo" or settings.source_url is None:
        return settings.source == "demo"
    return settings.source_url.get_secret_value() == f"sqlite:///{Home(settings.home).demo_database}"


def read_tombstones(settings: Settings) -> Tombstones | None:
    """Return the list, or None if nobody was ever erased.

    Raises:
        ConfigurationError: the key is missing or is not the one the list was written with: erased customers would come back.
        PrivacyError: the list is damaged, or the home knows of a list that is gone.
    """
    in_home, kept_at = Home(settings.home).tombstones, tombstones_file(settings)
    there = [path for path in (kept_at, in_home) if path is not None and path.exists()]
    if not there:
        return None
    if settings.hash_key is None:
        raise ConfigurationError(
            f"{there[0]} lists erased customers, but CLV_HASH_KEY is not set: they would come back",
            next_step="set CLV_HASH_KEY to the key that `clv forget` ran with.",
        )
    key = settings.hash_key.get_secret_value()
    found = {path: _read(path, key, is_only=len(there) == 1) for path in there}
    remembered = found[in_home].kept_at if in_home in found else ""
    if kept_at is None and remembered:
        # a command that does not name the source: the home knows where its list is
        kept_at = Path(remembered)
    if kept_at is not None and str(kept_at) == remembered and not kept_at.exists():
        raise PrivacyError(
            f"The list of erased customers {kept_at} is gone, and {in_home} says that there was one: they would come back",
            next_step=f"restore it from a backup, or copy {in_home} there.",
        )
    paths = (in_home,) if kept_at is None else (kept_at, in_home)
    tombstones = Tombstones(paths, key, frozenset().union(*(copy.hashes for copy in found.values())))
    if len(found) < len(paths) or any(copy.hashes != tombstones.hashes for copy in found.values()):
        tombstones.write()
    return tombstones


def open_tombstones(settings: Settings) -> Tombstones:
    """Return the list to add to, an empty one where there is none yet; see `read_tombstones` for what is refused."""
    if settings.hash_key is None or not settings.hash_key.get_secret_value():
        raise ConfigurationError(
            "CLV_HASH_KEY is not set: the erased customer could only be remembered by name",
            next_step=f"set the key and keep it. {SET_KEY}",
        )
    found = read_tombstones(settings)
    if found:
        return found
    in_home, kept_at = Home(settings.home).tombstones, tombstones_file(settings)
    paths = (in_home,) if kept_at is None else (kept_at, in_home)
    return Tombstones(paths, settings.hash_key.get_secret_value(), frozenset())


@dataclass(frozen=True)
class _Copy:
    hashes: frozenset[str]
    kept_at: str


def _read(path: Path, key: str, *, is_only: bool) -> _Copy:
    """Read one copy; only a list of an earlier release, which was kept in the home alone, has no checksum."""
    try:
        content = json.loads(path.read_text())
        check, hashes = content["key_check"], sorted(map(str, content["customer_hashes"]))
        checksum, kept_at = content.get("checksum"), str(content.get("kept_at", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(path) from None
    if check != _hash(key, ""):
        raise ConfigurationError(
            f"{path} was written with another CLV_HASH_KEY: the erased customers would come back",
            next_step="set CLV_HASH_KEY to the key that `clv forget` ran with.",
        )
    is_of_earlier_release = checksum is None and is_only and path.name != FILE_NAME
    if not is_of_earlier_release and checksum != _checksum(key, hashes):
        raise _damaged(path)
    return _Copy(frozenset(hashes), kept_at)


def _damaged(path: Path) -> PrivacyError:
    return PrivacyError(
        f"The list of erased customers {path} is damaged: they would come back",
        next_step="restore it from a backup, or remove it and `clv forget` every one of them again.",
    )


def _hash(key: str, identifier: str, kind: str = _KIND) -> str:
    return sha256(f"{key}{kind}{identifier}".encode()).hexdigest()


def _checksum(key: str, hashes: list[str]) -> str:
    return sha256(f"{key}list {' '.join(hashes)}".encode()).hexdigest()
