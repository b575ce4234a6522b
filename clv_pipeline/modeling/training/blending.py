"""The blend: a weighted mean of the strongest kinds of candidates, as an additional candidate.

The weights minimise the loss on the tuning folds, shrunk towards prior ones: a few folds overrate models that suit their season.
The prior favours models that start from a buy-till-you-die expectation, which stays valid when the season changes;
without any fold the prior is used unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from clv_pipeline.features.cutoffs import Fold
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Candidate, Member, Parameters, Target, Task
from clv_pipeline.modeling.candidates.ensembles import MeanOf
from clv_pipeline.modeling.data.dataset import LabelledRows
from clv_pipeline.modeling.training.tuning import ParameterSet, TunedCandidate, fold_outcomes, judge_folds

#: Members with their prior weights; measured on thirteen windows of seven companies, the line's on eighteen of three. They do
#: not depend on the windows of docs/accuracy.md: without those the means are the same. A linear model alone is no better
#: than the trees, but has other errors: it helps with few training cutoffs, and when the season changes.
_PRIOR: dict[Target, dict[str, float]] = {
    "spend": {
        "count_times_value": 0.34,
        "xgboost_on_btyd": 0.21,
        "hurdle_on_btyd": 0.17,
        "elastic_net": 0.15,
        "btyd": 0.07,
        "gradient_boosting": 0.02,
        "hurdle": 0.02,
        "xgboost": 0.02,
    },
    "purchase": {
        "xgboost_classifier_on_btyd": 0.40,
        "xgboost_classifier": 0.25,
        "btyd_probability": 0.25,
        "logistic_regression": 0.10,
    },
}
#: Loss relative to the prior's that a squared distance of 1 from it costs.
_PULL_TO_PRIOR = 0.1


@dataclass(frozen=True)
class Blend(Candidate):
    """A candidate whose parameters name its members: `{"members": {name: {"weight": w, "parameters": {...}}}}`."""

    def fit(self, task: Task, parameters: Parameters, rows: LabelledRows) -> MeanOf:
        """Return the weighted mean of the members, each fitted to the rows."""
        members = self.members(parameters)
        fitted = [member.candidate.fit(task, member.parameters, rows) for member in members]
        return MeanOf(tuple(fitted), tuple(member.weight for member in members))

    def members(self, parameters: Parameters) -> list[Member]:
        """Return its members."""
        by_name = {c.name: c for c in CANDIDATES if c.target == self.target}
        return [
            Member(by_name[name], member["parameters"], member["weight"])
            for name, member in parameters["members"].items()
        ]


BLENDS: dict[Target, Blend] = {
    "spend": Blend("blend", "spend", ()),
    "purchase": Blend("blend_probability", "purchase", ()),
}


def blend(tuned: Sequence[TunedCandidate], rows: LabelledRows, folds: tuple[Fold, ...]) -> TunedCandidate:
    """Return the blend of one target's tuned candidates, evaluated on the same folds.

    Its fold predictions are the mean of its members', so nothing is fitted for it.
    """
    target = tuned[0].candidate.target
    prior = _PRIOR[target]
    members = [t for t in tuned if t.candidate.name in prior]
    weights = np.array([prior[t.candidate.name] for t in members])
    weights = weights / weights.sum()
    if not all(t.fold_scores for t in members):
        return TunedCandidate(BLENDS[target], _parameters(members, weights), (), (), 1)
    by_fold = [np.array(same) for same in zip(*(t.fold_predictions for t in members), strict=True)]
    truth = [_truth(target, rows.at((fold.validation,))) for fold in folds]
    weights = _weights(target, by_fold, truth, weights)
    predictions = tuple(weights @ predicted for predicted in by_fold)
    scores, biases = judge_folds(target, predictions, rows, folds)
    parameters = _parameters(members, weights)
    measured = ParameterSet.of(target, parameters, scores, fold_outcomes(target, rows, folds), predictions)
    return TunedCandidate(BLENDS[target], parameters, scores, biases, 1, predictions, searched=(measured,))


def _parameters(members: Sequence[TunedCandidate], weights: metrics.Array) -> Parameters:
    return {
        "members": {
            t.candidate.name: {"weight": round(float(weight), 4), "parameters": dict(t.parameters)}
            for t, weight in zip(members, weights, strict=True)
        }
    }


def _truth(target: Target, rows: LabelledRows) -> metrics.Array:
    return np.maximum(rows.spend, 0) if target == "spend" else rows.purchase


def _weights(
    target: Target, by_fold: list[metrics.Array], truth: list[metrics.Array], prior: metrics.Array
) -> metrics.Array:
    """Return positive weights that sum to one; each array of `by_fold` has the shape (members, customers)."""
    if target == "spend":
        # the total is corrected elsewhere: here every member is scaled to the actual total, and only the shape counts
        by_fold = [
            p * (a.sum() / np.maximum(p.sum(axis=1, keepdims=True), 1e-9)) for p, a in zip(by_fold, truth, strict=True)
        ]
    loss = metrics.tweedie_deviance if target == "spend" else metrics.log_loss
    at_prior = [loss(a, prior @ p) for p, a in zip(by_fold, truth, strict=True)]

    def cost(logits: metrics.Array) -> float:
        weights = _softmax(logits)
        losses = [loss(a, weights @ p) / max(e, 1e-9) for p, a, e in zip(by_fold, truth, at_prior, strict=True)]
        return float(np.mean(losses) + _PULL_TO_PRIOR * np.sum((weights - prior) ** 2))

    found = _softmax(minimize(cost, np.log(prior), method="L-BFGS-B").x)
    rounded = np.round(found, 4)  # use the rounded weights that are stored
    return np.asarray(rounded / rounded.sum(), dtype=np.float64)


def _softmax(logits: metrics.Array) -> metrics.Array:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), dtype=np.float64)
