-- Whose an e-mail address is: accounts of the CRM, accounts that used it, and addresses that are customers themselves.

-- parameters
select 'Europe/Berlin' as time_zone

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.customer_merges
select '4old' as customer_id, '4' as surviving_customer_id

-- given raw.customers
select
    customer_id, rpad(address, 64, '.') as email, created_at, updated_at,
    case when customer_id = 'test' then 'test account' end as excluded_because
from (values
    ('1',        'crm',     '2024-01-01 12:00+01', null),
    ('2',        'family',  '2024-02-01 12:00+01', null),
    ('3',        'family',  '2024-01-01 12:00+01', null),
    ('4old',     'merged',  '2024-01-01 12:00+01', null),
    ('4',        'merged',  '2024-02-01 12:00+01', null),
    ('5',        'moved',   '2024-01-01 12:00+01', '2024-01-01 12:00+01'),
    ('5',        'later',   '2024-01-01 12:00+01', '2024-06-01 00:00+02'),
    ('6',        'today',   '2024-01-01 12:00+01', '2024-06-01 00:00+02'),
    ('7',        'future',  '2024-06-01 00:00+02', null),
    ('8',        'asnumber', '2024-01-01 12:00+01', null),
    (rpad('asnumber', 64, '.'), 'asnumber', '2024-01-01 12:00+01', null),
    ('s1',       'till',    null, null),
    ('s2',       'till',    null, null),
    ('s3',       'till',    null, null),
    ('s4',       'till',    null, null),
    ('s5',       'till',    null, null),
    ('s6',       'till',    null, null),
    ('test',     'tested',  null, null)
) as rows (customer_id, address, created_at, updated_at)

-- given raw.orders
select
    order_id, case when length(buyer) > 5 then rpad(buyer, 64, '.') else buyer end as customer_id,
    rpad(address, 64, '.') as email, ordered_at
from (values
    ('o01', null,       'crm',      '2024-05-01 12:00+02'),
    ('o02', '9',        'crm',      '2024-04-01 12:00+02'),
    ('o03', null,       'family',   '2024-05-01 12:00+02'),
    ('o04', null,       'merged',   '2024-05-01 12:00+02'),
    ('o05', null,       'moved',    '2024-05-01 12:00+02'),
    ('o06', null,       'later',    '2024-05-01 12:00+02'),
    ('o07', null,       'today',    '2024-05-01 12:00+02'),
    ('o08', null,       'future',   '2024-05-01 12:00+02'),
    ('o09', null,       'nobody',   '2024-05-01 12:00+02'),
    ('o10', '10',       'ordered',  '2024-05-01 12:00+02'),
    ('o11', null,       'ordered',  '2024-03-01 12:00+01'),
    ('o12', '11',       'twice',    '2024-05-02 12:00+02'),
    ('o13', '12',       'twice',    '2024-05-01 12:00+02'),
    ('o14', '13',       'tomorrow', '2024-06-01 00:00+02'),
    ('o15', null,       'tomorrow', '2024-05-01 12:00+02'),
    ('o16', null,       'till',     '2024-05-01 12:00+02'),
    ('o17', null,       'tested',   '2024-05-01 12:00+02'),
    ('o18', 'asnumber', 'asnumber', '2024-05-01 12:00+02'),
    ('o19', 'circle1',  'circle2',  '2024-05-01 12:00+02'),
    ('o20', 'circle2',  'circle1',  '2024-05-01 12:00+02'),
    ('o21', 'asnumber', 'second',   '2024-05-01 12:00+02')
) as rows (order_id, buyer, address, ordered_at)

-- expect the CRM's account, before an account that used the address where email_hash like 'crm.%'
select '1' as customer_id, 'crm' as found_by, 1 as accounts

-- expect of several accounts the one that had it first where email_hash like 'family.%' or email_hash like 'twice.%'
select * from (values ('3', 'crm', 2), ('12', 'order', 2)) as rows (customer_id, found_by, accounts)

-- expect merged accounts are one where email_hash like 'merged.%'
select '4' as customer_id, 1 as accounts

-- expect the address of the newest record before as_of, else the one of today where email_hash like 'moved.%' or email_hash like 'later.%' or email_hash like 'today.%'
select * from (values
    (rpad('moved', 64, '.'), '5', 'crm'),
    (rpad('later', 64, '.'), rpad('later', 64, '.'), 'address'),
    (rpad('today', 64, '.'), '6', 'crm')
) as rows (email_hash, customer_id, found_by)

-- expect neither a record nor an order from as_of on where email_hash like 'future.%' or email_hash like 'tomorrow.%'
select * from (values
    (rpad('future', 64, '.'), rpad('future', 64, '.'), 'address'),
    (rpad('tomorrow', 64, '.'), rpad('tomorrow', 64, '.'), 'address')
) as rows (email_hash, customer_id, found_by)

-- expect the account that used the address on an order where email_hash like 'ordered.%'
select '10' as customer_id, 'order' as found_by, 1 as accounts

-- expect an address that nobody has is the customer where email_hash like 'nobody.%' or email_hash like 'tested.%'
select * from (values
    (rpad('nobody', 64, '.'), rpad('nobody', 64, '.'), 0),
    (rpad('tested', 64, '.'), rpad('tested', 64, '.'), 0)
) as rows (email_hash, customer_id, accounts)

-- expect an address of six accounts is nobody's where email_hash like 'till.%'
select null::varchar as customer_id, 'shared' as found_by, 6 as accounts

-- expect an address as customer number is the account that has it, with its other addresses where email_hash like 'asnumber.%' or email_hash like 'second.%'
select * from (values
    (rpad('asnumber', 64, '.'), '8', 'crm'),
    (rpad('second', 64, '.'), '8', 'order')
) as rows (email_hash, customer_id, found_by)

-- expect two addresses that are customers are not merged where email_hash like 'circle%'
select * from (values
    (rpad('circle1', 64, '.'), rpad('circle1', 64, '.')),
    (rpad('circle2', 64, '.'), rpad('circle2', 64, '.'))
) as rows (email_hash, customer_id)
