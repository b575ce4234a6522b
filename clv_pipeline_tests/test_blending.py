"""The blend: who takes part, with which weight, and that it is the weighted mean of its members."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from clv_pipeline.features.cutoffs import Fold
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Candidate, Target, Task, candidates_for
from clv_pipeline.modeling.candidates.ensembles import MeanOf, predict
from clv_pipeline.modeling.data.dataset import LabelledRows
from clv_pipeline.modeling.training.blending import BLENDS, blend
from clv_pipeline.modeling.training.tuning import TunedCandidate, fold_score, judge_folds
from clv_pipeline_tests.made_up_rows import AS_OF, COLUMNS, feature_rows

Floats = NDArray[np.float64]
CUTOFFS = tuple(AS_OF - timedelta(days=90 * k) for k in range(1, 4))
FOLDS = (Fold(CUTOFFS[1:], CUTOFFS[0]), Fold(CUTOFFS[2:], CUTOFFS[1]))
TASK = Task(COLUMNS, 90, seed=7)


def rows() -> LabelledRows:
    made = feature_rows(900, seed=1, cutoffs=CUTOFFS)
    spend = made.spend.copy()
    spend[0] = 100.0
    return replace(made, spend=spend)


ROWS = rows()


def noisy(target: Target, noise: float, seed: int) -> tuple[Floats, ...]:
    """Return predictions for the folds: the spend that came, or the true chance of a purchase, seen through noise."""
    generator = np.random.default_rng(seed)
    found = []
    for fold in FOLDS:
        judged = ROWS.at((fold.validation,))
        if target == "spend":
            found.append((np.maximum(judged.spend, 0) + 10) * generator.lognormal(0, noise, len(judged)))
        else:
            chance = 0.97 * np.exp(-judged.features["recency_days"].to_numpy(np.float64) / 150)
            log_odds = np.log(chance / (1 - chance)) + 2 * noise * generator.standard_normal(len(judged))
            found.append(1 / (1 + np.exp(-log_odds)))
    return tuple(found)


def tuned(candidate: Candidate, predictions: tuple[Floats, ...]) -> TunedCandidate:
    scores, biases = judge_folds(candidate.target, predictions, ROWS, FOLDS[: len(predictions)])
    return TunedCandidate(candidate, candidate.search[0], scores, biases, 1, predictions)


def models(target: Target) -> list[Candidate]:
    """Return the members of the blend, those that weigh most before anything was judged first."""
    unjudged = blend([TunedCandidate(c, c.search[0], (), (), 1) for c in candidates_for(target)], ROWS, ())
    weights = weights_of(unjudged)
    return sorted((c for c in candidates_for(target) if c.name in weights), key=lambda c: -weights[c.name])


def weights_of(made: TunedCandidate) -> dict[str, float]:
    return {name: member["weight"] for name, member in made.parameters["members"].items()}


def prior(members: list[Candidate]) -> dict[str, float]:
    return weights_of(blend([TunedCandidate(c, c.search[0], (), (), 1) for c in members], ROWS, ()))


@pytest.mark.parametrize("target", ["spend", "purchase"])
def test_weights_are_positive_sum_to_one_and_move_from_the_prior_to_the_better_member(target: Target) -> None:
    heavier, lighter = models(target)[:2]
    # the errors of both are their own, and within reach of each other
    made = blend([tuned(heavier, noisy(target, 0.5, 1)), tuned(lighter, noisy(target, 0.1, 2))], ROWS, FOLDS)
    found, before = weights_of(made), prior([heavier, lighter])
    assert set(found) == {heavier.name, lighter.name}
    assert min(found.values()) > 0
    assert sum(found.values()) == pytest.approx(1, abs=2e-4)
    assert found[lighter.name] > before[lighter.name] + 0.02


@pytest.mark.parametrize("target", ["spend", "purchase"])
def test_members_that_say_the_same_keep_their_prior_weights(target: Target) -> None:
    members, predictions = models(target)[:3], noisy(target, 0.2, 1)
    found = weights_of(blend([tuned(c, predictions) for c in members], ROWS, FOLDS))
    for name, weight in prior(members).items():
        assert found[name] == pytest.approx(weight, abs=0.01)


def test_the_blend_beats_members_whose_errors_are_their_own() -> None:
    members = [tuned(c, noisy("spend", 0.5, seed)) for seed, c in enumerate(models("spend")[:4])]
    made = blend(members, ROWS, FOLDS)
    assert made.score > max(m.score for m in members)


def test_its_fold_predictions_are_the_weighted_mean_and_judged_like_any_other() -> None:
    members = [tuned(c, noisy("spend", 0.2, seed)) for seed, c in enumerate(models("spend")[:2])]
    made = blend(members, ROWS, FOLDS)
    found = weights_of(made)
    assert len(made.fold_scores) == len(made.fold_biases) == len(FOLDS)
    for place, fold in enumerate(FOLDS):
        mean = sum(found[m.candidate.name] * m.fold_predictions[place] for m in members)
        np.testing.assert_allclose(made.fold_predictions[place], mean, rtol=1e-3)
        judged = ROWS.at((fold.validation,))
        assert made.fold_scores[place] == pytest.approx(fold_score("spend", judged.spend, np.asarray(mean)), abs=1e-3)


def test_only_the_strong_kinds_take_part() -> None:
    members = [tuned(c, noisy("spend", 0.1, seed)) for seed, c in enumerate(candidates_for("spend"))]
    taking_part = set(weights_of(blend(members, ROWS, FOLDS)))
    assert taking_part == {c.name for c in models("spend")}
    assert not taking_part & {c.name for c in CANDIDATES if c.is_baseline}
    assert {"btyd", "count_times_value", "xgboost_on_btyd"} < taking_part


@pytest.mark.parametrize("target", ["spend", "purchase"])
def test_without_a_fold_the_prior_is_used_as_it_is(target: Target) -> None:
    unjudged = [TunedCandidate(c, c.search[0], (), (), 1) for c in candidates_for(target)]
    made = blend(unjudged, ROWS, ())
    found = weights_of(made)
    assert len(found) > 2
    assert sum(found.values()) == pytest.approx(1, abs=2e-4)
    assert max(found, key=lambda name: found[name]) in {"count_times_value", "xgboost_classifier_on_btyd"}
    assert made.fold_scores == () and np.isnan(made.score)


def test_fitted_it_is_the_weighted_mean_of_its_fitted_members() -> None:
    names = ("linear_regression", "btyd")
    parameters = {"members": {n: {"weight": w, "parameters": {}} for n, w in zip(names, (0.75, 0.25), strict=True)}}
    model = BLENDS["spend"].fit(TASK, parameters, ROWS)
    assert isinstance(model, MeanOf)
    assert model.weights == (0.75, 0.25)
    by_name = {c.name: c for c in candidates_for("spend")}
    parts = [predict(by_name[n].fit(TASK, {}, ROWS), ROWS.features) for n in names]
    np.testing.assert_allclose(predict(model, ROWS.features), 0.75 * parts[0] + 0.25 * parts[1])
