-- One row per (as_of, customer_id) with any social interaction before as_of: frequency, recency, sentiment.
with population as (
    select * from features.population where as_of between $first_cutoff and $last_cutoff
),

social_interactions as (select * from clean.social_interactions where customer_id is not null),

interactions as (
    select
        population.as_of,
        date_diff('day', social_interactions.interaction_date, population.as_of) as age,
        social_interactions.*
    from population
    inner join social_interactions
        on population.customer_id = social_interactions.customer_id
        and social_interactions.interaction_date < population.as_of
)

select
    as_of,
    customer_id,
    min(age) as social_recency_days,
    count(*) as social_interactions,
    count(case when age <= 90 then 1 end) as social_interactions_90d,
    avg(sentiment)::double as social_mean_sentiment,
    avg(case when age <= 90 then sentiment end)::double as social_mean_sentiment_90d,
    min(case when age <= 90 then sentiment end)::double as social_lowest_sentiment_90d,
    count(case when sentiment < 0 and age <= 90 then 1 end) as social_angry_90d,
    count(case when kind = 'complaint' and age <= 180 then 1 end) as social_complaints_180d,
    max_by(network, (occurred_at, interaction_id)) as social_last_network
from interactions
group by as_of, customer_id
order by as_of, customer_id
