-- One row per customer: the newest CRM record of each, and customers known only from their orders.
with customers as (select * from raw.customers),

customer_identities as (select * from clean.customer_identities),

orders as (select * from clean.orders),

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
        first_value(row_hash) over newest as newest_hash
    from customers
    window newest as (partition by customer_id order by updated_at desc nulls last, row_hash)
),

judged as (
    select
        versions.*,
        case
            when versions.unusable_key is not null then versions.unusable_key
            when versions.excluded_because is not null then 'excluded_by_rule'
            when versions.customer_id is null then 'missing_customer_id'
            when versions.version_number > 1 and versions.row_hash = versions.newest_hash then 'delivered_twice'
            when versions.version_number > 1 then 'superseded_record'
            when customer_identities.customer_id is not null then 'merged_record'
        end as reason
    from versions
    left join customer_identities on versions.customer_id = customer_identities.customer_id
),

-- a survivor without a record of its own takes the consent of its merged records
merged_without_consent as (
    select distinct customer_identities.surviving_customer_id as customer_id
    from customers
    inner join customer_identities on customers.customer_id = customer_identities.customer_id
    where not customers.profiling_consent
),

crm_records as (
    select
        customer_id,
        timezone($time_zone, created_at)::date as created_date,
        country,
        region,
        case when birth_year between 1900 and 2100 then birth_year end as birth_year,
        gender,
        acquisition_channel,
        case when acquisition_cost >= 0 then acquisition_cost end as acquisition_cost,
        loyalty_tier,
        email as email_hash,
        coalesce(profiling_consent, true) as has_profiling_consent,
        true as has_crm_record,
        excluded_because,
        reason
    from judged
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
        first_orders.customer_id not in (select customer_id from merged_without_consent) as has_profiling_consent,
        false as has_crm_record,
        null::varchar as excluded_because,
        'known_only_from_orders' as reason
    from first_orders
    left join customers on first_orders.customer_id = customers.customer_id
    where customers.customer_id is null
),

everybody as (
    select * from crm_records
    union all
    select * from known_from_orders
)

select
    everybody.*,
    first_orders.first_order_date,
    least(everybody.created_date, first_orders.first_order_date) as first_seen_date
from everybody
left join first_orders on everybody.customer_id = first_orders.customer_id
order by everybody.customer_id, everybody.reason
