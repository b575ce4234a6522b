"""Cutoffs: past dates for fitting, tuning and evaluating models. Dates only; no data is read here.

All cutoffs of a horizon lie on one grid that ends one horizon before as_of, so every window in use is over. A model
is never fitted to a window that overlaps the one it is evaluated on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

#: Maximum number of cutoffs per horizon: a year-long horizon does not need a cutoff every month.
_MOST_STEPS_IN_A_HORIZON = 6
#: A window shorter than this predicts little about a longer one.
_SHORTEST_LEARNED = 14

#: 52 weeks, so that the same weekdays are compared.
YEAR = timedelta(days=364)
#: With less history before last year's window its expectation is too rough to measure a season.
HISTORY_NEEDED = timedelta(days=150)


@dataclass(frozen=True)
class Fold:
    """Fit on the windows after `train`, evaluate on the window after `validation`; they never overlap."""

    train: tuple[date, ...]
    validation: date


@dataclass(frozen=True)
class CutoffPlan:
    """The cutoffs of one horizon, newest first; `test` is None when the history is too short to evaluate a model.

    Each window is one horizon long (==h==); `x` are training cutoffs, `o` is the cutoff used for evaluation:

        history |==========|==h==|==h==|==h==|==h==| as_of
        fold 2             x     o                          the windows of x end before that of o begins
        fold 1             x     x     o
        test               x     x     x     o              untouched while models are tuned and chosen
        final              x     x     x     x              the champion is fitted to every window that is over
    """

    horizon_days: int
    test: Fold | None
    folds: tuple[Fold, ...]
    final: tuple[date, ...]

    @property
    def all_cutoffs(self) -> set[date]:
        used = set(self.final)
        for fold in (*self.folds, *([self.test] if self.test else [])):
            used |= {fold.validation, *fold.train}
        return used


@dataclass(frozen=True)
class TrainingPlan:
    """Plans of the horizons that models are fitted on, and for each requested horizon the one it is fitted on."""

    horizons: tuple[CutoffPlan, ...]
    learned: Mapping[int, int]

    @property
    def all_days(self) -> list[int]:
        """Every requested or learned horizon that needs buy-till-you-die expectations.

        >>> TrainingPlan((), {30: 30, 365: 90}).all_days
        [30, 90, 365]
        """
        return sorted({*self.learned, *self.learned.values()})


def plan_horizons(
    as_of: date, history_start: date, horizons: Sequence[int], *, step_days: int, max_cutoffs: int, folds: int
) -> TrainingPlan:
    """Return the plan of every horizon.

    If the history has no window as long as a horizon to evaluate a model on, it is learned from the longest requested
    horizon that has one, else from a quarter of the history in whole weeks; scoring extends that (see `scoring/`).

    >>> plan = plan_horizons(date(2024, 6, 30), date(2023, 6, 1), [90, 300], step_days=45, max_cutoffs=2, folds=1)
    >>> plan.learned
    {90: 90, 300: 90}
    """

    def plan(days: int) -> CutoffPlan:
        return plan_cutoffs(as_of, history_start, days, step_days=step_days, max_cutoffs=max_cutoffs, folds=folds)

    asked = {days: plan(days) for days in horizons}
    shown = [days for days in horizons if asked[days].test is not None]
    quarter = (as_of - history_start).days // 4 // 7 * 7
    if not shown and quarter >= _SHORTEST_LEARNED and plan(quarter).test is not None:
        return TrainingPlan((plan(quarter),), dict.fromkeys(horizons, quarter))
    if not shown:
        return TrainingPlan(tuple(asked.values()), {days: days for days in horizons})
    learned = {
        days: days if days in shown else max((s for s in shown if s < days), default=min(shown)) for days in horizons
    }
    return TrainingPlan(tuple(asked[days] for days in shown), learned)


def plan_cutoffs(
    as_of: date, history_start: date, horizon_days: int, *, step_days: int, max_cutoffs: int, folds: int
) -> CutoffPlan:
    """Return the plan for one horizon.

    The final fit uses the newest `max_cutoffs` cutoffs. The test fold is evaluated at as_of - horizon. Each tuning fold
    ends a horizon before the one after it. A cutoff needs some history before it: a horizon, at most 90 days.

    >>> plan = plan_cutoffs(date(2024, 6, 30), date(2023, 1, 1), 90, step_days=45, max_cutoffs=2, folds=1)
    >>> print(plan.test.validation, *plan.test.train)
    2024-04-01 2024-01-02 2023-11-18
    >>> print(plan.folds[0].validation, *plan.folds[0].train)
    2024-01-02 2023-10-04 2023-08-20
    """
    step = timedelta(days=max(step_days, horizon_days // _MOST_STEPS_IN_A_HORIZON))
    horizon = timedelta(days=horizon_days)
    earliest = _earliest(history_start, horizon)
    newest = as_of - horizon
    grid = [newest - k * step for k in range((newest - earliest) // step + 1)] if newest >= earliest else []

    def fold_at(validation: date) -> Fold | None:
        train = tuple(c for c in grid if c + horizon <= validation)[:max_cutoffs]
        return Fold(train, validation) if train else None

    test = fold_at(grid[0]) if grid else None
    tuning: list[Fold] = []
    latest = newest - horizon
    while test and len(tuning) < folds:
        on_grid = [c for c in grid if c <= latest]
        fold = fold_at(on_grid[0]) if on_grid else None
        if fold is None:
            break
        tuning.append(fold)
        latest = fold.validation - horizon
    return CutoffPlan(horizon_days, test, tuple(tuning), tuple(grid[:max_cutoffs]))


def _earliest(history_start: date, horizon: timedelta) -> date:
    """Return the first cutoff with some history before it."""
    return history_start + min(horizon, timedelta(days=90))


def cutoff_for_level(cutoff: date, history_start: date, horizon_days: int) -> date | None:
    """Return the cutoff whose window tells the level of `cutoff`: a year before, else that of the last closed window.

    >>> print(cutoff_for_level(date(2024, 6, 1), date(2023, 5, 1), 90), cutoff_for_level(date(2024, 6, 1), date(2024, 4, 1), 90))
    2024-03-03 None
    """
    closed = cutoff - timedelta(days=horizon_days)
    is_long_enough = closed >= _earliest(history_start, timedelta(days=horizon_days))
    return cutoff_a_year_before(cutoff, history_start) or (closed if is_long_enough else None)


def cutoff_a_year_before(cutoff: date, history_start: date) -> date | None:
    """Return the cutoff whose window shows the season of `cutoff`, or None when the history is too short for it.

    >>> print(cutoff_a_year_before(date(2024, 6, 1), history_start=date(2022, 1, 1)))
    2023-06-03
    >>> print(cutoff_a_year_before(date(2024, 6, 1), history_start=date(2023, 5, 1)))
    None
    """
    earlier = cutoff - YEAR
    return earlier if earlier - history_start >= HISTORY_NEEDED else None
