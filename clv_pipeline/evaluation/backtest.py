"""Rolling-origin evaluation: predictions of every candidate at past cutoffs, compared with the actual outcome.

Each past window is evaluated exactly as a nightly training evaluates its test window, with all later data left out, so the
figures are those of a run at that date. It uses its own warehouse and publishes nothing. The pages are written by
`reporting/backtest_report.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import HistoryError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.btyd_features import build_btyd_features
from clv_pipeline.features.build import build_feature_table, build_labels
from clv_pipeline.features.cutoffs import CutoffPlan, plan_cutoffs
from clv_pipeline.features.plan import write_cutoffs, write_horizons
from clv_pipeline.interpretation import ablation
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES
from clv_pipeline.modeling.candidates.ensembles import predict
from clv_pipeline.modeling.data.dataset import feature_columns
from clv_pipeline.modeling.training import training
from clv_pipeline.modeling.training.lab import Lab
from clv_pipeline.modeling.training.tuning import scale_to_total
from clv_pipeline.quality.cleaning import build_clean_table, clean_parameters
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.sources.extraction import extract
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row
from clv_pipeline.warehouse.sql_models import build, load_layer

Progress = Callable[[str], None]
#: Shares of the customers used for the learning curve, and its candidate.
_LEARNING_SHARES = (0.1, 0.25, 0.5, 1.0)
_LEARNING_CANDIDATE = "xgboost_on_btyd"


@dataclass(frozen=True)
class Backtest:
    """Results of a backtest; every frame has the columns horizon_days and cutoff.

    quality: candidate, is_baseline, is_champion, metric, value, low, high. differences: champion minus candidate, paired:
    candidate, metric, value, low, high. predictions: one row per customer of a window, by the champions. learning: share of
    customers, customers, normalised_gini, root_mean_squared_error. sources: left_out, metric, with_source, without_source,
    difference, low, high. verdicts: target, candidate, reason.
    """

    source_name: str
    currency: str
    quality: pd.DataFrame
    differences: pd.DataFrame
    predictions: pd.DataFrame
    learning: pd.DataFrame
    sources: pd.DataFrame
    verdicts: pd.DataFrame


def run_backtest(settings: Settings, home: Home, as_of: date, windows: int, progress: Progress) -> Backtest:
    """Evaluate every candidate on the newest `windows` windows of each horizon that end by as_of and do not overlap.

    Raises:
        HistoryError: no window of any horizon has an earlier one to learn from.
    """
    warehouse = Warehouse(
        home.backtest, scratch=home.scratch, writable_folders=[], memory_limit=settings.memory_limit,
        threads=settings.threads,
    )  # fmt: skip
    warehouse.path.unlink(missing_ok=True)
    ingest(warehouse, settings, as_of, progress)
    with warehouse.transaction() as connection:
        plans = _plans(connection, settings, as_of, windows)
        write_cutoffs(connection, settings, as_of, plans)
        learned = {plan.horizon_days: plan.horizon_days for plan in plans}
        write_horizons(connection, learned)
    for model in load_layer("2_features"):
        if "features.btyd_features" in model.inputs:
            progress("features.btyd_features")
            build_btyd_features(warehouse, settings)
        progress(model.table)
        build_feature_table(warehouse, model, settings.denied_features, settings.gross_margin)
    with warehouse.transaction() as connection:
        build_labels(connection)
    return _judge(warehouse, settings, plans, progress)


def ingest(warehouse: Warehouse, settings: Settings, as_of: date, progress: Progress) -> None:
    """Extract and clean every table into `warehouse`, with the same checks as a nightly run."""
    midnight = datetime.combine(as_of, datetime.min.time(), UTC)
    extract(
        settings, warehouse, as_of=as_of, run_id="backtest", started_at=midnight,
        progress=lambda table, rows: progress(f"{table}: {rows:,} rows"),
    )  # fmt: skip
    validator = Validator()
    for model in load_layer("1_clean"):
        progress(model.table)
        if model.name in CONTRACT:
            build_clean_table(warehouse, model, settings, validator)
        else:
            with warehouse.transaction() as connection:
                build(connection, model, clean_parameters(settings))
    with warehouse.transaction() as connection:
        for model in load_layer("2_features"):
            if model.name == "customer_day":
                build(connection, model, {})


def _plans(connection: Connection, settings: Settings, as_of: date, windows: int) -> list[CutoffPlan]:
    """Return the plan of each window, as in a run for which it is the newest completed window."""
    (first,) = one_row(connection, "select min(order_date) from clean.orders where amount > 0")
    plans = []
    for days in settings.horizons:
        for earlier in range(windows):
            plan = plan_cutoffs(
                as_of - timedelta(days=days * earlier), first, days, step_days=settings.cutoff_step_days,
                max_cutoffs=settings.max_cutoffs, folds=settings.tuning_folds,
            )  # fmt: skip
            if plan.test is not None:
                plans.append(plan)
    if not plans:
        raise HistoryError(
            f"No window of {settings.horizons} days by {as_of} has an earlier one to learn from: the history starts at {first}",
            next_step=f"pass --horizons with at most {(as_of - first).days // 3} days.",
        )
    return plans


def _judge(warehouse: Warehouse, settings: Settings, plans: list[CutoffPlan], progress: Progress) -> Backtest:
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in ("quality", "differences", "predictions", "verdicts")}
    for plan in plans:
        assert plan.test is not None
        cutoff = plan.test.validation
        progress(f"{plan.horizon_days} days from {cutoff}")
        training.tune_candidates(warehouse, settings, [plan], None, progress)
        training.evaluate_candidates(warehouse, settings, [plan])
        with warehouse.connection() as connection:
            parts["quality"].append(_dated(connection.sql("select * from training.model_quality").df(), cutoff))
            parts["predictions"].append(_dated(connection.sql("select * from training.test_predictions").df(), cutoff))
            parts["verdicts"].append(_dated(connection.sql("select * from training.champions").df(), cutoff))
            parts["differences"].append(_dated(_differences(connection, settings, plan), cutoff))
    with warehouse.connection() as connection:
        (currency, source_name) = one_row(connection, "select currency, source_name from raw.extraction")
        lab = Lab.of(connection, settings, plans[0], feature_columns(connection))
    progress("learning curve, and what each source adds")
    learning, sources = _learning_curve(lab, settings), _sources(lab, settings)
    frames = {name: pd.concat(found, ignore_index=True) for name, found in parts.items()}
    return Backtest(source_name, currency, learning=learning, sources=sources, **frames)


def _dated(frame: pd.DataFrame, cutoff: date) -> pd.DataFrame:
    return frame.assign(cutoff=cutoff)


def _differences(connection: Connection, settings: Settings, plan: CutoffPlan) -> pd.DataFrame:
    """Return the lead of the spend champion over each other candidate, with the same customers drawn for both."""
    frame = connection.execute(
        """
        select candidate, actual, predicted from training.predictions
        where role = 'test' and target = 'spend'
        order by candidate, customer_id
        """
    ).df()
    (champion,) = one_row(connection, "select candidate from training.champions where target = 'spend'")
    by_name = {name: group for name, group in frame.groupby("candidate")}
    actual = by_name[champion]["actual"].to_numpy(np.float64)
    best = by_name[champion]["predicted"].to_numpy(np.float64)
    draws = metrics.bootstrap_draws(len(actual), settings.bootstrap_samples, settings.seed)
    rows = []
    for name, group in by_name.items():
        other = group["predicted"].to_numpy(np.float64)
        for metric in ("normalised_gini", "spearman", "root_mean_squared_error"):
            found = metrics.difference(metrics.SPEND_METRICS[metric], actual, best, other, draws)
            rows.append((plan.horizon_days, name, metric, found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=["horizon_days", "candidate", "metric", "value", "low", "high"])


def _sources(lab: Lab, settings: Settings) -> pd.DataFrame:
    """Return the gain of one fixed model from each source on the window."""
    plan = lab.plan
    assert plan.test is not None
    fixed = next(c for c in CANDIDATES if c.name == ablation.MODEL)
    found = ablation.ablate(
        fixed, fixed.search[0], lab.task, lab.rows.at(plan.test.train), lab.rows.at((plan.test.validation,)),
        samples=settings.bootstrap_samples, threads=settings.threads,
    )  # fmt: skip
    rows = [
        (plan.horizon_days, plan.test.validation, d.left_out, d.metric, d.with_source, d.without_source,
         d.difference.value, d.difference.low, d.difference.high)
        for d in found
    ]  # fmt: skip
    columns = ["horizon_days", "cutoff", "left_out", "metric", "with_source", "without_source", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _learning_curve(lab: Lab, settings: Settings) -> pd.DataFrame:
    """Return the metrics of one candidate fitted to a share of the customers."""
    plan = lab.plan
    assert plan.test is not None
    learned, judged = lab.rows.at(plan.test.train), lab.rows.at((plan.test.validation,))
    candidate = next(c for c in CANDIDATES if c.name == _LEARNING_CANDIDATE)
    customers = np.unique(learned.customer_id.astype(str))
    shuffled = np.random.default_rng(settings.seed).permutation(customers)
    rows = []
    for share in _LEARNING_SHARES:
        some = shuffled[: max(int(len(shuffled) * share), 1)]
        model = candidate.fit(lab.task, candidate.search[0], learned.of_customers(some))
        level = lab.levels[plan.test.validation]
        raw = predict(model, judged.features)
        predicted = scale_to_total(candidate, raw, level, judged.features, plan.horizon_days)
        rows.append(
            (plan.horizon_days, plan.test.validation, share, len(some),
             metrics.normalised_gini(judged.spend, predicted), metrics.root_mean_squared_error(judged.spend, predicted))
        )  # fmt: skip
    columns = ["horizon_days", "cutoff", "share", "customers", "normalised_gini", "root_mean_squared_error"]
    return pd.DataFrame(rows, columns=columns)


def write_tables(backtest: Backtest, folder: Path) -> None:
    """Write every table of a backtest as CSV, the predictions as Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("quality", "differences", "learning", "sources", "verdicts"):
        getattr(backtest, name).to_csv(folder / f"{name}.csv", index=False)
    backtest.predictions.to_parquet(folder / "predictions.parquet", index=False)
