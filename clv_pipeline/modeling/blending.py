"""The blend: the mean of the candidates that did best on the tuning folds, as one more candidate of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv_pipeline.modeling.candidates import CANDIDATES, Candidate, MeanOf, Parameters, Target, Task
from clv_pipeline.modeling.cutoffs import Fold
from clv_pipeline.modeling.dataset import LabelledRows
from clv_pipeline.modeling.tuning import Tuned, judge_folds

#: A candidate this near to the best fold score, or nearer, takes part: Gini for spend, log loss for the probability.
_NEAR_THE_BEST = 0.02
_MOST_MEMBERS = 4


@dataclass(frozen=True)
class Blend(Candidate):
    """A candidate whose parameters name its members: `{"members": {name: parameters}}`."""

    def fit(self, task: Task, parameters: Parameters, rows: LabelledRows) -> MeanOf:
        """Return the mean of the members, each fitted to the rows."""
        by_name = {c.name: c for c in CANDIDATES if c.target == self.target}
        fitted = [by_name[name].fit(task, chosen, rows) for name, chosen in parameters["members"].items()]
        return MeanOf(tuple(fitted))


def _no_pipeline(task: Task, parameters: Parameters) -> None:
    raise NotImplementedError("a blend is fitted through its members")


BLENDS: dict[Target, Blend] = {
    "spend": Blend("blend", "spend", _no_pipeline),
    "flag": Blend("blend_probability", "flag", _no_pipeline),
}


def blend(tuned: Sequence[Tuned], rows: LabelledRows, folds: tuple[Fold, ...]) -> Tuned | None:
    """Return the blend of one target's best tuned candidates, judged on the same folds; None without folds or models.

    Baselines never take part. Its fold predictions are the mean of its members', so nothing is fitted for it.
    """
    judged = [t for t in tuned if t.fold_scores and np.isfinite(t.score) and not t.candidate.is_baseline]
    if not judged:
        return None
    judged.sort(key=lambda t: (-t.score, t.candidate.name))
    members = [t for t in judged if t.score >= judged[0].score - _NEAR_THE_BEST][:_MOST_MEMBERS]
    predictions = tuple(
        np.mean(same_fold, axis=0) for same_fold in zip(*(t.fold_predictions for t in members), strict=True)
    )
    target = members[0].candidate.target
    scores, biases = judge_folds(target, predictions, rows, folds)
    parameters = {"members": {t.candidate.name: dict(t.parameters) for t in members}}
    return Tuned(BLENDS[target], parameters, scores, biases, 1, False, predictions)
