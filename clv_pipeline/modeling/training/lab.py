"""The input of every step of a training, read from the warehouse. The steps are in `training.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from clv_pipeline.core.settings import Settings
from clv_pipeline.features.cutoffs import CutoffPlan
from clv_pipeline.modeling.calibration.level import ExpectedTotal, PastMean, expected_total
from clv_pipeline.modeling.calibration.rankability import Ranking
from clv_pipeline.modeling.candidates.catalogue import Task
from clv_pipeline.modeling.data.dataset import FeatureColumns, LabelledRows, load_labelled
from clv_pipeline.modeling.training import records
from clv_pipeline.warehouse.connection import Connection, one_row


@dataclass(frozen=True)
class Lab:
    """Input of every step for one horizon: its plan, its labelled rows, the expected total of each evaluated cutoff."""

    plan: CutoffPlan
    rows: LabelledRows
    task: Task
    levels: Mapping[date, ExpectedTotal]
    has_enough_history: bool
    ranking: Ranking = "not tested"

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
            {f.validation: expected_total(connection, f.validation, plan.horizon_days) for f in judged},
            plan.test is not None and buyers >= settings.min_buyers,
        )

    @classmethod
    def after_tuning(
        cls, connection: Connection, settings: Settings, plan: CutoffPlan, columns: FeatureColumns
    ) -> "Lab":
        """Return the input of a step after the tuning, whose folds tell whether customers can be ranked.

        If they cannot, the test window is put to the past mean, as tonight's scores are.
        """
        lab = cls.of(connection, settings, plan, columns)
        if plan.test is None or not lab.has_enough_history:
            return lab
        learned, beats_chance = lab.rows.at(plan.test.train), records.beats_chance(connection, plan.horizon_days)
        if beats_chance or (beats_chance is None and learned.flag.any()):
            return replace(lab, ranking="rankable" if beats_chance else "not tested")
        customers = len(lab.rows.at((plan.test.validation,)))
        level = PastMean.of(learned, plan.horizon_days).total(customers, plan.horizon_days)
        return replace(lab, ranking="not rankable", levels={**lab.levels, plan.test.validation: level})
