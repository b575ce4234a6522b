"""Order statuses: what counts as revenue is said once in source.toml; a status that was never classified is not guessed.

How a classified status is applied is `sql/1_clean/orders.sql`.
"""

from collections.abc import Mapping

from clv_pipeline.core.errors import QualityError
from clv_pipeline.core.settings import OrderStatus, Settings
from clv_pipeline.sources.source_counts import DayCount
from clv_pipeline.warehouse.connection import Connection

#: Above this share of the money of the last 30 days an unknown status blocks the run.
MAX_UNKNOWN_SHARE = 0.01
#: Words that mean the same in every shop; any other status is for the company to decide.
_REVENUE = {
    "paid",
    "completed",
    "complete",
    "shipped",
    "delivered",
    "fulfilled",
    "invoiced",
    "closed",
    "sent",
    "returned",
}
_NOT_REVENUE = {
    "open", "pending", "new", "draft", "checkout-draft", "wc-checkout-draft", "on-hold", "on_hold", "holded", "awaiting payment",
    "pending_payment", "unpaid", "authorized", "cancelled", "canceled", "voided", "void", "expired", "failed", "declined",
    "rejected", "fraud", "abandoned", "test",
}  # fmt: skip


class StatusesNotClassified(QualityError):
    """Orders have statuses, and source.toml does not say which of them are revenue."""

    anchor = "order_status"


def check_classified(connection: Connection, settings: Settings) -> None:
    """Check that source.toml classifies statuses if the orders have any.

    Raises:
        StatusesNotClassified: it does not; the next step is the block to paste.
    """
    if settings.order_status is not None:
        return
    found = statuses_of(connection)
    if set(found) <= {""}:
        return
    raise StatusesNotClassified(
        f"orders.status: {len(found)} statuses, and no [order_status] in {settings.source_folder / 'source.toml'} says which "
        "are revenue",
        next_step=f"decide and paste into that file:\n\n{status_block(found)}\n",
    )


def statuses_of(connection: Connection) -> dict[str, DayCount]:
    """Return status -> lines and money of `raw.orders`, the most frequent first; a missing one is ''."""
    rows = connection.execute(
        "select coalesce(status, ''), count(*), coalesce(sum(amount), 0)::double from raw.orders "
        "where excluded_because is null group by 1 order by 2 desc, 1"
    ).fetchall()
    return {status: DayCount(lines, money) for status, lines, money in rows}


def status_block(found: Mapping[str, DayCount], known: OrderStatus | None = None) -> str:
    """Return the part of source.toml that classifies these statuses and those that are known already.

    What no shop agrees on is left as a comment.

    >>> found = {"paid": DayCount(2, 30.0), "cancelled": DayCount(1, 9.5), "gold": DayCount(1, 5.0), "": DayCount(1, 1.0)}
    >>> print(status_block(found))
    [order_status]
    #      2 lines           30.00  "paid"
    #      1 lines            9.50  "cancelled"
    #      1 lines            5.00  "gold"
    #      1 lines            1.00  ""  (no status)
    revenue = ["paid"]
    not_revenue = ["cancelled"]
    # add each of these to one of the two lists: "gold", ""
    >>> print(status_block({"shipped": DayCount(1, 5.0)}, OrderStatus(revenue=["paid"])).partition("\\n")[2])
    #      1 lines            5.00  "shipped"
    revenue = ["paid", "shipped"]
    not_revenue = []
    """
    decided = known or OrderStatus()
    lines = ["[order_status]"]
    for status, count in found.items():
        lines.append(
            f'# {count.rows:>6} lines {count.money or 0:>15,.2f}  "{status}"' + ("" if status else "  (no status)")
        )
    revenue = [s for s in found if s.lower() in _REVENUE]
    not_revenue = [s for s in found if s.lower() in _NOT_REVENUE]
    undecided = [s for s in found if s not in revenue and s not in not_revenue]
    lines.append(f"revenue = [{_listed([*decided.revenue, *revenue])}]")
    lines.append(f"not_revenue = [{_listed([*decided.not_revenue, *not_revenue])}]")
    if undecided:
        lines.append(f"# add each of these to one of the two lists: {_listed(undecided)}")
    return "\n".join(lines)


def _listed(statuses: list[str]) -> str:
    return ", ".join('"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"' for s in statuses)


def unknown_status_failures(connection: Connection) -> list[str]:
    """Return what blocks: the classified rows of `judged` with an unknown status that are too much of the last 30 days."""
    rows = connection.execute(
        """
        with recent as (
            select status, reason, greatest(source_amount, 0)::double as money
            from judged cross join raw.extraction
            where order_date between as_of - 30 and as_of - 1 and (reason is null or reason = 'unknown_order_status')
        )
        select coalesce(status, ''), count(*), sum(money), (select sum(money) from recent)
        from recent where reason = 'unknown_order_status' group by 1 order by 3 desc
        """
    ).fetchall()
    unknown, total = sum(money for _, _, money, _ in rows), max((total for *_, total in rows), default=0.0)
    if not rows or unknown <= MAX_UNKNOWN_SHARE * total:
        return []
    named = ", ".join(f"'{status}' ({lines} lines, {money:,.2f})" for status, lines, money, _ in rows[:5])
    return [
        f"orders.status: unknown statuses have {unknown / total:.1%} of the money of the last 30 days, more than "
        f"{MAX_UNKNOWN_SHARE:.0%}: "
        f"{named}; add each to revenue or not_revenue in [order_status] of source.toml"
    ]
