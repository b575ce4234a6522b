"""The processes that another one started, read from /proc. No test is here."""

from contextlib import suppress
from pathlib import Path


def living() -> dict[int, int]:
    """Return process -> parent of all that live."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):  # it ended while we looked
            state, parent, *_ = stat.read_text().rsplit(")", 1)[1].split()
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    return parents


def with_descendants(process: int) -> list[int]:
    """Return a process and all that it started, directly or not, and that still have it above them."""
    parents, found = living(), [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found
