-- One row per accepted order line: revenue, in the reporting currency, dated in the business time zone.
-- Returns and cancellations are negative lines at their own time; orders of merged customers are the survivor's.
-- A refund nets against its own order where that has lines of sale, else against all that the customer bought up to that
-- day (most sources do not say which order a refund undoes). A refund line that exceeds this is quarantined; a customer
-- may be refunded more in several lines, because the sale may predate the history. Guests are not netted.
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
        coalesce(versions.currency, $currency) as source_currency,
        case when coalesce(versions.currency, $currency) = $currency then 1 else exchange_rates.rate end as rate
    from versions
    left join exchange_rates
        on versions.currency = exchange_rates.currency and versions.order_date = exchange_rates.valid_date
),

judged as (
    select
        rated.*,
        coalesce(customer_identities.surviving_customer_id, rated.customer_id) as buyer_id,
        case
            when version_number > 1 and amount is not distinct from latest_amount then 'delivered_twice'
            when unusable_key is not null then unusable_key
            when excluded_because is not null then 'excluded_by_rule'
            when version_number > 1 then 'superseded_line'
            when order_line_id is null and updated_at < product_updated_at then 'superseded_line'
            when order_id is null then 'missing_order_id'
            when ordered_at is null then 'unreadable_ordered_at'
            when amount is null then 'unreadable_amount'
            when quantity < 0 and amount > 0 then 'positive_return_amount'
            when order_date < $earliest_date then 'early_ordered_at'
            when order_date > greatest(extraction.as_of, extraction.started_at::date) + 1 then 'future_ordered_at'
            when list_contains($not_revenue, status) then 'not_revenue_status'
            when status is not null and len($revenue) > 0 and not list_contains($revenue, status)
                then 'unknown_order_status'
            when rate is null then 'no_exchange_rate'
        end as reason
    from rated
    cross join extraction
    left join customer_identities on rated.customer_id = customer_identities.customer_id
),

sold as (
    select *, case when reason is null and amount > 0 then amount else 0 end as sold_for
    from judged
),

balanced as (
    select
        *,
        sum(sold_for) over (partition by buyer_id, source_currency order by order_date) as bought_before,
        sum(sold_for) over (partition by buyer_id, source_currency, order_id order by order_date) as bought_in_order
    from sold
),

netted as (
    select
        * exclude (reason),
        case
            when reason is null and $net_refunds and buyer_id is not null and amount < 0
                and -amount > case when bought_in_order > 0 then bought_in_order else bought_before end
                then 'excessive_refund'
            else reason
        end as reason
    from balanced
)

select
    netted.order_id,
    netted.order_line_id,
    netted.buyer_id as customer_id,
    netted.ordered_at,
    netted.order_date,
    netted.product_id,
    netted.product_category,
    netted.quantity,
    (netted.amount * netted.rate)::decimal(18, 2) as amount,
    netted.amount as source_amount,
    netted.source_currency,
    coalesce(netted.amount < 0, false) as is_return,
    netted.channel,
    netted.status,
    netted.excluded_because,
    netted.reason
from netted
order by netted.order_date, netted.customer_id, netted.order_id, netted.line_key, netted.row_hash
