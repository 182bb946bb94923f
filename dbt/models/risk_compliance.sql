-- One row per book and session: value at risk at 99 %, one day, historical; limits and rules by status; findings.
-- Limits, rules and findings are judged for the business date of an end of day alone: elsewhere their columns are empty,
-- which is not the same as none.
with judged as (
    select distinct business_date from {{ source('lake', 'exposures') }}
),

limits as (
    select
        business_date,
        book,
        count(*) as limits,
        max(utilisation) as highest_utilisation,
        count(*) filter (where status = 'warning') as limit_warnings,
        count(*) filter (where status = 'breach') as limit_breaches,
        count(*) filter (where status = 'failed') as limits_failed
    from {{ source('lake', 'limit_usage') }}
    group by business_date, book
),

rules as (
    select
        business_date,
        book,
        count(distinct rule) as rules,
        count(*) filter (where status = 'warning') as rule_warnings,
        count(*) filter (where status = 'breach') as rule_breaches,
        count(*) filter (where status = 'failed') as rules_failed
    from {{ source('lake', 'compliance_results') }}
    group by business_date, book
),

blocking as (
    select business_date, book, count(*) as findings
    from {{ source('lake', 'findings') }}
    where severity = 'blocking' and status = 'open'
    group by business_date, book
)

select
    var.business_date,
    var.book,
    var.var,
    var.es,
    var.nav_fraction as var_fraction,
    var.coverage,
    var.convention,
    judged.business_date is not null as is_judged,
    case when is_judged then coalesce(limits.limits, 0) end as limits,
    limits.highest_utilisation,
    case when is_judged then coalesce(limits.limit_warnings, 0) end as limit_warnings,
    case when is_judged then coalesce(limits.limit_breaches, 0) end as limit_breaches,
    case when is_judged then coalesce(limits.limits_failed, 0) end as limits_failed,
    case when is_judged then coalesce(rules.rules, 0) end as rules,
    case when is_judged then coalesce(rules.rule_warnings, 0) end as rule_warnings,
    case when is_judged then coalesce(rules.rule_breaches, 0) end as rule_breaches,
    case when is_judged then coalesce(rules.rules_failed, 0) end as rules_failed,
    -- What stands against the firm stands against each of its books.
    case when is_judged then coalesce(own.findings, 0) + coalesce(firm.findings, 0) end as blocking_findings
from {{ source('lake', 'var') }} as var
left join judged on judged.business_date = var.business_date
left join limits on limits.business_date = var.business_date and limits.book = var.book
left join rules on rules.business_date = var.business_date and rules.book = var.book
left join blocking as own on own.business_date = var.business_date and own.book = var.book
left join blocking as firm on firm.business_date = var.business_date and firm.book = ''
where var.method = 'historical' and var.confidence = 0.99 and var.horizon_days = 1
