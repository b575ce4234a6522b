"""Page one of the report: five questions are answered from the tables, and honestly where a table has nothing to say."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.core.home import Home
from clv_pipeline.features.drivers import DRIVERS
from clv_pipeline.reporting import answers, formats, labels
from clv_pipeline.reporting.answers import Answer

TABLES = set(PUBLISHED)


@pytest.fixture
def bundle(demo_run: Home, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the demo's bundle, to be changed."""
    file = tmp_path / "clv.duckdb"
    shutil.copyfile(demo_run.published / "clv.duckdb", file)
    with duckdb.connect(str(file)) as connection:
        yield connection


def _text(answer: Answer) -> str:
    return " ".join([answer.headline.text, *(statement.text for statement in answer.statements)])


def test_five_questions_are_answered_and_every_sentence_names_its_tables(bundle: duckdb.DuckDBPyConnection) -> None:
    found = answers.of_bundle(bundle)
    assert [answer.question.split(",")[0].split("?")[0] for answer in found] == [
        "What will the next 90 days bring", "Who are our best customers", "Why are they the best", "What shall we do this week",
        "Can we trust it",
    ]  # fmt: skip
    statements = [s for answer in found for s in (answer.headline, *answer.statements)]
    assert [s for s in statements if not s.tables or not set(s.tables) <= TABLES] == []
    assert [
        s.text for s in statements if not s.text.endswith(".") or ".." in s.text or "None" in s.text or "nan" in s.text
    ] == []


def test_the_figures_are_those_of_the_tables_as_a_person_would_say_them(bundle: duckdb.DuckDBPyConnection) -> None:
    bundle.execute(
        "update clv_run set predicted_spend_total = 1234567, predicted_spend_total_low = 1004000, season_factor = 0.56"
    )
    bundle.execute("update clv_run set predicted_spend_total_high = 1500400")
    forecast = _text(answers.of_bundle(bundle)[0])
    assert "1.23 million EUR in 90 days" in forecast
    assert "1 to 1.5 million EUR" in forecast
    assert f"a weak season: a year ago they brought {formats.spoken_percent(0.44)} less" in forecast


def test_what_the_reasons_divide_adds_up(bundle: duckdb.DuckDBPyConnection) -> None:
    table = answers.of_bundle(bundle)[2].table
    assert table is not None
    *parts, together = [float(cell.replace(",", "")) for _, cell in table.rows]
    assert sum(parts) == pytest.approx(together, abs=0.01 * len(parts))
    (difference,) = bundle.execute(
        "select avg(predicted_spend_90d) - any_value(average_predicted_spend) from customer_clv, clv_run "
        "where segment = 'high_value'"
    ).fetchall()
    assert together == pytest.approx(difference[0], abs=0.01)


def test_customers_that_no_model_can_rank_are_not_called_the_best(bundle: duckdb.DuckDBPyConnection) -> None:
    bundle.execute("update clv_run set ranking = 'not rankable'")
    best = answers.of_bundle(bundle)[1]
    assert best.table is None
    assert "Nobody can be told apart" in best.headline.text


def test_a_season_that_nobody_knows_is_not_called_normal(bundle: duckdb.DuckDBPyConnection) -> None:
    bundle.execute("update clv_run set season_factor = null")
    assert "Whether that is normal for the season is not known" in _text(answers.of_bundle(bundle)[0])


def test_a_published_total_that_came_out_wrong_is_said_first(bundle: duckdb.DuckDBPyConnection) -> None:
    bundle.execute(
        "update prediction_outcomes set is_backtest = false, is_inside = false, bias = 0.4, expected_spend = 140000, "
        "actual_spend = 100000 where slice_kind = 'all' and is_closed"
    )
    trust = answers.of_bundle(bundle)[4]
    assert trust.headline.text.startswith("For the 90 days from")
    assert "140,000 EUR, and 100,000 EUR came: " in trust.headline.text
    assert "too high, outside the 90 % range" in trust.headline.text


def test_old_data_and_acknowledged_checks_are_said(bundle: duckdb.DuckDBPyConnection) -> None:
    bundle.execute("update clv_run set is_stale = true, acknowledged_checks = 'order_volume'")
    text = _text(answers.of_bundle(bundle)[4])
    assert "Take care: the data end on" in text
    assert "(order_volume)" in text


def test_reasons_that_explain_little_are_called_rough(bundle: duckdb.DuckDBPyConnection) -> None:
    bundle.execute("update clv_run set reasons_fidelity = 0.61")
    assert f"These reasons are rough: they explain only {formats.spoken_percent(0.61)}" in _text(
        answers.of_bundle(bundle)[2]
    )


def test_without_a_margin_no_margin_is_shown(bundle: duckdb.DuckDBPyConnection) -> None:
    bundle.execute("update segments set lifetime_margin_total = null")
    bundle.execute("update customer_clv set lifetime_margin = null")
    best = answers.of_bundle(bundle)[1]
    assert "no margin is known" in _text(best)
    assert best.table is not None and "lifetime margin" not in best.table.header


def test_tables_with_nothing_to_say_leave_five_answers(bundle: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES - {"clv_run"}:
        bundle.execute(f"delete from {table}")
    bundle.execute(
        "update clv_run set predicted_spend_total_low = null, predicted_spend_total_high = null, reasons_fidelity = null, "
        "average_predicted_spend = null, season_factor = null, largest_customer_share = null"
    )
    found = answers.of_bundle(bundle)
    assert [answer.headline.text for answer in found[1:]] == [
        "Nobody can be told apart as better than the others yet.",
        "No reasons can be given: no model tells one customer from another.",
        "No customer needs an action now.",
        "Nobody can say yet: no predicted window is over, and none of the past could be tested.",
    ]
    assert "How far off that may be is not known" in _text(found[0])


def test_every_driver_and_every_stake_has_its_words(bundle: duckdb.DuckDBPyConnection) -> None:
    assert [name for name in DRIVERS if labels.driver(name) == name] == []
    segments = [segment for (segment,) in bundle.execute("select distinct segment from recommendations").fetchall()]
    assert len({labels.stake(segment) for segment in segments}) > 2
