"""Checks of tonight's customers, dispositions and order times against the last published night, or against themselves.

Pure functions on what `source_measures.py` measured; what an acknowledgement is, is in `night_checks.py`.
"""

from itertools import pairwise
from math import sqrt

from clv_pipeline.quality.night_checks import (
    CONSENT,
    CURRENCIES,
    CUSTOMER_KEYS,
    DISPOSITIONS,
    LAST_DAY,
    ORDER_TIMES,
    PLAUSIBILITY,
    UNKNOWN_CUSTOMERS,
    CheckResult,
    Outcome,
)
from clv_pipeline.quality.source_measures import CURRENCY, AtStake, LastDay, OrderTimes, SourceFigures

#: Unclear consents of more customers than this on a first night: the column is probably not what it seems.
_UNCLEAR_SHARE = 0.20
#: Refusals fall by chance by no more than this share, nor by this many standard deviations of a count.
_FALL_SHARE, _FALL_NOISE = 0.05, 3.0
_UNKNOWN_RISE = 0.20
#: Of the customers of the last published night fewer than these are there: all have new numbers, or some are lost.
_KEPT_BLOCKS, _KEPT_WARNS = 0.5, 0.9
_FEW = 20
#: More than half of the lines delivered twice or in an older version, and this much more than in the last published night.
_REPEATED_SHARE, _REPEATED_RISE = 0.5, 0.1
#: A shift of the time of day by this many hours, or by this many standard errors where there are few orders.
_CURRENCY_CHANGE, _CURRENCY_GONE = 0.1, 0.01
#: Where so many orders are usual, none is no accident (e to the power of minus this).
_EXPECTED_IN_GAP = 10.0
#: Of so many orders or more, this share in an outer percent is no accident.
_EXTREME_ORDERS, _EXTREME_SHARE = 4, 0.7
_FREE_SHARE = 0.5
#: Of the money of the last year: a month that is missing stays below it, a quarter does not.
_AT_STAKE = 0.2
_SHIFT_HOURS, _SHIFT_NOISE, _SHIFT_ORDERS = 0.75, 4.0, 30


def judge_source(seen: SourceFigures) -> list[CheckResult]:
    """Return the outcome of each check, in the order of `NIGHT_CHECKS`."""
    return [
        judge_consent(seen),
        judge_unknown_customers(seen),
        judge_customer_keys(seen),
        judge_dispositions(seen),
        judge_order_times(seen),
        judge_currencies(seen),
        judge_last_day(seen.last_day),
        judge_plausibility(seen),
    ]


def judge_consent(seen: SourceFigures) -> CheckResult:
    """Unclear consents may not be many on a first night, and refusals may not get lost afterwards."""
    customers, refused = seen.figures["customers"], seen.figures["not profiled"]
    unclear = seen.figures["unclear consent"]
    limit = f"{_UNCLEAR_SHARE:.0%} of the customers unclear on a first night; no lost refusals later"
    if not seen.before:
        share = unclear / max(customers, 1)
        says = (
            f"customers.profiling_consent: {unclear:.0f} of {customers:.0f} customers ({share:.0%}) have no clear consent, "
            f"{seen.figures['unknown buyers']:.0f} of them because their orders.customer_id has no CRM record; limit {limit}"
        )
        return CheckResult(CONSENT, "blocks" if share > _UNCLEAR_SHARE else "passed", unclear, limit, "none", says)
    before = seen.before.get("not profiled", 0.0)
    fall = before - refused
    is_lost = fall > 0 and (refused == 0 or fall > max(_FALL_NOISE * sqrt(before), _FALL_SHARE * before))
    says = (
        f"customers.profiling_consent: {refused:.0f} customers are not profiled, {before:.0f} in the last published night; "
        f"limit {limit}"
    )
    return CheckResult(CONSENT, "blocks" if is_lost else "passed", refused, limit, f"{before:.0f}", says)


def judge_unknown_customers(seen: SourceFigures) -> CheckResult:
    """The share of buyers without a CRM record may not jump."""
    share = seen.figures["unknown buyers"] / max(seen.figures["buyers"], 1)
    limit = f"{_UNKNOWN_RISE:.0%} points more than in the last published night"
    if "unknown buyers" not in seen.before:
        says = f"{share:.0%} of the buyers are not in the customers table; no earlier published night"
        return CheckResult(UNKNOWN_CUSTOMERS, "passed", share, limit, "none", says)
    before = seen.before["unknown buyers"] / max(seen.before["buyers"], 1)
    says = f"customers.customer_id: {share:.0%} of the buyers are not in the customers table, {before:.0%} before; limit {limit}"
    verdict: Outcome = "blocks" if share - before > _UNKNOWN_RISE else "passed"
    return CheckResult(UNKNOWN_CUSTOMERS, verdict, share, limit, f"{before:.0%}", says)


