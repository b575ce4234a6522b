-- History: scores as they were published on the nights that are kept; a run repeated for the same as_of replaces only its own
-- rows, and is there even if its night is not kept.

-- given scores.run
select date '2024-06-01' as as_of

-- given scores.history
select
    *, 0.5 as purchase_probability, 0 as predicted_spend_low, 99 as predicted_spend_high, 5 as baseline_spend,
    0.4 as baseline_probability, 'steady' as segment, 'A' as value_tier, 'scored' as score_status, 0 as historic_value,
    now() as updated_at
from (values
    ('refused', date '2024-05-01', 90, 1.00), ('a', date '2024-05-02', 90, 1.00),
    ('a', date '2024-05-01', 90, 10.00), ('a', date '2024-06-01', 90, 11.00), ('left', date '2024-06-01', 90, 1.00),
    ('a', date '2024-06-02', 90, 13.00)
) as rows (customer_id, as_of_date, horizon_days, predicted_spend)

-- given scores.kept_nights
select * from (values (date '2024-05-01'), (date '2024-06-02')) as rows (as_of_date)

-- given scores.tonight
select
    *, 0.5 as purchase_probability, 0 as predicted_spend_low, 99 as predicted_spend_high, 5 as baseline_spend,
    0.4 as baseline_probability, 'steady' as segment, 'A' as value_tier, 'scored' as score_status, 0 as historic_value,
    now() as updated_at
from (values
    ('a', date '2024-06-01', 90, 12.00), ('a', date '2024-06-01', 365, 30.00)
) as rows (customer_id, as_of_date, horizon_days, predicted_spend)

-- given clean.customers
select * from (values ('a', true), ('refused', false)) as rows (customer_id, has_profiling_consent)

-- expect all of it
select * from (values
    ('a', '2024-05-01', 90, 10.00), ('a', '2024-06-01', 90, 12.00), ('a', '2024-06-01', 365, 30.00),
    ('a', '2024-06-02', 90, 13.00)
) as rows (customer_id, as_of_date, horizon_days, predicted_spend)
