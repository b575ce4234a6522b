-- One row per e-mail address (its keyed hash) that an order has or that serves as a customer number: the customer whose address it is.
-- It is the account whose CRM record has the address; else the account that used it on an order; else the address itself is the
-- customer, as where it is the customer number. Of several accounts the one that had it first counts (then the lowest number): accounts
-- are never merged by an address. One that more than 5 accounts have is nobody's: a till's, or a placeholder.
-- Only CRM records, and their addresses, and order lines from before as_of count. A record whose every version is newer counts as it is
-- today, like a merge.
with orders as (select * from raw.orders where excluded_because is null and unusable_key is null),

customers as (select * from raw.customers where excluded_because is null and unusable_key is null),

web_sessions as (select * from raw.web_sessions),

survey_responses as (select * from raw.survey_responses),

social_interactions as (select * from raw.social_interactions),

campaign_touches as (select * from raw.campaign_touches),

customer_merges as (select * from clean.customer_merges),

extraction as (select as_of from raw.extraction),

-- a keyed hash has 64 characters
addresses as (
    select email as email_hash from orders where email is not null
    union
    select customer_id from orders where length(customer_id) = 64
    union
    select customer_id from customers where length(customer_id) = 64
    union
    select customer_id from web_sessions where length(customer_id) = 64
    union
    select customer_id from survey_responses where length(customer_id) = 64
    union
    select customer_id from social_interactions where length(customer_id) = 64
    union
    select customer_id from campaign_touches where length(customer_id) = 64
),

records as (
    select
        customers.customer_id,
        customers.email,
        timezone($time_zone, customers.created_at)::date as since_date,
        row_number() over (
            partition by customers.customer_id
            order by
                coalesce(timezone($time_zone, customers.updated_at)::date >= extraction.as_of, false),
                customers.updated_at desc nulls last, customers.row_hash
        ) as version_number
    from customers
    cross join extraction
),

-- who has an address, since when, and how that is known
had as (
    select email as email_hash, customer_id, since_date, 'crm' as found_by
    from records
    cross join extraction
    where version_number = 1 and email is not null and customer_id is not null
        and coalesce(since_date < extraction.as_of, true)
    union all
    select email, customer_id, min(timezone($time_zone, ordered_at)::date), 'order'
    from orders
    cross join extraction
    where email is not null and customer_id is not null and timezone($time_zone, ordered_at)::date < extraction.as_of
    group by email, customer_id
),

accounts as (
    select
        had.email_hash,
        coalesce(customer_merges.surviving_customer_id, had.customer_id) as customer_id,
        min(had.found_by) as found_by,
        min(had.since_date) as since_date
    from had
    inner join addresses on had.email_hash = addresses.email_hash
    left join customer_merges on had.customer_id = customer_merges.customer_id
    group by had.email_hash, coalesce(customer_merges.surviving_customer_id, had.customer_id)
),

-- customer numbers that are addresses themselves
address_accounts as (
    select records.customer_id
    from records
    cross join extraction
    where length(records.customer_id) = 64 and coalesce(records.since_date < extraction.as_of, true)
    union
    select orders.customer_id
    from orders
    cross join extraction
    where length(orders.customer_id) = 64 and timezone($time_zone, orders.ordered_at)::date < extraction.as_of
    union
    select customer_id from accounts where length(customer_id) = 64
),

counted as (
    select
        *,
        count(*) over (partition by email_hash, found_by) as accounts,
        count(*) over (partition by email_hash) as all_accounts,
        row_number() over (partition by email_hash order by found_by, since_date nulls last, customer_id) as place
    from accounts
    -- an address that is a customer of its own joins an account with a number, but not another address
    where customer_id <> email_hash
        and (length(customer_id) <> 64 or email_hash not in (select customer_id from address_accounts))
),

owners as (select * from counted where place = 1),

-- an account whose number is an address may itself be an account with a number
resolved as (
    select
        addresses.email_hash,
        coalesce(merges.surviving_customer_id, further.customer_id, owners.customer_id, addresses.email_hash) as customer_id,
        owners.found_by,
        coalesce(owners.accounts, 0) as accounts,
        coalesce(owners.all_accounts, 0) > 5 as is_shared
    from addresses
    left join owners on addresses.email_hash = owners.email_hash
    left join owners as further on owners.customer_id = further.email_hash and further.all_accounts <= 5
    left join customer_merges as merges on addresses.email_hash = merges.customer_id
)

select
    email_hash,
    case when not is_shared then customer_id end as customer_id,
    case when is_shared then 'shared' when found_by is not null then found_by else 'address' end as found_by,
    accounts
from resolved
order by email_hash
