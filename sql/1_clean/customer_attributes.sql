-- One row per attribute of customers (a column attribute_* of customers.sql): the feature it is, or why it is none.
-- A text of many values (an identifier, a free text) would let models learn single customers, as would a number that nearly every
-- customer has for himself; a constant tells nothing. What a pattern of denied_features names is audited, and never a feature.
with customers as (select * from clean.customers where has_crm_record and has_profiling_consent),

loads as (select * from raw.loads where table_name = 'customers'),

returned as (select unnest(columns_returned) as attribute from loads),

named as (select attribute, 'crm_' || attribute as feature from returned where starts_with(attribute, 'attribute_')),

given as (
    select named.attribute, named.feature, json_extract_string(customers.attributes, named.attribute) as value
    from customers
    cross join named
),

profiled as (
    select
        attribute,
        feature,
        count(*) as all_customers,
        count(value) as customers,
        count(distinct value) as distinct_values,
        -- a leading zero makes a code of a number
        count(value) = count(
            case
                when regexp_matches(value, '^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$') and not regexp_matches(value, '^0\d')
                    then 1
            end
        ) as is_number,
        count(case when not regexp_matches(value, '^[+-]?\d+$') then 1 end) = 0 as is_whole
    from given
    group by attribute, feature
),

denied as (select unnest($denied_features::varchar[]) as pattern)

select
    profiled.attribute,
    profiled.feature,
    case when profiled.is_number then 'number' else 'category' end as kind,
    profiled.customers,
    profiled.distinct_values,
    case
        when exists (
            select 1 from denied
            where profiled.feature glob denied.pattern
                or profiled.attribute glob denied.pattern
                or substr(profiled.attribute, 11) glob denied.pattern
        ) then 'denied'
        when profiled.customers = 0 then 'no_value'
        when profiled.distinct_values = 1 and profiled.customers = profiled.all_customers then 'constant'
        when not profiled.is_number and profiled.distinct_values > 50 then 'too_many_values'
        when not profiled.is_number and profiled.distinct_values > greatest(0.5 * profiled.customers, 5) then 'nearly_unique'
        when profiled.is_whole and profiled.distinct_values > greatest(0.9 * profiled.customers, 20) then 'nearly_unique'
    end as refused_because
from profiled
order by profiled.attribute
