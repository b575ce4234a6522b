-- Customer numbers that stand for another one: merges of the CRM, and e-mail addresses of accounts.

-- given clean.customer_merges
select * from (values
    ('old', 'new'),
    ('older', repeat('a', 64)),
    (repeat('d', 64), 'new')
) as rows (customer_id, surviving_customer_id)

-- given clean.email_identities
select * from (values
    (repeat('a', 64), '7',             'crm',     1),
    (repeat('b', 64), repeat('b', 64), 'address', 0),
    (repeat('c', 64), null,            'shared',  6),
    (repeat('d', 64), 'new',           'address', 0)
) as rows (email_hash, customer_id, found_by, accounts)

-- expect merges, addresses of accounts, and one row for a number that is both
select * from (values
    ('old', 'new'),
    ('older', '7'),
    (repeat('a', 64), '7'),
    (repeat('d', 64), 'new')
) as rows (customer_id, surviving_customer_id)
