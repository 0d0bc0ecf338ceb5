"""Mappings that come with the project: a YAML file a layout of a platform, and no Python.

Each has a page in docs/sources/, and synthetic samples in ingestion_pipeline_tests/mappings/.

acx.yaml                   ACX, monthly royalties, three kinds of sale in one row
amazon_all_orders.yaml     Amazon Seller Central, Fulfillment > All orders
amazon_date_range.yaml     Amazon Seller Central, Payments > date range report
amazon_orders.yaml         Amazon Seller Central, Reports > Order reports > New orders
amazon_settlement.yaml     Amazon Seller Central, Payments > Settlement, flat file V2
apple_books.yaml           Apple Books, monthly financial report, a file a region
barnes_noble_press.yaml    Barnes & Noble Press, sales report
bigcommerce_orders.yaml    BigCommerce, Orders > Export (all fields, "Product Details" in one cell)
ebay_orders.yaml           eBay, Seller Hub > Orders > Download report, amounts with a point
ebay_orders_comma.yaml     eBay, as ebay_orders, amounts with a comma, in several languages
ebay_transactions.yaml     eBay, Seller Hub > Payments > Reports > Transaction report
etsy_order_items.yaml      Etsy, Shop Manager > Settings > Options > Download data > Order items
google_play.yaml           Google Play Books, earnings report and sales transaction report
ingramspark.yaml           IngramSpark / Lightning Source, compensation report of a month
kobo_plus.yaml             Kobo Plus, monthly report of the subscription (sheet Details)
kobo_writing_life.yaml     Kobo Writing Life, monthly sales report (sheet Details)
leanpub.yaml               Leanpub, individual purchases (JSON of the API)
magento_customers.yaml     Magento 2, System > Export > Customers Main File
magento_products.yaml      Magento 2, System > Export > Products
olist_customers.yaml       Olist public data set, olist_customers_dataset.csv
olist_order_items.yaml     Olist public data set, olist_order_items_dataset.csv
olist_orders.yaml          Olist public data set, olist_orders_dataset.csv
olist_products.yaml        Olist public data set, olist_products_dataset.csv
payhip.yaml                Payhip, sales
shopify_customers.yaml     Shopify, Customers > Export
shopify_orders.yaml        Shopify, Orders > Export ("Plain CSV file")
shopify_products.yaml      Shopify, Products > Export
square_items.yaml          Square, Transactions > Export > Items detail CSV
stripe_payments.yaml       Stripe, Payments > Export (unified payments)
uci_retail.yaml            UCI "Online Retail" and "Online Retail II"
woocommerce_orders.yaml    WooCommerce, plug-in "Advanced Order Export", a row a line of an order
woocommerce_products.yaml  WooCommerce, Products > Export
"""
