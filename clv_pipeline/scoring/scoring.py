"""Tonight's scores: features and champion in, one row a customer with reasons out (`scores.customer_scores`).

Segments and everything BI sees are made from these rows in `sql/4_published`; no model is fitted or chosen here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from clv_pipeline.contracts.published import CONTRACT_VERSION
from clv_pipeline.contracts.warehouse import CUSTOMER_SCORES, FEATURE_IMPORTANCE, HISTORY, RUN
from clv_pipeline.core.errors import QualityError
from clv_pipeline.core.run_identity import code_fingerprint, run_id
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.families import family_of
from clv_pipeline.features.window_spend import window_spend
from clv_pipeline.interpretation.explanation import Explainer, describe, fit_explainer, top_reasons
from clv_pipeline.modeling.calibration.level import ExpectedTotal, expected_total, scale_probability, scale_spend
from clv_pipeline.modeling.candidates.ensembles import Fitted, predict
from clv_pipeline.modeling.data.dataset import scoring_batches
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.modeling.registry.registry import HorizonModel, Manifest, Registry
from clv_pipeline.modeling.training.records import trained_version
from clv_pipeline.quality.night_checks import PREDICTED_TOTAL
from clv_pipeline.quality.night_measures import asked_to_acknowledge
from clv_pipeline.quality.score_checks import Totals
from clv_pipeline.quality.score_measures import measure_totals
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, has_table, one_row

#: Rows in memory at a time. A constant and no setting: the explainer learns from the first of them, so they shape reasons.
_SCORED_AT_ONCE = 100_000
#: Enough to explain a population; more makes the explainer slower, not truer.
_EXPLAINED_CUSTOMERS = 20_000
_REASONS = ("reason_1", "reason_2", "reason_3")
#: What is said of each customer and horizon; null where nothing could be measured yet.
_MONEY = ("predicted_spend", "typical_spend", "predicted_spend_low", "predicted_spend_high")
#: A customer won this recently has shown too little for a rhythm.
_NEW_CUSTOMER_DAYS = 30


@dataclass(frozen=True)
class ScoringReport:
    """What scoring did: how many customers by status, the predicted total, how faithful the reasons are."""

    customers: int
    by_status: dict[str, int]
    predicted_total: float
    #: 90 % interval of the predicted total; nan where no past window could be measured
    total_low: float
    total_high: float
    trailing_total: float
    #: what last year's season multiplies the total by; None where none was measured, or a rule predicts that has none
    season: float | None
    #: what the check of the predicted total compares
    totals: Totals
    fidelity: float


def score_customers(
    warehouse: Warehouse, settings: Settings, registry: Registry, manifest: Manifest, progress: Callable[[int], None]
) -> ScoringReport:
    """Score every customer of tonight's population with the champion and replace `scores.customer_scores`.

    Raises:
        QualityError: a customer of the population is left without a score, or all predictions are equal.
        ArtefactError: a model file is not what the manifest says.
    """
    models = {
        (h.learned_days, target): registry.load(manifest, f"{h.learned_days}d_{target}")
        for h in manifest.horizons
        for target in ("spend", "flag")
    }
    columns = manifest.columns
    primary = manifest.horizons[0].horizon_days
    parts: list[pd.DataFrame] = []
    done = 0
    importance = np.zeros(len(columns.names))
    explainer: Explainer | None = None
    with warehouse.transaction() as connection:
        for identity, features in scoring_batches(connection, columns, _SCORED_AT_ONCE):
            parts.append(identity.assign(**_predictions(manifest, models, features)))
        level = _finish(connection, parts, manifest)
        batches = scoring_batches(connection, columns, _SCORED_AT_ONCE)
        for part, (_, features) in zip(parts, batches, strict=True):
            expected = part[f"predicted_spend_{primary}d"].to_numpy()
            if explainer is None:
                few = slice(0, _EXPLAINED_CUSTOMERS)
                explainer = fit_explainer(features.iloc[few], expected[few], columns, seed=settings.seed)
            contributions = explainer.contributions(features)
            importance += np.abs(contributions).sum(axis=0)
            for name, reasons in zip(
                _REASONS, top_reasons(features, contributions, columns, len(_REASONS)), strict=False
            ):
                part[name] = reasons
            done += len(part)
            progress(done)
        scored = pd.concat([_no_scores(manifest), *parts])
        _write_scores(connection, scored, manifest)
        _write_importance(connection, columns.names, importance / max(len(scored), 1), primary)
        report = _audit(connection, manifest.horizons[0], level, explainer.fidelity if explainer else float("nan"))
        _write_run(connection, settings, manifest, report)
    return report


def _columns_of_horizon(days: int) -> list[str]:
    return [*(f"{kind}_{days}d" for kind in _MONEY), f"purchase_probability_{days}d"]


def _no_scores(manifest: Manifest) -> pd.DataFrame:
    """Return the empty frame of scores, so that a company where nobody has bought yet still has every column."""
    numbers = [name for h in manifest.horizons for name in _columns_of_horizon(h.horizon_days)]
    texts = ["customer_id", *_REASONS]
    return pd.DataFrame({n: pd.Series(dtype=float) for n in numbers} | {t: pd.Series(dtype=object) for t in texts})


def _predictions(manifest: Manifest, models: dict[tuple[int, str], Fitted], features: pd.DataFrame) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for horizon in manifest.horizons:
        spend = predict(models[horizon.learned_days, "spend"], features)
        chance = np.clip(predict(models[horizon.learned_days, "flag"], features), 0, 1)
        if horizon.learned_days != horizon.horizon_days:
            spend, chance = _extended(spend, chance, horizon, features)
        found[f"predicted_spend_{horizon.horizon_days}d"] = spend
        found[f"purchase_probability_{horizon.horizon_days}d"] = chance
    return found


def _extended(spend: Array, chance: Array, horizon: HorizonModel, features: pd.DataFrame) -> tuple[Array, Array]:
    """Carry a learned horizon on to another by the ratio of the customer's buy-till-you-die expectations."""

    def expectation(kind: str, days: int) -> Array:
        name = f"btyd_{kind}_{days}d"
        return features[name].to_numpy(np.float64) if name in features else np.full(len(features), np.nan)

    plain = horizon.horizon_days / horizon.learned_days
    growth = expectation("purchases", horizon.horizon_days) / expectation("purchases", horizon.learned_days)
    growth = np.where(np.isfinite(growth), growth, plain)
    rates = [-np.log1p(-np.clip(expectation("purchase_probability", days), 0, 1 - 1e-6))
             for days in (horizon.horizon_days, horizon.learned_days)]  # fmt: skip
    rate_growth = np.where(rates[1] > 0, rates[0] / np.maximum(rates[1], 1e-12), plain)
    rate_growth = np.where(np.isfinite(rate_growth), rate_growth, plain)
    return spend * growth, 1 - (1 - np.clip(chance, 0, 1 - 1e-9)) ** rate_growth


