"""Warehouse tables of a training: tuned candidates, predictions, champions. No decision is made here."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from clv_pipeline.contracts.warehouse import (
    CHAMPIONS,
    MODEL_QUALITY,
    PARAMETER_SETS,
    PREDICTIONS,
    TABLES,
    TEST_PREDICTIONS,
    TRAINED_VERSION,
    TUNING,
)
from clv_pipeline.features.cutoffs import CutoffPlan
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.intervals import PredictionInterval
from clv_pipeline.modeling.calibration.rankability import Ranking
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Candidate, Target
from clv_pipeline.modeling.data.dataset import LabelledRows, target_name
from clv_pipeline.modeling.training.blending import BLENDS
from clv_pipeline.modeling.training.champion_rule import Verdict
from clv_pipeline.modeling.training.tuning import TunedCandidate
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, columns_of, has_table, one_row

QUALITY_COLUMNS = [column.name for column in MODEL_QUALITY.columns]
#: What a row of `training.model_quality` is about: a candidate; the champions' published predictions; the expected totals;
#: or the verdict on them.
RowKind = Literal["model", "published", "level", "verdict"]


@dataclass(frozen=True)
class Choice:
    """One row of `training.tuning`, read back: a candidate with the parameters that tuning chose.

    `recipe` is the name in the list of candidates; it differs from the candidate's name when the reigning champion
    competes without being the challenger.
    """

    candidate: Candidate
    recipe: str
    parameters: dict[str, Any]
    is_challenger: bool
    is_reigning: bool


def create_tuning(connection: Connection) -> None:
    """Empty the tables that the tuning writes: from now on no version counts as measured."""
    for table in (TUNING, PARAMETER_SETS, PREDICTIONS, TRAINED_VERSION):
        tables.create(connection, table)


def add_tuning(
    connection: Connection,
    horizon_days: int,
    tuned: Sequence[TunedCandidate],
    challengers: Collection[str],
    reigning: Collection[str],
) -> None:
    """Add one horizon's candidates, each with its recipe, and every parameter set that was tried for them."""
    known = {(c.target, c.factors): c.name for c in (*CANDIDATES, *BLENDS.values())}
    rows = [
        (
            horizon_days, t.candidate.target, t.candidate.name, known[t.candidate.target, t.candidate.factors],
            t.candidate.is_baseline, json.dumps(dict(t.parameters)), t.score if t.fold_scores else None,
            t.mean_absolute_bias if t.fold_scores else None, t.beats_chance, t.tried,
            t.candidate.name in challengers, t.candidate.name in reigning,
        )
        for t in tuned
    ]  # fmt: skip
    tables.append(connection, TUNING, rows)
    tables.append(connection, PARAMETER_SETS, [row for t in tuned for row in _parameter_sets(horizon_days, t)])


def _parameter_sets(horizon_days: int, tuned: TunedCandidate) -> Iterator[tuple[object, ...]]:
    target = tuned.candidate.target
    for number, tried in enumerate(tuned.searched, start=1):
        score, explained = (value if np.isfinite(value) else None for value in (tried.score, tried.explained))
        yield (
            horizon_days, target_name(horizon_days, target), tuned.candidate.name, number,
            json.dumps(dict(tried.parameters)), tried.parameters == tuned.parameters, score,
            explained if target == "spend" else None, explained if target == "purchase" else None,
        )  # fmt: skip


def read_choices(connection: Connection, horizon_days: int, target: Target) -> list[Choice]:
    """Return the tuned candidates of one horizon and target, as they were tuned."""
    rows = connection.execute(
        """
        select candidate, recipe, parameters, is_challenger, is_reigning from training.tuning
        where horizon_days = ? and target = ?
        order by rowid
        """,
        [horizon_days, target],
    ).fetchall()
    known = {c.name: c for c in (*CANDIDATES, *BLENDS.values())}
    return [
        Choice(replace(known[recipe], name=name), recipe, json.loads(parameters), is_challenger, is_reigning)
        for name, recipe, parameters, is_challenger, is_reigning in rows
    ]


def add_predictions(
    connection: Connection,
    horizon_days: int,
    candidate: Candidate,
    role: str,
    judged: LabelledRows,
    predicted: metrics.Array,
) -> None:
    """Add what a candidate predicted for a window it had not seen, `role` fold or test."""
    frame = pd.DataFrame(
        {
            "horizon_days": horizon_days, "target": candidate.target, "candidate": candidate.name, "role": role,
            "as_of": judged.as_of, "customer_id": judged.customer_id,
            "actual": judged.spend if candidate.target == "spend" else judged.purchase, "predicted": predicted,
        }
    )  # fmt: skip
    tables.append(connection, PREDICTIONS, frame)


def predicted_windows(connection: Connection, horizon_days: int) -> list[date]:
    """Return the cutoffs of the windows with predictions, oldest first; the test window is the last."""
    rows = connection.execute(
        "select distinct as_of from training.predictions where horizon_days = ? order by as_of", [horizon_days]
    ).fetchall()
    return [as_of for (as_of,) in rows]


