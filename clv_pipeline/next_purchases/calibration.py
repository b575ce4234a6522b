"""From a ranking score to the probability of a purchase, with an interval: measured shares of score groups, made monotone."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn.isotonic import IsotonicRegression

Array = NDArray[np.float64]

#: Groups of equal size in order of the score; the upper half of them divides the highest fifth, which the lists are made of.
_GROUPS = 20
_HIGHEST_SHARE = 0.2


#: Groups that the error in a later window is measured in.
_JUDGED_GROUPS = 10
_NORMAL_90 = 1.645


@dataclass(frozen=True)
class Calibration:
    """Knots of the score, ascending, and at each the share that was bought with its 90 % interval, also ascending.

    error: how far shares are off in a window that was not calibrated on, the standard deviation of their logarithm; None
    where no such window was judged. In Online Retail II the interval without it held the share of 3 of 16 groups.
    """

    score: list[float]
    share: list[float]
    low: list[float]
    high: list[float]
    error: float | None = None

    @classmethod
    def fit(cls, score: Array, bought: Array) -> "Calibration":
        """Measure the share bought in groups of the score; `bought` is 0 or 1.

        >>> calibration = Calibration.fit(np.repeat([1.0, 2.0], 50), np.tile([0.0, 1.0], 50))
        >>> [round(share, 2) for share in calibration.share]
        [0.5, 0.5]
        """
        if not len(score):
            return cls([0.0], [0.0], [0.0], [1.0])
        half = np.linspace(0, 1, _GROUPS // 2 + 1)
        quantiles = np.concatenate([half * (1 - _HIGHEST_SHARE), 1 - _HIGHEST_SHARE + half[1:] * _HIGHEST_SHARE])
        borders = np.unique(np.quantile(score, quantiles, method="higher"))
        # each border ends a group, so equal scores are never divided
        _, group = np.unique(np.searchsorted(borders, score, side="left"), return_inverse=True)
        count = np.bincount(group).astype(np.float64)
        knots = np.bincount(group, weights=score) / count
        hits = np.bincount(group, weights=bought)
        curves = (
            # half a purchase more on both sides: no share of a small group is 0 or 1
            (hits + 0.5) / (count + 1),
            beta.ppf(0.05, hits + 0.5, count - hits + 0.5),
            beta.ppf(0.95, hits + 0.5, count - hits + 0.5),
        )
        share, low, high = (IsotonicRegression().fit(knots, c, sample_weight=count).predict(knots) for c in curves)
        return cls(knots.tolist(), share.tolist(), np.minimum(low, share).tolist(), np.maximum(high, share).tolist())

    def judged_on(self, score: Array, bought: Array) -> "Calibration":
        """Return the calibration with its error in a later window, weighted by the purchases that it expects.

        >>> calibration = Calibration([0.0], [0.5], [0.4], [0.6]).judged_on(np.zeros(100), np.repeat([1.0, 0.0], [25, 75]))
        >>> round(float(calibration.error or 0), 2)
        0.68
        """
        if not len(score):
            return self
        share = np.interp(score, self.score, self.share)
        groups = np.array_split(np.argsort(share, kind="stable"), 1 if np.ptp(share) == 0 else _JUDGED_GROUPS)
        expected = np.array([share[group].sum() for group in groups])
        actual = np.array([bought[group].sum() for group in groups])
        # half a purchase more on both sides, so that a group without any has a logarithm
        off = np.log((actual + 0.5) / (expected + 0.5))
        return replace(self, error=float(np.sqrt(np.average(off**2, weights=expected + 0.5))))

    def of(self, score: Array) -> tuple[Array, Array, Array]:
        """Return the probability of each score and the ends of its interval, nan where its error is unknown."""
        share, low, high = (np.interp(score, self.score, curve) for curve in (self.share, self.low, self.high))
        if self.error is None:
            return share, np.full(len(share), np.nan), np.full(len(share), np.nan)
        wider = np.exp(_NORMAL_90 * self.error)
        return share, low / wider, np.minimum(high * wider, 1)
