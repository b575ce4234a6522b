"""What was bought: the product of a line, and its category, over the tables between."""

from clv_pipeline.onboarding import columns as c
from clv_pipeline.onboarding.catalogue import Table
from clv_pipeline.onboarding.columns import Guess
from clv_pipeline.onboarding.expressions import column_sql
from clv_pipeline.onboarding.joins import References
from clv_pipeline.onboarding.mapping import Fields, Place
from clv_pipeline.onboarding.roles import product_column
from clv_pipeline.onboarding.statements import Join
from clv_pipeline.onboarding.words import concepts, tokens


def map_product(place: Place, fields: Fields) -> None:
    table = place.model.lines
    column = product_column(table, place.references)
    if column is None or column == fields.order_key.removeprefix("l.").strip('"'):
        return
    reference = place.model.to_products
    is_joined = reference is not None and reference.column == column
    reason = reference.reason if is_joined and reference else "it is called so"
    fields.guesses["product_id"] = Guess(column_sql("l", column), "high", reason)
    own = c.found(table, c.CATEGORY)
    if own:
        fields.guesses["product_category"] = Guess(column_sql("l", own[0].name), "high", "it is called so")
    elif is_joined and reference:
        fields.join("p", reference.to_table, f"{column_sql('p', reference.to_column)} = {column_sql('l', column)}")
        found = category_of(place.references, reference.to_table, "p")
        if found:
            fields.guesses["product_category"] = found[0]
            fields.joins += [j for j in found[1] if j.alias not in {x.alias for x in fields.joins}]
        else:
            fields.joins.pop()


def category_of(references: References, product: Table, alias: str) -> tuple[Guess, list[Join]] | None:
    """Return the category of a product and the joins it needs, over at most two tables between."""
    reached: list[tuple[Table, str, list[Join]]] = [(product, alias, [])]
    for depth in range(3):
        for table, own, _joins in list(reached):
            texts = [x for x in c.found(table, c.CATEGORY) if x.distinct < max(2, x.filled)]
            if texts:
                return Guess(
                    column_sql(own, texts[0].name), "medium" if depth else "high", f"{table.full_name}.{texts[0].name}"
                ), _joins
        following: list[tuple[Table, str, list[Join]]] = []
        for table, own, joins in reached:
            for reference in references.of(table):
                to = reference.to_table
                if (
                    reference.column not in table.columns
                    or not {"category", "product"} & concepts(to.name)
                    or "log" in concepts(to.name)
                ):
                    continue
                if to is product or to.view in {j.table.view for j in joins if j.table}:
                    continue
                next_alias = f"{alias}{depth + 1}{len(following) or ''}"
                on = f"{column_sql(next_alias, reference.to_column)} = {column_sql(own, reference.column)}"
                path = [*joins, Join(next_alias, on, to)]
                label = label_of(to)
                if "category" in concepts(to.name) and label:
                    return Guess(
                        column_sql(next_alias, label), "high", f"{to.full_name}.{label}, which the products name"
                    ), path
                following.append((to, next_alias, path))
        reached = following
    return None


def label_of(table: Table) -> str | None:
    """Return the column with a readable name of a row of a lookup table."""
    named = c.found(
        table,
        c.want(
            "name",
            bonus="category status product",
            without="id flag text language type",
            holds=lambda x: x.kind == "text",
        ),
    )
    # a description is a name, too, and the longer one
    named.sort(key=lambda x: bool({"description", "beschreibung", "descripcion"} & set(tokens(x.name))))
    return named[0].name if named else None
