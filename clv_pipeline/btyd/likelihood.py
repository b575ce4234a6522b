"""Maximum likelihood with an honest report of the result: starting points, bounds, status, refusals.

Belongs here: the optimiser shared by every model, its failure states, and the checks that refuse hopeless data.
Does not belong here: any model's formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import minimize

from clv_pipeline.btyd.prior import Objective, Prior
from clv_pipeline.btyd.summary import Floats, PurchaseSummary

Model = TypeVar("Model", covariant=True)

MIN_REPEAT_CUSTOMERS = 10
GRADIENT_TOLERANCE = 1e-5
BOUND_TOLERANCE = 1e-3
RESTARTS = 4
"""A line search may give up along a narrow ridge; forgetting the curvature learned so far gets it going again."""
SHAPE_BOUNDS = (1e-4, 1e3)
"""Range of a shape parameter. At the upper end customers differ by 3 %: in practice they are all alike."""


class FitStatus(StrEnum):
    """Status of a fit."""

    CONVERGED = "converged"
    AT_BOUND = "at_bound"
    """The likelihood rises towards the edge of the parameter range: usable, yet a sign that the model does not fit."""
    FAILED = "failed"
    """No parameters; see the reason."""


@dataclass(frozen=True)
class FitResult(Generic[Model]):
    """The verdict of one fit.

    name: the model's name. model: None exactly when status is FAILED. reason: empty when converged, otherwise what is
    wrong, as text for a log. log_likelihood: of all customers, minus infinity when failed. customers: behind the fit.
    """

    name: str
    status: FitStatus
    reason: str
    model: Model | None
    log_likelihood: float
    customers: float


@dataclass(frozen=True)
class Optimum:
    """End point of the optimiser: parameters (natural scale), total log likelihood, status and its reason."""

    parameters: Floats
    log_likelihood: float
    status: FitStatus
    reason: str


def failed(name: str, reason: str, customers: float) -> FitResult[Model]:
    """Return the failed verdict."""
    return FitResult(name, FitStatus.FAILED, reason, None, -np.inf, customers)


def refusal(summary: PurchaseSummary, prior: Prior | None = None) -> str:
    """Return the reason why no purchase model can be fitted to these histories, or an empty string if one can.

    With a prior, repeat purchases are not needed: without any, the parameters are mostly those of the prior.

    >>> refusal(PurchaseSummary(*np.array([[1.0], [30.0], [40.0], [3.0]])))
    '3 customers have bought again, 10 are needed'
    """
    if len(summary) == 0:
        return "there are no customers"
    if summary.age.max() <= 0:
        return "every customer is observed on one day only"
    if prior:
        return ""
    if summary.repeat_customers == 0:
        return "no customer has bought again"
    if summary.repeat_customers < MIN_REPEAT_CUSTOMERS:
        return f"{summary.repeat_customers:.0f} customers have bought again, {MIN_REPEAT_CUSTOMERS} are needed"
    return ""


def maximise(
    objective: Objective,
    names: Sequence[str],
    starts: Sequence[Sequence[float]],
    bounds: Sequence[tuple[float, float]],
    customers: float,
    screen: Objective | None = None,
) -> Optimum:
    """Maximise a log likelihood over positive parameters with L-BFGS-B on their logarithms, from several starts.

    objective: natural parameters, shape (m,) -> (log likelihood, its gradient in them). bounds: natural scale.
    customers: scales the objective so that tolerances mean the same on any amount of data. screen: a cheaper stand-in
    (fewer rows) on which all starts race; the winner alone is then finished on `objective`.

    Never raises on a bad surface: an optimum that is not finite, or where the gradient does not vanish, is FAILED.

    >>> def poisson(theta: Floats) -> tuple[float, Floats]:
    ...     return float(30 * np.log(theta[0]) - 10 * theta[0]), 30 / theta - 10  # 30 events of 10 customers
    >>> maximise(poisson, ["rate"], starts=[[1.0]], bounds=[(1e-3, 1e3)], customers=10).parameters.round(4)
    array([3.])
    """
    lower, upper = np.log(np.asarray(bounds, dtype=np.float64).T)
    race = screen or objective
    finishes = [_climb(race, np.clip(np.log(start), lower, upper), lower, upper, customers) for start in starts]
    best = min(finishes, key=lambda finish: finish[1])
    if screen is not None:
        best = _climb(objective, best[0], lower, upper, customers)
    theta, loss, gradient = best
    status, reason = _verdict(names, theta, loss, gradient, lower, upper)
    return Optimum(np.exp(theta), -loss * customers, status, reason)


def _climb(
    objective: Objective, start: Floats, lower: Floats, upper: Floats, customers: float
) -> tuple[Floats, float, Floats]:
    """Return the end point in logarithms, its mean loss, and the gradient there; a loss of infinity where it broke."""

    def mean_loss(theta: Floats) -> tuple[float, Floats]:
        natural = np.exp(theta)
        value, gradient = objective(natural)
        return -value / customers, -gradient * natural / customers

    theta = start
    # An overflow on the way to a wild trial point is judged by its result, in the verdict, not by a warning.
    with np.errstate(all="ignore"):
        for _ in range(RESTARTS):
            theta = minimize(
                mean_loss,
                theta,
                jac=True,
                method="L-BFGS-B",
                bounds=list(zip(lower, upper, strict=True)),
                options={"maxiter": 500, "maxfun": 1000, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-9},
            ).x
            loss, gradient = mean_loss(theta)
            if not np.isfinite(loss) or _remaining(theta, gradient, lower, upper) <= GRADIENT_TOLERANCE:
                break
    return theta, loss if np.isfinite(loss) else np.inf, gradient


def _remaining(theta: Floats, gradient: Floats, lower: Floats, upper: Floats) -> float:
    """Largest slope per customer that the bounds leave open."""
    return float(np.abs(np.clip(theta - gradient, lower, upper) - theta).max())


def _verdict(
    names: Sequence[str], theta: Floats, loss: float, gradient: Floats, lower: Floats, upper: Floats
) -> tuple[FitStatus, str]:
    if not (np.isfinite(loss) and np.isfinite(gradient).all()):
        return FitStatus.FAILED, "the likelihood is not finite at any start"
    remaining = _remaining(theta, gradient, lower, upper)
    # The optimiser's own flag is ignored: a line search that stops at machine precision calls itself abnormal.
    if remaining > GRADIENT_TOLERANCE:
        return FitStatus.FAILED, f"the optimiser stopped on a slope of {remaining:.1e} per customer"
    low, high = theta - lower < BOUND_TOLERANCE, upper - theta < BOUND_TOLERANCE
    stuck = [f"{name} at its lower bound" for name, at in zip(names, low, strict=True) if at]
    stuck += [f"{name} at its upper bound" for name, at in zip(names, high, strict=True) if at]
    return (FitStatus.AT_BOUND, ", ".join(stuck)) if stuck else (FitStatus.CONVERGED, "")
