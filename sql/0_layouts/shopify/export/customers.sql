-- One row per customer of Shopify's customers export: the e-mail address is the number by which orders know the customer.
-- Not in the export: when the customer was entered, what acquired them, consent to profiling (consent to e-mail is another thing).
-- Total Spent, Total Orders, Tags and marketing consent change with what is bought, so they are not taken as attributes.
with customers_export as (select * from customers_export)

select
    lower(trim("Email")) as customer_id,
    max("Email") as email,
    max(coalesce(nullif("Default Address Country Code", ''), nullif("Country Code", ''))) as country,
    max(coalesce(nullif("Default Address Province Code", ''), nullif("Province Code", ''))) as region,
    max(nullif("Tax Exempt", '')) as attribute_tax_exempt
from customers_export
where coalesce("Email", '') <> ''
group by lower(trim("Email"))
