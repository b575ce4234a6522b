-- One row per (status, improvement, subject): what would improve this company's forecasts and figures, the most valuable first,
-- with what it is worth where that was measured here; and what the sources in use are worth. It is no promise: what nobody
-- measured here has no worth, and no figure comes from another company.
with loads as (select * from raw.loads),

orders as (select * from clean.orders),

customers as (select * from clean.customers),

dispositions as (select * from clean.dispositions),

night as (select * from quality.night),

source_ablation as (select * from training.source_ablation),

tonight_totals as (select * from scores.tonight_totals),

customer_day as (select * from features.customer_day),

run as (select * from scores.run),

company_margin as (select * from features.company_margin),

last_year as (
    select
        sum(orders.amount) as spend,
        sum(orders.amount) filter (where orders.customer_id is null) as guest_spend,
        sum(orders.amount) filter (where not coalesce(customers.has_profiling_consent, true)) as refused_spend,
        count(*) filter (where orders.product_category is not null) as with_category,
        count(*) as order_lines
    from orders
    cross join run
    left join customers on orders.customer_id = customers.customer_id
    where orders.order_date >= run.as_of - 365 and orders.order_date < run.as_of
),

history as (
    select
        date_diff('day', min(customer_day.order_date), any_value(run.as_of)) as days,
        count(distinct case when customer_day.is_purchase_day then customer_day.customer_id end) as buyers
    from customer_day
    cross join run
    where customer_day.order_date < run.as_of
),

money_of_orders as (
    select
        sum(source_money) as every_order,
        sum(abs(source_money)) filter (where disposition = 'quarantined') as quarantined,
        coalesce(sum(row_count) filter (where disposition = 'quarantined'), 0) as rows_quarantined
    from dispositions
    where table_name = 'orders'
),

not_connected (subject, what, wanted) as (
    select 'web_sessions', 'visits to the site', 'whether a customer still looks, before the next order'
    union all
    select 'survey_responses', 'answers to surveys', 'satisfaction, before customers leave'
    union all
    select 'social_interactions', 'contacts in social media', 'complaints and praise'
    union all
    select 'campaign_touches', 'contacts by campaigns', 'which orders followed a contact'
    union all
    select 'marketing_spend', 'marketing spend by channel and day', 'what a new customer costs (CAC) and when it is paid back'
    union all
    select 'customers', 'the CRM', 'countries, acquisition channels, merged accounts and consent'
),

family_names (left_out, subject) as (
    select 'web', 'web_sessions'
    union all
    select 'survey', 'survey_responses'
    union all
    select 'social', 'social_interactions'
    union all
    select 'campaign', 'campaign_touches'
    union all
    select 'crm', 'customers'
    union all
    select 'all_but_purchases', 'every source but orders'
),

