"""The report of a bundle for people: one self-contained HTML page and a model card, made from the bundle's own tables."""

import base64
from decimal import Decimal
from html import escape
from pathlib import Path

from clv_pipeline.core.home import write_durably
from clv_pipeline.reporting import plots
from clv_pipeline.reporting.terminal import season_in_words
from clv_pipeline.warehouse.connection import Connection, open_bundle_file

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin-bottom: 1.2rem; }
caption { text-align: left; color: #52606d; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #e4e7eb; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.facts { display: flex; gap: 2.5rem; flex-wrap: wrap; margin: 1.2rem 0; } .facts b { display: block; font-size: 1.4rem; }
.quiet { color: #52606d; } img { max-width: 100%; }
"""


def write_report(folder: Path) -> None:
    """Write report.html and model_card.md into a bundle folder."""
    with open_bundle_file(folder / "clv.duckdb") as connection:
        write_durably(folder / "report.html", _html(connection).encode())
        write_durably(folder / "model_card.md", _model_card(connection).encode())


def _html(connection: Connection) -> str:
    run = _records(connection, "select * from clv_run")[0]
    currency = str(run["currency"])
    segments = _records(connection, "select * from segments order by predicted_spend_total desc, segment")
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Customer value {run['as_of_date']}</title>",
        f"<style>{STYLE}</style><h1>Customer value, {escape(str(run['source_name']))}</h1>",
        f"<p class=quiet>as of {run['as_of_date']}, next {run['primary_horizon_days']} days, run {run['run_id']}, "
        f"model {run['model_version']}</p>",
        _facts(run),
        f"<p class=quiet>Season in the predicted total: {season_in_words(run['season_factor'])}.</p>",
        "<h2>Segments</h2>",
        _picture(
            plots.horizontal_bars(
                [str(s["segment"]).replace("_", " ") for s in segments],
                [float(str(s["predicted_spend_total"])) for s in segments],
                "Predicted spend by segment",
                currency,
            ),
            "Predicted spend by segment",
        ),
        _table(
            connection,
            "select * exclude (currency, as_of_date) from segments order by predicted_spend_total desc, segment",
        ),
        "<h2>Best customers</h2>",
        _table(
            connection,
            f"select customer_id, segment, predicted_spend_{run['primary_horizon_days']}d, "
            f"purchase_probability_{run['primary_horizon_days']}d, historic_value, reason_1, reason_2 from customer_clv "
            f"order by predicted_spend_{run['primary_horizon_days']}d desc, customer_id limit 15",
        ),
        "<h2>What to do first</h2>",
        _table(
            connection,
            "select customer_id, action, why, value_at_stake from recommendations order by priority limit 15",
        ),
        "<h2>Channels</h2>",
        _table(connection, "select * exclude (currency) from channel_value order by acquisition_channel"),
        "<h2>How good the predictions are</h2><p>Every model and every fixed rule (baseline) was judged on the same "
        "window, which none of them had seen. Brackets: 90 % bootstrap interval.</p>",
        _quality_table(connection),
        "<h2>What drives the predictions</h2>",
        _importance_picture(connection, currency),
        *_drivers(connection, currency),
        "<h2>Past predictions, checked</h2>",
        _table(connection, _OUTCOMES, empty="No published prediction has come to the end of its window yet."),
        "<h2>Data quality</h2><p>Every source row has one fate; 'of which' looks again at rows counted above.</p>",
        _table(connection, "select * from data_quality order by table_name, fate, reason"),
    ]
    return "\n".join(parts) + "\n"


_OUTCOMES = """
select as_of_date, horizon_days, sum(customers) as customers, sum(predicted_spend) as predicted_spend,
    sum(actual_spend) as actual_spend, sum(predicted_buyers) as predicted_buyers, sum(actual_buyers) as actual_buyers
from prediction_outcomes group by all order by all
"""


def _reach(run: dict[str, object]) -> dict[str, str]:
    low, high = run["predicted_spend_total_low"], run["predicted_spend_total_high"]
    return {} if low is None else {"90 % interval of the total": f"{low:,.0f} to {high:,.0f}"}


def _facts(run: dict[str, object]) -> str:
    facts = {
        "customers": f"{run['customers']:,}",
        f"predicted spend, {run['currency']}": f"{run['predicted_spend_total']:,}",
        **_reach(run),
        f"the {run['primary_horizon_days']} days before, {run['currency']}": f"{run['trailing_spend_total']:,}",
        "source rows set aside": f"{run['quarantined_rows']:,}",
    }
    return "<div class=facts>" + "".join(f"<div><b>{v}</b>{escape(k)}</div>" for k, v in facts.items()) + "</div>"


def _quality_table(connection: Connection) -> str:
    shown = ("normalised_gini", "spearman", "top_decile_capture", "wape", "total_bias", "roc_auc", "log_loss")
    cells: dict[tuple[object, ...], dict[str, str]] = {}
    for row in _records(
        connection, "select * from model_quality order by horizon_days, target, fold_score desc, candidate"
    ):
        key = (row["horizon_days"], row["target"], row["candidate"], row["is_baseline"], row["is_champion"])
        if row["value"] is not None and row["metric"] in shown:
            interval = (
                f" [{row['interval_low']:.3f}, {row['interval_high']:.3f}]" if row["interval_low"] is not None else ""
            )
            cells.setdefault(key, {})[str(row["metric"])] = f"{row['value']:.3f}{interval}"
    if not cells:
        return "<p>The history is too short to judge a model: a fixed rule is published.</p>"
    rows = []
    for (_, target, candidate, is_baseline, is_champion), values in cells.items():
        role = "champion" if is_champion else "baseline" if is_baseline else ""
        rows.append([target, candidate, role, *(values.get(m, "") for m in shown)])
    return _html_table(["target", "candidate", "role", *shown], rows)


def _importance_picture(connection: Connection, currency: str) -> str:
    top = _records(connection, "select * from feature_importance order by rank limit 15")
    if not top:
        return "<p>No feature moves the predictions.</p>"
    names = [str(t["description"]) for t in top]
    values = [float(str(t["mean_contribution"])) for t in top]
    title = "Money a feature moves in tonight's average prediction"
    return _picture(plots.horizontal_bars(names, values, title, currency), title)


def _drivers(connection: Connection, currency: str) -> list[str]:
    """Return what the champion's skill rests on: features, whole sources, the curve of a feature, what a source adds."""
    features, sources = (_importance_bars(connection, f"feature {sign} 'all' and rank <= 15") for sign in ("<>", "="))
    if not features:
        return ["<p>The history is too short to judge what drives the predictions.</p>"]
    points = connection.execute(
        """
        select partial_dependence.description, value, value_as_number is not null, predicted_spend,
            partial_dependence.interval_low, partial_dependence.interval_high
        from partial_dependence
        inner join permutation_importance using (feature, source_family)
        order by permutation_importance.rank, position
        """
    ).fetchall()
    lost = "normalised Gini lost"
    return [
        "<h3>What the skill rests on</h3><p>On the window that no model had seen, customers swap one feature's values among "
        "themselves: how much worse does predicted spend rank them then? Features that say the same share their credit, so "
        "each source is shuffled as a whole, too. Whiskers: 90&nbsp;% bootstrap interval.</p>",
        _picture(plots.bars_with_intervals(features, "Importance by feature", lost), "Importance by feature"),
        _picture(plots.bars_with_intervals(sources, "Importance by source", lost), "Importance by source"),
        "<h3>How predicted spend changes with a feature</h3><p>Mean prediction if every customer had the value and nothing "
        "else changed. Steps hold equally many customers; the band is the 90&nbsp;% interval over customers. It shows the "
        "model, not what would happen if the value were changed.</p>",
        _picture(plots.dependence(points, currency), "Predicted spend by value of a feature") if points else "",
        "<h3>What each source adds</h3><p>One fixed model, fitted with and without the source and judged on the same "
        "customers. Brackets: 90&nbsp;% bootstrap interval of the difference; for the error, less is better.</p>",
        _ablation_table(connection),
    ]


def _importance_bars(connection: Connection, which: str) -> list[plots.Bar]:
    return connection.execute(
        f"""
        select description, mean_drop, interval_low, interval_high from permutation_importance
        where {which} and mean_drop is not null order by rank
        """
    ).fetchall()


def _ablation_table(connection: Connection) -> str:
    added: dict[str, dict[str, str]] = {}
    for row in _records(
        connection, "select * from source_ablation where difference is not null order by left_out, metric"
    ):
        added.setdefault(str(row["description"]), {})[str(row["metric"])] = _added(row)
    verdicts = connection.execute(
        """
        select description, case when interval_low > 0 then 'helps' when interval_high < 0 then 'hurts'
            else 'not to be told from chance' end
        from source_ablation where metric = 'normalised_gini' and difference is not null
        order by difference desc, left_out
        """
    ).fetchall()
    if not verdicts:
        return "<p>There is nothing but purchases.</p>"
    others = {
        "spearman": "rank correlation",
        "top_decile_capture": "top decile captured",
        "root_mean_squared_error": "error",
    }
    rows: list[list[object]] = [
        [f"{name}: {added[name]['normalised_gini']}", verdict, *(added[name].get(m, "") for m in others)]
        for name, verdict in verdicts
    ]
    return _html_table(["what it adds to the ranking", "verdict", *others.values()], rows)


def _added(row: dict[str, object]) -> str:
    """Return a difference and its interval: '+.021 Gini [.012, .030]'."""
    is_money = row["metric"] == "root_mean_squared_error"
    value, low, high = (
        f"{row[name]:{sign}z.2f}" if is_money else f"{row[name]:{sign}z.3f}".replace("0.", ".", 1)
        for name, sign in (("difference", "+"), ("interval_low", "-"), ("interval_high", "-"))
    )
    unit = " Gini" if row["metric"] == "normalised_gini" else ""
    # no line break inside: a figure and its interval are read together
    return f"{value}{unit} [{low}, {high}]".replace(" ", "\N{NO-BREAK SPACE}")


def _model_card(connection: Connection) -> str:
    run = _records(connection, "select * from clv_run")[0]
    champions = _records(
        connection,
        "select horizon_days, target, candidate, metric, value, interval_low, interval_high, test_window_start_date, "
        "customers from model_quality where is_champion order by horizon_days, target, metric",
    )
    lines = [
        f"# Model card: {run['model_version']}",
        "",
        f"Predicts what each customer of {run['source_name']} spends, net of returns, in the days after {run['as_of_date']}, "
        "and the chance of a purchase.",
        "Not for credit, pricing or any decision about a person beyond marketing care.",
        "",
        "| horizon | target | champion | metric | value | 90 % interval | window from | customers |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {c['horizon_days']} | {c['target']} | {c['candidate']} | {c['metric']} | {c['value']} | "
        f"{c['interval_low']} .. {c['interval_high']} | {c['test_window_start_date']} | {c['customers']} |"
        for c in champions
    ]
    lines += [
        "",
        "Judged out of time on the window named; chosen on earlier windows. Baselines: table model_quality.",
        "",
        f"Season in the predicted total: {season_in_words(run['season_factor'])}.",
        "",
    ]
    return "\n".join(lines)


def _picture(png: bytes, text: str) -> str:
    return f'<img alt="{escape(text)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _table(connection: Connection, query: str, *, empty: str = "Nothing to show.") -> str:
    records = _records(connection, query)
    if not records:
        return f"<p>{escape(empty)}</p>"
    return _html_table(list(records[0]), [list(r.values()) for r in records])


def _html_table(names: list[str], rows: list[list[object]]) -> str:
    numeric = [all(isinstance(r[i], int | float | Decimal) or r[i] is None for r in rows) for i in range(len(names))]
    kind = [" class=n" if n else "" for n in numeric]
    head = "".join(f"<th{k}>{escape(n.replace('_', ' '))}</th>" for n, k in zip(names, kind, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{k}>{escape(_shown(n, v))}</td>" for n, v, k in zip(names, row, kind, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | Decimal) and ("probability" in name or name.endswith("_share")):
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)


def _records(connection: Connection, query: str) -> list[dict[str, object]]:
    cursor = connection.execute(query)
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
