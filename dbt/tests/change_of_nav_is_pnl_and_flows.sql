-- The identity of the books holds in the mart too; a row here is an error.
select business_date, book, nav_change, total_pnl, flows
from {{ ref('daily_nav_pnl') }}
where status = 'ok' and abs(nav_change - total_pnl - flows) > 0.000002
