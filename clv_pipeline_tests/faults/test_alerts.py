"""Alerts of whole nights: a red, a red again, an acknowledged and a good one, as a webhook on this machine gets them."""

import json
from uuid import UUID

from clv_pipeline.core.home import Home
from clv_pipeline_tests.faults.company import (
    CANARY_EMAIL,
    CANARY_KEY,
    TONIGHT,
    Company,
    assert_blocked,
    assert_published,
    night,
)
from clv_pipeline_tests.nights import served_run
from clv_pipeline_tests.sinks import running_sink


def test_a_night_that_is_red_twice_and_then_acknowledged_tells_twice(company: Company, yesterday: Home) -> None:
    gone = company.orders_on("2024-05-31")
    company.tables["orders"] = [row for row in company.tables["orders"] if row not in gone[1:]]
    before = served_run(yesterday)
    with running_sink(500, 500) as sink:
        first = night(company, yesterday, CLV_ALERT_URL=sink.url)
        assert_blocked(first, "check order_volume")
        assert len(sink.paths) == 3, "three tries"
        (red,) = sink.bodies
        again = night(company, yesterday, CLV_ALERT_URL=sink.url)
        assert_blocked(again, "check order_volume")
        assert sink.events == ["red"], "the same reason, the same night"
        done = night(company, yesterday, TONIGHT, "--acknowledge", "order_volume", CLV_ALERT_URL=sink.url)
        assert_published(done)
        _, acknowledged = sink.bodies
    assert red["as_of"] == TONIGHT
    assert UUID(red["run_id"])
    assert red["served"]["run_id"] == before
    (what,) = red["what"]
    assert (what["name"], what["asset"], what["table"], what["column"]) == (
        "order_volume", "quality/night", "orders", "ordered_at",
    )  # fmt: skip
    assert "1 orders on Fri 2024-05-31" in what["message"]
    assert what["value"] == 1
    assert what["limit"]
    assert what["runbook"].endswith("docs/runbook.md#order_volume")
    place = f"--source {company.folder} --home {yesterday.root}"
    assert f"`clv run {place} --acknowledge order_volume`" in what["next_step"]
    assert red["next_commands"] == [f"clv explain-run {red['run_id']} {place}", f"clv status {place}"]
    assert acknowledged["event"] == "acknowledged"
    assert acknowledged["since"]["run_id"] == red["run_id"]
    assert acknowledged["since"]["nights"] == 1
    assert acknowledged["served"]["run_id"] == served_run(yesterday) != before
    assert [w["name"] for w in acknowledged["what"]] == ["order_volume"]
    said = json.dumps([red, acknowledged])
    for canary in (CANARY_EMAIL, CANARY_KEY, "secret-canary"):
        assert canary not in said
    for seen in (first, again, done):
        assert "secret-canary" not in seen.output
    for file in yesterday.root.rglob("*"):
        assert not file.is_file() or b"secret-canary" not in file.read_bytes()
