-- The run: one row, its totals computed from the tables themselves.

-- given scores.run
select
    'run-2' as run_id, '1' as contract_version, 'shop' as source_name, date '2024-06-01' as as_of,
    timestamptz '2024-06-01 00:00+00' as scored_at, 'EUR' as currency, 'UTC' as time_zone, 90 as primary_horizon_days,
    'm1' as model_version, 50.00::decimal(18, 2) as trailing_spend_total, 12.00::decimal(18, 2) as predicted_total_low,
    20.00::decimal(18, 2) as predicted_total_high, 1.52::decimal(6, 4) as season_factor,
    null::decimal(6, 4) as carried_factor, 'learned' as basis,
    'rankable' as ranking, 7.75::decimal(18, 2) as average_spend, 0.93::decimal(5, 4) as reasons_fidelity, 'f' as data_fingerprint

-- given scores.customer_scores
select * from (values ('a', 10.00), ('b', 5.50)) as rows (customer_id, primary_spend)

-- given clean.dispositions
select * from (values
    ('orders', 'quarantined', 3), ('customers', 'quarantined', 1), ('orders', 'accepted', 90)
) as rows (table_name, disposition, row_count)

-- given quality.night
select * from (values
    ('days_since_newest_order', '', 5.0), ('is_stale', '', 1.0), ('acknowledged', 'order_volume', 1.0),
    ('acknowledged', 'freshness', 1.0), ('rows', 'orders', 90.0)
) as rows (measure, subject, value)

-- given features.company_margin
select 'mixed' as margin_source, 0.75::decimal(5, 4) as covered_share, 0.41234::double as margin_rate

-- expect where margins come from
select 'mixed' as margin_source, 0.7500 as margin_covered_share, 0.4123 as margin_rate

-- expect totals
select
    'run-2' as run_id, '2024-06-01' as as_of_date, 1095 as lifetime_days, 2 as customers, 15.50 as predicted_spend_total,
    12.00 as predicted_spend_total_low, 20.00 as predicted_spend_total_high,
    7.75 as average_predicted_spend, 0.93 as reasons_fidelity, 0.6452 as largest_customer_share, 1.52 as season_factor, null as carried_factor, 'learned' as basis, 'rankable' as ranking, 50.00 as trailing_spend_total,
    4 as quarantined_rows, '2024-05-27' as newest_order_date, true as is_stale,
    'freshness, order_volume' as acknowledged_checks
