"""The champion rule, all of it.

Only the tuning folds decide, never the test window. The score is the mean over the folds of the normalised Gini (spend)
or of minus the log loss (probability). Every candidate within `CLOSE` of the best score is as good as the best; among
those the one whose totals were nearest to the truth on the folds is chosen. A fixed baseline competes like any model, so
where nothing beats it, it is the champion. Without any fold there is no evidence, and the rule that needs no learning is chosen.
"""

from clv_pipeline.modeling.candidates import Target
from clv_pipeline.modeling.tuning import Tuned

CLOSE = 0.003
FALLBACK: dict[Target, str] = {"spend": "spend_rate", "flag": "rate_so_far"}


def choose(tuned: list[Tuned]) -> Tuned:
    """Return the champion among the tuned candidates of one target."""
    judged = [t for t in tuned if t.fold_scores and t.score == t.score]
    if not judged:
        return next(t for t in tuned if t.candidate.name == FALLBACK[t.candidate.target])
    best = max(t.score for t in judged)
    as_good = [t for t in judged if t.score >= best - CLOSE]
    return min(as_good, key=lambda t: (t.mean_absolute_bias, t.candidate.name))
