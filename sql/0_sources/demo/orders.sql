-- One row per order line; a return is a line of its own with a negative amount.
with staff as (
    -- distinct, because a contact entered twice must not double its orders
    select distinct customer_no
    from crm_contact
    where is_staff = 'Y'
),

sold as (
    select
        l.order_no,
        cast(l.line_no as text) as line_id,
        o.customer_no,
        o.ordered_ts as booked_ts,
        l.sku,
        l.qty,
        l.qty * l.unit_price_cents - l.discount_cents as net_cents,
        o.currency_code,
        l.state_code,
        o.channel_code,
        l.changed_ts
    from shop_order_line as l
    inner join shop_order as o on o.order_no = l.order_no
    where l.changed_ts >= :since
),

sent_back as (
    select
        order_no,
        'R' || cast(line_no as text) as line_id,
        customer_no,
        returned_ts as booked_ts,
        sku,
        -qty as qty,
        -refund_cents as net_cents,
        currency_code,
        'R' as state_code,
        channel_code,
        changed_ts
    from shop_return
    where changed_ts >= :since
),

lines as (
    select * from sold
    union all
    select * from sent_back
)

select
    lines.order_no as order_id,
    lines.line_id as order_line_id,
    lines.customer_no as customer_id,
    lines.booked_ts as ordered_at,
    lines.sku as product_id,
    article_category.label as product_category,
    lines.qty as quantity,
    round(lines.net_cents / 100.0, 2) as amount,
    lines.currency_code as currency,
    case lines.state_code
        when 'O' then 'open'
        when 'P' then 'paid'
        when 'S' then 'shipped'
        when 'R' then 'returned'
        when 'C' then 'cancelled'
        else lines.state_code
    end as status,
    case
        when staff.customer_no is not null then 'staff'
        when lines.channel_code = 'W' then 'web'
        when lines.channel_code = 'A' then 'app'
        when lines.channel_code = 'S' then 'store'
        else lines.channel_code
    end as channel,
    lines.changed_ts as updated_at
from lines
left join article on article.sku = lines.sku
left join article_category on article_category.category_id = article.category_id
left join staff on staff.customer_no = lines.customer_no
