"""The keys of a source: what they look like, which are missing, and whether the tables meet."""

from dataclasses import dataclass

from clv_pipeline.contracts.source import CONTRACT, SourceTable
from clv_pipeline.diagnostics.profile.look import Look
from clv_pipeline.reporting.formats import spoken_percent
from clv_pipeline.warehouse.connection import one_row

#: Tables whose first column is not the key of a row: an order has lines, a subscription prices.
_SEVERAL_ROWS = ("orders", "subscriptions")


@dataclass(frozen=True)
class KeyProfile:
    """One key column: rows without a value, different values, and their form.

    repeated: rows of a table whose own key (the first column) another row has as well; None for a key of another table.
    """

    table: str
    column: str
    rows: int
    missing: int
    distinct: int
    repeated: int | None
    digits: float
    leading_zeros: float
    shortest: int
    longest: int

    @property
    def is_plain(self) -> bool:
        """Whether every row of its table has a value of its own."""
        return not self.missing and self.repeated == 0

    @property
    def form(self) -> str:
        """Return the form of the values in words.

        >>> KeyProfile("orders", "order_id", 3, 0, 3, 0, 1.0, 0.0, 5, 5).form
        '5 digits'
        >>> print(KeyProfile("orders", "order_id", 3, 0, 3, 0, 0.5, 0.25, 1, 9).form.replace("\xa0", " "))
        1-9 characters, 50 % digits, some leading zeros
        """
        if not self.distinct:
            return ""
        length = f"{self.shortest}" if self.shortest == self.longest else f"{self.shortest}-{self.longest}"
        words = [f"{length} {'digits' if self.digits == 1 else 'characters'}"]
        if 0 < self.digits < 1:
            words.append(f"{spoken_percent(self.digits)} digits")
        if self.leading_zeros:
            words.append("leading zeros" if self.leading_zeros > 0.5 else "some leading zeros")
        return ", ".join(words)


@dataclass(frozen=True)
class Overlap:
    """How many of the values of a key in one table are in another: `met` of `values`."""

    table: str
    column: str
    other: str
    values: int
    met: int


def profile_keys(look: Look) -> list[KeyProfile]:
    """Return the key columns that are returned by tables with rows."""
    return [
        _profile(look, table, column.name)
        for table in _with_rows(look)
        for column in table.columns
        if column.name in look.trial.read[table.name].columns and column.name.endswith("_id")
    ]


def _with_rows(look: Look) -> list[SourceTable]:
    return [table for name, table in CONTRACT.items() if not look.why_not_read(name)]


def _profile(look: Look, table: SourceTable, column: str) -> KeyProfile:
    rows, missing, distinct, digits, zeros, shortest, longest = one_row(
        look.connection,
        f"""
        with found as (select {column} as id, count(*) as lines from raw.{table.name} group by {column})
        select
            sum(lines), coalesce(sum(lines) filter (where id is null), 0), count(id),
            coalesce(avg(regexp_full_match(id, '[0-9]+')::integer) filter (where id is not null), 0),
            coalesce(avg((starts_with(id, '0') and id <> '0')::integer) filter (where id is not null), 0),
            coalesce(min(length(id)), 0), coalesce(max(length(id)), 0)
        from found
        """,
    )
    is_own = column == table.columns[0].name and table.name not in _SEVERAL_ROWS
    repeated = int(rows - missing - distinct) if is_own else None
    return KeyProfile(
        table.name, column, int(rows), int(missing), distinct, repeated, float(digits), float(zeros), shortest, longest
    )  # fmt: skip


def overlaps(look: Look) -> list[Overlap]:
    """Return how far each pair of tables that join by a key meets: customers with the buyers, other keys with their own table."""
    tables = _with_rows(look)
    own_keys = {table.columns[0].name: table.name for table in tables if table.columns[0].name.endswith("_id")}
    own_keys.pop("order_id", None)
    pairs = []
    for table in tables:
        for name in look.trial.read[table.name].columns:
            other = own_keys.get(name)
            if other and other != table.name:
                pairs.append((table.name, other, name))
            if name == "customer_id" and table.name != "orders" and any(t.name == "orders" for t in tables):
                pairs.append((table.name, "orders", name))
    return [_overlap(look, *pair) for pair in pairs]


def _overlap(look: Look, table: str, other: str, column: str) -> Overlap:
    values, met = one_row(
        look.connection,
        f"""
        with own as (select distinct {column} as id from raw.{table} where {column} is not null)
        select count(*), count(*) filter (where id in (select {column} from raw.{other})) from own
        """,
    )
    return Overlap(table, column, other, values, met)
