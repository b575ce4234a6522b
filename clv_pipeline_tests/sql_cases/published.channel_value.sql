-- Channel value: mature cohorts decide; every verdict once, and the money of all months.

-- parameters
select 0.5 as gross_margin

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given scores.channel_groups
select
    channel, row_kind, date '2023-01-01' as first_month_date, date '2023-02-01' as last_month_date, new_buyers, marketing_spend,
    1.00 as recorded_cost, cost_basis, cost, spend_365d, spend_365d as year_spend, spend_365d - 10 as year_spend_low,
    spend_365d + 10 as year_spend_high, spend_365d - 8 as year_spend_p10, spend_365d + 8 as year_spend_p90, 3 * spend_365d as lifetime_spend,
    2 * spend_365d as lifetime_spend_low, 4 * spend_365d as lifetime_spend_high,
    -- the lines of one channel have costs: a quarter of its spend is margin
    case when channel = 'costed' then spend_365d / 4 end as margin_365d, case when channel = 'costed' then spend_365d / 4 end as year_margin,
    case when channel = 'costed' then spend_365d / 4 - 1 end as year_margin_low,
    case when channel = 'costed' then spend_365d / 4 + 1 end as year_margin_high,
    case when channel = 'costed' then spend_365d / 4 - 0.5 end as year_margin_p10,
    case when channel = 'costed' then spend_365d / 4 + 0.5 end as year_margin_p90,
    case when channel = 'costed' then spend_365d end as lifetime_margin, case when channel = 'costed' then 30 end as lifetime_margin_low,
    case when channel = 'costed' then 50 end as lifetime_margin_high, 4 as payback_months, 3 as payback_low,
    null::integer as payback_high
from (values
    ('cheap', 'cohort', 100, 900.00, 'marketing_spend', 900.00, 40.0000),
    ('cheap', 'other', 50, 100.00, 'marketing_spend', 100.00, null),
    ('cheap', 'mature', 100, 900.00, 'marketing_spend', 900.00, 40.0000),
    ('dear', 'cohort', 100, 3000.00, 'marketing_spend', 3000.00, 40.0000),
    ('dear', 'mature', 100, 3000.00, 'marketing_spend', 3000.00, 40.0000),
    ('hopeless', 'cohort', 100, 9000.00, 'marketing_spend', 9000.00, 40.0000),
    ('hopeless', 'mature', 100, 9000.00, 'marketing_spend', 9000.00, 40.0000),
    ('between', 'cohort', 100, 2000.00, 'marketing_spend', 2000.00, 40.0000),
    ('between', 'mature', 100, 2000.00, 'marketing_spend', 2000.00, 40.0000),
    ('young', 'cohort', 100, 500.00, 'marketing_spend', 500.00, null),
    ('young', 'mature', 0, 0.00, 'none', null, null),
    ('tiny', 'cohort', 29, 500.00, 'marketing_spend', 500.00, 40.0000),
    ('tiny', 'mature', 29, 500.00, 'marketing_spend', 500.00, 40.0000),
    ('free', 'cohort', 100, 0.00, 'none', null, 40.0000),
    ('free', 'mature', 100, 0.00, 'none', null, 40.0000),
    ('costed', 'cohort', 100, 0.00, 'none', null, 40.0000),
    ('costed', 'mature', 100, 0.00, 'none', null, 40.0000),
    ('wasted', 'cohort', 0, 70.00, 'marketing_spend', 70.00, null),
    ('wasted', 'mature', 0, 0.00, 'none', null, null)
) as rows (channel, row_kind, new_buyers, marketing_spend, cost_basis, cost, spend_365d)

-- expect the verdicts
select * from (values
    ('between', 20.00, 'unclear'), ('cheap', 9.00, 'pays_back'), ('costed', null, 'no_cost'), ('dear', 30.00, 'does_not'), ('free', null, 'no_cost'),
    ('hopeless', 90.00, 'does_not'), ('tiny', 17.24, 'too_few'), ('wasted', null, 'too_few'), ('young', null, 'too_early')
) as rows (acquisition_channel, cac, verdict)

-- expect a channel that its lifetime may pay is told from one that it does not where verdict = 'does_not'
select * from (values
    ('dear', 'the margin of the first 12 months does not cover the cost of a new buyer; that of the lifetime is expected to'),
    ('hopeless', 'the margin of the first 12 months does not cover the cost of a new buyer, with 90 % certainty')
) as rows (acquisition_channel, statement)

-- expect value and cost per mature buyer, after margin where acquisition_channel = 'cheap'
select * from (values (
    150, 1000.00, 6.67, 20.63, 100, '2023-01-01', 9.00, 20.00, 20.00, 15.00, 25.00, 16.00, 60.00, 40.00, 80.00, 6.67, 4.44, 8.89, 4, 3, null
)) as rows (
    new_buyers, marketing_spend, cac_to_date, blended_cac, mature_buyers, mature_from_date, cac, margin_12m_unpooled, margin_12m,
    margin_12m_low, margin_12m_high, affordable_cac, lifetime_margin, lifetime_margin_low, lifetime_margin_high, ltv_to_cac,
    ltv_to_cac_low, ltv_to_cac_high, payback_months, payback_months_low, payback_months_high
)

-- expect no lifetime without a mature buyer where acquisition_channel in ('young', 'wasted')
select * from (values ('wasted', 0, null, null), ('young', 100, null, null))
as rows (acquisition_channel, new_buyers, lifetime_margin, affordable_cac)

-- expect margins of lines with costs are their own where acquisition_channel = 'costed'
select * from (values (10.00, 10.00, 9.00, 11.00, 9.50, 40.00, 30.00, 50.00)) as rows (
    margin_12m_unpooled, margin_12m, margin_12m_low, margin_12m_high, affordable_cac, lifetime_margin, lifetime_margin_low,
    lifetime_margin_high
)
