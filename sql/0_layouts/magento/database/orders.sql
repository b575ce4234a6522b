-- One row per order item, and one per credited item, of Magento 2's sales tables.
-- What was decided:
--   * Money is the shop's (base_ columns), not that of the order's currency. amount is base_row_total less discount, without tax:
--     where prices include tax, the part of the discount that is tax (discount_tax_compensation) is added back.
--   * The parts of a configurable product or bundle are items of their own below their parent. The sale is the parent's, once; where
--     the parent has no money or no discount of its own (bundles with dynamic prices), those of its parts are added up.
--   * What was canceled of an item is no sale. Amounts have four decimals: cents are rounded once per order, later.
--   * A credit memo is dated when it was made, without its tax and postage; canceled ones are left out. An adjustment refund (money
--     given back for no item) holds tax and is a refund of the goods' share; an adjustment fee is kept by the shop and is no revenue.
--   * Where an order has no credit memo (the table is not there), what its items say was refunded, dated by the order's last change.
--   * Times are UTC. A guest has no customer_id and is known by the e-mail (hashed on loading).
--   * An order paid with a gift card or store credit is revenue; a gift card sold has the category `giftcard`, which source.toml
--     leaves out.
with placed_orders as (select * from sales_order),

order_items as (select * from sales_order_item),

credit_memos as (select * from sales_creditmemo),

credit_memo_items as (select * from sales_creditmemo_item),

item_money as (
    select
        item_id,
        coalesce(parent_item_id, item_id) as line_id,
        case when parent_item_id is null then 1 else 0 end as is_parent,
        order_id,
        sku,
        product_type,
        cast(qty_ordered as decimal(18, 4)) as quantity,
        coalesce(cast(qty_canceled as decimal(18, 4)), 0) as canceled,
        coalesce(cast(base_row_total as decimal(18, 4)), 0) as row_total,
        coalesce(cast(base_discount_amount as decimal(18, 4)), 0) as discount,
        coalesce(
            cast(base_discount_tax_compensation_amount as decimal(18, 4)),
            cast(discount_tax_compensation_amount as decimal(18, 4)), 0
        ) as compensation,
        coalesce(cast(base_tax_amount as decimal(18, 4)), 0) as tax,
        cast(base_cost as decimal(18, 4)) * cast(qty_ordered as decimal(18, 4)) as cost,
        coalesce(cast(base_amount_refunded as decimal(18, 4)), 0)
        - coalesce(cast(base_discount_refunded as decimal(18, 4)), 0) as refunded
    from order_items
),

families as (
    select
        line_id,
        min(order_id) as order_id,
        max(case when is_parent = 1 then sku end) as sku,
        max(case when is_parent = 1 then product_type end) as product_type,
        max(case when is_parent = 1 then quantity end) as quantity,
        max(case when is_parent = 1 then canceled end) as canceled,
        coalesce(nullif(sum(case when is_parent = 1 then row_total end), 0), sum(row_total)) as row_total,
        coalesce(nullif(sum(case when is_parent = 1 then discount end), 0), sum(discount)) as discount,
        coalesce(nullif(sum(case when is_parent = 1 then compensation end), 0), sum(compensation)) as compensation,
        coalesce(nullif(sum(case when is_parent = 1 then tax end), 0), sum(tax)) as tax,
        coalesce(nullif(sum(case when is_parent = 1 then cost end), 0), sum(cost)) as cost,
        coalesce(nullif(sum(case when is_parent = 1 then refunded end), 0), sum(refunded)) as refunded
    from item_money
    group by line_id
),

kept as (
    select
        families.*,
        placed_orders.increment_id,
        placed_orders.customer_id,
        placed_orders.customer_email,
        placed_orders.created_at,
        placed_orders.updated_at,
        placed_orders.base_currency_code,
        placed_orders.state,
        placed_orders.store_id,
        case
            when placed_orders.state = 'canceled' then families.quantity
            else families.quantity - families.canceled
        end as kept_quantity,
        case
            when families.line_id = min(families.line_id) over (partition by families.order_id)
                then coalesce(cast(placed_orders.base_shipping_amount as decimal(18, 4)), 0)
            else 0
        end as shipping
    from families
    inner join placed_orders on families.order_id = placed_orders.entity_id
),

credited_items as (
    select
        credit_memo_items.parent_id as creditmemo_id,
        item_money.line_id,
        item_money.is_parent,
        credit_memo_items.sku,
        coalesce(cast(credit_memo_items.qty as decimal(18, 4)), 0) as quantity,
        coalesce(cast(credit_memo_items.base_row_total as decimal(18, 4)), 0) as row_total,
        coalesce(cast(credit_memo_items.base_discount_amount as decimal(18, 4)), 0) as discount,
        coalesce(
            cast(credit_memo_items.base_discount_tax_compensation_amount as decimal(18, 4)), 0
        ) as compensation,
        coalesce(cast(credit_memo_items.base_tax_amount as decimal(18, 4)), 0) as tax,
        cast(credit_memo_items.base_cost as decimal(18, 4))
        * cast(credit_memo_items.qty as decimal(18, 4)) as cost
    from credit_memo_items
    inner join item_money on credit_memo_items.order_item_id = item_money.item_id
),

