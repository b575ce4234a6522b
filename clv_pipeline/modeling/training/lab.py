"""The input of every step of a training, read from the warehouse. The steps are in `training.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from clv_pipeline.core.settings import Settings
from clv_pipeline.features.cutoffs import CutoffPlan, Fold
from clv_pipeline.modeling.calibration.level import ExpectedTotal, PastMean, expected_total, for_model, learned_season
from clv_pipeline.modeling.calibration.rankability import Ranking
from clv_pipeline.modeling.calibration.total_record import PastTotal, past_totals
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Candidate, Target, Task
from clv_pipeline.modeling.data.dataset import FeatureColumns, LabelledRows, load_labelled
from clv_pipeline.modeling.training import records
from clv_pipeline.modeling.training.champion_rule import FALLBACK, RULE
from clv_pipeline.warehouse.connection import Connection, one_row

#: The feature that a target's purchase models predict by.
_FEATURE: dict[Target, str] = {"spend": "btyd_spend_{h}d", "purchase": "btyd_purchase_probability_{h}d"}

#: The candidates that are not fitted to past windows.
UNFITTED = tuple(c for c in CANDIDATES if c.is_baseline or c.name in FALLBACK.values())


@dataclass(frozen=True)
class Lab:
    """Input of every step for one horizon: its plan, its labelled rows, the expected total of each evaluated cutoff."""

    plan: CutoffPlan
    rows: LabelledRows
    task: Task
    levels: Mapping[date, ExpectedTotal]
    has_enough_buyers: bool
    ranking: Ranking = "not tested"
    #: errors of the expected totals of every window that is over; only after tuning
    totals: tuple[PastTotal, ...] = ()

    @property
    def has_enough_history(self) -> bool:
        """Whether a model can be fitted and evaluated: there are enough buyers, and a window that is over."""
        return self.has_enough_buyers and self.plan.test is not None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The candidates that compete: without enough history only those that are not fitted to past windows."""
        return CANDIDATES if self.has_enough_history else UNFITTED

    def fallback(self, target: Target) -> str:
        """Return the candidate that predicts without enough history: the purchase models, or a rule where there are none."""
        known = self.task.columns.constant_of(_FEATURE[target].format(h=self.plan.horizon_days))
        return FALLBACK[target] if known is None or np.isfinite(known) else RULE[target]

    @classmethod
    def of(cls, connection: Connection, settings: Settings, plan: CutoffPlan, columns: FeatureColumns) -> "Lab":
        """Read the rows and compute the expected totals; a model needs a window to be evaluated on, and enough buyers."""
        judged = (*plan.folds, plan.test) if plan.test else plan.folds
        (buyers,) = one_row(
            connection, "select count(distinct customer_id) from features.customer_day where is_purchase_day"
        )
        return cls(
            plan,
            load_labelled(connection, columns, plan.horizon_days, settings.recency_half_life_days),
            Task(columns, plan.horizon_days, settings.seed),
            {f.validation: _level(connection, f, plan.horizon_days) for f in judged},
            buyers >= settings.min_buyers,
        )

    @classmethod
    def after_tuning(
        cls, connection: Connection, settings: Settings, plan: CutoffPlan, columns: FeatureColumns
    ) -> "Lab":
        """Return the input of a step after the tuning, whose folds tell whether customers can be ranked.

        If they cannot, the test window is put to the past mean, as tonight's scores are.
        """
        (as_of,) = one_row(connection, "select as_of from raw.extraction")
        lab = replace(
            cls.of(connection, settings, plan, columns),
            totals=tuple(past_totals(connection, as_of, plan.horizon_days)),
        )
        if plan.test is None or not lab.has_enough_history:
            return lab
        learned, beats_chance = lab.rows.at(plan.test.train), records.beats_chance(connection, plan.horizon_days)
        if beats_chance or (beats_chance is None and learned.purchase.any()):
            return replace(lab, ranking="rankable" if beats_chance else "not tested")
        customers = len(lab.rows.at((plan.test.validation,)))
        level = PastMean.of(learned, plan.horizon_days).total(customers, plan.horizon_days)
        level = replace(level, variation=lab.levels[plan.test.validation].variation)
        return replace(lab, ranking="not rankable", levels={**lab.levels, plan.test.validation: level})


def _level(connection: Connection, fold: Fold, horizon_days: int) -> ExpectedTotal:
    """Return the level of a fold's window, for models fitted to its training windows."""
    season = learned_season(connection, fold.train, horizon_days)
    return for_model(expected_total(connection, fold.validation, horizon_days), season)
