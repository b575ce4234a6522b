"""The champion rule, complete in this file.

Each training, the tuning folds choose one challenger: the candidate with the best mean score, the normalised Gini for
spend and the log likelihood for the probability; a blend that is as good as the best, within `CLOSE`, goes first, because
it varies less. Then the untouched test window decides. The challenger replaces the champion only if it beats
it there, and every fixed baseline too: its score is higher, and its total no further from the actual total, both by more than the
noise (90 % interval of the paired bootstrap). Otherwise the champion stays; one that is its own best challenger is refitted.
Where there is no champion yet, the challenger becomes champion, unless a fixed baseline beats it in the same sense.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import Target
from clv_pipeline.modeling.training.tuning import TunedCandidate, fold_score

CLOSE = 0.003
#: The reason of a verdict begins with this text when the champion stays.
CHAMPION_STAYS = "the champion stays"
FALLBACK: dict[Target, str] = {"spend": "spend_rate", "flag": "rate_so_far"}


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


def choose(tuned: Sequence[TunedCandidate]) -> TunedCandidate:
    """Return the challenger among the tuned candidates of one target; without any fold, the blend."""
    judged = [t for t in tuned if t.fold_scores and t.score == t.score]
    blends = [t for t in tuned if t.candidate.name.startswith("blend")]
    if not judged:
        return blends[0]
    best = max(judged, key=lambda t: (t.score, t.candidate.name))
    return next((b for b in blends if b.score >= best.score - CLOSE), best)


def decide(
    target: Target,
    actual: metrics.Array,
    challenger: Contender,
    champion: Contender | None,
    baselines: Sequence[Contender],
    draws: Sequence[np.ndarray],
) -> Verdict:
    """Apply the rule on the test window; `draws` are the bootstrap's index arrays, the same for all contenders."""
    score, error = fold_score(target, actual, challenger.predicted), _level_error(actual, challenger.predicted)
    figures = f"{challenger.name}: score {score:.4f}, total off by {error:.1%}"
    if champion and champion.name == challenger.name:
        return Verdict(
            champion.name, f"no candidate scores better than the champion: the champion stays, refitted. {figures}"
        )
    if champion is None:
        better = [b for b in baselines if beats(target, actual, b, challenger, draws)]
        if not better:
            return Verdict(challenger.name, f"there was no champion, and no baseline beats {figures}")
        best = max(better, key=lambda b: fold_score(target, actual, b.predicted))
        return Verdict(best.name, f"a fixed baseline beats {figures}")
    unbeaten = [r.name for r in (champion, *baselines) if not beats(target, actual, challenger, r, draws)]
    old_score, old_error = fold_score(target, actual, champion.predicted), _level_error(actual, champion.predicted)
    figures += f"; {champion.name}: score {old_score:.4f}, total off by {old_error:.1%}"
    if unbeaten:
        return Verdict(
            champion.name, f"{CHAMPION_STAYS}: {', '.join(unbeaten)} not beaten by more than the noise. {figures}"
        )
    return Verdict(challenger.name, f"the challenger beats the champion and every baseline. {figures}")


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
