-- One row per review of an order. One review may be of several orders, and one order may have several: together they are the answer.
-- review_score is 1 to 5 stars.
with olist_order_reviews_dataset as (select * from olist_order_reviews_dataset),

olist_orders_dataset as (select * from olist_orders_dataset),

olist_customers_dataset as (select * from olist_customers_dataset)

select
    reviews.review_id || '-' || reviews.order_id as response_id,
    customers.customer_unique_id as customer_id,
    reviews.review_answer_timestamp as responded_at,
    reviews.review_score as csat_score
from olist_order_reviews_dataset as reviews
inner join olist_orders_dataset as orders on reviews.order_id = orders.order_id
inner join olist_customers_dataset as customers on orders.customer_id = customers.customer_id
