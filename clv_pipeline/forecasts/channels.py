"""Acquisition channels: what the buyers that each one brought have spent and will spend, with intervals.

Money here is spend, and margin where order lines have costs; other margins, costs per buyer, ratios and verdicts are
`sql/4_published/channel_*.sql`. Intervals: buyers are
drawn with replacement within their cohort (weights of a Poisson bootstrap, seeded), and what is predicted gets the error of
past totals, one for all channels. Channels are partly pooled towards the mean of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from clv_pipeline.contracts.warehouse import CHANNEL_GROUPS
from clv_pipeline.core.settings import Settings
from clv_pipeline.forecasts.channel_groups import MATURE_DAYS, Buyers, Group, groups_of, read_buyers
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row

_DRAWS = 200
#: Buyers whose weights are in memory at a time: 32 MB.
_DRAWN_AT_ONCE = 20_000
_NORMAL_95 = 1.645
#: Deviation of the logarithm of a total where no interval of one is known.
_UNKNOWN_ERROR = 0.3


@dataclass(frozen=True)
class PastErrors:
    """Deviation of the logarithm of the predicted total: of the primary horizon, and of a year and more."""

    horizon: float
    lifetime: float


def value_channels(warehouse: Warehouse, settings: Settings) -> dict[str, Any]:
    """Write `scores.channel_groups`; return what to show of it."""
    with warehouse.transaction() as connection:
        tables.create(connection, CHANNEL_GROUPS)
        buyers = read_buyers(connection, settings.gross_margin)
        groups = groups_of(connection, buyers)
        if not groups:
            return {"channels": 0}
        draws = _draws(buyers, groups, settings.seed)
        errors = _past_errors(connection)
        rows = [*_rows(buyers, groups, draws, errors, settings)]
        tables.append(connection, CHANNEL_GROUPS, pd.DataFrame(rows, columns=CHANNEL_GROUPS.column_names()))
    return {"channels": len({group.channel for group in groups}), "cohorts": len(groups)}


def _past_errors(connection: Connection) -> PastErrors:
    """Return the errors that the intervals of the predicted total and of a year of it speak of."""
    low, high = one_row(connection, "select predicted_total_low::double, predicted_total_high::double from scores.run")
    year = connection.execute(
        """
        select ahead_low::double, ahead_high::double from scores.revenue_forecast
        where row_kind = 'existing_customers' order by month_date desc limit 1
        """
    ).fetchall()
    return PastErrors(_deviation(low, high), _deviation(*(year[0] if year else (None, None))))


def _deviation(low: float | None, high: float | None) -> float:
    if not low or not high or low <= 0:
        return _UNKNOWN_ERROR
    return float(np.log(high / low) / 2 / _NORMAL_95)


@dataclass(frozen=True)
class Draws:
    """Sums over bootstrap draws (b) by group (g): weights, shape (g, b), and weighted money, shape (g, b, columns)."""

    weights: Array
    money: Array
    shocks: Array

    def means(self, of: list[int]) -> Array:
        """Return the mean per buyer of some groups together, shape (b, columns); nan in a draw that drew nobody."""
        weights = self.weights[of].sum(axis=0)[:, None]
        nobody = np.full(self.money.shape[1:], np.nan)
        return np.asarray(np.divide(self.money[of].sum(axis=0), weights, out=nobody, where=weights > 0))


def _draws(buyers: Buyers, groups: list[Group], seed: int) -> Draws:
    generator = np.random.default_rng(seed)
    shocks = generator.standard_normal(_DRAWS)
    weights = np.zeros((len(groups), _DRAWS))
    money = np.zeros((len(groups), _DRAWS, buyers.money.shape[1]))
    starts = np.cumsum([0, *(len(group.members) for group in groups)])
    order = np.concatenate([group.members for group in groups]).astype(np.intp)
    for first in range(0, len(order), _DRAWN_AT_ONCE):
        last = min(first + _DRAWN_AT_ONCE, len(order))
        drawn = generator.poisson(1.0, (last - first, _DRAWS)).astype(np.float64)
        for number, (start, end) in enumerate(pairwise(starts)):
            here = slice(max(start, first), min(end, last))
            if here.start < here.stop:
                part = drawn[here.start - first : here.stop - first]
                weights[number] += part.sum(axis=0)
                money[number] += part.T @ buyers.money[order[here]]
    return Draws(weights, money, shocks)


def _rows(
    buyers: Buyers, groups: list[Group], draws: Draws, errors: PastErrors, settings: Settings
) -> Iterator[tuple[object, ...]]:
    for number, group in enumerate(groups):
        yield _row(buyers, group, "cohort" if group.month else "other", draws.means([number]), draws, errors, settings)
    mature = {
        channel: [n for n, group in enumerate(groups) if group.channel == channel and group.is_mature]
        for channel in dict.fromkeys(group.channel for group in groups)
    }
    pooling = _Pooling.of(draws, mature, buyers, groups)
    for channel, numbers in mature.items():
        whole = Group.joined(channel, [groups[n] for n in numbers])
        drawn = pooling.drawn(channel, draws.means(numbers)) if len(whole.members) else draws.means(numbers)
        yield _row(buyers, whole, "mature", drawn, draws, errors, settings)


def _row(
    buyers: Buyers, group: Group, kind: str, drawn: Array, draws: Draws, errors: PastErrors, settings: Settings
) -> tuple[object, ...]:
    """Return a row of `scores.channel_groups`; drawn: means per buyer, shape (b, columns)."""
    count = len(group.members)
    own = buyers.money[group.members].mean(axis=0) if count else np.full(buyers.money.shape[1], np.nan)
    # the centre of the draws is the pooled mean; of a cohort it is its own
    centre = drawn.mean(axis=0) if kind == "mature" and count else own
    payback = _payback(buyers, group, centre, drawn, settings)
    spend = _figures("spend", buyers, group, own, centre, drawn, draws, errors)
    margin = (
        _figures("margin", buyers, group, own, centre, drawn, draws, errors)
        if buyers.has_margins
        else [None] * len(spend)
    )
    return (
        group.channel, kind, group.month, group.first_month, group.last_month, count,
        group.youngest_days if count else None, group.spend, group.recorded_cost, group.recorded_buyers, group.cost_basis,
        group.cost, *spend, *margin, *payback,
    )  # fmt: skip


def _figures(
    what: str, buyers: Buyers, group: Group, own: Array, centre: Array, drawn: Array, draws: Draws, errors: PastErrors
) -> list[float | None]:
    """Return the figures of a group in `spend` or in `margin`: so far, by age, of the first year, predicted, over the lifetime.

    own, centre: means per buyer, shape (columns,); drawn: shape (b, columns).
    """
    count = len(group.members)
    so_far, predicted, future = (buyers.column(f"{name}_{what}") for name in ("net", "predicted", "future"))
    horizon = drawn[:, predicted] * np.exp(errors.horizon * draws.shocks)
    lifetime = drawn[:, so_far] + drawn[:, future] * np.exp(errors.lifetime * draws.shocks)
    is_old = {days: count > 0 and group.youngest_days >= days for days in (30, 90, 180, MATURE_DAYS)}
    after = [own[buyers.column(f"{what}_{days}d")] if is_old[days] else None for days in is_old]
    first_year = buyers.column(f"{what}_{MATURE_DAYS}d")
    year = drawn[:, first_year] if is_old[MATURE_DAYS] else np.full(len(drawn), np.nan)
    return [
        *_plain(own[so_far], *after, centre[first_year] if is_old[MATURE_DAYS] else None),
        *_ends(year, 0.05, 0.95, 0.10, 0.90), *_plain(centre[predicted]), *_ends(horizon, 0.05, 0.95),
        *_plain(centre[so_far] + centre[future]), *_ends(lifetime, 0.05, 0.95),
    ]  # fmt: skip


def _payback(
    buyers: Buyers, group: Group, centre: Array, drawn: Array, settings: Settings
) -> tuple[int | None, int | None, int | None]:
    """Return the first month whose cumulative margin per buyer covers the cost, and both ends; None: not within those seen."""
    ages = [n for n, days in enumerate(buyers.payback_days) if len(group.members) and days <= group.youngest_days]
    rate = 1.0 if buyers.has_margins else settings.gross_margin
    if not ages or group.cost is None or not group.cost or rate is None:
        return None, None, None
    needed = float(group.cost) / len(group.members) / rate
    columns = [buyers.payback_column(age) for age in ages]

    def months(values: Array) -> Array:
        is_paid = values >= needed
        return np.where(is_paid.any(axis=-1), is_paid.argmax(axis=-1) + 1.0, np.inf)

    found = [float(months(centre[columns])), *np.quantile(months(drawn[:, columns]), [0.05, 0.95], method="nearest")]
    own, low, high = (int(month) if np.isfinite(month) else None for month in found)
    return own, low, high


def _plain(*values: float | None) -> list[float | None]:
    return [None if value is None or not np.isfinite(value) else round(float(value), 4) for value in values]


def _ends(draws: Array, *shares: float) -> list[float | None]:
    known = draws[np.isfinite(draws)]
    return _plain(*np.quantile(known, shares)) if len(known) else [None] * len(shares)


@dataclass(frozen=True)
class _Pooling:
    """Partial pooling of channels.

    own: each channel's means per buyer, shape (columns,). mean, draws: those of all mature buyers, shapes (columns,) and
    (b, columns). between: the variance between channels beyond what chance gives, shape (columns,).
    """

    own: dict[str, Array]
    mean: Array
    draws: Array
    between: Array

    @classmethod
    def of(cls, draws: Draws, mature: dict[str, list[int]], buyers: Buyers, groups: list[Group]) -> "_Pooling":
        """Return the pooling of the channels with mature buyers.

        The variance between them is that of DerSimonian and Laird, but at least its own standard error: among a few channels
        none is often measured by chance, and then no channel would differ from the others at all.
        """
        together = [number for numbers in mature.values() for number in numbers]
        members = np.concatenate([np.zeros(0, dtype=np.intp), *(groups[n].members for n in together)])
        own, within = {}, []
        for channel, numbers in mature.items():
            if any(len(groups[n].members) for n in numbers):
                own[channel] = buyers.money[np.concatenate([groups[n].members for n in numbers])].mean(axis=0)
                within.append(np.nanvar(draws.means(numbers), axis=0))
        columns = buyers.money.shape[1]
        if len(own) < 2:
            return cls(own, np.zeros(columns), np.zeros((_DRAWS, columns)), np.zeros(columns))
        means = np.array(list(own.values()))
        # channels whose buyers all spend the same have no variance of their own
        precision = 1 / np.maximum(np.array(within), 1e-9 * (1 + means**2))
        centre = (precision * means).sum(axis=0) / precision.sum(axis=0)
        freedom = len(own) - 1
        excess = np.maximum((precision * (means - centre) ** 2).sum(axis=0) - freedom, np.sqrt(2 * freedom))
        between = excess / (precision.sum(axis=0) - (precision**2).sum(axis=0) / precision.sum(axis=0))
        return cls(own, buyers.money[members].mean(axis=0), draws.means(together), between)

    def drawn(self, channel: str, means: Array) -> Array:
        """Return draws of the pooled means of a channel, shape (b, columns), from those of its own."""
        if len(self.own) < 2:
            return means
        own, within = self.own[channel], np.nanvar(means, axis=0)
        weight = self.between / (self.between + within)
        deviation = np.nan_to_num(means - own) * np.sqrt(weight) + np.nan_to_num(self.draws - self.mean) * (1 - weight)
        return np.asarray(weight * own + (1 - weight) * self.mean + deviation - deviation.mean(axis=0))
