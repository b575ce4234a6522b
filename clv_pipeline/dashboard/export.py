"""The list of a campaign as a CSV: every column of customer_clv, what to do, and what the customer may buy next.

Made after the page has been drawn, on a click, from the bundle that is served then: its rows carry their run_id.
"""

from uuid import uuid4

from clv_pipeline.core.home import Home
from clv_pipeline.dashboard.selection import Selection
from clv_pipeline.dashboard.served import open_served
from clv_pipeline.warehouse.connection import one_row, quote_name, quote_text

#: Rows that DuckDB writes at a time: a million at once need more memory than the dashboard gives a connection.
_ROWS_AT_ONCE = 50_000
_LISTED = """
create temp table listed as
select customer_id, row_number() over (order by {by} desc nulls last, customer_id) as position
from customer_clv where {where}
qualify position <= $limit
"""
_ROWS = """
with part as materialized (select customer_id, position from listed where position between $first and $last),

suggested as (
    select
        customer_id,
        max(case when kind = 'again' then item_name end) as next_again,
        max(case when kind = 'new_to_them' then item_name end) as next_new
    from next_purchases
    where rank = 1 and customer_id in (select customer_id from part)
    group by customer_id
),

advised as (
    select customer_id, action, why
    from recommendations
    where customer_id in (select customer_id from part)
)

select customer_clv.*, advised.action, advised.why, suggested.next_again, suggested.next_new
from customer_clv
inner join part on customer_clv.customer_id = part.customer_id
left join advised on customer_clv.customer_id = advised.customer_id
left join suggested on customer_clv.customer_id = suggested.customer_id
order by part.position
"""


def list_as_csv(home: Home, chosen: Selection, by: str, limit: int, *, compressed: bool) -> bytes:
    """Return the `limit` customers of a selection with the largest `by`, the largest first; gzip where `compressed`."""
    with open_served(home) as bundle:
        if bundle is None:
            return b""
        connection = bundle.connection
        connection.execute(_LISTED.format(by=quote_name(by), where=chosen.where), {**chosen.parameters, "limit": limit})
        (rows,) = one_row(connection, "select count(*) from listed")
        target = home.scratch / f"dashboard-{uuid4().hex}.csv"
        written = bytearray()
        try:
            # gzip files written one after the other are one gzip file
            for first in range(1, max(rows, 1) + 1, _ROWS_AT_ONCE):
                form = f"format csv, header {first == 1}, compression {'gzip' if compressed else 'none'}"
                bounds = {"first": first, "last": first + _ROWS_AT_ONCE - 1}
                connection.execute(f"copy ({_ROWS}) to {quote_text(str(target))} ({form})", bounds)
                written += target.read_bytes()
        finally:
            target.unlink(missing_ok=True)
        return bytes(written)
