-- Merged customer numbers: chains are followed to their end, circular chains are not a merge.

-- given raw.customers
select * from (values
    ('a', 'b', '2024-01-01'),
    ('b', 'c', '2024-01-01'),
    ('c', null, '2024-01-01'),
    ('x', 'y', '2024-01-01'),
    ('y', 'x', '2024-01-01'),
    ('into-circle', 'x', '2024-01-01'),
    ('itself', 'itself', '2024-01-01'),
    ('moved', 'first', '2024-01-01'),
    ('moved', 'second', '2024-01-02'),
    ('undone', 'c', '2024-01-01'),
    ('undone', null, '2024-01-02'),
    ('to-unknown', 'nobody', '2024-01-01')
) as rows (customer_id, merged_into, updated_at)

-- expect a chain ends at its last record where customer_id in ('a', 'b', 'c')
select * from (values ('a', 'c'), ('b', 'c')) as rows (customer_id, surviving_customer_id)

-- expect a circle is no merge where customer_id in ('x', 'y', 'into-circle', 'itself')
select '' as customer_id where false

-- expect the newest record says into whom where customer_id = 'moved'
select 'second' as surviving_customer_id

-- expect a merge taken back is none where customer_id = 'undone'
select '' as customer_id where false

-- expect a survivor needs no record where customer_id = 'to-unknown'
select 'nobody' as surviving_customer_id
