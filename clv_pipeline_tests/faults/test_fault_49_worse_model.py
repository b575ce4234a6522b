"""Fault 49: the retrained model is worse. The champion is kept, and a warning has the figures of both."""

import dagster as dg

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.training.champion_rule import decide
from clv_pipeline.orchestration.checks import CHALLENGER, of_champion
from clv_pipeline_tests.test_selection import ACTUAL, BASELINES, DRAWS, FAIR, GOOD, contender


def test_a_retrained_model_that_is_worse_leaves_the_champion_and_the_reason_has_both_figures() -> None:
    challenger, champion = contender("new", FAIR, level=1.2), contender("champion", GOOD, level=1.05)
    verdict = decide("spend", ACTUAL, challenger, champion, BASELINES, DRAWS)
    assert verdict.champion == "champion"
    for one in (challenger, champion):
        score = metrics.normalised_gini(ACTUAL, one.predicted)
        off = abs(metrics.total_bias(ACTUAL, one.predicted))
        assert f"{one.name}: score {score:.4f}, total off by {off:.1%}" in verdict.reason


def test_the_check_warns_with_both_figures_and_blocks_nothing() -> None:
    worse = decide("spend", ACTUAL, contender("new", FAIR), contender("champion", GOOD), BASELINES, DRAWS)
    better = decide("spend", ACTUAL, contender("new", GOOD), contender("champion", FAIR), BASELINES, DRAWS)
    warned = of_champion({"spend_90d_total": worse.reason, "purchase_90d": better.reason})
    assert (warned.check_name, warned.passed, warned.severity) == (CHALLENGER, False, dg.AssetCheckSeverity.WARN)
    told = warned.metadata["message"].value
    assert isinstance(told, dict)
    for name in ("new: score", "champion: score"):
        assert name in told["spend_90d_total"]
    assert of_champion({"spend_90d_total": better.reason}).passed
    assert of_champion({}).passed
