-- Channel cohorts: per new buyer, after margin; the blended cost is that of the month, whoever brought the buyers.

-- parameters
select 0.5 as gross_margin

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given features.customer_day
select *, true as is_purchase_day from (values
    ('a', '2024-02-01'), ('b', '2024-02-28'), ('b', '2024-05-01'), ('c', '2024-02-10'), ('d', '2024-06-01')
) as rows (customer_id, order_date)

-- given clean.customers
select unnest(['a', 'b', 'c', 'd']) as customer_id, 2.00 as acquisition_cost

-- given clean.marketing_spend
select * from (values ('search', '2024-02-01', 15.00), ('mail', '2024-02-29', 6.00), ('search', '2024-06-01', 999.00))
as rows (channel, spend_date, spend)

-- given scores.channel_groups
select
    channel, row_kind, cohort_month_date::date as cohort_month_date, first_month_date::date as first_month_date,
    first_month_date::date as last_month_date, new_buyers, youngest_days, marketing_spend, 4.00 as recorded_cost, 2 as recorded_buyers,
    cost_basis, cost, spend_so_far, spend_30d, spend_90d, null::decimal(18, 4) as spend_180d, null::decimal(18, 4) as spend_365d,
    10.0000 as predicted_spend, 5.0000 as predicted_spend_low, 20.0000 as predicted_spend_high, 60.0000 as lifetime_spend,
    40.0000 as lifetime_spend_low, 90.0000 as lifetime_spend_high,
    -- the lines of one channel have costs
    case when channel = 'old' then 0.4000 end as margin_so_far, case when channel = 'old' then 9.0000 end as margin_30d,
    case when channel = 'old' then 0.3000 end as margin_90d, null::decimal(18, 4) as margin_180d, null::decimal(18, 4) as margin_365d,
    case when channel = 'old' then 3.0000 end as predicted_margin, case when channel = 'old' then 1.5000 end as predicted_margin_low,
    case when channel = 'old' then 6.0000 end as predicted_margin_high, case when channel = 'old' then 24.0000 end as lifetime_margin,
    case when channel = 'old' then 16.0000 end as lifetime_margin_low, case when channel = 'old' then 36.0000 end as lifetime_margin_high,
    payback_months, null::integer as payback_low,
    null::integer as payback_high
from (values
    ('search', 'cohort', '2024-02-01', '2024-02-01', 2, 93, 15.00, 'marketing_spend', 15.00, 30.0000, 20.0000, 25.0000, 1),
    ('store', 'other', null, '2024-02-01', 1, 20, 0.00, 'none', null, 30.0000, null, null, null),
    ('mail', 'cohort', '2024-02-01', '2024-02-01', 0, null, 6.00, 'marketing_spend', 6.00, null, null, null, null),
    ('old', 'cohort', '2023-02-01', '2023-02-01', 7, 365, 0.00, 'none', null, 30.0000, 1.0000, 1.0000, null),
    ('search', 'mature', null, '2024-02-01', 2, 93, 15.00, 'marketing_spend', 15.00, 30.0000, 20.0000, 25.0000, 1)
) as rows (
    channel, row_kind, cohort_month_date, first_month_date, new_buyers, youngest_days, marketing_spend, cost_basis, cost, spend_so_far,
    spend_30d, spend_90d, payback_months
)

-- expect costs per new buyer; without a basis or a buyer there is none
select * from (values
    ('mail', '2024-02', 0, 6.00, 'marketing_spend', null, 7.00, 'no_buyers'),
    ('old', '2023-02', 7, 0.00, 'none', null, null, 'mature'),
    ('search', '2024-02', 2, 15.00, 'marketing_spend', 7.50, 7.00, 'maturing'),
    ('store', 'other', 1, 0.00, 'none', null, null, 'young')
) as rows (
    acquisition_channel, cohort, new_buyers, marketing_spend, cost_basis, cost_per_new_buyer, blended_cost_per_new_buyer, maturity
)

-- expect margins are half of the spend where acquisition_channel = 'search'
select * from (values (10.00, 12.50, null, null, 15.00, 5.00, 2.50, 10.00, 30.00, 20.00, 45.00, 1, 'EUR')) as rows (
    margin_30d, margin_90d, margin_180d, margin_365d, margin_so_far, predicted_margin, predicted_margin_low, predicted_margin_high,
    lifetime_margin, lifetime_margin_low, lifetime_margin_high, payback_months, currency
)

-- expect margins of lines with costs are their own where acquisition_channel = 'old'
select * from (values (9.00, 0.30, 0.40, 3.00, 1.50, 6.00, 24.00, 16.00, 36.00)) as rows (
    margin_30d, margin_90d, margin_so_far, predicted_margin, predicted_margin_low, predicted_margin_high, lifetime_margin,
    lifetime_margin_low, lifetime_margin_high
)
