-- The bridge between two years: each step has five customers or is pooled; balances plus changes give the closing balance.

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given published.customer_clv
select customer_id from (select kind || i as customer_id from range(5) as ids (i) cross join (values ('n'), ('r'), ('g'), ('s'), ('l'), ('o')) as kinds (kind))
union all
select unnest(['u', 'p'])

-- given features.customer_day
with amounts as (
    select * from (values
        ('n', date '2024-05-31', 10.00),
        ('r', date '2022-06-01', 7.00),
        ('r', date '2024-05-31', 20.00),
        -- a return of the earlier purchase in the year before
        ('r', date '2023-01-01', -1.00),
        ('g', date '2022-06-03', 10.00),
        ('g', date '2023-06-02', 15.00),
        ('s', date '2023-06-01', 30.00),
        ('s', date '2024-01-01', 25.00),
        ('l', date '2023-06-01', 40.00),
        ('l', date '2024-01-01', -5.00),
        ('o', date '2022-06-01', 50.00),
        ('o', date '2024-01-01', -2.00)
    ) as rows (kind, order_date, net_spend)
),
days as (
    select kind || i as customer_id, order_date, net_spend
    from amounts cross join range(5) as ids (i)
    union all
    select 'u', date '2023-01-01', 9.00
    union all
    select 'u', date '2024-01-01', 9.00
    union all
    select 'u', date '2024-06-01', 999.00
)
select *, net_spend > 0 as is_purchase_day, case when net_spend > 0 then 1 else 0 end as orders from days

-- expect the bridge
select * from (values
    (1, 'balance', 'opening', 16, null, 404.00, null, null),
    (2, 'change', 'new', 5, 5, 0.00, 50.00, 50.00),
    (3, 'change', 'reactivated', 5, 5, -5.00, 100.00, 105.00),
    (4, 'change', 'grown', 5, 0, 50.00, 75.00, 25.00),
    (5, 'change', 'unchanged', 0, 0, 0.00, 0.00, 0.00),
    (6, 'change', 'shrunk', 5, 0, 150.00, 125.00, -25.00),
    (7, 'change', 'lapsed', 5, -5, 200.00, -25.00, -225.00),
    (8, 'change', 'returns_only', 5, 0, 0.00, -10.00, -10.00),
    (9, 'other', 'other', 1, 0, 9.00, 9.00, 0.00),
    (10, 'balance', 'closing', 21, null, null, 324.00, null)
) as rows (position, row_kind, step, customers, customer_change, spend_before, spend_now, spend_change)

-- expect the periods are named
select 365 as period_days, date '2022-06-02' as before_start_date, date '2023-06-02' as now_start_date, date '2024-05-31' as now_end_date, date '2022-06-01' as history_start_date
from range(10)

-- expect orders and the share of the opening spend where step in ('opening', 'grown', 'closing')
select * from (values
    ('opening', 16, null, null),
    ('grown', 5, 5, 0.0619),
    ('closing', null, 21, null)
) as rows (step, orders_before, orders_now, change_share)
