-- Order lines: accepted lines, with their currency, day in the business time zone, and customer.

-- parameters
select 'Europe/Berlin' as time_zone, ['paid', 'returned'] as revenue, ['cancelled'] as not_revenue, true as net_refunds

-- given raw.extraction
select date '2024-06-01' as as_of, timestamp '2024-06-01 03:00' as started_at

-- given raw.loads
select 'orders' as table_name, ['order_id', 'status'] as columns_returned

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given clean.email_identities
select * from (values
    ('address-account', 'survivor',       'crm'),
    ('address-nobody',  'address-nobody', 'address'),
    ('address-shared',  null,             'shared'),
    ('address-kept',    'survivor',       'crm')
) as rows (email_hash, customer_id, found_by)

-- given clean.products
select * from (values ('rose', 'garden', 1.505), ('fern', null, null)) as rows (product_id, category, cost)

-- given clean.exchange_rates
select * from (values
    ('USD', '2024-03-01', 0.9),
    ('USD', '2024-04-01', 0.8),
    ('USD', '2024-04-03', 0.7)
) as rows (currency, valid_date, rate)

-- given raw.orders
select
    *,
    case
        when order_id in ('sign-broken', 'sign-return') then -2
        when order_id = 'part-return' then -1
        when order_id like 'part-%' then 3
    end as quantity,
    case order_id when 'part-own' then 'gifts' end as product_category,
    case order_id when 'key-broken' then 'key_with_nul' end as unusable_key,
    case when order_id like 'mail-%' then 'address-' || order_id[6:] end as email,
    case order_id
        when 'cost-fx' then 4
        when 'cost-thirds' then 8.4034
        when 'cost-return' then 6
        when 'cost-tax' then case when amount > 0 then 6 else -6 end
        when 'cost-more' then case when amount > 0 then 6 else -12 end
        when 'cost-before' then -8
        when 'cost-never' then -1
        when 'cost-version' then amount / 2
        when 'part-own' then 2
    end as cost,
    case order_id when 'cost-fx' then 1 when 'cost-version' then 2 when 'cost-never' then -1 end as discount,
    case order_id when 'cost-fx' then 1.9 when 'cost-version' then 3 end as tax,
    case order_id when 'cost-fx' then 2.5 when 'cost-version' then 4 end as shipping,
    case order_id when 'cost-fx' then 'sub-1' end as subscription_id
