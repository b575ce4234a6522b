-- One row per social interaction, dated in the business time zone; interactions of unknown people have no customer.
with social_interactions as (select * from raw.social_interactions),

customer_identities as (select * from clean.customer_identities),

extraction as (select as_of from raw.extraction),

judged as (
    select
        social_interactions.*,
        timezone($time_zone, occurred_at)::date as interaction_date,
        case
            when unusable_key is not null then unusable_key
            when excluded_because is not null then 'excluded_by_rule'
            when interaction_id is null then 'missing_interaction_id'
            when occurred_at is null then 'unreadable_occurred_at'
            when timezone($time_zone, occurred_at)::date < $earliest_date then 'early_occurred_at'
            when timezone($time_zone, occurred_at)::date >= extraction.as_of then 'on_or_after_as_of'
            when sentiment not between -1 and 1 then 'out_of_range_sentiment'
            when row_number() over (partition by interaction_id order by occurred_at desc nulls last, row_hash) > 1
                then 'delivered_twice'
        end as reason
    from social_interactions
    cross join extraction
)

select
    judged.interaction_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.occurred_at,
    judged.interaction_date,
    judged.network,
    judged.kind,
    judged.sentiment,
    judged.excluded_because,
    judged.reason
from judged
left join customer_identities on judged.customer_id = customer_identities.customer_id
order by judged.interaction_date, judged.interaction_id, judged.row_hash
