-- One row per social interaction; interactions never change once seen.
select
    cast(event_id as text) as interaction_id,
    customer_no as customer_id,
    occurred_ts as occurred_at,
    case network_code
        when 'IG' then 'instagram'
        when 'FB' then 'facebook'
        when 'TT' then 'tiktok'
        when 'X' then 'x'
        else network_code
    end as network,
    kind,
    round(polarity_percent / 100.0, 2) as sentiment
from social_event
where occurred_ts >= :since
