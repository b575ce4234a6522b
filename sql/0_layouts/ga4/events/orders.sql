-- One row per article of a purchase event, and one per refund event, of the export of events.
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
with events as (select * from events),

known as (
    select
        *,
        list_filter(event_params, lambda p: p.key = 'ga_session_id')[1].value.int_value as session_number,
        upper(list_filter(event_params, lambda p: p.key = 'currency')[1].value.string_value) as currency,
        coalesce(
            list_filter(event_params, lambda p: p.key = 'debug_mode')[1].value.int_value::varchar,
            list_filter(event_params, lambda p: p.key = 'debug_mode')[1].value.string_value, '0'
        ) in ('1', 'true') as is_debug,
        coalesce(
            nullif(nullif(ecommerce.transaction_id, ''), '(not set)'),
            nullif(list_filter(event_params, lambda p: p.key = 'transaction_id')[1].value.string_value, ''),
            user_pseudo_id || '-' || event_timestamp
        ) as order_id,
        coalesce(
            ecommerce.purchase_revenue,
            list_filter(event_params, lambda p: p.key = 'value')[1].value.double_value,
            list_filter(event_params, lambda p: p.key = 'value')[1].value.float_value,
            list_filter(event_params, lambda p: p.key = 'value')[1].value.int_value
        )::decimal(18, 2) as revenue,
        coalesce(
            ecommerce.refund_value,
            list_filter(event_params, lambda p: p.key = 'value')[1].value.double_value,
            list_filter(event_params, lambda p: p.key = 'value')[1].value.float_value,
            list_filter(event_params, lambda p: p.key = 'value')[1].value.int_value,
            list_sum(list_transform(items, lambda i: coalesce(i.item_refund, i.price * coalesce(i.quantity, 1))))
        )::decimal(18, 2) as refund_value
    from events
),

sessions as (
    select user_pseudo_id, session_number, max(nullif(user_id, '')) as user_id
    from known
    group by user_pseudo_id, session_number
),

business as (
    select
        known.* exclude (user_id),
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
        order_id,
        article.item_id as product_id,
        nullif(article.item_category, '(not set)') as product_category,
        coalesce(article.quantity, 1) as quantity,
        coalesce(article.price * coalesce(article.quantity, 1), article.item_revenue, 0)::decimal(18, 2) as list_amount,
        row_number() over (
            partition by order_id order by article.item_id, article.item_category, article.price, article.quantity
        ) as position
    from (select order_id, unnest(items) as article from purchases)
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
        end::decimal(18, 2) as goods
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
        end::decimal(18, 2) as amount
    from valued
    left join articles on valued.order_id = articles.order_id
    window so_far as (partition by valued.order_id order by articles.position rows unbounded preceding)
)

select
    valued.order_id,
    lines.position::varchar as order_line_id,
    valued.customer_id,
    make_timestamptz(valued.event_timestamp) as ordered_at,
    lines.product_id,
    lines.product_category,
    lines.quantity,
    lines.amount,
    case when lines.position = 1 then ecommerce.tax_value::decimal(18, 2) else 0 end as tax,
    case when lines.position = 1 then ecommerce.shipping_value::decimal(18, 2) else 0 end as shipping,
    valued.currency,
    'purchase' as status,
    case when valued.is_debug then 'debug' else 'web' end as channel
from valued
inner join lines on valued.order_id = lines.order_id

union all

select
    refunds.order_id,
    'refund-' || refunds.event_timestamp as order_line_id,
    coalesce(valued.customer_id, refunds.customer_id) as customer_id,
    make_timestamptz(refunds.event_timestamp) as ordered_at,
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
