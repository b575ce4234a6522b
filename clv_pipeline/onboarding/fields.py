"""The columns of orders that are no money: order, line, time, status, currency, each with its reason."""

from dataclasses import replace

from clv_pipeline.onboarding import columns as c
from clv_pipeline.onboarding.buyers import map_buyer
from clv_pipeline.onboarding.catalogue import Table, distinct_rows
from clv_pipeline.onboarding.columns import Guess
from clv_pipeline.onboarding.conversion import conversion_of
from clv_pipeline.onboarding.expressions import column_sql
from clv_pipeline.onboarding.joins import Reference, keys_of
from clv_pipeline.onboarding.mapping import Fields, Place
from clv_pipeline.onboarding.products import label_of, map_product
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.roles import is_of_loading, ordered_at_column, product_column
from clv_pipeline.onboarding.times import time_in_dialect
from clv_pipeline.onboarding.transactions import referred_column, type_column
from clv_pipeline.onboarding.words import concepts, tokens
from clv_pipeline.warehouse.connection import quote_name

_NOTHING = Guess("", "low", "")
#: Beginnings of the words that statuses of orders are made of.
_STATUS_WORDS = (
    "paid", "pend", "open", "clos", "complet", "cancel", "ship", "deliver", "process", "new", "draft", "refund", "return", "hold",
    "fail", "sale", "done", "sent", "cart", "await", "confirm",
)  # fmt: skip


def map_fields(place: Place) -> Fields:
    """Return the columns of orders but for its money."""
    fields = Fields()
    _order(place, fields)
    _line(place, fields)
    map_buyer(place, fields)
    _buyer_of_what_is_referred_to(place, fields)
    _time(place, fields)
    map_product(place, fields)
    _status(place, fields)
    _currency(place, fields)
    _convert(place, fields)
    _channel(place, fields)
    _updated(place, fields)
    return fields


def _order(place: Place, fields: Fields) -> None:
    model = place.model
    if model.header and model.to_header:
        fields.order_key = f"l.{quote_name(model.to_header.column)}"
        fields.guesses["order_id"] = Guess(
            column_sql("o", model.to_header.to_column),
            "high" if model.to_header.is_declared else "medium",
            model.to_header.reason,
        )
        return
    column, confidence, reason = order_column(place)
    fields.order_key = f"l.{quote_name(column)}"
    fields.guesses["order_id"] = Guess(column_sql("l", column), confidence, reason)
    if confidence == "low":
        fields.questions.append(f"which column of {model.lines.full_name} numbers the orders? {column} is taken")


def order_column(place: Place) -> tuple[str, c.Confidence, str]:
    """Return the column that numbers the orders of a flat table."""
    table = place.model.lines
    named = c.found(table, c.ORDER_ID, own=concepts(table.name))
    # what most rows do not have numbers something else, such as what a refund refers to
    named = [column for column in named if column.filled > 0.5 * column.rows]
    # of two numbers that are called so, the one that repeats is the order's, the other one the line's
    named.sort(key=lambda column: column.is_unique)
    if named:
        return named[0].name, "high", "it is called so"
    when = ordered_at_column(table, place.references)
    product = product_column(table, place.references)
    fitting = []
    for name, column in table.columns.items():
        if name in (when, product) or not c.is_identifier(column) or column.is_email or column.distinct < 2:
            continue
        if {"customer", "product", "address", "status", "quantity"} & concepts(name) or column.filled < column.rows:
            continue
        if when and distinct_rows(place.catalogue, table, (name, when)) == column.distinct:
            fitting.append((not ({"id", "name"} & concepts(name)), -column.distinct, name))
    several = [x for x in sorted(fitting) if table.columns[x[2]].distinct < table.sampled]
    if several:
        return several[0][2], "medium", f"all its rows have the same {when}"
    keys = keys_of(table) or [x[2] for x in sorted(fitting)]
    if keys:
        return keys[0], "medium", "it is unique, so each row is an order"
    return next(iter(table.columns)), "low", "no column looks like the number of an order"


def _line(place: Place, fields: Fields) -> None:
    table, order = place.model.lines, fields.order_key.removeprefix("l.").strip('"')
    key = table.at_source.primary_key
    if len(key) == 1 and key[0] != order and key[0] in table.columns:
        fields.guesses["order_line_id"] = Guess(column_sql("l", key[0]), "high", "primary key of the lines")
        return
    rest = [name for name in key if name != order]
    if len(key) > 1 and order in key and len(rest) == 1:
        fields.guesses["order_line_id"] = Guess(
            column_sql("l", rest[0]), "high", "with the order it is the primary key"
        )
        return
    named = c.found(
        table, c.want("line id", without="category customer date payment status type parent", holds=c.is_identifier)
    )
    for column in [*named, *(table.columns[k] for k in keys_of(table))]:
        # one product twice in an order would be one line that is delivered twice
        if (
            column.name == order
            or column.filled < column.rows
            or "product" in concepts(column.name)
            or (column.kind == "text" and not column.is_unique)
        ):
            continue
        if distinct_rows(place.catalogue, table, (order, column.name)) == table.sampled:
            fields.guesses["order_line_id"] = Guess(column_sql("l", column.name), "high", "unique within the order")
            return


