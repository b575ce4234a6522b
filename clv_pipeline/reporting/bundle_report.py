"""The report of a bundle: report.html and its data, read from the bundle's own tables. The model card is in `bundle_card.py`."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from clv_pipeline.core.home import write_durably
from clv_pipeline.reporting import bundle_card, formats, labels, plots, tables
from clv_pipeline.reporting.html import Picture, render
from clv_pipeline.reporting.model_card import statements
from clv_pipeline.reporting.quality_tables import SPEND_METRICS_IN_SHORT, comparisons, judged_models, terms
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, open_bundle_file, records

_LONGEST_LIST = 15
#: Below this share of explained differences the reasons are rough.
_FAITHFUL = Decimal("0.8")
_OUTCOMES = """
select as_of_date, horizon_days,
    case when is_backtest then 'test' when is_closed then 'over' else 'open' end as window_state,
    customers, expected_spend, expected_spend_low, expected_spend_high, actual_spend, is_inside,
    share_inside as inside_share, gini, baseline_gini, bias, baseline_bias
from prediction_outcomes where slice_kind = 'all'
order by is_backtest, as_of_date desc, horizon_days limit 24
"""
_IMPROVEMENTS = """
select statement, worth, measure, money_at_stake, next_step from forecast_improvements
where status = 'to_do' order by priority
"""
_DATA_QUALITY = """
select table_name,
    case row_kind when 'source' then 'at the source' when 'part' then 'of which' else disposition end as disposition,
    reason, row_count, source_money
from data_quality
order by table_name, row_kind <> 'source', row_kind = 'part', data_quality.disposition, reason
"""
_DEPENDENCE = """
select partial_dependence.description, value, value_as_number is not null, prediction,
    partial_dependence.interval_low, partial_dependence.interval_high
from partial_dependence
inner join permutation_importance using (target, feature, source_family)
where target = $target
order by permutation_importance.rank, position
"""


@dataclass(frozen=True)
class DriversOfTarget:
    """Drivers of one champion's predictions, measured on the test window: by feature, by source, by value of a feature."""

    name: str
    by_feature: Picture
    by_source: Picture
    dependence: Picture | None


@dataclass(frozen=True)
class Drivers:
    """Drivers of both champions, the spend first, and the gain from each source."""

    targets: list[DriversOfTarget]
    sources: Table


def write_report(folder: Path) -> None:
    """Write report.html and model_card.md into a bundle folder."""
    with open_bundle_file(folder / "clv.duckdb") as connection:
        write_durably(folder / "report.html", _page(connection).encode())
        write_durably(folder / "model_card.md", bundle_card.of_bundle(connection).encode())


def _page(connection: Connection) -> str:
    (run,) = records(connection, "select * from clv_run")
    currency, days = str(run["currency"]), int(run["primary_horizon_days"])
    quality = _quality(connection)
    return render(
        "bundle_report.html",
        source_name=run["source_name"],
        as_of=formats.day(run["as_of_date"]),
        days=days,
        currency=currency,
        run_id=run["run_id"],
        model_version=run["model_version"],
        facts=_facts(run),
        season=formats.season(run["season_factor"]),
        ranking=labels.ranking(run["ranking"]),
        basis=labels.basis(run["basis"]),
        verdict=_verdict(connection, days),
        segments=_table(
            connection,
            "select segment, customers, predicted_spend_total, predicted_spend_mean, predicted_spend_share, "
            "purchase_probability_mean, historic_value_total from segments order by predicted_spend_total desc, segment",
        ),
        definitions=[
            (labels.words(row["segment"]), str(row["definition"]))
            for row in records(connection, "select * from segments order by predicted_spend_total desc, segment")
        ],
        segments_picture=_segments_picture(connection, currency),
        best_customers=_table(
            connection,
            f"select customer_id, segment, predicted_spend_{days}d, purchase_probability_{days}d, historic_value, reason_1, "
            f"reason_2 from customer_clv order by predicted_spend_{days}d desc, customer_id limit {_LONGEST_LIST}",
        ),
        recommendations=_table(
            connection,
            "select customer_id, action, why, value_at_stake from recommendations "
            f"order by priority limit {_LONGEST_LIST}",
        ),
        channels=_table(
            connection,
            "select acquisition_channel, new_buyers, marketing_spend, cac, margin_12m, margin_12m_low, margin_12m_high, "
            "affordable_cac, lifetime_margin, ltv_to_cac, payback_months, verdict from channel_value "
            "order by acquisition_channel",
        ),
        quality=quality,
        quality_terms=terms(table for _, table in quality),
        contributions=_contributions(connection, currency),
        drivers=_drivers(connection, currency),
        outcomes=_table(connection, _OUTCOMES),
        improvements=_table(connection, _IMPROVEMENTS),
        data_quality=_table(connection, _DATA_QUALITY),
    )


def _table(connection: Connection, query: str) -> Table:
    return tables.of_records(records(connection, query))