from (values
    -- order, line, customer, ordered at, product, amount, currency, status, updated at, excluded because
    ('twice',        '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('twice',        '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('corrected',    '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      '2024-03-01', null),
    ('corrected',    '1',  'a',      '2024-03-01 12:00+01', 'p', 8.00,  null,  'paid',      '2024-03-05', null),
    ('later-cancel', '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      '2024-03-01', null),
    ('later-cancel', '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'cancelled', '2024-03-02', null),
    ('no-line-id',   null, 'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('no-line-id',   null, 'a',      '2024-03-01 12:00+01', 'q', 10.00, null,  'paid',      null,         null),
    ('no-line-id',   null, 'a',      '2024-03-01 12:00+01', 'q', 10.00, null,  'paid',      null,         null),
    ('no-id-change', null, 'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      '2024-03-01', null),
    ('no-id-change', null, 'a',      '2024-03-01 12:00+01', 'p', 7.00,  null,  'paid',      '2024-03-02', null),
    ('sent-back',    '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      '2024-03-01', null),
    ('sent-back',    'R1', 'a',      '2024-03-20 12:00+01', 'p', -4.00, null,  'returned',  '2024-03-20', null),
    ('no-id-return', null, 'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      '2024-03-01', null),
    ('no-id-return', null, 'a',      '2024-03-20 12:00+01', 'p', -4.00, null,  'returned',  '2024-03-20', null),
    ('status-weird', '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'weird',     null,         null),
    ('status-null',  '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  null,        null,         null),
    ('status-open',  '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'cancelled', null,         null),
    ('excluded',     '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         'test order'),
    ('key-broken',   '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         'test order'),
    ('guest',        '1',  null,     '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('of-merged',    '1',  'merged', '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('fx-march',     '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, 'USD', 'paid',      null,         null),
    ('fx-april',     '1',  'a',      '2024-04-01 12:00+02', 'p', 10.00, 'USD', 'paid',      null,         null),
    ('fx-shop-day',  '1',  'a',      '2024-03-31 22:30+00', 'p', 10.00, 'USD', 'paid',      null,         null),
    ('fx-no-day',    '1',  'a',      '2024-04-02 12:00+02', 'p', 10.00, 'USD', 'paid',      null,         null),
    ('fx-no-rates',  '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, 'GBP', 'paid',      null,         null),
    ('fx-own',       '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, 'EUR', 'paid',      null,         null),
    ('day-early',    '1',  'a',      '1989-12-31 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('day-earliest', '1',  'a',      '1990-01-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('day-tomorrow', '1',  'a',      '2024-06-02 23:59+02', 'p', 10.00, null,  'paid',      null,         null),
    ('day-future',   '1',  'a',      '2024-06-03 00:00+02', 'p', 10.00, null,  'paid',      null,         null),
    ('day-missing',  '1',  'a',      null,                  'p', 10.00, null,  'paid',      null,         null),
    ('zone-winter',  '1',  'a',      '2024-03-30 22:30+00', 'p', 10.00, null,  'paid',      null,         null),
    ('zone-summer',  '1',  'a',      '2024-03-31 21:30+00', 'p', 10.00, null,  'paid',      null,         null),
    ('zone-summer2', '1',  'a',      '2024-03-31 22:30+00', 'p', 10.00, null,  'paid',      null,         null),
    ('zone-autumn',  '1',  'a',      '2023-10-28 22:30+00', 'p', 10.00, null,  'paid',      null,         null),
    ('zone-autumn2', '1',  'a',      '2023-10-29 22:30+00', 'p', 10.00, null,  'paid',      null,         null),
    ('zone-leap',    '1',  'a',      '2024-02-29 22:30+00', 'p', 10.00, null,  'paid',      null,         null),
    ('zone-leap2',   '1',  'a',      '2024-02-29 23:30+00', 'p', 10.00, null,  'paid',      null,         null),
    ('no-amount',    '1',  'a',      '2024-03-01 12:00+01', 'p', null,  null,  'paid',      null,         null),
    ('refund-order', '1',  'b',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('refund-order', 'R1', 'b',      '2024-03-20 12:00+01', 'p', -10.0, null,  'returned',  null,         null),
    ('refund-order', 'R2', 'b',      '2024-03-20 12:00+01', 'p', -10.1, null,  'returned',  null,         null),
    ('refund-other', 'R1', 'b',      '2024-03-01 08:00+01', 'p', -10.0, null,  'returned',  null,         null),
    ('refund-more',  'R1', 'b',      '2024-03-21 12:00+01', 'p', -10.1, null,  'returned',  null,         null),
    ('refund-early', 'R1', 'b',      '2024-02-29 12:00+01', 'p', -1.00, null,  'returned',  null,         null),
    ('refund-never', 'R1', 'c',      '2024-03-21 12:00+01', 'p', -1.00, null,  'returned',  null,         null),
    ('refund-guest', 'R1', null,     '2024-03-21 12:00+01', 'p', -1.00, null,  'returned',  null,         null),
    ('new-year',     '1',  'a',      '2023-03-01 12:00+01', 'p', 10.00, null,  'paid',      '2023-03-01', null),
    ('new-year',     '1',  'a',      '2024-03-01 12:00+01', 'p', 30.00, null,  'paid',      '2024-03-01', null),
    ('other-shop',   '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('other-shop',   '1',  'g',      '2024-03-01 12:00+01', 'p', 20.00, null,  'paid',      null,         null),
    ('thirds',       '1',  'a',      '2024-03-01 12:00+01', 'p', 8.4034, null, 'paid',      null,         null),
    ('thirds',       '2',  'a',      '2024-03-01 12:00+01', 'p', 8.4034, null, 'paid',      null,         null),
    ('thirds',       '3',  'a',      '2024-03-01 12:00+01', 'p', 8.4034, null, 'paid',      null,         null),
    ('with-tax',     '1',  'd',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('with-tax',     'R1', 'd',      '2024-03-20 12:00+01', 'p', -13.9, null,  'returned',  null,         null),
    ('other-money',  '1',  'e',      '2024-03-01 12:00+01', 'p', 10.00, 'eur', 'paid',      null,         null),
    ('other-money',  'R1', 'e',      '2024-03-01 12:00+01', 'p', -20.0, 'usd', 'returned',  null,         null),
    ('sold-later',   '1',  'f',      '2024-03-02 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('sold-later',   'R1', 'f',      '2024-03-01 12:00+01', 'p', -4.00, null,  'returned',  null,         null),
    ('day-as-of',    '1',  'a',      '2024-06-01 00:00+02', 'p', 10.00, null,  'paid',      null,         null),
    ('sign-broken',  '1',  'a',      '2024-03-20 12:00+01', 'p', 4.00,  null,  'returned',  null,         null),
    ('sign-return',  '1',  'a',      '2024-03-20 12:00+01', 'p', -4.00, null,  'returned',  null,         null),
    ('mail-account', '1',  null,     '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('mail-account', 'R1', null,     '2024-03-02 12:00+01', 'p', -12.0, null,  'returned',  null,         null),
    ('mail-nobody',  '1',  null,     '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('mail-shared',  '1',  null,     '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('mail-kept',    '1',  'e',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('cost-fx',      '1',  'i',      '2024-03-01 12:00+01', 'p', 10.00, 'USD', 'paid',      null,         null),
    ('cost-thirds',  '1',  'i',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('cost-thirds',  '2',  'i',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('cost-thirds',  '3',  'i',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('cost-return',  '1',  'i',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('cost-return',  'R1', 'i',      '2024-03-02 12:00+01', 'p', -10.0, null,  'returned',  null,         null),
    ('cost-tax',     '1',  'j',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('cost-tax',     'R1', 'j',      '2024-03-02 12:00+01', 'p', -13.9, null,  'returned',  null,         null),
    ('cost-more',    '1',  'k',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('cost-more',    'R1', 'k',      '2024-03-02 12:00+01', 'p', -20.0, null,  'returned',  null,         null),
    ('part-plain',   null, 'part',   '2024-03-01 12:00+01', 'rose', 10.00, null, 'paid',      null,         null),
    ('part-own',     null, 'part',   '2024-03-01 12:00+01', 'rose', 10.00, null, 'paid',      null,         null),
    ('part-bare',    null, 'part',   '2024-03-01 12:00+01', 'fern', 10.00, null, 'paid',      null,         null),
    ('part-foreign', null, 'part',   '2024-03-01 12:00+01', 'rose', 10.00, 'USD', 'paid',     null,         null),
    ('part-return',  null, 'part',   '2024-03-02 12:00+01', 'rose', -5.00, null, 'paid',      null,         null),
    ('cost-none',    '1',  'l',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null),
    ('cost-before',  'R1', 'l',      '2024-03-02 12:00+01', 'p', -20.0, null,  'returned',  null,         null),
    ('cost-never',   'R1', 'm',      '2024-03-02 12:00+01', 'p', -2.00, null,  'returned',  null,         null),
    ('cost-version', '1',  'i',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      '2024-03-01', null),
    ('cost-version', '1',  'i',      '2024-03-01 12:00+01', 'p', 8.00,  null,  'paid',      '2024-03-05', null),
    (null,           '1',  'a',      '2024-03-01 12:00+01', 'p', 10.00, null,  'paid',      null,         null)
) as rows (
    order_id, order_line_id, customer_id, ordered_at, product_id, amount, currency, status, updated_at, excluded_because
)

-- expect a line delivered twice counts once where order_id = 'twice'
select * from (values
    (10.00, 'accepted', null),
    (10.00, 'duplicate', 'delivered_twice')
) as rows (amount, disposition, reason)

-- expect the newer amount wins and the older one is superseded where order_id = 'corrected'
select * from (values
    (8.00, 'accepted', null),
    (10.00, 'superseded', 'superseded_line')
) as rows (amount, disposition, reason)

-- expect a cancellation after payment undoes the order where order_id = 'later-cancel'
select * from (values
    ('paid', 'duplicate', 'delivered_twice'),
    ('cancelled', 'excluded', 'not_revenue_status')
) as rows (status, disposition, reason)

-- expect without line ids equal lines are sales of their own where order_id = 'no-line-id'
select * from (values
    ('p', 'accepted'),
    ('q', 'accepted'),
    ('q', 'accepted')
) as rows (product_id, disposition)

-- expect without line ids a change cannot be told from another line where order_id = 'no-id-change'
select * from (values
    (7.00, 'accepted'),
    (10.00, 'accepted')
) as rows (amount, disposition)

-- expect an order number of another year or customer is another order where order_id in ('new-year', 'other-shop')
select * from (values
    ('new-year', 'a', 10.00, 'accepted'),
    ('new-year', 'a', 30.00, 'accepted'),
    ('other-shop', 'a', 10.00, 'accepted'),
    ('other-shop', 'g', 20.00, 'accepted')
) as rows (order_id, customer_id, amount, disposition)

-- expect cents are rounded once per order where order_id = 'thirds'
select * from (values
    ('1', 8.40, 8.403400),
    ('2', 8.41, 8.403400),
    ('3', 8.40, 8.403400)
) as rows (order_line_id, amount, source_amount)

-- expect a refund counts as far as something was bought where order_id in ('with-tax', 'other-money', 'sold-later') and amount < 0
select * from (values
    ('with-tax', -10.00, -10.000000, -3.900000),
    ('other-money', -10.00, -11.111111, -8.888889),
    ('sold-later', -4.00, -4.000000, 0.000000)
) as rows (order_id, amount, source_amount, refund_excess)

-- expect a return is a negative line at its own time where order_id = 'sent-back'
select * from (values
    ('2024-03-01', 10.00, false, 'accepted'),
    ('2024-03-20', -4.00, true, 'accepted')
) as rows (order_date, amount, is_return, disposition)

-- expect a refund nets against its order or else against what was bought before where order_id like 'refund-%' and amount < 0
select * from (values
    ('refund-order', -10.00, 'accepted'),
    ('refund-order', -10.10, 'quarantined'),
    ('refund-other', -10.00, 'accepted'),
    ('refund-more', -10.10, 'quarantined'),
    ('refund-early', -1.00, 'quarantined'),
    ('refund-never', -1.00, 'quarantined'),
    ('refund-guest', -1.00, 'accepted')
) as rows (order_id, amount, disposition)

-- expect a return whose money lost its sign is no revenue where order_id like 'sign-%'
select * from (values
    ('sign-broken', 4.00, 'quarantined', 'positive_return_amount'),
    ('sign-return', -4.00, 'accepted', null)
) as rows (order_id, amount, disposition, reason)

-- expect a return without line ids leaves the sale alone where order_id = 'no-id-return'
select * from (values
    ('2024-03-01', 10.00, false, 'accepted'),
    ('2024-03-20', -4.00, true, 'accepted')
) as rows (order_date, amount, is_return, disposition)

-- expect what each status means where order_id like 'status-%'
select * from (values
    ('status-weird', 'quarantined', 'unknown_order_status'),
    ('status-null', 'quarantined', 'unknown_order_status'),
    ('status-open', 'excluded', 'not_revenue_status')
) as rows (order_id, disposition, reason)

-- expect an excluded line names its rule where order_id = 'excluded'
select 'excluded' as disposition, 'excluded_by_rule' as reason, 'test order' as excluded_because

-- expect an unusable key is no company's rule where order_id = 'key-broken'
select 'quarantined' as disposition, 'key_with_nul' as reason

-- expect a guest's money counts where order_id = 'guest'
select null as customer_id, 10.00 as amount, 'accepted' as disposition

-- expect a merged customer's order is the survivor's where order_id = 'of-merged'
select 'survivor' as customer_id, 10.00 as amount, 'accepted' as disposition

-- expect foreign money at the rate of the order's day, and set aside without one where order_id like 'fx-%'
select * from (values
    ('fx-march', 9.00, 10.00, 'USD', 'accepted', null),
    ('fx-april', 8.00, 10.00, 'USD', 'accepted', null),
    ('fx-shop-day', 8.00, 10.00, 'USD', 'accepted', null),
    ('fx-no-day', null, 10.00, 'USD', 'quarantined', 'no_exchange_rate'),
    ('fx-no-rates', null, 10.00, 'GBP', 'quarantined', 'no_exchange_rate'),
    ('fx-own', 10.00, 10.00, 'EUR', 'accepted', null)
) as rows (order_id, amount, source_amount, source_currency, disposition, reason)

-- expect dates that cannot be where order_id like 'day-%'
select * from (values
    ('day-early', 'quarantined', 'early_ordered_at'),
    ('day-earliest', 'accepted', null),
    ('day-as-of', 'excluded', 'on_or_after_as_of'),
    ('day-tomorrow', 'excluded', 'on_or_after_as_of'),
    ('day-future', 'quarantined', 'future_ordered_at'),
    ('day-missing', 'quarantined', 'unreadable_ordered_at')
) as rows (order_id, disposition, reason)

-- expect the day is the one on the shop's wall where order_id like 'zone-%'
select * from (values
    ('zone-winter', '2024-03-30'),
    ('zone-summer', '2024-03-31'),
    ('zone-summer2', '2024-04-01'),
    ('zone-autumn', '2023-10-29'),
    ('zone-autumn2', '2023-10-29'),
    ('zone-leap', '2024-02-29'),
    ('zone-leap2', '2024-03-01')
) as rows (order_id, order_date)

-- expect no amount or no order number is no revenue where order_id = 'no-amount' or order_id is null
select * from (values
    ('no-amount', 'quarantined', 'unreadable_amount'),
    (null, 'quarantined', 'missing_order_id')
) as rows (order_id, disposition, reason)

-- expect an order without a customer is that of its address, and its refunds are netted as the customer's where order_id like 'mail-%'
select * from (values
    ('mail-account', 'survivor', true, 10.00, 'accepted'),
    ('mail-account', 'survivor', true, -12.00 + 2, 'accepted'),
    ('mail-nobody', 'address-nobody', true, 10.00, 'accepted'),
    ('mail-shared', null, false, 10.00, 'accepted'),
    ('mail-kept', 'e', false, 10.00, 'accepted')
) as rows (order_id, customer_id, is_by_email, amount, disposition)

-- expect discount, tax, shipping and cost in the reporting currency, of the version that counts where order_id in ('cost-fx', 'cost-version')
select * from (values
    ('cost-fx', 9.00, 0.90, 1.71, 2.25, 3.60, 'sub-1', 'accepted'),
    ('cost-version', 8.00, 2.00, 3.00, 4.00, 4.00, null, 'accepted'),
    ('cost-version', 10.00, null, null, null, null, null, 'superseded')
) as rows (order_id, amount, discount, tax, shipping, cost, subscription_id, disposition)

-- expect the cents of a cost are rounded once per order where order_id = 'cost-thirds'
select * from (values ('1', 8.40), ('2', 8.41), ('3', 8.40)) as rows (order_line_id, cost)

-- expect a cost has the sign of its amount, and a refund in part returns at most what the goods cost where order_id like 'cost-%' and amount < 0
select * from (values
    ('cost-return', -10.00, -6.00, 'accepted'),
    ('cost-tax', -10.00, -6.00, 'accepted'),
    ('cost-more', -10.00, -6.00, 'accepted'),
    ('cost-before', -10.00, -4.00, 'accepted'),
    ('cost-never', -2.00, null, 'quarantined')
) as rows (order_id, amount, cost, disposition)

-- expect a line without a cost has none where order_id = 'cost-none'
select 10.00 as amount, null::decimal(18, 2) as cost

-- expect a product gives its category, and its cost by unit, to lines that have none of their own where order_id like 'part-%'
select * from (values
    ('part-plain', 'garden', 10.00, 4.52),
    ('part-own', 'gifts', 10.00, 2.00),
    ('part-bare', null, 10.00, null),
    ('part-foreign', 'garden', 9.00, 4.52),
    ('part-return', 'garden', -5.00, -1.51)
) as rows (order_id, product_category, amount, cost)
