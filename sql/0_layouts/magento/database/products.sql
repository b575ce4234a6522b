-- One row per article sold, under the SKU and the name of its last sale. Categories are not in the sales tables.
with order_items as (select * from sales_order_item)

select
    sku as product_id,
    max(name) as name
from order_items
where parent_item_id is null
group by sku
