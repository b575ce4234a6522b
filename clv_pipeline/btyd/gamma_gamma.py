"""Gamma-Gamma: expected value of a customer's average order, shrunk towards the overall mean when there are few orders.

Belongs here: the Gamma-Gamma model of order values. Does not belong here: how many orders come (the other models), or
their product (`lifetime.py`). It assumes that order values and purchase rates are unrelated.

Sources: Fader, Hardie, Lee (2005), "RFM and CLV: using iso-value curves", Journal of Marketing Research 42(4);
Fader and Hardie (2013), "The gamma-gamma model of monetary value", eqs. (1a) and (5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

from clv_pipeline.btyd.likelihood import (
    MIN_REPEAT_CUSTOMERS,
    SHAPE_BOUNDS,
    FitResult,
    FitStatus,
    failed,
    maximise,
)
from clv_pipeline.btyd.model import SCREEN_ROWS, Parameters
from clv_pipeline.btyd.prior import Objective, Prior
from clv_pipeline.btyd.summary import Floats

SMALLEST_Q = 1.01
"""At q <= 1 the average customer would be worth infinitely much."""


@dataclass(frozen=True)
class GammaGamma(Parameters):
    """Order values are Gamma(p, nu) within a customer, nu ~ Gamma(q, v) across; v in money, the unit of the values."""

    name: ClassVar[str] = "gamma_gamma"

    p: float
    q: float
    v: float

    @classmethod
    def fit(cls, x: npt.ArrayLike, mean_value: npt.ArrayLike, prior: Prior | None = None) -> FitResult[GammaGamma]:
        """Maximum likelihood over customers with x > 0 repeat orders of positive mean value; others are left out.

        x, mean_value: shape (n,), the number of repeat orders and their mean value. With a prior, the mode of the
        posterior, for which one customer is enough; the log likelihood reported is still that of the data. Never raises
        on poor data: see `FitResult.status` and `reason`. Raises ValueError on values that are not finite or shapes that
        differ.

        >>> GammaGamma.fit([1, 2, 0], [10.0, 12.0, np.nan]).reason
        '2 customers have repeat orders with a value, 10 are needed'
        """
        count, value = _check_values(x, mean_value)
        used = (count > 0) & (value > 0)
        count, value = count[used], value[used]
        customers = float(len(count))
        needed = 1 if prior else MIN_REPEAT_CUSTOMERS
        if customers < needed:
            reason = f"{customers:.0f} customers have repeat orders with a value, {needed} are needed"
            return failed(cls.name, reason, customers)
        if prior is None and np.ptp(value) <= 1e-9 * value.max():
            return failed(cls.name, "every customer has the same mean order value", customers)
        typical = float(np.median(value))
        # A stride is a fair sample only of rows in random order, so it picks the start, never the result.
        stride = max(len(count) // SCREEN_ROWS, 1)

        def objective_on(rows: slice) -> Objective:
            scale = customers / len(count[rows])

            def objective(theta: Floats) -> tuple[float, Floats]:
                likelihood, gradient = cls(*theta.tolist()).log_likelihood_gradient(count[rows], value[rows])
                return likelihood * scale, gradient * scale

            return prior.added_to(objective, ("p", "q", "v")) if prior else objective

        optimum = maximise(
            objective_on(slice(None)),
            ("p", "q", "v"),
            [(p, q, typical * (q - 1) / p) for p, q in ((1.0, 2.0), (4.0, 3.0), (10.0, 6.0))],
            [SHAPE_BOUNDS, (SMALLEST_Q, SHAPE_BOUNDS[1]), (typical * 1e-6, typical * 1e6)],
            customers,
            screen=objective_on(slice(None, None, stride)) if stride > 1 else None,
        )
        if optimum.status is FitStatus.FAILED:
            return failed(cls.name, optimum.reason, customers)
        model = cls(*optimum.parameters.tolist())
        likelihood = model.log_likelihood_gradient(count, value)[0] if prior else optimum.log_likelihood
        return FitResult(cls.name, optimum.status, optimum.reason, model, likelihood, customers)

    def log_likelihood_gradient(self, x: Floats, mean_value: Floats) -> tuple[float, Floats]:
        """Log likelihood of positive means of x > 0 orders, eq. (1a), and its gradient in (p, q, v)."""
        p, q, v = self.p, self.q, self.v
        values, row = np.unique(x, return_inverse=True)
        customers = np.bincount(row).astype(np.float64)
        shape = p * values
        money = x * mean_value
        reach = np.log(money + v)
        by_value = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
        log_density = shape[row] * np.log(money) - np.log(mean_value) - (shape[row] + q) * reach
        by_shape = digamma(shape + q) - digamma(shape)
        gradient = [
            np.dot(customers, values * by_shape) + np.dot(x, np.log(money) - reach),
            np.dot(customers, digamma(shape + q) - digamma(q) + np.log(v)) - reach.sum(),
            len(x) * q / v - np.dot(shape[row] + q, 1 / (money + v)),
        ]
        return float(np.dot(customers, by_value) + log_density.sum()), np.array(gradient)

    def expected_average_value(self, x: npt.ArrayLike, mean_value: npt.ArrayLike) -> Floats:
        """Expected mean value of a customer's orders, shape (n,), in the unit of the values; eq. (5).

        p (v + x m) / (p x + q - 1): the mean of all customers where x = 0, whatever mean_value is there (NaN
        included). A negative mean (more returned than bought) counts as 0: the model allows positive orders only.
        Raises ValueError on other values that are not finite, or on a negative x.

        >>> GammaGamma(p=6.25, q=3.74, v=15.44).expected_average_value([0, 1, 100], [np.nan, 100.0, 100.0]).round(1)
        array([35.2, 80.3, 99.7])
        """
        count, value = _check_values(x, mean_value)
        money = np.where(count > 0, count * np.maximum(value, 0.0), 0.0)
        return self.p * (self.v + money) / (self.p * count + self.q - 1)


def _check_values(x: npt.ArrayLike, mean_value: npt.ArrayLike) -> tuple[Floats, Floats]:
    count = np.atleast_1d(np.asarray(x, dtype=np.float64))
    value = np.atleast_1d(np.asarray(mean_value, dtype=np.float64))
    if count.shape != value.shape or count.ndim != 1:
        raise ValueError("the number of orders and their mean value must be one-dimensional and equally long")
    if not (np.isfinite(count).all() and np.isfinite(value[count > 0]).all() and (count >= 0).all()):
        raise ValueError("the number of orders must be finite and at least 0, and their mean value finite")
    return count, value
