"""The company's own attributes of a customer (`attribute_*` columns) on loading: one JSON text for each row.

One column and not one for each attribute: their set may change from night to night, which the columns of a table that is loaded
in increments may not. Which of them are features is decided in `sql/1_clean/customer_attributes.sql`.
"""

from collections import Counter
from collections.abc import Iterable

from clv_pipeline.contracts.source import SourceTable
from clv_pipeline.sources.values import IS_EMAIL, NOT_TEXT, trimmed
from clv_pipeline.warehouse.connection import Connection, one_row, quote_text

#: The column of a raw and a clean table that has them.
ATTRIBUTES = "attributes"


def attributes_of(table: SourceTable, returned: Iterable[str]) -> dict[str, str]:
    """Return attribute -> returned column, whatever its case, in alphabetical order.

    >>> from clv_pipeline.contracts.source import CONTRACT
    >>> attributes_of(CONTRACT["customers"], ["customer_id", "Attribute_Plan", "attribute_branch"])
    {'attribute_branch': 'attribute_branch', 'attribute_plan': 'Attribute_Plan'}
    """
    named = {name.lower(): name for name in returned}
    return {name: named[name] for name in sorted(named) if table.is_attribute(name)}


def attributes_as_json(attributes: dict[str, str]) -> str:
    """Return the SQL of a delivered row's attributes, as JSON; null where none has a value.

    An e-mail address is never stored in plain text: it is left out, as is what is not text (`count_withheld` counts both).
    """
    if not attributes:
        return "null::varchar"
    values = {name: _value(returned) for name, returned in attributes.items()}
    pairs = ", ".join(f"{quote_text(name)}, {value}" for name, value in values.items())
    return f"case when coalesce({', '.join(values.values())}) is not null then json_object({pairs})::varchar end"


def count_withheld(connection: Connection, attributes: dict[str, str]) -> Counter[str]:
    """Return attribute -> values of the registered batch `delivered` that are not stored, where there are any."""
    if not attributes:
        return Counter()
    counts = ", ".join(
        f"count(*) filter (where {_given(trimmed(returned))} is not null and {_value(returned)} is null)"
        for returned in attributes.values()
    )
    found = one_row(connection, f"select {counts} from delivered")
    return Counter({name: count for name, count in zip(attributes, found, strict=True) if count})


def _value(returned: str) -> str:
    value = trimmed(returned)
    is_withheld = f"{NOT_TEXT.format(value=value)} or regexp_matches({value}, {quote_text(IS_EMAIL)})"
    return f"case when not ({is_withheld}) then {_given(value)} end"


def _given(value: str) -> str:
    """Return the SQL of a text, null for an export's way of writing that there is none."""
    return f"case when lower({value}) not in ('', 'nan', 'nat', 'null', '#n/a') then {value} end"
