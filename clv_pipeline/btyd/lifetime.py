"""From purchase models to money and dates: discounted residual purchases and value, and the date of the next order.

Belongs here: discounting over a horizon, and waiting times, for any purchase model. Does not belong here: fitting,
costs and margins, historic value.
"""

from __future__ import annotations

import datetime as dt
from math import ceil

import numpy as np
import numpy.typing as npt

from clv_pipeline.btyd.gamma_gamma import GammaGamma
from clv_pipeline.btyd.model import PurchaseModel
from clv_pipeline.btyd.summary import Floats, check_histories, distinct_rows

DAYS_PER_YEAR = 365.25
YEARLY_RATE = 0.10
HALVINGS = 40
"""Halves the logarithm of a waiting time's range until it is known to 1 part in 10^9."""


def discounted_purchases(
    model: PurchaseModel,
    horizon: float,
    x: npt.ArrayLike,
    t_x: npt.ArrayLike,
    T: npt.ArrayLike,
    *,
    yearly_rate: float = YEARLY_RATE,
    units_per_year: float = DAYS_PER_YEAR,
) -> Floats:
    """Expected purchases in (T, T + horizon], each discounted to T; shape (n,).

    The horizon is cut into quarters of units_per_year / 4 (the last may be short); the purchases expected in a quarter
    are discounted to its middle, which at 10 % a year is right to 2 parts in 10^4, by (1 + yearly_rate)^-years. Purchases
    before T are not in it: this is the residual.

    yearly_rate: above -1; 0.10 is 10 % a year, 0 turns discounting off. units_per_year: 365.25 for models fitted in
    days, 52.18 for weeks. Raises ValueError on a bad rate, horizon or history.

    >>> from clv_pipeline.btyd import MBGNBD
    >>> model = MBGNBD(r=0.5, alpha=100.0, a=0.8, b=2.4)
    >>> [discounted_purchases(model, 730, 3, 200, 220, yearly_rate=rate).round(2).item() for rate in (0.0, 0.1)]
    [4.62, 4.25]
    """
    if not yearly_rate > -1:
        raise ValueError(f"the yearly rate must be above -1, not {yearly_rate!r}")
    if not (np.isfinite(horizon) and horizon >= 0):
        raise ValueError("a horizon must be finite and at least 0")
    quarter = units_per_year / 4
    ends = np.minimum(np.arange(1, max(ceil(horizon / quarter - 1e-9), 1) + 1) * quarter, horizon)
    starts = np.concatenate([[0.0], ends[:-1]])
    discount = (1 + yearly_rate) ** (-(starts + ends) / 2 / units_per_year)
    # sum_i d_i (E_i - E_{i-1}) = sum_i E_i (d_i - d_{i+1}): one weight per horizon, no table of quarters per customer.
    return model.weighted_purchases(ends, discount - np.append(discount[1:], 0.0), x, t_x, T)


def discounted_value(
    model: PurchaseModel,
    value_model: GammaGamma,
    horizon: float,
    x: npt.ArrayLike,
    t_x: npt.ArrayLike,
    T: npt.ArrayLike,
    mean_value: npt.ArrayLike,
    *,
    yearly_rate: float = YEARLY_RATE,
    units_per_year: float = DAYS_PER_YEAR,
) -> Floats:
    """Discounted expected residual value over the horizon, shape (n,), in the unit of mean_value.

    `discounted_purchases` times `GammaGamma.expected_average_value`, which assumes that rates and order values are
    unrelated. mean_value: mean of the x repeat orders, ignored where x = 0.

    >>> from clv_pipeline.btyd import MBGNBD
    >>> model, values = MBGNBD(r=0.5, alpha=100.0, a=0.8, b=2.4), GammaGamma(p=6.25, q=3.74, v=15.44)
    >>> discounted_value(model, values, 730, x=[3, 0], t_x=[200, 0], T=[220, 220], mean_value=[50.0, np.nan]).round(2)
    array([204.44,  18.27])
    """
    purchases = discounted_purchases(model, horizon, x, t_x, T, yearly_rate=yearly_rate, units_per_year=units_per_year)
    return purchases * value_model.expected_average_value(x, mean_value)


def median_wait(
    model: PurchaseModel, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike, *, longest: float
) -> Floats:
    """Median time from T to the next purchase, given that the customer is alive at T; shape (n,).

    The smallest t with P(purchase within t | history, alive) = 1/2; infinity where that is more than `longest` away,
    or never (under the Pareto/NBD a living customer may leave before the next purchase). The median, because the mean
    waiting time is infinite wherever r + x <= 1. Multiply nothing by P(alive): report the two side by side.

    >>> from clv_pipeline.btyd import MBGNBD
    >>> model = MBGNBD(r=0.5, alpha=100.0, a=0.8, b=2.4)
    >>> median_wait(model, x=[9, 0], t_x=[210, 0], T=[220, 220], longest=365).round(1)
    array([24.2,  inf])
    """
    frequency, recency, age = check_histories(x, t_x, T)
    key = (frequency, age) if model.memoryless else (frequency, recency, age)
    first, kind = distinct_rows(*key)
    history = frequency[first], recency[first], age[first]
    low, high = np.full(len(first), np.log(longest * 1e-9)), np.full(len(first), np.log(longest))
    reached = model.probability_purchase_if_alive(longest, *history) >= 0.5
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        late = model.probability_purchase_if_alive(np.exp(middle), *history) >= 0.5
        low, high = np.where(late, low, middle), np.where(late, middle, high)
    return np.where(reached, np.exp(high), np.inf)[kind]


def next_order_dates(as_of: dt.date, wait_days: Floats) -> npt.NDArray[np.datetime64]:
    """The day `wait_days` after as_of, rounded up; shape (n,), datetime64[D], NaT where the wait is infinite.

    >>> next_order_dates(dt.date(2024, 6, 1), np.array([9.2, np.inf]))
    array(['2024-06-11',        'NaT'], dtype='datetime64[D]')
    """
    finite = np.isfinite(wait_days)
    days = np.ceil(np.where(finite, wait_days, 0.0)).astype("timedelta64[D]")
    return np.where(finite, np.datetime64(as_of, "D") + days, np.datetime64("NaT", "D"))
