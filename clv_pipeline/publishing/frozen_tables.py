"""The tables that releases with contract v1 left in the second target: marked as frozen, and cleaned of erased customers.

They are neither written nor dropped any more, because reports may still read them.
"""

import logging
from collections.abc import Sequence

import psycopg
import sqlalchemy as sa

from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import ConfigurationError, PublishError
from clv_pipeline.core.settings import Settings
from clv_pipeline.publishing.target_place import TargetPlace, place_of, prepare_transaction

log = logging.getLogger(__name__)

#: Every table of contract v1.
_V1_TABLES = (
    "customer_clv", "customer_clv_history", "customer_clv_changes", "segments", "segment_thresholds", "recommendations",
    "cohorts", "channel_value", "model_quality", "feature_importance", "permutation_importance", "partial_dependence",
    "source_ablation", "fairness_audit", "prediction_outcomes", "data_quality", "column_dictionary", "clv_run",
)  # fmt: skip
#: A schema without these was never published to: a table `segments` in it is somebody else's.
_ALWAYS_THERE = {"customer_clv", "clv_run"}


def mark_frozen(place: TargetPlace) -> None:
    """Say in each table's comment that it is frozen, where the database has comments.

    In a transaction of its own, because a mark is not worth a night: another role may own the tables, which is logged only.
    """
    text = (
        f"Frozen: contract v1, no longer written. The tables of the current contract are in the schema {place.schema}."
    )
    if not place.engine.dialect.supports_comments:
        return
    try:
        with place.engine.begin() as target:
            prepare_transaction(target)
            names = _frozen(target, place)
            if not names:
                return
            there = sa.inspect(target).get_multi_table_comment(schema=place.frozen_schema, filter_names=names)
            for name in names:
                if (there[place.frozen_schema, name] or {}).get("text") != text:
                    table = sa.Table(name, sa.MetaData(schema=place.frozen_schema), comment=text)
                    target.execute(sa.schema.SetTableComment(table))
    except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
        log.warning("the tables of contract v1 in %s could not be marked as frozen: %s", place.where, reason_of(error))


def frozen_rows(settings: Settings, customer_ids: Sequence[str]) -> int:
    """Return how many rows of the frozen tables are about these customers; 0 if the database cannot be asked."""
    try:
        place = place_of(settings)
        if place is None:
            return 0
        with place.engine.connect() as target:
            return sum(
                target.execute(
                    sa.select(sa.func.count()).select_from(table).where(_about(table, customer_ids))
                ).scalar_one()
                for table in _with_customers(target, place)
            )
    except (sa.exc.SQLAlchemyError, psycopg.Error, ConfigurationError):
        return 0


def erase_frozen(settings: Settings, customer_ids: Sequence[str]) -> int:
    """Delete these customers' rows from the frozen tables, in one transaction; return how many.

    Raises:
        ConfigurationError: the URL cannot be used.
        PublishError: the database refused; the rows are still there.
    """
    place = place_of(settings)
    if place is None:
        return 0
    try:
        with place.engine.begin() as target:
            prepare_transaction(target)
            return sum(
                target.execute(sa.delete(table).where(_about(table, customer_ids))).rowcount
                for table in _with_customers(target, place)
            )
    except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
        raise PublishError(
            f"The frozen tables of contract v1 in {place.where} could not be cleaned: {reason_of(error)}",
            next_step="fix the database or the permissions, then run the same `clv forget` again; or drop these tables if nobody "
            "reads them any more.",
        ) from None


def _frozen(target: sa.Connection, place: TargetPlace) -> list[str]:
    inspector = sa.inspect(target)
    if place.frozen_schema and not inspector.has_schema(place.frozen_schema):
        return []
    there = set(inspector.get_table_names(schema=place.frozen_schema))
    return [name for name in _V1_TABLES if name in there] if there >= _ALWAYS_THERE else []


def _with_customers(target: sa.Connection, place: TargetPlace) -> list[sa.TableClause]:
    names = _frozen(target, place)
    columns = sa.inspect(target).get_multi_columns(schema=place.frozen_schema, filter_names=names) if names else {}
    return [
        sa.table(name, sa.column("customer_id", sa.Text()), schema=place.frozen_schema)
        for name in names
        if "customer_id" in {c["name"] for c in columns[place.frozen_schema, name]}
    ]


def _about(table: sa.TableClause, customer_ids: Sequence[str]) -> sa.ColumnElement[bool]:
    return table.c.customer_id.in_(list(customer_ids))
