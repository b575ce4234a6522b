"""Tonight's scores: features and champion in; one row per customer out (`scores.customer_scores`), with reasons beside them.

Segments and everything BI sees are made from these rows in `sql/4_published`; no model is fitted or chosen here. Reasons are
written by `reasons.py`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from clv_pipeline.contracts.published import CONTRACT_VERSION
from clv_pipeline.contracts.warehouse import CUSTOMER_SCORES, RUN, UNSCALED
from clv_pipeline.core.run_identity import code_fingerprint, run_id
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.cutoffs import YEAR
from clv_pipeline.features.score_status import status_of_buyer
from clv_pipeline.modeling.calibration.level import ExpectedTotal, expected_total, for_model
from clv_pipeline.modeling.candidates.ensembles import Fitted, predict
from clv_pipeline.modeling.data.dataset import scoring_batches
from clv_pipeline.modeling.registry.registry import HorizonModel, Manifest, Registry
from clv_pipeline.modeling.training.records import trained_version
from clv_pipeline.quality.night_measures import asked_to_acknowledge
from clv_pipeline.scoring.audit import ScoringReport, audit_scores
from clv_pipeline.scoring.horizon_scores import HorizonScores, Predictions, extended
from clv_pipeline.scoring.horizon_totals import write_totals
from clv_pipeline.scoring.kept_nights import earlier_runs
from clv_pipeline.scoring.reasons import write_reasons
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, has_table, one_row

#: Rows in memory at a time. A constant, not a setting: the explainer is fitted to the first of them, so it affects the reasons.
_SCORED_AT_ONCE = 100_000


def score_customers(
    warehouse: Warehouse, settings: Settings, registry: Registry, manifest: Manifest, progress: Callable[[int], None]
) -> ScoringReport:
    """Score every customer of tonight's population with the champion and replace `scores.customer_scores`.

    Raises:
        QualityError: a customer of the population is left without a score, or all predictions are equal.
        ArtefactError: a model file differs from the manifest.
    """
    models = {
        (h.learned_days, target): registry.load(manifest, f"{h.learned_days}d_{target}")
        for h in manifest.horizons
        for target in ("spend", "purchase")
    }
    primary = manifest.horizons[0]
    with warehouse.transaction() as connection:
        customers, predictions = _predict(connection, manifest, models)
        totals = _expected_totals(connection, manifest, len(customers)) if len(customers) else {}
        scores = _scores(manifest, totals, predictions)
        expected = scores[primary.horizon_days].predicted_spend
        _write_unscaled(connection, customers, predictions[primary.horizon_days])
        fidelity = write_reasons(connection, settings, manifest.columns, expected, _SCORED_AT_ONCE, progress)
        by_horizon = [s.columns(days) for days, s in scores.items()]
        scored = pd.DataFrame({"customer_id": customers} | {n: v for c in by_horizon for n, v in c.items()})
        _write_scores(connection, scored, manifest, totals)
        write_totals(connection, manifest, totals)
        total = totals.get(primary.horizon_days, ExpectedTotal())
        report = audit_scores(connection, primary, total, fidelity)
        scaling = _scaling(primary, total, predictions[primary.horizon_days])
        _write_run(connection, settings, manifest, report, scaling)
    return report


def _predict(
    connection: Connection, manifest: Manifest, models: dict[tuple[int, str], Fitted]
) -> tuple[pd.Series, dict[int, Predictions]]:
    """Return the customers who have bought, in order, and their predictions by horizon."""
    customers: list[pd.Series] = []
    found: dict[int, list[Predictions]] = {h.horizon_days: [] for h in manifest.horizons}
    for identity, features in scoring_batches(connection, manifest.columns, _SCORED_AT_ONCE):
        customers.append(identity["customer_id"])
        for horizon in manifest.horizons:
            spend = predict(models[horizon.learned_days, "spend"], features)
            probability = np.clip(predict(models[horizon.learned_days, "purchase"], features), 0, 1)
            if horizon.learned_days != horizon.horizon_days:
                learned, days = horizon.learned_days, horizon.horizon_days
                spend, probability = extended(spend, probability, learned, days, features)
            found[horizon.horizon_days].append(Predictions.of(spend, probability, features, horizon.horizon_days))
    whole = {days: Predictions.of_all(batches) for days, batches in found.items()}
    return pd.concat([pd.Series(dtype=object), *customers], ignore_index=True), whole


def _expected_totals(connection: Connection, manifest: Manifest, customers: int) -> dict[int, ExpectedTotal]:
    (as_of,) = one_row(connection, "select as_of from raw.extraction")
    levels = {
        h.horizon_days: for_model(expected_total(connection, as_of, h.horizon_days), h.learned_season)
        for h in manifest.horizons
    }
    return {
        h.horizon_days: replace(
            h.past_mean.total(customers, h.horizon_days), variation=levels[h.horizon_days].variation
        )
        if h.past_mean
        else levels[h.horizon_days]
        for h in manifest.horizons
    }


def _scores(
    manifest: Manifest, totals: dict[int, ExpectedTotal], predictions: dict[int, Predictions]
) -> dict[int, HorizonScores]:
    """Return the scores of each horizon; no expected value is lower for a longer horizon than for a shorter one it contains."""
    found: dict[int, HorizonScores] = {}
    shorter: HorizonScores | None = None
    for horizon in manifest.horizons:
        days = horizon.horizon_days
        # without buyers there is nothing to scale
        of_this = HorizonScores.of(horizon, totals[days], predictions[days]) if totals else HorizonScores.of_nobody()
        shorter = found[days] = of_this.at_least(shorter)
    return found


def _write_scores(
    connection: Connection, scored: pd.DataFrame, manifest: Manifest, totals: dict[int, ExpectedTotal]
) -> None:
    """Join the predictions to the whole population; customers who never bought get the average of earlier ones.

    The lifetime carries the longest horizon on as the purchase models do, without the season of its weeks.
    """
    columns, orders, of_prospects = [], [], {}
    prospects: HorizonScores | None = None
    for horizon in manifest.horizons:
        prospects = HorizonScores.of_prospects(horizon.prospects).at_least(prospects)
        for name, (value,) in prospects.columns(horizon.horizon_days).items():
            sql_type = "decimal(5, 4)" if name.startswith("purchase_probability") else "decimal(18, 2)"
            columns.append(f"coalesce(scored.{name}, $prospect_{name})::{sql_type} as {name}")
            of_prospects[f"prospect_{name}"] = round(float(value), 6)
        orders.append(_expected_orders(horizon.horizon_days))
        columns.append(
            f"case when scored.customer_id is null then 'rule' else '{horizon.basis}' end as basis_{horizon.horizon_days}d"
        )
    primary, longest = manifest.horizons[0], manifest.horizons[-1].horizon_days
    season = totals[longest].season if longest in totals and longest < YEAR.days else None
    connection.register("scored", scored)
    tables.replace(
        connection,
        CUSTOMER_SCORES,
        f"""
        with everybody as (
            select population.as_of, population.customer_id, {", ".join(columns)},
                {", ".join(orders)},
                case
                    when scored.customer_id is null then 'no_purchase_yet'
                    else {status_of_buyer("purchase_features")}
                end as score_status,
                $version::varchar as model_version,
                btyd_features.lifetime_purchases / nullif(btyd_features.btyd_purchases_{longest}d, 0) as lifetime_growth,
                btyd_features.lifetime_discount
            from features.population
            left join scored on population.customer_id = scored.customer_id
            left join features.purchase_features
                on population.as_of = purchase_features.as_of
                and population.customer_id = purchase_features.customer_id
            left join features.btyd_features
                on population.as_of = btyd_features.as_of and population.customer_id = btyd_features.customer_id
            where population.role = 'score'
        )
        select everybody.* exclude (lifetime_growth), predicted_spend_{primary.horizon_days}d as primary_spend,
            purchase_probability_{primary.horizon_days}d as primary_probability,
            spend_if_buying_typical_{primary.horizon_days}d as primary_if_buying,
            predicted_spend_{primary.horizon_days}d / nullif(predicted_orders_{primary.horizon_days}d, 0)
                as expected_order_value,
            case
                when lifetime_discount is not null
                    then predicted_spend_{longest}d
                        + predicted_spend_{longest}d / $season * greatest(coalesce(lifetime_growth, 1) - 1, 0)
            end::decimal(18, 2) as lifetime_spend
        from everybody
        order by customer_id
        """,
        {
            "version": manifest.version,
            "season": season or 1.0,
            **of_prospects,
        },
        horizons=[h.horizon_days for h in manifest.horizons],
    )
    connection.unregister("scored")


def _expected_orders(days: int) -> str:
    """Return the SQL of the expected purchase days: the purchase probability, times those of a buyer by the purchase models."""
    return f"""
        scored.purchase_probability_{days}d * greatest(
            btyd_features.btyd_purchases_{days}d / nullif(btyd_features.btyd_purchase_probability_{days}d, 0), 1
        ) as predicted_orders_{days}d"""


def _write_unscaled(connection: Connection, customers: pd.Series, predicted: Predictions) -> None:
    frame = pd.DataFrame(
        {"customer_id": customers, "model_spend": predicted.spend, "expected_spend": predicted.expected_spend}
    )
    tables.replace(connection, UNSCALED, frame)


def _scaling(primary: HorizonModel, total: ExpectedTotal, predicted: Predictions) -> tuple[float | None, float]:
    """Return the expected total per expectation of the purchase models, None if nothing is scaled; and their weight."""
    expectation = float(predicted.expected_spend.sum())
    if primary.spend.is_baseline or total.spend is None or expectation <= 0:
        return None, 0.0
    return total.spend / expectation, 1.0 if total.is_plan else total.expectation_weight


def _write_run(
    connection: Connection,
    settings: Settings,
    manifest: Manifest,
    report: ScoringReport,
    scaling: tuple[float | None, float],
) -> None:
    """Write `scores.run`, the identity of tonight's scores."""
    as_of, fingerprint, source = one_row(connection, "select as_of, data_fingerprint, source_name from raw.extraction")
    name = run_id(
        as_of, settings, fingerprint, code_fingerprint(settings), champion=manifest.version,
        trained_version=trained_version(connection), dispositions=_dispositions(connection),
        earlier_runs=earlier_runs(connection, as_of), acknowledged=asked_to_acknowledge(connection),
        known_on=_known_on(connection, as_of),
    )  # fmt: skip
    scored_at = datetime.combine(as_of, time(), ZoneInfo(settings.time_zone))
    low, high = (end if np.isfinite(end) else None for end in (report.total_low, report.total_high))
    (average,) = one_row(
        connection,
        "select round(avg(primary_spend), 2) from scores.customer_scores where score_status <> 'no_purchase_yet'",
    )
    row = (
        name, CONTRACT_VERSION, source, as_of, scored_at, settings.currency, settings.time_zone,
        manifest.horizons[0].horizon_days, manifest.version, report.trailing_total, low, high, report.season,
        report.carried, manifest.horizons[0].basis, manifest.horizons[0].ranking, *scaling, average,
        max(report.fidelity, 0.0) if np.isfinite(report.fidelity) else None, fingerprint,
    )  # fmt: skip
    tables.replace(connection, RUN, [row])


def _dispositions(connection: Connection) -> list[tuple[object, ...]]:
    """Return row counts by table, disposition and reason."""
    return connection.execute(
        "select table_name, disposition, reason_code, reason, row_count from clean.dispositions order by all"
    ).fetchall()


def _known_on(connection: Connection, as_of: date) -> str | None:
    """Return the night that tonight's score changes are split from; None if no rows of an earlier night are known."""
    if not has_table(connection, "scores.known_nights"):
        return None
    (known_on,) = one_row(
        connection, "select max(known_on)::varchar from scores.known_nights where known_on < $as_of", {"as_of": as_of}
    )
    return known_on and str(known_on)
