-- Recommendations: the value at stake depends on the segment; customers without an action are not listed.

-- given published.customer_clv
select *, 'EUR' as currency, date '2024-06-01' as as_of_date from (values
    ('high', 'high_value', 900.00, 90.00),
    ('churn', 'churn_risk', 400.00, 50.00),
    ('missed', 'missed_opportunity', 100.00, 95.00),
    ('new', 'new_customer', 20.00, 20.00),
    ('prospect', 'prospect', 0.00, null),
    ('steady', 'steady', 20.00, 20.00),
    ('dormant', 'dormant', 20.00, 20.00)
) as rows (customer_id, segment, historic_value_365d, average_purchase_value)

-- given scores.customer_scores
select * from (values
    ('high', 300.00, 310.00), ('churn', 5.00, 50.00), ('missed', 5.00, 95.00), ('new', 30.00, 40.00), ('prospect', 2.00, 9.00),
    ('steady', 50.00, 60.00), ('dormant', 1.00, 10.00)
) as rows (customer_id, primary_spend, primary_if_buying)

-- expect the most at stake comes first
select * from (values
    (1, 'churn', 400.00), (2, 'high', 300.00), (3, 'missed', 95.00), (4, 'new', 30.00), (5, 'prospect', 2.00)
) as rows (priority, customer_id, value_at_stake)
