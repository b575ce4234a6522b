"""Which share of a refunded sum is goods, where the sum has tax and postage in it."""

from dataclasses import dataclass

import numpy as np

from clv_pipeline.onboarding.amounts import Amount
from clv_pipeline.onboarding.expressions import column_sql, name_sql
from clv_pipeline.onboarding.mapping import Fields, Place
from clv_pipeline.onboarding.money import MoneyData
from clv_pipeline.onboarding.statements import Join


@dataclass(frozen=True)
class RefundContext:
    """What a search for refunds knows: how the sold lines are mapped, and the columns that a branch returns."""

    place: Place
    fields: Fields
    amount: Amount
    data: MoneyData
    #: order joined as `o`, from a table by its column: for refunds of an order
    names: tuple[str, ...]


def goods_share(context: RefundContext, *, has_postage: bool) -> tuple[str, str, list[Join]]:
    """Return the SQL of the goods' share of a refunded sum, a sentence, and joins; empty where nothing tells it."""
    if not has_postage and (by_lines := _net_of_gross(context)):
        return by_lines
    identity = context.amount.identity
    total = identity.total
    if total is None or total.child or total.level != "order" or total.is_blank_below:
        return "", "", []
    alias = context.place.order_alias
    tax = (
        identity.tax
        if identity.tax and identity.tax.kind == "tax"
        else next(
            (m for m in context.data.of("tax", "order") if not m.child and np.any(context.data.of_order(m))), None
        )
    )
    parts = [m for m in (tax, identity.shipping) if m and m.level == "order" and not m.child]
    if not parts:
        return "", "", []
    whole = total.sql
    if not has_postage and identity.shipping in parts:
        whole = f"({total.sql} - coalesce({identity.shipping.sql}, 0))"
    rest = " - ".join([total.sql, *(f"coalesce({m.sql}, 0)" for m in parts)])
    rest, whole = rest.replace(f"{alias}.", "o."), whole.replace(f"{alias}.", "o.")
    said = f"the goods' share of {total.label} is taken, without {' and '.join(m.label for m in parts)}"
    return f" * 1.0 * ({rest}) / nullif({whole}, 0)", said, []


def _net_of_gross(context: RefundContext) -> tuple[str, str, list[Join]] | None:
    """Return what the goods of an order are without tax, as a share of what they are with it, where its lines say both."""
    data, model = context.data, context.place.model
    totals = [m for m in data.of("total", "line") if not m.child]
    net, gross = (next((m for m in totals if m.basis == basis), None) for basis in ("net", "gross"))
    if net is None or gross is None or model.to_header is None:
        return None
    key = column_sql("l", model.to_header.column)
    schema = f"{name_sql(model.lines.at_source.schema)}." if model.lines.at_source.schema else ""
    query = (
        f"select {key} as order_key, sum({net.sql}) as net, sum({gross.sql}) as gross "
        f"from {schema}{name_sql(model.lines.name)} as l group by {key}"
    )
    join = Join("g", f"g.order_key = {column_sql('o', model.to_header.to_column)}", query=query)
    return (
        " * 1.0 * g.net / nullif(g.gross, 0)",
        f"the share without tax is taken, {net.label} of {gross.label}",
        [join],
    )
