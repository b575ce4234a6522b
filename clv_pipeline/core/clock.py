"""The wall clock, for bookkeeping and for people only: who was champion since when, how old is what is served.

Nothing that is computed or published may ask it; a run's dates come from its as_of.
"""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment (UTC)."""
    return datetime.now(UTC)
