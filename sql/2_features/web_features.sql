-- One row per (as_of, customer_id) with any web session before as_of: volume, recency, purchase intent.
with population as (
    select * from features.population where as_of between $first_cutoff and $last_cutoff
),

web_sessions as (select * from clean.web_sessions where customer_id is not null),

sessions as (
    select
        population.as_of,
        date_diff('day', web_sessions.session_date, population.as_of) as age,
        web_sessions.*
    from population
    inner join web_sessions
        on population.customer_id = web_sessions.customer_id and web_sessions.session_date < population.as_of
)

select
    as_of,
    customer_id,
    min(age) as web_recency_days,
    count(*) as web_sessions,
    count(case when age <= 14 then 1 end) as web_sessions_14d,
    count(case when age <= 30 then 1 end) as web_sessions_30d,
    count(case when age <= 90 then 1 end) as web_sessions_90d,
    count(case when age <= 30 then 1 end) - count(case when age between 31 and 60 then 1 end) as web_trend_30d,
    sum(case when age <= 30 then page_views else 0 end) as web_page_views_30d,
    sum(case when age <= 90 then page_views else 0 end) as web_page_views_90d,
    sum(case when age <= 90 then duration_seconds else 0 end) as web_seconds_90d,
    sum(case when age <= 14 then cart_additions else 0 end) as web_cart_additions_14d,
    sum(case when age <= 30 then cart_additions else 0 end) as web_cart_additions_30d,
    sum(case when age <= 90 then cart_additions else 0 end) as web_cart_additions_90d,
    count(case when is_converted and age <= 90 then 1 end) as web_conversions_90d,
    avg(case when is_converted then 1.0 else 0.0 end) as web_conversion_share,
    max_by(device, (started_at, session_id)) as web_last_device,
    max_by(traffic_source, (started_at, session_id)) as web_last_traffic_source
from sessions
group by as_of, customer_id
order by as_of, customer_id
