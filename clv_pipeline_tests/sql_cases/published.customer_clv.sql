-- Published customers: the segment by the first matching rule, the tier, and updated_at, which changes only with a value.

-- given features.company_margin
select 0.5::double as margin_rate

-- given features.customer_margins
select 'high-at-limit' as customer_id, 0.25::double as margin_rate

-- given scores.run
select
    date '2024-06-01' as as_of, 'EUR' as currency, 'run-2' as run_id, 90 as primary_horizon_days,
    timestamptz '2024-06-01 00:00+00' as scored_at

-- given published.segment_thresholds
select * from (values
    ('high_value_predicted_spend', 100), ('churn_risk_historic_value', 500), ('churn_risk_purchase_probability', 0.3),
    ('missed_opportunity_potential', 80), ('recent_days', 90), ('value_tier_a', 200), ('value_tier_b', 100), ('value_tier_c', 50)
) as rows (threshold, value)

-- given scores.customer_scores
select
    date '2024-06-01' as as_of, customer_id, spend::decimal(18, 2) as predicted_spend_90d,
    (spend / 2)::decimal(18, 2) as typical_spend_90d, potential::decimal(18, 2) as primary_if_buying,
    lifetime::decimal(18, 2) as lifetime_spend, 0.9::double as lifetime_discount, 0.00::decimal(18, 2) as predicted_spend_low_90d,
    (spend * 3)::decimal(18, 2) as predicted_spend_high_90d,
    probability::decimal(5, 4) as purchase_probability_90d, score_status,
    'm1' as model_version, 12.50::decimal(18, 2) as expected_order_value, spend::decimal(18, 2) as primary_spend, probability::decimal(5, 4) as primary_probability
from (values
    -- customer, predicted spend, purchase probability, spend if buying, lifetime spend
    ('prospect', 150.00, 0.1000, 90.00, null, 'no_purchase_yet'),
    ('high', 250.00, 0.1000, 90.00, 1800.00, 'repeat_customer'),
    ('high-at-limit', 100.00, 0.9000, 30.00, 100.00, 'single_purchase'),
    ('churn', 99.99, 0.2999, 90.00, 300.00, 'repeat_customer'),
    ('value-at-limit', 10.00, 0.2000, 30.00, 30.00, 'repeat_customer'),
    ('not-churn', 50.00, 0.3000, 30.00, 100.00, 'repeat_customer'),
    ('one-time', 10.00, 0.2000, 90.00, 30.00, 'single_purchase'),
    ('potential', 10.00, 0.2000, 80.01, 30.00, 'single_purchase'),
    ('potential-at-limit', 10.00, 0.2000, 80.00, 30.00, 'single_purchase'),
    ('new', 10.00, 0.3000, 30.00, 30.00, 'new_customer'),
    ('dormant', 10.00, 0.2000, 30.00, 30.00, 'repeat_customer')
) as rows (customer_id, spend, probability, potential, lifetime, score_status)

-- given features.customer_features
select * from (values
    -- customer, spend so far, of the year, purchase days, basket, recency, tenure
    ('score', 'high', 900.00, 100.00, 3, 30.0, 10, 400),
    ('score', 'high-at-limit', 10.00, 10.00, 1, 10.0, 10, 400),
    ('score', 'churn', 500.01, 100.00, 3, 30.0, 100, 400),
    ('score', 'value-at-limit', 500.00, 100.00, 3, 30.0, 100, 400),
    ('score', 'not-churn', 900.00, 100.00, 3, 30.0, 100, 400),
    ('score', 'one-time', 80.00, 80.00, 1, 80.0, 90, 90),
    ('score', 'potential', 30.00, 30.00, 1, 30.0, 91, 400),
    ('score', 'potential-at-limit', 30.00, 30.00, 1, 30.0, 91, 400),
    ('score', 'new', 30.00, 30.00, 1, 30.0, 90, 90),
    ('score', 'dormant', 30.00, 30.00, 2, 30.0, 20, 91),
    ('train', 'dormant', 9999.00, 9999.00, 9, 999.0, 1, 1)
) as rows (
    role, customer_id, spend_total, spend_365d, purchase_days, monetary_value, recency_days, tenure_days
)

-- given features.btyd_features
select * from (values
    ('2024-06-01', 'high', 0.91234, '2024-06-20'), ('2024-03-01', 'high', 0.5, null), ('2024-06-01', 'churn', 0.1, null)
) as rows (as_of, customer_id, btyd_probability_alive, expected_next_order_date)

