"""The nightly data checks: compare tonight's measures with earlier nights and decide pass, warn or block.

Pure functions on what `night_measures.py` measured; nothing is read or written here. A check that blocks can be acknowledged for
one run by its name (`clv run --acknowledge NAME`), which makes the night an incident that later nights are not compared with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import Literal

from clv_pipeline.core.errors import ConfigurationError, QualityError, nearest
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.window_spend import OUTLIER_MULTIPLE
from clv_pipeline.quality.guilty_segments import GuiltySegment
from clv_pipeline.quality.night_measures import DayOfOrders, GoodNight, Median, MonthOfOrders, Night, OutlierOrder

ORDER_VOLUME, GUEST_ORDERS, TABLE_VOLUME, FRESHNESS = "order_volume", "guest_orders", "table_volume", "freshness"
ORDER_VALUE, OUTLIER_ORDER, PAST_MONTHS = "order_value", "outlier_order", "past_months"
PREDICTED_TOTAL, SEGMENT_CHANGES = "predicted_total", "segment_changes"
CONSENT, UNKNOWN_CUSTOMERS, CUSTOMER_KEYS = "consent", "unknown_customers", "customer_keys"
DISPOSITIONS, ORDER_TIMES, CURRENCIES, LAST_DAY = "dispositions", "order_times", "currencies", "last_day"
PLAUSIBILITY = "plausibility"
#: The checks on the data of a night, in the order of the data; those from `CONSENT` on are in `source_checks.py`.
NIGHT_CHECKS = (
    ORDER_VOLUME, GUEST_ORDERS, TABLE_VOLUME, FRESHNESS, ORDER_VALUE, OUTLIER_ORDER, PAST_MONTHS,
    CONSENT, UNKNOWN_CUSTOMERS, CUSTOMER_KEYS, DISPOSITIONS, ORDER_TIMES, CURRENCIES, LAST_DAY,
    PLAUSIBILITY,
)  # fmt: skip
#: The checks that may be acknowledged for one run; the others only warn, or make publishing impossible.
ACKNOWLEDGEABLE = (
    ORDER_VOLUME, GUEST_ORDERS, TABLE_VOLUME, FRESHNESS, ORDER_VALUE, PREDICTED_TOTAL, SEGMENT_CHANGES,
    CONSENT, UNKNOWN_CUSTOMERS, CUSTOMER_KEYS, DISPOSITIONS, CURRENCIES, PLAUSIBILITY,
)  # fmt: skip

_WEEKS = 8
#: With fewer such days a weekday has no baseline.
_WEEKS_NEEDED = 4
#: Orders of a day scatter at least like a Poisson count: a gap of this many standard deviations is not chance.
_NOISE = 3.0
#: A weekday with fewer orders than this can be empty or double by chance.
_ORDERS_NEEDED = 10
_BUYERS_NEEDED, _NEARLY_ALL = 5, 0.95
#: Row counts below this are too noisy to compare.
ROWS_NEEDED = 100
#: Baselines older than this are not used: a company may have doubled since.
_COMPARABLE_DAYS = 35
#: Minimum number of orders for a median that cannot change several-fold by chance.
_MEDIAN_NEEDS, _BASELINE_NEEDS = 10, 20

Outcome = Literal["passed", "warns", "blocks"]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check: the figure, the limit and the baseline it was compared with, and a sentence with all of them.

    guilty: which rows are behind it, where that was found (`guilt.py`); `says` ends with its sentence then.
    """

    check: str
    verdict: Outcome
    value: float
    limit: str
    baseline: str
    says: str
    details: tuple[str, ...] = ()
    is_acknowledged: bool = False
    guilty: GuiltySegment | None = None


