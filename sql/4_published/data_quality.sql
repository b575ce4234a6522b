-- One row per (table, fate, reason): what became of every source row, and of its money where a row has any.
with dispositions as (select * from clean.dispositions),

loads as (select * from raw.loads where is_provided),

raw_orders as (select * from raw.orders),

clean_orders as (select * from clean.orders),

counted as (
    select table_name, 'at the source' as fate, '' as reason, rows_held as row_count, null::decimal(38, 2) as source_money
    from loads
    union all
    select 'orders', 'at the source', 'of these without a customer', count(*), sum(amount)
    from raw_orders
    where customer_id is null
    union all
    select 'orders', 'accepted', 'of these guests: no customer, not scored', count(*), sum(source_amount)
    from clean_orders
    where customer_id is null
    union all
    select 'orders', 'accepted', 'of these returns and cancellations', count(*), sum(source_amount)
    from clean_orders
    where is_return
    union all
    select table_name, fate, reason, row_count, source_money
    from dispositions
)

select table_name, fate, reason, row_count, source_money
from counted
order by table_name, fate, reason
