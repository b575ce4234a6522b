"""Rankability: whether any model's order of the fold customers beats chance. No model is chosen here.

Where nearly nobody buys again, the best of twenty models orders a handful of buyers well by luck. A permutation test tells
luck from skill with any number of buyers: outcomes are shuffled among the customers of a fold, and the best model of each
shuffle shows what the best of so many models reaches without skill.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from clv_pipeline.modeling.metrics import Array

#: not tested: no fold could be evaluated, or a fixed rule predicts.
Ranking = Literal["rankable", "not rankable", "not tested"]
#: Probability of calling customers rankable by luck; half of it for each target, spend and purchase.
_LUCK = 0.01
_SHUFFLES = 400


def beat_chance(predictions: Sequence[Sequence[Array]], actual: Sequence[Array], seed: int) -> list[bool]:
    """Return for each model whether its mean Gini over the folds is above that of nearly every best model of a shuffle.

    predictions: one sequence per model, with one array per fold; actual: the outcomes of each fold, in the same order.
    """
    generator = np.random.default_rng(seed)
    reached, by_luck = np.zeros(len(predictions)), np.zeros((len(predictions), _SHUFFLES))
    for fold, outcome in enumerate(actual):
        total, customers = float(outcome.sum()), len(outcome)
        if total <= 0:
            continue
        # the Gini is linear in the outcome, so that only customers with one have to be placed again
        ranks = np.array([rankdata(model[fold]) - (customers + 1) / 2 for model in predictions])
        weights = ranks * (2 / (customers * total))
        active = np.flatnonzero(outcome)
        reached += weights[:, active] @ outcome[active]
        for shuffle in range(_SHUFFLES):
            places = generator.choice(customers, len(active), replace=False)
            by_luck[:, shuffle] += weights[:, places] @ outcome[active]
    bar = float(np.quantile(by_luck.max(axis=0), 1 - _LUCK / 2))
    # constant predictions reach 0 by skill and by luck; rounding must not tell them apart
    return [bool(gini > bar + 1e-9) for gini in reached]