def _finish(connection: Connection, parts: list[pd.DataFrame], manifest: Manifest) -> ExpectedTotal:
    """Put all customers' predictions at the expected level, say how sure they are; return the primary horizon's level.

    A longer horizon holds the shorter one, so nothing that is expected may fall from one to the next.
    """
    if not parts:
        return ExpectedTotal()
    (as_of,) = one_row(connection, "select as_of from raw.extraction")
    sizes = np.cumsum([len(part) for part in parts])[:-1]
    before = dict.fromkeys((*_MONEY, "purchase_probability"), np.zeros(1))
    levels = {h.horizon_days: expected_total(connection, as_of, h.horizon_days) for h in manifest.horizons}
    for horizon in manifest.horizons:
        days = horizon.horizon_days
        spend = np.concatenate([part[f"predicted_spend_{days}d"].to_numpy() for part in parts])
        chance = np.concatenate([part[f"purchase_probability_{days}d"].to_numpy() for part in parts])
        said = _said(horizon, levels[days], spend, chance)
        said = {name: _at_least(values, before[name]) for name, values in said.items()}
        before = said
        for name, values in said.items():
            for part, slice_ in zip(parts, np.split(values, sizes), strict=True):
                part[f"{name}_{days}d"] = slice_
    return levels[manifest.horizons[0].horizon_days]


