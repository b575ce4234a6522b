"""Histograms, rank correlations and the variance of spend behind the published tables of the customer base."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clv_pipeline.core.home import Home
from clv_pipeline.publishing.base_parameters import SMALLEST_CELL, SMALLEST_SUPPORT
from clv_pipeline.publishing.feature_statistics import bins_of, rank_correlation, write_feature_statistics
from clv_pipeline_tests.conftest import open_warehouse

RANDOM = np.random.default_rng(5)
SHAPES: dict[str, Callable[[], np.ndarray]] = {
    "skewed money": lambda: np.round(RANDOM.lognormal(4, 1.5, 3000), 2),
    "counts with many zeros": lambda: RANDOM.poisson(0.7, 3000).astype(float),
    "negative and positive": lambda: RANDOM.normal(-20, 300, 3000),
    "shares": lambda: RANDOM.beta(1, 3, 3000),
    "one value": lambda: np.full(3000, 12.5),
    "tiny": lambda: RANDOM.lognormal(-12, 2, 3000),
    "one customer far away": lambda: np.append(RANDOM.integers(1, 400, 2999), 10.0**9).astype(float),
    "few customers": lambda: RANDOM.lognormal(4, 1.5, 7),
    "three customers": lambda: np.array([1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bins_of_a_number_have_every_customer_once(shape: str) -> None:
    values = SHAPES[shape]()
    bins = bins_of(pd.Series(np.append(values, [np.nan] * 6)))
    assert sum(b.customers for b in bins) == len(values) + 6
    for b in bins:
        if b.row_kind == "number":
            low = -math.inf if b.bin_low is None else b.bin_low
            high = math.inf if b.bin_high is None else b.bin_high
            of_bin = values[(values >= low) & (values < high)]
            of_bin = of_bin[of_bin != 0] if any(other.row_kind == "zero" for other in bins) else of_bin
            assert (len(of_bin), of_bin.min(), of_bin.max()) == (b.customers, b.smallest, b.largest)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_bin_but_other_has_fewer_than_five_customers(shape: str) -> None:
    bins = bins_of(pd.Series(SHAPES[shape]()))
    assert [b for b in bins if b.row_kind != "other" and b.customers < SMALLEST_CELL] == []
    assert len(bins) <= 25


def test_rare_categories_are_one_row() -> None:
    values = pd.Series(["a"] * 9 + ["b"] * 6 + ["c"] * 4 + ["d"] * 2 + [None] * 3, dtype=object)
    found = [(b.row_kind, b.category, b.customers) for b in bins_of(values)]
    assert found == [("category", "a", 9), ("category", "b", 6), ("other", None, 9)]


def test_a_feature_that_nobody_has_gets_no_row() -> None:
    assert bins_of(pd.Series([np.nan] * 30)) == []


def test_the_rank_correlation_is_that_of_scipy_over_customers_with_both_values() -> None:
    x, y = RANDOM.integers(0, 5, 400).astype(float), RANDOM.normal(size=400)
    y += x
    x[:30], y[20:60] = np.nan, np.nan
    both = ~np.isnan(x) & ~np.isnan(y)
    found = rank_correlation(x, y)
    assert found is not None
    assert found[0] == both.sum() == 340
    assert found[1] == pytest.approx(stats.spearmanr(x[both], y[both]).statistic, abs=1e-6)


def test_its_interval_has_the_true_correlation_nine_times_in_ten() -> None:
    # the rank correlation of a bivariate normal with correlation .6
    true, covered = 6 / math.pi * math.asin(0.3), 0
    for _ in range(600):
        x = RANDOM.normal(size=200)
        found = rank_correlation(x, 0.6 * x + 0.8 * RANDOM.normal(size=200))
        assert found is not None
        covered += found[2] <= true <= found[3]
    assert covered / 600 == pytest.approx(0.90, abs=0.035)


def test_few_customers_or_a_constant_have_no_correlation() -> None:
    few = np.arange(SMALLEST_SUPPORT - 1.0)
    assert rank_correlation(few, few) is None
    assert rank_correlation(np.ones(50), np.arange(50.0)) is None


def test_sums_of_spend_vary_as_the_variance_says(tmp_path: Path) -> None:
    """Ten thousand draws of 200 customers who buy or not, and spend a log-normal amount if they do."""
    probability, median, sigma = RANDOM.uniform(0.02, 0.9, 200), RANDOM.lognormal(4, 1, 200), 0.8
    mean = probability * median * math.exp(sigma**2 / 2)
    scores = pd.DataFrame({
        "customer_id": [f"{place:03d}" for place in range(200)], "primary_spend": mean, "primary_probability": probability,
        "primary_if_buying": median,
    })  # fmt: skip
    with open_warehouse(Home(tmp_path)).connection() as connection:
        connection.register("made_up", scores)
        connection.execute("create table scores.customer_scores as select * from made_up")
        connection.execute("create table scores.run as select 0.8 * $t as predicted_total_low, 1.3 * $t as predicted_total_high",
                           {"t": float(mean.sum())})  # fmt: skip
        connection.execute(
            "create table features.customer_features as "
            "select customer_id, 'score' as role, date '2024-06-01' as as_of, 1 as orders from made_up"
        )
        write_feature_statistics(connection)
        variance, below, above = connection.execute(
            "select sum(variance)::double, any_value(total_below), any_value(total_above) from scores.spend_variance"
        ).fetchall()[0]
    buys = RANDOM.uniform(size=(10_000, 200)) < probability
    spend = (buys * median * np.exp(sigma * RANDOM.normal(size=(10_000, 200)))).sum(axis=1)
    assert math.sqrt(variance) == pytest.approx(spend.std(), rel=0.05)
    assert (below, above) == (pytest.approx(0.2), pytest.approx(0.3))
