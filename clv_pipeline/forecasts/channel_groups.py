"""Buyers by acquisition channel and month of their first purchase, with the channels' costs. No statistics here."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from clv_pipeline.modeling.metrics import Array
from clv_pipeline.warehouse.connection import Connection, one_row

#: A cohort is mature once every member is this old.
MATURE_DAYS = 365
#: Fewer buyers are not shown alone.
_SMALLEST = 5
_AGES = (30, 90, 180, MATURE_DAYS)
#: Ends of the first twelve months after the first purchase, in days.
_PAYBACK_DAYS = tuple(round(MATURE_DAYS * month / 12) for month in range(1, 13))
#: The channel of buyers of whom none is known.
UNKNOWN, OTHER = "unknown", "other"
#: Months at the beginning of the data whose first purchases may not be first ones.
_CENSORED_MONTHS = 3

_SPANS = sorted({*_AGES, *_PAYBACK_DAYS})
_BUYERS = """
    with days as (
        select customer_day.*{margin_of_day}
        from features.customer_day cross join scores.run{money_of_day} where customer_day.order_date < run.as_of
    ),

    firsts as (
        select customer_id, min(order_date) as first_date from days where is_purchase_day group by customer_id
    )

    select
        firsts.customer_id,
        coalesce(any_value(customers.acquisition_channel), '{unknown}') as channel,
        any_value(date_trunc('month', firsts.first_date)::date) as month,
        date_diff('day', firsts.first_date, any_value(run.as_of)) as age,
        any_value(customers.acquisition_cost)::double as recorded_cost,
        sum(days.net_spend)::double as net_spend,
        any_value(customer_scores.primary_spend)::double as predicted_spend,
        coalesce(any_value(customer_scores.lifetime_spend * customer_scores.lifetime_discount), 0)::double as future_spend,
        {spans}
    from firsts
    cross join scores.run
    inner join days on firsts.customer_id = days.customer_id and days.order_date >= firsts.first_date
    inner join clean.customers on firsts.customer_id = customers.customer_id
    left join scores.customer_scores on firsts.customer_id = customer_scores.customer_id
    {rates}
    group by firsts.customer_id, firsts.first_date
    order by channel, month, firsts.customer_id
"""
_MARGIN_OF_DAY = """,
            (
                coalesce(money.spend_with_cost - money.cost, 0)
                + (customer_day.net_spend - coalesce(money.spend_with_cost, 0)) * coalesce($gross_margin, 0)
            )::double as margin"""
_MONEY_OF_DAY = """
        left join features.customer_day_money as money
            on customer_day.customer_id = money.customer_id and customer_day.order_date = money.order_date"""
_RATES = """
    cross join features.company_margin
    left join features.customer_margins on firsts.customer_id = customer_margins.customer_id
"""
_RATE = "any_value(coalesce(customer_margins.margin_rate, company_margin.margin_rate))"
_SPEND = """
    select marketing_spend.channel, date_trunc('month', marketing_spend.spend_date)::date as month,
        sum(marketing_spend.spend)::double as spend
    from clean.marketing_spend
    cross join scores.run
    where marketing_spend.spend_date < run.as_of
    group by marketing_spend.channel, date_trunc('month', marketing_spend.spend_date)::date
    order by channel, month
