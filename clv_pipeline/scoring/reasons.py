"""Each customer's drivers with their money (`scores.customer_reasons`), and each feature's mean contribution.

The explainer is `interpretation/explanation.py`; the texts that BI reads are made in `sql/4_published/customer_reasons.sql`.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from clv_pipeline.contracts.warehouse import CUSTOMER_REASONS, FEATURE_IMPORTANCE
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.btyd_features import RHYTHMIC
from clv_pipeline.features.drivers import OTHER
from clv_pipeline.features.families import family_of
from clv_pipeline.interpretation.explanation import Explainer, TopDrivers, describe, fit_explainer, top_drivers
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.level import regularity_at
from clv_pipeline.modeling.data.dataset import FeatureColumns, scoring_batches
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, one_row

#: Drivers that a customer's reasons name.
_NAMED_DRIVERS = 5
#: Enough to explain a population; more makes the explainer slower, not more accurate.
_EXPLAINED_CUSTOMERS = 20_000
_REST = "the other drivers together"


def write_reasons(
    connection: Connection,
    settings: Settings,
    columns: FeatureColumns,
    expected: Array,
    batch_rows: int,
    progress: Callable[[int], None],
) -> float:
    """Write the drivers of the expected spend (primary horizon, money) of the customers who have bought, in their order.

    Returns the share of the differences between the predictions that the reasons explain: the R2 of the explainer over all of
    these customers, whom it is fitted to (the first 20,000 of them). Of customers left out it said little: one customer of
    twice the next one's spend among them made .48 of .99. nan where nobody has bought.
    """
    (as_of,) = one_row(connection, "select as_of from raw.extraction")
    rhythm = regularity_at(connection, as_of) >= RHYTHMIC
    explainer: Explainer | None = None
    rows: list[pd.DataFrame] = []
    importance, explained, done = np.zeros(0), np.zeros(len(expected)), 0
    for identity, features in scoring_batches(connection, columns, batch_rows):
        if explainer is None:
            few = features.iloc[:_EXPLAINED_CUSTOMERS]
            explainer = fit_explainer(few, expected[: len(few)], columns, seed=settings.seed, has_rhythm=rhythm)
            importance = np.zeros(len(explainer.columns.names))
        contributions = explainer.contributions(features)
        importance += np.abs(contributions.features).sum(axis=0)
        found = top_drivers(features, contributions, explainer.columns, _NAMED_DRIVERS, settings.currency)
        explained[done : done + len(features)] = explainer.predict(features)
        rows.append(_rows(identity["customer_id"], found))
        done += len(features)
        progress(done)
    tables.replace(connection, CUSTOMER_REASONS, pd.concat(rows) if rows else [])
    names = explainer.columns.names if explainer else []
    frame = pd.DataFrame(
        {
            "horizon_days": settings.primary_horizon,
            "feature": names,
            "source_family": [family_of(name) for name in names],
            "description": [describe(name) for name in names],
            "mean_contribution": importance / max(done, 1),
        }
    )
    tables.replace(connection, FEATURE_IMPORTANCE, frame)
    return metrics.r_squared(expected, explained) if explainer else float("nan")


def _rows(customers: pd.Series, found: TopDrivers) -> pd.DataFrame:
    """Return one row per customer and driver, and one for the rest."""
    count = found.drivers.shape[1]
    ranks = np.tile(np.append(np.arange(1, count + 1), _NAMED_DRIVERS + 1), len(customers))
    rest = np.full((len(customers), 1), OTHER, dtype=object)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(customers.to_numpy(object), count + 1),
            "rank": ranks,
            "driver": np.hstack([found.drivers, rest]).ravel(),
            "effect": np.hstack([found.effects, found.rest[:, None]]).ravel(),
            "fact": np.hstack([found.facts, np.full((len(customers), 1), _REST, dtype=object)]).ravel(),
        }
    ).astype({"customer_id": "str", "driver": "category", "fact": "str"})  # far less memory than Python's strings
