"""Fault 50: fewer than 500 buyers, or a first run with little history. The purchase models score with a prior, basis `prior`.

The intervals say how little is known. A fixed rule scores only where not even they can be fitted.
"""

from datetime import timedelta
from pathlib import Path

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.made_up_rows import AS_OF, company_with_signal, orders_since
from clv_pipeline_tests.test_training import check_fallback, kept, train


def test_a_company_of_few_buyers_is_scored_by_the_purchase_models_with_their_prior(good_night: Home) -> None:
    assert Settings.model_fields["min_buyers"].default == 500
    with open_bundle_file(good_night.published / "clv.duckdb") as bundle:
        statuses = bundle.execute("select score_status, count(*) from customer_clv group by 1 order by 1").fetchall()
        bases = bundle.execute("select distinct basis_90d from customer_clv").fetchall()
        ((spenders, without_interval, basis, low, total, high),) = bundle.execute(
            "select (select count(*) from customer_clv where predicted_spend_90d > 0), "
            "(select count(*) from customer_clv where predicted_spend_high_90d is null or lifetime_spend is null), "
            "basis, predicted_spend_total_low, predicted_spend_total, predicted_spend_total_high from clv_run"
        ).fetchall()
    assert statuses == [("repeat_customer", 155), ("single_purchase", 5)]
    assert (bases, basis) == ([("prior",)], "prior")
    assert spenders > 100 and without_interval == 0
    assert float(low) < 0.8 * float(total) and float(high) > 1.25 * float(total)


def test_with_a_history_too_short_to_judge_the_purchase_models_score(tmp_path: Path) -> None:
    young = orders_since(company_with_signal(150), AS_OF - timedelta(days=50))
    trained = train(tmp_path, young, horizons=(20,))
    assert trained.plan.horizons[0].test is None and trained.plan.horizons[0].final
    assert trained.quality.empty
    assert len(trained.table("select * from training.model_quality")) == 0
    assert kept(trained).test_metrics == {}
    check_fallback(trained)


def test_with_no_window_that_is_over_there_are_still_scores(tmp_path: Path) -> None:
    newborn = orders_since(company_with_signal(150), AS_OF - timedelta(days=50))
    trained = train(tmp_path, newborn, horizons=(45,))
    assert trained.plan.horizons[0].final == ()
    check_fallback(trained)
