"""The champion rule on made-up test windows: the challenger, the models it must beat, the text of the reason."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import candidates_for
from clv_pipeline.modeling.training.blending import BLENDS
from clv_pipeline.modeling.training.champion_rule import CLOSE, Contender, beats, choose, decide, right_in_total
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


def test_an_empty_place_is_taken_by_the_challenger() -> None:
    taken = decide("spend", ACTUAL, contender("new", FAIR), None, BASELINES, DRAWS)
    assert taken.champion == "new"
    assert "there was no champion, and no baseline beats new: score" in taken.reason


def test_a_baseline_never_takes_the_empty_place_and_one_that_is_better_is_named() -> None:
    better = [contender("best rule", GOOD), contender("second rule", FAIR)]
    taken = decide("spend", ACTUAL, contender("new", POOR), None, better, DRAWS)
    assert taken.champion == "new"
    assert "though fixed baselines beat it (best rule, second rule). new: score" in taken.reason


# --- the probability ------------------------------------------------------------------------------------------------


def test_the_probability_is_judged_by_likelihood_and_share_of_buyers() -> None:
    generator = np.random.default_rng(3)
    chance = generator.beta(1, 1.5, CUSTOMERS)
    purchase = (generator.random(CUSTOMERS) < chance).astype(float)
    base_rate = Contender("base_rate", np.full(CUSTOMERS, purchase.mean()))
    right, wrong_level = Contender("right", chance), Contender("wrong level", chance * 0.5)
    assert decide("purchase", purchase, right, base_rate, [base_rate], DRAWS).champion == "right"
    assert not beats("purchase", purchase, wrong_level, base_rate, DRAWS)
    assert beats("purchase", purchase, right, wrong_level, DRAWS)


def test_a_window_in_which_nobody_spent_decides_nothing() -> None:
    verdict = decide("spend", np.zeros(CUSTOMERS), contender("new", GOOD), contender("old", POOR), [], DRAWS)
    assert verdict.champion == "old"
    assert "new: no score, for nobody bought in the test window" in verdict.reason
    assert "nan" not in verdict.reason


# --- who challenges -------------------------------------------------------------------------------------------------


BY_NAME = {c.name: c for c in (*candidates_for("spend"), BLENDS["spend"])}


def tuned(name: str, noise: float, level: float = 1.0, **changed: object) -> TunedCandidate:
    """Return a candidate that predicted one fold like `contender`; its order beats chance unless that is changed."""
    predicted = contender(name, noise, level).predicted
    score, bias = metrics.normalised_gini(ACTUAL, predicted), metrics.total_bias(ACTUAL, predicted)
    found = TunedCandidate(BY_NAME[name], {}, (score,), (bias,), 1, (predicted,), beats_chance=True)
    return replace(found, **changed)  # type: ignore[arg-type]


def challenger(*candidates: TunedCandidate, actual: Floats = ACTUAL) -> str:
    return choose(candidates, [actual], [DRAWS]).candidate.name


@pytest.mark.parametrize("lead", [-0.01, 0.0, 0.9 * CLOSE])
def test_a_tie_goes_to_the_blend(lead: float) -> None:
    best, blend = tuned("xgboost", GOOD), tuned("blend", FAIR)
    assert challenger(replace(best, fold_scores=(blend.score + lead,)), blend) == "blend"


def test_a_lead_within_the_noise_of_the_folds_goes_to_the_blend_too() -> None:
    blend, best = tuned("blend", FAIR), tuned("xgboost", FAIR * 0.99)
    best = replace(best, fold_scores=(blend.score + 2 * CLOSE,))
    assert challenger(best, blend) == "blend"
    assert challenger(tuned("xgboost", GOOD), blend) == "xgboost"


def test_a_baseline_never_challenges() -> None:
    assert challenger(tuned("spend_rate", GOOD), tuned("xgboost", FAIR), tuned("blend", POOR)) == "xgboost"


@pytest.mark.parametrize("level", [0.3, 3.0, 160.0])
def test_the_best_order_does_not_challenge_with_a_wrong_total(level: float) -> None:
    best, right = tuned("hurdle", GOOD, level), tuned("xgboost", FAIR, 1.8)
    assert challenger(best, right, tuned("blend", POOR, level)) == "xgboost"


def test_where_no_total_is_right_the_nearest_challenges() -> None:
    assert challenger(tuned("hurdle", GOOD, 9.0), tuned("xgboost", FAIR, 4.0), tuned("blend", POOR, 9.0)) == "xgboost"
    # scaled to one total they are equally near, but for its last digits
    scaled = tuned("hurdle", FAIR, 4.0), tuned("xgboost", GOOD, 4.0 * (1 + 1e-12)), tuned("blend", POOR, 4.0)
    assert challenger(*scaled) == "xgboost"


def test_a_total_of_few_purchases_may_be_further_off() -> None:
    few, many = np.zeros(CUSTOMERS), np.zeros(CUSTOMERS)
    few[:4], many[:400] = 25.0, 0.25
    off = 4.0 * few.sum() / ACTUAL.sum()
    candidates = [tuned("xgboost", GOOD, off), tuned("blend", FAIR, off / 4.0)]
    assert len(right_in_total(candidates, [few])) == 2
    assert [t.candidate.name for t in right_in_total(candidates, [many])] == ["blend"]
    assert len(right_in_total(candidates, [np.zeros(CUSTOMERS)])) == 2


def test_an_order_that_is_luck_does_not_challenge() -> None:
    lucky, blend = tuned("hurdle", GOOD, beats_chance=False), tuned("blend", POOR, beats_chance=False)
    assert challenger(lucky, blend) == "blend"
    assert challenger(lucky, tuned("xgboost", FAIR), blend) == "xgboost"


def test_without_a_fold_the_blend_challenges() -> None:
    unjudged = [TunedCandidate(BY_NAME[name], {}, (), (), 1) for name in ("xgboost", "blend")]
    assert choose(unjudged, [], []).candidate.name == "blend"


def test_a_score_that_is_undefined_is_no_score() -> None:
    undefined, btyd = tuned("xgboost", GOOD, fold_scores=(float("nan"),)), tuned("btyd", FAIR)
    assert challenger(undefined, btyd, tuned("blend", POOR)) == "btyd"
    assert challenger(undefined, btyd, tuned("blend", POOR, fold_scores=(float("nan"),))) == "btyd"