def _buyer_of_what_is_referred_to(place: Place, fields: Fields) -> None:
    """Give a row that names another one of its table, as a refund does its sale, that one's buyer."""
    table = place.model.lines
    key = fields.order_key.removeprefix("l.").strip('"')
    if place.model.header or key not in table.columns:
        return
    referred = referred_column(place.catalogue, table, key)
    named = [n for n in ("customer_id", "email") if fields.guesses.get(n, _NOTHING).sql.startswith("l.")]
    if referred is None or not named:
        return
    fields.join("p", table, f"{column_sql('p', key)} = {column_sql('l', referred)}")
    for name in named:
        own = fields.guesses[name]
        sql = f"coalesce(p.{own.sql.removeprefix('l.')}, {own.sql})"
        reason = f"{own.reason}; of a row with {referred}, that of the row that it names"
        fields.guesses[name] = replace(own, sql=sql, confidence="medium", reason=reason)


def _time(place: Place, fields: Fields) -> None:
    for table, alias in ((place.model.orders, place.order_alias), (place.model.lines, "l")):
        column = ordered_at_column(table, place.references)
        if column is None:
            continue
        profile = table.columns[column]
        others = tuple(x.name for x in c.found(table, c.ORDERED_AT) if x.name != column and not is_of_loading(x))[:2]
        if not profile.is_time or (profile.format == "%Y%m%d" and _calendar(place, table, column)):
            _of_calendar(place, fields, table, alias, column)
            return
        sql = time_in_dialect(alias, profile, place.catalogue.dialect, is_utc=place.is_utc)
        reason = "the time of the order by its name"
        if place.is_utc and not profile.has_zone:
            reason += "; this shop's software keeps times in UTC"
        fields.guesses["ordered_at"] = Guess(sql, "high" if not others else "medium", reason, others)
        clocks = [
            x.name for x in table.columns.values() if x.kind == "text" and x.colons and tokens(x.name) == ("time",)
        ]
        if clocks and not profile.has_clock:
            fields.questions.append(
                f"orders are dated by {column}, which has days only: {clocks[0]} beside it is not read"
            )
        if is_of_loading(profile):
            fields.guesses["ordered_at"] = Guess(
                sql, "low", "no other time is there, but it looks like that of a load", others
            )
            fields.questions.append(f"is {column} the time of the order? It looks like that of loading the table")
        fields.native.add("ordered_at")
        if profile.format in ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y") and profile.is_day_first is None:
            fields.questions.append(
                f"is {column} day/month or month/day? No day of the sample is above 12; day/month is taken"
            )
        return
    fields.questions.append("no column says when an order was placed")


def _calendar(place: Place, table: Table, column: str) -> Reference | None:
    return next(
        (
            r
            for r in place.references.of(table)
            if r.column == column and {"date", "calendar"} & concepts(r.to_table.name)
        ),
        None,
    )


def _of_calendar(place: Place, fields: Fields, table: Table, alias: str, column: str) -> None:
    reference = _calendar(place, table, column)
    if reference is None:
        return
    days = [x for x in reference.to_table.columns.values() if x.is_time and x.is_unique and x.format != "%Y%m%d"]
    if not days:
        days = [x for x in reference.to_table.columns.values() if x.is_time and x.is_unique]
    if days:
        fields.join("d", reference.to_table, f"{column_sql('d', reference.to_column)} = {column_sql(alias, column)}")
        fields.guesses["ordered_at"] = Guess(
            time_in_dialect("d", days[0], place.catalogue.dialect),
            "high",
            f"the day of the calendar that {column} names",
        )
        fields.native.add("ordered_at")


def _status(place: Place, fields: Fields) -> None:
    table, alias = place.model.orders, place.order_alias
    found = [x for x in c.found(table, c.STATUS) if not _is_region(table, x.name, x.values)]
    kind = type_column(place.catalogue, table) if place.model.header is None else None
    if kind:
        _status_by_type(fields, alias, kind, found[0] if found else None)
        return
    if not found:
        return
    column = found[0]
    others = tuple(x.name for x in found[1:3])
    reference = next(
        (r for r in place.references.of(table) if r.column == column.name and "status" in concepts(r.to_table.name)),
        None,
    )
    label = label_of(reference.to_table) if reference else None
    if reference and label and reference.to_table.columns[reference.to_column].is_unique:
        fields.join(
            "s", reference.to_table, f"{column_sql('s', reference.to_column)} = {column_sql(alias, column.name)}"
        )
        fields.guesses["status"] = Guess(
            column_sql("s", label), "high", f"the name of {column.name} in {reference.to_table.full_name}", others
        )
        fields.status_values = reference.to_table.columns[label].values
        return
    fields.guesses["status"] = Guess(
        column_sql(alias, column.name), "high" if not others else "medium", "it is called so", others
    )
    fields.status_values = column.values