def judge_customer_keys(seen: SourceFigures) -> CheckResult:
    """Customers do not vanish overnight; if most do, the source gives them other numbers."""
    limit = f"{_KEPT_BLOCKS:.0%} of the customers of the last published night, or a warning below {_KEPT_WARNS:.0%}"
    if seen.published < _FEW:
        says = "no earlier published night with enough customers"
        return CheckResult(CUSTOMER_KEYS, "passed", seen.kept, limit, "none", says)
    share = seen.kept / seen.published
    says = (
        f"orders.customer_id, customers.customer_id: {seen.kept} of the {seen.published} customers of the last published "
        "night are still "
        f"there ({share:.0%}); limit {limit}"
    )
    verdict: Outcome = "blocks" if share < _KEPT_BLOCKS else "warns" if share < _KEPT_WARNS else "passed"
    return CheckResult(CUSTOMER_KEYS, verdict, share, limit, f"{seen.published}", says)


def judge_dispositions(seen: SourceFigures) -> CheckResult:
    """A table that is mostly repetitions of itself was loaded twice, or its key is no key."""
    limit = f"{_REPEATED_SHARE:.0%} of the lines duplicate or superseded"
    repeated = {d: seen.shares.get(d, 0.0) for d in ("duplicate", "superseded")}
    worst = max(repeated, key=lambda d: repeated[d])
    before = seen.before.get(f"share {worst}", 0.0)
    says = (
        f"orders.order_line_id: {repeated[worst]:.0%} of the lines are {worst}, {before:.0%} in the last published night; "
        f"limit {limit}"
    )
    is_too_much = repeated[worst] >= _REPEATED_SHARE and repeated[worst] > before + _REPEATED_RISE
    return CheckResult(
        DISPOSITIONS, "blocks" if is_too_much else "passed", repeated[worst], limit, f"{before:.0%}", says
    )


def judge_order_times(seen: SourceFigures) -> CheckResult:
    """The time of day of the orders does not shift; if it does, the source writes another time zone."""
    limit = f"{_SHIFT_HOURS:g} hours, or {_SHIFT_NOISE:g} standard errors"
    shifts, details = [0.0], []
    for name in ("day", "week"):
        if name in seen.times and "earlier" in seen.times:
            shifts.append(_shift(seen.times[name], seen.times["earlier"].mean))
            if abs(shifts[-1]) > _noise(seen.times[name]):
                details.append(
                    f"the orders of the last {name} are {shifts[-1]:+.1f} hours from those of the eight weeks before"
                )
    if "order hour" in seen.before and "eight_weeks" in seen.times:
        shifts.append(_shift(seen.times["eight_weeks"], seen.before["order hour"]))
        if abs(shifts[-1]) > _noise(seen.times["eight_weeks"]):
            details.append(f"the last eight weeks are {shifts[-1]:+.1f} hours from those of the last published night")
    says = f"orders.ordered_at: {'; '.join(details) or 'the time of day of the orders is as before'}; limit {limit}"
    if details:
        says += ". A source that writes another time zone moves orders to another day: check time_zone and the export"
    verdict: Outcome = "warns" if details else "passed"
    return CheckResult(
        ORDER_TIMES, verdict, max(shifts, key=abs), limit, "the eight weeks before", says, tuple(details)
    )


def judge_currencies(seen: SourceFigures) -> CheckResult:
    """A currency neither vanishes nor appears overnight: amounts would be taken for another one's."""
    limit = f"a change of {_CURRENCY_CHANGE:.0%} points, and none gone or new above {_CURRENCY_GONE:.0%}"
    before = {name: share for name, share in seen.before.items() if name.startswith(CURRENCY)}
    now = {name: share for name, share in seen.figures.items() if name.startswith(CURRENCY)}
    details, worst = [], 0.0
    for name in sorted({*before, *now}) if before else []:
        then, share = before.get(name, 0.0), now.get(name, 0.0)
        is_gone_or_new = (not then or not share) and max(then, share) >= _CURRENCY_GONE
        if is_gone_or_new or abs(share - then) > _CURRENCY_CHANGE:
            details.append(
                f"{share:.0%} of the lines are in {name.removeprefix(CURRENCY)}, {then:.0%} in the last published night"
            )
        worst = max(worst, abs(share - then))
    says = f"orders.currency: {'; '.join(details) or 'the currencies are as before'}; limit {limit}"
    verdict: Outcome = "blocks" if details else "passed"
    return CheckResult(CURRENCIES, verdict, worst, limit, "the last published night", says, tuple(details))


