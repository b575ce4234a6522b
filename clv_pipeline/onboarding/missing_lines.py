"""Where the rows of the table of lines went: none may be missing from the SELECT of orders without a word."""

from dataclasses import replace

from clv_pipeline.onboarding.catalogue import Catalogue, ad_hoc
from clv_pipeline.onboarding.orders import MappedOrders
from clv_pipeline.onboarding.statements import write


def missing_lines(catalogue: Catalogue, orders: MappedOrders) -> list[str]:
    """Return sentences that compare the lines sold with the rows of their table; nothing where they are equal.

    Raises:
        SourceError: the source does not run the SELECT.
    """
    table = orders.model.lines
    lines = _count(catalogue, orders)
    if table.rows is None:
        return [
            f"the rows of {table.full_name} were not counted in time: compare them with {lines} lines of orders.sql"
        ]
    if lines == table.rows:
        return []
    if lines > table.rows:
        return [f"orders.sql returns {lines} lines of {table.rows} rows of {table.full_name}: a join multiplies lines"]
    went = [note for _, note in orders.statement.where if note]
    if orders.model.header is not None:
        went.append(f"rows whose order is not in {orders.model.header.full_name} are left out, too")
    return [
        f"{table.rows - lines} of {table.rows} rows of {table.full_name} are not read: {'; '.join(went) or 'nothing says why'}"
    ]


def _count(catalogue: Catalogue, orders: MappedOrders) -> int:
    """Let the source count the lines without the refunds that are put beside them."""
    text = write(replace(orders.statement, branches=[], since=""), catalogue.dialect)
    plain = "\n".join(line for line in text.splitlines() if not line.strip().startswith("--"))
    counted = ad_hoc(f"select count(*) as line_count from ({plain}) as counted", "orders")
    return int(next(iter(catalogue.reader.read_apart(counted).to_pylist()[0].values())))