-- given published.customer_reasons
select * from (values
    ('high', 1, 'recency', 20.00, 'last purchase 10 days ago: +20.00 EUR'),
    ('high', 2, 'returns', -5.50, 'returned 12.00 EUR so far: -5.50 EUR'),
    ('high', 6, 'other', 1.00, 'the other drivers together: +1.00 EUR')
) as rows (customer_id, rank, driver, effect, text)

-- given clean.customers
select * from (values
    ('high', 'DE', 'search', true, '2023-04-28'), ('prospect', 'FR', 'social', true, null)
) as rows (customer_id, country, acquisition_channel, has_crm_record, first_order_date)

-- given features.customer_day
select * from (values
    ('high', '2024-05-22', true), ('high', '2024-05-31', false), ('high', '2024-06-01', true)
) as rows (customer_id, order_date, is_purchase_day)

-- given scores.history
select
    *, 90 as horizon_days
from (values
    ('dormant', date '2024-05-31', 'dormant', 'D', 10.00, 0.2000, 30.00, 'repeat_customer', timestamptz '2024-04-01 00:00+00'),
    ('dormant', date '2024-04-01', 'steady', 'D', 10.00, 0.9000, 30.00, 'repeat_customer', timestamptz '2024-04-01 00:00+00'),
    ('churn', date '2024-05-31', 'churn_risk', 'C', 98.00, 0.2999, 500.01, 'repeat_customer', timestamptz '2024-04-01 00:00+00'),
    ('new', date '2024-06-01', 'new_customer', 'D', 10.00, 0.3000, 30.00, 'new_customer', timestamptz '2024-05-01 00:00+00')
) as rows (
    customer_id, as_of_date, segment, value_tier, predicted_spend, purchase_probability, historic_value, score_status, updated_at
)

-- expect the first rule that holds gives the segment
select * from (values
    ('prospect', 'prospect', 'D'),
    ('high', 'high_value', 'A'),
    ('high-at-limit', 'steady', 'C'),
    ('churn', 'churn_risk', 'C'),
    ('value-at-limit', 'dormant', 'D'),
    ('not-churn', 'steady', 'D'),
    ('one-time', 'churn_risk', 'D'),
    ('potential', 'missed_opportunity', 'D'),
    ('potential-at-limit', 'dormant', 'D'),
    ('new', 'new_customer', 'D'),
    ('dormant', 'dormant', 'D')
) as rows (customer_id, segment, value_tier)

-- expect what is typical and the ends of the interval beside what is expected where customer_id in ('high', 'prospect')
select * from (values
    ('high', 250.00, 125.00, 0.00, 750.00), ('prospect', 150.00, 75.00, 0.00, 450.00)
) as rows (customer_id, predicted_spend_90d, typical_spend_90d, predicted_spend_low_90d, predicted_spend_high_90d)

-- expect the lifetime in spend, and discounted as margin where customer_id in ('high', 'high-at-limit', 'prospect')
select * from (values
    ('high', 1800.00, 810.00), ('high-at-limit', 100.00, 22.50), ('prospect', null, null)
) as rows (customer_id, lifetime_spend, lifetime_margin)

-- expect facts beside the score, the last order before as_of where customer_id = 'high'
select
    '2024-06-01' as as_of_date, 250.00 as predicted_spend_90d, 900.00 as historic_value, 100.00 as historic_value_365d,
    30.00 as average_purchase_value, 10 as recency_days, '2023-04-28' as first_order_date,
    '2024-05-22' as last_order_date, 'DE' as country, true as is_in_crm, 'EUR' as currency, 'run-2' as run_id

-- expect when the next order is likely, as of tonight where customer_id in ('high', 'churn', 'prospect')
select * from (values
    ('high', 0.9123, '2024-06-20'), ('churn', 0.1, null), ('prospect', null, null)
) as rows (customer_id, probability_alive, expected_next_order_date)

-- expect a customer without purchases has zeros, not nulls where customer_id = 'prospect'
select 0.00 as historic_value, 0.00 as historic_value_365d, 0 as purchase_days, null as recency_days, 'social' as acquisition_channel

-- expect updated_at moves only with a business value, and never by the same night run again where customer_id in ('dormant', 'churn', 'new')
select * from (values
    ('dormant', '2024-04-01 00:00+00'),
    ('churn', '2024-06-01 00:00+00'),
    ('new', '2024-06-01 00:00+00')
) as rows (customer_id, updated_at)

-- expect the three strongest reasons, no others where customer_id in ('high', 'churn')
select * from (values
    ('high', 'last purchase 10 days ago: +20.00 EUR', 'recency', 20.00, 'returned 12.00 EUR so far: -5.50 EUR', -5.50, null),
    ('churn', null, null, null, null, null, null)
) as rows (customer_id, reason_1, reason_1_driver, reason_1_effect, reason_2, reason_2_effect, reason_3)
