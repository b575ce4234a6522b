"""`clv` commands in messages, completed with the source and the home that they are about, so that they can be pasted."""

import re

#: A command in a message that names neither source nor home.
_UNPLACED = re.compile(r"\bclv [a-z-]+\b(?=[` ,.;:()]|$)(?![^`\n]*--(?:source|home)\b)", flags=re.MULTILINE)


def placed(text: str, place: str) -> str:
    """Return a message with `place` after each command that names neither source nor home.

    >>> placed("`clv run` publishes.", "--source acme")
    '`clv run --source acme` publishes.'
    """
    return _UNPLACED.sub(lambda found: f"{found[0]} {place}", text) if place else text
