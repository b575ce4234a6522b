-- One row per product and variation of WooCommerce; a variation is called by its own title. Cost is not in these tables.
with all_posts as (select * from posts)

select
    ID as product_id,
    post_title as name
from all_posts
where post_type in ('product', 'product_variation') and post_status <> 'auto-draft'
