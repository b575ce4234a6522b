"""Build beside, audit, swap: tonight's tables become one immutable bundle, and only a whole one is ever served.

What the tables hold is SQL (`sql/4_published`) and their contract (`published_contract.py`); which bundle is served is
`serving.py`.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from clv_pipeline import tables
from clv_pipeline.contracts.reasons import ERASED_CUSTOMER
from clv_pipeline.contracts.warehouse import COLUMN_DICTIONARY, HISTORY, TONIGHT, UNSCORED_CUSTOMERS
from clv_pipeline.errors import PublishError
from clv_pipeline.home import Home, clear_leftovers, remove_at_once, replace_folder, write_durably
from clv_pipeline.published_contract import CONTRACT_VERSION, PUBLISHED, description_of
from clv_pipeline.quality.conservation import check_money_is_conserved
from clv_pipeline.quality.judging import let_pass
from clv_pipeline.quality.limits import Judgement
from clv_pipeline.quality.night import remember_good_night
from clv_pipeline.quality.score_limits import SegmentMoves, judge_segment_changes
from clv_pipeline.reporting.report import write_report
from clv_pipeline.serving import read_manifest, remove_old_bundles, serve, what_is_damaged
from clv_pipeline.settings import Settings
from clv_pipeline.sql_models import Parameters, SqlModel, build
from clv_pipeline.warehouse import (
    Connection,
    Warehouse,
    columns_of,
    one_row,
    open_bundle_file,
    quote_text,
    row_count,
)

#: The file format that today's BI drivers open; DuckDB 2.0's own default is newer.
_STORAGE_VERSION = "v1.2.0"


@dataclass(frozen=True)
class Bundle:
    """One published run; `is_served` is false when a newer as_of is served and stays so."""

    run_id: str
    folder: Path
    as_of: date
    is_served: bool
    row_counts: dict[str, int]


def publish_parameters(settings: Settings) -> Parameters:
    """Return the named parameters that the files of `sql/4_published` may use."""
    return {
        "high_value_share": settings.high_value_share,
        "churn_value_share": settings.churn_value_share,
        "churn_probability": settings.churn_probability,
        "missed_basket_share": settings.missed_basket_share,
        "gross_margin": settings.gross_margin,
        "erased_customer": ERASED_CUSTOMER.text,
    }


def build_customer_clv(
    warehouse: Warehouse, models: list[SqlModel], settings: Settings, acknowledged: Iterable[str] = ()
) -> list[Judgement]:
    """Build `published.customer_clv` and what it reads, and tonight's rows of the score history.

    Raises:
        QualityError: a join multiplied or lost money; the old table stands.
        NightRejected: too many customers changed segment since the night before; the old table stands.
    """
    with warehouse.transaction() as connection:
        tables.create_if_missing(connection, HISTORY)
        for model in models:
            if model.name in ("segment_thresholds", "customer_clv"):
                build(connection, model, publish_parameters(settings))
        check_money_is_conserved(connection)
        _write_tonight(connection, settings)
        (as_of,) = one_row(connection, "select as_of from scores.run")
        judged = judge_segment_changes(_segment_moves(connection), as_of, settings)
        return let_pass(connection, [judged], acknowledged)


def publish(warehouse: Warehouse, models: list[SqlModel], settings: Settings, home: Home) -> Bundle:
    """Build the other published tables, write the bundle beside, audit it, and swap it in.

    Raises:
        PublishError: the audit failed; what was served before is served still.
        ResourceError: the disk or the memory is used up; the same holds.
    """
    with warehouse.transaction() as connection:
        for model in models:
            if model.name not in ("segment_thresholds", "customer_clv"):
                build(connection, model, publish_parameters(settings))
        _build_dictionary(connection)
        unscored = _unscored(connection, settings)
    try:
        with warehouse.explained(home.published):
            return _write_and_serve(warehouse, settings, home, unscored)
    except BaseException:
        # the space of what is half-built comes back, unless not even that can be done
        with suppress(OSError):
            clear_leftovers(home.published)
        raise


def _write_and_serve(warehouse: Warehouse, settings: Settings, home: Home, unscored: list[str]) -> Bundle:
    with warehouse.connection() as connection, warehouse.explained(home.published):
        run_id, as_of, source = one_row(connection, "select run_id, as_of, source_name from scores.run")
        clear_leftovers(home.published)
        beside = home.published / f".building-{run_id}"
        beside.mkdir()
        counts = _write_files(connection, beside, {name: f"published.{name}" for name in PUBLISHED})
    failures = unscored + audit(beside / "clv.duckdb", counts)
    if failures:
        raise PublishError(
            "The bundle failed its audit: " + "; ".join(failures),
            next_step="mend the SQL in sql/4_published it names and run again; yesterday's bundle is served.",
            anchor="audit",
        )
    with warehouse.transaction() as connection:
        # from here on the night is a good one: its scores are history, its numbers a baseline
        _remember(connection)
        remember_good_night(connection, source, as_of, run_id)
    write_report(beside)
    _write_manifest(beside, run_id, as_of, source, counts)
    folder = _seal(beside, home.published / run_id)
    is_served = serve(home.published, folder, as_of, source)
    remove_old_bundles(home.published, settings.keep_bundles, run_id)
    return Bundle(run_id, folder, as_of, is_served, counts)


def _write_tonight(connection: Connection, settings: Settings) -> None:
    """Write tonight's rows of the history beside it: they join it once the night is good."""
    tables.create(connection, TONIGHT)
    for days in settings.horizons:
        tables.append(
            connection,
            TONIGHT,
            f"""
            select as_of_date, customer_id, {days:d} as horizon_days, predicted_spend_{days:d}d as predicted_spend,
                purchase_probability_{days:d}d as purchase_probability, segment, value_tier, score_status,
                historic_value, currency, model_version, run_id, scored_at, updated_at
            from published.customer_clv
            """,
        )


