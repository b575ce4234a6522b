"""Feature tables: which cutoffs are built tonight, and building each table a few cutoffs at a time.

What a feature means is SQL (`sql/2_features`); which past cutoffs a model wants is `modeling/cutoffs.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from clv_pipeline.errors import HistoryError
from clv_pipeline.modeling.cutoffs import CutoffPlan, TrainingPlan, plan_horizons
from clv_pipeline.modeling.dataset import KEYS
from clv_pipeline.modeling.level import cutoff_a_year_before
from clv_pipeline.privacy.fairness import is_denied
from clv_pipeline.settings import Settings
from clv_pipeline.sql_models import SqlModel, append, build
from clv_pipeline.warehouse import Connection, Warehouse, columns_of, one_row, quote_name

#: Rows of the population that one query may span; keeps the aggregation in memory at any number of customers.
_ROWS_A_SLICE = 1_500_000


@dataclass(frozen=True)
class Extraction:
    """What the warehouse holds: as of when, from whom."""

    as_of: date
    run_id: str
    source_name: str
    currency: str
    data_fingerprint: str


def current_extraction(connection: Connection) -> Extraction:
    """Return the identity of the data that was extracted last."""
    return Extraction(
        *one_row(connection, "select as_of, run_id, source_name, currency, data_fingerprint from raw.extraction")
    )


def plan_training(connection: Connection, settings: Settings, as_of: date) -> TrainingPlan:
    """Return the cutoff plan of each horizon.

    Raises:
        HistoryError: as_of lies before the first order, or a horizon is longer than the whole history.
    """
    first, last = one_row(connection, "select min(order_date), max(order_date) from clean.orders where amount > 0")
    if first is None or as_of <= first:
        raise HistoryError(
            f"as_of {as_of} is not after the first order ({first}): there is nothing to learn from or to score",
            next_step=f"pass --as-of with a date after {first} (the newest order is of {last}).",
        )
    history_days = (as_of - first).days
    too_long = [h for h in settings.horizons if h > history_days]
    if too_long:
        raise HistoryError(
            f"The horizon of {too_long[0]} days is longer than the history of {history_days} days ({first} to {as_of})",
            next_step=f"pass --horizons with at most {history_days} days; half the history or less can be judged.",
        )
    return plan_horizons(
        as_of,
        first,
        settings.horizons,
        step_days=settings.cutoff_step_days,
        max_cutoffs=settings.max_cutoffs,
        folds=settings.tuning_folds,
    )


def write_cutoffs(connection: Connection, settings: Settings, as_of: date, plans: Sequence[CutoffPlan]) -> int:
    """Write `features.cutoffs`: everybody at as_of to score, a sample at past cutoffs to learn from and to level by."""
    (customers,) = one_row(connection, "select count(*) from clean.customers")
    sampled = min(10_000, ceil(10_000 * settings.train_customers / max(customers, 1)))
    connection.execute(
        "create or replace table features.cutoffs (as_of date, role varchar, customers_per_10000 integer)"
    )
    train = set().union(*(plan.all_cutoffs for plan in plans))
    level = _level_cutoffs(connection, as_of, plans) - train
    rows = [(as_of, "score", 10_000)]
    rows += [(cutoff, "train", sampled) for cutoff in sorted(train)]
    rows += [(cutoff, "level", sampled) for cutoff in sorted(level)]
    connection.executemany("insert into features.cutoffs values (?, ?, ?)", rows)
    return len(rows)


def _level_cutoffs(connection: Connection, as_of: date, plans: Sequence[CutoffPlan]) -> set[date]:
    """Return the cutoffs a year before each one whose total is predicted, where the history reaches back so far."""
    (first,) = one_row(connection, "select min(order_date) from clean.orders where amount > 0")
    predicted = {as_of, *(f.validation for plan in plans for f in (*plan.folds, *([plan.test] if plan.test else [])))}
    earlier = {cutoff_a_year_before(cutoff, first) for cutoff in predicted}
    return {cutoff for cutoff in earlier if cutoff is not None}


def build_feature_table(warehouse: Warehouse, model: SqlModel, denied: Sequence[str] = ()) -> None:
    """Build one table of `sql/2_features`; a model with $first_cutoff and $last_cutoff is built slice by slice.

    Features that match a `denied` pattern are left out of `features.customer_features`, all that models ever see.
    """
    with warehouse.transaction() as connection:
        if "first_cutoff" not in model.parameters:
            build(connection, model, {})
            return
        slices = _slices(connection)
        for position, (first, last) in enumerate(slices):
            step = append if position else build
            step(connection, model, {"first_cutoff": first, "last_cutoff": last})
        if model.name == "customer_features":
            for name in columns_of(connection, model.table):
                if name not in KEYS and is_denied(name, denied):
                    connection.execute(f"alter table {model.table} drop column {quote_name(name)}")


def _slices(connection: Connection) -> list[tuple[date, date]]:
    """Return runs of neighbouring cutoffs, each with at most `_ROWS_A_SLICE` population rows where one cutoff fits."""
    counts = connection.execute(
        "select as_of, count(*) from features.population group by as_of order by as_of"
    ).fetchall()
    slices: list[tuple[date, date]] = []
    filled = 0
    for as_of, rows in counts:
        if slices and filled + rows <= _ROWS_A_SLICE:
            slices[-1] = (slices[-1][0], as_of)
            filled += rows
        else:
            slices.append((as_of, as_of))
            filled = rows
    return slices


def write_training_plan(connection: Connection, learned: Mapping[int, int], why_train: str | None) -> None:
    """Write whether tonight trains, the horizons asked for with those they are learned from, and those to label."""
    connection.execute(
        "create or replace table training.plan as select $due::boolean as is_due, $why::varchar as why",
        {"due": why_train is not None, "why": why_train},
    )
    connection.execute("create or replace table features.horizons (horizon_days integer, learned_days integer)")
    connection.executemany("insert into features.horizons values (?, ?)", sorted(learned.items()))
    connection.execute(
        "create or replace table training.horizons as select distinct learned_days as horizon_days from features.horizons"
    )


def is_training_due(connection: Connection) -> bool:
    """Return whether the plan of this run says that models are trained tonight."""
    (due,) = one_row(connection, "select is_due from training.plan")
    return bool(due)
