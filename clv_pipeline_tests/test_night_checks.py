"""Nightly data checks on numbers alone: pass, warn, block, and the effect of an acknowledgement."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from clv_pipeline.core.errors import ConfigurationError, PipelineError, QualityError
from clv_pipeline.core.project_files import PROJECT, RUNBOOK
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.quality.night_checks import (
    ACKNOWLEDGEABLE,
    FRESHNESS,
    GUEST_ORDERS,
    ORDER_VALUE,
    ORDER_VOLUME,
    OUTLIER_ORDER,
    PAST_MONTHS,
    TABLE_VOLUME,
    CheckResult,
    NightRejected,
    judge_freshness,
    judge_guest_orders,
    judge_order_value,
    judge_order_volume,
    judge_outlier_order,
    judge_past_months,
    judge_table_volume,
    known_checks,
    settle,
)
from clv_pipeline.quality.night_measures import DayOfOrders, GoodNight, Median, MonthOfOrders, Night, OutlierOrder
from clv_pipeline.quality.score_checks import (
    SegmentMoves,
    Totals,
    judge_predicted_total,
    judge_ranking,
    judge_segment_changes,
)

AS_OF = date(2024, 6, 1)
LAST_DAY = AS_OF - timedelta(days=1)
USUAL = {"day": Median(50, 40), "before_day": Median(50, 2000), "week": Median(50, 280), "before_week": Median(50, 2000),
         "eight_weeks": Median(50, 2200)}  # fmt: skip
NIGHT = Night(
    AS_OF,
    {AS_OF - timedelta(days=n): 40 for n in range(1, 400)},
    {AS_OF - timedelta(days=n): DayOfOrders(40, 30) for n in range(1, 58)},
    LAST_DAY,
    {"orders": 20_000, "customers": 900},
    USUAL,
    None,
)
LAST_NIGHT = GoodNight(LAST_DAY, {"orders": 19_900, "customers": 890}, USUAL, {})


@pytest.fixture
def settings() -> Settings:
    return load_settings()


def with_orders(days: dict[date, int]) -> Night:
    return replace(NIGHT, orders=NIGHT.orders | days)


# --- orders of the last day ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("orders", "verdict"), [(0, "blocks"), (20, "blocks"), (21, "warns"), (30, "passed"), (58, "passed"),
                            (60, "warns"), (79, "warns"), (80, "blocks"), (400, "blocks")],
)  # fmt: skip
def test_a_day_far_from_its_weekdays_median_blocks_and_an_unusual_one_warns(
    orders: int, verdict: str, settings: Settings
) -> None:
    judged = judge_order_volume(with_orders({LAST_DAY: orders}), [LAST_NIGHT], settings)
    assert judged.verdict == verdict
    assert judged.value == orders
    assert "20 to 80 orders" in judged.limit
    assert "40, the median of the Fridays of the last 8 weeks" in judged.baseline


def test_the_first_run_of_a_home_is_never_blocked_by_its_volume(settings: Settings) -> None:
    assert judge_order_volume(with_orders({LAST_DAY: 2}), [], settings).verdict == "warns"


def test_the_same_weekday_counts_and_no_other(settings: Settings) -> None:
    closed_on_sundays = {d: 0 for d in NIGHT.orders if d.weekday() == 6}
    sunday = replace(with_orders(closed_on_sundays), as_of=date(2024, 6, 3), newest_order=date(2024, 6, 1))
    sunday.orders[date(2024, 6, 1)] = 40
    assert judge_order_volume(sunday, [LAST_NIGHT], settings).verdict == "passed"


def test_fault_57_an_acknowledged_day_is_no_baseline(settings: Settings) -> None:
    spoilt = [LAST_DAY - timedelta(weeks=n) for n in range(1, 5)]
    night = with_orders({day: 4 for day in spoilt})
    unknown = judge_order_volume(night, [LAST_NIGHT], settings)
    incidents = [
        replace(LAST_NIGHT, as_of=d + timedelta(days=1), acknowledged=frozenset({ORDER_VOLUME})) for d in spoilt
    ]
    known = judge_order_volume(night, [*incidents, LAST_NIGHT], settings)
    assert "22, the median" in unknown.baseline
    assert "40, the median" in known.baseline
    assert known.verdict == "passed"


def test_a_company_that_stays_at_a_new_level_is_judged_by_it_in_the_end(settings: Settings) -> None:
    days = [LAST_DAY - timedelta(weeks=n) for n in range(9)]
    night = with_orders({day: 100 for day in days[:6]})
    incidents = [
        replace(LAST_NIGHT, as_of=d + timedelta(days=1), acknowledged=frozenset({ORDER_VOLUME})) for d in days[1:6]
    ]
    assert judge_order_volume(night, [*incidents, LAST_NIGHT], settings).verdict == "passed"


@pytest.mark.parametrize("days", [364, 365])
def test_a_peak_of_last_year_explains_this_years(days: int, settings: Settings) -> None:
    assert judge_order_volume(with_orders({LAST_DAY: 110}), [LAST_NIGHT], settings).verdict == "blocks"
    night = with_orders({LAST_DAY: 110, LAST_DAY - timedelta(days=days): 100})
    judged = judge_order_volume(night, [LAST_NIGHT], settings)
    assert judged.verdict == "warns"
    assert "a year ago" in judged.says


def test_a_small_shop_may_have_an_empty_or_a_busy_day(settings: Settings) -> None:
    night = Night(AS_OF, {d: 5 for d in NIGHT.orders}, {}, LAST_DAY, {}, USUAL, None)
    for orders in (0, 11, 30):
        assert (
            judge_order_volume(replace(night, orders=night.orders | {LAST_DAY: orders}), [LAST_NIGHT], settings).verdict
            != "blocks"
        )


def test_the_limits_are_settings() -> None:
    wide = load_settings(min_volume_ratio=0.1, max_volume_ratio=5)
    assert judge_order_volume(with_orders({LAST_DAY: 10}), [LAST_NIGHT], wide).verdict == "warns"


# --- orders that nobody made ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "verdict"),
    [
        (DayOfOrders(40, 30), "passed"),
        (DayOfOrders(40, 40), "passed"),
        (DayOfOrders(40, 14), "passed"),
        (DayOfOrders(80, 36), "warns"),
        (DayOfOrders(40, 0), "blocks"),
        (DayOfOrders(400, 120), "blocks"),
        (DayOfOrders(10, 0), "passed"),
        (DayOfOrders(13, 0), "warns"),
    ],
    ids=["as ever", "all known", "an accident", "unusual", "none known", "few known", "few orders", "few, none known"],
)
def test_buyers_that_turn_into_guests_block_where_it_is_no_accident(
    today: DayOfOrders, verdict: str, settings: Settings
) -> None:
    night = replace(NIGHT, buyers=NIGHT.buyers | {LAST_DAY: today})
    judged = judge_guest_orders(night, [LAST_NIGHT], settings)
    assert judged.verdict == verdict
    assert (
        f"{today.orders - today.with_customer} of {today.orders} orders on Fri 2024-05-31 are guest orders"
        in judged.says
    )
    assert "75.0% with a customer" in judged.baseline
    assert judge_guest_orders(night, [], settings).verdict in ("passed", "warns"), "the first run of a home"


def test_a_share_of_guests_that_was_acknowledged_is_a_baseline_from_that_day_on(settings: Settings) -> None:
    since = AS_OF - timedelta(days=3)
    night = replace(NIGHT, buyers={d: DayOfOrders(40, 30 if d < since else 4) for d in NIGHT.buyers})
    raise_unacknowledged = replace(LAST_NIGHT, as_of=since + timedelta(days=1), acknowledged=frozenset({GUEST_ORDERS}))
    assert judge_guest_orders(night, [raise_unacknowledged], settings).verdict == "passed"
    assert (
        judge_guest_orders(night, [replace(raise_unacknowledged, acknowledged=frozenset())], settings).verdict
        == "blocks"
    )


# --- rows of each table ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "verdict"), [(0, "blocks"), (350, "blocks"), (400, "passed"), (1700, "passed"), (1800, "blocks")]
)
def test_a_table_that_shrinks_or_doubles_overnight_blocks(rows: int, verdict: str, settings: Settings) -> None:
    judged = judge_table_volume(replace(NIGHT, rows={"orders": 20_000, "customers": rows}), [LAST_NIGHT], settings)
    assert judged.verdict == verdict
    if verdict == "blocks":
        assert judged.details == (f"customers: {rows} rows, 890 as of 2024-05-31",)


def test_a_table_is_not_judged_without_a_night_before_nor_when_it_is_tiny_or_the_night_is_long_ago(
    settings: Settings,
) -> None:
    few = replace(NIGHT, rows={"orders": 10})
    assert judge_table_volume(few, [], settings).verdict == "passed"
    assert judge_table_volume(few, [replace(LAST_NIGHT, rows={"orders": 50})], settings).verdict == "passed"
    assert judge_table_volume(few, [replace(LAST_NIGHT, as_of=date(2024, 1, 1))], settings).verdict == "warns"


def test_after_an_acknowledged_shrink_both_levels_are_right(settings: Settings) -> None:
    cut = GoodNight(LAST_DAY, {"orders": 2000, "customers": 900}, USUAL, {}, frozenset({TABLE_VOLUME}))
    before = [replace(LAST_NIGHT, as_of=LAST_DAY - timedelta(days=1)), cut]
    for rows, verdict in ((2010, "passed"), (20_000, "passed"), (300, "blocks"), (90_000, "blocks")):
        night = replace(NIGHT, rows={"orders": rows, "customers": 900})
        assert judge_table_volume(night, before, settings).verdict == verdict, rows


# --- freshness ------------------------------------------------------------------------------------------------------------


def stale(days: int, pause: int = 1) -> Night:
    newest = AS_OF - timedelta(days=days)
    every = [newest - timedelta(days=n) for n in range(0, 300)]
    kept = {d: 40 for d in every if not 0 < (newest - d).days < pause}
    return Night(AS_OF, kept, {}, newest, {}, USUAL, None)


@pytest.mark.parametrize(
    ("age", "pause", "verdict"),
    [(1, 1, "passed"), (3, 1, "passed"), (4, 1, "blocks"), (11, 12, "warns"), (13, 12, "blocks")],
)
def test_old_orders_block_unless_the_company_pauses_as_long(
    age: int, pause: int, verdict: str, settings: Settings
) -> None:
    judged = judge_freshness(stale(age, pause), settings)
    assert judged.verdict == verdict
    assert judged.value == age
    assert judged.limit == f"{max(3, pause)} days before as_of"


def test_by_setting_old_orders_are_published_and_the_empty_day_does_not_block_instead() -> None:
    publish = load_settings(stale_data="publish")
    assert judge_freshness(stale(9), publish).verdict == "warns"
    assert judge_order_volume(stale(9), [LAST_NIGHT], publish).verdict == "passed"


# --- the value of orders --------------------------------------------------------------------------------------------------


def test_fault_27_cents_instead_of_euros_on_the_last_day_block_and_name_both_medians(settings: Settings) -> None:
    night = replace(NIGHT, medians=USUAL | {"day": Median(5000, 40)})
    judged = judge_order_value(night, [LAST_NIGHT], settings)
    assert judged.verdict == "blocks"
    assert "of the last day is 5000.00, that of the eight weeks before 50.00 (x100)" in judged.says
    assert "cents" in judged.says
    assert judge_order_value(night, [], settings).verdict == "warns", "the first run"


def test_a_history_converted_as_a_whole_differs_from_the_last_good_night(settings: Settings) -> None:
    everything = {name: Median(0.5, m.orders) for name, m in USUAL.items()}
    judged = judge_order_value(replace(NIGHT, medians=everything), [LAST_NIGHT], settings)
    assert judged.verdict == "blocks"
    assert "those up to 2024-05-31 50.00" in judged.says


def test_few_orders_and_modest_changes_do_not_block(settings: Settings) -> None:
    for day in (Median(5000, 9), Median(200, 40), Median(12, 40)):
        assert (
            judge_order_value(replace(NIGHT, medians=USUAL | {"day": day}), [LAST_NIGHT], settings).verdict == "passed"
        )


def test_a_level_that_was_acknowledged_needs_no_second_word(settings: Settings) -> None:
    dear = USUAL | {"day": Median(5000, 40)}
    before = [
        replace(LAST_NIGHT, as_of=LAST_DAY - timedelta(days=1)),
        replace(LAST_NIGHT, medians=dear, acknowledged=frozenset({ORDER_VALUE})),
    ]
    assert judge_order_value(replace(NIGHT, medians=dear), before, settings).verdict == "warns"
    dearer = replace(NIGHT, medians=USUAL | {"day": Median(500_000, 40)})
    assert judge_order_value(dearer, before, settings).verdict == "blocks"


def test_a_outlier_order_warns_with_its_size_and_share() -> None:
    judged = judge_outlier_order(OutlierOrder(9_999_999, 800, 20_000_000, 15_000))
    assert judged.verdict == "warns"
    assert "9,999,999.00, 50.0% of all" in judged.says
    assert judge_outlier_order(OutlierOrder(15_000, 800, 20_000_000, 15_000)).verdict == "passed"


# --- what the source lost ---------------------------------------------------------------------------------------------------

MONTHS = {"2024-01": MonthOfOrders(100, 5000.0), "2024-05": MonthOfOrders(90, 4500.0)}
SINCE = replace(LAST_NIGHT, months=MONTHS)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"2024-01": MonthOfOrders(99, 4950.0)}, ["2024-01: 100 lines of 5,000.00 before, 99 lines of 4,950.00 now"]),
        ({"2024-01": MonthOfOrders(100, 4999.0)}, ["2024-01: 100 lines of 5,000.00 before, 100 lines of 4,999.00 now"]),
        ({"2023-12": MonthOfOrders(1, 50.0)}, ["2023-12: 0 lines of 0.00 before, 1 lines of 50.00 now"]),
        ({"2024-05": MonthOfOrders(91, 4550.0)}, []),
        ({"2024-05": MonthOfOrders(89, 4450.0)}, ["2024-05: 90 lines of 4,500.00 before, 89 lines of 4,450.00 now"]),
    ],
    ids=["nothing", "deleted", "another amount", "back-dated", "late", "deleted this month"],
)  # fmt: skip
def test_a_change_of_the_past_is_found_and_a_late_order_is_none(
    change: dict[str, MonthOfOrders], found: list[str], settings: Settings
) -> None:
    judged = judge_past_months(MONTHS | change, SINCE, settings)
    assert list(judged.details) == found
    assert judged.verdict == ("warns" if found else "passed")


# --- the predictions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("totals", "verdict"),
    [
        (Totals(100, 100, {}), "passed"),
        (Totals(50, 100, {}), "passed"),
        (Totals(49, 100, {}), "blocks"),
        (Totals(201, 100, {"a year ago": 90}), "blocks"),
        (Totals(201, 100, {"a year ago": 102, "the last weeks": 50}), "warns"),
        (Totals(40, 100, {"customers known then": 79}), "warns"),
        (Totals(40, 100, {"customers known then": 81}), "blocks"),
        (Totals(40, 100, {}, is_rough=True), "warns"),
        (Totals(0, 100, {"a year ago": 1}), "blocks"),
        (Totals(10, 0, {}), "passed"),
    ],
)
def test_fault_53_a_total_far_from_the_trailing_one_blocks_unless_like_for_like_it_is_near(
    totals: Totals, verdict: str, settings: Settings
) -> None:
    assert judge_predicted_total(totals, settings).verdict == verdict


@pytest.mark.parametrize(
    ("ranking", "outcome"), [("rankable", "passed"), ("not tested", "passed"), ("not rankable", "warns")]
)
def test_customers_who_cannot_be_ranked_are_a_warning(ranking: str, outcome: str) -> None:
    judged = judge_ranking(ranking)
    assert judged.verdict == outcome
    assert ranking in judged.says


@pytest.mark.parametrize(
    ("previous", "customers", "moved", "verdict"),
    [
        (LAST_DAY, 1000, 150, "passed"),
        (LAST_DAY, 1000, 151, "blocks"),
        (LAST_DAY, 50, 40, "passed"),
        (AS_OF - timedelta(days=8), 1000, 400, "passed"),
        (None, 0, 0, "passed"),
    ],
)
def test_fault_55_too_many_changed_segments_block_and_the_causes_are_named(
    previous: date | None, customers: int, moved: int, verdict: str, settings: Settings
) -> None:
    judged = judge_segment_changes(SegmentMoves(previous, customers, moved, {"another model": moved}), AS_OF, settings)
    assert judged.verdict == verdict
    if verdict == "blocks":
        assert "another model 151" in judged.says


# --- acknowledging ------------------------------------------------------------------------------------------------------------

RED = CheckResult(ORDER_VOLUME, "blocks", 3, "16 to 80 orders", "40", "3 orders")
GREEN = CheckResult(FRESHNESS, "passed", 1, "3 days", "1", "fresh")


def test_a_red_check_says_the_figures_and_both_ways_on() -> None:
    with pytest.raises(NightRejected) as rejected:
        settle([RED, GREEN], [])
    said = str(rejected.value)
    for text in ("check order_volume: 3 orders", "fix the source", "clv run --acknowledge order_volume",
                 "clv/acknowledge = order_volume", "docs/runbook.md#order_volume"):  # fmt: skip
        assert text in said
    assert rejected.value.judgements == [RED, GREEN]


def test_an_acknowledged_check_is_a_warning_and_no_other_is_let_pass() -> None:
    raise_unacknowledged, green = settle([RED, GREEN], [ORDER_VOLUME, FRESHNESS])
    assert (raise_unacknowledged.verdict, raise_unacknowledged.is_acknowledged) == ("warns", True)
    assert green == GREEN
    with pytest.raises(NightRejected, match="order_volume"):
        settle([RED, GREEN], [FRESHNESS])


def test_an_unknown_check_is_refused_with_the_nearest_name() -> None:
    assert known_checks(["freshness", "order_volume", "freshness"]) == ("freshness", "order_volume")
    with pytest.raises(ConfigurationError, match=r"no check 'order_volum' .*nearest: 'order_volume'"):
        known_checks(["order_volum"])


# --- the runbook --------------------------------------------------------------------------------------------------------------


def test_every_check_and_every_family_of_errors_has_its_section_in_the_runbook() -> None:
    page = (PROJECT / RUNBOOK).read_text()
    sections = set(re.findall(r"^### (\w+)$", page, re.MULTILINE))
    families = {PipelineError, *PipelineError.__subclasses__(), *QualityError.__subclasses__()}
    wanted = {family.anchor for family in families} | {"audit", *ACKNOWLEDGEABLE, OUTLIER_ORDER, PAST_MONTHS}
    assert wanted - sections == set()
    code = "".join(path.read_text() for path in (PROJECT / "clv_pipeline").rglob("*.py"))
    mentioned = set(re.findall(r'(?:anchor=|RUNBOOK}#)"?(\w+)"', code))
    assert "audit" in mentioned
    assert mentioned - sections == set()
    for family in families - {PipelineError}:
        assert family.anchor != PipelineError.anchor, f"{family.__name__} has no section of its own"
    error = ConfigurationError("x", next_step="Do.")
    assert (error.what, error.next_step, error.runbook) == ("x", "Do.", "docs/runbook.md#configuration")
    assert str(error) == "x\n  Next step: Do. More: docs/runbook.md#configuration"
