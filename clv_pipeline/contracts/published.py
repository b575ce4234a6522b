"""The published contract, a draft of version 2: every table BI reads, its key, and the meaning of each column.

The SQL of the tables is in `sql/4_published`. Until version 2 is frozen the draft may break.
"""

import re
import sys

from clv_pipeline.contracts.published_base import BASE_TABLES
from clv_pipeline.contracts.published_customers import CUSTOMER_TABLES
from clv_pipeline.contracts.published_explanations import EXPLANATION_TABLES
from clv_pipeline.contracts.published_forecasts import FORECAST_TABLES
from clv_pipeline.contracts.published_models import MODEL_TABLES
from clv_pipeline.contracts.published_next_purchases import NEXT_PURCHASE_TABLES
from clv_pipeline.contracts.published_outcomes import OUTCOME_TABLES
from clv_pipeline.contracts.published_table import IDENTITY, PublishedTable
from clv_pipeline.contracts.table import Table
from clv_pipeline.contracts.warehouse import COLUMN_DICTIONARY, COLUMN_LINEAGE
from clv_pipeline.core.settings import Settings

CONTRACT_VERSION = "v2-draft"
#: The settings that a description may name in braces, and how each is shown.
_NAMED_SETTINGS = {
    "lifetime_days": ",",
    "discount_rate": ".0%",
    "gross_margin": ".0%",
    "max_stale_days": "",
    "rfm_groups": "",
}


def _declared(table: Table, *key: str) -> PublishedTable:
    """Return a table that Python writes, with the column meanings declared in `warehouse.py`."""
    return PublishedTable(table.name.split(".")[1], key, {column.name: column.meaning for column in table.columns})


PUBLISHED: dict[str, PublishedTable] = {
    table.name: table
    for table in (
        *CUSTOMER_TABLES,
        *EXPLANATION_TABLES,
        *BASE_TABLES,
        *FORECAST_TABLES,
        *NEXT_PURCHASE_TABLES,
        *MODEL_TABLES,
        *OUTCOME_TABLES,
        PublishedTable(
            "data_quality",
            ("table_name", "row_kind", "disposition", "reason_code", "reason"),
            {
                "table_name": "source table. subscriptions and subscription_payments are cleaned and counted, and no model "
                "uses them yet",
                "row_kind": "source: all rows, as counted by the source itself or from the text of its files; read: the rows "
                "in the warehouse; disposition: the rows with one disposition; part: a subset already counted above, so "
                "exclude it from sums",
                "disposition": "source = accepted + duplicate + superseded + excluded + quarantined; superseded: a newer "
                "version of the row counts; created: derived from another table, not from the source; empty for the other kinds",
                "reason_code": "code of the reason, for filters and joins; excluded_by_rule for every rule of the "
                "company's own; empty for accepted rows and the other kinds",
                "reason": "the reason as text; empty if there is none; for row_kind part, which rows",
                "row_count": "rows",
                "source_money": "sum of the rows' money in source currencies, before conversion: amounts of order lines, "
                "marketing spend, payments of subscriptions; null for other tables, and where no row has a readable amount",
            },
        ),
        _declared(COLUMN_DICTIONARY, "table_name", "column_name"),
        _declared(COLUMN_LINEAGE, "table_name", "column_name", "from_table", "from_column"),
        PublishedTable(
            "clv_run",
            ("run_id",),
            {
                "run_id": IDENTITY["run_id"],
                "contract_version": "version of this contract",
                "source_name": "the company or data set",
                "as_of_date": IDENTITY["as_of_date"],
                "scored_at": IDENTITY["scored_at"],
                "currency": IDENTITY["currency"],
                "time_zone": "the business time zone",
                "primary_horizon_days": "the horizon used for ranking, segments and reasons",
                "lifetime_days": "the days that lifetime_spend and lifetime_margin look ahead (setting lifetime_days)",
                "model_version": IDENTITY["model_version"],
                "customers": "customers with a row in customer_clv",
                "predicted_spend_total": "sum of predicted spend, primary horizon",
                "predicted_spend_total_low": "lower end of the total's 90 % interval, from the errors of past totals, those of "
                "other companies where there are few, and chance",
                "predicted_spend_total_high": "upper end of the total's 90 % interval",
                "average_predicted_spend": "mean predicted spend of the customers who have bought, primary horizon: what the "
                "reasons in customer_reasons start from; null where nobody has",
                "reasons_fidelity": "share of the differences between predictions that the reasons explain (R2): 1 "
                "is all, 0 none; what is left is in customer_reasons as unexplained; below 0.8 the reasons are rough",
                "season_factor": "factor for the season of the same weeks last year, applied to the predicted total, 0.5 to 2; "
                "null where unknown (under 17 months of orders, a horizon over a year, a fixed rule): "
                "the interval is wider then",
                "largest_customer_share": "share of predicted_spend_total that is one customer's, the one with the highest "
                "predicted spend, 0 to 1",
                "carried_factor": "factor for a quarter of the error of the last closed window, applied to the predicted total "
                "where no season is known; null where one is, or where no window is over",
                "basis": "what the predictions of the primary horizon rest on: learned, extended, prior or rule",
                "ranking": "rankable; not rankable (on the tuning windows no model's order of the customers was better than "
                "chance: use the total, which is the past mean, not the order); not tested (no such window, "
                "or too few buyers to fit a model)",
                "trailing_spend_total": "net sales in the same number of days before as_of_date (the baseline)",
                "margin_source": "where margins come from: cost (of each order line), gross_margin (the setting, for all lines), "
                "mixed (the setting for lines without a cost), none. cost with a margin_covered_share below 1: margins that a "
                "line without a cost is part of are null",
                "margin_covered_share": "share of the money of all accepted order lines, returns counted as positive, whose line "
                "has a cost, 0 to 1; null without a line",
                "margin_rate": "the company's margin so far divided by its net spend: predicted margins use it, each customer's "
                "own drawn in the more the customer has spent; with margin_source gross_margin it is that setting",
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
        description = description.replace(f"{{{name}}}", "not set" if value is None else format(value, format_spec))
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
