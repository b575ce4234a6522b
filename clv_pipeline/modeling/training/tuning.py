"""Parameter tuning on temporal folds: always fit on earlier windows, evaluate on a later one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd

from clv_pipeline.features.cutoffs import Fold
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.level import ExpectedTotal, scale_probability, scale_spend
from clv_pipeline.modeling.candidates.catalogue import Candidate, Parameters, Target, Task
from clv_pipeline.modeling.candidates.ensembles import predict
from clv_pipeline.modeling.data.dataset import LabelledRows, expectation_in

Progress = Callable[[str], None]
#: Expected totals by cutoff (see `level.py`).
ExpectedTotals = Mapping[date, ExpectedTotal]


@dataclass(frozen=True)
class ParameterSet:
    """One parameter set that was tried, with its means over the folds; nan without folds.

    score is what tuning maximises (`fold_score`); explained is R2 of the spend, or ROC-AUC of the purchase probability.
    """

    parameters: Parameters
    score: float
    explained: float

    @classmethod
    def of(
        cls,
        target: Target,
        parameters: Parameters,
        scores: Sequence[float],
        outcomes: Sequence[metrics.Array],
        predictions: Sequence[metrics.Array],
    ) -> "ParameterSet":
        """Measure the predictions of each fold against its outcomes; `scores` are the folds' scores."""
        metric = metrics.r_squared if target == "spend" else metrics.roc_auc
        explained = [metric(a, p) for a, p in zip(outcomes, predictions, strict=True)]
        return cls(parameters, *(float(np.mean(v)) if len(v) else float("nan") for v in (scores, explained)))


@dataclass(frozen=True)
class TunedCandidate:
    """A candidate with its best parameters and what they scored on the folds; empty scores mean no fold existed."""

    candidate: Candidate
    parameters: Parameters
    fold_scores: tuple[float, ...]
    fold_biases: tuple[float, ...]
    tried: int
    #: one array per fold: its predictions for the customers of the validation window
    fold_predictions: tuple[metrics.Array, ...] = field(repr=False, default=())
    #: whether its order of the fold customers beats chance (`rankability.py`); None without a fold
    beats_chance: bool | None = None
    #: every parameter set that was tried, in order
    searched: tuple[ParameterSet, ...] = field(repr=False, default=())

    @property
    def score(self) -> float:
        """The mean over the folds; higher is better."""
        return float(np.mean(self.fold_scores)) if self.fold_scores else float("nan")

    @property
    def mean_absolute_bias(self) -> float:
        return float(np.mean(np.abs(self.fold_biases))) if self.fold_biases else float("nan")


def fold_score(target: Target, actual: metrics.Array, predicted: metrics.Array) -> float:
    """Return the score that tuning maximises: value-weighted rank for spend, log likelihood for the probability."""
    if target == "spend":
        return metrics.normalised_gini(actual, predicted)
    return -metrics.log_loss(actual, predicted)


def tune(
    candidate: Candidate,
    task: Task,
    rows: LabelledRows,
    folds: tuple[Fold, ...],
    levels: ExpectedTotals,
    *,
    max_sets: int,
    progress: Progress,
) -> TunedCandidate:
    """Try the candidate's parameter sets in order, at most `max_sets` of them, and return the best; without folds, the first.

    The bound is work, not time, so that the same rows give the same choice on a slow night and on a fast machine.
    """
    best: TunedCandidate | None = None
    searched: list[ParameterSet] = []
    outcomes = fold_outcomes(candidate.target, rows, folds)
    for parameters in candidate.search[:max_sets]:
        predictions = _predict_folds(candidate, task, parameters, rows, folds, levels)
        scores, biases = judge_folds(candidate.target, predictions, rows, folds)
        searched.append(ParameterSet.of(candidate.target, parameters, scores, outcomes, predictions))
        progress(f"{candidate.name} {len(searched)}/{min(len(candidate.search), max_sets)}")
        if best is None or np.mean(scores) > best.score:
            best = TunedCandidate(candidate, parameters, scores, biases, len(searched), predictions)
        if not folds:
            break
    assert best is not None
    return replace(best, tried=len(searched), searched=tuple(searched))


def scale_to_total(
    candidate: Candidate, predicted: metrics.Array, level: ExpectedTotal, features: pd.DataFrame, horizon_days: int
) -> metrics.Array:
    """Return a model's predictions scaled to the expected total; a fixed rule is not scaled.

    features: of the customers predicted, with the purchase models' own expectations.
    """
    if candidate.is_baseline:
        return predicted
    if candidate.target == "spend":
        return scale_spend(predicted, level, expectation_in(features, "spend", horizon_days))
    return scale_probability(predicted, level, expectation_in(features, "purchase_probability", horizon_days))


def _predict_folds(
    candidate: Candidate,
    task: Task,
    parameters: Parameters,
    rows: LabelledRows,
    folds: tuple[Fold, ...],
    levels: ExpectedTotals,
) -> tuple[metrics.Array, ...]:
    found = []
    for fold in folds:
        model = candidate.fit(task, parameters, rows.at(fold.train))
        judged = rows.at((fold.validation,))
        predicted = predict(model, judged.features)
        found.append(scale_to_total(candidate, predicted, levels[fold.validation], judged.features, task.horizon_days))
    return tuple(found)


def judge_folds(
    target: Target, predictions: tuple[metrics.Array, ...], rows: LabelledRows, folds: tuple[Fold, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return each fold's score and total bias."""
    actual = fold_outcomes(target, rows, folds)
    return (
        tuple(fold_score(target, a, p) for a, p in zip(actual, predictions, strict=True)),
        tuple(metrics.total_bias(a, p) for a, p in zip(actual, predictions, strict=True)),
    )


def fold_outcomes(target: Target, rows: LabelledRows, folds: tuple[Fold, ...]) -> list[metrics.Array]:
    """Return the actual outcomes of each fold's validation window."""
    judged = [rows.at((fold.validation,)) for fold in folds]
    return [j.spend if target == "spend" else j.purchase for j in judged]
