-- Layers: net sales of a month by the year of the first purchase; who only returned something has the year of the return.

-- given scores.run
select date '2024-06-15' as as_of, 'EUR' as currency

-- given published.customer_clv
select kind || i as customer_id from range(5) as ids (i) cross join (values ('a'), ('b')) as kinds (kind)
union all
select unnest(['x', 'y'])

-- given features.customer_day
with days as (
    select 'a' || i as customer_id, date '2023-12-31' as order_date, 10.00 as net_spend from range(5) as ids (i)
    union all
    select 'a' || i, date '2024-06-01', 5.00 from range(5) as ids (i)
    union all
    select 'a0', date '2024-06-02', -3.00
    union all
    select 'b' || i, date '2024-06-14', 2.00 from range(5) as ids (i)
    union all
    -- too few for a layer of their own
    select 'x', date '2022-01-01', 40.00
    union all
    select 'x', date '2024-06-01', 40.00
    union all
    select 'y', date '2024-06-01', -1.00
    union all
    select 'a1', date '2024-06-15', 999.00
)
select *, net_spend > 0 as is_purchase_day, case when net_spend > 0 then 1 else 0 end as orders from days

-- given published.cohorts
select * from (values
    ('forecast', 'cohort', date '2023-11-01', date '2024-06-01', 10.00), ('forecast', 'cohort', date '2023-12-01', date '2024-06-01', 6.00),
    ('forecast', 'other', null, date '2024-06-01', 1.00), ('forecast', 'prospects', null, date '2024-07-01', 2.00),
    ('actual', 'cohort', date '2023-12-01', date '2024-06-01', 99.00)
) as rows (row_kind, cohort_kind, cohort_month_date, month_date, net_spend)

-- given published.revenue_forecast
select * from (values
    ('existing_customers', date '2024-06-01', 17.00, 8.50, 34.00), ('total', date '2024-07-01', 2.00, 1.00, 3.00)
) as rows (row_kind, month_date, net_spend, net_spend_low, net_spend_high)

-- expect forecast layers, with the relative interval of existing customers where row_kind = 'forecast'
select * from (values
    (date '2024-06-01', '2023', 2023, false, null, 16.00, 8.00, 32.00),
    (date '2024-06-01', 'other', null, false, null, 1.00, 0.50, 2.00),
    (date '2024-07-01', 'prospects', null, false, null, 2.00, null, null)
) as rows (month_date, layer, acquisition_year, is_complete, active_customers, net_spend, net_spend_low, net_spend_high)

-- expect layers where row_kind <> 'forecast'
select * from (values
    (date '2022-01-01', 'other', 'other', null, null, true, 1, 1, 40.00, 1.0000),
    (date '2023-12-01', 'actual', '2023', 2023, false, true, 5, 5, 50.00, 1.0000),
    (date '2024-06-01', 'actual', '2023', 2023, false, false, 5, 5, 22.00, 0.3099),
    (date '2024-06-01', 'actual', '2024', 2024, false, false, 5, 5, 9.00, 0.1268),
    (date '2024-06-01', 'other', 'other', null, null, false, 1, 1, 40.00, 0.5634)
) as rows (
    month_date, row_kind, layer, acquisition_year, is_left_censored, is_complete, active_customers, orders, net_spend, spend_share
)
