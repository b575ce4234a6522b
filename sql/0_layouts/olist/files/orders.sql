-- One row per article of an order of Olist's files.
-- What was decided:
--   * customer_id is new in each order; the person is customer_unique_id.
--   * amount is the price of the article. freight_value is postage. The n-th article of an order is a row of its own, one unit each.
--   * Not in the files: refunds (canceled orders are no revenue), discounts (vouchers are a way to pay), tax (prices include it).
with olist_orders_dataset as (select * from olist_orders_dataset),

olist_order_items_dataset as (select * from olist_order_items_dataset),

olist_customers_dataset as (select * from olist_customers_dataset),

olist_products_dataset as (select * from olist_products_dataset),

product_category_name_translation as (select * from product_category_name_translation)

select
    items.order_id,
    items.order_item_id as order_line_id,
    customers.customer_unique_id as customer_id,
    orders.order_purchase_timestamp as ordered_at,
    items.product_id,
    coalesce(translation.product_category_name_english, products.product_category_name) as product_category,
    1 as quantity,
    items.price as amount,
    items.freight_value as shipping,
    orders.order_status as status
from olist_order_items_dataset as items
inner join olist_orders_dataset as orders on items.order_id = orders.order_id
left join olist_customers_dataset as customers on orders.customer_id = customers.customer_id
left join olist_products_dataset as products on items.product_id = products.product_id
left join product_category_name_translation as translation
    on products.product_category_name = translation.product_category_name