def _facts(run: dict[str, Any]) -> list[tuple[str, str]]:
    days, currency = run["primary_horizon_days"], run["currency"]
    facts = [
        ("customers scored", formats.count(run["customers"])),
        (f"predicted spend in the next {days} days, {currency}", formats.money(run["predicted_spend_total"], digits=0)),
        (
            "90 % interval of that total",
            formats.money_range(run["predicted_spend_total_low"], run["predicted_spend_total_high"]),
        ),
        ("share of the largest customer", formats.percent(run["largest_customer_share"])),
        (f"actual spend in the last {days} days, {currency}", formats.money(run["trailing_spend_total"], digits=0)),
        ("differences between predictions that the reasons explain", _fidelity(run["reasons_fidelity"])),
        ("source rows quarantined", formats.count(run["quarantined_rows"])),
    ]
    return [(name, value) for name, value in facts if value]


def _fidelity(share: Decimal | None) -> str:
    """Return the share that the reasons explain, and whether that makes them rough.

    >>> _fidelity(Decimal("0.93")), _fidelity(Decimal("0.7"))
    ('93%', '70%: the reasons are rough')
    """
    rough = ": the reasons are rough" if share is not None and share < _FAITHFUL else ""
    return formats.percent(share, digits=0) + rough


def _verdict(connection: Connection, days: int) -> list[str]:
    """Return the verdict on the champions of the primary horizon, in words; empty without a test window."""
    rows = connection.execute(
        "select row_kind, metric, statement from model_quality where row_kind = 'verdict' and horizon_days = $days "
        "order by metric",
        {"days": days},
    ).fetchall()
    return statements([{"row_kind": kind, "metric": metric, "statement": text} for kind, metric, text in rows])


def _segments_picture(connection: Connection, currency: str) -> Picture:
    rows = connection.execute(
        "select segment, predicted_spend_total from segments order by predicted_spend_total desc, segment"
    ).fetchall()
    title = "Predicted spend by segment"
    names, values = [labels.words(segment) for segment, _ in rows], [float(total) for _, total in rows]
    return Picture(plots.horizontal_bars(names, values, title, currency), title)


def _quality(connection: Connection) -> list[tuple[str, Table]]:
    rows = records(
        connection,
        "select row_kind, horizon_days, target, candidate, is_baseline, is_champion, metric, value, interval_low as low, "
        "interval_high as high from model_quality order by all",
    )
    return [
        (f"{name}, {days} days", table)
        for days in sorted({row["horizon_days"] for row in rows})
        for name, table in comparisons(
            judged_models(row for row in rows if row["horizon_days"] == days),
            SPEND_METRICS_IN_SHORT,
            with_intervals=True,
        )
    ]


def _contributions(connection: Connection, currency: str) -> Picture | None:
    top = connection.execute(
        f"select description, mean_contribution from feature_importance order by rank limit {_LONGEST_LIST}"
    ).fetchall()
    if not top:
        return None
    title = "Average effect of a feature on predicted spend"
    names, values = [str(name) for name, _ in top], [float(value) for _, value in top]
    return Picture(plots.horizontal_bars(names, values, title, currency), title)


def _drivers(connection: Connection, currency: str) -> Drivers | None:
    """Return the figures of the test window; None where the history is too short for one."""
    targets = connection.execute(
        "select distinct target from permutation_importance where mean_drop is not null order by target desc"
    ).fetchall()
    found = [_of_target(connection, target, currency) for (target,) in targets]
    return Drivers(found, _sources(connection)) if found else None


def _of_target(connection: Connection, target: str, currency: str) -> DriversOfTarget:
    features, sources = (_importance(connection, target, kind) for kind in ("feature", "source"))
    points = connection.execute(_DEPENDENCE, {"target": target}).fetchall()
    name, lost, unit = labels.drivers(target, currency)
    by_feature, by_source, by_value = (
        f"{name}: importance by feature", f"{name}: importance by source", f"{name} by value of a feature",
    )  # fmt: skip
    return DriversOfTarget(
        name,
        Picture(plots.bars_with_intervals(features, by_feature, lost), by_feature),
        Picture(plots.bars_with_intervals(sources, by_source, lost), by_source),
        Picture(plots.dependence(points, by_value, unit), by_value) if points else None,
    )


def _importance(connection: Connection, target: str, row_kind: str) -> list[plots.Bar]:
    return connection.execute(
        """
        select description, mean_drop, interval_low, interval_high from permutation_importance
        where target = $target and row_kind = $kind and rank <= $longest and mean_drop is not null order by rank
        """,
        {"target": target, "kind": row_kind, "longest": _LONGEST_LIST},
    ).fetchall()


def _sources(connection: Connection) -> Table:
    """Return the gain of one fixed model from each source, the most helpful for the ranking first."""
    shown = ("normalised_gini", "spearman", "top_decile_capture", "root_mean_squared_error")
    cells = {
        (row["description"], row["metric"]): formats.metric_estimate(
            row["metric"], row["difference"], row["interval_low"], row["interval_high"], signed=True
        )
        for row in records(connection, "select * from source_ablation where difference is not null")
    }
    verdicts = connection.execute(
        """
        select description, case when interval_low > 0 then 'helps' when interval_high < 0 then 'hurts'
            else 'no clear effect' end
        from source_ablation
        where metric = 'normalised_gini' and difference is not null
        order by difference desc, left_out
        """
    ).fetchall()
    return Table(
        ["source", "effect on the ranking", *(labels.metric(m).label for m in shown)],
        [[source, verdict, *(cells.get((source, m), "") for m in shown)] for source, verdict in verdicts],
        frozenset(range(2, 2 + len(shown))),
    )
