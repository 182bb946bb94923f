-- The identity of the books holds in the mart too; a row here is an error. P&L that is missing altogether counts as none.
select business_date, book, nav_change, total_pnl, flows
from {{ ref('daily_nav_pnl') }}
where abs(nav_change - coalesce(total_pnl, 0) - flows) > 0.000002 or isnan(nav_change)
