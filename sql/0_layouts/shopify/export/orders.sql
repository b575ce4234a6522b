-- One row per order line, and one for what was refunded of an order, of Shopify's orders export.
-- What the export does not have, and what was decided:
--   * Order fields stand on the first row of an order only; they are put on all its rows. An order that is in two files (exports of
--     overlapping months) counts as it is in the last of them.
--   * No customer number: the e-mail address is the customer (hashed on loading). An order without one (a till sale) is a guest's.
--   * No line number: the n-th equal line of an order is its n-th, whatever the order of the rows.
--   * amount is goods net of discounts, tax and postage: the order's Subtotal, shared among its goods by price so that the cents add
--     up. Gift cards are never discounted. Gift cards and tips get categories of their own, which source.toml leaves out; an order
--     paid with a gift card is revenue.
--   * Nothing says whether prices include tax. They do where Total is Subtotal + Shipping although there are Taxes: then the goods'
--     tax is taken out. Taxes are those of goods and postage together: the rate in the tax's name tells whether postage is taxed;
--     without a rate, postage is taxed like the goods where prices include tax, and not at all where they do not.
--   * Refunded Amount holds tax and postage. A full refund takes back all goods; a partial one is for goods with their tax first,
--     and for postage only beyond that. Without the column an order `refunded` is taken back in full, one `partially_refunded` not.
--   * No time of a refund: that of the cancellation where there is one, else that of the order.
with orders_export as (select * from orders_export),

heads as (
    select
        file_number,
        "Name" as order_id,
        max(nullif("Financial Status", '')) as status,
        max(nullif("Email", '')) as email,
        max(nullif("Created at", '')) as created_at,
        max(nullif("Cancelled at", '')) as cancelled_at,
        max(nullif("Currency", '')) as currency,
        max(nullif("Payment Method", '')) as paid_by,
        max(nullif("Source", '')) as sold_by,
        max(try_cast("Subtotal" as decimal(18, 2))) as subtotal,
        coalesce(max(try_cast("Shipping" as decimal(18, 2))), 0) as shipping,
        coalesce(max(try_cast("Taxes" as decimal(18, 2))), 0) as taxes,
        coalesce(max(try_cast("Duties" as decimal(18, 2))), 0) as duties,
        max(try_cast("Total" as decimal(18, 2))) as total,
        coalesce(max(try_cast("Discount Amount" as decimal(18, 2))), 0) as discounts,
        max(try_cast("Refunded Amount" as decimal(18, 2))) as refunded,
        max(
            coalesce(try_cast(nullif(regexp_extract("Tax 1 Name", '([0-9.]+) ?%', 1), '') as double), 0)
            + coalesce(try_cast(nullif(regexp_extract("Tax 2 Name", '([0-9.]+) ?%', 1), '') as double), 0)
            + coalesce(try_cast(nullif(regexp_extract("Tax 3 Name", '([0-9.]+) ?%', 1), '') as double), 0)
            + coalesce(try_cast(nullif(regexp_extract("Tax 4 Name", '([0-9.]+) ?%', 1), '') as double), 0)
            + coalesce(try_cast(nullif(regexp_extract("Tax 5 Name", '([0-9.]+) ?%', 1), '') as double), 0)
        ) as percent,
        row_number() over (partition by "Name" order by file_number desc) as from_last
    from orders_export
    where coalesce("Financial Status", '') <> '' or coalesce("Total", '') <> ''
    group by file_number, "Name"
),

-- a file may end in the middle of an order: rows whose first row is in another file stay with it
lines as (
    select
        rows_of.*,
        case
            -- in the languages of Shopify's admin, printed ones too; a product called otherwise: add its name
            when regexp_matches(
                lower(rows_of."Lineitem name"),
                '^(e-?)?(gift ?(card|voucher|certificate)|geschenk(gutschein|karte)|gutschein|carte[- ]cadeau|chèque[- ]cadeau|'
                || 'tarjeta (de )?regalo|carta regalo|buono regalo|cadeaubon|cadeaukaart|presentkort|gavekort|lahjakortti|'
                || 'cartão[- ]presente|vale[- ]presente)'
            ) and not regexp_matches(lower(rows_of."Lineitem name"), '(holder|wallet|sleeve|envelope|box|case)')
                then 'gift card'
            when lower(trim(rows_of."Lineitem name")) in ('tip', 'tips', 'trinkgeld', 'pourboire', 'propina', 'mancia', 'fooi')
                then 'tip'
            else 'goods'
        end as kind,
        coalesce(try_cast(rows_of."Lineitem quantity" as decimal(18, 6)), 0)
        * coalesce(try_cast(rows_of."Lineitem price" as decimal(18, 6)), 0) as list_amount
    from orders_export as rows_of
    left join heads on rows_of."Name" = heads.order_id and rows_of.file_number = heads.file_number
    where coalesce(heads.from_last, 1) = 1
),

