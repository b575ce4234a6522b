"""The guilty segment: which value of which column holds the rows that a check misses, or has too many.

Pure functions on counts by value; what is counted is in `segment_counts.py`, for which check in `guilt.py`. For each column the
set of values is found that tells the deviation best from an even one, by log likelihood: counts (Poisson) where a day is compared
with usual days, shares (binomial) where some rows of a table are affected. A column with many values finds a striking one by
chance, so the number of sets that were tried is subtracted. A large value is not guilty for being large: what is even over all
values has no gain.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import comb, log
from typing import Any

Columns = tuple[str, ...]
#: Where "missing" and "extra" are differences from what is usual; all other words say what the rows are.
MISSING, EXTRA = "missing", "extra"
#: The value of rows without one, and of all values that are too rare to be named.
NONE, OTHER = "(none)", "(other)"
#: Values of fewer customers than this are never named.
FEWEST_PERSONS = 5
#: A set of values has at most this many; what needs more is no segment but a spread.
_MOST_VALUES = 4
#: Log likelihood beyond the number of sets tried: an even loss is taken for a segment in a few of a hundred nights.
_GAIN_NEEDED = 3.0
#: Less than half of the deviation explains nothing.
_SHARE_NEEDED = 0.5
#: A segment deviates by at least this many times the rest.
_CONTRAST = 2.0
#: Above this part of its rows a segment is affected as a whole: two columns together would not say more.
_WHOLE = 0.9
#: A pair of columns must gain this much more than one.
_PAIR_GAIN = 3.0
#: Other columns that tell nearly as much are named as well: they hold the same rows.
_SAME_ROWS = 0.95
#: A deviation of fewer rows is not worth a name.
_ROWS_NEEDED = 5.0
_SMALLEST_EXPECTED = 0.1


@dataclass(frozen=True)
class Cell:
    """Rows and money with one value of each column: observed, and expected (or, of a table, all rows that may be affected)."""

    values: tuple[str, ...]
    observed: float
    expected: float
    money: float
    persons: int

    @property
    def can_be_named(self) -> bool:
        return self.persons >= FEWEST_PERSONS and OTHER not in self.values


@dataclass(frozen=True)
class Question:
    """What is to be explained: `change` unit of `when`, such as missing orders of 2026-06-30.

    change: missing or extra, where observed rows are compared with expected ones; another word (quarantined, duplicate) where
    the observed rows are those affected, of the expected ones. noise: how many times the variance of a count exceeds its mean.
    ordered: columns whose values are compared in ranges. is_money: whether observed and expected are money, not rows.
    """

    table: str
    change: str
    unit: str
    when: str
    is_of_table: bool = False
    noise: float = 1.0
    ordered: frozenset[str] = frozenset()
    is_money: bool = False


@dataclass(frozen=True)
class GuiltySegment:
    """The answer to a question; `columns` and `values` are empty where the deviation is even over all columns.

    columns: one, or two where one does not tell. values: the sets of values, each with one value per column. share: of the
    deviation that they hold, usual_share: of all rows. rows, money: how many are missing or extra in them, or in all if even.
    also: the same rows, told by other columns. columns_seen, values_seen: how many were looked at.
    """

    table: str
    change: str
    unit: str
    when: str
    columns: Columns
    values: tuple[tuple[str, ...], ...]
    share: float
    usual_share: float
    rows: float
    money: float
    total: float
    columns_seen: tuple[str, ...]
    values_seen: int
    is_range: bool = False
    also: tuple[str, ...] = ()

    @property
    def is_even(self) -> bool:
        return not self.columns

    @property
    def name(self) -> str:
        """Return the segment alone, such as `channel = 'web'`; empty where the deviation is even."""
        return _name(self.columns, self.values, self.is_range)

    @property
    def text(self) -> str:
        """Return the sentence for people."""
        of_all = f"the {_count(self.total)} {self.change} {self.unit}{self.when}"
        if self.is_even:
            looked = ", ".join(self.columns_seen)
            return f"{of_all} are spread evenly over {looked}: suggests the whole delivery, not a part"
        also = f"; the same rows: {'; '.join(self.also)}" if self.also else ""
        return (
            f"{self.name} holds {self.share:.0%} of {of_all} (usually {self.usual_share:.0%} of all{also}); "
            f"{self.values_seen - len(self.values)} other values of {len(self.columns_seen)} columns looked at"
        )

    def fields(self) -> dict[str, Any]:
        """Return the fields for a machine, with the sentence as `text`."""
        return asdict(self) | {"name": self.name, "text": self.text, "is_even": self.is_even}


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _name(columns: Columns, values: Sequence[tuple[str, ...]], is_range: bool) -> str:
    """Return values of columns as a condition.

    >>> _name(("channel",), [("web",)], False), _name(("hour of day",), [("09",), ("10",), ("11",)], True)
    ("channel = 'web'", 'hour of day 09 to 11')
    >>> _name(("channel", "is_return"), [("web", "true")], False)
    "channel = 'web' and is_return = true"
    >>> _name(("channel",), [("web",), ("(none)",)], False)
    "channel in ('web', (none))"
    """
    if is_range and len(values) > 1:
        return f"{columns[0]} {values[0][0]} to {values[-1][0]}"
    if len(values) == 1:
        return " and ".join(f"{c} = {_quoted(v)}" for c, v in zip(columns, values[0], strict=True))
    if len(columns) == 1:
        return f"{columns[0]} in ({', '.join(_quoted(v) for (v,) in values)})"
    return " or ".join(f"({_name(columns, [each], False)})" for each in values)


def _quoted(value: str) -> str:
    is_bare = value in (NONE, "true", "false") or value.replace("-", "").isdigit()
    return value if is_bare else f"'{value}'"


@dataclass(frozen=True)
class _Found:
    """The best set of one column (or pair): its cells, and its score, the log likelihood beyond what chance finds."""

    columns: Columns
    cells: tuple[Cell, ...]
    score: float
    share: float
    usual_share: float
    wholeness: float
    is_range: bool


def find_guilty(
    question: Question,
    singles: Mapping[Columns, Sequence[Cell]],
    pairs: Callable[[], Mapping[Columns, Sequence[Cell]]],
) -> GuiltySegment | None:
    """Return the guilty segment, or an even deviation; None where there is nothing to compare or too little deviates.

    `pairs` counts by pairs of columns; it is called only where one column does not tell the whole. The columns come in the order
    in which one is preferred to another that tells as much.
    """
    seen = {columns: cells for columns, cells in singles.items() if len(cells) > 1}
    total = max((abs(_deviation(question, cells)) for cells in singles.values()), default=0.0)
    if not seen or (total < _ROWS_NEEDED and not question.is_money):
        return None
    found = _best_of(question, seen)
    best = found[0] if found else None
    if best is None or best.share < _WHOLE or best.wholeness < _WHOLE:
        together = _best_of(question, {c: cells for c, cells in pairs().items() if len(cells) > 1})
        if together and together[0].score > (best.score if best else 0.0) + _PAIR_GAIN:
            best, found = together[0], together[:1]
    columns_seen = tuple(column for (column,) in seen)
    answer = GuiltySegment(
        question.table, question.change, question.unit, question.when, (), (), 1.0, 1.0, total,
        _money_of(next(iter(seen.values()))), total, columns_seen, sum(len(cells) for cells in seen.values()),
    )  # fmt: skip
    if best is None:
        return answer
    return replace(
        answer,
        columns=best.columns,
        values=tuple(cell.values for cell in best.cells),
        share=best.share,
        usual_share=best.usual_share,
        rows=best.share * total,
        money=_money_of(best.cells),
        is_range=best.is_range,
        also=tuple(
            _name(f.columns, [c.values for c in f.cells], f.is_range)
            for f in found[1:3]
            if f.score >= _SAME_ROWS * best.score and f.share >= _SAME_ROWS * best.share
        ),
    )


def _money_of(cells: Iterable[Cell]) -> float:
    return round(sum(cell.money for cell in cells), 2)


def _deviation(question: Question, cells: Iterable[Cell]) -> float:
    """Return how many rows are to be explained; above 0 if they deviate in the direction of the question."""
    observed, expected = _sums(cells)
    if question.change == MISSING and not question.is_of_table:
        return expected - observed
    return observed - expected if question.change == EXTRA and not question.is_of_table else observed


def _sums(cells: Iterable[Cell]) -> tuple[float, float]:
    listed = list(cells)
    return sum(c.observed for c in listed), sum(max(c.expected, _SMALLEST_EXPECTED) for c in listed)


def _best_of(question: Question, counts: Mapping[Columns, Sequence[Cell]]) -> list[_Found]:
    """Return the best set of each column that tells more than chance, the best column first."""
    found = [each for columns, cells in counts.items() if (each := _best_set(question, columns, cells, len(counts)))]
    return sorted(found, key=lambda f: -round(f.score, 6))


def _best_set(question: Question, columns: Columns, cells: Sequence[Cell], tried: int) -> _Found | None:
    all_observed, all_expected = _sums(cells)
    all_deviation = _deviation(question, cells)
    if all_deviation <= 0:
        return None
    best: _Found | None = None
    is_range = columns[0] in question.ordered and len(columns) == 1
    for chosen, sets in _sets(question, cells, is_range):
        if len(chosen) == len(cells):
            continue
        observed, expected = _sums(chosen)
        deviation, rest = _deviation(question, chosen), all_expected - expected
        share = min(deviation / all_deviation, 1.0)
        inside, outside = deviation / expected, (all_deviation - deviation) / max(rest, _SMALLEST_EXPECTED)
        if share < _SHARE_NEEDED or inside < _CONTRAST * outside:
            continue
        likelihood = _binomial if question.is_of_table else _poisson
        gain = (
            likelihood(observed, expected)
            + likelihood(all_observed - observed, rest)
            - likelihood(all_observed, all_expected)
        )
        score = gain / question.noise - log(sets) - log(tried)
        if score >= _GAIN_NEEDED and (best is None or score > best.score):
            usual = expected / all_expected
            best = _Found(columns, tuple(chosen), score, share, usual, min(abs(inside), 1.0), is_range)
    return best


def _sets(question: Question, cells: Sequence[Cell], is_range: bool) -> Iterator[tuple[Sequence[Cell], int]]:
    """Yield the sets of values to be tried, each with the number of sets like it.

    Of values without an order only those with the largest deviations for their size can be the best set of their number:
    sorted by the ratio, these are its beginnings.
    """
    if is_range:
        ordered = sorted(cells, key=lambda c: c.values)
        ranges = len(ordered) * (len(ordered) + 1) // 2
        for first in range(len(ordered)):
            for last in range(first, len(ordered)):
                chosen = ordered[first : last + 1]
                # an hour without orders belongs to the range around it
                if any(cell.can_be_named for cell in chosen) and all(OTHER not in cell.values for cell in chosen):
                    yield chosen, ranges
        return
    sign = 1.0 if question.change == MISSING and not question.is_of_table else -1.0
    named = sorted(
        (c for c in cells if c.can_be_named),
        key=lambda c: (sign * c.observed / max(c.expected, _SMALLEST_EXPECTED), -c.expected, c.values),
    )
    for size in range(1, min(_MOST_VALUES, len(named)) + 1):
        yield named[:size], comb(len(cells), size)


def _poisson(observed: float, expected: float) -> float:
    return observed * log(observed / max(expected, _SMALLEST_EXPECTED)) if observed > 0 else 0.0


def _binomial(affected: float, rows: float) -> float:
    rest = max(rows - affected, 0.0)
    return sum(part * log(part / rows) for part in (affected, rest) if part > 0) if rows > 0 else 0.0
