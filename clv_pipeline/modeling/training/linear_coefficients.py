"""The coefficients of the linear candidates, standardised and per unit, as a table that people can read.

They belong to the models of the evaluation: fitted to the windows before the test window, where every candidate is fitted
anyway, so that its accuracy on the test window is in `model_quality` and nothing is fitted for them.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline

from clv_pipeline.contracts.warehouse import LINEAR_COEFFICIENTS
from clv_pipeline.features.families import family_of
from clv_pipeline.features.wording import describe
from clv_pipeline.modeling.candidates.catalogue import Candidate
from clv_pipeline.modeling.candidates.ensembles import Fitted
from clv_pipeline.modeling.data.dataset import LabelledRows, target_name
from clv_pipeline.modeling.data.linear_inputs import linear_inputs
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection

#: The values of a row of `training.linear_coefficients`, in the order of its columns.
Row = tuple[object, ...]


def coefficient_rows(candidate: Candidate, fitted: Fitted, rows: LabelledRows, horizon_days: int) -> list[Row]:
    """Return the table's rows of a candidate fitted to `rows`, the intercept first.

    There are none for other models, nor for a linear candidate that became a constant because its target is one.
    """
    model = fitted.named_steps["model"] if isinstance(fitted, Pipeline) else None
    spread, center = 1.0, 0.0
    if isinstance(model, TransformedTargetRegressor):
        # back from the standardised spend to money
        spread, center = float(model.transformer_.scale_[0]), float(model.transformer_.mean_[0])
        model = model.regressor_
    if not isinstance(model, LinearRegression | ElasticNet | LogisticRegression):
        return []
    slopes = spread * np.ravel(model.coef_)
    level = spread * float(np.ravel(model.intercept_)[0]) + center
    return list(_rows(candidate, fitted, rows, horizon_days, slopes, level))


def _rows(
    candidate: Candidate, pipeline: Pipeline, rows: LabelledRows, horizon_days: int, slopes: np.ndarray, level: float
) -> Iterator[Row]:
    """Yield the intercept, then one row per input; `slopes` are per scaled input, `level` is where all of these are 0."""
    which = horizon_days, target_name(horizon_days, candidate.target), candidate.name
    inputs = linear_inputs(pipeline.named_steps["encode"], rows.features)
    per_unit = [float(slope) / each.scale for slope, each in zip(slopes, inputs, strict=True)]
    intercept = level - sum(slope * each.mean for slope, each in zip(per_unit, inputs, strict=True))
    yield (*which, 1, "intercept", None, None, None, "intercept", None, None, intercept)
    outcome = float(rows.spend.std()) if candidate.target == "spend" else 1.0
    for position, (slope, each) in enumerate(zip(per_unit, inputs, strict=True), start=2):
        yield (
            *which, position, each.kind, each.feature, each.category, family_of(each.feature), describe(each.feature),
            each.standard_deviation, slope * each.standard_deviation / outcome, slope,
        )  # fmt: skip


def write_coefficients(connection: Connection, rows: list[Row]) -> None:
    """Replace `training.linear_coefficients` by these rows."""
    tables.replace(connection, LINEAR_COEFFICIENTS, rows)
