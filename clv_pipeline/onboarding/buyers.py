"""Who bought: the customer's number, the person behind a number of one order only, and guests, who are known by an address."""

from clv_pipeline.onboarding import columns as c
from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.columns import Guess
from clv_pipeline.onboarding.expressions import column_sql, is_false
from clv_pipeline.onboarding.joins import Reference
from clv_pipeline.onboarding.mapping import Fields, Place
from clv_pipeline.onboarding.roles import customer_column
from clv_pipeline.onboarding.words import concepts, tokens
from clv_pipeline.warehouse.connection import one_row, quote_name

#: Words of columns that name many customers together.
_GROUPS = {"group", "groups", "segment", "class", "gruppe", "groupe", "grupo"}


def map_buyer(place: Place, fields: Fields) -> None:
    table, alias = place.model.orders, place.order_alias
    column = customer_column(table, place.references)
    # a shop's own address is one for all; equal ones stay in their order
    emails = sorted(c.found(table, c.EMAIL), key=lambda x: x.distinct == 1)
    reference = place.model.to_customers
    if column is None and emails:
        fields.guests = 1.0
        fields.guesses["customer_id"] = Guess(
            "null", "high", "the orders have no customer number; buyers are known by their e-mail"
        )
        _map_email(fields, alias, emails[0].name)
        return
    if column is None:
        fields.questions.append(f"no column of {table.full_name} says who bought")
        return
    fields.guests = _share_of_guests(place.catalogue, table, column)
    natural = _natural_key(place, reference) if reference and reference.column == column else None
    if natural and reference:
        fields.join("c", reference.to_table, f"{column_sql('c', reference.to_column)} = {column_sql(alias, column)}")
        reason = (
            f"{column} is a number of its own for each order or version of a customer; "
            f"{reference.to_table.full_name}.{natural} repeats where the same person comes back"
        )
        fields.guesses["customer_id"] = Guess(column_sql("c", natural), "high", reason, (column,))
    else:
        reason = reference.reason if reference and reference.column == column else "it is called so"
        others = tuple(x.name for x in c.found(table, c.CUSTOMER_ID) if x.name != column)[:2]
        fields.guesses["customer_id"] = Guess(
            column_sql(alias, column), "high" if not others else "medium", reason, others
        )
    if reference and reference.column == column and _guests_are_customers(fields, reference, alias, column):
        return
    if emails and (fields.guests > 0 or not reference):
        _map_email(fields, alias, emails[0].name)


def _guests_are_customers(fields: Fields, reference: Reference, alias: str, column: str) -> bool:
    """Map the buyers where each order of a guest makes a row of the customers: guests are known by their address."""
    people = reference.to_table
    flags = [x for x in people.columns.values() if "guest" in tokens(x.name) and x.is_flag and len(x.values) == 2]
    emails = c.found(people, c.EMAIL)
    if not flags or not emails:
        return False
    fields.join("c", people, f"{column_sql('c', reference.to_column)} = {column_sql(alias, column)}")
    fields.is_account = is_false("c", flags[0])
    reason = (
        f"{reference.reason}; none for guests, who are a row of {people.full_name} for each order ({flags[0].name})"
    )
    fields.guesses["customer_id"] = Guess(
        f"case when {fields.is_account} then {column_sql(alias, column)} end", "high", reason
    )
    _map_email(fields, "c", emails[0].name)
    return True


def _map_email(fields: Fields, alias: str, column: str) -> None:
    fields.guesses["email"] = Guess(
        column_sql(alias, column),
        "high",
        "its values are addresses; loaded as a keyed hash only, it joins guests to their account",
    )


def _share_of_guests(catalogue: Catalogue, table: Table, column: str) -> float:
    name = quote_name(column)
    rows, guests = one_row(
        catalogue.scratch,
        f"select count(*), count(*) filter (coalesce(lower(trim({name})), '') in ('', '0', '-1', 'guest', 'null')) "
        f"from {table.view}",
    )
    return float(guests / rows) if rows else 0.0


def _natural_key(place: Place, reference: Reference | None) -> str | None:
    """Return the column of the customers that names a person where their key does not: one key for each order or version."""
    if reference is None:
        return None
    table = reference.to_table
    key = table.columns[reference.to_column]
    for name, column in table.columns.items():
        if (
            name == reference.to_column
            or column.is_email
            or not c.is_identifier(column)
            or column.filled < 0.95 * column.rows
        ):
            continue
        meant = concepts(name)
        if (
            "customer" not in meant
            or not meant & {"id"}
            or meant & {"type", "tier", "address", "zip", "employee", "date"}
        ):
            continue
        # a person has a few keys, a group or segment of customers has many
        if 0.2 * key.distinct < column.distinct < key.distinct and not _GROUPS & set(tokens(name)):
            return name
    return None
