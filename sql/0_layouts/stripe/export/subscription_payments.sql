-- One row per payment of an invoice of a subscription, and one per refund of such a payment, net of the invoice's tax.
with invoices as (select * from invoices),

payments as (select * from payments),

paid as (
    select
        payments.id,
        nullif(invoices."Subscription", '') as subscription_id,
        coalesce(nullif(payments."Created date (UTC)", ''), payments."Created (UTC)") as created,
        nullif(payments."Refunded date (UTC)", '') as refunded_at,
        try_cast(payments."Amount" as decimal(18, 6)) as amount,
        coalesce(try_cast(payments."Amount Refunded" as decimal(18, 6)), 0) as refunded,
        case when try_cast(payments."Converted Amount" as decimal(18, 6)) is not null
            and try_cast(payments."Amount" as decimal(18, 6)) <> 0
            then try_cast(payments."Converted Amount" as decimal(18, 6)) / try_cast(payments."Amount" as decimal(18, 6))
            else 1 end as rate,
        case when try_cast(invoices."Total" as decimal(18, 6)) > 0
            then 1 - coalesce(try_cast(invoices."Tax" as decimal(18, 6)), 0) / try_cast(invoices."Total" as decimal(18, 6))
            else 1 end as net_share,
        upper(coalesce(nullif(payments."Converted Currency", ''), payments."Currency")) as currency,
        lower(trim(payments."Status")) as status
    from payments
    inner join invoices on payments."Invoice ID" = invoices.id or payments.id = invoices."Charge"
    where
        lower(payments."Status") in ('paid', 'succeeded', 'refunded', 'partially refunded', 'partial refund', 'disputed')
        and coalesce(lower(payments."Captured"), 'true') <> 'false'
        and coalesce(lower(payments."Mode"), 'live') <> 'test'
    qualify row_number() over (partition by payments.id order by payments.file_number desc, invoices.file_number desc) = 1
)

select
    id as payment_id,
    subscription_id,
    created || 'Z' as paid_at,
    round(amount * rate * net_share, 2)::decimal(18, 2) as amount,
    currency,
    status
from paid
where subscription_id is not null

union all

select
    'refund-' || id as payment_id,
    subscription_id,
    coalesce(refunded_at, created) || 'Z' as paid_at,
    -round(refunded * rate * net_share, 2)::decimal(18, 2) as amount,
    currency,
    status
from paid
where subscription_id is not null and refunded > 0
