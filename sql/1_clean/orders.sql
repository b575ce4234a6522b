-- One row per accepted order line: revenue, in the reporting currency, dated in the business time zone.
-- Returns and cancellations are negative lines at their own time; orders of merged customers are the survivor's. A line without a
-- customer_id is that of the customer whose e-mail address it has; without one it is a guest's.
--
-- A version of a line has the same order, line, buyer and day: order numbers are used again in another year or shop. Equal lines
-- without a line number are sales of their own, unless four of five orders of their day are there as often: then the day was
-- delivered that many times.
-- A refund nets against its own order where that has lines of sale, else against all that the customer bought up to that day (most
-- sources do not say which order a refund undoes). What exceeds this (tax, postage, a sale before the history) is
-- `refund_excess`. Guests are not netted.
-- Cents are rounded once per order and day: its lines add up to its rounded sum. So are discount, tax, shipping and cost, which only
-- accepted lines have. A cost has the sign of its amount; of a refund that counts in part it is at most what the goods of the order cost.
with orders as (select * from raw.orders),

customer_identities as (select * from clean.customer_identities),

email_identities as (select * from clean.email_identities),

products as (select * from clean.products),

exchange_rates as (select * from clean.exchange_rates),

extraction as (select * from raw.extraction),

loads as (select * from raw.loads),

statuses as (
    select
        coalesce(bool_or(list_contains(columns_returned, 'status')), false) and len($revenue) + len($not_revenue) > 0
            as are_classified
    from loads
    where table_name = 'orders'
),

keyed as (
    select
        orders.*,
        coalesce(customer_identities.surviving_customer_id, orders.customer_id, email_identities.customer_id) as buyer_id,
        orders.customer_id is null and email_identities.customer_id is not null as is_by_email,
        products.category as catalogue_category,
        case when orders.amount < 0 then -abs(orders.cost) else abs(orders.cost) end as line_cost,
        -- in the reporting currency, where the line has no cost of its own
        case
            when orders.cost is null and orders.amount < 0 then -abs(orders.quantity * products.cost)
            when orders.cost is null then abs(orders.quantity * products.cost)
        end::decimal(28, 6) as catalogue_cost,
        timezone($time_zone, orders.ordered_at)::date as order_date,
        upper(coalesce(orders.currency, $currency)) as source_currency,
        coalesce(
            orders.order_line_id,
            concat_ws(
                '|', orders.product_id, orders.ordered_at, orders.quantity, orders.amount, orders.currency, orders.status,
                orders.channel
            )
        ) as line_key
    from orders
    left join customer_identities on orders.customer_id = customer_identities.customer_id
    left join products on orders.product_id = products.product_id
    left join email_identities on case when orders.customer_id is null then orders.email end = email_identities.email_hash
),

versions as (
    select
        *,
        row_number() over latest as version_number,
        count(*) over (
            partition by order_id, order_line_id is null, line_key, buyer_id, order_date
        ) as versions,
        first_value(amount) over latest as latest_amount
    from keyed
    window latest as (
        partition by order_id, order_line_id is null, line_key, buyer_id, order_date
        order by updated_at desc nulls last, row_hash
    )
),

repeated_orders as (
    select order_id, buyer_id, order_date, min(versions) as times
    from versions
    where order_line_id is null
    group by order_id, buyer_id, order_date
),

deliveries as (
    select
        order_date,
        case
            when count(*) >= 5 then quantile_disc(times, 0.2)
            else (select case when count(*) >= 5 then quantile_disc(times, 0.2) end from repeated_orders)
        end as times_delivered
    from repeated_orders
    group by order_date
),