"""


@dataclass(frozen=True)
class Buyers:
    """Everybody who has bought (n). money: shape (n, columns), by the names of `columns`."""

    channel: list[str]
    month: list[date]
    age: Array
    recorded_cost: Array
    money: Array
    columns: list[str]

    def column(self, name: str) -> int:
        return self.columns.index(name)

    @property
    def payback_days(self) -> Sequence[int]:
        return _PAYBACK_DAYS

    @property
    def has_margins(self) -> bool:
        """Whether margins come from the costs of order lines: then each column of spend has one of margin beside it."""
        return "net_margin" in self.columns

    def payback_column(self, month: int) -> int:
        return self.column(f"{'margin' if self.has_margins else 'spend'}_{_PAYBACK_DAYS[month]}d")


@dataclass(frozen=True)
class Group:
    """Buyers of a channel and a month, or of its small months together (month is then None), with what the channel cost.

    members: positions in `Buyers`. cost: the money of the cost basis; None without one. is_mature: see `groups_of`.
    """

    channel: str
    month: date | None
    first_month: date | None
    last_month: date | None
    members: np.ndarray
    youngest_days: int
    spend: float
    recorded_cost: float
    recorded_buyers: int
    cost_basis: str
    cost: float | None
    is_mature: bool

    @classmethod
    def joined(cls, channel: str, parts: Sequence["Group"]) -> "Group":
        """Return the groups of a channel as one; without any, an empty one."""
        members = np.concatenate([np.zeros(0, dtype=np.intp), *(part.members for part in parts)])
        costs = [part.cost for part in parts if part.cost is not None]
        with_members = [part.youngest_days for part in parts if len(part.members)]
        return cls(
            channel, None, min((p.first_month for p in parts if p.first_month), default=None),
            max((p.last_month for p in parts if p.last_month), default=None), members, min(with_members, default=0),
            sum(p.spend for p in parts), sum(p.recorded_cost for p in parts), sum(p.recorded_buyers for p in parts),
            parts[0].cost_basis if parts else "none", sum(costs) if costs else None, True,
        )  # fmt: skip


def read_buyers(connection: Connection, gross_margin: float | None) -> Buyers:
    """Return everybody who bought before as_of, by channel, month and number; with margins if lines have costs and no line is
    without both its cost and the setting gross_margin.
    """
    (has_costs,) = one_row(
        connection,
        "select count(*) > 0 from features.company_margin where margin_source in ('cost', 'mixed') and is_complete",
    )
    kinds = {"spend": "net_spend", **({"margin": "margin"} if has_costs else {})}
    spans = [
        f"coalesce(sum(days.{column}) filter (where days.order_date < firsts.first_date + {days}), 0)::double as {kind}_{days}d"
        for kind, column in kinds.items()
        for days in _SPANS
    ]
    if has_costs:
        spans += [
            "sum(days.margin) as net_margin",
            f"any_value(customer_scores.primary_spend)::double * {_RATE} as predicted_margin",
            "coalesce(any_value(customer_scores.lifetime_spend * customer_scores.lifetime_discount), 0)::double "
            f"* {_RATE} as future_margin",
        ]
    query = _BUYERS.format(
        margin_of_day=_MARGIN_OF_DAY if has_costs else "",
        money_of_day=_MONEY_OF_DAY if has_costs else "",
        rates=_RATES if has_costs else "",
        unknown=UNKNOWN,
        spans=", ".join(spans),
    )
    frame = connection.execute(query, {"gross_margin": gross_margin} if has_costs else {}).df()
    columns = [
        name for name in frame.columns if name.endswith(("_spend", "_margin", "d")) and name.split("_")[0] != "customer"
    ]
    money = frame[columns].to_numpy(np.float64)
    months = [month.date() for month in frame["month"]]
    recorded = frame["recorded_cost"].to_numpy(np.float64)
    return Buyers(list(frame["channel"]), months, frame["age"].to_numpy(np.float64), recorded, money, columns)


def groups_of(connection: Connection, buyers: Buyers) -> list[Group]:
    """Return the groups: channel and month, without revealing fewer than five buyers.

    Channels with fewer than five buyers are one channel, other; months of a channel with fewer than five are one group; where
    these are too few even together, the smallest other one joins them. A group is mature if every member had a year since the
    first purchase, and no month is one of the first three with a purchase in the data, whose buyers may be older than it.
    Costs: marketing spend if there is any at all, for every channel; else the costs recorded with the customers.
    """
    counts = Counter(buyers.channel)
    few = {channel for channel, count in counts.items() if count < _SMALLEST}
    if few and sum(counts[channel] for channel in few) < _SMALLEST and len(few) < len(counts):
        few.add(min(counts.keys() - few, key=lambda channel: (counts[channel], channel)))
    channels = np.array([OTHER if channel in few else channel for channel in buyers.channel], dtype=object)
    spend: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for channel, month, money in connection.execute(_SPEND).fetchall():
        spend[OTHER if channel in few else channel][month] += money
    (as_of,) = one_row(connection, "select as_of from scores.run")
    if any(sum(months.values()) > 0 for months in spend.values()):
        basis = "marketing_spend"
    else:
        basis = "recorded_cost" if np.isfinite(buyers.recorded_cost).any() else "none"
    first = min(buyers.month) if buyers.month else as_of
    calendar = _Calendar(as_of, _months_later(first, _CENSORED_MONTHS))
    found: list[Group] = []
    for name in sorted({*channels, *spend}):
        found += _months_of(name, np.flatnonzero(channels == name), buyers, spend.get(name, {}), basis, calendar)
    return found


@dataclass(frozen=True)
class _Calendar:
    """The night, and the first month whose buyers are not older than the data."""

    as_of: date
    start: date


def _months_of(
    channel: str, own: np.ndarray, buyers: Buyers, spend: Mapping[date, float], basis: str, calendar: _Calendar
) -> Iterator[Group]:
    """Yield the groups of a channel, its small months together at the end."""
    by_month: dict[date, list[int]] = defaultdict(list)
    for member in own:
        by_month[buyers.month[member]].append(int(member))
    small = sorted(month for month, members in by_month.items() if len(members) < _SMALLEST)
    shown = sorted({*by_month, *spend} - set(small))
    # a single pooled buyer would be known by subtraction: the next smallest month joins
    with_buyers = [month for month in shown if month in by_month]
    if small and sum(len(by_month[month]) for month in small) < _SMALLEST and with_buyers:
        smallest = min(with_buyers, key=lambda month: (len(by_month[month]), month))
        shown.remove(smallest)
        small = sorted([*small, smallest])
    for months in [*([month] for month in shown), *([small] if small else [])]:
        members = np.array([member for month in months for member in by_month.get(month, [])], dtype=np.intp)
        costs = buyers.recorded_cost[members]
        money, recorded = sum(spend.get(month, 0.0) for month in months), float(np.nansum(costs))
        known = {
            "marketing_spend": money if spend else None,
            "recorded_cost": recorded if np.isfinite(costs).any() else None,
        }
        cost = known.get(basis)
        end = _months_later(months[-1], 1)
        youngest = int(buyers.age[members].min()) if len(members) else (calendar.as_of - end).days + 1
        yield Group(
            channel, None if months is small else months[0], months[0], months[-1], members, youngest, money, recorded,
            int(np.isfinite(costs).sum()), "none" if cost is None else basis, cost,
            # the money of a month is spent by its end, when its last buyer may come
            youngest >= MATURE_DAYS and end <= calendar.as_of and months[0] >= calendar.start,
        )  # fmt: skip


def _months_later(month: date, months: int) -> date:
    """Return the first day of a month so many months later.

    >>> print(_months_later(date(2024, 11, 1), 3))
    2025-02-01
    """
    years, rest = divmod(month.month - 1 + months, 12)
    return date(month.year + years, rest + 1, 1)
