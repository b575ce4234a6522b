create table s3_wc_orders (id integer, status varchar(20), currency varchar(10), type varchar(20), tax_amount decimal(26,8), total_amount decimal(26,8), customer_id integer, billing_email varchar(320), date_created_gmt datetime, date_updated_gmt datetime, parent_order_id integer, payment_method varchar(100));
insert into s3_wc_orders values
(11, 'wc-completed', 'EUR', 'shop_order', 21, 126, 5, 'five@w.example', '2024-01-31 23:30:00', '2024-03-01 00:00:00', 0, 'stripe'),
(12, 'wc-completed', 'EUR', 'shop_order_refund', 0, -24.20, null, null, '2024-02-15 23:30:00', '2024-02-15 23:30:00', 11, ''),
(13, 'wc-completed', 'EUR', 'shop_order_refund', -4.20, -24.20, null, null, '2024-03-01 10:00:00', '2024-03-01 10:00:00', 11, ''),
(14, 'wc-refunded', 'EUR', 'shop_order', 10.50, 65.50, 0, 'Five@w.example ', '2024-03-10 10:00:00', '2024-03-12 00:00:00', 0, 'paypal'),
(15, 'wc-completed', 'EUR', 'shop_order_refund', 0, -65.50, null, null, '2024-03-12 10:00:00', '2024-03-12 10:00:00', 14, ''),
(16, 'wc-processing', 'USD', 'shop_order', 0, 30, 0, 'guest@w.example', '2024-04-10 10:00:00', '2024-04-10 10:00:00', 0, 'stripe'),
(17, 'wc-cancelled', 'EUR', 'shop_order', 0, 30, 0, 'guest@w.example', '2024-04-11 10:00:00', '2024-04-11 10:00:00', 0, 'stripe'),
(18, 'wc-on-hold', 'EUR', 'shop_order', 0, 30, 0, 'guest@w.example', '2024-04-12 10:00:00', '2024-04-12 10:00:00', 0, 'bacs'),
(19, 'wc-completed', 'EUR', 'shop_order', 0, 30, 0, 'guest@w.example', '2024-04-13 10:00:00', null, 0, 'stripe');
create table s3_wc_order_product_lookup (order_item_id integer, order_id integer, product_id integer, variation_id integer, product_qty integer, product_net_revenue double, product_gross_revenue double, coupon_amount double, tax_amount double, shipping_amount double, shipping_tax_amount double);
insert into s3_wc_order_product_lookup values
(101, 11, 31, 32, 2, 80.00, 96.80, 10.00, 16.80, 4.20, 0),
(102, 11, 33, 0, 1, 20.00, 24.20, 0, 4.20, 0.80, 0),
(103, 13, 33, 0, -1, -20.00, -24.20, 0, -4.20, 0, 0),
(104, 14, 33, 0, 1, 50.00, 60.50, 0, 10.50, 5.00, 0),
(105, 16, 34, 0, 1, 30.00, 30.00, 0, 0, 0, 0),
(106, 17, 33, 0, 1, 30.00, 30.00, 0, 0, 0, 0),
(107, 18, 33, 0, 1, 30.00, 30.00, 0, 0, 0, 0),
(108, 19, 41, 0, 1, 30.00, 30.00, 0, 0, 0, 0),
(109, 19, 33, 0, 2, 0.00, 0.00, 0, 0, 0, 0),
(110, 19, 35, 0, 1, 0.00, 0.00, 0, 0, 0, 0);
create table s3_wc_customer_lookup (customer_id integer, user_id integer, username varchar(60), first_name varchar(255), last_name varchar(255), email varchar(100), date_last_active datetime, date_registered datetime, country char(2), state varchar(100));
insert into s3_wc_customer_lookup values
(901, 5, 'five', 'F', 'I', 'five@w.example', '2024-03-01 00:00:00', '2023-12-31 23:30:00', 'ES', 'M'),
(902, null, '', 'G', 'U', 'guest@w.example', '2024-03-01 00:00:00', null, 'ES', '');
create table s3_options (option_id integer, option_name varchar(191), option_value text, autoload varchar(20));
insert into s3_options values (1, 'timezone_string', 'Europe/Madrid', 'yes'), (2, 'woocommerce_currency', 'EUR', 'yes'), (3, 'gmt_offset', '', 'yes');
create table s3_posts (ID integer, post_title text, post_type varchar(20), post_status varchar(20), post_parent integer);
insert into s3_posts values (31, 'Lamp', 'product', 'publish', 0), (32, 'Lamp - Red', 'product_variation', 'publish', 31), (50, 'About us', 'page', 'publish', 0);
create table s30_wc_orders (id integer, status varchar(20), currency varchar(10), type varchar(20), tax_amount decimal(26,8), total_amount decimal(26,8), customer_id integer, billing_email varchar(320), date_created_gmt datetime, date_updated_gmt datetime, parent_order_id integer, payment_method varchar(100));
insert into s30_wc_orders values (11, 'wc-completed', 'EUR', 'shop_order', 0, 999, 5, 'five@w.example', '2024-01-31 23:30:00', '2024-03-01 00:00:00', 0, 'stripe');
create table s30_wc_order_product_lookup (order_item_id integer, order_id integer, product_id integer, variation_id integer, product_qty integer, product_net_revenue double, product_gross_revenue double, coupon_amount double, tax_amount double, shipping_amount double, shipping_tax_amount double);
insert into s30_wc_order_product_lookup values (101, 11, 31, 32, 2, 999.00, 999.00, 0, 0, 0, 0);