def _remember(connection: Connection) -> None:
    """Replace this as_of's rows in the history, and only those."""
    connection.execute("delete from scores.history where as_of_date = (select as_of from scores.run)")
    tables.append(connection, HISTORY, "from scores.tonight")


def _segment_moves(connection: Connection) -> SegmentMoves:
    """Return who changed segment since the night before, each by the first cause that applies."""
    (previous,) = one_row(
        connection, "select max(as_of_date) from scores.history where as_of_date < (select as_of from scores.run)"
    )
    days = {"previous": previous}
    rows = connection.execute(
        """
        with now as (
            select * from scores.tonight where horizon_days = (select primary_horizon_days from scores.run)
        ),
        before as (
            select * from scores.history
            where as_of_date = $previous and horizon_days = (select primary_horizon_days from scores.run)
        )
        select
            case
                when now.segment = before.segment then ''
                when now.historic_value <> before.historic_value then 'orders or returns since then'
                when now.model_version <> before.model_version then 'another model'
                when now.predicted_spend = before.predicted_spend
                    and now.purchase_probability = before.purchase_probability then 'the thresholds moved'
                else 'time passed'
            end as cause,
            count(*)
        from now inner join before using (customer_id)
        group by cause order by count(*) desc, cause
        """,
        days,
    ).fetchall()
    causes = {cause: count for cause, count in rows if cause}
    return SegmentMoves(previous, sum(count for _, count in rows), sum(causes.values()), causes)


def _unscored(connection: Connection, settings: Settings) -> list[str]:
    """Note the eligible customers without a score in `quality.unscored_customers`; return what to say of them, if any."""
    tables.replace(
        connection,
        UNSCORED_CUSTOMERS,
        f"""
        select customer_id from features.population
        where role = 'score' and customer_id not in (
            select customer_id from published.customer_clv
            where predicted_spend_{settings.primary_horizon}d is not null
        )
        order by customer_id
        """,
    )
    missing = row_count(connection, "quality.unscored_customers")
    (eligible,) = one_row(connection, "select count(*) from features.population where role = 'score'")
    return (
        [
            f"customer_clv: {missing} of {eligible} eligible customers have no score "
            "(which ones: quality.unscored_customers in the warehouse)"
        ]
        if missing
        else []
    )


def _build_dictionary(connection: Connection) -> None:
    tables.create(connection, COLUMN_DICTIONARY)
    rows = [
        (table, column, position, sql_type, description_of(table, column))
        for table in PUBLISHED
        for position, (column, sql_type) in enumerate(columns_of(connection, f"published.{table}").items(), start=1)
    ]
    tables.append(connection, COLUMN_DICTIONARY, rows)


