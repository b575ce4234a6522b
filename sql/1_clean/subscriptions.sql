-- One row per subscription and price period, in the reporting currency at the rate of its first day.
-- A period ends on the day it holds no more. One without an end is ended by the next period of its subscription.
-- Periods of one subscription that overlap are refused, all of them: nobody knows which price held.
-- Intervals are written as day, week, month, quarter or year; monthly, 1 month, P1M and P3M are read as these, any other is refused.
with subscriptions as (select * from raw.subscriptions),

customer_identities as (select * from clean.customer_identities),

customers as (select customer_id from clean.customers),

exchange_rates as (select * from clean.exchange_rates),

extraction as (select as_of from raw.extraction),

spelled as (
    select
        *,
        upper(coalesce(currency, $currency)) as source_currency,
        lower(regexp_replace(interval, '^\s*1\s+', '')) as spelling
    from subscriptions
),

versions as (
    select
        *,
        case
            when spelling in ('day', 'days', 'daily', 'd', 'p1d') then 'day'
            when spelling in ('week', 'weeks', 'weekly', 'w', 'p1w', 'p7d', '7 days') then 'week'
            when spelling in ('month', 'months', 'monthly', 'm', 'p1m') then 'month'
            when spelling in ('quarter', 'quarters', 'quarterly', 'q', 'p3m', '3 month', '3 months') then 'quarter'
            when spelling in ('year', 'years', 'yearly', 'annual', 'annually', 'y', 'p1y', 'p12m', '12 month', '12 months') then 'year'
        end as known_interval,
        row_number() over newest as version_number,
        first_value(row_hash) over newest as newest_hash,
        first_value(updated_at) over newest as newest_change
    from spelled
    window newest as (partition by subscription_id, valid_from order by updated_at desc nulls last, row_hash)
),

readable as (
    select
        versions.*,
        case when versions.source_currency = upper($currency) then 1 else exchange_rates.rate end as rate,
        case
            when unusable_key is not null then unusable_key
            when excluded_because is not null then 'excluded_by_rule'
            when subscription_id is null then 'missing_subscription_id'
            when customer_id is null then 'missing_customer_id'
            when valid_from is null then 'unreadable_valid_from'
            when updated_at is distinct from newest_change then 'superseded_period'
            when version_number > 1 and row_hash = newest_hash then 'delivered_twice'
            when amount is null then 'unreadable_price'
            when amount < 0 then 'negative_price'
            when valid_from < $earliest_date then 'early_valid_from'
            when valid_from >= extraction.as_of then 'on_or_after_as_of'
            when valid_to < valid_from then 'ends_before_it_begins'
            when known_interval is null then 'unknown_interval'
            when source_currency <> upper($currency) and exchange_rates.rate is null then 'no_exchange_rate_for_price'
        end as reason
    from versions
    cross join extraction
    left join exchange_rates
        on versions.source_currency = exchange_rates.currency and versions.valid_from = exchange_rates.valid_date
),

neighbours as (
    select
        *,
        lead(valid_from) over (partition by subscription_id, reason order by valid_from, row_hash) as next_from,
        max(valid_to) over (
            partition by subscription_id, reason order by valid_from, row_hash rows between unbounded preceding and 1 preceding
        ) as last_end,
        count(*) over (partition by subscription_id, reason, valid_from) as periods_of_the_day
    from readable
),

judged as (
    select
        * exclude (reason),
        case
            when reason is not null then reason
            when periods_of_the_day > 1 or last_end > valid_from or next_from < valid_to then 'overlapping_period'
        end as reason
    from neighbours
)

select
    judged.subscription_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.valid_from,
    coalesce(judged.valid_to, case when judged.reason is null then judged.next_from end) as valid_to,
    judged.renews_at,
    judged.plan,
    (judged.amount * judged.rate)::decimal(18, 2) as amount,
    judged.known_interval as interval,
    judged.cancelled_at,
    judged.status,
    $currency as currency,
    judged.source_currency,
    customers.customer_id is not null as is_known_customer,
    judged.excluded_because,
    judged.reason
from judged
left join customer_identities on judged.customer_id = customer_identities.customer_id
left join customers on coalesce(customer_identities.surviving_customer_id, judged.customer_id) = customers.customer_id
order by judged.subscription_id, judged.valid_from, judged.row_hash
