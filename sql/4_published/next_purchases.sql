-- One row per (customer_id, kind, rank): a category or product that the customer may buy next, with its probability and why.
-- Not a forecast of the customer's spend (its rows overlap and leave out what is not listed), and not the effect of
-- recommending: nobody has measured whether a suggestion sells more. Empty where next_purchase_quality has the reason.
with next_purchases as (select * from scores.next_purchases),

products as (select * from clean.products),

run as (select * from scores.run),

customer_margins as (select * from features.customer_margins),

company_margin as (select * from features.company_margin),

rated as (
    select
        next_purchases.*,
        coalesce(customer_margins.margin_rate, company_margin.margin_rate) as margin_rate
    from next_purchases
    left join customer_margins on next_purchases.customer_id = customer_margins.customer_id
    left join company_margin on true
)

select
    rated.customer_id,
    rated.kind,
    rated.rank,
    rated.item,
    coalesce(products.label, rated.item) as item_name,
    rated.item_level,
    rated.step,
    rated.because,
    rated.method,
    rated.horizon_days,
    rated.probability,
    rated.probability_low,
    rated.probability_high,
    rated.popularity_probability,
    rated.expected_spend,
    rated.expected_spend_low,
    rated.expected_spend_high,
    (rated.expected_spend * rated.margin_rate)::decimal(18, 2) as expected_margin,
    (rated.expected_spend_low * rated.margin_rate)::decimal(18, 2) as expected_margin_low,
    (rated.expected_spend_high * rated.margin_rate)::decimal(18, 2) as expected_margin_high,
    rated.usual_price,
    rated.compared_price,
    run.currency,
    run.model_version,
    run.as_of as as_of_date
from rated
cross join run
left join products on rated.item_level = 'product' and rated.item = products.product_id
order by rated.customer_id, rated.kind, rated.rank
