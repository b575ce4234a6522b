"""Remarks on what order lines say beyond their amount: addresses of guests, costs, subscriptions; no amounts."""

from collections.abc import Iterator

from clv_pipeline.core.settings import Settings
from clv_pipeline.sources.remarks import Remark
from clv_pipeline.warehouse.connection import Connection, one_row

#: What each check looks at, for the Dagster UI.
LINE_CHECKS = {
    "shared_addresses": "An e-mail address that stands for a guest belongs to one account.",
    "line_costs": "Every order line has a cost where some have one, or the setting gross_margin stands in; goods cost less than "
    "they are sold for.",
    "subscription_lines": "No order line belongs to a subscription: such lines are taken for purchases.",
}


def remarks_on_lines(connection: Connection, settings: Settings) -> Iterator[Remark]:
    """Yield what is unusual about the optional columns of `clean.orders`; nothing where the source returns none of them."""
    yield from _shared_addresses(connection)
    yield from _costs(connection, settings)
    yield from _subscriptions(connection)


def _shared_addresses(connection: Connection) -> Iterator[Remark]:
    for is_nobodys, what in (
        (
            False,
            "belong to several accounts; each counts for the account that had it first, and the accounts stay apart",
        ),
        (True, "belong to more than 5 accounts each, as a till's or a placeholder does; their guests stay guests"),
    ):
        addresses, lines, money = one_row(
            connection,
            """
            select count(distinct email_hash), count(*), coalesce(sum(orders.amount), 0)
            from raw.orders
            inner join clean.email_identities on orders.email = email_identities.email_hash
            where orders.customer_id is null and accounts > 1 and (found_by = 'shared') = $is_nobodys
            """,
            {"is_nobodys": is_nobodys},
        )
        if addresses:
            yield Remark(
                "shared_addresses",
                "nobody" if is_nobodys else "",
                f"orders.email: {addresses} addresses of orders without a customer_id ({lines} lines, money {money:,.2f}) "
                f"{what}. Return customer_id in orders.sql where the shop knows it",
            )


def _costs(connection: Connection, settings: Settings) -> Iterator[Remark]:
    lines, without, money, covered, cost = one_row(
        connection,
        """
        select count(*), count(*) filter (where cost is null), coalesce(sum(amount), 0),
            coalesce(sum(amount) filter (where cost is not null), 0), coalesce(sum(cost), 0)
        from clean.orders where amount > 0
        """,
    )
    if without == lines:
        return
    if without and settings.gross_margin is None:
        yield Remark(
            "line_costs",
            "",
            f"orders.cost: {without} of {lines} sold lines have no cost ({1 - covered / (money or 1):.0%} of the money), and the "
            "setting gross_margin is not set: every margin that they are part of is unknown. Set gross_margin in source.toml, "
            "which then counts for these lines alone",
        )
    if cost > covered:
        yield Remark(
            "line_costs",
            "above",
            f"orders.cost: the goods cost more ({cost:,.2f}) than they were sold for ({covered:,.2f}). Check that cost is that "
            "of the whole line, in the line's currency",
        )


def _subscriptions(connection: Connection) -> Iterator[Remark]:
    lines, subscriptions, money = one_row(
        connection,
        "select count(*), count(distinct subscription_id), coalesce(sum(amount), 0) from clean.orders "
        "where subscription_id is not null",
    )
    if lines:
        yield Remark(
            "subscription_lines",
            "",
            f"orders.subscription_id: {lines} lines of {subscriptions} subscriptions ({money:,.2f}) count as purchases: their "
            "renewals are predicted from the rhythm of orders, not from the contracts",
        )
