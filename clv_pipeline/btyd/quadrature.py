"""Integrals that have no stable closed form, as nodes and weights.

Belongs here: the rules, and the changes of variable that make them accurate for every customer.
Does not belong here: any model; callers evaluate their own integrand at the nodes.

Both replace the Gaussian hypergeometric function of the papers, whose series cancels or overflows for heavy buyers and
whose derivatives in its parameters are not available.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy.special import betaln, expit, log_expit

from clv_pipeline.btyd.summary import Floats

POWER_NODES = 20
SMALLEST_DECAY = 1e-6
FLATTENING = 4.0
"""The tail of the integrand falls with another power than its start, which leaves a root at the far end of the range of
w. Dividing the exponent by this much smooths the root, and the largest error falls from 2e-4 to 3e-6."""

BETA_NODES = 80
LOGIT_REACH = 64
LOG_NEGLIGIBLE = 34.0
NODE_RANGE = (1e-18, 1 - 1e-12)
"""Integrands divide by p and by powers of 1 - p; so close to the ends they no longer change."""

BLOCK_CELLS = 100_000
"""Rows x quadrature nodes that are worked on at a time: 0.8 MB an array, so that a few of them fit a CPU cache."""


def blocks(rows: int, nodes: int) -> Iterator[slice]:
    """Yield slices that cover all rows, each of `BLOCK_CELLS` cells at `nodes` a row.

    >>> list(blocks(rows=12_000, nodes=20))
    [slice(0, 5000, None), slice(5000, 10000, None), slice(10000, 15000, None)]
    """
    size = BLOCK_CELLS // nodes
    return (slice(start, start + size) for start in range(0, rows, size))


@lru_cache(maxsize=1)
def _legendre(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def power_nodes(p: Floats, A: Floats, q: Floats, B: Floats, length: Floats) -> tuple[Floats, Floats]:
    """Nodes u and log weights for integrals over [0, length] of (A + u)^-p (B + u)^-q times anything smooth.

    All arguments are positive (length may be 0), shape (n,); both results have shape (n, POWER_NODES). The integrand
    itself is not in the weights.

    The variable becomes w = (1 - ((G + u) / G)^-c) / c, with G and c chosen so that (G + u)^-(FLATTENING c + 1) agrees
    with the integrand in the first and second logarithmic derivative at u = 0. The transformed integrand is then close
    to a low power over the stretch that carries the mass, however steep it was. Relative error: median 1e-13, under
    1e-9 for 99 % of draws of exponents up to 500 and scales from 0.1 to 10^4, at worst 3e-6.

    >>> two, one = np.array([2.0]), np.array([1.0])
    >>> u, log_weight = power_nodes(p=two, A=one, q=two, B=one, length=np.array([1.0]))
    >>> print(np.exp(log_weight - 4 * np.log1p(u)).sum().round(6))  # of (1 + u)^-4 from 0 to 1: (1 - 1/8) / 3
    0.291667
    """
    nodes, weights = _legendre(POWER_NODES)
    slope = p / A + q / B
    bend = p / A**2 + q / B**2
    G = (slope / bend)[:, None]
    c = np.maximum((slope**2 / bend - 1) / FLATTENING, SMALLEST_DECAY)[:, None]
    span = -np.expm1(-c * np.log1p(length[:, None] / G)) / c
    log_growth = -np.log1p(-c * span * nodes) / c
    with np.errstate(divide="ignore"):
        log_span = np.log(span)
    return G * np.expm1(log_growth), np.log(G) + log_span + np.log(weights) + (1 + c) * log_growth


def beta_nodes(a: float, b: Floats, steepness: float) -> tuple[Floats, Floats]:
    """Nodes in (0, 1) and weights summing to 1 for expectations over Beta(a, b) of functions such as
    (1 - (1 + z p)^-D) / p.

    a: scalar; b: shape (n,); both results have shape (n, BETA_NODES + 2). steepness: the largest D z to be met, the
    reciprocal of the scale of p below which such a function is flat.

    The trapezoidal rule in logit(p), where those functions have no feature narrower than pi on the imaginary axis
    however large z is, so that it converges exponentially; Gauss-Jacobi is 60 % off at D z = 8e4. Two nodes at the ends
    make it exact for linear functions, which takes the slow tails p^a and (1 - p)^b out of the trapezoid when a or b
    is small. Relative error for a in 0.01..300: under 1e-7 up to D z = 1e6, under 1e-5 up to 1e8, where round-off wins.

    >>> p, weight = beta_nodes(2.0, np.array([3.0]), steepness=1.0)
    >>> print((weight * p).sum().round(6))  # the mean of Beta(2, 3)
    0.4
    """
    b = b[:, None]
    wide = np.linspace(-LOGIT_REACH, LOGIT_REACH, 4 * LOGIT_REACH + 1)
    log_p, log_q = log_expit(wide), log_expit(-wide)
    # What the trapezoid has to sum: the density times what the linear function at the ends leaves over.
    size = a * log_p + (b + 1) * log_q + np.minimum(0.0, np.log1p(steepness) + log_p)
    matters = size > size.max(axis=1, keepdims=True) - LOG_NEGLIGIBLE
    low = wide[matters.argmax(axis=1)] - 0.5
    high = -wide[matters[:, ::-1].argmax(axis=1)] + 0.5
    step = ((high - low) / (BETA_NODES - 1))[:, None]
    logit = low[:, None] + step * np.arange(BETA_NODES)
    p, q = expit(logit), expit(-logit)
    weights = step * np.exp(a * log_expit(logit) + b * log_expit(-logit) - betaln(a, b))
    mean = a / (a + b)
    at_one = mean - (weights * p).sum(axis=1, keepdims=True)
    at_zero = 1 - mean - (weights * q).sum(axis=1, keepdims=True)
    nodes = np.hstack([np.zeros_like(b), p, np.ones_like(b)])
    return np.clip(nodes, *NODE_RANGE), np.hstack([at_zero, weights, at_one])
