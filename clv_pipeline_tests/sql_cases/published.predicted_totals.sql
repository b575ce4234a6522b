-- Totals of every night: those of earlier nights as they were, tonight's in the place of those of an earlier run of the same night.

-- given scores.run
select date '2024-06-01' as as_of, 'run-2' as run_id, 'm2' as model_version, 'EUR' as currency,
    timestamptz '2024-06-01 00:00+00' as scored_at

-- parameters
select 'now' as segment_definition

-- given scores.night_totals
select *, 'EUR' as currency, 'learned' as basis from (values
    (date '2024-05-31', 90, 'run-1', 'm1', 7, 70.00, 50.00, 90.00, 1.1, null, 'then', timestamptz '2024-05-31 00:00+00'),
    (date '2024-06-01', 90, 'an earlier run', 'm1', 1, 1.00, null, null, null, null, 'then', timestamptz '2024-06-01 00:00+00'),
    -- of an older release
    (date '2024-01-01', 90, 'run-0', 'm0', 5, 50.00, null, null, null, null, null, null)
) as rows (
    as_of_date, horizon_days, run_id, model_version, customers, predicted_spend, predicted_spend_low, predicted_spend_high,
    season_factor, carried_factor, segment_definition, scored_at
)

-- given scores.tonight_totals
select * from (values (90, 80.00, 60.00, 100.00, null, 0.9, 'learned'), (365, 300.00, null, null, null, null, 'extended')) as rows (
    horizon_days, predicted_spend, predicted_spend_low, predicted_spend_high, season_factor, carried_factor, basis
)

-- given scores.customer_scores
select * from (values ('a'), ('b')) as rows (customer_id)

-- given published.customer_clv_history
select * from (values
    ('a', date '2024-05-31', 90), ('a', date '2024-06-01', 90), ('b', date '2024-06-01', 90), ('a', date '2024-06-01', 365)
) as rows (customer_id, as_of_date, horizon_days)

-- expect every night once, and how many of its customers the bundle still has
select * from (values
    ('2024-01-01', 90, 'run-0', 5, 50.00, null, 'learned', null, 0, null, null),
    ('2024-05-31', 90, 'run-1', 7, 70.00, 90.00, 'learned', null, 1, 'then', timestamptz '2024-05-31 00:00+00'),
    ('2024-06-01', 90, 'run-2', 2, 80.00, 100.00, 'learned', 0.9, 2, 'now', timestamptz '2024-06-01 00:00+00'),
    ('2024-06-01', 365, 'run-2', 2, 300.00, null, 'extended', null, 1, 'now', timestamptz '2024-06-01 00:00+00')
) as rows (
    as_of_date, horizon_days, run_id, customers, predicted_spend, predicted_spend_high, basis, carried_factor, customers_in_history,
    segment_definition, scored_at
)