credited as (
    select
        creditmemo_id,
        line_id,
        max(case when is_parent = 1 then sku end) as sku,
        max(case when is_parent = 1 then quantity end) as quantity,
        coalesce(nullif(sum(case when is_parent = 1 then row_total end), 0), sum(row_total)) as row_total,
        coalesce(nullif(sum(case when is_parent = 1 then discount end), 0), sum(discount)) as discount,
        coalesce(nullif(sum(case when is_parent = 1 then compensation end), 0), sum(compensation)) as compensation,
        coalesce(nullif(sum(case when is_parent = 1 then tax end), 0), sum(tax)) as tax,
        coalesce(nullif(sum(case when is_parent = 1 then cost end), 0), sum(cost)) as cost
    from credited_items
    group by creditmemo_id, line_id
),

order_sums as (
    select
        increment_id,
        sum((row_total - discount + compensation) * kept_quantity / quantity) as goods,
        sum((row_total - discount + compensation + tax) * kept_quantity / quantity) as paid
    from kept
    where quantity > 0
    group by increment_id
)

select
    increment_id as order_id,
    line_id as order_line_id,
    customer_id,
    customer_email as email,
    concat(created_at, 'Z') as ordered_at,
    sku as product_id,
    product_type as product_category,
    kept_quantity as quantity,
    cast((row_total - discount + compensation) * kept_quantity / quantity as decimal(18, 6)) as amount,
    cast((discount - compensation) * kept_quantity / quantity as decimal(18, 6)) as discount,
    cast(tax * kept_quantity / quantity as decimal(18, 6)) as tax,
    shipping,
    cast(cost * kept_quantity / quantity as decimal(18, 6)) as cost,
    base_currency_code as currency,
    state as status,
    store_id as channel,
    case when updated_at is not null then concat(updated_at, 'Z') end as updated_at
from kept
where quantity > 0

union all

select
    placed_orders.increment_id as order_id,
    concat('credit-', credited.creditmemo_id, '-', credited.line_id) as order_line_id,
    placed_orders.customer_id,
    placed_orders.customer_email as email,
    concat(credit_memos.created_at, 'Z') as ordered_at,
    credited.sku as product_id,
    families.product_type as product_category,
    -credited.quantity as quantity,
    -(credited.row_total - credited.discount + credited.compensation) as amount,
    -(credited.discount - credited.compensation) as discount,
    -credited.tax as tax,
    null as shipping,
    -credited.cost as cost,
    placed_orders.base_currency_code as currency,
    placed_orders.state as status,
    placed_orders.store_id as channel,
    case
        when credit_memos.updated_at is not null then concat(credit_memos.updated_at, 'Z')
        else concat(credit_memos.created_at, 'Z')
    end as updated_at
from credited
inner join families on credited.line_id = families.line_id
inner join credit_memos on credited.creditmemo_id = credit_memos.entity_id
inner join placed_orders on credit_memos.order_id = placed_orders.entity_id
where credit_memos.state is null or credit_memos.state <> 3

union all

select
    placed_orders.increment_id as order_id,
    concat('adjustment-', credit_memos.entity_id) as order_line_id,
    placed_orders.customer_id,
    placed_orders.customer_email as email,
    concat(credit_memos.created_at, 'Z') as ordered_at,
    null as product_id,
    null as product_category,
    null as quantity,
    -round(
        cast(credit_memos.base_adjustment_positive as decimal(18, 4)) * order_sums.goods / order_sums.paid, 2
    ) as amount,
    null as discount,
    null as tax,
    null as shipping,
    null as cost,
    placed_orders.base_currency_code as currency,
    placed_orders.state as status,
    placed_orders.store_id as channel,
    case
        when credit_memos.updated_at is not null then concat(credit_memos.updated_at, 'Z')
        else concat(credit_memos.created_at, 'Z')
    end as updated_at
from credit_memos
inner join placed_orders on credit_memos.order_id = placed_orders.entity_id
inner join order_sums on placed_orders.increment_id = order_sums.increment_id
where
    (credit_memos.state is null or credit_memos.state <> 3)
    and cast(credit_memos.base_adjustment_positive as decimal(18, 4)) > 0
    and order_sums.paid > 0

union all

select
    increment_id as order_id,
    concat('refunded-', line_id) as order_line_id,
    customer_id,
    customer_email as email,
    case when updated_at is not null then concat(updated_at, 'Z') else concat(created_at, 'Z') end as ordered_at,
    sku as product_id,
    product_type as product_category,
    null as quantity,
    -refunded as amount,
    null as discount,
    null as tax,
    null as shipping,
    null as cost,
    base_currency_code as currency,
    state as status,
    store_id as channel,
    case when updated_at is not null then concat(updated_at, 'Z') end as updated_at
from kept
where refunded > 0 and order_id not in (select order_id from credit_memos where order_id is not null)
