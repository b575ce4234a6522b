-- One row per session of the export of events.
-- What was decided:
--   * ga_session_id is unique per user_pseudo_id (a browser) only: together they are the session. Events without either (visitors who
--     refused cookies) belong to no session.
--   * event_timestamp is in microseconds of UTC; a session begins with its first event.
--   * user_id is known from the login on: it counts for the whole session, not for earlier ones.
--   * The source is the session's own where the export has it, else that by which the browser first came.
with events as (select * from events),

known as (
    select
        *,
        list_filter(event_params, lambda p: p.key = 'ga_session_id')[1].value.int_value as session_number,
        coalesce(list_filter(event_params, lambda p: p.key = 'engagement_time_msec')[1].value.int_value, 0) as engaged,
        coalesce(
            collected_traffic_source.manual_source, list_filter(event_params, lambda p: p.key = 'source')[1].value.string_value
        ) as own_source
    from events
)

select
    user_pseudo_id || '.' || session_number as session_id,
    max(nullif(user_id, '')) as customer_id,
    make_timestamptz(min(event_timestamp)) as started_at,
    count(*) filter (event_name in ('page_view', 'screen_view')) as page_views,
    sum(engaged) // 1000 as duration_seconds,
    arg_min(device.category, event_timestamp) as device,
    coalesce(arg_min(own_source, event_timestamp) filter (own_source is not null), arg_min(traffic_source.source, event_timestamp)) as traffic_source,
    count(*) filter (event_name = 'add_to_cart') as cart_additions,
    bool_or(event_name in ('purchase', 'in_app_purchase')) as converted
from known
where session_number is not null and user_pseudo_id is not null
group by user_pseudo_id, session_number
