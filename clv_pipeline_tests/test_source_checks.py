"""Checks of customers, dispositions, order times and the last day on numbers alone."""

from dataclasses import replace
from datetime import date

import pytest

from clv_pipeline.quality.night_checks import ACKNOWLEDGEABLE, NIGHT_CHECKS
from clv_pipeline.quality.source_checks import judge_source
from clv_pipeline.quality.source_measures import AtStake, LastDay, OrderTimes, SourceFigures

FIGURES = {
    "customers": 1000.0, "not profiled": 80.0, "unclear consent": 0.0, "buyers": 900.0, "unknown buyers": 0.0, "order hour": 15.0,
    "currency EUR": 0.8, "currency CHF": 0.2, "share duplicate": 0.01,
}  # fmt: skip
PROFILE = dict.fromkeys(range(8, 20), 1 / 12)
LAST_DAY = LastDay(date(2024, 5, 31), tuple(8.5 + n / 4 for n in range(45)), 45.0, PROFILE, 0, 0, 0.0, 0.0)
TIMES = {
    name: OrderTimes(15.0, 4.0, n) for name, n in (("day", 40), ("week", 280), ("earlier", 2000), ("eight_weeks", 2200))
}
CALM = SourceFigures(FIGURES, FIGURES, {"duplicate": 0.01}, 950, 949, TIMES, LAST_DAY)
FIRST = replace(CALM, before={}, published=0, kept=0)


def verdicts(seen: SourceFigures) -> dict[str, str]:
    """Return check -> verdict of those that do not pass."""
    return {judged.check: judged.verdict for judged in judge_source(seen) if judged.verdict != "passed"}


def with_figures(seen: SourceFigures, **figures: float) -> SourceFigures:
    return replace(seen, figures=seen.figures | {name.replace("_", " "): value for name, value in figures.items()})


def test_calm_nights_pass_the_first_and_any_later() -> None:
    assert verdicts(CALM) == verdicts(FIRST) == {}


def test_the_checks_are_those_of_the_night_in_their_order() -> None:
    names = [judged.check for judged in judge_source(CALM)]
    assert tuple(names) == NIGHT_CHECKS[-len(names) :]
    assert {"consent", "customer_keys", "dispositions", "currencies"} <= set(ACKNOWLEDGEABLE)


@pytest.mark.parametrize(
    ("unclear", "expected"), [(200, {}), (201, {"consent": "blocks"})], ids=["a fifth", "more than a fifth"]
)
def test_unclear_consents_block_a_first_night(unclear: float, expected: dict[str, str]) -> None:
    assert verdicts(with_figures(FIRST, unclear_consent=unclear)) == expected


@pytest.mark.parametrize(
    ("refused", "is_lost"), [(81, False), (79, False), (60, False), (50, True), (0, True)], ids=str
)
def test_refusals_may_not_get_lost(refused: float, is_lost: bool) -> None:
    assert verdicts(with_figures(CALM, not_profiled=refused)) == ({"consent": "blocks"} if is_lost else {})


def test_a_jump_of_buyers_without_a_record_blocks_and_a_high_share_that_stays_does_not() -> None:
    jumped = with_figures(CALM, unknown_buyers=190)
    assert verdicts(jumped) == {"unknown_customers": "blocks"}
    assert verdicts(replace(jumped, before=jumped.figures)) == {}


@pytest.mark.parametrize(("kept", "expected"), [(900, None), (800, "warns"), (400, "blocks")])
def test_customers_who_vanish_overnight(kept: int, expected: str | None) -> None:
    assert verdicts(replace(CALM, kept=kept)) == ({"customer_keys": expected} if expected else {})


@pytest.mark.parametrize("seen", [CALM, FIRST], ids=["later", "first night"])
def test_half_of_the_lines_repeated_block_unless_it_is_always_so(seen: SourceFigures) -> None:
    doubled = replace(seen, shares={"duplicate": 0.5})
    assert verdicts(doubled) == {"dispositions": "blocks"}
    assert verdicts(replace(CALM, shares={"duplicate": 0.5}, before=FIGURES | {"share duplicate": 0.5})) == {}


def test_times_of_day_that_shift_are_a_warning() -> None:
    assert verdicts(replace(CALM, times=TIMES | {"day": OrderTimes(18.0, 4.0, 40)})) == {"order_times": "warns"}
    assert verdicts(replace(CALM, times=TIMES | {"day": OrderTimes(17.0, 4.0, 40)})) == {}
    everywhere = {name: replace(times, mean=(times.mean + 2) % 24) for name, times in TIMES.items()}
    assert verdicts(replace(CALM, times=everywhere)) == {"order_times": "warns"}
    assert verdicts(replace(FIRST, times=everywhere)) == {}


def test_a_currency_that_vanishes_or_appears_blocks() -> None:
    gone = replace(
        CALM, figures={name: v for name, v in FIGURES.items() if name != "currency CHF"} | {"currency EUR": 1.0}
    )
    assert verdicts(gone) == {"currencies": "blocks"}
    assert verdicts(with_figures(CALM, currency_USD=0.02)) == {"currencies": "blocks"}
    assert verdicts(with_figures(CALM, currency_USD=0.001)) == {}


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (replace(LAST_DAY, hours=(8.5, 9.0, 10.0, 11.9)), "no order between 12 and 24 o'clock"),
        (replace(LAST_DAY, large=40), "40 of 45 orders on 2024-05-31 are above the 99th percentile"),
        (replace(LAST_DAY, hours=(9.0, 12.0, 14.0, 17.0), usual=4.0, small=3), "3 of 4 orders on 2024-05-31 are below"),
        (replace(LAST_DAY, free=0.9), "90% of the lines of 2024-05-31 have no price"),
    ],
)
def test_a_last_day_unlike_those_before_is_a_warning_that_says_how(day: LastDay, words: str) -> None:
    for seen in (CALM, FIRST):
        (judged,) = [j for j in judge_source(replace(seen, last_day=day)) if j.verdict != "passed"]
        assert (judged.check, judged.verdict) == ("last_day", "warns")
        assert words in judged.says


def test_the_largest_share_of_one_check_counts_and_blocks_a_first_night_only() -> None:
    small = AtStake("long_pause", 0.15, ("a pause",))
    assert verdicts(replace(FIRST, at_stake=(small, AtStake("empty_months", 0.2, ("a month",))))) == {}
    large = replace(FIRST, at_stake=(small, AtStake("empty_months", 0.21, ("a month", "another one"))))
    assert verdicts(large) == {"plausibility": "blocks"}
    (judged,) = [j for j in judge_source(large) if j.check == "plausibility"]
    assert judged.details == ("a month", "another one")
    assert "the total is off by 21%" in judged.says
    assert verdicts(replace(large, before=FIGURES)) == {}
