-- One row per payment of a subscription, in the reporting currency, dated in the business time zone; a refund is negative.
-- The newest version of a payment counts; a payment of a subscription that no row names is refused.
with subscription_payments as (select * from raw.subscription_payments),

subscriptions as (select * from raw.subscriptions),

customer_identities as (select * from clean.customer_identities),

exchange_rates as (select * from clean.exchange_rates),

extraction as (select as_of from raw.extraction),

subscribers as (
    select
        subscriptions.subscription_id,
        max_by(
            coalesce(customer_identities.surviving_customer_id, subscriptions.customer_id),
            (subscriptions.valid_from, subscriptions.row_hash)
        ) as customer_id
    from subscriptions
    left join customer_identities on subscriptions.customer_id = customer_identities.customer_id
    where subscriptions.subscription_id is not null
    group by subscriptions.subscription_id
),

versions as (
    select
        *,
        timezone($time_zone, paid_at)::date as payment_date,
        upper(coalesce(currency, $currency)) as source_currency,
        row_number() over newest as version_number,
        first_value(amount) over newest as newest_amount
    from subscription_payments
    window newest as (partition by payment_id order by updated_at desc nulls last, row_hash)
),

judged as (
    select
        versions.*,
        subscribers.customer_id,
        case when versions.source_currency = upper($currency) then 1 else exchange_rates.rate end as rate,
        case
            when versions.unusable_key is not null then versions.unusable_key
            when versions.excluded_because is not null then 'excluded_by_rule'
            when versions.payment_id is null then 'missing_payment_id'
            when versions.version_number > 1 and versions.amount is not distinct from versions.newest_amount
                then 'delivered_twice'
            when versions.version_number > 1 then 'superseded_payment'
            when versions.paid_at is null then 'unreadable_paid_at'
            when versions.amount is null then 'unreadable_payment'
            when versions.payment_date < $earliest_date then 'early_paid_at'
            when versions.payment_date >= extraction.as_of then 'on_or_after_as_of'
            when versions.subscription_id is null then 'missing_subscription_id'
            when subscribers.subscription_id is null then 'unknown_subscription'
            when versions.source_currency <> upper($currency) and exchange_rates.rate is null
                then 'no_exchange_rate_for_payment'
        end as reason
    from versions
    cross join extraction
    left join subscribers on versions.subscription_id = subscribers.subscription_id
    left join exchange_rates
        on versions.source_currency = exchange_rates.currency and versions.payment_date = exchange_rates.valid_date
)

select
    payment_id,
    subscription_id,
    customer_id,
    paid_at,
    payment_date,
    (amount * rate)::decimal(18, 2) as amount,
    amount as source_amount,
    source_currency,
    $currency as currency,
    status,
    excluded_because,
    reason
from judged
order by payment_date, payment_id, row_hash
