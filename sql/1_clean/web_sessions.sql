-- One row per web session, dated in the business time zone; sessions of unknown visitors have no customer.
with web_sessions as (select * from raw.web_sessions),

customer_identities as (select * from clean.customer_identities),

extraction as (select as_of from raw.extraction),

judged as (
    select
        web_sessions.*,
        timezone($time_zone, started_at)::date as session_date,
        case
            when unusable_key is not null then unusable_key
            when excluded_because is not null then 'excluded_by_rule'
            when session_id is null then 'missing_session_id'
            when started_at is null then 'unreadable_started_at'
            when timezone($time_zone, started_at)::date < $earliest_date then 'early_started_at'
            when timezone($time_zone, started_at)::date >= extraction.as_of then 'on_or_after_as_of'
            when least(page_views, duration_seconds, cart_additions) < 0 then 'negative_session_count'
            when row_number() over (partition by session_id order by started_at desc nulls last, row_hash) > 1
                then 'delivered_twice'
        end as reason
    from web_sessions
    cross join extraction
)

select
    judged.session_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.started_at,
    judged.session_date,
    coalesce(judged.page_views, 0) as page_views,
    coalesce(judged.duration_seconds, 0) as duration_seconds,
    judged.device,
    judged.traffic_source,
    coalesce(judged.cart_additions, 0) as cart_additions,
    coalesce(judged.converted, false) as is_converted,
    judged.excluded_because,
    judged.reason
from judged
left join customer_identities on judged.customer_id = customer_identities.customer_id
order by judged.session_date, judged.session_id, judged.row_hash
