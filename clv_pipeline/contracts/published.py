"""The published contract, a draft of version 2: every table BI reads, its key, and the meaning of each column.

The SQL of the tables is in `sql/4_published`. Until version 2 is frozen the draft may break.
"""

import re
import sys
from dataclasses import dataclass

from clv_pipeline.contracts.table import Table
from clv_pipeline.contracts.warehouse import COLUMN_DICTIONARY, COLUMN_LINEAGE
from clv_pipeline.core.settings import Settings

CONTRACT_VERSION = "v2-draft"
#: The settings that a description may name in braces, and how each is shown.
_NAMED_SETTINGS = {"lifetime_days": ",", "discount_rate": ".0%", "gross_margin": ".0%", "max_stale_days": ""}


@dataclass(frozen=True)
class PublishedTable:
    """One published table; `key` is unique and never null, `columns` has the meaning of each column."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]


def _declared(table: Table, *key: str) -> PublishedTable:
    """Return a table that Python writes, with the column meanings declared in `warehouse.py`."""
    return PublishedTable(table.name.split(".")[1], key, {column.name: column.meaning for column in table.columns})


_IDENTITY = {
    "as_of_date": "date the scores are computed for; only data before this day (business time zone) is used",
    "currency": "ISO code of every amount in the row",
    "run_id": "the run that wrote the row; the same input and as_of give the same run_id",
    "model_version": "the model version that made the prediction",
    "scored_at": "as_of_date 00:00 in the business time zone, as UTC",
    "updated_at": "scored_at of the run in which a business value of this row last changed (UTC)",
}
_SEGMENT = {
    "segment": "high_value, churn_risk, missed_opportunity, new_customer, steady, dormant or prospect",
    "value_tier": "A: top 5 % by predicted spend, B: next 15 %, C: next 30 %, D: the rest",
    "score_status": "scored; single_purchase (one purchase day to date); new_customer (acquired in the last 30 days); "
    "extended_horizon (learned on a shorter window, extrapolated); insufficient_history (a fixed rule, no model); "
    "no_purchase_yet (average of earlier customers who had not bought yet)",
}
_WINDOW = {
    "horizon_days": "length of the predicted window in days, from as_of_date",
    "predicted_spend": "expected net spend in the window, in currency",
    "purchase_probability": "probability of at least one purchase in the window, 0 to 1",
}

PUBLISHED: dict[str, PublishedTable] = {
    table.name: table
    for table in (
        PublishedTable(
            "customer_clv",
            ("customer_id",),
            {
                "customer_id": "the company's customer number, as text",
                **_IDENTITY,
                **_SEGMENT,
                "predicted_spend_{h}d": "expected (mean) net spend in the {h} days from as_of_date: for totals, ranking, budgets",
                "typical_spend_{h}d": "median predicted spend (half of comparable customers spend less); "
                "null until a past window has been evaluated",
                "predicted_spend_low_{h}d": "lower end of the customer's 90 % prediction interval; "
                "null when typical_spend is null",
                "predicted_spend_high_{h}d": "upper end of the customer's 90 % prediction interval; "
                "null when typical_spend is null",
                "purchase_probability_{h}d": "probability of at least one purchase in the {h} days from as_of_date, 0 to 1",
                "lifetime_value": "expected net spend of the next {lifetime_days} days, discounted by {discount_rate} per year, "
                "times the gross margin of {gross_margin}",
                "historic_value": "net spend to date, before as_of_date",
                "historic_value_365d": "net spend in the 365 days before as_of_date",
                "purchase_days": "number of days with a purchase to date",
                "average_purchase_value": "mean spend per purchase day, before returns; null without a purchase",
                "first_order_date": "day of the first order; null without one",
                "last_order_date": "day of the last purchase before as_of_date; null without one",
                "recency_days": "days since the last purchase; null without one",
                "probability_alive": "probability of still being a customer, from the purchase rhythm; "
                "null without a purchase or a model",
                "expected_next_order_date": "median date of the next order, if the customer is still active; "
                "null where probability_alive is null, or beyond {lifetime_days} days",
                "country": "country in the CRM; null when unknown",
                "acquisition_channel": "channel that acquired the customer; null when unknown",
                "is_in_crm": "false for a customer known only from orders",
                "reason_1": "strongest reason for the prediction, with the amount it adds or subtracts",
                "reason_2": "second reason",
                "reason_3": "third reason",
            },
        ),
        PublishedTable(
            "customer_clv_history",
            ("customer_id", "as_of_date", "horizon_days"),
            {
                "customer_id": "the company's customer number, as text",
                **_IDENTITY,
                **_SEGMENT,
                **_WINDOW,
                "historic_value": "net spend before that as_of_date",
            },
        ),
        PublishedTable(
            "customer_clv_changes",
            ("customer_id",),
            {
                "customer_id": "the company's customer number, as text",
                "change": "added, changed or removed since previous_as_of_date; "
                "the only value given for a customer who withdrew consent",
                "previous_as_of_date": "the earlier as_of_date that this run is compared with",
                "previous_segment": "segment at previous_as_of_date",
                "segment": "segment now",
                "previous_value_tier": "value tier at previous_as_of_date",
                "value_tier": "value tier now",
                "previous_predicted_spend": "predicted spend at previous_as_of_date, primary horizon",
                "predicted_spend": "predicted spend now, primary horizon",
            },
        ),
        PublishedTable(
            "segments",
            ("segment",),
            {
                "segment": _SEGMENT["segment"],
                "customers": "customers in the segment",
                "predicted_spend_total": "sum of predicted spend, primary horizon",
                "predicted_spend_mean": "mean predicted spend, primary horizon",
                "predicted_spend_share": "share of all predicted spend, 0 to 1",
                "purchase_probability_mean": "mean purchase probability, primary horizon",
                "historic_value_total": "net spend to date",
                "currency": _IDENTITY["currency"],
                "as_of_date": _IDENTITY["as_of_date"],
            },
        ),
        PublishedTable(
            "segment_thresholds",
            ("threshold",),
            {
                "threshold": "name of the threshold",
                "value": "its value in this run",
                "meaning": "the segment or value tier that it defines",
            },
        ),
        PublishedTable(
            "recommendations",
            ("customer_id",),
            {
                "priority": "1 has the highest value at stake",
                "customer_id": "the company's customer number, as text",
                "segment": _SEGMENT["segment"],
                "action": "the recommended action",
                "why": "the reason for the action",
                "value_at_stake": "the amount that the action can win or keep",
                "currency": _IDENTITY["currency"],
                "as_of_date": _IDENTITY["as_of_date"],
            },
        ),
        PublishedTable(
            "cohorts",
            ("cohort_month_date", "months_since"),
            {
                "cohort_month_date": "month of the customers' first purchase (its first day)",
                "months_since": "months since then",
                "customers": "customers in the cohort",
                "active_customers": "number of them who bought in that month",
                "active_share": "active_customers divided by customers",
                "net_spend": "net spend of the cohort in that month",
                "net_spend_so_far": "net spend up to that month",
            },
        ),
        PublishedTable(
            "channel_value",
            ("acquisition_channel",),
            {
                "acquisition_channel": "channel that acquired the customers",
                "customers": "customers acquired",
                "buyers": "number of them with a purchase",
                "marketing_spend": "marketing spend on the channel to date; null when unknown",
                "historic_value": "net spend of its customers to date",
                "predicted_spend": "their predicted spend, primary horizon",
                "acquisition_cost_per_buyer": "CAC: recorded acquisition cost, else marketing spend, per buyer",
                "value_per_buyer": "(historic value + predicted spend) x gross margin, per buyer",
                "ltv_to_cac": "value_per_buyer divided by acquisition_cost_per_buyer",
                "payback_months": "months of margin needed to pay back the acquisition cost",
                "currency": _IDENTITY["currency"],
            },
        ),
        PublishedTable(
            "model_quality",
            ("row_kind", "horizon_days", "target", "candidate", "metric"),
            {
                "row_kind": "model: accuracy of a model or baseline; published: accuracy of the champions' published typical "
                "spend, interval and calibrated probability",
                "horizon_days": _WINDOW["horizon_days"],
                "target": "the predicted quantity",
                "candidate": "the model or fixed baseline; champion_so_far is the champion before tonight",
                "is_baseline": "a fixed rule that every model must beat",
                "is_champion": "chosen on earlier windows, where its total was right; on this one it beat the previous champion, "
                "or nothing beat it. A baseline is champion only where the history is too short for a model",
                "test_window_start_date": "first day of the test window, which no model was fitted or tuned on",
                "customers": "customers in the test window",
                "metric": "name of the metric",
                "value": "value of the metric; null where undefined",
                "interval_low": "lower end of the 90 % bootstrap interval over customers",
                "interval_high": "upper end",
                "fold_score": "mean score on the earlier tuning windows, by which the challenger is chosen",
            },
        ),
        PublishedTable(
            "feature_importance",
            ("horizon_days", "feature"),
            {
                "rank": "1 changes predictions most",
                "feature": "name of the feature",
                "source_family": "feature source: purchase, btyd (buy-till-you-die model), web, survey, social, campaign or crm",
                "description": "readable label of the feature",
                "mean_contribution": "mean absolute amount it adds to or subtracts from a prediction",
                "horizon_days": _WINDOW["horizon_days"],
            },
        ),
        PublishedTable(
            "permutation_importance",
            ("row_kind", "rank"),
            {
                "row_kind": "feature: shuffled alone; source: all features of a source shuffled together",
                "rank": "1 matters most; features and sources are ranked separately",
                "feature": "the feature; null for a source",
                "source_family": "feature source: purchase, btyd (buy-till-you-die model), web, survey, social, campaign or crm",
                "description": "readable label of the feature",
                "mean_drop": "drop of the champion's normalised Gini on the test window "
                "when the values are shuffled among customers",
                "interval_low": "lower end of its 90 % bootstrap interval over customers",
                "interval_high": "upper end",
                "horizon_days": _WINDOW["horizon_days"],
            },
        ),
        PublishedTable(
            "partial_dependence",
            ("feature", "position"),
            {
                "feature": "one of the features that matter most",
                "source_family": "feature source",
                "description": "readable label of the feature",
                "position": "position of the value in the curve, from 1",
                "value": "the value set for all customers, as text; 'none' for a missing value",
                "value_as_number": "the same value as a number; null for a category and for a missing value",
                "predicted_spend": "mean predicted spend if all had the value and nothing else changed, in currency",
                "interval_low": "lower end of its 90 % bootstrap interval over customers",
                "interval_high": "upper end",
                "currency": _IDENTITY["currency"],
                "horizon_days": _WINDOW["horizon_days"],
            },
        ),
        PublishedTable(
            "source_ablation",
            ("left_out", "metric"),
            {
                "left_out": "feature source left out of the model; all_but_purchases keeps only purchase and rhythm features",
                "description": "readable label of the source",
                "metric": "name of the metric; root_mean_squared_error is in the run's currency, and lower is better",
                "with_source": "the metric on the test window for a fixed model with every source",
                "without_source": "the metric for the same model fitted without the source",
                "difference": "with_source minus without_source: what the source adds; null where undefined",
                "interval_low": "lower end of its 90 % bootstrap interval, with the same customers drawn for both",
                "interval_high": "upper end",
                "horizon_days": _WINDOW["horizon_days"],
            },
        ),
        PublishedTable(
            "fairness_audit",
            ("horizon_days", "attribute", "group_name", "metric"),
            {
                "horizon_days": _WINDOW["horizon_days"],
                "attribute": "age, gender, or a column of the CRM whose feature is denied; the models see none of them",
                "group_name": "the group; groups of fewer than 50 customers are merged, or left out",
                "metric": "spend_bias: predicted divided by actual spend, minus 1; "
                "calibration: mean purchase probability minus the share who bought; "
                "top_decile_share: share of the group in the 10 % with the highest predicted spend",
                "customers": "customers of the group in the test window",
                "value": "value of the metric; null where undefined",
                "interval_low": "lower end of its 90 % bootstrap interval over the group's customers",
                "interval_high": "upper end",
                "test_window_start_date": "first day of the untouched window of the last training",
            },
        ),
        PublishedTable(
            "prediction_outcomes",
            ("as_of_date", "horizon_days", "predicted_decile"),
            {
                "as_of_date": "as_of_date of the run that made the prediction",
                "horizon_days": _WINDOW["horizon_days"],
                "predicted_decile": "1 to 10; 1 is the 10 % of the customers with the highest predicted spend",
                "customers": "customers in the decile",
                "predicted_spend": "their predicted spend",
                "actual_spend": "their actual net spend in the window, which is over",
                "predicted_buyers": "sum of their purchase probabilities",
                "actual_buyers": "number of them who bought",
            },
        ),
        PublishedTable(
            "data_quality",
            ("table_name", "row_kind", "disposition", "reason_code", "reason"),
            {
                "table_name": "source table",
                "row_kind": "source: all rows, as counted by the source itself or from the text of its files; read: the rows "
                "in the warehouse; disposition: the rows with one disposition; part: a subset already counted above, so "
                "exclude it from sums",
                "disposition": "source = accepted + duplicate + superseded + excluded + quarantined; superseded: a newer "
                "version of the row counts; created: derived from another table, not from the source; empty for the other kinds",
                "reason_code": "code of the reason, for filters and joins; excluded_by_rule for every rule of the "
                "company's own; empty for accepted rows and the other kinds",
                "reason": "the reason as text; empty if there is none; for row_kind part, which rows",
                "row_count": "rows",
                "source_money": "sum of the order lines' amounts in source currency, before conversion; null for "
                "tables other than orders, whose money is not reconciled, and where no row has a readable amount",
            },
        ),
        _declared(COLUMN_DICTIONARY, "table_name", "column_name"),
        _declared(COLUMN_LINEAGE, "table_name", "column_name", "from_table", "from_column"),
        PublishedTable(
            "clv_run",
            ("run_id",),
            {
                "run_id": _IDENTITY["run_id"],
                "contract_version": "version of this contract",
                "source_name": "the company or data set",
                "as_of_date": _IDENTITY["as_of_date"],
                "scored_at": _IDENTITY["scored_at"],
                "currency": _IDENTITY["currency"],
                "time_zone": "the business time zone",
                "primary_horizon_days": "the horizon used for ranking, segments and reasons",
                "model_version": _IDENTITY["model_version"],
                "customers": "customers with a row in customer_clv",
                "predicted_spend_total": "sum of predicted spend, primary horizon",
                "predicted_spend_total_low": "lower end of the total's 90 % interval, from the errors of past totals; "
                "null until a past window has been evaluated",
                "predicted_spend_total_high": "upper end of the total's 90 % interval",
                "season_factor": "factor for the season of the same weeks last year, applied to the predicted total, 0.5 to 2; "
                "null where unknown (under 17 months of orders, a horizon over a year, a fixed rule): "
                "the interval is wider then",
                "ranking": "rankable; not rankable (on the tuning windows no model's order of the customers was better than "
                "chance: use the total, which is the past mean, not the order); not tested (no such window, or a fixed rule)",
                "trailing_spend_total": "net sales in the same number of days before as_of_date (the baseline)",
                "quarantined_rows": "number of quarantined source rows",
                "newest_order_date": "day of the newest order before as_of_date",
                "is_stale": "true if newest_order_date is more than {max_stale_days} days (setting max_stale_days) "
                "before as_of_date",
                "acknowledged_checks": "names of the failed checks that were acknowledged for this run; empty if none",
                "data_fingerprint": "hash over every loaded source row",
            },
        ),
    )
}


def description_of(table: str, column: str, settings: Settings | None = None) -> str | None:
    """Return the meaning of a published column under these settings (by default, the default settings).

    None when the column is not in the contract.

    >>> description_of("customer_clv", "purchase_probability_60d")
    'probability of at least one purchase in the 60 days from as_of_date, 0 to 1'
    """
    columns = PUBLISHED[table].columns
    found, days = columns.get(column), re.search(r"_(\d+)d$", column)
    if found is None and days:
        pattern = column.removesuffix(f"_{days[1]}d") + "_{h}d"
        found = columns[pattern].replace("{h}", days[1]) if pattern in columns else None
    return _filled(found, settings) if found else None


def _filled(description: str, settings: Settings | None = None) -> str:
    """Return the description with the values of the settings it names filled in."""
    for name, format_spec in _NAMED_SETTINGS.items():
        value = getattr(settings, name) if settings else Settings.model_fields[name].default
        description = description.replace(f"{{{name}}}", format(value, format_spec))
    return description


def as_markdown() -> str:
    """Return the contract as a Markdown page; `make docs` writes it to docs/published_tables.md.

    >>> next(line for line in as_markdown().splitlines() if line.startswith("| currency"))
    '| currency | ISO code of every amount in the row |'
    """
    lines = [f"# Published tables (contract {CONTRACT_VERSION})", "", "Generated from the contract by `make docs`.", ""]
    for table in PUBLISHED.values():
        lines += [f"## {table.name}", "", f"Key: {', '.join(table.key)}", "", "| column | meaning |", "|---|---|"]
        lines += [
            f"| {name.replace('{h}', '<H>')} | {_filled(meaning).replace('{h}', '<H>')} |"
            for name, meaning in table.columns.items()
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