rated as (
    select
        versions.*,
        case when versions.source_currency = upper($currency) then 1 else exchange_rates.rate end as rate,
        versions.order_line_id is null
        and versions.version_number > greatest(versions.versions // coalesce(deliveries.times_delivered, 1), 1)
            as is_repeated_delivery,
        versions.order_line_id is not null and versions.version_number > 1 as is_older_version
    from versions
    left join deliveries on versions.order_date = deliveries.order_date
    left join exchange_rates
        on versions.source_currency = exchange_rates.currency and versions.order_date = exchange_rates.valid_date
),

judged as (
    select
        rated.*,
        case
            when is_repeated_delivery then 'delivered_twice'
            when is_older_version and amount is not distinct from latest_amount then 'delivered_twice'
            when unusable_key is not null then unusable_key
            when excluded_because is not null then 'excluded_by_rule'
            when is_older_version then 'superseded_line'
            when order_id is null then 'missing_order_id'
            when ordered_at is null then 'unreadable_ordered_at'
            when amount is null then 'unreadable_amount'
            when quantity < 0 and amount > 0 then 'positive_return_amount'
            when order_date < $earliest_date then 'early_ordered_at'
            when order_date > greatest(extraction.as_of, extraction.started_at::date) + 1 then 'future_ordered_at'
            when order_date >= extraction.as_of then 'on_or_after_as_of'
            when list_contains($not_revenue, coalesce(status, '')) then 'not_revenue_status'
            when statuses.are_classified and not list_contains($revenue, coalesce(status, '')) then 'unknown_order_status'
            when rate is null then 'no_exchange_rate'
        end as reason
    from rated
    cross join extraction
    cross join statuses
),

valued as (
    select
        *,
        case when reason is null then (amount * rate)::decimal(28, 6) end as value,
        case when reason is null then coalesce((line_cost * rate)::decimal(28, 6), catalogue_cost) end as cost_value,
        reason is null and $net_refunds and buyer_id is not null and amount < 0 as is_netted
    from judged
),

balanced as (
    select
        *,
        sum(greatest(value, 0)) over (partition by buyer_id, order_id) as sold_in_order,
        sum(case when value > 0 then cost_value end) over (partition by buyer_id, order_id) as cost_in_order,
        sum(greatest(value, 0)) over (partition by buyer_id order by order_date) as sold_to_buyer
    from valued
),

-- a refund of an order without a sale nets against all that was bought: such refunds share one account per buyer
accounts as (
    select
        *,
        case when sold_in_order > 0 then order_id end as account,
        case when sold_in_order > 0 then sold_in_order else sold_to_buyer end as refundable
    from balanced
),

refunds as (
    select
        *,
        refundable + sum(least(value, 0)) over account_so_far as left_to_refund
    from accounts
    window account_so_far as (
        partition by buyer_id, account order by order_date, order_id, line_key, row_hash rows unbounded preceding
    )
),

limited as (
    select
        *,
        least(min(left_to_refund) over account_so_far, 0) as beyond,
        least(coalesce(min(left_to_refund) over account_before, 0), 0) as beyond_before
    from refunds
    window account_so_far as (
        partition by buyer_id, account order by order_date, order_id, line_key, row_hash rows unbounded preceding
    ),
    account_before as (
        partition by buyer_id, account order by order_date, order_id, line_key, row_hash
        rows between unbounded preceding and 1 preceding
    )
),

netted as (
    select *, case when is_netted then value + beyond_before - beyond else value end as net_value
    from limited
),

capped as (
    select
        * exclude (reason),
        case when is_netted and net_value = 0 then 'excessive_refund' else reason end as reason,
        case
            when is_netted and net_value < 0 and net_value > value then round((value - net_value) / rate, 6)::decimal(18, 6)
            else 0
        end as refund_excess,
        case
            when not is_netted or net_value = value then cost_value
            when sold_in_order > 0 then greatest(cost_value, -cost_in_order)
            else (cost_value * (net_value / nullif(value, 0)))::decimal(28, 6)
        end as net_cost
    from netted
),

shown as (
    select
        *,
        case when reason is null then (discount * rate)::decimal(28, 6) end as net_discount,
        case when reason is null then (tax * rate)::decimal(28, 6) end as net_tax,
        case when reason is null then (shipping * rate)::decimal(28, 6) end as net_shipping,
        case when reason is null then net_cost end as counted_cost
    from capped
),

summed as (
    select
        *,
        sum(case when reason is null then net_value else 0 end) over so_far as sum_with_line,
        sum(net_discount) over so_far as discount_with_line,
        sum(net_tax) over so_far as tax_with_line,
        sum(net_shipping) over so_far as shipping_with_line,
        sum(counted_cost) over so_far as cost_with_line
    from shown
    window so_far as (
        partition by buyer_id, order_id, order_date order by line_key, row_hash rows unbounded preceding
    )
)

select
    summed.order_id,
    summed.order_line_id,
    summed.buyer_id as customer_id,
    summed.ordered_at,
    summed.order_date,
    summed.product_id,
    coalesce(summed.product_category, summed.catalogue_category) as product_category,
    summed.quantity,
    case
        when summed.reason is null
            then (round(summed.sum_with_line, 2) - round(summed.sum_with_line - summed.net_value, 2))::decimal(18, 2)
        else (summed.amount * summed.rate)::decimal(18, 2)
    end as amount,
    summed.amount - summed.refund_excess as source_amount,
    summed.refund_excess,
    summed.source_currency,
    coalesce(summed.amount < 0, false) as is_return,
    summed.channel,
    summed.status,
    (round(summed.discount_with_line, 2) - round(summed.discount_with_line - summed.net_discount, 2))::decimal(18, 2) as discount,
    (round(summed.tax_with_line, 2) - round(summed.tax_with_line - summed.net_tax, 2))::decimal(18, 2) as tax,
    (round(summed.shipping_with_line, 2) - round(summed.shipping_with_line - summed.net_shipping, 2))::decimal(18, 2) as shipping,
    (round(summed.cost_with_line, 2) - round(summed.cost_with_line - summed.counted_cost, 2))::decimal(18, 2) as cost,
    summed.subscription_id,
    summed.is_by_email,
    summed.excluded_because,
    summed.reason
from summed
order by summed.order_date, summed.buyer_id, summed.order_id, summed.line_key, summed.row_hash
