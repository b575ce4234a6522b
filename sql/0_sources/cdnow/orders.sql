-- One row per purchase row of the file; several rows of one customer on one day are one order.
select
    customer_id || '-' || date as order_id,
    row_number() over (partition by customer_id, date order by cds, sales) as order_line_id,
    customer_id,
    date as ordered_at,
    cds as quantity,
    sales as amount
from native
