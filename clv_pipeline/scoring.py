"""Tonight's scores: features and champion in, one row a customer with reasons out (`scores.customer_scores`).

Segments and everything BI sees are made from these rows in `sql/4_published`; no model is fitted or chosen here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from hashlib import sha256
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from clv_pipeline.errors import QualityError
from clv_pipeline.modeling.candidates import Fitted, predict
from clv_pipeline.modeling.dataset import family_of, scoring_batches
from clv_pipeline.modeling.explanation import Explainer, describe, fit_explainer, top_reasons
from clv_pipeline.modeling.level import level_factor
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.modeling.registry import Manifest, Registry, code_fingerprint
from clv_pipeline.published_contract import CONTRACT_VERSION
from clv_pipeline.settings import PROJECT, SQL_FOLDER, Settings
from clv_pipeline.warehouse import Connection, Warehouse, one_row

#: Enough to explain a population; more makes the explainer slower, not truer.
_EXPLAINED_CUSTOMERS = 20_000
#: The settings that change what is published; with the data, the model and the code they make the run_id.
_SHAPING_SETTINGS = {
    "horizons", "currency", "time_zone", "gross_margin", "order_status", "exclude", "earliest_date", "seed",
    "lifetime_days", "discount_rate", "high_value_share", "churn_probability", "churn_value_share",
    "missed_basket_share",
}  # fmt: skip
_REASONS = ("reason_1", "reason_2", "reason_3")


@dataclass(frozen=True)
class ScoringReport:
    """What scoring did: how many customers by status, the predicted total, how faithful the reasons are."""

    customers: int
    by_status: dict[str, int]
    predicted_total: float
    trailing_total: float
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
        (h.horizon_days, target): registry.load(manifest, f"{h.horizon_days}d_{target}")
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
        for identity, features in scoring_batches(connection, columns, settings.batch_rows):
            parts.append(identity.assign(**_predictions(manifest, models, features)))
        _put_at_level(connection, parts, manifest)
        batches = scoring_batches(connection, columns, settings.batch_rows)
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
        report = _audit(connection, primary, explainer.fidelity if explainer else float("nan"))
        _write_run(connection, settings, manifest, report)
    return report


def _no_scores(manifest: Manifest) -> pd.DataFrame:
    """Return the empty frame of scores, so that a company where nobody has bought yet still has every column."""
    numbers = [
        f"{kind}_{h.horizon_days}d" for h in manifest.horizons for kind in ("predicted_spend", "purchase_probability")
    ]
    texts = ["customer_id", *_REASONS]
    return pd.DataFrame({n: pd.Series(dtype=float) for n in numbers} | {t: pd.Series(dtype=object) for t in texts})


def _put_at_level(connection: Connection, parts: list[pd.DataFrame], manifest: Manifest) -> None:
    """Scale all customers' predicted spend to the season's total, where the champion is a model and a season is known."""
    previous: list[Array] | None = None
    (as_of,) = one_row(connection, "select as_of from raw.extraction")
    for horizon in manifest.horizons:
        name = f"predicted_spend_{horizon.horizon_days}d"
        total = float(sum(part[name].sum() for part in parts))
        factor = level_factor(connection, as_of, horizon.horizon_days, total) if horizon.is_levelled else 1.0
        for position, part in enumerate(parts):
            levelled = part[name].to_numpy() * factor
            # a longer horizon holds the shorter one, so spend may not fall
            part[name] = levelled if previous is None else np.maximum(levelled, previous[position])
        previous = [part[name].to_numpy() for part in parts]


def _predictions(manifest: Manifest, models: dict[tuple[int, str], Fitted], features: pd.DataFrame) -> dict[str, Array]:
    found: dict[str, Array] = {}
    probability = np.zeros(len(features))
    for horizon in manifest.horizons:
        found[f"predicted_spend_{horizon.horizon_days}d"] = predict(models[horizon.horizon_days, "spend"], features)
        # a longer horizon holds the shorter one, so the chance may not fall
        probability = np.maximum(probability, predict(models[horizon.horizon_days, "flag"], features))
        found[f"purchase_probability_{horizon.horizon_days}d"] = np.clip(probability, 0, 1)
    return found


def _write_scores(connection: Connection, scored: pd.DataFrame, manifest: Manifest) -> None:
    """Join the predictions to the whole population; customers who never bought get the past mean of their like."""
    columns = []
    # a longer horizon holds the shorter one, so what is expected of prospects may not fall either
    prospect_spend = prospect_probability = 0.0
    for h in manifest.horizons:
        prospect_spend = max(prospect_spend, h.prospect_spend)
        prospect_probability = max(prospect_probability, h.prospect_probability)
        spend, probability = f"predicted_spend_{h.horizon_days}d", f"purchase_probability_{h.horizon_days}d"
        columns.append(f"coalesce({spend}, {prospect_spend:.6f})::decimal(18, 2) as {spend}")
        columns.append(f"coalesce({probability}, {prospect_probability:.6f})::decimal(5, 4) as {probability}")
    primary = manifest.horizons[0]
    connection.register("scored", scored)
    connection.execute(
        f"""
        create or replace table scores.customer_scores as
        with everybody as (
            select population.as_of, population.customer_id, {", ".join(columns)},
                {", ".join(f"coalesce({reason}, '') as {reason}" for reason in _REASONS)},
                case when scored.customer_id is null then 'no_purchase_yet' else $status end as score_status,
                $version::varchar as model_version
            from features.population
            left join scored on population.customer_id = scored.customer_id
            where population.role = 'score'
        )
        select *, predicted_spend_{primary.horizon_days}d as primary_spend,
            purchase_probability_{primary.horizon_days}d as primary_probability
        from everybody
        order by customer_id
        """,
        {"status": "scored" if primary.has_enough_history else "insufficient_history", "version": manifest.version},
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
    connection.register("frame", frame)
    connection.execute("create or replace table scores.feature_importance as select * from frame")
    connection.unregister("frame")


def _audit(connection: Connection, primary: int, fidelity: float) -> ScoringReport:
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
    total, lowest, highest, trailing = one_row(
        connection,
        f"""
        select sum(predicted_spend_{primary}d), min(predicted_spend_{primary}d), max(predicted_spend_{primary}d),
            (select coalesce(sum(net_spend), 0) from features.customer_day
             where order_date >= any_value(as_of) - {primary} and order_date < any_value(as_of))
        from scores.customer_scores
        """,
    )
    if statuses.get("scored", 0) > 1 and lowest == highest:
        raise QualityError(
            f"scores.customer_scores: every predicted_spend_{primary}d is {lowest}",
            next_step="look at the model's features and training rows; nothing was published.",
        )
    return ScoringReport(int(population), statuses, float(total), float(trailing), fidelity)


def _write_run(connection: Connection, settings: Settings, manifest: Manifest, report: ScoringReport) -> None:
    """Write `scores.run`, the identity of tonight's scores: made from the inputs alone, so that the same make the same."""
    as_of, fingerprint, source = one_row(connection, "select as_of, data_fingerprint, source_name from raw.extraction")
    knobs = settings.model_dump_json(include=_SHAPING_SETTINGS)
    code = code_fingerprint([PROJECT / "clv_pipeline", SQL_FOLDER])
    earlier = _earlier_runs(connection, as_of)
    identity = sha256(f"{fingerprint} {manifest.version} {knobs} {code} {earlier}".encode()).hexdigest()
    midnight = datetime.combine(as_of, time(), ZoneInfo(settings.time_zone))
    connection.execute(
        """
        create or replace table scores.run as
        select $run_id::varchar as run_id, $contract::varchar as contract_version, $source::varchar as source_name,
            $as_of::date as as_of, $scored_at::timestamptz as scored_at, $currency::varchar as currency,
            $time_zone::varchar as time_zone, $horizon::integer as primary_horizon_days,
            $version::varchar as model_version, $trailing::decimal(18, 2) as trailing_spend_total,
            $fingerprint::varchar as data_fingerprint
        """,
        {
            "run_id": f"{as_of:%Y%m%d}-{identity[:10]}",
            "contract": CONTRACT_VERSION,
            "source": source,
            "as_of": as_of,
            "scored_at": midnight.isoformat(),
            "currency": settings.currency,
            "time_zone": settings.time_zone,
            "horizon": manifest.horizons[0].horizon_days,
            "version": manifest.version,
            "trailing": report.trailing_total,
            "fingerprint": fingerprint,
        },
    )


def _earlier_runs(connection: Connection, as_of: date) -> str:
    """Return the runs whose history tonight's bundle carries."""
    if not connection.execute(
        "select 1 from information_schema.tables where table_schema = 'scores' and table_name = 'history'"
    ).fetchall():
        return ""
    runs = connection.execute(
        "select distinct as_of_date::varchar, run_id from scores.history where as_of_date <> $as_of order by all",
        {"as_of": as_of},
    ).fetchall()
    return str(runs) if runs else ""
