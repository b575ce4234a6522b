-- One row per (as_of, customer_id) with any campaign touch before as_of: contacts, responses, cost of contact.
-- An answer with a date counts from the day after it on. Where a source records whether a touch was answered, not when, answers
-- count only for touches two weeks old or older, by when nearly all answers are in, so that no answer given after as_of is seen.
with population as (
    select * from features.population where as_of between $first_cutoff and $last_cutoff
),

campaign_touches as (select * from clean.campaign_touches),

touches as (
    select
        population.as_of,
        date_diff('day', campaign_touches.touch_date, population.as_of) as age,
        campaign_touches.*
    from population
    inner join campaign_touches
        on population.customer_id = campaign_touches.customer_id and campaign_touches.touch_date < population.as_of
),

answers as (
    select
        *,
        case
            when response_date < as_of then date_diff('day', response_date, as_of)
            when response_date is null and is_responded and age > 14 then age
        end as answer_age
    from touches
)

select
    as_of,
    customer_id,
    min(age) as campaign_recency_days,
    count(*) as campaign_touches,
    count(case when age <= 90 then 1 end) as campaign_touches_90d,
    count(answer_age) as campaign_responses,
    count(case when answer_age <= case when response_date is null then 104 else 90 end then 1 end) as campaign_responses_90d,
    avg(case when age > 14 then case when answer_age is not null then 1.0 else 0.0 end end) as campaign_response_share,
    avg(case when age between 15 and 194 then case when answer_age is not null then 1.0 else 0.0 end end)
        as campaign_response_share_180d,
    min(answer_age) as campaign_response_recency_days,
    sum(case when age <= 365 then cost else 0 end) as campaign_cost_365d,
    max_by(channel, (touched_at, touch_id)) as campaign_last_channel
from answers
group by as_of, customer_id
order by as_of, customer_id
