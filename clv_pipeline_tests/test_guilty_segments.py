"""The guilty segment: who is named on counts made by hand, and on nights of a small company that are spoiled one way each."""

import random
import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.corrupted_nights import Seen, night
from benchmarks.corruptions import Tables, cut
from benchmarks.guilty_segments import FAULTS, TONIGHT, Fault, company, said_of_segments
from clv_pipeline.contracts.warehouse import SEGMENT_COUNTS
from clv_pipeline.core.errors import QualityError
from clv_pipeline.core.home import Home
from clv_pipeline.orchestration.failure_fields import from_metadata, metadata_of
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.guilty_segments import (
    EXTRA,
    MISSING,
    OTHER,
    Cell,
    Columns,
    GuiltySegment,
    Question,
    find_guilty,
)
from clv_pipeline.quality.segment_counts import category_columns
from clv_pipeline_tests.conftest import open_warehouse

#: Of 100 orders, by channel and by hour.
CHANNELS = {"web": 60.0, "app": 25.0, "store": 15.0}
HOURS = {f"{hour:02d}": 10.0 for hour in range(8, 18)}


def cells(expected: Mapping[str, float], observed: Mapping[str, float], persons: int = 50) -> list[Cell]:
    return [Cell((v,), observed.get(v, e), e, observed.get(v, e) - e, persons) for v, e in expected.items()]


def even(share: float, values: Mapping[str, float]) -> dict[str, float]:
    return {value: share * number for value, number in values.items()}


def asked(change: str = MISSING, *, is_of_table: bool = False) -> Question:
    return Question("orders", change, "orders", " of 2024-06-11", is_of_table, ordered=frozenset({"hour of day"}))


def found(
    singles: Mapping[str, Sequence[Cell]],
    question: Question | None = None,
    pairs: Mapping[Columns, Sequence[Cell]] | None = None,
) -> GuiltySegment:
    answer = find_guilty(question or asked(), {(c,): found for c, found in singles.items()}, lambda: pairs or {})
    assert answer is not None
    return answer


# --- counts made by hand -------------------------------------------------------------------------------------------------------


def test_the_value_that_lacks_all_its_orders_is_named_with_its_share_and_what_was_looked_at() -> None:
    segment = found(
        {
            "channel": cells(CHANNELS, {"app": 0.0}),
            "hour of day": cells(HOURS, even(0.75, HOURS)),
        }
    )
    assert segment.name == "channel = 'app'"
    assert (segment.share, segment.usual_share, segment.rows) == (1.0, 0.25, 25.0)
    assert segment.text == (
        "channel = 'app' holds 100% of the 25 missing orders of 2024-06-11 (usually 25% of all); "
        "12 other values of 2 columns looked at"
    )


def test_a_large_value_is_not_guilty_for_being_large() -> None:
    segment = found({"channel": cells(CHANNELS, even(0.3, CHANNELS)), "hour of day": cells(HOURS, even(0.3, HOURS))})
    assert segment.is_even
    assert segment.text == (
        "the 70 missing orders of 2024-06-11 are spread evenly over channel, hour of day: "
        "suggests the whole delivery, not a part"
    )


def test_hours_are_named_as_a_range() -> None:
    lost = {"10": 0.0, "11": 0.0, "12": 0.0}
    assert found({"hour of day": cells(HOURS, lost)}).name == "hour of day 10 to 12"


def test_a_value_that_doubled_is_named_among_extra_orders() -> None:
    segment = found({"channel": cells(CHANNELS, {"web": 120.0})}, asked(EXTRA))
    assert (segment.name, segment.rows) == ("channel = 'web'", 60.0)


def test_a_value_that_was_never_seen_is_named_among_the_affected_rows() -> None:
    statuses = {"paid": 900.0, "bezahlt": 40.0}
    segment = found({"status": cells(statuses, {"paid": 0.0, "bezahlt": 40.0})}, asked("quarantined", is_of_table=True))
    assert (segment.name, segment.share) == ("status = 'bezahlt'", 1.0)


def test_two_columns_are_named_where_one_alone_is_affected_in_part() -> None:
    """Refunds of one channel are missing: of its orders only some, of the refunds only some."""
    sizes = {("web", "false"): 500, ("web", "true"): 50, ("app", "false"): 300, ("app", "true"): 30}
    pair = [Cell(v, 30.0 if v == ("app", "true") else 0.0, size, 0.0, 50) for v, size in sizes.items()]
    segment = found(
        {
            "channel": cells({"web": 550.0, "app": 330.0}, {"web": 0.0, "app": 30.0}),
            "is_return": cells({"false": 800.0, "true": 80.0}, {"false": 0.0, "true": 30.0}),
        },
        asked(is_of_table=True),
        {("channel", "is_return"): pair},
    )
    assert segment.name == "channel = 'app' and is_return = true"


