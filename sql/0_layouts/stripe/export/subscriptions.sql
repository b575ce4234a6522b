-- One row per subscription of the export of Stripe's dashboard, with its price of today: earlier prices are not in the export.
-- amount is Amount times Quantity, as the export writes it: tax and coupons that come on the invoice are not in it.
with subscriptions as (select * from subscriptions)

select
    id as subscription_id,
    "Customer ID" as customer_id,
    left(coalesce(nullif("Start Date (UTC)", ''), nullif("Start (UTC)", ''), "Created (UTC)"), 10) as valid_from,
    left(nullif("Ended At (UTC)", ''), 10) as valid_to,
    case when coalesce("Ended At (UTC)", '') = '' and coalesce("Canceled At (UTC)", '') = ''
        then left("Current Period End (UTC)", 10) end as renews_at,
    "Plan" as plan,
    (try_cast("Amount" as decimal(18, 6)) * coalesce(try_cast("Quantity" as decimal(18, 6)), 1))::decimal(18, 2) as amount,
    "Interval" as interval,
    nullif("Canceled At (UTC)", '') || 'Z' as cancelled_at,
    "Status" as status,
    upper("Currency") as currency
from subscriptions
qualify row_number() over (partition by id order by file_number desc) = 1
