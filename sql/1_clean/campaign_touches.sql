-- One row per touch of a customer by a campaign, dated in the business time zone.
with campaign_touches as (select * from raw.campaign_touches),

customer_identities as (select * from clean.customer_identities),

judged as (
    select
        *,
        timezone($time_zone, touched_at)::date as touch_date,
        case
            when excluded_because is not null then excluded_because
            when touch_id is null then 'touch_id is missing'
            when customer_id is null then 'customer_id is missing'
            when touched_at is null then 'touched_at is missing or unreadable'
            when timezone($time_zone, touched_at)::date < $earliest_date then 'touched_at is before the earliest date'
            when cost < 0 then 'cost is negative'
            when row_number() over (partition by touch_id order by touched_at desc nulls last, coalesce(responded, false) desc, row_hash) > 1
                then 'delivered more than once'
        end as reason
    from campaign_touches
)

select
    judged.touch_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.touched_at,
    judged.touch_date,
    judged.campaign,
    judged.channel,
    coalesce(judged.cost, 0)::decimal(18, 2) as cost,
    coalesce(judged.responded, false) as is_responded,
    case
        when judged.reason is null then 'accepted'
        when judged.reason = judged.excluded_because then 'excluded'
        when judged.reason = 'delivered more than once' then 'duplicate'
        else 'quarantined'
    end as disposition,
    judged.reason
from judged
left join customer_identities on judged.customer_id = customer_identities.customer_id
order by judged.touch_date, judged.touch_id, judged.row_hash
