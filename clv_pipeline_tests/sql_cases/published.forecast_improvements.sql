-- What would improve the forecasts: measured ones first, then unmeasured ones, then what is in use; nothing that is fine already.

-- parameters
select null::double as gross_margin, 500 as min_buyers

-- given scores.run
select
    date '2024-06-01' as as_of, 'EUR' as currency, 90 as primary_horizon_days, null::double as season_factor, 'prior' as basis,
    'not rankable' as ranking, 80.00 as predicted_total_low, 125.00 as predicted_total_high

-- given scores.tonight_totals
select * from (values (90, 100.00, 'prior'), (365, 300.00, 'extended')) as rows (horizon_days, predicted_spend, basis)

-- given raw.loads
select * from (values
    ('orders', true), ('customers', true), ('web_sessions', false), ('survey_responses', true), ('social_interactions', true),
    ('campaign_touches', true), ('marketing_spend', false), ('fx_rates', false)
) as rows (table_name, is_provided)

-- given clean.orders
select * from (values
    ('a', date '2024-01-01', 60.00), ('refused', date '2024-01-02', 10.00), (null, date '2024-01-03', 30.00),
    -- more than a year ago, and later than as_of
    (null, date '2023-05-01', 999.00), (null, date '2024-06-01', 999.00)
) as rows (customer_id, order_date, amount)

-- given clean.customers
select * from (values ('a', true), ('refused', false)) as rows (customer_id, has_profiling_consent)

-- given clean.dispositions
select 'orders' as table_name, disposition, '' as reason_code, '' as reason, row_count, source_money from (values
    ('accepted', 5, 950.00), ('quarantined', 2, 50.00), ('quarantined', 1, null)
) as rows (disposition, row_count, source_money)

-- given quality.night
select * from (values
    ('figure', 'unclear consent', 4), ('is_stale', '', 1), ('days_since_newest_order', '', 12)
) as rows (measure, subject, value)

-- given features.customer_day
select 'a' as customer_id, date '2023-06-01' as order_date, true as is_purchase_day

-- given training.source_ablation
select * from (values
    ('survey', 'normalised_gini', 0.02, 0.01, 0.03), ('social', 'normalised_gini', -0.02, -0.03, -0.01),
    ('campaign', 'normalised_gini', 0.01, -0.01, 0.03), ('crm', 'normalised_gini', 'nan'::double, null, null),
    ('survey', 'spearman', 0.5, 0.4, 0.6), ('btyd', 'normalised_gini', 0.5, 0.4, 0.6)
) as rows (left_out, metric, difference, low, high)

-- expect the list in its order
select * from (values
    (1, 'to_do', 'guest_orders', 'orders', true, 0.300000, 30.00, 'EUR'),
    (2, 'to_do', 'refused_consent', 'customers', true, 0.100000, 10.00, 'EUR'),
    (3, 'to_do', 'quarantined_orders', 'orders', true, 0.050000, null, null),
    (4, 'to_do', 'stale_orders', 'orders', false, null, null, null),
    (5, 'to_do', 'more_history', 'orders', false, null, null, null),
    (6, 'to_do', 'too_few_buyers', 'orders', false, null, null, null),
    (7, 'to_do', 'longer_windows', '365 days', false, null, null, null),
    (8, 'to_do', 'nothing_to_rank', 'orders', false, null, null, null),
    (9, 'to_do', 'gross_margin', 'source.toml', false, null, null, null),
    (10, 'to_do', 'connect_source', 'web_sessions', false, null, null, null),
    (11, 'to_do', 'connect_source', 'marketing_spend', false, null, null, null),
    (12, 'to_do', 'product_category', 'orders', false, null, null, null),
    (13, 'to_do', 'unclear_consent', 'customers', false, null, null, null),
    (14, 'in_use', 'connected_source', 'survey_responses', true, 0.020000, null, null),
    (15, 'in_use', 'connected_source', 'campaign_touches', true, 0.010000, null, null),
    (16, 'in_use', 'connected_source', 'social_interactions', true, -0.020000, null, null)
) as rows (priority, status, improvement, subject, is_measured, worth, money_at_stake, currency)

-- expect what is measured has its interval, and the text says what it means where improvement in ('connected_source', 'more_history')
select * from (values
    (5, 'No season is known after 366 days of orders: the total''s 90 % interval reaches from 80 to 125 % of it.', null, null),
    (14, 'In use, and the order of the customers is better with it.', 0.010000, 0.030000),
    (15, 'In use, without a clear effect on the order of the customers.', -0.010000, 0.030000),
    (16, 'In use, and the order of the customers is worse with it: consider to leave it out.', -0.030000, -0.010000)
) as rows (priority, statement, worth_low, worth_high)
