-- Channel value: recorded cost before advertising spend, per buyer; free channels have no ratio.

-- parameters
select 0.5 as gross_margin

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given published.customer_clv
select *, date '2024-06-01' as as_of_date from (values
    ('a', 'search', date '2024-01-01', 100.00),
    ('b', 'search', date '2024-01-01', 60.00),
    ('c', 'search', null, 0.00),
    ('d', 'social', date '2024-01-01', 100.00),
    ('e', null, date '2024-01-01', 10.00)
) as rows (customer_id, acquisition_channel, first_order_date, historic_value)

-- given scores.customer_scores
select * from (values ('a', 20.00), ('b', 20.00), ('c', 0.00), ('d', 20.00), ('e', 0.00)) as rows (customer_id, primary_spend)

-- given clean.customers
select * from (values
    ('a', '2024-05-31', null), ('b', '2024-05-31', null), ('c', '2024-05-31', null), ('d', '2024-05-31', 30.00),
    ('e', '2024-05-31', null)
) as rows (customer_id, first_seen_date, acquisition_cost)

-- given clean.marketing_spend
select * from (values
    ('search', '2024-03-01', 15.00), ('search', '2024-05-31', 5.00), ('search', '2024-06-01', 999.00), ('social', '2024-05-31', 7.00)
) as rows (channel, spend_date, spend)

-- expect cost and value per buyer, after margin
select * from (values
    ('search', 3, 2, 20.00, 160.00, 40.00, 10.00, 50.00, 5.00, 0.3),
    ('social', 1, 1, 7.00, 100.00, 20.00, 30.00, 60.00, 2.00, 0.6),
    ('unknown', 1, 1, null, 10.00, 0.00, null, 5.00, null, null)
) as rows (
    acquisition_channel, customers, buyers, marketing_spend, historic_value, predicted_spend, acquisition_cost_per_buyer,
    value_per_buyer, ltv_to_cac, payback_months
)
