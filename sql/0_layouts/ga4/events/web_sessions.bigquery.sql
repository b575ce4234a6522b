-- One row per session of the export of events, in BigQuery.
-- What was decided:
--   * ga_session_id is unique per user_pseudo_id (a browser) only: together they are the session. Events without either (visitors who
--     refused cookies) belong to no session.
--   * event_timestamp is in microseconds of UTC; a session begins with its first event.
--   * user_id is known from the login on: it counts for the whole session, not for earlier ones.
--   * The source is the session's own where the export has it, else that by which the browser first came.
-- All days are read each night. To read less, add a condition on _table_suffix to the import.
with all_events as (select * from events),

known as (
    select
        event_name,
        event_timestamp,
        user_id,
        user_pseudo_id,
        device.category as device,
        traffic_source.source as first_source,
        (select parameter.value.int_value from unnest(event_params) as parameter where parameter.key = 'ga_session_id') as session_number,
        coalesce((select parameter.value.int_value from unnest(event_params) as parameter where parameter.key = 'engagement_time_msec'), 0) as engaged,
        coalesce(
            collected_traffic_source.manual_source, (select parameter.value.string_value from unnest(event_params) as parameter where parameter.key = 'source')
        ) as own_source
    from all_events
)

select
    concat(user_pseudo_id, '.', cast(session_number as string)) as session_id,
    max(nullif(user_id, '')) as customer_id,
    timestamp_micros(min(event_timestamp)) as started_at,
    countif(event_name in ('page_view', 'screen_view')) as page_views,
    div(sum(engaged), 1000) as duration_seconds,
    min_by(device, event_timestamp) as device,
    coalesce(
        min_by(own_source, if(own_source is null, null, event_timestamp)), min_by(first_source, event_timestamp)
    ) as traffic_source,
    countif(event_name = 'add_to_cart') as cart_additions,
    logical_or(event_name in ('purchase', 'in_app_purchase')) as converted
from known
where session_number is not null and user_pseudo_id is not null
group by user_pseudo_id, session_number
