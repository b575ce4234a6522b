"""Buy-till-you-die models: expected purchases, probability of still being a customer, value of orders.

The public interface for other packages. Formulas do not belong here.

    summary = compress(x, t_x, T)                       # days, one row per customer
    choice = fit_best(summary)
    if choice.model is not None:
        orders = choice.model.expected_purchases(90, x, t_x, T)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clv_pipeline.btyd.bg_nbd import BGNBD
from clv_pipeline.btyd.cnbd_k import BGCNBDk, MBGCNBDk
from clv_pipeline.btyd.gamma_gamma import GammaGamma
from clv_pipeline.btyd.lifetime import (
    discounted_purchases,
    discounted_value,
    median_wait,
    next_order_dates,
)
from clv_pipeline.btyd.likelihood import FitResult, FitStatus
from clv_pipeline.btyd.mbg_nbd import MBGNBD
from clv_pipeline.btyd.model import Parameters, PurchaseModel
from clv_pipeline.btyd.pareto_nbd import ParetoNBD
from clv_pipeline.btyd.prior import Prior
from clv_pipeline.btyd.summary import PurchaseSummary, compress

__all__ = [
    "BGNBD",
    "MBGNBD",
    "BGCNBDk",
    "FitResult",
    "FitStatus",
    "GammaGamma",
    "MBGCNBDk",
    "ModelChoice",
    "ParetoNBD",
    "Prior",
    "PurchaseModel",
    "PurchaseSummary",
    "compress",
    "discounted_purchases",
    "discounted_value",
    "fit_best",
    "median_wait",
    "model_from_dict",
    "next_order_dates",
]

_MODELS: dict[str, type[Parameters]] = {
    model.name: model for model in (BGNBD, MBGNBD, ParetoNBD, BGCNBDk, MBGCNBDk, GammaGamma)
}
_CANDIDATES: tuple[type[PurchaseModel], ...] = (MBGNBD, ParetoNBD)


@dataclass(frozen=True)
class ModelChoice:
    """The chosen model, the result of every candidate, and the fallback, if any.

    model: None exactly when status is FAILED; the caller then has to do without. status and reason: of the chosen fit,
    or FAILED with the reasons of all. attempts: every candidate's verdict, in the order tried.
    """

    model: PurchaseModel | None
    status: FitStatus
    reason: str
    attempts: tuple[FitResult[PurchaseModel], ...]


def fit_best(summary: PurchaseSummary, candidates: Sequence[type[PurchaseModel]] = _CANDIDATES) -> ModelChoice:
    """Fit the candidates and choose by log likelihood; the default ones have four parameters each.

    Falls back in this order, and records it in the choice: the likeliest that converged; the likeliest that ended at a
    bound; no model. BG/NBD is not a candidate by default, since it calls every one-time buyer alive.

    >>> choice = fit_best(compress(x=[1, 2, 0], t_x=[10, 20, 0], T=[40, 40, 40]))
    >>> choice.status.value, choice.attempts[0].reason
    ('failed', '2 customers have bought again, 10 are needed')
    """
    attempts = tuple(candidate.fit(summary) for candidate in candidates)
    for status in (FitStatus.CONVERGED, FitStatus.AT_BOUND):
        usable = [fit for fit in attempts if fit.status is status]
        if usable:
            best = max(usable, key=lambda fit: fit.log_likelihood)
            return ModelChoice(best.model, best.status, best.reason, attempts)
    return ModelChoice(None, FitStatus.FAILED, "; ".join(f"{fit.name}: {fit.reason}" for fit in attempts), attempts)


def model_from_dict(payload: dict[str, Any]) -> Parameters:
    """Restore any model of this package from its `to_dict`. Raises ValueError on an unknown name or bad parameters.

    >>> model_from_dict({"model": "gamma_gamma", "parameters": {"p": 6.25, "q": 3.74, "v": 15.44}})
    GammaGamma(p=6.25, q=3.74, v=15.44)
    """
    name = payload.get("model")
    if name not in _MODELS:
        raise ValueError(f"unknown model {name!r}: expected one of {', '.join(sorted(_MODELS))}")
    return _MODELS[name].from_dict(payload)
