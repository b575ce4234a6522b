"""BG/CNBD-k and MBG/CNBD-k: the two models for customers who buy regularly (waiting times Erlang-k).

Belongs here: the regularity k and choosing it by likelihood. The formulas are in `beta_geometric.py`.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

from clv_pipeline.btyd.beta_geometric import BetaGeometric
from clv_pipeline.btyd.likelihood import FitResult, failed
from clv_pipeline.btyd.prior import Prior
from clv_pipeline.btyd.summary import PurchaseSummary

#: Regularities that are tried. Above 4 they are far apart: a monthly payment that comes within two days of its day has
#: k of several hundred, and from 32 on a missed one leaves as little hope.
REGULARITIES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
#: Customers who bought again, below which a rhythm may be an accident of a few waiting times: then k = 1.
RHYTHM_NEEDS = 20


@dataclass(frozen=True)
class CNBDk(BetaGeometric):
    """Reutterer, Platzer and Schroeder (2021), "Leveraging purchase regularity", IJRM 38(1).

    k: whole number of Erlang stages, 1 to 32; k = 1 is the model without rhythm. r and alpha describe the rate of
    stages, so purchases of a living customer come at about lambda / k.
    """

    k: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k not in range(1, REGULARITIES[-1] + 1):
            raise ValueError(f"{self.name}: k must be a whole number from 1 to {REGULARITIES[-1]}, not {self.k!r}")

    @property
    def stages(self) -> int:
        return self.k

    @classmethod
    def fit(cls, summary: PurchaseSummary, prior: Prior | None = None) -> FitResult[Self]:
        """Fit the regularities in ascending order while the likelihood increases.

        A fit at a bound counts like any other: customers who all pay once a month have rates that differ by nothing, so
        that a shape parameter ends at its bound. Fails, saying so, when the summary has no `log_gap_sum`: likelihoods of
        different k do not compare without it. With fewer than `RHYTHM_NEEDS` customers who bought again k is 1.
        """
        if summary.log_gap_sum is None:
            return failed(cls.name, "the sum of log gaps between purchases is unknown", summary.customers)
        best = cls._fit_as(partial(cls, k=1), summary, prior)
        for k in REGULARITIES[1:] if summary.repeat_customers >= RHYTHM_NEEDS else ():
            fit = cls._fit_as(partial(cls, k=k), summary, prior)
            if fit.log_likelihood <= best.log_likelihood:
                break
            best = fit
        return best


@dataclass(frozen=True)
class BGCNBDk(CNBDk):
    """Customers may leave after each repeat purchase, never after the first one."""

    name: ClassVar[str] = "bg_cnbd_k"
    leaves_at_first: ClassVar[bool] = False


@dataclass(frozen=True)
class MBGCNBDk(CNBDk):
    """Customers may leave after any purchase, the first one included."""

    name: ClassVar[str] = "mbg_cnbd_k"
    leaves_at_first: ClassVar[bool] = True
