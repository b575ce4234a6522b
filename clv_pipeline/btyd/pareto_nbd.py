"""Pareto/NBD: customers buy at gamma rates and leave at gamma rates, at any moment.

Belongs here: the Pareto/NBD's likelihood and predictions. Its integrals are evaluated at the nodes of `quadrature.py`.

Sources: Schmittlein, Morrison, Colombo (1987), "Counting your customers", Management Science 33(1); Fader and Hardie
(2005), "A note on deriving the Pareto/NBD model and related expressions". The integrals are those from which the note
derives its hypergeometric forms; the conditional expectation is the note's closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import digamma, exprel, gammaln, logsumexp

from clv_pipeline.btyd.likelihood import SHAPE_BOUNDS
from clv_pipeline.btyd.model import PurchaseModel
from clv_pipeline.btyd.quadrature import POWER_NODES, blocks, power_nodes
from clv_pipeline.btyd.summary import Floats, PurchaseSummary, distinct_rows


@dataclass(frozen=True)
class ParetoNBD(PurchaseModel):
    """Parameters r, alpha (time units) of the purchase rate and s, beta (time units) of the dropout rate."""

    name: ClassVar[str] = "pareto_nbd"
    real_parameters: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")

    r: float
    alpha: float
    s: float
    beta: float

    @property
    def memoryless(self) -> bool:
        return True

    @classmethod
    def _search(cls, summary: PurchaseSummary) -> tuple[list[list[float]], list[tuple[float, float]]]:
        exposure = float(np.dot(summary.weight, summary.age))
        # without any repeat purchase, half of one
        rate = max(float(np.dot(summary.weight, summary.frequency)), 0.5) / exposure
        longest = float(summary.age.max())
        shapes = [(0.5, 0.6, 0.3), (1.0, 0.3, 1.0), (1.0, 2.0, 5.0), (3.0, 1.0, 0.1)]
        starts = [[r, 0.5 * r / rate, s, life * longest] for r, s, life in shapes]
        scales = (longest * 1e-6, longest * 1e6)
        return starts, [SHAPE_BOUNDS, scales, SHAPE_BOUNDS, scales]

    def log_likelihood_gradient(self, summary: PurchaseSummary) -> tuple[float, Floats]:
        """Log likelihood of all customers and its gradient in (r, alpha, s, beta).

        L = Gamma(r + x) alpha^r beta^s / Gamma(r) *
            { (alpha + T)^-(r + x) (beta + T)^-s + integral over y in [t_x, T] of
              s (alpha + y)^-(r + x) (beta + y)^-(s + 1) },
        the integral being over the moment of leaving.
        """
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        values, row = summary.by_frequency
        by_value = np.bincount(row, summary.weight)
        customers = summary.customers
        constant = gammaln(r + values) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        likelihood = float(np.dot(by_value, constant))
        gradient = np.array(
            [
                np.dot(by_value, digamma(r + values) - digamma(r) + np.log(alpha)),
                customers * r / alpha,
                customers * np.log(beta),
                customers * s / beta,
            ]
        )
        for part in blocks(len(summary), POWER_NODES):
            value, slope = self._mixture(
                summary.frequency[part], summary.recency[part], summary.age[part], summary.weight[part]
            )
            likelihood += value
            gradient += slope
        return likelihood, gradient

    def _mixture(self, x: Floats, t_x: Floats, T: Floats, weight: Floats) -> tuple[float, Floats]:
        """Weighted sum of the logarithm of the braces, and its gradient."""
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        alive, gone, moment = self._log_branches(x, t_x, T)
        total = logsumexp(np.column_stack([alive, gone]), axis=1)
        # The branches as one table: the columns are the moments of leaving, the last one "still here at T".
        share = np.exp(np.column_stack([gone, alive]) - total[:, None])
        moment = np.column_stack([moment, T])
        left = np.ones(moment.shape[1])
        left[-1] = 0.0
        bought, lived = alpha + moment, beta + moment
        log_lived = np.log(lived)
        slope = [
            -np.dot(weight, np.einsum("in,in->i", share, np.log(bought))),
            -np.dot(weight, (r + x) * np.einsum("in,in->i", share, 1 / bought)),
            np.dot(weight, np.einsum("in,in->i", share, left / s - log_lived)),
            -np.dot(weight, np.einsum("in,in->i", share, (s + left) / lived)),
        ]
        return float(np.dot(weight, total)), np.array(slope)

    def _log_branches(self, x: Floats, t_x: Floats, T: Floats) -> tuple[Floats, Floats, Floats]:
        """Logarithms of the braces of the likelihood: alive, shape (n,); gone, shape (n, nodes); and the nodes y."""
        D, s = self.r + x, self.s
        alive = -D * np.log(self.alpha + T) - s * np.log(self.beta + T)
        bought, lived = self.alpha + t_x, self.beta + t_x
        ahead, log_weight = power_nodes(D, bought, np.full_like(D, s + 1), lived, T - t_x)
        log_density = -D[:, None] * np.log(bought[:, None] + ahead) - (s + 1) * np.log(lived[:, None] + ahead)
        return alive, np.log(s) + log_density + log_weight, t_x[:, None] + ahead

    def _alive(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """P(alive) = the alive branch's share of the likelihood."""
        result = np.empty(len(x))
        for part in blocks(len(x), POWER_NODES):
            alive, gone, _ = self._log_branches(x[part], t_x[part], T[part])
            result[part] = np.exp(alive - np.logaddexp(alive, logsumexp(gone, axis=1)))
        return result

    def _purchases_if_alive(self, horizons: Floats, weights: Floats, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """(r + x) / (alpha + T) * (beta + T) / (s - 1) * (1 - ((beta + T) / (beta + T + t))^(s - 1)), or its limit."""
        lived = self.beta + T
        total = np.zeros(len(x))
        for horizon, weight in zip(horizons, weights, strict=True):
            span = np.log1p(horizon / lived)
            total += weight * span * exprel((1 - self.s) * span)
        return (self.r + x) / (self.alpha + T) * lived * total

    def _purchase_if_alive(self, horizon: Floats, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Integral over the time u of the next purchase of D A^D B^s (A + u)^-(D + 1) (B + u)^-s.

        A = alpha + T, B = beta + T, D = r + x: given alive at T the rates are independent Gamma(D, A) and Gamma(s, B).
        Distinct (x, T, horizon) are few even among millions of customers, so the quadrature runs on those.
        """
        first, kind = distinct_rows(x, T, horizon)
        x, T, horizon = x[first], T[first], horizon[first]
        result = np.empty(len(x))
        for part in blocks(len(x), POWER_NODES):
            D, A, B = self.r + x[part], self.alpha + T[part], self.beta + T[part]
            ahead, log_weight = power_nodes(D + 1, A, np.full_like(D, self.s), B, horizon[part])
            log_density = -(D + 1)[:, None] * np.log1p(ahead / A[:, None]) - self.s * np.log1p(ahead / B[:, None])
            result[part] = D / A * np.exp(log_density + log_weight).sum(axis=1)
        return np.minimum(result, 1.0)[kind]
