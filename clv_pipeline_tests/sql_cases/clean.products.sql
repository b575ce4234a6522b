-- Products: the newest record of each, its unit cost in the reporting currency; contradictions are refused.

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.exchange_rates
select 'USD' as currency, '2024-05-31' as valid_date, 0.9 as rate

-- given raw.products
select *, case product_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    -- product, name, category, cost, currency, updated at, excluded because, row hash
    ('plain', 'Rose', 'garden', 2.50, null, null, null, null),
    ('bare', null, null, null, 'GBP', null, null, null),
    ('foreign', 'Tulip', 'garden', 1.0001, 'usd', null, null, null),
    ('no-rate', 'Lily', 'garden', 1.00, 'GBP', null, null, null),
    ('changed', 'Old name', 'garden', 1.00, null, '2024-01-01', null, '1'),
    ('changed', 'New name', 'garden', 1.20, null, '2024-02-01', null, '2'),
    ('changed', 'Undated name', 'garden', 1.10, null, null, null, '3'),
    ('twice', 'Fern', 'garden', 1.00, null, null, null, 'same'),
    ('twice', 'Fern', 'garden', 1.00, null, null, null, 'same'),
    ('contradictory', 'Moss', 'garden', 1.00, null, null, null, '1'),
    ('contradictory', 'Moss', 'garden', 1.10, null, null, null, '2'),
    ('since settled', 'Oak', 'garden', 1.00, null, '2024-01-01', null, '1'),
    ('since settled', 'Elm', 'garden', 1.00, null, '2024-01-01', null, '2'),
    ('since settled', 'Ash', 'garden', 1.00, null, '2024-03-01', null, '3'),
    ('namesake', 'Rose', 'gifts', 9.00, null, null, null, null),
    ('negative', 'Ivy', 'garden', -1.00, null, null, null, null),
    ('sample', 'Try me', 'samples', 0.00, null, null, 'no product', null),
    ('broken', 'Bad', 'garden', 1.00, null, null, 'no product', null),
    (null, 'Nobody', 'garden', 1.00, null, null, null, null)
) as rows (product_id, name, category, cost, currency, updated_at, excluded_because, row_hash)

-- expect names, categories and costs in the reporting currency where disposition = 'accepted' and product_id not in ('changed', 'twice')
select * from (values
    ('namesake', 'Rose', 'gifts', 9.000000, 'EUR'),
    ('plain', 'Rose', 'garden', 2.500000, 'EUR'),
    ('bare', null, null, null, 'EUR'),
    ('foreign', 'Tulip', 'garden', 0.900090, 'EUR'),
    ('since settled', 'Ash', 'garden', 1.000000, 'EUR')
) as rows (product_id, name, category, cost, currency)

-- expect two products of one name are told apart by their numbers where product_id in ('namesake', 'plain', 'foreign', 'bare')
select * from (values
    ('namesake', 'Rose (namesake)'), ('plain', 'Rose (plain)'), ('foreign', 'Tulip'), ('bare', null)
) as rows (product_id, label)

-- expect the newest record counts, and an equal one once where product_id in ('changed', 'twice', 'since settled')
select * from (values
    ('changed', 'New name', 'accepted', null),
    ('changed', 'Old name', 'superseded', 'superseded_product'),
    ('changed', 'Undated name', 'superseded', 'superseded_product'),
    ('twice', 'Fern', 'accepted', null),
    ('twice', 'Fern', 'duplicate', 'delivered_twice'),
    ('since settled', 'Ash', 'accepted', null),
    ('since settled', 'Elm', 'superseded', 'superseded_product'),
    ('since settled', 'Oak', 'superseded', 'superseded_product')
) as rows (product_id, name, disposition, reason)

-- expect what cannot be a product where disposition in ('quarantined', 'excluded')
select * from (values
    ('contradictory', 'quarantined', 'contradictory_product'),
    ('contradictory', 'quarantined', 'contradictory_product'),
    ('negative', 'quarantined', 'negative_cost'),
    ('no-rate', 'quarantined', 'no_exchange_rate_for_cost'),
    ('sample', 'excluded', 'excluded_by_rule'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_product_id')
) as rows (product_id, disposition, reason)
