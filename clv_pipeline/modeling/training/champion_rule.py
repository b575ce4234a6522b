"""The champion rule, complete in this file.

Each training, the tuning folds choose one challenger among the models: fixed baselines are evaluated next to them, and never
challenge. Its total must be right over the folds: within `TOTAL_FACTOR` of the actual one, beyond the sampling error of a
total of so few purchases. Of those right in total whose order beats chance (`rankability.py`), the best mean score challenges,
the normalised Gini for spend and the log likelihood for the probability; a blend that is as good, within `CLOSE` or within the
noise of the folds, goes first, because it varies less, and so it does where no order beats chance. If no model is right in
total, those nearest to it compete: a night must not fail for that.

Then the untouched test window decides. The challenger replaces the champion only if it beats
it there, and every fixed baseline too: its score is higher, and its total no further from the actual total, both by more than the
noise (90 % interval of the paired bootstrap). Otherwise the champion stays; one that is its own best challenger is refitted.
Where there is no champion yet, or a fixed baseline stood in for one, the challenger becomes champion.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import Target
from clv_pipeline.modeling.training.tuning import TunedCandidate, fold_score

CLOSE = 0.003
#: A total further off than this on the folds would also be further off than a night's check of the total allows.
TOTAL_FACTOR = 2.0
#: Standard errors of the log of the actual total that are allowed for on top: 95 % of what chance does, to one side.
_STANDARD_ERRORS = 1.645
#: The reason of a verdict begins with this text when the champion stays.
CHAMPION_STAYS = "the champion stays"
#: What predicts where there is too little history for a model: the purchase models, whose prior says what other companies'
#: customers do; and where not even they can be fitted, a fixed rule.
FALLBACK: dict[Target, str] = {"spend": "btyd", "purchase": "btyd_probability"}
RULE: dict[Target, str] = {"spend": "spend_rate", "purchase": "rate_so_far"}


@dataclass(frozen=True)
class Contender:
    """A candidate with its predictions for the customers of the test window."""

    name: str
    predicted: metrics.Array


@dataclass(frozen=True)
class Verdict:
    """The champion after the decision, and the reason with its figures."""

    champion: str
    reason: str


def choose(
    tuned: Sequence[TunedCandidate], actual: Sequence[metrics.Array], draws: Sequence[Sequence[np.ndarray]]
) -> TunedCandidate:
    """Return the challenger among the tuned candidates of one target; without any fold, the blend.

    actual: the outcomes of each fold; draws: the bootstrap's index arrays of each fold.
    """
    models = [t for t in tuned if not t.candidate.is_baseline]
    blend = next(t for t in models if t.candidate.name.startswith("blend"))
    judged = [t for t in models if t.fold_scores and t.score == t.score]
    if not judged:
        return blend
    eligible = right_in_total(judged, actual)
    # an order that is luck is no reason to prefer a model
    ordered = [t for t in eligible if t.beats_chance]
    best = max(ordered or eligible, key=lambda t: (t.score, t.candidate.name))
    if blend not in eligible:
        return best
    is_close = blend.score >= best.score - CLOSE
    return blend if not ordered or is_close or not _is_better(best, blend, actual, draws) else best


def right_in_total(tuned: Sequence[TunedCandidate], actual: Sequence[metrics.Array]) -> list[TunedCandidate]:
    """Return the candidates whose total over the folds is within the bound, or else the nearest to the actual total."""
    total = sum(float(a.sum()) for a in actual)
    if total <= 0:
        return list(tuned)
    # a sum of n independent purchases has this relative error, whatever their sizes: 1 / sqrt(n) if they are all alike
    error = float(np.sqrt(sum(float(np.square(a).sum()) for a in actual))) / total
    off = [_log_ratio(sum(float(p.sum()) for p in t.fold_predictions), total) for t in tuned]
    # most models are scaled to one total and differ in its last digits
    bound = max(float(np.log(TOTAL_FACTOR)) + _STANDARD_ERRORS * error, min(off) + 1e-6)
    return [t for t, distance in zip(tuned, off, strict=True) if distance <= bound]


def _log_ratio(predicted: float, actual: float) -> float:
    return abs(float(np.log(predicted / actual))) if predicted > 0 else float("inf")


def _is_better(
    one: TunedCandidate, other: TunedCandidate, actual: Sequence[metrics.Array], draws: Sequence[Sequence[np.ndarray]]
) -> bool:
    """Return whether one's mean score over the folds is higher beyond the noise of the customers drawn."""
    target, leads = one.candidate.target, []
    for drawn in zip(*draws, strict=True):
        folds = zip(actual, one.fold_predictions, other.fold_predictions, drawn, strict=True)
        leads.append([fold_score(target, a[d], p[d]) - fold_score(target, a[d], q[d]) for a, p, q, d in folds])
    means = np.mean(leads, axis=1)
    return bool(np.isfinite(means).any() and np.nanquantile(means, 0.05) > 0)


def decide(
    target: Target,
    actual: metrics.Array,
    challenger: Contender,
    champion: Contender | None,
    baselines: Sequence[Contender],
    draws: Sequence[np.ndarray],
) -> Verdict:
    """Apply the rule on the test window; `draws` are the bootstrap's index arrays, the same for all contenders."""
    figures = _figures(target, actual, challenger)
    if champion and champion.name == challenger.name:
        return Verdict(
            champion.name, f"no candidate scores better than the champion: the champion stays, refitted. {figures}"
        )
    if champion is None:
        better = [b.name for b in baselines if beats(target, actual, b, challenger, draws)]
        if better:
            known = f"the challenger takes the place though fixed baselines beat it ({', '.join(better)}). {figures}"
            return Verdict(challenger.name, f"there was no champion: {known}")
        return Verdict(challenger.name, f"there was no champion, and no baseline beats {figures}")
    unbeaten = [r.name for r in (champion, *baselines) if not beats(target, actual, challenger, r, draws)]
    figures += f"; {_figures(target, actual, champion)}"
    if unbeaten:
        return Verdict(
            champion.name, f"{CHAMPION_STAYS}: {', '.join(unbeaten)} not beaten by more than the noise. {figures}"
        )
    return Verdict(challenger.name, f"the challenger beats the champion and every baseline. {figures}")


def _figures(target: Target, actual: metrics.Array, one: Contender) -> str:
    if actual.sum() <= 0:
        return f"{one.name}: no score, for nobody bought in the test window"
    score, error = fold_score(target, actual, one.predicted), _level_error(actual, one.predicted)
    return f"{one.name}: score {score:.4f}, total off by {error:.1%}"


def beats(target: Target, actual: metrics.Array, one: Contender, other: Contender, draws: Sequence[np.ndarray]) -> bool:
    """Return whether `one` scores higher beyond the noise, and its total is not further off beyond the noise."""
    gains, losses = [], []
    for draw in draws:
        truth, a, b = actual[draw], one.predicted[draw], other.predicted[draw]
        gains.append(fold_score(target, truth, a) - fold_score(target, truth, b))
        losses.append(_level_error(truth, a) - _level_error(truth, b))
    if np.isnan(gains).all() or np.isnan(losses).all():
        return False  # nobody spent in any draw: there is no score to beat
    return bool(np.nanquantile(gains, 0.05) > 0 and np.nanquantile(losses, 0.05) <= 0)


def _level_error(actual: metrics.Array, predicted: metrics.Array) -> float:
    return abs(metrics.total_bias(actual, predicted))
