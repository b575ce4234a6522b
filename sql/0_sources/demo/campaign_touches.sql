-- One row per mailing and recipient; a later click changes the row.
select
    cast(r.recipient_id as text) as touch_id,
    r.customer_no as customer_id,
    r.sent_ts as touched_at,
    m.title as campaign,
    case m.medium_code
        when 'E' then 'e-mail'
        when 'P' then 'post'
        else m.medium_code
    end as channel,
    round(m.unit_cost_cents / 100.0, 2) as cost,
    r.has_clicked = 'Y' as responded
from mailing_recipient as r
inner join mailing as m on m.mailing_id = r.mailing_id
where r.changed_ts >= :since
