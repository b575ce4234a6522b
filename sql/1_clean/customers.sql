-- One row per customer: the newest CRM record of each, and customers known only from their orders.
-- Where the source has consents, only a person whose every record says yes is profiled: an empty or unreadable consent, two newest records
-- that contradict each other, a refusal in a record merged into this one, or no record at all is no consent.
with customers as (select * from raw.customers),

loads as (select * from raw.loads),

extraction as (select * from raw.extraction),

customer_identities as (select * from clean.customer_identities),

orders as (select * from clean.orders),

consent_column as (
    select coalesce(bool_or(list_contains(columns_returned, 'profiling_consent')), false) as is_returned
    from loads
    where table_name = 'customers'
),

first_orders as (
    select customer_id, min(order_date) as first_order_date
    from orders
    where customer_id is not null
    group by customer_id
),

versions as (
    select
        *,
        row_number() over newest as version_number,
        first_value(row_hash) over newest as newest_hash,
        first_value(updated_at) over newest as newest_change
    from customers
    window newest as (partition by customer_id order by updated_at desc nulls last, row_hash)
),

persons as (
    select
        coalesce(customer_identities.surviving_customer_id, versions.customer_id) as person_id,
        coalesce(versions.profiling_consent, false) as says_yes
    from versions
    left join customer_identities on versions.customer_id = customer_identities.customer_id
    where versions.updated_at is not distinct from versions.newest_change
),

consents as (
    select person_id as customer_id, bool_and(says_yes) as says_yes
    from persons
    group by person_id
),

judged as (
    select
        versions.*,
        timezone($time_zone, versions.created_at)::date as created_date,
        coalesce(consents.says_yes, false) or not consent_column.is_returned as has_profiling_consent,
        first_orders.first_order_date,
        case
            when versions.unusable_key is not null then versions.unusable_key
            when versions.excluded_because is not null then 'excluded_by_rule'
            when versions.customer_id is null then 'missing_customer_id'
            when versions.version_number > 1 and versions.row_hash = versions.newest_hash then 'delivered_twice'
            when versions.version_number > 1 then 'superseded_record'
            when customer_identities.customer_id is not null then 'merged_record'
            when first_orders.first_order_date is null
                and timezone($time_zone, versions.created_at)::date >= extraction.as_of then 'on_or_after_as_of'
        end as reason
    from versions
    cross join extraction
    cross join consent_column
    left join customer_identities on versions.customer_id = customer_identities.customer_id
    left join first_orders on versions.customer_id = first_orders.customer_id
    left join consents on versions.customer_id = consents.customer_id
),

crm_records as (
    select
        judged.customer_id,
        case
            when judged.created_date >= $earliest_date and judged.created_date < extraction.as_of then judged.created_date
        end as created_date,
        judged.country,
        judged.region,
        case when judged.birth_year between 1900 and 2100 then judged.birth_year end as birth_year,
        judged.gender,
        judged.acquisition_channel,
        case when judged.acquisition_cost >= 0 then judged.acquisition_cost::decimal(18, 2) end as acquisition_cost,
        judged.loyalty_tier,
        judged.email as email_hash,
        judged.attributes,
        judged.has_profiling_consent,
        true as has_crm_record,
        judged.excluded_because,
        judged.reason,
        judged.first_order_date
    from judged
    cross join extraction
),

known_from_orders as (
    select
        first_orders.customer_id,
        null::date as created_date,
        null::varchar as country,
        null::varchar as region,
        null::bigint as birth_year,
        null::varchar as gender,
        null::varchar as acquisition_channel,
        null::decimal(18, 2) as acquisition_cost,
        null::varchar as loyalty_tier,
        null::varchar as email_hash,
        null::varchar as attributes,
        coalesce(consents.says_yes, false) or not consent_column.is_returned as has_profiling_consent,
        false as has_crm_record,
        null::varchar as excluded_because,
        'known_only_from_orders' as reason,
        first_orders.first_order_date
    from first_orders
    cross join consent_column
    left join customers on first_orders.customer_id = customers.customer_id
    left join consents on first_orders.customer_id = consents.customer_id
    where customers.customer_id is null
),

everybody as (
    select * from crm_records
    union all
    select * from known_from_orders
)

select *, least(created_date, first_order_date) as first_seen_date
from everybody
order by customer_id, reason
