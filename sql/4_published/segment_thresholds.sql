-- One row per threshold of this run's segments and value tiers; money in the reporting currency. All comparisons are strict:
-- where many customers share one value, such as one price, none of them is above it.
with customer_scores as (select * from scores.customer_scores where score_status <> 'no_purchase_yet'),

customer_features as (select * from features.customer_features where role = 'score'),

measured as (
    select
        quantile_cont(customer_scores.primary_spend, 1 - $high_value_share) as high_value,
        quantile_cont(customer_scores.primary_spend, 0.95) as tier_a,
        quantile_cont(customer_scores.primary_spend, 0.80) as tier_b,
        quantile_cont(customer_scores.primary_spend, 0.50) as tier_c,
        quantile_cont(customer_features.spend_total, 1 - $churn_value_share) as valuable_so_far,
        -- relative to the company: where one customer in twenty buys, 30 % is a high probability
        sum(customer_scores.primary_probability) / count(*) * $churn_probability_ratio as churn_probability,
        quantile_cont(customer_scores.primary_if_buying, 1 - $missed_potential_share) as high_potential
    from customer_scores
    inner join customer_features using (customer_id)
),

named as (
    select 'high_value_predicted_spend' as threshold, high_value::decimal(18, 4) as value,
        'high value: predicted spend above this' as meaning
    from measured
    union all
    select 'churn_risk_historic_value', valuable_so_far::decimal(18, 4),
        'churn risk: historic value above this, with a purchase probability below churn_risk_purchase_probability'
    from measured
    union all
    select 'churn_risk_purchase_probability', churn_probability::decimal(18, 4),
        'churn risk: purchase probability below this, a share of the mean of all buyers; also of recent one-time buyers'
    from measured
    union all
    select 'missed_opportunity_potential', high_potential::decimal(18, 4),
        'missed opportunity: typical spend if buying above this, without a purchase in the last recent_days'
    from measured
    union all
    select 'recent_days', $recent_days::decimal(18, 4),
        'a purchase within so many days is recent, and a customer acquired within them is new'
    union all
    select 'value_tier_a', tier_a::decimal(18, 4), 'value tier A: predicted spend above this' from measured
    union all
    select 'value_tier_b', tier_b::decimal(18, 4), 'value tier B: predicted spend above this' from measured
    union all
    select 'value_tier_c', tier_c::decimal(18, 4), 'value tier C: predicted spend above this; D: the rest' from measured
)

select threshold, coalesce(value, 0) as value, meaning
from named
order by threshold