def _at_least(values: Array, before: Array) -> Array:
    """Return the larger of both; what was not measured (nan) stays so."""
    return np.where(np.isnan(values), np.nan, np.fmax(values, before))


def _said(horizon: HorizonModel, level: ExpectedTotal, spend: Array, chance: Array) -> dict[str, Array]:
    expected = spend if horizon.spend.is_baseline else scale_spend(spend, level)
    calibration = horizon.calibration
    if calibration is None:
        nothing = np.full(len(spend), np.nan)
        probability = chance if horizon.flag.is_baseline else scale_probability(chance, level)
        return dict(
            zip((*_MONEY, "purchase_probability"), (expected, nothing, nothing, nothing, probability), strict=True)
        )
    probability = calibration.probability(chance, ExpectedTotal() if horizon.flag.is_baseline else level)
    outlook = calibration.outlook(expected, probability)
    told = (expected, outlook.typical, outlook.low, outlook.high, probability)
    return dict(zip((*_MONEY, "purchase_probability"), told, strict=True))


def _write_scores(connection: Connection, scored: pd.DataFrame, manifest: Manifest) -> None:
    """Join the predictions to the whole population; customers who never bought get the past mean of their like."""
    columns = []
    prospects = np.zeros(5)
    for h in manifest.horizons:
        measured = 0.0 if h.calibration else float("nan")
        of_this = [h.prospect_spend, measured, measured, h.prospect_high + measured, h.prospect_probability]
        # a longer horizon holds the shorter one, so what is expected of prospects may not fall either
        prospects = _at_least(np.array(of_this), prospects)
        for name, value in zip(_columns_of_horizon(h.horizon_days), prospects, strict=True):
            sql_type = "decimal(5, 4)" if name.startswith("purchase_probability") else "decimal(18, 2)"
            default = f"{value:.6f}" if np.isfinite(value) else "null"
            columns.append(f"coalesce({name}, {default})::{sql_type} as {name}")
    primary = manifest.horizons[0]
    connection.register("scored", scored)
    tables.replace(
        connection,
        CUSTOMER_SCORES,
        f"""
        with everybody as (
            select population.as_of, population.customer_id, {", ".join(columns)},
                {", ".join(f"coalesce({reason}, '') as {reason}" for reason in _REASONS)},
                case
                    when scored.customer_id is null then 'no_purchase_yet'
                    when not $has_enough_history then 'insufficient_history'
                    when $is_extended then 'extended_horizon'
                    when purchase_features.tenure_days <= {_NEW_CUSTOMER_DAYS} then 'new_customer'
                    when purchase_features.purchase_days = 1 then 'single_purchase'
                    else 'scored'
                end as score_status,
                $version::varchar as model_version
            from features.population
            left join scored on population.customer_id = scored.customer_id
            left join features.purchase_features
                on population.as_of = purchase_features.as_of
                and population.customer_id = purchase_features.customer_id
            where population.role = 'score'
        )
        select *, predicted_spend_{primary.horizon_days}d as primary_spend,
            purchase_probability_{primary.horizon_days}d as primary_probability
        from everybody
        order by customer_id
        """,
        {
            "has_enough_history": primary.has_enough_history,
            "is_extended": primary.learned_days != primary.horizon_days,
            "version": manifest.version,
        },
        horizons=[h.horizon_days for h in manifest.horizons],
    )
    connection.unregister("scored")


def _write_importance(connection: Connection, names: list[str], importance: Array, horizon_days: int) -> None:
    frame = pd.DataFrame(
        {
            "horizon_days": horizon_days,
            "feature": names,
            "source_family": [family_of(name) for name in names],
            "description": [describe(name) for name in names],
            "mean_contribution": importance,
        }
    )
    tables.replace(connection, FEATURE_IMPORTANCE, frame)


