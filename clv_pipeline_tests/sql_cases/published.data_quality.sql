-- Data quality: the disposition of every row and its money.

-- parameters
select 'text of the erased' as erased_customer

-- given raw.loads
select * from (values
    ('orders', true, 4, 2, 6, 25.5), ('marketing_spend', true, 1, 0, 1, 7.5), ('subscription_payments', true, 1, 0, null, null), ('web_sessions', false, 0, null, null, null)
) as rows (table_name, is_provided, rows_held, rows_erased, rows_at_source, money_at_source)

-- given raw.orders
select * from (values
    ('1', 'a', 10.00), ('2', null, 5.00), ('3', 'a', -2.00), ('4', null, 3.00)
) as rows (order_id, customer_id, amount)

-- given raw.marketing_spend
select 7.50 as spend

-- given raw.subscription_payments
select 9.00 as amount

-- given clean.orders
select * from (values
    ('1', 'a', 10.00, false, false, null), ('2', null, 5.00, false, false, null), ('3', 'a', -2.00, true, false, 's1'),
    ('5', 'b', 7.00, false, true, null)
) as rows (order_id, customer_id, source_amount, is_return, is_by_email, subscription_id)

-- given clean.dispositions
select * from (values
    ('orders', 'accepted', '', '', 3, 13.00),
    ('orders', 'quarantined', 'unknown_order_status', 'text of the code', 1, 3.00),
    ('marketing_spend', 'accepted', '', '', 1, 7.50),
    ('subscription_payments', 'accepted', '', '', 1, 9.00)
) as rows (table_name, disposition, reason_code, reason, row_count, source_money)

-- expect source, dispositions, guests and returns
select * from (values
    ('marketing_spend', 'disposition', 'accepted', '', '', 1, 7.50),
    ('marketing_spend', 'source', '', '', '', 1, 7.50),
    ('marketing_spend', 'read', '', '', '', 1, 7.50),
    ('subscription_payments', 'disposition', 'accepted', '', '', 1, 9.00),
    ('subscription_payments', 'source', '', '', '', 1, 9.00),
    ('subscription_payments', 'read', '', '', '', 1, 9.00),
    ('orders', 'disposition', 'accepted', '', '', 3, 13.00),
    ('orders', 'source', '', '', '', 6, 25.50),
    ('orders', 'read', '', '', '', 4, 16.00),
    ('orders', 'disposition', 'excluded', 'erased_customer', 'text of the erased', 2, 9.50),
    ('orders', 'part', '', '', 'accepted guests: no customer, not scored', 1, 5.00),
    ('orders', 'part', '', '', 'accepted guests whose email names the customer', 1, 7.00),
    ('orders', 'part', '', '', 'accepted lines of subscriptions, which count as purchases', 1, -2.00),
    ('orders', 'part', '', '', 'accepted returns and cancellations', 1, -2.00),
    ('orders', 'part', '', '', 'at the source without a customer', 2, 8.00),
    ('orders', 'disposition', 'quarantined', 'unknown_order_status', 'text of the code', 1, 3.00)
) as rows (table_name, row_kind, disposition, reason_code, reason, row_count, source_money)
