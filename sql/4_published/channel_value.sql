-- One row per acquisition channel: what a new buyer costs, what one is worth after a year and over the lifetime, and a verdict.
-- Value and cost are those of mature cohorts: months whose buyers all had a year since, without the first three months of the data.
-- New buyers and marketing_spend are of all months and sum to all buyers and all marketing spend before as_of.
-- It is not what one more unit of money would bring: it is an average of buyers attributed to the channel, not an effect of it.
with channel_groups as (select * from scores.channel_groups),

run as (select * from scores.run),

everybody as (
    select
        channel,
        sum(new_buyers) as new_buyers,
        sum(marketing_spend) as marketing_spend,
        sum(recorded_cost) as recorded_cost,
        sum(cost) as cost,
        coalesce(max(case when cost_basis <> 'none' then cost_basis end), 'none') as cost_basis
    from channel_groups
    where row_kind in ('cohort', 'other')
    group by channel
),

blended as (
    select
        case when sum(marketing_spend) > 0 then sum(marketing_spend) else nullif(sum(recorded_cost), 0) end
            / nullif(sum(new_buyers), 0) as cac
    from everybody
),

valued as (
    select
        everybody.channel,
        everybody.new_buyers,
        everybody.marketing_spend,
        everybody.recorded_cost,
        everybody.cost_basis,
        everybody.cost / nullif(everybody.new_buyers, 0) as cac_to_date,
        mature.new_buyers as mature_buyers,
        mature.first_month_date,
        mature.last_month_date,
        mature.cost / nullif(mature.new_buyers, 0) as cac,
        coalesce(mature.margin_365d, mature.spend_365d * $gross_margin) as margin_12m_unpooled,
        coalesce(mature.year_margin, mature.year_spend * $gross_margin) as margin_12m,
        coalesce(mature.year_margin_low, mature.year_spend_low * $gross_margin) as margin_12m_low,
        coalesce(mature.year_margin_high, mature.year_spend_high * $gross_margin) as margin_12m_high,
        coalesce(mature.year_margin_p10, mature.year_spend_p10 * $gross_margin) as affordable_cac,
        coalesce(mature.year_margin_p90, mature.year_spend_p90 * $gross_margin) as margin_12m_p90,
        case when mature.new_buyers > 0 then coalesce(mature.lifetime_margin, mature.lifetime_spend * $gross_margin) end as lifetime_margin,
        case when mature.new_buyers > 0 then coalesce(mature.lifetime_margin_low, mature.lifetime_spend_low * $gross_margin) end as lifetime_margin_low,
        case when mature.new_buyers > 0 then coalesce(mature.lifetime_margin_high, mature.lifetime_spend_high * $gross_margin) end as lifetime_margin_high,
        mature.payback_months,
        mature.payback_low,
        mature.payback_high
    from everybody
    inner join channel_groups as mature on everybody.channel = mature.channel and mature.row_kind = 'mature'
),

judged as (
    select
        valued.*,
        case
            when valued.new_buyers < 30 then 'too_few'
            when valued.mature_buyers = 0 then 'too_early'
            when valued.mature_buyers < 30 then 'too_few'
            when valued.cost_basis = 'none' then 'no_cost'
            when valued.affordable_cac is null then 'no_margin'
            when valued.cac <= valued.affordable_cac then 'pays_back'
            when valued.cac > valued.margin_12m_p90 then 'does_not'
            else 'unclear'
        end as verdict
    from valued
)

select
    judged.channel as acquisition_channel,
    judged.new_buyers::bigint as new_buyers,
    judged.marketing_spend::decimal(18, 2) as marketing_spend,
    judged.recorded_cost::decimal(18, 2) as recorded_cost,
    judged.cost_basis,
    judged.cac_to_date::decimal(18, 2) as cac_to_date,
    blended.cac::decimal(18, 2) as blended_cac,
    judged.mature_buyers::bigint as mature_buyers,
    judged.first_month_date as mature_from_date,
    judged.last_month_date as mature_to_date,
    judged.cac::decimal(18, 2) as cac,
    judged.margin_12m_unpooled::decimal(18, 2) as margin_12m_unpooled,
    judged.margin_12m::decimal(18, 2) as margin_12m,
    judged.margin_12m_low::decimal(18, 2) as margin_12m_low,
    judged.margin_12m_high::decimal(18, 2) as margin_12m_high,
    judged.affordable_cac::decimal(18, 2) as affordable_cac,
    judged.lifetime_margin::decimal(18, 2) as lifetime_margin,
    judged.lifetime_margin_low::decimal(18, 2) as lifetime_margin_low,
    judged.lifetime_margin_high::decimal(18, 2) as lifetime_margin_high,
    (judged.lifetime_margin / nullif(judged.cac, 0))::decimal(18, 2) as ltv_to_cac,
    (judged.lifetime_margin_low / nullif(judged.cac, 0))::decimal(18, 2) as ltv_to_cac_low,
    (judged.lifetime_margin_high / nullif(judged.cac, 0))::decimal(18, 2) as ltv_to_cac_high,
    judged.payback_months,
    judged.payback_low as payback_months_low,
    judged.payback_high as payback_months_high,
    judged.verdict,
    case
        when judged.new_buyers = 0 then 'money was spent on the channel, and no buyer is recorded with it'
        when judged.verdict = 'too_few' then 'fewer than 30 buyers, or fewer than 30 of the mature months'
        when judged.verdict = 'too_early' then 'no month of the channel is a year old and later than the first three of the data'
        when judged.verdict = 'no_cost' then 'no cost is recorded for the channel: its buyers look free, which they rarely are'
        when judged.verdict = 'no_margin' then 'no cost of the order lines and no setting gross_margin: no margin and no ratio is known'
        when judged.verdict = 'pays_back'
            then 'the margin of the first 12 months covers the cost of a new buyer, with 90 % certainty'
        when judged.verdict = 'does_not' and judged.lifetime_margin_low > judged.cac
            then 'the margin of the first 12 months does not cover the cost of a new buyer; that of the lifetime is expected to'
        when judged.verdict = 'does_not'
            then 'the margin of the first 12 months does not cover the cost of a new buyer, with 90 % certainty'
        else 'the cost of a new buyer is within the uncertainty of the margin of the first 12 months'
    end as statement,
    $attribution as attribution,
    run.currency
from judged
cross join run
cross join blended
order by judged.channel