found as (
    select
        'to_do' as status,
        'guest_orders' as improvement,
        'orders' as subject,
        'Orders without a customer: nobody''s history, so they are in no score and no total.' as statement,
        'share of the net sales of the last 365 days' as measure,
        (guest_spend / spend)::double as worth,
        null::double as worth_low,
        null::double as worth_high,
        guest_spend as money,
        'Return email in orders.sql (it is hashed): guests of one address are one customer, and join the account that has it.'
            as next_step,
        10 as unmeasured_place
    from last_year
    where guest_spend > 0 and spend > 0
    union all
    select
        'to_do', 'quarantined_orders', 'orders',
        rows_quarantined || ' order lines cannot be used and count nowhere; data_quality has the reasons.',
        'share of the money of all order lines at the source, in source currencies; null where their amount cannot be read',
        (quarantined / nullif(every_order, 0))::double, null, null, null,
        'Fix the values at the source or in orders.sql; the quarantine lists the rows.', 20
    from money_of_orders
    where rows_quarantined > 0
    union all
    select
        'to_do', 'unclear_consent', 'customers',
        unclear.value::bigint || ' customers are not profiled because their consent is empty, unreadable or contradictory.',
        null, null, null, null, null,
        'Return true or false as profiling_consent for each customer in customers.sql.', 30
    from night as unclear
    where unclear.measure = 'figure' and unclear.subject = 'unclear consent' and unclear.value > 0
    union all
    select
        'to_do', 'refused_consent', 'customers',
        'Customers who may not be profiled are in no score; only asking them again changes that.',
        'share of the net sales of the last 365 days', (refused_spend / spend)::double, null, null, refused_spend,
        'Nothing, unless the customers were never asked: then ask them.', 35
    from last_year
    where refused_spend > 0 and spend > 0
    union all
    select
        'to_do', 'stale_orders', 'orders',
        'The newest order is ' || newest.value::bigint || ' days older than as_of: what came since is not in any prediction.',
        null, null, null, null, null, 'Find out why the source returns no newer orders (check freshness).', 1
    from night as stale
    cross join night as newest
    where stale.measure = 'is_stale' and newest.measure = 'days_since_newest_order'
    union all
    select
        'to_do', 'more_history', 'orders',
        'No season is known after ' || history.days || ' days of orders: the total''s 90 % interval reaches from '
        || round(100 * run.predicted_total_low / totals.predicted_spend)::integer || ' to '
        || round(100 * run.predicted_total_high / totals.predicted_spend)::integer || ' % of it.',
        null, null, null, null, null,
        'Load older orders if there are any (settings earliest_date, and the SELECT); else wait for about 17 months of orders.', 2
    from run
    cross join history
    inner join tonight_totals as totals on run.primary_horizon_days = totals.horizon_days
    where
        run.season_factor is null and run.basis in ('learned', 'extended', 'prior') and run.primary_horizon_days <= 364
        and totals.predicted_spend > 0 and run.predicted_total_low is not null and history.days < 600
    union all
    select
        'to_do', 'too_few_buyers', 'orders',
        history.buyers || ' customers have bought; models of this company need ' || $min_buyers || ' (setting min_buyers). '
        || 'Until then the purchase models predict with what is known of other companies.',
        null, null, null, null, null, 'Load older orders, or wait.', 3
    from history
    where history.buyers < $min_buyers
    union all
    select
        'to_do', 'longer_windows', horizon_days || ' days',
        'The predictions of ' || horizon_days || ' days are carried on from shorter windows: no window as long is over.',
        null, null, null, null, null, 'Load older orders, or wait.', 4
    from tonight_totals
    where basis = 'extended'
    union all
    select
        'to_do', 'nothing_to_rank', 'orders',
        'No model orders the customers better than chance on past windows: orders alone do not tell them apart.',
        null, null, null, null, null, 'Connect a source that says more about customers (web, surveys, CRM).', 5
    from run
    where ranking = 'not rankable'
    union all
    select
        'to_do', 'gross_margin', 'source.toml',
        case
            when company_margin.margin_source = 'cost'
                then 'Lines with ' || round(100 * (1 - company_margin.covered_share))::integer
                    || ' % of the money have no cost, and no gross margin is set: every margin that they are part of is empty.'
            else 'No gross margin is set: every column of margin, lifetime margin, payback and LTV to CAC is empty.'
        end,
        null, null, null, null, null,
        'Set gross_margin in source.toml to the share of spend that is margin, such as 0.45, or return cost for each line in orders.sql.',
        6
    from run
    left join company_margin on true
    where not coalesce(company_margin.is_complete, $gross_margin is not null)
    union all
    select
        'to_do', 'product_category', 'orders',
        'No order line has a category: what customers buy next can only be said by product.',
        null, null, null, null, null, 'Return product_category in orders.sql.', 15
    from last_year
    where with_category = 0 and order_lines > 0
    union all
    select
        'to_do', 'connect_source', not_connected.subject,
        'Not connected: ' || not_connected.what || '. It would tell ' || not_connected.wanted || '.',
        null, null, null, null, null,
        'Add ' || not_connected.subject || '.sql to the source folder; after the next training source_ablation says what it is worth.',
        case not_connected.subject when 'customers' then 7 when 'web_sessions' then 8 when 'marketing_spend' then 9 else 12 end
    from not_connected
    inner join loads on not_connected.subject = loads.table_name
    where not loads.is_provided
    union all
    select
        'in_use', 'connected_source', family_names.subject,
        case
            when source_ablation.low > 0 then 'In use, and the order of the customers is better with it.'
            when source_ablation.high < 0 then 'In use, and the order of the customers is worse with it: consider to leave it out.'
            else 'In use, without a clear effect on the order of the customers.'
        end,
        'normalised Gini of the spend on the test window, with it minus without it, 90 % interval',
        source_ablation.difference, source_ablation.low, source_ablation.high, null,
        case
            when source_ablation.high < 0 then 'Deny its features (setting denied_features), and compare after the next training.'
            else 'Keep it; source_ablation has other measures.'
        end, 50
    from source_ablation
    inner join family_names on source_ablation.left_out = family_names.left_out
    where source_ablation.metric = 'normalised_gini' and isfinite(source_ablation.difference)
)

select
    (row_number() over (
        order by found.status = 'in_use', found.worth is null, found.worth desc, found.unmeasured_place, found.improvement, found.subject
    ))::integer as priority,
    found.status,
    found.improvement,
    found.subject,
    found.statement,
    found.worth is not null as is_measured,
    found.measure,
    found.worth::decimal(18, 6) as worth,
    found.worth_low::decimal(18, 6) as worth_low,
    found.worth_high::decimal(18, 6) as worth_high,
    found.money::decimal(18, 2) as money_at_stake,
    case when found.money is not null then run.currency end as currency,
    found.next_step,
    run.as_of as as_of_date
from found
cross join run
order by priority
