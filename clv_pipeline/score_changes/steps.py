"""Features of the customers about whom something new is known, as they were before each step from then to now.

The steps are the causes in the order of `contracts/explanation_tables.py`. Features are built by the same SQL as tonight's
(`sql/2_features`), over the rows known at that step, and only for these customers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from clv_pipeline.features.attributes import with_attributes
from clv_pipeline.features.btyd_features import TonightsModels
from clv_pipeline.score_changes.known import SOURCES, Source
from clv_pipeline.warehouse.connection import Connection
from clv_pipeline.warehouse.sql_models import SqlModel, build_over, load_layer

#: Every cause that is an event, in order; the rows of each are added to what was known.
EVENTS = [cause for source in SOURCES for cause in source.events]
#: The table that has a step's features, as `features.customer_features` has tonight's.
STEP_FEATURES = "step_customer_features"
_BTYD, _PURCHASES = "step_btyd_features", "step_purchase_features"


@dataclass(frozen=True)
class Step:
    """A cause, and the customers whose prediction it may change; their features are in `STEP_FEATURES`."""

    cause: str
    customers: list[str]


def find_differences(connection: Connection, known_on: date, compared: str) -> None:
    """Write the temporary table `differences`, one row per customer of `compared` and cause, by comparing rows with those known.

    Whether all rows of a customer are the same is asked of sums of their hashes.
    """
    queries = []
    for source in SOURCES:
        kinds = {column.name: column.type for column in source.known.columns}
        row = f"hash({', '.join(f'{name}::{kinds[name]}' for name in source.columns)})::hugeint"
        past = f"{source.date_column} < $known_on" if source.date_column else "true"
        if source.is_always_event:
            past, (correction,) = "true", source.events
        else:
            correction = "corrections"
        counted = "".join(
            f", count(case when not ({past}) and {condition} then 1 end) as {cause}"
            for cause, condition in source.events.items()
        )
        queries.append(
            f"""
            select customer_id, '{correction}' as cause from (
                select customer_id, sum({row}) as print from {source.known.name} where known_on = $known_on
                group by customer_id
            ) as known
            full outer join (
                select customer_id, sum(case when {past} then {row} end) as print from clean.{source.name}
                group by customer_id
            ) as now using (customer_id)
            where coalesce(known.print, 0) <> coalesce(now.print, 0)
            """
        )
        if counted and not source.is_always_event:
            queries += [
                f"select customer_id, '{cause}' as cause from (select customer_id{counted} from clean.{source.name} "
                f"group by customer_id) where {cause} > 0"
                for cause in source.events
            ]
    connection.execute(
        f"create or replace temp table differences as select distinct customer_id, cause from ({' union all '.join(queries)}) "
        f"where customer_id in (select customer_id from {compared})",
        {"known_on": known_on},
    )


def steps(connection: Connection, known_on: date, as_of: date, models: TonightsModels | None) -> Iterator[Step]:
    """Build the features of each step and yield it: first of time passed alone, for all in `differences`, then of each event."""
    for number, cause in enumerate(["time_passed", *EVENTS]):
        condition = "true" if cause == "time_passed" else f"cause = '{cause}'"
        rows = connection.execute(
            f"select distinct customer_id from differences where {condition} order by customer_id"
        ).fetchall()
        if rows:
            customers = [customer_id for (customer_id,) in rows]
            _build_features(connection, known_on, as_of, customers, EVENTS[:number], models)
            yield Step(cause, customers)


def _build_features(
    connection: Connection,
    known_on: date,
    as_of: date,
    customers: list[str],
    happened: list[str],
    models: TonightsModels | None,
) -> None:
    connection.execute(
        "create or replace temp table step_population as "
        "select $as_of::date as as_of, 'score' as role, unnest($customers::varchar[]) as customer_id",
        {"as_of": as_of, "customers": customers},
    )
    names = {"features.population": "step_population"}
    for source in SOURCES:
        names[f"clean.{source.name}"] = f"step_{source.name}"
        # a customer without consent is not compared, and has no known row
        connection.execute(
            f"create or replace temp table step_{source.name} as "
            f"select *, true as has_profiling_consent from ({_rows(source, happened)})",
            {"known_on": known_on},
        )
    names["features.btyd_features"] = _BTYD
    for model in _models_of_features():
        if model.table in names:
            continue
        if "features.btyd_features" in model.inputs:
            _build_btyd(connection, as_of, models)
        names[model.table] = f"step_{model.name}"
        build_over(connection, model, names, {"first_cutoff": as_of, "last_cutoff": as_of})
        built = names[model.table]
        if model.name == "crm_features" and (query := with_attributes(connection, built, names["clean.customers"])):
            connection.execute(f"create or replace temp table {built} as {query}")


def _models_of_features() -> list[SqlModel]:
    """Return the files of `sql/2_features` that `customer_features` reads, directly or not, in their order."""
    needed = {"features.customer_features"}
    found = []
    for model in reversed(load_layer("2_features")):
        if model.table in needed:
            needed |= model.inputs | (
                {"features.purchase_features"} if "features.btyd_features" in model.inputs else set()
            )
            found.append(model)
    return found[::-1]


def _rows(source: Source, happened: list[str]) -> str:
    """Return the query of the rows known once these events are."""
    columns = ", ".join(source.columns)
    mine = "customer_id in (select customer_id from step_population)"
    known = f"select {columns} from {source.known.name} where known_on = $known_on and {mine}"
    conditions = [f"({condition})" for cause, condition in source.events.items() if cause in happened]
    if not conditions:
        return known
    tonight = f"select {columns} from clean.{source.name} where {mine}"
    if source.is_always_event:
        # the parameter stays in the query
        return f"{tonight} and $known_on is not null"
    return f"{known} union all {tonight} and {source.date_column} >= $known_on and ({' or '.join(conditions)})"


def _build_btyd(connection: Connection, as_of: date, models: TonightsModels | None) -> None:
    connection.execute(f"create or replace temp table {_BTYD} as select * from features.btyd_features limit 0")
    if models is None:
        return
    connection.register("rows_of_step", models.features(connection, _PURCHASES).assign(as_of=as_of))
    connection.execute(f"insert into {_BTYD} by name select * from rows_of_step")
    connection.unregister("rows_of_step")
