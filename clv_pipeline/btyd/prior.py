"""Prior of a model's parameters: what other companies' parameters were, for companies whose own data say little.

Belongs here: the prior's shape. Does not belong here: its values, which are in the caller's unit of time and money.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from clv_pipeline.btyd.summary import Floats

Objective = Callable[[Floats], tuple[float, Floats]]


@dataclass(frozen=True)
class Prior:
    """Independent lognormal distributions: for each parameter its median and the standard deviation of its logarithm."""

    parameters: Mapping[str, tuple[float, float]]

    def added_to(self, objective: Objective, names: tuple[str, ...]) -> Objective:
        """Return the log likelihood of `names`, in this order, plus the log density of the prior (and its gradient).

        The maximum of the sum is the posterior mode on the scale of the logarithms. The prior counts as much as a few
        customers, so that with many of them it changes nothing.

        >>> flat = Prior({"rate": (2.0, 0.5)}).added_to(lambda theta: (0.0, np.zeros(1)), ("rate",))
        >>> [round(flat(np.array([rate]))[0], 3) for rate in (1.0, 2.0, 4.0)]
        [-0.961, 0.0, -0.961]
        """
        medians, deviations = np.array([self.parameters[name] for name in names]).T

        def posterior(theta: Floats) -> tuple[float, Floats]:
            value, gradient = objective(theta)
            off = (np.log(theta) - np.log(medians)) / deviations
            return value - float(off @ off) / 2, gradient - off / (deviations * theta)

        return posterior
