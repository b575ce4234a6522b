-- Data quality: what became of every row and its money.

-- given raw.loads
select * from (values ('orders', true, 3), ('web_sessions', false, 0)) as rows (table_name, is_provided, rows_held)

-- given raw.orders
select * from (values ('1', 'a', 10.00), ('2', null, 5.00), ('3', 'a', -2.00)) as rows (order_id, customer_id, amount)

-- given clean.orders
select * from (values
    ('1', 'a', 10.00, false), ('2', null, 5.00, false), ('3', 'a', -2.00, true)
) as rows (order_id, customer_id, source_amount, is_return)

-- given clean.dispositions
select * from (values ('orders', 'accepted', '', 3, 13.00)) as rows (table_name, fate, reason, row_count, source_money)

-- expect source, fates, guests and returns
select * from (values
    ('orders', 'accepted', '', 3, 13.00),
    ('orders', 'accepted', 'of these guests: no customer, not scored', 1, 5.00),
    ('orders', 'accepted', 'of these returns and cancellations', 1, -2.00),
    ('orders', 'at the source', '', 3, null),
    ('orders', 'at the source', 'of these without a customer', 1, 5.00)
) as rows (table_name, fate, reason, row_count, source_money)
