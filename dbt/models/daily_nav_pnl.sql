-- One row per book and session: NAV, what moved it, and the return. total_pnl + flows = nav_change.
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
),

navs as (
    select
        *,
        -- A book's first NAV is all change. After a session without NAV there is nothing to compare with.
        nav - lag(nav, 1, 0.0) over by_book as nav_change,
        lag(status, 1, 'ok') over by_book as status_before
    from {{ source('lake', 'nav') }}
    window by_book as (partition by book order by business_date)
)

select
    navs.business_date,
    navs.book,
    navs.base_currency,
    navs.nav,
    case when navs.status = 'ok' and navs.status_before = 'ok' then navs.nav_change end as nav_change,
    navs.flows,
    parts.price_pnl,
    parts.fx_pnl,
    parts.income,
    parts.trading_pnl,
    parts.fees,
    parts.total_pnl,
    performance.daily_return,
    performance.benchmark_return,
    performance.active_return,
    performance.cumulative_return,
    navs.status
from navs
left join parts using (business_date, book)
left join {{ source('lake', 'performance') }} as performance using (business_date, book)
