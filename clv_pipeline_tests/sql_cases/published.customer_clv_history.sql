-- History: every score as it was published.

-- given scores.history
select * from (values
    ('a', date '2024-05-01', 90, 10.00), ('refused', date '2024-05-01', 90, 1.00), ('a', date '2024-06-01', 90, 12.00), ('a', date '2024-06-01', 365, 30.00)
) as rows (customer_id, as_of_date, horizon_days, predicted_spend)

-- given clean.customers
select * from (values ('a', true), ('refused', false)) as rows (customer_id, has_profiling_consent)

-- expect all of it, but of who may not be profiled
select * from (values
    ('a', '2024-05-01', 90, 10.00), ('a', '2024-06-01', 90, 12.00), ('a', '2024-06-01', 365, 30.00)
) as rows (customer_id, as_of_date, horizon_days, predicted_spend)
