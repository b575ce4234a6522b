-- Cohorts: by month of the first purchase, small ones pooled; returns count in their own month, as_of's own day never.

-- given scores.run
select date '2024-06-15' as as_of, 'EUR' as currency

-- given features.customer_day
select *, net_spend > 0 as is_purchase_day from (values
    ('a1', '2024-01-31', 100.00), ('a2', '2024-01-05', 10.00), ('a3', '2024-01-05', 10.00), ('a4', '2024-01-05', 10.00),
    ('a5', '2024-01-05', 10.00),
    ('a1', '2024-02-01', 50.00),
    ('a2', '2024-04-29', -20.00),
    -- a return before the first purchase in the data, and a customer without a purchase
    ('b1', '2024-03-01', -3.00), ('b1', '2024-04-02', 7.00),
    ('r', '2024-04-10', -4.00),
    ('m1', '2024-05-31', 1.00), ('m2', '2024-05-31', 1.00), ('m3', '2024-05-31', 1.00), ('m4', '2024-05-31', 1.00),
    ('a1', '2024-06-14', 5.00),
    ('a1', '2024-06-15', 999.00)
) as rows (customer_id, order_date, net_spend)

-- given scores.customer_scores
select * from (values ('p', 'no_purchase_yet'), ('r', 'no_purchase_yet'), ('a1', 'repeat_customer')) as rows (customer_id, score_status)

-- given scores.cohort_forecast
select
    cohort_kind, cohort_month_date::date as cohort_month_date, month_date::date as month_date, from_date::date as from_date,
    to_date::date as to_date, spend_in_horizon, spend, spend_low, spend_high, ahead, ahead_low, ahead_high, season_factor
from (values
    ('cohort', '2024-01-01', '2024-06-01', '2024-06-15', '2024-06-30', 6.00, 6.00, 2.00, 12.00, 6.00, 2.00, 12.00, 1.5),
    ('cohort', '2024-01-01', '2024-07-01', '2024-07-01', '2024-07-31', 8.00, 10.00, 4.00, 20.00, 16.00, 8.00, 30.00, null),
    ('other', null, '2024-06-01', '2024-06-15', '2024-06-30', 1.00, 1.00, 0.00, 3.00, 1.00, 0.00, 3.00, 1.5),
    ('prospects', null, '2024-06-01', '2024-06-15', '2024-06-30', 2.00, 2.00, 1.00, 3.00, 2.00, 1.00, 3.00, 1.5)
) as rows (
    cohort_kind, cohort_month_date, month_date, from_date, to_date, spend_in_horizon, spend, spend_low, spend_high, ahead, ahead_low,
    ahead_high, season_factor
)

-- expect a shown cohort, each month, with what is expected where row_kind in ('actual', 'forecast') and cohort_kind = 'cohort'
select * from (values
    ('actual', '2024-01', '2024-01-01', 0, '2024-01-31', 5, 5, 1.0, 140.00, null, 28.00, 140.00, true, true),
    ('actual', '2024-01', '2024-02-01', 1, '2024-02-29', 5, 1, 0.2, 50.00, null, 10.00, 190.00, true, true),
    ('actual', '2024-01', '2024-03-01', 2, '2024-03-31', 5, 0, 0.0, 0.00, null, 0.00, 190.00, true, true),
    ('actual', '2024-01', '2024-04-01', 3, '2024-04-30', 5, 0, 0.0, -20.00, null, -4.00, 170.00, true, true),
    ('actual', '2024-01', '2024-05-01', 4, '2024-05-31', 5, 0, 0.0, 0.00, null, 0.00, 170.00, true, true),
    ('actual', '2024-01', '2024-06-01', 5, '2024-06-14', 5, 1, 0.2, 5.00, null, 1.00, 175.00, false, true),
    ('forecast', '2024-01', '2024-06-01', 5, '2024-06-30', 5, null, null, 6.00, 6.00, 1.20, 181.00, false, true),
    ('forecast', '2024-01', '2024-07-01', 6, '2024-07-31', 5, null, null, 10.00, 8.00, 2.00, 191.00, false, true)
) as rows (
    row_kind, cohort, month_date, months_since, to_date, customers, active_customers, active_share, net_spend, net_spend_in_horizon,
    spend_per_customer, net_spend_so_far, is_complete, is_left_censored
)

-- expect the interval of the spend so far where row_kind = 'forecast' and cohort = '2024-01'
select * from (values ('2024-06-01', 177.00, 187.00, 1.5), ('2024-07-01', 183.00, 205.00, null))
as rows (month_date, net_spend_so_far_low, net_spend_so_far_high, season_factor)

-- expect small cohorts, early returns and those who never bought together where cohort_kind = 'other'
select * from (values
    ('actual', 'other', '2024-03-01', null, 5, 0, -3.00, null),
    ('actual', 'other', '2024-04-01', null, 5, 1, 3.00, null),
    ('actual', 'other', '2024-05-01', null, 5, 4, 4.00, null),
    ('actual', 'other', '2024-06-01', null, 5, 0, 0.00, null),
    ('forecast', 'other', '2024-06-01', null, 5, null, 1.00, null)
) as rows (row_kind, cohort, month_date, months_since, customers, active_customers, net_spend, is_left_censored)

-- expect prospects with their number, and no past where cohort_kind = 'prospects'
select * from (values ('forecast', 'prospects', 2, 2.00, 2.00, 1.00, 'EUR'))
as rows (row_kind, cohort, customers, net_spend, net_spend_so_far, spend_per_customer, currency)