def read_predictions(
    connection: Connection, horizon_days: int, candidate: str, target: Target, cutoff: date
) -> dict[str, metrics.Array]:
    """Return `actual` and `predicted` of one candidate and window, in order of customer_id."""
    found = connection.execute(
        """
        select actual, predicted from training.predictions
        where horizon_days = ? and candidate = ? and target = ? and as_of = ?
        order by customer_id
        """,
        [horizon_days, candidate, target, cutoff],
    ).fetchnumpy()
    return {name: np.asarray(found[name], dtype=np.float64) for name in ("actual", "predicted")}


def create_evaluation(connection: Connection) -> None:
    """Empty `training.champions` and `training.test_predictions`; forget the predictions of an earlier evaluation."""
    connection.execute("delete from training.predictions where role = 'test'")
    tables.create(connection, CHAMPIONS)
    tables.create(connection, TEST_PREDICTIONS)


def beats_chance(connection: Connection, horizon_days: int) -> bool | None:
    """Return whether any model's order of the fold customers beats chance; None without folds."""
    (found,) = one_row(
        connection,
        "select bool_or(beats_chance) from training.tuning where horizon_days = $horizon and not is_baseline",
        {"horizon": horizon_days},
    )
    return None if found is None else bool(found)


def add_champion(connection: Connection, horizon_days: int, target: Target, verdict: Verdict, ranking: Ranking) -> None:
    """Record the champions, the reasons, and whether customers can be ranked."""
    tables.append(connection, CHAMPIONS, [(horizon_days, target, verdict.champion, verdict.reason, ranking)])


def champions(connection: Connection, horizon_days: int) -> dict[Target, str]:
    """Return the champion's name of each target."""
    rows = connection.execute(
        "select target, candidate from training.champions where horizon_days = ?", [horizon_days]
    ).fetchall()
    return dict(rows)


def add_test_predictions(
    connection: Connection,
    plan: CutoffPlan,
    judged: LabelledRows,
    expected: metrics.Array,
    probability: metrics.Array,
    interval: PredictionInterval,
) -> None:
    """Write the champions' predictions for each customer of the test window, and the actual outcome."""
    frame = pd.DataFrame(
        {
            "horizon_days": plan.horizon_days, "as_of": judged.as_of, "customer_id": judged.customer_id,
            "actual_spend": judged.spend, "actual_purchase": judged.purchase, "predicted_spend": expected,
            "purchase_probability": probability, "typical_spend": interval.typical, "low": interval.low, "high": interval.high,
            "if_buying_low": interval.if_buying_low, "if_buying_high": interval.if_buying_high,
        }
    )  # fmt: skip
    tables.append(connection, TEST_PREDICTIONS, frame)


def quality_rows(
    common: tuple[RowKind, int, str, str, bool, bool],
    cutoff: date,
    customers: int,
    estimates: dict[str, metrics.Estimate],
    statement: str | None = None,
) -> list[dict[str, object]]:
    """Return the rows of `training.model_quality` for (row_kind, horizon, target, candidate, is_baseline, is_champion)."""
    return [
        dict(zip(QUALITY_COLUMNS, (*common, cutoff, customers, name, e.value, e.low, e.high, statement), strict=True))
        for name, e in estimates.items()
    ]


def write_quality(connection: Connection, rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """Replace `training.model_quality` by these rows, and return it."""
    table = pd.DataFrame(rows, columns=QUALITY_COLUMNS)
    tables.replace(connection, MODEL_QUALITY, table)
    return table


def champion_metrics(connection: Connection) -> dict[str, float]:
    """Return the champions' test metrics, and those of the published predictions, as `<target> <metric>`."""
    rows = connection.execute(
        """
        select target || ' ' || metric, value from training.model_quality
        where is_champion
        order by all
        """
    ).fetchall()
    return {name: float(value) for name, value in rows if value is not None and np.isfinite(value)}


def note_trained_version(connection: Connection, version: str) -> None:
    """Record the version that the tables of this training measured, once it is complete."""
    tables.replace(connection, TRAINED_VERSION, [(version,)])


def trained_version(connection: Connection) -> str | None:
    """Return the version that the training tables measured; None before the first training, and after an interrupted one."""
    if not has_table(connection, TRAINED_VERSION.name):
        return None
    rows = connection.execute(f"select model_version from {TRAINED_VERSION.name}").fetchall()
    return str(rows[0][0]) if rows else None


def tables_of_another_release(connection: Connection) -> list[str]:
    """Return the existing training tables that lack a declared column: an earlier release wrote them."""
    return [
        name
        for name, table in TABLES.items()
        if name.startswith("training.")
        and has_table(connection, name)
        and {c.name for c in table.columns} - columns_of(connection, name).keys()
    ]
