"""Source ablation: one fixed strong model, fitted with and without a source's features, evaluated on the same rows.

Input are rows, output are differences; no table is read here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.core.parallel import run_in_threads
from clv_pipeline.features.families import family_of
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import Candidate, Parameters, Task
from clv_pipeline.modeling.candidates.ensembles import predict
from clv_pipeline.modeling.data.dataset import FeatureColumns, LabelledRows

#: The candidate that is refitted: sources are evaluated with the same strong model, whichever is champion.
MODEL = "xgboost"
METRICS = ("normalised_gini", "spearman", "top_decile_capture", "root_mean_squared_error")
ALL_BUT_PURCHASES = "all_but_purchases"
#: The families of every company: purchases, and what is computed from them alone.
_PURCHASES = ("purchase", "btyd")
#: Every row and column in every tree. Sampling them moved the Gini by .003 from seed to seed, more than a small
#: source adds; without it two fits differ by their features alone, and are as good.
_NOTHING_DRAWN = {"subsample": 1.0, "colsample_bytree": 1.0}


@dataclass(frozen=True)
class Difference:
    """One metric with and without a source; difference = with - without, with a bootstrap interval over customers."""

    left_out: str
    metric: str
    with_source: float
    without_source: float
    difference: metrics.Estimate


def families_to_leave_out(columns: FeatureColumns) -> dict[str, tuple[str, ...]]:
    """Return the families to leave out, by name: each existing family except purchases, then all of them together.

    >>> families_to_leave_out(FeatureColumns(("recency_days", "web_sessions", "survey_last_nps"), ()))
    {'web': ('web',), 'survey': ('survey',), 'all_but_purchases': ('web', 'survey')}
    """
    present = dict.fromkeys(family_of(name) for name in columns.names)
    found: dict[str, tuple[str, ...]] = {family: (family,) for family in present if family != "purchase"}
    beyond = tuple(family for family in present if family not in _PURCHASES)
    if len(beyond) > 1:
        found[ALL_BUT_PURCHASES] = beyond
    return found


def ablate(
    candidate: Candidate,
    parameters: Parameters,
    task: Task,
    learned: LabelledRows,
    judged: LabelledRows,
    *,
    samples: int,
    threads: int,
) -> list[Difference]:
    """Return the gain from each source for each metric of `METRICS`; both models use the same bootstrap draws."""
    left_out = families_to_leave_out(task.columns)
    if not left_out:
        return []
    fit = partial(_predict_without, candidate, {**parameters, **_NOTHING_DRAWN}, task, learned, judged)
    whole, *reduced = run_in_threads(fit, [(), *left_out.values()], threads)
    draws = metrics.bootstrap_draws(len(judged), samples, task.seed)
    with_source = _measured(judged.spend, whole, draws)
    found = []
    for name, predicted in zip(left_out, reduced, strict=True):
        without = _measured(judged.spend, predicted, draws)
        for metric in METRICS:
            gained = with_source[metric] - without[metric]
            found.append(
                Difference(
                    name, metric, float(with_source[metric][0]), float(without[metric][0]),
                    metrics.estimate(float(gained[0]), gained[1:]),
                )
            )  # fmt: skip
    return found


def _predict_without(
    candidate: Candidate,
    parameters: Parameters,
    task: Task,
    learned: LabelledRows,
    judged: LabelledRows,
    families: tuple[str, ...],
) -> metrics.Array:
    reduced = replace(task, columns=task.columns.without(families))
    return predict(candidate.fit(reduced, parameters, learned), judged.features)


def _measured(
    actual: metrics.Array, predicted: metrics.Array, draws: list[NDArray[np.int64]]
) -> Mapping[str, metrics.Array]:
    """Return for each metric its value for all customers, then for each draw."""
    found = {}
    for name in METRICS:
        metric = metrics.SPEND_METRICS[name]
        found[name] = np.array([metric(actual, predicted), *(metric(actual[d], predicted[d]) for d in draws)])
    return found
