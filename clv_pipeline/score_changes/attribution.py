"""The change of each score since the published night before, split by cause; its parts add up to the cent.

The causes are taken in a fixed order (`contracts/explanation_tables.py`): each part is what the prediction changes by when
the next thing is known too. With the model of the night before and the level that it would have without news: the same rows
as then, as of tonight; then tonight's events one kind after another, and the corrections. Then tonight's model, brought
to the same total, because the total belongs to the last step, tonight's scaling. A customer about whom nothing new is known
has exactly 0 in every event.

The purchase models are tonight's in every step: what fitting them again changes is in the time that passed.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_pipeline.contracts.explanation_tables import CAUSES
from clv_pipeline.contracts.warehouse import SCORE_CHANGES
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.attributes import attribute_features
from clv_pipeline.features.btyd_features import TonightsModels
from clv_pipeline.modeling.candidates.ensembles import Fitted, predict
from clv_pipeline.modeling.data.dataset import expectation_in, scoring_batches
from clv_pipeline.modeling.registry.registry import HorizonModel, Manifest, Registry, why_unfit
from clv_pipeline.modeling.training.retraining import of_another_kind
from clv_pipeline.score_changes.known import KnownNight, inputs_of, night_before
from clv_pipeline.score_changes.level import Level, level_without_news
from clv_pipeline.score_changes.steps import STEP_FEATURES, find_differences, steps
from clv_pipeline.scoring.horizon_scores import extended
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, columns_of, one_row

Array = NDArray[np.float64]
_BATCH_ROWS = 100_000
_COMPARED = "compared_scores"


@dataclass(frozen=True)
class _Unscaled:
    """The champion's predictions before scaling, the purchase models' expectations, and a prospect's average, in money.

    model, expected: shape (n,), in the order of the compared customers; nan for those who have not bought.
    """

    model: Array
    expected: Array
    prospect: float

    def with_rows(self, position: pd.Series, changed: "_Unscaled", customers: list[str]) -> "_Unscaled":
        """Return these with other values for some customers; `changed` has one entry for each of them."""
        rows = position.loc[customers].to_numpy()
        model, expected = self.model.copy(), self.expected.copy()
        model[rows], expected[rows] = changed.model, changed.expected
        return _Unscaled(model, expected, self.prospect)


@dataclass(frozen=True)
class _Scaling:
    """Factors of the prediction and of the expectation in a published spend."""

    model: float
    expected: float

    @classmethod
    def of(cls, level: Level, base: _Unscaled) -> "_Scaling":
        """Return the scaling of a level, had nothing happened since the night before."""
        total, expected = np.nansum(base.model), np.nansum(base.expected)
        if level.spend_per_expectation is None or total <= 0 or expected <= 0:
            return cls(1.0, 0.0)
        weight, spend = level.expectation_weight, level.spend_per_expectation * expected
        return cls((1 - weight) * spend / total, weight * level.spend_per_expectation)

    def of_another_model(self, before: _Unscaled, after: _Unscaled) -> "_Scaling":
        """Return the scaling that gives another model's predictions the same total."""
        total = np.nansum(after.model)
        return _Scaling(self.model * np.nansum(before.model) / total if total > 0 else self.model, self.expected)

    def spend(self, unscaled: _Unscaled) -> Array:
        scaled = self.model * unscaled.model + self.expected * unscaled.expected
        return np.where(np.isnan(unscaled.model), unscaled.prospect, scaled)


def write_score_changes(warehouse: Warehouse, settings: Settings, registry: Registry, manifest: Manifest) -> int:
    """Replace `scores.score_changes`, and return its rows: none on the first night, and none for scores that stayed.

    manifest: of the version that scored tonight.
    """
    with warehouse.transaction() as connection:
        (as_of,) = one_row(connection, "select as_of from scores.run")
        compared = _compared(connection, as_of, settings.primary_horizon)
        tables.create(connection, SCORE_CHANGES)
        if compared.empty:
            return 0
        night = night_before(connection, as_of)
        known = night is not None and night.known_on == compared["previous_date"].iloc[0].date()
        if night and known and _is_comparable(connection, night, settings, registry):
            before = registry.manifest(night.model_version)
            parts = _parts(connection, settings, registry, (before, manifest), night, as_of, compared)
        else:
            now, then = (compared[name].to_numpy() for name in ("predicted_spend", "previous_spend"))
            parts = {"not_split": np.round(now - then, 2)}
        frame = compared.assign(**{cause: 0.0 for cause in CAUSES} | parts)
        changes = frame[(frame[list(CAUSES)] != 0).any(axis=1)]
        # the first of equal parts
        main_cause = changes[list(CAUSES)].abs().idxmax(axis=1) if len(changes) else ""
        columns = ["customer_id", "previous_date", "previous_spend", "predicted_spend", *CAUSES]
        tables.append(connection, SCORE_CHANGES, changes[columns].assign(main_cause=main_cause))
    return len(changes)


