"""The table of docs/faults.md, written by the test run itself: expected and observed behaviour of each fault.

A test belongs to the faults in its function's name (`test_fault_13_...`, `test_faults_15_and_17_...`), else to those in its
file's, where `06_to_29` names no single one. No test is here.
"""

import re
from collections import defaultdict
from pathlib import Path

import pytest

CATALOGUE = Path(__file__).with_name("catalogue.md")
_FAULTS = re.compile(r"faults?_(\d\d(?:_(?:and_)?\d\d)*)(?!\d|_to_\d)")
#: Under these names a report carries, also from a worker to the process that writes the table, what it is about.
FAULTS, SENTENCE = "faults", "sentence"

_HEAD = """\
# Faults: expected and observed behaviour

Written by `make chaos`; do not edit (a run of some tests rewrites the rows of their faults only). BLOCK = the run fails, the
old bundle stays served. WARN = the check shows a warning, the run continues. QUARANTINE = the row is quarantined with its
reason and counted. For a test with several seeds or cases the number of passed ones is shown; "repetitions" is how often the
tests of a fault were run in total.

| # | fault | expected | seen | repetitions |
|---|---|---|---|---|
"""


def faults_of(item: pytest.Item) -> list[int]:
    """Return the numbers of the faults that a test is about."""
    for name in (item.name, item.path.name):
        if found := _FAULTS.search(name):
            return [int(number) for number in re.findall(r"\d\d", found[1])]
    return []


def sentence_of(item: pytest.Item) -> str:
    """Return the name of the test as the sentence that it is."""
    words = re.sub(r"^test_(faults?_\d\d_(and_\d\d_)?)?", "", item.name.split("[")[0])
    return words.replace("_", " ")


class FaultsTable:
    """Collects the outcome of each fault test, whichever worker ran it, and writes the table at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        about = dict(report.user_properties)
        # a setup that fails is the only report of its test
        if report.when == "call" or report.outcome != "passed":
            for fault in map(int, str(about.get(FAULTS, "")).split()):
                self._outcomes[fault][str(about[SENTENCE])].append(report.outcome)

    def pytest_sessionfinish(self) -> None:
        text = self._path.read_text() if self._path.exists() else ""
        earlier = {int(row[1]): row[0] for row in re.finditer(r"^\| (\d+) \|.*\n", text, re.MULTILINE)}
        lines = [self._line(number, *rest, earlier.get(number)) for number, *rest in catalogue()]
        self._path.write_text(_HEAD + "".join(lines))

    def _line(self, number: int, fault: str, expected: str, earlier: str | None) -> str:
        seen = self._outcomes.get(number, {})
        if earlier and not seen:
            return earlier
        sentences = "; ".join(f"{sentence}: {_told(outcomes)}" for sentence, outcomes in sorted(seen.items()))
        repetitions = sum(len(outcomes) for outcomes in seen.values())
        return f"| {number} | {fault} | {expected} | {sentences or 'no test yet'} | {repetitions} |\n"


def catalogue() -> list[tuple[int, str, str]]:
    """Return number, fault and expectation of every fault there is."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in CATALOGUE.read_text().splitlines()]
    return [(int(row[0]), row[1], row[2]) for row in rows if len(row) == 3 and row[0].isdigit()]


def _told(outcomes: list[str]) -> str:
    counts = {outcome: outcomes.count(outcome) for outcome in ("failed", "skipped", "passed")}
    if len(outcomes) == 1:
        return outcomes[0].replace("failed", "**failed**")
    return ", ".join(
        f"{'**failed**' if outcome == 'failed' else outcome} {count} of {len(outcomes)}"
        for outcome, count in counts.items()
        if count
    )
