-- Revenue: actual sales of 24 months and the rest of this one, then the forecast as it was computed.

-- given scores.run
select date '2024-06-15' as as_of, 90 as primary_horizon_days, 'EUR' as currency

-- given features.customer_day
select *, net_spend > 0 as is_purchase_day from (values
    ('a', '2022-05-31', 1.00), ('a', '2024-04-30', 20.00), ('b', '2024-04-01', 5.00), ('b', '2024-06-14', -2.00),
    ('b', '2024-06-15', 999.00)
) as rows (customer_id, order_date, net_spend)

-- given clean.orders
select * from (values
    ('2024-04-30', 'a', 20.00), ('2024-04-01', 'b', 5.00), ('2024-04-15', null, 7.00), ('2024-06-14', 'b', -2.00),
    ('2024-06-15', null, 999.00)
) as rows (order_date, customer_id, amount)

-- given scores.revenue_forecast
select
    row_kind, month_date::date as month_date, from_date::date as from_date, to_date::date as to_date, new_buyers::double as new_buyers,
    spend_in_horizon, spend, spend_low, spend_high, ahead, ahead_low, ahead_high, season_factor::double as season_factor
from (values
    ('total', '2024-09-01', '2024-09-01', '2024-09-30', 2.25, 3.00, 8.00, 4.00, 16.00, 20.00, 9.00, 40.00, 1.25),
    ('total', '2024-10-01', '2024-10-01', '2024-10-31', null, 0.00, 8.00, 4.00, 16.00, 28.00, 9.00, 60.00, null)
) as rows (
    row_kind, month_date, from_date, to_date, new_buyers, spend_in_horizon, spend, spend_low, spend_high, ahead, ahead_low, ahead_high,
    season_factor
)

-- expect actual months, empty ones too, and what no profiled customer bought where row_kind = 'actual' and month_date >= '2024-04-01'
select * from (values
    ('2024-04-01', '2024-04-30', 1.0, 25.00, 7.00, true, null, null),
    ('2024-05-01', '2024-05-31', 0.0, 0.00, 0.00, true, null, null),
    ('2024-06-01', '2024-06-14', 0.0, -2.00, 0.00, false, null, null)
) as rows (month_date, to_date, new_buyers, net_spend, unattributed_spend, is_complete, is_beyond_horizon, net_spend_low)

-- expect nothing older than 24 months where month_date = '2022-06-01'
select * from (values ('actual', 0.00)) as rows (row_kind, net_spend)

-- expect no row before them where month_date < '2022-06-01'
select 'actual' as row_kind where false

-- expect the forecast where row_kind = 'total'
select * from (values
    ('2024-09-01', 2.3, 8.00, 4.00, 16.00, 3.00, 20.00, 9.00, 40.00, 1.25, false, false, null, 'EUR'),
    ('2024-10-01', null, 8.00, 4.00, 16.00, 0.00, 28.00, 9.00, 60.00, null, false, true, null, 'EUR')
) as rows (
    month_date, new_buyers, net_spend, net_spend_low, net_spend_high, net_spend_in_horizon, cumulative_spend, cumulative_low,
    cumulative_high, season_factor, is_complete, is_beyond_horizon, unattributed_spend, currency
)
