-- One row per web session; sessions never change once written.
select
    cast(visit_id as text) as session_id,
    customer_no as customer_id,
    started_ts as started_at,
    pages as page_views,
    seconds as duration_seconds,
    case device_code
        when 'D' then 'desktop'
        when 'M' then 'mobile'
        when 'T' then 'tablet'
        else device_code
    end as device,
    case referrer_code
        when 'DIR' then 'direct'
        when 'SEA' then 'paid_search'
        when 'SOC' then 'social'
        when 'MAIL' then 'e-mail'
        when 'REF' then 'referral'
        else referrer_code
    end as traffic_source,
    cart_adds as cart_additions,
    has_ordered = 'Y' as converted
from web_visit
where started_ts >= :since
