-- Reasons: the average and a customer's effects add up to the predicted spend; what is left is unexplained; a prospect has one fact.

-- given scores.run
select 70.00::decimal(18, 2) as average_spend, 'EUR' as currency

-- given scores.customer_scores
select customer_id, spend::decimal(18, 2) as primary_spend from (values
    ('big', 1500.00), ('exact', 60.00), ('prospect', 3.10)
) as rows (customer_id, spend)

-- given scores.customer_reasons
select * from (values
    ('big', 1, 'recency', 1400.25, 'last purchase 1 day ago'),
    ('big', 6, 'other', -0.25, 'the other drivers together'),
    ('exact', 1, 'returns', -10.00, 'returned 12.00 EUR so far')
) as rows (customer_id, rank, driver, effect, fact)

-- expect effects that add up
select * from (values
    ('big', 1, 'recency', 1400.25, 'last purchase 1 day ago', 'last purchase 1 day ago: +1,400.25 EUR'),
    ('big', 6, 'other', -0.25, 'the other drivers together', 'the other drivers together: -0.25 EUR'),
    ('big', 7, 'unexplained', 30.00, 'what these drivers do not explain', 'what these drivers do not explain: +30.00 EUR'),
    ('exact', 1, 'returns', -10.00, 'returned 12.00 EUR so far', 'returned 12.00 EUR so far: -10.00 EUR'),
    ('exact', 7, 'unexplained', 0.00, 'what these drivers do not explain', 'what these drivers do not explain: +0.00 EUR'),
    ('prospect', 1, 'frequency', -66.90, 'no purchase yet', 'no purchase yet: -66.90 EUR')
) as rows (customer_id, rank, driver, effect, fact, text)
