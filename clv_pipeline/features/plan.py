"""The plan of a run: the cutoffs to build, whether models are trained, and on which windows.

It is made once, by the asset `features/cutoffs`, and read back by every later step. The past cutoffs for models are chosen in
`features/cutoffs.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from clv_pipeline.contracts.warehouse import CUTOFFS, HORIZONS, PLAN, PLAN_WINDOWS
from clv_pipeline.core.errors import HistoryError
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.cutoffs import CutoffPlan, Fold, TrainingPlan, cutoff_for_level, plan_horizons
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, one_row

_FINAL, _TEST = 0, 1


@dataclass(frozen=True)
class Extraction:
    """Identity of the extracted data: as_of, run, source, currency, fingerprint."""

    as_of: date
    run_id: str
    source_name: str
    currency: str
    data_fingerprint: str


def current_extraction(connection: Connection) -> Extraction:
    """Return the identity of the data extracted last."""
    return Extraction(
        *one_row(connection, "select as_of, run_id, source_name, currency, data_fingerprint from raw.extraction")
    )


@dataclass(frozen=True)
class NightPlan:
    """Tonight's training.

    why: the reason for training tonight; None if no training is due, and then no window is planned.
    reigning_version: the champion that competes again; None if there is none.
    """

    training: TrainingPlan
    why: str | None
    reigning_version: str | None = None

    @property
    def is_due(self) -> bool:
        return self.why is not None


def plan_training(connection: Connection, settings: Settings, as_of: date) -> TrainingPlan:
    """Return the cutoff plan of each horizon.

    Raises:
        HistoryError: nothing was sold before as_of, or a horizon is longer than the whole history.
    """
    (first,) = one_row(connection, "select min(order_date) from clean.orders where amount > 0")
    if first is None:
        raise HistoryError(
            f"There is no sale before as_of {as_of}: there is nothing to train on or to score",
            next_step="check what orders.sql returns as amount.",
        )
    history_days = (as_of - first).days
    too_long = [h for h in settings.horizons if h > history_days]
    if too_long:
        raise HistoryError(
            f"The horizon of {too_long[0]} days is longer than the history of {history_days} days ({first} to {as_of})",
            next_step=f"pass --horizons with at most {history_days} days; up to half the history can be evaluated.",
        )
    return plan_horizons(
        as_of,
        first,
        settings.horizons,
        step_days=settings.cutoff_step_days,
        max_cutoffs=settings.max_cutoffs,
        folds=settings.tuning_folds,
    )


def write_night_plan(connection: Connection, settings: Settings, as_of: date, plan: NightPlan) -> None:
    """Write the cutoffs to build, the horizons, whether tonight trains, and the windows it trains on."""
    write_cutoffs(connection, settings, as_of, plan.training.horizons)
    write_horizons(connection, plan.training.learned)
    tables.replace(connection, PLAN, [(plan.is_due, plan.why, plan.reigning_version)])
    tables.replace(connection, PLAN_WINDOWS, (row for horizon in plan.training.horizons for row in _windows(horizon)))


def write_cutoffs(connection: Connection, settings: Settings, as_of: date, plans: Sequence[CutoffPlan]) -> None:
    """Write `features.cutoffs`: all customers at as_of to score; samples at past cutoffs for training and expected totals."""
    (customers,) = one_row(connection, "select count(*) from clean.customers")
    sampled = min(10_000, ceil(10_000 * settings.train_customers / max(customers, 1)))
    train = set().union(*(plan.all_cutoffs for plan in plans))
    level = _level_cutoffs(connection, as_of, plans, settings.horizons) - train
    rows = [(as_of, "score", 10_000)]
    rows += [(cutoff, "train", sampled) for cutoff in sorted(train)]
    rows += [(cutoff, "level", sampled) for cutoff in sorted(level)]
    tables.replace(connection, CUTOFFS, rows)


def write_horizons(connection: Connection, learned: Mapping[int, int]) -> None:
    """Write the requested horizons, each with the horizon its models are fitted on."""
    tables.replace(connection, HORIZONS, sorted(learned.items()))


def read_night_plan(connection: Connection) -> NightPlan:
    """Return the plan as `write_night_plan` wrote it."""
    _, why, reigning_version = one_row(connection, "select is_due, why, reigning_version from training.plan")
    learned = dict(connection.execute("select horizon_days, learned_days from features.horizons order by 1").fetchall())
    rows = connection.execute(
        "select horizon_days, fold, use, cutoff from training.plan_windows order by horizon_days, fold, use, cutoff desc"
    ).fetchall()
    windows: dict[int, dict[int, dict[str, list[date]]]] = {}
    for days, fold, use, cutoff in rows:
        windows.setdefault(days, {}).setdefault(fold, {}).setdefault(use, []).append(cutoff)
    planned = sorted(set(learned.values())) if why is not None else []
    horizons = tuple(_cutoff_plan(days, windows.get(days, {})) for days in planned)
    return NightPlan(TrainingPlan(horizons, learned), why, reigning_version)


def _windows(plan: CutoffPlan) -> Iterator[tuple[int, int, str, date]]:
    """Yield one row of `training.plan_windows` per cutoff of a horizon's plan."""
    yield from ((plan.horizon_days, _FINAL, "train", cutoff) for cutoff in plan.final)
    judged = [plan.test, *plan.folds] if plan.test else []
    for number, fold in enumerate(judged, start=_TEST):
        yield from ((plan.horizon_days, number, "train", cutoff) for cutoff in fold.train)
        yield plan.horizon_days, number, "judge", fold.validation


def _cutoff_plan(horizon_days: int, windows: Mapping[int, Mapping[str, list[date]]]) -> CutoffPlan:
    folds = {n: Fold(tuple(w["train"]), w["judge"][0]) for n, w in windows.items() if n != _FINAL}
    final = tuple(windows.get(_FINAL, {}).get("train", ()))
    return CutoffPlan(horizon_days, folds.get(_TEST), tuple(folds[n] for n in sorted(folds) if n != _TEST), final)


def _level_cutoffs(
    connection: Connection, as_of: date, plans: Sequence[CutoffPlan], horizons: Sequence[int]
) -> set[date]:
    """Return the cutoffs that tell the level of each predicted total: of a year before it, else of the last closed window."""
    (first,) = one_row(connection, "select min(order_date) from clean.orders where amount > 0")
    predicted = {(as_of, days) for days in horizons}
    for plan in plans:
        judged = (*plan.folds, *([plan.test] if plan.test else []))
        predicted |= {(fold.validation, plan.horizon_days) for fold in judged}
    found = {cutoff_for_level(cutoff, first, days) for cutoff, days in predicted}
    return {cutoff for cutoff in found if cutoff is not None}
