"""Whether customers can be ranked: luck of the best of many models is no skill, and ten buyers are enough to show skill."""

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.modeling.calibration.rankability import beat_chance

Floats = NDArray[np.float64]
CUSTOMERS, MODELS = 1_000, 12


def window(buyers: int, seed: int) -> tuple[Floats, Floats]:
    """Return the probability of a purchase and the spend of each customer; those likely to buy are the first ones."""
    generator = np.random.default_rng(seed)
    chance = np.exp(-np.arange(CUSTOMERS) / 100)
    spend = np.zeros(CUSTOMERS)
    who = generator.choice(CUSTOMERS, buyers, replace=False, p=chance / chance.sum())
    spend[who] = generator.lognormal(4, 1, buyers)
    return chance, spend


def guesses(seed: int, folds: int = 1) -> list[list[Floats]]:
    generator = np.random.default_rng(seed)
    return [[generator.random(CUSTOMERS) for _ in range(folds)] for _ in range(MODELS)]


def test_the_best_of_many_models_that_know_nothing_does_not_beat_chance() -> None:
    lucky = [any(beat_chance(guesses(seed), [window(12, seed)[1]], seed)) for seed in range(60)]
    # one in two hundred is expected
    assert sum(lucky) <= 2


def test_a_model_that_knows_who_returns_beats_it_with_ten_buyers_and_is_named() -> None:
    for seed in range(10):
        chance, spend = window(10, seed)
        assert beat_chance([*guesses(seed), [chance]], [(spend > 0).astype(float)], seed)[-1]


def test_skill_on_the_mean_of_the_folds_counts() -> None:
    (chance, first), (_, second) = window(10, 1), window(10, 2)
    against = [[chance, -chance]]
    assert beat_chance([[chance, chance], *against], [first, second], 0) == [True, False]


def test_what_is_constant_or_never_bought_beats_nothing() -> None:
    chance, spend = window(10, 1)
    constant = np.full(CUSTOMERS, 0.01)
    assert beat_chance([[constant], [constant]], [spend], 0) == [False, False]
    assert beat_chance([[chance]], [np.zeros(CUSTOMERS)], 0) == [False]
    # a fold in which returns exceed the purchases has no Gini
    assert beat_chance([[chance]], [-spend], 0) == [False]


def test_the_same_folds_give_the_same_answer() -> None:
    chance, spend = window(10, 3)
    models = [*guesses(3), [chance + 0.3 * np.random.default_rng(1).random(CUSTOMERS)]]
    assert beat_chance(models, [spend], 7) == beat_chance(models, [spend], 7)
