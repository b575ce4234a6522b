"""Fit every tuned candidate to the windows before the test window, and predict the test window with it, each once.

What the predictions are worth, and who wins, is decided in `training.py`.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from clv_pipeline.core.parallel import run_in_threads
from clv_pipeline.core.settings import Settings
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import Candidate, Parameters
from clv_pipeline.modeling.candidates.ensembles import predict, weighted_mean
from clv_pipeline.modeling.training.lab import Lab
from clv_pipeline.modeling.training.linear_coefficients import Row, coefficient_rows
from clv_pipeline.modeling.training.records import Choice
from clv_pipeline.modeling.training.tuning import scale_to_total


def predict_test(
    lab: Lab, choices: Sequence[Choice], settings: Settings
) -> tuple[list[tuple[Choice, metrics.Array]], list[Row]]:
    """Return the prediction of each choice for the test window, and the coefficients of the linear ones."""
    if lab.plan.test is None:
        return [(choice, np.zeros(0)) for choice in choices], []
    learned, judged = lab.rows.at(lab.plan.test.train), lab.rows.at((lab.plan.test.validation,))
    level = lab.levels[lab.plan.test.validation]

    # most members of a blend are also evaluated alone: a model used in several places is fitted once
    members = [choice.candidate.members(choice.parameters) for choice in choices]
    distinct: list[tuple[Candidate, Parameters]] = []
    for member in chain.from_iterable(members):
        if (member.candidate, member.parameters) not in distinct:
            distinct.append((member.candidate, member.parameters))

    def predict_one(model: tuple[Candidate, Parameters]) -> tuple[metrics.Array, list[Row]]:
        candidate, parameters = model
        fitted = candidate.fit(lab.task, parameters, learned)
        return predict(fitted, judged.features), coefficient_rows(candidate, fitted, learned, lab.plan.horizon_days)

    predicted = run_in_threads(predict_one, distinct, settings.threads)
    found, coefficients = [], []
    for choice, parts in zip(choices, members, strict=True):
        fits = [predicted[distinct.index((part.candidate, part.parameters))] for part in parts]
        # a member of a blend may have other parameters than the candidate of its name
        coefficients += fits[0][1] if parts[0].candidate == choice.candidate else []
        by_member = [values for values, _ in fits]
        values = weighted_mean(by_member, [part.weight for part in parts])
        found.append((choice, scale_to_total(choice.candidate, values, level, judged.features, lab.plan.horizon_days)))
    return found, coefficients
