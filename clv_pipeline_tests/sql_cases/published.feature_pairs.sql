-- Pairs: cells add up to all customers and their predicted spend; the interval has the total's error and the customers' chance.

-- given scores.run
select 90 as primary_horizon_days, 'EUR' as currency

-- given published.customer_clv
select 'a' || i as customer_id, 4 as purchase_days, 60 as recency_days from range(5) as ids (i)
union all
select 'b' || i, 5, 31 from range(5) as ids (i)
union all
select 'c' || i, 20, 366 from range(5) as ids (i)
union all
select 'p' || i, 0, null from range(5) as ids (i)
union all
select * from (values ('x', 1, 30), ('y', 3, 365)) as rows (customer_id, purchase_days, recency_days)

-- given scores.spend_variance
select kind || i as customer_id, 10.00 as predicted_spend, 40.00 as variance, 0.3 as total_below, 0.6 as total_above
from range(5) as ids (i) cross join (values ('a'), ('b'), ('c'), ('p')) as kinds (kind)
union all
select unnest(['x', 'y']), 1.00, 1.00, 0.3, 0.6

-- given scores.feature_correlations
select * from (values
    ('spend_total', null, 'spend so far', null, 100, 0.5, 0.4, 0.6),
    ('recency_days', null, 'silence', null, 100, -0.7, -0.8, -0.6),
    ('recency_days', 'spend_total', 'silence', 'spend so far', 100, -0.9, -0.95, -0.85)
) as rows (feature, other_feature, description, other_description, customers, correlation, low, high)

-- expect cells where row_kind <> 'correlation'
select * from (values
    (1, 'cell', 4, 5, 31, 60, 10, 100.00, 55.48, 168.43, 10.00),
    (2, 'cell', 20, null, 366, null, 5, 50.00, 22.32, 87.96, 10.00),
    (3, 'no_purchase', null, null, null, null, 5, 50.00, 22.32, 87.96, 10.00),
    (4, 'other', null, null, null, null, 2, 2.00, 0.00, 4.62, 1.00)
) as rows (
    position, row_kind, from_purchase_days, to_purchase_days, from_recency_days, to_recency_days, customers, predicted_spend, predicted_spend_low,
    predicted_spend_high, predicted_spend_per_customer
)

-- expect correlations, those with the predicted spend first where row_kind = 'correlation'
select * from (values
    (5, 'recency_days', 'predicted_spend', 'silence', 'predicted spend', 100, -0.7, null),
    (6, 'spend_total', 'predicted_spend', 'spend so far', 'predicted spend', 100, 0.5, null),
    (7, 'recency_days', 'spend_total', 'silence', 'spend so far', 100, -0.9, null)
) as rows (position, feature, other_feature, description, other_description, customers, correlation, predicted_spend)
