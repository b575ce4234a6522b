"""How a `clv` command is written so that a reader can paste it: with the program as it is found here, its source and its home.

Messages come from rooms that know neither; whoever shows one to a reader writes them in.
"""

import re
import shutil
import sys
from pathlib import Path

#: A command that is not yet written with the path of its program.
_COMMAND = re.compile(r"(?<![\w/.-])clv (?=[a-z][a-z-]*\b)")
#: A command in a message that names neither source nor home.
_UNPLACED = re.compile(
    r"(?<![\w.-])clv [a-z][a-z-]*\b(?=[` ,.;:()]|$)(?![^`\n]*--(?:source|home)\b)", flags=re.MULTILINE
)


def pasteable(text: str, place: str, program: str | None = None) -> str:
    """Return `text` with every `clv` command as it is called here, and with the options `place` where it has none.

    place: as of `home_state.place_of`. program: as of `clv_program`, which is the default.

    >>> pasteable("`clv run` publishes a bundle now.", "--source acme", program="clv")
    '`clv run --source acme` publishes a bundle now.'
    >>> pasteable("`clv run --source acme --retrain`", "--source acme", program=".venv/bin/clv")
    '`.venv/bin/clv run --source acme --retrain`'
    """
    if place:
        text = _UNPLACED.sub(lambda found: f"{found[0]} {place}", text)
    written = program or clv_program()
    return text if written == "clv" else _COMMAND.sub(lambda _: f"{written} ", text)


def clv_program() -> str:
    """Return what a reader types for this `clv`: its name where the shell finds it, else its path, short if it is below here."""
    program = Path(sys.executable).with_name("clv")
    found = shutil.which("clv")
    if not program.exists() or (found and Path(found).resolve() == program.resolve()):
        return "clv"
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else str(program)
