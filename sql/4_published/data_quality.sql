-- One row per (table, row_kind, disposition, reason): the disposition of every source row, and of the money of orders, marketing
-- spend and payments of subscriptions.
-- Per table, the row of row_kind source, which the source counted itself (a file's text was counted before it was typed) =
-- accepted + duplicate + superseded + excluded + quarantined; read is what the warehouse holds, part counts a subset again.
with dispositions as (select * from clean.dispositions),

loads as (select * from raw.loads where is_provided),

raw_orders as (select * from raw.orders),

raw_spend as (select * from raw.marketing_spend),

raw_payments as (select * from raw.subscription_payments),

clean_orders as (select * from clean.orders),

-- the tables whose money is reconciled from the source to its disposition
money as (
    select 'orders' as table_name, sum(amount)::decimal(38, 6) as money_read from raw_orders
    union all
    select 'marketing_spend', sum(spend)::decimal(38, 6) from raw_spend
    union all
    select 'subscription_payments', sum(amount)::decimal(38, 6) from raw_payments
),

read as (
    select
        loads.table_name,
        loads.rows_held,
        coalesce(loads.rows_erased, 0) as rows_erased,
        coalesce(loads.rows_at_source, loads.rows_held + coalesce(loads.rows_erased, 0)) as rows_at_source,
        money.money_read,
        -- sums of cents as floating-point numbers differ in digits that no amount has
        case
            when abs(money.money_read - loads.money_at_source) < 0.01 then money.money_read
            when money.money_read is not null
                then coalesce(round(loads.money_at_source, 2)::decimal(38, 6), money.money_read)
        end as money_at_source
    from loads
    left join money on loads.table_name = money.table_name
),

counted as (
    select
        table_name,
        'source' as row_kind,
        '' as disposition,
        '' as reason_code,
        '' as reason,
        rows_at_source as row_count,
        money_at_source as source_money
    from read
    union all
    select table_name, 'read', '', '', '', rows_held, money_read
    from read
    union all
    -- never stored: their money is the difference
    select table_name, 'disposition', 'excluded', 'erased_customer', $erased_customer, rows_erased, money_at_source - money_read
    from read
    where rows_erased > 0
    union all
    select 'orders', 'part', '', '', 'at the source without a customer', count(*), sum(amount)
    from raw_orders
    where customer_id is null
    union all
    select 'orders', 'part', '', '', 'accepted guests: no customer, not scored', count(*), sum(source_amount)
    from clean_orders
    where customer_id is null
    union all
    select 'orders', 'part', '', '', 'accepted guests whose email names the customer', count(*), sum(source_amount)
    from clean_orders
    where is_by_email
    having count(*) > 0
    union all
    select 'orders', 'part', '', '', 'accepted lines of subscriptions, which count as purchases', count(*), sum(source_amount)
    from clean_orders
    where subscription_id is not null
    having count(*) > 0
    union all
    select 'orders', 'part', '', '', 'accepted returns and cancellations', count(*), sum(source_amount)
    from clean_orders
    where is_return
    union all
    select table_name, 'disposition', disposition, reason_code, reason, row_count, source_money
    from dispositions
)

select table_name, row_kind, disposition, reason_code, reason, row_count, source_money::decimal(38, 2) as source_money
from counted
order by table_name, row_kind, disposition, reason, reason_code
