"""The check of past totals: two bad windows in a row are one warning, and what is published of outcomes adds up."""

from datetime import date, timedelta

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.quality.outcome_checks import PastWindow, judge_past_totals
from clv_pipeline_tests.nights import published_rows

DAYS = 90


def _window(start: date, *, is_inside: bool) -> PastWindow:
    end = start + timedelta(days=DAYS)
    actual = 100.0 if is_inside else 50.0
    parts = {"season": None, "level": -0.5, "mix": -0.2}
    return PastWindow(start, end, end, DAYS, 100.0, 80.0, 125.0, actual, is_inside, parts)


def _months(*inside: bool) -> list[PastWindow]:
    """Return windows from the first of each month on, from January 2024."""
    return [_window(date(2024, 1 + n, 1), is_inside=is_inside) for n, is_inside in enumerate(inside)]


def _verdicts(windows: list[PastWindow]) -> list[tuple[date, str]]:
    """Return the nights of a year that warn, each with the windows that were over by then."""
    nights = [date(2024, 1, 1) + timedelta(days=n) for n in range(500)]
    found = [(night, judge_past_totals([w for w in windows if w.end <= night], night)) for night in nights]
    return [(night, result.says) for night, result in found if result.verdict == "warns"]


def test_two_bad_windows_that_do_not_overlap_warn_once() -> None:
    ((night, says),) = _verdicts(_months(False, False, False, False, True, True, True))
    assert night == date(2024, 4, 1) + timedelta(days=DAYS)
    assert "90 days from 2024-01-01: 50 came, 100 were predicted (80 to 125); -50%" in says
    assert "season unknown, level -39%, mix -18%" in says


@pytest.mark.parametrize(
    "inside",
    [(False, True, True, True, True), (True, False, False, False, True, True, True), (False, False, False, True)],
    ids=["one bad window", "the next one in the row is right", "the others overlap the first"],
)
def test_one_bad_window_warns_of_nothing(inside: tuple[bool, ...]) -> None:
    assert _verdicts(_months(*inside)) == []


def test_a_year_of_bad_windows_warns_once_a_window() -> None:
    nights = [night for night, _ in _verdicts(_months(*[False] * 12))]
    assert nights == [date(2024, month, 1) + timedelta(days=DAYS) for month in (4, 7, 10)]


# --- what is published ---------------------------------------------------------------------------------------------------


def test_the_first_night_has_outcomes_of_past_windows(demo_run: Home) -> None:
    rows = published_rows(
        demo_run,
        "select slice_kind, count(*), bool_and(is_backtest), bool_and(is_closed) from prediction_outcomes group by 1 order by 1",
    )
    assert {(kind, *rest) for kind, _, *rest in rows} == {
        (kind, True, True) for kind in ("all", "channel", "decile", "status", "tier")
    }
    assert all(count > 3 for kind, count, *_ in rows if kind in ("channel", "decile", "tier"))


def test_the_slices_of_a_kind_add_up_to_all_customers(demo_run: Home) -> None:
    rows = published_rows(
        demo_run,
        """
        select as_of_date, slice_kind, sum(customers), sum(predicted_spend), sum(actual_spend), sum(actual_buyers),
            sum(baseline_spend)
        from prediction_outcomes group by all order by all
        """,
    )
    totals = {as_of: rest for as_of, kind, *rest in rows if kind == "all"}
    assert totals
    for as_of, _, *sums in rows:
        assert sums[:-1] == totals[as_of][:-1]
        assert float(sums[-1]) == pytest.approx(float(totals[as_of][-1]), abs=0.1)


def test_the_parts_of_an_error_add_up_to_it(demo_run: Home) -> None:
    rows = published_rows(
        demo_run,
        "select log_error, coalesce(log_error_season, 0) + log_error_level + log_error_mix, ln(actual_spend / predicted_spend) "
        "from prediction_outcomes where slice_kind = 'all'",
    )
    assert rows
    for error, parts, logarithm in rows:
        assert error == parts
        assert float(error) == pytest.approx(logarithm, abs=1e-4)


def test_tonights_total_is_that_of_the_run(demo_run: Home) -> None:
    rows = published_rows(
        demo_run,
        """
        select predicted_totals.predicted_spend = predicted_spend_total, predicted_spend_low = predicted_spend_total_low,
            predicted_spend_high = predicted_spend_total_high, predicted_totals.customers = clv_run.customers,
            customers_in_history = clv_run.customers
        from predicted_totals inner join clv_run using (as_of_date, run_id)
        where horizon_days = primary_horizon_days
        """,
    )
    assert rows == [(True,) * 5]
