"""Customers chosen by filters, as SQL over customer_clv: no widgets and no drawing.

Column names come from the bundle's own schema; what a reader types becomes a parameter, never text of a query.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.warehouse.connection import quote_name

Kind = Literal["choice", "range", "days"]
#: A text column with more values than this is not a choice.
_MOST_CHOICES = 200
_KINDS: dict[str, Kind] = {"VARCHAR": "choice", "BOOLEAN": "choice", "DATE": "days"}
#: Identity of the row, and sentences.
_NO_FILTER = re.compile(r"customer_id|as_of_date|currency|run_id|reason_\d|reason_\d_effect")
#: The grid of the density: bins per factor of ten of spend, and bins of probability.
BINS_PER_DECADE, PROBABILITY_BINS = 12, 25
#: Spend is drawn over this many factors of ten; less is drawn at the lower end.
_DECADES = 4


@dataclass(frozen=True)
class Column:
    """A column of customer_clv that customers can be filtered by; `choices` are its values, "" stands for null."""

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()

    @property
    def is_share(self) -> bool:
        """Whether values are between 0 and 1 and shown in percent."""
        return "probability" in self.name or self.name.endswith("_share")


@dataclass(frozen=True)
class Selection:
    """Conditions on customer_clv that all hold, and their parameters."""

    conditions: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def where(self) -> str:
        return " and ".join(self.conditions) or "true"

    def choice(self, column: str, values: Sequence[str]) -> "Selection":
        """Return the selection with one of `values` in a column; "" stands for null; no values are no condition."""
        return self._with(
            f"list_contains($in_{column}, coalesce({quote_name(column)}::varchar, ''))",
            **{f"in_{column}": list(values) or None},
        )

    def at_least(self, column: str, value: float | date | None) -> "Selection":
        """Return the selection from a value on; None is no condition."""
        return self._with(f"{quote_name(column)} >= $from_{column}", **{f"from_{column}": value})

    def at_most(self, column: str, value: float | date | None) -> "Selection":
        """Return the selection up to a value; None is no condition."""
        return self._with(f"{quote_name(column)} <= $to_{column}", **{f"to_{column}": value})

    def _with(self, condition: str, **parameter: object) -> "Selection":
        if None in parameter.values():
            return self
        # a second condition on the same column, as from the chart and from a filter, needs names of its own
        (name,) = parameter
        own = f"{name}_{len(self.conditions)}"
        condition = condition.replace(f"${name}", f"${own}")
        return Selection((*self.conditions, condition), {**self.parameters, own: parameter[name]})


def columns_to_filter(bundle: ServedBundle) -> list[Column]:
    """Return the columns of customer_clv that tell customers apart, in the table's order."""
    schema = bundle.frame(
        "select column_name, data_type from information_schema.columns where table_name = 'customer_clv' "
        "order by ordinal_position"
    )
    found = []
    for name, data_type in zip(schema["column_name"], schema["data_type"], strict=True):
        kind = _KINDS.get(data_type, "range")
        if _NO_FILTER.fullmatch(name) or data_type.startswith("TIMESTAMP"):
            continue
        choices = _choices(bundle, name) if kind == "choice" else ()
        if kind != "choice" or 1 < len(choices) <= _MOST_CHOICES:
            found.append(Column(name, kind, choices))
    return found


def _choices(bundle: ServedBundle, column: str) -> tuple[str, ...]:
    """Return the values of a column, the most frequent first."""
    values = bundle.frame(
        f"select coalesce({quote_name(column)}::varchar, '') as value, count(*) as customers from customer_clv "
        f"group by value order by customers desc, value limit {_MOST_CHOICES + 1}"
    )
    return tuple(values["value"])