def test_columns_that_hold_the_same_rows_are_named_together() -> None:
    currencies, countries = {"EUR": 70.0, "CHF": 30.0}, {"DE": 70.0, "CH": 30.0}
    segment = found({"currency": cells(currencies, {"CHF": 0.0}), "country": cells(countries, {"CH": 0.0})})
    assert (segment.name, segment.also) == ("currency = 'CHF'", ("country = 'CH'",))


def test_a_value_of_fewer_than_five_customers_is_never_named() -> None:
    rare = [*cells({"web": 60.0, "app": 25.0}, {}), *cells({"consul": 40.0}, {"consul": 0.0}, persons=4)]
    assert found({"channel": rare}).is_even
    pooled = [*cells({"web": 60.0, "app": 25.0}, {}), *cells({OTHER: 40.0}, {OTHER: 0.0})]
    assert found({"channel": pooled}).is_even


def test_a_handful_of_rows_has_no_guilty_segment() -> None:
    few = {("channel",): cells({"web": 4.0, "app": 3.0}, {"web": 1.0})}
    assert find_guilty(asked(), few, dict) is None


def test_even_losses_of_chance_are_seldom_taken_for_a_segment() -> None:
    """200 days that lost half of 100 orders by chance: in a few of a hundred a segment may look guilty."""
    named = 0
    for seed in range(200):
        draw = random.Random(seed)
        lost = {
            name: {v: float(sum(draw.random() < 0.5 for _ in range(int(n)))) for v, n in values.items()}
            for name, values in (("channel", CHANNELS), ("hour of day", HOURS))
        }
        singles = {"channel": cells(CHANNELS, lost["channel"]), "hour of day": cells(HOURS, lost["hour of day"])}
        named += not found(singles).is_even
    assert named <= 8


def test_the_fields_of_a_segment_travel_with_the_error_of_a_red_night() -> None:
    segment = found({"channel": cells(CHANNELS, {"app": 0.0})})
    error = QualityError("12 orders", next_step="look.")
    error.guilty = [{"check": "order_volume", **segment.fields()}]
    fields = from_metadata(metadata_of(error))
    assert fields is not None
    (guilty,) = fields[3]
    assert (guilty["check"], guilty["name"], guilty["share"]) == ("order_volume", "channel = 'app'", 1.0)
    assert guilty["text"] == segment.text


# --- nights of a small company ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, validator: Validator) -> tuple[Path, Tables]:
    """Return a folder whose `good` is a home with two published nights, and the company's tables tonight."""
    root, tables = tmp_path_factory.mktemp("segments"), company(0, 500, 200)
    recent = tables["orders"]["ordered_at"] >= f"{TONIGHT - timedelta(days=72)}"
    tables = tables | {"orders": tables["orders"][recent].reset_index(drop=True)}
    for days in (2, 1):
        as_of = TONIGHT - timedelta(days=days)
        assert not night(root, Home(root / "good"), cut(tables, as_of), as_of, validator).is_red
    return root, tables


def spoiled(published: tuple[Path, Tables], fault: Fault, validator: Validator) -> tuple[tuple[str, ...], Seen]:
    root, tables = published
    expected, bad = fault(tables, random.Random(f"1 {fault.__name__}"))
    shutil.rmtree(root / "tried", ignore_errors=True)
    shutil.copytree(root / "good", root / "tried")
    return expected, night(root, Home(root / "tried"), bad, TONIGHT, validator)


#: The others are variants of these.
_VARIANTS = {
    "channel_lost", "category_doubled_today", "country_missing", "month_of_a_channel", "guests_of_a_channel",
    "currency_without_rate",
}  # fmt: skip


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.__name__ not in _VARIANTS], ids=lambda f: f.__name__)
def test_the_spoiled_segment_of_a_night_is_named(
    published: tuple[Path, Tables], validator: Validator, fault: Fault
) -> None:
    expected, seen = spoiled(published, fault, validator)
    said = said_of_segments(seen)
    assert [text for text in said for name in expected if name in text], (said, seen.texts)


def test_the_counts_of_the_published_night_name_no_person_and_no_protected_attribute(
    published: tuple[Path, Tables],
) -> None:
    with open_warehouse(Home(published[0] / "good")).connection() as connection:
        counted = connection.execute(f"select distinct column_1 from {SEGMENT_COUNTS.name}").fetchall()
        assert not {"customer_id", "order_id", "gender", "email", "order date", "hour of day"} & {c for (c,) in counted}
        assert {"channel", "customers.country", "status", "is_return", "month"} <= {c for (c,) in counted}
        assert category_columns(connection, "customers") == ["country", "region", "acquisition_channel", "loyalty_tier"]
        (rows,) = connection.execute(
            f"select sum(row_count) from {SEGMENT_COUNTS.name} where table_name = 'orders' and column_1 = 'channel' "
            "and column_2 is null"
        ).fetchone() or (None,)
        assert rows == connection.execute("select count(*) from raw.orders").fetchall()[0][0]
