"""Lineage of a source's SELECT, whose tables nobody describes: every side of a union counts, nothing is guessed."""

from clv_pipeline.core.settings import load_settings
from clv_pipeline.publishing.lineage import _source_columns
from clv_pipeline.sources.folder import read_selects


def test_both_sides_of_a_union_are_followed() -> None:
    sold, returned = "select x as v from sold", "select y as v from sent_back"
    union = f"with a as ({sold}), b as ({returned}), u as (select * from a union all select * from b) select u.v from u"
    assert _source_columns(union) == {"v": {("sold", "x"), ("sent_back", "y")}}


def test_a_column_of_one_of_two_tables_is_left_open() -> None:
    assert _source_columns("select v from sold cross join shops").get("v", set()) == set()


def test_the_demos_money_comes_from_sales_and_from_returns() -> None:
    orders = read_selects(load_settings(source="demo"))["orders"]
    amounts = _source_columns(orders.for_duckdb())["amount"]
    assert {("shop_order_line", "unit_price_cents"), ("shop_return", "refund_cents")} <= amounts