@dataclass(frozen=True)
class Grid:
    """Bounds of the chart of predicted spend and purchase probability."""

    lowest: float
    highest: float

    def cells(self, bundle: ServedBundle, chosen: Selection) -> tuple[str, dict[str, object]]:
        """Return the query of the density: one row per bin with customers, with its most frequent segment."""
        spend, probability = bundle.spend_column, bundle.probability_column
        query = f"""
        with placed as (
            select
                floor(log10(greatest({spend}, $lowest)) * $bins_per_decade + 1e-9) as spend_bin,
                floor(least({probability}, 0.9999) * $probability_bins) as probability_bin,
                {spend} as spend,
                segment
            from customer_clv
            where {chosen.where}
        ),

        cells as (
            select
                spend_bin,
                probability_bin,
                count(*) as customers,
                sum(spend) as predicted_spend,
                mode(segment) as segment
            from placed
            group by spend_bin, probability_bin
        )

        select
            pow(10, spend_bin / $bins_per_decade) as spend,
            pow(10, (spend_bin + 1) / $bins_per_decade) as spend_end,
            probability_bin / $probability_bins as probability,
            (probability_bin + 1) / $probability_bins as probability_end,
            customers,
            predicted_spend,
            segment
        from cells
        order by spend_bin, probability_bin
        """
        bins = {"lowest": self.lowest, "bins_per_decade": BINS_PER_DECADE, "probability_bins": PROBABILITY_BINS}
        return query, {**chosen.parameters, **bins}

    def dots(self, bundle: ServedBundle, chosen: Selection) -> tuple[str, dict[str, object]]:
        """Return the query of one row per customer, for few of them."""
        spend, probability = bundle.spend_column, bundle.probability_column
        query = f"""
        select customer_id, greatest({spend}, $lowest) as spend, {probability} as probability, segment,
            {spend} as predicted_spend
        from customer_clv where {chosen.where} order by customer_id
        """
        return query, {**chosen.parameters, "lowest": self.lowest}

    def brushed(
        self, bundle: ServedBundle, chosen: Selection, spends: Sequence[float], probabilities: Sequence[float]
    ) -> Selection:
        """Return the selection inside an area of the chart; its edges reach as far as the data, not as the chart."""
        (low, high), (least, most) = sorted(spends), sorted(probabilities)
        spend, probability = bundle.spend_column, bundle.probability_column
        chosen = chosen.at_least(spend, low if low > self.lowest * 1.001 else None)
        chosen = chosen.at_most(spend, high if high < self.highest * 0.999 else None)
        chosen = chosen.at_least(probability, least if least > 0 else None)
        return chosen.at_most(probability, most if most < 1 else None)


def grid_of(bundle: ServedBundle) -> Grid:
    """Return the bounds of the chart: four factors of ten up to the largest predicted spend."""
    largest = float(bundle.frame(f"select max({bundle.spend_column}) as largest from customer_clv")["largest"].iloc[0])
    top = math.log10(max(largest, 1))
    return Grid(10.0 ** math.floor(top - _DECADES), 10.0 ** (math.ceil(top * BINS_PER_DECADE + 1e-9) / BINS_PER_DECADE))


def figures(bundle: ServedBundle, chosen: Selection) -> tuple[str, dict[str, object]]:
    """Return the query of the totals by segment of a selection."""
    return (
        f"""
        select segment, count(*) as customers, sum({bundle.spend_column}) as predicted_spend,
            sum({bundle.probability_column}) as expected_buyers, sum(historic_value) as historic_value
        from customer_clv where {chosen.where} group by segment order by predicted_spend desc, segment
        """,
        dict(chosen.parameters),
    )


def best(chosen: Selection, columns: str, by: str, limit: int | None) -> tuple[str, dict[str, object]]:
    """Return the query of the customers of a selection, the largest `by` first, `limit` of them or all."""
    query = f"select {columns} from customer_clv where {chosen.where} order by {quote_name(by)} desc nulls last, customer_id"
    return query + (f" limit {int(limit)}" if limit is not None else ""), dict(chosen.parameters)
