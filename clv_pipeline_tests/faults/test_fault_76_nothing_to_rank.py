"""Fault 76: nearly nobody buys twice. The night is green with a right total and, where no order beats chance, a warning."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults.company import (
    TONIGHT,
    Company,
    Night,
    Row,
    Tables,
    assert_published,
    check,
    night,
    order,
)
from clv_pipeline_tests.nights import published_rows

DAYS, HORIZON, USUAL = 730, 90, 60.0
SETTINGS = {"CLV_MIN_BUYERS": "100", "CLV_MAX_CUTOFFS": "2"}
MODELS = "select candidate from training.champions order by target"


def marketplace(customers: int, returns_a_year: float, *, seed: int) -> Tables:
    """Return customers who come on any day of two years, once; whoever was there returns by pure chance, at one rate."""
    draw = np.random.default_rng(seed)
    orders: list[Row] = []
    for customer in range(customers):
        first = draw.uniform(0, DAYS)
        returns = draw.uniform(first, DAYS, draw.poisson(returns_a_year * (DAYS - first) / 365))
        for day in sorted(int(d) for d in (first, *returns)):
            amount = round(float(USUAL * draw.lognormal(0, 0.5)), 2)
            on = date.fromisoformat(TONIGHT) - timedelta(days=DAYS - day)
            orders.append(order(f"{customer:05d}", on, amount, order_id=f"{len(orders):06d}"))
    return {"orders": orders}


def night_of(tables: Tables, root: Path) -> Night:
    return night(Company(root / "company", tables), Home(root / "home"), **SETTINGS)


def published_run(home: Home) -> dict[str, Any]:
    names = "predicted_spend_total", "predicted_spend_total_low", "predicted_spend_total_high", "ranking", "customers"
    (row,) = published_rows(home, f"select {', '.join(names)} from clv_run")
    return dict(zip(names, row, strict=True))


def test_where_all_bought_once_the_night_is_green_and_says_so(tmp_path: Path) -> None:
    seen = night_of(marketplace(600, 0.0, seed=1), tmp_path)
    assert_published(seen)
    assert "not rankable" in " ".join(seen.output.split())
    assert not check(seen.home, "scores.customer_scores", "ranking")[0]
    run = published_run(seen.home)
    assert (run["ranking"], run["predicted_spend_total"], run["customers"]) == ("not rankable", 0, 600)
    report = next(seen.home.published.glob("*/report.html")).read_text()
    assert "not rankable" in report
    with open_warehouse(seen.home).connection() as connection:
        assert connection.execute(MODELS).fetchall() == [("blend_probability",), ("blend",)]


def test_a_marketplace_of_one_time_buyers_has_a_model_as_champion_and_a_right_total(tmp_path: Path) -> None:
    customers, returns_a_year = 1500, 0.03
    tables = marketplace(customers, returns_a_year, seed=1)
    bought = Counter(row["customer_id"] for row in tables["orders"])
    assert sum(orders == 1 for orders in bought.values()) > 0.96 * customers
    seen = night_of(tables, tmp_path)
    assert_published(seen)
    with open_warehouse(seen.home).connection() as connection:
        rules = connection.execute(
            "select candidate from training.tuning where is_baseline and (is_challenger or candidate in "
            "(select candidate from training.champions))"
        ).fetchall()
        judged = connection.execute(
            "select count(distinct candidate) from training.model_quality where is_baseline"
        ).fetchall()
    assert (rules, judged) == ([], [(6,)])
    run = published_run(seen.home)
    # what the same customers bring on average if they go on as they do
    right = customers * returns_a_year * HORIZON / 365 * USUAL * np.exp(0.5**2 / 2)
    assert right / 1.5 < float(run["predicted_spend_total"]) < right * 1.5
    assert float(run["predicted_spend_total_low"]) < right < float(run["predicted_spend_total_high"])
