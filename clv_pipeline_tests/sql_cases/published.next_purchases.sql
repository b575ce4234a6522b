-- Next purchases: every list in the order of its ranks; a margin only where its rate is known.

-- given features.company_margin
select 0.4::double as margin_rate

-- given features.customer_margins
select 'bert' as customer_id, 0.5::double as margin_rate

-- given scores.run
select 'EUR' as currency, 'v1' as model_version, date '2024-06-01' as as_of

-- given clean.products
select * from (values ('Toys', 'Toy of that number'), ('77', 'Red rose')) as rows (product_id, label)

-- given scores.next_purchases
select case when item in ('77', '78') then 'product' else 'category' end as item_level, 90 as horizon_days, 'learned_ranker' as method, 0.100000::decimal(7, 6) as popularity_probability,
    0.05::decimal(7, 6) as probability_low, 0.9::decimal(7, 6) as probability_high, *
from (values
    ('anna', 'again', 1, 'Toys', 'repeat', 0.5::decimal(7, 6), 10.00::decimal(18, 2), 1.00::decimal(18, 2), 18.05::decimal(18, 2), 20.00::decimal(18, 2), 19.00::decimal(18, 2), 'bought once, 9 days ago'),
    ('anna', 'new_to_them', 1, 'Books', null, 0.01::decimal(7, 6), 0.01::decimal(18, 2), 0.00::decimal(18, 2), 0.02::decimal(18, 2), null, null, 'bought by 40 customers in the last 60 days'),
    ('carl', 'again', 1, '77', 'repeat', 0.2::decimal(7, 6), 0.00::decimal(18, 2), 0.00::decimal(18, 2), 0.00::decimal(18, 2), null, null, ''),
    ('carl', 'again', 2, '78', 'repeat', 0.2::decimal(7, 6), 0.00::decimal(18, 2), 0.00::decimal(18, 2), 0.00::decimal(18, 2), null, null, ''),
    ('bert', 'again', 1, 'Books', 'step_up', 0.2::decimal(7, 6), 4.99::decimal(18, 2), 0.50::decimal(18, 2), 8.00::decimal(18, 2), 12.00::decimal(18, 2), 9.00::decimal(18, 2), 'bought 3 times, last 2 days ago')
) as rows (
    customer_id, kind, rank, item, step, probability, expected_spend, expected_spend_low, expected_spend_high, usual_price,
    compared_price, because
)

-- expect spend and margin side by side, with their intervals where customer_id <> 'carl'
select * from (values
    ('anna', 'again', 1, 'Toys', 10.00, 1.00, 18.05, 4.00, 0.40, 7.22),
    ('anna', 'new_to_them', 1, 'Books', 0.01, 0.00, 0.02, 0.00, 0.00, 0.01),
    -- bert has a rate of his own
    ('bert', 'again', 1, 'Books', 4.99, 0.50, 8.00, 2.50, 0.25, 4.00)
) as rows (
    customer_id, kind, rank, item, expected_spend, expected_spend_low, expected_spend_high, expected_margin,
    expected_margin_low, expected_margin_high
)

-- expect the step and what it is judged by; null without a price where customer_id <> 'carl'
select * from (values
    ('anna', 'again', 'repeat', 20.00, 19.00, 'bought once, 9 days ago'),
    ('anna', 'new_to_them', null, null, null, 'bought by 40 customers in the last 60 days'),
    ('bert', 'again', 'step_up', 12.00, 9.00, 'bought 3 times, last 2 days ago')
) as rows (customer_id, kind, step, usual_price, compared_price, because)

-- expect the identity of the run in every row where customer_id = 'bert'
select 'bert' as customer_id, 'EUR' as currency, 'v1' as model_version, date '2024-06-01' as as_of_date, 90 as horizon_days

-- expect a product has its name if the catalogue has one, a category is a name where customer_id in ('anna', 'carl') and kind = 'again'
select * from (values ('anna', 'Toys', 'Toys'), ('carl', '77', 'Red rose'), ('carl', '78', '78')) as rows (customer_id, item, item_name)
