"""Faults 53, 55 and 56: implausible totals, segments that jump, customers without a score. Nothing is published."""

from pathlib import Path

import pytest

from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.publishing.publishing import publish
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults.company import check, run_asset
from clv_pipeline_tests.nights import contents, copy_of

#: Yesterday's scores: tonight's, with every third customer in a segment of no other night.
_YESTERDAY_ELSEWHERE = (
    "insert into scores.history by name select * replace (as_of_date - 1 as as_of_date, "
    "case when md5_number(customer_id) % 10 < 3 then 'elsewhere' else segment end as segment) from scores.history"
)


@pytest.fixture
def home(demo_run: Home, tmp_path: Path) -> Home:
    return copy_of(demo_run, tmp_path)


def change(home: Home, *statements: str) -> None:
    with open_warehouse(home).transaction() as connection:
        for statement in statements:
            connection.execute(statement)


def test_fault_53_a_total_beyond_belief_blocks_before_anything_is_published(home: Home) -> None:
    before = contents(home.published)
    # predictions are put at the level of the buying rhythm: where that is wrong, all are
    change(home, "update features.btyd_features set btyd_spend_90d = 6 * btyd_spend_90d where as_of = '2026-07-01'")
    (said,) = run_asset(home, "scores.customer_scores")
    for text in ("check predicted_total", "times the trailing total of", "limit 0.5 to 2 times", "customers known then",
                 "--acknowledge predicted_total", "docs/runbook.md#predicted_total"):  # fmt: skip
        assert text in said
    passed, told = check(home, "scores.customer_scores", "predicted_total")
    assert not passed
    assert told["value"] > 100_000
    assert contents(home.published) == before
    assert run_asset(home, "scores.customer_scores", tags={"clv/acknowledge": "predicted_total"}) == []
    (said,) = run_asset(home, "scores.customer_scores", tags={"clv/acknowledge": "predicted_totl"})
    assert "nearest: 'predicted_total'" in said


def test_fault_55_segments_that_jump_overnight_block_and_the_cause_is_named(home: Home) -> None:
    before = contents(home.published)
    change(
        home,
        _YESTERDAY_ELSEWHERE,
        "insert into scores.night_totals by name "
        "select * replace (as_of_date - 1 as as_of_date, 'earlier' as model_version) from scores.night_totals",
    )
    (said,) = run_asset(home, "published.customer_clv")
    for text in ("check segment_changes", "in another segment than as of 2026-06-30", "limit 15% of the customers",
                 "by cause: another model", "--acknowledge segment_changes", "docs/runbook.md#segment_changes"):  # fmt: skip
        assert text in said
    passed, told = check(home, "published.customer_clv", "segment_changes")
    assert not passed
    assert 0.25 < told["value"] < 0.35
    assert contents(home.published) == before
    assert run_asset(home, "published.customer_clv", tags={"clv/acknowledge": "segment_changes"}) == []
    passed, told = check(home, "published.customer_clv", "segment_changes")
    assert (passed, told["acknowledged for this run"]) == (False, True)
    with open_warehouse(home).connection() as connection:
        marked = connection.execute("select subject from quality.night where measure = 'acknowledged'").fetchall()
    assert marked == [("segment_changes",)]


def test_fault_55_segments_of_another_definition_are_not_compared_and_the_check_says_so(home: Home) -> None:
    change(
        home,
        _YESTERDAY_ELSEWHERE,
        "insert into scores.night_totals by name "
        "select * replace (as_of_date - 1 as as_of_date, 'older' as segment_definition) from scores.night_totals",
    )
    assert run_asset(home, "published.customer_clv") == []
    passed, told = check(home, "published.customer_clv", "segment_changes")
    assert passed
    assert "the definition of the segments changed since 2026-06-30" in str(told)
    assert 0.25 < told["value"] < 0.35


def test_fault_56_an_eligible_customer_without_a_score_fails_the_audit(home: Home) -> None:
    before = contents(home.published)
    lost = "select customer_id from published.customer_clv order by customer_id limit 3"
    change(home, f"create table lost as {lost}", "delete from published.customer_clv where customer_id in (from lost)")
    (said,) = run_asset(home, "published.bundle")
    assert "customer_clv: 3 of 1" in said and "eligible customers have no score" in said
    assert "quality.unscored_customers" in said
    assert not check(home, "published.bundle", "audit")[0]
    assert contents(home.published) == before
    with open_warehouse(home).connection() as connection:
        noted = connection.execute("from quality.unscored_customers").fetchall()
        assert noted == connection.execute("from lost").fetchall()
        assert all(customer not in said for (customer,) in noted)


def test_a_night_that_fails_its_audit_is_neither_history_nor_a_baseline(home: Home) -> None:
    kept = (
        "select as_of_date::varchar, count(*), any_value(run_id) from scores.history "
        "inner join scores.night_totals using (as_of_date, horizon_days) group by 1"
    )
    good = "select distinct as_of::varchar, run_id from quality.good_nights"
    with open_warehouse(home).connection() as connection:
        before = (connection.execute(kept).fetchall(), connection.execute(good).fetchall())
    change(
        home, "update scores.run set as_of = '2026-07-02', run_id = '20260702-broken'",
        "update scores.tonight set as_of_date = '2026-07-02'",
        "delete from published.customer_clv where segment = 'steady'",
    )  # fmt: skip
    with pytest.raises(PublishError, match="failed its audit"):
        publish(open_warehouse(home), load_layer("4_published"), load_settings(source="demo"), home)
    with open_warehouse(home).connection() as connection:
        assert (connection.execute(kept).fetchall(), connection.execute(good).fetchall()) == before
    assert len(before[1]) == 1
