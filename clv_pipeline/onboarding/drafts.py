"""A draft of a source folder: all its files as text, with what was mapped, how sure, and what only people can decide."""

from collections.abc import Callable
from dataclasses import dataclass, field

from clv_pipeline.core.errors import SourceError
from clv_pipeline.onboarding.catalogue import Catalogue, ad_hoc
from clv_pipeline.onboarding.joins import References
from clv_pipeline.onboarding.missing_lines import missing_lines
from clv_pipeline.onboarding.optional import Optional, map_optional
from clv_pipeline.onboarding.orders import MappedOrders, map_orders
from clv_pipeline.onboarding.places import Fact, guess_currency, guess_zone, main_country
from clv_pipeline.onboarding.shops import Shop, classified, recognise_shop
from clv_pipeline.onboarding.statements import write
from clv_pipeline.sources.source_counts import DayCount


@dataclass(frozen=True)
class Totals:
    """What the SELECT of orders returns in all, counted at the source."""

    lines: int
    orders: int
    customers: int
    amount: float
    first: str
    last: str


@dataclass
class Draft:
    """A source folder that is not written yet.

    missing_lines: where rows of the table of lines went that are not read. statuses: each with lines and money. order_status:
    (revenue, not revenue), None while it is to be decided. refused: why the source refused the SELECT of orders, "" if it did
    not.
    """

    orders: MappedOrders
    shop: Shop | None
    optional: list[Optional]
    time_zone: Fact
    currency: Fact
    files: dict[str, str]
    totals: Totals | None = None
    refused: str = ""
    missing_lines: list[str] = field(default_factory=list)
    statuses: dict[str, DayCount] = field(default_factory=dict)
    order_status: tuple[list[str], list[str]] | None = None

    @property
    def maps_email(self) -> bool:
        """Whether an e-mail address is read, which needs CLV_HASH_KEY."""
        read = [self.orders.statement, *(o.statement for o in self.optional if o.is_sure)]
        return any("email" in statement.active() for statement in read)


def draft_of(catalogue: Catalogue, progress: Callable[[str], None] = lambda _: None) -> Draft | None:
    """Return the draft for a source, None if no table of it looks like orders."""
    references = References(catalogue)
    shop = recognise_shop({table.name: list(table.columns) for table in catalogue.tables})
    progress("the orders")
    orders = map_orders(catalogue, references, shop)
    if orders is None:
        return None
    progress("the other tables")
    optional = map_optional(catalogue, references, orders)
    model = orders.model
    country = main_country(catalogue, [t for t in (model.customers, model.orders) if t])
    conversion = orders.fields.conversion
    currency = (
        Fact(conversion.currency, f"{conversion.column} converts into it")
        if conversion
        else guess_currency(catalogue, model.orders, _currencies(orders), country)
    )
    files = {"orders.sql": write(orders.statement, catalogue.dialect)}
    for table in optional:
        files[f"{table.name}.sql{'' if table.is_sure else '.example'}"] = write(table.statement, catalogue.dialect)
    draft = Draft(orders, shop, optional, guess_zone(catalogue, currency, country), currency, files)
    progress("what the orders add up to")
    recount(catalogue, draft)
    draft.order_status = classified(shop, list(draft.statuses))
    return draft


def _currencies(orders: MappedOrders) -> dict[str, int]:
    guess = orders.fields.guesses.get("currency")
    if guess is None:
        return {}
    alias, _, name = guess.sql.partition(".")
    by_alias = {join.alias: join.table for join in orders.statement.joins} | {"l": orders.model.lines}
    table = by_alias.get(alias)
    return table.columns[name.strip('"')].values if table and name.strip('"') in table.columns else {}


def recount(catalogue: Catalogue, draft: Draft) -> None:
    """Let the source count what the SELECT of orders returns, and its statuses."""
    select = ad_hoc(_plain(draft.files["orders.sql"]), "orders")
    buyer = "coalesce(customer_id, email)" if "email" in draft.orders.statement.active() else "customer_id"
    counted = (
        f"select count(*) as line_count, count(distinct order_id) as order_count, count(distinct {buyer}) as customer_count, "
        f"sum(amount) as amount, min(ordered_at) as first_at, max(ordered_at) as last_at from ({select.sql}) as counted"
    )
    try:
        row = catalogue.reader.read_apart(ad_hoc(counted, "orders")).to_pylist()[0]
        values = list(row.values())
        draft.totals = Totals(
            int(values[0]),
            int(values[1]),
            int(values[2]),
            float(values[3] or 0),
            str(values[4] or "")[:10],
            str(values[5] or "")[:10],
        )
        draft.missing_lines = missing_lines(catalogue, draft.orders)
        if "status" in draft.orders.statement.active():
            draft.statuses = catalogue.reader.count_by_value(select, "status", "amount")
    except SourceError as error:
        draft.refused = error.what


def _plain(sql: str) -> str:
    """Return a statement without its comments."""
    return "\n".join(line for line in sql.splitlines() if not line.strip().startswith("--"))
