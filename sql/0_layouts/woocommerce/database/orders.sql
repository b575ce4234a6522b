-- One row per order line, and one per refunded line, of the tables of WooCommerce's own database.
-- What was decided:
--   * amount is product_net_revenue: goods after coupons, without tax and postage, whatever the shop's prices include. The lines of
--     a refund are there too, negative, under the refund's own order number and time.
--   * A refund of an amount without lines (typed in, or by setting the order to refunded) holds tax and postage: as much as the
--     goods with their tax that are left takes back all of them; a smaller one is for goods with their tax first.
--   * Times are UTC. A refund is dated when it was made, and has the status of its order.
--   * customer_id is the account; 0 is a guest, who is known by the e-mail (hashed on loading) and joins the account that has it.
--   * The parts of a bundle are lines of their own with the price that WooCommerce gave each, often 0: nothing is counted twice.
--   * Fees are not goods. Gift cards are sold by plugins under product numbers that only the shop knows: exclude them in
--     source.toml, such as where = "product_id in ('431', '432')".
with all_orders as (select * from wc_orders),

product_lines as (select * from wc_order_product_lookup),

placed as (
    select
        id,
        status,
        currency,
        total_amount,
        customer_id,
        billing_email,
        date_created_gmt,
        date_updated_gmt,
        payment_method
    from all_orders
    where type = 'shop_order'
),

item_lines as (
    select
        order_id,
        order_item_id,
        coalesce(nullif(variation_id, 0), product_id) as product_id,
        product_qty,
        cast(product_net_revenue as decimal(18, 6)) as net,
        cast(coalesce(coupon_amount, 0) as decimal(18, 6)) as coupons,
        cast(coalesce(tax_amount, 0) as decimal(18, 6)) as tax,
        cast(coalesce(shipping_amount, 0) as decimal(18, 6)) as shipping
    from product_lines
),

refunds as (
    select
        id as refund_id,
        parent_order_id,
        date_created_gmt as refunded_at,
        abs(total_amount) as refunded
    from all_orders
    where type = 'shop_order_refund'
),

sold as (
    select order_id, sum(net) as net, sum(tax) as tax
    from item_lines
    group by order_id
),

returned as (
    select refunds.parent_order_id, sum(item_lines.net) as net, sum(item_lines.tax) as tax
    from refunds
    inner join item_lines on refunds.refund_id = item_lines.order_id
    group by refunds.parent_order_id
),

-- what is left of the goods when refunds without lines are shared out, the earliest first
amount_only as (
    select
        refunds.refund_id,
        refunds.parent_order_id,
        refunds.refunded_at,
        refunds.refunded,
        sold.net + coalesce(returned.net, 0) as net_left,
        sold.net + sold.tax + coalesce(returned.net, 0) + coalesce(returned.tax, 0) as paid_left,
        sum(refunds.refunded) over (
            partition by refunds.parent_order_id order by refunds.refund_id rows unbounded preceding
        ) as refunded_so_far
    from refunds
    inner join sold on refunds.parent_order_id = sold.order_id
    left join returned on refunds.parent_order_id = returned.parent_order_id
    where refunds.refund_id not in (select order_id from item_lines)
)

select
    placed.id as order_id,
    item_lines.order_item_id as order_line_id,
    nullif(placed.customer_id, 0) as customer_id,
    placed.billing_email as email,
    concat(placed.date_created_gmt, 'Z') as ordered_at,
    item_lines.product_id,
    item_lines.product_qty as quantity,
    item_lines.net as amount,
    item_lines.coupons as discount,
    item_lines.tax,
    item_lines.shipping,
    placed.currency,
    placed.status,
    placed.payment_method as channel,
    case when placed.date_updated_gmt is not null then concat(placed.date_updated_gmt, 'Z') end as updated_at
from placed
inner join item_lines on placed.id = item_lines.order_id

union all

select
    placed.id as order_id,
    concat('refund-', item_lines.order_item_id) as order_line_id,
    nullif(placed.customer_id, 0) as customer_id,
    placed.billing_email as email,
    concat(refunds.refunded_at, 'Z') as ordered_at,
    item_lines.product_id,
    item_lines.product_qty as quantity,
    item_lines.net as amount,
    item_lines.coupons as discount,
    item_lines.tax,
    item_lines.shipping,
    placed.currency,
    placed.status,
    placed.payment_method as channel,
    case when placed.date_updated_gmt is not null then concat(placed.date_updated_gmt, 'Z') end as updated_at
from refunds
inner join placed on refunds.parent_order_id = placed.id
inner join item_lines on refunds.refund_id = item_lines.order_id

union all

select
    placed.id as order_id,
    concat('refund-', amount_only.refund_id) as order_line_id,
    nullif(placed.customer_id, 0) as customer_id,
    placed.billing_email as email,
    concat(amount_only.refunded_at, 'Z') as ordered_at,
    null as product_id,
    null as quantity,
    -round(
        cast(
            least(amount_only.refunded_so_far, amount_only.paid_left)
            - least(amount_only.refunded_so_far - amount_only.refunded, amount_only.paid_left) as decimal(18, 6)
        ) * amount_only.net_left / amount_only.paid_left, 2
    ) as amount,
    null as discount,
    null as tax,
    null as shipping,
    placed.currency,
    placed.status,
    placed.payment_method as channel,
    case when placed.date_updated_gmt is not null then concat(placed.date_updated_gmt, 'Z') end as updated_at
from amount_only
inner join placed on amount_only.parent_order_id = placed.id
where amount_only.paid_left > 0
