"""What the optional tables that a source does not provide would add, as far as the SQL of the pipeline says it."""

from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.diagnostics.profile.look import Look
from clv_pipeline.features.families import KEYS
from clv_pipeline.warehouse.sql_models import load_layer

#: What the SQL does not say: what is null, or who is not there, without the table.
_WITHOUT = {
    "customers": "customers without an order, consent, merged accounts and acquisition channels are unknown",
    "marketing_spend": "cost per new buyer, payback and ltv_to_cac of channels stay null",
    "campaign_touches": "who was contacted is unknown",
    "fx_rates": "orders in another currency than {currency} are not accepted",
    "products": "names, categories and unit costs of products are unknown",
    "subscriptions": "contracts are not told from single orders",
    "subscription_payments": "payments of contracts are unknown",
}


@dataclass(frozen=True)
class AbsentTable:
    """One table that is not provided: the number of features made from it, the published tables that read it, and what else."""

    name: str
    features: int
    published: tuple[str, ...]
    without: str


def absent_tables(look: Look) -> list[AbsentTable]:
    """Return the optional tables that the source folder has no SELECT for."""
    # a clean table that is made of the orders, too, has rows without its own
    alone = {model.name for model in load_layer("1_clean") if "clean.orders" not in model.inputs}
    provided = look.trial.read.keys() | look.trial.refused.keys()
    return [
        AbsentTable(
            name,
            sum(_features(model.sql) for model in load_layer("2_features") if f"clean.{name}" in model.inputs),
            tuple(
                model.name for model in load_layer("4_published") if f"clean.{name}" in model.inputs and name in alone
            ),
            _WITHOUT.get(name, "").format(currency=look.settings.currency),
        )
        for name in CONTRACT
        if name not in provided
    ]


def _features(sql: str) -> int:
    """Return the number of features of a file of `sql/2_features`; a table of days or of the population has none."""
    query = sqlglot.parse_one(sql, dialect="duckdb")
    assert isinstance(query, exp.Query)
    names = set(query.named_selects)
    return len(names - set(KEYS)) if {"as_of", "customer_id"} <= names and "role" not in names else 0
