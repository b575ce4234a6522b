"""Choosing each candidate's parameters on temporal folds: always learn from earlier windows, judge on a later one."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates import Candidate, Parameters, Target, Task, predict
from clv_pipeline.modeling.cutoffs import Fold
from clv_pipeline.modeling.dataset import LabelledRows

log = logging.getLogger(__name__)
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Tuned:
    """A candidate with its best parameters and what they scored on the folds; empty scores mean no fold existed."""

    candidate: Candidate
    parameters: Parameters
    fold_scores: tuple[float, ...]
    fold_biases: tuple[float, ...]
    tried: int
    ran_out_of_time: bool

    @property
    def score(self) -> float:
        """The mean over the folds; higher is better."""
        return float(np.mean(self.fold_scores)) if self.fold_scores else float("nan")

    @property
    def mean_absolute_bias(self) -> float:
        return float(np.mean(np.abs(self.fold_biases))) if self.fold_biases else float("nan")


def fold_score(target: Target, actual: metrics.Array, predicted: metrics.Array) -> float:
    """Return what tuning maximises: value-weighted rank for spend, log likelihood for the probability."""
    if target == "spend":
        return metrics.normalised_gini(actual, predicted)
    return -metrics.log_loss(actual, predicted)


def tune(
    candidate: Candidate, task: Task, rows: LabelledRows, folds: tuple[Fold, ...], *, seconds: float, progress: Progress
) -> Tuned:
    """Try the candidate's parameter sets in order until all are tried or the time is used up; the first is always tried.

    The order is fixed, so within the budget the same rows give the same choice.
    """
    started = time.monotonic()
    best: Tuned | None = None
    tried = 0
    for parameters in candidate.search:
        if tried and time.monotonic() - started > seconds:
            log.warning(
                "%s: tuning stopped after %d of %d parameter sets", candidate.name, tried, len(candidate.search)
            )
            break
        scores, biases = _score(candidate, task, parameters, rows, folds)
        tried += 1
        progress(f"{candidate.name} {tried}/{len(candidate.search)}")
        if best is None or np.mean(scores) > best.score:
            best = Tuned(candidate, parameters, scores, biases, tried, False)
        if not folds:
            break
    assert best is not None
    cut_short = bool(folds) and tried < len(candidate.search)
    return Tuned(candidate, best.parameters, best.fold_scores, best.fold_biases, tried, cut_short)


def _score(
    candidate: Candidate, task: Task, parameters: Parameters, rows: LabelledRows, folds: tuple[Fold, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    scores, biases = [], []
    for fold in folds:
        pipeline = candidate.fit(task, parameters, rows.at(fold.train))
        judged = rows.at((fold.validation,))
        actual = judged.spend if candidate.target == "spend" else judged.flag
        predicted = predict(pipeline, judged.features)
        scores.append(fold_score(candidate.target, actual, predicted))
        biases.append(metrics.total_bias(actual, predicted))
    return tuple(scores), tuple(biases)
