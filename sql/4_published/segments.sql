-- One row per segment: its definition in this run, and number, value and activity of its customers. Who is in which segment is in
-- customer_clv.
with customer_clv as (select * from published.customer_clv),

customer_scores as (select * from scores.customer_scores),

segment_thresholds as (select * from published.segment_thresholds),

thresholds as (
    select
        max(case when threshold = 'high_value_predicted_spend' then value end)::decimal(18, 2) as high_value,
        max(case when threshold = 'churn_risk_historic_value' then value end)::decimal(18, 2) as valuable_so_far,
        (max(case when threshold = 'churn_risk_purchase_probability' then value end) * 100)::decimal(5, 1) as churn_percent,
        max(case when threshold = 'missed_opportunity_potential' then value end)::decimal(18, 2) as high_potential,
        max(case when threshold = 'recent_days' then value end)::integer as recent_days
    from segment_thresholds
),

-- in the order in which customer_clv applies them: the first that holds gives the segment
definitions as (
    select unnest([
        ('prospect', 'no purchase yet'),
        ('high_value', 'predicted spend above ' || high_value),
        (
            'churn_risk',
            'purchase probability below ' || churn_percent || ' %, and historic value above ' || valuable_so_far
            || ' or a single purchase in the last ' || recent_days || ' days'
        ),
        (
            'missed_opportunity',
            'no purchase in the last ' || recent_days || ' days, but a typical spend above ' || high_potential
            || ' if the customer buys'
        ),
        ('new_customer', 'first purchase in the last ' || recent_days || ' days'),
        ('steady', 'purchase probability of at least ' || churn_percent || ' %'),
        ('dormant', 'all others: purchase probability below ' || churn_percent || ' %')
    ]) as definition
    from thresholds
),

run as (select * from scores.run),

totals as (select sum(primary_spend) as predicted_total from customer_scores),

-- what chance makes of one customer, as in prediction_outcomes: a purchase or none, and its size
chances as (
    select
        customer_id,
        power(primary_spend::double, 2) * (exp(0.81) / greatest(primary_probability, 0.01) - 1) as variance
    from customer_scores
),

whole as (
    select
        ln(any_value(run.predicted_total_high) / nullif(any_value(totals.predicted_total), 0)) as reach,
        ln(1 + sum(chances.variance) / nullif(power(any_value(totals.predicted_total)::double, 2), 0)) as chance
    from chances
    cross join run
    cross join totals
),

-- the logarithm of the upper end over the segment's total: that of all customers, wider by what chance makes of fewer of them
reaches as (
    select
        customer_clv.segment,
        sqrt(
            power(any_value(whole.reach), 2)
            + power(1.645, 2) * greatest(
                ln(1 + sum(chances.variance) / nullif(power(sum(customer_scores.primary_spend)::double, 2), 0))
                - any_value(whole.chance),
                0
            )
        ) as reach
    from customer_clv
    inner join customer_scores on customer_clv.customer_id = customer_scores.customer_id
    inner join chances on customer_clv.customer_id = chances.customer_id
    cross join whole
    group by customer_clv.segment
)

select
    customer_clv.segment,
    any_value(definitions.definition[2]) as definition,
    count(*) as customers,
    sum(customer_scores.primary_spend)::decimal(18, 2) as predicted_spend_total,
    (sum(customer_scores.primary_spend) * exp(-any_value(reaches.reach)))::decimal(18, 2) as predicted_spend_total_low,
    (sum(customer_scores.primary_spend) * exp(any_value(reaches.reach)))::decimal(18, 2) as predicted_spend_total_high,
    avg(customer_scores.primary_spend)::decimal(18, 2) as predicted_spend_mean,
    coalesce(sum(customer_scores.primary_spend) / nullif(any_value(totals.predicted_total), 0), 0)::decimal(5, 4)
        as predicted_spend_share,
    avg(customer_scores.primary_probability)::decimal(5, 4) as purchase_probability_mean,
    sum(customer_clv.lifetime_spend)::decimal(18, 2) as lifetime_spend_total,
    sum(customer_clv.lifetime_margin)::decimal(18, 2) as lifetime_margin_total,
    sum(customer_clv.historic_value)::decimal(18, 2) as historic_value_total,
    sum(customer_clv.historic_value_365d)::decimal(18, 2) as historic_value_365d_total,
    any_value(customer_clv.currency) as currency,
    any_value(customer_clv.as_of_date) as as_of_date
from customer_clv
inner join customer_scores on customer_clv.customer_id = customer_scores.customer_id
left join reaches on customer_clv.segment = reaches.segment
left join definitions on customer_clv.segment = definitions.definition[1]
cross join totals
group by customer_clv.segment
order by predicted_spend_total desc, customer_clv.segment
