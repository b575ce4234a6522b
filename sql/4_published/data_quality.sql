-- One row per (table, row_kind, disposition, reason): the disposition of every source row, and of the money of orders.
-- Per table, the row of row_kind source = accepted + duplicate + superseded + excluded + quarantined; part counts a
-- subset of these rows again.
with dispositions as (select * from clean.dispositions),

loads as (select * from raw.loads where is_provided),

raw_orders as (select * from raw.orders),

clean_orders as (select * from clean.orders),

-- only orders have money that is reconciled from the source to its disposition
orders_money as (select 'orders' as table_name, sum(amount) as source_money from raw_orders),

counted as (
    select
        loads.table_name,
        'source' as row_kind,
        '' as disposition,
        '' as reason_code,
        '' as reason,
        loads.rows_held + coalesce(loads.rows_erased, 0) as row_count,
        orders_money.source_money
    from loads
    left join orders_money on loads.table_name = orders_money.table_name
    union all
    -- never stored, so their money is in no sum
    select table_name, 'disposition', 'excluded', 'erased_customer', $erased_customer, rows_erased, null
    from loads
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
    select 'orders', 'part', '', '', 'accepted returns and cancellations', count(*), sum(source_amount)
    from clean_orders
    where is_return
    union all
    select table_name, 'disposition', disposition, reason_code, reason, row_count, source_money
    from dispositions
)

select table_name, row_kind, disposition, reason_code, reason, row_count, source_money
from counted
order by table_name, row_kind, disposition, reason, reason_code