def rewrite_bundle(warehouse: Warehouse, folder: Path, erased: list[str]) -> int:
    """Make a published bundle anew without the rows of erased customers; return how many rows went.

    It keeps its run_id and its place among the others. Sums over customers stay what they were when it was published.
    """
    manifest = read_manifest(folder)
    assert manifest is not None
    made = (folder / "manifest.json").stat()
    beside = folder.with_name(f".building-{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    with warehouse.connection() as connection:
        connection.execute(f"attach {quote_text(str(folder / 'clv.duckdb'))} as old (read_only)")
        # a bundle may be older than a table of the contract
        relations = {name: _without(connection, f"old.main.{name}", erased) for name in manifest["row_counts"]}
        counts = _write_files(connection, beside, relations)
        connection.execute("detach old")
    write_report(beside)
    as_of, source = date.fromisoformat(manifest["as_of_date"]), manifest["source_name"]
    _write_manifest(beside, folder.name, as_of, source, counts)
    os.utime(beside / "manifest.json", ns=(made.st_atime_ns, made.st_mtime_ns))
    replace_folder(_flushed(beside), folder)
    return int(sum(manifest["row_counts"].values()) - sum(counts.values()))


def _without(connection: Connection, relation: str, erased: list[str]) -> str:
    if "customer_id" in columns_of(connection, relation):
        ids = ", ".join(quote_text(customer_id) for customer_id in erased)
        return f"(select * from {relation} where customer_id not in ({ids}))"
    if relation.endswith(".clv_run"):
        customers = _without(connection, relation.replace(".clv_run", ".customer_clv"), erased)
        return f"(select * replace ((select count(*) from {customers}) as customers) from {relation})"
    return relation


def _write_files(connection: Connection, folder: Path, relations: Mapping[str, str]) -> dict[str, int]:
    """Write each table, in the order of its key, from the relation that holds its rows."""
    parquet = folder / "parquet"
    parquet.mkdir()
    database = folder / "clv.duckdb"
    connection.execute(f"attach {quote_text(str(database))} as bundle (storage_version {quote_text(_STORAGE_VERSION)})")
    counts = {}
    for name, relation in relations.items():
        order = ", ".join(PUBLISHED[name].key)
        connection.execute(f"create table bundle.{name} as select * from {relation} order by {order}")
        file = quote_text(str(parquet / f"{name}.parquet"))
        connection.execute(f"copy (select * from bundle.{name} order by {order}) to {file} (format parquet)")
        counts[name] = row_count(connection, f"bundle.{name}")
    connection.execute("checkpoint bundle")
    connection.execute("detach bundle")
    return counts


def audit(database: Path, counts: dict[str, int]) -> list[str]:
    """Read a built file as a BI tool would; return what breaks the published contract, nothing when it holds."""
    failures = []
    with open_bundle_file(database) as connection:
        for name, table in PUBLISHED.items():
            key = ", ".join(table.key)
            keys, nulls = one_row(
                connection,
                f"select count(distinct ({key})), count(*) filter (where {' is null or '.join(table.key)} is null) from {name}",
            )
            if keys != counts[name] or nulls:
                failures.append(f"{name}: {counts[name]} rows but {keys} distinct keys ({key}), {nulls} of them null")
            unknown = [c for c in columns_of(connection, name) if description_of(name, c) is None]
            if unknown:
                failures.append(f"{name}: column '{unknown[0]}' is not in the published contract")
        failures += _audit_customers(connection)
    return failures


def _audit_customers(connection: Connection) -> list[str]:
    columns = columns_of(connection, "customer_clv")
    rules = {f"{c} between 0 and 1": c for c in columns if c.startswith("purchase_probability_")}
    # where no past window could be measured there is no interval, so these may be null, but never below zero
    measured = ("predicted_spend_low_", "predicted_spend_high_", "typical_spend_")
    rules |= {f"coalesce({c}, 0) >= 0": c for c in columns if c.startswith(measured)}
    rules |= {f"{c} >= 0": c for c in columns if c.startswith("predicted_spend_") and not c.startswith(measured)}
    never_null = ("score_status", "segment", "value_tier", "historic_value", "currency", "run_id", "model_version")
    rules |= {f"{c} is not null": c for c in never_null}
    failures = []
    for rule, column in rules.items():
        (broken,) = one_row(connection, f"select count(*) from customer_clv where not coalesce({rule}, false)")
        if broken:
            failures.append(f"customer_clv.{column}: {broken} rows break '{rule}'")
    customers, run_customers = one_row(
        connection, "select (select count(*) from customer_clv), (select customers from clv_run)"
    )
    if customers != run_customers:
        failures.append(f"customer_clv: {customers} rows but {run_customers} customers were scored")
    return failures


def _write_manifest(folder: Path, run_id: str, as_of: date, source: str, counts: dict[str, int]) -> None:
    files = {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    content = {
        "run_id": run_id,
        "as_of_date": as_of.isoformat(),
        "source_name": source,
        "contract_version": CONTRACT_VERSION,
        "row_counts": counts,
        "sha256": files,
    }
    write_durably(folder / "manifest.json", (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def _seal(beside: Path, final: Path) -> Path:
    """Flush every file and give the folder its final name; a bundle is never replaced while it is whole.

    A run_id stands for its inputs, so the same run made again is the same bundle.
    """
    if what_is_damaged(final) is None:
        shutil.rmtree(beside)
        return final
    if final.exists():
        remove_at_once(final)
    os.replace(_flushed(beside), final)
    return final


def _flushed(folder: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    return folder
