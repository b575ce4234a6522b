-- Segment thresholds: quantiles over customers who have bought; prospects are excluded.

-- parameters
select 0.25 as high_value_share, 0.5 as churn_value_share, 0.3 as churn_probability, 0.5 as missed_basket_share

-- given scores.customer_scores
select * from (values
    ('a', 'scored', 100.00), ('b', 'scored', 80.00), ('c', 'scored', 60.00), ('d', 'scored', 40.00), ('e', 'scored', 20.00),
    ('p', 'no_purchase_yet', 0.00), ('q', 'no_purchase_yet', 0.00)
) as rows (customer_id, score_status, primary_spend)

-- given features.customer_features
select * from (values
    ('score', 'a', 10.00, 1.0), ('score', 'b', 20.00, 2.0), ('score', 'c', 30.00, 3.0), ('score', 'd', 40.00, 4.0),
    ('score', 'e', 50.00, 5.0), ('score', 'p', null, null), ('score', 'q', null, null), ('train', 'a', 9999.00, 999.0)
) as rows (role, customer_id, spend_total, monetary_value)

-- expect the quantiles of buyers
select * from (values
    ('churn_risk_historic_value', 30),
    ('churn_risk_purchase_probability', 0.3),
    ('high_value_predicted_spend', 80),
    ('missed_opportunity_basket', 3),
    ('value_tier_a', 96),
    ('value_tier_b', 84),
    ('value_tier_c', 60)
) as rows (threshold, value)