numbered as (
    select
        "Name" as order_id,
        kind,
        list_amount,
        greatest(list_amount - coalesce(try_cast("Lineitem discount" as decimal(18, 2)), 0), 0)::decimal(18, 6) as worth,
        "Lineitem quantity" as quantity,
        coalesce(nullif("Lineitem sku", ''), "Lineitem name") as product_id,
        nullif("Email", '') as line_email,
        nullif("Created at", '') as line_created_at,
        concat_ws(
            '|', "Lineitem sku", "Lineitem name", "Lineitem price",
            row_number() over (
                partition by "Name", "Lineitem sku", "Lineitem name", "Lineitem price"
                order by "Lineitem quantity", "Lineitem discount"
            )
        ) as line_key
    from lines
),

sums as (
    select
        order_id,
        coalesce(sum(worth) filter (kind = 'goods'), 0) as goods_worth,
        coalesce(sum(list_amount) filter (kind = 'gift card'), 0) as gift_cards,
        coalesce(sum(list_amount) filter (kind = 'tip'), 0) as tips
    from numbered
    group by order_id
),

taxed as (
    select
        heads.*,
        sums.goods_worth,
        sums.gift_cards,
        sums.tips,
        coalesce(
            taxes > 0 and (
                abs(total - subtotal - shipping - duties) <= 0.01
                or (tips > 0 and tips <> taxes and abs(total - subtotal - shipping - duties - tips) <= 0.01)
            ),
            false
        ) as prices_include_tax
    from heads
    inner join sums on heads.order_id = sums.order_id
    where heads.from_last = 1
),

-- goods as they were charged, with their tax where prices include it; tips are in the Subtotal unless Total says otherwise
charged as (
    select
        *,
        case
            when subtotal is null then greatest(goods_worth - discounts, 0)
            when tips > 0 and abs(
                total - subtotal - shipping - duties - tips - case when prices_include_tax then 0 else taxes end
            ) <= 0.01 then greatest(subtotal - gift_cards, 0)
            else greatest(subtotal - gift_cards - tips, 0)
        end as goods
    from taxed
),

tax_split as (
    select
        *,
        case
            when shipping = 0 or taxes = 0 or goods = 0 then case when goods = 0 then 0 else taxes end
            when percent > 0 and abs(
                goods * percent / case when prices_include_tax then 100 + percent else 100 end - taxes
            ) <= 0.02 then taxes
            when percent > 0 or prices_include_tax then round(taxes * goods / (goods + shipping), 2)
            else taxes
        end as goods_tax
    from charged
),

orders as (
    select
        *,
        (goods - case when prices_include_tax then goods_tax else 0 end)::decimal(18, 2) as net_goods,
        (goods + case when prices_include_tax then 0 else goods_tax end)::decimal(18, 2) as goods_paid,
        case when contains(lower(coalesce(paid_by, '')), 'bogus') then 'test' else sold_by end as channel
    from tax_split
),

shared as (
    select
        orders.*,
        numbered.* exclude (order_id),
        case when kind = 'goods' then worth else 0 end as share,
        sum(case when kind = 'goods' then worth else 0 end) over so_far as share_so_far,
        row_number() over so_far as position
    from numbered
    inner join orders on numbered.order_id = orders.order_id
    window so_far as (partition by numbered.order_id order by kind = 'goods' desc, line_key rows unbounded preceding)
)

select
    order_id,
    line_key as order_line_id,
    null as customer_id,
    coalesce(email, line_email) as email,
    coalesce(created_at, line_created_at) as ordered_at,
    product_id,
    kind as product_category,
    quantity,
    case
        when kind <> 'goods' then list_amount
        when goods_worth = 0 then 0
        else round(net_goods * share_so_far / goods_worth, 2) - round(net_goods * (share_so_far - share) / goods_worth, 2)
    end::decimal(18, 2) as amount,
    case
        when kind <> 'goods' or goods_worth = 0 then 0
        else list_amount - round(goods * share_so_far / goods_worth, 2)
            + round(goods * (share_so_far - share) / goods_worth, 2)
    end::decimal(18, 2) as discount,
    case
        when kind <> 'goods' or goods_worth = 0 then 0
        else round(goods_tax * share_so_far / goods_worth, 2)
            - round(goods_tax * (share_so_far - share) / goods_worth, 2)
    end::decimal(18, 2) as tax,
    case when position = 1 then shipping else 0 end::decimal(18, 2) as shipping,
    currency,
    status,
    channel
from shared

union all

select
    order_id,
    'refund' as order_line_id,
    null as customer_id,
    email,
    coalesce(cancelled_at, created_at) as ordered_at,
    null as product_id,
    'goods' as product_category,
    null as quantity,
    case
        when status = 'refunded' or refunded >= goods_paid then -net_goods
        else -round(refunded * net_goods / goods_paid, 2)
    end::decimal(18, 2) as amount,
    null as discount,
    null as tax,
    null as shipping,
    currency,
    status,
    channel
from orders
where net_goods > 0 and (refunded > 0 or (refunded is null and status = 'refunded'))
