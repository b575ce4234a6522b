"""Which column of a table means what: names and values together, with a confidence and its reason in words."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from clv_pipeline.onboarding.catalogue import Table
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.words import concepts, tokens

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class Guess:
    """One guess: SQL of a contract column, how sure it is, why, and what else it might be."""

    sql: str
    confidence: Confidence
    reason: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Want:
    """What a column should be called and hold: one concept of each group, better with `bonus`, never with `without`."""

    groups: tuple[frozenset[str], ...]
    bonus: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    holds: Callable[[ColumnProfile], bool] = lambda _: True


def want(
    *groups: str, bonus: str = "", without: str = "", holds: Callable[[ColumnProfile], bool] | None = None
) -> Want:
    """Return a `Want`; the concepts of a group are separated by blanks."""
    return Want(
        tuple(frozenset(g.split()) for g in groups),
        frozenset(bonus.split()),
        frozenset(without.split()),
        holds or (lambda column: column.filled > 0),
    )


def found(table: Table, wanted: Want, *, own: Collection[str] = ()) -> list[ColumnProfile]:
    """Return the columns that are what is wanted, the best first; `own` are concepts of the table that add nothing to a name."""
    scored = []
    for number, column in enumerate(table.columns.values()):
        meant = concepts(column.name)
        if not wanted.holds(column) or meant & wanted.without or not all(meant & group for group in wanted.groups):
            continue
        extra = len(meant - frozenset().union(*wanted.groups) - wanted.bonus - frozenset(own))
        score = 2 * len(meant & wanted.bonus) - extra - 0.2 * len(tokens(column.name))
        scored.append((-score, number, column))
    return [column for _, _, column in sorted(scored, key=lambda item: item[:2])]


def is_time(column: ColumnProfile) -> bool:
    """Whether a column has dates or times."""
    return column.is_time and column.filled > 0


def is_identifier(column: ColumnProfile) -> bool:
    """Whether a column can name something: text or whole numbers."""
    return column.filled > 0 and column.kind in ("integer", "text", "boolean")


def is_money(column: ColumnProfile) -> bool:
    """Whether a column can be an amount."""
    return column.filled > 0 and column.is_number


ORDER_ID = want("order invoice sale", "id", without="customer product line date status parent supplier employee payment store "
                "type category address quantity currency session refund subscription cart", holds=is_identifier)  # fmt: skip
CUSTOMER_ID = want("customer", "id", without="type tier address zip product order text category date status employee supplier "
                   "group payment base currency", holds=is_identifier)  # fmt: skip
PRODUCT_ID = want(
    "product",
    "id",
    bonus="",
    without="category order customer type supplier parent store zip line_type shipping tax",
    holds=is_identifier,
)
PRODUCT_NAME = want(
    "product", bonus="name", without="category type supplier quantity price amount total", holds=is_identifier
)
CUSTOMER_WORD = want(
    "customer",
    without="type tier address zip product text category date status employee supplier payment name email country region first "
    "total amount",
    holds=is_identifier,
)
PRODUCT_WORD = want(
    "product", without="category type supplier quantity price amount total name tax", holds=is_identifier
)
QUANTITY = want(
    "quantity", without="price amount discount tax cancelled shipped refund stock_move store cost", holds=is_money
)
EMAIL = want("email", without="type status consent flag template date id", holds=lambda c: c.is_email)
STATUS = want(
    "status", without="date country address region zip", holds=lambda c: 0 < c.distinct <= 60 and not c.is_time
)
CURRENCY = want(
    "currency", without="rate amount date", holds=lambda c: 0 < c.distinct <= 60 and c.kind in ("text", "integer")
)
UPDATED = want("updated", holds=is_time, without="created birth")
CATEGORY = want("category", without="id parent status date", holds=lambda c: c.filled > 0 and c.kind == "text")
COUNTRY = want("country", without="phone", holds=lambda c: c.filled > 0)
ORDERED_AT = want("date time created order sale", bonus="order sale date created time placed",
                  without="updated due birth shipped shipping payment cancelled deleted refund first parent "
                  "customer stock_move", holds=is_time)  # fmt: skip
CREATED_AT = want(
    "created date time", bonus="created", without="updated birth due deleted order first consent", holds=is_time
)
