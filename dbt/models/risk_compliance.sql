-- One row per book and session: value at risk at 99 %, one day, historical; limits and rules by status; findings.
with limits as (
    select
        business_date,
        book,
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

found as (
    select business_date, book, count(*) filter (where severity = 'blocking') as blocking_findings
    from {{ source('lake', 'findings') }}
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
    limits.highest_utilisation,
    coalesce(limits.limit_warnings, 0) as limit_warnings,
    coalesce(limits.limit_breaches, 0) as limit_breaches,
    coalesce(limits.limits_failed, 0) as limits_failed,
    coalesce(rules.rules, 0) as rules,
    coalesce(rules.rule_warnings, 0) as rule_warnings,
    coalesce(rules.rule_breaches, 0) as rule_breaches,
    coalesce(rules.rules_failed, 0) as rules_failed,
    coalesce(found.blocking_findings, 0) as blocking_findings
from {{ source('lake', 'var') }} as var
left join limits using (business_date, book)
left join rules using (business_date, book)
left join found using (business_date, book)
where var.method = 'historical' and var.confidence = 0.99 and var.horizon_days = 1
