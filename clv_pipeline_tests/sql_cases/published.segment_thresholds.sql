-- Segment thresholds: quantiles over customers who have bought; prospects are excluded.

-- parameters
select
    0.25 as high_value_share, 0.5 as churn_value_share, 0.5 as churn_probability_ratio, 0.5 as missed_potential_share,
    60 as recent_days

-- given scores.customer_scores
select * from (values
    ('a', 'repeat_customer', 100.00, 0.8, 10.0), ('b', 'repeat_customer', 80.00, 0.6, 20.0),
    ('c', 'new_customer', 60.00, 0.4, 30.0), ('d', 'single_purchase', 40.00, 0.2, 40.0),
    ('e', 'repeat_customer', 20.00, 0.0, 50.0),
    ('p', 'no_purchase_yet', 0.00, 0.9, 900.0), ('q', 'no_purchase_yet', 0.00, 0.9, 900.0)
) as rows (customer_id, score_status, primary_spend, primary_probability, primary_if_buying)

-- given features.customer_features
select * from (values
    ('score', 'a', 10.00), ('score', 'b', 20.00), ('score', 'c', 30.00), ('score', 'd', 40.00),
    ('score', 'e', 50.00), ('score', 'p', null), ('score', 'q', null), ('train', 'a', 9999.00)
) as rows (role, customer_id, spend_total)

-- expect the quantiles of buyers
select * from (values
    ('churn_risk_historic_value', 30),
    ('churn_risk_purchase_probability', 0.2),
    ('high_value_predicted_spend', 80),
    ('missed_opportunity_potential', 30),
    ('recent_days', 60),
    ('value_tier_a', 96),
    ('value_tier_b', 84),
    ('value_tier_c', 60)
) as rows (threshold, value)
