"""Cutoffs for fitting, tuning and evaluating models: nothing overlaps, nothing reaches past as_of."""

from datetime import date, timedelta
from itertools import pairwise, product

import pytest

from clv_pipeline.features.cutoffs import CutoffPlan, Fold, TrainingPlan, plan_cutoffs, plan_horizons

AS_OFS = (date(2024, 2, 29), date(2024, 3, 1), date(2023, 12, 31), date(2025, 1, 1), date(2024, 7, 15))
HISTORY_DAYS = (1, 29, 59, 60, 61, 120, 179, 180, 181, 269, 270, 271, 366, 731, 1_461)
HORIZONS = (1, 7, 30, 90, 180, 365)
STEPS = (1, 30, 45, 400)
FOLDS = (1, 2, 5)
EVERY_CASE = list(product(AS_OFS, HISTORY_DAYS, HORIZONS, STEPS, FOLDS))
MOST = 8


def plan(
    as_of: date, history_days: int, horizon: int, step: int = 45, folds: int = 2, most: int = MOST
) -> tuple[CutoffPlan, date]:
    first = as_of - timedelta(days=history_days)
    return plan_cutoffs(as_of, first, horizon, step_days=step, max_cutoffs=most, folds=folds), first


def every_plan() -> list[tuple[CutoffPlan, date, date, int, int]]:
    """Return (plan, as_of, first day, step, folds asked for) of every case."""
    found = []
    for as_of, history, horizon, step, folds in EVERY_CASE:
        made, first = plan(as_of, history, horizon, step, folds)
        found.append((made, as_of, first, step, folds))
    return found


def folds_of(made: CutoffPlan) -> list[Fold]:
    return [*([made.test] if made.test else []), *made.folds]


PLANS = every_plan()


def test_the_cases_hold_long_and_short_histories() -> None:
    """The properties below would hold for empty plans too, so there must be enough that are not."""
    assert sum(made.test is None for made, *_ in PLANS) > 100
    assert sum(not made.final for made, *_ in PLANS) > 100
    assert sum(len(made.folds) >= 2 for made, *_ in PLANS) > 300
    assert sum(len(made.final) == MOST for made, *_ in PLANS) > 300


def test_no_training_window_reaches_into_the_window_that_is_judged() -> None:
    for made, *_ in PLANS:
        for fold in folds_of(made):
            assert fold.train
            for cutoff in fold.train:
                assert cutoff + timedelta(days=made.horizon_days) <= fold.validation


def test_no_window_reaches_past_as_of_or_begins_before_there_is_history() -> None:
    for made, as_of, first, *_ in PLANS:
        needed = timedelta(days=min(made.horizon_days, 90))
        for cutoff in made.all_cutoffs:
            assert cutoff + timedelta(days=made.horizon_days) <= as_of
            assert cutoff >= first + needed


def test_the_test_window_is_the_newest_that_is_over() -> None:
    for made, as_of, *_ in PLANS:
        if made.final:
            assert made.final[0] == as_of - timedelta(days=made.horizon_days)
        if made.test:
            assert made.test.validation == as_of - timedelta(days=made.horizon_days)


def test_tuning_never_sees_a_day_of_the_test_window() -> None:
    for made, *_ in PLANS:
        if made.test is None:
            assert not made.folds
            continue
        for fold in made.folds:
            for cutoff in (fold.validation, *fold.train):
                assert cutoff + timedelta(days=made.horizon_days) <= made.test.validation


def test_the_windows_of_two_tuning_folds_do_not_overlap() -> None:
    for made, *_ in PLANS:
        for newer, older in pairwise(made.folds):
            assert older.validation + timedelta(days=made.horizon_days) <= newer.validation


