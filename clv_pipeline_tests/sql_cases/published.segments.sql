-- Segments: number, value and share of customers.

-- given published.customer_clv
select * from (values
    ('a', 'high_value', 900.00), ('b', 'high_value', 100.00), ('c', 'dormant', 50.00)
) as rows (customer_id, segment, historic_value),
    (values ('EUR', date '2024-06-01')) as run (currency, as_of_date)

-- given published.segment_thresholds
select * from (values
    ('high_value_predicted_spend', 25.00), ('churn_risk_historic_value', 500.00),
    ('churn_risk_purchase_probability', 0.3104), ('missed_opportunity_potential', 80.5), ('recent_days', 90.0)
) as rows (threshold, value)

-- given scores.customer_scores
select * from (values ('a', 50.00, 0.9), ('b', 30.00, 0.7), ('c', 20.00, 0.1)) as rows (
    customer_id, primary_spend, primary_probability
)

-- expect sums, means and shares
select * from (values
    ('high_value', 'predicted spend above 25.00', 2, 80.00, 40.00, 0.8, 0.8, 1000.00, 'EUR', '2024-06-01'),
    ('dormant', 'all others: purchase probability below 31.0 %', 1, 20.00, 20.00, 0.2, 0.1, 50.00, 'EUR', '2024-06-01')
) as rows (
    segment, definition, customers, predicted_spend_total, predicted_spend_mean, predicted_spend_share, purchase_probability_mean,
    historic_value_total, currency, as_of_date
)
