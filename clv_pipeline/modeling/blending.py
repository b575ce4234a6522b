"""The blend: a weighted mean of the candidates that did best on the tuning folds, as one more candidate of its own.

The weights minimise the loss on the folds, drawn towards equal ones: with few folds, equal weights are hard to beat and
single models easy to overrate. Without any fold every member weighs the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates import CANDIDATES, Candidate, Parameters, Target, Task
from clv_pipeline.modeling.composites import MeanOf
from clv_pipeline.modeling.cutoffs import Fold
from clv_pipeline.modeling.dataset import LabelledRows
from clv_pipeline.modeling.tuning import Tuned, judge_folds

#: A candidate this near to the best fold score, or nearer, takes part: Gini for spend, log loss for the probability.
_NEAR_THE_BEST = 0.02
_MOST_MEMBERS = 6
#: Loss relative to equal weights that a squared distance of 1 from them costs; measured best on seven companies.
_PULL_TO_EQUAL = 0.02
#: Who takes part where nothing could be judged yet: one of each kind that was good wherever it was measured.
_UNJUDGED: dict[Target, tuple[str, ...]] = {
    "spend": ("btyd", "gradient_boosting", "xgboost_on_btyd", "hurdle", "count_times_value"),
    "flag": ("btyd_probability", "logistic_regression", "xgboost_classifier", "xgboost_classifier_on_btyd"),
}


@dataclass(frozen=True)
class Blend(Candidate):
    """A candidate whose parameters name its members: `{"members": {name: {"weight": w, "parameters": {...}}}}`."""

    def fit(self, task: Task, parameters: Parameters, rows: LabelledRows) -> MeanOf:
        """Return the weighted mean of the members, each fitted to the rows."""
        by_name = {c.name: c for c in CANDIDATES if c.target == self.target}
        members = parameters["members"]
        fitted = [by_name[name].fit(task, member["parameters"], rows) for name, member in members.items()]
        return MeanOf(tuple(fitted), tuple(member["weight"] for member in members.values()))


BLENDS: dict[Target, Blend] = {
    "spend": Blend("blend", "spend", ()),
    "flag": Blend("blend_probability", "flag", ()),
}


def blend(tuned: Sequence[Tuned], rows: LabelledRows, folds: tuple[Fold, ...]) -> Tuned:
    """Return the blend of one target's tuned candidates, judged on the same folds.

    Baselines never take part. Its fold predictions are the mean of its members', so nothing is fitted for it.
    """
    target = tuned[0].candidate.target
    judged = [t for t in tuned if t.fold_scores and np.isfinite(t.score) and not t.candidate.is_baseline]
    if not judged:
        members = [t for t in tuned if t.candidate.name in _UNJUDGED[target]]
        return Tuned(BLENDS[target], _parameters(members, np.full(len(members), 1 / len(members))), (), (), 1, False)
    judged.sort(key=lambda t: (-t.score, t.candidate.name))
    members = [t for t in judged if t.score >= judged[0].score - _NEAR_THE_BEST][:_MOST_MEMBERS]
    by_fold = [np.array(same) for same in zip(*(t.fold_predictions for t in members), strict=True)]
    truth = [_truth(target, rows.at((fold.validation,))) for fold in folds]
    weights = _weights(target, by_fold, truth)
    predictions = tuple(weights @ predicted for predicted in by_fold)
    scores, biases = judge_folds(target, predictions, rows, folds)
    return Tuned(BLENDS[target], _parameters(members, weights), scores, biases, 1, False, predictions)


def _parameters(members: Sequence[Tuned], weights: metrics.Array) -> Parameters:
    return {
        "members": {
            t.candidate.name: {"weight": round(float(weight), 4), "parameters": dict(t.parameters)}
            for t, weight in zip(members, weights, strict=True)
        }
    }


def _truth(target: Target, rows: LabelledRows) -> metrics.Array:
    return np.maximum(rows.spend, 0) if target == "spend" else rows.flag


def _weights(target: Target, by_fold: list[metrics.Array], truth: list[metrics.Array]) -> metrics.Array:
    """Return positive weights that sum to one; each array of `by_fold` has the shape (members, customers)."""
    count = len(by_fold[0])
    if target == "spend":
        # the level is put right elsewhere: here every member is at the true total, and only the shape counts
        by_fold = [
            p * (a.sum() / np.maximum(p.sum(axis=1, keepdims=True), 1e-9)) for p, a in zip(by_fold, truth, strict=True)
        ]
    loss = metrics.tweedie_deviance if target == "spend" else metrics.log_loss
    equal = [loss(a, p.mean(axis=0)) for p, a in zip(by_fold, truth, strict=True)]

    def cost(logits: metrics.Array) -> float:
        weights = _softmax(logits)
        losses = [loss(a, weights @ p) / max(e, 1e-9) for p, a, e in zip(by_fold, truth, equal, strict=True)]
        return float(np.mean(losses) + _PULL_TO_EQUAL * np.sum((weights - 1 / count) ** 2))

    found = _softmax(minimize(cost, np.zeros(count), method="L-BFGS-B").x)
    rounded = np.round(found, 4)  # what is written down is what is used
    return np.asarray(rounded / rounded.sum(), dtype=np.float64)


def _softmax(logits: metrics.Array) -> metrics.Array:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), dtype=np.float64)
