-- One row per product of Olist's files. They have no names and no costs.
with olist_products_dataset as (select * from olist_products_dataset),

product_category_name_translation as (select * from product_category_name_translation)

select
    products.product_id,
    coalesce(translation.product_category_name_english, products.product_category_name) as category
from olist_products_dataset as products
left join product_category_name_translation as translation
    on products.product_category_name = translation.product_category_name
