-- One row per social interaction, dated in the business time zone; strangers' interactions have no customer.
with social_interactions as (select * from raw.social_interactions),

customer_identities as (select * from clean.customer_identities),

judged as (
    select
        *,
        timezone($time_zone, occurred_at)::date as interaction_date,
        case
            when excluded_because is not null then excluded_because
            when interaction_id is null then 'interaction_id is missing'
            when occurred_at is null then 'occurred_at is missing or unreadable'
            when timezone($time_zone, occurred_at)::date < $earliest_date then 'occurred_at is before the earliest date'
            when sentiment not between -1 and 1 then 'sentiment is outside -1 to 1'
            when row_number() over (partition by interaction_id order by occurred_at desc nulls last, row_hash) > 1
                then 'delivered more than once'
        end as reason
    from social_interactions
)

select
    judged.interaction_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.occurred_at,
    judged.interaction_date,
    judged.network,
    judged.kind,
    judged.sentiment,
    case
        when judged.reason is null then 'accepted'
        when judged.reason = judged.excluded_because then 'excluded'
        when judged.reason = 'delivered more than once' then 'duplicate'
        else 'quarantined'
    end as disposition,
    judged.reason
from judged
left join customer_identities on judged.customer_id = customer_identities.customer_id
order by judged.interaction_date, judged.interaction_id, judged.row_hash
