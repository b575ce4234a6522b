"""Audit of a new bundle before it is served: unique keys, ranges, required values, a score for every eligible customer."""

from pathlib import Path

from clv_pipeline.contracts.published import PUBLISHED, description_of
from clv_pipeline.contracts.warehouse import UNSCORED_CUSTOMERS
from clv_pipeline.core.settings import Settings
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import (
    Connection,
    columns_of,
    one_row,
    open_bundle_file,
    row_count,
)


def audit(database: Path, counts: dict[str, int]) -> list[str]:
    """Read a built file as a BI tool would; return the violations of the published contract, if any."""
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
    # without an evaluated past window there is no interval, so these may be null, but never below zero
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


def unscored_customers(connection: Connection, settings: Settings) -> list[str]:
    """Write eligible customers without a score to `quality.unscored_customers`; return a message if there are any."""
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
            "(listed in quality.unscored_customers in the warehouse)"
        ]
        if missing
        else []
    )
