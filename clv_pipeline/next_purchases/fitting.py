"""Fit and judge the ranker on a training night: temporal holdout first, then a fit to every window in use.

history |---|==H==|==H==|==H==| as_of
            fit   fit   judge        the test window, which nothing was fitted to
                  fit   fit          the ranker that is kept with the model version
"""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from clv_pipeline.contracts.warehouse import NEXT_PURCHASE_RANKER
from clv_pipeline.core.parallel import run_in_threads
from clv_pipeline.core.settings import Settings
from clv_pipeline.next_purchases.candidates import KINDS, Kind
from clv_pipeline.next_purchases.evaluation import customer_metrics, quality_rows, verdict_row
from clv_pipeline.next_purchases.examples import PUBLISHED_RULES, Examples, Rules, closed_windows, read_examples
from clv_pipeline.next_purchases.lines import choose_level, drop_lines, write_lines
from clv_pipeline.next_purchases.ranker import BASELINES, KindRanker, Ranker, fit_kind
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row

#: Windows that a ranker is fitted to.
_FITTED_WINDOWS = 2


def fit_next_purchases(warehouse: Warehouse, settings: Settings, as_of: date, horizon_days: int) -> Ranker:
    """Fit the ranker of the next model version and write its files to `training.next_purchase_ranker`."""
    with warehouse.transaction() as connection:
        level = choose_level(connection)
        if level.name is None:
            ranker = Ranker(None, horizon_days, level.why_none)
        else:
            write_lines(connection, level)
            ranker = fit_ranker(connection, settings, as_of, horizon_days, level.name)
            drop_lines(connection)
        tables.replace(connection, NEXT_PURCHASE_RANKER, sorted(ranker.files().items()))
    return ranker


def read_fitted(connection: Connection) -> dict[str, bytes]:
    """Return the files of the ranker that was fitted last."""
    rows = connection.execute(f"select file, content from {NEXT_PURCHASE_RANKER.name} order by file").fetchall()
    return {str(file): bytes(content) for file, content in rows}


def fit_ranker(
    connection: Connection,
    settings: Settings,
    as_of: date,
    horizon_days: int,
    level: str,
    rules: Rules = PUBLISHED_RULES,
) -> Ranker:
    """Judge the ranker on the newest closed window, then fit it to the newest ones; reads `next_lines`."""
    (first_sale,) = one_row(connection, "select min(order_date) from next_lines")
    cutoffs = closed_windows(as_of, first_sale, horizon_days, 1 + _FITTED_WINDOWS)
    found = [(cutoff, read_examples(connection, cutoff, horizon_days, rules)) for cutoff in cutoffs]
    windows = [(cutoff, examples) for cutoff, examples in found if examples]
    if not windows:
        few = f"in no closed window could two of them be suggested: bought by {rules.least_buyers} customers and sold lately"
        return Ranker(None, horizon_days, few if cutoffs else "the history is too short for one closed window")

    def judge_and_fit(kind: Kind) -> tuple[KindRanker, list[dict[str, Any]]]:
        return _judge_and_fit(kind, [(cutoff, examples[kind]) for cutoff, examples in windows], settings)

    results = run_in_threads(judge_and_fit, KINDS, settings.threads)
    kinds = {kind: ranker for kind, (ranker, _) in zip(KINDS, results, strict=True)}
    quality = [row for _, rows in results for row in rows]
    return Ranker(level, horizon_days, None, kinds, quality)


def _judge_and_fit(
    kind: Kind, windows: list[tuple[date, Examples]], settings: Settings
) -> tuple[KindRanker, list[dict[str, Any]]]:
    (test_window, test), *earlier = windows
    rows: list[dict[str, Any]] = []
    if earlier:
        judged = fit_kind(kind, [examples for _, examples in earlier], settings.seed)
        metrics = customer_metrics(test, judged)
        rows = quality_rows(kind, metrics, test_window, settings.bootstrap_samples, settings.seed)
    verdict = verdict_row(kind, rows)
    fitted = fit_kind(kind, [examples for _, examples in windows[:_FITTED_WINDOWS]], settings.seed)
    if fitted.model is None or not verdict["value"]:
        fitted = replace(fitted, method=BASELINES[kind])
    if earlier:
        fitted = _with_error(fitted, judged, test)
    return fitted, [*rows, verdict]


def _with_error(fitted: KindRanker, judged: KindRanker, test: Examples) -> KindRanker:
    """Return the ranker with the calibration error that the one before it had in the test window."""
    if fitted.method not in judged.calibrations:
        return fitted
    score, bought = judged.score(test, fitted.method), test.bought.astype(np.float64)
    error = judged.calibrations[fitted.method].judged_on(score, bought).error
    calibration = replace(fitted.calibrations[fitted.method], error=error)
    return replace(fitted, calibrations=fitted.calibrations | {fitted.method: calibration})
