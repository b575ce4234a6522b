"""Write, audit, publish: tonight's tables become one immutable bundle; only a complete bundle is ever served.

The tables are defined in SQL (`sql/4_published`) and in the contract (`contracts/published.py`); choosing the served bundle
is in `serving.py`.
"""

from collections.abc import Iterable
from contextlib import suppress

from clv_pipeline.contracts.published import PUBLISHED, description_of
from clv_pipeline.contracts.published_channels import ATTRIBUTION
from clv_pipeline.contracts.reasons import ERASED_CUSTOMER
from clv_pipeline.contracts.warehouse import (
    COLUMN_DICTIONARY,
    HISTORY,
    JUDGED_TOTALS,
    JUDGED_WINDOWS,
    NIGHT_TOTALS,
    OUTCOMES,
)
from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home, clear_leftovers
from clv_pipeline.core.settings import Settings
from clv_pipeline.modeling.registry.registry import Manifest, Registry
from clv_pipeline.publishing.audit import audit, unscored_customers
from clv_pipeline.publishing.base_parameters import base_parameters
from clv_pipeline.publishing.bundle import Bundle, seal, write_files, write_manifest
from clv_pipeline.publishing.feature_statistics import write_feature_statistics
from clv_pipeline.publishing.history import remember, segment_definition, segment_moves, write_tonight
from clv_pipeline.publishing.lineage import build_lineage
from clv_pipeline.publishing.serving import remove_old_bundles, serve
from clv_pipeline.quality.conservation import check_money_is_conserved
from clv_pipeline.quality.judging import raise_unacknowledged
from clv_pipeline.quality.night_checks import CheckResult
from clv_pipeline.quality.night_measures import remember_good_night
from clv_pipeline.quality.score_checks import judge_segment_changes
from clv_pipeline.reporting import formats
from clv_pipeline.reporting.bundle_report import write_report
from clv_pipeline.score_changes.known import remember_what_was_known
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import (
    Connection,
    Warehouse,
    columns_of,
    one_row,
)
from clv_pipeline.warehouse.sql_models import Parameters, SqlModel, build

#: The models of `sql/4_published` that are built, and checked, before the others.
CUSTOMER_MODELS = ("customer_reasons", "segment_thresholds", "customer_clv")


def publish_parameters(settings: Settings) -> Parameters:
    """Return the named parameters that the files of `sql/4_published` may use."""
    return {
        "high_value_share": settings.high_value_share,
        "churn_value_share": settings.churn_value_share,
        "churn_probability_ratio": settings.churn_probability_ratio,
        "missed_potential_share": settings.missed_potential_share,
        "recent_days": settings.recent_days,
        "gross_margin": settings.gross_margin,
        "lifetime_days": settings.lifetime_days,
        "min_buyers": settings.min_buyers,
        "erased_customer": ERASED_CUSTOMER.text,
        **base_parameters(settings),
        "attribution": ATTRIBUTION,
        "segment_definition": segment_definition(settings),
    }


def build_customer_clv(
    warehouse: Warehouse, models: list[SqlModel], settings: Settings, acknowledged: Iterable[str] = ()
) -> list[CheckResult]:
    """Build `published.customer_clv` and what it reads, and tonight's rows of the score history.

    Raises:
        QualityError: a join multiplied or lost money; the old table is kept.
        NightRejected: too many customers changed segment since the previous run; the old table is kept.
    """
    with warehouse.transaction() as connection:
        # a home of an older release lacks some of them, or columns; later nights and the next training fill them
        tables.create_if_missing(connection, HISTORY)
        tables.create_if_missing(connection, NIGHT_TOTALS)
        tables.create_if_missing(connection, OUTCOMES)
        tables.create_if_missing(connection, JUDGED_WINDOWS)
        tables.create_if_missing(connection, JUDGED_TOTALS)
        for model in models:
            if model.name in CUSTOMER_MODELS:
                build(connection, model, publish_parameters(settings))
        check_money_is_conserved(connection)
        write_tonight(connection, settings)
        write_feature_statistics(connection)
        (as_of,) = one_row(connection, "select as_of from scores.run")
        moves = segment_moves(connection, segment_definition(settings))
        judged = judge_segment_changes(moves, as_of, settings)
        return raise_unacknowledged(connection, [judged], acknowledged)


def publish(warehouse: Warehouse, models: list[SqlModel], settings: Settings, home: Home) -> Bundle:
    """Build the other published tables, write the bundle, audit it, and swap it in.

    Raises:
        PublishError: the audit failed; the bundle published before is still served.
        ResourceError: disk or memory is used up; the bundle published before is still served.
    """
    with warehouse.transaction() as connection:
        for model in models:
            if model.name not in CUSTOMER_MODELS:
                build(connection, model, publish_parameters(settings))
        build_lineage(connection, settings, _manifest_of_scores(connection, home))
        _build_dictionary(connection, settings)
        unscored = unscored_customers(connection, settings)
    try:
        with warehouse.explained(home.published):
            return _write_and_serve(warehouse, settings, home, unscored)
    except BaseException:
        # free the disk space of the half-written bundle; ignore errors while doing so
        with suppress(OSError):
            clear_leftovers(home.published)
        raise


def _write_and_serve(warehouse: Warehouse, settings: Settings, home: Home, unscored: list[str]) -> Bundle:
    with warehouse.connection() as connection, warehouse.explained(home.published):
        run_id, as_of, source = one_row(connection, "select run_id, as_of, source_name from scores.run")
        clear_leftovers(home.published)
        beside = home.published / f".building-{run_id}"
        beside.mkdir()
        counts = write_files(connection, beside, {name: f"published.{name}" for name in PUBLISHED})
    failures = unscored + audit(beside / "clv.duckdb", counts)
    if failures:
        raise PublishError(
            "The bundle failed its audit: " + "; ".join(failures),
            next_step="fix the SQL in sql/4_published named above and run again; yesterday's bundle is still served.",
            anchor="audit",
        )
    with warehouse.transaction() as connection:
        # the run passed its audit: add its scores to the history and its measures to the baseline
        remember(connection)
        remember_what_was_known(connection, settings)
        remember_good_night(connection, source, as_of, run_id)
    with formats.number_format(settings.number_format):
        write_report(beside)
    write_manifest(beside, run_id, as_of, source, counts)
    folder = seal(beside, home.published / run_id)
    is_served = serve(home.published, folder, as_of, source)
    remove_old_bundles(home.published, settings.keep_bundles, run_id)
    return Bundle(run_id, folder, as_of, is_served, counts)


def _manifest_of_scores(connection: Connection, home: Home) -> Manifest | None:
    (version,) = one_row(connection, "select model_version from scores.run")
    registry = Registry(home.models)
    return registry.manifest(version) if version in registry.names() else None


def _build_dictionary(connection: Connection, settings: Settings) -> None:
    tables.create(connection, COLUMN_DICTIONARY)
    rows = [
        (table, column, position, sql_type, description_of(table, column, settings))
        for table in PUBLISHED
        for position, (column, sql_type) in enumerate(columns_of(connection, f"published.{table}").items(), start=1)
    ]
    tables.append(connection, COLUMN_DICTIONARY, rows)
