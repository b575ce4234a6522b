"""Build the tables of `sql/2_features`, a few cutoffs at a time, and the labels. Cutoffs are chosen in `plan.py`."""

from collections.abc import Sequence
from datetime import date

from clv_pipeline.features.attributes import with_attributes
from clv_pipeline.features.denied import is_denied
from clv_pipeline.features.families import KEYS
from clv_pipeline.features.window_spend import OUTLIER_MULTIPLE
from clv_pipeline.warehouse.connection import Connection, Warehouse, columns_of, quote_name
from clv_pipeline.warehouse.sql_models import Parameters, SqlModel, append, build, load_layer

#: The named parameters of `sql/3_training`.
LABEL_PARAMETERS: Parameters = {"outlier_multiple": OUTLIER_MULTIPLE}
#: Rows of the population that one query may span; keeps the aggregation in memory at any number of customers.
_ROWS_A_SLICE = 1_500_000


def build_feature_table(
    warehouse: Warehouse, model: SqlModel, denied: Sequence[str] = (), gross_margin: float | None = None
) -> None:
    """Build one table of `sql/2_features`; a model with $first_cutoff and $last_cutoff is built slice by slice.

    `gross_margin` stands in for the margin of order lines without a cost, in the two tables of margins: no feature has it.

    Features that match a `denied` pattern are left out of `features.customer_features`, the only table that models read.
    """
    with warehouse.transaction() as connection:
        if "first_cutoff" not in model.parameters:
            build(connection, model, {"gross_margin": gross_margin})
            return
        slices = _slices(connection)
        for position, (first, last) in enumerate(slices):
            step = append if position else build
            step(connection, model, {"first_cutoff": first, "last_cutoff": last})
        if model.name == "crm_features" and (query := with_attributes(connection, model.table)):
            connection.execute(f"create or replace table {model.table} as {query}")
        if model.name == "customer_features":
            for name in columns_of(connection, model.table):
                if name not in KEYS and is_denied(name, denied):
                    connection.execute(f"alter table {model.table} drop column {quote_name(name)}")


def build_labels(connection: Connection) -> None:
    """Build the tables of `sql/3_training`: labels of past cutoffs whose windows are over."""
    for model in load_layer("3_training"):
        build(connection, model, LABEL_PARAMETERS)


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
