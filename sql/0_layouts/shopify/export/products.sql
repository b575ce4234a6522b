-- One row per variant of Shopify's products export, under the SKU by which order lines name it, else under its name.
-- Title and type stand on the first row of a product only; they are put on all its variants. Cost per item is today's.
with products_export as (select * from products_export),

variants as (
    select
        "Variant SKU" as sku,
        "Cost per item" as cost,
        max(nullif("Title", '')) over this_product as title,
        max(nullif("Type", '')) over this_product as product_type,
        max(nullif("Product Category", '')) over this_product as category,
        nullif(
            concat_ws(' / ', nullif("Option1 Value", 'Default Title'), nullif("Option2 Value", ''), nullif("Option3 Value", '')), ''
        ) as options,
        "Variant Price" as price
    from products_export
    window this_product as (partition by "Handle")
),

named as (
    select
        coalesce(nullif(sku, ''), concat_ws(' - ', title, options)) as product_id,
        concat_ws(' - ', title, options) as name,
        coalesce(product_type, category) as category,
        try_cast(cost as decimal(18, 2)) as cost
    from variants
    where coalesce(price, '') <> ''
)

select
    product_id,
    max(name) as name,
    max(category) as category,
    max(cost) as cost
from named
group by product_id
