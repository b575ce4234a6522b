-- One row per customer and driver: what the driver adds to, or subtracts from, the average customer's predicted spend.
-- clv_run.average_predicted_spend and the effects of one customer add up to the predicted spend of the primary horizon, to the
-- cent. Not a cause: a driver says how the prediction differs among customers, not what an action would change.
with customer_reasons as (select * from scores.customer_reasons),

customer_scores as (select * from scores.customer_scores),

run as (select * from scores.run),

explained as (
    select
        customer_scores.customer_id,
        sum(customer_reasons.effect) as effects
    from customer_scores
    inner join customer_reasons on customer_scores.customer_id = customer_reasons.customer_id
    group by customer_scores.customer_id
),

-- what the surrogate leaves; a customer without a purchase has one fact, and it explains all
remainders as (
    select
        customer_scores.customer_id,
        case when explained.customer_id is null then 1 else 7 end as rank,
        case when explained.customer_id is null then 'frequency' else 'unexplained' end as driver,
        customer_scores.primary_spend - run.average_spend - coalesce(explained.effects, 0) as effect,
        case when explained.customer_id is null then 'no purchase yet' else 'what these drivers do not explain' end as fact
    from customer_scores
    cross join run
    left join explained on customer_scores.customer_id = explained.customer_id
),

everything as (
    select customer_id, rank, driver, effect, fact from customer_reasons
    union all
    select customer_id, rank, driver, effect, fact from remainders
)

select
    everything.customer_id,
    everything.rank,
    everything.driver,
    everything.effect::decimal(18, 2) as effect,
    everything.fact,
    everything.fact || ': ' || case when everything.effect < 0 then '-' else '+' end
    || format('{:,.2f}', abs(everything.effect)::double) || ' ' || run.currency as text,
    run.currency
from everything
cross join run
order by everything.customer_id, everything.rank
