"""Fault 58: `orders"; drop table x` stands as a name in the configuration. It is rejected, and never becomes SQL."""

from collections.abc import Callable

import pytest

from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.sources.folder import read_selects
from clv_pipeline_tests.conftest import FileSource
from clv_pipeline_tests.faults.company import Company, assert_blocked, night
from clv_pipeline_tests.nights import contents

ATTACK = 'orders"; drop table x; --'
ORDERS = "order_id,ordered_at,amount\n1,2024-05-01,10\n"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("source", ATTACK),
        ("horizons", "90; drop table x"),
        ("horizons", "90d as x, (select 1) as y"),
        ("publish_schema", ATTACK),
        ("publish_schema", 'clv" cascade; drop schema x'),
        ("time_zone", "UTC'; drop table x; --"),
        ("nightly_at", "02:30; drop table x"),
        ("as_of", "2024-06-01'; drop table x; --"),
        ("threads", "2; set lock_configuration = false"),
        ("memory_limit", "4GB'; drop table x; --"),
    ],
)
def test_a_setting_that_is_no_such_thing_is_rejected_by_name(setting: str, value: str) -> None:
    with pytest.raises(PipelineError, match=rf"(?i){setting}") as refused:
        load_settings(**{"source": "demo", setting: value})
    assert refused.value.next_step


def test_a_select_under_a_hostile_name_is_rejected(file_source: Callable[..., FileSource]) -> None:
    made = file_source(orders=ORDERS)
    (made.folder / f"{ATTACK}.sql").write_text("select 1")
    with pytest.raises(PipelineError, match="is not named after a contract table"):
        read_selects(made.settings())


@pytest.mark.parametrize(
    "rule",
    [
        f"table = '{ATTACK}'\nwhere = 'amount > 1'",
        f"table = 'orders'\nwhere = '{ATTACK} > 1'",
        "table = 'orders'\nwhere = 'true; drop table raw.orders'",
        "table = 'orders'\nwhere = '(select count(*) from raw.customers) > 0'",
        "table = 'orders'\nwhere = 'amount > 1) or (delete from raw.orders'",
    ],
)
def test_a_rule_that_is_more_than_a_condition_blocks_the_night_before_anything_is_read(
    company: Company, yesterday: Home, rule: str
) -> None:
    before = contents(yesterday.warehouse.parent)
    company.toml += f"[[exclude]]\nreason = 'attack'\n{rule}\n"
    assert_blocked(night(company, yesterday), "[[exclude]] 'attack' in source.toml")
    assert contents(yesterday.warehouse.parent) == before
