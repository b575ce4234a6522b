"""Base classes of every model of this package: named positive parameters, JSON, fitting, predictions.

Belongs here: the base classes. Does not belong here: formulas of any one model, money over time (`lifetime.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from clv_pipeline.btyd.likelihood import FitResult, FitStatus, failed, maximise, refusal
from clv_pipeline.btyd.prior import Objective, Prior
from clv_pipeline.btyd.summary import Floats, PurchaseSummary, check_histories

FIT_ROWS = 50_000
"""More distinct histories than this are merged before fitting (`PurchaseSummary.coarsened`)."""
SCREEN_ROWS = 5_000
"""Rows on which starting points are compared."""


@dataclass(frozen=True)
class Parameters:
    """Named positive parameters of a model, serialisable as JSON."""

    name: ClassVar[str]

    def __post_init__(self) -> None:
        for parameter, value in asdict(self).items():
            if not (isfinite(value) and value > 0):
                raise ValueError(f"{self.name}: {parameter} must be positive and finite, not {value!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return `{"model": name, "parameters": {...}}` of plain JSON values; `from_dict` restores it exactly.

        >>> from clv_pipeline.btyd import GammaGamma
        >>> GammaGamma(p=6.25, q=3.74, v=15.44).to_dict()
        {'model': 'gamma_gamma', 'parameters': {'p': 6.25, 'q': 3.74, 'v': 15.44}}
        """
        return {"model": self.name, "parameters": asdict(self)}

    @classmethod
    def from_dict(cls, payload: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote. Raises ValueError on another model's payload or on bad parameters.

        >>> from clv_pipeline.btyd import BGNBD
        >>> model = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> BGNBD.from_dict(model.to_dict()) == model
        True
        """
        expected = [field.name for field in fields(cls)]
        parameters = payload.get("parameters")
        if payload.get("model") != cls.name or not isinstance(parameters, dict) or set(parameters) != set(expected):
            raise ValueError(f"not the parameters of {cls.name}: expected {', '.join(expected)}")
        return cls(**parameters)


@dataclass(frozen=True)
class PurchaseModel(Parameters, ABC):
    """A buy-till-you-die model of purchase counts. Histories are arrays x, t_x, T of shape (n,); times in one unit.

    Every public question raises ValueError on impossible histories (`check_histories`) or a negative horizon.
    """

    real_parameters: ClassVar[tuple[str, ...]]
    """The fields that are estimated by maximum likelihood, in field order."""

    @classmethod
    @abstractmethod
    def _search(cls, summary: PurchaseSummary) -> tuple[list[list[float]], list[tuple[float, float]]]:
        """Starting points and bounds of the estimated parameters, scaled to the data."""

    @classmethod
    def fit(cls, summary: PurchaseSummary, prior: Prior | None = None) -> FitResult[Self]:
        """Maximum likelihood from several starts. Never raises on poor data: see `FitResult.status` and `reason`.

        With a prior, the mode of the posterior; the log likelihood reported is still that of the data.

        Above `FIT_ROWS` distinct histories, nearly equal ones are merged first; the log likelihood reported is of the
        merged rows, and models fitted on one summary merge it alike, so they stay comparable.
        """
        return cls._fit_as(cls, summary, prior)

    @classmethod
    def _fit_as(cls, make: Callable[..., Self], summary: PurchaseSummary, prior: Prior | None) -> FitResult[Self]:
        reason = refusal(summary, prior)
        if reason:
            return failed(cls.name, reason, summary.customers)
        rows = summary.coarsened(FIT_ROWS)
        screen = rows.coarsened(SCREEN_ROWS)

        def objective_on(data: PurchaseSummary) -> Objective:
            def likelihood(theta: Floats) -> tuple[float, Floats]:
                return make(*theta.tolist()).log_likelihood_gradient(data)

            return prior.added_to(likelihood, cls.real_parameters) if prior else likelihood

        starts, bounds = cls._search(screen)
        optimum = maximise(
            objective_on(rows),
            cls.real_parameters,
            starts,
            bounds,
            summary.customers,
            screen=objective_on(screen) if screen is not rows else None,
        )
        if optimum.status is FitStatus.FAILED:
            return failed(cls.name, optimum.reason, summary.customers)
        model = make(*optimum.parameters.tolist())
        likelihood = model.log_likelihood(rows) if prior else optimum.log_likelihood
        return FitResult(cls.name, optimum.status, optimum.reason, model, likelihood, summary.customers)

    @property
    @abstractmethod
    def memoryless(self) -> bool:
        """Whether, for a customer known to be alive, the time since the last purchase does not help to predict the next."""

    @abstractmethod
    def log_likelihood_gradient(self, summary: PurchaseSummary) -> tuple[float, Floats]:
        """Return the log likelihood of all customers and its gradient, shape (m,), in the m real parameters in field order."""

    @abstractmethod
    def _alive(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """P(alive) of checked histories."""

    @abstractmethod
    def _purchases_if_alive(self, horizons: Floats, weights: Floats, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Weighted sum over horizons of the purchases expected of a customer who is alive at T."""

    @abstractmethod
    def _purchase_if_alive(self, horizon: Floats, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """P(at least one purchase in the horizon) of a customer who is alive at T; one horizon per row."""

    def log_likelihood(self, summary: PurchaseSummary) -> float:
        """Return the log likelihood of all customers."""
        return self.log_likelihood_gradient(summary)[0]

    def probability_alive(self, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """P(the customer is still a customer at age T), in 0..1, shape (n,).

        >>> from clv_pipeline.btyd import MBGNBD
        >>> model = MBGNBD(r=0.5, alpha=10.0, a=0.8, b=2.4)
        >>> model.probability_alive(x=[4, 4, 0], t_x=[39, 10, 0], T=[40, 40, 40]).round(2)
        array([0.88, 0.11, 0.57])
        """
        return self._alive(*check_histories(x, t_x, T))

    def expected_purchases(self, horizon: float, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """Expected number of purchases in (T, T + horizon] given the history, shape (n,).

        >>> from clv_pipeline.btyd import BGNBD
        >>> model = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)  # CDNOW, weeks: Fader, Hardie, Lee (2005)
        >>> model.expected_purchases(39, x=2, t_x=30.43, T=38.86).round(3)
        array([1.226])
        """
        return self.weighted_purchases([horizon], [1.0], x, t_x, T)

    def weighted_purchases(
        self,
        horizons: Sequence[float] | Floats,
        weights: Sequence[float] | Floats,
        x: npt.ArrayLike,
        t_x: npt.ArrayLike,
        T: npt.ArrayLike,
    ) -> Floats:
        """Sum over i of weights[i] * E(purchases in (T, T + horizons[i]]), shape (n,): discounting in one pass.

        >>> from clv_pipeline.btyd import BGNBD
        >>> model = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> model.weighted_purchases([13, 39], [0.5, 0.5], x=2, t_x=30.43, T=38.86).round(3)
        array([0.842])
        """
        history = check_histories(x, t_x, T)
        lengths = check_horizons(horizons)
        factors = np.asarray(weights, dtype=np.float64)
        return self._alive(*history) * self._purchases_if_alive(lengths, factors, *history)

    def probability_purchase(self, horizon: float, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """P(at least one purchase in (T, T + horizon] given the history), in 0..1, shape (n,).

        >>> from clv_pipeline.btyd import BGNBD
        >>> model = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> model.probability_purchase(39, x=[2, 0], t_x=[30.43, 0], T=38.86).round(3)
        array([0.555, 0.145])
        """
        history = check_histories(x, t_x, T)
        return self._alive(*history) * self.probability_purchase_if_alive(horizon, *history)

    def probability_purchase_if_alive(
        self, horizon: float | Floats, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike
    ) -> Floats:
        """P(at least one purchase in (T, T + horizon] given the history and alive at T), shape (n,).

        horizon: one number, or one per row.

        >>> from clv_pipeline.btyd import BGNBD
        >>> model = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> model.probability_purchase_if_alive([1, 39], x=[2, 2], t_x=30.43, T=38.86).round(3)
        array([0.05 , 0.763])
        """
        history = check_histories(x, t_x, T)
        lengths = np.broadcast_to(check_horizons(horizon), history[0].shape)
        return self._purchase_if_alive(lengths, *history)


def check_horizons(horizon: float | Sequence[float] | Floats) -> Floats:
    """Return horizons as float64, shape (m,). Raises ValueError unless all are finite and at least 0.

    >>> check_horizons([30, 90])
    array([30., 90.])
    """
    lengths = np.atleast_1d(np.asarray(horizon, dtype=np.float64))
    if not (np.isfinite(lengths) & (lengths >= 0)).all():
        raise ValueError("a horizon must be finite and at least 0")
    return lengths
