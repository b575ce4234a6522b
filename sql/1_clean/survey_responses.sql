-- One row per survey response of a customer, dated in the business time zone; impossible scores are set aside.
with survey_responses as (select * from raw.survey_responses),

customer_identities as (select * from clean.customer_identities),

judged as (
    select
        *,
        timezone($time_zone, responded_at)::date as response_date,
        case
            when excluded_because is not null then excluded_because
            when response_id is null then 'response_id is missing'
            when customer_id is null then 'customer_id is missing'
            when responded_at is null then 'responded_at is missing or unreadable'
            when timezone($time_zone, responded_at)::date < $earliest_date then 'responded_at is before the earliest date'
            when nps_score not between 0 and 10 then 'nps_score is outside 0 to 10'
            when csat_score not between 1 and 5 then 'csat_score is outside 1 to 5'
            when row_number() over (partition by response_id order by responded_at desc nulls last, row_hash) > 1
                then 'delivered more than once'
        end as reason
    from survey_responses
)

select
    judged.response_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.responded_at,
    judged.response_date,
    judged.nps_score,
    judged.csat_score,
    case
        when judged.reason is null then 'accepted'
        when judged.reason = judged.excluded_because then 'excluded'
        when judged.reason = 'delivered more than once' then 'duplicate'
        else 'quarantined'
    end as disposition,
    judged.reason
from judged
left join customer_identities on judged.customer_id = customer_identities.customer_id
order by judged.response_date, judged.response_id, judged.row_hash
