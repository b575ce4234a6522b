-- One row per (acquisition channel, month of acquisition): its new buyers, what they cost, and their margin so far and to come.
-- New buyers sum to all buyers, marketing_spend sums to all marketing spend before as_of. All margins and costs are per new buyer.
-- It is not proof that a channel caused its buyers to buy: attribution is an assumption.
with channel_groups as (select * from scores.channel_groups where row_kind in ('cohort', 'other')),

marketing_spend as (select * from clean.marketing_spend),

customer_day as (select * from features.customer_day),

customers as (select * from clean.customers),

run as (select * from scores.run),

firsts as (
    select customer_day.customer_id, date_trunc('month', min(customer_day.order_date))::date as month_date
    from customer_day
    cross join run
    where customer_day.is_purchase_day and customer_day.order_date < run.as_of
    group by customer_day.customer_id
),

buyers as (
    select firsts.month_date, count(*) as new_buyers, sum(customers.acquisition_cost) as recorded_cost
    from firsts
    inner join customers on firsts.customer_id = customers.customer_id
    group by firsts.month_date
),

spend as (
    select date_trunc('month', marketing_spend.spend_date)::date as month_date, sum(marketing_spend.spend) as marketing_spend
    from marketing_spend
    cross join run
    where marketing_spend.spend_date < run.as_of
    group by date_trunc('month', marketing_spend.spend_date)::date
),

blended as (
    select
        buyers.month_date,
        case
            when exists (select 1 from spend where spend.marketing_spend > 0) then coalesce(spend.marketing_spend, 0)
            else buyers.recorded_cost
        end / buyers.new_buyers as cost_per_new_buyer
    from buyers
    left join spend on buyers.month_date = spend.month_date
)

select
    channel_groups.channel as acquisition_channel,
    channel_groups.row_kind,
    case
        when channel_groups.row_kind = 'cohort' then strftime(channel_groups.cohort_month_date, '%Y-%m') else 'other'
    end as cohort,
    channel_groups.cohort_month_date,
    channel_groups.first_month_date,
    channel_groups.last_month_date,
    channel_groups.new_buyers,
    channel_groups.marketing_spend,
    channel_groups.recorded_cost,
    channel_groups.recorded_buyers,
    channel_groups.cost_basis,
    (channel_groups.cost / nullif(channel_groups.new_buyers, 0))::decimal(18, 2) as cost_per_new_buyer,
    blended.cost_per_new_buyer::decimal(18, 2) as blended_cost_per_new_buyer,
    coalesce(channel_groups.margin_30d, channel_groups.spend_30d * $gross_margin)::decimal(18, 2) as margin_30d,
    coalesce(channel_groups.margin_90d, channel_groups.spend_90d * $gross_margin)::decimal(18, 2) as margin_90d,
    coalesce(channel_groups.margin_180d, channel_groups.spend_180d * $gross_margin)::decimal(18, 2) as margin_180d,
    coalesce(channel_groups.margin_365d, channel_groups.spend_365d * $gross_margin)::decimal(18, 2) as margin_365d,
    coalesce(channel_groups.margin_so_far, channel_groups.spend_so_far * $gross_margin)::decimal(18, 2) as margin_so_far,
    coalesce(channel_groups.predicted_margin, channel_groups.predicted_spend * $gross_margin)::decimal(18, 2) as predicted_margin,
    coalesce(channel_groups.predicted_margin_low, channel_groups.predicted_spend_low * $gross_margin)::decimal(18, 2) as predicted_margin_low,
    coalesce(channel_groups.predicted_margin_high, channel_groups.predicted_spend_high * $gross_margin)::decimal(18, 2) as predicted_margin_high,
    coalesce(channel_groups.lifetime_margin, channel_groups.lifetime_spend * $gross_margin)::decimal(18, 2) as lifetime_margin,
    coalesce(channel_groups.lifetime_margin_low, channel_groups.lifetime_spend_low * $gross_margin)::decimal(18, 2) as lifetime_margin_low,
    coalesce(channel_groups.lifetime_margin_high, channel_groups.lifetime_spend_high * $gross_margin)::decimal(18, 2) as lifetime_margin_high,
    channel_groups.payback_months,
    channel_groups.payback_low as payback_months_low,
    channel_groups.payback_high as payback_months_high,
    channel_groups.youngest_days,
    case
        when channel_groups.new_buyers = 0 then 'no_buyers'
        when channel_groups.youngest_days >= 365 then 'mature'
        when channel_groups.youngest_days >= 90 then 'maturing'
        else 'young'
    end as maturity,
    $attribution as attribution,
    run.currency
from channel_groups
cross join run
left join blended on channel_groups.cohort_month_date = blended.month_date
order by acquisition_channel, channel_groups.row_kind, channel_groups.first_month_date, cohort