def judge_last_day(day: LastDay) -> CheckResult:
    """The last complete day is like the days before: no hours lost, no order of magnitude changed, prices there."""
    limit = f"{_EXPECTED_IN_GAP:g} usual orders in a gap; {_EXTREME_SHARE:.0%} of the orders in the outer percents"
    details = []
    begin, end, expected = _widest_gap(day)
    if expected >= _EXPECTED_IN_GAP:
        details.append(
            f"orders.ordered_at: no order between {begin:.0f} and {end:.0f} o'clock on {day.day:%a %Y-%m-%d}, where "
            f"{expected:.0f} are usual"
        )
    orders = len(day.hours)
    for count, where in ((day.small, "below the 1st percentile"), (day.large, "above the 99th percentile")):
        if orders >= _EXTREME_ORDERS and count >= _EXTREME_SHARE * orders:
            details.append(
                f"orders.amount: {count} of {orders} orders on {day.day} are {where} of the orders of the year before"
            )
    if day.free >= _FREE_SHARE and day.usually_free < _FREE_SHARE / 10:
        details.append(
            f"orders.amount: {day.free:.0%} of the lines of {day.day} have no price, {day.usually_free:.0%} before"
        )
    says = "; ".join(details) or f"orders: {orders} orders on {day.day:%a %Y-%m-%d} are like those before"
    verdict: Outcome = "warns" if details else "passed"
    return CheckResult(
        LAST_DAY, verdict, expected, limit, f"{day.usual:g} orders, the median of that weekday", says, tuple(details)
    )


def judge_plausibility(seen: SourceFigures) -> CheckResult:
    """On a first night nothing that is probably an error may make up a large share of the money.

    Findings of one check add up; those of different checks may be about the same rows, so the largest counts. Later nights
    pass: they are compared with the published one.
    """
    limit = f"{_AT_STAKE:.0%} of the money of the last year, on a first night"
    worst = max(seen.at_stake, key=lambda found: found.share, default=AtStake("", 0.0, ()))
    if seen.before:
        says = "an earlier night is published; the warnings of clean.orders have what is unusual"
        return CheckResult(PLAUSIBILITY, "passed", worst.share, limit, "the last published night", says)
    if worst.share <= _AT_STAKE:
        says = f"clean.orders: what is unusual concerns {worst.share:.0%} of the money of the last year; limit {limit}"
        return CheckResult(PLAUSIBILITY, "passed", worst.share, limit, "none", says)
    details = tuple(text for found in seen.at_stake if found.share > _AT_STAKE for text in found.texts)
    says = f"{'; '.join(details[:3])}. If this is an error, the total is off by {worst.share:.0%}; limit {limit}"
    return CheckResult(PLAUSIBILITY, "blocks", worst.share, limit, "none", says, details)


def _widest_gap(day: LastDay) -> tuple[float, float, float]:
    """Return begin, end and usual orders of the gap between two orders of the day (or its ends) that misses the most.

    >>> from datetime import date
    >>> calm = LastDay(date(2024, 5, 31), (9.0, 12.0), 40.0, {9: 0.5, 15: 0.25, 20: 0.25}, 0, 0, 0.0, 0.0)
    >>> _widest_gap(calm)
    (12.0, 24.0, 20.0)
    """
    edges = [0.0, *day.hours, 24.0]
    gaps = [
        (begin, end, day.usual * sum(share for hour, share in day.profile.items() if begin < hour and hour + 1 <= end))
        for begin, end in pairwise(edges)
    ]
    return max(gaps, key=lambda gap: gap[2])


def _shift(times: OrderTimes, usual: float) -> float:
    """Return the difference of two times of day in hours, between -12 and 12.

    >>> _shift(OrderTimes(1.0, 3.0, 50), 23.0)
    2.0
    """
    return (times.mean - usual + 12) % 24 - 12


def _noise(times: OrderTimes) -> float:
    """Return the shift in hours from which on it is no accident; with few orders none is."""
    if times.orders < _SHIFT_ORDERS:
        return 24.0
    return max(_SHIFT_HOURS, _SHIFT_NOISE * times.deviation / sqrt(times.orders))
