-- One row per (customer_id, kind, rank): a category or product that the customer may buy next, with its probability and why.
-- Not a forecast of the customer's spend (its rows overlap and leave out what is not listed), and not the effect of
-- recommending: nobody has measured whether a suggestion sells more. Empty where next_purchase_quality has the reason.
with next_purchases as (select * from scores.next_purchases),

products as (select * from clean.products),

run as (select * from scores.run)

select
    next_purchases.customer_id,
    next_purchases.kind,
    next_purchases.rank,
    next_purchases.item,
    coalesce(products.label, next_purchases.item) as item_name,
    next_purchases.item_level,
    next_purchases.step,
    next_purchases.because,
    next_purchases.method,
    next_purchases.horizon_days,
    next_purchases.probability,
    next_purchases.probability_low,
    next_purchases.probability_high,
    next_purchases.popularity_probability,
    next_purchases.expected_spend,
    next_purchases.expected_spend_low,
    next_purchases.expected_spend_high,
    (next_purchases.expected_spend * $gross_margin)::decimal(18, 2) as expected_margin,
    (next_purchases.expected_spend_low * $gross_margin)::decimal(18, 2) as expected_margin_low,
    (next_purchases.expected_spend_high * $gross_margin)::decimal(18, 2) as expected_margin_high,
    next_purchases.usual_price,
    next_purchases.compared_price,
    run.currency,
    run.model_version,
    run.as_of as as_of_date
from next_purchases
cross join run
left join products on next_purchases.item_level = 'product' and next_purchases.item = products.product_id
order by next_purchases.customer_id, next_purchases.kind, next_purchases.rank
