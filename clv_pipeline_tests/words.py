"""Words that this project avoids because readers stumble over them: `make lint` runs this file and fails on any.

python -m clv_pipeline_tests.words
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from clv_pipeline.core.project_files import PROJECT

#: The word, and what to say in its place.
INSTEAD = {
    r"mend(s|ed|ing)?": "fix, repair",
    r"anew": "again, from the start",
    r"giants?": "outlier",
    r"let(s|ting)? (them |it )?pass": "acknowledge",
    r"for want of": "for lack of",
    r"(held|hold|holds) against": "compared with",
    r"of like size": "of similar size",
    r"slip of the keyboard": "typing error",
    r"good nights?": "published night",
    r"tenths?": "decile, 10 %",
}
_REFUSED = {re.compile(rf"\b{word}\b", re.IGNORECASE): instead for word, instead in INSTEAD.items()}
_FOLDERS = ("clv_pipeline", "clv_pipeline_tests", "benchmarks", "sql", "docs")
_ENDINGS = {".py", ".sql", ".md", ".toml", ".html"}


def refused(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, word and what to say instead."""
    for number, line in enumerate(text.splitlines(), start=1):
        for word, instead in _REFUSED.items():
            for found in word.finditer(line):
                yield number, found.group(), instead


def main() -> int:
    """Print each place; return 1 where there is one."""
    files = [*PROJECT.glob("*.md"), *PROJECT.glob("*.toml"), PROJECT / "Makefile"]
    files += [p for folder in _FOLDERS for p in (PROJECT / folder).rglob("*") if p.suffix in _ENDINGS]
    found = 0
    for path in sorted(set(files) - {Path(__file__).resolve()}):
        for line, word, instead in refused(path.read_text(encoding="utf-8")):
            found += 1
            print(f"{path.relative_to(PROJECT)}:{line}: '{word}', say: {instead}")  # noqa: T201
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