class NightRejected(QualityError):
    """A blocking data check failed; `judgements` has the outcome of every check."""

    def __init__(self, judgements: Sequence[CheckResult]) -> None:
        blocking = [j for j in judgements if j.verdict == "blocks"]
        names = " ".join(f"--acknowledge {j.check}" for j in blocking)
        super().__init__(
            "; ".join(f"check {j.check}: {j.says}" for j in blocking),
            next_step="fix the source and run again; or, if the figures are correct, acknowledge them for one run: "
            f"`clv run {names}` (in the Dagster UI the run tag clv/acknowledge = {','.join(j.check for j in blocking)}). "
            "Yesterday's bundle is still served.",
            anchor=blocking[0].check,
        )
        self.judgements = list(judgements)
        self.guilty = [{"check": j.check, **j.guilty.fields()} for j in blocking if j.guilty]


def known_checks(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, each once and sorted.

    Raises:
        ConfigurationError: a name is not an acknowledgeable check; the message lists them.
    """
    asked = sorted(set(names))
    for name in asked:
        if name not in ACKNOWLEDGEABLE:
            raise ConfigurationError(
                f"There is no check '{name}' to acknowledge{nearest(name, list(ACKNOWLEDGEABLE))}",
                next_step=f"name one of: {', '.join(ACKNOWLEDGEABLE)}.",
            )
    return tuple(asked)


def settle(judgements: Sequence[CheckResult], acknowledged: Iterable[str]) -> list[CheckResult]:
    """Return the judgements with the acknowledged ones turned into warnings.

    Raises:
        NightRejected: one that blocks was not acknowledged.
    """
    accepted = set(acknowledged)
    settled = [
        replace(j, verdict="warns", says=f"{j.says} (acknowledged for this run)", is_acknowledged=True)
        if j.verdict == "blocks" and j.check in accepted
        else j
        for j in judgements
    ]
    if any(j.verdict == "blocks" for j in settled):
        raise NightRejected(settled)
    return settled


def judge_night(
    night: Night, before: Sequence[GoodNight], months: Mapping[str, MonthOfOrders], settings: Settings
) -> list[CheckResult]:
    """Return the outcome of each data check; `before` are the published nights, oldest first.

    `months` are the source's months before the as_of of the last published night. Without one there is
    no baseline, so only freshness can block.
    """
    return [
        judge_order_volume(night, before, settings),
        judge_guest_orders(night, before, settings),
        judge_table_volume(night, before, settings),
        judge_freshness(night, settings),
        judge_order_value(night, before, settings),
        judge_outlier_order(night.outlier),
        judge_past_months(months, before[-1] if before else None, settings),
    ]


def judge_order_volume(night: Night, before: Sequence[GoodNight], settings: Settings) -> CheckResult:
    """Compare the orders of the last complete day with the same weekday's median, without acknowledged days."""
    day = night.as_of - timedelta(days=1)
    found = night.orders.get(day, 0)
    incidents = {n.as_of - timedelta(days=1) for n in before if ORDER_VOLUME in n.acknowledged}
    usual = _usual(night.orders, day, incidents)
    low, high = settings.min_volume_ratio, settings.max_volume_ratio
    if usual is None:
        says = f"{found} orders on {day:%a %Y-%m-%d}; the history is too short for a baseline"
        return CheckResult(ORDER_VOLUME, "passed", found, "none yet", "none yet", says)
    if night.newest_order and (night.as_of - night.newest_order).days > settings.max_stale_days:
        says = f"no orders on {day:%a %Y-%m-%d}: the newest one is older; see the check {FRESHNESS}"
        return CheckResult(ORDER_VOLUME, "passed", found, "none", f"{usual:g}", says)
    fewest, most = _limits(usual, settings)
    limit = f"{fewest:.0f} to {most:.0f} orders ({low:g} to {high:g} times the median, random scatter added to the lower limit)"
    baseline = f"{usual:g}, the median of the {day:%A}s of the last {_WEEKS} weeks"
    says = f"orders: {found} orders on {day:%a %Y-%m-%d}; limit {limit}; baseline {baseline}"
    verdict: Outcome = "passed"
    if _is_no_accident(found, usual):
        verdict = "warns"
        is_outside = found <= fewest or found >= most
        if is_outside and usual >= _ORDERS_NEEDED and before:
            if _was_so_a_year_ago(night.orders, day, found / usual, settings):
                says += "; the same day a year ago was as unusual"
            else:
                verdict = "blocks"
    return CheckResult(ORDER_VOLUME, verdict, found, limit, baseline, says)


def _limits(usual: float, settings: Settings) -> tuple[float, float]:
    """Return the fewest and the most; the lower limit allows for the random scatter of a count, its square root."""
    low = settings.min_volume_ratio * usual
    return low + sqrt(low), settings.max_volume_ratio * usual


def _usual(orders: Mapping[date, int], day: date, incidents: set[date]) -> float | None:
    """Return the median of the same weekday over eight weeks, or None if the history has too few of them."""
    days = usual_days(orders, day, incidents)
    return median(orders.get(d, 0) for d in days) if days else None


def usual_days(orders: Mapping[date, int], day: date, incidents: set[date]) -> list[date]:
    """Return the same weekday of the eight weeks before, without incidents; none if the history has too few of them."""
    first = min(orders, default=day)
    days = [day - timedelta(weeks=n) for n in range(1, _WEEKS + 1)]
    days = [d for d in days if d >= first]
    # if almost every day was acknowledged, treat the new level as normal
    ordinary = [d for d in days if d not in incidents]
    chosen = ordinary if len(ordinary) >= _WEEKS_NEEDED else days
    return chosen if len(chosen) >= _WEEKS_NEEDED else []


def _is_no_accident(found: float, usual: float) -> bool:
    return abs(found - usual) > _NOISE * sqrt(max(usual, 1.0))


def _was_so_a_year_ago(orders: Mapping[date, int], day: date, ratio: float, settings: Settings) -> bool:
    """Return whether the season of the day (a peak, a holiday) explains it: same weekday or same date last year."""
    for days in (364, 365):
        earlier = day - timedelta(days=days)
        usual = _usual(orders, earlier, set())
        if usual is None or usual < _ORDERS_NEEDED or not _is_no_accident(orders.get(earlier, 0), usual):
            continue
        then = orders.get(earlier, 0) / usual
        if (then == 0 and ratio == 0) or (
            then > 0 and settings.min_volume_ratio < ratio / then < settings.max_volume_ratio
        ):
            return True
    return False


def judge_guest_orders(night: Night, before: Sequence[GoodNight], settings: Settings) -> CheckResult:
    """Compare the share of orders with a customer on the last complete day with the eight weeks before.

    If an export drops customer IDs, order counts look normal but every buyer becomes a guest.
    Where a new share was acknowledged, the days since are a second baseline.
    """
    day = night.as_of - timedelta(days=1)
    today = night.buyers.get(day, DayOfOrders(0, 0))
    earlier = {d: found for d, found in night.buyers.items() if d < day}
    accepted = [n.as_of - timedelta(days=1) for n in before if GUEST_ORDERS in n.acknowledged]
    shares = [_share_with_customer(earlier.values())]
    if accepted:
        shares.append(_share_with_customer(found for d, found in earlier.items() if d >= accepted[-1]))
    usual = min((share for share in shares if share is not None), default=None)
    guests = f"{today.orders - today.with_customer} of {today.orders} orders on {day:%a %Y-%m-%d} are guest orders"
    if usual is None:
        says = f"{guests}; the history is too short for a baseline"
        return CheckResult(GUEST_ORDERS, "passed", today.with_customer, "none yet", "none yet", says)
    expected = usual * today.orders
    fewest, _ = _limits(expected, settings)
    limit = f"{fewest:.0f} with a customer ({settings.min_volume_ratio:g} times the usual share, random scatter added)"
    baseline = f"{usual:.1%} with a customer, of the orders of the last {_WEEKS} weeks"
    says = f"orders.customer_id: {guests}; limit {limit}; baseline {baseline}"
    verdict: Outcome = "passed"
    # where nearly every order has a customer, the share scatters less than a count
    noise = _NOISE * sqrt(max(expected * (1 - usual if usual >= _NEARLY_ALL else 1.0), 1.0))
    if expected - today.with_customer > noise:
        is_outside = today.with_customer <= fewest and expected >= (
            _BUYERS_NEEDED if usual >= _NEARLY_ALL else _ORDERS_NEEDED
        )
        verdict = "blocks" if is_outside and before else "warns"
    return CheckResult(GUEST_ORDERS, verdict, today.with_customer, limit, baseline, says)


def _share_with_customer(days: Iterable[DayOfOrders]) -> float | None:
    found = list(days)
    orders = sum(d.orders for d in found)
    return sum(d.with_customer for d in found) / orders if orders >= _BASELINE_NEEDS else None


def _levels(before: Sequence[GoodNight], check: str) -> list[GoodNight]:
    """Return the last ordinary night, and the last night where a new level was acknowledged if that came after it."""
    ordinary = [n for n in before if not n.acknowledged][-1:]
    accepted = [n for n in before if check in n.acknowledged][-1:]
    return ordinary + accepted


def judge_table_volume(night: Night, before: Sequence[GoodNight], settings: Settings) -> CheckResult:
    """Compare the rows of each source table with those of the last published night."""
    low, high = settings.min_volume_ratio, settings.max_volume_ratio
    limit = f"{low:g} to {high:g} times the rows of the last published night"
    levels = _levels(before, TABLE_VOLUME) or list(before[-1:])
    if not levels:
        return CheckResult(
            TABLE_VOLUME, "passed", 0, limit, "no earlier published night", "there is no earlier published night"
        )
    is_recent = (night.as_of - levels[-1].as_of).days <= _COMPARABLE_DAYS
    worst, details = 1.0, []
    for table in sorted({name for level in levels for name in level.rows}):
        held = night.rows.get(table, 0)
        judged = [level for level in levels if level.rows.get(table, 0) >= ROWS_NEEDED]
        limits = [_limits(level.rows[table], settings) for level in judged]
        if not judged or any(fewest < held < most for fewest, most in limits):
            continue
        level = judged[-1]
        worst = max(worst, held / level.rows[table], key=lambda r: abs(r - 1))
        details.append(f"{table}: {held} rows, {level.rows[table]} as of {level.as_of}")
    verdict: Outcome = "passed" if not details else "blocks" if is_recent else "warns"
    says = f"{'; '.join(details) or 'every table is within the limits'}; limit {limit}"
    return CheckResult(TABLE_VOLUME, verdict, worst, limit, f"the night of {levels[-1].as_of}", says, tuple(details))


def judge_freshness(night: Night, settings: Settings) -> CheckResult:
    """Compare the age of the newest order with the limit, or with the company's own longest pause if that is longer."""
    if night.newest_order is None:
        return CheckResult(FRESHNESS, "passed", 0, "none", "none", "there is no order before as_of")
    age = (night.as_of - night.newest_order).days
    year = sorted(d for d in night.orders if d > night.newest_order - timedelta(days=365))
    pause = max(((b - a).days for a, b in pairwise(year)), default=0)
    days = max(settings.max_stale_days, pause)
    limit = f"{days} days before as_of"
    baseline = f"{pause} days, the longest pause between order days of the last year"
    says = (
        f"orders: the newest order is dated {night.newest_order}, {age} days before as_of {night.as_of}; "
        f"limit {limit}; baseline {baseline}"
    )
    if age <= settings.max_stale_days:
        return CheckResult(FRESHNESS, "passed", age, limit, baseline, says)
    verdict: Outcome = "blocks" if age > days and settings.stale_data == "block" else "warns"
    return CheckResult(FRESHNESS, verdict, age, limit, baseline, says)


def judge_order_value(night: Night, before: Sequence[GoodNight], settings: Settings) -> CheckResult:
    """Compare the median order of the last day and week with the eight weeks before, and the last eight weeks with those
    of the last published night."""
    factor = settings.max_order_value_drift
    limit = f"{1 / factor:g} to {factor:g} times the median before"
    pairs = [
        ("the last day", night.medians["day"], "the eight weeks before", night.medians["before_day"]),
        ("the last week", night.medians["week"], "the eight weeks before", night.medians["before_week"]),
    ]
    levels = _levels(before, ORDER_VALUE)
    if before:
        last = (levels or list(before))[-1]
        pairs.append(
            (
                "the last eight weeks",
                night.medians["eight_weeks"],
                f"those up to {last.as_of}",
                last.medians["eight_weeks"],
            )
        )
    accepted = [n.medians["day"] for n in levels if ORDER_VALUE in n.acknowledged]
    worst, details, is_new = 1.0, [], False
    for when, now, then, usual in pairs:
        if now.orders < _MEDIAN_NEEDS or usual.orders < _BASELINE_NEEDS or usual.value <= 0:
            continue
        ratio = now.value / usual.value
        if 1 / factor < ratio < factor:
            continue
        worst = max(worst, ratio, key=lambda r: max(r, 1 / r) if r > 0 else float("inf"))
        is_new |= not any(_is_alike(now, level, factor) for level in accepted)
        details.append(
            f"the median order of {when} is {now.value:.2f}, that of {then} {usual.value:.2f} (x{ratio:.3g})"
        )
    verdict: Outcome = "passed" if not details else "blocks" if before and is_new else "warns"
    usual_now = night.medians["before_week"]
    says = f"clean.orders.amount: {'; '.join(details) or 'the median order is as before'}{_hint(worst)}; limit {limit}"
    return CheckResult(
        ORDER_VALUE, verdict, worst, limit, f"{usual_now.value:.2f}, the eight weeks before", says, tuple(details)
    )


def _is_alike(now: Median, level: Median, factor: float) -> bool:
    return level.value > 0 and 1 / factor < now.value / level.value < factor


def _hint(ratio: float) -> str:
    if ratio > 30:
        return ": are the amounts in cents instead of whole units of the currency?"
    return ": are the amounts in whole units instead of cents?" if 0 < ratio < 1 / 30 else ""


def judge_outlier_order(outlier: OutlierOrder | None) -> CheckResult:
    """Check whether one order of the last year is an outlier; this only warns."""
    if outlier is None:
        return CheckResult(OUTLIER_ORDER, "passed", 0, "none", "none", "there is no order in the last year")
    limit = f"{OUTLIER_MULTIPLE * outlier.percentile_99:,.2f} ({OUTLIER_MULTIPLE} times the 99th percentile)"
    baseline = f"{outlier.percentile_99:,.2f}, the 99th percentile of {outlier.orders:,} orders of the last year"
    says = (
        f"orders.amount: the largest order of the last year is {outlier.value:,.2f}, {outlier.value / outlier.total:.1%} of all "
        f"its money; limit {limit}; baseline {baseline}"
    )
    is_outlier = outlier.value > OUTLIER_MULTIPLE * outlier.percentile_99 and outlier.orders >= ROWS_NEEDED
    return CheckResult(OUTLIER_ORDER, "warns" if is_outlier else "passed", outlier.value, limit, baseline, says)


def judge_past_months(months: Mapping[str, MonthOfOrders], last: GoodNight | None, settings: Settings) -> CheckResult:
    """Find orders that the source lost or back-dated since the last published night; this only warns.

    Fewer lines or other money in a month is a change of the past; more lines are late arrivals if the month ended
    at most `lookback_days` ago.
    """
    limit = "no past month may change"
    if last is None or not last.months or not months:
        return CheckResult(
            PAST_MONTHS, "passed", 0, limit, "none yet", "there is no earlier published night to compare with"
        )
    open_since = f"{last.as_of - timedelta(days=settings.lookback_days):%Y-%m}"
    nothing = MonthOfOrders(0, 0.0)
    details = []
    for month in sorted(months.keys() | last.months.keys()):
        then, now = last.months.get(month, nothing), months.get(month, nothing)
        is_late = now.lines > then.lines and month >= open_since
        if then != now and not is_late:
            details.append(
                f"{month}: {then.lines} lines of {then.money:,.2f} before, {now.lines} lines of {now.money:,.2f} now"
            )
    says = (
        f"orders at the source: {'; '.join(details[:6]) or 'no past month changed'} (compared with as_of {last.as_of})"
    )
    return CheckResult(
        PAST_MONTHS, "warns" if details else "passed", len(details), limit, f"the night of {last.as_of}", says,
        tuple(details),
    )  # fmt: skip
