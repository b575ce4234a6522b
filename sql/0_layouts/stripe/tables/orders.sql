-- One row per charge, one per refund and one per lost dispute, of Stripe's objects as tables.
-- What the tables do not have, and what was decided:
--   * A charge is an order of one line: Stripe does not know what was bought, postage included.
--   * Amounts are in the smallest unit of their currency, which is not a hundredth in all of them. Where the balance transactions
--     are there, money is in the currency of the balance, refunds and disputes at the rate of their charge.
--   * Tax is in the amount. Where the invoices are there, the part that is tax is taken out of a charge, its refunds and disputes.
--     For charges without an invoice: DECIDE `included_tax_percent` below.
--   * A failed or pending charge, and one that was not captured, is no revenue, by its status. A refund is dated when it was made;
--     a dispute counts when it was lost; one under way does not. What amount_refunded says beyond the refunds that are there is
--     dated like the charge.
--   * A charge without a customer is a guest's, who is known by the receipt's e-mail (hashed on loading). Times are UTC.
with all_charges as (select * from charges),

all_refunds as (select * from refunds),

all_disputes as (select * from disputes),

all_invoices as (select * from invoices),

all_balance_transactions as (select * from balance_transactions),

invoice_of as (
    select
        id as invoice_id,
        charge_id,
        subscription_id,
        cast(total as decimal(18, 2)) as total,
        coalesce(cast(tax as decimal(18, 2)), 0) as tax
    from all_invoices
),

sold as (
    select
        all_charges.id,
        cast(all_charges.created as varchar(40)) as created,
        cast(all_charges.amount as decimal(18, 6)) as minor,
        coalesce(cast(all_charges.amount_refunded as decimal(18, 6)), 0) as minor_refunded,
        lower(all_charges.currency) as currency,
        case
            when lower(cast(all_charges.captured as varchar(10))) in ('false', '0', 'f') and all_charges.status = 'succeeded'
                then 'uncaptured'
            else all_charges.status
        end as status,
        all_charges.customer_id,
        all_charges.receipt_email as email,
        case
            when lower(cast(all_charges.livemode as varchar(10))) in ('false', '0', 'f') then 'test' else 'stripe'
        end as channel,
        coalesce(by_invoice.subscription_id, by_charge.subscription_id) as subscription_id,
        coalesce(by_invoice.total, by_charge.total) as total,
        coalesce(by_invoice.tax, by_charge.tax) as tax,
        cast(all_balance_transactions.amount as decimal(18, 6)) as settled_minor,
        lower(all_balance_transactions.currency) as settled_currency,
        -- DECIDE: the tax in charges without an invoice, such as 19 where all prices include 19 % tax
        0 as included_tax_percent
    from all_charges
    left join invoice_of as by_invoice on all_charges.invoice_id = by_invoice.invoice_id
    left join invoice_of as by_charge on all_charges.id = by_charge.charge_id and all_charges.invoice_id is null
    left join all_balance_transactions on all_charges.balance_transaction_id = all_balance_transactions.id
),

units as (
    select
        sold.*,
        case
            -- currencies without a smaller unit, and those with a thousandth; all others have cents. ISK and UGX come in hundredths
            when lower(currency) in (
                'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
            ) then 1
            when lower(currency) in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 1000
            else 100
        end as unit,
        case
            -- currencies without a smaller unit, and those with a thousandth; all others have cents. ISK and UGX come in hundredths
            when lower(settled_currency) in (
                'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
            ) then 1
            when lower(settled_currency) in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 1000
            else 100
        end as settled_unit
    from sold
),

priced as (
    select
        units.*,
        coalesce(settled_currency, currency) as paid_in,
        -- one smallest unit of the charge in whole units of the currency that is counted in
        case
            when settled_minor is not null and minor <> 0 then settled_minor / settled_unit / minor
            else 1.0 / unit
        end as worth,
        case
            when total > 0 then (total - tax) / total
            else 100.0 / (100 + included_tax_percent)
        end as net_share
    from units
),

refunded as (
    select charge_id, sum(cast(amount as decimal(18, 6))) as minor
    from all_refunds
    where status in ('succeeded', 'pending', 'requires_action')
    group by charge_id
),

back as (
    select
        charge_id,
        'refund-' || id as line,
        cast(created as varchar(40)) as created,
        cast(amount as decimal(18, 6)) as minor
    from all_refunds
    where status in ('succeeded', 'pending', 'requires_action')

    union all

    select
        priced.id as charge_id,
        'refund' as line,
        priced.created,
        priced.minor_refunded - coalesce(refunded.minor, 0) as minor
    from priced
    left join refunded on priced.id = refunded.charge_id
    where priced.minor_refunded > coalesce(refunded.minor, 0)

    union all

    select
        charge_id,
        'dispute-' || id as line,
        cast(created as varchar(40)) as created,
        cast(amount as decimal(18, 6)) as minor
    from all_disputes
    where status = 'lost'
)

select
    id as order_id,
    'charge' as order_line_id,
    customer_id,
    email,
    case when created like '%+%' or created like '%Z' or created like '%UTC' then created else created || 'Z' end as ordered_at,
    cast(minor * worth * net_share as decimal(18, 6)) as amount,
    cast(minor * worth as decimal(18, 6)) - cast(minor * worth * net_share as decimal(18, 6)) as tax,
    upper(paid_in) as currency,
    status,
    channel,
    subscription_id
from priced

union all

select
    priced.id as order_id,
    back.line as order_line_id,
    priced.customer_id,
    priced.email,
    case
        when back.created like '%+%' or back.created like '%Z' or back.created like '%UTC' then back.created
        else back.created || 'Z'
    end as ordered_at,
    -cast(back.minor * priced.worth * priced.net_share as decimal(18, 6)) as amount,
    cast(back.minor * priced.worth * priced.net_share as decimal(18, 6))
    - cast(back.minor * priced.worth as decimal(18, 6)) as tax,
    upper(priced.paid_in) as currency,
    priced.status,
    priced.channel,
    priced.subscription_id
from back
inner join priced on back.charge_id = priced.id
