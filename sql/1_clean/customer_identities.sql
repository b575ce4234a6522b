-- One row per customer_id that stands for another one: the customer who survives the merges of the CRM, or whose e-mail address it is.
with customer_merges as (select * from clean.customer_merges),

email_identities as (select * from clean.email_identities where customer_id is not null)

select
    customer_merges.customer_id,
    coalesce(email_identities.customer_id, customer_merges.surviving_customer_id) as surviving_customer_id
from customer_merges
left join email_identities on customer_merges.surviving_customer_id = email_identities.email_hash
union all
select email_hash, customer_id
from email_identities
where customer_id <> email_hash and email_hash not in (select customer_id from customer_merges)
order by customer_id