def _status_by_type(fields: Fields, alias: str, kind: ColumnProfile, status: ColumnProfile | None) -> None:
    """Map the type of a transaction as its status: which types are sales is asked as statuses are, never assumed."""
    parts = [f"coalesce({column_sql(alias, x.name)}, '')" for x in (kind, status) if x and x.kind == "text"]
    reason = f"{kind.name} tells money in from money out, so each is to be decided"
    if len(parts) > 1 and status:
        reason += f", together with {status.name}"
    fields.guesses["status"] = Guess(" || ' / ' || ".join(parts), "medium", reason)
    fields.questions.append(
        f"which values of {kind.name} are sales and their refunds? Its rows are money in and money out; each is asked as a status"
    )


def _is_region(table: Table, name: str, values: dict[str, int]) -> bool:
    """Whether a `state` is a part of a country: two letters, or beside a city or postcode and no word of a status."""
    codes = [v for v in values if len(v) == 2 and v.isalpha() and v.isupper()]
    is_placed = "state" in tokens(name) and any(
        {"zip", "region"} & concepts(n) or "city" in tokens(n) for n in table.columns
    )
    is_status = any(word in value.lower() for value in values for word in _STATUS_WORDS)
    return "address" in concepts(name) or (len(codes) > 0.8 * len(values) > 0) or (is_placed and not is_status)


def _currency(place: Place, fields: Fields) -> None:
    table, alias = place.model.orders, place.order_alias
    codes = sorted(c.found(table, c.CURRENCY), key=lambda x: "base" not in concepts(x.name))
    for column in codes:
        if column.values and all(len(v) == 3 and v.isalpha() for v in column.values):
            fields.guesses["currency"] = Guess(column_sql(alias, column.name), "high", "three-letter codes")
            return
    for reference in place.references.of(table):
        if "currency" not in concepts(reference.column) or "currency" not in concepts(reference.to_table.name):
            continue
        codes = [
            x
            for x in reference.to_table.columns.values()
            if x.kind == "text" and x.values and all(len(v) == 3 and v.isalpha() for v in x.values)
        ]
        if codes and reference.to_table.columns[reference.to_column].is_unique:
            fields.join(
                "cu",
                reference.to_table,
                f"{column_sql('cu', reference.to_column)} = {column_sql(alias, reference.column)}",
            )
            fields.guesses["currency"] = Guess(
                column_sql("cu", codes[0].name), "high", f"the code of {reference.column}"
            )
            return


def _convert(place: Place, fields: Fields) -> None:
    """Convert amounts by the order's own rate, where orders are in several currencies and have one."""
    guess = fields.guesses.get("currency")
    if guess is None or "base" in concepts(guess.sql):
        return
    alias, _, name = guess.sql.partition(".")
    joins = "".join(
        f"left join {j.table.view} as {j.alias} on {j.on.replace(f'{place.order_alias}.', 'o.')} "
        for j in fields.joins
        if j.alias == alias and j.table
    )
    currency = f"{alias if joins else 'o'}.{quote_name(name.strip(chr(34)))}"
    fields.conversion = conversion_of(place.catalogue, place.model.orders, currency, joins)
    if fields.conversion:
        del fields.guesses["currency"]
        fields.questions.append(
            f"amounts are converted into {fields.conversion.currency} by {fields.conversion.column} of each order"
        )


def _channel(place: Place, fields: Fields) -> None:
    table, alias = place.model.orders, place.order_alias
    named = c.found(
        table,
        c.want(
            "channel", without="id date status text payment", holds=lambda x: x.kind == "text" and 1 < x.distinct <= 20
        ),
    )
    if named:
        fields.guesses["channel"] = Guess(column_sql(alias, named[0].name), "medium", "it is called so")


def _updated(place: Place, fields: Fields) -> None:
    table, alias = place.model.orders, place.order_alias
    named = c.found(table, c.UPDATED)
    if named:
        sql = time_in_dialect(alias, named[0], place.catalogue.dialect, is_utc=place.is_utc)
        fields.guesses["updated_at"] = Guess(sql, "high", "the last change of the order")
        fields.native.add("updated_at")
