-- One row per article of a purchase event, and one per refund event, of the export of events, in BigQuery.
-- Analytics is not the till: blockers and refused cookies leave orders out. Where the shop's own orders can be had, take those, and
-- keep only web_sessions.sql of this folder.
-- What was decided:
--   * A purchase that was sent twice (the thank-you page loaded again) has one transaction_id: its first event counts. Without a
--     transaction_id the browser and the time are the order's number.
--   * amount is price x quantity of the articles, which have their discounts; a purchase without articles is its purchase_revenue.
--     Where articles and purchase_revenue differ by a discount on the whole order, it is shared among them so that the cents add up;
--     where purchase_revenue is the articles with tax and postage, those are left out.
--   * A refund event has its own time; its value is its own, else that of its articles; without either it is the whole order.
--   * The customer is user_id, known from the login on: that of the event, else of its session. Without one it is a guest's: a
--     browser (user_pseudo_id) is no person. Amounts are in the currency of the event.
with all_events as (select * from events),

known as (
    select
        event_name,
        event_timestamp,
        user_id,
        user_pseudo_id,
        ecommerce,
        items,
        (select parameter.value.int_value from unnest(event_params) as parameter where parameter.key = 'ga_session_id') as session_number,
        upper((select parameter.value.string_value from unnest(event_params) as parameter where parameter.key = 'currency')) as currency,
        coalesce(
            cast((select parameter.value.int_value from unnest(event_params) as parameter where parameter.key = 'debug_mode') as string), (select parameter.value.string_value from unnest(event_params) as parameter where parameter.key = 'debug_mode'), '0'
        ) in ('1', 'true') as is_debug,
        coalesce(
            nullif(nullif(ecommerce.transaction_id, ''), '(not set)'),
            nullif((select parameter.value.string_value from unnest(event_params) as parameter where parameter.key = 'transaction_id'), ''),
            concat(user_pseudo_id, '-', cast(event_timestamp as string))
        ) as order_id,
        round(cast(coalesce(
            ecommerce.purchase_revenue,
            (select parameter.value.double_value from unnest(event_params) as parameter where parameter.key = 'value'),
            (select parameter.value.float_value from unnest(event_params) as parameter where parameter.key = 'value'),
            (select parameter.value.int_value from unnest(event_params) as parameter where parameter.key = 'value')
        ) as numeric), 2) as revenue,
        round(cast(coalesce(
            ecommerce.refund_value,
            (select parameter.value.double_value from unnest(event_params) as parameter where parameter.key = 'value'),
            (select parameter.value.float_value from unnest(event_params) as parameter where parameter.key = 'value'),
            (select parameter.value.int_value from unnest(event_params) as parameter where parameter.key = 'value'),
            (select sum(coalesce(item.item_refund, item.price * coalesce(item.quantity, 1))) from unnest(items) as item)
        ) as numeric), 2) as refund_value
    from all_events
),

sessions as (
    select user_pseudo_id, session_number, max(nullif(user_id, '')) as user_id
    from known
    group by user_pseudo_id, session_number
),

business as (
    select
        known.event_name,
        known.event_timestamp,
        known.ecommerce,
        known.items,
        known.currency,
        known.is_debug,
        known.order_id,
        known.revenue,
        known.refund_value,
        coalesce(nullif(known.user_id, ''), sessions.user_id) as customer_id,
        row_number() over (
            partition by known.event_name, known.order_id, case when known.event_name = 'refund' then known.event_timestamp end
            order by known.event_timestamp, known.user_pseudo_id
        ) as times
    from known
    left join sessions
        on known.user_pseudo_id = sessions.user_pseudo_id and known.session_number = sessions.session_number
    where known.event_name in ('purchase', 'refund')
),

purchases as (
    select * from business
    where event_name = 'purchase' and times = 1
),

articles as (
    select
        purchases.order_id,
        article.item_id as product_id,
        nullif(article.item_category, '(not set)') as product_category,
        coalesce(article.quantity, 1) as quantity,
        round(cast(
            coalesce(article.price * coalesce(article.quantity, 1), article.item_revenue, 0) as numeric
        ), 2) as list_amount,
        row_number() over (
            partition by purchases.order_id order by article.item_id, article.item_category, article.price, article.quantity
        ) as position
    from purchases
    cross join unnest(purchases.items) as article
),

sums as (
    select order_id, sum(list_amount) as articles_total
    from articles
    group by order_id
),

valued as (
    select
        purchases.*,
        sums.articles_total,
        case
            when coalesce(sums.articles_total, 0) = 0 then coalesce(revenue, 0)
            when coalesce(revenue, 0) = 0 and coalesce(sums.articles_total, 0) > 0 then sums.articles_total
            when revenue > sums.articles_total then sums.articles_total
            else revenue
        end as goods
    from purchases
    left join sums on purchases.order_id = sums.order_id
),

lines as (
    select
        valued.order_id,
        coalesce(articles.position, 1) as position,
        articles.product_id,
        articles.product_category,
        articles.quantity,
        case
            when coalesce(articles_total, 0) = 0 then case when coalesce(articles.position, 1) = 1 then goods else 0 end
            else round(goods * sum(list_amount) over so_far / articles_total, 2)
                - round(goods * (sum(list_amount) over so_far - list_amount) / articles_total, 2)
        end as amount
    from valued
    left join articles on valued.order_id = articles.order_id
    window so_far as (partition by valued.order_id order by articles.position rows unbounded preceding)
)

select
    valued.order_id,
    cast(lines.position as string) as order_line_id,
    valued.customer_id,
    timestamp_micros(valued.event_timestamp) as ordered_at,
    lines.product_id,
    lines.product_category,
    lines.quantity,
    lines.amount,
    case when lines.position = 1 then round(cast(ecommerce.tax_value as numeric), 2) else 0 end as tax,
    case when lines.position = 1 then round(cast(ecommerce.shipping_value as numeric), 2) else 0 end as shipping,
    valued.currency,
    'purchase' as status,
    case when valued.is_debug then 'debug' else 'web' end as channel
from valued
inner join lines on valued.order_id = lines.order_id

union all

select
    refunds.order_id,
    concat('refund-', cast(refunds.event_timestamp as string)) as order_line_id,
    coalesce(valued.customer_id, refunds.customer_id) as customer_id,
    timestamp_micros(refunds.event_timestamp) as ordered_at,
    null as product_id,
    null as product_category,
    null as quantity,
    -case
        when coalesce(refunds.refund_value, 0) > 0 then least(refunds.refund_value, coalesce(valued.goods, refunds.refund_value))
        else coalesce(valued.goods, 0)
    end as amount,
    null as tax,
    null as shipping,
    coalesce(refunds.currency, valued.currency) as currency,
    'refund' as status,
    case when refunds.is_debug or valued.is_debug then 'debug' else 'web' end as channel
from business as refunds
left join valued on refunds.order_id = valued.order_id
where refunds.event_name = 'refund' and refunds.times = 1
