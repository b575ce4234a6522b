"""Evaluation protocols with published results: source, cutoff and horizon are fixed, so that figures are comparable."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Protocol:
    """One window of one company, and the results published for it: (method, metric, value)."""

    source: str
    cutoff: date
    horizon_days: int
    description: str
    published: tuple[tuple[str, dict[str, float]], ...]


PROTOCOLS: dict[str, Protocol] = {
    "online_retail_ii_90d": Protocol(
        "online_retail_ii",
        date(2011, 9, 11),
        90,
        "Online Retail II, 90 days from 2011-09-11, products only, net of returns and cancellations.",
        (
            (
                "Pareto/NBD x Gamma-Gamma",
                {"normalised_gini": 0.825, "spearman": 0.572, "top_decile_capture": 0.825, "wape": 0.737,
                 "root_mean_squared_error": 2099, "decile_wape": 0.359, "total_bias": -0.36},
            ),
            (
                "zero-inflated lognormal net",
                {"normalised_gini": 0.822, "spearman": 0.565, "top_decile_capture": 0.823, "wape": 0.782,
                 "root_mean_squared_error": 2672, "decile_wape": 0.437, "total_bias": -0.44},
            ),
        ),
    ),
    "public_bar_180d": Protocol(
        "online_retail_ii_public_bar",
        date(2011, 6, 1),
        180,
        "Online Retail II, 180 days from 2011-06-01, signed net revenue, exact duplicate lines dropped, every customer who "
        "had bought before.",
        (
            (
                "two-part gradient boosting",
                {"wape": 0.672, "spearman": 0.611, "top_decile_share": 0.627, "top_fifth_share": 0.758,
                 "total_bias": -0.355},
            ),
            (
                "trailing value",
                {"wape": 0.653, "spearman": 0.546, "top_decile_share": 0.609, "top_fifth_share": 0.731},
            ),
        ),
    ),
}  # fmt: skip
