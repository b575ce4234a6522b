-- One row per touch of a customer by a campaign, dated in the business time zone.
-- A response with a time is one, whatever `responded` says; on or after as_of it has not happened yet.
with campaign_touches as (select * from raw.campaign_touches),

customer_identities as (select * from clean.customer_identities),

extraction as (select as_of from raw.extraction),

judged as (
    select
        campaign_touches.*,
        timezone($time_zone, touched_at)::date as touch_date,
        timezone($time_zone, responded_at)::date as response_date,
        case
            when unusable_key is not null then unusable_key
            when excluded_because is not null then 'excluded_by_rule'
            when touch_id is null then 'missing_touch_id'
            when customer_id is null then 'missing_customer_id'
            when touched_at is null then 'unreadable_touched_at'
            when timezone($time_zone, touched_at)::date < $earliest_date then 'early_touched_at'
            when timezone($time_zone, touched_at)::date >= extraction.as_of then 'on_or_after_as_of'
            when cost < 0 then 'negative_cost'
            -- by day: many sources know the day of a response only
            when timezone($time_zone, responded_at)::date < timezone($time_zone, touched_at)::date then 'response_before_touch'
            when row_number() over (
                partition by touch_id
                order by
                    touched_at desc nulls last, coalesce(responded, false) or responded_at is not null desc,
                    responded_at nulls last, row_hash
            ) > 1 then 'delivered_twice'
        end as reason
    from campaign_touches
    cross join extraction
)

select
    judged.touch_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.touched_at,
    judged.touch_date,
    judged.campaign,
    judged.channel,
    coalesce(judged.cost, 0)::decimal(18, 2) as cost,
    case
        when judged.response_date is null then coalesce(judged.responded, false)
        else judged.response_date < extraction.as_of
    end as is_responded,
    case when judged.response_date < extraction.as_of then judged.response_date end as response_date,
    judged.excluded_because,
    judged.reason
from judged
cross join extraction
left join customer_identities on judged.customer_id = customer_identities.customer_id
order by judged.touch_date, judged.touch_id, judged.row_hash
