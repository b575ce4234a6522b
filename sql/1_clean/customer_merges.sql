-- One row per customer_id that the CRM merged: the customer who survives at the end of its chain of merges.
-- A circular chain is not a merge: its records stay unchanged.
with recursive customers as (select * from raw.customers),

newest as (
    select customer_id, merged_into
    from customers
    qualify row_number() over (partition by customer_id order by updated_at desc nulls last, row_hash) = 1
),

links as (
    select customer_id, merged_into
    from newest
    where merged_into is not null and merged_into <> customer_id
),

chains (customer_id, survivor, depth) as (
    select customer_id, merged_into, 1 from links
    union all
    select chains.customer_id, links.merged_into, chains.depth + 1
    from chains
    inner join links on chains.survivor = links.customer_id
    where chains.depth < 20
)

select customer_id, max_by(survivor, depth) as surviving_customer_id
from chains
group by customer_id
having max(depth) < 20
order by customer_id
