"""The key of the hashes of e-mail addresses, and the refusal of addresses without one. How they are hashed is in `values.py`."""

from collections.abc import Iterable

from clv_pipeline.contracts.source import SourceTable
from clv_pipeline.core.errors import SourceError

#: The line that sets a key.
KEY_LINE = """export CLV_HASH_KEY="$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')\""""
#: That line, and what to do with it; to be put after a sentence of its own.
SET_KEY = (
    f"To set a key:\n\n{KEY_LINE}\n\nKeep its value with your secrets and set the same one for every run: under another key the "
    "same address is somebody else."
)


def check_hash_key(table: SourceTable, columns: Iterable[str], hash_key: str | None) -> None:
    """Check that addresses that name customers can be hashed, before a row is loaded.

    Raises:
        SourceError: orders are returned with an e-mail, and there is no key: every guest would be lost without a word.
    """
    if table.name == "orders" and "email" in columns and not hash_key:
        raise SourceError(
            "orders.email: e-mail addresses are stored only as keyed hashes, and there is no key (CLV_HASH_KEY)",
            next_step=f"set the key, or return no email in orders.sql. {SET_KEY}",
        )
