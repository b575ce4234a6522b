"""The company's own attributes of customers as features: `attribute_plan` of the source is the feature `crm_attribute_plan`.

They are static: tonight's value holds at every past cutoff after the record was created, as it does for the country. Which of
them are features is decided in `sql/1_clean/customer_attributes.sql`. Their columns differ from company to company, which a file
of `sql/2_features` cannot say: they are pivoted here, from the one JSON text of a customer, and nowhere else.
"""

from dataclasses import dataclass

from clv_pipeline.warehouse.connection import Connection, has_table, quote_text

#: What the feature of an attribute begins with, before the company's name of it.
PREFIX = "crm_attribute_"


@dataclass(frozen=True)
class AttributeFeature:
    """An attribute that is a feature: its name in the source, the feature, and whether it is a number or a category."""

    attribute: str
    feature: str
    is_number: bool


def attribute_features(connection: Connection) -> list[AttributeFeature]:
    """Return the attributes that are features tonight, by name; none in a warehouse of an earlier release."""
    if not has_table(connection, "clean.customer_attributes"):
        return []
    rows = connection.execute(
        "select attribute, feature, kind = 'number' from clean.customer_attributes where refused_because is null "
        "order by attribute"
    ).fetchall()
    return [AttributeFeature(*row) for row in rows]


def with_attributes(connection: Connection, crm_features: str, customers: str = "clean.customers") -> str | None:
    """Return the query of the CRM features with those of the attributes beside them; None where no attribute is one.

    crm_features, customers: the tables to read, which a replay of an earlier night has under names of its own.
    """
    found = attribute_features(connection)
    if not found:
        return None
    values = ", ".join(f"{_value(a)} as {a.feature}" for a in found)
    features = ", ".join(f"pivoted.{a.feature}" for a in found)
    return f"""
        with pivoted as (select customer_id, {values} from {customers} where attributes is not null)
        select crm.*, {features}
        from {crm_features} as crm
        left join pivoted on crm.customer_id = pivoted.customer_id
        order by crm.as_of, crm.customer_id
    """


def _value(attribute: AttributeFeature) -> str:
    text = f"json_extract_string(attributes, {quote_text(attribute.attribute)})"
    return f"try_cast({text} as double)" if attribute.is_number else text
