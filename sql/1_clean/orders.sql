-- One row per accepted order line: revenue, in the reporting currency, dated in the business time zone.
-- Returns and cancellations are negative lines at their own time; orders of merged customers are the survivor's.
with orders as (select * from raw.orders),

customer_identities as (select * from clean.customer_identities),

exchange_rates as (select * from clean.exchange_rates),

extraction as (select * from raw.extraction),

keyed as (
    select
        *,
        timezone($time_zone, ordered_at)::date as order_date,
        coalesce(
            order_line_id,
            concat_ws('|', product_id, ordered_at, quantity, amount, customer_id, status, channel)
        ) as line_key
    from orders
),

versions as (
    select
        *,
        row_number() over latest as version_number,
        first_value(amount) over latest as latest_amount,
        max(updated_at) over (partition by order_id, product_id, ordered_at) as product_updated_at
    from keyed
    window latest as (partition by order_id, line_key order by updated_at desc nulls last, row_hash)
),

rated as (
    select
        versions.*,
        case when coalesce(versions.currency, $currency) = $currency then 1 else exchange_rates.rate end as rate
    from versions
    left join exchange_rates
        on versions.currency = exchange_rates.currency and versions.order_date = exchange_rates.valid_date
),

judged as (
    select
        rated.*,
        case
            when version_number > 1 and amount is not distinct from latest_amount then 'delivered more than once'
            when excluded_because is not null then excluded_because
            when version_number > 1 then 'an older version of a line that changed'
            when order_line_id is null and updated_at < product_updated_at then 'an older version of a line that changed'
            when order_id is null then 'order_id is missing'
            when ordered_at is null then 'ordered_at is missing or unreadable'
            when amount is null then 'amount is missing or not a number'
            when order_date < $earliest_date then 'ordered_at is before the earliest date a row may have'
            when order_date > greatest(extraction.as_of, extraction.started_at::date) + 1 then 'ordered_at is in the future'
            when list_contains($not_revenue, status) then 'the order status is not revenue'
            when status is not null and len($revenue) > 0 and not list_contains($revenue, status)
                then 'the order status is unknown'
            when rate is null then 'no exchange rate in the 5 days up to the order'
        end as reason
    from rated
    cross join extraction
)

select
    judged.order_id,
    judged.order_line_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.ordered_at,
    judged.order_date,
    judged.product_id,
    judged.product_category,
    judged.quantity,
    (judged.amount * judged.rate)::decimal(18, 2) as amount,
    judged.amount as source_amount,
    coalesce(judged.currency, $currency) as source_currency,
    coalesce(judged.amount < 0, false) as is_return,
    judged.channel,
    judged.status,
    case
        when judged.reason is null then 'accepted'
        when judged.reason = 'delivered more than once' then 'duplicate'
        when judged.reason = judged.excluded_because or judged.reason = 'the order status is not revenue' then 'excluded'
        else 'quarantined'
    end as disposition,
    judged.reason
from judged
left join customer_identities on judged.customer_id = customer_identities.customer_id
order by judged.order_date, judged.customer_id, judged.order_id, judged.line_key, judged.row_hash