def test_all_cutoffs_lie_on_one_grid_newest_first() -> None:
    for made, as_of, _, step, _ in PLANS:
        spacing = max(step, made.horizon_days // 6)
        newest = as_of - timedelta(days=made.horizon_days)
        assert all((newest - cutoff).days % spacing == 0 for cutoff in made.all_cutoffs)
        for cutoffs in (made.final, *(fold.train for fold in folds_of(made))):
            assert all((newer - older).days == spacing for newer, older in pairwise(cutoffs))


def test_no_more_cutoffs_and_folds_than_were_asked_for() -> None:
    for made, _, _, _, folds in PLANS:
        assert len(made.folds) <= folds
        assert len(made.final) <= MOST
        assert all(len(fold.train) <= MOST for fold in folds_of(made))


def test_a_cutoff_is_left_out_only_for_want_of_history_or_because_there_are_enough() -> None:
    for made, _, first, step, _ in PLANS:
        if made.final and len(made.final) < MOST:
            next_older = made.final[-1] - timedelta(days=max(step, made.horizon_days // 6))
            assert next_older < first + timedelta(days=min(made.horizon_days, 90))


def test_all_cutoffs_are_exactly_those_in_use() -> None:
    made, _ = plan(date(2024, 6, 1), 900, 90)
    assert made.test is not None
    used = {*made.final, made.test.validation, *made.test.train}
    for fold in made.folds:
        used |= {fold.validation, *fold.train}
    assert made.all_cutoffs == used


@pytest.mark.parametrize("horizon", HORIZONS)
def test_how_short_a_history_may_be(horizon: int) -> None:
    """A label needs one horizon and some history; a judged model needs another horizon; a tuning fold a third."""
    as_of = date(2024, 3, 1)
    some = min(horizon, 90)
    nothing, _ = plan(as_of, horizon + some - 1, horizon, step=1)
    assert (nothing.final, nothing.test, nothing.folds, nothing.all_cutoffs) == ((), None, (), set())
    labels_only, _ = plan(as_of, horizon + some, horizon, step=1)
    assert labels_only.final == (as_of - timedelta(days=horizon),)
    assert labels_only.test is None
    # the grid has steps of a sixth of the horizon, so the window before the newest ends up to one step earlier
    step = max(1, horizon // 6)
    two_windows = -(-horizon // step) * step + horizon + some
    judged, first = plan(as_of, two_windows, horizon, step=1)
    assert judged.test is not None
    assert judged.test.train == (first + timedelta(days=some),)
    assert judged.folds == ()
    assert plan(as_of, two_windows - 1, horizon, step=1)[0].test is None
    tuned, _ = plan(as_of, 3 * horizon + some + 2 * step, horizon, step=1, folds=1)
    assert len(tuned.folds) == 1


def test_a_long_history_gives_every_fold_and_cutoff() -> None:
    made, _ = plan(date(2024, 6, 1), 3_000, 90, step=45, folds=4)
    assert len(made.folds) == 4
    assert len(made.final) == MOST
    assert made.test is not None
    assert len(made.test.train) == MOST


def test_by_hand_across_a_leap_day() -> None:
    made = plan_cutoffs(date(2024, 3, 30), date(2023, 9, 1), 30, step_days=30, max_cutoffs=3, folds=2)
    assert made.final == (date(2024, 2, 29), date(2024, 1, 30), date(2023, 12, 31))
    assert made.test == Fold((date(2024, 1, 30), date(2023, 12, 31), date(2023, 12, 1)), date(2024, 2, 29))
    assert made.folds == (
        Fold((date(2023, 12, 31), date(2023, 12, 1), date(2023, 11, 1)), date(2024, 1, 30)),
        Fold((date(2023, 12, 1), date(2023, 11, 1), date(2023, 10, 2)), date(2023, 12, 31)),
    )


def test_a_day_counts_in_a_leap_year() -> None:
    made = plan_cutoffs(date(2024, 3, 1), date(2023, 3, 1), 365, step_days=45, max_cutoffs=3, folds=1)
    assert made.final == ()
    horizon_of_a_day = plan_cutoffs(date(2024, 3, 1), date(2024, 1, 1), 1, step_days=1, max_cutoffs=2, folds=1)
    assert horizon_of_a_day.final == (date(2024, 2, 29), date(2024, 2, 28))


def test_the_plan_depends_on_nothing_but_its_arguments() -> None:
    assert plan(date(2024, 6, 1), 900, 90) == plan(date(2024, 6, 1), 900, 90)


def test_a_day_later_everything_is_a_day_later() -> None:
    today, _ = plan(date(2024, 2, 28), 900, 90)
    tomorrow, _ = plan(date(2024, 2, 29), 900, 90)
    assert tomorrow.final == tuple(cutoff + timedelta(days=1) for cutoff in today.final)


# --- horizons that the history cannot show ---------------------------------------------------------------------------


def horizons(history_days: int, *asked: int, as_of: date = date(2024, 3, 1)) -> TrainingPlan:
    first = as_of - timedelta(days=history_days)
    return plan_horizons(as_of, first, asked, step_days=45, max_cutoffs=6, folds=2)


def test_a_horizon_that_can_be_judged_is_learned_from_itself() -> None:
    made = horizons(1_500, 30, 90, 365)
    assert made.learned == {30: 30, 90: 90, 365: 365}
    assert [p.horizon_days for p in made.horizons] == [30, 90, 365]
    assert made.all_days == [30, 90, 365]


def test_a_year_of_a_young_company_is_learned_from_the_longest_shorter_horizon_asked_for() -> None:
    made = horizons(374, 30, 90, 365)
    assert made.learned == {30: 30, 90: 90, 365: 90}
    assert [p.horizon_days for p in made.horizons] == [30, 90]
    assert made.all_days == [30, 90, 365]
    assert all(p.test is not None for p in made.horizons)


def test_a_year_alone_of_a_young_company_is_learned_from_a_quarter_of_its_history_in_whole_weeks() -> None:
    made = horizons(374, 365)
    assert made.learned == {365: 374 // 4 // 7 * 7} == {365: 91}
    (learned,) = made.horizons
    assert learned.horizon_days == 91
    assert learned.test is not None
    assert made.all_days == [91, 365]


def test_a_history_too_short_for_a_fortnight_keeps_the_horizons_and_judges_nothing() -> None:
    made = horizons(50, 30, 45)
    assert made.learned == {30: 30, 45: 45}
    assert [(p.horizon_days, p.test) for p in made.horizons] == [(30, None), (45, None)]


@pytest.mark.parametrize("history_days", HISTORY_DAYS)
@pytest.mark.parametrize("asked", [(365,), (30, 365), (7, 90, 180), (180, 365), (1_000,)])
def test_no_learned_window_reaches_past_as_of_and_every_horizon_asked_for_is_learned(
    history_days: int, asked: tuple[int, ...]
) -> None:
    as_of = date(2024, 3, 1)
    made = horizons(history_days, *asked, as_of=as_of)
    planned = {p.horizon_days for p in made.horizons}
    assert set(made.learned) == set(asked)
    assert set(made.learned.values()) == planned
    for learned in made.horizons:
        for cutoff in learned.all_cutoffs:
            assert as_of - timedelta(days=history_days) < cutoff <= as_of - timedelta(days=learned.horizon_days)
    for days, source in made.learned.items():
        assert source <= days