def _audit(connection: Connection, horizon: HorizonModel, level: ExpectedTotal, fidelity: float) -> ScoringReport:
    primary = horizon.horizon_days
    statuses = dict(
        connection.execute(
            "select score_status, count(*) from scores.customer_scores group by score_status order by score_status"
        ).fetchall()
    )
    rows, customers, population, unscored = one_row(
        connection,
        """
        select count(*), count(distinct customer_id),
            (select count(*) from features.population where role = 'score'),
            count(*) filter (
                where score_status = 'no_purchase_yet' and customer_id in (
                    select customer_id from features.customer_day
                    where is_purchase_day and order_date < customer_scores.as_of
                )
            )
        from scores.customer_scores
        """,
    )
    if not rows == customers == population or unscored:
        raise QualityError(
            f"scores.customer_scores: {unscored} of {population} eligible customers have no score, "
            f"{rows} rows hold {customers} customers",
            next_step="look at features.customer_features for those customers; nothing was published.",
        )
    total, lowest, highest, as_of = one_row(
        connection,
        f"""
        select sum(predicted_spend_{primary}d), min(predicted_spend_{primary}d), max(predicted_spend_{primary}d),
            any_value(as_of)
        from scores.customer_scores
        """,
    )
    trailing = window_spend(connection, as_of - timedelta(days=primary), as_of).total
    if population - statuses.get("no_purchase_yet", 0) > 1 and lowest == highest:
        raise QualityError(
            f"scores.customer_scores: every predicted_spend_{primary}d is {lowest}",
            next_step="look at the model's features and training rows; nothing was published.",
            anchor=PREDICTED_TOTAL,
        )
    season = None if horizon.spend.is_baseline else level.season
    low, high = float("nan"), float("nan")
    if horizon.calibration:
        # of everybody, prospects included: the interval must hold the total that is published beside it
        low, high = horizon.calibration.total(float(total), knows_season=season is not None)
    totals = measure_totals(connection, as_of, primary, is_rule=not horizon.has_enough_history)
    return ScoringReport(int(population), statuses, float(total), low, high, trailing, season, totals, fidelity)


def _write_run(connection: Connection, settings: Settings, manifest: Manifest, report: ScoringReport) -> None:
    """Write `scores.run`, the identity of tonight's scores."""
    as_of, fingerprint, source = one_row(connection, "select as_of, data_fingerprint, source_name from raw.extraction")
    name = run_id(
        as_of, settings, fingerprint, code_fingerprint(settings), champion=manifest.version,
        trained_version=trained_version(connection), dispositions=_dispositions(connection),
        earlier_runs=_earlier_runs(connection, as_of), acknowledged=asked_to_acknowledge(connection),
    )  # fmt: skip
    scored_at = datetime.combine(as_of, time(), ZoneInfo(settings.time_zone))
    low, high = (end if np.isfinite(end) else None for end in (report.total_low, report.total_high))
    row = (
        name, CONTRACT_VERSION, source, as_of, scored_at, settings.currency, settings.time_zone,
        manifest.horizons[0].horizon_days, manifest.version, report.trailing_total, low, high, report.season, fingerprint,
    )  # fmt: skip
    tables.replace(connection, RUN, [row])


def _dispositions(connection: Connection) -> list[tuple[object, ...]]:
    """Return how many rows of each table met which fate for which reason."""
    return connection.execute(
        "select table_name, fate, reason_code, reason, row_count from clean.dispositions order by all"
    ).fetchall()


def _earlier_runs(connection: Connection, as_of: date) -> list[tuple[str, str]]:
    """Return (as_of, run_id) of the nights whose history tonight's bundle carries."""
    if not has_table(connection, HISTORY.name):
        return []
    return connection.execute(
        "select distinct as_of_date::varchar, run_id from scores.history where as_of_date <> $as_of order by all",
        {"as_of": as_of},
    ).fetchall()
