-- Segments: number, value and share of customers.

-- given published.customer_clv
select * from (values
    ('a', 'high_value', 900.00, 90.00, 400.00, 100.00), ('b', 'high_value', 100.00, 10.00, 200.00, 50.00),
    ('c', 'dormant', 50.00, 0.00, null, null)
) as rows (customer_id, segment, historic_value, historic_value_365d, lifetime_spend, lifetime_margin),
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

-- given scores.run
select * from (values (120.00)) as rows (predicted_total_high)

-- expect sums, means and shares
select * from (values
    ('high_value', 'predicted spend above 25.00', 2, 80.00, 66.67, 96.00, 40.00, 0.8, 0.8, 600.00, 150.00, 1000.00, 100.00),
    ('dormant', 'all others: purchase probability below 31.0 %', 1, 20.00, 1.71, 234.04, 20.00, 0.2, 0.1, null, null, 50.00, 0.00)
) as rows (
    segment, definition, customers, predicted_spend_total, predicted_spend_total_low, predicted_spend_total_high,
    predicted_spend_mean, predicted_spend_share, purchase_probability_mean, lifetime_spend_total, lifetime_margin_total,
    historic_value_total, historic_value_365d_total
),
    (values ('EUR', date '2024-06-01')) as run (currency, as_of_date)
