"""The family with gamma purchase rates and beta-geometric dropout: BG/NBD, MBG/NBD and their Erlang-k extensions.

Belongs here: the one likelihood and the one set of predictions behind all four models. Does not belong here: what tells
them apart (whether a customer may leave right after the first purchase, the regularity k), which is in their modules.

Waiting times between purchases are Erlang(k, lambda): k exponential stages, k = 1 being the Poisson process. Rates
lambda ~ Gamma(r, alpha); after each purchase the customer leaves with probability p ~ Beta(a, b). Notation: d = 1 if
leaving is possible at the first purchase too, else 0; D = r + k x; the idle time is T - t_x.

Sources: Fader, Hardie, Lee (2005), "Counting your customers the easy way", Marketing Science 24(2), eqs. (6) and (10)
for d = 0, k = 1; Batislam, Denizel, Filiztekin (2007), IJRM 24(3), for d = 1; Reutterer, Platzer, Schroeder (2021),
"Leveraging purchase regularity", IJRM 38(1), for k > 1. The predictions for k > 1 are exact here where the last paper
approximates; the derivations are in the docstrings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import betainc, betaln, digamma, gammaln, logsumexp

from clv_pipeline.btyd.likelihood import SHAPE_BOUNDS
from clv_pipeline.btyd.model import PurchaseModel
from clv_pipeline.btyd.quadrature import BETA_NODES, beta_nodes, blocks
from clv_pipeline.btyd.summary import Floats, PurchaseSummary, distinct_rows

MOST_EIGENVALUES = 4
"""With more stages than this, purchases are summed one by one: the work of the eigenvalues grows with k squared."""
NEGLIGIBLE = 1e-7
"""Purchases fewer than this per customer end a sum over purchases."""


@dataclass(frozen=True)
class BetaGeometric(PurchaseModel):
    """Parameters r, alpha (time units) of the purchase rate and a, b of the dropout probability."""

    real_parameters: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    leaves_at_first: ClassVar[bool]

    r: float
    alpha: float
    a: float
    b: float

    @property
    def stages(self) -> int:
        """Regularity k of the waiting times."""
        return 1

    @property
    def memoryless(self) -> bool:
        return self.stages == 1

    @classmethod
    def _search(cls, summary: PurchaseSummary) -> tuple[list[list[float]], list[tuple[float, float]]]:
        exposure = float(np.dot(summary.weight, summary.age))
        # without any repeat purchase, half of one
        rate = max(float(np.dot(summary.weight, summary.frequency)), 0.5) / exposure
        longest = float(summary.age.max())
        shapes = [(0.3, 0.8, 2.0), (1.0, 0.8, 2.0), (1.0, 0.2, 0.2), (3.0, 1.0, 10.0)]
        starts = [[r, r / rate, a, b] for r, a, b in shapes]
        return starts, [SHAPE_BOUNDS, (longest * 1e-6, longest * 1e6), SHAPE_BOUNDS, SHAPE_BOUNDS]

    def log_likelihood_gradient(self, summary: PurchaseSummary) -> tuple[float, Floats]:
        """Log likelihood of all customers and its gradient in (r, alpha, a, b).

        L = Gamma(D) alpha^r / Gamma(r) * B(a, b + x + d) / B(a, b) *
            { sum_{j<k} (T - t_x)^j / j! * Gamma(D + j) / Gamma(D) * (alpha + T)^-(D + j)
              + [x + d > 0] a / (b + x + d - 1) * (alpha + t_x)^-D }
        times, for k > 1, the product of gap^(k - 1) / Gamma(k) over all gaps, which no parameter but k touches.
        """
        r, alpha, a, b, k = self.r, self.alpha, self.a, self.b, self.stages
        values, row = summary.by_frequency
        D_value, kept = r + k * values, b + values + self.leaves_at_first
        constant = (
            gammaln(D_value) - gammaln(r) + r * np.log(alpha) + betaln(a, kept) - betaln(a, b) - gammaln(k) * values
        )
        D = D_value[row]
        alive, gone = self._log_branches(summary.frequency, summary.recency, summary.age)
        total = np.logaddexp(logsumexp(alive, axis=0), gone)
        weight = summary.weight
        likelihood = float(np.dot(weight, constant[row] + total)) + self._gap_term(summary)

        p_gone = np.exp(gone - total)
        p_stage = np.exp(alive - total)
        reach, back = alpha + summary.age, alpha + summary.recency
        later = np.cumsum([np.zeros_like(D)] + [1 / (D + j) for j in range(k - 1)], axis=0)
        by_value = np.bincount(row, weight)
        by_r = (p_stage * (later - np.log(reach))).sum(axis=0) - p_gone * np.log(back)
        by_alpha = -(p_stage * (D + np.arange(k)[:, None])).sum(axis=0) / reach - p_gone * D / back
        shared = digamma(a + b) - digamma(a + kept)
        gone_value = np.bincount(row, weight * p_gone)
        leaving = np.where(values + self.leaves_at_first > 0, kept - 1, np.inf)
        gradient = [
            np.dot(by_value, np.log(alpha) - digamma(r) + digamma(D_value)) + np.dot(weight, by_r),
            summary.customers * r / alpha + np.dot(weight, by_alpha),
            np.dot(by_value, shared) + gone_value.sum() / a,
            np.dot(by_value, shared - digamma(b) + digamma(kept)) - np.dot(gone_value, 1 / leaving),
        ]
        return likelihood, np.array(gradient)

    def _gap_term(self, summary: PurchaseSummary) -> float:
        if self.stages == 1:
            return 0.0
        if summary.log_gap_sum is None:
            raise ValueError(f"{self.name}: a likelihood with k > 1 needs the summary's log_gap_sum")
        return (self.stages - 1) * summary.log_gap_sum

    def _log_branches(self, x: Floats, t_x: Floats, T: Floats) -> tuple[Floats, Floats]:
        """The braces of the likelihood in logarithms: alive by stage, shape (k, n), and gone, shape (n,)."""
        D = self.r + self.stages * x
        chances = x + self.leaves_at_first
        with np.errstate(divide="ignore"):
            leaving = np.log(self.a / np.where(chances > 0, self.b + chances - 1, np.inf))
        return self._log_stages(T, D, t_x), leaving - D * np.log(self.alpha + t_x)

    def _log_stages(self, until: Floats, D: Floats, t_x: Floats) -> Floats:
        """Log weight of having passed j = 0..k-1 stages and made no purchase in (t_x, until], shape (k, n)."""
        log_reach = np.log(self.alpha + until)
        stage = -D * log_reach
        stages = [stage]
        with np.errstate(divide="ignore"):
            for j in range(1, self.stages):
                stage = stage + np.log((until - t_x) * (D + j - 1) / j) - log_reach
                stages.append(stage)
        return np.array(stages)

    def _alive(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """P(alive) = the alive branches' share of the likelihood (Fader, Hardie and Lee 2005, note on P(alive))."""
        alive, gone = self._log_branches(x, t_x, T)
        log_alive = logsumexp(alive, axis=0)
        log_share: Floats = log_alive - np.logaddexp(log_alive, gone)
        return np.exp(log_share)

    def _purchase_if_alive(self, horizon: Floats, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """1 - P(no purchase until T + horizon) / P(no purchase until T): nobody leaves between purchases.

        For k = 1 this is 1 - ((alpha + T) / (alpha + T + horizon))^D.
        """
        D = self.r + self.stages * x
        now = logsumexp(self._log_stages(T, D, t_x), axis=0)
        then = logsumexp(self._log_stages(T + horizon, D, t_x), axis=0)
        return -np.expm1(np.minimum(then - now, 0.0))

    def _purchases_if_alive(self, horizons: Floats, weights: Floats, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Average over the current stage j of the expectation given j, which depends on (x, T) only.

        Distinct (x, T) are few even among millions of customers with ages in days, so the quadrature runs on those.
        """
        first, kind = distinct_rows(x, T)
        by_stage = self._purchases_by_stage(horizons, weights, x[first], T[first])
        if self.stages == 1:
            return np.take(by_stage[0], kind)
        log_stage = self._log_stages(T, self.r + self.stages * x, t_x)
        share = np.exp(log_stage - logsumexp(log_stage, axis=0))
        return np.asarray((share * by_stage[:, kind]).sum(axis=0))

    def _purchases_by_stage(self, horizons: Floats, weights: Floats, x: Floats, T: Floats) -> Floats:
        """Weighted expected purchases of a customer alive and in stage j, shape (k, n).

        Given lambda and p, let q = 1 - p and theta_m = q^(1/k) exp(2 pi i m / k), the eigenvalues of the stage process.
        The purchases expected in a horizon t from stage j are
            1/k * sum_m theta_m^-(k-1-j) * (1 - exp(-lambda t (1 - theta_m))) / (1 - theta_m).
        Over lambda ~ Gamma(D + j, alpha + T) the exponential becomes (1 + t / (alpha + T) * (1 - theta_m))^-(D + j);
        p ~ Beta(a, b + x + d) is integrated numerically. For k = 1 this is the integral that eq. (10) of Fader,
        Hardie and Lee (2005) writes with a Gaussian hypergeometric function.
        """
        if self.stages > MOST_EIGENVALUES:
            return self._purchases_one_by_one(horizons, weights, x, T)
        total = np.zeros((self.stages, len(x)))
        for part in blocks(len(x), BETA_NODES):
            D, reach = self.r + self.stages * x[part], self.alpha + T[part]
            values, row = np.unique(x[part], return_inverse=True)
            steepest = float((D / reach).max() * horizons.max())
            nodes, density = beta_nodes(self.a, self.b + values + self.leaves_at_first, steepest)
            for gap, factors in _stage_roots(self.stages, nodes):
                lost = _weighted_losses(D[:, None], gap[row], horizons / reach[:, None], weights, self.stages)
                for j in range(self.stages):
                    total[j, part] += np.einsum("in,in->i", np.real(factors[j][row] * lost[j]), density[row])
        return total

    def _purchases_one_by_one(self, horizons: Floats, weights: Floats, x: Floats, T: Floats) -> Floats:
        """The same sum, purchase by purchase: for many stages, of which few purchases fit into a horizon.

        The m-th next purchase comes if the customer stays after each of the m - 1 before it, E[(1 - p)^(m - 1)], and if
        at least k m - j stages are passed within the horizon t; their number is negative binomial, with D + j and
        t / (alpha + T + t).
        """
        k, total = self.stages, np.zeros((self.stages, len(x)))
        D, kept = self.r + k * x, self.b + x + self.leaves_at_first
        for horizon, weight in zip(horizons, weights, strict=True):
            passing = horizon / (self.alpha + T + horizon)
            stays, purchase = np.ones(len(x)), 1
            while True:
                by_stage = [stays * betainc(k * purchase - j, D + j, passing) for j in range(k)]
                total += weight * np.array(by_stage)
                if not len(x) or float(by_stage[-1].max()) < NEGLIGIBLE:
                    break
                stays = stays * (kept + purchase - 1) / (self.a + kept + purchase - 1)
                purchase += 1
        return total


def _stage_roots(k: int, p: Floats) -> list[tuple[Any, list[Any]]]:
    """For each eigenvalue theta: 1 - theta, and by stage j the factor theta^-(k-1-j) / (1 - theta) / k.

    Complex eigenvalues come in conjugate pairs, of which one stands here with its factor doubled.
    """
    log_root = np.log1p(-p) / k
    roots = []
    for m in range(k // 2 + 1):
        real = m == 0 or 2 * m == k
        root = np.exp(log_root) * (np.cos(np.pi * m * 2 / k) if real else np.exp(2j * np.pi * m / k))
        gap = -np.expm1(log_root) if m == 0 else 1 - root
        roots.append((gap, [(1 if real else 2) / k * root ** (j + 1 - k) / gap for j in range(k)]))
    return roots


def _weighted_losses(D: Floats, gap: Any, z: Floats, weights: Floats, k: int) -> list[Any]:
    """By stage j, the weighted sum over horizons of 1 - (1 + z gap)^-(D + j), shape (n, nodes); z = horizon / (alpha + T).

    From one stage to the next a loss grows by the same share of what is left, which saves all powers but the first.
    """
    lost = [np.zeros_like(gap) for _ in range(k)]
    for i, weight in enumerate(weights):
        step = z[:, i, None] * gap
        loss = _loss(step, D)
        lost[0] += weight * loss
        for j in range(1, k):
            loss += (1 - loss) * step / (1 + step)
            lost[j] += weight * loss
    return lost


def _loss(step: Any, D: Floats) -> Any:
    """1 - (1 + step)^-D; complex steps, which are never small relative to 1 - theta, by their parts: a third of the time."""
    if not np.iscomplexobj(step):
        return -np.expm1(-D * np.log1p(step))
    log_size = np.log1p(step.real * (2 + step.real) + step.imag**2) / 2
    return 1 - np.exp(-D * (log_size + 1j * np.arctan2(step.imag, 1 + step.real)))
