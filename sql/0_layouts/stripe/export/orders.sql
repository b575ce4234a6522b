-- One row per payment, one per refund and one per lost dispute, of the exports of Stripe's dashboard.
-- What the exports do not have, and what was decided:
--   * A payment is an order of one line: Stripe does not know what was bought, postage included.
--   * Amounts are those of the balance (Converted Amount) where the export has them, else of the payment in its currency. Both are
--     whole units of the currency, not cents.
--   * Tax is in the amount. Where the invoices are there, the part that is tax is taken out of a payment, its refunds and disputes.
--     For payments without an invoice: DECIDE `included_tax_percent` below.
--   * A failed, canceled or not captured payment is no revenue, by its status. A refund is dated when it was made where the export
--     says so (refunds.csv, or Refunded date), else like the payment. A dispute counts when it was lost; one under way does not.
--   * A payment without Customer ID is a guest's, who is known by the e-mail (hashed on loading). Times are UTC.
with payments as (select * from payments),

invoices as (select * from invoices),

refunds as (select * from refunds),

-- an invoice names its payment, or the payment its invoice, by the version of the export
invoice_of as (
    select
        invoices.id as invoice_id,
        nullif("Charge", '') as charge,
        nullif("Subscription", '') as subscription_id,
        try_cast("Total" as decimal(18, 6)) as total,
        coalesce(try_cast("Tax" as decimal(18, 6)), 0) as tax
    from invoices
    qualify row_number() over (partition by invoices.id order by file_number desc) = 1
),

charges as (
    select
        id,
        coalesce(nullif("Created date (UTC)", ''), "Created (UTC)") as created,
        nullif("Refunded date (UTC)", '') as refunded_at,
        nullif("Dispute Date (UTC)", '') as disputed_at,
        lower("Dispute Status") as dispute_status,
        try_cast("Amount" as decimal(18, 6)) as amount,
        coalesce(try_cast("Amount Refunded" as decimal(18, 6)), 0) as refunded,
        coalesce(try_cast("Disputed Amount" as decimal(18, 6)), 0) as disputed,
        try_cast("Converted Amount" as decimal(18, 6)) as converted,
        upper(coalesce(nullif("Converted Currency", ''), "Currency")) as currency,
        case
            when lower("Captured") = 'false' and lower(trim("Status")) in ('paid', 'succeeded') then 'uncaptured'
            else lower(trim("Status"))
        end as status,
        nullif("Customer ID", '') as customer_id,
        nullif("Customer Email", '') as email,
        nullif("Invoice ID", '') as invoice_id,
        case when lower("Mode") = 'test' then 'test' else 'stripe' end as channel,
        -- DECIDE: the tax in payments without an invoice, such as 19 where all prices include 19 % tax
        0 as included_tax_percent
    from payments
    qualify row_number() over (partition by id order by file_number desc) = 1
),

invoiced as (
    select
        charges.*,
        invoice_of.subscription_id,
        case when converted is not null and amount <> 0 then converted / amount else 1 end as rate,
        case
            when invoice_of.total > 0 then (invoice_of.total - invoice_of.tax) / invoice_of.total
            else 100.0 / (100 + included_tax_percent)
        end as net_share
    from charges
    left join invoice_of on charges.invoice_id = invoice_of.invoice_id or charges.id = invoice_of.charge
    qualify row_number() over (partition by charges.id order by invoice_of.invoice_id) = 1
),

refund_rows as (
    select
        coalesce(nullif("Charge", ''), nullif("Charge ID", ''), "Payment ID") as charge,
        id as refund_id,
        coalesce(nullif("Created date (UTC)", ''), "Created (UTC)") as refunded_at,
        try_cast("Amount" as decimal(18, 6)) as refunded
    from refunds
    where lower("Status") not in ('failed', 'canceled')
    qualify row_number() over (partition by id order by file_number desc) = 1
),

back as (
    select
        invoiced.id as charge,
        'refund-' || refund_rows.refund_id as line,
        refund_rows.refunded_at as at,
        abs(refund_rows.refunded) as money
    from refund_rows
    inner join invoiced on refund_rows.charge = invoiced.id

    union all

    select id, 'refund', coalesce(refunded_at, created), refunded
    from invoiced
    where refunded > 0 and id not in (select charge from refund_rows where charge is not null)

    union all

    select id, 'dispute', coalesce(disputed_at, created), least(disputed, amount - refunded)
    from invoiced
    where dispute_status = 'lost' and disputed > 0 and amount > refunded
)

select
    id as order_id,
    'payment' as order_line_id,
    customer_id,
    email,
    created || 'Z' as ordered_at,
    round(amount * rate * net_share, 2)::decimal(18, 2) as amount,
    (round(amount * rate, 2) - round(amount * rate * net_share, 2))::decimal(18, 2) as tax,
    currency,
    status,
    channel,
    subscription_id
from invoiced

union all

select
    invoiced.id as order_id,
    back.line as order_line_id,
    invoiced.customer_id,
    invoiced.email,
    back.at || 'Z' as ordered_at,
    -round(back.money * invoiced.rate * invoiced.net_share, 2)::decimal(18, 2) as amount,
    -(round(back.money * invoiced.rate, 2) - round(back.money * invoiced.rate * invoiced.net_share, 2))::decimal(18, 2) as tax,
    invoiced.currency,
    invoiced.status,
    invoiced.channel,
    invoiced.subscription_id
from back
inner join invoiced on back.charge = invoiced.id
