-- One row per order, and one for what was refunded of it, of a CSV export of WooCommerce's orders.
-- What the export does not have, and what was decided:
--   * One row is one order: products are not read, so neither are gift cards among them (in a shop that sells some, exclude
--     those orders, or connect the database instead).
--   * amount is order_subtotal less discounts: WooCommerce writes both without tax, whether or not the shop's prices include it.
--     Without order_subtotal it is order_total less taxes, postage and fees, which gives the same. Fees are not goods.
--   * customer_user is the account; 0 is a guest, who is known by the e-mail (hashed on loading) and joins the account that has it.
--     customer_id counts guests too, one for each address as it was typed, so it is not taken.
--   * refund_total holds tax and postage. A full refund takes back all goods; a partial one is for goods with their tax first, and
--     for postage only beyond that. An order `refunded` was given back in full, also where the export has no refund_total.
--   * No time of a refund in most exports (refund_date is taken where there is one): that of the order.
--   * Dates are read as 2024-05-31 23:59:00 or as 5/31/2024 23:59:00, month first. A day-first export leaves dates of the 13th on
--     unreadable, and the run refuses it.
with wc_orders as (select * from wc_orders),

-- an order that is in two files (exports of overlapping months) counts as it is in the last of them
latest as (
    select *
    from wc_orders
    qualify file_number = max(file_number) over (partition by order_id)
),

numbers as (
    select
        order_id,
        regexp_replace(trim(lower(status)), '^wc-', '') as status,
        nullif(customer_user, '0') as customer_id,
        customer_email as email,
        order_currency as currency,
        payment_method,
        order_date as ordered_text,
        try_strptime(
            order_date, ['%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M']
        ) as ordered_at,
        try_strptime(
            refund_date, ['%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%Y-%m-%d']
        ) as refunded_at,
        try_cast(order_subtotal as decimal(18, 6)) as subtotal,
        coalesce(
            try_cast(discount_total as decimal(18, 6)),
            coalesce(try_cast(cart_discount as decimal(18, 6)), 0) + coalesce(try_cast(order_discount as decimal(18, 6)), 0)
        ) as discount,
        try_cast(order_total as decimal(18, 6)) as total,
        coalesce(try_cast(tax_total as decimal(18, 6)), 0) as tax,
        coalesce(try_cast(shipping_total as decimal(18, 6)), 0) as shipping,
        coalesce(try_cast(shipping_tax_total as decimal(18, 6)), 0) as shipping_tax,
        coalesce(try_cast(fee_total as decimal(18, 6)), 0) as fees,
        coalesce(try_cast(fee_tax_total as decimal(18, 6)), 0) as fee_tax,
        coalesce(try_cast(refund_total as decimal(18, 6)), 0) as refunded
    from latest
),

orders as (
    select
        *,
        coalesce(subtotal - discount, total - tax - shipping - shipping_tax - fees - fee_tax) as goods
    from numbers
)

select
    order_id,
    'goods' as order_line_id,
    customer_id,
    email,
    coalesce(strftime(ordered_at, '%Y-%m-%d %H:%M:%S'), ordered_text) as ordered_at,
    goods as amount,
    discount,
    tax,
    shipping,
    currency,
    status,
    payment_method as channel
from orders

union all

select
    order_id,
    'refund' as order_line_id,
    customer_id,
    email,
    coalesce(strftime(coalesce(refunded_at, ordered_at), '%Y-%m-%d %H:%M:%S'), ordered_text) as ordered_at,
    case
        when status = 'refunded' or abs(refunded) >= goods + tax then -goods
        else -round(abs(refunded) * goods / (goods + tax), 2)
    end as amount,
    null as discount,
    null as tax,
    null as shipping,
    currency,
    status,
    payment_method as channel
from orders
where goods > 0 and (refunded <> 0 or status = 'refunded')
