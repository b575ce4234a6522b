"""The wall clock. Bookkeeping only: promotion times, age of the served bundle.

No computed or published value may depend on it; a run's dates come from its as_of.
"""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time (UTC)."""
    return datetime.now(UTC)
