"""The champion rule on made-up test windows: the challenger, the models it must beat, the text of the reason."""

import numpy as np
import pytest
from numpy.typing import NDArray

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import candidates_for
from clv_pipeline.modeling.training.blending import BLENDS
from clv_pipeline.modeling.training.champion_rule import CLOSE, Contender, beats, choose, decide
from clv_pipeline.modeling.training.tuning import TunedCandidate

Floats = NDArray[np.float64]
CUSTOMERS = 3_000
DRAWS = metrics.bootstrap_draws(CUSTOMERS, 100, seed=7)


def window() -> tuple[Floats, Floats]:
    """Return what was to be expected of each customer, and what came."""
    generator = np.random.default_rng(1)
    expected = generator.lognormal(2, 1, CUSTOMERS)
    return expected, expected * generator.lognormal(0, 0.5, CUSTOMERS) * (generator.random(CUSTOMERS) < 0.6) / 0.6


EXPECTED, ACTUAL = window()


def contender(name: str, noise: float, level: float = 1.0) -> Contender:
    """Return somebody who knows what is to be expected up to noise, and whose total is `level` times the truth."""
    predicted = EXPECTED * np.random.default_rng(len(name)).lognormal(0, noise, CUSTOMERS)
    return Contender(name, predicted * (level * ACTUAL.sum() / predicted.sum()))


GOOD, FAIR, POOR = 0.1, 0.6, 1.5
BASELINES = [contender("poor rule", POOR), contender("another poor rule", POOR)]


# --- who is champion ------------------------------------------------------------------------------------------------


def test_a_challenger_that_beats_champion_and_baselines_takes_the_place() -> None:
    verdict = decide("spend", ACTUAL, contender("new", GOOD), contender("champion", FAIR), BASELINES, DRAWS)
    assert verdict.champion == "new"
    assert "beats the champion and every baseline" in verdict.reason


def test_a_champion_that_challenges_itself_stays_though_a_baseline_is_better() -> None:
    champion, better = contender("champion", POOR, level=1.5), [contender("good rule", GOOD)]
    assert beats("spend", ACTUAL, better[0], champion, DRAWS)
    verdict = decide("spend", ACTUAL, champion, champion, better, DRAWS)
    assert verdict.champion == "champion"
    assert "no candidate scores better than the champion" in verdict.reason


def test_within_the_noise_the_champion_stays() -> None:
    challenger, champion = contender("new!", FAIR), contender("champion", FAIR)
    assert decide("spend", ACTUAL, challenger, champion, BASELINES, DRAWS).champion == "champion"
    assert decide("spend", ACTUAL, champion, challenger, BASELINES, DRAWS).champion == "new!"
    assert decide("spend", ACTUAL, champion, Contender("twin", champion.predicted), [], DRAWS).champion == "twin"


def test_a_better_ranking_with_a_level_farther_off_does_not_win() -> None:
    challenger, champion = contender("new", GOOD, level=1.5), contender("champion", FAIR, level=1.02)
    verdict = decide("spend", ACTUAL, challenger, champion, BASELINES, DRAWS)
    assert verdict.champion == "champion"
    assert "total off by 50.0%" in verdict.reason


def test_a_challenger_that_does_not_beat_a_baseline_does_not_win_and_it_is_named() -> None:
    rule = contender("a good rule", GOOD)
    verdict = decide("spend", ACTUAL, contender("new", GOOD), contender("champion", POOR), [*BASELINES, rule], DRAWS)
    assert verdict.champion == "champion"
    assert "a good rule not beaten" in verdict.reason
    assert "poor rule" not in verdict.reason


# --- the empty place ------------------------------------------------------------------------------------------------


def test_an_empty_place_is_taken_unless_a_baseline_beats_the_challenger() -> None:
    taken = decide("spend", ACTUAL, contender("new", FAIR), None, BASELINES, DRAWS)
    assert taken.champion == "new"
    assert "there was no champion" in taken.reason
    best, second = contender("best rule", GOOD), contender("second rule", FAIR)
    kept = decide("spend", ACTUAL, contender("new", POOR), None, [second, best], DRAWS)
    assert kept.champion == "best rule"
    assert "a fixed baseline beats new: score" in kept.reason


def test_a_baseline_as_good_as_the_challenger_does_not_take_the_empty_place() -> None:
    assert decide("spend", ACTUAL, contender("new", FAIR), None, [contender("rule", FAIR)], DRAWS).champion == "new"


# --- the probability ------------------------------------------------------------------------------------------------


def test_the_probability_is_judged_by_likelihood_and_share_of_buyers() -> None:
    generator = np.random.default_rng(3)
    chance = generator.beta(1, 1.5, CUSTOMERS)
    flag = (generator.random(CUSTOMERS) < chance).astype(float)
    base_rate = Contender("base_rate", np.full(CUSTOMERS, flag.mean()))
    right, wrong_level = Contender("right", chance), Contender("wrong level", chance * 0.5)
    assert decide("flag", flag, right, base_rate, [base_rate], DRAWS).champion == "right"
    assert not beats("flag", flag, wrong_level, base_rate, DRAWS)
    assert beats("flag", flag, right, wrong_level, DRAWS)


def test_a_window_in_which_nobody_spent_decides_nothing() -> None:
    verdict = decide("spend", np.zeros(CUSTOMERS), contender("new", GOOD), contender("old", POOR), [], DRAWS)
    assert verdict.champion == "old"


# --- who challenges -------------------------------------------------------------------------------------------------


def tuned(**scores: float) -> list[TunedCandidate]:
    by_name = {c.name: c for c in (*candidates_for("spend"), BLENDS["spend"])}
    return [TunedCandidate(by_name[n], {}, (score,), (0.0,), 1) for n, score in scores.items()]


@pytest.mark.parametrize(
    ("blend", "challenger"),
    [(0.71, "blend"), (0.70, "blend"), (0.70 - 0.9 * CLOSE, "blend"), (0.70 - 1.1 * CLOSE, "xgboost")],
)
def test_a_tie_goes_to_the_blend(blend: float, challenger: str) -> None:
    assert choose(tuned(xgboost=0.70, btyd=0.69, blend=blend)).candidate.name == challenger


def test_without_a_fold_the_blend_challenges() -> None:
    unjudged = [TunedCandidate(t.candidate, {}, (), (), 1) for t in tuned(xgboost=0, blend=0)]
    assert choose(unjudged).candidate.name == "blend"


def test_a_score_that_is_undefined_is_no_score() -> None:
    assert choose(tuned(xgboost=float("nan"), btyd=0.2, blend=0.1)).candidate.name == "btyd"
    assert choose(tuned(xgboost=float("nan"), btyd=0.2, blend=float("nan"))).candidate.name == "btyd"
