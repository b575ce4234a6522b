"""Coefficients of the linear candidates: together with their inputs they are the model's own predictions."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from clv_pipeline.contracts.warehouse import LINEAR_COEFFICIENTS
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Task
from clv_pipeline.modeling.training.linear_coefficients import coefficient_rows
from clv_pipeline_tests.made_up_rows import COLUMNS, feature_rows

ROWS = feature_rows(600, seed=1)
TASK = Task(COLUMNS, 90, seed=7)
BY_NAME = {c.name: c for c in CANDIDATES}
_INPUT = ("row_kind", "feature", "category")
EACH = pytest.mark.parametrize("name", ["linear_regression", "elastic_net", "logistic_regression"])


@cache
def fitted(name: str) -> Pipeline:
    candidate = BY_NAME[name]
    model = candidate.fit(TASK, candidate.search[-1], ROWS)
    assert isinstance(model, Pipeline)
    return model


def coefficients(name: str) -> pd.DataFrame:
    rows = coefficient_rows(BY_NAME[name], fitted(name), ROWS, 90)
    return pd.DataFrame(rows, columns=LINEAR_COEFFICIENTS.column_names())


def inputs(name: str, table: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Return what each coefficient multiplies, as the published description says."""
    encoder = fitted(name).named_steps["encode"]
    names = list(encoder.transformers_[0][2])
    steps = encoder.named_transformers_["numeric"].named_steps
    numbers = pd.DataFrame(steps["clip"].transform(steps["impute"].transform(features[names]))[:, : len(names)])
    numbers.columns = pd.Index(names)
    found = {}
    for place, (kind, feature, category) in enumerate(zip(*(table[c] for c in _INPUT), strict=True)):
        if kind == "intercept":
            found[place] = np.ones(len(features))
            continue
        values, is_of_feature = features[feature], table["feature"] == feature
        frequent = table[is_of_feature & (table["row_kind"] == "category")]["category"]
        found[place] = {
            "number": numbers.get(feature, values).to_numpy(),
            "missing": values.isna().to_numpy(),
            "category": (values == category).to_numpy(),
            "other_categories": (~values.isin(frequent) & values.notna()).to_numpy(),
        }[kind]
    return pd.DataFrame(found).astype(np.float64)


@EACH
def test_the_coefficients_times_their_inputs_are_the_prediction(name: str) -> None:
    table = coefficients(name)
    sums = inputs(name, table, ROWS.features).to_numpy() @ table["per_unit"].to_numpy()
    if BY_NAME[name].target == "spend":
        np.testing.assert_allclose(sums, fitted(name).predict(ROWS.features), rtol=1e-3, atol=0.5)
    else:
        predicted: metrics.Array = fitted(name).predict_proba(ROWS.features)[:, 1]
        np.testing.assert_allclose(1 / (1 + np.exp(-sums)), predicted, atol=1e-3)


@EACH
def test_a_standardised_coefficient_is_the_one_per_unit_in_standard_deviations(name: str) -> None:
    table = coefficients(name)
    of_inputs = inputs(name, table, ROWS.features).std(ddof=0).to_numpy()[1:]
    intercept, slopes = table.iloc[0], table[1:]
    np.testing.assert_allclose(slopes["standard_deviation"].astype(float), of_inputs, rtol=1e-3, atol=1e-6)
    of_outcome = ROWS.spend.std() if BY_NAME[name].target == "spend" else 1.0
    expected = slopes["per_unit"] * slopes["standard_deviation"].astype(float) / of_outcome
    np.testing.assert_allclose(slopes["standardised_coefficient"].astype(float), expected)
    assert intercept["row_kind"] == "intercept"
    assert table["feature"].isna().tolist() == [True, *[False] * len(slopes)]
    assert table["standardised_coefficient"].isna().tolist() == [True, *[False] * len(slopes)]


@EACH
def test_the_rows_have_a_key_and_readable_labels(name: str) -> None:
    table = coefficients(name)
    assert list(table["position"]) == list(range(1, len(table) + 1))
    assert not table[["row_kind", "feature", "category"]].duplicated().any()
    assert (table["category"].notna() == (table["row_kind"] == "category")).all()
    assert not table["description"].str.contains("_").any()
    assert set(table["target"]) == {"purchase_90d" if BY_NAME[name].target == "purchase" else "spend_90d_total"}


def test_categories_numbers_and_missing_values_have_rows_of_their_own() -> None:
    kinds = coefficients("elastic_net").groupby("row_kind")["feature"].unique()
    assert set(kinds["number"]) == set(COLUMNS.numeric)
    assert set(kinds["category"]) == set(COLUMNS.categorical)
    assert {"mean_gap_days", "survey_last_nps"} <= set(kinds["missing"])


def test_other_models_have_no_coefficients() -> None:
    tree = BY_NAME["decision_tree"]
    assert coefficient_rows(tree, tree.fit(TASK, tree.search[0], ROWS), ROWS, 90) == []
