-- One row per book and session: NAV, what moved it, and the return. total_pnl + flows = change of NAV.
with parts as (
    select
        business_date,
        book,
        sum(price_pnl) as price_pnl,
        sum(fx_pnl) as fx_pnl,
        sum(income) as income,
        sum(trading_pnl) as trading_pnl,
        sum(fees) as fees,
        sum(total) as total_pnl
    from {{ source('lake', 'pnl') }}
    group by business_date, book
)

select
    nav.business_date,
    nav.book,
    nav.base_currency,
    nav.nav,
    nav.nav - lag(nav.nav) over (partition by nav.book order by nav.business_date) as nav_change,
    nav.flows,
    parts.price_pnl,
    parts.fx_pnl,
    parts.income,
    parts.trading_pnl,
    parts.fees,
    parts.total_pnl,
    performance.daily_return,
    performance.benchmark_return,
    performance.cumulative_return,
    nav.status
from {{ source('lake', 'nav') }} as nav
left join parts using (business_date, book)
left join {{ source('lake', 'performance') }} as performance using (business_date, book)