def _compared(connection: Connection, as_of: date, horizon_days: int) -> pd.DataFrame:
    """Return the customers scored tonight and on the published night before, in order, with both scores."""
    connection.execute(
        f"""
        create or replace temp table {_COMPARED} as
        select customer_scores.customer_id, history.as_of_date as previous_date, history.predicted_spend as previous_spend,
            customer_scores.primary_spend as predicted_spend, unscaled.model_spend, unscaled.expected_spend
        from scores.customer_scores
        inner join scores.history on customer_scores.customer_id = history.customer_id
        left join scores.unscaled on customer_scores.customer_id = unscaled.customer_id
        where history.horizon_days = $days
            and history.as_of_date = (select max(as_of_date) from scores.history where as_of_date < $as_of)
        """,
        {"as_of": as_of, "days": horizon_days},
    )
    frame = connection.execute(f"from {_COMPARED} order by customer_id").df()
    money = ["previous_spend", "predicted_spend"]
    return frame.astype(dict.fromkeys(money, float))


def _is_comparable(connection: Connection, night: KnownNight, settings: Settings, registry: Registry) -> bool:
    """Return whether the version of the night before could score tonight's features, in the same horizon and currency."""
    is_there = night.model_version in registry.names()
    if not is_there or (night.horizon_days, night.currency) != (settings.primary_horizon, settings.currency):
        return False
    before, built = registry.manifest(night.model_version), set(columns_of(connection, "features.customer_features"))
    return not why_unfit(before, built) and not of_another_kind(before, attribute_features(connection))


def _parts(
    connection: Connection,
    settings: Settings,
    registry: Registry,
    manifests: tuple[Manifest, Manifest],
    night: KnownNight,
    as_of: date,
    compared: pd.DataFrame,
) -> dict[str, Array]:
    """Return the part of each cause, shape (n,), in cents."""
    before, now = manifests
    horizon = next(h for h in before.horizons if h.horizon_days == settings.primary_horizon)
    model = registry.load(before, f"{horizon.learned_days}d_spend")
    position = pd.Series(np.arange(len(compared)), index=compared["customer_id"])
    tonight = _Unscaled(
        compared["model_spend"].to_numpy(np.float64),
        compared["expected_spend"].to_numpy(np.float64),
        now.horizons[0].prospects.spend,
    )
    informed = tonight
    if before.version != now.version:
        everybody = position[np.isfinite(tonight.model)].index.to_list()
        found = _predicted(connection, before, horizon, model, everybody, "features.customer_features")
        informed = tonight.with_rows(position, found, everybody)
        informed = _Unscaled(informed.model, informed.expected, horizon.prospects.spend)
    find_differences(connection, night.known_on, _COMPARED)
    states = [("time_passed", informed)]
    models = TonightsModels.of(connection, as_of, settings.min_buyers)
    for step in steps(connection, night.known_on, as_of, models):
        found = _predicted(connection, before, horizon, model, step.customers, STEP_FEATURES)
        state = states[-1][1].with_rows(position, found, step.customers)
        states = [("time_passed", state)] if step.cause == "time_passed" else [*states, (step.cause, state)]
    corrected = [
        c for (c,) in connection.execute("select customer_id from differences where cause = 'corrections'").fetchall()
    ]
    rows = position.loc[corrected].to_numpy()
    last = _Unscaled(informed.model[rows], informed.expected[rows], informed.prospect)
    states.append(("corrections", states[-1][1].with_rows(position, last, corrected)))
    level = level_without_news(connection, night, as_of, horizon)
    scaling = _Scaling.of(level, states[0][1])
    spends = [(cause, scaling.spend(state)) for cause, state in states]
    if before.version != now.version:
        spends.append(("model", scaling.of_another_model(informed, tonight).spend(tonight)))
    spends.append(("level_and_season", compared["predicted_spend"].to_numpy()))
    parts, reached = {}, compared["previous_spend"].to_numpy()
    for cause, spend in spends:
        cents = np.round(spend, 2)
        parts[cause], reached = np.round(cents - reached, 2) + 0.0, cents
    if night.inputs != inputs_of(settings):
        parts["settings"] = np.round(parts.pop("time_passed") + parts.pop("corrections"), 2)
    return parts


def _predicted(
    connection: Connection, manifest: Manifest, horizon: HorizonModel, model: Fitted, customers: list[str], table: str
) -> _Unscaled:
    """Return the predictions for these customers by their features in a table; nan for those who have not bought there."""
    position = pd.Series(np.arange(len(customers)), index=customers)
    spend, expected = np.full(len(customers), np.nan), np.full(len(customers), np.nan)
    for identity, features in scoring_batches(connection, manifest.columns, _BATCH_ROWS, table):
        is_asked = identity["customer_id"].isin(position.index).to_numpy()
        rows = position.loc[identity["customer_id"][is_asked]].to_numpy()
        asked = features[is_asked]
        predicted = predict(model, asked)
        if horizon.learned_days != horizon.horizon_days:
            nothing = np.zeros(len(asked))
            predicted, _ = extended(predicted, nothing, horizon.learned_days, horizon.horizon_days, asked)
        expectation = expectation_in(asked, "spend", horizon.horizon_days)
        spend[rows], expected[rows] = predicted, 0.0 if expectation is None else expectation
    return _Unscaled(spend, expected, horizon.prospects.spend)
